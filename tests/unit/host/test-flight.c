/* SPDX-License-Identifier: Apache-2.0 */

/* A reading's way out: in order, one identity for ever, nothing lost and nothing stuck. */

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
#include "host/reading.h"
#include "host/upstream.h"

static struct lan_exchange x;

static void reported(const char *ep, const char *ip, unsigned count)
{
	char number[16];
	unsigned i;

	for (i = 0; i < count; i++) {
		snprintf(number, sizeof(number), "%u", i);
		report(&x, ep, ip, number);
		appended_answer(0);
		assert_int_equal(x.code, COAP_CODE(2, 4));
	}
	bed_run_loop();
}

static struct owed_stats stats(void)
{
	struct owed_stats now;

	owed_stats(bed.host.owed, &now);
	return now;
}

/* Where the n-th publication of a reading stands (from 0), counted from 'from'. */
static size_t nth(size_t from, unsigned n)
{
	size_t i;

	for (i = from; i < fake_publication_count; i++)
		if (fake_publications[i].tag && n-- == 0)
			return i;
	fail_msg("there are not so many");
	return 0;
}

static void acked_and_deleted_in_a_batch(void **state)
{
	struct device *device = active_device("one", "10.0.0.1");
	char topic[128];
	unsigned i;

	link_up();
	reported("one", "10.0.0.1", 5);
	assert_int_equal(published("/telemetry", 0), 5);
	snprintf(topic, sizeof(topic), "gatehouse/plant/%s/telemetry", device->record->id);
	for (i = 0; i < 5; i++) {
		assert_string_equal(fake_publications[nth(0, i)].topic, topic);
		uplink_deliver(nth(0, i));
	}
	assert_int_equal(fake_rows.delete_calls, 0);
	bed_advance(60 * USEC_PER_MSEC);
	assert_int_equal(fake_rows.delete_calls, 1);
	assert_int_equal(fake_rows.deleted[0].first, 1);
	assert_int_equal(fake_rows.deleted[0].last, 5);
	assert_int_equal(stats().readings, 0);
	assert_int_equal(stats().delivered, 5);
	assert_int_equal(bed.host.flights_in_use, 0);
	/* A second answer for the same one is nobody's. */
	uplink_deliver(nth(0, 0));
	assert_int_equal(stats().delivered, 5);
}

static void readings_wait_for_the_link(void **state)
{
	active_device("one", "10.0.0.1");
	reported("one", "10.0.0.1", 3);
	assert_int_equal(fake_publication_count, 0);
	link_up();
	assert_int_equal(published("/telemetry", 0), 3);
}

static void after_a_lost_link_the_same_again_in_order(void **state)
{
	char first[3][80];
	size_t from;
	unsigned i;

	active_device("one", "10.0.0.1");
	link_up();
	reported("one", "10.0.0.1", 3);
	for (i = 0; i < 3; i++)
		snprintf(first[i], 80, "%s", fake_publications[nth(0, i)].id);
	uplink_deliver(nth(0, 1));
	uplink_event(UPLINK_LOST);
	assert_int_equal(bed.host.flights_in_use, 0);
	from = fake_publication_count;
	/* A late answer to a slot that was given up is nobody's. */
	uplink_deliver(nth(0, 0));
	assert_int_equal(stats().readings, 2);
	bed_advance(2 * USEC_PER_SEC);
	assert_int_equal(fake_connects, 2);
	link_up();
	assert_string_equal(fake_publications[nth(from, 0)].id, first[0]);
	assert_string_equal(fake_publications[nth(from, 1)].id, first[2]);
	assert_int_equal(published("/telemetry", from), 2);
	/* The old tag of a slot that is in use again does not land the new one. */
	uplink_deliver(nth(0, 0));
	assert_int_equal(stats().readings, 2);
	uplink_deliver(nth(from, 0));
	assert_int_equal(stats().readings, 1);
}

