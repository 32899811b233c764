/* SPDX-License-Identifier: Apache-2.0 */

/* Asking a device what it is, and what may go wrong with that. */

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

static const char links[] = "</info>;rt=\"gatehouse.info\","
			    "</blink>;rt=\"gatehouse.identify\",</status>;rt=\"gatehouse.status\","
			    "</t>;if=\"core.s\";ct=110";

static struct device *appeared(const char *ep, const char *ip)
{
	struct discovery_sighting sighting = {.address = address_of(ip)};

	snprintf(sighting.ep, sizeof(sighting.ep), "%s", ep);
	device_host_on_appeared(&bed.host, &sighting);
	return registry_by_ep(bed.host.registry, ep);
}

static void vanished(const char *ep, const char *ip)
{
	struct discovery_sighting sighting = {.address = address_of(ip)};

	snprintf(sighting.ep, sizeof(sighting.ep), "%s", ep);
	device_host_on_vanished(&bed.host, &sighting);
}

static void answer_probe(const char *info)
{
	sent_answer(sent_to("/.well-known/core"), 0, COAP_CODE(2, 5), FORMAT_LINK, links);
	sent_answer(sent_to("/info"), 0, COAP_CODE(2, 5), FORMAT_JSON, info);
}

static void asked_and_listed(void **state)
{
	struct device *device = appeared("one", "10.0.0.1");

	assert_true(device->present);
	assert_int_equal(fake_sent_count, 1);
	assert_string_equal(fake_sent[0].path, "/.well-known/core");
	assert_true(device_address_same_host(&fake_sent[0].outgoing.to, &device->record->address));
	assert_false(device->record->address_bound);
	answer_probe("{\"model\":\"M\",\"attributes\":{\"a\":\"b\"}}");
	assert_string_equal(device->record->info.model, "M");
	assert_string_equal(device->record->info.attributes, "{\"a\":\"b\"}");
	assert_string_equal(device->record->poll_path, "/t");
	assert_int_equal(device->record->poll_format, 110);
	assert_true(device->record->address_bound);
	/* Without a window nobody is asked to decide, and nothing is written. */
	assert_int_equal(device->record->life.admission, ADMISSION_SIGHTED);
	assert_int_equal(store_waiting(), 0);
}

static void pending_while_the_window_is_open(void **state)
{
	struct device *device;

	open_window();
	device = appeared("one", "10.0.0.1");
	answer_probe("{\"attributes\":{\"a\":\"b\"}}");
	store_answer_all(0);
	assert_int_equal(device->record->life.admission, ADMISSION_PENDING);
	assert_string_equal(disk_device(device->record->id)->info.attributes, "{\"a\":\"b\"}");
}

/* The answer is here before the decision is on disk, but has its turn after it. */
static void what_was_decided_on_does_not_change(void **state)
{
	struct device *device;
	struct act act;
	struct act_try try;

	open_window();
	device = appeared("one", "10.0.0.1");
	answer_probe("{\"model\":\"A\",\"attributes\":{\"a\":\"b\"}}");
	store_answer_all(0);
	device_host(device)->probed = false;
	device_host_probe(&bed.host, device);
	act = act_on(ACT_REJECT, device->record->id);
	try_act(&act, &try);
	answer_probe("{\"model\":\"B\",\"attributes\":{\"c\":\"d\"}}");
	store_answer_all(0);
	assert_int_equal(device->record->life.admission, ADMISSION_REJECTED);
	assert_true(device_host(device)->probed);
	assert_string_equal(device->record->info.model, "A");
	assert_string_equal(disk_device(device->record->id)->info.attributes, "{\"a\":\"b\"}");
}

static void who_comes_by_itself_is_not_asked(void **state)
{
	struct device *device = pending_device("one", "10.0.0.1", "{}");

	assert_ptr_equal(appeared("one", "10.0.0.1"), device);
	assert_true(device->present);
	device_host_probe(&bed.host, device);
	assert_int_equal(fake_sent_count, 0);
	assert_int_equal(bed_timer_left("poll"), UINT64_MAX);
}

