/* SPDX-License-Identifier: Apache-2.0 */

/* The window, alarms, and where each act goes. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "fakes.h"
#include "host/journal.h"

static void the_window_opens_when_it_is_written_down(void **state)
{
	struct act act = act_on(ACT_WINDOW_OPEN, NULL);
	struct act_try try;

	act.number = 300;
	try_act(&act, &try);
	assert_false(window_is_open(&bed.host.window, bed.boot_usec));
	store_answer_all(-ENOSPC);
	assert_int_equal(try.outcome.result, ACT_NOT_STORED);
	assert_false(window_is_open(&bed.host.window, bed.boot_usec));
	assert_int_equal(acted(&act).result, ACT_DONE);
	assert_true(window_is_open(&bed.host.window, bed.boot_usec));
	assert_string_equal(bed.host.window.opened_by, "anna");
	assert_string_equal(disk_audit_newest()->object, "window");
	act.kind = ACT_WINDOW_CLOSE;
	assert_int_equal(acted(&act).result, ACT_DONE);
	assert_false(window_is_open(&bed.host.window, bed.boot_usec));
	assert_int_equal(bed_timer_left("window-end"), UINT64_MAX);
}

static void a_window_of_no_length_is_the_longest(void **state)
{
	struct act act = act_on(ACT_WINDOW_OPEN, NULL);

	bed.config.window_max = 120;
	assert_int_equal(acted(&act).result, ACT_DONE);
	assert_int_equal(window_seconds_left(&bed.host.window, bed.boot_usec), 120);
}

static void a_window_of_a_wrong_length(void **state)
{
	struct act act = act_on(ACT_WINDOW_OPEN, NULL);
	struct act_try try;

	act.has_number = true;
	assert_int_equal(acted(&act).result, ACT_BAD_INPUT);
	act.number = bed.config.window_max + 1;
	assert_int_equal(acted(&act).result, ACT_BAD_INPUT);
	/* The configuration is reloaded while it is written down. */
	act.number = bed.config.window_max;
	try_act(&act, &try);
	bed.config.window_max--;
	store_answer_all(0);
	assert_int_equal(try.outcome.result, ACT_BAD_INPUT);
	assert_false(window_is_open(&bed.host.window, bed.boot_usec));
}

static void an_alarm_is_cleared_by_a_person(void **state)
{
	struct act act = act_on(ACT_CLEAR_ALARM, NULL);
	struct act_try try;

	snprintf(act.place, sizeof(act.place), "one-abcd");
	snprintf(act.name, sizeof(act.name), "name-conflict");
	assert_int_equal(acted(&act).result, ACT_UNKNOWN);
	host_alarm_raise(&bed.host, ALARM_NAME_CONFLICT, "one-abcd");
	store_answer_all(0);
	try_act(&act, &try);
	store_answer_all(-ENOSPC);
	assert_int_equal(try.outcome.result, ACT_NOT_STORED);
	assert_true(host_alarm_is_active(&bed.host, ALARM_NAME_CONFLICT, "one-abcd"));
	assert_int_equal(acted(&act).result, ACT_DONE);
	assert_false(host_alarm_is_active(&bed.host, ALARM_NAME_CONFLICT, "one-abcd"));
	assert_int_equal(disk_audit_count(act_kind_to_string(ACT_CLEAR_ALARM), "done"), 1);
	snprintf(act.name, sizeof(act.name), "no-such-alarm");
	assert_int_equal(acted(&act).result, ACT_UNKNOWN);
}

static void acts_of_people_go_elsewhere(void **state)
{
	struct act act = act_on(ACT_PERSON_DROP, NULL);

	snprintf(act.name, sizeof(act.name), "nobody");
	assert_int_equal(acted(&act).result, ACT_UNKNOWN);
	act.kind = ACTS;
	assert_int_equal(acted(&act).result, ACT_BAD_INPUT);
}

#define T(name) cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_window_opens_when_it_is_written_down),
		T(a_window_of_no_length_is_the_longest),
		T(a_window_of_a_wrong_length),
		T(an_alarm_is_cleared_by_a_person),
		T(acts_of_people_go_elsewhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
