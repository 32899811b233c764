/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Registration at the provisioning service: a request to register, then questions after the
 * operation, as far apart as the service wants. Each goes by a session of its own; all may be
 * repeated, because a registration that is there is answered like a new one. The blob: a format
 * byte, the phase, how often the service has forgotten the operation, the present wait in seconds,
 * the length of the operation's id, that id, and the certificate and key that were issued for it.
 *
 *	R  to register is asked, or will be after a wait
 *	Q  its operation is known: how it stands is asked
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
#include "drivers/platform/azure-key.h"
#include "drivers/platform/azure-parts.h"

#define API_VERSION	 "2019-03-31"
#define BLOB_HEAD	 5
#define BLOB_FORMAT	 2 /* 1 had neither length nor certificate */
#define WAIT_SECONDS	 5
#define WAIT_SECONDS_MAX 60
#define FORGOTTEN_MAX	 2
#define SAS_SECONDS	 3600

/* ---- the blob ---- */

static int progress_write(struct azure_call *call)
{
	const struct azure_progress *progress = &call->progress;
	size_t length = strlen(progress->operation), size = BLOB_HEAD + length;
	uint8_t *blob = malloc(size + progress->identity.size);

	if (!blob)
		return -ENOMEM;
	blob[0] = BLOB_FORMAT;
	blob[1] = (uint8_t)progress->phase;
	blob[2] = progress->forgotten;
	blob[3] = progress->wait;
	blob[4] = (uint8_t)length;
	memcpy(blob + BLOB_HEAD, progress->operation, length);
	if (progress->identity.size)
		memcpy(blob + size, progress->identity.data, progress->identity.size);
	secret_clear(&call->step->blob);
	call->step->blob = (struct secret){blob, size + progress->identity.size};
	return 0;
}

/* What is none of ours is a beginning. */
void azure_progress_read(const struct lifecycle *life, struct azure_progress *ret_progress)
{
	struct span blob = secret_span(&life->operation_blob);
	struct azure_progress progress = {.phase = 'R', .wait = WAIT_SECONDS};
	size_t size;

	*ret_progress = progress;
	if (blob.size < BLOB_HEAD || blob.data[0] != BLOB_FORMAT ||
		blob.size < BLOB_HEAD + (size_t)blob.data[4])
		return;
	size = BLOB_HEAD + (size_t)blob.data[4];
	progress.phase = blob.data[1] == 'Q' ? 'Q' : 'R';
	progress.forgotten = blob.data[2];
	progress.wait = blob.data[3];
	progress.identity = span_of(blob.data + size, blob.size - size);
	if (span_to_string(span_of(blob.data + BLOB_HEAD, blob.data[4]), progress.operation,
		    sizeof(progress.operation)) < 0 ||
		(progress.phase == 'Q' && !progress.operation[0]))
		return;
	*ret_progress = progress;
}

int azure_operation_of(const struct lifecycle *life, char ret_id[AZURE_ID_MAX + 1])
{
	struct azure_progress progress;

	azure_progress_read(life, &progress);
	if (progress.phase != 'Q')
		return -ENODATA;
	memcpy(ret_id, progress.operation, sizeof(progress.operation));
	return 0;
}

/* ---- asking ---- */

/* A session under the registration id, with the certificate or signed for an hour. */
static int fill_dial(struct azure_call *call, struct platform_dial *dial)
{
	const char *scope = call->settings->id_scope, *id = call->registration;
	char resource[256];

	snprintf(dial->host, sizeof(dial->host), "%s", call->settings->host);
	dial->port = call->settings->port;
	snprintf(dial->client_id, sizeof(dial->client_id), "%s", id);
	snprintf(dial->username, sizeof(dial->username),
		"%s/registrations/%s/api-version=" API_VERSION, scope, id);
	snprintf(dial->filter[0], sizeof(dial->filter[0]), "$dps/registrations/res/#");
	if (call->identity.size)
		return secret_set(&dial->identity, secret_span(&call->identity));
	snprintf(resource, sizeof(resource), "%s/registrations/%s", scope, id);
	return azure_sas_make(call->services, secret_span(&call->key), resource,
		call->services->now() / 1000 + SAS_SECONDS, "registration", &dial->password);
}

