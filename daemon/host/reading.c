/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A reading's way in.
 *
 *	datagram
 *	  -> whose is it, may it report, is it within its rate
 *	  -> core/reading decodes, core/owed numbers it
 *	  -> the store appends it; the exchange stays open
 *	  -> committed: 2.04 goes out, and it is owed upstream (flight.c)
 *
 * The row on disk is the truth. What happened to the device while the disk was busy is looked at
 * again before anything is promised.
 */

#include "host/reading.h"
#include "host/host.h"
#include "host/journal.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "host/binding-host.h"
#include "host/clock-watch.h"
#include "host/gap.h"
#include "host/outbox-host.h"
#include "host/secure-host.h"

/* Readings handed to the store and not committed: about a second of a slow disk. */
#define APPENDING_MAX 2000

/* With this many of them a promise waits for the disk, whatever the configuration says: held
 * answers slow senders down, where a refusal would send them away for half a minute. */
#define PROMISES_MAX 1000

/* ---- in ---- */

static void refuse(struct host *host, const struct lan_request *request, uint8_t code,
	enum turned_away why, const char *text, int64_t max_age)
{
	host_turned_away(host, why, &request->peer->address);
	lan_answer_text(request->exchange, code, text, max_age);
}

/* The device that sent this, or NULL after it was answered. */
static struct device *sender_of(struct host *host, const struct lan_request *request)
{
	struct device *device;

	device = request->ep[0]
			 ? registry_by_ep(host->registry, request->ep)
			 : registry_by_address(host->registry, &request->peer->address, NULL);
	if (!device || !lifecycle_may_report(&device->record->life)) {
		refuse(host, request, COAP_CODE(4, 3), AWAY_NOT_APPROVED,
			"not approved: POST /enrol", -1);
		return NULL;
	}
	if (secure_is_device(request, device) && request->peer->trust == device->record->trust)
		return device;
	if (secure_is_proven(request)) {
		refuse(host, request, COAP_CODE(4, 3), AWAY_NOT_APPROVED,
			"not approved at this tier: POST /enrol", -1);
		return NULL;
	}
	if (secure_is_downgrade(host, device, request)) {
		refuse(host, request, COAP_CODE(4, 3), AWAY_PLAIN_REFUSED,
			"this name is known at a higher tier", -1);
		return NULL;
	}
	if (!binding_fits(host, device, request->peer)) {
		/* Without a name it claims none. */
		if (request->ep[0])
			host_alarm_raise(host, ALARM_NAME_CONFLICT, device->record->id);
		refuse(host, request, COAP_CODE(4, 3), AWAY_NAME_CONFLICT,
			"this name belongs to another address", -1);
		return NULL;
	}
	return device;
}

static bool take_rate(struct host *host, struct device *device, uint64_t *ret_wait)
{
	if (ratelimit_take(&device->rate, host->config->device_rate, host->config->device_burst,
		    clock_boot_usec(), ret_wait))
		return true;
	host->limits.reached[LIMIT_RATE]++;
	return false;
}

static bool within_rate(struct host *host, struct device *device, const struct lan_request *request)
{
	uint64_t wait = 0;

	if (take_rate(host, device, &wait))
		return true;
	refuse(host, request, COAP_CODE(4, 29), AWAY_OVER_RATE, "too many readings",
		(int64_t)(wait / USEC_PER_SEC) + 1);
	return false;
}

static const struct {
	uint8_t code;
	enum turned_away why;
} refusal[] = {
	[READING_ACCEPTED] = {COAP_CODE(2, 4), AWAY_MALFORMED},
	[READING_MALFORMED] = {COAP_CODE(4, 0), AWAY_MALFORMED},
	[READING_TOO_LARGE] = {COAP_CODE(4, 13), AWAY_OVER_LIMIT},
	[READING_TOO_MANY] = {COAP_CODE(4, 13), AWAY_OVER_LIMIT},
	[READING_FORMAT_UNKNOWN] = {COAP_CODE(4, 15), AWAY_FORMAT},
	[READING_NOT_SENML] = {COAP_CODE(4, 22), AWAY_FORMAT},
};

static void answer(
	struct host *host, struct reading *reading, uint8_t code, const char *text, int64_t max_age)
{
	struct lan_exchange *exchange = reading->exchange;

	reading->exchange = NULL;
	/* When the gateway stops the LAN goes first, and its exchanges with it. */
	if (!exchange || !host->lan)
		return;
	if (text)
		lan_answer_text(exchange, code, text, max_age);
	else
		lan_answer(exchange,
			&(const struct lan_answer){.code = code, .format = -1, .max_age = max_age});
}

