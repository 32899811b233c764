/* SPDX-License-Identifier: Apache-2.0 */
/* See rows.h. */

#include "api/rows.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

#define REFUSED_MAX 100 /* rows that are named in one answer */

static void check_body(struct api_rows *rows, const json_t *body, const char *needs)
{
	const json_t *import = json_object_get(body, "import"),
		     *more = json_object_get(body, "more");
	size_t allowed = (size_t)1 + (import != NULL) + (more != NULL);

	if (!json_is_array(json_object_get(body, rows->word)))
		snprintf(rows->why, sizeof(rows->why), "%s", needs);
	else if (import && (!json_is_integer(import) || json_integer_value(import) < 0 ||
				   json_integer_value(import) > INT32_MAX))
		snprintf(rows->why, sizeof(rows->why),
			"\"import\" must be the number that the part before was answered with.");
	else if (more && !json_is_boolean(more))
		snprintf(rows->why, sizeof(rows->why), "\"more\" must be true or false.");
	else if (json_object_size(body) != allowed)
		snprintf(rows->why, sizeof(rows->why), "Allowed are %s, import and more.",
			rows->word);
}

json_t *api_rows_begin(struct api_rows *rows, const json_t *body, const char *needs)
{
	check_body(rows, body, needs);
	rows->refused = json_array();
	rows->no_memory = !rows->refused;
	return rows->why[0] ? NULL : json_object_get(body, rows->word);
}

json_int_t api_row_line(const json_t *row, size_t index)
{
	const json_t *number = json_object_get(row, "line");

	return json_is_integer(number) ? json_integer_value(number) : (json_int_t)index + 1;
}

struct span api_row_text(const json_t *row, const char *key)
{
	const json_t *value = json_object_get(row, key);

	return span_of(json_string_value(value), json_string_length(value));
}

void api_rows_refuse(struct api_rows *rows, json_int_t line, const char *why)
{
	rows->count++;
	if (json_array_size(rows->refused) < REFUSED_MAX)
		json_array_append_new(
			rows->refused, json_pack("{s:I,s:s}", "line", line, "text", why));
}

bool api_rows_end(const struct api_context *context, struct api_rows *rows)
{
	const json_t *first = json_array_get(rows->refused, 0);
	char text[300];

	if (rows->why[0]) {
		api_error(context, 400, "input", rows->why);
		return false;
	}
	if (rows->no_memory) {
		api_error(context, 507, "no-memory", "The gateway is out of memory.");
		return false;
	}
	if (rows->count == 0)
		return true;
	snprintf(text, sizeof(text), "Line %lld %.200s.%s Nothing was imported.",
		(long long)json_integer_value(json_object_get(first, "line")),
		json_string_value(json_object_get(first, "text")),
		rows->count > 1 ? " There are more such lines." : "");
	api_answer(context, 400,
		json_pack("{s:s,s:s,s:I,s:O}", "error", "input", "text", text, "refused_count",
			(json_int_t)rows->count, "refused", rows->refused));
	return false;
}

struct api_pending *api_rows_act(
	const struct api_context *context, enum act_kind kind, struct act *ret_act)
{
	const json_t *body = context->request->body;
	const struct api_caller *caller = context->request->caller;
	struct api_pending *pending = api_pending_new(context);

	if (!pending) {
		api_error(context, 507, "no-memory", "The gateway is out of memory.");
		return NULL;
	}
	pending->kind = kind;
	*ret_act = (struct act){.kind = kind,
		.role = caller->role,
		.number = (uint32_t)json_integer_value(json_object_get(body, "import")),
		.more = json_is_true(json_object_get(body, "more"))};
	snprintf(ret_act->who, sizeof(ret_act->who), "%s", caller->name);
	snprintf(ret_act->via, sizeof(ret_act->via), "%s", caller->via);
	return pending;
}

void api_rows_done(void *userdata, const struct act_outcome *outcome)
{
	struct api_pending *pending = userdata;
	bool done = outcome->result == ACT_DONE;
	const char *word = pending->kind == ACT_TOKENS_PUT ? "tokens" : "codes";
	json_t *body = api_act_body(outcome);

	if (body && done)
		json_object_set_new(
			body, outcome->text[0] ? word : "import", json_integer(outcome->number));
	if (body && outcome->result == ACT_TOO_MANY)
		json_object_set_new(body, "wait", json_integer(outcome->number));
	if (pending->api)
		api_touch(pending->api);
	api_pending_answer(pending, api_status_of(outcome->result), body);
}
