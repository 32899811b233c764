/* SPDX-License-Identifier: Apache-2.0 */

/* Topics and payloads upstream, and what comes down. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "drivers/platform/topics.h"

static struct device_record record = {
	.id = "sensor-1-abcd", .ep = "Sensor 1/+#", .name = "Boiler", .info = {.model = "T-1"}};

static struct reading *make_reading(int format, const char *body)
{
	struct reading *reading = reading_new(strlen(body));

	assert_non_null(reading);
	memcpy(reading->body, body, strlen(body));
	reading->row = 17;
	reading->format = format;
	reading->time = 1234567890123;
	reading->clock_synced = true;
	return reading;
}

static json_t *payload_of(const struct upstream_message *message)
{
	json_error_t error;
	json_t *value =
		json_loadb((const char *)message->payload.data, message->payload.size, 0, &error);

	assert_non_null(value);
	return value;
}

static const char *property(const struct upstream_message *message, const char *name)
{
	size_t i;

	for (i = 0; i < message->property_count; i++)
		if (!strcmp(message->property[i].name, name))
			return message->property[i].value;
	return NULL;
}

static void test_reading(void **state)
{
	struct reading *reading = make_reading(FORMAT_SENML_JSON, "[{\"n\":\"t\",\"v\":1}]");
	const struct upstream_item item = {.kind = UPSTREAM_READING,
		.gateway_id = "gw",
		.epoch = 3,
		.record = &record,
		.reading = reading};
	struct upstream_message message;

	assert_int_equal(topics_encode(&item, &message), 0);
	assert_string_equal(message.topic, "gatehouse/gw/sensor-1-abcd/telemetry");
	assert_int_equal(message.qos, 1);
	assert_false(message.retain);
	assert_ptr_equal(message.payload.data, reading->body); /* no copy */
	assert_string_equal(message.content_type, "application/senml+json");
	assert_string_equal(property(&message, "gh-v"), "1");
	assert_string_equal(property(&message, "gh-id"), "gw.3.17");
	assert_string_equal(property(&message, "gh-trust"), "plain");
	assert_string_equal(property(&message, "gh-time"), "1234567890.123");
	assert_string_equal(property(&message, "gh-clock"), "synced");
	upstream_message_clear(&message);
	reading_unref(reading);
}

static void test_envelope(void **state)
{
	struct reading *reading = make_reading(FORMAT_SENML_JSON, "[{\"n\":\"t\",\"v\":1}]");
	struct upstream_item item = {.kind = UPSTREAM_READING,
		.gateway_id = "gw",
		.epoch = 3,
		.record = &record,
		.reading = reading,
		.envelope = true};
	struct upstream_message message;
	json_t *value;

	assert_int_equal(topics_encode(&item, &message), 0);
	assert_int_equal(message.property_count, 0);
	value = payload_of(&message);
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(value, "gh"), "id")), "gw.3.17");
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(value, "gh"), "device")),
		"sensor-1-abcd");
	assert_int_equal(json_integer_value(json_object_get(value, "ct")), 110);
	assert_true(json_is_array(json_object_get(value, "body")));
	json_decref(value);
	upstream_message_clear(&message);
	reading_unref(reading);

	reading = make_reading(FORMAT_OPAQUE, "\x01\xff?");
	item.reading = reading;
	assert_int_equal(topics_encode(&item, &message), 0);
	value = payload_of(&message);
	assert_string_equal(json_string_value(json_object_get(value, "body")), "Af8/");
	json_decref(value);
	upstream_message_clear(&message);
	reading_unref(reading);
}

