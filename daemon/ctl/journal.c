/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Who did what: rows of the journal that fit, all of them as lines of JSON, those that come from
 * now on, and whether the chain of the rows is whole. And what is known of one device, whose
 * history is a part of the journal. The gateway looks at a stretch for each call; we go on until
 * there is enough, and say how far we are when that takes longer and somebody watches.
 */

#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "ctl/command.h"
#include "ctl/progress.h"
#include "ctl/table.h"
#include "ctl/view.h"

#define LIMIT_DEFAULT 50
#define PART	      200 /* rows in one call */
#define HISTORY	      10

DEFINE_CLEANUP(json_t *, json_decref, cleanup_json)

struct look {
	unsigned long before, after, limit;
	bool whole; /* it is taken away */
};

static int get_part(struct ctl *ctl, const struct look *look, json_t **ret_answer)
{
	const char *const *value = ctl->invocation->value;
	CLEANUP(cleanup_free) char *path = NULL;
	char start[96], after[24];

	snprintf(start, sizeof(start), "/api/v1/journal%s?before=%lu&limit=%lu",
		look->whole ? "/export" : "", look->before,
		look->limit < PART ? look->limit : PART);
	snprintf(after, sizeof(after), "%lu", look->after);
	path = ctl_add_query(ctl, strdup(start), "after", look->after ? after : NULL);
	path = ctl_add_query(ctl, path, "who", value[OPTION_WHO]);
	path = ctl_add_query(ctl, path, "action", value[OPTION_ACTION]);
	path = ctl_add_query(ctl, path, "object", value[OPTION_OBJECT]);
	return path ? ctl_call(ctl, "GET", path, NULL, ret_answer) : EXIT_REFUSED;
}

typedef void (*take_fn)(struct ctl *ctl, json_t *rows, void *userdata);

/* Calls take() for each part, newest first, until 'limit' rows were there or none are left. */
static int walk(struct ctl *ctl, struct look look, take_fn take, void *userdata)
{
	struct progress progress = {.out = ctl->err, .what = "rows looked at"};
	unsigned long newest = 0;
	int code;

	for (;;) {
		CLEANUP(cleanup_json) json_t *answer = NULL;
		json_t *rows, *next;

		code = get_part(ctl, &look, &answer);
		if (code != EXIT_DONE)
			break;
		rows = json_object_get(answer, "rows");
		next = json_object_get(answer, "next");
		take(ctl, rows, userdata);
		look.limit -=
			json_array_size(rows) < look.limit ? json_array_size(rows) : look.limit;
		if (!json_is_integer(next) || json_integer_value(next) <= 0 || look.limit == 0)
			break;
		look.before = (unsigned long)json_integer_value(next);
		newest = newest ? newest : look.before;
		progress.total = newest;
		progress_show(&progress, newest - look.before);
	}
	progress_end(&progress);
	return code;
}

static void collect(struct ctl *ctl, json_t *rows, void *userdata)
{
	json_array_extend(userdata, rows);
}

static void print_lines(struct ctl *ctl, json_t *rows, void *userdata)
{
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		json_dumpf(row, ctl->out, JSON_COMPACT | JSON_ENSURE_ASCII);
		fputc('\n', ctl->out);
	}
}

/* ---- following ---- */

static void print_row(struct ctl *ctl, json_t *row)
{
	static const char *const keys[] = {"time", "who", "action", "object", "evidence", "result"};
	char line[600] = "", number[32];
	size_t used = 0;

	if (ctl->invocation->value[OPTION_JSON]) {
		json_dumpf(row, ctl->out, JSON_COMPACT | JSON_ENSURE_ASCII);
		fputc('\n', ctl->out);
		return;
	}
	for (size_t i = 0; i < ELEMENTS(keys) && used < sizeof(line); i++) {
		const char *text = view_text(row, keys[i], number);

		if (text)
			used += (size_t)snprintf(line + used, sizeof(line) - used, "%s%.90s",
				used ? "  " : "", text);
	}
	line_print(ctl->out, line);
}

