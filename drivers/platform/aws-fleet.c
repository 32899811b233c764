/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Fleet provisioning by claim: with the claim certificate a certificate is asked for, for a key
 * that is made here, and then for the thing that it belongs to. Each question goes by a session of
 * its own. What was made is on disk before it is used, and each question may be put again: another
 * certificate for the same key, of which the one that nobody claims is deleted there after an hour;
 * or the same thing once more. The blob: a format byte, the phase, how often it has begun anew, the
 * present wait in seconds, when the certificate was made; then key, certificate, its id, and the
 * token that proves whose it is.
 *
 *	C  a certificate is asked for; there is a key
 *	R  there is a certificate; its thing is asked for
 *	U  what is in use was not let in when it was to be renewed: nothing is asked for
 *
 * A device that renews goes on with what it has, whatever is answered here: then it is asked again
 * later.
 */

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/identity.h"
#include "base/signing-request.h"
#include "drivers/platform/aws-parts.h"

#define BLOB_FORMAT	 1
#define BLOB_HEAD	 12
#define WAIT_SECONDS	 5
#define WAIT_SECONDS_MAX 60
#define LATER_SECONDS	 3600
#define LINK_SECONDS	 300
#define SELDOM_SECONDS	 (30 * 86400)
#define BEGUN_MAX	 2
#define TOKEN_LIFE_MSEC	 (3600 * INT64_C(1000))
#define TOKEN_SPARE_MSEC (60 * INT64_C(1000))
#define COMMON_NAME_MAX	 64
#define PARAMETER_MAX	 200
#define ATTRIBUTE_CHARS	 "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.,@/:#-"

enum { FIELD_KEY, FIELD_CERTIFICATE, FIELD_ID, FIELD_TOKEN, FIELDS };

struct progress {
	char phase;
	uint8_t begun, wait;
	int64_t since; /* wall milliseconds */
	struct span field[FIELDS];
};

/* ---- the blob ---- */

static int progress_write(struct aws_call *call, const struct progress *progress)
{
	uint8_t head[BLOB_HEAD] = {
		BLOB_FORMAT, (uint8_t)progress->phase, progress->begun, progress->wait};

	for (unsigned i = 0; i < 8; i++)
		head[4 + i] = (uint8_t)((uint64_t)progress->since >> (56 - 8 * i));
	return aws_row_make(
		span_of(head, sizeof(head)), progress->field, FIELDS, &call->step->blob);
}

/* What is none of ours is a beginning. */
static void progress_read(const struct lifecycle *life, struct progress *ret_progress)
{
	struct span blob = secret_span(&life->operation_blob);
	struct progress progress = {.phase = 'C'};
	uint64_t since = 0;

	*ret_progress = progress;
	if (blob.size < BLOB_HEAD || blob.data[0] != BLOB_FORMAT ||
		aws_row_read(blob, BLOB_HEAD, progress.field, FIELDS) < 0)
		return;
	progress.phase = strchr("RU", blob.data[1]) && blob.data[1] ? (char)blob.data[1] : 'C';
	progress.begun = blob.data[2];
	progress.wait = blob.data[3];
	for (unsigned i = 0; i < 8; i++)
		since = since << 8 | blob.data[4 + i];
	progress.since = (int64_t)since;
	if ((!progress.field[FIELD_KEY].size && progress.phase != 'U') ||
		(progress.phase == 'R' && !aws_is_id(progress.field[FIELD_ID])))
		return;
	*ret_progress = progress;
}

int aws_fleet_certificate(const struct lifecycle *life, char ret_id[AWS_ID_MAX + 1])
{
	struct progress progress;

	progress_read(life, &progress);
	if (progress.phase != 'R')
		return -ENODATA;
	return span_to_string(progress.field[FIELD_ID], ret_id, AWS_ID_MAX + 1);
}

/* ---- waiting ---- */

/* Not all at once: up to a fifth later. */
static int wait_for(struct aws_call *call, const struct progress *progress, unsigned seconds)
{
	uint32_t random;

	call->services->random(&random, sizeof(random));
	call->step->verdict = PLATFORM_PROGRESS;
	call->step->wait_usec = seconds * USEC_PER_SEC + random % (seconds * USEC_PER_SEC / 5 + 1);
	return progress_write(call, progress);
}

