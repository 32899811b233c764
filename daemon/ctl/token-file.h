/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A token whose line names two files: a certificate and its private key, both in PEM. */

#include "core/token-csv.h"

/* A token_csv_load_fn. The files are read by whoever calls the tool, relative to where that is. */
const char *token_file_load(void *userdata, enum token_row row, char *const *field,
	struct token **ret_token, int *ret_result);
