/* SPDX-License-Identifier: Apache-2.0 */

/* One call of the driver: verdicts, requests, the phase in the blob. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/crypto.h"
#include "drivers/platform/spotflow-parts.h"

/* ---- verdicts ---- */

int call_say(struct call *call, enum platform_verdict verdict, const char *why)
{
	call->step->verdict = verdict;
	call->step->why = why;
	return 0;
}

int call_give_up(struct call *call, const char *why)
{
	call->step->final = true;
	return call_say(call, PLATFORM_FAILED, why);
}

/* What is the same for every call: a status that says nothing about the token. */
int call_try_again(struct call *call)
{
	int status = call->answer->status;

	if (call->answer->result < 0)
		return call_say(call, PLATFORM_FAILED, "the platform could not be asked");
	if (status == 423) {
		call->step->trouble = PLATFORM_DISABLED;
		return call_say(call, PLATFORM_FAILED, "the workspace is disabled at the platform");
	}
	if (status == 429)
		return call_say(call, PLATFORM_FAILED, "the platform asks to be asked less often");
	return call_say(call, PLATFORM_FAILED, "the platform has a fault of its own");
}

bool call_is_ok(const struct platform_answer *answer)
{
	return answer->result >= 0 && answer->status >= 200 && answer->status < 300;
}

bool call_is_refused(const struct platform_answer *answer)
{
	return answer->result >= 0 && (answer->status == 401 || answer->status == 403);
}

int call_token_refused(struct call *call)
{
	call->step->trouble = PLATFORM_TOKEN_REFUSED;
	return call_say(
		call, PLATFORM_REFUSED, "the platform does not take its provisioning token");
}

/* ---- requests ---- */

static int set_authorization(
	struct platform_request *request, const char *scheme, struct span token)
{
	struct platform_header *header = &request->header[request->header_count++];
	int n = snprintf(header->value, sizeof(header->value), "%s ", scheme);

	header->name = "Authorization";
	return span_to_string(token, header->value + n, sizeof(header->value) - (size_t)n);
}

/* 'body' is taken over. */
int call_ask(struct call *call, const char *method, const char *path, const char *scheme,
	struct span token, json_t *body)
{
	CLEANUP(spotflow_json_free) json_t *owned = body;
	struct platform_request *request = &call->step->request;
	char *text = owned ? json_dumps(owned, JSON_COMPACT) : NULL;
	int n, r;

	if (!text)
		return -ENOMEM;
	request->body = (struct secret){(uint8_t *)text, strlen(text)};
	request->transport = PLATFORM_HTTP;
	snprintf(request->method, sizeof(request->method), "%s", method);
	n = snprintf(request->url, sizeof(request->url),
		strchr(call->settings->host, ':') ? "https://[%s]:%u/%s" : "https://%s:%u/%s",
		call->settings->host, call->settings->port, path);
	r = set_authorization(request, scheme, token);
	if (r >= 0 && (n < 0 || (size_t)n >= sizeof(request->url)))
		r = -EMSGSIZE;
	call->step->verdict = PLATFORM_PROGRESS;
	return r;
}

int call_ask_device(
	struct call *call, const char *method, const char *path, struct span token, json_t *body)
{
	return call_ask(call, method, path, "DeviceToken", token, body);
}

/* ---- the blob ---- */

int call_set_phase(struct call *call, char phase)
{
	const uint8_t blob[BLOB_HEAD] = {BLOB_FORMAT, (uint8_t)phase};

	return secret_set(&call->step->blob, span_of(blob, sizeof(blob)));
}

char call_phase_of(const struct lifecycle *life)
{
	struct span blob = secret_span(&life->operation_blob);

	return blob.size >= BLOB_HEAD && blob.data[0] == BLOB_FORMAT ? (char)blob.data[1] : 0;
}
