/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What will never be delivered is known upstream in the end: it waits for the link, outlives a
 * restart and its device, and is kept until the broker has it.
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
#include "host/reading.h"
#include "hub-device.h"

static struct lan_exchange x;

static void reported(unsigned count)
{
	unsigned i;

	for (i = 0; i < count; i++) {
		report(&x, "one", "10.0.0.1", "1");
		appended_answer(0);
	}
	bed_run_loop();
}

static size_t newest_at(const char *topic_end)
{
	const struct fake_publication *found = published_newest(topic_end);

	assert_non_null(found);
	return (size_t)(found - fake_publications);
}

static void load(uint64_t id, uint64_t count, const char *reason)
{
	struct store_gap gap = {.id = id,
		.device_row = 900,
		.first_row = 10,
		.last_row = 19,
		.count = count,
		.device_id = "gone-1",
		.platform = "local"};

	snprintf(gap.reason, sizeof(gap.reason), "%s", reason);
	store_put_gap(bed.host.store, &gap);
	assert_int_equal(gap_load(&bed.host, &gap), 0);
}

static void it_waits_for_the_link_and_for_the_broker(void **state)
{
	struct device *device = active_device("one", "10.0.0.1");
	struct act act = act_on(ACT_REVOKE, device->record->id);

	reported(3);
	assert_int_equal(acted(&act).result, ACT_DONE);
	assert_int_equal(fake_rows.gap_count, 1);
	assert_int_equal(fake_rows.gap[0].count, 3);
	assert_string_equal(fake_rows.gap[0].device_id, device->record->id);
	assert_int_equal(published("/gap", 0), 0);
	link_up();
	assert_int_equal(published("/gap", 0), 1);
	assert_string_equal(published_newest("/gap")->payload,
		"{\"from\":\"plant.7.1\",\"to\":\"plant.7.3\",\"count\":3,\"reason\":\"revoked\"}");
	assert_int_equal(fake_rows.gap_count, 1);
	uplink_deliver(newest_at("/gap"));
	assert_int_equal(fake_rows.gap_count, 0);
	assert_int_equal(bed.host.gap_count, 0);
	assert_int_equal(published("/telemetry", 0), 0);
}

static void it_outlives_a_restart_and_its_device(void **state)
{
	load(41, 5, "revoked");
	link_up();
	assert_int_equal(published("/gone-1/gap", 0), 1);
	/* The broker did not say that it has it. */
	uplink_event(UPLINK_LOST);
	bed_advance(2 * USEC_PER_SEC);
	link_up();
	assert_int_equal(published("/gone-1/gap", 0), 2);
	assert_int_equal(fake_rows.gap_count, 1);
	uplink_deliver(newest_at("/gone-1/gap"));
	assert_int_equal(fake_rows.gap_count, 0);
	assert_int_equal(bed.host.gaps_in_flight, 0);
}

static void a_number_is_not_used_twice(void **state)
{
	struct device *device = active_device("one", "10.0.0.1");
	const struct upstream_gap gap = {1, 1, 1, "revoked"};
	const struct store_gap *noted;

	load(41, 5, "revoked");
	noted = gap_note(&bed.host, device->record, &gap);
	assert_non_null(noted);
	assert_int_equal(noted->id, 42);
}

static void a_status_is_cleared_when_the_link_is_back(void **state)
{
	struct device *device = active_device("one", "10.0.0.1");
	char id[DEVICE_ID_MAX + 1], topic[80];
	struct act act = act_on(ACT_REVOKE, device->record->id);

	snprintf(id, sizeof(id), "%s", device->record->id);
	snprintf(topic, sizeof(topic), "/%s/status", id);
	assert_int_equal(acted(&act).result, ACT_DONE);
	act = act_on(ACT_FORGET, id);
	assert_int_equal(acted(&act).result, ACT_DONE);
	assert_null(registry_by_id(bed.host.registry, id));
	assert_int_equal(fake_rows.gap_count, 1);
	assert_int_equal(published(topic, 0), 0);
	link_up();
	assert_int_equal(published(topic, 0), 1);
	assert_true(published_newest(topic)->retain);
	assert_string_equal(published_newest(topic)->payload, "");
	uplink_deliver(newest_at(topic));
	assert_int_equal(fake_rows.gap_count, 0);
}

