/* SPDX-License-Identifier: Apache-2.0 */
/* When publications of many sessions go together. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "uplink/tick.h"

#define NOW UINT64_C(1000000)

static void a_few_do_not_wait(void **state)
{
	struct tick tick = {0};

	for (unsigned sessions = 0; sessions <= TICK_SESSIONS; sessions++)
		assert_false(tick_hold(&tick, sessions, NOW));
	assert_int_equal(tick_left_msec(&tick, NOW), -1);
	assert_false(tick_take(&tick, NOW + 10 * TICK_USEC));
}

/* The first one says when; others do not put it off. */
static void many_go_together(void **state)
{
	struct tick tick = {0};

	assert_true(tick_hold(&tick, TICK_SESSIONS + 1, NOW));
	assert_true(tick_hold(&tick, 1000, NOW + TICK_USEC / 2));
	assert_int_equal(tick_left_msec(&tick, NOW), 50);
	assert_false(tick_take(&tick, NOW + TICK_USEC - 1));
	assert_true(tick_take(&tick, NOW + TICK_USEC));
	/* once, and then the next one says it */
	assert_false(tick_take(&tick, NOW + TICK_USEC));
	assert_int_equal(tick_left_msec(&tick, NOW + TICK_USEC), -1);
	assert_true(tick_hold(&tick, 1000, NOW + 3 * TICK_USEC));
	assert_false(tick_take(&tick, NOW + 3 * TICK_USEC));
	assert_true(tick_take(&tick, NOW + 4 * TICK_USEC));
}

/* What waits goes at its tick also when others have left meanwhile. */
static void who_holds_is_not_forgotten(void **state)
{
	struct tick tick = {0};

	assert_true(tick_hold(&tick, TICK_SESSIONS + 1, NOW));
	assert_false(tick_hold(&tick, 1, NOW + 1));
	assert_true(tick_take(&tick, NOW + TICK_USEC));
}

/* A wait that ended before the tick would be another one, of no time, again and again. */
static void nobody_wakes_up_before_it(void **state)
{
	struct tick tick = {0};
	uint64_t now;

	assert_true(tick_hold(&tick, 1000, NOW));
	for (now = NOW; now < NOW + TICK_USEC; now += 333)
		assert_true(now + (uint64_t)tick_left_msec(&tick, now) * 1000 >= NOW + TICK_USEC);
	assert_int_equal(tick_left_msec(&tick, NOW + TICK_USEC), 0);
	assert_int_equal(tick_left_msec(&tick, NOW + 100 * TICK_USEC), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_few_do_not_wait),
		cmocka_unit_test(many_go_together),
		cmocka_unit_test(who_holds_is_not_forgotten),
		cmocka_unit_test(nobody_wakes_up_before_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