static void poison_is_buried(void **state)
{
	static const int reasons[] = {0x90, 0x95, 0x99};
	unsigned i;

	active_device("one", "10.0.0.1");
	link_up();
	reported("one", "10.0.0.1", 4);
	for (i = 0; i < 3; i++)
		uplink_refuse(nth(0, i), reasons[i]);
	assert_int_equal(fake_rows.buried_count, 3);
	assert_int_equal(fake_rows.buried[0], 1);
	assert_string_equal(fake_rows.buried_why[1], "MQTT reason 0x95");
	assert_int_equal(stats().dead, 3);
	assert_int_equal(stats().readings, 1);
	/* It was promised: upstream hears what will not come. */
	assert_int_equal(published("/gap", 0), 3);
	assert_non_null(strstr(published_newest("/gap")->payload, "plant.7.3"));
	uplink_deliver(nth(0, 3));
	assert_int_equal(stats().readings, 0);
}

/* The broker ends the connection, and is there again. The number of publications before. */
static size_t hung_up(void)
{
	size_t from = fake_publication_count;

	bed.host.mqtt_version = 4;
	uplink_event(UPLINK_LOST);
	bed_advance(60 * USEC_PER_SEC);
	link_up();
	bed.host.mqtt_version = 4;
	bed_run_loop();
	return from;
}

static void a_broker_hangs_up_three_times(void **state)
{
	size_t from;
	unsigned i;

	active_device("one", "10.0.0.1");
	link_up();
	reported("one", "10.0.0.1", 4);
	uplink_deliver(nth(0, 0));
	/* The second one is poison; what is behind it was never looked at. */
	from = hung_up();
	assert_int_equal(published("/telemetry", from), 3);
	from = hung_up();
	assert_int_equal(published("/telemetry", from), 1);
	assert_int_equal(fake_rows.buried_count, 0);
	from = hung_up();
	assert_int_equal(fake_rows.buried_count, 1);
	assert_int_equal(fake_rows.buried[0], 2);
	assert_string_equal(fake_rows.buried_why[0], "the broker hung up on it three times");
	assert_int_equal(published("/gap", from), 1);
	assert_non_null(strstr(published_newest("/gap")->payload, "plant.7.2"));
	/* The others go out, one at a time until it is certain that they are innocent. */
	for (i = 0; i < 2; i++) {
		assert_int_equal(published("/telemetry", from), i + 1);
		for (size_t at = from; at < fake_publication_count; at++)
			if (fake_publications[at].tag)
				uplink_deliver(at);
		bed_run_loop();
	}
	assert_int_equal(stats().readings, 0);
	assert_int_equal(stats().dead, 1);
	from = fake_publication_count;
	reported("one", "10.0.0.1", 3);
	assert_int_equal(published("/telemetry", from), 3);
}

/* A line that breaks is silent until the keep-alive says so: no reading is to blame for that. */
static void a_line_that_falls_silent_blames_nobody(void **state)
{
	active_device("one", "10.0.0.1");
	link_up();
	reported("one", "10.0.0.1", 2);
	for (unsigned i = 0; i < 6; i++) {
		bed_advance(60 * USEC_PER_SEC);
		hung_up();
	}
	assert_int_equal(fake_rows.buried_count, 0);
	assert_int_equal(stats().readings, 2);
	/* At once it is a word. */
	for (unsigned i = 0; i < 3; i++)
		hung_up();
	assert_int_equal(fake_rows.buried_count, 1);
}

/* With the answers that a connection takes along, the first of all looks guilty. */
static void whoever_was_first_may_be_innocent(void **state)
{
	size_t from;

	active_device("one", "10.0.0.1");
	link_up();
	reported("one", "10.0.0.1", 2);
	hung_up();
	from = hung_up();
	assert_int_equal(published("/telemetry", from), 1);
	uplink_deliver(nth(from, 0));
	bed_run_loop();
	assert_int_equal(published("/telemetry", from), 2);
	hung_up();
	hung_up();
	assert_int_equal(fake_rows.buried_count, 0);
	hung_up();
	assert_int_equal(fake_rows.buried_count, 1);
	assert_int_equal(fake_rows.buried[0], 2);
}