static void neighbours_become_one(void **state)
{
	struct device *device = active_device("one", "10.0.0.1");
	const struct upstream_gap gaps[] = {
		{5, 5, 1, "a"}, {6, 7, 2, "a"}, {8, 8, 1, "b"}, {10, 10, 1, "b"}};
	size_t i;

	for (i = 0; i < 4; i++)
		assert_non_null(gap_note(&bed.host, device->record, &gaps[i]));
	assert_int_equal(bed.host.gap_count, 3);
	link_up();
	assert_int_equal(published("/gap", 0), 3);
	for (i = 0; i < fake_publication_count; i++)
		if (strstr(fake_publications[i].topic, "/gap"))
			break;
	assert_string_equal(fake_publications[i].payload,
		"{\"from\":\"plant.7.5\",\"to\":\"plant.7.7\",\"count\":3,\"reason\":\"a\"}");
}

static void a_full_list_loses_no_count(void **state)
{
	struct device *device = active_device("one", "10.0.0.1");
	const struct store_gap *noted;
	uint64_t i;

	for (i = 0; i < limit_row(LIMIT_GAP_RECORDS)->value + 10; i++) {
		const struct upstream_gap gap = {10 + 2 * i, 10 + 2 * i, 1, "a"};

		assert_non_null(gap_note(&bed.host, device->record, &gap));
	}
	assert_int_equal(bed.host.gap_count, limit_row(LIMIT_GAP_RECORDS)->value);
	noted = gap_note(&bed.host, device->record, &(const struct upstream_gap){3, 3, 1, "b"});
	assert_non_null(noted);
	assert_int_equal(noted->count, 12);
	assert_int_equal(noted->first_row, 3);
	assert_int_equal(noted->last_row, 10 + 2 * (limit_row(LIMIT_GAP_RECORDS)->value + 9));
	assert_int_equal(bed.host.limits.reached[LIMIT_GAP_RECORDS], 11);
}

/* Those that share a bucket are told apart, and what goes from between them leaves the others. */
static void devices_are_told_apart(void **state)
{
	const uint64_t rows[] = {3, 3 + GAP_BUCKETS, 3 + 2 * GAP_BUCKETS, 3};

	for (uint64_t i = 0; i < 4; i++) {
		const struct store_gap gap = {.id = i + 1,
			.device_row = rows[i],
			.first_row = 10 * i + 1,
			.last_row = 10 * i + 2,
			.count = 2,
			.reason = "a"};

		store_put_gap(bed.host.store, &gap);
		assert_int_equal(gap_load(&bed.host, &gap), 0);
	}
	assert_true(gap_is_noted(&bed.host, rows[1], 12));
	assert_false(gap_is_noted(&bed.host, rows[1], 13));
	assert_true(gap_is_noted(&bed.host, 3, 32));
	gap_on_refused(&bed.host, 2, true);
	assert_false(gap_is_noted(&bed.host, rows[1], 1));
	assert_true(gap_is_noted(&bed.host, rows[2], 22));
	gap_on_refused(&bed.host, 4, true);
	assert_false(gap_is_noted(&bed.host, 3, 3));
	assert_true(gap_is_noted(&bed.host, 3, 2));
	gap_on_refused(&bed.host, 1, true);
	assert_false(gap_is_noted(&bed.host, 3, 1));
	assert_true(gap_is_noted(&bed.host, rows[2], 22));
	assert_int_equal(bed.host.gap_count, 1);
	gap_on_refused(&bed.host, 3, true);
	assert_null(bed.host.gaps);
	assert_null(bed.host.gaps_last);
}

