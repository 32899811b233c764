/* SPDX-License-Identifier: Apache-2.0 */

/* Alarms and the journal: once each, and also seen when nothing can be written. */

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

static void raised_and_cleared_once(void **state)
{
	unsigned i;

	for (i = 0; i < 10; i++)
		host_alarm_raise(&bed.host, ALARM_LEAK, "one");
	assert_int_equal(store_waiting(), 1);
	store_answer_all(0);
	assert_int_equal(disk_alarm_count(ALARM_LEAK, false), 1);
	assert_int_equal(disk_audit_count("alarm raised", NULL), 1);
	assert_string_equal(disk_audit_newest()->object, "leak");
	assert_string_equal(disk_audit_newest()->who, "gateway");
	assert_int_equal(bed.host.alarms.active[0].times, 10);
	host_alarm_raise(&bed.host, ALARM_LEAK, "two");
	assert_true(host_alarm_is_active(&bed.host, ALARM_LEAK, "two"));
	for (i = 0; i < 3; i++)
		host_alarm_clear(&bed.host, ALARM_LEAK, "one");
	store_answer_all(0);
	assert_int_equal(disk_alarm_count(ALARM_LEAK, true), 1);
	assert_int_equal(disk_audit_count("alarm cleared", NULL), 1);
	assert_false(host_alarm_is_active(&bed.host, ALARM_LEAK, "one"));
	assert_true(host_alarm_is_active(&bed.host, ALARM_LEAK, "two"));
}

static void a_full_disk_is_told_but_not_written(void **state)
{
	host_saved(&bed.host, -ENOSPC, NULL);
	host_saved(&bed.host, -ENOSPC, NULL);
	assert_true(host_alarm_is_active(&bed.host, ALARM_CONTROL_FULL, ""));
	assert_int_equal(store_waiting(), 0);
	host_saved(&bed.host, -ENOMEM, NULL);
	assert_true(host_alarm_is_active(&bed.host, ALARM_CONTROL_FULL, ""));
	host_saved(&bed.host, 0, NULL);
	assert_false(host_alarm_is_active(&bed.host, ALARM_CONTROL_FULL, ""));
	assert_int_equal(store_waiting(), 0);
}

static void an_alarm_that_cannot_be_written_is_seen(void **state)
{
	host_alarm_raise(&bed.host, ALARM_LEAK, "one");
	store_answer_all(-ENOSPC);
	assert_true(host_alarm_is_active(&bed.host, ALARM_LEAK, "one"));
	assert_int_equal(disk_alarm_count(ALARM_LEAK, false), 0);
}

static void the_head_and_the_rows_are_counted(void **state)
{
	host_saved(&bed.host, 0, "aa");
	host_saved(&bed.host, 0, "aa"); /* a change without a row of the journal */
	host_saved(&bed.host, 0, NULL);
	host_saved(&bed.host, 0, "bb");
	assert_string_equal(bed.host.facts.audit_head, "bb");
	assert_int_equal(bed.host.facts.audit_rows, 2);
}

static unsigned told;
static int told_result;

static void on_written(void *userdata, int result, const char *head)
{
	assert_ptr_equal(userdata, &told);
	told++;
	told_result = result;
}

static void who_waits_is_told_once(void **state)
{
	struct audit_row row;

	told = 0;
	audit_row_init(&row, "anna", "admin", "page", ACT_ADD, "here", "", "done");
	host_audit(&bed.host, &row, on_written, &told);
	assert_int_equal(told, 0);
	store_answer(-ENOSPC);
	assert_int_equal(told, 1);
	assert_int_equal(told_result, -ENOSPC);
	host_audit(&bed.host, &row, on_written, &told);
	store_answer(0);
	assert_int_equal(told, 2);
	assert_int_equal(told_result, 0);
	host_audit(&bed.host, &row, NULL, NULL);
	store_answer(0);
	assert_int_equal(disk_audit_count("add", "done"), 2);
}

static void heard_and_turned_away(void **state)
{
	struct device_address from = address_of("10.0.0.1");
	unsigned i;

	for (i = 0; i < 5; i++)
		host_turned_away(&bed.host, AWAY_BLOCKED, i ? &from : NULL);
	assert_int_equal(heard_sum(&bed.host.heard, AWAY_BLOCKED, bed.boot_usec), 5);
	/* One line a second, the rest is counted. */
	assert_int_equal(bed.host.refused_log.suppressed, 4);
}

static void a_forgotten_device_leaves_no_alarm(void **state)
{
	host_alarm_raise(&bed.host, ALARM_LEAK, "one");
	host_alarm_raise(&bed.host, ALARM_CODE_LOCKED, "one");
	host_alarm_raise(&bed.host, ALARM_LEAK, "two");
	/* Whatever is about a device; but its credential may be good at its platform still. */
	host_alarm_raise(&bed.host, ALARM_NOT_LET_IN, "one");
	host_alarm_raise(&bed.host, ALARM_OUTBOX_SHARE, "one");
	host_alarm_raise(&bed.host, ALARM_NOT_WITHDRAWN, "one");
	host_alarms_forget(&bed.host, "one");
	assert_int_equal(bed.host.alarms.count, 2);
	assert_true(host_alarm_is_active(&bed.host, ALARM_LEAK, "two"));
	assert_true(host_alarm_is_active(&bed.host, ALARM_NOT_WITHDRAWN, "one"));
}

#define T(name) cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(raised_and_cleared_once),
		T(a_full_disk_is_told_but_not_written),
		T(an_alarm_that_cannot_be_written_is_seen),
		T(the_head_and_the_rows_are_counted),
		T(who_waits_is_told_once),
		T(heard_and_turned_away),
		T(a_forgotten_device_leaves_no_alarm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