/* Byte for byte what consumers parse. */
static void test_pack(void **state)
{
	struct device_record other = {.id = "other-2", .ep = "o"};
	struct reading *first =
		make_reading(FORMAT_SENML_JSON, "[{\"bn\":\"a/\",\"v\":\"\u00e9\"}]");
	struct reading *second = make_reading(FORMAT_OPAQUE, "\x01\xff?");
	const struct upstream_part part[] = {{&record, first}, {&other, second}};
	struct upstream_item item = {
		.kind = UPSTREAM_PACK, .gateway_id = "gw", .epoch = 3, .part = part, .parts = 2};
	struct upstream_message message;
	static const char one[] =
		"[{\"gh\":{\"id\":\"gw.3.17\",\"device\":\"sensor-1-abcd\",\"trust\":\"plain\","
		"\"time\":\"1234567890.123\",\"clock\":\"synced\"},\"ct\":110,\"body\":"
		"[{\"bn\":\"a/\",\"v\":\"\u00e9\"}]}";
	static const char two[] =
		",{\"gh\":{\"id\":\"gw.3.18\",\"device\":\"other-2\",\"trust\":\"plain\","
		"\"time\":\"1234567890.123\",\"clock\":\"unsynced\"},\"ct\":42,\"body\":\"Af8/\"}";
	char expected[1024];
	int n;

	second->row = 18;
	second->clock_synced = false;
	assert_int_equal(topics_encode(&item, &message), 0);
	assert_string_equal(message.topic, "gatehouse/gw/telemetry");
	assert_int_equal(message.qos, 1);
	assert_int_equal(message.property_count, 0);
	assert_string_equal(message.content_type, "application/json");
	n = snprintf(expected, sizeof(expected), "%s%s]", one, two);
	assert_int_equal(message.payload.size, n);
	assert_memory_equal(message.payload.data, expected, n);
	upstream_message_clear(&message);
	item.record = &record;
	item.parts = 1;
	assert_int_equal(topics_encode(&item, &message), 0);
	assert_string_equal(message.topic, "gatehouse/gw/sensor-1-abcd/telemetry");
	n = snprintf(expected, sizeof(expected), "%s]", one);
	assert_int_equal(message.payload.size, n);
	assert_memory_equal(message.payload.data, expected, n);
	upstream_message_clear(&message);
	reading_unref(first);
	reading_unref(second);
}

static void test_status(void **state)
{
	const struct upstream_item item = {
		.kind = UPSTREAM_STATUS, .gateway_id = "gw", .record = &record, .seen = 0};
	struct upstream_message message;
	json_t *value;

	assert_int_equal(topics_encode(&item, &message), 0);
	assert_string_equal(message.topic, "gatehouse/gw/sensor-1-abcd/status");
	assert_true(message.retain);
	value = payload_of(&message);
	assert_string_equal(json_string_value(json_object_get(value, "state")), "pending");
	assert_string_equal(json_string_value(json_object_get(value, "ep")), "Sensor 1/+#");
	assert_string_equal(json_string_value(json_object_get(value, "name")), "Boiler");
	assert_true(json_is_null(json_object_get(value, "seen")));
	json_decref(value);
	upstream_message_clear(&message);
}

static void test_gap_gateway_clear(void **state)
{
	const struct upstream_gap gap = {
		.first_row = 5, .last_row = 9, .count = 4, .reason = "quota"};
	struct upstream_item item = {.kind = UPSTREAM_GAP,
		.gateway_id = "gw",
		.epoch = 2,
		.record = &record,
		.gap = &gap};
	struct upstream_message message;
	json_t *value;

	assert_int_equal(topics_encode(&item, &message), 0);
	assert_string_equal(message.topic, "gatehouse/gw/sensor-1-abcd/gap");
	value = payload_of(&message);
	assert_string_equal(json_string_value(json_object_get(value, "from")), "gw.2.5");
	assert_string_equal(json_string_value(json_object_get(value, "to")), "gw.2.9");
	assert_int_equal(json_integer_value(json_object_get(value, "count")), 4);
	json_decref(value);
	upstream_message_clear(&message);

	item = (struct upstream_item){.kind = UPSTREAM_GATEWAY,
		.gateway_id = "gw",
		.text = "online",
		.audit_head = "ab12"};
	assert_int_equal(topics_encode(&item, &message), 0);
	assert_string_equal(message.topic, "gatehouse/gw/status");
	value = payload_of(&message);
	assert_string_equal(json_string_value(json_object_get(value, "state")), "online");
	assert_string_equal(json_string_value(json_object_get(value, "audit")), "ab12");
	json_decref(value);
	upstream_message_clear(&message);

	item = (struct upstream_item){
		.kind = UPSTREAM_CLEAR, .gateway_id = "gw", .record = &record};
	assert_int_equal(topics_encode(&item, &message), 0);
	assert_int_equal(message.payload.size, 0);
	assert_true(message.retain);
	upstream_message_clear(&message);
}

