/* SPDX-License-Identifier: Apache-2.0 */
/* The one table in pieces: each text stands in exactly one of them, and says something. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/cleanup.h"
#include "web/texts-parts.h"

static const char *const *const parts[] = {texts_person, texts_device, texts_gateway, texts_secret};

static void test_each_stands_once(void **state)
{
	for (unsigned id = 0; id < TEXTS; id++) {
		const char *found = NULL;

		for (size_t i = 0; i < ELEMENTS(parts); i++)
			if (parts[i][id]) {
				assert_null(found);
				found = parts[i][id];
			}
		if (!found)
			fail_msg("text %u stands nowhere", id);
		assert_true(strlen(found) > 1);
		assert_ptr_equal(text((enum text)id), found);
	}
}

/* Neither begins nor ends with a space: the page puts those where two meet. */
static void test_no_space_at_the_ends(void **state)
{
	for (unsigned id = 0; id < TEXTS; id++) {
		const char *said = text((enum text)id);

		assert_int_not_equal(said[0], ' ');
		assert_int_not_equal(said[strlen(said) - 1], ' ');
		assert_null(strstr(said, "  "));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_stands_once),
		cmocka_unit_test(test_no_space_at_the_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
