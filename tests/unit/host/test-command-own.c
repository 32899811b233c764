/* SPDX-License-Identifier: Apache-2.0 */

/* Commands by a device's own session: whose they are, and those whose caller waits. */

#include "hub-device.h"

#include <stdlib.h>

#include "host/command-host.h"

#define IP "10.0.0.1"

static int setup(void **state)
{
	bed_setup(state);
	bed.config.mqtt_commands = true;
	bed.config.command_expiry = 600;
	bed.config.method_timeout = 25;
	bed.host.next_command = 1;
	return 0;
}

/* As the uplink says it, also of a session that is gone. */
static void comes(uint64_t owner, const char *topic, const char *payload)
{
	const struct uplink_inbound inbound = {
		.topic = topic, .payload = span_from_string(payload), .owner = owner, .kept = 77};
	fake_settled = 0;
	command_on_message(&bed.host, &inbound);
	store_answer_all(0);
	assert_int_equal(fake_settled, 77);
}

static void comes_down(const struct device *device, const struct device *named, const char *name)
{
	char topic[256];

	snprintf(topic, sizeof(topic), "devices/%s/messages/devicebound/command=%s",
		named->record->life.platform_id, name);
	comes(device ? device->record->row : 0, topic, "{}");
}

static const struct fake_publication *answer_on(const char *topic, size_t from)
{
	assert_int_equal(published(topic, from), 1);
	return published_newest(topic);
}

static void answer(struct device *device, const char *payload)
{
	struct lan_exchange x = {.peer = {.address = address_of(IP), .verified = true}};
	struct lan_request request = {.resource = LAN_DEVICE_COMMAND,
		.method = LAN_POST,
		.peer = &x.peer,
		.content_format = FORMAT_JSON,
		.payload = span_from_string(payload),
		.exchange = &x};

	snprintf(request.device_id, sizeof(request.device_id), "%s", device->record->id);
	command_on_request(&bed.host, &request);
	store_answer_all(0);
	assert_int_equal(x.code, COAP_CODE(2, 4));
}

static void the_session_says_whose_it_is(void **state)
{
	struct device *one = hub_device("one", IP), *two = hub_device("two", "10.0.0.2"),
		      *shared = active_device("three", "10.0.0.3");
	char topic[256];

	assert_string_equal(
		session_filter(one->record->id) + strlen(session_filter(one->record->id)) - 13,
		"devicebound/#");
	comes_down(one, one, "mine");
	assert_int_equal(command_box_count(&one->commands), 1);
	/* Another one's, by its session; anybody's, by the gateway's; one's that is gone. */
	comes_down(one, two, "not-mine");
	comes_down(NULL, two, "not-mine");
	comes(4711, "$iothub/methods/POST/blink/?$rid=1", "{}");
	snprintf(topic, sizeof(topic), "gatehouse/plant/%s/command/blink", two->record->id);
	comes(0, topic, "{}");
	comes(one->record->row, topic, "{}");
	snprintf(topic, sizeof(topic), "gatehouse/plant/%s/command/blink", shared->record->id);
	comes(one->record->row, topic, "{}");
	assert_int_equal(command_box_count(&one->commands), 1);
	assert_int_equal(command_box_count(&two->commands), 0);
	assert_int_equal(command_box_count(&shared->commands), 0);
	comes(0, topic, "{}");
	assert_int_equal(command_box_count(&shared->commands), 1);
}

/* What was kept over a restart is judged by the session that it came by, too. */
static void also_after_a_restart(void **state)
{
	struct device *one = hub_device("one", IP), *two = hub_device("two", "10.0.0.2");
	char topic[256];

	snprintf(topic, sizeof(topic), "devices/%s/messages/devicebound/command=late",
		two->record->life.platform_id);
	fake_replay = (struct store_arrival){.number = 5,
		.topic = span_from_string(topic),
		.payload = SPAN_LITERAL("{}"),
		.owner = one->record->row};
	command_replay(&bed.host);
	store_answer_all(0);
	assert_int_equal(command_box_count(&two->commands), 0);
	fake_replay.owner = two->record->row;
	command_replay(&bed.host);
	store_answer_all(0);
	assert_int_equal(command_box_count(&two->commands), 1);
}