/* It has a fault, or asks to be asked less often: each time further apart. */
static int try_later(struct aws_call *call, struct progress *progress, const char *why)
{
	unsigned wait = progress->wait ? 2u * progress->wait : WAIT_SECONDS;

	progress->wait = (uint8_t)(wait < WAIT_SECONDS_MAX ? wait : WAIT_SECONDS_MAX);
	call->step->why = why;
	return wait_for(call, progress, progress->wait);
}

/* It has ended; or, while what it has is good, is asked for again much later. */
static int end(struct aws_call *call, const struct progress *progress,
	enum platform_verdict verdict, const char *why)
{
	if (call->renews) {
		const struct progress anew = {
			.phase = 'C', .field[FIELD_KEY] = progress->field[FIELD_KEY]};

		call->step->why = why;
		return wait_for(call, &anew, LATER_SECONDS);
	}
	return verdict == PLATFORM_FAILED ? aws_give_up(call, why) : aws_say(call, verdict, why);
}

static int refuse_claim(struct aws_call *call, const struct progress *progress)
{
	call->step->trouble = PLATFORM_TOKEN_REFUSED;
	return end(call, progress, PLATFORM_REFUSED,
		"the platform does not take the claim certificate");
}

/* ---- asking ---- */

/* By the claim, under a name of its own each time: nobody may come twice in a second under one. */
static int fill_dial(struct aws_call *call, const char *topic)
{
	struct platform_request *request = &call->step->request;
	struct platform_dial *dial = &request->dial;
	uint64_t random;

	call->services->random(&random, sizeof(random));
	request->transport = PLATFORM_MQTT;
	snprintf(request->topic, sizeof(request->topic), "%s", topic);
	snprintf(dial->host, sizeof(dial->host), "%s", call->settings->host);
	dial->port = call->settings->port;
	snprintf(dial->client_id, sizeof(dial->client_id), "gatehouse-claim-%016" PRIx64, random);
	snprintf(dial->filter[0], sizeof(dial->filter[0]), "%s/accepted", topic);
	snprintf(dial->filter[1], sizeof(dial->filter[1]), "%s/rejected", topic);
	return secret_set(&dial->identity, call->device->provisioning_token);
}

static int ask(
	struct aws_call *call, const struct progress *progress, const char *topic, json_t *body)
{
	char *text = body ? json_dumps(body, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
	int r;

	aws_json_free(body);
	if (!text)
		return -ENOMEM;
	call->step->request.body = (struct secret){(uint8_t *)text, strlen(text)};
	r = fill_dial(call, topic);
	call->step->verdict = PLATFORM_PROGRESS;
	return r < 0 ? r : progress_write(call, progress);
}

/* The name in the request is for people: the platform goes by the certificate. */
static int ask_certificate(struct aws_call *call, struct progress *progress)
{
	CLEANUP(secret_clear) struct secret key = {0};
	CLEANUP(cleanup_free) char *request = NULL;
	char name[COMMON_NAME_MAX + 1], *made = NULL;
	int r;

	if (!progress->field[FIELD_KEY].size) {
		r = private_key_make(&made);
		if (r < 0)
			return r;
		key = (struct secret){(uint8_t *)made, strlen(made)};
		progress->field[FIELD_KEY] = secret_span(&key);
	}
	snprintf(name, sizeof(name), "%.64s", call->thing);
	r = signing_request_make(progress->field[FIELD_KEY], name, &request);
	if (r < 0)
		return r == -EBADMSG ? aws_give_up(call, "its key is damaged") : r;
	return ask(call, progress, "$aws/certificates/create-from-csr/json",
		json_pack("{s:s}", "certificateSigningRequest", request));
}

/* Attributes of things take no other characters, and none that is empty. */
static const char *parameter(const char *text, char ret_text[PARAMETER_MAX + 1])
{
	size_t i;

	for (i = 0; i < PARAMETER_MAX && text[i]; i++)
		ret_text[i] = strchr(ATTRIBUTE_CHARS, text[i]) ? text[i] : '_';
	ret_text[i] = '\0';
	return i ? ret_text : strcpy(ret_text, "-");
}

static json_t *parameters(const struct aws_call *call)
{
	const struct device_record *record = call->device->record;
	char text[6][PARAMETER_MAX + 1];

	return json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s}", "SerialNumber", call->thing, "Endpoint",
		parameter(record->ep, text[0]), "Model", parameter(record->info.model, text[1]),
		"DeviceSerial", parameter(record->info.serial, text[2]), "Name",
		parameter(record->name, text[3]), "Owner", parameter(record->owner, text[4]),
		"Place", parameter(record->place, text[5]));
}

