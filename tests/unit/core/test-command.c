/* SPDX-License-Identifier: Apache-2.0 */

/* Boxes of commands, and the maps that a device and the platform see. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/command.h"
#include "core/reading.h"

static struct command *make(uint64_t row, uint64_t until)
{
	struct command *command = calloc(1, sizeof(*command));

	assert_non_null(command);
	command->row = row;
	command->until_usec = until;
	snprintf(command->name, sizeof(command->name), "blink");
	snprintf(command->args, sizeof(command->args), "{\"n\":3}");
	return command;
}

static void test_box(void **state)
{
	struct command_box box = {0};

	assert_null(command_box_oldest(&box));
	assert_int_equal(command_box_next_end(&box), UINT64_MAX);
	command_box_put(&box, make(5, 50));
	command_box_put(&box, make(6, 40));
	command_box_put(&box, make(7, 60));
	assert_int_equal(command_box_waiting(&box), 3);
	assert_int_equal(command_box_next_end(&box), 40);
	assert_int_equal(command_box_oldest(&box)->row, 5);
	/* One on its way to disk waits, but is not given out. */
	command_box_find(&box, 5)->saving = true;
	assert_int_equal(command_box_oldest(&box)->row, 6);
	assert_int_equal(command_box_ready(&box), 2);
	assert_int_equal(command_box_waiting(&box), 3);
	command_end(command_box_find(&box, 6), true, "1", "");
	assert_int_equal(command_box_oldest(&box)->row, 7);
	assert_int_equal(command_box_waiting(&box), 2);
	assert_int_equal(command_box_ready(&box), 1);
	assert_int_equal(command_box_count(&box), 3);
	assert_int_equal(command_box_next_end(&box), 50);
	command_box_drop(&box, 7);
	command_box_drop(&box, 7);
	assert_null(command_box_find(&box, 7));
	assert_null(command_box_oldest(&box));
	command_box_clear(&box);
	assert_int_equal(command_box_count(&box), 0);
}

static void test_id(void **state)
{
	char text[COMMAND_ID_SIZE];

	assert_string_equal(command_id(1, text), "1");
	assert_int_equal(strlen(command_id(UINT64_C(9999999999999999), text)), 16);
	assert_int_equal(command_id_read(SPAN_LITERAL("9999999999999999")), 9999999999999999);
	assert_int_equal(command_id_read(SPAN_LITERAL("12345678901234567")), 0);
	assert_int_equal(command_id_read(SPAN_LITERAL("")), 0);
	assert_int_equal(command_id_read(SPAN_LITERAL("07")), 0);
	assert_int_equal(command_id_read(SPAN_LITERAL("7x")), 0);
	assert_int_equal(command_id_read(span_of("7\0", 2)), 0);
}

static void test_name_and_topic(void **state)
{
	char name[80];

	assert_true(command_name_fits(SPAN_LITERAL("set-rate_2.0")));
	assert_false(command_name_fits(SPAN_LITERAL("")));
	assert_false(command_name_fits(SPAN_LITERAL("a/b")));
	assert_false(command_name_fits(SPAN_LITERAL("a b")));
	assert_false(command_name_fits(span_of("a\0", 2)));
	assert_false(command_name_fits(SPAN_LITERAL("\xc3\xa9")));
	memset(name, 'a', sizeof(name));
	assert_true(command_name_fits(span_of(name, 64)));
	assert_false(command_name_fits(span_of(name, 65)));
	assert_true(command_topic_fits(SPAN_LITERAL("answers/of/anna")));
	assert_true(command_topic_fits(SPAN_LITERAL("gatehouses/x")));
	assert_false(command_topic_fits(SPAN_LITERAL("")));
	assert_false(command_topic_fits(SPAN_LITERAL("$CONTROL/dynamic-security/v1")));
	assert_false(command_topic_fits(SPAN_LITERAL("a/+/b")));
	assert_false(command_topic_fits(SPAN_LITERAL("a/#")));
	assert_false(command_topic_fits(SPAN_LITERAL("a\nb")));
	assert_false(command_topic_fits(SPAN_LITERAL("\xff")));
	/* Only what devices said belongs there. */
	assert_false(command_topic_fits(SPAN_LITERAL("gatehouse/gw/other/telemetry")));
	assert_false(command_topic_fits(span_of(name, 0)));
}

static void refuse_args(const char *text, const char *why_part)
{
	char args[COMMAND_ARGS_MAX + 1];
	const char *why = NULL;

	assert_int_equal(command_args_read(span_from_string(text), args, &why), -EINVAL);
	assert_non_null(strstr(why, why_part));
}

