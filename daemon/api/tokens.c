/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Imported tokens. In: rows with a secret, in one or several parts; a row that is not right is
 * named by its line, and then nothing of this import is kept. Out: names and dates, never a value.
 * What the body holds of secrets is wiped as soon as it was copied.
 */

#include <stdio.h>
#include <string.h>

#include "api/api-parts.h"
#include "base/cleanup.h"
#include "core/token-row.h"

#define REFUSED_MAX  100 /* rows that are named in one answer */
#define LIST_DEFAULT 200
#define LIST_MAX     1000

struct reading_rows {
	struct limits *limits;
	struct token_list list;
	json_t *refused; /* of those that are not right: {"line","text"} */
	size_t count;
	bool no_memory;
};

static void cleanup_rows(struct reading_rows *rows)
{
	token_list_clear(&rows->list);
	json_decref(rows->refused);
}

/* ---- in ---- */

static struct span text_of(const json_t *row, const char *key)
{
	const json_t *value = json_object_get(row, key);

	return span_of(json_string_value(value), json_string_length(value));
}

static void refuse(struct reading_rows *rows, json_int_t line, const char *why)
{
	rows->count++;
	if (json_array_size(rows->refused) < REFUSED_MAX)
		json_array_append_new(
			rows->refused, json_pack("{s:I,s:s}", "line", line, "text", why));
}

static const struct {
	const char *needs, *holds_others;
} row_texts[TOKEN_ROWS] = {
	[TOKEN_ROW_PT] = {"needs the texts ep and pt", "holds other keys than ep, pt and line"},
	[TOKEN_ROW_IDENTITY] = {"needs the texts ep, certificate and key",
		"holds other keys than ep, certificate, key and line"},
	[TOKEN_ROW_KEY] = {"needs the texts ep and key", "holds other keys than ep, key and line"},
	[TOKEN_ROW_STATIC] = {"needs the texts ep, username and password",
		"holds other keys than ep, username, password and line"},
};

/* A typo in a key must not become a token without a password. */
static const char *check_row(const json_t *object, enum token_row row)
{
	size_t count = 0;

	if (!json_is_object(object))
		return "is no object";
	if (!json_is_string(json_object_get(object, "ep")))
		return row_texts[row].needs;
	for (; token_row_key(row, count); count++)
		if (!json_is_string(json_object_get(object, token_row_key(row, count))))
			return row_texts[row].needs;
	if (json_object_size(object) != 1 + count + (json_object_get(object, "line") != NULL))
		return row_texts[row].holds_others;
	return NULL;
}

static void read_row(struct reading_rows *rows, const json_t *object, size_t index)
{
	const json_t *number = json_object_get(object, "line");
	json_int_t line =
		json_is_integer(number) ? json_integer_value(number) : (json_int_t)index + 1;
	enum token_row row = token_row_of(object);
	const char *why = check_row(object, row);
	struct span value[TOKEN_ROW_VALUES] = {0};
	struct token *token = NULL;
	bool too_long = false;
	int r = 0;

	for (size_t i = 0; !why && token_row_key(row, i); i++)
		value[i] = text_of(object, token_row_key(row, i));
	if (!why)
		why = token_row_new(row, text_of(object, "ep"), value, &too_long, &token, &r);
	if (too_long)
		rows->limits->reached[LIMIT_TOKEN_BYTES]++;
	if (why) {
		refuse(rows, line, why);
		return;
	}
	if (r < 0) {
		rows->no_memory = true;
		return;
	}
	token->line = line > 0 && line <= UINT32_MAX ? (unsigned)line : 0;
	token_list_add(&rows->list, token);
}

static void answer_refused(const struct api_context *context, struct reading_rows *rows)
{
	const json_t *first = json_array_get(rows->refused, 0);
	char text[300];

	snprintf(text, sizeof(text), "Line %lld %.200s.%s Nothing was imported.",
		(long long)json_integer_value(json_object_get(first, "line")),
		json_string_value(json_object_get(first, "text")),
		rows->count > 1 ? " There are more such lines." : "");
	api_answer(context, 400,
		json_pack("{s:s,s:s,s:I,s:O}", "error", "input", "text", text, "refused_count",
			(json_int_t)rows->count, "refused", rows->refused));
}

