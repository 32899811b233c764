/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lines are looked at here as the tool does it, so that everything that is wrong is said at
 * once and with its line; what is right goes to the API, which has the last word. Copies are wiped.
 */

#include "web/token-form.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/crypto.h"
#include "core/token-csv.h"
#include "web/texts.h"

#define REFUSED_MAX 50 /* lines that are named */

struct lines {
	struct token_csv csv;
	json_t *rows, *refused;
	size_t bad;
};

static json_t *row_of(const struct token *token)
{
	const char *word = token_word(token->kind);
	struct span username, password;

	if (word)
		return json_pack("{s:s,s:s%,s:I}", "ep", token->ep, word, token->value.data,
			token->value.size, "line", (json_int_t)token->line);
	if (token_value_read(secret_span(&token->value), &username, &password) < 0)
		return NULL;
	return json_pack("{s:s,s:s%,s:s%,s:I}", "ep", token->ep, "username", username.data,
		username.size, "password", password.data, password.size, "line",
		(json_int_t)token->line);
}

static void refuse(struct lines *lines, unsigned number, const char *why)
{
	lines->bad++;
	if (json_array_size(lines->refused) < REFUSED_MAX)
		json_array_append_new(lines->refused,
			json_pack("{s:I,s:s}", "line", (json_int_t)number, "text", why));
}

static int take_line(struct lines *lines, char *line, size_t size, unsigned number)
{
	struct token *token = NULL;
	const char *why;
	int r;

	if (size > 0 && line[size - 1] == '\r')
		line[--size] = '\0';
	if (size == 0)
		return 0;
	why = token_csv_take(&lines->csv, line, size, number, &token, &r);
	if (why)
		refuse(lines, number, why);
	if (token)
		r = json_array_append_new(lines->rows, row_of(token));
	token_free(token);
	return r;
}

/* The text is split in place: it is ours. */
static int take_lines(struct lines *lines, char *text)
{
	unsigned number = 0;
	int r = 0;

	while (r >= 0 && *text) {
		size_t size = strcspn(text, "\n");
		bool more = text[size] == '\n';

		text[size] = '\0';
		r = take_line(lines, text, size, ++number);
		text += size + more;
	}
	return r;
}

const char *token_form_lines(json_t *body, const struct form *form, json_t **ret_refused)
{
	const char *given = form_value(form, FORM_LINES);
	struct lines lines = {.rows = json_array(), .refused = json_array()};
	size_t size = given ? strlen(given) : 0;
	char *copy = given ? strdup(given) : NULL;
	const char *why = NULL;
	int r = copy && lines.rows && lines.refused ? take_lines(&lines, copy) : -1;

	if (copy)
		crypto_wipe(copy, size);
	free(copy);
	if (r < 0)
		why = text(given ? TEXT_NOT_READY : TEXT_NO_LINES);
	else if (lines.bad > 0)
		why = text(TEXT_LINES_REFUSED);
	else if (json_array_size(lines.rows) == 0)
		why = text(TEXT_NO_LINES);
	*ret_refused = lines.bad > 0 ? json_incref(lines.refused) : NULL;
	json_decref(lines.refused);
	json_object_set_new(body, "tokens", lines.rows ? lines.rows : json_array());
	return why;
}

const char *token_form_one(json_t *body, const struct form *form, json_t **ret_refused)
{
	const char *ep = form_value(form, "ep"), *secret = form_value(form, "secret");
	char *field[] = {
		(char *)(uintptr_t)(ep ? ep : ""), (char *)(uintptr_t)(secret ? secret : "")};
	json_t *rows = json_array();
	struct token *token = NULL;
	const char *why;
	int r;

	why = token_csv_fields(field, ELEMENTS(field), &token, &r);
	if (token) {
		token->line = 1;
		r = json_array_append_new(rows, row_of(token));
	}
	token_free(token);
	json_object_set_new(body, "tokens", rows ? rows : json_array());
	*ret_refused = why ? json_pack("[{s:i,s:s}]", "line", 1, "text", why) : NULL;
	if (why)
		return text(TEXT_TOKEN_REFUSED);
	return r < 0 ? text(TEXT_NOT_READY) : NULL;
}
