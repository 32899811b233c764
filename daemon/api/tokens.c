/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Tokens, imported ones and those that devices brought. In: rows with a secret, in one or several
 * parts; a row that is not right is named by its line, and then nothing of this import is kept.
 * Out: names and dates, never a value. What the body holds of secrets is wiped as soon as it was
 * copied.
 */

#include <stdio.h>
#include <string.h>

#include "api/rows.h"
#include "base/cleanup.h"
#include "base/crypto.h"
#include "core/token-row.h"

#define LIST_DEFAULT 200
#define LIST_MAX     1000

struct reading_rows {
	struct limits *limits;
	struct token_list list;
	struct api_rows rows;
};

static void cleanup_rows(struct reading_rows *rows)
{
	token_list_clear(&rows->list);
	json_decref(rows->rows.refused);
}

/* ---- in ---- */

static const struct {
	const char *needs, *holds_others;
} row_texts[TOKEN_ROWS] = {
	[TOKEN_ROW_PT] = {"needs the texts ep and pt", "holds other keys than ep, pt and line"},
	[TOKEN_ROW_IDENTITY] = {"needs the texts ep, certificate and key",
		"holds other keys than ep, certificate, key and line"},
	[TOKEN_ROW_X509] = {"needs the texts ep, x509 and key",
		"holds other keys than ep, x509, key and line"},
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
	json_int_t line = api_row_line(object, index);
	enum token_row row = token_row_of(object);
	const char *why = check_row(object, row);
	struct span value[TOKEN_ROW_VALUES] = {0};
	struct token *token = NULL;
	bool too_long = false;
	int r = 0;

	for (size_t i = 0; !why && token_row_key(row, i); i++)
		value[i] = api_row_text(object, token_row_key(row, i));
	if (!why)
		why = token_row_new(row, api_row_text(object, "ep"), value, &too_long, &token, &r);
	if (too_long)
		rows->limits->reached[LIMIT_TOKEN_BYTES]++;
	if (why) {
		api_rows_refuse(&rows->rows, line, why);
		return;
	}
	if (r < 0) {
		rows->rows.no_memory = true;
		return;
	}
	token->line = line > 0 && line <= UINT32_MAX ? (unsigned)line : 0;
	token_list_add(&rows->list, token);
}

void api_put_tokens(const struct api_context *context)
{
	CLEANUP(cleanup_rows)
	struct reading_rows rows = {
		.limits = context->api->view.limits, .rows = {.word = "tokens"}};
	json_t *list = api_rows_begin(&rows.rows, context->request->body,
		"The body must be {\"tokens\":[{\"ep\",\"username\",\"password\"},...]}, or with "
		"\"pt\" or \"key\", or \"certificate\" or \"x509\" and \"key\", in the place of "
		"the last "
		"two.");
	struct api_pending *pending;
	struct act act;
	json_t *row;
	size_t i;

	json_array_foreach(list, i, row)
	{
		read_row(&rows, row, i);
	}
	/* Also of a body that is none. */
	token_rows_wipe(json_object_get(context->request->body, "tokens"));
	if (!api_rows_end(context, &rows.rows))
		return;
	pending = api_rows_act(context, ACT_TOKENS_PUT, &act);
	if (pending)
		context->api->ops->put_tokens(
			context->api->userdata, &act, &rows.list, api_rows_done, pending);
}

/* ---- out ---- */

static json_t *name_json(const struct api *api, const struct token_name *name)
{
	const struct device *device = registry_by_ep(api->view.registry, name->ep);

	return json_pack("{s:s,s:s,s:o,s:b,s:o}", "ep", name->ep, "platform", name->kind, "since",
		api_time(name->since), "brought", name->brought, "device",
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
		json_pack("{s:I,s:o,s:o}", "total", (json_int_t)names->count, "tokens", list,
			"operator_since", api_time(context->api->view.facts->operator_since)));
}

/* ---- an operator's token ---- */

void api_put_operator_token(const struct api_context *context)
{
	const json_t *body = context->request->body, *token = json_object_get(body, "token");
	struct span value = api_row_text(body, "token");
	struct api_pending *pending = NULL;
	struct act act;

	api_act_begin(context, ACT_OPERATOR_PUT, &act);
	if (json_is_string(token) && json_object_size(body) == 1)
		pending = api_act_pending(context, &act);
	else
		api_error(context, 400, "input", "The body must be {\"token\"}.");
	if (pending)
		context->api->ops->put_operator_token(
			context->api->userdata, &act, value, api_act_done, pending);
	if (value.size)
		crypto_wipe((char *)(uintptr_t)value.data, value.size);
}
