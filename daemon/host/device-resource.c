/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a device may ask of the gateway: GET /d/<id>, which gives the answer map of /enrol to the
 * device itself and 4.04 to everybody else, and GET /time.
 */

#include "host/enrol.h"
#include "host/host.h"
#include "host/journal.h"

#include <stdio.h>

#include "base/clock.h"
#include "host/binding-host.h"
#include "host/claim-host.h"
#include "host/secure-host.h"

#define RETRY_SOON     5
#define RETRY_LATER    60
#define RETRY_APPROVED 300
#define RETRY_REJECTED 3600
#define RETRY_NOW      1
#define ANSWER_MAX     1024

/* ---- the answer map ---- */

void enrol_fill_answer(struct host *host, struct device *device, struct enrol_answer *ret_answer)
{
	const struct device_record *record = device->record;
	const struct lifecycle *life = &record->life;
	enum device_stage stage;
	int64_t left = life->operation_expires - clock_wall_msec();
	static const uint32_t retry[DEVICE_WORDS] = {
		[DEVICE_PENDING] = RETRY_LATER,
		[DEVICE_APPROVED] = RETRY_APPROVED,
		[DEVICE_REJECTED] = RETRY_REJECTED,
		[DEVICE_SUSPENDED] = RETRY_APPROVED,
		[DEVICE_REVOKED] = RETRY_APPROVED,
	};

	*ret_answer = (struct enrol_answer){.id = record->id, .owner = "", .place = ""};
	lifecycle_describe(life, &ret_answer->state, &stage);
	/* Whose it is and where it hears when the platform has confirmed it, not before. */
	if (ret_answer->state == DEVICE_APPROVED || ret_answer->state == DEVICE_SUSPENDED) {
		ret_answer->owner = record->owner;
		ret_answer->place = record->place;
	}
	ret_answer->retry = retry[ret_answer->state];
	if (ret_answer->state == DEVICE_PENDING &&
		(enrol_window_is_open(host, record->ep) || operation_is_open(life->operation)))
		ret_answer->retry = RETRY_SOON;
	/* It was decided, and is on its way to the disk. */
	if (ret_answer->state == DEVICE_PENDING && device_host(device)->taking_in)
		ret_answer->retry = RETRY_NOW;
	if (operation_is_open(life->operation) && life->operation_code.size &&
		record->info.display) {
		ret_answer->code = secret_span(&life->operation_code);
		ret_answer->expires =
			life->operation_expires && left > 0 ? (uint32_t)(left / 1000) : 0;
	}
}

/* The map as it stands now. 'body' of ANSWER_MAX bytes; 0 or negative errno. */
static int answer_make(struct host *host, struct device *device, int format, bool at_enrol,
	uint8_t *body, struct lan_answer *ret_answer)
{
	const struct claim_challenge *challenge;
	struct enrol_answer answer;
	size_t size;
	int r;

	enrol_fill_answer(host, device, &answer);
	challenge = at_enrol ? claim_host_challenge(host, device, &device->record->address, true)
			     : NULL;
	if (challenge)
		answer.challenge = span_of(challenge->bytes, sizeof(challenge->bytes));
	r = device_driver_by_name("native")->encode_answer(
		format, &answer, body, ANSWER_MAX, &size);
	if (r < 0)
		return r;
	if (answer.code.size && device->code_reached != device->record->life.operation_number) {
		device->code_reached = device->record->life.operation_number;
		host_touch(host);
	}
	*ret_answer = (struct lan_answer){
		.code = COAP_CODE(2, 5),
		.format = format,
		.payload = span_of(body, size),
		.max_age = at_enrol ? (int64_t)answer.retry : 0,
		.location_id = at_enrol ? device->record->id : NULL,
	};
	return 0;
}

void enrol_send_answer(struct host *host, struct device *device, struct lan_exchange *exchange,
	uint8_t code, int format, bool at_enrol)
{
	struct lan_answer answer;
	uint8_t body[ANSWER_MAX];

	if (answer_make(host, device, format, at_enrol, body, &answer) < 0) {
		lan_answer_text(exchange, COAP_CODE(5, 0), NULL, -1);
		return;
	}
	answer.code = code;
	lan_answer(exchange, &answer);
}

void enrol_send_conflict(
	struct lan_exchange *exchange, const struct claim_challenge *challenge, int format)
{
	const struct enrol_answer answer = {
		.state = DEVICE_PENDING,
		.retry = RETRY_SOON,
		.challenge = span_of(challenge->bytes, sizeof(challenge->bytes)),
	};
	uint8_t body[ANSWER_MAX];
	size_t size;

