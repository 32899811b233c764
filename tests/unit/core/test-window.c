/* SPDX-License-Identifier: Apache-2.0 */

/* The onboarding window opens for a bounded time and closes by itself. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "core/window.h"

static void test_closed_at_start(void **state)
{
	struct window window = {0};

	assert_false(window_is_open(&window, 0));
	assert_int_equal(window_seconds_left(&window, 0), 0);
}

static void test_opens_and_closes_by_itself(void **state)
{
	struct window window = {0};
	uint64_t now = 12345678;

	assert_int_equal(window_open(&window, 60, 900, "anna", now), 0);
	assert_string_equal(window.opened_by, "anna");
	assert_true(window_is_open(&window, now));
	assert_int_equal(window_seconds_left(&window, now), 60);
	assert_int_equal(window_seconds_left(&window, now + 1), 60);
	assert_true(window_is_open(&window, now + 60 * USEC_PER_SEC - 1));
	assert_int_equal(window_seconds_left(&window, now + 60 * USEC_PER_SEC - 1), 1);
	assert_false(window_is_open(&window, now + 60 * USEC_PER_SEC));
	assert_int_equal(window_seconds_left(&window, now + 60 * USEC_PER_SEC), 0);
}

static void test_range(void **state)
{
	struct window window = {0};

	assert_int_equal(window_open(&window, 0, 900, "anna", 1), -ERANGE);
	assert_int_equal(window_open(&window, 901, 900, "anna", 1), -ERANGE);
	assert_int_equal(window_open(&window, UINT32_MAX, 900, "anna", 1), -ERANGE);
	assert_false(window_is_open(&window, 1));
	assert_string_equal(window.opened_by, "");
	assert_int_equal(window_open(&window, 900, 900, "anna", 1), 0);
	assert_int_equal(window_open(&window, 1, 900, "ben", 1), 0);
}

static void test_opening_again_sets_the_end(void **state)
{
	struct window window = {0};
	char longest[80];

	assert_int_equal(window_open(&window, 600, 900, "anna", 0), 0);
	memset(longest, 'b', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(window_open(&window, 10, 900, longest, USEC_PER_SEC), 0);
	assert_int_equal(window_seconds_left(&window, USEC_PER_SEC), 10);
	assert_int_equal(strlen(window.opened_by), sizeof(window.opened_by) - 1);
}

static void test_close(void **state)
{
	struct window window = {0};

	assert_int_equal(window_open(&window, 600, 900, "anna", 5), 0);
	window_close(&window);
	assert_false(window_is_open(&window, 5));
	assert_string_equal(window.opened_by, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_closed_at_start),
		cmocka_unit_test(test_opens_and_closes_by_itself),
		cmocka_unit_test(test_range),
		cmocka_unit_test(test_opening_again_sets_the_end),
		cmocka_unit_test(test_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
