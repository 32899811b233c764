/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What became of a reading that left (flight.c).
 *
 *	PUBACK                  -> the row is deleted in a batch
 *	refused for good        -> dead letters
 *	refused for the moment  -> waits, its device is held for 1 s to 60 s; then the oldest goes
 *				   ahead by itself, and the others when it was taken: of several
 *				   the first could still be refused and the last be taken
 *	link lost               -> all of it is owed again, in order; under MQTT 3.1.1 that may be
 *				   the word about a reading (core/suspect.h): dead letters
 */

#include "host/host.h"
#include "host/reading.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "host/command-host.h"
#include "host/flight-parts.h"
#include "host/gap.h"
#include "host/outbox-host.h"
#include "host/session.h"

#define DELETE_DELAY_USEC (50 * USEC_PER_MSEC)
#define DELETES_AT_ONCE	  256
#define RANGES_MAX	  64
#define PUMP_AGAIN_USEC	  USEC_PER_SEC
#define WORD_SEC	  20 /* a peer that looked at it has hung up by then */

/* ---- deleted ---- */

void reading_delete_delivered(struct host *host)
{
	struct row_range ranges[RANGES_MAX];
	size_t count;

	while ((count = owed_take_deletes(host->owed, ranges, RANGES_MAX)) > 0)
		store_delete(host->store, ranges, count);
}

/* What could not be handed over was put back; who was closed for that has nothing in flight that
 * could open it. */
static void open_put_back(struct host *host)
{
	struct device *device = registry_first(host->registry);

	if (!host->put_back_closed)
		return;
	host->put_back_closed = false;
	for (; device; device = registry_next(device))
		if (session_is_up(host, device) && !device_host(device)->refused_waits &&
			!owed_in_flight(host->owed, device->record->row))
			session_let_go_on(host, device);
}

static int on_delete_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct host *host = userdata;

	open_put_back(host);
	reading_delete_delivered(host);
	gap_publish(host);
	reading_pump_soon(host);
	return 0;
}

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

/* ---- taken ---- */

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

/* ---- refused ---- */

/* Reasons that will be the same next time: the row goes to the dead letters instead of blocking the
 * queue. */
static bool is_poison(int reason)
{
	return reason == 0x90 || reason == 0x95 || reason == 0x99;
}

/* Of several it is not known which one it was, or whether they were only too much together. */
static void refused_for_good(struct host *host, const struct flight *was, int reason, bool alone)
{
	struct device *device = registry_by_row(host->registry, was->device_row);
	char text[32];

	if (alone) {
		snprintf(text, sizeof(text), "MQTT reason 0x%02X", (unsigned)reason);
		flight_bury(host, was->device_row, was->row, text);
	} else {
		owed_put_back(host->owed, was->device_row, was->row);
		host->pack_singles++;
	}
	if (device)
		one_has_landed(host, device, false);
	session_on_landed(host, was->device_row);
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
	if (!part->refused_alone)
		part->refused_since_usec = clock_boot_usec();
	part->refused_alone = true;
	r = loop_timer_set(host->loop, &part->refused_timer, backoff_next(&part->refused_backoff),
		on_refused_timer, part, "refused-retry");
	if (r < 0)
		log_device(LOG_ERR, device->record->id,
			"Its readings wait for the next connect: %s.", strerror(-r));
	part->refused_waits = r >= 0;
}

/* Quota, authorisation of a topic: not this reading's fault. It waits, and what is behind it. */
static void refused_for_now(struct host *host, const struct flight *was)
{
	owed_set_open(host->owed, was->device_row, false);
	owed_put_back(host->owed, was->device_row, was->row);
	hold_refused(host, was->device_row);
}

static void refused(struct host *host, const struct flight *was, int reason, bool alone)
{
	struct suspect *suspect = suspect_of(host, was);

	if (suspect)
		suspect_excused(suspect);
	if (is_poison(reason))
		refused_for_good(host, was, reason, alone);
	else
		refused_for_now(host, was);
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

/* ---- lost ---- */

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

/* The line was silent until it was given up: that is no word about a reading. */
static bool was_silent(const struct host *host, const struct flight *first)
{
	uint64_t most = host->config->mqtt_keep_alive;

	if (most > WORD_SEC)
		most = WORD_SEC;
	return clock_boot_usec() - first->sent_usec > most * USEC_PER_SEC;
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
	if (was_silent(host, first)) {
		suspect_excused(suspect);
		return;
	}
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
