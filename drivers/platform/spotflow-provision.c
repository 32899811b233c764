/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Getting a registration token: INIT, then COMPLETE until somebody has decided, and APPROVE from
 * here where an operator's token is configured. Polls are at least 5 s apart, further when the
 * platform asks for it or does not answer.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "drivers/platform/spotflow-parts.h"

#define OPEN_HEAD	 (BLOB_HEAD + 1 + 8)
#define POLL_SECONDS	 5
#define POLL_SECONDS_MAX 60
#define DISABLED_SECONDS 60
#define DEVICE_ID_MIN	 4 /* of an id that may be asked for */

/* ---- the operation in the blob ---- */

static int open_write(struct call *call, const struct open *open)
{
	uint8_t blob[OPEN_HEAD + SPOTFLOW_ID_MAX];
	size_t length = strlen(open->id);

	blob[0] = BLOB_FORMAT;
	blob[1] = (uint8_t)open->phase;
	blob[2] = (uint8_t)open->interval;
	for (int i = 0; i < 8; i++)
		blob[3 + i] = (uint8_t)((uint64_t)open->expires >> (56 - 8 * i));
	memcpy(blob + OPEN_HEAD, open->id, length);
	return secret_set(&call->step->blob, span_of(blob, OPEN_HEAD + length));
}

int open_read(const struct lifecycle *life, struct open *ret_open)
{
	struct span blob = secret_span(&life->operation_blob);
	struct open open = {.phase = call_phase_of(life)};
	uint64_t expires = 0;

	if (!open.phase || !strchr("APD", open.phase) || blob.size <= OPEN_HEAD)
		return -ENODATA;
	open.interval = blob.data[2];
	for (int i = 0; i < 8; i++)
		expires = expires << 8 | blob.data[3 + i];
	open.expires = (int64_t)expires;
	if (span_to_string(span_of(blob.data + OPEN_HEAD, blob.size - OPEN_HEAD), open.id,
		    sizeof(open.id)) < 0)
		return -ENODATA;
	*ret_open = open;
	return 0;
}

/* ---- PROVISION: INIT ---- */

static int ask_init(struct call *call)
{
	const char *id = call->device->record->id;
	json_t *body =
		strlen(id) >= DEVICE_ID_MIN ? json_pack("{s:s}", "deviceId", id) : json_object();
	int r = call_ask_device(call, "POST", "provisioning-operations/init",
		call->device->provisioning_token, body);

	return r < 0 ? r : call_set_phase(call, 'I');
}

/* Not all at once: up to a fifth later. */
static uint64_t wait_of(struct call *call, unsigned seconds)
{
	uint32_t random;

	call->services->random(&random, sizeof(random));
	return seconds * USEC_PER_SEC + random % (seconds * USEC_PER_SEC / 5);
}

static int take_operation(struct call *call)
{
	struct spotflow_operation got;
	struct open open = {.phase = 'A', .interval = POLL_SECONDS};
	int r = spotflow_read_operation(call->answer->body, &got);

	if (r < 0)
		/* Asked again it would open another one beside it. */
		return call_give_up(call, "the platform's answer could not be understood");
	/* Its end lies in our past: our clock is wrong, and the platform's 410 is what counts. */
	open.expires = got.expires > call->services->now() ? got.expires : 0;
	memcpy(open.id, got.id, sizeof(open.id));
	r = open_write(call, &open);
	if (r >= 0)
		r = secret_set(&call->step->code, span_from_string(got.code));
	crypto_wipe(&got, sizeof(got));
	call->step->verdict = PLATFORM_CODE;
	call->step->expires = open.expires;
	call->step->wait_usec = wait_of(call, POLL_SECONDS);
	return r;
}

static int on_init(struct call *call)
{
	if (call_is_ok(call->answer))
		return take_operation(call);
	if (call_is_refused(call->answer))
		return call_token_refused(call);
	if (call->answer->result >= 0 && call->answer->status == 400)
		return call_give_up(call, "the platform does not accept what was asked");
	return call_try_again(call);
}

/* ---- PROVISION: COMPLETE ---- */

static int ask_complete(struct call *call, const struct open *open)
{
	int r = call_ask_device(call, "PUT", "provisioning-operations/complete",
		call->device->provisioning_token,
		json_pack("{s:s}", "provisioningOperationId", open->id));

	return r < 0 ? r : open_write(call, open);
}

