/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a registration token buys, and its renewal. REGISTER gives the session and may be repeated;
 * REFRESH gives a new token, which is kept before it is used. The SAS ends sooner than the token:
 * then only REGISTER is asked.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/crypto.h"
#include "drivers/platform/spotflow-parts.h"

#define TRUSTED_AGAIN 600000 /* ms: when its end lies in our past, our clock is wrong */

/* ---- REGISTER ---- */

static int ask_register(struct call *call, struct span token)
{
	return call_ask_device(call, "PUT", "devices/register", token,
		json_pack("{s:s}", "connectionStringType", "SharedAccessSignature"));
}

/* The nearer end, 0 = none. An end in the past would be asked about for ever: then our clock is
 * wrong, and the hub says when it is over. */
static int64_t end_of(const struct iothub_credential *credential, int64_t now)
{
	int64_t end = credential->sas_expires;

	if (credential->token_expires && credential->token_expires < end)
		end = credential->token_expires;
	return end > now + CLOCK_SLACK ? end : now + TRUSTED_AGAIN;
}

/* The token with the session that it bought. What the platform says of the time that is left does
 * not depend on our clock. */
static int take_registration(struct call *call, struct iothub_credential *credential)
{
	struct spotflow_registration got;
	int64_t now = call->services->now();
	int r = spotflow_read_registration(call->answer->body, &got);

	if (r < 0)
		return call_say(
			call, PLATFORM_FAILED, "the platform's answer could not be understood");
	credential->host = span_from_string(got.host);
	credential->device = span_from_string(got.device);
	credential->sas = span_from_string(got.sas);
	credential->sas_expires = got.expires;
	if (got.token_left >= 0 && credential->token_expires)
		credential->token_expires = now + got.token_left;
	call->step->expires = end_of(credential, now);
	snprintf(call->step->platform_id, sizeof(call->step->platform_id), "%s", got.device);
	r = iothub_credential_make(credential, &call->step->credential);
	credential->host = credential->device = credential->sas = (struct span){0};
	crypto_wipe(&got, sizeof(got));
	return r;
}

/* The platform knows the token no more: revoked, expired, or its device was deleted. */
static bool is_unknown(const struct platform_answer *answer)
{
	return call_is_refused(answer) ||
	       (answer->result >= 0 && (answer->status == 404 || answer->status == 410));
}

static int held(struct call *call, struct iothub_credential *ret_credential)
{
	if (iothub_credential_read(secret_span(&call->device->record->life.credential_current),
		    ret_credential) < 0)
		return call_give_up(call, "its credential is damaged");
	return 1;
}

int spotflow_bind(struct call *call)
{
	struct iothub_credential credential;
	int r = held(call, &credential);

	if (r <= 0)
		return r;
	if (!call->answer->present) {
		r = ask_register(call, credential.token);
		return r < 0 ? r : call_set_phase(call, 'B');
	}
	if (call_is_ok(call->answer)) {
		call->step->verdict = PLATFORM_BOUND;
		return take_registration(call, &credential);
	}
	if (is_unknown(call->answer))
		return call_say(call, PLATFORM_REFUSED,
			"the platform does not take the registration token that it issued");
	return call_try_again(call);
}

/* ---- REFRESH ---- */

static int ask_refresh(struct call *call, const struct iothub_credential *credential)
{
	int r = call_ask_device(call, "PUT", "devices/registration-tokens/refresh",
		call->device->provisioning_token,
		json_pack("{s:s%}", "registrationToken", credential->token.data,
			credential->token.size));

	return r < 0 ? r : call_set_phase(call, 'F');
}

static int ask_register_again(
	struct call *call, const struct iothub_credential *credential, char phase)
{
	int r = ask_register(call, credential->token);

	return r < 0 ? r : call_set_phase(call, phase);
}

/* Half of its life is over (rule 4), or all of it. */
static bool is_due(const struct iothub_credential *credential, int64_t now)
{
	int64_t life = credential->token_expires - credential->token_since;

	return credential->token_expires && now >= credential->token_since + life / 2;
}

static bool is_over(const struct iothub_credential *credential, int64_t now)
{
	return credential->token_expires && now >= credential->token_expires;
}

