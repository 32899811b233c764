/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A reading's way out; landing.c has the way back.
 *
 *	owed -> pump: open devices take turns -> driver encodes -> PUBLISH QoS 1
 *
 * What the uplink holds is known by a slot in the flight table; its number and a generation make
 * the tag that comes back. A slot lives until the uplink answered or lost its session, also when
 * its reading is owed again: only then nothing of a device can still leave.
 */

#include "host/host.h"
#include "host/platform-host.h"
#include "host/reading.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/message-ids.h"
#include "host/clock-watch.h"
#include "host/flight-parts.h"
#include "host/gap.h"
#include "host/outbox-host.h"
#include "host/pack.h"
#include "host/session.h"

#define PUMP_BUDGET 256 /* readings handed to the uplink in one turn of the loop */

static void cleanup_message(struct upstream_message *message)
{
	upstream_message_clear(message);
}

DEFINE_CLEANUP(struct reading *, reading_unref, cleanup_reading)

static int send_one(struct host *host, struct device *device, struct reading *reading)
{
	const struct platform_driver *driver = platform_host_driver(host, device);
	CLEANUP(cleanup_message) struct upstream_message message = {0};
	CLEANUP(cleanup_reading) struct reading *settled = NULL;
	struct upstream_item item = {
		.kind = UPSTREAM_READING,
		.gateway_id = host->config->id,
		.epoch = owed_epoch(host->owed),
		.record = device->record,
		.reading = reading,
		.envelope = host->config->envelope == ENVELOPE_JSON ||
			    session_version(host, device) != 5,
	};
	uint64_t tag;
	int r;

	if (!driver)
		return -ENOTSUP;
	r = clock_settle(host, reading, &settled);
	if (r < 0)
		return r;
	if (settled)
		item.reading = settled;
	r = driver->encode(platform_host_services(), &item, &message);
	if (r < 0)
		return r;
	if (!flight_take(host, FLIGHT_READING, reading->device_row, reading->row, &tag))
		return -EBUSY;
	flight_find(host, tag)->own = session_has_own(device);
	r = session_publish(host, device, &message, tag);
	if (r < 0)
		flight_free(host, flight_find(host, tag));
	else
		suspect_sent(session_suspect(host, device));
	return r;
}

static void ask_for_more(struct host *host)
{
	struct owed_fetch fetch;

	while (owed_wants_fetch(host->owed, &fetch))
		store_fetch(host->store, &fetch);
}

/* One went ahead, and it is not known yet whether it is taken. The reading that is asked about
 * counts already. */
static bool waits_for_one(const struct host *host, const struct device *device)
{
	return device_host(device)->refused_alone &&
	       owed_in_flight(host->owed, device->record->row) > 1;
}

/* The lease is looked at for every PUBLISH, not only when its timer fires. */
bool flight_may_leave(struct host *host, struct device *device)
{
	return device && session_may_send(host, device) && !waits_for_one(host, device) &&
	       lifecycle_may_publish(&device->record->life, clock_wall_msec()) &&
	       !device_host(device)->draining;
}

void flight_hold(struct host *host, struct device *device, uint64_t device_row, uint64_t row)
{
	owed_set_open(host->owed, device_row, false);
	owed_put_back(host->owed, device_row, row);
	outbox_unpaced(host);
	/* The wall clock may have jumped over the end of the lease: its timers are set by what the
	 * clock says now. */
	if (device)
		platform_host_set_timers(host, device);
}

void flight_bury(struct host *host, uint64_t device_row, uint64_t row, const char *why)
{
	struct device *device = registry_by_row(host->registry, device_row);
	const struct upstream_gap gap = {
		.first_row = row, .last_row = row, .count = 1, .reason = why};

	store_bury(host->store, row, why, device ? gap_note(host, device->record, &gap) : NULL);
	host->metrics.lost[LOST_REFUSED] += owed_dead(host->owed, device_row, row);
	gap_publish(host);
	log_at(LOG_WARNING,
		(&(const struct log_fields){.device = device ? device->record->id : NULL,
			.message_id = MESSAGE_READINGS_DROPPED}),
		"A reading was put aside: %s.", why);
}

bool flight_send(struct host *host, struct device *device, struct reading *reading)
{
	uint64_t device_row = reading->device_row, row = reading->row;
	int r;

	r = send_one(host, device, reading);
	switch (r) {
	case -ENOTSUP:
		flight_bury(host, device_row, row, "its platform has no place for it");
		return true;
	case -EMSGSIZE:
	case -EINVAL:
		flight_bury(host, device_row, row, "MQTT cannot carry it");
		return true;
	default:
		break;
	}
	if (r >= 0)
		return true;
	owed_put_back(host->owed, device_row, row);
	outbox_unpaced(host);
	/* Without an answer to come, nobody else would pump again. */
	if (session_any_is_up(host))
		reading_pump_later(host);
	return false;
}

bool flight_has_room(const struct host *host, size_t more)
{
	return session_any_is_up(host) && host->flights_in_use + more < FLIGHTS_MAX;
}

/* The gateway's session takes one at a time (core/suspect.h) and has it; devices with a session of
 * their own do not wait for that. One that does steps aside, so that ten thousand of them are
 * passed over once and not whenever something comes or goes. */
static void step_aside(struct host *host, const struct reading *reading)
{
	owed_set_aside(host->owed, reading->device_row, reading->row);
	outbox_unpaced(host);
}

/* The gateway's session has room: whoever stepped aside first goes first, or all of them when no
 * reading is suspected any more. */
static void let_in(struct host *host)
{
	if (suspect_has_room(&host->suspect))
		owed_take_up(host->owed, !host->suspect.alone);
}

/* False: not now, for none of them. */
static bool pump_one(struct host *host, struct reading *reading, unsigned *count)
{
	struct device *device = registry_by_row(host->registry, reading->device_row);

	if (!flight_may_leave(host, device)) {
		++*count;
		flight_hold(host, device, reading->device_row, reading->row);
		return true;
	}
	if (!session_has_own(device) && !suspect_has_room(&host->suspect)) {
		++*count;
		step_aside(host, reading);
		return true;
	}
	if (pack_is_wanted(host, device))
		return pack_send(host, device, reading, count);
	++*count;
	return flight_send(host, device, reading);
}

static int on_pump(sd_event_source *source, void *userdata)
{
	struct host *host = userdata;
	struct reading *reading;
	unsigned count = 0;
	bool more = true;

	let_in(host);
	while (more && count < PUMP_BUDGET && flight_has_room(host, 0) &&
		owed_has_next(host->owed) && outbox_paced(host) &&
		(reading = owed_next(host->owed))) {
		more = pump_one(host, reading, &count);
		let_in(host);
	}
	ask_for_more(host);
	/* The budget was used up: go on in the next turn, others first. */
	if (more && count >= PUMP_BUDGET)
		reading_pump_soon(host);
	return 0;
}

void reading_pump_soon(struct host *host)
{
	int r;

	if (!host->pump_source) {
		r = sd_event_add_defer(host->loop, &host->pump_source, on_pump, host);
		if (r < 0) {
			log_error("The outbox cannot be worked off: %s.", strerror(-r));
			return;
		}
		sd_event_source_set_description(host->pump_source, "pump");
		/* After the datagrams and commits of this turn: they make the batch. */
		sd_event_source_set_priority(host->pump_source, SD_EVENT_PRIORITY_NORMAL + 10);
	}
	sd_event_source_set_enabled(host->pump_source, SD_EVENT_ONESHOT);
}
