/* SPDX-License-Identifier: Apache-2.0 */

/*
 * POST /enrol: a device's way in, as far as it comes by itself.
 *
 *	unknown name, no window           5.03, Max-Age 60: "heard and turned away"
 *	unknown name, window open         a record, LIFE_ASKED; 2.01 after it is on disk
 *	known name, its bound address     2.04 with its state, however often it asks: never a second
 *	                                  record or operation
 *	known name, another address       4.09 and an alarm; the bound address keeps working
 *	the same with the label's proof   2.04: the name is its own (claim-host.c)
 *
 *	the same under an authority       no window is needed where its word is enough (ca-door.c)
 *
 * What it brings of a provisioning token counts when it proved itself (brought.c); in clear that is
 * refused, and an alarm.
 *
 * A name that was only sighted (mDNS) and is bound to no address belongs to the first who enrols
 * with it: an announcement is a hint, an enrolment passed Echo. A device that enrols itself is not
 * asked what it is. What it said is saved by enrol-save.c.
 */

#include "host/effect.h"
#include "host/enrol-parts.h"
#include "host/host.h"
#include "host/journal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "base/message-ids.h"
#include "core/binding.h"
#include "host/binding-host.h"
#include "host/brought.h"
#include "host/ca-host.h"
#include "host/claim-host.h"
#include "host/scan-host.h"
#include "host/secure-host.h"
#include "host/sighted.h"

#define WINDOW_CLOSED_MAX_AGE 60
#define CLEAR_TOKEN_ALARMS    16 /* of names that are not known */

static void refuse(struct host *host, const struct lan_request *request, uint8_t code,
	enum turned_away why, const char *text, int64_t max_age)
{
	host_turned_away(host, why, &request->peer->address);
	lan_answer_text(request->exchange, code, text, max_age);
}

/* A window is open for it, or it needs none. */
static bool may_come_in(const struct host *host, const struct lan_request *request)
{
	return enrol_window_is_open(host, request->ep) || ca_vouches(host, request->peer);
}

/* The key of a label alone proves the label: with a claim, or as that of the session. */
static void name_label(struct host *host, const struct device *device, struct enrolment *enrolment)
{
	const struct label *label = claim_host_label(host, device);

	if (label && (enrolment->claimed || enrolment->request->peer->trust == TRUST_PSK))
		label_mark(label, enrolment->label);
}

static void enrol_newcomer(struct host *host, struct enrolment *enrolment)
{
	const struct lan_request *request = enrolment->request;
	struct device *device;
	enum turned_away why;

	if (!may_come_in(host, request)) {
		refuse(host, request, COAP_CODE(5, 3), AWAY_WINDOW_CLOSED,
			"no onboarding window is open", WINDOW_CLOSED_MAX_AGE);
		return;
	}
	if (!ca_vouches(host, request->peer) && !enrol_new_name_allowed(host, request->ep,
							request->peer->address.interface, &why)) {
		refuse(host, request, COAP_CODE(4, 29), why, "too many new names", 60);
		return;
	}
	if (newcomer_make(host, request->ep, request->peer, &device) < 0) {
		lan_answer_text(
			request->exchange, COAP_CODE(5, 3), "the gateway cannot store it now", 30);
		return;
	}
	device->last_heard_usec = clock_boot_usec();
	enrolment->created = true;
	name_label(host, device, enrolment);
	enrol_submit(host, device, enrolment);
}

static void answer_conflict(
	struct host *host, struct device *device, const struct enrolment *enrolment)
{
	const struct lan_request *request = enrolment->request;
	const struct claim_challenge *challenge =
		secure_is_proven(request)
			? NULL
			: claim_host_challenge(host, device, &request->peer->address, false);

	if (!challenge) {
		refuse(host, request, COAP_CODE(4, 9), AWAY_NAME_CONFLICT,
			"this name belongs to another device", -1);
		return;
	}
	host_turned_away(host, AWAY_NAME_CONFLICT, &request->peer->address);
	enrol_send_conflict(request->exchange, challenge, enrolment->format);
}