/* 2.04; {"c": n} in CBOR when commands wait for a device that is awake now. */
static void answer_taken(struct host *host, struct device *device, struct reading *reading)
{
	uint8_t hint[] = {0xa1, 0x61, 'c', (uint8_t)command_box_ready(&device->commands)};
	struct lan_exchange *exchange = reading->exchange;

	if (!hint[3] || !exchange || !host->lan) {
		answer(host, reading, COAP_CODE(2, 4), NULL, -1);
		return;
	}
	reading->exchange = NULL;
	lan_answer(exchange, &(const struct lan_answer){.code = COAP_CODE(2, 4),
				     .format = FORMAT_CBOR,
				     .payload = span_of(hint, sizeof(hint)),
				     .max_age = -1});
}

/* Before the disk knows anything: that is what was asked for, as long as the disk is known to have
 * room, and to keep up. */
static bool may_promise(struct host *host)
{
	return host->config->outbox_durability == DURABILITY_MEMORY &&
	       !host_alarm_is_active(host, ALARM_OUTBOX_FULL, "") &&
	       store_appending(host->store) < PROMISES_MAX;
}

/* Numbers a decoded reading and hands it to the store. False: no room. Takes the reference. */
static bool owe(struct host *host, struct device *device, struct reading *reading)
{
	enum owed_verdict verdict;

	if (store_appending(host->store) >= APPENDING_MAX) {
		host->limits.reached[LIMIT_WINDOW_READINGS]++;
		reading_unref(reading);
		return false;
	}
	if (reading_is_dropping(host, device->record->row)) {
		reading_unref(reading);
		return false;
	}
	verdict = owed_take_row(host->owed, device->record->row, reading->size, &reading->row);
	if (verdict != OWED_ROOM) {
		outbox_refused(host, device, verdict);
		reading_unref(reading);
		return false;
	}
	reading->device_row = device->record->row;
	reading->trust = device->record->trust;
	reading->taken_usec = clock_boot_usec();
	if (!reading->clock_synced)
		clock_note_unsynced(host, reading->row);
	reading->promised = may_promise(host);
	if (reading->promised)
		answer_taken(host, device, reading);
	store_append(host->store, reading);
	return true;
}

static int decode(struct host *host, struct device *device, const struct polled *body,
	struct reading **ret_reading, enum reading_verdict *ret_verdict, const char **ret_why)
{
	bool synced = clock_is_set(host);
	const struct reading_context context = {
		.device_id = device->record->id,
		.value_name = body->name,
		.value_unit = body->unit,
		.now = clock_wall_msec(),
		.clock_unset = !synced,
	};

	int r = reading_decode(
		body->format, body->body, &context, ret_reading, ret_verdict, ret_why);

	if (r >= 0 && *ret_verdict == READING_ACCEPTED)
		(*ret_reading)->clock_synced = synced;
	if (r >= 0 && *ret_verdict == READING_TOO_MANY)
		host->limits.reached[LIMIT_RECORDS]++;
	return r;
}

void reading_on_request(struct host *host, const struct lan_request *request)
{
	struct device *device;
	struct reading *reading = NULL;
	enum reading_verdict verdict = READING_MALFORMED;
	const char *why = NULL;
	int r;

	if (request->method != LAN_POST) {
		lan_answer_text(request->exchange, COAP_CODE(4, 5), NULL, -1);
		return;
	}
	device = sender_of(host, request);
	if (!device || !within_rate(host, device, request))
		return;
	device->last_heard_usec = clock_boot_usec();
	r = decode(host, device,
		&(const struct polled){.format = request->content_format,
			.name = request->value_name,
			.body = request->payload},
		&reading, &verdict, &why);
	if (r < 0) {
		lan_answer_text(request->exchange, COAP_CODE(5, 3), "out of memory", 5);
		return;
	}
	if (verdict != READING_ACCEPTED) {
		refuse(host, request, refusal[verdict].code, refusal[verdict].why, why, -1);
		return;
	}
	reading->key = request->key;
	reading->exchange = request->exchange;
	lan_exchange_expire(request->exchange);
	if (!owe(host, device, reading))
		refuse(host, request, COAP_CODE(5, 3), AWAY_STORE_FULL,
			"the gateway cannot store it now", 30);
}

void reading_on_polled(struct host *host, struct device *device, const struct polled *polled)
{
	struct reading *reading = NULL;
	enum reading_verdict verdict = READING_MALFORMED;
	const char *why = NULL;
	uint64_t wait = 0;

	if (!lifecycle_may_report(&device->record->life))
		return;
	device->last_heard_usec = clock_boot_usec();
	if (!take_rate(host, device, &wait)) {
		host_turned_away(host, AWAY_OVER_RATE, &device->record->address);
		return;
	}
	if (decode(host, device, polled, &reading, &verdict, &why) < 0)
		return;
	if (verdict != READING_ACCEPTED) {
		log_device(LOG_INFO, device->record->id, "Its reading was not taken: %s", why);
		host_turned_away(host, refusal[verdict].why, &device->record->address);
		return;
	}
	if (!owe(host, device, reading))
		host_turned_away(host, AWAY_STORE_FULL, &device->record->address);
}

