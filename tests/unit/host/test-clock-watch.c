/* SPDX-License-Identifier: Apache-2.0 */

/* A clock that nobody sets becomes an alarm after a while, and the alarm ends with that. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/clock.h"
#include "fakes.h"
#include "host/clock-watch.h"
#include "host/journal.h"
#include "host/reading.h"

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

/* ---- readings ---- */

static struct lan_exchange x;

static void send_senml(const char *text)
{
	struct lan_request request = {.resource = LAN_TELEMETRY,
		.method = LAN_POST,
		.peer = &x.peer,
		.content_format = FORMAT_SENML_JSON,
		.accept = -1,
		.payload = span_from_string(text),
		.confirmable = true,
		.exchange = &x};

	x = (struct lan_exchange){.peer = {.address = address_of("10.0.0.1"), .verified = true}};
	strcpy(request.ep, "one");
	reading_on_request(&bed.host, &request);
	appended_answer(0);
	assert_int_equal(x.code, COAP_CODE(2, 4));
}

/* The kernel is asked ten times a second at most. */
static void set_clock(bool synced, int64_t msec)
{
	bed.synced = synced;
	bed.wall_msec = msec;
	bed_advance(200 * USEC_PER_MSEC);
}

static const struct fake_publication *sent(void)
{
	link_up();
	return published_newest("/telemetry");
}

#define AGO "[{\"n\":\"a\",\"v\":1,\"t\":-60}]"

static void what_came_before_the_clock_was_set_is_put_right(void **state)
{
	const struct fake_publication *one;

	active_device("one", "10.0.0.1");
	set_clock(false, INT64_C(1100000000000));
	send_senml(AGO);
	/* Ten seconds later somebody sets it: this reading came ten seconds before that. */
	bed_advance(10 * USEC_PER_SEC);
	set_clock(true, INT64_C(1700000010000) + 200);
	one = sent();
	assert_string_equal(one->clock, "synced");
	assert_non_null(strstr(one->payload, "\"t\":16999999"));
	assert_true(strncmp(one->time, "1700000000", 9) == 0);
}

static void by_each_step_of_its_own(void **state)
{
	const struct fake_publication *one;

	active_device("one", "10.0.0.1");
	set_clock(false, INT64_C(1100000000000));
	send_senml(AGO);
	set_clock(false, INT64_C(1200000000000));
	send_senml("[{\"n\":\"b\",\"v\":1,\"t\":-60}]");
	set_clock(true, INT64_C(1700000000000));
	one = sent();
	assert_int_equal(published("/telemetry", 0), 2);
	for (size_t i = 0; i < 2; i++, one--)
		assert_non_null(strstr(one->payload, "\"t\":16999999"));
}

/* Several in one message: each is put right in it. */
static void in_a_pack_as_well(void **state)
{
	const struct fake_publication *one;

	bed.config.mqtt_pack = 8;
	active_device("one", "10.0.0.1");
	set_clock(false, INT64_C(1100000000000));
	send_senml(AGO);
	send_senml("[{\"n\":\"b\",\"v\":1}]");
	set_clock(true, INT64_C(1700000000000));
	one = sent();
	assert_int_equal(published("/telemetry", 0), 1);
	assert_non_null(strstr(one->payload, "\"t\":16999999"));
	assert_null(strstr(one->payload, "unsynced"));
	assert_non_null(strstr(one->payload, "\"clock\":\"synced\""));
	uplink_deliver((size_t)(one - fake_publications));
	assert_int_equal(owed_device_count(bed.host.owed,
				 registry_by_ep(bed.host.registry, "one")->record->row),
		0);
}

static void without_a_clock_it_keeps_its_mark(void **state)
{
	const struct fake_publication *one;

	active_device("one", "10.0.0.1");
	set_clock(false, INT64_C(1100000000000));
	send_senml(AGO);
	one = sent();
	assert_string_equal(one->clock, "unsynced");
	assert_non_null(strstr(one->payload, "\"t\":10999999"));
	assert_true(strncmp(one->time, "1100000000", 9) == 0);
}

static void what_an_earlier_process_took_is_not_touched(void **state)
{
	const struct fake_publication *one;

	active_device("one", "10.0.0.1");
	set_clock(false, INT64_C(1100000000000));
	send_senml(AGO);
	bed.host.clock_epoch_count = 0;
	set_clock(true, INT64_C(1700000000000));
	one = sent();
	assert_string_equal(one->clock, "unsynced");
	assert_non_null(strstr(one->payload, "\"t\":10999999"));
}

static void so_many_steps_are_told_apart(void **state)
{
	for (unsigned i = 0; i < CLOCK_EPOCHS + 3; i++) {
		set_clock(false, INT64_C(1100000000000) + (int64_t)i * 100000000);
		clock_note_unsynced(&bed.host, i + 1);
		clock_note_unsynced(&bed.host, i + 1);
	}
	assert_int_equal(bed.host.clock_epoch_count, CLOCK_EPOCHS);
	assert_int_equal(bed.host.clock_epochs[CLOCK_EPOCHS - 1].row, CLOCK_EPOCHS + 3);
}

#define T(name) cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_lasts_is_said_and_ends),
		T(a_time_service_may_need_a_while),
		T(what_came_before_the_clock_was_set_is_put_right),
		T(by_each_step_of_its_own),
		T(in_a_pack_as_well),
		T(without_a_clock_it_keeps_its_mark),
		T(what_an_earlier_process_took_is_not_touched),
		T(so_many_steps_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
