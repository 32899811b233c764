/* SPDX-License-Identifier: Apache-2.0 */

/* The dead letters: which reading of whom a platform will never take, and what it said. */

#include <stdlib.h>

#include "api/api-parts.h"
#include "base/cleanup.h"

#define LIST_DEFAULT 50
#define FORGOTTEN    "forgotten device"

/* What the answer needs beside the letters. */
struct asked {
	const struct api *api;
	struct api_pending *pending;
};

static json_t *letter_json(const struct api_view *view, const struct letter *letter)
{
	const struct device *device = registry_by_row(view->registry, letter->device_row);
	char id[80];

	return json_pack("{s:I,s:o,s:o,s:o,s:s,s:o,s:b,s:i,s:I,s:o,s:o}", "row",
		(json_int_t)letter->row, "id",
		api_text(
			gh_id_format((*view->config)->id, owed_epoch(view->owed), letter->row, id)),
		"device", device ? api_text(device->record->id) : json_null(), "name",
		api_text(device ? device->record->name : FORGOTTEN), "trust",
		trust_to_string(letter->trust), "time", api_time(letter->time), "clock_synced",
		letter->clock_synced, "format", (int)letter->format, "bytes",
		(json_int_t)letter->size, "reason", api_text(letter->reason), "put_aside",
		api_time(letter->buried));
}

static void on_letters(
	void *userdata, int result, const struct letter *letters, size_t count, uint64_t next)
{
	CLEANUP(cleanup_free) struct asked *asked = userdata;
	json_t *list;

	if (result < 0) {
		api_pending_answer(asked->pending, 507,
			json_pack("{s:s,s:s}", "error", "not-stored", "text",
				"The list could not be read."));
		return;
	}
	list = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, letter_json(&asked->api->view, &letters[i]));
	api_pending_answer(asked->pending, 200,
		json_pack("{s:o,s:o}", "letters", list, "next",
			next ? json_integer((json_int_t)next) : json_null()));
}

void api_get_dead(const struct api_context *context)
{
	const char *text = context->request->query;
	uint64_t limit = api_query_number(text, "limit", LIST_DEFAULT, LETTERS_AT_ONCE);
	struct asked *asked = calloc(1, sizeof(*asked));

	if (asked) {
		asked->api = context->api;
		asked->pending = api_pending_new(context);
	}
	if (!asked || !asked->pending) {
		free(asked);
		api_error(context, 507, "no-memory", "The gateway is out of memory.");
		return;
	}
	context->api->ops->letters(context->api->userdata,
		api_query_number(text, "before", 0, INT64_MAX), (unsigned)(limit ? limit : 1),
		on_letters, asked);
}
