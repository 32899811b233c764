/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every operation is O(1) while acks come in order; one that comes out of order costs a bisection.
 * Both ends of the ring are always live or the ring is empty (queue_trim), so holes stand only
 * between live slots and the oldest and newest reading are at hand.
 */

#include "core/owed-queue.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"

#define CAPACITY_FIRST 4
#define CAPACITY_KEPT  16 /* an empty ring up to this size is kept: most devices need no more */

static struct owed_slot *slot_at(const struct owed_queue *queue, size_t index)
{
	return &queue->slot[(queue->head + index) & (queue->capacity - 1)];
}

void owed_queue_clear(struct owed_queue *queue)
{
	for (size_t i = 0; i < queue->count; i++)
		reading_unref(slot_at(queue, i)->reading);
	free(queue->slot);
	*queue = (struct owed_queue){.settled_row = queue->settled_row};
}

/* Takes the holes at both ends away. */
static void queue_trim(struct owed_queue *queue)
{
	while (queue->count > 0 && !slot_at(queue, 0)->reading) {
		queue->head = (queue->head + 1) & (queue->capacity - 1);
		queue->count--;
		if (queue->flying > 0)
			queue->flying--;
	}
	while (queue->count > 0 && !slot_at(queue, queue->count - 1)->reading)
		queue->count--;
	if (queue->flying > queue->count)
		queue->flying = queue->count;
	if (queue->count == 0 && queue->capacity > CAPACITY_KEPT)
		owed_queue_clear(queue);
}

static int queue_grow(struct owed_queue *queue)
{
	size_t capacity = queue->capacity ? queue->capacity * 2 : CAPACITY_FIRST;
	struct owed_slot *slot = reallocarray(NULL, capacity, sizeof(*slot));

	if (!slot)
		return -ENOMEM;
	for (size_t i = 0; i < queue->count; i++)
		slot[i] = *slot_at(queue, i);
	free(queue->slot);
	queue->slot = slot;
	queue->capacity = capacity;
	queue->head = 0;
	return 0;
}

int owed_queue_append(struct owed_queue *queue, struct reading *reading)
{
	int r;

	if (queue->count == queue->capacity) {
		r = queue_grow(queue);
		if (r < 0)
			return r;
	}
	queue->count++;
	*slot_at(queue, queue->count - 1) = (struct owed_slot){reading->row, reading};
	queue->live++;
	return 0;
}

struct reading *owed_queue_fly(struct owed_queue *queue)
{
	while (queue->flying < queue->count) {
		struct owed_slot *slot = slot_at(queue, queue->flying++);

		if (slot->reading) {
			queue->live_flying++;
			return slot->reading;
		}
	}
	return NULL;
}

/* Index of the row, or count when it is not there. */
static size_t slot_find(const struct owed_queue *queue, uint64_t row)
{
	size_t low = 0, high = queue->count;

	if (high > 0 && slot_at(queue, 0)->row == row)
		return 0;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (slot_at(queue, middle)->row < row)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < queue->count && slot_at(queue, low)->row == row)
		return low;
	return queue->count;
}

struct reading *owed_queue_settle(struct owed_queue *queue, uint64_t row, bool flying_only)
{
	size_t index = slot_find(queue, row);
	struct reading *reading;

	if (index >= (flying_only ? queue->flying : queue->count))
		return NULL;
	reading = STEAL(slot_at(queue, index)->reading);
	if (!reading)
		return NULL; /* settled before */
	queue->live--;
	if (index < queue->flying)
		queue->live_flying--;
	if (row > queue->settled_row)
		queue->settled_row = row;
	queue_trim(queue);
	return reading;
}

void owed_queue_return(struct owed_queue *queue)
{
	queue->flying = 0;
	queue->live_flying = 0;
}

bool owed_queue_return_from(struct owed_queue *queue, uint64_t row)
{
	size_t index = slot_find(queue, row);

	if (index >= queue->flying || !slot_at(queue, index)->reading)
		return false;
	for (size_t i = index; i < queue->flying; i++)
		queue->live_flying -= slot_at(queue, i)->reading != NULL;
	queue->flying = index;
	return true;
}

struct reading *owed_queue_pop_newest(struct owed_queue *queue)
{
	struct owed_slot *slot;
	struct reading *reading;

	if (queue->count == queue->flying)
		return NULL;
	slot = slot_at(queue, queue->count - 1);
	if (slot->row < queue->settled_row)
		return NULL;
	reading = STEAL(slot->reading);
	queue->live--;
	queue_trim(queue);
	return reading;
}

struct reading *owed_queue_oldest(const struct owed_queue *queue)
{
	return queue->count > 0 ? slot_at(queue, 0)->reading : NULL;
}

struct reading *owed_queue_newest(const struct owed_queue *queue)
{
	return queue->count > 0 ? slot_at(queue, queue->count - 1)->reading : NULL;
}