static int ask_thing(struct aws_call *call, const struct progress *progress)
{
	struct span token = progress->field[FIELD_TOKEN];
	char topic[256];

	snprintf(topic, sizeof(topic), "$aws/provisioning-templates/%s/provision/json",
		call->settings->template_name);
	return ask(call, progress, topic,
		json_pack("{s:s%,s:o}", "certificateOwnershipToken", (const char *)token.data,
			token.size, "parameters", parameters(call)));
}

/* What proves whose the certificate is has an end, and the certificate with it. A clock that was
 * set back meanwhile says nothing. */
static bool has_lapsed(const struct aws_call *call, const struct progress *progress)
{
	return call->services->now() - progress->since > TOKEN_LIFE_MSEC - TOKEN_SPARE_MSEC;
}

static void begin_anew(struct progress *progress)
{
	*progress = (struct progress){.phase = 'C',
		.begun = (uint8_t)(progress->begun + (progress->begun < UINT8_MAX)),
		.wait = progress->wait,
		.field[FIELD_KEY] = progress->field[FIELD_KEY]};
}

static int ask_next(struct aws_call *call, struct progress *progress)
{
	/* Time that has passed is nobody's fault: it does not count. */
	if (progress->phase == 'R' && has_lapsed(call, progress)) {
		begin_anew(progress);
		progress->begun = 0;
	}
	if (progress->phase == 'R')
		return ask_thing(call, progress);
	progress->phase = 'C';
	return ask_certificate(call, progress);
}

/* ---- what came ---- */

/* The platform's authority ends: nothing is to be had by asking, and each question makes one there.
 */
static int ask_much_later(struct aws_call *call, const struct progress *progress)
{
	const struct progress anew = {.phase = 'C', .field[FIELD_KEY] = progress->field[FIELD_KEY]};
	int64_t left =
		(call->device->record->life.credential_expires - call->services->now()) / 1000;

	call->step->why = "the platform makes no certificate that ends later than the one in use";
	return wait_for(call, &anew,
		left < LATER_SECONDS	? LATER_SECONDS
		: left < SELDOM_SECONDS ? (unsigned)left
					: SELDOM_SECONDS);
}

static int take_certificate(struct aws_call *call, const struct progress *progress)
{
	CLEANUP(aws_certificate_clear) struct aws_certificate got = {0};
	struct progress next = {.phase = 'R',
		.begun = progress->begun,
		.since = call->services->now(),
		.field[FIELD_KEY] = progress->field[FIELD_KEY]};
	struct chain_facts facts;
	int r = aws_certificate_read(call->answer->body, &got);

	if (r == -ENOMEM)
		return r;
	if (r >= 0 && identity_read(span_from_string(got.pem), &facts) == 0 &&
		aws_ends_no_later(call, facts.not_after))
		return ask_much_later(call, progress);
	if (r < 0 || identity_check(span_from_string(got.pem), progress->field[FIELD_KEY]))
		return aws_say(call, PLATFORM_FAILED,
			"the platform's answer holds no certificate for the device's key");
	next.field[FIELD_CERTIFICATE] = span_from_string(got.pem);
	next.field[FIELD_ID] = span_from_string(got.id);
	next.field[FIELD_TOKEN] = span_from_string(got.token);
	return ask_thing(call, &next);
}

static int issue(struct aws_call *call, const struct progress *progress, const char *thing)
{
	const struct span *field = progress->field;
	struct chain_facts facts;

	if (identity_read(field[FIELD_CERTIFICATE], &facts) < 0)
		return aws_give_up(call, "the certificate that was made for it is damaged");
	const struct aws_credential credential = {.expires = facts.not_after,
		.thing = span_from_string(thing),
		.id = field[FIELD_ID],
		.shadow = aws_shadow_read(call->answer->body)};

	call->services->log(LOG_NOTICE, call->device->record->id,
		"It is the thing %s, with the certificate %.*s.", thing, (int)field[FIELD_ID].size,
		(const char *)field[FIELD_ID].data);
	call->step->verdict = PLATFORM_ISSUED;
	call->step->expires = facts.not_after;
	return aws_credential_make(
		&credential, field[FIELD_CERTIFICATE], field[FIELD_KEY], &call->step->credential);
}