/* Oldest first. The number of the newest goes on in *after. */
static void print_news(struct ctl *ctl, const json_t *rows, unsigned long *after)
{
	for (size_t i = json_array_size(rows); i > 0; i--) {
		json_t *row = json_array_get(rows, i - 1);
		json_int_t number = json_integer_value(json_object_get(row, "number"));

		print_row(ctl, row);
		if (number > 0 && (unsigned long)number > *after)
			*after = (unsigned long)number;
	}
	fflush(ctl->out);
}

static int follow(struct ctl *ctl, struct look look)
{
	const struct timespec pause = {.tv_sec = 1};
	int code;

	for (;;) {
		CLEANUP(cleanup_json) json_t *rows = json_array();

		code = walk(ctl, look, collect, rows);
		if (code != EXIT_DONE || ferror(ctl->out))
			return code;
		print_news(ctl, rows, &look.after);
		look.limit = ULONG_MAX; /* what is new is shown whole */
		nanosleep(&pause, NULL);
	}
}

/* ---- commands ---- */

int run_journal(struct ctl *ctl)
{
	const char *const *value = ctl->invocation->value;
	CLEANUP(cleanup_json) json_t *rows = json_array();
	CLEANUP(cleanup_json) json_t *whole = json_pack("{s:O}", "rows", rows);
	struct look look = {.limit = LIMIT_DEFAULT};
	int code;

	if (value[OPTION_BEFORE] &&
		number_parse(value[OPTION_BEFORE], 1, 1000000000000, &look.before) < 0)
		return ctl_usage_error(ctl, "--before needs the number of a row");
	if (value[OPTION_LIMIT] && number_parse(value[OPTION_LIMIT], 1, 10000, &look.limit) < 0)
		return ctl_usage_error(ctl, "--limit needs a number from 1 to 10000");
	if (value[OPTION_FOLLOW])
		return follow(ctl, look);
	code = walk(ctl, look, collect, rows);
	if (code == EXIT_DONE && !ctl_print_json(ctl, whole))
		view_journal(whole, ctl->out);
	return code;
}

/* ---- as a table ---- */

static const char *const columns[] = {"number", "time", "clock_synced", "who", "role", "via",
	"action", "object", "evidence", "result"};

/* A formula begins with one of these, also in its wide form (U+FF1D, U+FF0B, U+FF0D, U+FF20). */
static bool begins_formula(const char *text)
{
	return strchr("=+-@", *text) || !strncmp(text, "\xef\xbc\x9d", 3) ||
	       !strncmp(text, "\xef\xbc\x8b", 3) || !strncmp(text, "\xef\xbc\x8d", 3) ||
	       !strncmp(text, "\xef\xbc\xa0", 3);
}

/*
 * Quoted; what a spreadsheet would take for a formula begins with an apostrophe. Also behind what
 * may divide cells there: one that divides at ";" does not see quotes that begin elsewhere.
 */
static void print_text(FILE *out, const char *text)
{
	bool begins = true; /* nothing but quotes and spaces since a cell may have begun */

	for (; *text; text++) {
		char c = (unsigned char)*text < 0x20 || *text == 0x7f ? ' ' : *text;

		if (begins && begins_formula(text))
			fputc('\'', out);
		begins = strchr(";|", c) || *text == '\t' || (begins && strchr("\"' ", c));
		if (c == '"')
			fputc('"', out);
		fputc(c, out);
	}
}

static void print_cell(FILE *out, const json_t *value)
{
	const char *text = json_string_value(value);

	if (json_is_integer(value))
		fprintf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	else if (json_is_boolean(value))
		fputs(json_is_true(value) ? "true" : "false", out);
	if (!text)
		return;
	fputc('"', out);
	print_text(out, text);
	fputc('"', out);
}

static void print_table(struct ctl *ctl, json_t *rows, void *userdata)
{
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		for (size_t k = 0; k < ELEMENTS(columns); k++) {
			if (k > 0)
				fputc(',', ctl->out);
			print_cell(ctl->out, json_object_get(row, columns[k]));
		}
		fputs("\r\n", ctl->out);
	}
}

