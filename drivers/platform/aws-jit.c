/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Just-in-time registration and provisioning: the gateway issues the device's certificate itself,
 * under the authority of the site, which is registered at the platform. The first connection with
 * it registers it there and is ended, by design; until a rule or a person (JITR), or the template
 *of the authority (JITP), has activated it each further one is ended as well. So the gateway
 *knocks, further and further apart, and the device is taken in when a session has begun. Key and
 * certificate are on disk before the first knock, and stay the same however often it is asked:
 * there is one certificate for each operation. The platform goes by its fingerprint.
 *
 * The blob: a format byte, the phase, the present wait in seconds; then key and certificate.
 *
 *	K  it knocks
 *	A  it was let in; a second later its own session may begin
 *	U  what is in use was not let in when it was to be renewed: nothing is made
 *
 * A device that renews goes on with what it has meanwhile.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/identity.h"
#include "base/issue.h"
#include "base/signing-request.h"
#include "drivers/platform/aws-parts.h"

#define BLOB_FORMAT	 2 /* 1: aws-fleet.c */
#define BLOB_HEAD	 3
#define WAIT_SECONDS	 2
#define WAIT_SECONDS_MAX 240
#define SAID_SECONDS	 32 /* a rule or a template has activated it by then */
#define LATER_SECONDS	 3600
#define LINK_SECONDS	 300
#define PAUSE_USEC	 (2 * USEC_PER_SEC) /* nobody may come twice in a second under one name */
#define TEMPLATE_CHARS	 "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,/:-"

enum { FIELD_KEY, FIELD_CERTIFICATE, FIELDS };

struct progress {
	char phase;
	uint8_t wait;
	struct span field[FIELDS];
};

/* ---- the blob ---- */

static int progress_write(struct aws_call *call, const struct progress *progress)
{
	const uint8_t head[BLOB_HEAD] = {BLOB_FORMAT, (uint8_t)progress->phase, progress->wait};

	return aws_row_make(
		span_of(head, sizeof(head)), progress->field, FIELDS, &call->step->blob);
}

/* What is none of ours is a beginning. */
static void progress_read(const struct lifecycle *life, struct progress *ret_progress)
{
	struct span blob = secret_span(&life->operation_blob);
	struct progress progress = {.phase = 'K'};

	*ret_progress = progress;
	if (blob.size < BLOB_HEAD || blob.data[0] != BLOB_FORMAT ||
		aws_row_read(blob, BLOB_HEAD, progress.field, FIELDS) < 0)
		return;
	progress.phase = strchr("AU", blob.data[1]) && blob.data[1] ? (char)blob.data[1] : 'K';
	progress.wait = blob.data[2];
	if (progress.phase == 'U' ||
		(progress.field[FIELD_KEY].size && progress.field[FIELD_CERTIFICATE].size))
		*ret_progress = progress;
}

