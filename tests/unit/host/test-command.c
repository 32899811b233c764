/* SPDX-License-Identifier: Apache-2.0 */

/* Commands: from a message of the broker to the device, and what became of them back. */

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
#include "host/command-host.h"
#include "host/journal.h"

#define IP "10.0.0.1"
static struct lan_exchange x;
static char topic[128];

static int setup(void **state)
{
	bed_setup(state);
	bed.config.mqtt_commands = true;
	bed.config.command_expiry = 600;
	bed.host.next_command = 1;
	link_up();
	return 0;
}

static struct uplink_inbound message(
	const struct device *device, const char *name, const char *args)
{
	static uint64_t kept = 100;

	snprintf(topic, sizeof(topic), "gatehouse/plant/%s/command/%s", device->record->id, name);
	return (struct uplink_inbound){
		.topic = topic, .payload = span_from_string(args), .kept = ++kept};
}

/* Arrived and on disk. */
static void order(const struct device *device, const char *name, const char *args)
{
	const struct uplink_inbound inbound = message(device, name, args);

	command_on_message(&bed.host, &inbound);
	store_answer_all(0);
	assert_int_equal(fake_settled, inbound.kept);
}

static void ask(const struct device *device, enum lan_method method, const char *ip,
	const char *payload, bool observe)
{
	struct lan_request request = {.resource = LAN_DEVICE_COMMAND,
		.method = method,
		.peer = &x.peer,
		.content_format = payload ? FORMAT_JSON : -1,
		.accept = FORMAT_JSON,
		.payload = span_from_string(payload),
		.observe = observe,
		.exchange = &x};

	x = (struct lan_exchange){.peer = {.address = address_of(ip), .verified = true}};
	snprintf(request.device_id, sizeof(request.device_id), "%s", device->record->id);
	command_on_request(&bed.host, &request);
}

static void get(const struct device *device)
{
	ask(device, LAN_GET, IP, NULL, false);
	assert_int_equal(x.code, COAP_CODE(2, 5));
}

static void answer(const struct device *device, const char *payload)
{
	ask(device, LAN_POST, IP, payload, false);
	store_answer_all(0);
	assert_int_equal(x.answers, 1);
}

static void from_the_broker_to_the_device_and_back(void **state)
{
	struct device *device = active_device("one", IP);
	struct lan_exchange reading;
	struct uplink_inbound inbound;
	size_t from;

	get(device);
	assert_int_equal(x.size, 0);
	assert_int_equal(x.format, -1);
	inbound = message(device, "blink", "{\"n\":3}");
	command_on_message(&bed.host, &inbound);
	/* Not before it is on disk. */
	get(device);
	assert_int_equal(x.size, 0);
	assert_true(device->commands.first->unsaved);
	assert_int_equal(fake_settled, 0);
	store_answer_all(0);
	assert_false(device->commands.first->unsaved);
	assert_int_equal(fake_settled, inbound.kept);
	assert_string_equal(disk_command(1)->args, "{\"n\":3}");
	assert_int_equal(disk_command(1)->arrival, inbound.kept);
	order(device, "set-rate", "");
	report(&reading, "one", IP, "7");
	appended_answer(0);
	assert_int_equal(reading.code, COAP_CODE(2, 4));
	assert_int_equal(reading.format, FORMAT_CBOR);
	assert_memory_equal(reading.payload,
		"\xa1\x61"
		"c\x02",
		4);
	get(device);
	assert_string_equal(
		exchange_text(&x), "{\"cmd\":\"1\",\"name\":\"blink\",\"args\":{\"n\":3}}");
	assert_int_equal(x.max_age, 0);
	/* Again, until it has answered. */
	get(device);
	assert_non_null(strstr(exchange_text(&x), "blink"));
	from = fake_publication_count;
	ask(device, LAN_POST, IP, "{\"cmd\":\"1\",\"ok\":true,\"result\":[1]}", false);
	assert_int_equal(x.answers, 0);
	assert_int_equal(published("/result/blink", from), 0);
	store_answer_all(0);
	assert_int_equal(x.code, COAP_CODE(2, 4));
	assert_int_equal(published("/result/blink", from), 1);
	assert_string_equal(published_newest("/result/blink")->payload,
		"{\"cmd\":\"1\",\"ok\":true,\"result\":[1]}");
	assert_true(disk_command(1)->ended);
	/* The platform has it: nothing is left. */
	uplink_deliver(fake_publication_count - 1);
	store_answer_all(0);
	assert_null(disk_command(1));
	get(device);
	assert_string_equal(exchange_text(&x), "{\"cmd\":\"2\",\"name\":\"set-rate\",\"args\":{}}");
	/* Said twice is said once. */
	answer(device, "{\"cmd\":\"1\",\"ok\":false}");
	assert_int_equal(x.code, COAP_CODE(2, 4));
	assert_int_equal(published("/result/blink", from), 1);
}

