/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The road of a reading.
 *
 *   datagram -> whose is it, may it report, is it within its rate -> core/reading decodes ->
 * core/owed numbers it -> store appends; the exchange stays open committed -> 2.04 goes out -> owed
 * -> pump: open devices take turns -> driver encodes -> PUBLISH QoS 1 -> PUBACK -> the row is
 * deleted in a batch
 *
 * The row on disk is the truth. A reading in flight is known by a slot in the flight table; its
 * number and a generation make the tag that the uplink brings back. When the link is lost all slots
 * are given up and owed puts its readings back in order.
 */

#include "host/host.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/message-ids.h"

#define APPENDING_MAX \
	2000 /* readings handed to the store and not committed: about a second of a slow disk */
#define DELETE_DELAY_USEC  (50 * USEC_PER_MSEC)
#define DELETES_AT_ONCE	   256
#define RANGES_MAX	   64
#define DRAIN_TIMEOUT_USEC (3 * USEC_PER_SEC)
#define PUMP_BUDGET	   256 /* readings handed to the uplink in one turn of the loop */

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
	if (!device->record->address_bound ||
		!device_address_same_host(&device->record->address, &request->peer->address)) {
		host_alarm_raise(host, ALARM_NAME_CONFLICT, device->record->id);
		refuse(host, request, COAP_CODE(4, 3), AWAY_NAME_CONFLICT,
			"this name belongs to another address", -1);
		return NULL;
	}
	if (request->peer->trust < device->record->trust) {
		refuse(host, request, COAP_CODE(4, 3), AWAY_NOT_APPROVED,
			"this name is known at a higher tier", -1);
		return NULL;
	}
	return device;
}

static bool within_rate(struct host *host, struct device *device, const struct lan_request *request)
{
	uint64_t wait = 0;

	if (ratelimit_take(&device->rate, host->config->device_rate, host->config->device_burst,
		    clock_boot_usec(), &wait))
		return true;
	host->limits.reached[LIMIT_RATE]++;
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
	[READING_FORMAT_UNKNOWN] = {COAP_CODE(4, 15), AWAY_FORMAT},
	[READING_NOT_SENML] = {COAP_CODE(4, 22), AWAY_FORMAT},
};

/* Numbers a decoded reading and hands it to the store. False: no room. Takes the reference. */
static bool owe(struct host *host, struct device *device, struct reading *reading)
{
	if (store_appending(host->store) >= APPENDING_MAX) {
		host->limits.reached[LIMIT_WINDOW_READINGS]++;
		reading_unref(reading);
		return false;
	}
	if (owed_take_row(host->owed, device->record->row, reading->size, &reading->row) ==
		OWED_FULL) {
		host->limits.reached[LIMIT_OUTBOX_BYTES]++;
		host_alarm_raise(host, ALARM_OUTBOX_FULL, "");
		reading_unref(reading);
		return false;
	}
	reading->device_row = device->record->row;
	reading->trust = device->record->trust;
	reading->clock_synced = clock_is_synced();
	store_append(host->store, reading);
	return true;
}

static int decode(struct device *device, int format, const char *value_name, struct span body,
	struct reading **ret_reading, enum reading_verdict *ret_verdict, const char **ret_why)
{
	const struct reading_context context = {
		.device_id = device->record->id,
		.value_name = value_name,
		.now = clock_wall_msec(),
	};

	return reading_decode(format, body, &context, ret_reading, ret_verdict, ret_why);
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
	r = decode(device, request->content_format, request->value_name, request->payload, &reading,
		&verdict, &why);
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
	if (!owe(host, device, reading))
		refuse(host, request, COAP_CODE(5, 3), AWAY_STORE_FULL,
			"the gateway cannot store it now", 30);
}

void reading_on_polled(struct host *host, struct device *device, int format, struct span body)
{
	struct reading *reading = NULL;
	enum reading_verdict verdict = READING_MALFORMED;
	const char *why = NULL;

	if (!lifecycle_may_report(&device->record->life))
		return;
	device->last_heard_usec = clock_boot_usec();
	if (decode(device, format, NULL, body, &reading, &verdict, &why) < 0)
		return;
	if (verdict != READING_ACCEPTED) {
		host_turned_away(host, refusal[verdict].why, &device->record->address);
		return;
	}
	if (!owe(host, device, reading))
		host_turned_away(host, AWAY_STORE_FULL, &device->record->address);
}