static void a_method_waits_and_is_answered(void **state)
{
	struct device *device = hub_device("one", IP);
	size_t from = fake_publication_count;

	comes(device->record->row, "$iothub/methods/POST/blink/?$rid=7", "{\"n\":1}");
	assert_string_equal(disk_command(1)->args, "{\"n\":1}");
	assert_int_equal(disk_command(1)->lifetime, 25);
	assert_int_equal(published("?$rid=7", from), 0);
	answer(device, "{\"cmd\":\"1\",\"ok\":true,\"result\":4}");
	assert_string_equal(answer_on("$iothub/methods/res/200/?$rid=7", from)->payload,
		"{\"cmd\":\"1\",\"ok\":true,\"result\":4}");
	assert_ptr_not_equal(published_newest("?$rid=7")->session, bed.host.session);
	uplink_deliver(fake_publication_count - 1);
	store_answer_all(0);
	assert_null(disk_command(1));
}

static void what_cannot_be_waited_for_is_said(void **state)
{
	struct device *device = hub_device("one", IP);
	size_t from = fake_publication_count;
	char topic[64];
	unsigned i;

	comes(device->record->row, "$iothub/methods/POST/slow/?$rid=s", "");
	bed_advance(24 * USEC_PER_SEC);
	store_answer_all(0);
	assert_int_equal(published("?$rid=s", from), 0);
	bed_advance(2 * USEC_PER_SEC);
	store_answer_all(0);
	assert_string_equal(answer_on("$iothub/methods/res/504/?$rid=s", from)->payload,
		"{\"cmd\":\"1\",\"ok\":false,\"reason\":\"expired\"}");
	comes(device->record->row, "$iothub/methods/POST/!remote-access/?$rid=n", "{}");
	assert_string_equal(answer_on("$iothub/methods/res/404/?$rid=n", from)->payload,
		"{\"cmd\":null,\"ok\":false,\"reason\":\"this is not a command name\"}");
	comes(device->record->row, "$iothub/methods/POST/blink/?$rid=j", "{");
	answer_on("$iothub/methods/res/400/?$rid=j", from);
	for (i = 0; i < COMMANDS_WAITING_MAX + 1; i++) {
		snprintf(topic, sizeof(topic), "$iothub/methods/POST/blink/?$rid=f%u", i);
		comes(device->record->row, topic, "{}");
	}
	answer_on("$iothub/methods/res/429/?$rid=f4", from);
	assert_int_equal(command_box_waiting(&device->commands), COMMANDS_WAITING_MAX);
	assert_int_equal(published("?$rid=f0", from), 0);
}

/* Of a device whose platform is elsewhere nothing goes by the gateway's own session. */
static void nothing_strays_to_the_gateways_broker(void **state)
{
	struct device *device = hub_device("one", IP);
	struct act act = act_on(ACT_SUSPEND, device->record->id);
	size_t from;

	link_up();
	comes(device->record->row, "$iothub/methods/POST/blink/?$rid=1", "{}");
	session_event(device->record->id, UPLINK_LOST);
	store_answer_all(0);
	assert_int_equal(acted(&act).result, ACT_DONE);
	store_answer_all(0);
	bed_advance(USEC_PER_SEC);
	assert_false(session_is_there(device->record->id));
	from = fake_publication_count;
	bed_advance(60 * USEC_PER_SEC);
	store_answer_all(0);
	assert_true(device->commands.first->ended);
	comes(device->record->row, "$iothub/methods/POST/blink/?$rid=2", "{}");
	assert_int_equal(published("?$rid=1", from), 0);
	assert_int_equal(published("?$rid=2", from), 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, bed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_session_says_whose_it_is),
		T(also_after_a_restart),
		T(a_method_waits_and_is_answered),
		T(what_cannot_be_waited_for_is_said),
		T(nothing_strays_to_the_gateways_broker),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