static void where_the_asker_wants_it(void **state)
{
	struct device *device = active_device("one", IP);
	struct uplink_inbound inbound = message(device, "blink", "{}");

	inbound.response_topic = SPAN_LITERAL("answers/of/anna");
	inbound.correlation = SPAN_LITERAL("corr");
	command_on_message(&bed.host, &inbound);
	inbound.response_topic = SPAN_LITERAL("gatehouse/plant/other/telemetry");
	command_on_message(&bed.host, &inbound);
	store_answer_all(0);
	answer(device, "{\"cmd\":\"1\",\"ok\":true}");
	assert_string_equal(fake_publications[fake_publication_count - 1].topic, "answers/of/anna");
	assert_string_equal(fake_publications[fake_publication_count - 1].correlation, "corr");
	/* Nobody makes us speak in another's name. */
	answer(device, "{\"cmd\":\"2\",\"ok\":true}");
	assert_non_null(
		strstr(fake_publications[fake_publication_count - 1].topic, "/result/blink"));
}

static void expect_refused(const char *why)
{
	const struct fake_publication *newest = &fake_publications[fake_publication_count - 1];

	assert_non_null(strstr(newest->topic, "/result/"));
	assert_non_null(strstr(newest->payload, "\"cmd\":null,\"ok\":false"));
	if (!strstr(newest->payload, why))
		fail_msg("%s lacks %s", newest->payload, why);
}

static void refused_with_an_answer(void **state)
{
	struct device *device = active_device("one", IP);
	struct uplink_inbound inbound;
	char large[COMMAND_ARGS_MAX + 8];
	int i;

	order(device, "blink", "{");
	expect_refused("not JSON");
	memset(large, ' ', sizeof(large));
	large[sizeof(large) - 1] = '\0';
	order(device, "blink", large);
	expect_refused("512");
	inbound = message(device, "blink", "{}");
	inbound.unusable = true;
	command_on_message(&bed.host, &inbound);
	expect_refused("too long");
	assert_null(disk_command(1));
	for (i = 1; i <= 4; i++)
		order(device, "blink", "{}");
	assert_int_equal(bed.host.limits.reached[LIMIT_COMMANDS], 0);
	order(device, "blink", "{}");
	expect_refused("too many");
	assert_int_equal(bed.host.limits.reached[LIMIT_COMMANDS], 1);
	assert_int_equal(command_box_count(&device->commands), 4);
	/* The disk is full. */
	answer(device, "{\"cmd\":\"1\",\"ok\":true}");
	inbound = message(device, "blink", "{}");
	command_on_message(&bed.host, &inbound);
	store_answer_all(-ENOSPC);
	expect_refused("could not store");
	assert_int_equal(fake_settled, inbound.kept);
	assert_int_equal(command_box_waiting(&device->commands), 3);
}

/* Results that the platform does not have count too: eight are kept in all. */
static void without_the_platform_they_do_not_pile_up(void **state)
{
	struct device *device = active_device("one", IP);
	unsigned i;
	char text[64];

	uplink_event(UPLINK_LOST);
	store_answer_all(0);
	for (i = 1; i <= 10; i++) {
		order(device, "blink", "{}");
		snprintf(text, sizeof(text), "{\"cmd\":\"%u\",\"ok\":true}", i);
		answer(device, text);
	}
	assert_int_equal(command_box_count(&device->commands), COMMANDS_KEPT_MAX);
	i = (unsigned)fake_publication_count;
	bed_advance(8 * USEC_PER_SEC);
	link_up();
	assert_int_equal(published("/result/blink", i), COMMANDS_KEPT_MAX);
	/* Lost in flight: once more. */
	uplink_event(UPLINK_LOST);
	i = (unsigned)fake_publication_count;
	bed_advance(8 * USEC_PER_SEC);
	link_up();
	assert_int_equal(published("/result/blink", i), COMMANDS_KEPT_MAX);
	while (i < fake_publication_count) {
		if (strstr(fake_publications[i].topic, "/result/"))
			uplink_deliver(i);
		i++;
	}
	store_answer_all(0);
	assert_int_equal(command_box_count(&device->commands), 0);
}

