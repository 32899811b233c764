/* SPDX-License-Identifier: Apache-2.0 */

/* Counts live for 15 minutes, to the minute, over any gaps. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/clock.h"
#include "core/heard.h"

#define MINUTE (60 * USEC_PER_SEC)

static void test_words(void **state)
{
	for (unsigned i = 0; i < AWAYS; i++) {
		const char *name = turned_away_to_string((enum turned_away)i);
		const char *remedy = turned_away_remedy((enum turned_away)i);

		assert_non_null(name);
		assert_non_null(remedy);
		assert_int_equal(remedy[strlen(remedy) - 1], '.');
		for (unsigned j = 0; j < i; j++)
			assert_string_not_equal(name, turned_away_to_string((enum turned_away)j));
	}
	assert_string_equal(turned_away_to_string(AWAY_WINDOW_CLOSED), "window-closed");
	assert_null(turned_away_to_string(AWAYS));
	assert_null(turned_away_remedy(AWAYS));
}

static void test_reasons_apart(void **state)
{
	struct heard heard = {0};

	heard_add(&heard, AWAY_FORMAT, 0);
	heard_add(&heard, AWAY_FORMAT, MINUTE - 1);
	heard_add(&heard, AWAY_BLOCKED, MINUTE);
	assert_int_equal(heard_sum(&heard, AWAY_FORMAT, MINUTE), 2);
	assert_int_equal(heard_sum(&heard, AWAY_BLOCKED, MINUTE), 1);
	assert_int_equal(heard_sum(&heard, AWAY_NO_ECHO, MINUTE), 0);
}

static void test_ages_out(void **state)
{
	struct heard heard = {0};
	uint64_t start = 1000 * MINUTE;

	for (unsigned i = 0; i < 20; i++)
		heard_add(&heard, AWAY_MALFORMED, start + i * MINUTE);
	/* Of 20 minutes with one each, 15 are left. */
	assert_int_equal(heard_sum(&heard, AWAY_MALFORMED, start + 19 * MINUTE), 15);
	assert_int_equal(heard_sum(&heard, AWAY_MALFORMED, start + 20 * MINUTE), 14);
	assert_int_equal(heard_sum(&heard, AWAY_MALFORMED, start + 33 * MINUTE + MINUTE - 1), 1);
	assert_int_equal(heard_sum(&heard, AWAY_MALFORMED, start + 34 * MINUTE), 0);
}

static void test_long_gap(void **state)
{
	struct heard heard = {0};

	heard_add(&heard, AWAY_BLOCKED, 3 * MINUTE);
	assert_int_equal(heard_sum(&heard, AWAY_BLOCKED, 1000000 * MINUTE), 0);
	heard_add(&heard, AWAY_BLOCKED, 1000000 * MINUTE);
	assert_int_equal(heard_sum(&heard, AWAY_BLOCKED, 1000000 * MINUTE), 1);
}

static void test_earlier_time_keeps_counts(void **state)
{
	struct heard heard = {0};

	heard_add(&heard, AWAY_BLOCKED, 50 * MINUTE);
	heard_add(&heard, AWAY_BLOCKED, 49 * MINUTE);
	assert_int_equal(heard_sum(&heard, AWAY_BLOCKED, 50 * MINUTE), 2);
}

static void test_no_overflow(void **state)
{
	struct heard heard = {0};

	heard.count[AWAY_BLOCKED][0] = UINT32_MAX;
	heard_add(&heard, AWAY_BLOCKED, 0);
	assert_true(heard_sum(&heard, AWAY_BLOCKED, 0) == UINT32_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_reasons_apart),
		cmocka_unit_test(test_ages_out),
		cmocka_unit_test(test_long_gap),
		cmocka_unit_test(test_earlier_time_keeps_counts),
		cmocka_unit_test(test_no_overflow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
