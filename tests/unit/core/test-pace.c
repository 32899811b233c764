/* SPDX-License-Identifier: Apache-2.0 */

/* The rate of the last hour, and how long room lasts at it. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "core/pace.h"

#define MINUTE (60 * USEC_PER_SEC)
#define START  (1000 * MINUTE)

static void test_nothing_is_known_at_first(void **state)
{
	struct pace pace = {0};
	uint64_t amount = 7;

	assert_false(pace_per_hour(&pace, START, &amount));
	assert_false(pace_seconds_left(&pace, 100, START, &amount));
	pace_add(&pace, 100, START);
	assert_false(pace_per_hour(&pace, START, &amount));
	assert_false(pace_per_hour(&pace, START + MINUTE - 1, &amount));
	assert_int_equal(amount, 7);
	assert_true(pace_per_hour(&pace, START + MINUTE, &amount));
	assert_int_equal(amount, 6000);
}

static void test_steady_rate(void **state)
{
	struct pace pace = {0};
	uint64_t amount, seconds;

	for (unsigned i = 0; i < 5 * 60; i++) {
		pace_add(&pace, 10, START + i * MINUTE);
		if (i < 10)
			continue;
		assert_true(pace_per_hour(&pace, START + (i + 1) * MINUTE - 1, &amount));
		assert_in_range(amount, 599, 660);
	}
	assert_true(pace_seconds_left(&pace, 6000, START + 300 * MINUTE - 1, &seconds));
	assert_in_range(seconds, 9 * 3600, 10 * 3600);
	assert_true(pace_seconds_left(&pace, 0, START + 300 * MINUTE - 1, &seconds));
	assert_int_equal(seconds, 0);
}

static void test_old_minutes_are_forgotten(void **state)
{
	struct pace pace = {0};
	uint64_t amount, seconds = 7;

	pace_add(&pace, 1000000, START);
	pace_add(&pace, 60, START + 30 * MINUTE);
	assert_true(pace_per_hour(&pace, START + 61 * MINUTE, &amount));
	assert_in_range(amount, 59, 63);
	/* Two hours of silence: it lasts for ever. */
	assert_true(pace_per_hour(&pace, START + 150 * MINUTE, &amount));
	assert_int_equal(amount, 0);
	assert_false(pace_seconds_left(&pace, 100, START + 150 * MINUTE, &seconds));
	assert_int_equal(seconds, 7);
	/* A clock that goes back changes nothing that is known. */
	pace_add(&pace, 5, START + 150 * MINUTE);
	pace_add(&pace, 5, START + 149 * MINUTE);
	assert_true(pace_per_hour(&pace, START + 151 * MINUTE, &amount));
	assert_in_range(amount, 10, 11);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_is_known_at_first),
		cmocka_unit_test(test_steady_rate),
		cmocka_unit_test(test_old_minutes_are_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