static void not_for_others(void **state)
{
	struct device *device = active_device("one", IP);
	struct device *waiting = pending_device("two", "10.0.0.2", "{}");
	struct uplink_inbound inbound;
	size_t from;

	order(device, "blink", "{}");
	ask(device, LAN_GET, "10.0.0.9", NULL, false);
	assert_int_equal(x.code, COAP_CODE(4, 4));
	ask(device, LAN_POST, "10.0.0.9", "{\"cmd\":\"1\",\"ok\":true}", false);
	assert_int_equal(x.code, COAP_CODE(4, 4));
	ask(device, LAN_PUT, IP, NULL, false);
	assert_int_equal(x.code, COAP_CODE(4, 5));
	ask(waiting, LAN_GET, "10.0.0.2", NULL, false);
	assert_int_equal(x.code, COAP_CODE(4, 3));
	order(waiting, "blink", "{}");
	expect_refused("not approved");
	/* Retained ones, unknown devices and other topics: nothing at all. */
	from = fake_publication_count;
	inbound = message(device, "reboot", "{}");
	inbound.retained = true;
	command_on_message(&bed.host, &inbound);
	inbound = (struct uplink_inbound){.topic = "gatehouse/plant/nobody/command/blink"};
	command_on_message(&bed.host, &inbound);
	inbound.topic = "somewhere/else";
	command_on_message(&bed.host, &inbound);
	store_answer_all(0);
	assert_int_equal(fake_publication_count, from);
	assert_int_equal(command_box_count(&device->commands), 1);
}

static void malformed_answers(void **state)
{
	struct device *device = active_device("one", IP);

	order(device, "blink", "{}");
	answer(device, "{");
	assert_int_equal(x.code, COAP_CODE(4, 0));
	answer(device, "{\"ok\":true}");
	assert_int_equal(x.code, COAP_CODE(4, 0));
	answer(device, "{\"cmd\":\"1\"}");
	assert_int_equal(x.code, COAP_CODE(4, 0));
	ask(device, LAN_POST, IP, NULL, false);
	assert_int_equal(x.code, COAP_CODE(4, 15));
	assert_int_equal(command_box_waiting(&device->commands), 1);
	/* Not stored: it is to be said again. */
	ask(device, LAN_POST, IP, "{\"cmd\":\"1\",\"ok\":true}", false);
	store_answer_all(-ENOSPC);
	assert_int_equal(x.code, COAP_CODE(5, 3));
	assert_int_equal(command_box_waiting(&device->commands), 1);
	get(device);
	assert_non_null(strstr(exchange_text(&x), "blink"));
}

static void expires(void **state)
{
	struct device *device = active_device("one", IP);
	struct uplink_inbound inbound = message(device, "soon", "{}");

	inbound.lifetime = 5;
	command_on_message(&bed.host, &inbound);
	store_answer_all(0);
	order(device, "later", "{}");
	/* The wall clock jumps by years: nothing of it. */
	bed.wall_msec += INT64_C(300000000000);
	bed_advance(4 * USEC_PER_SEC);
	store_answer_all(0);
	assert_int_equal(command_box_waiting(&device->commands), 2);
	bed_advance(2 * USEC_PER_SEC);
	store_answer_all(0);
	assert_int_equal(command_box_waiting(&device->commands), 1);
	assert_string_equal(published_newest("/result/soon")->payload,
		"{\"cmd\":\"1\",\"ok\":false,\"reason\":\"expired\"}");
	/* The disk is full when the other's time is over: it is tried again, without haste. */
	bed_advance(600 * USEC_PER_SEC);
	store_answer_all(-ENOSPC);
	assert_int_equal(published("/result/later", 0), 0);
	assert_in_range(bed_timer_left("command-end"), 50 * USEC_PER_SEC, 60 * USEC_PER_SEC);
	bed_advance(61 * USEC_PER_SEC);
	store_answer_all(0);
	assert_int_equal(published("/result/later", 0), 1);
}

static void over_a_restart(void **state)
{
	struct device *device = active_device("one", IP);
	struct command command = {.row = 9,
		.device_row = device->record->row,
		.arrived = bed.wall_msec - 60000,
		.synced = true,
		.lifetime = 100};

	snprintf(command.name, sizeof(command.name), "blink");
	snprintf(command.args, sizeof(command.args), "{}");
	assert_int_equal(command_host_load(&bed.host, &command), 0);
	command.device_row = 4711;
	command.row = 10;
	assert_int_equal(command_host_load(&bed.host, &command), 0);
	snprintf(topic, sizeof(topic), "gatehouse/plant/%s/command/late", device->record->id);
	fake_replay = (struct store_arrival){
		.number = 77, .topic = span_from_string(topic), .payload = SPAN_LITERAL("{}")};
	command_host_start(&bed.host);
	store_answer_all(0);
	assert_int_equal(fake_settled, 77);
	assert_int_equal(command_box_waiting(&device->commands), 2);
	assert_in_range(bed_timer_left("command-end"), 39 * USEC_PER_SEC, 40 * USEC_PER_SEC);
	get(device);
	assert_non_null(strstr(exchange_text(&x), "\"9\""));
}

