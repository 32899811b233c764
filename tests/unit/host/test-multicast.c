/* SPDX-License-Identifier: Apache-2.0 */

/* Rounds of the multicast probe, and what becomes of their answers. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "fakes.h"
#include "host/multicast.h"

#define ROUND (600 * USEC_PER_SEC)

static struct device *sighted(const char *ep, const char *ip)
{
	struct lan_sighting sighting = {.address = address_of(ip)};

	snprintf(sighting.ep, sizeof(sighting.ep), "%s", ep);
	multicast_on_sighted(&bed.host, &sighting);
	return registry_by_ep(bed.host.registry, ep);
}

static void everybody_is_asked_every_ten_minutes(void **state)
{
	unsigned before = fake_multicast_probes;

	assert_true(multicast_start(&bed.host) >= 0);
	assert_int_equal(fake_multicast_probes - before, 1);
	bed_advance(ROUND - 1);
	assert_int_equal(fake_multicast_probes - before, 1);
	bed_advance(2);
	assert_int_equal(fake_multicast_probes - before, 2);
	/* on demand: and the next round is ten minutes from now */
	bed_advance(ROUND / 2);
	assert_true(multicast_probe(&bed.host) >= 0);
	assert_int_equal(fake_multicast_probes - before, 3);
	assert_int_equal(bed_timer_left("multicast"), ROUND);
}

static void a_reload_takes_another_interval(void **state)
{
	struct config old = bed.config;
	unsigned before;

	assert_true(multicast_start(&bed.host) >= 0);
	bed_advance(ROUND / 2);
	before = fake_multicast_probes;
	assert_true(multicast_reload(&bed.host, &old) >= 0);
	assert_int_equal(bed_timer_left("multicast"), ROUND / 2);
	bed.config.multicast_interval = 30;
	assert_true(multicast_reload(&bed.host, &old) >= 0);
	assert_int_equal(bed_timer_left("multicast"), 30 * USEC_PER_SEC);
	bed_advance(61 * USEC_PER_SEC);
	assert_int_equal(fake_multicast_probes - before, 2);
}

static void an_answer_is_a_sighting(void **state)
{
	struct device *device;

	multicast_start(&bed.host);
	device = sighted("lamp", "10.0.0.1");
	assert_int_equal(device->record->found_by, FOUND_MULTICAST);
	assert_true(device->present);
	assert_false(device->record->address_bound);
	assert_int_equal(device->record->life.admission, ADMISSION_SIGHTED);
	sent_answer(sent_to("/.well-known/core"), 0, COAP_CODE(2, 5), FORMAT_LINK,
		"</status>;rt=\"gatehouse.status\"");
	assert_true(device_host(device)->probed);
	assert_ptr_equal(sighted("lamp", "10.0.0.1"), device);
	assert_int_equal(fake_sent_count, 1);
	/* bound now: another address does not get the name */
	assert_ptr_equal(sighted("lamp", "10.0.0.2"), device);
	assert_int_equal(device->record->address.ip.s6_addr[15], 1);
}

static void who_is_silent_for_three_rounds_is_gone(void **state)
{
	struct device *device;

	multicast_start(&bed.host);
	device = sighted("lamp", "10.0.0.1");
	bed_advance(2 * ROUND);
	assert_ptr_equal(sighted("lamp", "10.0.0.1"), device);
	bed_advance(3 * ROUND);
	assert_ptr_equal(registry_by_ep(bed.host.registry, "lamp"), device);
	assert_true(device->present);
	bed_advance(ROUND);
	assert_null(registry_by_ep(bed.host.registry, "lamp"));
}

#define T(name) cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(everybody_is_asked_every_ten_minutes),
		T(a_reload_takes_another_interval),
		T(an_answer_is_a_sighting),
		T(who_is_silent_for_three_rounds_is_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