/* ---- committed ---- */

static void answer(
	struct host *host, struct reading *reading, uint8_t code, const char *text, int64_t max_age)
{
	struct lan_exchange *exchange = reading->exchange;

	reading->exchange = NULL;
	if (!exchange)
		return;
	if (text)
		lan_answer_text(exchange, code, text, max_age);
	else
		lan_answer(exchange,
			&(const struct lan_answer){.code = code, .format = -1, .max_age = max_age});
}

static void committed(struct host *host, struct reading *reading)
{
	struct device *device = registry_by_row(host->registry, reading->device_row);
	struct device_host *part = device ? device_host(device) : NULL;

	/* Revoked or forgotten while the disk was busy: nothing was promised, so nothing is kept.
	 */
	if (!device || !lifecycle_may_report(&device->record->life) || part->drop_after_drain) {
		const struct row_range range = {reading->row, reading->row};

		owed_refused(host->owed, reading);
		store_delete(host->store, &range, 1);
		answer(host, reading, COAP_CODE(4, 3), "not approved", -1);
		return;
	}
	device->last_reading = reading->time;
	device->readings++;
	if (owed_committed(host->owed, reading) < 0)
		log_device(LOG_WARNING, device->record->id,
			"A reading stays on file until memory is free.");
	answer(host, reading, COAP_CODE(2, 4), NULL, -1);
}

void reading_on_appended(struct host *host, struct reading **readings, size_t count, int result)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (result >= 0) {
			committed(host, readings[i]);
		} else {
			owed_refused(host->owed, readings[i]);
			host_turned_away(host, AWAY_STORE_FULL, NULL);
			answer(host, readings[i], COAP_CODE(5, 3),
				"the gateway cannot store it now", 30);
		}
		reading_unref(readings[i]);
	}
	if (result == -ENOSPC)
		host_alarm_raise(host, ALARM_OUTBOX_FULL, "");
	else if (result >= 0)
		reading_pump_soon(host);
	host_touch(host);
}

void reading_on_fetched(struct host *host, const struct owed_fetch *fetch,
	struct reading **readings, size_t count, int result)
{
	owed_fetched(host->owed, fetch, readings, result >= 0 ? count : 0);
	reading_pump_soon(host);
}

/* ---- flights ---- */

bool flight_take(struct host *host, enum flight_kind kind, uint64_t device_row, uint64_t row,
	uint64_t *ret_tag)
{
	uint32_t slot = host->flight_free;
	struct flight *flight;

	if (slot >= FLIGHTS_MAX)
		return false;
	flight = &host->flights[slot];
	host->flight_free = flight->next_free;
	host->flights_in_use++;
	flight->kind = kind;
	flight->device_row = device_row;
	flight->row = row;
	flight->generation++;
	*ret_tag = (uint64_t)flight->generation << 32 | (slot + 1);
	return true;
}

static void flight_free(struct host *host, struct flight *flight)
{
	flight->kind = FLIGHT_FREE;
	flight->next_free = host->flight_free;
	host->flight_free = (uint32_t)(flight - host->flights);
	host->flights_in_use--;
}

/* The flight of a tag, or NULL when it was given up meanwhile. */
static struct flight *flight_of(struct host *host, uint64_t tag)
{
	uint32_t slot = (uint32_t)tag - 1;

	if (slot >= FLIGHTS_MAX || host->flights[slot].kind == FLIGHT_FREE ||
		host->flights[slot].generation != tag >> 32)
		return NULL;
	return &host->flights[slot];
}

void flights_free_all(struct host *host)
{
	uint32_t i;

	for (i = 0; i < FLIGHTS_MAX; i++)
		if (host->flights[i].kind != FLIGHT_FREE)
			flight_free(host, &host->flights[i]);
}

/* ---- out ---- */

static void cleanup_message(struct upstream_message *message)
{
	upstream_message_clear(message);
}

