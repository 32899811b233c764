/* SPDX-License-Identifier: Apache-2.0 */

/* The shadow of a thing: what is asked, what is said, and what every answer is taken for. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "drivers/platform/aws-parts.h"
#include "drivers/platform/aws.h"

#define SHADOW	"$aws/things/pump/shadow/"
#define DESIRED "{\"state\":{\"desired\":"

static struct device_record record = {.id = "device-7", .ep = "pump", .life.platform_id = "pump"};
static struct upstream_item item = {.gateway_id = "plant", .record = &record};
static struct inbound_message message;

static void cleanup_message(struct upstream_message *sent)
{
	upstream_message_clear(sent);
}

static enum inbound_kind comes(const char *leaf, const char *payload)
{
	char topic[200];

	snprintf(topic, sizeof(topic), SHADOW "%s", leaf);
	assert_int_equal(platform_aws.decode(
				 NULL, "plant", topic, span_from_string(payload), false, &message),
		0);
	return message.kind;
}

/* The word that the result of what is desired goes by, "" = there is nothing new. */
static const char *word_of(const char *payload)
{
	assert_int_equal(comes("get/accepted", payload), INBOUND_CONFIGURATION);
	return message.answer_to;
}

/* As the template said when it was issued. */
static void issue(bool shadow)
{
	const struct aws_credential credential = {
		.thing = SPAN_LITERAL("pump"), .id = SPAN_LITERAL("0123"), .shadow = shadow};

	assert_int_equal(aws_credential_make(&credential, SPAN_LITERAL("certificate\n"),
				 SPAN_LITERAL("key\n"), &record.life.credential_current),
		0);
}

static int wanted(void **state)
{
	issue(true);
	return 0;
}

static int unwanted(void **state)
{
	secret_clear(&record.life.credential_current);
	return 0;
}

static void what_the_template_says(void **state)
{
	static const char *const no[] = {"", "[]", "{}", "{\"deviceConfiguration\":\"yes\"}",
		"{\"deviceConfiguration\":{}}", "{\"gatehouse-shadow\":\"yes\"}",
		"{\"deviceConfiguration\":{\"gatehouse-shadow\":\"no\"}}",
		"{\"deviceConfiguration\":{\"gatehouse-shadow\":true}}"};

	assert_true(aws_shadow_read(
		SPAN_LITERAL("{\"deviceConfiguration\":{\"a\":\"b\",\"gatehouse-shadow\":\"yes\"},"
			     "\"thingName\":\"pump\"}")));
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		assert_false(aws_shadow_read(span_from_string(no[i])));
}

/* Nothing is listened to, said or asked that a policy may not allow. */
static void where_nobody_wants_it(void **state)
{
	struct command command = {
		.name = "configure", .args = "{}", .response_topic = "$aws/shadow/00"};
	struct upstream_message sent;
	char filter[100];

	issue(false);
	assert_int_equal(platform_aws.listen(&record, "plant", 0, filter, sizeof(filter)), 0);
	assert_int_equal(
		platform_aws.listen(&record, "plant", 1, filter, sizeof(filter)), -ENOTSUP);
	item.kind = UPSTREAM_ASK;
	assert_int_equal(platform_aws.encode(NULL, &item, &sent), -ENOTSUP);
	item.kind = UPSTREAM_STATUS;
	assert_int_equal(platform_aws.encode(NULL, &item, &sent), -ENOTSUP);
	item.kind = UPSTREAM_RESULT;
	item.command = &command;
	assert_int_equal(platform_aws.encode(NULL, &item, &sent), -ENOTSUP);
}

static void what_is_listened_to(void **state)
{
	static const char *const wanted[] = {"gatehouse/plant/pump/command/+", SHADOW "get/+",
		SHADOW "update/accepted", SHADOW "update/rejected"};
	char filter[100];
	unsigned at;

	for (at = 0; at < sizeof(wanted) / sizeof(wanted[0]); at++) {
		assert_int_equal(
			platform_aws.listen(&record, "plant", at, filter, sizeof(filter)), 0);
		assert_string_equal(filter, wanted[at]);
	}
	assert_true(at < PLATFORM_LISTENS_MAX);
	assert_int_equal(
		platform_aws.listen(&record, "plant", at, filter, sizeof(filter)), -ENOTSUP);
	assert_int_equal(platform_aws.listen(&record, "plant", 1, filter, 20), -EMSGSIZE);
	assert_int_equal(platform_aws.listen(NULL, "plant", 1, filter, sizeof(filter)), -ENOTSUP);
}

