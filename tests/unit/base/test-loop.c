/* SPDX-License-Identifier: Apache-2.0 */
/* Timers on a real loop, and back-off with a random source that the test holds. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/loop.h"

uint64_t __wrap_random_uint64(void);
uint64_t __wrap_random_uint64(void)
{
	return mock_type(uint64_t);
}

static int loop_setup(void **state)
{
	return sd_event_new((sd_event **)state);
}

static int loop_teardown(void **state)
{
	sd_event_unref(*state);
	return 0;
}

static int count_call(sd_event_source *source, uint64_t usec, void *userdata)
{
	(*(int *)userdata)++;
	return 0;
}

static void run_until(sd_event *loop, const int *count, int wanted)
{
	while (*count < wanted)
		assert_true(sd_event_run(loop, UINT64_MAX) >= 0);
}

static int enabled(sd_event_source *source)
{
	int value = -1;

	assert_true(sd_event_source_get_enabled(source, &value) >= 0);
	return value;
}

static void test_timer_fires_once_and_is_used_again(void **state)
{
	sd_event_source *timer = NULL, *first;
	uint64_t start = clock_boot_usec();
	int count = 0;

	assert_int_equal(loop_timer_set(*state, &timer, 2000, count_call, &count, "test"), 0);
	first = timer;
	run_until(*state, &count, 1);
	assert_true(clock_boot_usec() - start >= 2000);
	assert_int_equal(enabled(timer), SD_EVENT_OFF);

	assert_int_equal(loop_timer_set(*state, &timer, 1000, count_call, &count, "test"), 0);
	assert_ptr_equal(timer, first);
	run_until(*state, &count, 2);
	assert_null(loop_source_free(timer));
}

/* A timer of an hour that is re-armed to a millisecond fires soon; otherwise the test times out. */
static void test_timer_is_moved(void **state)
{
	sd_event_source *timer = NULL;
	int count = 0;

	assert_int_equal(
		loop_timer_set(*state, &timer, 3600 * USEC_PER_SEC, count_call, &count, "test"), 0);
	assert_int_equal(loop_timer_set(*state, &timer, 1000, count_call, &count, "test"), 0);
	run_until(*state, &count, 1);
	loop_source_free(timer);
}

static void test_timer_is_stopped(void **state)
{
	sd_event_source *timer = NULL, *other = NULL;
	int stopped = 0, count = 0;

	loop_timer_stop(NULL);
	assert_int_equal(loop_timer_set(*state, &timer, 0, count_call, &stopped, "test"), 0);
	loop_timer_stop(timer);
	assert_int_equal(enabled(timer), SD_EVENT_OFF);
	assert_int_equal(loop_timer_set(*state, &other, 3000, count_call, &count, "other"), 0);
	run_until(*state, &count, 1);
	assert_int_equal(stopped, 0);
	loop_source_free(timer);
	loop_source_free(other);
	assert_null(loop_source_free(NULL));
}

/* Short timers must not be held up by the slack that saves wake-ups for long ones. */
static void test_timer_slack(void **state)
{
	static const struct {
		uint64_t delay, slack;
	} cases[] = {
		{0, 1000},
		{50000, 5000},
		{60 * USEC_PER_SEC, 250000},
	};
	sd_event_source *timer = NULL;
	int count = 0;

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		uint64_t slack;

		assert_int_equal(
			loop_timer_set(*state, &timer, cases[i].delay, count_call, &count, "test"),
			0);
		assert_int_equal(sd_event_source_get_time_accuracy(timer, &slack), 0);
		assert_int_equal(slack, cases[i].slack);
	}
	loop_source_free(timer);
}

static void test_timer_failure_leaves_nothing(void **state)
{
	sd_event_source *timer = NULL;
	int count = 0;

	assert_true(loop_timer_set(*state, &timer, UINT64_MAX - 1, count_call, &count, "test") < 0);
	assert_null(timer);
}

static uint64_t next_with(struct backoff *backoff, uint64_t random)
{
	will_return(__wrap_random_uint64, random);
	return backoff_next(backoff);
}

static void test_backoff_bounds(void **state)
{
	struct backoff backoff = {.base_usec = 100, .cap_usec = 500};

	assert_int_equal(next_with(&backoff, 0), 100);	 /* [100, 200] */
	assert_int_equal(next_with(&backoff, 300), 400); /* [100, 400] */
	assert_int_equal(next_with(&backoff, 400), 500); /* [100, 500]: the cap */
	assert_int_equal(next_with(&backoff, 401), 100);
	backoff_reset(&backoff);
	assert_int_equal(next_with(&backoff, 100), 200);
	assert_int_equal(next_with(&backoff, 301), 100);
}

static void test_backoff_never_overflows(void **state)
{
	struct backoff backoff = {.base_usec = USEC_PER_SEC, .cap_usec = 300 * USEC_PER_SEC};

	for (int i = 0; i < 200; i++) {
		uint64_t delay = next_with(&backoff, UINT64_C(0x9e3779b97f4a7c15) * (unsigned)i);

		assert_in_range(delay, USEC_PER_SEC, 300 * USEC_PER_SEC);
	}
	/* With the cap reached, the whole range is used. */
	assert_int_equal(next_with(&backoff, 299 * USEC_PER_SEC), 300 * USEC_PER_SEC);
}

static void test_backoff_with_a_cap_below_the_base(void **state)
{
	struct backoff backoff = {.base_usec = 100, .cap_usec = 50};

	assert_int_equal(backoff_next(&backoff), 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_timer_fires_once_and_is_used_again, loop_setup, loop_teardown),
		cmocka_unit_test_setup_teardown(test_timer_is_moved, loop_setup, loop_teardown),
		cmocka_unit_test_setup_teardown(test_timer_is_stopped, loop_setup, loop_teardown),
		cmocka_unit_test_setup_teardown(test_timer_slack, loop_setup, loop_teardown),
		cmocka_unit_test_setup_teardown(
			test_timer_failure_leaves_nothing, loop_setup, loop_teardown),
		cmocka_unit_test(test_backoff_bounds),
		cmocka_unit_test(test_backoff_never_overflows),
		cmocka_unit_test(test_backoff_with_a_cap_below_the_base),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