static int publish(struct host *host, const struct upstream_message *message, uint64_t tag)
{
	struct uplink_property properties[UPSTREAM_PROPERTIES_MAX];
	size_t i;

	for (i = 0; i < message->property_count; i++)
		properties[i] = (struct uplink_property){
			message->property[i].name, message->property[i].value};
	return uplink_publish(host->session, &(const struct uplink_publication){
						     .topic = message->topic,
						     .payload = message->payload,
						     .qos = message->qos,
						     .retain = message->retain,
						     .content_type = message->content_type,
						     .properties = properties,
						     .property_count = message->property_count,
						     .tag = tag,
					     });
}

static int send_one(struct host *host, struct device *device, struct reading *reading)
{
	const struct platform_driver *driver = platform_host_driver(host, device);
	CLEANUP(cleanup_message) struct upstream_message message = {0};
	const struct upstream_item item = {
		.kind = UPSTREAM_READING,
		.gateway_id = host->config->id,
		.epoch = owed_epoch(host->owed),
		.record = device->record,
		.reading = reading,
		.envelope = host->mqtt_version != 5,
	};
	uint64_t tag;
	int r;

	if (!driver)
		return -ENOTSUP;
	r = driver->encode(platform_host_services(), &item, &message);
	if (r < 0)
		return r;
	if (!flight_take(host, FLIGHT_READING, reading->device_row, reading->row, &tag))
		return -EBUSY;
	r = publish(host, &message, tag);
	if (r < 0)
		flight_free(host, flight_of(host, tag));
	return r;
}

static void ask_for_more(struct host *host)
{
	struct owed_fetch fetch;

	while (owed_wants_fetch(host->owed, &fetch))
		store_fetch(host->store, &fetch);
}

/* The lease is looked at for every PUBLISH, not only when its timer fires. */
static bool may_leave(struct host *host, struct device *device)
{
	return device && lifecycle_may_publish(&device->record->life, clock_wall_msec()) &&
	       !device_host(device)->draining;
}

static int on_pump(sd_event_source *source, void *userdata)
{
	struct host *host = userdata;
	unsigned budget = PUMP_BUDGET;
	struct reading *reading;

	while (budget-- && upstream_is_up(host) && host->flights_in_use < FLIGHTS_MAX &&
		(reading = owed_next(host->owed))) {
		struct device *device = registry_by_row(host->registry, reading->device_row);
		uint64_t device_row = reading->device_row, row = reading->row;
		int r;

		if (!may_leave(host, device)) {
			owed_set_open(host->owed, device_row, false);
			owed_put_back(host->owed, device_row, row);
			continue;
		}
		r = send_one(host, device, reading);
		if (r == -ENOTSUP) {
			store_bury(host->store, row, "its platform has no place for it");
			owed_dead(host->owed, device_row, row);
		} else if (r < 0) {
			owed_put_back(host->owed, device_row, row);
			break;
		}
	}
	ask_for_more(host);
	/* The budget was used up: go on in the next turn, others first. */
	if (budget == UINT32_MAX)
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

static int on_delete_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct host *host = userdata;
	struct row_range ranges[RANGES_MAX];
	size_t count;

	while ((count = owed_take_deletes(host->owed, ranges, RANGES_MAX)) > 0)
		store_delete(host->store, ranges, count);
	return 0;
}

