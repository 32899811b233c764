/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Revoked means that nothing of the device is on its way any more: the answer waits for what is in
 * flight, at most 3 s.
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
#include "host/upstream.h"

static struct lan_exchange x;

static void reported(const char *ep, const char *ip, unsigned count)
{
	unsigned i;

	for (i = 0; i < count; i++) {
		report(&x, ep, ip, "1");
		appended_answer(0);
	}
	bed_run_loop();
}

static size_t reading_at(unsigned n)
{
	size_t i;

	for (i = 0; i < fake_publication_count; i++)
		if (fake_publications[i].tag && n-- == 0)
			return i;
	fail_msg("there are not so many");
	return 0;
}

static void the_answer_waits_for_what_is_in_flight(void **state)
{
	struct device *device = active_device("one", "10.0.0.1");
	struct act act = act_on(ACT_REVOKE, device->record->id);
	struct act_try try;

	link_up();
	reported("one", "10.0.0.1", 2);
	try_act(&act, &try);
	store_answer_all(0);
	assert_int_equal(try.answers, 0);
	uplink_deliver(reading_at(0));
	assert_int_equal(try.answers, 0);
	uplink_deliver(reading_at(1));
	assert_int_equal(try.answers, 1);
	assert_int_equal(try.outcome.result, ACT_DONE);
	assert_int_equal(fake_sessions, 1);
	assert_int_equal(bed_timer_left("drain"), UINT64_MAX);
}

static void after_three_seconds_the_session_is_cut(void **state)
{
	struct device *device = active_device("one", "10.0.0.1");
	struct act act = act_on(ACT_REVOKE, device->record->id);
	struct act_try try;

	link_up();
	reported("one", "10.0.0.1", 2);
	try_act(&act, &try);
	store_answer_all(0);
	bed_advance(2900 * USEC_PER_MSEC);
	assert_int_equal(try.answers, 0);
	assert_int_equal(fake_sessions_alive, 1);
	bed_advance(200 * USEC_PER_MSEC);
	/* Cut, but the connection is still there: something of it may be on its way. */
	assert_int_equal(fake_cuts, 1);
	assert_int_equal(try.answers, 0);
	assert_false(upstream_is_up(&bed.host));
	assert_int_equal(fake_rows.dropped_count, 0);
	uplink_event(UPLINK_LOST);
	assert_int_equal(try.answers, 1);
	assert_int_equal(try.outcome.result, ACT_DONE);
	assert_string_equal(try.outcome.text,
		"Revoked here. The broker did not answer; what it had received before is not "
		"known.");
	assert_int_equal(bed_timer_left("uplink-cut"), UINT64_MAX);
	assert_int_equal(fake_rows.dropped_count, 1);
	/* The link comes back by itself. */
	bed_advance(2 * USEC_PER_SEC);
	assert_int_equal(fake_connects, 2);
	link_up();
	assert_int_equal(published("/telemetry", reading_at(1) + 1), 0);
}

/* The library does not let go of the connection: people are not kept waiting for it. */
static void a_cut_is_waited_for_two_seconds(void **state)
{
	struct device *one = active_device("one", "10.0.0.1");
	struct device *two = active_device("two", "10.0.0.2");
	struct act revoke = act_on(ACT_REVOKE, one->record->id);
	struct act suspend = act_on(ACT_SUSPEND, two->record->id);
	struct act_try first, second;
	size_t i, from;

	link_up();
	reported("one", "10.0.0.1", 2);
	reported("two", "10.0.0.2", 1);
	try_act(&revoke, &first);
	store_answer_all(0);
	bed_advance(3100 * USEC_PER_MSEC);
	/* It begins to be drained while the session that has its readings is cut. */
	try_act(&suspend, &second);
	store_answer_all(0);
	bed_advance(1800 * USEC_PER_MSEC);
	assert_int_equal(first.answers + second.answers, 0);
	assert_int_equal(fake_sessions_alive, 1);
	bed_advance(200 * USEC_PER_MSEC);
	assert_int_equal(first.answers, 1);
	assert_non_null(strstr(first.outcome.text, "Revoked here. The broker did not answer;"));
	assert_int_equal(second.answers, 1);
	assert_non_null(strstr(second.outcome.text, "Suspended here. The broker did not answer;"));
	assert_int_equal(fake_sessions_alive, 0);
	bed_advance(2 * USEC_PER_SEC);
	assert_int_equal(fake_sessions, 2);
	/* The next time the broker answers. */
	from = fake_publication_count;
	link_up();
	suspend.kind = ACT_RESUME;
	assert_int_equal(acted(&suspend).result, ACT_DONE);
	bed_run_loop();
	suspend.kind = ACT_SUSPEND;
	try_act(&suspend, &second);
	store_answer_all(0);
	for (i = from; i < fake_publication_count; i++)
		if (fake_publications[i].tag)
			uplink_deliver(i);
	assert_int_equal(second.answers, 1);
	assert_non_null(strstr(second.outcome.text, "Nothing of this device is published"));
}

static void a_lost_link_ends_the_wait(void **state)
{
	struct device *device = active_device("one", "10.0.0.1");
	struct act act = act_on(ACT_REVOKE, device->record->id);
	struct act_try try;

	link_up();
	reported("one", "10.0.0.1", 2);
	try_act(&act, &try);
	store_answer_all(0);
	uplink_event(UPLINK_LOST);
	assert_int_equal(try.answers, 1);
	assert_int_equal(owed_device_count(bed.host.owed, device->record->row), 0);
}

