/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Lists and sentences from JSON. A list is described by its columns: a title and the path of the
 * value in each item. An empty list is a sentence that says so.
 */

#include "ctl/view.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctl/table.h"

#define NUMBER_SIZE 32
#define AGE_SIZE    48

DEFINE_CLEANUP(struct table *, table_free, cleanup_table)

struct column {
	const char *title, *path;
};

static const json_t *find(const json_t *object, const char *path)
{
	char key[48];
	const char *dot;

	while ((dot = strchr(path, '.'))) {
		snprintf(key, sizeof(key), "%.*s", (int)(dot - path), path);
		object = json_object_get(object, key);
		path = dot + 1;
	}
	return json_object_get(object, path);
}

const char *view_text(const json_t *object, const char *path, char *ret_text)
{
	const json_t *value = find(object, path);

	if (json_is_string(value))
		return json_string_value(value)[0] ? json_string_value(value) : NULL;
	if (json_is_boolean(value))
		return json_is_true(value) ? "yes" : "no";
	if (!json_is_integer(value))
		return NULL;
	snprintf(ret_text, NUMBER_SIZE, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	return ret_text;
}

const char *view_age(json_int_t seconds, char *ret_text)
{
	json_int_t minutes = seconds / 60, hours = minutes / 60, days = hours / 24;

	if (days > 0)
		snprintf(ret_text, AGE_SIZE,
			"%" JSON_INTEGER_FORMAT " d %" JSON_INTEGER_FORMAT " h", days, hours % 24);
	else if (hours > 0)
		snprintf(ret_text, AGE_SIZE,
			"%" JSON_INTEGER_FORMAT " h %" JSON_INTEGER_FORMAT " min", hours,
			minutes % 60);
	else if (minutes > 0)
		snprintf(ret_text, AGE_SIZE,
			"%" JSON_INTEGER_FORMAT " min %" JSON_INTEGER_FORMAT " s", minutes,
			seconds % 60);
	else
		snprintf(ret_text, AGE_SIZE, "%" JSON_INTEGER_FORMAT " s", seconds);
	return ret_text;
}

const char *view_bytes(json_int_t bytes, char *ret_text)
{
	static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
	double value = (double)bytes;
	size_t unit = 0;

	if (bytes < 1024) {
		snprintf(ret_text, NUMBER_SIZE, "%" JSON_INTEGER_FORMAT " bytes", bytes);
		return ret_text;
	}
	for (value /= 1024; value >= 1024 && unit + 1 < ELEMENTS(units); unit++)
		value /= 1024;
	snprintf(ret_text, NUMBER_SIZE, "%.1f %s", value, units[unit]);
	return ret_text;
}

static void add_item(
	struct table *table, const json_t *item, const struct column *columns, size_t count)
{
	const char *cells[TABLE_COLUMNS_MAX];
	char numbers[TABLE_COLUMNS_MAX][NUMBER_SIZE];

	for (size_t i = 0; i < count; i++)
		cells[i] = view_text(item, columns[i].path, numbers[i]);
	table_add(table, cells);
}

static void view_list(const json_t *list, const struct column *columns, size_t count,
	const char *empty, FILE *out)
{
	CLEANUP(cleanup_table) struct table *table = NULL;
	const char *titles[TABLE_COLUMNS_MAX];
	json_t *item;
	size_t i;

	if (json_array_size(list) == 0) {
		fprintf(out, "%s\n", empty);
		return;
	}
	for (i = 0; i < count; i++)
		titles[i] = columns[i].title;
	if (table_new(titles, count, &table) < 0)
		return;
	json_array_foreach(list, i, item)
	{
		add_item(table, item, columns, count);
	}
	table_print(table, out);
}

/* ---- lists ---- */

void view_limits(const json_t *answer, FILE *out)
{
	static const struct column columns[] = {{"LIMIT", "name"}, {"VALUE", "value"},
		{"UNIT", "unit"}, {"REACHED", "reached"}, {"REASON", "reason"}};

	view_list(json_object_get(answer, "limits"), columns, ELEMENTS(columns),
		"There are no limits.", out);
}

void view_heard(const json_t *answer, FILE *out)
{
	const json_t *list = json_object_get(answer, "heard");
	char number[NUMBER_SIZE];
	json_t *item;
	size_t i;

	if (json_array_size(list) == 0)
		fputs("Nobody was turned away in the last 15 minutes.\n", out);
	json_array_foreach(list, i, item)
	{
		const char *count = view_text(item, "count", number);

		fprintf(out, "%s times: ", count ? count : "0");
		line_print(out, json_string_value(json_object_get(item, "reason")));
		fputs("  ", out);
		line_print(out, json_string_value(json_object_get(item, "remedy")));
	}
}

void view_alarms(const json_t *answer, FILE *out)
{
	const json_t *list = json_object_get(answer, "alarms");
	char number[NUMBER_SIZE];
	json_t *item;
	size_t i;

	if (json_array_size(list) == 0)
		fputs("There are no alarms.\n", out);
	json_array_foreach(list, i, item)
	{
		if (i > 0)
			fputc('\n', out);
		line_print(out, json_string_value(json_object_get(item, "sentence")));
		line_print(out, json_string_value(json_object_get(item, "remedy")));
		pair_print(out, "  id", view_text(item, "id", number));
		pair_print(out, "  subject", view_text(item, "subject", number));
		pair_print(out, "  since", view_text(item, "raised", number));
		pair_print(out, "  times", view_text(item, "times", number));
	}
}

void view_devices(const json_t *answer, FILE *out)
{
	static const struct column columns[] = {{"ID", "id"}, {"NAME", "name"}, {"PLACE", "place"},
		{"STAGE", "stage"}, {"TRUST", "trust"}, {"FOUND BY", "found_by"},
		{"ADDRESS", "address"}, {"READINGS", "readings"}, {"QUEUED", "queued"},
		{"LAST READING", "last_reading"}};

	view_list(json_object_get(answer, "devices"), columns, ELEMENTS(columns),
		"There are no devices. Open the window (gatehousectl window open) and put a device "
		"into onboarding mode.",
		out);
}

void view_journal(const json_t *answer, FILE *out)
{
	static const struct column columns[] = {{"NUMBER", "number"}, {"TIME", "time"},
		{"WHO", "who"}, {"ROLE", "role"}, {"VIA", "via"}, {"ACTION", "action"},
		{"OBJECT", "object"}, {"EVIDENCE", "evidence"}, {"RESULT", "result"}};

	view_list(json_object_get(answer, "rows"), columns, ELEMENTS(columns), "There are no rows.",
		out);
}

void view_history(const json_t *answer, FILE *out)
{
	static const struct column columns[] = {{"TIME", "time"}, {"WHO", "who"},
		{"ACTION", "action"}, {"EVIDENCE", "evidence"}, {"RESULT", "result"}};

	view_list(json_object_get(answer, "rows"), columns, ELEMENTS(columns), "Nothing yet.", out);
}

void view_queue_devices(const json_t *answer, FILE *out)
{
	static const struct column columns[] = {{"DEVICE", "id"}, {"NAME", "name"},
		{"STAGE", "stage"}, {"READINGS", "readings"}, {"BYTES", "bytes"}};

	view_list(json_object_get(answer, "devices"), columns, ELEMENTS(columns), "Nothing waits.",
		out);
}

void view_gaps(const json_t *answer, FILE *out)
{
	static const struct column columns[] = {{"DEVICE", "device"}, {"FROM ROW", "first"},
		{"TO ROW", "last"}, {"READINGS", "count"}, {"REASON", "reason"}};

	view_list(json_object_get(answer, "gaps"), columns, ELEMENTS(columns), "", out);
}

void view_letters(const json_t *answer, FILE *out)
{
	static const struct column columns[] = {{"ROW", "row"}, {"DEVICE", "device"},
		{"NAME", "name"}, {"ACCEPTED", "time"}, {"BYTES", "bytes"},
		{"PUT ASIDE", "put_aside"}, {"REASON", "reason"}};

	view_list(json_object_get(answer, "letters"), columns, ELEMENTS(columns),
		"The platform took all that it was sent.", out);
	if (json_is_integer(json_object_get(answer, "next")))
		fprintf(out, "\nThere are more: gatehousectl queue dead --before %lld\n",
			(long long)json_integer_value(json_object_get(answer, "next")));
}

void view_tokens(const json_t *answer, FILE *out)
{
	static const struct column columns[] = {{"CALLS ITSELF", "ep"}, {"PLATFORM", "platform"},
		{"SINCE", "since"}, {"DEVICE", "device"}, {"BROUGHT", "brought"}};

	view_list(json_object_get(answer, "tokens"), columns, ELEMENTS(columns),
		"There are no tokens: \"gatehousectl tokens import\" takes a file of them.", out);
	if (json_is_string(json_object_get(answer, "operator_since")))
		fprintf(out, "An operator's token is kept since %s.\n",
			json_string_value(json_object_get(answer, "operator_since")));
}

void view_codes(const json_t *answer, FILE *out)
{
	static const struct column columns[] = {{"CALLS ITSELF", "ep"}, {"SINCE", "since"},
		{"IMPORTED", "imported"}, {"DTLS", "dtls"}, {"AWAITED BY", "window.opened_by"},
		{"DEVICE", "device"}};

	view_list(json_object_get(answer, "codes"), columns, ELEMENTS(columns),
		"No label is known: \"gatehousectl codes import\" takes a file of their codes.",
		out);
}

void view_device_cas(const json_t *answer, FILE *out)
{
	static const struct column columns[] = {{"NAME", "name"}, {"ADMIT", "admit"},
		{"FILE", "file"}, {"SINCE", "since"}, {"ENDS", "not_after"},
		{"SHA-256", "fingerprint"}};

	view_list(json_object_get(answer, "device_cas"), columns, ELEMENTS(columns),
		"No authority is registered: devices come in with keys, or without a proof.", out);
}

void view_people(const json_t *answer, FILE *out)
{
	static const struct column columns[] = {
		{"NAME", "name"}, {"ROLE", "role"}, {"SINCE", "created"}};

	view_list(json_object_get(answer, "people"), columns, ELEMENTS(columns),
		"There is nobody yet: \"gatehousectl setup\" makes the first administrator.", out);
}

/* ---- sentences ---- */

void view_done(const json_t *answer, const char *done, FILE *out)
{
	const json_t *device = json_object_get(answer, "device");
	const char *text = json_string_value(json_object_get(answer, "text"));
	char number[NUMBER_SIZE];

	line_print(out, text && text[0] ? text : done);
	if (!device)
		return;
	pair_print(out, "Device", view_text(device, "id", number));
	pair_print(out, "Stage", view_text(device, "stage", number));
	pair_print(out, "Code", view_text(device, "code", number));
}

void view_error(const json_t *answer, long status, FILE *out)
{
	const char *text = json_string_value(json_object_get(answer, "text"));

	if (text && text[0])
		line_print(out, text);
	else
		fprintf(out, "The gateway refused (%ld).\n", status);
}