static int poll_later(struct call *call, struct open *open, unsigned interval)
{
	unsigned seconds;

	open->interval = interval < POLL_SECONDS_MAX ? interval : POLL_SECONDS_MAX;
	seconds = open->interval > call->answer->retry_after ? open->interval
							     : call->answer->retry_after;
	call->step->verdict = PLATFORM_PROGRESS;
	call->step->wait_usec = wait_of(call, seconds);
	return open_write(call, open);
}

static int issue(struct call *call, const struct spotflow_token *token)
{
	const struct iothub_credential credential = {
		.token = span_from_string(token->text),
		.token_since = call->services->now(),
		.token_expires = token->expires,
	};

	call->step->verdict = PLATFORM_ISSUED;
	call->step->expires = token->expires > credential.token_since ? token->expires : 0;
	return iothub_credential_make(&credential, &call->step->credential);
}

static int take_token(struct call *call)
{
	struct spotflow_token token;
	int r = spotflow_read_token(call->answer->body, &token);

	if (r < 0)
		return call_say(
			call, PLATFORM_FAILED, "the platform's answer could not be understood");
	r = issue(call, &token);
	crypto_wipe(&token, sizeof(token));
	return r;
}

static int operation_closed(struct call *call, const struct open *open)
{
	if (spotflow_is_cancelled(call->answer->body))
		return call_say(call, PLATFORM_REJECTED, "an operator refused it at the platform");
	if (open->expires && call->services->now() < open->expires - CLOCK_SLACK)
		return call_say(call, PLATFORM_LEAK,
			"its operation was closed at the platform by somebody else");
	return call_say(call, PLATFORM_EXPIRED, "nobody approved it at the platform in time");
}

static int on_complete(struct call *call, struct open *open)
{
	const struct platform_answer *answer = call->answer;

	if (answer->result < 0)
		return poll_later(call, open, 2 * open->interval);
	if (answer->status == 202)
		return poll_later(call, open, open->interval);
	if (call_is_ok(answer))
		return take_token(call);
	switch (answer->status) {
	case 410:
		return operation_closed(call, open);
	case 401:
	case 403:
		return call_token_refused(call);
	case 404:
		return call_say(call, PLATFORM_REFUSED,
			"the platform does not know its operation any more");
	case 423:
		call->step->trouble = PLATFORM_DISABLED;
		return poll_later(call, open, DISABLED_SECONDS);
	case 429:
		return poll_later(call, open, open->interval + POLL_SECONDS);
	default: /* not an enum of ours */
		return poll_later(call, open, 2 * open->interval);
	}
}

int spotflow_provision(struct call *call)
{
	struct open open;

	if (!call->device->provisioning_token.size)
		return call_give_up(call, "no provisioning token was imported for it");
	if (open_read(&call->device->record->life, &open) < 0)
		return call->answer->present && call->phase == 'I' ? on_init(call) : ask_init(call);
	/* An approval from here that was given up counts as polled. */
	if (open.phase == 'P')
		open.phase = 'A';
	return call->answer->present ? on_complete(call, &open) : ask_complete(call, &open);
}

/* ---- APPROVE ---- */

static int ask_approve(struct call *call, struct open *open)
{
	char path[256];
	int r;

	snprintf(path, sizeof(path), "workspaces/%s/provisioning-operations/approve",
		call->settings->workspace);
	r = call_ask(call, "PUT", path, "Bearer", call->settings->operator_token,
		json_pack("{s:s}", "provisioningOperationId", open->id));
	open->phase = 'P';
	return r < 0 ? r : open_write(call, open);
}

/* Whatever came of it, COMPLETE says how the operation stands. */
static int on_approve(struct call *call, struct open *open)
{
	const struct platform_answer *answer = call->answer;

	if (!call_is_ok(answer) && !call_is_refused(answer) &&
		(answer->result < 0 || answer->status == 423 || answer->status == 429 ||
			answer->status >= 500))
		return call_try_again(call);
	if (!call_is_ok(answer))
		call->services->log(LOG_WARNING, call->device->record->id,
			"The platform did not take the operator's approval (HTTP %d): approve it "
			"there.",
			answer->status);
	open->phase = 'D';
	return ask_complete(call, open);
}

bool spotflow_can_approve(const struct cloud_settings *settings)
{
	return settings->operator_token.size && settings->workspace[0];
}

int spotflow_approve(struct call *call)
{
	struct open open;

	if (open_read(&call->device->record->life, &open) < 0 || open.phase == 'D')
		return spotflow_provision(call);
	/* Also when the operator's token is gone meanwhile: it is the answer to what was asked. */
	if (open.phase == 'P' && call->answer->present)
		return on_approve(call, &open);
	return spotflow_can_approve(call->settings) ? ask_approve(call, &open)
						    : spotflow_provision(call);
}
