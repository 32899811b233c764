/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A reading's way in: the answer is held until the commit, and what happened to the device
 * meanwhile is looked at again.
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
#include "host/journal.h"
#include "host/outbox-host.h"
#include "host/reading.h"

static struct lan_exchange x, y;

static unsigned heard(enum turned_away why)
{
	return (unsigned)heard_sum(&bed.host.heard, why, bed.boot_usec);
}

static struct owed_stats stats(void)
{
	struct owed_stats now;

	owed_stats(bed.host.owed, &now);
	return now;
}

static void answered_only_after_the_commit(void **state)
{
	struct device *device = active_device("one", "10.0.0.1");

	report(&x, "one", "10.0.0.1", "21.5");
	assert_int_equal(x.answers, 0);
	assert_int_equal(stats().accepted, 0);
	appended_answer(0);
	assert_int_equal(x.answers, 1);
	assert_int_equal(x.code, COAP_CODE(2, 4));
	assert_int_equal(stats().accepted, 1);
	assert_int_equal(owed_device_count(bed.host.owed, device->record->row), 1);
	assert_int_equal(device->readings, 1);
	assert_int_equal(device->last_reading, bed.wall_msec);
}

static void a_full_disk_owes_nothing(void **state)
{
	active_device("one", "10.0.0.1");
	report(&x, "one", "10.0.0.1", "1");
	report(&y, "one", "10.0.0.1", "2");
	appended_answer(-ENOSPC);
	assert_int_equal(x.code, COAP_CODE(5, 3));
	assert_int_equal(y.code, COAP_CODE(5, 3));
	assert_true(x.max_age > 0);
	assert_int_equal(stats().readings, 0);
	assert_int_equal(stats().bytes, 0);
	assert_int_equal(stats().refused, 2);
	assert_true(host_alarm_is_active(&bed.host, ALARM_OUTBOX_FULL, ""));
	assert_int_equal(heard(AWAY_STORE_FULL), 2);
}

/* The disk is what is full, the outbox is not: the alarm stays until the disk takes a reading. */
static void a_full_disk_is_an_alarm_that_stays(void **state)
{
	unsigned i;

	active_device("one", "10.0.0.1");
	for (i = 0; i < 3; i++) {
		report(&x, "one", "10.0.0.1", "1");
		appended_answer(-ENOSPC);
		bed_advance(30 * USEC_PER_SEC);
		assert_true(host_alarm_is_active(&bed.host, ALARM_OUTBOX_FULL, ""));
	}
	/* A minute counts from the newest one that found no room. */
	report(&x, "one", "10.0.0.1", "1");
	appended_answer(0);
	assert_true(host_alarm_is_active(&bed.host, ALARM_OUTBOX_FULL, ""));
	bed_advance(31 * USEC_PER_SEC);
	report(&x, "one", "10.0.0.1", "1");
	appended_answer(0);
	assert_false(host_alarm_is_active(&bed.host, ALARM_OUTBOX_FULL, ""));
	store_answer_all(0);
	assert_int_equal(disk_alarm_count(ALARM_OUTBOX_FULL, true), 1);
}

static void revoked_while_the_disk_was_busy(void **state)
{
	struct device *device = active_device("one", "10.0.0.1");
	struct act act = act_on(ACT_REVOKE, device->record->id);

	link_up();
	report(&x, "one", "10.0.0.1", "1");
	acted(&act);
	appended_answer(0);
	assert_int_equal(x.answers, 1);
	assert_int_equal(x.code, COAP_CODE(4, 3));
	assert_int_equal(stats().readings, 0);
	/* The row came to disk after the device's rows were deleted: it goes by itself. */
	assert_true(row_was_deleted(1));
	bed_run_loop();
	assert_int_equal(published("/telemetry", 0), 0);
}

/* It was told to come again: what the disk has by then would be there twice. */
static void put_off_while_the_disk_was_busy(void **state)
{
	active_device("one", "10.0.0.1");
	link_up();
	report(&x, "one", "10.0.0.1", "1");
	assert_true(x.expires);
	report(&y, "one", "10.0.0.1", "2");
	x.expired = true;
	appended_answer(0);
	assert_int_equal(y.code, COAP_CODE(2, 4));
	assert_int_equal(x.answers, 1); /* consumed; it goes nowhere */
	assert_int_not_equal(x.code, COAP_CODE(2, 4));
	assert_true(row_was_deleted(1));
	assert_false(row_was_deleted(2));
	assert_int_equal(stats().readings, 1);
	bed_run_loop();
	assert_int_equal(published("/telemetry", 0), 1);
	/* Nothing was promised, so nothing is lost. */
	assert_int_equal(bed.host.metrics.lost[LOST_UNSTORED], 0);
}

