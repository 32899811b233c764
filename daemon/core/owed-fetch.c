/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way back from the file. One fetch for each device at a time; hungry devices take turns. While
 * a fetch is under way the device may close, spill or be dropped: then the answer does not follow
 * on what is in memory any more (its after_row is not where the file part begins) and is thrown
 * away; the device asks again.
 *
 * Giving up the oldest goes by the same rule: it counts as a fetch, so nothing is fetched
 * meanwhile.
 */

#include "core/owed-state.h"

#define FETCH_MAX 256 /* readings at a time: bounds the answer, not the device */

bool owed_wants_fetch(struct owed *owed, struct owed_fetch *ret_fetch)
{
	struct owed_device *device = owed->chain[OWED_HUNGRY].first;
	size_t room = owed_room(owed);
	uint64_t want;

	if (!device)
		return false;
	want = owed->limits.window_readings / owed->chain[OWED_HUNGRY].count;
	if (want > FETCH_MAX)
		want = FETCH_MAX;
	if (want == 0)
		want = 1;
	if (want > device->file.count)
		want = device->file.count;
	if (room == 0 || room < want / 2)
		return false; /* not for crumbs: each fetch costs a trip to the file */
	*ret_fetch = (struct owed_fetch){
		.device_row = device->device_row,
		.after_row = device->file.after,
		.last_row = device->file.last,
		.max = want < room ? (size_t)want : room,
	};
	device->fetching = true;
	device->fetch_count = device->file.count;
	device->fetch_bytes = device->file.bytes;
	owed->reserved += ret_fetch->max;
	owed_device_settle(owed, device);
	return true;
}

/* What its file part holds is known better now. */
static void file_bytes_are(struct owed *owed, struct owed_device *device, uint64_t bytes)
{
	device->bytes += bytes - device->file.bytes; /* also when it is less */
	owed->sums.bytes += bytes - device->file.bytes;
	device->file.bytes = bytes;
}

/*
 * As many as were counted are there. A row that was taken back and not deleted yet is one of them
 * when it was read: then the last one is still on file, and is asked for like any other.
 */
static void file_part_ends(struct owed *owed, struct owed_device *device)
{
	file_bytes_are(owed, device, 0);
	if (device->file.after >= device->file.last)
		return;
	device->file.count = 1;
	device->readings++;
	owed->sums.readings++;
}

/* Returns how many were taken over; what does not fit stays on file. */
static size_t fetch_append(struct owed *owed, struct owed_device *device,
	const struct owed_fetch *fetch, struct reading **readings, size_t count)
{
	struct owed_file *file = &device->file;
	size_t i = 0;

	for (; i < count && file->count > 0; i++) {
		struct reading *reading = readings[i];

		if (reading->row <= file->after || reading->row > fetch->last_row ||
			owed_queue_append(&device->queue, reading) < 0)
			break;
		if (reading->size > file->bytes)
			file_bytes_are(owed, device, reading->size);
		file->count--;
		file->bytes -= reading->size;
		file->after = reading->row;
		file->time = 0; /* what is in memory is older, and has one */
		owed_memory_changed(owed, device, 1);
		if (file->count == 0)
			file_part_ends(owed, device);
	}
	return i;
}

/* The file held less than it should. What is not there cannot be delivered: it is written off, or
 * the device would ask for it for ever. */
static uint64_t fetch_write_off(struct owed *owed, struct owed_device *device,
	const struct owed_fetch *fetch, uint64_t fetched, uint64_t fetched_bytes)
{
	uint64_t missing = device->fetch_count - fetched;
	uint64_t missing_bytes =
		device->fetch_bytes > fetched_bytes ? device->fetch_bytes - fetched_bytes : 0;

	device->file.count -= missing;
	device->file.bytes -= missing_bytes;
	device->file.after = fetch->last_row;
	device->readings -= missing;
	device->bytes -= missing_bytes;
	owed->sums.readings -= missing;
	owed->sums.bytes -= missing_bytes;
	owed->sums.dropped += missing;
	return missing;
}

uint64_t owed_fetched(
	struct owed *owed, const struct owed_fetch *fetch, struct reading **readings, size_t count)
{
	struct owed_device *device = owed_device_find(owed, fetch->device_row);
	uint64_t bytes, missing = 0;
	size_t kept = 0;

	if (device && device->fetching) {
		device->fetching = false;
		owed->reserved -= fetch->max;
		bytes = device->file.bytes;
		if (device->open && device->file.count > 0 &&
			device->file.after == fetch->after_row) {
			kept = fetch_append(owed, device, fetch, readings, count);
			bytes -= device->file.bytes;
			if (kept == count && count < fetch->max)
				missing = fetch_write_off(owed, device, fetch, count, bytes);
		}
		owed_device_settle(owed, device);
	}
	for (size_t i = kept; i < count; i++)
		reading_unref(readings[i]);
	return missing;
}

bool owed_trim(struct owed *owed, uint64_t device_row, uint64_t *ret_last)
{
	struct owed_device *device = owed_device_find(owed, device_row);

	if (!device || device->open || device->fetching || device->queue.live > 0 ||
		device->file.count == 0)
		return false;
	device->fetching = true;
	*ret_last = device->file.last;
	return true;
}

void owed_trimmed(
	struct owed *owed, uint64_t device_row, uint64_t count, uint64_t bytes, uint64_t last_row)
{
	struct owed_device *device = owed_device_find(owed, device_row);
	struct owed_file *file;

	if (!device || !device->fetching)
		return;
	device->fetching = false;
	file = &device->file;
	/* Dropped meanwhile: all of it is accounted for, and what came since is newer. */
	if (count > 0 && count <= file->count && bytes <= file->bytes && file->after < last_row) {
		file->count -= count;
		file->bytes -= bytes;
		file->after = last_row;
		file->time = 0; /* until it is told */
		device->readings -= count;
		device->bytes -= bytes;
		owed->sums.readings -= count;
		owed->sums.bytes -= bytes;
		owed->sums.dropped += count;
	}
	owed_device_settle(owed, device);
}

void owed_oldest_is(struct owed *owed, uint64_t device_row, int64_t time)
{
	struct owed_device *device = owed_device_find(owed, device_row);

	if (device && device->file.count > 0)
		device->file.time = time;
}

/* Once it is closed: nothing of it flies, and all that is in memory goes to the file. */
static bool could_be_trimmed(const struct owed_device *device)
{
	const struct owed_queue *queue = &device->queue;
	const struct reading *oldest = owed_queue_oldest(queue);

	if (device->fetching || queue->live_flying > 0)
		return false;
	return oldest ? oldest->row >= queue->settled_row : device->file.count > 0;
}

uint64_t owed_greatest(const struct owed *owed, bool (*counts)(void *userdata, uint64_t device_row),
	void *userdata)
{
	const struct owed_device *device, *greatest = NULL;

	for (size_t i = 0; i < owed->buckets; i++)
		for (device = owed->bucket[i]; device; device = device->next)
			if (device->bytes > (greatest ? greatest->bytes : 0) &&
				could_be_trimmed(device) && counts(userdata, device->device_row))
				greatest = device;
	return greatest ? greatest->device_row : 0;
}