/* With the list full of others' entries a revoke still leaves a record, for each device. */
static void a_full_list_has_room_for_each_device(void **state)
{
	struct device *one = active_device("one", "10.0.0.1");
	struct device *two = active_device("two", "10.0.0.2");
	struct act act = act_on(ACT_REVOKE, two->record->id);
	uint64_t i;

	for (i = 0; i < limit_row(LIMIT_GAP_RECORDS)->value; i++)
		assert_non_null(gap_note(&bed.host, one->record,
			&(const struct upstream_gap){100 + 2 * i, 100 + 2 * i, 1, "a"}));
	for (i = 0; i < 3; i++) {
		report(&x, "two", "10.0.0.2", "1");
		appended_answer(0);
	}
	assert_int_equal(acted(&act).result, ACT_DONE);
	assert_int_equal(bed.host.gap_count, limit_row(LIMIT_GAP_RECORDS)->value + 1);
	assert_int_equal(fake_rows.gap_count, 1);
	assert_int_equal(fake_rows.gap[0].count, 3);
	assert_string_equal(fake_rows.gap[0].reason, "revoked");
	/* But not for ever more. */
	two = active_device("three", "10.0.0.3");
	bed.host.limits.value[LIMIT_DEVICES] = 1;
	assert_null(gap_note_if_room(
		&bed.host, two->record, &(const struct upstream_gap){9000, 9000, 1, "a"}));
	assert_int_equal(bed.host.metrics.untold, 0);
	assert_null(
		gap_note(&bed.host, two->record, &(const struct upstream_gap){9000, 9000, 1, "a"}));
	assert_int_equal(bed.host.metrics.untold, 1);
}

static void refused_for_the_moment_is_tried_at_the_next_connect(void **state)
{
	load(1, 5, "revoked");
	link_up();
	uplink_refuse(newest_at("/gap"), 0x97);
	gap_publish(&bed.host);
	assert_int_equal(published("/gap", 0), 1);
	assert_int_equal(fake_rows.gap_count, 1);
	uplink_event(UPLINK_LOST);
	bed_advance(2 * USEC_PER_SEC);
	link_up();
	assert_int_equal(published("/gap", 0), 2);
	uplink_refuse(newest_at("/gap"), 0x90);
	assert_int_equal(fake_rows.gap_count, 0);
}

/* Also when nobody connects anew. */
static void refused_for_the_moment_is_tried_after_a_while(void **state)
{
	load(1, 5, "revoked");
	link_up();
	uplink_refuse(newest_at("/gap"), 0x97);
	bed_advance(290 * USEC_PER_SEC);
	assert_int_equal(published("/gap", 0), 1);
	/* Another one that is refused now does not put that off. */
	load(2, 5, "revoked");
	gap_publish(&bed.host);
	assert_int_equal(published("/gap", 0), 2);
	uplink_refuse(newest_at("/gap"), 0x97);
	bed_advance(11 * USEC_PER_SEC);
	assert_int_equal(published("/gap", 0), 4);
	uplink_deliver(newest_at("/gap"));
	uplink_deliver(newest_at("/gap") - 1);
	assert_int_equal(fake_rows.gap_count, 0);
	bed_advance(301 * USEC_PER_SEC);
	assert_int_equal(published("/gap", 0), 4);
}

/* Its platform is elsewhere and its session is down: it can be told as long as the device is there,
 * which may be let in again. After that nobody can, and that is said and counted. */
static void nobody_can_tell_of_a_forgotten_device_elsewhere(void **state)
{
	struct device *device = hub_device("pump", "10.0.0.7");
	struct act act = act_on(ACT_REVOKE, device->record->id);
	char id[DEVICE_ID_MAX + 1];

	memcpy(id, device->record->id, sizeof(id));
	link_up(); /* the gateway's own session cannot speak for it */
	session_event(id, UPLINK_LOST);
	store_answer_all(0);
	for (unsigned i = 0; i < 3; i++) {
		report(&x, "pump", "10.0.0.7", "1");
		appended_answer(0);
	}
	assert_int_equal(acted(&act).result, ACT_DONE);
	store_answer_all(0);
	assert_int_equal(bed.host.gap_count, 1);
	assert_int_equal(fake_rows.gap[0].count, 3);
	assert_int_equal(bed.host.metrics.untold, 0);
	act = act_on(ACT_FORGET, id);
	assert_int_equal(acted(&act).result, ACT_DONE);
	store_answer_all(0);
	assert_null(registry_by_id(bed.host.registry, id));
	assert_int_equal(bed.host.gap_count, 0);
	assert_int_equal(fake_rows.gap_count, 0);
	assert_int_equal(bed.host.metrics.untold, 3);
	assert_int_equal(published("/gap", 0), 0);
}

