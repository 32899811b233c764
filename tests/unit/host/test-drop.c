/* SPDX-License-Identifier: Apache-2.0 */

/* What was dropped is deleted in the end: when the store has no space for it, and over a restart.
 */

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
#include "host/reading.h"

static struct lan_exchange x;

static struct device *revoked_device(const char *ep, const char *ip)
{
	struct device *device = active_device(ep, ip);
	struct act act = act_on(ACT_REVOKE, device->record->id);

	assert_int_equal(acted(&act).result, ACT_DONE);
	return device;
}

static void deleting_is_tried_until_there_is_space(void **state)
{
	struct device *device = active_device("one", "10.0.0.1");
	struct act act = act_on(ACT_REVOKE, device->record->id);
	uint64_t row = device->record->row;
	unsigned i;

	report(&x, "one", "10.0.0.1", "1");
	appended_answer(0);
	fake_rows.drop_result = -ENOSPC;
	assert_int_equal(acted(&act).result, ACT_DONE);
	assert_int_equal(owed_device_count(bed.host.owed, row), 0);
	assert_int_equal(fake_rows.dropped_count, 1);
	assert_true(reading_is_dropping(&bed.host, row));
	for (i = 2; i < 5; i++) {
		bed_advance(10 * USEC_PER_SEC);
		assert_int_equal(fake_rows.dropped_count, i);
		assert_int_equal(fake_rows.dropped[i - 1], row);
	}
	fake_rows.drop_result = 0;
	bed_advance(10 * USEC_PER_SEC);
	assert_int_equal(fake_rows.dropped_count, 5);
	assert_false(reading_is_dropping(&bed.host, row));
	bed_advance(100 * USEC_PER_SEC);
	assert_int_equal(fake_rows.dropped_count, 5);
}

/* The delete is for all that the device has on file: what comes after must not go with it. */
static void nothing_new_is_taken_before_the_old_is_gone(void **state)
{
	struct device *device = active_device("one", "10.0.0.1");
	struct act act = act_on(ACT_REVOKE, device->record->id);

	fake_rows.drop_result = -ENOSPC;
	assert_int_equal(acted(&act).result, ACT_DONE);
	act.kind = ACT_APPROVE;
	assert_int_equal(acted(&act).result, ACT_DONE);
	report(&x, "one", "10.0.0.1", "1");
	assert_int_equal(x.code, COAP_CODE(5, 3));
	assert_int_equal(appended_waiting(), 0);
	fake_rows.drop_result = 0;
	bed_advance(10 * USEC_PER_SEC);
	report(&x, "one", "10.0.0.1", "1");
	appended_answer(0);
	assert_int_equal(x.code, COAP_CODE(2, 4));
}

static void a_store_that_ends_is_not_asked_again(void **state)
{
	fake_rows.drop_result = -ECANCELED;
	reading_drop_rows(&bed.host, 5, NULL);
	assert_false(reading_is_dropping(&bed.host, 5));
	assert_int_equal(bed_timer_left("outbox-drop"), UINT64_MAX);
	fake_rows.drop_result = -EIO;
	reading_drop_rows(&bed.host, 5, NULL);
	assert_false(reading_is_dropping(&bed.host, 5));
}

static void at_the_start_what_nobody_wants_is_dropped(void **state)
{
	struct device *active = active_device("active", "10.0.0.1");
	struct device *revoked = revoked_device("revoked", "10.0.0.2");
	struct device *blocked = revoked_device("blocked", "10.0.0.3");
	struct device *rejected = pending_device("rejected", "10.0.0.4", "{}");
	struct act act = act_on(ACT_BLOCK, blocked->record->id);
	const uint64_t unwanted[] = {
		revoked->record->row, blocked->record->row, rejected->record->row, 4711};
	uint64_t first = 100;
	unsigned i, j;

	assert_int_equal(acted(&act).result, ACT_DONE);
	act = act_on(ACT_REJECT, rejected->record->id);
	assert_int_equal(acted(&act).result, ACT_DONE);
	memset(&fake_rows, 0, sizeof(fake_rows));
	for (i = 0; i < ELEMENTS(unwanted); i++, first += 10)
		assert_int_equal(reading_load(&bed.host, unwanted[i], 3, 30, first, first + 2), 0);
	assert_int_equal(reading_load(&bed.host, active->record->row, 3, 30, first, first + 2), 0);
	assert_int_equal(fake_rows.dropped_count, 0); /* the store has not started */
	reading_drop_loaded(&bed.host);
	assert_int_equal(fake_rows.dropped_count, ELEMENTS(unwanted));
	for (i = 0; i < ELEMENTS(unwanted); i++) {
		for (j = 0; fake_rows.dropped[j] != unwanted[i]; j++)
			assert_true(j < ELEMENTS(unwanted));
		assert_int_equal(owed_device_count(bed.host.owed, unwanted[i]), 0);
		assert_false(reading_is_dropping(&bed.host, unwanted[i]));
	}
	assert_int_equal(owed_device_count(bed.host.owed, active->record->row), 3);
	link_up();
	/* Upstream hears what is missing of those that it knows; what a forgotten one was called
	 * nobody knows any more. */
	assert_int_equal(bed.host.metrics.untold, 3);
	for (i = j = 0; i < fake_publication_count; i++)
		j += strstr(fake_publications[i].payload, "\"count\":3,\"reason\":\"revoked\"") !=
		     NULL;
	assert_int_equal(j, 3);
}

static void at_the_start_they_can_be_kept(void **state)
{
	struct device *revoked = revoked_device("revoked", "10.0.0.2");

	bed.config.keep_readings_of_revoked = true;
	memset(&fake_rows, 0, sizeof(fake_rows));
	assert_int_equal(reading_load(&bed.host, revoked->record->row, 3, 30, 100, 102), 0);
	/* Of one that was forgotten nothing is kept. */
	assert_int_equal(reading_load(&bed.host, 4711, 3, 30, 110, 112), 0);
	reading_drop_loaded(&bed.host);
	assert_int_equal(fake_rows.dropped_count, 1);
	assert_int_equal(fake_rows.dropped[0], 4711);
	assert_int_equal(owed_device_count(bed.host.owed, revoked->record->row), 3);
}

#define T(name) cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(deleting_is_tried_until_there_is_space),
		T(nothing_new_is_taken_before_the_old_is_gone),
		T(a_store_that_ends_is_not_asked_again),
		T(at_the_start_what_nobody_wants_is_dropped),
		T(at_the_start_they_can_be_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