static void suspended_while_the_disk_was_busy(void **state)
{
	struct device *device = active_device("one", "10.0.0.1");
	struct act act = act_on(ACT_SUSPEND, device->record->id);

	report(&x, "one", "10.0.0.1", "1");
	acted(&act);
	appended_answer(0);
	assert_int_equal(x.code, COAP_CODE(4, 3));
	assert_true(row_was_deleted(1));
	assert_int_equal(stats().readings, 0);
}

static void forgotten_while_the_disk_was_busy(void **state)
{
	struct device *device = active_device("one", "10.0.0.1");
	struct act act = act_on(ACT_REVOKE, device->record->id);

	report(&x, "one", "10.0.0.1", "1");
	acted(&act);
	act.kind = ACT_FORGET;
	assert_int_equal(acted(&act).result, ACT_DONE);
	assert_null(registry_by_ep(bed.host.registry, "one"));
	appended_answer(0);
	assert_int_equal(x.code, COAP_CODE(4, 3));
	assert_true(row_was_deleted(1));
	assert_int_equal(stats().readings, 0);
}

static void who_may_not_report(void **state)
{
	report(&x, "nobody", "10.0.0.1", "1");
	assert_int_equal(x.code, COAP_CODE(4, 3));
	pending_device("one", "10.0.0.1", "{}");
	report(&x, "one", "10.0.0.1", "1");
	assert_int_equal(x.code, COAP_CODE(4, 3));
	assert_int_equal(heard(AWAY_NOT_APPROVED), 2);
	assert_int_equal(appended_waiting(), 0);
}

static void another_address_does_not_speak_for_it(void **state)
{
	struct device *device = active_device("one", "10.0.0.1");

	report(&x, "one", "10.0.0.2", "1");
	assert_int_equal(x.code, COAP_CODE(4, 3));
	assert_true(host_alarm_is_active(&bed.host, ALARM_NAME_CONFLICT, device->record->id));
	device->record->trust = TRUST_PSK;
	report(&x, "one", "10.0.0.1", "1");
	assert_int_equal(x.code, COAP_CODE(4, 3));
	assert_int_equal(appended_waiting(), 0);
}

static void without_a_name_the_only_one_at_the_address(void **state)
{
	struct device *one = active_device("one", "10.0.0.1");

	report(&x, "", "10.0.0.1", "1");
	appended_answer(0);
	assert_int_equal(x.code, COAP_CODE(2, 4));
	assert_int_equal(owed_device_count(bed.host.owed, one->record->row), 1);
	active_device("two", "10.0.0.1");
	report(&x, "", "10.0.0.1", "1");
	assert_int_equal(x.code, COAP_CODE(4, 3));
}

static void over_its_rate(void **state)
{
	unsigned i, burst = (unsigned)bed.config.device_burst;

	active_device("one", "10.0.0.1");
	for (i = 0; i < burst; i++) {
		report(&x, "one", "10.0.0.1", "1");
		appended_answer(0);
		assert_int_equal(x.code, COAP_CODE(2, 4));
	}
	report(&x, "one", "10.0.0.1", "1");
	assert_int_equal(x.code, COAP_CODE(4, 29));
	assert_int_equal(x.max_age, 1);
	assert_int_equal(heard(AWAY_OVER_RATE), 1);
	bed_advance(USEC_PER_SEC);
	report(&x, "one", "10.0.0.1", "1");
	assert_int_equal(x.answers, 0);
}

