/* SPDX-License-Identifier: Apache-2.0 */

/* What the platform answers and what stands in its topics: times, documents, connection strings,
 * credentials, property bags, messages in both directions. The steps are tested by test-rules. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/crypto.h"
#include "drivers/platform/iothub.h"
#include "drivers/platform/spotflow-answer.h"
#include "drivers/table.h"

static void times(void **state)
{
	static const struct {
		const char *text;
		int64_t msec;
	} good[] = {
		{"1970-01-01T00:00:00Z", 0},
		{"2026-11-29T02:00:00Z", 1795917600000},
		{"2026-11-29T02:00:00.123456789Z", 1795917600123},
		{"2026-11-29t03:00:00+01:00", 1795917600000},
		{"2026-11-28T20:30:00.5-05:30", 1795917600500},
	};
	static const char *const bad[] = {"", "2026", "2026-11-29", "2026-11-29T02:00:00",
		"2026-11-29 02:00:00Z", "2026-13-29T02:00:00Z", "2026-11-32T02:00:00Z",
		"2026-11-29T24:00:00Z", "2026-11-29T02:60:00Z", "2026-11-29T02:00:00.Z",
		"2026-11-29T02:00:00Zx", "2026-11-29T02:00:00+0100", "1969-12-31T00:00:00Z",
		"2026-11-29T02:00:00+99:00", "20a6-11-29T02:00:00Z"};
	int64_t msec = 7;

	for (size_t i = 0; i < ELEMENTS(good); i++) {
		assert_int_equal(spotflow_time(good[i].text, &msec), 0);
		assert_int_equal(msec, good[i].msec);
	}
	msec = 7;
	for (size_t i = 0; i < ELEMENTS(bad); i++)
		assert_int_equal(spotflow_time(bad[i], &msec), -EBADMSG);
	assert_int_equal(msec, 7);
}

static void timespans(void **state)
{
	static const struct {
		const char *text;
		int64_t msec;
	} good[] = {
		{"8.11:55:36.3296177", ((8 * 24 + 11) * 60 + 55) * 60000LL + 36329},
		{"13:00:39", 13 * 3600000LL + 39000},
		{"0000.00:00:00.00", 0},
		{"-1.00:00:00", 0},
	};
	static const char *const bad[] = {"", "1", "1.2", "1.2.3:00:00", ".01:00:00", "25:00:00",
		"01:61:00", "01:00", "x.01:00:00", "01:00:00.", "01:00:00 "};
	int64_t msec;

	for (size_t i = 0; i < ELEMENTS(good); i++) {
		assert_int_equal(spotflow_timespan(good[i].text, &msec), 0);
		assert_int_equal(msec, good[i].msec);
	}
	for (size_t i = 0; i < ELEMENTS(bad); i++)
		assert_int_equal(spotflow_timespan(bad[i], &msec), -EBADMSG);
}

static void operations(void **state)
{
	static const char *const bad[] = {"", "[]", "{}", "nonsense",
		"{\"provisioningOperationId\":\"o\"}",
		"{\"provisioningOperationId\":\"o\",\"verificationCode\":7,\"expirationTime\":"
		"\"2026-11-29T02:00:00Z\"}",
		"{\"provisioningOperationId\":\"o\",\"verificationCode\":\"c\\nd\","
		"\"expirationTime\":\"2026-11-29T02:00:00Z\"}",
		"{\"provisioningOperationId\":\"o "
		"p\",\"verificationCode\":\"c\",\"expirationTime\":"
		"\"2026-11-29T02:00:00Z\"}",
		"{\"provisioningOperationId\":\"o\",\"verificationCode\":"
		"\"12345678901234567890123456789012345678901234567890123456789012345\","
		"\"expirationTime\":\"2026-11-29T02:00:00Z\"}",
		"{\"provisioningOperationId\":\"o\",\"provisioningOperationId\":\"p\","
		"\"verificationCode\":\"c\",\"expirationTime\":\"2026-11-29T02:00:00Z\"}",
		"{\"provisioningOperationId\":\"o\",\"verificationCode\":\"c\",\"expirationTime\":"
		"null}"};
	struct spotflow_operation got = {.expires = 7};

	for (size_t i = 0; i < ELEMENTS(bad); i++)
		assert_int_equal(spotflow_read_operation(span_from_string(bad[i]), &got), -EBADMSG);
	assert_int_equal(got.expires, 7);
	assert_int_equal(spotflow_read_operation(
				 SPAN_LITERAL("{\"provisioningOperationId\":\"o-1\","
					      "\"verificationCode\":\"Ab \xc3\xa4-9\",\"more\":{},"
					      "\"expirationTime\":\"2026-11-29T02:00:00Z\"}"),
				 &got),
		0);
	assert_string_equal(got.id, "o-1");
	assert_string_equal(got.code, "Ab \xc3\xa4-9"); /* verbatim */
	assert_int_equal(got.expires, 1795917600000);
}