static void what_is_asked_and_said(void **state)
{
	CLEANUP(cleanup_message) struct upstream_message sent = {0}, other = {0};

	item.kind = UPSTREAM_ASK;
	assert_int_equal(platform_aws.encode(NULL, &item, &sent), 0);
	assert_string_equal(sent.topic, SHADOW "get");
	assert_true(span_equal(sent.payload, SPAN_LITERAL("{\"clientToken\":\"gatehouse\"}")));
	assert_int_equal(sent.qos, 1);
	item.kind = UPSTREAM_STATUS;
	item.seen = 1800000000000;
	strcpy(record.owner, "Works");
	assert_int_equal(platform_aws.encode(NULL, &item, &other), 0);
	assert_string_equal(other.topic, SHADOW "update");
	assert_memory_equal(other.payload.data,
		"{\"state\":{\"reported\":{\"gatehouse\":{\"state\"",
		strlen("{\"state\":{\"reported\":{\"gatehouse\":{\"state\""));
	assert_non_null(strstr(other.made, "\"owner\":\"Works\""));
	assert_non_null(strstr(other.made, "\"seen\":null"));
	assert_non_null(strstr(other.made, "}}},\"clientToken\":\"gatehouse\"}"));
	assert_false(other.retain);
}

/* As the Developer Guide shows it. */
static void desired_is_a_configuration(void **state)
{
	char first[COMMAND_TOPIC_MAX + 1], had[300];

	strcpy(first, word_of(DESIRED "{\"lights\":{\"color\":\"RED\"},\"engine\":\"ON\"},"
				      "\"reported\":{\"lights\":{\"color\":\"GREEN\"}},\"delta\":{"
				      "\"engine\":\"ON\"}},\"metadata\":{\"desired\":{\"engine\":{"
				      "\"timestamp\":123456}}},\"version\":10,\"timestamp\":1"
				      "23456789}"));
	assert_string_equal(message.name, "configure");
	assert_string_equal(message.platform_id, "pump");
	assert_null(message.why);
	assert_true(span_equal(
		message.args, SPAN_LITERAL("{\"lights\":{\"color\":\"RED\"},\"engine\":\"ON\"}")));
	assert_int_equal(first[0], '$');
	/* Another version of the shadow, another order: the same. */
	assert_string_equal(word_of(DESIRED "{\"engine\":\"ON\",\"lights\":{\"color\":\"RED\"}}},"
					    "\"version\":11}"),
		first);
	/* It has had that one. */
	snprintf(had, sizeof(had),
		DESIRED "{\"engine\":\"ON\",\"lights\":{\"color\":\"RED\"}},\"reported\":{"
			"\"gatehouse\":{\"configuration\":{\"version\":\"%s\"}}}}}",
		strrchr(first, '/') + 1);
	assert_string_equal(word_of(had), "");
	/* Another one. */
	assert_string_not_equal(word_of(DESIRED "{\"engine\":\"OFF\"}}}"), first);
	assert_string_not_equal(message.answer_to, "");
}

static void nothing_is_wanted(void **state)
{
	assert_string_equal(word_of("{\"state\":{},\"version\":1}"), "");
	assert_string_equal(word_of("{\"state\":{\"reported\":{\"a\":1}},\"version\":1}"), "");
	assert_string_equal(word_of(DESIRED "{}}}"), "");
	assert_int_equal(comes("get/rejected", "{\"code\":404,\"message\":\"No shadow exists\"}"),
		INBOUND_CONFIGURATION);
	assert_string_equal(message.answer_to, "");
	/* All of what it has had was taken back: that is another one. */
	assert_string_not_equal(
		word_of("{\"state\":{\"reported\":{\"gatehouse\":{\"configuration\":"
			"{\"version\":\"0011223344556677\"}}}}}"),
		"");
	assert_true(span_equal(message.args, SPAN_LITERAL("{}")));
}

static void what_cannot_be_one_is_said(void **state)
{
	char text[700];

	snprintf(text, sizeof(text), DESIRED "{\"a\":\"%0520d\"}}}", 0);
	assert_string_not_equal(word_of(text), "");
	assert_non_null(strstr(message.why, "512"));
	assert_string_not_equal(word_of(DESIRED "{\"gatehouse\":{\"owner\":\"me\"}}}}"), "");
	assert_non_null(strstr(message.why, "gateway's own"));
}

static void somebody_changed_it(void **state)
{
	assert_int_equal(
		comes("update/accepted", DESIRED "{\"a\":1}},\"version\":4}"), INBOUND_CHANGED);
	assert_int_equal(comes("update/accepted", DESIRED "null},\"version\":4}"), INBOUND_CHANGED);
	assert_int_equal(
		comes("update/accepted", "{\"state\":{\"reported\":{\"a\":1}}}"), INBOUND_TAKEN);
}

