/* SPDX-License-Identifier: Apache-2.0 */

/* What came before the clock was set: its relative times stay, and become absolute when it is sent.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "core/reading.h"

#define LATER INT64_C(1700000000500)

static struct reading *decoded(int format, const char *body)
{
	/* A clock that stands at its first day, or anywhere. */
	const struct reading_context context = {
		.device_id = "d-1", .now = INT64_C(1100000000000), .clock_unset = true};
	enum reading_verdict verdict;
	struct reading *reading;
	const char *why;

	assert_int_equal(
		reading_decode(format, span_from_string(body), &context, &reading, &verdict, &why),
		0);
	assert_int_equal(verdict, READING_ACCEPTED);
	return reading;
}

static void expect(const struct reading *reading, const char *text)
{
	assert_int_equal(reading->size, strlen(text));
	assert_memory_equal(reading->body, text, reading->size);
}

/* The time of the first record, once it is settled. */
static void settles(const char *body, int64_t time, const char *kept, const char *sent)
{
	struct reading *reading = decoded(FORMAT_SENML_JSON, body), *settled;

	expect(reading, kept);
	assert_int_equal(reading_settle(reading, time, true, &settled), 0);
	expect(settled, sent);
	assert_int_equal(settled->time, time);
	assert_true(settled->clock_synced);
	reading_unref(settled);
	reading_unref(reading);
}

static void relative_times_become_absolute(void **state)
{
	settles("[{\"n\":\"a\",\"v\":1,\"t\":-60}]", LATER,
		"[{\"bn\":\"d-1/\",\"n\":\"a\",\"v\":1,\"t\":-60}]",
		"[{\"bn\":\"d-1/\",\"n\":\"a\",\"v\":1,\"t\":1699999940.5}]");
	settles("[{\"bt\":-10,\"n\":\"a\",\"v\":1,\"t\":-1.25},{\"n\":\"b\",\"v\":2}]", LATER,
		"[{\"bn\":\"d-1/"
		"\",\"n\":\"a\",\"v\":1,\"t\":-11.25},{\"n\":\"b\",\"v\":2,\"t\":-10}]",
		"[{\"bn\":\"d-1/\",\"n\":\"a\",\"v\":1,\"t\":1699999989.25},"
		"{\"n\":\"b\",\"v\":2,\"t\":1699999990.5}]");
	/* Ahead of its arrival, too. */
	settles("[{\"n\":\"a\",\"v\":1,\"t\":5}]", LATER,
		"[{\"bn\":\"d-1/\",\"n\":\"a\",\"v\":1,\"t\":5}]",
		"[{\"bn\":\"d-1/\",\"n\":\"a\",\"v\":1,\"t\":1700000005.5}]");
}

static void what_is_absolute_or_no_time_stays(void **state)
{
	settles("[{\"n\":\"a\",\"v\":1,\"t\":1500000000.5}]", LATER,
		"[{\"bn\":\"d-1/\",\"n\":\"a\",\"v\":1,\"t\":1500000000.5}]",
		"[{\"bn\":\"d-1/\",\"n\":\"a\",\"v\":1,\"t\":1500000000.5}]");
	settles("[{\"n\":\"a\",\"vs\":\",\\\"t\\\":-60}\"}]", LATER,
		"[{\"bn\":\"d-1/\",\"n\":\"a\",\"vs\":\",\\\"t\\\":-60}\"}]",
		"[{\"bn\":\"d-1/\",\"n\":\"a\",\"vs\":\",\\\"t\\\":-60}\"}]");
	/* A clock of 1970 says nothing. */
	settles("[{\"n\":\"a\",\"v\":1,\"t\":-60}]", 100000,
		"[{\"bn\":\"d-1/\",\"n\":\"a\",\"v\":1,\"t\":-60}]",
		"[{\"bn\":\"d-1/\",\"n\":\"a\",\"v\":1,\"t\":-60}]");
}

static void which_have_times(void **state)
{
	static const struct {
		int format;
		const char *body;
		bool has;
	} rows[] = {
		{FORMAT_SENML_JSON, "[{\"n\":\"a\",\"v\":1,\"t\":-60}]", true},
		{FORMAT_SENML_JSON, "[{\"n\":\"a\",\"v\":1}]", false},
		{FORMAT_JSON, "{\"t\":1}", false},
		{FORMAT_TEXT, "21.5", false},
		{FORMAT_OPAQUE, ",\"t\":1}", false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct reading *reading = decoded(rows[i].format, rows[i].body), *settled;

		assert_int_equal(reading_has_times(reading), rows[i].has);
		/* Bytes that are nobody's business stay as they are. */
		assert_int_equal(reading_settle(reading, LATER, false, &settled), 0);
		assert_false(settled->clock_synced);
		if (!rows[i].has) {
			assert_int_equal(settled->size, reading->size);
			assert_memory_equal(settled->body, reading->body, reading->size);
		}
		reading_unref(settled);
		reading_unref(reading);
	}
}

/* As many as there can be, each of the longest kind. */
static void all_of_them_have_room(void **state)
{
	char body[READING_BODY_MAX], *to = body;
	struct reading *reading, *settled;

	*to++ = '[';
	for (unsigned i = 0; i < READING_RECORDS_MAX; i++)
		to += sprintf(to, "%s{\"n\":\"a\",\"v\":1,\"t\":-%u.123456}", i ? "," : "", i);
	strcpy(to, "]");
	reading = decoded(FORMAT_SENML_JSON, body);
	assert_int_equal(reading_settle(reading, LATER, true, &settled), 0);
	assert_true(settled->size > reading->size);
	assert_null(memmem(settled->body, settled->size, "\"t\":-", 5));
	reading_unref(settled);
	reading_unref(reading);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(relative_times_become_absolute),
		cmocka_unit_test(what_is_absolute_or_no_time_stays),
		cmocka_unit_test(which_have_times),
		cmocka_unit_test(all_of_them_have_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