static void tokens(void **state)
{
	struct spotflow_token got;
	char body[4096], long_one[SPOTFLOW_RT_MAX + 2];

	assert_int_equal(spotflow_read_token(SPAN_LITERAL("{\"registrationToken\":\"rr\","
							  "\"expirationTime\":null}"),
				 &got),
		0);
	assert_string_equal(got.text, "rr");
	assert_int_equal(got.expires, 0);
	assert_int_equal(
		spotflow_read_token(SPAN_LITERAL("{\"registrationToken\":\"rr\"}"), &got), 0);
	assert_int_equal(spotflow_read_token(SPAN_LITERAL("{\"registrationToken\":\"r r\"}"), &got),
		-EBADMSG);
	assert_int_equal(spotflow_read_token(SPAN_LITERAL("{\"registrationToken\":\"rr\","
							  "\"expirationTime\":\"soon\"}"),
				 &got),
		-EBADMSG);
	memset(long_one, 'r', sizeof(long_one) - 1);
	long_one[sizeof(long_one) - 1] = '\0';
	snprintf(body, sizeof(body), "{\"registrationToken\":\"%s\"}", long_one);
	assert_int_equal(spotflow_read_token(span_from_string(body), &got), -EBADMSG);
	long_one[SPOTFLOW_RT_MAX] = '\0';
	snprintf(body, sizeof(body), "{\"registrationToken\":\"%s\"}", long_one);
	assert_int_equal(spotflow_read_token(span_from_string(body), &got), 0);
}

static int registration(const char *connection, const char *host, const char *expires,
	const char *left, struct spotflow_registration *ret)
{
	char body[2048];

	snprintf(body, sizeof(body),
		"{\"connectionString\":\"%s\",\"iotHubHostName\":\"%s\","
		"\"connectionStringExpiration\":%s,\"tokenRemainingLifetime\":%s}",
		connection, host, expires, left);
	return spotflow_read_registration(span_from_string(body), ret);
}

#define GOOD_STRING                                                                \
	"HostName=h;DeviceId=w-1:d.2;SharedAccessSignature=SharedAccessSignature " \
	"sr=a%2Fb&sig=c%3D"                                                        \
	"&se=9"
#define GOOD_TIME "\"2026-11-29T02:00:00Z\""

static void registrations(void **state)
{
	struct spotflow_registration got;

	assert_int_equal(
		registration(GOOD_STRING, "hub.example", GOOD_TIME, "\"1.00:00:00\"", &got), 0);
	assert_string_equal(got.device, "w-1:d.2");
	assert_string_equal(got.host, "hub.example");
	assert_string_equal(got.sas, "SharedAccessSignature sr=a%2Fb&sig=c%3D&se=9");
	assert_int_equal(got.token_left, 86400000);
	assert_int_equal(registration(GOOD_STRING, "hub.example", GOOD_TIME, "null", &got), 0);
	assert_int_equal(got.token_left, -1);
	assert_int_equal(registration(GOOD_STRING, "hub.example", "null", "null", &got), -EBADMSG);
	assert_int_equal(registration(GOOD_STRING, "", GOOD_TIME, "null", &got), -EBADMSG);
	assert_int_equal(registration(GOOD_STRING, "h x", GOOD_TIME, "null", &got), -EBADMSG);
	assert_int_equal(registration(GOOD_STRING, "h", GOOD_TIME, "\"x\"", &got), -EBADMSG);
	assert_int_equal(registration("DeviceId=d", "h", GOOD_TIME, "null", &got), -EBADMSG);
	assert_int_equal(
		registration("SharedAccessSignature=s", "h", GOOD_TIME, "null", &got), -EBADMSG);
	assert_int_equal(
		registration("DeviceId=d/e;SharedAccessSignature=s", "h", GOOD_TIME, "null", &got),
		-EBADMSG);
	assert_int_equal(
		registration("DeviceId=#;SharedAccessSignature=s", "h", GOOD_TIME, "null", &got),
		-EBADMSG);
	assert_int_equal(registration("DeviceId=d;DeviceId=e;SharedAccessSignature=s", "h",
				 GOOD_TIME, "null", &got),
		-EBADMSG);
}

