/* SPDX-License-Identifier: Apache-2.0 */

/* A device that comes from another gateway: text in, and the answer of the one who opens it. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api-parts.h"
#include "base/cleanup.h"
#include "base/crypto.h"

static void hand_over(const struct api_context *context, struct span parcel)
{
	struct api_pending *pending;
	struct act act;

	api_act_begin(context, ACT_IMPORT, &act);
	pending = api_act_pending(context, &act);
	if (pending)
		context->api->ops->put_parcel(
			context->api->userdata, &act, parcel, api_act_done, pending);
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
