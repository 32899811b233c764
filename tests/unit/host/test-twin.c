/* SPDX-License-Identifier: Apache-2.0 */

/* What a platform has written down of a device: asked for, put off, turned into a command. */

#include "hub-device.h"

#include <stdlib.h>

#include "host/command-host.h"

#define RES	"$iothub/twin/res/"
#define DESIRED "$iothub/twin/PATCH/properties/desired/?$version=2"

static struct device *device;

static int setup(void **state)
{
	bed_setup(state);
	bed.config.mqtt_commands = true;
	bed.config.command_expiry = 600;
	bed.host.next_command = 1;
	device = hub_device("one", "10.0.0.1");
	return 0;
}

/* The disk is still busy. */
static void arrives(const char *topic, const char *payload)
{
	const struct uplink_inbound inbound = {
		.topic = topic, .payload = span_from_string(payload), .owner = device->record->row};

	command_on_message(&bed.host, &inbound);
}

static void comes(const char *topic, const char *payload)
{
	arrives(topic, payload);
	store_answer_all(0);
}

static size_t asked(void)
{
	return published("twin/GET/?$rid=ask", 0);
}

static size_t said(void)
{
	return published("reported/?$rid=status", 0);
}

static const struct command *waits(void)
{
	return command_box_oldest(&device->commands);
}

static void ended(uint64_t row, bool ok, const char *result)
{
	struct command_answer answer = {.row = row, .ok = ok};

	snprintf(answer.result, sizeof(answer.result), "%s", result);
	command_host_answered(&bed.host, device, &answer, NULL, NULL);
	store_answer_all(0);
}

static const char *reported(void)
{
	for (size_t i = fake_publication_count; i-- > 0;)
		if (strstr(fake_publications[i].topic, "reported/?$rid=configuration-"))
			return fake_publications[i].payload;
	return "";
}

static void asked_when_it_connects_and_said(void **state)
{
	const struct fake_publication *status = published_newest("reported/?$rid=status");

	assert_int_equal(asked(), 1);
	assert_int_equal(said(), 1);
	assert_non_null(strstr(status->payload, "{\"gatehouse\":{\"state\":\"approved\""));
	assert_non_null(strstr(status->payload, "\"owner\":null"));
	assert_non_null(strstr(status->payload, "\"seen\":null"));
	assert_false(status->retain);
	assert_ptr_not_equal(status->session, bed.host.session);
	/* Another owner is reported there and then. */
	struct act act = act_on(ACT_RENAME, device->record->id);

	act.has_owner = true;
	snprintf(act.owner, sizeof(act.owner), "Works");
	assert_int_equal(acted(&act).result, ACT_DONE);
	assert_int_equal(said(), 2);
	assert_non_null(
		strstr(published_newest("reported/?$rid=status")->payload, "\"owner\":\"Works\""));
}

static void nothing_is_wanted(void **state)
{
	assert_int_not_equal(bed_timer_left("twin"), UINT64_MAX);
	comes(RES "200/?$rid=ask", "{\"desired\":{\"$version\":1},\"reported\":{\"$version\":1}}");
	assert_null(waits());
	assert_int_equal(bed_timer_left("twin"), UINT64_MAX);
	assert_int_equal(heard_sum(&bed.host.heard, AWAY_MALFORMED, clock_boot_usec()), 0);
	comes(RES "204/?$rid=status&$version=3", "");
	assert_int_equal(heard_sum(&bed.host.heard, AWAY_MALFORMED, clock_boot_usec()), 0);
	comes(RES "200/?$rid=ask", "no twin");
	assert_int_equal(heard_sum(&bed.host.heard, AWAY_MALFORMED, clock_boot_usec()), 1);
}

static void desired_is_a_command_and_reported(void **state)
{
	comes(RES "200/?$rid=ask", "{\"desired\":{\"rate\":5,\"$metadata\":{\"a\":1},\"$version\":"
				   "4},\"reported\":{}}");
	assert_string_equal(waits()->name, "configure");
	assert_string_equal(waits()->args, "{\"rate\":5}");
	assert_int_equal(waits()->lifetime, 600);
	/* Asked again while it waits: the same one. */
	comes(RES "200/?$rid=ask", "{\"desired\":{\"rate\":5,\"$version\":4},\"reported\":{}}");
	assert_int_equal(command_box_count(&device->commands), 1);
	ended(1, true, "{\"a.b\":1}");
	assert_string_equal(reported(), "{\"gatehouse\":{\"configuration\":{\"version\":4,\"ok\":"
					"true,\"result\":\"{\\\"a.b\\\":1}\",\"reason\":null}}}");
	uplink_deliver(fake_publication_count - 1);
	store_answer_all(0);
	/* The broker has it. The platform has it when it says so. */
	assert_int_equal(command_box_count(&device->commands), 1);
	comes(RES "204/?$rid=status&$version=6", "");
	assert_int_equal(command_box_count(&device->commands), 1);
	comes(RES "204/?$rid=configuration-4&$version=7", "");
	assert_int_equal(command_box_count(&device->commands), 0);
	/* It has had that one; taking all of it back is another one. */
	comes(RES "200/?$rid=ask", "{\"desired\":{\"rate\":5,\"$version\":4},\"reported\":"
				   "{\"gatehouse\":{\"configuration\":{\"version\":4}}}}");
	assert_null(waits());
	comes(RES "200/?$rid=ask", "{\"desired\":{\"$version\":5},\"reported\":"
				   "{\"gatehouse\":{\"configuration\":{\"version\":4}}}}");
	assert_string_equal(waits()->args, "{}");
}

