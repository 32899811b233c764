/* SPDX-License-Identifier: Apache-2.0 */

/* The runtime part of a device goes with it, or when the last reply is there. */

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

static unsigned told;

static void on_told(void *userdata)
{
	told++;
}

static void it_goes_with_its_device(void **state)
{
	struct device *device = pending_device("one", "10.0.0.1", "{\"display\":true}");
	struct act act = act_on(ACT_ADMIT, device->record->id);

	acted(&act);
	assert_ptr_equal(device_host(device)->device, device);
	assert_int_not_equal(bed_timer_left("device-clock"), UINT64_MAX);
	registry_remove(bed.host.registry, device);
	/* No timer is left to fire for it. */
	assert_int_equal(bed_timer_left("device-clock"), UINT64_MAX);
	bed_advance(3600 * USEC_PER_SEC);
}

static void a_reply_keeps_it(void **state)
{
	struct device *device = pending_device("one", "10.0.0.1", "{}");
	struct device_host *part = device_host_pin(device_host(device));

	registry_remove(bed.host.registry, device);
	assert_true(part->gone);
	assert_null(part->host);
	assert_null(part->device);
	device_host_unpin(part);
}

static void who_waits_is_told(void **state)
{
	struct device *device = active_device("one", "10.0.0.1");
	struct lan_exchange exchange;

	link_up();
	report(&exchange, "one", "10.0.0.1", "1");
	appended_answer(0);
	bed_run_loop();
	told = 0;
	reading_drain(&bed.host, device, true, on_told, NULL);
	reading_drain(&bed.host, device, false, on_told, NULL);
	assert_int_equal(told, 0);
	registry_remove(bed.host.registry, device);
	assert_int_equal(told, 2);
}

static void a_device_without_one(void **state)
{
	struct device_record *record = calloc(1, sizeof(*record));
	struct device *device;

	assert_non_null(record);
	snprintf(record->id, sizeof(record->id), "one");
	snprintf(record->ep, sizeof(record->ep), "one");
	assert_int_equal(registry_add(bed.host.registry, record, &device), 0);
	registry_remove(bed.host.registry, device);
}

#define T(name) cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(it_goes_with_its_device),
		T(a_reply_keeps_it),
		T(who_waits_is_told),
		T(a_device_without_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
