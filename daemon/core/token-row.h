/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A token as one row of a file, of the API, of a form: which keys it has beside "ep", and what is
 * wrong with its values. One table for whoever reads or writes such rows.
 */

#include <jansson.h>

#include "core/token.h"

#define TOKEN_ROW_VALUES 2

enum token_row {
	TOKEN_ROW_PT,	    /* a provisioning token */
	TOKEN_ROW_IDENTITY, /* a certificate and its private key */
	TOKEN_ROW_X509,	    /* the same for the platform 'azure' */
	TOKEN_ROW_KEY,	    /* a key of the platform 'azure' */
	TOKEN_ROW_STATIC,   /* user name and password at a broker */
	TOKEN_ROWS
};

/* The n-th key beside "ep"; NULL behind the last one. */
const char *token_row_key(enum token_row row, size_t index);
/* Which row it is, told by the first of its keys; TOKEN_ROW_STATIC when it has none of them. */
enum token_row token_row_of(const json_t *object);
/*
 * A token of these values, as many as the row has keys. NULL with a token; what is wrong, as a
 * sentence's end, without one. *ret_result: 0 or -ENOMEM, and then no token either. ret_too_long
 * (may be NULL) says that a size was the reason.
 */
const char *token_row_new(enum token_row row, struct span ep, const struct span *value,
	bool *ret_too_long, struct token **ret_token, int *ret_result);
/* What the API takes for it: {"ep", ..., "line"}. NULL without memory. It holds the secret: wipe it
 * (token_rows_wipe()). */
json_t *token_row_json(const struct token *token);
/* Every text of every row. */
void token_rows_wipe(json_t *rows);
