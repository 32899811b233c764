/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows that a device owes, oldest first:
 *
 *	| in flight | waits in memory |   on file only   | on its way to the file |
 *	  queue (owed-queue)             file.count         pending
 *
 * What is on file only is always newer than all that is in memory, so a device with a file part
 *gets nothing new into memory until that part was fetched. A device that is closed keeps nothing in
 * memory but what is in flight: it cannot publish, so it must not take room from those that can.
 *
 * A row that was acked may stand in the file for a while (deletes are batched), so what is on file
 * must never be read again from before an acked row: rows older than a settled one stay in memory
 * (owed_queue_pop_newest) even when their device is closed. They do not count against the window.
 *
 * Memory is shared by two rules. A device that waits for a fetch goes before new rows of a device
 * that has something waiting already (owed_committed), and a fetch brings at most the device's
 *share of the window (owed-fetch.c). So room that comes free finds its way to whoever has none.
 *
 * Devices are found by a hash of their row. Those that are closed and owe nothing are forgotten.
 */

#include "core/owed-state.h"

#include <stdlib.h>

#define BUCKETS_FIRST 64
/* Below so many waiting readings a device asks for more: enough to bridge one trip to the file. */
#define QUEUE_LOW 32

static size_t bucket_of(uint64_t device_row, size_t buckets)
{
	return (size_t)(device_row * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (buckets - 1);
}

struct owed_device *owed_device_find(const struct owed *owed, uint64_t device_row)
{
	struct owed_device *device = NULL;

	if (owed->buckets > 0)
		device = owed->bucket[bucket_of(device_row, owed->buckets)];
	while (device && device->device_row != device_row)
		device = device->next;
	return device;
}

/* Without memory the table stays as it is, only slower; without any table it is -1. */
static int buckets_grow(struct owed *owed)
{
	size_t buckets = owed->buckets ? owed->buckets * 2 : BUCKETS_FIRST;
	struct owed_device **bucket = calloc(buckets, sizeof(struct owed_device *));

	if (!bucket)
		return owed->buckets > 0 ? 0 : -1;
	for (size_t i = 0; i < owed->buckets; i++)
		while (owed->bucket[i]) {
			struct owed_device *device = owed->bucket[i];
			size_t to = bucket_of(device->device_row, buckets);

			owed->bucket[i] = device->next;
			device->next = bucket[to];
			bucket[to] = device;
		}
	free(owed->bucket);
	owed->bucket = bucket;
	owed->buckets = buckets;
	return 0;
}

struct owed_device *owed_device_obtain(struct owed *owed, uint64_t device_row)
{
	struct owed_device *device = owed_device_find(owed, device_row);
	struct owed_device **bucket;

	if (device)
		return device;
	if (owed->devices >= owed->buckets && buckets_grow(owed) < 0)
		return NULL;
	device = calloc(1, sizeof(*device));
	if (!device)
		return NULL;
	device->device_row = device_row;
	bucket = &owed->bucket[bucket_of(device_row, owed->buckets)];
	device->next = *bucket;
	*bucket = device;
	owed->devices++;
	return device;
}

struct owed_device *owed_device_free(struct owed_device *device)
{
	if (device) {
		owed_queue_clear(&device->queue);
		free(device);
	}
	return NULL;
}

static void device_forget(struct owed *owed, struct owed_device *device)
{
	struct owed_device **at = &owed->bucket[bucket_of(device->device_row, owed->buckets)];

	while (*at != device)
		at = &(*at)->next;
	*at = device->next;
	owed->devices--;
	owed_device_free(device);
}

static struct owed_link *link_of(struct owed_device *device, enum owed_list list)
{
	return &device->link[list == OWED_ASIDE ? OWED_READY : list];
}

static void device_list(struct owed *owed, struct owed_device *device, enum owed_list list)
{
	struct owed_chain *chain = &owed->chain[list];
	struct owed_link *link = link_of(device, list);

	if (link->listed)
		return;
	*link = (struct owed_link){.previous = chain->last, .listed = true};
	if (chain->last)
		link_of(chain->last, list)->next = device;
	else
		chain->first = device;
	chain->last = device;
	chain->count++;
}

static void device_list_first(struct owed *owed, struct owed_device *device, enum owed_list list)
{
	struct owed_chain *chain = &owed->chain[list];
	struct owed_link *link = link_of(device, list);

	*link = (struct owed_link){.next = chain->first, .listed = true};
	if (chain->first)
		link_of(chain->first, list)->previous = device;
	else
		chain->last = device;
	chain->first = device;
	chain->count++;
}

void owed_device_unlist(struct owed *owed, struct owed_device *device, enum owed_list list)
{
	struct owed_chain *chain = &owed->chain[list];
	struct owed_link *link = link_of(device, list);

	if (!link->listed)
		return;
	if (link->previous)
		link_of(link->previous, list)->next = link->next;
	else
		chain->first = link->next;
	if (link->next)
		link_of(link->next, list)->previous = link->previous;
	else
		chain->last = link->previous;
	*link = (struct owed_link){0};
	chain->count--;
}

static enum owed_list turn_of(const struct owed_device *device)
{
	return device->aside ? OWED_ASIDE : OWED_READY;
}

void owed_device_step_out(struct owed *owed, struct owed_device *device)
{
	owed_device_unlist(owed, device, OWED_READY);
	device->aside = true;
	device_list(owed, device, OWED_ASIDE);
}

void owed_device_step_in(struct owed *owed, struct owed_device *device)
{
	owed_device_unlist(owed, device, OWED_ASIDE);
	device->aside = false;
	device_list_first(owed, device, OWED_READY);
}

void owed_device_settle(struct owed *owed, struct owed_device *device)
{
	size_t waiting = owed_queue_waiting(&device->queue);

	if (device->open && waiting > 0) {
		device_list(owed, device, turn_of(device));
	} else {
		owed_device_unlist(owed, device, turn_of(device));
		device->aside = false;
	}
	if (device->open && device->file.count > 0 && !device->fetching && waiting < QUEUE_LOW)
		device_list(owed, device, OWED_HUNGRY);
	else
		owed_device_unlist(owed, device, OWED_HUNGRY);
	if (!device->open && device->readings == 0 && device->void_pending == 0 &&
		!device->fetching)
		device_forget(owed, device);
}

size_t owed_room(const struct owed *owed)
{
	size_t used = owed->open_in_memory + owed->reserved;

	return used < owed->limits.window_readings ? owed->limits.window_readings - used : 0;
}

void owed_memory_changed(struct owed *owed, struct owed_device *device, int by)
{
	owed->sums.in_memory += (uint64_t)(int64_t)by;
	if (device->open)
		owed->open_in_memory += (size_t)(ssize_t)by;
}

void owed_device_paid(struct owed *owed, struct owed_device *device, size_t size)
{
	device->readings--;
	device->bytes -= size;
	owed->sums.readings--;
	owed->sums.bytes -= size;
}

void owed_device_spill(struct owed *owed, struct owed_device *device)
{
	struct owed_file *file = &device->file;
	struct reading *reading;

	while ((reading = owed_queue_pop_newest(&device->queue))) {
		if (file->count++ == 0)
			file->last = reading->row;
		file->bytes += reading->size;
		file->after = reading->row - 1;
		file->time = reading->time;
		owed_memory_changed(owed, device, -1);
		reading_unref(reading);
	}
}

void owed_file_append(struct owed_device *device, const struct reading *reading)
{
	struct owed_file *file = &device->file;

	if (file->count++ == 0) {
		file->after = reading->row - 1;
		file->time = reading->time;
	}
	file->bytes += reading->size;
	file->last = reading->row;
}
