/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The resource directory, as far as a gateway is one: who registers is listed like a device that
 * mDNS found, asked what it is, and read by GET once a person approved it. There is no lookup.
 *
 *	POST /rd?ep&lt&base        2.01, Location-Path rd/<id>: the same for a name as long as its
 *	                           record is there. Its links are the body, else GET
 *	                           /.well-known/core says
 *	POST /.well-known/rd?ep    2.04 when its links were fetched
 *	POST rd/<id>               2.04, also after our restart; 4.04 for one that is not known or
 *	                           was removed: the device registers again
 *	DELETE rd/<id>             2.02 when that is on file
 *
 * Clients of RFC 9176 do not know Echo, so a registration may have a forged source. It is listed at
 * once, within the limits for new names; but the device is asked, and what it registered is
 * believed, only when its address has shown that it is there (lan: the probe beside the answer).
 * A base leads to the address that registered or nowhere (lan: rd-parameters.c). Who registers over
 * DTLS without one (LwM2M clients do) is listed, and asked over DTLS when its label is known.
 *
 * A registration that ended means that the device is late: what a person decided stays. One that
 * nobody decided on and that is not on disk goes.
 */

#include "host/rd.h"
#include "host/device-host.h"
#include "host/enrol.h"
#include "host/journal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "host/binding-host.h"
#include "host/rd-parts.h"
#include "host/secure-host.h"
#include "host/server-proof.h"
#include "host/sighted.h"
#include "host/telemetry.h"
#include "lan/linkformat.h"

#define RETRY_LATER_AGE	 60		     /* seconds; with 5.03 */
#define SIMPLE_WAIT_USEC (25 * USEC_PER_SEC) /* for its links */
#define FETCH_AGAIN_USEC (60 * USEC_PER_SEC) /* no oftener for a repeated registration */

static void refuse(struct host *host, const struct lan_request *request, uint8_t code,
	enum turned_away why, const char *text)
{
	host_turned_away(host, why, &request->peer->address);
	lan_answer_text(
		request->exchange, code, text, code == COAP_CODE(5, 3) ? RETRY_LATER_AGE : -1);
}

static void answer(struct lan_exchange *exchange, uint8_t code, const char *location_id)
{
	lan_answer(exchange, &(const struct lan_answer){.code = code,
				     .format = -1,
				     .max_age = -1,
				     .location_id = location_id,
				     .location = LAN_LOCATION_RD});
}

/* When the gateway stops the LAN goes first, and its exchanges with it. */
static void simple_answer(struct device_host *part, uint8_t code, const char *text)
{
	struct lan_exchange *exchange = part->rd->simple;

	part->rd->simple = NULL;
	loop_timer_stop(part->rd->simple_timer);
	if (exchange && part->host->lan)
		lan_answer_text(exchange, code, text, -1);
}

/* ---- what it is ---- */

/* Its address is proved: what it registered is believed, or it is asked. */
static void look(struct host *host, struct device *device)
{
	struct device_host *part = device_host(device);
	struct rd_entry *entry = part->rd;
	struct rd_offer *offer = entry->offer;

	entry->offer = NULL;
	if (entry->simple && part->probed) {
		/* RFC 9176 5.1: its links are read anew, and what they say is found out again. */
		part->probed = false;
		device_host_probe(host, device);
	} else if (!offer) {
		device_host_probe(host, device);
	} else if (!part->probed || part->driver != offer->driver ||
		   !device_links_equal(part->links, &offer->links)) {
		device_host_probe_links(host, device, offer->driver, &offer->links);
	}
	free(offer);
	enrol_consider(host, device);
	server_proof_look(host, device);
}

void rd_on_reachable(struct host *host, const struct device_address *address)
{
	struct device *device, *next;

	for (device = registry_first(host->registry); device && host->rd_unproved > 0;
		device = next) {
		next = registry_next(device);
		if (!device_host(device)->rd || !device_host(device)->rd->unproved ||
			!device_address_same_host(&device->record->address, address))
			continue;
		rd_entry_set_unproved(host, device_host(device)->rd, false);
		look(host, device);
	}
}

void rd_on_links(struct device_host *part, bool success)
{
	struct rd_entry *entry = part->rd;

	if (!entry || !entry->simple)
		return;
	if (success)
		entry->fetched_usec = clock_boot_usec();
	simple_answer(part, success ? COAP_CODE(2, 4) : COAP_CODE(5, 4),
		success ? NULL : "your links could not be read");
}

/* What the body says the device has; NULL: nothing that a driver knows. -errno for what is no link
 * list. */
static int offer_read(struct host *host, const char *ep, struct span body, struct rd_offer **ret)
{
	struct link_list *list = malloc(sizeof(*list));
	struct rd_offer *offer = calloc(1, sizeof(*offer));
	int r = list && offer ? link_list_parse(body, list) : -ENOMEM;

	if (r >= 0)
		offer->driver = device_host_match(host, ep, list, &offer->links);
	free(list);
	if (r < 0 || !offer->driver) {
		free(offer);
		offer = NULL;
	}
	if (r >= 0)
		*ret = offer;
	return r;
}