static void problems(void **state)
{
	assert_true(spotflow_is_cancelled(SPAN_LITERAL(
		"{\"type\":\"/problems/deviceProvisioning/provisioningOperationCancelled\"}")));
	assert_true(spotflow_is_cancelled(
		SPAN_LITERAL("{\"type\":\"https://x/problems/deviceProvisioning/"
			     "provisioningOperationCancelled\"}")));
	assert_false(spotflow_is_cancelled(SPAN_LITERAL("{\"type\":\"/problems/expired\"}")));
	assert_false(spotflow_is_cancelled(SPAN_LITERAL("{\"type\":7}")));
	assert_false(spotflow_is_cancelled(SPAN_LITERAL("")));
}

static void credentials(void **state)
{
	const struct iothub_credential credential = {.token = SPAN_LITERAL("rt"),
		.token_since = 1,
		.token_expires = 1795917600000,
		.host = SPAN_LITERAL("hub"),
		.device = SPAN_LITERAL("w:d"),
		.sas = SPAN_LITERAL("sas"),
		.sas_expires = -3};
	struct iothub_credential got;
	CLEANUP(secret_clear) struct secret bytes = {0};

	assert_int_equal(iothub_credential_make(&credential, &bytes), 0);
	assert_int_equal(iothub_credential_read(secret_span(&bytes), &got), 0);
	assert_true(span_equal(got.token, credential.token));
	assert_true(span_equal(got.sas, credential.sas));
	assert_int_equal(got.token_expires, credential.token_expires);
	assert_int_equal(got.sas_expires, -3);
	/* Each shorter one is none. */
	for (size_t size = 0; size < bytes.size; size++)
		assert_int_equal(iothub_credential_read(span_of(bytes.data, size), &got), -EBADMSG);
	/* Its last byte is one of the SAS: no header takes it. */
	bytes.data[bytes.size - 1] = '\n';
	assert_int_equal(iothub_credential_read(secret_span(&bytes), &got), -EBADMSG);
	bytes.data[bytes.size - 1] = 's';
	assert_int_equal(iothub_credential_read(secret_span(&bytes), &got), 0);
	/* The other format has a certificate where this one has its SAS. */
	bytes.data[0] = 2;
	assert_int_equal(iothub_credential_read(secret_span(&bytes), &got), 0);
	assert_true(span_equal(got.identity, credential.sas) && got.sas.size == 0);
	bytes.data[0] = 3;
	assert_int_equal(iothub_credential_read(secret_span(&bytes), &got), -EBADMSG);
}

static struct device_record *with_session(void)
{
	static struct device_record record;
	const struct iothub_credential credential = {.token = SPAN_LITERAL("rt"),
		.host = SPAN_LITERAL("hub.example"),
		.device = SPAN_LITERAL("w:d"),
		.sas = SPAN_LITERAL("SharedAccessSignature sr=1")};

	lifecycle_clear(&record.life);
	strcpy(record.id, "pump-1");
	strcpy(record.life.platform_id, "w:d");
	assert_int_equal(iothub_credential_make(&credential, &record.life.credential_current), 0);
	return &record;
}

static void sessions(void **state)
{
	const struct platform_driver *driver = platform_driver_by_name("spotflow");
	struct device_record *record = with_session();
	const struct iothub_credential unbound = {.token = SPAN_LITERAL("rt")};
	struct platform_session session;
	char filter[256];

	assert_int_equal(driver->session(record, "gw", &session), 0);
	assert_string_equal(session.host, "hub.example");
	assert_string_equal(session.client_id, "w:d");
	assert_string_equal(session.made_username, "hub.example/w:d/?api-version=2018-06-30");
	assert_true(span_equal(session.password, SPAN_LITERAL("SharedAccessSignature sr=1")));
	assert_int_equal(session.version, 4);
	assert_int_equal(driver->listen(record, "gw", 0, filter, sizeof(filter)), 0);
	assert_string_equal(filter, "devices/w:d/messages/devicebound/#");
	assert_int_equal(driver->listen(NULL, "gw", 0, filter, sizeof(filter)), -ENOTSUP);
	assert_int_equal(driver->listen(record, "gw", 0, filter, 20), -EMSGSIZE);
	assert_int_equal(iothub_credential_make(&unbound, &record->life.credential_current), 0);
	assert_int_equal(driver->session(record, "gw", &session), -EBADMSG);
	lifecycle_clear(&record->life);
}

