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
#include "base/crypto.h"

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

static const char *check_static(struct span ep, const struct span *value, bool *ret_too_long)
{
	return token_check(ep, value[0], value[1], ret_too_long);
}

static const char *check_pt(struct span ep, const struct span *value, bool *ret_too_long)
{
	return token_check_pt(ep, value[0], ret_too_long);
}

static const char *check_identity(struct span ep, const struct span *value, bool *ret_too_long)
{
	return token_check_identity(ep, value[0], value[1], ret_too_long);
}

static const char *check_key(struct span ep, const struct span *value, bool *ret_too_long)
{
	return token_check_key(ep, value[0], ret_too_long);
}

static int make_static(struct span ep, const struct span *value, struct token **ret)
{
	return token_new(ep, value[0], value[1], ret);
}

static int make_pt(struct span ep, const struct span *value, struct token **ret)
{
	return token_new_pt(ep, value[0], ret);
}

static int make_identity(struct span ep, const struct span *value, struct token **ret)
{
	return token_new_identity(ep, value[0], value[1], ret);
}

static int make_key(struct span ep, const struct span *value, struct token **ret)
{
	return token_new_key(ep, value[0], ret);
}

#define VALUES_MAX 2

/* What a row may be, told by the first of its keys; the first that fits. */
static const struct row_kind {
	const char *key[VALUES_MAX]; /* beside ep */
	const char *needs, *holds_others;
	const char *(*check)(struct span ep, const struct span *value, bool *ret_too_long);
	int (*make)(struct span ep, const struct span *value, struct token **ret);
} row_kinds[] = {
	{{"pt"}, "needs the texts ep and pt", "holds other keys than ep, pt and line", check_pt,
		make_pt},
	{{"certificate", "key"}, "needs the texts ep, certificate and key",
		"holds other keys than ep, certificate, key and line", check_identity,
		make_identity},
	{{"key"}, "needs the texts ep and key", "holds other keys than ep, key and line", check_key,
		make_key},
	{{"username", "password"}, "needs the texts ep, username and password",
		"holds other keys than ep, username, password and line", check_static, make_static},
};

static const struct row_kind *kind_of(const json_t *row)
{
	size_t i = 0;

	while (i < ELEMENTS(row_kinds) - 1 && !json_object_get(row, row_kinds[i].key[0]))
		i++;
	return &row_kinds[i];
}

/* A typo in a key must not become a token without a password. */
static const char *check_row(const json_t *row, const struct row_kind *kind)
{
	size_t count = 1;

	if (!json_is_object(row))
		return "is no object";
	if (!json_is_string(json_object_get(row, "ep")))
		return kind->needs;
	for (size_t i = 0; i < VALUES_MAX && kind->key[i]; i++, count++)
		if (!json_is_string(json_object_get(row, kind->key[i])))
			return kind->needs;
	if (json_object_size(row) != count + (json_object_get(row, "line") != NULL))
		return kind->holds_others;
	return NULL;
}

static void read_row(struct reading_rows *rows, const json_t *row, size_t index)
{
	const json_t *number = json_object_get(row, "line");
	json_int_t line =
		json_is_integer(number) ? json_integer_value(number) : (json_int_t)index + 1;
	const struct row_kind *kind = kind_of(row);
	const char *why = check_row(row, kind);
	struct span value[VALUES_MAX] = {0};
	bool too_long = false;
	struct token *token;

	for (size_t i = 0; !why && i < VALUES_MAX && kind->key[i]; i++)
		value[i] = text_of(row, kind->key[i]);
	if (!why)
		why = kind->check(text_of(row, "ep"), value, &too_long);
	if (too_long)
		rows->limits->reached[LIMIT_TOKEN_BYTES]++;
	if (why) {
		refuse(rows, line, why);
		return;
	}
	if (kind->make(text_of(row, "ep"), value, &token) < 0) {
		rows->no_memory = true;
		return;
	}
	token->line = line > 0 && line <= UINT32_MAX ? (unsigned)line : 0;
	token_list_add(&rows->list, token);
}

static void wipe(json_t *list)
{
	json_t *row, *value;
	const char *key;
	size_t i;

	json_array_foreach(list, i, row)
	{
		json_object_foreach(row, key, value)
		{
			if (json_is_string(value))
				crypto_wipe((char *)(uintptr_t)json_string_value(value),
					json_string_length(value));
		}
	}
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
		wipe(list);
		api_error(context, 400, "input", why);
		return;
	}
	json_array_foreach(list, i, row)
	{
		read_row(&rows, row, i);
	}
	wipe(list);
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