static void on_done(void *userdata, const struct act_outcome *outcome)
{
	struct api_pending *pending = userdata;
	bool done = outcome->result == ACT_DONE;
	json_t *body = json_pack("{s:s,s:o}", done ? "result" : "error",
		api_word_of(outcome->result), "text", api_text(outcome->text));

	if (body && done)
		json_object_set_new(body, outcome->text[0] ? "tokens" : "import",
			json_integer(outcome->number));
	if (body && outcome->result == ACT_TOO_MANY)
		json_object_set_new(body, "wait", json_integer(outcome->number));
	if (pending->api)
		api_touch(pending->api);
	api_pending_answer(pending, api_status_of(outcome->result), body);
}

/* {"tokens":[...],"import":n?,"more":bool?} */
static const char *check_body(const json_t *body)
{
	const json_t *import = json_object_get(body, "import"),
		     *more = json_object_get(body, "more");

	if (!json_is_array(json_object_get(body, "tokens")))
		return "The body must be {\"tokens\":[{\"ep\",\"username\",\"password\"},...]}, or "
		       "with \"pt\" or \"key\", or \"certificate\" and \"key\", in the place of "
		       "the last two.";
	if (import && (!json_is_integer(import) || json_integer_value(import) < 0 ||
			      json_integer_value(import) > INT32_MAX))
		return "\"import\" must be the number that the part before was answered with.";
	if (more && !json_is_boolean(more))
		return "\"more\" must be true or false.";
	if (json_object_size(body) != (size_t)1 + (import != NULL) + (more != NULL))
		return "Allowed are tokens, import and more.";
	return NULL;
}

static void hand_over(const struct api_context *context, struct reading_rows *rows)
{
	const json_t *body = context->request->body;
	struct act act = {.kind = ACT_TOKENS_PUT, .role = context->request->caller->role};
	struct api_pending *pending = api_pending_new(context);

	if (!pending) {
		api_error(context, 507, "no-memory", "The gateway is out of memory.");
		return;
	}
	pending->kind = act.kind;
	act.number = (uint32_t)json_integer_value(json_object_get(body, "import"));
	act.more = json_is_true(json_object_get(body, "more"));
	snprintf(act.who, sizeof(act.who), "%s", context->request->caller->name);
	snprintf(act.via, sizeof(act.via), "%s", context->request->caller->via);
	context->api->ops->put_tokens(context->api->userdata, &act, &rows->list, on_done, pending);
}

void api_put_tokens(const struct api_context *context)
{
	CLEANUP(cleanup_rows)
	struct reading_rows rows = {.limits = context->api->view.limits, .refused = json_array()};
	json_t *list = json_object_get(context->request->body, "tokens"), *row;
	const char *why = check_body(context->request->body);
	size_t i;

	if (why) {
		token_rows_wipe(list);
		api_error(context, 400, "input", why);
		return;
	}
	json_array_foreach(list, i, row)
	{
		read_row(&rows, row, i);
	}
	token_rows_wipe(list);
	if (rows.no_memory || !rows.refused)
		api_error(context, 507, "no-memory", "The gateway is out of memory.");
	else if (rows.count)
		answer_refused(context, &rows);
	else
		hand_over(context, &rows);
}

/* ---- out ---- */

static json_t *name_json(const struct api *api, const struct token_name *name)
{
	const struct device *device = registry_by_ep(api->view.registry, name->ep);

	return json_pack("{s:s,s:s,s:o,s:o}", "ep", name->ep, "platform", name->kind, "since",
		api_time(name->since), "device",
		device && !strcmp(device->record->platform, name->kind)
			? json_string(device->record->id)
			: json_null());
}

void api_get_tokens(const struct api_context *context)
{
	const struct token_names *names = context->api->view.tokens;
	const char *query = context->request->query;
	uint64_t limit = api_query_number(query, "limit", LIST_DEFAULT, LIST_MAX);
	char after[EP_MAX + 1] = "", kind[TOKEN_KIND_MAX + 1] = TOKEN_KIND_MQTT;
	json_t *list = json_array();
	size_t at = 0;

	if (api_query_text(query, "after", after, sizeof(after)) && after[0]) {
		/* A name may have a token for each of several platforms. */
		api_query_text(query, "after_platform", kind, sizeof(kind));
		at = token_names_after(names, kind, after);
	}
	for (; at < names->count && json_array_size(list) < limit; at++)
		json_array_append_new(list, name_json(context->api, &names->name[at]));
	api_answer(context, 200,
		json_pack("{s:I,s:o}", "total", (json_int_t)names->count, "tokens", list));
}
