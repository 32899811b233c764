/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Imported tokens. A file is read as a whole and every line is looked at before anything is sent:
 * whatever is wrong with it is said at once, with the numbers of the lines, and then nothing is
 * imported. What is right goes to the gateway in parts, which keeps all of them or none. Secrets
 * come from a file, standard input or a terminal, and are wiped here as soon as they are sent.
 */

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/crypto.h"
#include "core/token-csv.h"
#include "ctl/command.h"
#include "ctl/lines.h"
#include "ctl/progress.h"
#include "ctl/secret.h"
#include "ctl/table.h"
#include "ctl/token-file.h"
#include "ctl/view.h"

#define LINES_MAX    20000
#define PART_BYTES   32768 /* of JSON; a body of the API may have 65536 */
#define PART_ROWS    500
#define REFUSED_MAX  20 /* lines that are named one by one */
#define LIST_AT_ONCE 1000

DEFINE_CLEANUP(json_t *, json_decref, cleanup_json)

struct import {
	struct ctl *ctl;
	struct token_list list;
	struct token_csv csv;
	unsigned line, refused;
};

static void cleanup_import(struct import *import)
{
	token_list_clear(&import->list);
}

/* ---- the file ---- */

static void refuse(struct import *import, const char *why)
{
	if (++import->refused <= REFUSED_MAX)
		fprintf(import->ctl->err, "line %u %s\n", import->line, why);
	else if (import->refused == REFUSED_MAX + 1)
		fputs("... and more\n", import->ctl->err);
}

static int take_line(void *userdata, char *line, size_t size, unsigned number)
{
	struct import *import = userdata;
	struct token *token = NULL;
	const char *why = "is longer than 4096 bytes";
	int r = 0;

	import->line = number;
	if (size <= LINE_SIZE_MAX)
		why = token_csv_take(&import->csv, line, size, number, &token, &r);
	if (token && import->list.count == LINES_MAX) {
		why = "is one more than the 20000 that a gateway keeps";
		token = token_free(token);
	}
	if (why)
		refuse(import, why);
	else if (token)
		token_list_add(&import->list, token);
	return r;
}

static int find_twice(struct import *import)
{
	const struct token *second = NULL;
	int r = token_list_find_twice(&import->list, &second);

	if (r < 0 || !second)
		return r;
	import->line = second->line;
	refuse(import, "names an endpoint that an earlier line names already");
	return 0;
}

/* ---- to the gateway ---- */

/* As many as fit into one body, from *at on, which is moved behind them. */
static json_t *rows_of(const struct token **at)
{
	CLEANUP(cleanup_json) json_t *rows = json_array();
	size_t bytes = 0;

	while (*at && json_array_size(rows) < PART_ROWS) {
		/* What is escaped becomes up to six times as long, but little is. */
		size_t size = 6 * ((*at)->value.size + strlen((*at)->ep)) + 64;

		if (json_array_size(rows) > 0 && bytes + size > PART_BYTES)
			break;
		if (json_array_append_new(rows, token_row_json(*at)) < 0)
			return NULL;
		bytes += size;
		*at = (*at)->next;
	}
	return STEAL(rows);
}

static int send_part(struct ctl *ctl, json_t *rows, json_int_t import, bool more, json_t **ret)
{
	json_t *body = json_pack("{s:O,s:I,s:b}", "tokens", rows, "import", import, "more", more);
	int code = body ? ctl_call(ctl, "PUT", "/api/v1/tokens", body, ret) : EXIT_REFUSED;

	token_rows_wipe(rows);
	return code;
}

static int send_all(struct import *import)
{
	const struct token *at = import->list.first;
	bool long_one = import->list.count > PART_ROWS;
	struct progress progress = {.out = import->ctl->err,
		.what = "tokens",
		.total = import->list.count,
		.lines = true};
	size_t sent = 0;
	json_int_t number = 0;

	for (;;) {
		CLEANUP(cleanup_json) json_t *rows = rows_of(&at);
		CLEANUP(cleanup_json) json_t *answer = NULL;
		int code;

		if (!rows)
			return EXIT_REFUSED;
		sent += json_array_size(rows);
		code = send_part(import->ctl, rows, number, at != NULL, &answer);
		if (code != EXIT_DONE) {
			progress_end(&progress);
			return code;
		}
		if (long_one)
			progress_show(&progress, sent);
		number = json_integer_value(json_object_get(answer, "import"));
		if (at)
			continue;
		progress_end(&progress);
		if (!ctl_print_json(import->ctl, answer))
			view_done(answer, "The tokens are imported.", import->ctl->out);
		return EXIT_DONE;
	}
}

