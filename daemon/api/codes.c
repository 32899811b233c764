/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Labels with a key. In: rows with a name and its code, in one or several parts; a row that is not
 * right is named by its line, and then nothing of this import is kept. A code is read here and goes
 * on as derived keys; what the body holds of it is wiped at once. Out: names and dates, and what is
 * open for a label alone.
 */

#include <stdio.h>
#include <string.h>

#include "api/api-parts.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/crypto.h"

#define REFUSED_MAX  100 /* rows that are named in one answer */
#define LIST_DEFAULT 200
#define LIST_MAX     1000

struct reading_rows {
	struct label_list list;
	json_t *refused; /* of those that are not right: {"line","text"} */
	size_t count;
	bool failed;
};

static void cleanup_rows(struct reading_rows *rows)
{
	label_list_clear(&rows->list);
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

static const char *check_row(const json_t *row)
{
	if (!json_is_object(row))
		return "is no object";
	if (!json_is_string(json_object_get(row, "ep")) ||
		!json_is_string(json_object_get(row, "code")))
		return "needs the texts ep and code";
	if (json_object_size(row) != (size_t)2 + (json_object_get(row, "line") != NULL))
		return "holds other keys than ep, code and line";
	return label_row_check(text_of(row, "ep"));
}

static void read_row(struct reading_rows *rows, const json_t *row, size_t index)
{
	const json_t *number = json_object_get(row, "line");
	json_int_t line =
		json_is_integer(number) ? json_integer_value(number) : (json_int_t)index + 1;
	CLEANUP(label_clear) struct label label = {0};
	enum label_verdict verdict;
	struct kept_label *kept;
	const char *why = check_row(row);
	int r = 0;

	if (!why) {
		r = label_read(text_of(row, "code"), json_string_value(json_object_get(row, "ep")),
			&label, &verdict);
		why = r < 0 ? NULL : label_row_why(verdict);
	}
	if (why) {
		refuse(rows, line, why);
		return;
	}
	if (r >= 0)
		r = kept_label_new(&label, &kept);
	if (r < 0) {
		rows->failed = true;
		return;
	}
	kept->line = line > 0 && line <= UINT32_MAX ? (unsigned)line : 0;
	label_list_add(&rows->list, kept);
}

static void wipe(json_t *list)
{
	json_t *row;
	size_t i;

	json_array_foreach(list, i, row)
	{
		struct span code = text_of(row, "code");

		if (code.data)
			crypto_wipe((char *)(uintptr_t)code.data, code.size);
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
		json_object_set_new(
			body, outcome->text[0] ? "codes" : "import", json_integer(outcome->number));
	if (body && outcome->result == ACT_TOO_MANY)
		json_object_set_new(body, "wait", json_integer(outcome->number));
	if (pending->api)
		api_touch(pending->api);
	api_pending_answer(pending, api_status_of(outcome->result), body);
}

/* {"codes":[...],"import":n?,"more":bool?} */
static const char *check_body(const json_t *body)
{
	const json_t *import = json_object_get(body, "import"),
		     *more = json_object_get(body, "more");

	if (!json_is_array(json_object_get(body, "codes")))
		return "The body must be {\"codes\":[{\"ep\",\"code\"},...]}.";
	if (import && (!json_is_integer(import) || json_integer_value(import) < 0 ||
			      json_integer_value(import) > INT32_MAX))
		return "\"import\" must be the number that the part before was answered with.";
	if (more && !json_is_boolean(more))
		return "\"more\" must be true or false.";
	if (json_object_size(body) != (size_t)1 + (import != NULL) + (more != NULL))
		return "Allowed are codes, import and more.";
	return NULL;
}

static void hand_over(const struct api_context *context, struct reading_rows *rows)
{
	const json_t *body = context->request->body;
	struct act act = {.kind = ACT_CODES_PUT, .role = context->request->caller->role};
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
	context->api->ops->put_codes(context->api->userdata, &act, &rows->list, on_done, pending);
}

void api_put_codes(const struct api_context *context)
{
	CLEANUP(cleanup_rows) struct reading_rows rows = {.refused = json_array()};
	json_t *list = json_object_get(context->request->body, "codes"), *row;
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
	if (rows.failed || !rows.refused)
		api_error(context, 507, "no-memory", "The gateway is out of memory.");
	else if (rows.count)
		answer_refused(context, &rows);
	else
		hand_over(context, &rows);
}

/* ---- out ---- */

static json_t *window_json(const struct kept_label *kept, int64_t now)
{
	if (!kept_label_is_open(kept, now))
		return json_null();
	return json_pack("{s:I,s:o,s:o,s:o,s:o}", "seconds_left",
		(json_int_t)((kept->window->until - now + 999) / 1000), "opened_by",
		api_text(kept->window->opened_by), "name", api_text(kept->window->name), "place",
		api_text(kept->window->place), "owner", api_text(kept->window->owner));
}

static json_t *label_json(const struct api *api, const struct kept_label *kept, int64_t now)
{
	const struct device *device = registry_by_ep(api->view.registry, kept->label.ep);

	return json_pack("{s:s,s:o,s:b,s:b,s:o,s:o}", "ep", kept->label.ep, "since",
		api_time(kept->since), "imported", kept->imported, "dtls", kept->label.has_psk,
		"window", window_json(kept, now), "device",
		device ? json_string(device->record->id) : json_null());
}

void api_get_codes(const struct api_context *context)
{
	const struct label_book *book = context->api->view.labels;
	const char *query = context->request->query;
	uint64_t limit = api_query_number(query, "limit", LIST_DEFAULT, LIST_MAX);
	char after[EP_MAX + 1] = "", open[8] = "";
	bool only_open = api_query_text(query, "open", open, sizeof(open));
	int64_t now = clock_wall_msec();
	json_t *list = json_array();
	size_t at = 0;

	if (api_query_text(query, "after", after, sizeof(after)))
		at = label_book_after(book, after);
	for (; at < book->count && json_array_size(list) < limit; at++)
		if (!only_open || kept_label_is_open(book->kept[at], now))
			json_array_append_new(list, label_json(context->api, book->kept[at], now));
	api_answer(context, 200,
		json_pack("{s:I,s:I,s:o}", "total", (json_int_t)book->count, "open",
			(json_int_t)label_book_count_open(book, now), "codes", list));
}
