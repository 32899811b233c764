/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The readings of one device that are in memory: a ring in row order. Its first part is in flight,
 * the rest waits. A row that was settled (acked or dead) out of order leaves a hole, which goes
 * when all before it have gone.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/reading.h"

struct owed_slot {
	uint64_t row;
	struct reading *reading; /* NULL: a hole */
};

/* All-zero is an empty queue. Counts named 'live' leave holes out. */
struct owed_queue {
	struct owed_slot *slot;
	size_t capacity; /* a power of two, or 0 */
	size_t head;	 /* index of the first slot */
	size_t count;	 /* slots in use */
	size_t flying;	 /* of them, from the head: not waiting */
	size_t live;
	size_t live_flying;
	uint64_t settled_row; /* the highest row that was ever settled here */
};

void owed_queue_clear(struct owed_queue *queue); /* drops the references and the memory */
/* Takes the reference over on success. -ENOMEM. Its row must be higher than all others. */
int owed_queue_append(struct owed_queue *queue, struct reading *reading);
/* The oldest one that waits: it flies from now on. NULL when none waits. */
struct reading *owed_queue_fly(struct owed_queue *queue);
/* Takes a row out; the reference goes to the caller. NULL when it is not there, or when it has to
 * be in flight and is not. */
struct reading *owed_queue_settle(struct owed_queue *queue, uint64_t row, bool flying_only);
/* All that flies waits again. */
void owed_queue_return(struct owed_queue *queue);
/* This row and all that flies behind it wait again. False when it does not fly. */
bool owed_queue_return_from(struct owed_queue *queue, uint64_t row);
/* Takes the newest out if it waits and no row behind it was ever settled. NULL otherwise. */
struct reading *owed_queue_pop_newest(struct owed_queue *queue);
/* The oldest and newest reading in memory, or NULL. */
struct reading *owed_queue_oldest(const struct owed_queue *queue);
struct reading *owed_queue_newest(const struct owed_queue *queue);

static inline size_t owed_queue_waiting(const struct owed_queue *queue)
{
	return queue->live - queue->live_flying;
}