/* MQTT 5 has words for it; what we end ourselves, and what never came to be, says nothing. */
static void an_end_that_is_no_word_about_a_reading(void **state)
{
	active_device("one", "10.0.0.1");
	link_up();
	reported("one", "10.0.0.1", 1);
	for (int i = 0; i < 5; i++) {
		uplink_event(UPLINK_LOST);
		bed_advance(60 * USEC_PER_SEC);
		link_up();
		bed_run_loop();
	}
	assert_int_equal(bed.host.suspect.ends, 0);
	for (int i = 0; i < 5; i++) {
		bed.host.mqtt_version = 4;
		upstream_cut(&bed.host);
		uplink_event(UPLINK_LOST);
		bed_advance(60 * USEC_PER_SEC);
		uplink_event(UPLINK_UNREACHABLE);
		bed_advance(60 * USEC_PER_SEC);
		link_up();
		bed_run_loop();
	}
	assert_int_equal(bed.host.suspect.ends, 0);
	assert_int_equal(fake_rows.buried_count, 0);
	assert_int_equal(stats().readings, 1);
}

static void refused_for_the_moment_waits_for_the_next_connect(void **state)
{
	struct device *device = active_device("one", "10.0.0.1");
	size_t from;

	link_up();
	reported("one", "10.0.0.1", 2);
	uplink_refuse(nth(0, 0), 0x97);
	bed_run_loop();
	assert_int_equal(fake_rows.buried_count, 0);
	assert_int_equal(stats().readings, 2);
	assert_int_equal(published("/telemetry", 0), 2);
	/* The other one is still with the uplink. */
	assert_true(flights_of_device(&bed.host, device->record->row));
	from = fake_publication_count;
	assert_in_range(bed_timer_left("refused-retry"), USEC_PER_SEC, 2 * USEC_PER_SEC);
	uplink_event(UPLINK_LOST);
	bed_advance(2 * USEC_PER_SEC);
	link_up();
	assert_int_equal(published("/telemetry", from), 1);
	assert_string_equal(fake_publications[nth(from, 0)].id, "plant.7.1");
	uplink_deliver(nth(from, 0));
	bed_run_loop();
	assert_string_equal(fake_publications[nth(from, 1)].id, "plant.7.2");
}

/* The refusals end while it is tried again: of several that left together the first would have been
 * refused and the last been taken, and whoever keeps the highest number of a device lost the first.
 */
static void what_was_refused_goes_ahead_by_itself(void **state)
{
	size_t from = fake_publication_count;
	unsigned i;

	active_device("one", "10.0.0.1");
	link_up();
	reported("one", "10.0.0.1", 5);
	for (i = 0; i < 5; i++)
		uplink_refuse(nth(from, i), 0x97);
	for (; i < 8; i++) {
		bed_run_loop();
		bed_advance(bed_timer_left("refused-retry") + 1);
		bed_run_loop();
		assert_int_equal(published("/telemetry", from), i + 1);
		assert_string_equal(fake_publications[nth(from, i)].id, "plant.7.1");
		if (i < 7)
			uplink_refuse(nth(from, i), 0x87);
	}
	/* What came meanwhile waits behind it. */
	reported("one", "10.0.0.1", 1);
	assert_int_equal(published("/telemetry", from), 8);
	/* It will never be taken: that is told, and the next one goes ahead in its place. */
	uplink_refuse(nth(from, 7), 0x99);
	bed_run_loop();
	assert_int_equal(published("/telemetry", from), 9);
	assert_int_equal(published("/gap", from), 1);
	assert_string_equal(fake_publications[nth(from, 9)].id, "plant.7.2");
	uplink_deliver(nth(from, 9));
	bed_run_loop();
	assert_int_equal(published("/telemetry", from), 13);
	assert_string_equal(fake_publications[nth(from, 10)].id, "plant.7.3");
	assert_string_equal(fake_publications[nth(from, 13)].id, "plant.7.6");
}

