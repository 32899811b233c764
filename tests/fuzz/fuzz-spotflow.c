/* SPDX-License-Identifier: Apache-2.0 */
/* What the platform's API answers, read as each of its answers. What is taken can stand in a
 * header, in a URL and in a topic. */

#include <stdlib.h>

#include "drivers/platform/spotflow-answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_word(const char *text)
{
	if (!text[0] || !span_is_printable(span_from_string(text)) || strchr(text, ' '))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct spotflow_operation operation;
	struct spotflow_registration registration;
	struct spotflow_token token;
	struct span body = span_of(data, size);

	if (spotflow_read_operation(body, &operation) == 0)
		check_word(operation.id);
	if (spotflow_read_token(body, &token) == 0)
		check_word(token.text);
	if (spotflow_read_registration(body, &registration) == 0) {
		check_word(registration.host);
		check_word(registration.device);
		if (strpbrk(registration.device, "/+#") || registration.token_left < -1)
			abort();
	}
	spotflow_is_cancelled(body);
	return 0;
}
