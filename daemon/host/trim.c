/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Giving up the oldest readings of a device, while they wait on file: what may leave, leaves, and
 * is not given up at the door.
 *
 *	idle --too old, no room--> asked which --some--> deleted with their gap record --> idle
 *	                               '----none----> next device, or idle
 *
 * Age is looked at at least once a minute, one device after the other; it means the clock, so
 * nothing is given up for it while the clock is not set. A delete that finds no room or memory is
 * tried again.
 */

#include "host/trim.h"
#include "host/journal.h"
#include "host/reading.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/message-ids.h"
#include "host/gap.h"
#include "host/session.h"

#define LOOK_MAX_USEC (60 * USEC_PER_SEC)
#define AGAIN_USEC    (10 * USEC_PER_SEC)
#define NOBODY_USEC   USEC_PER_SEC
#define REFUSED_USEC  (60 * USEC_PER_SEC)

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata);

static void set_timer(struct host *host, uint64_t delay_usec)
{
	int r = loop_timer_set(
		host->loop, &host->trim.timer, delay_usec, on_timer, host, "outbox-trim");

	if (r < 0)
		log_error("The outbox's timer could not be set: %s.", strerror(-r));
}

/* A short age is looked at more often than once a minute. */
static void set_look(struct host *host)
{
	uint64_t half = host->config->outbox_max_age * USEC_PER_SEC / 2;

	set_timer(host, half < LOOK_MAX_USEC ? half : LOOK_MAX_USEC);
}

static void walk(struct host *host);

/* Its session is up, it may publish, and its platform takes what it has, or did a minute ago: it
 * waits for nothing but its turn. */
static bool is_leaving(const struct host *host, const struct device *device)
{
	const struct device_host *part = device_host(device);
	bool refused =
		part->refused_alone && clock_boot_usec() - part->refused_since_usec >= REFUSED_USEC;

	return session_is_up(host, device) && !refused &&
	       lifecycle_may_publish(&device->record->life, clock_wall_msec());
}

/* As it was before it was closed. */
static void open_again(struct host *host, struct device *device)
{
	if (!device_host(device)->refused_waits)
		reading_set_open(host, device);
}

/* Let go of the device; 'count' of its readings are gone. */
static void finish(struct host *host, uint64_t count)
{
	struct trim *trim = &host->trim;
	struct device *device;

	device = registry_by_row(host->registry, trim->device_row);
	trim->busy = false;
	owed_trimmed(host->owed, trim->device_row, count, trim->found.bytes, trim->found.last_row);
	if (count > 0)
		owed_oldest_is(host->owed, trim->device_row, trim->found.next_time);
	if (device)
		open_again(host, device);
	if (trim->walking)
		walk(host);
}

static void order_delete(struct host *host);

static void on_deleted(void *userdata, int result, const char *head)
{
	struct host *host = userdata;
	struct trim *trim = &host->trim;
	uint64_t count = trim->found.count;

	if (result == -ENOSPC || result == -ENOMEM) {
		trim->failed = true;
		set_timer(host, AGAIN_USEC);
		return;
	}
	if (trim->failed && host->config->outbox_max_age)
		set_look(host);
	trim->failed = false;
	if (result < 0) { /* the store is closing or has failed: the next start has them still */
		trim->walking = false;
		finish(host, 0);
		return;
	}
	host->metrics.lost[trim->before ? LOST_TOO_OLD : LOST_FOR_ROOM] += count;
	log_at(LOG_NOTICE,
		(&(const struct log_fields){
			.device = trim->gap.device_id, .message_id = MESSAGE_READINGS_DROPPED}),
		"%llu waiting readings of %s were given up: %s.", (unsigned long long)count,
		trim->gap.device_id, trim->before ? "too old" : "the outbox is full");
	finish(host, count);
	gap_publish(host);
	host_touch_traffic(host);
}

static void order_delete(struct host *host)
{
	const struct trim *trim = &host->trim;

	store_delete_oldest(
		host->store, trim->device_row, trim->found.last_row, &trim->gap, on_deleted, host);
}