static void what_is_wrong_with_a_body(void **state)
{
	static const struct {
		int format;
		const char *body;
		uint8_t code;
	} rows[] = {
		{FORMAT_SENML_JSON, "[{", COAP_CODE(4, 0)},
		{FORMAT_SENML_JSON, "{}", COAP_CODE(4, 22)},
		{40, "x", COAP_CODE(4, 15)},
		{FORMAT_NONE, "x", COAP_CODE(4, 15)},
	};
	char large[READING_OPAQUE_MAX + 1];
	const struct lan_peer peer = {.address = address_of("10.0.0.1")};
	struct lan_request request = {.resource = LAN_TELEMETRY,
		.method = LAN_POST,
		.ep = "one",
		.peer = &peer,
		.accept = -1,
		.exchange = &x};
	unsigned i;

	active_device("one", "10.0.0.1");
	x = (struct lan_exchange){.peer = peer};
	for (i = 0; i < ELEMENTS(rows); i++) {
		request.content_format = rows[i].format;
		request.payload = span_from_string(rows[i].body);
		reading_on_request(&bed.host, &request);
		assert_int_equal(x.code, rows[i].code);
		assert_int_equal(x.answers, i + 1);
	}
	memset(large, 0, sizeof(large));
	request.content_format = FORMAT_OPAQUE;
	request.payload = span_of(large, sizeof(large));
	reading_on_request(&bed.host, &request);
	assert_int_equal(x.code, COAP_CODE(4, 13));
	request.method = LAN_GET;
	reading_on_request(&bed.host, &request);
	assert_int_equal(x.code, COAP_CODE(4, 5));
	assert_int_equal(appended_waiting(), 0);
}

static void the_outbox_has_an_end(void **state)
{
	const struct owed_limits limits = {
		.outbox_bytes = 100, .window_readings = 10, .in_flight = 10};
	unsigned i;

	active_device("one", "10.0.0.1");
	bed.config.outbox_max_bytes = 100;
	owed_set_limits(bed.host.owed, &limits);
	for (i = 0; i < 5; i++) {
		report(&x, "one", "10.0.0.1", "1");
		if (appended_waiting())
			appended_answer(0);
	}
	store_answer_all(0);
	assert_int_equal(x.code, COAP_CODE(5, 3));
	assert_true(stats().bytes <= 100);
	assert_int_equal(disk_alarm_count(ALARM_OUTBOX_FULL, false), 1);
	assert_true(bed.host.limits.reached[LIMIT_OUTBOX_BYTES] > 0);
}

/* A disk that does not keep up: what is on its way to it has an end. */
static void the_way_to_the_disk_has_an_end(void **state)
{
	static struct lan_exchange many[2000];
	unsigned i;

	active_device("one", "10.0.0.1");
	bed.config.device_burst = 10000;
	for (i = 0; i < 2000; i++)
		report(&many[i], "one", "10.0.0.1", "1");
	assert_int_equal(appended_waiting(), 2000);
	assert_int_equal(bed.host.limits.reached[LIMIT_WINDOW_READINGS], 0);
	report(&x, "one", "10.0.0.1", "1");
	assert_int_equal(x.code, COAP_CODE(5, 3));
	assert_int_equal(appended_waiting(), 2000);
	assert_int_equal(bed.host.limits.reached[LIMIT_WINDOW_READINGS], 1);
	appended_answer(-ENOSPC);
	assert_int_equal(many[0].code, COAP_CODE(5, 3));
}

static void records_are_limited(void **state)
{
	struct device *device = active_device("one", "10.0.0.1");
	char pack[129 * 16 + 2] = "[", *at = pack + 1;

	for (unsigned i = 0; i < READING_RECORDS_MAX + 1; i++)
		at += sprintf(at, "%s{\"n\":\"t\",\"v\":1}", i ? "," : "");
	strcpy(at, "]");
	reading_on_polled(&bed.host, device,
		&(const struct polled){
			.format = FORMAT_SENML_JSON, .body = span_from_string(pack)});
	assert_int_equal(appended_waiting(), 0);
	assert_int_equal(heard(AWAY_OVER_LIMIT), 1);
	assert_int_equal(bed.host.limits.reached[LIMIT_RECORDS], 1);
}

/* One device has its share: the alarm names it, the others are taken, and it ends with its
 * readings. */
static void one_device_does_not_fill_it(void **state)
{
	struct device *device = active_device("one", "10.0.0.1");
	struct owed_limits limits;
	unsigned i;

	active_device("two", "10.0.0.2");
	bed.config.device_burst = 1000;
	bed.config.outbox_max_bytes = 1000;
	limits = outbox_limits(&bed.host);
	assert_int_equal(limits.device_share, 4);
	owed_set_limits(bed.host.owed, &limits);
	for (i = 0; i < 60; i++) {
		report(&x, "one", "10.0.0.1", "1");
		if (appended_waiting())
			appended_answer(0);
	}
	assert_int_equal(x.code, COAP_CODE(5, 3));
	assert_true(bed.host.limits.reached[LIMIT_OUTBOX_SHARE] > 0);
	assert_int_equal(bed.host.limits.reached[LIMIT_OUTBOX_BYTES], 0);
	assert_true(host_alarm_is_active(&bed.host, ALARM_OUTBOX_SHARE, device->record->id));
	report(&y, "two", "10.0.0.2", "1");
	appended_answer(0);
	assert_int_equal(y.code, COAP_CODE(2, 4));
	/* The gateway starts again: it is known still, and goes when it is over. */
	device_host(device)->over_share = false;
	outbox_start(&bed.host);
	assert_true(host_alarm_is_active(&bed.host, ALARM_OUTBOX_SHARE, device->record->id));
	link_up();
	for (i = 0; i < fake_publication_count; i++) {
		uplink_deliver(i);
		bed_run_loop();
	}
	assert_int_equal(owed_device_count(bed.host.owed, device->record->row), 0);
	assert_false(host_alarm_is_active(&bed.host, ALARM_OUTBOX_SHARE, device->record->id));
	assert_false(host_alarm_is_active(&bed.host, ALARM_OUTBOX_FULL, ""));
}

