/* SPDX-License-Identifier: Apache-2.0 */
/* Forms and queries of the page: whatever is taken is clean text that ends where it should. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "web/form.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {"csrf", "code", "name", "password", ""};
	struct form *form;

	if (form_parse(span_of(data, size), &form) < 0)
		return 0;
	if (form_count(form) > FORM_FIELDS_MAX)
		abort();
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *value = form_value(form, names[i]);

		if (value && (strlen(value) > size || !span_is_clean_text(span_from_string(value))))
			abort();
	}
	form_free(form);
	return 0;
}