static void refused_for_the_moment_is_tried_again_without_a_connect(void **state)
{
	uint64_t left, longest = 0;
	size_t from;
	unsigned i;

	active_device("one", "10.0.0.1");
	link_up();
	from = fake_publication_count;
	reported("one", "10.0.0.1", 1);
	for (i = 0; i < 12; i++) {
		assert_int_equal(published("/telemetry", from), i + 1);
		uplink_refuse(nth(from, i), 0x97);
		bed_run_loop();
		assert_int_equal(published("/telemetry", from), i + 1);
		left = bed_timer_left("refused-retry");
		assert_in_range(left, USEC_PER_SEC, 60 * USEC_PER_SEC);
		longest = left > longest ? left : longest;
		bed_advance(left + 1);
		bed_run_loop();
	}
	assert_true(longest > 5 * USEC_PER_SEC);
	uplink_deliver(nth(from, i));
	assert_int_equal(stats().readings, 0);
	/* Taken: the next refusal is waited for shortly again. */
	reported("one", "10.0.0.1", 1);
	uplink_refuse(nth(from, i + 1), 0x97);
	assert_in_range(bed_timer_left("refused-retry"), 1, 2 * USEC_PER_SEC);
}

static void one_that_cannot_be_sent_does_not_block_the_rest(void **state)
{
	active_device("one", "10.0.0.1");
	active_device("two", "10.0.0.2");
	link_up();
	fake_publish_result = -EMSGSIZE;
	reported("one", "10.0.0.1", 1);
	fake_publish_result = 0;
	assert_int_equal(fake_rows.buried_count, 1);
	assert_int_equal(stats().readings, 0);
	reported("two", "10.0.0.2", 1);
	assert_int_equal(published("/telemetry", 0), 1);
	/* The reading, and the record of the one that is missing. */
	assert_int_equal(bed.host.flights_in_use, 2);
	assert_int_equal(published("/gap", 0), 1);
}

static void what_the_uplink_has_no_room_for_is_tried_again(void **state)
{
	active_device("one", "10.0.0.1");
	link_up();
	fake_publish_result = -ENOBUFS;
	reported("one", "10.0.0.1", 2);
	assert_int_equal(published("/telemetry", 0), 0);
	assert_int_equal(bed.host.flights_in_use, 0);
	fake_publish_result = 0;
	bed_advance(2 * USEC_PER_SEC);
	bed_run_loop();
	assert_int_equal(published("/telemetry", 0), 2);
	assert_string_equal(fake_publications[nth(0, 0)].id, "plant.7.1");
}

static void a_lapsed_lease_is_not_published(void **state)
{
	struct device *device = active_device("one", "10.0.0.1");
	uint64_t timer;

	link_up();
	/* The clock of the gateway is set forward: no timer has fired yet. */
	bed.wall_msec = device->record->life.credential_expires;
	reported("one", "10.0.0.1", 1);
	assert_int_equal(published("/telemetry", 0), 0);
	assert_int_equal(stats().readings, 1);
	/* It is renewed without waiting for the timers that were set by the old time. */
	timer = bed_timer_left("device-clock");
	assert_int_equal(timer, 0);
	bed_advance(1);
	store_answer_all(0);
	bed_run_loop();
	assert_int_equal(published("/telemetry", 0), 1);
}

static void devices_take_turns(void **state)
{
	unsigned i;

	active_device("one", "10.0.0.1");
	active_device("two", "10.0.0.2");
	reported("one", "10.0.0.1", 4);
	reported("two", "10.0.0.2", 4);
	link_up();
	for (i = 0; i + 1 < 8; i++)
		assert_string_not_equal(
			fake_publications[nth(0, i)].topic, fake_publications[nth(0, i + 1)].topic);
}

static void more_than_one_turn_of_the_loop(void **state)
{
	unsigned i;

	bed.config.device_burst = 1000;
	owed_set_limits(bed.host.owed,
		&(const struct owed_limits){
			.outbox_bytes = 1 << 20, .window_readings = 4096, .in_flight = 600});
	active_device("one", "10.0.0.1");
	for (i = 0; i < 700; i++)
		report(&x, "one", "10.0.0.1", "1");
	appended_answer(0);
	link_up();
	assert_int_equal(published("/telemetry", 0), 600);
	for (i = 0; i < 300; i++)
		uplink_deliver(nth(0, i));
	/* Enough for a batch of its own: no timer is waited for. */
	assert_int_equal(fake_rows.delete_calls, 1);
	bed_run_loop();
	assert_int_equal(published("/telemetry", 0), 700);
}