static void who_was_sighted_and_enrols_is_not_asked_any_more(void **state)
{
	struct lan_exchange exchange;
	struct device *device = appeared("one", "10.0.0.1");

	answer_probe("{}");
	open_window();
	store_answer_all(0);
	enrol(&exchange, "one", "10.0.0.1", "{\"model\":\"M\"}");
	store_answer_all(0);
	assert_int_equal(exchange.code, COAP_CODE(2, 4));
	/* Pending already by the window, so what it said then stands. */
	assert_int_equal(device->record->life.admission, ADMISSION_PENDING);
}

static void who_is_blocked_is_left_alone(void **state)
{
	struct device *device = appeared("one", "10.0.0.1");
	struct act act = act_on(ACT_BLOCK, device->record->id);
	size_t before;

	sent_answer(sent_to("/.well-known/core"), -ETIMEDOUT, 0, -1, NULL);
	acted(&act);
	before = fake_sent_count;
	appeared("one", "10.0.0.1");
	bed_advance(3600 * USEC_PER_SEC);
	assert_int_equal(fake_sent_count, before);
}

static void tried_again_a_few_times(void **state)
{
	unsigned i;

	appeared("one", "10.0.0.1");
	for (i = 0; i < 20 && sent_to("/.well-known/core"); i++) {
		sent_answer(sent_to("/.well-known/core"), -ETIMEDOUT, 0, -1, NULL);
		bed_advance(200 * USEC_PER_SEC);
	}
	assert_int_equal(fake_sent_count, 5);
	/* Announced anew: asked anew. */
	appeared("one", "10.0.0.1");
	assert_int_equal(fake_sent_count, 6);
	appeared("one", "10.0.0.1");
	assert_int_equal(fake_sent_count, 6);
}

static void answers_that_are_of_no_use(void **state)
{
	static const struct {
		uint8_t code;
		const char *links;
	} rows[] = {
		{COAP_CODE(4, 4), NULL},
		{COAP_CODE(2, 5), "not a link"},
		{COAP_CODE(2, 5), ""},
	};
	struct device *device = appeared("one", "10.0.0.1");
	unsigned i;

	for (i = 0; i < ELEMENTS(rows); i++) {
		sent_answer(
			sent_to("/.well-known/core"), 0, rows[i].code, FORMAT_LINK, rows[i].links);
		assert_false(device_host(device)->probed);
		assert_false(device_host(device)->probing);
		bed_advance(100 * USEC_PER_SEC);
	}
	sent_answer(sent_to("/.well-known/core"), 0, COAP_CODE(2, 5), FORMAT_LINK, links);
	sent_answer(sent_to("/info"), 0, COAP_CODE(2, 5), FORMAT_JSON, "{\"pt\":\"secret\"}");
	assert_false(device_host(device)->probed);
	assert_true(host_alarm_is_active(&bed.host, ALARM_TOKEN_IN_CLEAR, device->record->id));
	assert_string_equal(device->record->info.model, "");
}

/* What was found out takes as much memory as all the rest of a device, so only who was asked has
 * it. */
static void links_are_kept_of_who_was_asked(void **state)
{
	struct device *device = appeared("one", "10.0.0.1");

	assert_null(device_host(device)->links);
	sent_answer(sent_to("/.well-known/core"), 0, COAP_CODE(2, 5), FORMAT_LINK, links);
	assert_non_null(device_host(device)->links);
	assert_non_null(device_host(device)->driver);
	device_host_renew(device_host(device));
	assert_null(device_host(device)->links);
	assert_null(device_host(device)->driver);
}

/* The former driver has no say in what a device is that says something else now. */
static void a_list_that_nobody_knows_ends_what_was_known(void **state)
{
	struct device *device = appeared("one", "10.0.0.1");

	sent_answer(sent_to("/.well-known/core"), 0, COAP_CODE(2, 5), FORMAT_LINK, links);
	sent_answer(sent_to("/info"), -ETIMEDOUT, 0, -1, NULL);
	assert_non_null(device_host(device)->driver);
	bed_advance(100 * USEC_PER_SEC);
	sent_answer(sent_to("/.well-known/core"), 0, COAP_CODE(2, 5), FORMAT_LINK, "");
	assert_null(device_host(device)->driver);
	assert_false(device_host(device)->probing);
}