static void readings_go_up(void **state)
{
	const struct platform_driver *driver = platform_driver_by_name("spotflow");
	struct device_record *record = with_session();
	const char *body = "[{\"n\":\"t\",\"v\":1}]";
	struct reading *reading = reading_new(strlen(body));
	struct upstream_item item = {.kind = UPSTREAM_READING,
		.gateway_id = "plant",
		.epoch = 4,
		.record = record,
		.reading = reading,
		.envelope = true};
	const struct upstream_gap gap = {1, 3, 3, "revoked"};
	struct upstream_message message;
	char value[96];
	const char *bag;

	assert_non_null(reading);
	memcpy(reading->body, body, strlen(body));
	reading->row = 9;
	reading->time = 1795917600123;
	reading->format = 110;
	reading->clock_synced = true;
	assert_int_equal(driver->encode(NULL, &item, &message), 0);
	assert_int_equal(strncmp(message.topic, "devices/w:d/messages/events/", 28), 0);
	bag = message.topic + 28;
	assert_int_equal(iothub_bag_find(bag, "gh-id", value, sizeof(value)), 1);
	assert_string_equal(value, "plant.4.9");
	assert_int_equal(iothub_bag_find(bag, "gh-clock", value, sizeof(value)), 1);
	assert_string_equal(value, "synced");
	assert_int_equal(iothub_bag_find(bag, "$.ct", value, sizeof(value)), 1);
	assert_string_equal(value, "application/senml+json");
	assert_true(span_equal(message.payload, span_from_string(body)));
	assert_int_equal(message.qos, 1);
	assert_false(message.retain);
	assert_int_equal(message.property_count, 0);
	upstream_message_clear(&message);
	item.kind = UPSTREAM_GAP;
	item.gap = &gap;
	assert_int_equal(driver->encode(NULL, &item, &message), 0);
	assert_int_equal(iothub_bag_find(message.topic + 28, "gh-kind", value, sizeof(value)), 1);
	assert_string_equal(value, "gap");
	upstream_message_clear(&message);
	item.kind = UPSTREAM_STATUS;
	assert_int_equal(driver->encode(NULL, &item, &message), 0);
	assert_string_equal(message.topic, "$iothub/twin/PATCH/properties/reported/?$rid=status");
	assert_int_equal(strncmp(message.made, "{\"gatehouse\":{\"state\":", 22), 0);
	assert_false(message.retain);
	upstream_message_clear(&message);
	item.kind = UPSTREAM_ASK;
	assert_int_equal(driver->encode(NULL, &item, &message), 0);
	assert_string_equal(message.topic, "$iothub/twin/GET/?$rid=ask");
	assert_int_equal(message.payload.size, 0);
	upstream_message_clear(&message);
	item.kind = UPSTREAM_CLEAR;
	assert_int_equal(driver->encode(NULL, &item, &message), -ENOTSUP);
	/* Of a forgotten device there is no topic any more. */
	item.kind = UPSTREAM_GAP;
	record->life.platform_id[0] = '\0';
	assert_int_equal(driver->encode(NULL, &item, &message), -ENOTSUP);
	reading_unref(reading);
	lifecycle_clear(&record->life);
}

