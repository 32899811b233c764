/* SPDX-License-Identifier: Apache-2.0 */

/* The clocks of a device: what is due when, also when the wall clock jumps or nothing can be saved.
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
#include "fake-driver.h"
#include "host/journal.h"
#include "host/platform-host.h"

static void refreshed_at_half_of_its_life(void **state)
{
	struct device *device;
	int64_t expires;
	uint64_t half = bed.config.local_lease / 2, day = 24 * 3600;

	plain_local();
	device = active_device("one", "10.0.0.1");
	expires = device->record->life.credential_expires;
	bed_advance((half - half / 10 - day) * USEC_PER_SEC);
	assert_int_equal(driver.calls[PLATFORM_REFRESH], 0);
	bed_advance((half / 10 + day + 1) * USEC_PER_SEC);
	store_answer_all(0);
	assert_int_equal(driver.calls[PLATFORM_REFRESH], 1);
	assert_int_equal(device->record->life.credential, CREDENTIAL_HELD);
	assert_true(device->record->life.credential_expires > expires);
	assert_true(device->record->life.credential_old.size > 0);
	link_up();
	assert_int_equal(device->record->life.credential_old.size, 0);
}

static void it_lapses_when_it_cannot_be_refreshed(void **state)
{
	struct device *device;

	plain_local();
	device = active_device("one", "10.0.0.1");
	driver.in_use = true;
	driver.verdict = PLATFORM_FAILED;
	bed_advance((bed.config.local_lease / 2) * USEC_PER_SEC);
	store_answer_all(0);
	assert_int_equal(device->record->life.credential, CREDENTIAL_RENEWING);
	driver.all = 0;
	while (device->record->life.credential == CREDENTIAL_RENEWING) {
		bed_advance(24 * 3600 * USEC_PER_SEC);
		store_answer_all(0);
		driver.all = 0;
	}
	assert_int_equal(device->record->life.credential, CREDENTIAL_EXPIRED);
	assert_false(lifecycle_may_publish(&device->record->life, bed.wall_msec));
	plain_local();
	bed_advance(301 * USEC_PER_SEC);
	store_answer_all(0);
	assert_int_equal(device->record->life.credential, CREDENTIAL_HELD);
	assert_true(lifecycle_may_publish(&device->record->life, bed.wall_msec));
}

static void a_clock_that_cannot_be_stored_is_not_hot(void **state)
{
	struct device *device;
	unsigned i;

	plain_local();
	device = active_device("one", "10.0.0.1");
	link_up();
	bed_advance((bed.config.local_lease / 2) * USEC_PER_SEC);
	for (i = 0; i < 3; i++) {
		assert_int_equal(store_waiting(), 1);
		store_answer_all(-ENOSPC);
		assert_in_range(bed_timer_left("device-clock"), USEC_PER_SEC, 3600 * USEC_PER_SEC);
		bed_advance(60 * USEC_PER_SEC);
	}
	store_answer_all(0);
	assert_int_equal(device->record->life.credential, CREDENTIAL_HELD);
	assert_in_range(driver.calls[PLATFORM_REFRESH], 1, 1);
}

/* A gateway without a battery for its clock starts in 1970 and is put right an hour later. */
static void the_wall_clock_jumps(void **state)
{
	struct device *device;

	plain_local();
	device = active_device("one", "10.0.0.1");
	bed.wall_msec += (int64_t)bed.config.local_lease * 600;
	assert_int_equal(driver.calls[PLATFORM_REFRESH], 0);
	bed_advance(3601 * USEC_PER_SEC);
	store_answer_all(0);
	assert_int_equal(driver.calls[PLATFORM_REFRESH], 1);
	assert_int_equal(device->record->life.credential, CREDENTIAL_HELD);
}

/* Renewal and end are due at once; one timer serves both, and neither hides the other. */
static void the_wall_clock_jumps_over_the_end(void **state)
{
	struct device *device;

	plain_local();
	device = active_device("one", "10.0.0.1");
	driver.in_use = true;
	driver.verdict = PLATFORM_FAILED;
	driver.all = 0;
	bed.wall_msec += (int64_t)bed.config.local_lease * 1001;
	bed_advance(3601 * USEC_PER_SEC);
	store_answer_all(0);
	assert_int_equal(device->record->life.credential, CREDENTIAL_EXPIRED);
	driver.all = 0;
	plain_local();
	bed_advance(301 * USEC_PER_SEC);
	store_answer_all(0);
	assert_int_equal(device->record->life.credential, CREDENTIAL_HELD);
	assert_true(lifecycle_may_publish(&device->record->life, bed.wall_msec));
	/* The next thing that is due is its renewal, so it looks again within the hour. */
	assert_in_range(bed_timer_left("device-clock"), 1, 3600 * USEC_PER_SEC);
}

static void the_clock_jumps_while_a_credential_is_issued(void **state)
{
	struct device *device = admitted(PLATFORM_FAILED);
	unsigned i;

	driver.verdict = PLATFORM_ISSUED;
	for (i = 0; i < 45; i++) {
		driver.lifetime = -(int64_t)i;
		driver.all = 0;
		device->record->life.credential = CREDENTIAL_HELD;
		device->record->life.credential_since = bed.wall_msec;
		device->record->life.credential_expires = bed.wall_msec - (int64_t)i;
		platform_host_set_timers(&bed.host, device);
	}
	device->record->life.credential = CREDENTIAL_NONE;
	platform_host_set_timers(&bed.host, device);
}

static void an_operation_ends_by_itself(void **state)
{
	struct device *device;
	struct act act;
	uint64_t first;
	unsigned i;

	plain_local();
	device = pending_device("one", "10.0.0.1", "{\"display\":true}");
	act = act_on(ACT_ADMIT, device->record->id);
	acted(&act);
	first = device->record->life.operation_number;
	for (i = 0; i <= OPERATION_REOPEN_MAX; i++) {
		assert_int_equal(device->record->life.operation_number, first + i);
		assert_int_equal(bed_timer_left("device-clock"), 600 * USEC_PER_SEC);
		bed_advance(600 * USEC_PER_SEC);
		store_answer_all(0);
	}
	assert_int_equal(device->record->life.operation, OPERATION_EXPIRED);
	assert_int_equal(bed_timer_left("device-clock"), UINT64_MAX);
	assert_true(host_alarm_is_active(&bed.host, ALARM_OPERATION_FAILED, device->record->id));
}

#define T(name) cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(refreshed_at_half_of_its_life),
		T(it_lapses_when_it_cannot_be_refreshed),
		T(a_clock_that_cannot_be_stored_is_not_hot),
		T(the_wall_clock_jumps),
		T(the_wall_clock_jumps_over_the_end),
		T(the_clock_jumps_while_a_credential_is_issued),
		T(an_operation_ends_by_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