static void drained(struct device_host *part)
{
	struct host *host = part->host;
	struct device *device = part->device;
	struct drain_waiter *waiter;
	uint64_t count, first, last;

	loop_timer_stop(part->drain_timer);
	part->draining = false;
	if (part->drop_after_drain) {
		part->drop_after_drain = false;
		owed_drop_device(host->owed, device->record->row, &count, &first, &last);
		store_delete_device(host->store, device->record->row, NULL, NULL);
		if (count)
			log_at(LOG_NOTICE,
				(&(const struct log_fields){.device = device->record->id,
					.message_id = MESSAGE_READINGS_DROPPED}),
				"%llu waiting readings of %s were dropped.",
				(unsigned long long)count, device->record->id);
	}
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

static void look_whether_drained(struct host *host, uint64_t device_row)
{
	struct device *device = registry_by_row(host->registry, device_row);
	struct device_host *part = device ? device_host(device) : NULL;

	if (part && part->draining && owed_in_flight(host->owed, device_row) == 0)
		drained(part);
}

void reading_on_delivered(struct host *host, uint64_t tag)
{
	struct flight *flight = flight_of(host, tag);
	struct flight was;

	if (!flight)
		return;
	was = *flight;
	flight_free(host, flight);
	if (was.kind != FLIGHT_READING)
		return;
	owed_acked(host->owed, was.device_row, was.row);
	host_alarm_clear(host, ALARM_OUTBOX_FULL, "");
	if (owed_deletes_waiting(host->owed) >= DELETES_AT_ONCE)
		on_delete_timer(NULL, 0, host);
	else if (owed_deletes_waiting(host->owed) == 1)
		loop_timer_set(host->loop, &host->delete_timer, DELETE_DELAY_USEC, on_delete_timer,
			host, "outbox-delete");
	look_whether_drained(host, was.device_row);
	reading_pump_soon(host);
}

/* Reasons that will be the same next time: the row goes to the dead letters instead of blocking the
 * queue. */
static bool is_poison(int reason)
{
	return reason == 0x90 || reason == 0x95 || reason == 0x99;
}

void reading_on_refused(struct host *host, uint64_t tag, int reason)
{
	struct flight *flight = flight_of(host, tag);
	struct flight was;
	char text[32];

	if (!flight)
		return;
	was = *flight;
	flight_free(host, flight);
	if (was.kind != FLIGHT_READING)
		return;
	if (is_poison(reason)) {
		snprintf(text, sizeof(text), "MQTT reason 0x%02X", reason);
		store_bury(host->store, was.row, text);
		owed_dead(host->owed, was.device_row, was.row);
		log_at(LOG_WARNING,
			(&(const struct log_fields){.message_id = MESSAGE_READINGS_DROPPED}),
			"A reading was refused for good by the broker (0x%02X) and put aside.",
			reason);
	} else {
		/* Quota, authorisation of a topic: not this reading's fault. It waits; the device
		 * is held until the next connect. */
		owed_set_open(host->owed, was.device_row, false);
		owed_put_back(host->owed, was.device_row, was.row);
	}
	look_whether_drained(host, was.device_row);
}

void reading_on_link_lost(struct host *host)
{
	struct device *device, *next;

	flights_free_all(host);
	owed_returned(host->owed);
	for (device = registry_first(host->registry); device; device = next) {
		next = registry_next(device);
		if (device_host(device) && device_host(device)->draining)
			drained(device_host(device));
	}
}

/* ---- holding and draining ---- */

void reading_set_open(struct host *host, struct device *device)
{
	struct device_host *part = device_host(device);
	bool open =
		!part->draining && lifecycle_may_publish(&device->record->life, clock_wall_msec());

	owed_set_open(host->owed, device->record->row, open);
	if (open)
		reading_pump_soon(host);
}

static int on_drain_timeout(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct device_host *part = userdata;

	log_device(LOG_WARNING, part->device->record->id,
		"The broker did not take its last readings in time: the session is cut.");
	upstream_cut(part->host);
	return 0;
}

void reading_drain(struct host *host, struct device *device, bool drop,
	void (*done)(void *userdata), void *userdata)
{
	struct device_host *part = device_host(device);
	struct drain_waiter *waiter;

	owed_set_open(host->owed, device->record->row, false);
	part->draining = true;
	part->drop_after_drain |= drop;
	if (done) {
		waiter = malloc(sizeof(*waiter));
		if (!waiter) {
			upstream_cut(host);
			done(userdata);
			return;
		}
		*waiter = (struct drain_waiter){
			.next = part->drain_waiters, .done = done, .userdata = userdata};
		part->drain_waiters = waiter;
	}
	if (owed_in_flight(host->owed, device->record->row) == 0)
		drained(part);
	else if (loop_timer_set(host->loop, &part->drain_timer, DRAIN_TIMEOUT_USEC,
			 on_drain_timeout, part, "drain") < 0)
		upstream_cut(host);
}
