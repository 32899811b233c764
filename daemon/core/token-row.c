/* SPDX-License-Identifier: Apache-2.0 */
/* See token-row.h. */

#include "core/token-row.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/crypto.h"

static const char *check_pt(struct span ep, const struct span *value, bool *ret_too_long)
{
	return token_check_pt(ep, value[0], ret_too_long);
}

static const char *check_identity(struct span ep, const struct span *value, bool *ret_too_long)
{
	return token_check_identity(ep, value[0], value[1], ret_too_long);
}

static const char *check_x509(struct span ep, const struct span *value, bool *ret_too_long)
{
	return token_check_x509(ep, value[0], value[1], ret_too_long);
}

static const char *check_key(struct span ep, const struct span *value, bool *ret_too_long)
{
	return token_check_key(ep, value[0], ret_too_long);
}

static const char *check_static(struct span ep, const struct span *value, bool *ret_too_long)
{
	return token_check(ep, value[0], value[1], ret_too_long);
}

static int make_pt(struct span ep, const struct span *value, struct token **ret)
{
	return token_new_pt(ep, value[0], ret);
}

static int make_identity(struct span ep, const struct span *value, struct token **ret)
{
	return token_new_identity(ep, value[0], value[1], ret);
}

static int make_x509(struct span ep, const struct span *value, struct token **ret)
{
	return token_new_x509(ep, value[0], value[1], ret);
}

static int make_key(struct span ep, const struct span *value, struct token **ret)
{
	return token_new_key(ep, value[0], ret);
}

static int make_static(struct span ep, const struct span *value, struct token **ret)
{
	return token_new(ep, value[0], value[1], ret);
}

static const struct {
	const char *key[TOKEN_ROW_VALUES];
	const char *(*check)(struct span ep, const struct span *value, bool *ret_too_long);
	int (*make)(struct span ep, const struct span *value, struct token **ret);
} table[TOKEN_ROWS] = {
	[TOKEN_ROW_PT] = {{"pt"}, check_pt, make_pt},
	[TOKEN_ROW_IDENTITY] = {{"certificate", "key"}, check_identity, make_identity},
	[TOKEN_ROW_X509] = {{"x509", "key"}, check_x509, make_x509},
	[TOKEN_ROW_KEY] = {{"key"}, check_key, make_key},
	[TOKEN_ROW_STATIC] = {{"username", "password"}, check_static, make_static},
};

const char *token_row_key(enum token_row row, size_t index)
{
	return index < TOKEN_ROW_VALUES ? table[row].key[index] : NULL;
}

enum token_row token_row_of(const json_t *object)
{
	unsigned row = 0;

	while (row < TOKEN_ROW_STATIC && !json_object_get(object, table[row].key[0]))
		row++;
	return (enum token_row)row;
}

const char *token_row_new(enum token_row row, struct span ep, const struct span *value,
	bool *ret_too_long, struct token **ret_token, int *ret_result)
{
	const char *why = table[row].check(ep, value, ret_too_long);

	*ret_token = NULL;
	*ret_result = why ? 0 : table[row].make(ep, value, ret_token);
	return why;
}

json_t *token_row_json(const struct token *token)
{
	const char *word = token_word(token->kind);
	struct span value = secret_span(&token->value), first, second;
	enum token_row row =
		strcmp(token->kind, TOKEN_KIND_AZURE) ? TOKEN_ROW_IDENTITY : TOKEN_ROW_X509;

	if (token_value_split_identity(value, &first, &second) < 0) {
		if (word)
			return json_pack("{s:s,s:s%,s:I}", "ep", token->ep, word, value.data,
				value.size, "line", (json_int_t)token->line);
		row = TOKEN_ROW_STATIC;
		if (token_value_read(value, &first, &second) < 0)
			return NULL;
	}
	return json_pack("{s:s,s:s%,s:s%,s:I}", "ep", token->ep, table[row].key[0], first.data,
		first.size, table[row].key[1], second.data, second.size, "line",
		(json_int_t)token->line);
}

void token_rows_wipe(json_t *rows)
{
	json_t *row, *value;
	const char *key;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		json_object_foreach(row, key, value)
		{
			if (json_is_string(value))
				crypto_wipe((char *)(uintptr_t)json_string_value(value),
					json_string_length(value));
		}
	}
}
