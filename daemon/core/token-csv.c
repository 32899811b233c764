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

static const char *take_key(char *const *field, struct token **ret_token, int *ret_result)
{
	struct span ep = span_from_string(field[0]), key = span_from_string(field[1]);
	const char *why = token_check_key(ep, key, NULL);

	*ret_token = NULL;
	*ret_result = why ? 0 : token_new_key(ep, key, ret_token);
	return why;
}

const char *token_csv_fields(
	char *const *field, size_t count, struct token **ret_token, int *ret_result)
{
	const char *why = check_fields(field, count);

	*ret_token = NULL;
	*ret_result = why ? 0 : token_of(field, count, ret_token);
	return why;
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
	else if (!why && csv->keys)
		why = take_key(field, ret_token, ret_result);
	else if (!why)
		why = token_csv_fields(field, count, ret_token, ret_result);
	if (*ret_token)
		(*ret_token)->line = number;
	return why;
}