static void the_alarm_does_not_come_and_go(void **state)
{
	unsigned i;

	bed.config.outbox_max_bytes = 1000;
	owed_set_limits(bed.host.owed,
		&(const struct owed_limits){
			.outbox_bytes = 1000, .window_readings = 100, .in_flight = 100});
	active_device("one", "10.0.0.1");
	while (!host_alarm_is_active(&bed.host, ALARM_OUTBOX_FULL, "")) {
		report(&x, "one", "10.0.0.1", "1");
		if (appended_waiting())
			appended_answer(0);
	}
	link_up();
	uplink_deliver(nth(0, 0));
	bed_advance(USEC_PER_SEC);
	assert_true(host_alarm_is_active(&bed.host, ALARM_OUTBOX_FULL, ""));
	for (i = 1; i < published("/telemetry", 0); i++)
		uplink_deliver(nth(0, i));
	bed_advance(USEC_PER_SEC);
	assert_true(host_alarm_is_active(&bed.host, ALARM_OUTBOX_FULL, ""));
	/* Room, and a reading that found it, but not a minute yet. */
	reported("one", "10.0.0.1", 1);
	assert_true(host_alarm_is_active(&bed.host, ALARM_OUTBOX_FULL, ""));
	bed_advance(60 * USEC_PER_SEC);
	assert_true(host_alarm_is_active(&bed.host, ALARM_OUTBOX_FULL, ""));
	reported("one", "10.0.0.1", 1);
	assert_false(host_alarm_is_active(&bed.host, ALARM_OUTBOX_FULL, ""));
	store_answer_all(0);
	assert_int_equal(disk_alarm_count(ALARM_OUTBOX_FULL, false), 1);
	assert_int_equal(disk_alarm_count(ALARM_OUTBOX_FULL, true), 1);
}

/* So many a second and not more; nothing waits for longer than it must. */
static void they_leave_at_a_pace(void **state)
{
	bed.config.outbox_pace = 2;
	active_device("one", "10.0.0.1");
	reported("one", "10.0.0.1", 5);
	link_up();
	assert_int_equal(published("/telemetry", 0), 2);
	bed_advance(400 * USEC_PER_MSEC);
	bed_run_loop();
	assert_int_equal(published("/telemetry", 0), 2);
	bed_advance(200 * USEC_PER_MSEC);
	bed_run_loop();
	assert_int_equal(published("/telemetry", 0), 3);
	bed_advance(1000 * USEC_PER_MSEC);
	bed_run_loop();
	assert_int_equal(published("/telemetry", 0), 5);
	/* Nothing waits: nothing is used up either. */
	bed_advance(10 * USEC_PER_SEC);
	reading_pump_soon(&bed.host);
	bed_run_loop();
	reported("one", "10.0.0.1", 2);
	assert_int_equal(published("/telemetry", 0), 7);
}

/* Looking at a device that may not publish is not a reading that left. */
static void who_is_held_does_not_slow_the_others(void **state)
{
	struct device *one = active_device("one", "10.0.0.1");
	struct device *two = active_device("two", "10.0.0.2");

	bed.config.outbox_pace = 1;
	link_up();
	bed.wall_msec = one->record->life.credential_expires;
	two->record->life.credential_expires = bed.wall_msec + 3600000;
	reported("one", "10.0.0.1", 1);
	reported("two", "10.0.0.2", 1);
	assert_int_equal(published("/telemetry", 0), 1);
	assert_non_null(strstr(fake_publications[nth(0, 0)].topic, "two"));
	reported("two", "10.0.0.2", 1);
	assert_int_equal(published("/telemetry", 0), 1);
	bed_advance(USEC_PER_SEC);
	bed_run_loop();
	assert_int_equal(published("/telemetry", 0), 2);
}

/* Three days without a platform: what was taken waits, leaves at its pace, each once and in order,
 * also when the link breaks again in the middle. */