static void refusals(void **state)
{
#define OURS ",\"clientToken\":\"gatehouse\"}"
	static const struct {
		const char *leaf, *payload;
		enum inbound_kind kind;
	} rows[] = {
		{"update/rejected", "{\"code\":429" OURS, INBOUND_PUT_OFF},
		{"update/rejected", "{\"code\":500" OURS, INBOUND_PUT_OFF},
		{"get/rejected", "{\"code\":503" OURS, INBOUND_PUT_OFF},
		{"update/rejected", "{\"code\":400" OURS, INBOUND_NOT_TAKEN},
		{"update/rejected", "{\"code\":404" OURS, INBOUND_NOT_TAKEN},
		{"update/rejected", "{\"code\":413" OURS, INBOUND_NOT_TAKEN},
		{"get/rejected", "{\"code\":403" OURS, INBOUND_NOT_TAKEN},
		/* an application's */
		{"update/rejected", "{\"code\":429}", INBOUND_TAKEN},
		{"update/rejected", "{\"code\":409,\"clientToken\":\"app\"}", INBOUND_TAKEN},
		{"get/rejected", "{\"code\":429,\"clientToken\":7}", INBOUND_TAKEN},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(comes(rows[i].leaf, rows[i].payload), rows[i].kind);
		assert_true(!message.why == (rows[i].kind != INBOUND_NOT_TAKEN));
		assert_string_equal(message.answer_to, "");
	}
}

static void what_became_of_it(void **state)
{
	struct command command = {.row = 3,
		.name = "configure",
		.args = "{\"rate\":5}",
		.response_topic = "$aws/shadow/0011223344556677",
		.ok = true,
		.result = "{\"a.b\":1}"};
	CLEANUP(cleanup_message) struct upstream_message sent = {0}, other = {0}, plain = {0};

	item.kind = UPSTREAM_RESULT;
	item.command = &command;
	assert_int_equal(platform_aws.encode(NULL, &item, &sent), 0);
	assert_string_equal(sent.topic, SHADOW "update");
	/* There is no delta any more. */
	assert_string_equal(sent.made,
		"{\"state\":{\"reported\":{\"rate\":5,\"gatehouse\":{\"configuration\":{"
		"\"version\":"
		"\"0011223344556677\",\"ok\":true,\"result\":\"{\\\"a.b\\\":1}\",\"reason\":null}}}"
		"},\"clientToken\":\"gatehouse\"}");
	command.ok = false;
	command.result[0] = '\0';
	strcpy(command.reason, COMMAND_REASON_EXPIRED);
	assert_int_equal(platform_aws.encode(NULL, &item, &other), 0);
	assert_string_equal(other.made,
		"{\"state\":{\"reported\":{\"gatehouse\":{\"configuration\":{\"version\":"
		"\"0011223344556677\",\"ok\":false,\"result\":null,\"reason\":\"expired\"}}}"
		"},\"clientToken\":\"gatehouse\"}");
	/* Every other command as ever. */
	command.response_topic[0] = '\0';
	assert_int_equal(platform_aws.encode(NULL, &item, &plain), 0);
	assert_string_equal(plain.topic, "gatehouse/plant/pump/result/configure");
}

static void hostile(void **state)
{
	static const char *const leaf[] = {"", "get", "get/accepted/", "update/delta",
		"update/documents", "delete/accepted", "name/x/get/accepted", "Get/accepted"};
	static const char *const read[] = {
		"get/accepted", "get/rejected", "update/accepted", "update/rejected"};
	static const char *const bad[] = {"", "[]", "{", "{}", "null", "7", "{\"state\":7}",
		"{\"state\":[]}", "{\"state\":null}", "{\"code\":\"429\"}", "{\"code\":0}",
		DESIRED "7}}", DESIRED "[1]}}", DESIRED "\"x\"}}", "{\"state\":{},\"state\":{}}"};
	char topic[300];

	for (size_t i = 0; i < sizeof(leaf) / sizeof(leaf[0]); i++)
		assert_int_equal(comes(leaf[i], "{\"state\":{}}"), INBOUND_IGNORED);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		for (size_t k = 0; k < sizeof(read) / sizeof(read[0]); k++) {
			enum inbound_kind kind = comes(read[k], bad[i]);

			assert_true(kind == INBOUND_IGNORED || (k == 2 && kind == INBOUND_CHANGED));
			assert_string_equal(message.answer_to, "");
		}
	snprintf(topic, sizeof(topic), "$aws/things/%0129d/shadow/get/accepted", 0);
	platform_aws.decode(NULL, "plant", topic, SPAN_LITERAL("{\"state\":{}}"), false, &message);
	assert_int_equal(message.kind, INBOUND_IGNORED);
	platform_aws.decode(NULL, "plant", "$aws/things/shadow/get/accepted",
		SPAN_LITERAL("{\"state\":{}}"), false, &message);
	assert_int_equal(message.kind, INBOUND_IGNORED);
	platform_aws.decode(NULL, "plant", "$aws/things/a b/shadow/get/accepted",
		SPAN_LITERAL("{\"state\":{}}"), false, &message);
	assert_int_equal(message.kind, INBOUND_IGNORED);
}

#define T(name) cmocka_unit_test_setup_teardown(name, wanted, unwanted)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_template_says),
		T(where_nobody_wants_it),
		T(what_is_listened_to),
		T(what_is_asked_and_said),
		T(desired_is_a_configuration),
		T(nothing_is_wanted),
		T(what_cannot_be_one_is_said),
		T(somebody_changed_it),
		T(refusals),
		T(what_became_of_it),
		T(hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