/* ---- register ---- */

/* What is wrong with the request itself; true when it was refused. */
static bool malformed(struct host *host, const struct lan_request *request)
{
	bool simple = request->resource == LAN_RD_SIMPLE;
	const char *why = NULL;

	if (!request->ep[0])
		why = "ep= is missing";
	else if (simple && request->rd.has_base)
		why = "base= has no place here";
	else if (simple && request->payload.size > 0)
		why = "a simple registration has no body";
	else if (simple && request->peer->trust >= TRUST_PSK)
		why = "links are asked for in clear: register at /rd";
	if (why)
		refuse(host, request, COAP_CODE(4, 0), AWAY_MALFORMED, why);
	else if (request->content_format >= 0 && request->content_format != FORMAT_LINK)
		refuse(host, request, COAP_CODE(4, 15), AWAY_FORMAT, "links are in format 40");
	else
		return false;
	return true;
}

/* May this sender have the known name? Otherwise it was answered. */
static bool holds_name(struct host *host, struct device *device, const struct lan_request *request)
{
	const struct device_record *record = device->record;

	if (record->life.admission == ADMISSION_BLOCKED) {
		refuse(host, request, COAP_CODE(4, 3), AWAY_BLOCKED, "blocked");
	} else if (secure_is_downgrade(host, device, request)) {
		refuse(host, request, COAP_CODE(4, 3), AWAY_PLAIN_REFUSED,
			"this name is known at a higher tier");
	} else if (!secure_is_device(request, device) &&
		   (record->address_bound || device->on_disk || device->saving) &&
		   !binding_holds(host, device, request->peer)) {
		if (device->on_disk)
			host_alarm_raise(host, ALARM_NAME_CONFLICT, record->id);
		refuse(host, request, COAP_CODE(4, 3), AWAY_NAME_CONFLICT,
			"this name belongs to another device");
	} else {
		return true;
	}
	return false;
}

/* The device of the name, new or known; NULL after it was answered. */
static struct device *registrant(struct host *host, const struct lan_request *request)
{
	struct device *device = registry_by_ep(host->registry, request->ep);
	struct discovery_sighting sighting = {
		.address = request->peer->address, .found_by = FOUND_RD};
	enum turned_away why;

	if (binding_refuses_plain(host, request->peer)) {
		refuse(host, request, COAP_CODE(4, 3), AWAY_PLAIN_REFUSED,
			"plain devices are refused here");
		return NULL;
	}
	if (device)
		return holds_name(host, device, request) ? device : NULL;
	if (!enrol_sighting_allowed(host, request->ep, request->peer->address.interface, &why)) {
		refuse(host, request, COAP_CODE(5, 3), why, "too many new names");
		return NULL;
	}
	memcpy(sighting.ep, request->ep, sizeof(sighting.ep));
	if (sighted_make(host, &sighting, &device) < 0 || !rd_entry_of(device)) {
		if (device)
			registry_remove(host->registry, device);
		lan_answer_text(request->exchange, COAP_CODE(5, 3), NULL, RETRY_LATER_AGE);
		return NULL;
	}
	log_device(LOG_INFO, device->record->id, "Device %s registered.", device->record->ep);
	return device;
}

/* Where it serves. What is on its way to disk stays as it is: the port may follow next time. Who is
 * bound is moved by its binding alone, for it is found by that address. */
static void take_address(struct device *device, const struct lan_request *request)
{
	struct device_host *part = device_host(device);
	struct rd_entry *entry = part->rd;
	const struct device_address *address =
		request->rd.has_base ? &request->rd.base : &request->peer->address;
	bool own_way = !(part->seen_by & ~(1u << FOUND_RD)); /* it was found by no other */
	bool says, secure;

	if (request->rd.has_base) {
		entry->words.port_said = true;
		entry->words.base = request->rd.base;
		entry->words.secure = request->rd.base_secure;
	} else if (request->resource != LAN_RD_ENTRY) {
		entry->words.port_said = false;
	}
	/* Who announces itself has said its port, and how it serves there: that stays together. */
	says = request->rd.has_base || (!entry->words.port_said && own_way);
	/* Nobody is asked in clear where a session comes from. */
	secure = request->rd.has_base ? request->rd.base_secure : request->peer->trust >= TRUST_PSK;
	/* Who proved its name is moved by a proof alone. */
	if (server_is_secure(device->record)) {
		if (says && secure)
			server_proof_seen(part->host, device, address);
		return;
	}
	if (device->saving || !device->record->is_server ||
		(device->record->address_bound &&
			!device_address_same_host(&device->record->address, address)))
		return;
	if (says) {
		device->record->address = *address;
		device->record->secure_only = secure;
	}
}

/* It is there, and for so long. False when that could not be kept. */
static bool take_registration(
	struct host *host, struct device *device, const struct lan_request *request)
{
	struct device_host *part = device_host(device);
	struct rd_entry *entry = rd_entry_of(device);

