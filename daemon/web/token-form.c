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
#include "base/identity.h"
#include "core/token-csv.h"
#include "web/texts.h"

#define REFUSED_MAX 50 /* lines that are named */

struct lines {
	struct token_csv csv;
	json_t *rows, *refused;
	size_t bad;
};

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
		r = json_array_append_new(lines->rows, token_row_json(token));
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

/* Which row the form is for: it names the first of the row's keys. */
static enum token_row row_of(const char *word)
{
	unsigned row = 0;

	while (row < TOKEN_ROW_STATIC && strcmp(token_row_key((enum token_row)row, 0), word) != 0)
		row++;
	return (enum token_row)row;
}

/* What was typed as the values of such a row; a sentence's end when that cannot be told. */
static const char *read_values(
	enum token_row row, const struct form *form, struct span ret_value[TOKEN_ROW_VALUES])
{
	const char *lines = form_value(form, FORM_LINES), *first = form_value(form, "username"),
		   *secret = form_value(form, "secret");

	switch (row) {
	case TOKEN_ROW_IDENTITY:
	case TOKEN_ROW_X509:
		return identity_split(span_from_string(lines ? lines : ""), &ret_value[0],
			       &ret_value[1]) < 0
			       ? text(TEXT_TOKEN_NO_PAIR)
			       : NULL;
	case TOKEN_ROW_STATIC:
		ret_value[0] = span_from_string(first ? first : "");
		ret_value[1] = span_from_string(secret ? secret : "");
		return NULL;
	case TOKEN_ROW_PT:
	case TOKEN_ROW_KEY:
	case TOKEN_ROWS:
		break;
	}
	ret_value[0] = span_from_string(secret ? secret : "");
	return NULL;
}

const char *token_form_one(json_t *body, const struct form *form, json_t **ret_refused)
{
	const char *ep = form_value(form, "ep"), *word = form_value(form, "row");
	enum token_row row = row_of(word ? word : "");
	struct span value[TOKEN_ROW_VALUES] = {0};
	json_t *rows = json_array();
	struct token *token = NULL;
	const char *why = read_values(row, form, value);
	int r = 0;

	if (!why)
		why = token_row_new(row, span_from_string(ep ? ep : ""), value, NULL, &token, &r);
	if (token) {
		token->line = 1;
		r = json_array_append_new(rows, token_row_json(token));
	}
	token_free(token);
	json_object_set_new(body, "tokens", rows ? rows : json_array());
	*ret_refused = why ? json_pack("[{s:i,s:s}]", "line", 1, "text", why) : NULL;
	if (why)
		return text(TEXT_TOKEN_REFUSED);
	return r < 0 ? text(TEXT_NOT_READY) : NULL;
}