static void bags(void **state)
{
	char text[32];

	assert_int_equal(iothub_escape("a b/c&d=\xc3\xa4", text, sizeof(text)), 0);
	assert_string_equal(text, "a%20b%2Fc%26d%3D%C3%A4");
	assert_int_equal(
		iothub_escape("0123456789012345678901234567890123", text, sizeof(text)), -EMSGSIZE);
	assert_int_equal(iothub_bag_find("a=1&b%20c=x%2Fy&d&e=", "b c", text, sizeof(text)), 1);
	assert_string_equal(text, "x/y");
	assert_int_equal(iothub_bag_find("a=1&d&e=", "d", text, sizeof(text)), 1);
	assert_string_equal(text, "");
	assert_int_equal(iothub_bag_find("a=1&d&e=", "e", text, sizeof(text)), 1);
	assert_int_equal(iothub_bag_find("a=1", "b", text, sizeof(text)), 0);
	assert_int_equal(iothub_bag_find("", "b", text, sizeof(text)), 0);
	assert_int_equal(iothub_bag_find("a=%", "a", text, sizeof(text)), -EBADMSG);
	assert_int_equal(iothub_bag_find("a=%zz", "a", text, sizeof(text)), -EBADMSG);
	assert_int_equal(iothub_bag_find("a=%00", "a", text, sizeof(text)), -EBADMSG);
	assert_int_equal(iothub_bag_find("a=12345678", "a", text, 8), -EMSGSIZE);
}

static void messages_come_down(void **state)
{
	static const struct {
		const char *topic;
		enum inbound_kind kind;
		const char *name;
	} rows[] = {
		{"devices/w:d/messages/devicebound/%24.mid=1&command=restart", INBOUND_COMMAND,
			"restart"},
		{"devices/w:d/messages/devicebound/%24.mid=1", INBOUND_IGNORED, ""},
		{"devices/w:d/messages/devicebound/command=a%2Fb", INBOUND_IGNORED, ""},
		{"devices/w:d/messages/devicebound/command=%zz", INBOUND_IGNORED, ""},
		{"$iothub/methods/POST/set-rate/?$rid=1", INBOUND_COMMAND, "set-rate"},
		{"$iothub/methods/POST//?$rid=1", INBOUND_IGNORED, ""},
		{"$iothub/methods/POST/!remote-access/?$rid=1", INBOUND_REFUSED, ""},
		{"$iothub/methods/POST/a%2Fb/?$rid=1", INBOUND_REFUSED, ""},
		{"$iothub/methods/POST/name", INBOUND_IGNORED, ""},
		{"$iothub/methods/POST/name/?$rid=", INBOUND_IGNORED, ""},
		{"$iothub/methods/POST/name/?$rid=a/b", INBOUND_IGNORED, ""},
		{"$iothub/methods/POST/name/?$rid=1&more", INBOUND_IGNORED, ""},
		{"$iothub/twin/PATCH/properties/desired/?$version=4", INBOUND_CHANGED, ""},
		{"$iothub/twin/res/204/?$rid=status&$version=2", INBOUND_TAKEN, ""},
		{"$iothub/twin/res/429/?$rid=ask&retry-after=7", INBOUND_PUT_OFF, ""},
		{"$iothub/twin/res/500/?$rid=status", INBOUND_PUT_OFF, ""},
		{"$iothub/twin/res/400/?$rid=status", INBOUND_NOT_TAKEN, ""},
		{"$iothub/twin/res/200/?$rid=ask", INBOUND_IGNORED, ""},
		{"$iothub/twin/res/200", INBOUND_IGNORED, ""},
		{"$iothub/twin/else", INBOUND_IGNORED, ""},
		{"devices/w:d/messages/events/", INBOUND_IGNORED, ""},
		{"anything", INBOUND_IGNORED, ""},
	};
	const struct platform_driver *driver = platform_driver_by_name("spotflow");
	struct inbound_message message;

	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		assert_int_equal(driver->decode(NULL, "gw", rows[i].topic, SPAN_LITERAL("{}"),
					 false, &message),
			0);
		assert_int_equal(message.kind, rows[i].kind);
		assert_string_equal(message.name, rows[i].name);
		assert_string_equal(message.device_id, "");
		assert_string_equal(message.platform_id, i == 0 ? "w:d" : "");
	}
}

static void filters(void **state)
{
	const struct platform_driver *driver = platform_driver_by_name("azure");
	struct device_record record = {.life.platform_id = "pump"};
	char filter[64];

	assert_int_equal(driver->listen(&record, "gw", 0, filter, sizeof(filter)), 0);
	assert_string_equal(filter, "devices/pump/messages/devicebound/#");
	assert_int_equal(driver->listen(&record, "gw", 1, filter, sizeof(filter)), 0);
	assert_string_equal(filter, "$iothub/methods/POST/#");
	assert_int_equal(driver->listen(&record, "gw", 3, filter, sizeof(filter)), 0);
	assert_string_equal(filter, "$iothub/twin/PATCH/properties/desired/#");
	assert_int_equal(driver->listen(&record, "gw", 0, filter, 8), -EMSGSIZE);
	assert_int_equal(driver->listen(&record, "gw", PLATFORM_LISTENS_MAX, filter, 8), -ENOTSUP);
	assert_int_equal(driver->listen(NULL, "gw", 0, filter, sizeof(filter)), -ENOTSUP);
}

