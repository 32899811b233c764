/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Key-bearing codes of devices. A file is read as a whole and every line is looked at before
 * anything is sent: whatever is wrong with it is said at once, with the numbers of the lines, and
 * then nothing is imported. What is right goes to the gateway in parts, which keeps the derived
 * keys of all of them or of none. Codes come from a file or standard input, and are wiped here as
 * soon as they are sent.
 */

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/crypto.h"
#include "base/csv.h"
#include "core/label-book.h"
#include "ctl/codes.h"
#include "ctl/command.h"
#include "ctl/lines.h"
#include "ctl/progress.h"
#include "ctl/view.h"

#define CODES_MAX     20000
#define CODE_TEXT_MAX 160   /* a code or a QR text, with room for blanks */
#define PART_BYTES    32768 /* of JSON; a body of the API may have 65536 */
#define PART_ROWS     400
#define REFUSED_MAX   20 /* lines that are named one by one */
#define LIST_AT_ONCE  1000

DEFINE_CLEANUP(json_t *, json_decref, cleanup_json)

void code_rows_clear(struct code_rows *rows)
{
	if (rows->row)
		crypto_wipe(rows->row, rows->room * sizeof(*rows->row));
	free(rows->row);
	rows->row = NULL;
}

/* ---- the file ---- */

static void refuse(struct code_rows *rows, const char *why)
{
	if (++rows->refused <= REFUSED_MAX)
		fprintf(rows->err, "line %u %s\n", rows->line, why);
	else if (rows->refused == REFUSED_MAX + 1)
		fputs("... and more\n", rows->err);
}

/* Room for one more; what stood in the old place is wiped. */
static int make_room(struct code_rows *rows)
{
	size_t room = rows->room ? 2 * rows->room : 64;
	struct code_row *row;

	if (rows->count < rows->room)
		return 0;
	row = calloc(room, sizeof(*row));
	if (!row)
		return -ENOMEM;
	if (rows->count)
		memcpy(row, rows->row, rows->count * sizeof(*row));
	code_rows_clear(rows);
	rows->row = row;
	rows->room = room;
	return 0;
}

static const char *check(const char *ep, const char *code)
{
	CLEANUP(label_clear) struct label label = {0};
	enum label_verdict verdict;
	const char *why = label_row_check(span_from_string(ep));

	if (why)
		return why;
	if (strlen(code) > CODE_TEXT_MAX)
		return label_row_why(LABEL_LENGTH);
	if (label_read(span_from_string(code), ep, &label, &verdict) < 0)
		return "could not be read: the cryptographic library failed";
	return label_row_why(verdict);
}

static bool is_header(char *const *field, size_t count)
{
	return count == 2 && !strcasecmp(field[0], "ep") && !strcasecmp(field[1], "code");
}

static int take_line(void *userdata, char *line, size_t size, unsigned number)
{
	struct code_rows *rows = userdata;
	struct code_row *row;
	char *field[2];
	const char *why;
	size_t count;
	int r;

	rows->line = number;
	why = size > LINE_SIZE_MAX ? "is longer than 4096 bytes"
				   : csv_split(line, size, field, 2, &count);
	if (!why && number == 1 && is_header(field, count))
		return 0;
	if (!why && count < 2)
		why = "has not the two fields ep and code";
	if (!why)
		why = check(field[0], field[1]);
	if (!why && rows->count == CODES_MAX)
		why = "is one more than the 20000 that a gateway keeps";
	if (why) {
		refuse(rows, why);
		return 0;
	}
	r = make_room(rows);
	if (r < 0)
		return r;
	row = &rows->row[rows->count++];
	row->line = number;
	memcpy(row->ep, field[0], strlen(field[0]) + 1);
	memcpy(row->code, field[1], strlen(field[1]) + 1);
	return 0;
}

int code_rows_read(struct code_rows *rows, const char *path)
{
	return lines_read(path, take_line, rows);
}

/* ---- to the gateway ---- */

/* As many as fit into one body, from *at on, which is moved behind them. */
static json_t *rows_of(const struct code_rows *codes, size_t *at)
{
	CLEANUP(cleanup_json) json_t *rows = json_array();
	size_t bytes = 0;

	while (*at < codes->count && json_array_size(rows) < PART_ROWS) {
		const struct code_row *row = &codes->row[*at];
		/* A backslash becomes two characters; nothing else of it is escaped. */
		size_t size = 2 * strlen(row->ep) + 2 * strlen(row->code) + 48;

		if (json_array_size(rows) > 0 && bytes + size > PART_BYTES)
			break;
		if (json_array_append_new(rows, json_pack("{s:s,s:s,s:I}", "ep", row->ep, "code",
							row->code, "line", (json_int_t)row->line)) <
			0)
			return NULL;
		bytes += size;
		++*at;
	}
	return STEAL(rows);
}

