/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Labels that are scanned: one on each line, as a reader of codes types it (the QR text or the
 * address that a label printed on site holds), or "ep,code". Each goes to the gateway by itself, so
 * forty labels can be scanned one after the other; one that is refused does not stop the rest.
 */

#include "ctl/scan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/crypto.h"
#include "base/csv.h"
#include "ctl/command.h"
#include "ctl/lines.h"
#include "ctl/view.h"

DEFINE_CLEANUP(json_t *, json_decref, cleanup_json)

/* ---- one code ---- */

struct first_line {
	char *code;
	bool found;
};

static int take_first(void *userdata, char *line, size_t size, unsigned number)
{
	struct first_line *first = userdata;

	if (size > SCAN_TEXT_MAX)
		return -EMSGSIZE;
	if (!first->found)
		memcpy(first->code, line, size + 1);
	first->found = true;
	return 0;
}

int scan_read_code(char ret_code[SCAN_TEXT_MAX + 1])
{
	struct first_line first = {.code = ret_code};
	int r;

	memset(ret_code, 0, SCAN_TEXT_MAX + 1);
	r = lines_read("-", take_first, &first);
	if (r < 0)
		return r;
	return first.found ? 0 : -ENODATA;
}

/* ---- many labels ---- */

struct scanning {
	struct ctl *ctl;
	unsigned taken, refused;
	int code; /* of the tool's end */
};

/* "ep,code" is two fields; a label alone may hold a comma in its name. */
static json_t *body_of(char *line, size_t size)
{
	char *field[2];
	size_t count = 0;

	if (strncasecmp(line, "GH1", 3) != 0 && !strstr(line, "://") &&
		!csv_split(line, size, field, 2, &count) && count == 2)
		return json_pack("{s:s,s:s}", "ep", field[0], "code", field[1]);
	return json_pack("{s:s}", "code", line);
}

/* With --json: one object on one line for each label, at once, as whoever scans it waits for it. */
static void print_outcome(struct ctl *ctl, unsigned number, bool taken, json_t *answer)
{
	CLEANUP(cleanup_json)
	json_t *outcome = json_pack(
		"{s:I,s:b,s:O?}", "line", (json_int_t)number, "taken", taken, "answer", answer);

	json_dumpf(outcome, ctl->out, JSON_COMPACT | JSON_ENSURE_ASCII);
	fputc('\n', ctl->out);
	fflush(ctl->out);
}

static void show_outcome(struct ctl *ctl, unsigned number, long status, json_t *answer)
{
	bool taken = status >= 200 && status < 300;

	if (ctl->invocation->value[OPTION_JSON])
		print_outcome(ctl, number, taken, answer);
	fprintf(ctl->err, "line %u: ", number);
	if (!taken) {
		view_error(answer, status, ctl->err);
		return;
	}
	fputs("taken\n", ctl->err);
	if (!ctl->invocation->value[OPTION_JSON])
		view_done(answer, "It is taken in.", ctl->out);
}

static int take_label(void *userdata, char *line, size_t size, unsigned number)
{
	struct scanning *scanning = userdata;
	struct ctl *ctl = scanning->ctl;
	CLEANUP(cleanup_json) json_t *answer = NULL;
	json_t *body = size > SCAN_TEXT_MAX ? NULL : body_of(line, size);
	long status = 0;
	int code;

	if (!body) {
		fprintf(ctl->err, "line %u is no label\n", number);
		if (ctl->invocation->value[OPTION_JSON])
			print_outcome(ctl, number, false, NULL);
		scanning->refused++;
		return 0;
	}
	ctl_add_option(body, ctl, OPTION_NAME, "name");
	ctl_add_option(body, ctl, OPTION_PLACE, "place");
	ctl_add_option(body, ctl, OPTION_OWNER, "owner");
	code = ctl_ask(ctl, "POST", "/api/v1/codes/scan", body, &status, &answer);
	if (code == EXIT_UNREACHABLE) {
		scanning->code = code;
		return -ECANCELED;
	}
	show_outcome(ctl, number, status, answer);
	if (code == EXIT_DONE)
		scanning->taken++;
	else
		scanning->refused++;
	return 0;
}

int run_codes_scan(struct ctl *ctl)
{
	const char *path = ctl->invocation->argument[0];
	struct scanning scanning = {.ctl = ctl, .code = EXIT_DONE};
	int r = lines_read(path, take_label, &scanning);

	if (r < 0 && r != -ECANCELED) {
		fprintf(ctl->err, "%s cannot be read: %s.\n",
			strcmp(path, "-") ? path : "Standard input", strerror(-r));
		return EXIT_USAGE;
	}
	if (scanning.code != EXIT_DONE)
		return scanning.code;
	if (!scanning.taken && !scanning.refused) {
		fputs("There is no label in it.\n", ctl->err);
		return EXIT_REFUSED;
	}
	return scanning.refused ? EXIT_REFUSED : EXIT_DONE;
}

int run_codes_cancel(struct ctl *ctl)
{
	CLEANUP(cleanup_free)
	char *path = client_path(
		ctl->client, "/api/v1/codes/scan?ep=", ctl->invocation->argument[0], "");

	return path ? ctl_do(ctl, "DELETE", path, NULL, "It is not waited for any more.")
		    : EXIT_REFUSED;
}