static int take_thing(struct aws_call *call, const struct progress *progress)
{
	char thing[AWS_THING_MAX + 1];
	int r = aws_thing_read(call->answer->body, thing);

	if (r == -ENOENT)
		return end(call, progress, PLATFORM_FAILED,
			"the provisioning template makes no thing");
	if (r < 0)
		return aws_say(
			call, PLATFORM_FAILED, "the platform's answer could not be understood");
	/* A renewal keeps the name that readings went out under. */
	if (call->renews && strcmp(call->device->record->life.platform_id, thing) != 0)
		return end(call, progress, PLATFORM_FAILED,
			"the provisioning template has given it another name");
	return issue(call, progress, thing);
}

/* The certificate is not there any more, or is not known to be ours. */
static int on_lapsed_token(struct aws_call *call, struct progress *progress)
{
	begin_anew(progress);
	if (progress->begun > BEGUN_MAX)
		return end(call, progress, PLATFORM_FAILED,
			"the platform does not know the certificate that it has made, again and "
			"again");
	return try_later(call, progress, "its certificate has lapsed before it had a thing");
}

static int on_refusal(struct aws_call *call, struct progress *progress)
{
	bool registers = progress->phase == 'R';
	struct aws_refusal refusal;

	aws_refusal_read(call->answer->body, &refusal);
	call->services->log(LOG_WARNING, call->device->record->id,
		"The platform refuses its %s: status %d, %s.", registers ? "thing" : "certificate",
		refusal.status, refusal.code[0] ? refusal.code : "without a word");
	if (registers && !strcmp(refusal.code, "InvalidCertificateOwnershipToken"))
		return on_lapsed_token(call, progress);
	switch (refusal.status) {
	case 401:
	case 403:
		if (!registers)
			return refuse_claim(call, progress);
		return end(call, progress, PLATFORM_REJECTED,
			"the hook of the provisioning template refuses it");
	case 404:
		return end(call, progress, PLATFORM_FAILED,
			"the platform has no such provisioning template (aws.template)");
	case 400:
	case 409:
	case 413:
		return end(call, progress, PLATFORM_FAILED,
			registers ? "the provisioning template does not take what the gateway says "
				    "of it"
				  : "the platform does not accept the request for a certificate");
	default: /* not an enum of ours: 429, 5xx */
		return try_later(call, progress, "the platform asks to be asked later");
	}
}

/* The platform says nothing to whom it does not know, and ends a session in which something was
 * tried that its policy does not allow. */
static int on_no_answer(struct aws_call *call, const struct progress *progress)
{
	if (call->answer->result == -EACCES)
		return refuse_claim(call, progress);
	return aws_say(call, PLATFORM_FAILED,
		call->answer->result == -ECONNRESET
			? "the platform ended the session of the claim without an answer: is the "
			  "policy of the claim certificate right?"
			: "the platform could not be asked: is it reachable, and is the claim "
			  "certificate active there?");
}

static bool ends_in(const char *topic, const char *with)
{
	size_t length = strlen(topic), end = strlen(with);

	return length >= end && !strcmp(topic + length - end, with);
}

static int on_answer(struct aws_call *call, struct progress *progress)
{
	if (call->answer->result < 0)
		return on_no_answer(call, progress);
	if (ends_in(call->answer->topic, "/rejected"))
		return on_refusal(call, progress);
	return progress->phase == 'R' ? take_thing(call, progress)
				      : take_certificate(call, progress);
}

int aws_fleet(struct aws_call *call)
{
	const struct aws_settings *settings = call->settings;
	struct progress progress;

	progress_read(&call->device->record->life, &progress);
	if (!settings->host[0])
		return end(
			call, &progress, PLATFORM_FAILED, "no endpoint is configured (aws.host)");
	if (!settings->template_name[0])
		return end(call, &progress, PLATFORM_FAILED,
			"no provisioning template is configured (aws.template)");
	if (!call->device->provisioning_token.size)
		return end(call, &progress, PLATFORM_FAILED,
			"no claim certificate is configured (aws.claim_certificate_file)");
	if (!call->answer->present && aws_was_unwanted(call, progress.phase == 'U'))
		return 0;
	if (!call->answer->present && aws_may_be_unwanted(call)) {
		if (call->device->not_let_in)
			progress.phase = 'U';
		call->step->why = aws_why_not_now(call);
		call->step->or_when_up = true;
		return wait_for(call, &progress, LINK_SECONDS);
	}
	if (!call->answer->present)
		return ask_next(call, &progress);
	return on_answer(call, &progress);
}