static void let_in_no_more(void **state)
{
	struct device *device = active_device("one", IP);
	struct act act = act_on(ACT_SUSPEND, device->record->id);

	order(device, "blink", "{}");
	acted(&act);
	assert_int_equal(command_box_waiting(&device->commands), 1);
	ask(device, LAN_GET, IP, NULL, false);
	assert_int_equal(x.code, COAP_CODE(4, 3));
	act.kind = ACT_REVOKE;
	acted(&act);
	store_answer_all(0);
	assert_int_equal(command_box_waiting(&device->commands), 0);
	assert_non_null(
		strstr(published_newest("/result/blink")->payload, "not approved any more"));
}

static void observed(void **state)
{
	struct device *device = active_device("one", IP);
	struct act act = act_on(ACT_SUSPEND, device->record->id);

	ask(device, LAN_GET, IP, NULL, true);
	assert_true(x.observed);
	assert_int_equal(x.size, 0);
	order(device, "blink", "{}");
	assert_int_equal(fake_notifications, 1);
	assert_non_null(strstr(exchange_text(&fake_notified), "blink"));
	/* A second one changes nothing for it, until the first has ended. */
	order(device, "beep", "{}");
	assert_int_equal(fake_notifications, 1);
	answer(device, "{\"cmd\":\"1\",\"ok\":true}");
	assert_int_equal(fake_notifications, 2);
	assert_non_null(strstr(exchange_text(&fake_notified), "beep"));
	/* Registered again it is one observer. */
	ask(device, LAN_GET, IP, NULL, true);
	assert_int_equal(fake_observers, 1);
	observer_lost();
	answer(device, "{\"cmd\":\"2\",\"ok\":true}");
	assert_int_equal(fake_notifications, 2);
	ask(device, LAN_GET, IP, NULL, true);
	ask(device, LAN_GET, IP, NULL, false);
	assert_int_equal(fake_observers, 0);
	ask(device, LAN_GET, IP, NULL, true);
	acted(&act);
	assert_int_equal(fake_notified.code, COAP_CODE(4, 3));
	assert_int_equal(fake_observers, 0);
	/* What moved is told nothing where it was. */
	act.kind = ACT_RESUME;
	acted(&act);
	ask(device, LAN_GET, IP, NULL, true);
	device->record->address = address_of("10.0.0.7");
	command_host_look(&bed.host, device);
	assert_int_equal(fake_observers, 0);
}

/* ---- a device that is a server ---- */

static struct device *server(void)
{
	struct device *device = active_device("one", IP);
	struct device_host *part = device_host(device);

	device->record->is_server = true;
	assert_int_equal(device_host_found(part, device_driver_by_name("native"),
				 &(const struct device_links){
					 .command = "/cmd", .command_format = FORMAT_JSON}),
		0);
	part->probed = true;
	return device;
}

static void posted_to_a_server(void **state)
{
	struct device *device = server();
	struct fake_sent *sent;

	order(device, "blink", "{\"n\":3}");
	sent = sent_to("/cmd");
	assert_non_null(sent);
	assert_int_equal(sent->outgoing.method, LAN_POST);
	assert_true(sent->outgoing.is_long);
	assert_string_equal(
		(char *)sent->payload, "{\"cmd\":\"1\",\"name\":\"blink\",\"args\":{\"n\":3}}");
	/* One at a time. */
	order(device, "beep", "{}");
	assert_int_equal(fake_sent_count, 1);
	/* Asleep: again after a while, the same one. */
	sent_answer(sent, -ETIMEDOUT, 0, -1, NULL);
	assert_in_range(bed_timer_left("command-retry"), 1, 60 * USEC_PER_SEC);
	bed_advance(60 * USEC_PER_SEC);
	sent = sent_to("/cmd");
	assert_non_null(strstr((char *)sent->payload, "blink"));
	sent_answer(sent, 0, COAP_CODE(5, 3), -1, NULL);
	bed_advance(60 * USEC_PER_SEC);
	sent_answer(sent_to("/cmd"), 0, COAP_CODE(2, 4), FORMAT_JSON,
		"{\"cmd\":\"1\",\"ok\":true,\"result\":5}");
	store_answer_all(0);
	assert_string_equal(published_newest("/result/blink")->payload,
		"{\"cmd\":\"1\",\"ok\":true,\"result\":5}");
	/* The next one at once; nothing but a 2.xx is "done". */
	sent = sent_to("/cmd");
	assert_non_null(strstr((char *)sent->payload, "beep"));
	sent_answer(sent, 0, COAP_CODE(2, 4), -1, NULL);
	store_answer_all(0);
	assert_string_equal(
		published_newest("/result/beep")->payload, "{\"cmd\":\"2\",\"ok\":true}");
}