static void three_days_without_upstream(void **state)
{
	const unsigned hours = 72;
	unsigned seen[73] = {0}, order = 0, lost = 0, i;
	size_t at = 0;

	bed.config.outbox_pace = 5;
	active_device("one", "10.0.0.1");
	for (i = 0; i < hours; i++) {
		bed_advance(3600 * USEC_PER_SEC);
		reported("one", "10.0.0.1", 1);
	}
	assert_int_equal(published("/telemetry", 0), 0);
	assert_int_equal(stats().readings, hours);
	link_up();
	for (i = 0; i < 60 && stats().readings > 0; i++) {
		size_t before = published("/telemetry", 0);

		for (; at < fake_publication_count; at++) {
			const struct fake_publication *one = &fake_publications[at];
			unsigned row;

			if (!one->tag)
				continue;
			assert_int_equal(sscanf(strrchr(one->id, '.'), ".%u", &row), 1);
			assert_in_range(row, 1, hours);
			/* What was on its way when the link broke comes again, under its id. */
			assert_true(row == order + 1 || (lost && row <= order));
			order = row > order ? row : order;
			if (i == 4) /* not acknowledged: it breaks */
				continue;
			seen[row]++;
			uplink_deliver(at);
		}
		if (i == 4) {
			uplink_event(UPLINK_LOST);
			lost++;
			link_up();
		}
		bed_advance(USEC_PER_SEC);
		bed_run_loop();
		assert_true(lost || published("/telemetry", 0) - before <= 6);
	}
	store_answer_all(0);
	assert_int_equal(stats().readings, 0);
	for (i = 1; i <= hours; i++)
		assert_int_equal(seen[i], 1);
	assert_in_range(order, hours, hours);
}

static void the_table_of_flights(void **state)
{
	uint64_t tag, again;
	unsigned i;

	assert_true(flight_take(&bed.host, FLIGHT_READING, 1, 1, &tag));
	assert_true(flights_of_device(&bed.host, 1));
	assert_false(flights_of_device(&bed.host, 2));
	flights_free_all(&bed.host);
	assert_false(flights_of_device(&bed.host, 1));
	assert_true(flight_take(&bed.host, FLIGHT_READING, 1, 1, &again));
	assert_int_not_equal(tag, again);
	for (i = 1; i < FLIGHTS_MAX; i++)
		assert_true(flight_take(&bed.host, FLIGHT_GAP, 1, i, &tag));
	assert_false(flight_take(&bed.host, FLIGHT_READING, 1, 1, &tag));
	/* No tag of theirs: none of them moves. */
	reading_on_delivered(&bed.host, 0);
	reading_on_delivered(&bed.host, UINT64_MAX);
	reading_on_refused(&bed.host, FLIGHTS_MAX + 1, 0x90);
	assert_int_equal(bed.host.flights_in_use, FLIGHTS_MAX);
	flights_free_all(&bed.host);
	assert_int_equal(bed.host.flights_in_use, 0);
}

/* What may be configured can be had. */
static void as_many_fly_as_may_be_configured(void **state)
{
	size_t count, at = 0;
	const struct config_key *keys = config_keys(&count);

	while (at < count &&
		(strcmp(keys[at].section, "mqtt") != 0 || strcmp(keys[at].key, "window") != 0))
		at++;
	assert_in_range(at, 0, count - 1);
	assert_int_equal(keys[at].max, FLIGHTS_MAX);
}

#define T(name) cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(acked_and_deleted_in_a_batch),
		T(readings_wait_for_the_link),
		T(after_a_lost_link_the_same_again_in_order),
		T(poison_is_buried),
		T(a_broker_hangs_up_three_times),
		T(a_line_that_falls_silent_blames_nobody),
		T(whoever_was_first_may_be_innocent),
		T(an_end_that_is_no_word_about_a_reading),
		T(refused_for_the_moment_waits_for_the_next_connect),
		T(what_was_refused_goes_ahead_by_itself),
		T(refused_for_the_moment_is_tried_again_without_a_connect),
		T(one_that_cannot_be_sent_does_not_block_the_rest),
		T(what_the_uplink_has_no_room_for_is_tried_again),
		T(a_lapsed_lease_is_not_published),
		T(devices_take_turns),
		T(more_than_one_turn_of_the_loop),
		T(the_alarm_does_not_come_and_go),
		T(they_leave_at_a_pace),
		T(who_is_held_does_not_slow_the_others),
		T(three_days_without_upstream),
		T(the_table_of_flights),
		T(as_many_fly_as_may_be_configured),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