static void method_comes(const char *topic, const char *payload, struct inbound_message *ret)
{
	assert_int_equal(platform_driver_by_name("azure")->decode(
				 NULL, "gw", topic, span_from_string(payload), false, ret),
		0);
}

static void expect_answer(const struct command *command, unsigned status, const char *text)
{
	const struct platform_driver *driver = platform_driver_by_name("azure");
	struct device_record record = {.life.platform_id = "pump"};
	const struct upstream_item item = {
		.kind = UPSTREAM_RESULT, .record = &record, .command = command};
	struct upstream_message message;
	char topic[64];

	assert_int_equal(driver->encode(NULL, &item, &message), 0);
	snprintf(topic, sizeof(topic), "$iothub/methods/res/%u/?$rid=a-1", status);
	assert_string_equal(message.topic, topic);
	assert_string_equal(message.made, text);
	assert_int_equal(message.qos, 1);
	assert_false(message.retain);
	upstream_message_clear(&message);
}

static void methods(void **state)
{
	static const struct {
		const char *reason;
		uint64_t row;
		unsigned status;
	} rows[] = {
		{COMMAND_REASON_EXPIRED, 7, 504},
		{COMMAND_REASON_NOT_APPROVED, 0, 403},
		{COMMAND_REASON_NAME, 0, 404},
		{COMMAND_REASON_TOO_MANY, 0, 429},
		{COMMAND_REASON_NOT_STORED, 0, 503},
		{"the arguments are not JSON", 0, 400},
		{"the device answered 4.05", 7, 502},
	};
	struct command command = {.row = 7};
	struct inbound_message message;
	char rid[200], text[160];

	method_comes("$iothub/methods/POST/blink/?$rid=a-1", "{\"n\":1}", &message);
	assert_true(message.is_call);
	assert_int_equal(message.args.size, 7);
	snprintf(command.response_topic, sizeof(command.response_topic), "%s", message.answer_to);
	/* Nobody else may have a result go there. */
	assert_false(command_topic_fits(span_from_string(message.answer_to)));
	command_end(&command, true, "[3]", "");
	expect_answer(&command, 200, "{\"cmd\":\"7\",\"ok\":true,\"result\":[3]}");
	command_end(&command, false, "", "");
	expect_answer(&command, 500, "{\"cmd\":\"7\",\"ok\":false}");
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		command.row = rows[i].row;
		command_end(&command, false, "", rows[i].reason);
		snprintf(text, sizeof(text), "{\"cmd\":%s,\"ok\":false,\"reason\":\"%s\"}",
			rows[i].row ? "\"7\"" : "null", rows[i].reason);
		expect_answer(&command, rows[i].status, text);
	}
	method_comes("$iothub/methods/POST/blink/?$rid=1", "null", &message);
	assert_int_equal(message.args.size, 0);
	method_comes("$iothub/methods/POST/!no/?$rid=1", "{}", &message);
	assert_string_equal(message.why, COMMAND_REASON_NAME);
	assert_string_equal(message.answer_to, "$iothub/methods/res/?$rid=1");
	snprintf(rid, sizeof(rid), "$iothub/methods/POST/blink/?$rid=%0129d", 1);
	method_comes(rid, "{}", &message);
	assert_int_equal(message.kind, INBOUND_IGNORED);
	snprintf(rid, sizeof(rid), "$iothub/methods/POST/%065d/?$rid=1", 1);
	method_comes(rid, "{}", &message);
	assert_int_equal(message.kind, INBOUND_REFUSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times),
		cmocka_unit_test(timespans),
		cmocka_unit_test(operations),
		cmocka_unit_test(tokens),
		cmocka_unit_test(registrations),
		cmocka_unit_test(problems),
		cmocka_unit_test(credentials),
		cmocka_unit_test(sessions),
		cmocka_unit_test(readings_go_up),
		cmocka_unit_test(bags),
		cmocka_unit_test(messages_come_down),
		cmocka_unit_test(filters),
		cmocka_unit_test(methods),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
