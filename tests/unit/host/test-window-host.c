/* SPDX-License-Identifier: Apache-2.0 */

/* What the window does to devices that were only seen. */

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
#include "host/device-host.h"
#include "host/enrol.h"

static struct device *seen(const char *ep, const char *ip, bool probed)
{
	struct discovery_sighting sighting = {.address = address_of(ip)};
	struct device *device;

	snprintf(sighting.ep, sizeof(sighting.ep), "%s", ep);
	device_host_on_appeared(&bed.host, &sighting);
	device = registry_by_ep(bed.host.registry, ep);
	device_host(device)->probed = probed;
	return device;
}

static void seen_becomes_pending(void **state)
{
	struct device *known = seen("known", "10.0.0.1", true);
	struct device *unasked = seen("unasked", "10.0.0.2", false);
	struct device *gone = seen("gone", "10.0.0.3", true);

	gone->present = false;
	enrol_consider(&bed.host, known);
	assert_int_equal(store_waiting(), 0);
	open_window();
	assert_int_equal(known->record->life.admission, ADMISSION_PENDING);
	assert_non_null(disk_device(known->record->id));
	assert_int_equal(unasked->record->life.admission, ADMISSION_SIGHTED);
	assert_int_equal(gone->record->life.admission, ADMISSION_SIGHTED);
	enrol_consider(&bed.host, known);
	assert_int_equal(store_waiting(), 0);
}

static void what_could_not_be_stored_can_come_again(void **state)
{
	struct device *device = seen("one", "10.0.0.1", true);
	struct act act = act_on(ACT_WINDOW_OPEN, NULL);
	struct act_try try;

	act.number = 60;
	try_act(&act, &try);
	store_answer(0);
	store_answer_all(-ENOSPC);
	assert_int_equal(device->record->life.admission, ADMISSION_SIGHTED);
	enrol_consider(&bed.host, device);
	store_answer_all(0);
	assert_int_equal(device->record->life.admission, ADMISSION_PENDING);
}

static void it_ends_by_itself(void **state)
{
	open_window();
	bed_advance(299 * USEC_PER_SEC);
	assert_true(window_is_open(&bed.host.window, bed.boot_usec));
	open_window(); /* once more: the end moves */
	bed_advance(299 * USEC_PER_SEC);
	assert_true(window_is_open(&bed.host.window, bed.boot_usec));
	bed_advance(3 * USEC_PER_SEC);
	assert_false(window_is_open(&bed.host.window, bed.boot_usec));
	assert_string_equal(bed.host.window.opened_by, "");
	assert_int_equal(bed_timer_left("window-end"), UINT64_MAX);
}

#define T(name) cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(seen_becomes_pending),
		T(what_could_not_be_stored_can_come_again),
		T(it_ends_by_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
