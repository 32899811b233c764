/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Tokens as lines of comma-separated values. The first line may say what the file holds: "ep,pt"
 * are provisioning tokens, "ep,key" keys of Azure; "ep,certificate,key" names two files for each
 * device, and "ep,x509,key" too, for Azure; "ep,username,password" (and no such line) are
 * credentials at a broker.
 */

#include "core/token-row.h"

/* Makes a token of a line that names files. As token_csv_take(). */
typedef const char *(*token_csv_load_fn)(void *userdata, enum token_row row, char *const *field,
	struct token **ret_token, int *ret_result);

struct token_csv {
	token_csv_load_fn load; /* NULL: nobody here reads files */
	void *userdata;
	size_t fields; /* of each line; 0 = the first one is to come */
	enum token_row row;
};

/* Takes one line (split in place; its end not among the bytes). NULL with a token, NULL without one
 * for the line that says what the file holds, or what is wrong with the line, as a sentence's end.
 * *ret_result: 0 or -ENOMEM, and then no token either. */
const char *token_csv_take(struct token_csv *csv, char *line, size_t size, unsigned number,
	struct token **ret_token, int *ret_result);