static void at_the_start_those_of_who_is_gone_are_given_up(void **state)
{
	struct store_gap gap = {.id = 1,
		.device_row = 900,
		.first_row = 10,
		.last_row = 19,
		.count = 10,
		.device_id = "gone-1",
		.platform = "azure",
		.reason = "revoked"};

	store_put_gap(bed.host.store, &gap);
	assert_int_equal(gap_load(&bed.host, &gap), 0);
	load(2, 5, "revoked"); /* of a platform that the gateway's session goes to */
	gap_give_up_orphans(&bed.host);
	assert_int_equal(bed.host.metrics.untold, 10);
	assert_int_equal(bed.host.gap_count, 1);
	assert_int_equal(fake_rows.gap_count, 1);
	link_up();
	assert_int_equal(published("/gap", 0), 1);
}

static void own_session_anew(const struct device *device)
{
	char id[DEVICE_ID_MAX + 1]; /* its record is replaced meanwhile */

	memcpy(id, device->record->id, sizeof(id));
	session_event(id, UPLINK_LOST);
	store_answer_all(0);
	bed_advance(bed_timer_left("session-retry") + USEC_PER_SEC);
	session_event(id, UPLINK_CONNECTED);
	store_answer_all(0);
}

/* A thousand sessions connect, and each of them has a broker of its own to ask. */
static void somebody_elses_connect_is_no_reason_to_try_again(void **state)
{
	struct device *own = hub_device("own", "10.0.0.1");
	const struct upstream_gap missing = {3, 4, 2, "too old"};
	size_t from;

	load(1, 5, "revoked");
	link_up();
	uplink_refuse(newest_at("/gap"), 0x97);
	own_session_anew(own);
	assert_int_equal(published("/gap", 0), 1);
	/* Its own is. */
	store_put_gap(bed.host.store, gap_note(&bed.host, own->record, &missing));
	gap_publish(&bed.host);
	assert_non_null(strstr(fake_publications[fake_publication_count - 1].topic, "gh-kind=gap"));
	uplink_refuse(fake_publication_count - 1, 0x97);
	from = fake_publication_count;
	own_session_anew(own);
	while (from < fake_publication_count &&
		!strstr(fake_publications[from].topic, "gh-kind=gap"))
		from++;
	assert_true(from < fake_publication_count);
}

struct device *__real_registry_by_row(const struct registry *registry, uint64_t row);
struct device *__wrap_registry_by_row(const struct registry *registry, uint64_t row);
static unsigned looked_up;

struct device *__wrap_registry_by_row(const struct registry *registry, uint64_t row)
{
	looked_up++;
	return __real_registry_by_row(registry, row);
}

/* In an outage much is given up, and each time it is tried whether that can be told. */
static void without_any_session_nobody_is_looked_up(void **state)
{
	for (uint64_t id = 1; id <= 100; id++)
		load(id, 5, "revoked");
	looked_up = 0;
	gap_publish(&bed.host);
	assert_int_equal(looked_up, 0);
}

/* What comes behind the last one that went is told behind those before it. */
static void the_order_is_that_of_the_list(void **state)
{
	struct device *device = active_device("one", "10.0.0.1");

	link_up();
	load(1, 1, "a");
	load(2, 2, "b");
	gap_publish(&bed.host);
	assert_int_equal(published("/gap", 0), 2);
	uplink_deliver(newest_at("/gap"));
	load(3, 3, "c");
	store_put_gap(bed.host.store,
		gap_note(&bed.host, device->record, &(const struct upstream_gap){8, 8, 1, "d"}));
	uplink_event(UPLINK_LOST);
	bed_advance(2 * USEC_PER_SEC);
	link_up();
	assert_int_equal(published("/gap", 0), 5);
	assert_non_null(strstr(published_newest("/gap")->payload, "\"d\""));
	for (size_t at = 0; at < fake_publication_count; at++)
		if (fake_publications[at].tag)
			uplink_deliver(at);
	assert_int_equal(bed.host.gap_count, 0);
	load(4, 4, "e");
	gap_publish(&bed.host);
	assert_non_null(strstr(published_newest("/gap")->payload, "\"e\""));
}

