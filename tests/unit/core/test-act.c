/* SPDX-License-Identifier: Apache-2.0 */

/* Every act has one word of its own, which fits into an audit row. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "core/act.h"
#include "core/audit.h"

static void test_words(void **state)
{
	for (unsigned i = 0; i < ACTS; i++) {
		const char *word = act_kind_to_string((enum act_kind)i);

		assert_non_null(word);
		assert_true(strlen(word) < sizeof(((struct audit_row *)NULL)->action));
		for (unsigned j = 0; j < i; j++)
			assert_string_not_equal(word, act_kind_to_string((enum act_kind)j));
	}
	assert_string_equal(act_kind_to_string(ACT_ADMIT), "admit");
	assert_string_equal(act_kind_to_string(ACTS), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_words)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
