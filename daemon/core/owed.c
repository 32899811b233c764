/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a row: owed_take_row() numbers it and counts its bytes; owed_committed() brings it
 * into the device's queue, or leaves it on file; owed_next() lets it fly; owed_acked() ends it and
 * collects it for deletion. What memory holds and why is told in owed-state.c.
 *
 * Devices that are open and have something waiting stand in a circle; owed_next() takes one reading
 * of the first and sends it to the end, so no device waits for the back-log of another. One whose
 * way out is shut for a while, and that may not be closed, steps out of the circle (set aside), so
 * that nobody comes by it again and again; those are let in again in the order they left.
 *
 * A device that is dropped may have rows on their way to the file. They are void: counted as
 * dropped at once, and their commit, which comes later, changes nothing any more.
 */

#include "core/owed.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "core/owed-state.h"

int owed_new(const struct owed_limits *limits, uint64_t epoch, uint64_t next_row, struct owed **ret)
{
	struct owed *owed = calloc(1, sizeof(*owed));

	if (!owed)
		return -ENOMEM;
	owed->limits = *limits;
	owed->epoch = epoch;
	owed->next_row = next_row > 0 ? next_row : 1; /* 0 means none */
	*ret = owed;
	return 0;
}

struct owed *owed_free(struct owed *owed)
{
	if (!owed)
		return NULL;
	for (size_t i = 0; i < owed->buckets; i++)
		while (owed->bucket[i]) {
			struct owed_device *device = owed->bucket[i];

			owed->bucket[i] = device->next;
			owed_device_free(device);
		}
	row_ranges_clear(&owed->deletes);
	free(owed->bucket);
	free(owed);
	return NULL;
}

void owed_set_limits(struct owed *owed, const struct owed_limits *limits)
{
	owed->limits = *limits;
}

static uint64_t free_bytes(const struct owed *owed)
{
	uint64_t max = owed->limits.outbox_bytes;

	return owed->sums.bytes < max ? max - owed->sums.bytes : 0;
}

/*
 * The more is taken, the less one may have: with a share of 4 a chatty device stops at four fifths
 * of the outbox, two of them at four ninths each, and there is always something left for those
 * that have little. Nobody has to be known beforehand for that, and nothing that was acknowledged
 * has to go.
 */
uint64_t owed_share(const struct owed *owed)
{
	const struct owed_limits *limits = &owed->limits;
	uint64_t left = free_bytes(owed), share = UINT64_MAX;

	if (limits->device_share > 0 && left < UINT64_MAX / limits->device_share)
		share = left * limits->device_share;
	return limits->device_bytes > 0 && limits->device_bytes < share ? limits->device_bytes
									: share;
}

static enum owed_verdict row_fits(const struct owed *owed, uint64_t device_row, size_t size)
{
	uint64_t share = owed_share(owed);

	if (owed->sums.bytes > owed->limits.outbox_bytes || size > free_bytes(owed))
		return OWED_FULL;
	return size > share || owed_device_bytes(owed, device_row) > share - size ? OWED_SHARE
										  : OWED_ROOM;
}

enum owed_verdict owed_take_row(
	struct owed *owed, uint64_t device_row, size_t size, uint64_t *ret_row)
{
	enum owed_verdict verdict = row_fits(owed, device_row, size);
	struct owed_device *device = NULL;

	if (verdict == OWED_ROOM) {
		device = owed_device_obtain(owed, device_row);
		verdict = device ? OWED_ROOM : OWED_FULL;
	}
	if (!device) {
		owed->sums.refused++;
		return verdict;
	}
	if (device->pending++ == 0)
		device->pending_first = owed->next_row;
	device->taken_last = owed->next_row;
	device->readings++;
	device->bytes += size;
	owed->sums.readings++;
	owed->sums.bytes += size;
	*ret_row = owed->next_row++;
	return OWED_ROOM;
}

/* Takes one row off those on their way. -EINVAL when none is. *ret_void: its device was dropped
 * since. */
static int pending_end(struct owed_device *device, uint64_t row, bool *ret_void)
{
	bool is_void = row < device->void_below;
	uint64_t *pending = is_void ? &device->void_pending : &device->pending;

	if (*pending == 0)
		return -EINVAL;
	(*pending)--;
	if (!is_void)
		device->pending_first = row + 1;
	*ret_void = is_void;
	return 0;
}

void owed_refused(struct owed *owed, const struct reading *reading)
{
	struct owed_device *device = owed_device_find(owed, reading->device_row);
	bool is_void;

	if (!device || pending_end(device, reading->row, &is_void) < 0)
		return;
	owed->sums.refused++;
	if (!is_void)
		owed_device_paid(owed, device, reading->size);
	owed_device_settle(owed, device);
}

