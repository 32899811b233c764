/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A reading's way out.
 *
 *	owed -> pump: open devices take turns -> driver encodes -> PUBLISH QoS 1
 *	PUBACK                  -> the row is deleted in a batch
 *	refused for good        -> dead letters
 *	refused for the moment  -> waits, its device is held for 1 s to 60 s; then the oldest goes
 *				   ahead by itself, and the others when it was taken: of several
 *				   the first could still be refused and the last be taken
 *	link lost               -> all of it is owed again, in order; under MQTT 3.1.1 that may be
 *				   the word about a reading (core/suspect.h): dead letters
 *
 * What the uplink holds is known by a slot in the flight table; its number and a generation make
 * the tag that comes back. A slot lives until the uplink answered or lost its session, also when
 * its reading is owed again: only then nothing of a device can still leave.
 */

#include "host/host.h"
#include "host/platform-host.h"
#include "host/reading.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/message-ids.h"
#include "host/clock-watch.h"
#include "host/command-host.h"
#include "host/flight-parts.h"
#include "host/gap.h"
#include "host/outbox-host.h"
#include "host/pack.h"
#include "host/session.h"

#define DELETE_DELAY_USEC (50 * USEC_PER_MSEC)
#define DELETES_AT_ONCE	  256
#define RANGES_MAX	  64
#define PUMP_BUDGET	  256 /* readings handed to the uplink in one turn of the loop */
#define PUMP_AGAIN_USEC	  USEC_PER_SEC

/* ---- out ---- */

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

static int on_delete_timer(sd_event_source *source, uint64_t usec, void *userdata);

static void set_delete_timer(struct host *host, uint64_t delay_usec)
{
	int r = loop_timer_set(host->loop, &host->delete_timer, delay_usec, on_delete_timer, host,
		"outbox-delete");

	if (r < 0)
		log_error("The outbox's timer could not be set: %s.", strerror(-r));
}

void reading_pump_later(struct host *host)
{
	set_delete_timer(host, PUMP_AGAIN_USEC);
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

/* ---- delivered ---- */

void reading_delete_delivered(struct host *host)
{
	struct row_range ranges[RANGES_MAX];
	size_t count;

	while ((count = owed_take_deletes(host->owed, ranges, RANGES_MAX)) > 0)
		store_delete(host->store, ranges, count);
}

static int on_delete_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct host *host = userdata;

	reading_delete_delivered(host);
	gap_publish(host);
	reading_pump_soon(host);
	return 0;
}

/* Takes the slot of a tag back. False: it was given up meanwhile, or was no reading. */
static bool landed(struct host *host, uint64_t tag, struct flight *ret_was)
{
	struct flight *flight = flight_find(host, tag);

	if (!flight)
		return false;
	*ret_was = *flight;
	flight_free(host, flight);
	return ret_was->kind == FLIGHT_READING;
}

/* The next one of the same message. */
static bool landed_next(struct host *host, struct flight *was)
{
	return landed(host, was->next_in_pack, was);
}

static int on_refused_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct device_host *part = userdata;

	part->refused_waits = false;
	/* What filled its session's window was put back: no answer to it will come. */
	session_let_go_on(part->host, part->device);
	return 0;
}

/* One wait for all that are refused together. */
static void hold_refused(struct host *host, uint64_t device_row)
{
	struct device *device = registry_by_row(host->registry, device_row);
	struct device_host *part = device ? device_host(device) : NULL;
	int r;

	if (!part || part->refused_waits)
		return;
	part->refused_alone = true;
	r = loop_timer_set(host->loop, &part->refused_timer, backoff_next(&part->refused_backoff),
		on_refused_timer, part, "refused-retry");
	if (r < 0)
		log_device(LOG_ERR, device->record->id,
			"Its readings wait for the next connect: %s.", strerror(-r));
	part->refused_waits = r >= 0;
}

/* The one that went ahead has landed: taken, so that all may follow, or put aside for good. What
 * was taken beside one that was refused says nothing: the wait is not over. */
static void one_has_landed(struct host *host, struct device *device, bool taken)
{
	struct device_host *part = device_host(device);

	if (!part->refused_alone || part->refused_waits)
		return;
	part->refused_alone = !taken;
	session_let_go_on(host, device);
}

/* One of its readings was taken: it is neither refused nor in want of room. */
static void device_is_eased(struct host *host, uint64_t device_row)
{
	struct device *device = registry_by_row(host->registry, device_row);

	if (!device)
		return;
	backoff_reset(&device_host(device)->refused_backoff);
	one_has_landed(host, device, true);
	outbox_device_eased(host, device);
}

/* The suspect of the session by which it went; NULL: that session is gone. */
static struct suspect *suspect_of(struct host *host, const struct flight *was)
{
	const struct device *device = registry_by_row(host->registry, was->device_row);

	if (!was->own)
		return &host->suspect;
	return session_has_own(device) ? session_suspect(host, device) : NULL;
}

static void delivered(struct host *host, const struct flight *was)
{
	struct suspect *suspect = suspect_of(host, was);
	size_t before = owed_deletes_waiting(host->owed);

	histogram_add(&host->metrics.publish, clock_boot_usec() - was->sent_usec);
	owed_acked(host->owed, was->device_row, was->row);
	if (suspect)
		suspect_taken(suspect, was->row);
	device_is_eased(host, was->device_row);
	if (owed_deletes_waiting(host->owed) >= DELETES_AT_ONCE)
		reading_delete_delivered(host);
	else if (!before && owed_deletes_waiting(host->owed))
		set_delete_timer(host, DELETE_DELAY_USEC);
	session_on_landed(host, was->device_row);
	reading_look_whether_drained(host, was->device_row);
}