/* The new token goes into the blob: it is on disk before it is used. */
static int take_child(struct call *call)
{
	struct spotflow_token token;
	struct iothub_credential child;
	CLEANUP(secret_clear) struct secret bytes = {0};
	uint8_t *blob;
	int r = spotflow_read_token(call->answer->body, &token);

	if (r < 0)
		return call_say(
			call, PLATFORM_FAILED, "the platform's answer could not be understood");
	child = (struct iothub_credential){.token = span_from_string(token.text),
		.token_since = call->services->now(),
		.token_expires = token.expires};
	r = iothub_credential_make(&child, &bytes);
	blob = r < 0 ? NULL : malloc(BLOB_HEAD + bytes.size);
	if (blob) {
		blob[0] = BLOB_FORMAT;
		blob[1] = 'C';
		memcpy(blob + BLOB_HEAD, bytes.data, bytes.size);
		call->step->blob = (struct secret){blob, BLOB_HEAD + bytes.size};
		r = ask_register(call, child.token);
	}
	crypto_wipe(&token, sizeof(token));
	return blob ? r : -ENOMEM;
}

static int child_of(const struct call *call, struct iothub_credential *ret_child)
{
	struct span blob = secret_span(&call->device->record->life.operation_blob);

	return iothub_credential_read(
		span_of(blob.data + BLOB_HEAD, blob.size - BLOB_HEAD), ret_child);
}

static int on_refresh(struct call *call, const struct iothub_credential *credential)
{
	const struct platform_answer *answer = call->answer;

	if (call_is_ok(answer))
		return take_child(call);
	/* Not renewed; it may still be good for a session (rule 4). */
	if (call_is_refused(answer))
		return ask_register_again(call, credential, 'T');
	if (answer->result >= 0 && (answer->status == 410 || answer->status == 404))
		return ask_register_again(call, credential, 'S');
	return call_try_again(call);
}

static int refused_for_good(struct call *call, const struct iothub_credential *credential)
{
	if (call->phase == 'T')
		call->step->trouble = PLATFORM_TOKEN_REFUSED;
	if (is_over(credential, call->services->now()))
		return call_say(call, PLATFORM_REFUSED,
			"its registration token has ended and is not renewed");
	return call_say(call, PLATFORM_REJECTED,
		"the platform revoked its registration token, or deleted the device");
}

static int on_register(struct call *call, struct iothub_credential *credential)
{
	if (call_is_ok(call->answer)) {
		call->step->verdict = PLATFORM_ISSUED;
		if (call->phase == 'T')
			call->step->trouble = PLATFORM_TOKEN_REFUSED;
		return take_registration(call, credential);
	}
	if (!is_unknown(call->answer))
		return call_try_again(call);
	/* With the parent once more, or for the first time. */
	if (call->phase == 'R' && call->device->provisioning_token.size)
		return ask_refresh(call, credential);
	return refused_for_good(call, credential);
}

/* The child is not taken: its parent may still be in its time of grace. */
static int on_child(struct call *call, const struct iothub_credential *parent)
{
	struct iothub_credential child;

	if (child_of(call, &child) < 0)
		return ask_register_again(call, parent, 'R');
	if (!call->answer->present)
		return ask_register(call, child.token) < 0
			       ? -ENOMEM
			       : secret_set(&call->step->blob,
					 secret_span(&call->device->record->life.operation_blob));
	if (call_is_ok(call->answer)) {
		call->step->verdict = PLATFORM_ISSUED;
		return take_registration(call, &child);
	}
	return is_unknown(call->answer) ? ask_register_again(call, parent, 'S')
					: call_try_again(call);
}

int spotflow_refresh(struct call *call)
{
	struct iothub_credential credential;
	bool has_pt = call->device->provisioning_token.size > 0;
	int r = held(call, &credential);

	if (r <= 0)
		return r;
	switch (call->phase) {
	case 'C':
		return on_child(call, &credential);
	case 'F':
		if (!has_pt)
			return ask_register_again(call, &credential, 'T');
		return call->answer->present ? on_refresh(call, &credential)
					     : ask_refresh(call, &credential);
	case 'R':
	case 'S':
	case 'T':
		return call->answer->present ? on_register(call, &credential)
					     : ask_register_again(call, &credential, call->phase);
	default: /* it begins */
		break;
	}
	if (has_pt && is_due(&credential, call->services->now()))
		return ask_refresh(call, &credential);
	return ask_register_again(call, &credential, 'R');
}