static void a_reply_after_the_device_is_gone(void **state)
{
	appeared("one", "10.0.0.1");
	vanished("one", "10.0.0.1");
	assert_int_equal(registry_count(bed.host.registry), 0);
	sent_answer(sent_to("/.well-known/core"), 0, COAP_CODE(2, 5), FORMAT_LINK, links);
	assert_int_equal(fake_sent_count, 1);
}

/* What one address answered says nothing of another that was announced meanwhile. */
static void announced_elsewhere_while_it_is_asked(void **state)
{
	struct device *device = appeared("one", "10.0.0.1");

	sent_answer(sent_to("/.well-known/core"), 0, COAP_CODE(2, 5), FORMAT_LINK, links);
	appeared("one", "10.0.0.9");
	sent_answer(sent_to("/info"), 0, COAP_CODE(2, 5), FORMAT_JSON, "{\"model\":\"M\"}");
	assert_false(device->record->address_bound);
	assert_string_equal(device->record->info.model, "");
	/* It is asked where it is announced now. */
	assert_int_equal(fake_sent_count, 3);
	assert_true(device_address_same_host(
		&fake_sent[2].outgoing.to, &(struct device_address){
						   .ip = address_of("10.0.0.9").ip,
						   .interface = "lan0",
					   }));
}

static void the_network_has_no_room_for_it(void **state)
{
	struct device *device;

	fake_send_result = -EBUSY;
	device = appeared("one", "10.0.0.1");
	assert_false(device_host(device)->probing);
	fake_send_result = 0;
	bed_advance(11 * USEC_PER_SEC);
	assert_int_equal(fake_sent_count, 1);
}

static void an_edit_that_waits_is_whole(void **state)
{
	struct device *device;
	struct act act;

	open_window();
	device = appeared("one", "10.0.0.1");
	act = act_on(ACT_RENAME, device->record->id);
	try_act(&act, &(struct act_try){0});
	assert_int_equal(store_waiting(), 1);
	answer_probe("{\"attributes\":{\"key\":\"value\"}}");
	assert_null(device->record->info.attributes);
	store_answer_all(0);
	assert_string_equal(
		disk_device(device->record->id)->info.attributes, "{\"key\":\"value\"}");
	assert_int_equal(device->record->life.admission, ADMISSION_PENDING);
}

static void a_decided_device_keeps_what_was_decided_on(void **state)
{
	struct device *device;
	struct act act;

	open_window();
	device = appeared("one", "10.0.0.1");
	answer_probe("{\"model\":\"M\"}");
	store_answer_all(0);
	act = act_on(ACT_APPROVE, device->record->id);
	acted(&act);
	device_host(device)->probed = false; /* as after a restart */
	device_host_probe(&bed.host, device);
	answer_probe("{\"model\":\"other\"}");
	store_answer_all(0);
	assert_string_equal(device->record->info.model, "M");
	assert_true(device_host(device)->probed);
}

#define T(name) cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(asked_and_listed),
		T(pending_while_the_window_is_open),
		T(what_was_decided_on_does_not_change),
		T(who_comes_by_itself_is_not_asked),
		T(who_was_sighted_and_enrols_is_not_asked_any_more),
		T(who_is_blocked_is_left_alone),
		T(tried_again_a_few_times),
		T(answers_that_are_of_no_use),
		T(links_are_kept_of_who_was_asked),
		T(a_list_that_nobody_knows_ends_what_was_known),
		T(a_reply_after_the_device_is_gone),
		T(announced_elsewhere_while_it_is_asked),
		T(the_network_has_no_room_for_it),
		T(an_edit_that_waits_is_whole),
		T(a_decided_device_keeps_what_was_decided_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