static void test_args(void **state)
{
	char args[COMMAND_ARGS_MAX + 1], text[COMMAND_ARGS_MAX + 3];
	const char *why = NULL;

	assert_int_equal(command_args_read(span_of(NULL, 0), args, &why), 0);
	assert_string_equal(args, "{}");
	assert_int_equal(
		command_args_read(SPAN_LITERAL(" { \"a\" : [ 1 , {} ] } "), args, &why), 0);
	assert_string_equal(args, "{\"a\":[1,{}]}");
	assert_int_equal(command_args_read(SPAN_LITERAL("7"), args, &why), 0);
	assert_string_equal(args, "7");
	refuse_args("{", "not JSON");
	refuse_args("{} {}", "not JSON");
	refuse_args("{\"a\":1,\"a\":2}", "not JSON");
	refuse_args("\"\\u0000\"", "not JSON");
	refuse_args("[[[[1]]]]", "deep");
	memset(text, '1', sizeof(text));
	text[0] = text[COMMAND_ARGS_MAX - 1] = '"';
	assert_int_equal(command_args_read(span_of(text, COMMAND_ARGS_MAX), args, &why), 0);
	assert_int_equal(strlen(args), COMMAND_ARGS_MAX);
	text[COMMAND_ARGS_MAX - 1] = '1';
	text[COMMAND_ARGS_MAX] = '"';
	text[COMMAND_ARGS_MAX + 1] = '\0';
	refuse_args(text, "longer");
	/* Short as it came, long as it is written. */
	text[0] = '[';
	for (size_t i = 1; i < 505; i += 6)
		memcpy(text + i, "1e300,", 6);
	memcpy(text + 505, "1]", 3);
	refuse_args(text, "longer");
}

/* Wall time is believed when it was right both times, and only forwards. */
static void test_left(void **state)
{
	const struct command command = {.arrived = 100000, .synced = true, .lifetime = 60};
	struct command unsure = command;

	unsure.synced = false;
	assert_int_equal(command_left_usec(&command, 100000, true), 60000000);
	assert_int_equal(command_left_usec(&command, 110000, true), 50000000);
	assert_int_equal(command_left_usec(&command, 160000, true), 0);
	assert_int_equal(command_left_usec(&command, INT64_C(4000000000000), true), 0);
	assert_int_equal(command_left_usec(&command, INT64_C(4000000000000), false), 60000000);
	assert_int_equal(command_left_usec(&unsure, INT64_C(4000000000000), true), 60000000);
	assert_int_equal(command_left_usec(&command, 0, true), 60000000);
}

static void test_to_the_device(void **state)
{
	static const uint8_t cbor[] = "\xa3\x63"
				      "cmd\x61"
				      "5\x64name\x65"
				      "blink\x64"
				      "args\xa1\x61n\x03";
	struct command *command = make(5, 0);
	uint8_t body[COMMAND_MESSAGE_MAX];
	size_t size;

	assert_int_equal(command_encode(FORMAT_CBOR, command, body, sizeof(body), &size), 0);
	assert_int_equal(size, sizeof(cbor) - 1);
	assert_memory_equal(body, cbor, size);
	assert_int_equal(command_encode(FORMAT_JSON, command, body, sizeof(body), &size), 0);
	body[size] = '\0';
	assert_string_equal((char *)body, "{\"cmd\":\"5\",\"name\":\"blink\",\"args\":{\"n\":3}}");
	assert_int_equal(command_encode(FORMAT_CBOR, command, body, 10, &size), -EMSGSIZE);
	assert_int_equal(command_encode(FORMAT_JSON, command, body, 10, &size), -EMSGSIZE);
	assert_true(command_is_sendable(command));
	/* 125 floats of nine bytes each. */
	command->args[0] = '[';
	for (size_t i = 0; i < 125; i++)
		memcpy(command->args + 1 + 4 * i, "0.1,", 4);
	memcpy(command->args + 501, "1]", 3);
	assert_false(command_is_sendable(command));
	free(command);
}

static int answer(int format, const char *body, struct command_answer *ret_answer)
{
	const char *why = NULL;
	int r = command_answer_read(format, span_from_string(body), ret_answer, &why);

	if (r == -EINVAL)
		assert_non_null(why);
	return r;
}