static bool device_may_keep(const struct owed *owed, const struct owed_device *device)
{
	return device->open && device->file.count == 0 && owed_room(owed) > 0 &&
	       (!owed->chain[OWED_HUNGRY].first || owed_queue_waiting(&device->queue) == 0);
}

int owed_committed(struct owed *owed, struct reading *reading)
{
	struct owed_device *device = owed_device_find(owed, reading->device_row);
	bool is_void;
	int r;

	if (!device)
		return -ENOENT;
	r = pending_end(device, reading->row, &is_void);
	if (r < 0)
		return r;
	owed->sums.accepted++;
	if (!is_void) {
		if (device_may_keep(owed, device) &&
			owed_queue_append(&device->queue, reading) == 0) {
			reading_ref(reading);
			owed_memory_changed(owed, device, 1);
		} else {
			owed_file_append(device, reading);
		}
	}
	owed_device_settle(owed, device);
	return 0;
}

int owed_load(struct owed *owed, uint64_t device_row, uint64_t count, uint64_t bytes,
	uint64_t first_row, uint64_t last_row)
{
	struct owed_device *device;

	if (count == 0)
		return 0;
	device = owed_device_find(owed, device_row);
	if (first_row == 0 || last_row < first_row || (device && device->readings > 0))
		return -EINVAL;
	device = owed_device_obtain(owed, device_row);
	if (!device)
		return -ENOMEM;
	device->file = (struct owed_file){
		.count = count, .bytes = bytes, .after = first_row - 1, .last = last_row};
	device->taken_last = last_row;
	device->readings = count;
	device->bytes = bytes;
	owed->sums.readings += count;
	owed->sums.bytes += bytes;
	if (last_row >= owed->next_row)
		owed->next_row = last_row + 1; /* never twice, whatever the counter said */
	owed_device_settle(owed, device);
	return 0;
}

int owed_set_open(struct owed *owed, uint64_t device_row, bool open)
{
	struct owed_device *device = owed_device_find(owed, device_row);

	if (!device && open)
		device = owed_device_obtain(owed, device_row);
	if (!device)
		return open ? -ENOMEM : 0;
	if (device->open && !open)
		owed->open_in_memory -= device->queue.live;
	if (!device->open && open)
		owed->open_in_memory += device->queue.live;
	if (device->aside)
		owed_device_step_in(owed, device);
	device->open = open;
	if (!open)
		owed_device_spill(owed, device);
	owed_device_settle(owed, device);
	return 0;
}

bool owed_has_next(const struct owed *owed)
{
	return owed->chain[OWED_READY].first && owed->sums.in_flight < owed->limits.in_flight;
}

static struct reading *fly(struct owed *owed, struct owed_device *device)
{
	struct reading *reading = owed_queue_fly(&device->queue);

	owed->sums.in_flight++;
	owed_device_unlist(owed, device, OWED_READY);
	owed_device_settle(owed, device);
	return reading;
}

struct reading *owed_next(struct owed *owed)
{
	return owed_has_next(owed) ? fly(owed, owed->chain[OWED_READY].first) : NULL;
}

bool owed_has_next_of(const struct owed *owed, uint64_t device_row)
{
	const struct owed_device *device = owed_device_find(owed, device_row);

	return device && device->link[OWED_READY].listed && !device->aside && owed_has_next(owed);
}

struct reading *owed_next_of(struct owed *owed, uint64_t device_row)
{
	return owed_has_next_of(owed, device_row) ? fly(owed, owed_device_find(owed, device_row))
						  : NULL;
}

/* Takes the row out of memory and of the sums. */
static bool row_end(struct owed *owed, uint64_t device_row, uint64_t row, bool flying_only)
{
	struct owed_device *device = owed_device_find(owed, device_row);
	struct reading *reading;
	size_t flying;

	if (!device)
		return false;
	flying = device->queue.live_flying;
	reading = owed_queue_settle(&device->queue, row, flying_only);
	if (!reading)
		return false;
	owed->sums.in_flight -= flying - device->queue.live_flying;
	owed_memory_changed(owed, device, -1);
	owed_device_paid(owed, device, reading->size);
	reading_unref(reading);
	owed_device_settle(owed, device);
	return true;
}

bool owed_acked(struct owed *owed, uint64_t device_row, uint64_t row)
{
	if (!row_end(owed, device_row, row, true))
		return false;
	owed->sums.delivered++;
	/* Without memory the row stays on file until the next start and then goes out once more,
	 * under the same id. */
	(void)row_ranges_add(&owed->deletes, row);
	return true;
}

bool owed_dead(struct owed *owed, uint64_t device_row, uint64_t row)
{
	if (!row_end(owed, device_row, row, false))
		return false;
	owed->sums.dead++;
	return true;
}