static size_t results(void)
{
	return published("reported/?$rid=configuration-2", 0);
}

/* The device gets it once, also when the hub has no time for what is reported of it. */
static void a_result_that_is_put_off(void **state)
{
	static const char twin[] = "{\"desired\":{\"a\":1,\"$version\":2}}";

	comes(RES "200/?$rid=ask", twin);
	ended(1, true, "");
	uplink_deliver(fake_publication_count - 1);
	store_answer_all(0);
	comes(RES "429/?$rid=configuration-2&retry-after=100", "");
	assert_int_equal(results(), 1);
	/* Asked meanwhile for another reason, it is still the same one. */
	comes(DESIRED, "{}");
	comes(RES "200/?$rid=ask", twin);
	assert_null(waits());
	assert_int_not_equal(bed_timer_left("twin"), UINT64_MAX);
	bed_advance(99 * USEC_PER_SEC);
	assert_int_equal(results(), 1);
	bed_advance(2 * USEC_PER_SEC);
	assert_int_equal(results(), 2);
	comes(RES "200/?$rid=ask", twin);
	assert_null(waits());
	uplink_deliver((size_t)(published_newest("configuration-2") - fake_publications));
	store_answer_all(0);
	/* Its session ends before a word comes: said once more by the next one. */
	session_event(device->record->id, UPLINK_LOST);
	store_answer_all(0);
	bed_advance(bed_timer_left("session-retry") + USEC_PER_SEC);
	session_event(device->record->id, UPLINK_CONNECTED);
	store_answer_all(0);
	assert_int_equal(results(), 3);
	comes(RES "200/?$rid=ask", twin);
	assert_null(waits());
	comes(RES "204/?$rid=configuration-2&$version=3", "");
	assert_int_equal(command_box_count(&device->commands), 0);
}

static void a_result_that_is_never_taken(void **state)
{
	comes(RES "200/?$rid=ask", "{\"desired\":{\"a\":1,\"$version\":2}}");
	ended(1, true, "");
	uplink_deliver(fake_publication_count - 1);
	store_answer_all(0);
	comes(RES "400/?$rid=configuration-2", "");
	assert_int_equal(command_box_count(&device->commands), 0);
	assert_int_equal(results(), 1);
	/* A hub that never says a word: the newer one takes the place of what it was told. */
	for (unsigned version = 3; version < 30; version++) {
		char text[100];

		snprintf(text, sizeof(text), "{\"desired\":{\"a\":1,\"$version\":%u}}", version);
		comes(RES "200/?$rid=ask", text);
		assert_non_null(waits());
		ended(waits()->row, true, "");
		uplink_deliver(fake_publication_count - 1);
		store_answer_all(0);
		assert_int_equal(command_box_count(&device->commands), 1);
	}
}

static void a_newer_one_takes_its_place(void **state)
{
	comes(RES "200/?$rid=ask", "{\"desired\":{\"a\":1,\"$version\":2}}");
	comes("$iothub/methods/POST/blink/?$rid=1", "{}");
	comes(RES "200/?$rid=ask", "{\"desired\":{\"a\":1,\"b\":2,\"$version\":3}}");
	assert_non_null(strstr(reported(), "\"version\":2,\"ok\":false"));
	assert_non_null(strstr(reported(), "another configuration"));
	assert_int_equal(command_box_waiting(&device->commands), 2);
	ended(waits()->row, true, "");
	assert_string_equal(waits()->args, "{\"a\":1,\"b\":2}");
}

/* Also one that is on its way to disk. */
static void a_newer_one_overtakes_the_disk(void **state)
{
	arrives(RES "200/?$rid=ask", "{\"desired\":{\"a\":1,\"$version\":2}}");
	arrives(RES "200/?$rid=ask", "{\"desired\":{\"a\":2,\"$version\":3}}");
	assert_null(waits());
	store_answer_all(0);
	store_answer_all(0);
	assert_string_equal(waits()->args, "{\"a\":2}");
	assert_int_equal(command_box_waiting(&device->commands), 1);
	assert_non_null(strstr(reported(), "\"version\":2,\"ok\":false"));
	assert_non_null(strstr(reported(), "another configuration"));
}