static void expect_ignored(const char *topic, bool retained)
{
	struct inbound_message message = {.kind = INBOUND_COMMAND};

	assert_int_equal(topics_decode("gw", topic, span_from_string("{}"), retained, &message), 0);
	assert_int_equal(message.kind, INBOUND_IGNORED);
	assert_non_null(message.why);
}

static void test_inbound(void **state)
{
	struct inbound_message message;

	assert_int_equal(topics_decode("gw", "gatehouse/gw/sensor-1-abcd/command/reboot",
				 span_from_string("{}"), false, &message),
		0);
	assert_int_equal(message.kind, INBOUND_COMMAND);
	assert_string_equal(message.device_id, "sensor-1-abcd");
	assert_string_equal(message.name, "reboot");
	expect_ignored("gatehouse/gw/sensor-1-abcd/command/reboot", true);
	expect_ignored("gatehouse/other/sensor-1-abcd/command/reboot", false);
	expect_ignored("gatehouse/gw/sensor-1-abcd/command/", false);
	expect_ignored("gatehouse/gw/sensor-1-abcd/command/a/b", false);
	expect_ignored("gatehouse/gw//command/a", false);
	expect_ignored("gatehouse/gw/../command/a b", false);
	expect_ignored("gatehouse/gw/sensor-1-abcd/status", false);
	expect_ignored("gatehouse/gw", false);
	expect_ignored("gatehouse/gw/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/command/a",
		false);
}

static struct command result_of(const char *response_topic)
{
	struct command command = {.row = 12, .ended = true, .ok = true};

	snprintf(command.name, sizeof(command.name), "blink");
	snprintf(command.result, sizeof(command.result), "{\"n\":1}");
	snprintf(command.correlation, sizeof(command.correlation), "00ff61");
	snprintf(command.response_topic, sizeof(command.response_topic), "%s", response_topic);
	return command;
}

static void test_result(void **state)
{
	static const uint8_t correlation[] = {0x00, 0xff, 0x61};
	struct device_record device = {.id = "sensor-1-abcd"};
	struct command command = result_of("");
	struct upstream_item item = {.kind = UPSTREAM_RESULT,
		.gateway_id = "gw",
		.record = &device,
		.command = &command};
	struct upstream_message message;

	assert_int_equal(topics_encode(&item, &message), 0);
	assert_string_equal(message.topic, "gatehouse/gw/sensor-1-abcd/result/blink");
	assert_string_equal(message.made, "{\"cmd\":\"12\",\"ok\":true,\"result\":{\"n\":1}}");
	assert_false(message.retain);
	assert_int_equal(message.qos, 1);
	assert_int_equal(message.correlation_size, sizeof(correlation));
	assert_memory_equal(message.correlation, correlation, sizeof(correlation));
	upstream_message_clear(&message);
	command = result_of("answers/to/me");
	command.row = 0;
	command.correlation[0] = '\0';
	command_end(&command, false, "", "no");
	assert_int_equal(topics_encode(&item, &message), 0);
	assert_string_equal(message.topic, "answers/to/me");
	assert_string_equal(message.made, "{\"cmd\":null,\"ok\":false,\"reason\":\"no\"}");
	assert_int_equal(message.correlation_size, 0);
	upstream_message_clear(&message);
}

static void test_listen(void **state)
{
	char filter[64];

	assert_int_equal(topics_listen(NULL, "gw", filter, sizeof(filter)), 0);
	assert_string_equal(filter, "gatehouse/gw/+/command/+");
	assert_int_equal(topics_listen("s-1", "gw", filter, sizeof(filter)), 0);
	assert_string_equal(filter, "gatehouse/gw/s-1/command/+");
	assert_int_equal(topics_listen("s-1", "gw", filter, 10), -EMSGSIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reading),
		cmocka_unit_test(test_envelope),
		cmocka_unit_test(test_pack),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_gap_gateway_clear),
		cmocka_unit_test(test_inbound),
		cmocka_unit_test(test_result),
		cmocka_unit_test(test_listen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
