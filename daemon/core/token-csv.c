/* SPDX-License-Identifier: Apache-2.0 */

/* One line after the other; the kind of the file is decided by its first one. */

#include "core/token-csv.h"

#include <strings.h>

#include "base/csv.h"

#define FIELDS_PT     2
#define FIELDS_STATIC 3

/* "ep,pt" as the first line says that the file holds provisioning tokens; without it a line lacks
 * its password. */
static bool is_header(struct token_csv *csv, char *const *field, size_t count)
{
	if (count == FIELDS_PT && !strcasecmp(field[0], "ep") && !strcasecmp(field[1], "pt")) {
		csv->fields = FIELDS_PT;
		return true;
	}
	return count == FIELDS_STATIC && !strcasecmp(field[0], "ep") &&
	       !strcasecmp(field[1], "username") && !strcasecmp(field[2], "password");
}

static const char *check_fields(char *const *field, size_t count)
{
	if (count == FIELDS_PT)
		return token_check_pt(span_from_string(field[0]), span_from_string(field[1]), NULL);
	return token_check(span_from_string(field[0]), span_from_string(field[1]),
		span_from_string(field[2]), NULL);
}

static int token_of(char *const *field, size_t count, struct token **ret)
{
	if (count == FIELDS_PT)
		return token_new_pt(span_from_string(field[0]), span_from_string(field[1]), ret);
	return token_new(span_from_string(field[0]), span_from_string(field[1]),
		span_from_string(field[2]), ret);
}

const char *token_csv_fields(
	char *const *field, size_t count, struct token **ret_token, int *ret_result)
{
	const char *why = check_fields(field, count);

	*ret_token = NULL;
	*ret_result = why ? 0 : token_of(field, count, ret_token);
	return why;
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
		return NULL;
	if (!why && count != csv->fields)
		why = csv->fields == FIELDS_PT
			      ? "has not the two fields ep and pt"
			      : "has not the three fields ep, username and password";
	if (!why)
		why = token_csv_fields(field, count, ret_token, ret_result);
	if (*ret_token)
		(*ret_token)->line = number;
	return why;
}