static void wipe_rows(json_t *rows)
{
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		const char *code = json_string_value(json_object_get(row, "code"));

		if (code)
			crypto_wipe((char *)(uintptr_t)code, strlen(code));
	}
}

static int send_part(struct ctl *ctl, json_t *rows, json_int_t import, bool more, json_t **ret)
{
	json_t *body = json_pack("{s:O,s:I,s:b}", "codes", rows, "import", import, "more", more);
	int code = body ? ctl_call(ctl, "PUT", "/api/v1/codes", body, ret) : EXIT_REFUSED;

	wipe_rows(rows);
	return code;
}

static int send_all(struct ctl *ctl, const struct code_rows *codes)
{
	struct progress progress = {
		.out = ctl->err, .what = "codes", .total = codes->count, .lines = true};
	json_int_t number = 0;
	size_t at = 0;

	for (;;) {
		CLEANUP(cleanup_json) json_t *rows = rows_of(codes, &at);
		CLEANUP(cleanup_json) json_t *answer = NULL;
		bool more = at < codes->count;
		int code;

		if (!rows)
			return EXIT_REFUSED;
		code = send_part(ctl, rows, number, more, &answer);
		if (code != EXIT_DONE) {
			progress_end(&progress);
			return code;
		}
		if (more || number)
			progress_show(&progress, at);
		number = json_integer_value(json_object_get(answer, "import"));
		if (more)
			continue;
		progress_end(&progress);
		if (!ctl_print_json(ctl, answer))
			view_done(answer, "The codes are imported.", ctl->out);
		return EXIT_DONE;
	}
}

int run_codes_import(struct ctl *ctl)
{
	CLEANUP(code_rows_clear) struct code_rows rows = {.err = ctl->err};
	const char *path = ctl->invocation->argument[0];
	int r = code_rows_read(&rows, path);

	if (r < 0) {
		fprintf(ctl->err, "%s cannot be read: %s.\n",
			strcmp(path, "-") ? path : "Standard input", strerror(-r));
		return EXIT_USAGE;
	}
	if (rows.refused) {
		fprintf(ctl->err, "Nothing was imported: %u line%s cannot be taken.\n",
			rows.refused, rows.refused == 1 ? "" : "s");
		return EXIT_REFUSED;
	}
	if (!rows.count) {
		fputs("Nothing was imported: there is no code in it.\n", ctl->err);
		return EXIT_REFUSED;
	}
	return send_all(ctl, &rows);
}

int run_codes_drop(struct ctl *ctl)
{
	CLEANUP(cleanup_free)
	char *path =
		client_path(ctl->client, "/api/v1/codes?ep=", ctl->invocation->argument[0], "");
	CLEANUP(cleanup_json) json_t *answer = NULL;
	int code = path ? ctl_call(ctl, "DELETE", path, NULL, &answer) : EXIT_REFUSED;

	if (code == EXIT_DONE && !ctl_print_json(ctl, answer))
		view_done(answer, "The keys of the label are deleted.", ctl->out);
	return code;
}

/* ---- names and dates ---- */

static int get_codes(struct ctl *ctl, const char *after, json_t **ret_answer)
{
	CLEANUP(cleanup_free) char *path = NULL;
	char before[64];

	snprintf(before, sizeof(before), "/api/v1/codes?limit=%d&after=", LIST_AT_ONCE);
	path = client_path(ctl->client, before, after, "");
	return path ? ctl_call(ctl, "GET", path, NULL, ret_answer) : EXIT_REFUSED;
}

/* All pages as one answer. */
int run_codes_list(struct ctl *ctl)
{
	CLEANUP(cleanup_json) json_t *all = NULL;
	json_t *list;
	size_t count;
	int code = get_codes(ctl, "", &all);

	if (code != EXIT_DONE)
		return code;
	list = json_object_get(all, "codes");
	do {
		CLEANUP(cleanup_json) json_t *more = NULL;
		const char *last;

		count = json_array_size(list);
		if (count == 0 || count % LIST_AT_ONCE)
			break;
		last = json_string_value(json_object_get(json_array_get(list, count - 1), "ep"));
		code = get_codes(ctl, last ? last : "", &more);
		if (code != EXIT_DONE)
			return code;
		json_array_extend(list, json_object_get(more, "codes"));
	} while (json_array_size(list) > count);
	if (!ctl_print_json(ctl, all))
		view_codes(all, ctl->out);
	return EXIT_DONE;
}
