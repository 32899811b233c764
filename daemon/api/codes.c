/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Labels with a key. In: rows with a name and its code, in one or several parts; a row that is not
 * right is named by its line, and then nothing of this import is kept. A code is read here and goes
 * on as derived keys; what the body holds of it is wiped at once. Out: names and dates, and what is
 * open for a label alone.
 */

#include <stdio.h>
#include <string.h>

#include "api/rows.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/crypto.h"

#define LIST_DEFAULT 200
#define LIST_MAX     1000

struct reading_rows {
	struct label_list list;
	struct api_rows rows;
};

static void cleanup_rows(struct reading_rows *rows)
{
	label_list_clear(&rows->list);
	json_decref(rows->rows.refused);
}

/* ---- in ---- */

static const char *check_row(const json_t *row)
{
	if (!json_is_object(row))
		return "is no object";
	if (!json_is_string(json_object_get(row, "ep")) ||
		!json_is_string(json_object_get(row, "code")))
		return "needs the texts ep and code";
	if (json_object_size(row) != (size_t)2 + (json_object_get(row, "line") != NULL))
		return "holds other keys than ep, code and line";
	return label_row_check(api_row_text(row, "ep"));
}

static void read_row(struct reading_rows *rows, const json_t *row, size_t index)
{
	json_int_t line = api_row_line(row, index);
	CLEANUP(label_clear) struct label label = {0};
	enum label_verdict verdict;
	struct kept_label *kept;
	const char *why = check_row(row);
	int r = 0;

	if (!why) {
		r = label_read(api_row_text(row, "code"),
			json_string_value(json_object_get(row, "ep")), &label, &verdict);
		why = r < 0 ? NULL : label_row_why(verdict);
	}
	if (why) {
		api_rows_refuse(&rows->rows, line, why);
		return;
	}
	if (r >= 0)
		r = kept_label_new(&label, &kept);
	if (r < 0) {
		rows->rows.no_memory = true;
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
		struct span code = api_row_text(row, "code");

		if (code.data)
			crypto_wipe((char *)(uintptr_t)code.data, code.size);
	}
}

void api_put_codes(const struct api_context *context)
{
	CLEANUP(cleanup_rows) struct reading_rows rows = {.rows = {.word = "codes"}};
	json_t *list = api_rows_begin(&rows.rows, context->request->body,
		"The body must be {\"codes\":[{\"ep\",\"code\"},...]}.");
	struct api_pending *pending;
	struct act act;
	json_t *row;
	size_t i;

	json_array_foreach(list, i, row)
	{
		read_row(&rows, row, i);
	}
	/* Also of a body that is none. */
	wipe(json_object_get(context->request->body, "codes"));
	if (!api_rows_end(context, &rows.rows))
		return;
	pending = api_rows_act(context, ACT_CODES_PUT, &act);
	if (pending)
		context->api->ops->put_codes(
			context->api->userdata, &act, &rows.list, api_rows_done, pending);
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
