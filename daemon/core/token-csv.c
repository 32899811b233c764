/* SPDX-License-Identifier: Apache-2.0 */

/* One line after the other; the kind of the file is decided by its first one. */

#include "core/token-csv.h"

#include <strings.h>

#include "base/csv.h"

#define FIELDS_PT     2
#define FIELDS_STATIC 3

/* The first line says what the file holds; without one of these a line lacks its password. */
static bool is_header(struct token_csv *csv, char *const *field, size_t count)
{
	if (count == FIELDS_PT && !strcasecmp(field[0], "ep") &&
		(!strcasecmp(field[1], "pt") || !strcasecmp(field[1], "key"))) {
		csv->fields = FIELDS_PT;
		csv->keys = !strcasecmp(field[1], "key");
		return true;
	}
	if (count != FIELDS_STATIC || strcasecmp(field[0], "ep") != 0)
		return false;
	csv->files = !strcasecmp(field[1], "certificate") && !strcasecmp(field[2], "key");
	return csv->files ||
	       (!strcasecmp(field[1], "username") && !strcasecmp(field[2], "password"));
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

static const char *wanted(const struct token_csv *csv)
{
	if (csv->fields == FIELDS_PT)
		return csv->keys ? "has not the two fields ep and key"
				 : "has not the two fields ep and pt";
	return csv->files ? "has not the three fields ep, certificate and key"
			  : "has not the three fields ep, username and password";
}

const char *token_csv_take(struct token_csv *csv, char *line, size_t size, unsigned number,
	struct token **ret_token, int *ret_result)
{
	char *field[FIELDS_STATIC];
	size_t count = 0;
	bool first = csv->fields == 0;
	const char *why = csv_split(line, size, field, FIELDS_STATIC, &count);

	*ret_token = NULL;
	*ret_result = 0;
	if (first)
		csv->fields = FIELDS_STATIC;
	if (!why && first && is_header(csv, field, count))
		return csv->files && !csv->load ? "names files, which gatehousectl tokens import "
						  "reads"
						: NULL;
	if (!why && count != csv->fields)
		why = wanted(csv);
	if (!why && csv->files && csv->load)
		why = csv->load(csv->userdata, field, ret_token, ret_result);
	else if (!why)
		why = take_row(csv->keys		  ? TOKEN_ROW_KEY
			       : csv->fields == FIELDS_PT ? TOKEN_ROW_PT
							  : TOKEN_ROW_STATIC,
			field, ret_token, ret_result);
	if (*ret_token)
		(*ret_token)->line = number;
	return why;
}