int aws_jit_certificate(const struct lifecycle *life, char ret_id[AWS_ID_MAX + 1])
{
	struct progress progress;
	struct chain_facts facts;

	progress_read(life, &progress);
	if (identity_read(progress.field[FIELD_CERTIFICATE], &facts) < 0)
		return -ENODATA;
	return span_to_string(span_from_string(facts.fingerprint), ret_id, AWS_ID_MAX + 1);
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

static const char *what_is_awaited(const struct aws_call *call)
{
	if (call->renews)
		return "its next certificate waits at the platform for its activation; the one in "
		       "use goes on";
	return call->settings->method == AWS_JITP
		       ? "its certificate waits at the platform until the template of the "
			 "authority has activated it"
		       : "its certificate waits at the platform for its activation";
}

/* With the one in use. */
static bool goes_on(const struct aws_call *call)
{
	return call->renews && call->device->record->life.credential == CREDENTIAL_RENEWING;
}

static int knock_later(struct aws_call *call, struct progress *progress)
{
	unsigned wait = progress->wait ? 2u * progress->wait : WAIT_SECONDS;

	progress->wait = (uint8_t)(wait < WAIT_SECONDS_MAX ? wait : WAIT_SECONDS_MAX);
	call->step->why = what_is_awaited(call);
	/* Nobody may have seen that another one waits. It may do so for months. */
	if (call->renews && progress->wait >= SAID_SECONDS)
		call->step->trouble = PLATFORM_NEXT_WAITS;
	return wait_for(call, progress,
		goes_on(call) && progress->wait == WAIT_SECONDS_MAX ? LATER_SECONDS
								    : progress->wait);
}

/* It has ended; or, while what it has is good, begins anew much later. */
static int end(struct aws_call *call, enum platform_verdict verdict, const char *why)
{
	const struct progress anew = {.phase = 'K'};

	if (call->renews) {
		call->step->why = why;
		return wait_for(call, &anew, LATER_SECONDS);
	}
	return verdict == PLATFORM_FAILED ? aws_give_up(call, why) : aws_say(call, verdict, why);
}

/* ---- the certificate ---- */

/* A subject's part as the attributes of things and X.520 both have it; none is empty, because a
 * template that reads it would fail. */
static const char *part(const char *text, char ret_text[ISSUE_NAME_MAX + 1])
{
	size_t i;

	for (i = 0; i < ISSUE_NAME_MAX && text[i]; i++)
		ret_text[i] = strchr(TEMPLATE_CHARS, text[i]) ? text[i] : '-';
	ret_text[i] = '\0';
	return i ? ret_text : strcpy(ret_text, "-");
}

static int issue_for(struct aws_call *call, struct span key, char **ret_pem)
{
	const struct device_record *record = call->device->record;
	char text[3][ISSUE_NAME_MAX + 1];
	const struct issue_subject subject = {.common_name = call->thing,
		.serial_number = part(record->info.serial, text[0]),
		.organization = part(record->owner, text[1]),
		.unit = part(record->place, text[2]),
		.qualifier = call->settings->gateway_id};

	return issue_certificate(call->device->provisioning_token, key, &subject,
		call->services->now(), call->settings->certificate_life * INT64_C(1000), ret_pem);
}

static bool is_good(const struct aws_call *call, const struct progress *progress)
{
	struct chain_facts facts;

	return identity_read(progress->field[FIELD_CERTIFICATE], &facts) == 0 &&
	       call->services->now() < facts.not_after &&
	       issue_is_from(call->device->provisioning_token, progress->field[FIELD_CERTIFICATE]);
}

/* ---- knocking ---- */

/* As its own session will be, with nothing to be asked. */
static int knock(struct aws_call *call, struct progress *progress)
{
	struct platform_request *request = &call->step->request;
	struct platform_dial *dial = &request->dial;
	int r;

	request->transport = PLATFORM_MQTT;
	snprintf(dial->host, sizeof(dial->host), "%s", call->settings->host);
	dial->port = call->settings->port;
	snprintf(dial->client_id, sizeof(dial->client_id), "%s", call->thing);
	dial->knocks = true;
	progress->phase = 'K';
	/* Said while it knocks again, too. */
	if (progress->wait)
		call->step->why = what_is_awaited(call);
	r = aws_identity_make(
		progress->field[FIELD_CERTIFICATE], progress->field[FIELD_KEY], &dial->identity);
	call->step->verdict = PLATFORM_PROGRESS;
	return r < 0 ? r : progress_write(call, progress);
}

/* Cut to the end of its authority it would renew nothing. */
static bool ends_no_later(const struct aws_call *call, struct span certificate)
{
	struct chain_facts facts;

	return identity_read(certificate, &facts) == 0 && aws_ends_no_later(call, facts.not_after);
}

static int begin(struct aws_call *call)
{
	CLEANUP(secret_clear) struct secret key = {0};
	CLEANUP(cleanup_free) char *pem = NULL;
	struct progress progress = {.phase = 'K'};
	char *made = NULL;
	int r = private_key_make(&made);

	if (r < 0)
		return r;
	key = (struct secret){(uint8_t *)made, strlen(made)};
	r = issue_for(call, secret_span(&key), &pem);
	if (r == -EKEYEXPIRED)
		return aws_say(call, PLATFORM_FAILED,
			"the authority of the site is not good now: is the gateway's clock right?");
	if (r == -EINVAL)
		return end(call, PLATFORM_FAILED,
			"its name does not fit into a certificate: shorten aws.thing_prefix");
	if (r == -EBADMSG)
		return end(call, PLATFORM_FAILED, "the authority of the site is damaged");
	if (r < 0)
		return r;
	if (ends_no_later(call, span_from_string(pem)))
		return end(call, PLATFORM_FAILED,
			"the authority of the site ends soon: another one is needed (gatehousectl "
			"site-ca)");
	progress.field[FIELD_KEY] = secret_span(&key);
	progress.field[FIELD_CERTIFICATE] = span_from_string(pem);
	return knock(call, &progress);
}

/* ---- what came ---- */

static int issue(struct aws_call *call, const struct progress *progress)
{
	struct chain_facts facts;

	if (identity_read(progress->field[FIELD_CERTIFICATE], &facts) < 0)
		return aws_give_up(call, "the certificate that was made for it is damaged");
	const struct aws_credential credential = {.expires = facts.not_after,
		.thing = span_from_string(facts.common_name),
		.id = span_from_string(facts.fingerprint),
		.shadow = call->settings->shadow};

	call->services->log(LOG_NOTICE, call->device->record->id,
		"The platform lets it in as %s, with the certificate %s.", facts.common_name,
		facts.fingerprint);
	call->step->verdict = PLATFORM_ISSUED;
	call->step->expires = facts.not_after;
	return aws_credential_make(&credential, progress->field[FIELD_CERTIFICATE],
		progress->field[FIELD_KEY], &call->step->credential);
}

static int on_answer(struct aws_call *call, struct progress *progress)
{
	switch (call->answer->result) {
	case 0:
		progress->phase = 'A';
		call->step->verdict = PLATFORM_PROGRESS;
		call->step->wait_usec = PAUSE_USEC;
		return progress_write(call, progress);
	case -ECONNABORTED:
		return knock_later(call, progress);
	case -EACCES:
		call->step->trouble = PLATFORM_TOKEN_REFUSED;
		return end(call, PLATFORM_REFUSED,
			"the platform does not take certificates of the site's authority: is it "
			"registered and active there?");
	default: /* not an enum of ours: the line */
		return aws_say(call, PLATFORM_FAILED, "the platform cannot be reached");
	}
}

int aws_jit(struct aws_call *call)
{
	const char *known = call->device->record->life.platform_id;
	struct progress progress;

	progress_read(&call->device->record->life, &progress);
	/* A renewal keeps the name that readings went out under. */
	if (call->renews && known[0])
		snprintf(call->thing, sizeof(call->thing), "%s", known);
	if (!call->settings->host[0])
		return end(call, PLATFORM_FAILED, "no endpoint is configured (aws.host)");
	if (!call->device->provisioning_token.size)
		return end(call, PLATFORM_FAILED,
			"the site has no authority (gatehousectl site-ca make)");
	if (call->answer->present)
		return on_answer(call, &progress);
	if (progress.phase == 'A')
		return issue(call, &progress);
	if (aws_was_unwanted(call, progress.phase == 'U'))
		return 0;
	if (aws_may_be_unwanted(call)) {
		if (call->device->not_let_in)
			progress.phase = 'U';
		call->step->why = aws_why_not_now(call);
		call->step->or_when_up = true;
		return wait_for(call, &progress, LINK_SECONDS);
	}
	return is_good(call, &progress) ? knock(call, &progress) : begin(call);
}
