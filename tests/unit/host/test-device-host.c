/* SPDX-License-Identifier: Apache-2.0 */

/* Devices that are servers: seen, read, told, blinking, gone. */

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
#include "host/journal.h"
#include "host/telemetry.h"

static const char links[] = "</info>;rt=\"gatehouse.info\","
			    "</blink>;rt=\"gatehouse.identify\",</status>;rt=\"gatehouse.status\","
			    "</t>;if=\"core.s\";ct=110";

static struct device *appeared(const char *ep, const char *ip)
{
	struct discovery_sighting sighting = {.address = address_of(ip), .found_by = FOUND_MDNS};

	snprintf(sighting.ep, sizeof(sighting.ep), "%s", ep);
	device_host_on_appeared(&bed.host, &sighting);
	return registry_by_ep(bed.host.registry, ep);
}

static void vanished(const char *ep, const char *ip)
{
	struct discovery_sighting sighting = {.address = address_of(ip), .found_by = FOUND_MDNS};

	snprintf(sighting.ep, sizeof(sighting.ep), "%s", ep);
	device_host_on_vanished(&bed.host, &sighting);
}

static void answer_probe(const char *info)
{
	sent_answer(sent_to("/.well-known/core"), 0, COAP_CODE(2, 5), FORMAT_LINK, links);
	sent_answer(sent_to("/info"), 0, COAP_CODE(2, 5), FORMAT_JSON, info);
}

static struct device *approved(const char *ep, const char *ip)
{
	struct device *device;
	struct act act;

	open_window();
	device = appeared(ep, ip);
	answer_probe("{}");
	store_answer_all(0);
	act = act_on(ACT_APPROVE, device->record->id);
	assert_int_equal(acted(&act).result, ACT_DONE);
	return device;
}

static void vanished_before_anybody_decided(void **state)
{
	struct device *device;

	appeared("one", "10.0.0.1");
	vanished("one", "10.0.0.9");
	assert_int_equal(registry_count(bed.host.registry), 1);
	vanished("one", "10.0.0.1");
	assert_int_equal(registry_count(bed.host.registry), 0);
	vanished("one", "10.0.0.1");
	device = pending_device("two", "10.0.0.2", "{}");
	appeared("two", "10.0.0.2");
	vanished("two", "10.0.0.2");
	assert_ptr_equal(registry_by_ep(bed.host.registry, "two"), device);
	assert_false(device->present);
}

static void vanished_while_it_is_being_saved(void **state)
{
	struct device *device;

	open_window();
	device = appeared("one", "10.0.0.1");
	answer_probe("{}");
	assert_int_equal(store_waiting(), 1);
	vanished("one", "10.0.0.1");
	assert_ptr_equal(registry_by_ep(bed.host.registry, "one"), device);
	store_answer_all(0);
	assert_int_equal(device->record->life.admission, ADMISSION_PENDING);
}

static void sightings_are_limited_like_names(void **state)
{
	char ep[16], ip[16];
	unsigned i;

	for (i = 0; i < 20; i++) {
		snprintf(ep, sizeof(ep), "n%u", i);
		snprintf(ip, sizeof(ip), "10.0.1.%u", i + 1);
		appeared(ep, ip);
	}
	assert_int_equal(registry_count(bed.host.registry), bed.config.new_per_minute);
}

static void what_came_too_early_is_told_again(void **state)
{
	struct discovery_sighting sighting = {
		.ep = "two", .found_by = FOUND_MDNS, .address = address_of("10.0.0.2")};

	bed.host.discovery = (struct discovery *)&sighting; /* only looked at */
	bed.config.new_per_minute = 1;
	fake_repeats = 0;
	assert_non_null(appeared("one", "10.0.0.1"));
	device_host_on_appeared(&bed.host, &sighting);
	device_host_on_appeared(&bed.host, &sighting);
	assert_null(registry_by_ep(bed.host.registry, "two"));
	bed_advance(60 * USEC_PER_SEC);
	assert_int_equal(fake_repeats, 0);
	bed_advance(2 * USEC_PER_SEC);
	assert_int_equal(fake_repeats, 1);
	device_host_on_appeared(&bed.host, &sighting);
	assert_non_null(registry_by_ep(bed.host.registry, "two"));
	bed_advance(300 * USEC_PER_SEC);
	assert_int_equal(fake_repeats, 1);
	bed.host.discovery = NULL;
}

