/* SPDX-License-Identifier: Apache-2.0 */

/* The native driver: links, the enrol map, the answer map, requests. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/crypto.h"
#include "core/cbor-json.h"
#include "drivers/table.h"

static const struct device_driver *driver;

static int set_up(void **state)
{
	driver = device_driver_by_name("native");
	return driver ? 0 : -1;
}

static enum info_verdict decode(
	int format, const char *text, struct device_info *info, bool *has_pt, const char **why)
{
	enum info_verdict verdict = INFO_FORMAT_UNKNOWN;

	assert_int_equal(
		driver->decode_info(format, span_from_string(text), info, has_pt, &verdict, why),
		0);
	return verdict;
}

static void refuse(const char *text, const char *part)
{
	struct device_info info = {0};
	const char *why = "";
	bool has_pt;

	assert_int_equal(decode(FORMAT_JSON, text, &info, &has_pt, &why), INFO_MALFORMED);
	assert_non_null(strstr(why, part));
	assert_false(has_pt);
	assert_string_equal(info.model, "");
	assert_null(info.attributes);
}

static void test_match(void **state)
{
	const struct device_link links[] = {
		{"/info", "gatehouse.info", "", 60, false},
		{"/blink", "x gatehouse.identify", "", -1, false},
		{"/st", "gatehouse.status", "", 60, false},
		{"/t", "temperature", "core.s", 110, true},
		{"/u", "temperature", "core.s", 110, true},
	};
	const struct device_link foreign[] = {{"/t", "temperature", "core.s", 110, true},
		{"/x", "gatehouse.information", "", -1, false}};
	struct device_links found;

	assert_true(driver->match(&(const struct device_question){links, 5, "e", NULL}, &found));
	assert_string_equal(found.info, "/info");
	assert_string_equal(found.identify, "/blink");
	assert_string_equal(found.status, "/st");
	assert_int_equal(found.source_count, 2);
	assert_string_equal(found.source[0].path, "/t");
	assert_int_equal(found.source[0].format, 110);
	assert_true(found.source[0].observe);
	assert_string_equal(found.source[1].name, "u");
	assert_int_equal(found.status_format, FORMAT_CBOR);
	assert_string_equal(found.display, "");
	assert_false(driver->match(&(const struct device_question){foreign, 2, "e", NULL}, &found));
	assert_true(driver->match(&(const struct device_question){0}, &found));
	assert_ptr_equal(
		device_driver_match(&(const struct device_question){links, 5, "e", NULL}, &found),
		driver);
	assert_string_equal(
		device_driver_match(&(const struct device_question){foreign, 2, "e", NULL}, &found)
			->name,
		"plain");
}

static void test_info(void **state)
{
	struct device_info info = {0};
	const char *why = NULL;
	bool has_pt = true;

	assert_int_equal(decode(FORMAT_JSON,
				 "{\"model\":\"T-1\",\"serial\":\"42\",\"firmware\":\"1.0\","
				 "\"display\":true,\"code\":\"bcdf-ghjk\",\"attributes\":{\"room\":"
				 "\"7\"},\"later\":[1]}",
				 &info, &has_pt, &why),
		INFO_TAKEN);
	assert_string_equal(info.model, "T-1");
	assert_string_equal(info.serial, "42");
	assert_string_equal(info.firmware, "1.0");
	assert_true(info.display);
	assert_string_equal(info.code, "BCDFGHJK");
	assert_string_equal(info.attributes, "{\"room\":\"7\"}");
	assert_false(has_pt);
	device_info_clear(&info);
	assert_null(info.attributes);
}

static void test_empty_and_cbor(void **state)
{
	const uint8_t cbor[] = {0xa1, 0x65, 'm', 'o', 'd', 'e', 'l', 0x62, 'T', '1'};
	struct device_info info = {0};
	enum info_verdict verdict;
	const char *why;
	bool has_pt;

	assert_int_equal(decode(FORMAT_NONE, "", &info, &has_pt, &why), INFO_TAKEN);
	assert_int_equal(driver->decode_info(FORMAT_CBOR, span_of(cbor, sizeof(cbor)), &info,
				 &has_pt, &verdict, &why),
		0);
	assert_int_equal(verdict, INFO_TAKEN);
	assert_string_equal(info.model, "T1");
	device_info_clear(&info);
	assert_int_equal(decode(FORMAT_TEXT, "x", &info, &has_pt, &why), INFO_FORMAT_UNKNOWN);
}

static void test_malformed(void **state)
{
	char text[600];

	refuse("[]", "one map");
	refuse("{", "one map");
	refuse("{\"model\":\"a\",\"model\":\"b\"}", "one map");
	refuse("{\"model\":1}", "text");
	refuse("{\"model\":\"a\\u0007\"}", "control");
	refuse("{\"display\":1}", "display");
	refuse("{\"code\":\"AEIOU\"}", "code");
	refuse("{\"v\":2}", "version 1");
	refuse("{\"attributes\":[]}", "16");
	refuse("{\"attributes\":{\"a\":1}}", "attribute");
	refuse("{\"attributes\":{\"\":\"x\"}}", "name");
	snprintf(text, sizeof(text), "{\"serial\":\"%065d\"}", 1);
	refuse(text, "64");
	snprintf(text, sizeof(text), "{\"attributes\":{\"a\":\"%0257d\"}}", 1);
	refuse(text, "256");
	refuse("{\"attributes\":{\"1\":\"\",\"2\":\"\",\"3\":\"\",\"4\":\"\",\"5\":\"\",\"6\":\"\","
	       "\"7\":\"\",\"8\":\"\",\"9\":\"\",\"10\":\"\",\"11\":\"\",\"12\":\"\",\"13\":\"\","
	       "\"14\":\"\",\"15\":"
	       "\"\",\"16\":\"\",\"17\":\"\"}}",
		"16");
}

static void test_token_in_clear(void **state)
{
	struct device_info info = {0};
	const char *why = "";
	bool has_pt = false;

	assert_int_equal(decode(FORMAT_JSON, "{\"model\":\"x\",\"pt\":\"canary-token\"}", &info,
				 &has_pt, &why),
		INFO_TAKEN);
	assert_true(has_pt);
	assert_string_equal(info.model, "x");
	/* Also beside what is refused, and whatever it is itself. */
	assert_int_equal(decode(FORMAT_JSON, "{\"model\":1,\"pt\":[2]}", &info, &has_pt, &why),
		INFO_MALFORMED);
	assert_true(has_pt);
	assert_int_equal(decode(FORMAT_JSON, "{\"ptx\":1}", &info, &has_pt, &why), INFO_TAKEN);
	assert_false(has_pt);
}