/* Whoever took over its address is not given the command, and is not believed about it. */
static void another_at_its_address(void **state)
{
	struct device *device = server();

	memcpy(device->record->mac, "02:00:00:00:00:0a", 18);
	neighbour(IP, "02:00:00:00:00:0b");
	order(device, "open", "{}");
	assert_null(sent_to("/cmd"));
	assert_true(host_alarm_is_active(&bed.host, ALARM_NAME_CONFLICT, device->record->id));
	neighbour(IP, "02:00:00:00:00:0a");
	bed_advance(60 * USEC_PER_SEC);
	neighbour(IP, "02:00:00:00:00:0b");
	sent_answer(sent_to("/cmd"), 0, COAP_CODE(2, 4), -1, NULL);
	store_answer_all(0);
	assert_null(published_newest("/result/open"));
	assert_false(device->commands.first->ended);
	neighbour(IP, "02:00:00:00:00:0a");
	bed_advance(120 * USEC_PER_SEC);
	sent_answer(sent_to("/cmd"), 0, COAP_CODE(2, 4), -1, NULL);
	store_answer_all(0);
	assert_non_null(published_newest("/result/open"));
}

static void a_server_that_cannot(void **state)
{
	struct device *device = server();

	order(device, "fly", "{}");
	sent_answer(sent_to("/cmd"), 0, COAP_CODE(4, 5), -1, NULL);
	store_answer_all(0);
	assert_non_null(strstr(published_newest("/result/fly")->payload,
		"\"ok\":false,\"reason\":\"the device answered 4.05\""));
	order(device, "swim", "{}");
	sent_answer(sent_to("/cmd"), 0, COAP_CODE(2, 4), FORMAT_JSON, "nonsense");
	store_answer_all(0);
	assert_non_null(strstr(published_newest("/result/swim")->payload, "cannot be read"));
	/* Expired while it was on its way: the late answer changes nothing. */
	order(device, "walk", "{}");
	bed_advance(601 * USEC_PER_SEC);
	store_answer_all(0);
	assert_non_null(strstr(published_newest("/result/walk")->payload, "expired"));
	sent_answer(sent_to("/cmd"), 0, COAP_CODE(2, 4), -1, NULL);
	store_answer_all(0);
	assert_int_equal(published("/result/walk", 0), 1);
	/* Without such a link it may still ask. */
	device_host(device)->links->command[0] = '\0';
	order(device, "blink", "{}");
	assert_null(sent_to("/cmd"));
	get(device);
	assert_non_null(strstr(exchange_text(&x), "blink"));
}

static void what_is_subscribed_to(void **state)
{
	assert_string_equal(session_filter(NULL), "gatehouse/plant/+/command/+");
}

static void kept_only_what_may_be_taken(void **state)
{
	struct uplink_inbound inbound = {.topic = "a", .payload = SPAN_LITERAL("{}")};
	static uint8_t large[COMMAND_ARGS_MAX + 1];

	assert_int_equal(command_keep(&bed.host, &inbound), 1);
	inbound.retained = true;
	assert_int_equal(command_keep(&bed.host, &inbound), 0);
	inbound.retained = false;
	inbound.payload = span_of(large, sizeof(large));
	assert_int_equal(command_keep(&bed.host, &inbound), 0);
	inbound.payload.size--;
	assert_int_equal(command_keep(&bed.host, &inbound), 2);
	/* One that could not be kept is counted. */
	command_on_message(&bed.host, &inbound);
	assert_int_equal(bed.host.limits.reached[LIMIT_ARRIVALS], 1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, bed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(from_the_broker_to_the_device_and_back),
		T(where_the_asker_wants_it),
		T(refused_with_an_answer),
		T(without_the_platform_they_do_not_pile_up),
		T(not_for_others),
		T(malformed_answers),
		T(expires),
		T(over_a_restart),
		T(let_in_no_more),
		T(observed),
		T(posted_to_a_server),
		T(another_at_its_address),
		T(a_server_that_cannot),
		T(what_is_subscribed_to),
		T(kept_only_what_may_be_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