/* True when the known name may be used from this address; otherwise it was answered. */
static bool holds_name(struct host *host, struct device *device, struct enrolment *enrolment)
{
	const struct lan_request *request = enrolment->request;
	bool same = secure_is_proven(request) ? secure_is_device(request, device)
					      : binding_holds(host, device, request->peer);
	struct audit_row audit;
	char address[80];

	switch (claim_host_take(host, device, request->peer, same, &enrolment->proof)) {
	case CLAIM_RIGHT:
		enrolment->claimed = true;
		break;
	case CLAIM_KEPT:
		enrolment->keeps = true;
		break;
	case CLAIM_NOTHING:
		break;
	}
	if (same || enrolment->claimed || (!device->record->address_bound && !device->on_disk))
		return true;
	/* Whoever claims the name again and again does not fill the journal with it. */
	if (ratelimit_take(&device_host(device)->conflicts, ENROL_ROWS_A_MINUTE / 60,
		    ENROL_ROWS_AT_ONCE, clock_boot_usec(), NULL)) {
		audit_row_init(&audit, "device", "",
			device_address_to_string(&request->peer->address, address), DEED_ENROL,
			device->record->id, "", audit_result(AUDIT_NAME_CONFLICT));
		host_audit(host, &audit, NULL, NULL);
		log_at(LOG_WARNING,
			(&(const struct log_fields){.device = device->record->id,
				.peer = address,
				.message_id = MESSAGE_NAME_CONFLICT}),
			"Its name is claimed from %s as well; the device that has it keeps it.",
			address);
	}
	host_alarm_raise(host, ALARM_NAME_CONFLICT, device->record->id);
	answer_conflict(host, device, enrolment);
	return false;
}

static void enrol_known(struct host *host, struct device *device, struct enrolment *enrolment)
{
	const struct lan_request *request = enrolment->request;
	const struct lifecycle *life = &device->record->life;

	if (secure_is_downgrade(host, device, request)) {
		refuse(host, request, COAP_CODE(4, 9), AWAY_PLAIN_REFUSED,
			"this name is known at a higher tier", -1);
		return;
	}
	if (!holds_name(host, device, enrolment))
		return;
	if (life->admission == ADMISSION_BLOCKED) {
		refuse(host, request, COAP_CODE(4, 3), AWAY_BLOCKED, "blocked", -1);
		return;
	}
	device->last_heard_usec = clock_boot_usec();
	if (life->admission == ADMISSION_SIGHTED && !may_come_in(host, request)) {
		refuse(host, request, COAP_CODE(5, 3), AWAY_WINDOW_CLOSED,
			"no onboarding window is open", WINDOW_CLOSED_MAX_AGE);
		return;
	}
	name_label(host, device, enrolment);
	enrolment->news = enrol_is_news(device->record, enrolment);
	if (life->admission == ADMISSION_SIGHTED || life->admission == ADMISSION_PENDING ||
		enrolment->news)
		enrol_submit(host, device, enrolment);
	else {
		scan_look(host, device);
		ca_look(host, device, request->peer);
		enrol_send_answer(
			host, device, request->exchange, COAP_CODE(2, 4), enrolment->format, true);
	}
}

/* Names are what others choose, and alarms are few: beyond a handful all unknown ones share one. */
static void token_in_clear(struct host *host, const char *ep)
{
	struct device *device = registry_by_ep(host->registry, ep);
	char subject[DEVICE_ID_MAX + 1];
	unsigned i, count = 0;

	for (i = 0; i < host->alarms.count; i++)
		count += host->alarms.active[i].kind == ALARM_TOKEN_IN_CLEAR;
	if (device)
		snprintf(subject, sizeof(subject), "%s", device->record->id);
	else if (count < CLEAR_TOKEN_ALARMS)
		snprintf(subject, sizeof(subject), "%.*s", DEVICE_ID_MAX, ep);
	else
		snprintf(subject, sizeof(subject), "another device");
	host_alarm_raise(host, ALARM_TOKEN_IN_CLEAR, subject);
}