int run_tokens_import(struct ctl *ctl)
{
	CLEANUP(cleanup_import)
	struct import import = {.ctl = ctl, .csv = {.load = token_file_load}};
	const char *path = ctl->invocation->argument[0];
	int r = lines_read(path, take_line, &import);

	if (r >= 0)
		r = find_twice(&import);
	if (r < 0) {
		fprintf(ctl->err, "%s cannot be read: %s.\n",
			strcmp(path, "-") ? path : "Standard input", strerror(-r));
		return EXIT_USAGE;
	}
	if (import.refused) {
		fprintf(ctl->err, "Nothing was imported: %u line%s cannot be taken.\n",
			import.refused, import.refused == 1 ? "" : "s");
		return EXIT_REFUSED;
	}
	if (!import.list.count) {
		fputs("Nothing was imported: there is no token in it.\n", ctl->err);
		return EXIT_REFUSED;
	}
	return send_all(&import);
}

/* ---- one token ---- */

/* Which row the options mean; TOKEN_ROWS with a sentence said. */
static enum token_row row_of(struct ctl *ctl)
{
	const char *const *value = ctl->invocation->value;
	const char *platform = value[OPTION_PLATFORM];

	if (value[OPTION_CERTIFICATE] && value[OPTION_KEY] && !value[OPTION_USERNAME] &&
		!value[OPTION_PASSWORD_FILE] && (!platform || !strcmp(platform, TOKEN_KIND_AZURE)))
		return platform ? TOKEN_ROW_X509 : TOKEN_ROW_IDENTITY;
	if (value[OPTION_CERTIFICATE] || value[OPTION_KEY]) {
		ctl_usage_error(ctl, "--certificate and --key go together, and with nothing else "
				     "but --platform azure");
		return TOKEN_ROWS;
	}
	if (value[OPTION_USERNAME] && !platform)
		return TOKEN_ROW_STATIC;
	if (!value[OPTION_USERNAME] && (!platform || !strcmp(platform, TOKEN_KIND_SPOTFLOW)))
		return TOKEN_ROW_PT;
	if (!value[OPTION_USERNAME] && !strcmp(platform, TOKEN_KIND_AZURE))
		return TOKEN_ROW_KEY;
	ctl_usage_error(ctl, "--platform is spotflow or azure, and goes without --username");
	return TOKEN_ROWS;
}

/* A secret of one line; an exit status. */
static int read_typed(struct ctl *ctl, enum token_row row, struct token **ret_token)
{
	const char *username = ctl->invocation->value[OPTION_USERNAME];
	char secret[SECRET_LINE_MAX + 1] = "", text[256];
	struct span value[TOKEN_ROW_VALUES] = {0};
	const char *why;
	int r;

	if (secret_read(ctl->invocation->value[OPTION_PASSWORD_FILE], SECRET_PASSWORD, secret, text,
		    sizeof(text)) < 0) {
		line_print(ctl->err, text);
		return EXIT_USAGE;
	}
	if (row == TOKEN_ROW_STATIC)
		value[0] = span_from_string(username);
	value[row == TOKEN_ROW_STATIC] = span_from_string(secret);
	why = token_row_new(
		row, span_from_string(ctl->invocation->argument[0]), value, NULL, ret_token, &r);
	crypto_wipe(secret, sizeof(secret));
	if (*ret_token)
		return EXIT_DONE;
	fprintf(ctl->err, "The token %s.\n", why ? why : "could not be made");
	return EXIT_REFUSED;
}

/* A certificate and its key, from their files; an exit status. */
static int read_files(struct ctl *ctl, enum token_row row, struct token **ret_token)
{
	const char *const *value = ctl->invocation->value;
	char *field[3] = {(char *)(uintptr_t)ctl->invocation->argument[0],
		(char *)(uintptr_t)value[OPTION_CERTIFICATE], (char *)(uintptr_t)value[OPTION_KEY]};
	int r;
	const char *why = token_file_load(NULL, row, field, ret_token, &r);

	if (*ret_token)
		return EXIT_DONE;
	fprintf(ctl->err, "The token %s.\n", why ? why : "could not be made");
	return EXIT_REFUSED;
}

