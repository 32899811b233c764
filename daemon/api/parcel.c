/* SPDX-License-Identifier: Apache-2.0 */

/* A device that comes from another gateway: text in, and the answer of the one who opens it. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api-parts.h"
#include "base/cleanup.h"
#include "base/crypto.h"

static void on_done(void *userdata, const struct act_outcome *outcome)
{
	struct api_pending *pending = userdata;
	json_t *body = json_pack("{s:s,s:o}", outcome->result == ACT_DONE ? "result" : "error",
		api_word_of(outcome->result), "text", api_text(outcome->text));

	if (pending->api)
		api_touch(pending->api);
	api_pending_answer(pending, api_status_of(outcome->result), body);
}

static void hand_over(const struct api_context *context, struct span parcel)
{
	const struct api_caller *caller = context->request->caller;
	struct act act = {
		.kind = ACT_IMPORT, .role = caller->role, .local_root = caller->local_root};
	struct api_pending *pending = api_pending_new(context);

	if (!pending) {
		api_error(context, 507, "no-memory", "The gateway is out of memory.");
		return;
	}
	pending->kind = act.kind;
	snprintf(act.who, sizeof(act.who), "%s", caller->name);
	snprintf(act.via, sizeof(act.via), "%s", caller->via);
	context->api->ops->put_parcel(context->api->userdata, &act, parcel, on_done, pending);
}

void api_put_parcel(const struct api_context *context)
{
	const json_t *text = json_object_get(context->request->body, "parcel");
	size_t length = json_string_length(text), size;
	CLEANUP(cleanup_free) uint8_t *parcel = malloc(length + 1);

	if (!parcel)
		api_error(context, 507, "no-memory", "The gateway is out of memory.");
	else if (!length || base64url_decode(span_of(json_string_value(text), length), parcel,
				    length + 1, &size) < 0)
		api_error(context, 400, "input", "\"parcel\" must be base64url text.");
	else
		hand_over(context, span_of(parcel, size));
}