/* The 2.04 goes out at once; what the disk then has no room for is told, and from then on answers
 * wait again. */
static void acknowledged_from_memory(void **state)
{
	struct device *device = active_device("one", "10.0.0.1");
	struct act act = act_on(ACT_SUSPEND, device->record->id);

	bed.config.outbox_durability = DURABILITY_MEMORY;
	report(&x, "one", "10.0.0.1", "1");
	assert_int_equal(x.answers, 1);
	assert_int_equal(x.code, COAP_CODE(2, 4));
	assert_int_equal(stats().accepted, 0);
	appended_answer(0);
	assert_int_equal(x.answers, 1);
	assert_int_equal(stats().accepted, 1);
	assert_int_equal(bed.host.gap_count, 0);

	report(&x, "one", "10.0.0.1", "2");
	assert_int_equal(x.answers, 1);
	appended_answer(-ENOSPC);
	assert_int_equal(x.answers, 1);
	assert_int_equal(bed.host.metrics.lost[LOST_UNSTORED], 1);
	assert_int_equal(bed.host.gap_count, 1);
	assert_true(host_alarm_is_active(&bed.host, ALARM_OUTBOX_FULL, ""));

	report(&x, "one", "10.0.0.1", "3");
	assert_int_equal(x.answers, 0);
	appended_answer(-ENOSPC);
	assert_int_equal(x.answers, 1);
	assert_int_equal(x.code, COAP_CODE(5, 3));
	assert_int_equal(bed.host.metrics.lost[LOST_UNSTORED], 1);

	host_alarm_clear(&bed.host, ALARM_OUTBOX_FULL, "");
	report(&x, "one", "10.0.0.1", "4");
	assert_int_equal(x.answers, 1);
	acted(&act);
	appended_answer(0);
	assert_int_equal(x.answers, 1);
	assert_int_equal(bed.host.metrics.lost[LOST_REVOKED], 1);
}

/* A disk that cannot keep up slows senders down by answers that wait, and sends nobody away. */
static void promises_wait_for_a_slow_disk(void **state)
{
	active_device("one", "10.0.0.1");
	bed.config.outbox_durability = DURABILITY_MEMORY;
	bed.config.device_burst = 10000;
	for (unsigned i = 0; i < 1000; i++) {
		report(&x, "one", "10.0.0.1", "1");
		assert_int_equal(x.answers, 1);
		assert_int_equal(x.code, COAP_CODE(2, 4));
	}
	report(&y, "one", "10.0.0.1", "2");
	assert_int_equal(y.answers, 0);
	appended_answer(0);
	assert_int_equal(y.answers, 1);
	assert_int_equal(y.code, COAP_CODE(2, 4));
	assert_int_equal(stats().accepted, 1001);
	report(&x, "one", "10.0.0.1", "3");
	assert_int_equal(x.answers, 1);
}

/* It stands as long as it is so, and says what is so. */
static void less_than_durable_is_an_alarm(void **state)
{
	bed.config.outbox_durability = DURABILITY_MEMORY;
	outbox_start(&bed.host);
	assert_true(host_alarm_is_active(&bed.host, ALARM_NOT_DURABLE, "memory"));
	bed.config.outbox_durability = DURABILITY_PROCESS;
	outbox_start(&bed.host);
	assert_true(host_alarm_is_active(&bed.host, ALARM_NOT_DURABLE, "process"));
	assert_false(host_alarm_is_active(&bed.host, ALARM_NOT_DURABLE, "memory"));
	bed.config.outbox_durability = DURABILITY_POWER;
	outbox_start(&bed.host);
	assert_false(host_alarm_is_active(&bed.host, ALARM_NOT_DURABLE, "process"));
}