int run_tokens_replace(struct ctl *ctl)
{
	CLEANUP(cleanup_import) struct import import = {.ctl = ctl};
	enum token_row row = row_of(ctl);
	struct token *token = NULL;
	int code;

	if (row == TOKEN_ROWS)
		return EXIT_USAGE;
	code = row == TOKEN_ROW_IDENTITY || row == TOKEN_ROW_X509 ? read_files(ctl, row, &token)
								  : read_typed(ctl, row, &token);
	if (!token)
		return code;
	token->line = 1;
	token_list_add(&import.list, token);
	return send_all(&import);
}

int run_tokens_drop(struct ctl *ctl)
{
	CLEANUP(cleanup_free)
	char *path =
		client_path(ctl->client, "/api/v1/tokens?ep=", ctl->invocation->argument[0], "");
	CLEANUP(cleanup_json) json_t *answer = NULL;
	int code = path ? ctl_call(ctl, "DELETE", path, NULL, &answer) : EXIT_REFUSED;

	if (code == EXIT_DONE && !ctl_print_json(ctl, answer))
		view_done(answer, "The token is deleted.", ctl->out);
	return code;
}

/* ---- an operator's token ---- */

int run_tokens_operator(struct ctl *ctl)
{
	char secret[SECRET_LINE_MAX + 1] = "", text[256];
	CLEANUP(cleanup_json) json_t *answer = NULL;
	const char *why;
	int code;

	if (secret_read(ctl->invocation->value[OPTION_PASSWORD_FILE], SECRET_PASSWORD, secret, text,
		    sizeof(text)) < 0) {
		line_print(ctl->err, text);
		return EXIT_USAGE;
	}
	why = token_check_operator(span_from_string(secret), NULL);
	if (why) {
		fprintf(ctl->err, "The operator's token %s.\n", why);
		code = EXIT_REFUSED;
	} else {
		/* Wiped by the call. */
		code = ctl_call(ctl, "PUT", "/api/v1/operator-token",
			json_pack("{s:s}", "token", secret), &answer);
	}
	crypto_wipe(secret, sizeof(secret));
	if (code == EXIT_DONE && !ctl_print_json(ctl, answer))
		view_done(answer, "The operator's token is sealed.", ctl->out);
	return code;
}

int run_tokens_operator_drop(struct ctl *ctl)
{
	CLEANUP(cleanup_json) json_t *answer = NULL;
	int code = ctl_call(ctl, "DELETE", "/api/v1/operator-token", NULL, &answer);

	if (code == EXIT_DONE && !ctl_print_json(ctl, answer))
		view_done(answer, "The operator's token is deleted.", ctl->out);
	return code;
}

/* ---- names and dates ---- */

static int get_names(struct ctl *ctl, const char *platform, const char *after, json_t **ret_answer)
{
	CLEANUP(cleanup_free) char *path = NULL;
	char before[128];

	snprintf(before, sizeof(before),
		"/api/v1/tokens?limit=%d&after_platform=%.16s&after=", LIST_AT_ONCE, platform);
	path = client_path(ctl->client, before, after, "");
	return path ? ctl_call(ctl, "GET", path, NULL, ret_answer) : EXIT_REFUSED;
}

/* All pages as one answer. */
int run_tokens_list(struct ctl *ctl)
{
	CLEANUP(cleanup_json) json_t *all = NULL;
	json_t *list;
	size_t count;
	int code = get_names(ctl, "", "", &all);

	if (code != EXIT_DONE)
		return code;
	list = json_object_get(all, "tokens");
	do {
		CLEANUP(cleanup_json) json_t *more = NULL;
		const char *last, *kind;
		json_t *row;

		count = json_array_size(list);
		if (count == 0 || count % LIST_AT_ONCE)
			break;
		row = json_array_get(list, count - 1);
		last = json_string_value(json_object_get(row, "ep"));
		kind = json_string_value(json_object_get(row, "platform"));
		code = get_names(ctl, kind ? kind : TOKEN_KIND_MQTT, last ? last : "", &more);
		if (code != EXIT_DONE)
			return code;
		json_array_extend(list, json_object_get(more, "tokens"));
	} while (json_array_size(list) > count);
	if (!ctl_print_json(ctl, all))
		view_tokens(all, ctl->out);
	return EXIT_DONE;
}