/* ---- committed ---- */

/* If it was acknowledged already, it is one that is lost. */
static void give_up(struct host *host, const struct reading *reading, enum lost_why why)
{
	const struct device *device = registry_by_row(host->registry, reading->device_row);
	const struct upstream_gap gap = {.first_row = reading->row,
		.last_row = reading->row,
		.count = 1,
		.reason = why == LOST_REVOKED ? "revoked" : "not stored"};
	const struct store_gap *noted;

	if (!reading->promised)
		return;
	host->metrics.lost[why]++;
	noted = device ? gap_note(host, device->record, &gap) : NULL;
	if (noted)
		store_put_gap(host->store, noted);
	gap_publish(host);
}

/* Revoked or forgotten while the disk was busy, or put off because it was too slow: nothing was
 * promised, so nothing is kept. */
static void take_back(struct host *host, struct reading *reading, enum lost_why why)
{
	owed_refused(host->owed, reading);
	store_take_back(host->store, reading->row);
	give_up(host, reading, why);
}

static bool was_put_off(const struct host *host, const struct reading *reading)
{
	return host->lan && reading->exchange && lan_exchange_is_expired(reading->exchange);
}

static void committed(struct host *host, struct reading *reading)
{
	struct device *device = registry_by_row(host->registry, reading->device_row);
	struct device_host *part = device ? device_host(device) : NULL;
	uint64_t now;

	if (!device || !lifecycle_may_report(&device->record->life) || part->drop_after_drain) {
		take_back(host, reading, LOST_REVOKED);
		answer(host, reading, COAP_CODE(4, 3), "not approved", -1);
		return;
	}
	now = clock_boot_usec();
	histogram_add(&host->metrics.commit, now - reading->taken_usec);
	if (was_put_off(host, reading)) {
		take_back(host, reading, LOST_UNSTORED);
		answer(host, reading, COAP_CODE(5, 3), NULL, -1);
		return;
	}
	pace_add(&host->metrics.taken, reading->size, now);
	device->last_reading = reading->time;
	if (reading->format == FORMAT_SENML_JSON)
		recent_take(host->recent, reading->device_row, reading->time,
			span_of(reading->body, reading->size));
	device->readings++;
	if (owed_committed(host->owed, reading) < 0)
		log_device(LOG_WARNING, device->record->id,
			"A reading stays on file until memory is free.");
	answer_taken(host, device, reading);
}

void reading_on_appended(struct host *host, struct reading **readings, size_t count, int result)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (result >= 0) {
			committed(host, readings[i]);
		} else {
			owed_refused(host->owed, readings[i]);
			give_up(host, readings[i], LOST_UNSTORED);
			host_turned_away(host, AWAY_STORE_FULL, NULL);
			answer(host, readings[i], COAP_CODE(5, 3),
				"the gateway cannot store it now", 30);
		}
		reading_unref(readings[i]);
	}
	if (result == -ENOSPC) {
		outbox_refused(host, NULL, OWED_FULL);
	} else if (result >= 0) {
		outbox_has_room(host);
		reading_pump_soon(host);
	}
	host_touch_traffic(host);
}

/* The file held less than it should, and what it did not hold was written off. */
static void note_missing(struct host *host, const struct owed_fetch *fetch, uint64_t count)
{
	const struct device *device = registry_by_row(host->registry, fetch->device_row);
	const struct upstream_gap gap = {.first_row = fetch->after_row + 1,
		.last_row = fetch->last_row,
		.count = count,
		.reason = "missing on file"};
	const struct store_gap *noted;

	host->metrics.lost[LOST_MISSING] += count;
	if (!device || !count)
		return;
	noted = gap_note(host, device->record, &gap);
	if (noted)
		store_put_gap(host->store, noted);
	gap_publish(host);
}

void reading_on_fetched(struct host *host, const struct owed_fetch *fetch,
	struct reading **readings, size_t count, int result)
{
	struct owed_fetch failed = *fetch;

	if (result >= 0) {
		note_missing(host, fetch, owed_fetched(host->owed, fetch, readings, count));
		reading_pump_soon(host);
		return;
	}
	/* Not read is not missing: the answer belongs to no place in the queue, so it is thrown
	 * away, and the device asks again with the next pump. */
	failed.after_row = UINT64_MAX;
	owed_fetched(host->owed, &failed, NULL, 0);
	if (result == -ECANCELED)
		return; /* the store is closing */
	log_warning("Readings could not be fetched from the outbox: %s.", strerror(-result));
	reading_pump_later(host);
}