static int decode_pt(int format, struct span body, struct secret *ret_pt)
{
	const char *why = "";
	int r = driver->decode_pt(format, body, ret_pt, &why);

	if (r < 0)
		assert_int_equal(ret_pt->size, 0);
	assert_null(strstr(why, "canary"));
	return r;
}

static void test_token(void **state)
{
	static const char *const refused[] = {"{\"pt\":\"\"}", "{\"pt\":1}", "{\"pt\":null}",
		"{\"pt\":[\"canary\"]}", "{\"pt\":\"canary token\"}", "{\"pt\":\"canary\\n\"}",
		"{\"pt\":\"can\xc3\xa4ry\"}", "{\"pt\":\"canary", "[]"};
	static const uint8_t cbor[] = {0xa1, 0x62, 'p', 't', 0x63, 'a', 'b', 'c'};
	struct secret pt;
	char body[600];

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		assert_int_equal(
			decode_pt(FORMAT_JSON, span_from_string(refused[i]), &pt), -EBADMSG);
	assert_int_equal(decode_pt(FORMAT_JSON, SPAN_LITERAL("{\"model\":\"x\"}"), &pt), 0);
	assert_int_equal(pt.size, 0);
	assert_int_equal(decode_pt(FORMAT_NONE, SPAN_LITERAL(""), &pt), 0);
	assert_int_equal(pt.size, 0);
	assert_int_equal(decode_pt(FORMAT_CBOR, span_of(cbor, sizeof(cbor)), &pt), 0);
	assert_true(span_equal(secret_span(&pt), SPAN_LITERAL("abc")));
	secret_clear(&pt);
	for (int size = 511; size <= 513; size++) {
		snprintf(body, sizeof(body), "{\"pt\":\"%0*d\"}", size, 7);
		assert_int_equal(decode_pt(FORMAT_JSON, span_from_string(body), &pt),
			size <= 512 ? 0 : -EBADMSG);
		assert_int_equal(pt.size, size <= 512 ? size : 0);
		secret_clear(&pt);
	}
}