bool owed_put_back(struct owed *owed, uint64_t device_row, uint64_t row)
{
	struct owed_device *device = owed_device_find(owed, device_row);
	size_t flying;

	if (!device)
		return false;
	flying = device->queue.live_flying;
	if (!owed_queue_return_from(&device->queue, row))
		return false;
	owed->sums.in_flight -= flying - device->queue.live_flying;
	if (!device->open)
		owed_device_spill(owed, device);
	owed_device_settle(owed, device);
	return true;
}

bool owed_set_aside(struct owed *owed, uint64_t device_row, uint64_t row)
{
	struct owed_device *device;

	if (!owed_put_back(owed, device_row, row))
		return false;
	device = owed_device_find(owed, device_row);
	if (device && device->open && !device->aside)
		owed_device_step_out(owed, device);
	return true;
}

void owed_take_up(struct owed *owed, bool all)
{
	struct owed_chain *aside = &owed->chain[OWED_ASIDE];

	if (!all && aside->first)
		owed_device_step_in(owed, aside->first);
	while (all && aside->last)
		owed_device_step_in(owed, aside->last);
}

void owed_returned(struct owed *owed)
{
	struct owed_device *device, *next;

	for (size_t i = 0; i < owed->buckets; i++)
		for (device = owed->bucket[i]; device; device = next) {
			next = device->next;
			owed_queue_return(&device->queue);
			if (!device->open)
				owed_device_spill(owed, device);
			owed_device_settle(owed, device);
		}
	owed->sums.in_flight = 0;
}

size_t owed_in_flight(const struct owed *owed, uint64_t device_row)
{
	const struct owed_device *device = owed_device_find(owed, device_row);

	return device ? device->queue.live_flying : 0;
}

size_t owed_flying(const struct owed *owed)
{
	return (size_t)owed->sums.in_flight;
}

static uint64_t device_first_row(const struct owed_device *device)
{
	const struct reading *oldest = owed_queue_oldest(&device->queue);

	if (oldest)
		return oldest->row;
	return device->file.count > 0 ? device->file.after + 1 : device->pending_first;
}

static uint64_t device_last_row(const struct owed_device *device)
{
	if (device->pending > 0)
		return device->taken_last;
	if (device->file.count > 0)
		return device->file.last;
	return owed_queue_newest(&device->queue)->row;
}

void owed_drop_device(struct owed *owed, uint64_t device_row, uint64_t *ret_count,
	uint64_t *ret_first, uint64_t *ret_last)
{
	struct owed_device *device = owed_device_find(owed, device_row);

	*ret_count = device ? device->readings : 0;
	*ret_first = 0;
	*ret_last = 0;
	if (*ret_count == 0)
		return;
	*ret_first = device_first_row(device);
	*ret_last = device_last_row(device);
	owed->sums.dropped += device->readings;
	owed->sums.readings -= device->readings;
	owed->sums.bytes -= device->bytes;
	owed->sums.in_flight -= device->queue.live_flying;
	owed_memory_changed(owed, device, -(int)device->queue.live);
	owed_queue_clear(&device->queue);
	device->readings = 0;
	device->bytes = 0;
	device->file = (struct owed_file){0};
	device->void_pending += device->pending;
	device->pending = 0;
	device->void_below = owed->next_row;
	owed_device_settle(owed, device);
}

size_t owed_take_deletes(struct owed *owed, struct row_range *ret_ranges, size_t max)
{
	return row_ranges_take(&owed->deletes, ret_ranges, max);
}

size_t owed_deletes_waiting(const struct owed *owed)
{
	return (size_t)owed->deletes.rows;
}

void owed_stats(const struct owed *owed, struct owed_stats *ret_stats)
{
	const struct owed_device *device;

	*ret_stats = owed->sums;
	for (size_t i = 0; i < owed->buckets; i++)
		for (device = owed->bucket[i]; device; device = device->next) {
			const struct reading *oldest = owed_queue_oldest(&device->queue);
			uint64_t row = device->readings > 0 ? device_first_row(device) : 0;

			if (row == 0 || (ret_stats->oldest_row > 0 && row > ret_stats->oldest_row))
				continue;
			ret_stats->oldest_row = row;
			ret_stats->oldest_time = oldest ? oldest->time : device->file.time;
		}
}

uint64_t owed_bytes(const struct owed *owed)
{
	return owed->sums.bytes;
}

uint64_t owed_device_count(const struct owed *owed, uint64_t device_row)
{
	const struct owed_device *device = owed_device_find(owed, device_row);

	return device ? device->readings : 0;
}

uint64_t owed_device_bytes(const struct owed *owed, uint64_t device_row)
{
	const struct owed_device *device = owed_device_find(owed, device_row);

	return device ? device->bytes : 0;
}

uint64_t owed_epoch(const struct owed *owed)
{
	return owed->epoch;
}

const char *gh_id_format(const char *gateway, uint64_t epoch, uint64_t row, char *ret_text)
{
	snprintf(ret_text, 80, "%.32s.%" PRIu64 ".%" PRIu64, gateway, epoch, row);
	return ret_text;
}