static void test_from_the_device(void **state)
{
	struct command_answer got;
	char text[700];
	const char *why;

	assert_int_equal(answer(FORMAT_JSON, "{\"cmd\":\"5\",\"ok\":true}", &got), 0);
	assert_int_equal(got.row, 5);
	assert_true(got.ok);
	assert_string_equal(got.result, "");
	assert_int_equal(
		answer(FORMAT_JSON, "{\"ok\":false,\"result\":{\"a\":[1]},\"x\":1}", &got), 0);
	assert_int_equal(got.row, 0);
	assert_false(got.ok);
	assert_string_equal(got.result, "{\"a\":[1]}");
	assert_int_equal(command_answer_read(FORMAT_CBOR,
				 span_of("\xa2\x63"
					 "cmd\x61"
					 "7\x62ok\xf5",
					 11),
				 &got, &why),
		0);
	assert_int_equal(got.row, 7);
	assert_int_equal(answer(FORMAT_TEXT, "{}", &got), -EPROTONOSUPPORT);
	assert_int_equal(answer(FORMAT_JSON, "[]", &got), -EINVAL);
	assert_int_equal(answer(FORMAT_JSON, "{", &got), -EINVAL);
	assert_int_equal(answer(FORMAT_CBOR, "\xff", &got), -EINVAL);
	assert_int_equal(answer(FORMAT_JSON, "{\"cmd\":\"5\"}", &got), -EINVAL);
	assert_int_equal(answer(FORMAT_JSON, "{\"cmd\":5,\"ok\":true}", &got), -EINVAL);
	assert_int_equal(answer(FORMAT_JSON, "{\"cmd\":\"x\",\"ok\":true}", &got), -EINVAL);
	assert_int_equal(answer(FORMAT_JSON, "{\"ok\":1}", &got), -EINVAL);
	assert_int_equal(answer(FORMAT_JSON, "{\"ok\":true,\"result\":[[[[1]]]]}", &got), -EINVAL);
	snprintf(text, sizeof(text), "{\"ok\":true,\"result\":\"%0510d\"}", 0);
	assert_int_equal(answer(FORMAT_JSON, text, &got), 0);
	assert_int_equal(strlen(got.result), COMMAND_RESULT_MAX);
	snprintf(text, sizeof(text), "{\"ok\":true,\"result\":\"%0511d\"}", 0);
	assert_int_equal(answer(FORMAT_JSON, text, &got), -EINVAL);
}

static void expect_result(const struct command *command, const char *text)
{
	char *made = command_result_text(command);

	assert_string_equal(made, text);
	free(made);
}

static void test_past(void **state)
{
	struct command_box box = {0};
	uint64_t row;

	for (row = 1; row <= 6; row++) {
		struct command *command = make(row, 0);

		if (row != 2)
			snprintf(command->sender, sizeof(command->sender), "anna");
		command_box_put(&box, command);
		assert_int_equal(command_box_count(&box), row);
	}
	/* The platform's own, and what is on its way to disk, is not past. */
	for (struct command *command = box.first; command; command = command->next)
		command_end(command, true, "", "");
	box.first->saving = true;
	assert_int_equal(command_box_count(&box), 2);
	assert_null(command_box_surplus(&box));
	box.first->saving = false;
	assert_int_equal(command_box_count(&box), 1);
	assert_int_equal(command_box_surplus(&box)->row, 1);
	command_box_drop(&box, 1);
	assert_null(command_box_surplus(&box));
	command_box_clear(&box);
}

static void test_to_the_platform(void **state)
{
	struct command *command = make(5, 0), *copy;

	command_end(command, true, "{\"a\":1}", "");
	expect_result(command, "{\"cmd\":\"5\",\"ok\":true,\"result\":{\"a\":1}}");
	command_end(command, false, "", "expired");
	expect_result(command, "{\"cmd\":\"5\",\"ok\":false,\"reason\":\"expired\"}");
	command->row = 0;
	expect_result(command, "{\"cmd\":null,\"ok\":false,\"reason\":\"expired\"}");
	command->next = command;
	assert_int_equal(command_copy(command, &copy), 0);
	assert_null(copy->next);
	assert_string_equal(copy->reason, "expired");
	free(copy);
	free(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_box),
		cmocka_unit_test(test_id),
		cmocka_unit_test(test_name_and_topic),
		cmocka_unit_test(test_args),
		cmocka_unit_test(test_left),
		cmocka_unit_test(test_to_the_device),
		cmocka_unit_test(test_from_the_device),
		cmocka_unit_test(test_past),
		cmocka_unit_test(test_to_the_platform),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