/* A port that speaks DTLS alone is listed and not asked in the clear. */
static void announced_for_dtls(void **state)
{
	struct discovery_sighting sighting = {.ep = "one",
		.found_by = FOUND_MDNS,
		.secure = true,
		.address = address_of("10.0.0.1")};
	struct device *device;

	sighting.address.port = 5684;
	device_host_on_appeared(&bed.host, &sighting);
	device = registry_by_ep(bed.host.registry, "one");
	assert_true(device->present);
	assert_int_equal(device_host(device)->secure_port, 5684);
	assert_int_equal(fake_sent_count, 0);
	sighting.address.port = 5685;
	device_host_on_appeared(&bed.host, &sighting);
	assert_int_equal(device->record->address.port, 5685);
	assert_int_equal(fake_sent_count, 0);
	/* it has a plain port as well */
	appeared("one", "10.0.0.1");
	assert_int_equal(device->record->address.port, address_of("10.0.0.1").port);
	assert_non_null(sent_to("/.well-known/core"));
	assert_int_equal(device_host(device)->secure_port, 5685);
	/* the name at another address says nothing about this one */
	sighting.address = address_of("10.0.0.9");
	device_host_on_appeared(&bed.host, &sighting);
	assert_int_equal(device_host(device)->secure_port, 5685);
	/* each of the two goes for itself */
	vanished("one", "10.0.0.1");
	assert_true(device->present);
	sighting.address = address_of("10.0.0.1");
	device_host_on_vanished(&bed.host, &sighting);
	assert_null(registry_by_ep(bed.host.registry, "one"));
}

static void who_is_bound_keeps_the_name(void **state)
{
	struct device *device = approved("one", "10.0.0.1");

	appeared("one", "10.0.0.9");
	/* Its other interface, most likely: counted, but nobody is called. */
	assert_false(host_alarm_is_active(&bed.host, ALARM_NAME_CONFLICT, device->record->id));
	assert_true(device_address_same_host(&device->record->address,
		&(struct device_address){.ip = address_of("10.0.0.1").ip, .interface = "lan0"}));
	assert_int_equal(heard_sum(&bed.host.heard, AWAY_NAME_CONFLICT, bed.boot_usec), 1);
}

/* Decided on before it could answer: mDNS does not move what is on disk. */
static void what_is_on_disk_is_not_moved(void **state)
{
	struct device_address first = address_of("10.0.0.1");
	struct device *device = appeared("one", "10.0.0.1");
	struct act act = act_on(ACT_REJECT, device->record->id);

	assert_false(device->record->address_bound);
	appeared("one", "10.0.0.2");
	assert_false(device_address_same_host(&device->record->address, &first));
	appeared("one", "10.0.0.1");
	acted(&act);
	assert_false(device->record->address_bound);
	appeared("one", "10.0.0.2");
	assert_true(device_address_same_host(&device->record->address, &first));
}

static void the_port_may_change(void **state)
{
	struct device *device = approved("one", "10.0.0.1");
	struct discovery_sighting sighting = {.ep = "one", .address = address_of("10.0.0.1")};

	sighting.address.port = 6000;
	device_host_on_appeared(&bed.host, &sighting);
	assert_int_equal(device->record->address.port, 6000);
	assert_ptr_equal(registry_by_address(bed.host.registry, &sighting.address, NULL), device);
}

static void read_on_a_timer_once_approved(void **state)
{
	struct device *device = approved("one", "10.0.0.1");
	uint64_t interval = bed.config.poll_interval * USEC_PER_SEC;

	assert_in_range(bed_timer_left("poll"), interval / 10 * 9, interval);
	bed_advance(interval);
	assert_non_null(sent_to("/t"));
	bed_advance(3 * interval);
	assert_int_equal(bed_timer_left("poll"), UINT64_MAX); /* one question at a time */
	sent_answer(
		sent_to("/t"), 0, COAP_CODE(2, 5), FORMAT_SENML_JSON, "[{\"n\":\"t\",\"v\":1}]");
	assert_int_equal(appended_waiting(), 1);
	appended_answer(0);
	assert_int_equal(owed_device_count(bed.host.owed, device->record->row), 1);
	bed_advance(interval);
	sent_answer(sent_to("/t"), -ETIMEDOUT, 0, -1, NULL);
	assert_int_equal(appended_waiting(), 0);
	assert_in_range(bed_timer_left("poll"), interval / 10 * 9, interval);
	bed_advance(interval);
	/* The answer bears no format: that of its link counts. */
	sent_answer(sent_to("/t"), 0, COAP_CODE(2, 5), -1, "[{\"n\":\"t\",\"v\":1}]");
	assert_int_equal(appended_waiting(), 1);
}

static void what_changes_meanwhile_does_not_put_it_off(void **state)
{
	struct device *device = approved("one", "10.0.0.1");
	uint64_t left = bed_timer_left("poll");
	struct act act = act_on(ACT_RENAME, device->record->id);
	unsigned i;

	for (i = 0; i < 4; i++) {
		bed_advance(left / 5);
		acted(&act);
	}
	assert_true(bed_timer_left("poll") <= left / 5 + 4);
}

static void not_read_any_more_once_revoked(void **state)
{
	struct device *device = approved("one", "10.0.0.1");
	struct act act = act_on(ACT_REVOKE, device->record->id);
	uint64_t interval = bed.config.poll_interval * USEC_PER_SEC;
	struct fake_sent *sent;

	bed_advance(interval);
	sent = sent_to("/t");
	acted(&act);
	sent_answer(sent, 0, COAP_CODE(2, 5), FORMAT_SENML_JSON, "[{\"n\":\"t\",\"v\":1}]");
	assert_int_equal(appended_waiting(), 0);
	bed_advance(10 * interval);
	assert_null(sent_to("/t"));
}

