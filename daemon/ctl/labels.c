/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Labels for those who make devices, and for those who print them on site. Nothing here asks the
 * gateway. Codes are made from the kernel's random bytes; they go into a file that nobody else may
 * read, never onto the command line, and what held them here is wiped.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/crypto.h"
#include "core/label-url.h"
#include "ctl/codes.h"
#include "ctl/command.h"
#include "ctl/label-sheet.h"
#include "ctl/lines.h"
#include "ctl/qr.h"
#include "ctl/table.h"

DEFINE_CLEANUP(json_t *, json_decref, cleanup_json)

#define NAMES_MAX 20000

/* A file of secrets: new, and for its owner alone. NULL with the reason in errno. */
static FILE *open_new(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	FILE *file;

	if (fd < 0)
		return NULL;
	file = fdopen(fd, "w");
	if (!file) {
		close(fd);
		unlink(path);
		errno = ENOMEM;
		return NULL;
	}
	/* No copy of a code stays in stdio's memory. */
	setvbuf(file, NULL, _IONBF, 0);
	return file;
}

/* Closes it; what could not be written whole is not there. */
static int close_new(FILE *file, const char *path, int r)
{
	if (r >= 0 && (ferror(file) || fflush(file) != 0 || fsync(fileno(file)) < 0))
		r = -EIO;
	if (fclose(file) != 0 && r >= 0)
		r = -EIO;
	if (r < 0)
		unlink(path);
	return r;
}

/* ---- codes make ---- */

struct making {
	struct ctl *ctl;
	char (*ep)[EP_MAX + 1];
	size_t count, room;
	bool failed;
};

static void making_clear(struct making *making)
{
	free(making->ep);
}

static int compare_names(const void *left, const void *right)
{
	return strcasecmp(left, right);
}

static int take_name(void *userdata, char *line, size_t size, unsigned number)
{
	struct making *making = userdata;
	const char *why = NULL;

	if (size > EP_MAX || ep_check(span_of(line, size), &why) < 0) {
		fprintf(making->ctl->err, "line %u is no endpoint name\n", number);
		making->failed = true;
		return 0;
	}
	if (making->count == NAMES_MAX)
		return -E2BIG;
	if (making->count == making->room) {
		size_t room = making->room ? 2 * making->room : 64;
		void *ep = reallocarray(making->ep, room, sizeof(*making->ep));

		if (!ep)
			return -ENOMEM;
		making->ep = ep;
		making->room = room;
	}
	memcpy(making->ep[making->count], line, size);
	making->ep[making->count++][size] = '\0';
	return 0;
}

/* Two labels of one name would be one too many. */
static int find_twice(struct making *making)
{
	CLEANUP(cleanup_free) char(*sorted)[EP_MAX + 1] = NULL;

	if (making->count < 2)
		return 0;
	sorted = reallocarray(NULL, making->count, sizeof(*sorted));
	if (!sorted)
		return -ENOMEM;
	memcpy(sorted, making->ep, making->count * sizeof(*sorted));
	qsort(sorted, making->count, sizeof(*sorted), compare_names);
	for (size_t i = 1; i < making->count; i++)
		if (!strcasecmp(sorted[i - 1], sorted[i])) {
			fprintf(making->ctl->err, "%s stands there twice\n", sorted[i]);
			making->failed = true;
		}
	return 0;
}

static int write_codes(const struct making *making, FILE *out)
{
	uint8_t secret[LABEL_SECRET_SIZE];
	char text[LABEL_TEXT_SIZE];
	int r = 0;

	fputs("ep,code\n", out);
	for (size_t i = 0; i < making->count && r >= 0; i++) {
		const char *ep = making->ep[i];

		random_bytes(secret, sizeof(secret));
		r = label_write(secret, ep, text);
		/* A comma in a name needs quotation marks; a name holds none of those. */
		if (r >= 0)
			fprintf(out, strchr(ep, ',') ? "\"%s\",%s\n" : "%s,%s\n", ep, text);
	}
	crypto_wipe(secret, sizeof(secret));
	crypto_wipe(text, sizeof(text));
	return r;
}

/* For programs: how many of them, and where. */
static bool told_as_json(struct ctl *ctl, const char *what, size_t count, const char *path)
{
	CLEANUP(cleanup_json)
	json_t *answer = json_pack("{s:I,s:s}", what, (json_int_t)count, "file", path);

	return ctl_print_json(ctl, answer);
}