	if (!entry)
		return false;
	if (request->rd.lifetime > 0)
		entry->words.lifetime = request->rd.lifetime;
	else if (entry->words.lifetime == 0 || request->resource != LAN_RD_ENTRY)
		entry->words.lifetime = RD_LIFETIME_DEFAULT;
	if (rd_entry_begin(part) < 0)
		return false;
	take_address(device, request);
	rd_entry_file(part);
	sighted_here(host, device, FOUND_RD);
	part->probe_tries = 0;
	telemetry_seen_again(device);
	return true;
}

static void proceed(struct host *host, struct device *device, bool verified)
{
	struct device_host *part = device_host(device);

	if (!device->record->is_server) {
		rd_entry_drop_offer(part->rd); /* it enrols by itself and is not asked */
		return;
	}
	if (verified) {
		rd_entry_set_unproved(host, part->rd, false);
		look(host, device);
	} else {
		rd_entry_set_unproved(host, part->rd, true);
	}
}

static int on_simple_late(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct device_host *part = userdata;

	simple_answer(part, COAP_CODE(5, 4), "your links could not be read");
	return 0;
}

/* Answered when its links are here. Whoever asks anew, or nobody any more, waits no longer for the
 * earlier question. */
static void simple_wait(struct host *host, struct device *device, const struct lan_request *request)
{
	struct device_host *part = device_host(device);
	struct rd_entry *entry = part->rd;
	uint64_t now = clock_boot_usec();

	if (entry->simple) {
		lan_silence(entry->simple);
		entry->simple = NULL;
	}
	if (!device->record->is_server ||
		(part->probed && entry->fetched_usec && request->peer->verified &&
			now - entry->fetched_usec < FETCH_AGAIN_USEC)) {
		answer(request->exchange, COAP_CODE(2, 4), NULL);
		return;
	}
	if (loop_timer_set(host->loop, &entry->simple_timer, SIMPLE_WAIT_USEC, on_simple_late, part,
		    "rd-simple") < 0) {
		lan_answer_text(request->exchange, COAP_CODE(5, 3), NULL, RETRY_LATER_AGE);
		return;
	}
	entry->simple = request->exchange;
}

static void on_register(struct host *host, const struct lan_request *request)
{
	bool verified = request->peer->verified; /* the peer goes with the answer */
	struct rd_offer *offer = NULL;
	struct device *device;

	if (malformed(host, request))
		return;
	if (request->payload.size > 0 &&
		offer_read(host, request->ep, request->payload, &offer) < 0) {
		refuse(host, request, COAP_CODE(4, 0), AWAY_MALFORMED,
			"the body is not in link format");
		return;
	}
	device = registrant(host, request);
	if (!device || !take_registration(host, device, request)) {
		if (device)
			lan_answer_text(request->exchange, COAP_CODE(5, 3), NULL, RETRY_LATER_AGE);
		free(offer);
		return;
	}
	rd_entry_drop_offer(device_host(device)->rd);
	device_host(device)->rd->offer = offer;
	if (request->resource == LAN_RD_SIMPLE)
		simple_wait(host, device, request);
	else
		answer(request->exchange, COAP_CODE(2, 1), device->record->id);
	proceed(host, device, verified);
}

/* ---- update, remove ---- */

/* The device of the location, for itself only: to others there is nothing here. */
static struct device *located(struct host *host, const struct lan_request *request)
{
	struct device *device = registry_by_id(host->registry, request->device_id);
	if (device && rd_entry_is_known(device) && secure_speaks_for(host, device, request))
		return device;
	refuse(host, request, COAP_CODE(4, 4), AWAY_MALFORMED, NULL);
	return NULL;
}

static void on_update(struct host *host, const struct lan_request *request)
{
	bool verified = request->peer->verified; /* the peer goes with the answer */
	struct device *device = located(host, request);

	if (!device)
		return;
	if (device->record->life.admission == ADMISSION_BLOCKED) {
		refuse(host, request, COAP_CODE(4, 3), AWAY_BLOCKED, "blocked");
		return;
	}
	if (request->payload.size > 0) {
		refuse(host, request, COAP_CODE(4, 0), AWAY_MALFORMED,
			"an update has no body: register again");
		return;
	}
	if (!take_registration(host, device, request)) {
		lan_answer_text(request->exchange, COAP_CODE(5, 3), NULL, RETRY_LATER_AGE);
		return;
	}
	answer(request->exchange, COAP_CODE(2, 4), NULL);
	proceed(host, device, verified);
}

static void on_remove(struct host *host, const struct lan_request *request)
{
	struct device *device = located(host, request);

	if (!device)
		return;
	if (rd_entry_of(device))
		rd_entry_remove(device_host(device), request->exchange);
	else
		lan_answer_text(request->exchange, COAP_CODE(5, 3), NULL, RETRY_LATER_AGE);
}

void rd_on_request(struct host *host, const struct lan_request *request)
{
	if (request->resource != LAN_RD_ENTRY)
		on_register(host, request);
	else if (request->method == LAN_DELETE)
		on_remove(host, request);
	else
		on_update(host, request);
}
