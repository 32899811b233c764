/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Holding a device, and draining it. A device that may not publish any more is held at once; what
 * the uplink has of it already is waited for, at most 3 s, then the session is cut: so there is a
 * moment from which on nothing of it appears any more, and whoever asked for that is told then.
 * After a cut that is when the connection is gone; what the broker had received is not known, and
 * they are told that.
 *
 *	held, in flight --landed--> drained --drop--> readings deleted, a gap record says which
 *	       '-------3 s: session cut--^
 */

#include "host/host.h"
#include "host/reading.h"
#include "host/upstream.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/message-ids.h"
#include "host/gap.h"
#include "host/outbox-host.h"
#include "host/session.h"

#define DRAIN_TIMEOUT_USEC (3 * USEC_PER_SEC)

void reading_set_open(struct host *host, struct device *device)
{
	struct device_host *part = device_host(device);
	bool open = !part->draining && session_is_open(device) &&
		    lifecycle_may_publish(&device->record->life, clock_wall_msec());

	if (owed_set_open(host->owed, device->record->row, open) < 0)
		log_device(LOG_WARNING, device->record->id,
			"Its readings wait: the gateway is out of memory.");
	if (open)
		reading_pump_soon(host);
}

static void drop_readings(struct host *host, struct device *device)
{
	struct upstream_gap gap = {.reason = "revoked"};

	owed_drop_device(
		host->owed, device->record->row, &gap.count, &gap.first_row, &gap.last_row);
	host->metrics.lost[LOST_REVOKED] += gap.count;
	outbox_device_eased(host, device);
	reading_drop_rows(
		host, device->record->row, gap.count ? gap_note(host, device->record, &gap) : NULL);
	if (!gap.count)
		return;
	gap_publish(host);
	log_at(LOG_NOTICE,
		(&(const struct log_fields){
			.device = device->record->id, .message_id = MESSAGE_READINGS_DROPPED}),
		"%llu waiting readings of %s were dropped.", (unsigned long long)gap.count,
		device->record->id);
}

static void drained(struct device_host *part)
{
	struct drain_waiter *waiter;

	loop_timer_stop(part->drain_timer);
	part->draining = false;
	if (part->drop_after_drain) {
		part->drop_after_drain = false;
		drop_readings(part->host, part->device);
	}
	session_on_drained(part);
	device_host_pin(part);
	while ((waiter = part->drain_waiters)) {
		part->drain_waiters = waiter->next;
		waiter->done(waiter->userdata);
		free(waiter);
	}
	if (!part->gone)
		reading_set_open(part->host, part->device);
	device_host_unpin(part);
}

void reading_look_whether_drained(struct host *host, uint64_t device_row)
{
	struct device *device = registry_by_row(host->registry, device_row);
	struct device_host *part = device ? device_host(device) : NULL;

	if (part && part->draining && !flights_of_device(host, device_row))
		drained(part);
}

void reading_all_drained(struct host *host)
{
	struct device *device = registry_first(host->registry);

	while (device) {
		struct device *next = registry_next(device);
		uint64_t next_row = next ? next->record->row : 0;

		if (device_host(device)->draining &&
			!flights_of_device(host, device->record->row)) {
			drained(device_host(device));
			/* Whoever was told may have removed any of them. */
			next = next_row ? registry_by_row(host->registry, next_row) : NULL;
			if (next_row && !next)
				next = registry_first(host->registry);
		}
		device = next;
	}
}

/* The session that has its readings, so that nothing more of it is sent. */
static void cut(struct host *host, struct device *device)
{
	bool shared =
		!session_is_own(device) || flights_shared_of_device(host, device->record->row);
	struct device *other;

	device_host(device)->drain_cut = true;
	if (session_is_own(device))
		session_cut(host, device);
	if (!shared)
		return;
	for (other = registry_first(host->registry); other; other = registry_next(other))
		if (device_host(other)->draining && !session_is_own(other))
			device_host(other)->drain_cut = true;
	upstream_cut(host);
}

static int on_drain_timeout(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct device_host *part = userdata;

	log_device(LOG_WARNING, part->device->record->id,
		"The broker did not take its last readings in time: the session is cut.");
	cut(part->host, part->device);
	return 0;
}

void reading_drain(struct host *host, struct device *device, bool drop,
	void (*done)(void *userdata), void *userdata)
{
	struct device_host *part = device_host(device);
	bool before = part->draining;
	struct drain_waiter *waiter = NULL;

	owed_set_open(host->owed, device->record->row, false);
	if (!before)
		part->drain_cut = host->cutting && !session_is_own(device);
	part->draining = true;
	part->drop_after_drain |= drop;
	if (done) {
		waiter = malloc(sizeof(*waiter));
		if (!waiter) {
			/* Nobody can wait, so nothing may be left to wait for. */
			cut(host, device);
			if (part->draining)
				drained(part);
			done(userdata);
			return;
		}
		*waiter = (struct drain_waiter){
			.next = part->drain_waiters, .done = done, .userdata = userdata};
		part->drain_waiters = waiter;
	}
	if (!flights_of_device(host, device->record->row))
		drained(part);
	else if (!before && loop_timer_set(host->loop, &part->drain_timer, DRAIN_TIMEOUT_USEC,
				    on_drain_timeout, part, "drain") < 0)
		cut(host, device);
}