/* The pt in its map. False with *ret_why when the map is refused for it; -ENOMEM in *ret_result. */
static bool take_pt(
	struct host *host, struct enrolment *enrolment, const char **ret_why, int *ret_result)
{
	const struct lan_request *request = enrolment->request;

	if (!secure_is_proven(request)) {
		token_in_clear(host, request->ep);
		*ret_why = "a provisioning token never travels unprotected: replace it";
		return false;
	}
	*ret_result = device_driver_by_name("native")->decode_pt(
		request->content_format, request->payload, &enrolment->pt, ret_why);
	if (*ret_result != -EBADMSG)
		return true;
	*ret_result = 0;
	return false;
}

static bool decode_body(struct host *host, struct enrolment *enrolment)
{
	const struct lan_request *request = enrolment->request;
	const struct device_driver *native = device_driver_by_name("native");
	enum info_verdict verdict = INFO_MALFORMED;
	const char *why = NULL;
	bool has_pt = false;
	int r = native->decode_info(request->content_format, request->payload, &enrolment->info,
		&has_pt, &verdict, &why);

	if (has_pt && !take_pt(host, enrolment, &why, &r))
		verdict = INFO_MALFORMED;
	if (r >= 0 && verdict == INFO_TAKEN) {
		r = native->decode_proof(
			request->content_format, request->payload, &enrolment->proof, &why);
		if (r == -EBADMSG) {
			verdict = INFO_MALFORMED;
			r = 0;
		}
	}
	if (has_pt)
		crypto_wipe((uint8_t *)(uintptr_t)request->payload.data, request->payload.size);
	if (r < 0) {
		lan_answer_text(request->exchange, COAP_CODE(5, 3), NULL, 30);
		return false;
	}
	switch (verdict) {
	case INFO_TAKEN:
		return true;
	case INFO_MALFORMED:
		refuse(host, request, COAP_CODE(4, 0), AWAY_MALFORMED, why, -1);
		return false;
	case INFO_FORMAT_UNKNOWN:
		refuse(host, request, COAP_CODE(4, 15), AWAY_FORMAT, why, -1);
		return false;
	}
	return false;
}

/* The device of the name. One that was only heard of in other letters makes room for who proves
 * it, or can. */
static struct device *named(struct host *host, const struct lan_request *request)
{
	struct device *device = registry_by_ep(host->registry, request->ep);

	if (device && secure_is_proven(request) && sighted_only(device) &&
		strcmp(device->record->ep, request->ep) != 0) {
		registry_remove(host->registry, device);
		return NULL;
	}
	return sighted_make_room(host, device, request->ep);
}

void enrol_on_request(struct host *host, const struct lan_request *request)
{
	struct enrolment enrolment = {
		.request = request,
		.format = request->content_format == FORMAT_JSON ? FORMAT_JSON : FORMAT_CBOR,
	};
	struct device *device;

	if (request->method != LAN_POST) {
		lan_answer_text(request->exchange, COAP_CODE(4, 5), NULL, -1);
		return;
	}
	if (!request->ep[0]) {
		refuse(host, request, COAP_CODE(4, 0), AWAY_MALFORMED, "ep= is missing", -1);
		return;
	}
	/* What must not have been said in clear is noticed wherever it is said. */
	if (!decode_body(host, &enrolment) ||
		!device_format_of(request, enrolment.format, &enrolment.format)) {
		device_info_clear(&enrolment.info);
		secret_clear(&enrolment.pt);
		return;
	}
	if (binding_refuses_plain(host, request->peer)) {
		refuse(host, request, COAP_CODE(4, 3), AWAY_PLAIN_REFUSED,
			"plain devices are refused here", -1);
	} else {
		device = named(host, request);
		if (device)
			enrol_known(host, device, &enrolment);
		else
			enrol_newcomer(host, &enrolment);
	}
	device_info_clear(&enrolment.info);
	secret_clear(&enrolment.pt);
}
