/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The inside of owed, shared by owed.c and owed-fetch.c: the devices, the two lists that they stand
 * in, and the sums. The model is explained in owed-state.c.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/owed-queue.h"
#include "core/owed.h"
#include "core/row-ranges.h"

enum owed_list {
	OWED_READY,  /* open, and a reading waits in memory */
	OWED_HUNGRY, /* open, the queue is low, and there is more on file */
	OWED_LINKS,
	OWED_ASIDE = OWED_LINKS, /* as READY, but it stepped out of its turn; uses READY's link */
	OWED_LISTS
};

struct owed_device;

struct owed_link {
	struct owed_device *previous, *next;
	bool listed;
};

struct owed_chain {
	struct owed_device *first, *last;
	size_t count;
};

/* The rows of a device that are on file only; all are newer than those in memory. */
struct owed_file {
	uint64_t count, bytes;
	uint64_t after; /* all of them are higher than this */
	uint64_t last;
	int64_t time; /* of the oldest of them, wall milliseconds; 0 = not known */
};

struct owed_device {
	struct owed_device *next; /* in its bucket */
	uint64_t device_row;
	bool open;
	bool aside;		  /* it stands in ASIDE */
	uint64_t readings, bytes; /* owed: in memory, on file only, and on their way to the file */
	struct owed_queue queue;
	struct owed_file file;
	uint64_t pending; /* taken, neither committed nor refused yet */
	uint64_t pending_first;
	uint64_t taken_last; /* the highest row that it was given */
	uint64_t void_below; /* rows below belong to an earlier life: their commit means nothing */
	uint64_t void_pending;
	bool fetching;
	uint64_t fetch_count, fetch_bytes; /* its file part when the fetch began */
	struct owed_link link[OWED_LINKS];
};

struct owed {
	struct owed_limits limits;
	uint64_t epoch;
	uint64_t next_row;
	struct owed_device **bucket;
	size_t buckets; /* a power of two */
	size_t devices;
	struct owed_chain chain[OWED_LISTS];
	struct row_ranges deletes;
	struct owed_stats sums; /* without 'oldest_*' */
	size_t open_in_memory;	/* of devices that are open */
	size_t reserved;	/* room for what is being fetched */
};

struct owed_device *owed_device_find(const struct owed *owed, uint64_t device_row);
/* Finds it or makes a closed one; NULL on lack of memory. */
struct owed_device *owed_device_obtain(struct owed *owed, uint64_t device_row);
struct owed_device *owed_device_free(struct owed_device *device);

/* Puts the device into the lists where it belongs now (as the last one where it is new), or frees
 * it when nothing is known of it. To be called after every change; the device may be gone then. */
void owed_device_settle(struct owed *owed, struct owed_device *device);
void owed_device_unlist(struct owed *owed, struct owed_device *device, enum owed_list list);
/* Of one that has a turn: out of it. Of one that stepped out: in again, before all others. */
void owed_device_step_out(struct owed *owed, struct owed_device *device);
void owed_device_step_in(struct owed *owed, struct owed_device *device);

/* Room in memory for readings of open devices. */
size_t owed_room(const struct owed *owed);
/* The reading came into memory (+1) or left it (-1). */
void owed_memory_changed(struct owed *owed, struct owed_device *device, int by);
/* The device owes one reading less. */
void owed_device_paid(struct owed *owed, struct owed_device *device, size_t size);
/* Whatever waits in memory goes back to being on file only. */
void owed_device_spill(struct owed *owed, struct owed_device *device);
/* The row was committed and is not kept in memory. */
void owed_file_append(struct owed_device *device, const struct reading *reading);
