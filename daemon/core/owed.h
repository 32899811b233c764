/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What is owed upstream: the readings that were accepted and not yet taken by the platform. The row
 * on disk is the truth; what is in memory here is a window on it. Pure bookkeeping, loop only, no
 * I/O.
 *
 * Rows are numbered by owed_take_row() in accept order and never reused (the store persists the
 * next number with each batch). For each device there is a queue in memory of its oldest committed
 * rows; when memory is full, newer rows of a device stay on file only (its 'file' part) and are
 * fetched when its queue ran low. Devices that may publish take turns (fair share). A row is in
 * flight between owed_next() and owed_acked()/owed_returned(); per device rows leave in order.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/reading.h"

struct owed;

struct owed_limits {
	uint64_t outbox_bytes;	/* all bodies owed, on file or in memory */
	uint64_t device_bytes;	/* of one device; 0 = no limit of its own */
	unsigned device_share;	/* so many times what is still free may be one device's; 0 = any */
	size_t window_readings; /* in memory, all devices */
	size_t in_flight;	/* between next and acked */
};

enum owed_verdict {
	OWED_ROOM,
	OWED_FULL,  /* no room for anybody */
	OWED_SHARE, /* this device has its share; others find room */
};

int owed_new(
	const struct owed_limits *limits, uint64_t epoch, uint64_t next_row, struct owed **ret);
struct owed *owed_free(struct owed *owed); /* drops all references */
void owed_set_limits(struct owed *owed, const struct owed_limits *limits);

/* How many bytes this device may owe, given what is free now. */
uint64_t owed_share(const struct owed *owed);
/* Is there room for size bytes more? Counts it as taken (until acked, dropped or refused) and
 * numbers it. */
enum owed_verdict owed_take_row(
	struct owed *owed, uint64_t device_row, size_t size, uint64_t *ret_row);
/* The batch with this row could not be written: gives the bytes back. */
void owed_refused(struct owed *owed, const struct reading *reading);
/* On disk now. Takes a reference of its own if it keeps it in memory. -ENOENT or -EINVAL for a row
 * that was not taken (a fault of the caller); it never fails for lack of memory. */
int owed_committed(struct owed *owed, struct reading *reading);
/* At start, once for each device that has rows on file: how many, their bytes, first and last row.
 * -EINVAL for rows that cannot be, or when something is owed by the device already. */
int owed_load(struct owed *owed, uint64_t device_row, uint64_t count, uint64_t bytes,
	uint64_t first_row, uint64_t last_row);

/* May this device publish now? false = hold its rows (lease expired, suspended, link down). New
 * devices are held until told. Closing never fails; opening may with -ENOMEM: the device stays held
 * then. A device that is held keeps nothing in memory but what is in flight. */
int owed_set_open(struct owed *owed, uint64_t device_row, bool open);

/* The next reading to publish, or NULL (nothing open, or in_flight reached). It is in flight from
 * now on; the pointer stays valid until acked, returned or dropped. */
struct reading *owed_next(struct owed *owed);
/* The next one of this device, if one waits and it is open. NULL: as above, or none. */
struct reading *owed_next_of(struct owed *owed, uint64_t device_row);
/* False when owed_next_of() would have nothing. */
bool owed_has_next_of(const struct owed *owed, uint64_t device_row);
/* PUBACK. True when it was in flight (a repeated PUBACK is not). Its row is collected for deletion.
 */
bool owed_acked(struct owed *owed, uint64_t device_row, uint64_t row);
/* The link was lost: everything in flight goes back to the head of its queue, in order. */
void owed_returned(struct owed *owed);
/* A reading that was in flight, and all of its device that left after it, wait again at the head of
 * the queue, in order (it was not handed over, or was refused for a reason that passes). True when
 * it was in flight. */
bool owed_put_back(struct owed *owed, uint64_t device_row, uint64_t row);
/* As owed_put_back(), and its device has no turn any more before owed_take_up(), or before it is
 * opened or closed (owed_set_open). */
