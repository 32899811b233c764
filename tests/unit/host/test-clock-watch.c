/* SPDX-License-Identifier: Apache-2.0 */

/* A clock that nobody sets becomes an alarm after a while, and the alarm ends with that. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "fakes.h"
#include "host/clock-watch.h"
#include "host/journal.h"

#define MINUTE (60 * USEC_PER_SEC)

static bool is_said(void)
{
	return host_alarm_is_active(&bed.host, ALARM_CLOCK_UNSYNCED, "");
}

/* Minute by minute, as its timer goes. */
static void pass(unsigned minutes)
{
	while (minutes-- > 0)
		bed_advance(MINUTE);
}

static void what_lasts_is_said_and_ends(void **state)
{
	bed.synced = false;
	clock_watch(&bed.host);
	pass(29);
	assert_false(is_said());
	pass(2);
	assert_true(is_said());
	pass(10);
	assert_true(is_said());
	bed.synced = true;
	pass(1);
	assert_false(is_said());
	/* Lost again: it has its while again. */
	bed.synced = false;
	pass(29);
	assert_false(is_said());
	pass(3);
	assert_true(is_said());
	clock_watch_end(&bed.host);
}

static void a_time_service_may_need_a_while(void **state)
{
	bed.synced = false;
	clock_watch(&bed.host);
	pass(20);
	bed.synced = true;
	pass(1);
	bed.synced = false;
	pass(20);
	assert_false(is_said());
	clock_watch_end(&bed.host);
}

#define T(name) cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_lasts_is_said_and_ends),
		T(a_time_service_may_need_a_while),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