static const struct enrol_answer answer = {.state = DEVICE_PENDING,
	.retry = 5,
	.id = "sensor-1-abcd",
	.expires = 60,
	.owner = "",
	.place = "Room 7"};

static void expect_answer(json_t *map, const char *code)
{
	assert_string_equal(json_string_value(json_object_get(map, "state")), "pending");
	assert_int_equal(json_integer_value(json_object_get(map, "retry")), 5);
	assert_string_equal(json_string_value(json_object_get(map, "id")), "sensor-1-abcd");
	assert_string_equal(json_string_value(json_object_get(map, "place")), "Room 7");
	assert_int_equal(json_integer_value(json_object_get(map, "expires")), 60);
	assert_null(json_object_get(map, "owner"));
	if (code)
		assert_string_equal(json_string_value(json_object_get(map, "code")), code);
	else
		assert_null(json_object_get(map, "code"));
	json_decref(map);
}

static void test_answer(void **state)
{
	struct enrol_answer with_code = answer;
	uint8_t body[256];
	json_error_t error;
	json_t *map = NULL;
	size_t size;

	with_code.code = span_from_string("BCDF-GHJK");
	assert_int_equal(driver->encode_answer(FORMAT_JSON, &answer, body, sizeof(body), &size), 0);
	expect_answer(json_loadb((const char *)body, size, 0, &error), NULL);
	assert_int_equal(
		driver->encode_answer(FORMAT_CBOR, &with_code, body, sizeof(body), &size), 0);
	assert_int_equal(cbor_to_json(span_of(body, size), &map), 0);
	expect_answer(map, "BCDF-GHJK");
	assert_int_equal(
		driver->encode_answer(FORMAT_CBOR, &with_code, body, 20, &size), -EMSGSIZE);
	assert_int_equal(
		driver->encode_answer(FORMAT_JSON, &with_code, body, 20, &size), -EMSGSIZE);
}

/* The head of the contract's vector: state and retry come first, in this order. */
static void test_answer_bytes(void **state)
{
	const struct enrol_answer plain = {.state = DEVICE_PENDING, .retry = 5};
	static const uint8_t expected[] = {0xa2, 0x65, 's', 't', 'a', 't', 'e', 0x67, 'p', 'e', 'n',
		'd', 'i', 'n', 'g', 0x65, 'r', 'e', 't', 'r', 'y', 0x05};
	uint8_t body[64];
	size_t size;

	assert_int_equal(driver->encode_answer(FORMAT_CBOR, &plain, body, sizeof(body), &size), 0);
	assert_int_equal(size, sizeof(expected));
	assert_memory_equal(body, expected, sizeof(expected));
}

static void test_claim_requests(void **state)
{
	static const uint8_t challenge[LABEL_CHALLENGE_SIZE] = {0x10, 0x11, 0x12, 0x13, 0x14, 0x15,
		0x16, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f};
	const struct device_link links[] = {{"/prove", "gatehouse.claim", "", 50, false}};
	const struct device_question question = {.links = links, .count = 1, .ep = "one"};
	struct device_links found = {0};
	struct device_request request;

	assert_int_equal(driver->claim(&found, challenge, &request), -ENOTSUP);
	assert_true(driver->match(&question, &found));
	assert_int_equal(driver->claim(&found, challenge, &request), 0);
	assert_int_equal(request.method, 2);
	assert_string_equal(request.path, "/prove");
	assert_int_equal(request.content_format, FORMAT_JSON);
	assert_int_equal(request.accept, FORMAT_JSON);
	request.payload[request.payload_size] = '\0';
	assert_string_equal((char *)request.payload, "{\"challenge\":\"EBESExQVFhcYGRobHB0eHw\"}");
	found.claim_format = FORMAT_CBOR;
	assert_int_equal(driver->claim(&found, challenge, &request), 0);
	assert_int_equal(request.content_format, FORMAT_CBOR);
	assert_int_equal(request.payload_size, 12 + LABEL_CHALLENGE_SIZE);
	assert_memory_equal(request.payload,
		"\xa1\x69"
		"challenge"
		"\x50\x10\x11",
		14);
}