int run_codes_make(struct ctl *ctl)
{
	CLEANUP(making_clear) struct making making = {.ctl = ctl};
	const char *names = ctl->invocation->argument[0], *path = ctl->invocation->argument[1];
	FILE *out;
	int r = lines_read(names, take_name, &making);

	if (r >= 0)
		r = find_twice(&making);
	if (r < 0) {
		fprintf(ctl->err, "The names cannot be read: %s.\n", strerror(-r));
		return EXIT_USAGE;
	}
	if (making.failed || !making.count) {
		fputs(making.failed ? "No code was made.\n"
				    : "No code was made: no name is there.\n",
			ctl->err);
		return EXIT_REFUSED;
	}
	out = open_new(path);
	r = out ? close_new(out, path, write_codes(&making, out)) : -errno;
	if (r < 0) {
		fprintf(ctl->err, "%s cannot be written: %s. No code was made.\n", path,
			strerror(-r));
		return EXIT_REFUSED;
	}
	if (told_as_json(ctl, "codes", making.count, path))
		return EXIT_DONE;
	fprintf(ctl->out, "%zu code%s in %s. Whoever reads it can be any of these devices.\n",
		making.count, making.count == 1 ? " is" : "s are", path);
	return EXIT_DONE;
}

/* ---- qr ---- */

/* What a label's QR code says: the factory's text, or the address of the page with it. */
static int text_of(const struct code_row *row, const char *page, char ret_text[LABEL_URL_SIZE])
{
	char qr[LABEL_QR_SIZE];
	int r = label_code_to_qr(span_from_string(row->code), row->ep, qr);

	if (r >= 0 && page)
		r = label_write_url(page, qr, ret_text);
	else if (r >= 0)
		memcpy(ret_text, qr, sizeof(qr));
	crypto_wipe(qr, sizeof(qr));
	return r;
}

static int print_labels(const struct code_rows *rows, const char *page, FILE *out)
{
	char text[LABEL_URL_SIZE];
	int r = 0;

	for (size_t i = 0; i < rows->count && r >= 0; i++) {
		r = text_of(&rows->row[i], page, text);
		if (r < 0)
			break;
		line_print(out, rows->row[i].ep);
		r = qr_print(text, out);
		line_print(out, rows->row[i].code);
	}
	crypto_wipe(text, sizeof(text));
	return r;
}

static int draw_labels(const struct code_rows *rows, const char *page, FILE *out)
{
	char text[LABEL_URL_SIZE];
	int r = 0;

	label_sheet_begin(rows->count, out);
	for (size_t i = 0; i < rows->count && r >= 0; i++) {
		r = text_of(&rows->row[i], page, text);
		if (r >= 0)
			r = label_sheet_add(i, rows->row[i].ep, rows->row[i].code, text, out);
	}
	label_sheet_end(out);
	crypto_wipe(text, sizeof(text));
	return r;
}

int run_qr(struct ctl *ctl)
{
	CLEANUP(code_rows_clear) struct code_rows rows = {.err = ctl->err};
	const char *path = ctl->invocation->argument[0], *svg = ctl->invocation->value[OPTION_SVG],
		   *page = ctl->invocation->value[OPTION_PAGE];
	FILE *out;
	int r;

	if (ctl->invocation->value[OPTION_JSON] && !svg) {
		fputs("With --json the labels go to a file: name it with --svg.\n", ctl->err);
		return EXIT_USAGE;
	}
	r = code_rows_read(&rows, path);
	if (r < 0) {
		fprintf(ctl->err, "%s cannot be read: %s.\n", path, strerror(-r));
		return EXIT_USAGE;
	}
	if (rows.refused || !rows.count) {
		fputs("No label was made.\n", ctl->err);
		return EXIT_REFUSED;
	}
	if (!svg) {
		r = print_labels(&rows, page, ctl->out);
	} else {
		out = open_new(svg);
		r = out ? close_new(out, svg, draw_labels(&rows, page, out)) : -errno;
	}
	if (r < 0) {
		fprintf(ctl->err, "The labels cannot be made: %s.\n", strerror(-r));
		return EXIT_REFUSED;
	}
	if (svg && !told_as_json(ctl, "labels", rows.count, svg))
		fprintf(ctl->out, "%zu label%s in %s.\n", rows.count,
			rows.count == 1 ? " is" : "s are", svg);
	return EXIT_DONE;
}