static void told_of_its_state(void **state)
{
	struct device *device = approved("one", "10.0.0.1");
	struct fake_sent *sent = sent_to("/status");
	struct act act = act_on(ACT_SUSPEND, device->record->id);

	assert_non_null(sent);
	assert_int_equal(sent->outgoing.method, LAN_PUT);
	assert_int_equal(sent->outgoing.content_format, FORMAT_CBOR);
	sent_answer(sent, 0, COAP_CODE(2, 4), -1, NULL);
	acted(&act);
	assert_non_null(sent_to("/status"));
	sent_answer(sent_to("/status"), -ETIMEDOUT, 0, -1, NULL);
}

/* What did not reach it is told again, as it is by then; not for ever. */
static void told_again_until_it_was_reached(void **state)
{
	struct device *device = approved("one", "10.0.0.1");
	struct act act = act_on(ACT_SUSPEND, device->record->id);
	unsigned i, told;

	sent_answer(sent_to("/status"), -ETIMEDOUT, 0, -1, NULL);
	acted(&act); /* it need not wait for the timer */
	assert_non_null(sent_to("/status"));
	act.kind = ACT_RESUME;
	acted(&act);
	sent_answer(sent_to("/status"), -ETIMEDOUT, 0, -1, NULL);
	for (told = 0; sent_to("/status"); told++) {
		sent_answer(sent_to("/status"), 0, COAP_CODE(5, 3), -1, NULL);
		for (i = 0; i < 10 && !sent_to("/status"); i++)
			bed_advance(60 * USEC_PER_SEC);
	}
	assert_in_range(told, 2, 12);
	act.kind = ACT_SUSPEND;
	acted(&act);
	sent_answer(sent_to("/status"), 0, COAP_CODE(4, 4), -1, NULL);
	bed_advance(600 * USEC_PER_SEC);
	assert_null(sent_to("/status"));
}

static void after_a_restart_it_is_asked_before_it_is_read(void **state)
{
	struct device *device = approved("one", "10.0.0.1");
	uint64_t interval = bed.config.poll_interval * USEC_PER_SEC;

	telemetry_detach(device_host(device)); /* nothing is known but the record */
	device_host(device)->probed = false;
	device_host(device)->driver = NULL;
	telemetry_update(&bed.host, device);
	bed_advance(5 * USEC_PER_SEC);
	assert_null(sent_to("/t"));
	answer_probe("{}");
	store_answer_all(0);
	bed_advance(interval);
	assert_non_null(sent_to("/t"));
}

static void it_blinks(void **state)
{
	struct device *device = approved("one", "10.0.0.1");
	struct act act = act_on(ACT_IDENTIFY, device->record->id);
	struct act_try try;

	act.number = 1000;
	try_act(&act, &try);
	store_answer_all(0);
	assert_int_equal(try.answers, 0);
	assert_memory_equal(sent_to("/blink")->payload, "120", 3);
	sent_answer(sent_to("/blink"), 0, COAP_CODE(2, 4), -1, NULL);
	assert_int_equal(try.outcome.result, ACT_DONE);
	try_act(&act, &try);
	store_answer_all(0);
	sent_answer(sent_to("/blink"), 0, COAP_CODE(5, 0), -1, NULL);
	assert_int_equal(try.outcome.result, ACT_UNREACHABLE);
	device_host(device)->probed = false;
	try_act(&act, &try);
	store_answer_all(0);
	assert_int_equal(try.outcome.result, ACT_UNREACHABLE);
}

static void forgotten_while_it_is_to_blink(void **state)
{
	struct device *device = approved("one", "10.0.0.1");
	struct act act = act_on(ACT_IDENTIFY, device->record->id);
	struct act_try try;
	struct fake_sent *sent;

	try_act(&act, &try);
	store_answer_all(0);
	sent = sent_to("/blink");
	act.kind = ACT_REVOKE;
	acted(&act);
	act.kind = ACT_FORGET;
	assert_int_equal(acted(&act).result, ACT_DONE);
	assert_int_equal(registry_count(bed.host.registry), 0);
	sent_answer(sent, 0, COAP_CODE(2, 4), -1, NULL);
	assert_int_equal(try.answers, 1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(vanished_before_anybody_decided),
		T(vanished_while_it_is_being_saved),
		T(sightings_are_limited_like_names),
		T(what_came_too_early_is_told_again),
		T(announced_for_dtls),
		T(who_is_bound_keeps_the_name),
		T(what_is_on_disk_is_not_moved),
		T(the_port_may_change),
		T(read_on_a_timer_once_approved),
		T(what_changes_meanwhile_does_not_put_it_off),
		T(not_read_any_more_once_revoked),
		T(told_of_its_state),
		T(told_again_until_it_was_reached),
		T(after_a_restart_it_is_asked_before_it_is_read),
		T(it_blinks),
		T(forgotten_while_it_is_to_blink),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