static void on_found(void *userdata, int result, const struct store_old *found)
{
	struct host *host = userdata;
	struct trim *trim = &host->trim;
	const struct device *device = registry_by_row(host->registry, trim->device_row);
	const struct store_gap *noted = NULL;

	trim->found = *found;
	if (result < 0 || found->count == 0 || !device ||
		reading_is_dropping(host, trim->device_row)) {
		trim->walking = trim->walking && result >= 0;
		finish(host, 0);
		return;
	}
	/* What cannot be told is not given up. */
	noted = gap_note_if_room(host, device->record,
		&(const struct upstream_gap){.first_row = found->first_row,
			.last_row = found->last_row,
			.count = found->count,
			.reason = trim->before ? "too old" : "outbox full"});
	if (!noted) {
		finish(host, 0);
		return;
	}
	trim->gap = *noted;
	order_delete(host);
}

/* False: nothing of it can be given up now. */
static bool begin(struct host *host, struct device *device, int64_t before, uint64_t bytes)
{
	struct trim *trim = &host->trim;
	uint64_t row = device->record->row, last;

	if (trim->busy || is_leaving(host, device) || owed_in_flight(host->owed, row) > 0)
		return false;
	/* All of it on file only, and so it stays until we are done. */
	owed_set_open(host->owed, row, false);
	if (!owed_trim(host->owed, row, &last)) {
		open_again(host, device);
		return false;
	}
	trim->busy = true;
	trim->device_row = row;
	trim->before = before;
	store_oldest(host->store,
		&(const struct store_oldest){.device_row = row,
			.last_row = last,
			.before = before,
			.now = clock_wall_msec(),
			.bytes = bytes},
		on_found, host);
	return true;
}

/* The next device; what has more than one order's worth comes again with the next look. */
static void walk(struct host *host)
{
	struct trim *trim = &host->trim;
	int64_t before = clock_wall_msec() - (int64_t)host->config->outbox_max_age * 1000;
	struct device *device = registry_by_row(host->registry, trim->walked);

	/* It may have been forgotten meanwhile: then from the beginning, to where we were. */
	device = device ? registry_next(device) : registry_first(host->registry);
	for (; device && host->config->outbox_max_age && clock_is_synced();
		device = registry_next(device)) {
		if (device->record->row <= trim->walked)
			continue;
		trim->walked = device->record->row;
		if (begin(host, device, before, 0))
			return;
	}
	trim->walking = false;
	if (host->config->outbox_max_age)
		set_look(host);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct host *host = userdata;

	if (host->trim.failed) {
		order_delete(host);
		return 0;
	}
	host->trim.walking = true;
	host->trim.walked = 0;
	walk(host);
	return 0;
}

void trim_start(struct host *host)
{
	if (host->config->outbox_max_age && !host->trim.busy)
		set_timer(host, 0);
}

/* What may leave, leaves: the greatest of all may well be one that is only slow. */
static bool may_give_up(void *userdata, uint64_t device_row)
{
	const struct device *device =
		registry_by_row(((struct host *)userdata)->registry, device_row);

	return device && !is_leaving(userdata, device);
}

/* Of all devices. When there was nobody, it is looked again after a while only: readings that find
 * no room come as fast as anybody sends. */
static struct device *greatest(struct host *host)
{
	struct trim *trim = &host->trim;
	uint64_t row, now = clock_boot_usec();

	if (now < trim->nobody_until_usec)
		return NULL;
	row = owed_greatest(host->owed, may_give_up, host);
	trim->nobody_until_usec = row ? 0 : now + NOBODY_USEC;
	return registry_by_row(host->registry, row);
}

void trim_make_room(struct host *host, struct device *device, enum owed_verdict verdict)
{
	if (host->config->outbox_when_full != FULL_DROP_OLDEST || host->trim.busy)
		return;
	if (verdict == OWED_FULL)
		device = greatest(host);
	/* A twentieth at a time: not one order for each reading. */
	if (device)
		(void)begin(host, device, 0,
			owed_device_bytes(host->owed, device->record->row) / 20 + 1);
}