static void what_waits_is_dropped_and_upstream_hears_of_it(void **state)
{
	struct device *device = active_device("one", "10.0.0.1");
	struct act act = act_on(ACT_REVOKE, device->record->id);
	size_t from;

	link_up();
	owed_set_limits(bed.host.owed,
		&(const struct owed_limits){
			.outbox_bytes = 1 << 20, .window_readings = 100, .in_flight = 1});
	reported("one", "10.0.0.1", 4);
	from = fake_publication_count;
	try_act(&act, &(struct act_try){0});
	store_answer_all(0);
	uplink_deliver(reading_at(0));
	assert_int_equal(fake_rows.dropped_count, 1);
	assert_int_equal(fake_rows.dropped[0], device->record->row);
	assert_int_equal(owed_device_count(bed.host.owed, device->record->row), 0);
	assert_int_equal(published("/gap", from), 1);
	assert_string_equal(published_newest("/gap")->payload,
		"{\"from\":\"plant.7.2\",\"to\":\"plant.7.4\",\"count\":3,\"reason\":\"revoked\"}");
	assert_int_equal(published("/telemetry", from), 0);
}

static void what_waits_can_be_kept(void **state)
{
	struct device *device = active_device("one", "10.0.0.1");
	struct act act = act_on(ACT_REVOKE, device->record->id);

	bed.config.keep_readings_of_revoked = true;
	reported("one", "10.0.0.1", 3);
	assert_int_equal(acted(&act).result, ACT_DONE);
	assert_int_equal(owed_device_count(bed.host.owed, device->record->row), 3);
	link_up();
	assert_int_equal(published("/telemetry", 0), 0);
	act.kind = ACT_APPROVE;
	assert_int_equal(acted(&act).result, ACT_DONE);
	bed_run_loop();
	assert_int_equal(published("/telemetry", 0), 3);
}

/* A reading that is owed again may still be with the uplink: it is waited for as well. */
static void a_reading_that_was_put_back_is_waited_for(void **state)
{
	struct device *device = active_device("one", "10.0.0.1");
	struct act act = act_on(ACT_REVOKE, device->record->id);
	struct act_try try;

	link_up();
	reported("one", "10.0.0.1", 2);
	uplink_refuse(reading_at(0), 0x97);
	assert_int_equal(owed_in_flight(bed.host.owed, device->record->row), 0);
	try_act(&act, &try);
	store_answer_all(0);
	assert_int_equal(try.answers, 0);
	uplink_deliver(reading_at(1));
	assert_int_equal(try.answers, 1);
}

static void every_act_that_stops_a_device_waits(void **state)
{
	static const enum act_kind kinds[] = {ACT_SUSPEND, ACT_REVOKE, ACT_RELEASE};
	struct act_try try;
	unsigned i;

	link_up();
	for (i = 0; i < ELEMENTS(kinds); i++) {
		char ep[8], ip[16];
		struct device *device;
		struct act act;

		snprintf(ep, sizeof(ep), "n%u", i);
		snprintf(ip, sizeof(ip), "10.0.0.%u", i + 1);
		device = active_device(ep, ip);
		reported(ep, ip, 1);
		act = act_on(kinds[i], device->record->id);
		try_act(&act, &try);
		store_answer_all(0);
		assert_int_equal(try.answers, 0);
		uplink_deliver(reading_at(i));
		assert_int_equal(try.answers, 1);
		assert_int_equal(try.outcome.result, ACT_DONE);
	}
}

static void several_wait_and_may_go(void **state)
{
	struct device *one = active_device("one", "10.0.0.1");
	struct device *two = active_device("two", "10.0.0.2");
	struct act revoke_one = act_on(ACT_REVOKE, one->record->id);
	struct act revoke_two = act_on(ACT_REVOKE, two->record->id);
	struct act forget_one = act_on(ACT_FORGET, one->record->id);
	struct act forget_two = act_on(ACT_FORGET, two->record->id);
	struct act_try tries[4];

	link_up();
	reported("one", "10.0.0.1", 1);
	reported("two", "10.0.0.2", 1);
	try_act(&revoke_one, &tries[0]);
	try_act(&revoke_two, &tries[1]);
	store_answer_all(0);
	/* Forgotten while they are drained: they are told, and go, when the link is lost. */
	try_act(&forget_one, &tries[2]);
	try_act(&forget_two, &tries[3]);
	store_answer_all(0);
	assert_int_equal(tries[2].answers, 0);
	assert_int_equal(registry_count(bed.host.registry), 2);
	uplink_event(UPLINK_LOST);
	store_answer_all(0);
	assert_int_equal(tries[0].answers + tries[1].answers, 2);
	assert_int_equal(tries[2].outcome.result, ACT_DONE);
	assert_int_equal(tries[3].outcome.result, ACT_DONE);
	assert_int_equal(registry_count(bed.host.registry), 0);
}

static void the_gateway_stops_while_it_is_drained(void **state)
{
	struct device *device = active_device("one", "10.0.0.1");
	struct act act = act_on(ACT_REVOKE, device->record->id);
	static struct act_try try;

	link_up();
	reported("one", "10.0.0.1", 1);
	try_act(&act, &try);
	store_answer_all(0);
	assert_int_equal(try.answers, 0);
	registry_remove(bed.host.registry, device);
	assert_int_equal(try.answers, 1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_answer_waits_for_what_is_in_flight),
		T(after_three_seconds_the_session_is_cut),
		T(a_cut_is_waited_for_two_seconds),
		T(a_lost_link_ends_the_wait),
		T(what_waits_is_dropped_and_upstream_hears_of_it),
		T(what_waits_can_be_kept),
		T(a_reading_that_was_put_back_is_waited_for),
		T(every_act_that_stops_a_device_waits),
		T(several_wait_and_may_go),
		T(the_gateway_stops_while_it_is_drained),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