bool owed_set_aside(struct owed *owed, uint64_t device_row, uint64_t row);
/* Of the devices that were set aside the first, or all of them, go before all others now. */
void owed_take_up(struct owed *owed, bool all);
/* Not taken and never will be (poison): leaves the queue; the caller moves the row to the dead
 * letters. */
bool owed_dead(struct owed *owed, uint64_t device_row, uint64_t row);
/* Number of this device's readings in flight. */
size_t owed_in_flight(const struct owed *owed, uint64_t device_row);
size_t owed_flying(const struct owed *owed); /* of all devices */

/* Everything of this device is given up (revoked, forgotten): memory freed; *ret_count, *ret_first,
 * *ret_last say what was dropped. In-flight rows are forgotten: a late PUBACK is ignored. The
 * caller deletes its rows from the file. Rows that are on their way to the file belong to what was
 * dropped: their commit changes nothing any more. *ret_first is exact unless all that was in memory
 * is gone and newer rows are on file only: then it is the number after the last row known. */
void owed_drop_device(struct owed *owed, uint64_t device_row, uint64_t *ret_count,
	uint64_t *ret_first, uint64_t *ret_last);

/* Contiguous runs of acked rows, ready to be deleted. Returns how many were written. */
struct row_range {
	uint64_t first, last;
};
size_t owed_take_deletes(struct owed *owed, struct row_range *ret_ranges, size_t max);
size_t owed_deletes_waiting(const struct owed *owed); /* rows */

/* A device whose queue ran low and that has rows on file: fetch rows of device_row that are >
 * after_row and <= last_row, at most max, in order. True when there is one; one fetch per device at
 * a time. */
struct owed_fetch {
	uint64_t device_row, after_row, last_row;
	size_t max;
};
bool owed_wants_fetch(struct owed *owed, struct owed_fetch *ret_fetch);
/* Answer to a fetch: the readings in order (the references are taken over). Returns how many were
 * written off because the file did not hold them. */
uint64_t owed_fetched(
	struct owed *owed, const struct owed_fetch *fetch, struct reading **readings, size_t count);

/*
 * Giving up the oldest of a device: possible while all that waits of it is on file only, which is
 * so when it is closed. True: its rows up to *ret_last stay as they are until owed_trimmed() says
 * how many of them were deleted (0 = none) and which was the last.
 */
bool owed_trim(struct owed *owed, uint64_t device_row, uint64_t *ret_last);
void owed_trimmed(
	struct owed *owed, uint64_t device_row, uint64_t count, uint64_t bytes, uint64_t last_row);

/* What the file says of the oldest of its rows that is on file only: when it came, wall
 * milliseconds. After owed_load() and owed_trimmed(), which cannot know. */
void owed_oldest_is(struct owed *owed, uint64_t device_row, int64_t time);

struct owed_stats {
	uint64_t readings, bytes; /* owed in all */
	uint64_t in_memory, in_flight;
	uint64_t accepted, delivered, dead, dropped; /* since start */
	uint64_t refused;			     /* since start: no room, or not written */
	uint64_t oldest_row;			     /* 0 = nothing owed */
	int64_t oldest_time;			     /* wall milliseconds, 0 = unknown */
};
void owed_stats(const struct owed *owed, struct owed_stats *ret_stats);
uint64_t owed_bytes(const struct owed *owed); /* stats.bytes, without looking at each device */
uint64_t owed_device_count(const struct owed *owed, uint64_t device_row);
/* The device that owes most of those whose oldest readings could be given up (owed_trim) when they
 * are closed, and that 'counts' says yes to; 0 = none. It looks at all of them. */
uint64_t owed_greatest(const struct owed *owed, bool (*counts)(void *userdata, uint64_t device_row),
	void *userdata);
uint64_t owed_device_bytes(const struct owed *owed, uint64_t device_row);
/* False when owed_next() would have nothing. */
bool owed_has_next(const struct owed *owed);
uint64_t owed_epoch(const struct owed *owed);
/* "<gateway>.<epoch>.<row>"; ret_text of at least 80 bytes. */
const char *gh_id_format(const char *gateway, uint64_t epoch, uint64_t row, char *ret_text);