static void what_is_missing_on_file_is_told(void **state)
{
	struct device *device = active_device("one", "10.0.0.1");

	uint64_t row = device->record->row;

	/* The file holds none of the two. */
	owed_set_open(bed.host.owed, row, false);
	assert_int_equal(owed_load(bed.host.owed, row, 2, 20, 5, 6), 0);
	reading_set_open(&bed.host, device);
	link_up();
	bed_run_loop();
	assert_int_equal(owed_device_count(bed.host.owed, row), 0);
	assert_int_equal(fake_rows.gap_count, 1);
	assert_int_equal(published("/gap", 0), 1);
	assert_string_equal(published_newest("/gap")->payload,
		"{\"from\":\"plant.7.5\",\"to\":\"plant.7.6\",\"count\":2,"
		"\"reason\":\"missing on file\"}");
}

/* The gateway was killed after the revocation and before its readings were dropped. */
static void what_is_dropped_at_the_start_is_told(void **state)
{
	struct device *device = active_device("one", "10.0.0.1");
	struct act act = act_on(ACT_REVOKE, device->record->id);
	uint64_t row = device->record->row;

	assert_int_equal(acted(&act).result, ACT_DONE);
	assert_int_equal(reading_load(&bed.host, row, 2, 20, 5, 6), 0);
	reading_drop_loaded(&bed.host);
	assert_int_equal(fake_rows.gap_count, 1);
	/* What was noted before is noted once. */
	assert_int_equal(reading_load(&bed.host, row, 2, 20, 5, 6), 0);
	reading_drop_loaded(&bed.host);
	assert_int_equal(fake_rows.gap_count, 1);
	link_up();
	assert_string_equal(published_newest("/gap")->payload,
		"{\"from\":\"plant.7.5\",\"to\":\"plant.7.6\",\"count\":2,\"reason\":\"revoked\"}");
}

/* At a hub the topic holds the device's id there; of one that is gone it cannot be told. */
static void under_the_id_that_the_platform_knows(void **state)
{
	struct device *device = hub_device("one", "10.0.0.1");
	const struct upstream_gap missing = {
		.first_row = 3, .last_row = 4, .count = 2, .reason = "too old"};
	struct store_gap gone = {.id = 90,
		.device_row = 900,
		.first_row = 1,
		.last_row = 2,
		.count = 2,
		.device_id = "gone-1",
		.platform = "azure",
		.reason = "revoked"};
	const struct fake_publication *newest;
	char start[160];

	store_put_gap(bed.host.store, gap_note(&bed.host, device->record, &missing));
	gap_publish(&bed.host);
	newest = &fake_publications[fake_publication_count - 1];
	snprintf(start, sizeof(start), "devices/%s/messages/events/$",
		device->record->life.platform_id);
	assert_int_equal(strncmp(newest->topic, start, strlen(start) - 1), 0);
	assert_non_null(strstr(newest->topic, "gh-kind=gap"));
	uplink_deliver(fake_publication_count - 1);
	assert_int_equal(bed.host.gap_count, 0);

	store_put_gap(bed.host.store, &gone);
	assert_int_equal(gap_load(&bed.host, &gone), 0);
	link_up();
	assert_int_equal(bed.host.gap_count, 0);
	assert_int_equal(published("gap", 0), 1);
}
int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)
	const struct CMUnitTest tests[] = {
		TEST(it_waits_for_the_link_and_for_the_broker),
		TEST(it_outlives_a_restart_and_its_device),
		TEST(a_number_is_not_used_twice),
		TEST(a_status_is_cleared_when_the_link_is_back),
		TEST(neighbours_become_one),
		TEST(a_full_list_loses_no_count),
		TEST(devices_are_told_apart),
		TEST(a_full_list_has_room_for_each_device),
		TEST(refused_for_the_moment_is_tried_at_the_next_connect),
		TEST(refused_for_the_moment_is_tried_after_a_while),
		TEST(nobody_can_tell_of_a_forgotten_device_elsewhere),
		TEST(at_the_start_those_of_who_is_gone_are_given_up),
		TEST(somebody_elses_connect_is_no_reason_to_try_again),
		TEST(without_any_session_nobody_is_looked_up),
		TEST(the_order_is_that_of_the_list),
		TEST(what_is_missing_on_file_is_told),
		TEST(what_is_dropped_at_the_start_is_told),
		TEST(under_the_id_that_the_platform_knows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