	if (device_driver_by_name("native")->encode_answer(
		    format, &answer, body, sizeof(body), &size) < 0) {
		lan_answer_text(exchange, COAP_CODE(5, 0), NULL, -1);
		return;
	}
	lan_answer(exchange, &(const struct lan_answer){.code = COAP_CODE(4, 9),
				     .format = format,
				     .payload = span_of(body, size),
				     .max_age = RETRY_SOON});
}

void enrol_notify(struct host *host, struct device *device)
{
	struct device_host *part = device_host(device);
	struct lan_answer answer;
	uint8_t body[ANSWER_MAX];

	if (part->state_observer &&
		answer_make(host, device, part->state_format, false, body, &answer) >= 0)
		lan_notify(part->state_observer, &answer);
}

/* A session can be told of changes. One observer for each device, the newest; asked again by the
 * same without Observe it is the end (RFC 7641 section 3.6). */
static void state_send(
	struct host *host, struct device *device, const struct lan_request *request, int format)
{
	struct device_host *part = device_host(device);
	bool observes = request->observe && secure_is_proven(request);
	struct lan_answer answer;
	uint8_t body[ANSWER_MAX];

	if (observes || lan_observer_is(part->state_observer, request->exchange))
		part->state_observer = lan_observer_free(part->state_observer);
	if (!observes || answer_make(host, device, format, false, body, &answer) < 0) {
		enrol_send_answer(host, device, request->exchange, COAP_CODE(2, 5), format, false);
		return;
	}
	part->state_format = format;
	part->state_observer = lan_observe(request->exchange, &answer, &part->state_observer);
}

/* ---- GET /d/<id>, GET /time ---- */

static bool is_its_own(struct host *host, const struct lan_request *request, struct device *device)
{
	if (secure_is_proven(request))
		return secure_is_device(request, device);
	return !secure_is_downgrade(host, device, request) &&
	       binding_fits(host, device, request->peer);
}

struct device *device_of_request(struct host *host, const struct lan_request *request)
{
	struct device *device = registry_by_id(host->registry, request->device_id);

	if (device && is_its_own(host, request, device))
		return device;
	lan_answer_text(request->exchange, COAP_CODE(4, 4), NULL, 0);
	return NULL;
}

bool device_format_of(const struct lan_request *request, int otherwise, int *ret_format)
{
	bool has = request->accept == FORMAT_JSON || request->accept == FORMAT_CBOR;

	if (!has && request->accept >= 0) {
		lan_answer_text(request->exchange, COAP_CODE(4, 6), NULL, -1);
		return false;
	}
	*ret_format = has ? request->accept : otherwise;
	return true;
}

void device_on_request(struct host *host, const struct lan_request *request)
{
	struct device *device = device_of_request(host, request);
	int format;

	if (!device)
		return;
	if (request->method != LAN_GET || request->resource != LAN_DEVICE) {
		lan_answer_text(request->exchange, COAP_CODE(4, 5), NULL, -1);
		return;
	}
	if (!device_format_of(request, FORMAT_CBOR, &format))
		return;
	device->last_heard_usec = clock_boot_usec();
	state_send(host, device, request, format);
}

/* Seconds since 1970, in text or, by Accept, CBOR. */
void time_on_request(struct host *host, const struct lan_request *request)
{
	char text[24];

	if (request->method != LAN_GET) {
		lan_answer_text(request->exchange, COAP_CODE(4, 5), NULL, -1);
		return;
	}
	if (request->accept >= 0 && request->accept != FORMAT_TEXT &&
		request->accept != FORMAT_CBOR) {
		lan_answer_text(request->exchange, COAP_CODE(4, 6), NULL, -1);
		return;
	}
	if (!clock_is_synced()) {
		lan_answer_text(request->exchange, COAP_CODE(5, 3), NULL, 60);
		return;
	}
	if (request->accept == FORMAT_CBOR) {
		uint64_t seconds = (uint64_t)(clock_wall_msec() / 1000);
		uint8_t cbor[9] = {0x1b};
		int i;

		for (i = 0; i < 8; i++)
			cbor[1 + i] = (uint8_t)(seconds >> (56 - 8 * i));
		lan_answer(request->exchange, &(const struct lan_answer){.code = COAP_CODE(2, 5),
						      .format = FORMAT_CBOR,
						      .payload = span_of(cbor, sizeof(cbor)),
						      .max_age = 0});
		return;
	}
	snprintf(text, sizeof(text), "%lld", (long long)(clock_wall_msec() / 1000));
	lan_answer(request->exchange, &(const struct lan_answer){.code = COAP_CODE(2, 5),
					      .format = FORMAT_TEXT,
					      .payload = span_from_string(text),
					      .max_age = 0});
}