static void a_slow_disk_pushes_back(void **state)
{
	unsigned i, burst = (unsigned)bed.config.device_burst;

	active_device("one", "10.0.0.1");
	bed.config.device_burst = burst;
	for (i = 0; i < burst; i++)
		report(&x, "one", "10.0.0.1", "1");
	assert_int_equal(appended_waiting(), burst);
	appended_answer(0);
	assert_int_equal(stats().accepted, burst);
}

/* Read from a device, not sent by it. */
static void polled(void **state)
{
	struct device *device = active_device("one", "10.0.0.1");

	reading_on_polled(&bed.host, device,
		&(const struct polled){.format = FORMAT_SENML_JSON,
			.body = SPAN_LITERAL("[{\"n\":\"t\",\"v\":1}]")});
	assert_int_equal(appended_waiting(), 1);
	appended_answer(0);
	assert_int_equal(owed_device_count(bed.host.owed, device->record->row), 1);
	reading_on_polled(
		&bed.host, device, &(const struct polled){.format = -1, .body = SPAN_LITERAL("x")});
	assert_int_equal(appended_waiting(), 0);
	assert_int_equal(heard(AWAY_FORMAT), 1);
}

/* A device that notifies without end is held to its rate like one that sends. */
static void polled_within_its_rate(void **state)
{
	struct device *device = active_device("one", "10.0.0.1");
	const struct polled value = {
		.format = FORMAT_TEXT, .name = "t", .unit = "Cel", .body = SPAN_LITERAL("20")};
	unsigned i;

	bed.config.device_rate = 1;
	bed.config.device_burst = 5;
	for (i = 0; i < 20; i++)
		reading_on_polled(&bed.host, device, &value);
	assert_int_equal(appended_waiting(), 5);
	assert_int_equal(heard(AWAY_OVER_RATE), 15);
	assert_int_equal(bed.host.limits.reached[LIMIT_RATE], 15);
	appended_answer(0);
}

static void a_fetch_that_failed_is_asked_again(void **state)
{
	struct device *device = active_device("one", "10.0.0.1");
	uint64_t row = device->record->row;
	struct reading *reading;

	fake_rows.fetch_by_hand = true;
	owed_set_open(bed.host.owed, row, false);
	assert_int_equal(owed_load(bed.host.owed, row, 2, 20, 5, 6), 0);
	reading_set_open(&bed.host, device);
	link_up();
	assert_int_equal(fake_rows.fetch_count, 1);
	reading_on_fetched(&bed.host, &fake_rows.fetch[0], NULL, 0, -ENOMEM);
	/* Not read is not lost. */
	assert_int_equal(owed_device_count(bed.host.owed, row), 2);
	bed_run_loop();
	assert_int_equal(fake_rows.fetch_count, 1);
	bed_advance(2 * USEC_PER_SEC);
	bed_run_loop();
	assert_int_equal(fake_rows.fetch_count, 2);
	reading = reading_new(10);
	reading->row = 5;
	reading->device_row = row;
	reading->format = FORMAT_OPAQUE;
	memset(reading->body, 0, 10);
	reading_on_fetched(&bed.host, &fake_rows.fetch[1], &reading, 1, 0);
	bed_run_loop();
	assert_string_equal(published_newest("/telemetry")->id, "plant.7.5");
	/* The file had one less than was thought: that is over. */
	assert_int_equal(owed_device_count(bed.host.owed, row), 1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(answered_only_after_the_commit),
		T(a_full_disk_owes_nothing),
		T(a_full_disk_is_an_alarm_that_stays),
		T(revoked_while_the_disk_was_busy),
		T(put_off_while_the_disk_was_busy),
		T(suspended_while_the_disk_was_busy),
		T(forgotten_while_the_disk_was_busy),
		T(who_may_not_report),
		T(another_address_does_not_speak_for_it),
		T(without_a_name_the_only_one_at_the_address),
		T(over_its_rate),
		T(what_is_wrong_with_a_body),
		T(the_outbox_has_an_end),
		T(the_way_to_the_disk_has_an_end),
		T(records_are_limited),
		T(one_device_does_not_fill_it),
		T(acknowledged_from_memory),
		T(promises_wait_for_a_slow_disk),
		T(less_than_durable_is_an_alarm),
		T(a_slow_disk_pushes_back),
		T(polled),
		T(polled_within_its_rate),
		T(a_fetch_that_failed_is_asked_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