/* The place of the old one is free for it, though its end is not on disk yet. */
static void a_newer_one_into_a_full_box(void **state)
{
	unsigned i;

	for (i = 1; i < COMMANDS_WAITING_MAX; i++)
		comes("$iothub/methods/POST/blink/?$rid=1", "{}");
	comes(RES "200/?$rid=ask", "{\"desired\":{\"a\":1,\"$version\":2}}");
	assert_int_equal(command_box_waiting(&device->commands), COMMANDS_WAITING_MAX);
	comes(RES "200/?$rid=ask", "{\"desired\":{\"a\":2,\"$version\":3}}");
	assert_int_equal(command_box_waiting(&device->commands), COMMANDS_WAITING_MAX);
	assert_non_null(strstr(reported(), "\"version\":2,\"ok\":false"));
	for (i = 1; i < COMMANDS_WAITING_MAX; i++)
		ended(waits()->row, true, "");
	assert_string_equal(waits()->args, "{\"a\":2}");
}

static void what_is_too_long_is_said(void **state)
{
	char text[700];

	snprintf(text, sizeof(text), "{\"desired\":{\"a\":\"%0520d\",\"$version\":9}}", 0);
	comes(RES "200/?$rid=ask", text);
	assert_null(waits());
	assert_non_null(strstr(reported(), "\"version\":9,\"ok\":false"));
	assert_non_null(strstr(reported(), "512"));
	comes(RES "200/?$rid=ask", "{\"desired\":{\"a\":{\"b\":{\"c\":{}}},\"$version\":10}}");
	assert_non_null(strstr(reported(), "\"version\":10,\"ok\":false"));
	assert_non_null(strstr(reported(), "deep"));
}

static void one_question_at_a_time(void **state)
{
	unsigned i;

	for (i = 0; i < 100; i++)
		comes(DESIRED, "{}");
	assert_int_equal(asked(), 1);
	comes(RES "200/?$rid=ask", "{\"desired\":{\"$version\":1}}");
	assert_int_equal(asked(), 2);
	comes(RES "200/?$rid=ask", "{\"desired\":{\"$version\":2}}");
	assert_int_equal(asked(), 2);
	comes(DESIRED, "{}");
	assert_int_equal(asked(), 3);
}

static void put_off_and_silent(void **state)
{
	/* Silence: again, later each time. */
	bed_advance(bed_timer_left("twin"));
	assert_int_equal(asked(), 2);
	assert_int_equal(said(), 1);
	/* It asks for a while: not before, and what was said is said again. */
	comes(RES "429/?$rid=status&retry-after=500", "");
	bed_advance(499 * USEC_PER_SEC);
	assert_int_equal(asked(), 2);
	bed_advance(2 * USEC_PER_SEC);
	assert_int_equal(asked(), 3);
	assert_int_equal(said(), 2);
	/* An answer to the question does not end what is still to be said. */
	comes(RES "503/?$rid=status", "");
	comes(RES "200/?$rid=ask", "{\"desired\":{\"$version\":1}}");
	bed_advance(bed_timer_left("twin"));
	assert_int_equal(said(), 3);
	comes(RES "200/?$rid=ask", "{\"desired\":{\"$version\":1}}");
	assert_int_equal(bed_timer_left("twin"), UINT64_MAX);
	/* What it will never take is not said again. */
	comes(RES "400/?$rid=status", "");
	assert_int_equal(bed_timer_left("twin"), UINT64_MAX);
	/* Without a session nobody is asked; with the next one it is. */
	comes(RES "429/?$rid=ask", "");
	session_event(device->record->id, UPLINK_LOST);
	store_answer_all(0);
	assert_int_equal(asked(), 4);
}

static void where_there_is_no_such_place(void **state)
{
	size_t from = fake_publication_count;

	active_device("two", "10.0.0.2");
	link_up();
	assert_int_equal(published("?$rid=ask", from), 0);
	assert_int_equal(published("/status", from), 2);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, bed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(asked_when_it_connects_and_said),
		T(nothing_is_wanted),
		T(desired_is_a_command_and_reported),
		T(a_result_that_is_put_off),
		T(a_result_that_is_never_taken),
		T(a_newer_one_takes_its_place),
		T(a_newer_one_overtakes_the_disk),
		T(a_newer_one_into_a_full_box),
		T(what_is_too_long_is_said),
		T(one_question_at_a_time),
		T(put_off_and_silent),
		T(where_there_is_no_such_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