int run_journal_export(struct ctl *ctl)
{
	struct look look = {.limit = ULONG_MAX, .whole = true};

	if (!ctl->invocation->value[OPTION_CSV])
		return walk(ctl, look, print_lines, NULL);
	for (size_t k = 0; k < ELEMENTS(columns); k++)
		fprintf(ctl->out, "%s%s", k ? "," : "", columns[k]);
	fputs("\r\n", ctl->out);
	return walk(ctl, look, print_table, NULL);
}

int run_journal_verify(struct ctl *ctl)
{
	CLEANUP(cleanup_json) json_t *answer = NULL;
	const char *head;
	bool intact;
	int code = ctl_call_watched(ctl, "the gateway reads its whole journal", "GET",
		"/api/v1/journal/verify", NULL, &answer);

	if (code != EXIT_DONE)
		return code;
	intact = json_is_true(json_object_get(answer, "intact"));
	head = json_string_value(json_object_get(answer, "head"));
	if (!ctl_print_json(ctl, answer) && intact) {
		fprintf(ctl->out, "All %" JSON_INTEGER_FORMAT " rows are as they were written.\n",
			json_integer_value(json_object_get(answer, "rows")));
		pair_print(ctl->out, "Newest link", head);
	} else if (!intact) {
		fprintf(ctl->err,
			"The journal was changed: row %" JSON_INTEGER_FORMAT
			" is not as it was written, or is missing. Keep a copy of control.db for "
			"examination.\n",
			json_integer_value(json_object_get(answer, "first_bad")));
	}
	return intact ? EXIT_DONE : EXIT_REFUSED;
}

/* ---- one device ---- */

int run_show(struct ctl *ctl)
{
	CLEANUP(cleanup_json) json_t *device = NULL;
	CLEANUP(cleanup_json) json_t *history = NULL;
	CLEANUP(cleanup_free) char *path = NULL;
	CLEANUP(cleanup_free) char *past = NULL;
	char after[32];
	long status = 0;
	int code;

	snprintf(after, sizeof(after), "/history?limit=%d", HISTORY);
	path = client_path(ctl->client, "/api/v1/devices/", ctl->invocation->argument[0], "");
	past = client_path(ctl->client, "/api/v1/devices/", ctl->invocation->argument[0], after);
	if (!path || !past)
		return EXIT_REFUSED;
	code = ctl_call(ctl, "GET", path, NULL, &device);
	if (code != EXIT_DONE)
		return code;
	/* It may be forgotten by now: what was seen of it is shown all the same. */
	if (client_call(ctl->client, "GET", past, NULL, &status, &history) == 0 && status == 200)
		json_object_set(device, "history", json_object_get(history, "rows"));
	if (ctl_print_json(ctl, device))
		return code;
	view_device(device, ctl->out);
	view_commands(device, ctl->out);
	if (!json_object_get(device, "history"))
		return code;
	fputs("\nHistory, newest first:\n", ctl->out);
	view_history(history, ctl->out);
	return code;
}

/* ---- the queue ---- */

int run_queue(struct ctl *ctl)
{
	const char *limit = ctl->invocation->value[OPTION_LIMIT];
	unsigned long devices = 20;
	char path[64];

	if (limit && number_parse(limit, 1, 200, &devices) < 0)
		return ctl_usage_error(ctl, "--limit needs a number from 1 to 200");
	snprintf(path, sizeof(path), "/api/v1/queue?limit=%lu", devices);
	return ctl_show(ctl, path, view_queue);
}

int run_queue_dead(struct ctl *ctl)
{
	const char *limit = ctl->invocation->value[OPTION_LIMIT];
	const char *before = ctl->invocation->value[OPTION_BEFORE];
	unsigned long rows = 50, row = 0;
	char path[80];

	if (limit && number_parse(limit, 1, 200, &rows) < 0)
		return ctl_usage_error(ctl, "--limit needs a number from 1 to 200");
	if (before && number_parse(before, 1, LONG_MAX, &row) < 0)
		return ctl_usage_error(ctl, "--before needs the number of a row");
	snprintf(path, sizeof(path), "/api/v1/dead?before=%lu&limit=%lu", row, rows);
	return ctl_show(ctl, path, view_letters);
}