void reading_on_delivered(struct host *host, uint64_t tag)
{
	struct flight was = {.kind = FLIGHT_FREE};

	if (!landed(host, tag, &was)) {
		if (was.kind == FLIGHT_GAP)
			gap_on_delivered(host, was.row);
		else if (was.kind == FLIGHT_RESULT)
			command_on_landed(host, was.row, true);
		return;
	}
	do
		delivered(host, &was);
	while (landed_next(host, &was));
	reading_pump_soon(host);
}

/* Reasons that will be the same next time: the row goes to the dead letters instead of blocking the
 * queue. */
static bool is_poison(int reason)
{
	return reason == 0x90 || reason == 0x95 || reason == 0x99;
}

/* Of several it is not known which one it was, or whether they were only too much together. */
static void refused(struct host *host, const struct flight *was, int reason, bool alone)
{
	struct device *device = registry_by_row(host->registry, was->device_row);
	struct suspect *suspect = suspect_of(host, was);
	char text[32];

	if (suspect)
		suspect_excused(suspect);
	if (is_poison(reason) && alone) {
		snprintf(text, sizeof(text), "MQTT reason 0x%02X", (unsigned)reason);
		flight_bury(host, was->device_row, was->row, text);
	} else if (is_poison(reason)) {
		owed_put_back(host->owed, was->device_row, was->row);
		host->pack_singles++;
	} else {
		/* Quota, authorisation of a topic: not this reading's fault. It waits, and what is
		 * behind it. */
		owed_set_open(host->owed, was->device_row, false);
		owed_put_back(host->owed, was->device_row, was->row);
		hold_refused(host, was->device_row);
	}
	if (is_poison(reason) && device)
		one_has_landed(host, device, false);
	if (is_poison(reason))
		session_on_landed(host, was->device_row);
	reading_look_whether_drained(host, was->device_row);
}

void reading_on_refused(struct host *host, uint64_t tag, int reason)
{
	struct flight was = {.kind = FLIGHT_FREE};
	bool alone;

	if (!landed(host, tag, &was)) {
		if (was.kind == FLIGHT_GAP)
			gap_on_refused(host, was.row, is_poison(reason));
		else if (was.kind == FLIGHT_RESULT)
			command_on_landed(host, was.row, false);
		return;
	}
	alone = !was.packed;
	do
		refused(host, &was, reason, alone);
	while (landed_next(host, &was));
	reading_pump_soon(host);
}

/* One that the uplink held will not come back: it is owed again, and with it what left after it. */
static void give_back(struct host *host, struct flight *flight)
{
	if (flight->kind == FLIGHT_READING) {
		owed_put_back(host->owed, flight->device_row, flight->row);
		/* Under MQTT 3.1.1 a broker says by hanging up that a PUBLISH is too large. */
		if (flight->packed)
			host->pack_singles++;
	} else if (flight->kind == FLIGHT_GAP)
		gap_on_lost(host, flight->row);
	else if (flight->kind == FLIGHT_RESULT)
		command_on_lost(host, flight->row);
	flight_free(host, flight);
}

/* Does it end with this session: a device's own, or the gateway's (0)? A reading that went by the
 * gateway's lives on when its device's own is lost. */
static bool goes_with(struct host *host, const struct flight *flight, uint64_t device_row)
{
	const struct device *device;

	if (flight->kind == FLIGHT_FREE || (device_row && flight->device_row != device_row))
		return false;
	if (flight->kind == FLIGHT_READING)
		return flight->own == (device_row != 0);
	device = registry_by_row(host->registry, flight->device_row);
	return device_row || !device || !session_is_own(device);
}

/* What left first of all that the session had is what the peer saw first: the others may never have
 * been looked at. */
static void blame(struct host *host, struct suspect *suspect, uint64_t device_row)
{
	const struct flight *first = NULL;
	unsigned readings = 0;
	uint32_t i;

	for (i = 0; host->flights_in_use && i < FLIGHTS_MAX; i++) {
		const struct flight *flight = &host->flights[i];

		if (!goes_with(host, flight, device_row))
			continue;
		readings += flight->kind == FLIGHT_READING;
		if (!first || flight->order < first->order)
			first = flight;
	}
	if (!first)
		return;
	if (suspect_blamed(suspect, first->kind == FLIGHT_READING ? first->row : 0, readings))
		flight_bury(host, first->device_row, first->row,
			"the broker hung up on it three times");
}

static void session_lost(
	struct host *host, struct suspect *suspect, uint64_t device_row, bool hung_up)
{
	uint32_t i;

	if (suspect && hung_up)
		blame(host, suspect, device_row);
	else if (suspect)
		suspect_excused(suspect);
	for (i = 0; host->flights_in_use && i < FLIGHTS_MAX; i++)
		if (goes_with(host, &host->flights[i], device_row))
			give_back(host, &host->flights[i]);
}

void reading_on_link_lost(struct host *host, bool hung_up)
{
	session_lost(host, &host->suspect, 0, hung_up);
	reading_all_drained(host);
}

void reading_on_session_lost(struct host *host, uint64_t device_row, bool hung_up)
{
	const struct device *device = registry_by_row(host->registry, device_row);

	session_lost(host, session_has_own(device) ? session_suspect(host, device) : NULL,
		device_row, hung_up);
	reading_look_whether_drained(host, device_row);
}
