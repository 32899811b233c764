/* SPDX-License-Identifier: Apache-2.0 */
/* Files of tokens: line by line, each taken, refused with a reason, or the one that says what the
 * file holds. */

#include <stdlib.h>

#include "core/token-csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct token_csv csv = {0};
	char *text = malloc(size + 1), *at = text, *line_end;
	struct token *token;
	unsigned number = 0;
	const char *why;
	int r;

	memcpy(text, data, size);
	text[size] = '\n';
	for (; at <= text + size; at = line_end + 1) {
		line_end = memchr(at, '\n', (size_t)(text + size + 1 - at));
		why = token_csv_take(&csv, at, (size_t)(line_end - at), ++number, &token, &r);
		if (r < 0 || (why && token) || (!why && !token && number > 1))
			abort();
		if (token && (token->line != number || !token->ep[0] || !token->value.size))
			abort();
		token_free(token);
	}
	free(text);
	return 0;
}
