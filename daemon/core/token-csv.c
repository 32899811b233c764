/* SPDX-License-Identifier: Apache-2.0 */

/* One line after the other; the kind of the file is decided by its first one. */

#include "core/token-csv.h"

#include <strings.h>

#include "base/csv.h"

#define FIELDS_MAX (1 + TOKEN_ROW_VALUES)

static const char *const wanted[TOKEN_ROWS] = {
	[TOKEN_ROW_PT] = "has not the two fields ep and pt",
	[TOKEN_ROW_IDENTITY] = "has not the three fields ep, certificate and key",
	[TOKEN_ROW_X509] = "has not the three fields ep, x509 and key",
	[TOKEN_ROW_KEY] = "has not the two fields ep and key",
	[TOKEN_ROW_STATIC] = "has not the three fields ep, username and password",
};

static size_t fields_of(enum token_row row)
{
	size_t count = 0;

	while (token_row_key(row, count))
		count++;
	return 1 + count;
}

static bool names_row(enum token_row row, char *const *field, size_t count)
{
	if (count != fields_of(row) || strcasecmp(field[0], "ep") != 0)
		return false;
	for (size_t i = 0; token_row_key(row, i); i++)
		if (strcasecmp(field[i + 1], token_row_key(row, i)) != 0)
			return false;
	return true;
}

/* The first line says what the file holds; without one of these a line lacks its password. */
static bool is_header(struct token_csv *csv, char *const *field, size_t count)
{
	for (unsigned row = 0; row < TOKEN_ROWS; row++)
		if (names_row((enum token_row)row, field, count)) {
			csv->row = (enum token_row)row;
			csv->fields = count;
			return true;
		}
	return false;
}

static bool names_files(const struct token_csv *csv)
{
	return csv->row == TOKEN_ROW_IDENTITY || csv->row == TOKEN_ROW_X509;
}

/* Fields behind the name, as many as the row has. */
static const char *take_row(
	enum token_row row, char *const *field, struct token **ret_token, int *ret_result)
{
	struct span value[TOKEN_ROW_VALUES] = {0};

	for (size_t i = 0; token_row_key(row, i); i++)
		value[i] = span_from_string(field[i + 1]);
	return token_row_new(row, span_from_string(field[0]), value, NULL, ret_token, ret_result);
}

const char *token_csv_take(struct token_csv *csv, char *line, size_t size, unsigned number,
	struct token **ret_token, int *ret_result)
{
	char *field[FIELDS_MAX];
	size_t count = 0;
	bool first = csv->fields == 0;
	const char *why = csv_split(line, size, field, FIELDS_MAX, &count);

	*ret_token = NULL;
	*ret_result = 0;
	if (first) {
		csv->row = TOKEN_ROW_STATIC;
		csv->fields = fields_of(csv->row);
	}
	if (!why && first && is_header(csv, field, count))
		return names_files(csv) && !csv->load
			       ? "names files, which gatehousectl tokens import reads"
			       : NULL;
	if (!why && count != csv->fields)
		why = wanted[csv->row];
	if (!why && names_files(csv) && csv->load)
		why = csv->load(csv->userdata, csv->row, field, ret_token, ret_result);
	else if (!why)
		why = take_row(csv->row, field, ret_token, ret_result);
	if (*ret_token)
		(*ret_token)->line = number;
	return why;
}