static int ask(struct azure_call *call, const char *topic)
{
	struct platform_request *request = &call->step->request;
	bool polls = call->progress.phase == 'Q';
	char mark[16];
	uint32_t rid;
	int r;

	call->services->random(&rid, sizeof(rid));
	snprintf(mark, sizeof(mark), "$rid=%08" PRIx32, rid);
	request->transport = PLATFORM_MQTT;
	memcpy(request->answer_mark, mark, sizeof(mark));
	snprintf(request->topic, sizeof(request->topic), "%s/?%s%s%s", topic, mark,
		polls ? "&operationId=" : "", polls ? call->progress.operation : "");
	call->step->verdict = PLATFORM_PROGRESS;
	r = fill_dial(call, &request->dial);
	if (r == -EBADMSG)
		return azure_give_up(call, "its key is not base64");
	return r < 0 ? r : progress_write(call);
}

/* The payload is for whoever assigns devices by a rule of his own there. */
static int ask_register(struct azure_call *call)
{
	const struct device_record *record = call->device->record;
	json_t *body = json_pack("{s:s,s:{s:s,s:s,s:s,s:s,s:s,s:s}}", "registrationId",
		call->registration, "payload", "ep", record->ep, "model", record->info.model,
		"serial", record->info.serial, "name", record->name, "owner", record->owner,
		"place", record->place);
	char *text = body ? json_dumps(body, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;

	json_decref(body);
	if (!text)
		return -ENOMEM;
	call->step->request.body = (struct secret){(uint8_t *)text, strlen(text)};
	return ask(call, "$dps/registrations/PUT/iotdps-register");
}

static int ask_next(struct azure_call *call)
{
	return call->progress.phase == 'Q'
		       ? ask(call, "$dps/registrations/GET/iotdps-get-operationstatus")
		       : ask_register(call);
}

/* ---- what came ---- */

/* Not all at once: up to a fifth later. */
int azure_wait(struct azure_call *call, unsigned seconds)
{
	uint32_t random;

	call->services->random(&random, sizeof(random));
	call->step->verdict = PLATFORM_PROGRESS;
	call->step->wait_usec = seconds * USEC_PER_SEC + random % (seconds * USEC_PER_SEC / 5 + 1);
	return progress_write(call);
}

/* It has a fault, or asks to be asked less often: each time further apart. */
static int try_later(struct azure_call *call, unsigned retry_after)
{
	uint8_t *wait = &call->progress.wait;
	unsigned next = 2u * (*wait ? *wait : WAIT_SECONDS);

	*wait = (uint8_t)(next < WAIT_SECONDS_MAX ? next : WAIT_SECONDS_MAX);
	return azure_wait(call, retry_after > *wait ? retry_after : *wait);
}

/* What it has is good for now: the next try is a whole one. */
static int end(struct azure_call *call, enum platform_verdict verdict, const char *why)
{
	call->progress.phase = 'R';
	call->progress.operation[0] = '\0';
	call->progress.forgotten = 0;
	call->progress.wait = WAIT_SECONDS;
	return azure_end(call, verdict, why);
}

/* Key or certificate is not taken. While a credential is in use that is its revocation. With a
 * clock that may be wrong it says nothing: the signature may have been over before it was made. */
static int refused(struct azure_call *call, const char *why)
{
	if (!call->services->clock_is_synced())
		return azure_say(call, PLATFORM_FAILED,
			"the provisioning service refuses, and the gateway's clock is not set");
	call->step->trouble = PLATFORM_TOKEN_REFUSED;
	return end(call,
		call->device->record->life.credential_doubted ? PLATFORM_REJECTED
							      : PLATFORM_REFUSED,
		why);
}

static int refused_means(struct azure_call *call)
{
	return refused(call, call->identity.size
				     ? "the provisioning service does not take its certificate"
				     : "the provisioning service does not take its key");
}

static int take_assigned(struct azure_call *call, const struct azure_registration *got)
{
	const struct lifecycle *life = &call->device->record->life;

	/* A refresh renews a credential, and keeps the name that readings went out under. */
	if ((life->credential_doubted || !call->registers) &&
		strcmp(life->platform_id, got->device) != 0)
		return end(call, PLATFORM_REJECTED,
			"the provisioning service has given it another device id");
	return azure_issue(call, got->hub, got->device);
}

static int take_disabled(struct azure_call *call)
{
	if (call->renews)
		call->step->trouble = PLATFORM_TOKEN_REFUSED;
	return end(
		call, PLATFORM_REJECTED, "its enrolment is disabled at the provisioning service");
}

static int take_registration(struct azure_call *call, const struct azure_status *status)
{
	struct azure_registration got;

	if (azure_registration_read(call->answer->body, &got) < 0)
		return azure_say(call, PLATFORM_FAILED,
			"the provisioning service's answer could not be understood");
	switch (got.word) {
	case AZURE_ASSIGNED:
		return take_assigned(call, &got);
	case AZURE_FAILED:
		call->services->log(LOG_WARNING, call->device->record->id,
			"The provisioning service could not assign it to a hub (its error %" PRId64
			").",
			got.error);
		return end(call, PLATFORM_FAILED,
			"the provisioning service could not assign it to a hub");
	case AZURE_IS_DISABLED:
		return take_disabled(call);
	case AZURE_ASSIGNING:
		break;
	}
	if (got.operation[0]) {
		call->progress.phase = 'Q';
		memcpy(call->progress.operation, got.operation, sizeof(got.operation));
	}
	call->progress.wait = WAIT_SECONDS;
	return azure_wait(call, status->retry_after ? status->retry_after : WAIT_SECONDS);
}

/* The operation is not known any more: a full registration, as documented, but not for ever. */
static int register_again(struct azure_call *call, const struct azure_status *status)
{
	if (++call->progress.forgotten > FORGOTTEN_MAX)
		return end(call, PLATFORM_FAILED,
			"the provisioning service forgets its registration again and again");
	call->progress.phase = 'R';
	call->progress.operation[0] = '\0';
	return try_later(call, status->retry_after);
}

static int on_status(struct azure_call *call, const struct azure_status *status)
{
	if (status->code == 200 || status->code == 202)
		return take_registration(call, status);
	switch (status->code) {
	case 401:
	case 403:
	case 404:
		if (call->progress.phase == 'Q')
			return register_again(call, status);
		return status->code == 404
			       ? refused(call, "the provisioning service has no enrolment for it")
			       : refused_means(call);
	case 400:
	case 412:
	case 415:
		return end(call, PLATFORM_FAILED,
			"the provisioning service does not accept what was asked");
	default: /* not an enum of ours: 409, 429, 5xx */
		return try_later(call, status->retry_after);
	}
}

/* A certificate may be refused without a word, before the session begins; so does a line break. */
static int hung_up(struct azure_call *call)
{
	if (!call->identity.size)
		return azure_say(
			call, PLATFORM_FAILED, "the provisioning service could not be asked");
	call->step->why =
		"the provisioning service ends each connection with its certificate: is it "
		"enrolled there?";
	if (call->progress.wait == WAIT_SECONDS_MAX)
		call->step->trouble = PLATFORM_TOKEN_REFUSED;
	return try_later(call, 0);
}

int azure_register(struct azure_call *call)
{
	struct azure_status status;

	if (!call->settings->id_scope[0])
		return end(call, PLATFORM_FAILED, "no id scope is configured (azure.id_scope)");
	if (!call->answer->present)
		return ask_next(call);
	if (call->answer->result == -EACCES)
		return refused_means(call);
	if (call->answer->result == -ECONNABORTED)
		return hung_up(call);
	if (call->answer->result < 0)
		return azure_say(
			call, PLATFORM_FAILED, "the provisioning service could not be asked");
	if (azure_status_read(call->answer->topic, &status) < 0)
		return azure_say(call, PLATFORM_FAILED,
			"the provisioning service's answer could not be understood");
	return on_status(call, &status);
}