static void test_requests(void **state)
{
	const struct device_links none = {0};
	const struct device_links all = {.info = "/i",
		.display = "/d",
		.identify = "/b",
		.status = "/s",
		.command = "/c",
		.command_format = FORMAT_CBOR,
		.source = {{.path = "/t", .format = 110}},
		.source_count = 1,
		.status_format = FORMAT_CBOR};
	const struct command command = {.row = 5, .name = "blink", .args = "{}"};
	struct device_links json_only = all;
	struct device_request request;

	assert_int_equal(driver->info(&none, &request), -ENOTSUP);
	assert_int_equal(driver->show_code(&none, span_from_string("x"), &request), -ENOTSUP);
	assert_int_equal(driver->clear_code(&none, &request), -ENOTSUP);
	assert_int_equal(driver->identify(&none, 5, &request), -ENOTSUP);
	assert_int_equal(driver->notify(&none, &answer, &request), -ENOTSUP);
	assert_int_equal(driver->plan_read(&none, 0, &request), -ENOTSUP);

	assert_int_equal(driver->info(&all, &request), 0);
	assert_int_equal(request.method, 1);
	assert_string_equal(request.path, "/i");
	assert_int_equal(driver->show_code(&all, span_from_string("BCDF-GHJK"), &request), 0);
	assert_int_equal(request.method, 3);
	assert_int_equal(request.content_format, FORMAT_TEXT);
	assert_memory_equal(request.payload, "BCDF-GHJK", 9);
	assert_int_equal(request.payload_size, 9);
	assert_int_equal(driver->clear_code(&all, &request), 0);
	assert_int_equal(request.method, 4);
	assert_int_equal(driver->identify(&all, 15, &request), 0);
	assert_int_equal(request.method, 2);
	assert_memory_equal(request.payload, "15", 2);
	assert_int_equal(driver->notify(&all, &answer, &request), 0);
	assert_int_equal(request.method, 3);
	assert_int_equal(request.content_format, FORMAT_CBOR);
	assert_true(request.payload_size > 0);
	assert_int_equal(driver->command(&none, &command, &request), -ENOTSUP);
	assert_int_equal(driver->command(&all, &command, &request), 0);
	assert_int_equal(request.method, 2);
	assert_string_equal(request.path, "/c");
	assert_int_equal(request.content_format, FORMAT_CBOR);
	assert_true(request.is_long);
	json_only.command_format = FORMAT_JSON;
	assert_int_equal(driver->command(&json_only, &command, &request), 0);
	assert_int_equal(request.content_format, FORMAT_JSON);
	request.payload[request.payload_size] = '\0';
	assert_string_equal(
		(char *)request.payload, "{\"cmd\":\"5\",\"name\":\"blink\",\"args\":{}}");
	json_only.status_format = FORMAT_JSON;
	assert_int_equal(driver->notify(&json_only, &answer, &request), 0);
	assert_int_equal(request.content_format, FORMAT_JSON);
	assert_int_equal(request.payload[0], '{');
	assert_int_equal(driver->plan_read(&all, 0, &request), 0);
	assert_int_equal(request.accept, 110);
	assert_string_equal(request.path, "/t");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_match),
		cmocka_unit_test(test_info),
		cmocka_unit_test(test_empty_and_cbor),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_token_in_clear),
		cmocka_unit_test(test_token),
		cmocka_unit_test(test_answer),
		cmocka_unit_test(test_answer_bytes),
		cmocka_unit_test(test_claim_requests),
		cmocka_unit_test(test_requests),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
