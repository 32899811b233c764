/* SPDX-License-Identifier: Apache-2.0 */

/* The worked example of docs/own-device.md: the links and answers that are shown there. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "drivers/device.h"

extern const struct device_driver device_acme_meter;

static const struct device_link links[] = {
	{"/v1/about", "acme.about", "", 50, false},
	{"/v1/pulses", "acme.pulses", "", 0, false},
};

static bool match(size_t from, size_t count, struct device_links *ret_found)
{
	return device_acme_meter.match(
		&(const struct device_question){
			.links = count ? &links[from] : NULL, .count = count, .ep = "meter-1"},
		ret_found);
}

static enum info_verdict decode(int format, const char *text, struct device_info *info)
{
	enum info_verdict verdict = INFO_FORMAT_UNKNOWN;
	const char *why = "";
	bool has_pt = true;

	assert_int_equal(device_acme_meter.decode_info(
				 format, span_from_string(text), info, &has_pt, &verdict, &why),
		0);
	assert_false(has_pt);
	if (verdict != INFO_TAKEN) {
		assert_true(strlen(why) > 10);
		assert_string_equal(info->model, "");
	}
	return verdict;
}

static void test_links(void **state)
{
	struct device_links found;

	assert_true(match(0, 2, &found));
	assert_string_equal(found.info, "/v1/about");
	assert_int_equal(found.source_count, 1);
	assert_string_equal(found.source[0].path, "/v1/pulses");
	assert_string_equal(found.source[0].name, "pulses");
	assert_int_equal(found.source[0].format, FORMAT_TEXT);
	assert_false(match(1, 1, &found));
	assert_false(match(0, 0, &found));
}

static void test_info(void **state)
{
	static const char *const MALFORMED[] = {"", "[]", "{", "{\"type\":1}",
		"{\"sn\":\"a\\u0007\"}",
		"{\"sw\":\"01234567890123456789012345678901234567890123456789012345678901234\"}"};
	struct device_info info = {0};

	for (size_t i = 0; i < ELEMENTS(MALFORMED); i++)
		assert_int_equal(decode(FORMAT_JSON, MALFORMED[i], &info), INFO_MALFORMED);
	assert_int_equal(decode(FORMAT_CBOR, "{}", &info), INFO_FORMAT_UNKNOWN);
	assert_int_equal(
		decode(FORMAT_JSON, "{\"type\":\"PM-2\",\"sn\":\"0042\",\"sw\":\"3.1\"}", &info),
		INFO_TAKEN);
	assert_string_equal(info.model, "PM-2");
	assert_string_equal(info.serial, "0042");
	assert_string_equal(info.firmware, "3.1");
}

static void test_requests(void **state)
{
	const struct enrol_answer answer = {0};
	struct device_request request;
	struct device_links found;

	assert_true(match(0, 2, &found));
	assert_int_equal(device_acme_meter.info(&found, &request), 0);
	assert_string_equal(request.path, "/v1/about");
	assert_int_equal(device_acme_meter.plan_read(&found, 0, &request), 0);
	assert_string_equal(request.path, "/v1/pulses");
	assert_int_equal(device_acme_meter.identify(&found, 10, &request), 0);
	assert_string_equal(request.path, "/v1/lamp");
	assert_int_equal(request.payload_size, 2);
	assert_memory_equal(request.payload, "10", 2);
	assert_int_equal(device_acme_meter.plan_read(&found, 1, &request), -ENOTSUP);
	assert_int_equal(device_acme_meter.command(&found, NULL, &request), -ENOTSUP);
	assert_int_equal(device_acme_meter.notify(&found, &answer, &request), -ENOTSUP);
	assert_int_equal(
		device_acme_meter.show_code(&found, span_from_string("x"), &request), -ENOTSUP);
	assert_int_equal(device_acme_meter.clear_code(&found, &request), -ENOTSUP);
	assert_int_equal(
		device_acme_meter.encode_answer(FORMAT_CBOR, &answer, NULL, 0, NULL), -ENOTSUP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_links),
		cmocka_unit_test(test_info),
		cmocka_unit_test(test_requests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
