/* SPDX-License-Identifier: Apache-2.0 */
/* The last numbers of each device: what is taken, in what order, and how it stays small. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/recent.h"

struct world {
	struct limits limits;
	struct recent *recent;
};

static int begin(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	limits_init(&world->limits);
	assert_int_equal(recent_new(&world->limits, &world->recent), 0);
	*state = world;
	return 0;
}

static int end(void **state)
{
	struct world *world = *state;

	world->recent = recent_free(world->recent);
	free(world);
	return 0;
}

static void take(struct world *world, uint64_t row, int64_t seconds, const char *text)
{
	/* Exactly as long as it is: a step too far is seen by the sanitizer. */
	size_t size = strlen(text);
	char *copy = malloc(size ? size : 1);

	memcpy(copy, text, size);
	recent_take(world->recent, row, seconds * 1000, span_of(copy, size));
	free(copy);
}

/* As a device may write it: the text goes upstream as it came. */
static void test_with_space(void **state)
{
	struct world *world = *state;
	const struct recent_series *series;

	take(world, 7, 100,
		"[ {\"bn\":\"d-1/\",\"v\" : 21.5 ,\"u\"\t:\n\"Cel\", \"n\": \"temp\" } ,\r\n"
		"{ \"n\" :\"hum\",\"v\":4\n} ]");
	series = recent_series_at(world->recent, 7, 0);
	assert_non_null(series);
	assert_string_equal(series->name, "temp");
	assert_string_equal(series->unit, "Cel");
	assert_true(recent_point_at(series, 0).value == 21.5f);
	series = recent_series_at(world->recent, 7, 1);
	assert_non_null(series);
	assert_string_equal(series->name, "hum");
	assert_true(recent_point_at(series, 0).value == 4.0f);
	/* Cut off anywhere. */
	take(world, 8, 100, "[{\"n\"");
	take(world, 8, 100, "[{\"n\" ");
	take(world, 8, 100, "[{\"n\": ");
	take(world, 8, 100, "[{\"n\":\"a\", \"v\" : 1 ");
	assert_null(recent_series_at(world->recent, 8, 0));
}

static void test_numbers(void **state)
{
	struct world *world = *state;
	const struct recent_series *series;

	take(world, 7, 100,
		"[{\"bn\":\"d-1/\",\"n\":\"temp\",\"u\":\"Cel\",\"v\":21.5,\"t\":100},"
		"{\"n\":\"open\",\"vb\":true},{\"n\":\"text\",\"vs\":\"v\\\",\\\"v\\\":5}\"},"
		"{\"n\":\"hum\",\"v\":-4e2}]");
	take(world, 7, 160, "[{\"bn\":\"d-1/\",\"n\":\"temp\",\"u\":\"Cel\",\"v\":22}]");
	series = recent_series_at(world->recent, 7, 0);
	assert_string_equal(series->name, "temp");
	assert_string_equal(series->unit, "Cel");
	assert_int_equal(series->count, 2);
	assert_int_equal(recent_point_at(series, 0).seconds, 100);
	assert_true(recent_point_at(series, 0).value == 21.5f);
	assert_int_equal(recent_point_at(series, 1).seconds, 160);
	assert_true(recent_point_at(series, 1).value == 22);
	series = recent_series_at(world->recent, 7, 1);
	assert_string_equal(series->name, "hum");
	assert_string_equal(series->unit, "");
	assert_true(recent_point_at(series, 0).value == -400);
	assert_null(recent_series_at(world->recent, 7, 2));
	assert_null(recent_series_at(world->recent, 8, 0));
	assert_null(recent_series_at(NULL, 7, 0));
}

static void test_ring(void **state)
{
	struct world *world = *state;
	const struct recent_series *series;
	char text[64];

	for (int i = 0; i < RECENT_POINTS + 5; i++) {
		snprintf(text, sizeof(text), "[{\"n\":\"x\",\"v\":%d}]", i);
		take(world, 1, i, text);
	}
	series = recent_series_at(world->recent, 1, 0);
	assert_int_equal(series->count, RECENT_POINTS);
	for (uint32_t i = 0; i < RECENT_POINTS; i++)
		assert_int_equal(recent_point_at(series, i).seconds, i + 5);
}

static void test_names_of_a_device(void **state)
{
	struct world *world = *state;
	char text[64];

	for (int i = 0; i < 6; i++) {
		snprintf(text, sizeof(text), "[{\"n\":\"n%d\",\"v\":%d}]", i, i);
		take(world, 1, 1, text);
	}
	assert_int_equal(recent_count(world->recent), 4);
	assert_int_equal(world->limits.reached[LIMIT_RECENT_NAMES], 2);
	assert_string_equal(recent_series_at(world->recent, 1, 3)->name, "n3");
	take(world, 1, 2, "[{\"n\":\"n3\",\"v\":1}]"); /* known ones go on */
	assert_int_equal(recent_series_at(world->recent, 1, 3)->count, 2);
}

/* Rows that share a bucket, and the limit of all: who was silent longest goes. */
static void test_limit_of_all(void **state)
{
	struct world *world = *state;

	world->limits.value[LIMIT_RECENT_SERIES] = 3;
	take(world, 1, 1, "[{\"n\":\"a\",\"v\":1}]");
	take(world, 1 + 4096, 2, "[{\"n\":\"a\",\"v\":1}]");
	take(world, 1 + 8192, 3, "[{\"n\":\"a\",\"v\":1}]");
	take(world, 1, 4, "[{\"n\":\"a\",\"v\":2}]");
	take(world, 2, 5, "[{\"n\":\"a\",\"v\":1}]");
	assert_int_equal(recent_count(world->recent), 3);
	assert_int_equal(world->limits.reached[LIMIT_RECENT_SERIES], 1);
	assert_non_null(recent_series_at(world->recent, 1, 0));
	assert_null(recent_series_at(world->recent, 1 + 4096, 0));
	assert_non_null(recent_series_at(world->recent, 1 + 8192, 0));
	assert_non_null(recent_series_at(world->recent, 2, 0));
	take(world, 1, 6, "[{\"n\":\"b\",\"v\":1}]");
	assert_null(recent_series_at(world->recent, 1 + 8192, 0));
	assert_string_equal(recent_series_at(world->recent, 1, 1)->name, "b");

	recent_forget(world->recent, 1);
	assert_null(recent_series_at(world->recent, 1, 0));
	assert_int_equal(recent_count(world->recent), 1);
	recent_forget(world->recent, 77);
	recent_forget(NULL, 1);
	assert_int_equal(recent_count(world->recent), 1);
	/* None at all may be kept. */
	world->limits.value[LIMIT_RECENT_SERIES] = 0;
	take(world, 9, 7, "[{\"n\":\"a\",\"v\":1}]");
	assert_int_equal(recent_count(world->recent), 1);
}

/* Nothing of this is a number with a name; nothing is read beyond its end. */
static void test_what_is_none(void **state)
{
	static const char *const texts[] = {"", "[", "\"", "\"n", "\"n\"", "\"n\":", "\"n\":\"",
		"\"n\":\"a", "\"n\":\"a\"", "{\"n\":\"a\\", "{\"n\":\"a\"}", "{\"v\":5}",
		"{\"n\":\"\",\"v\":5}", "{\"n\":\"a\",\"v\":}", "{\"n\":\"a\",\"v\":x}",
		"{\"n\":\"a\",\"v\":\"5\"}", "{\"n\":5,\"v\":5}", "{\"n\":\"a\",\"v\":1e99}",
		"{\"n\":\"a\",\"vv\":1}", "{\"n\" 5}",
		"{\"n\":\"a\",\"v\":11111111111111111111111111111111}",
		"{\"n\":\"12345678901234567890123456789012\",\"v\":1}", "{\"n\":\"a\",\"v\":1"};
	struct world *world = *state;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		take(world, 1, 1, texts[i]);
		if (recent_count(world->recent))
			fail_msg("%s", texts[i]);
	}
	recent_take(NULL, 1, 1, span_from_string("[{\"n\":\"a\",\"v\":1}]"));
	/* A unit that is too long is left out. */
	take(world, 1, 1, "[{\"n\":\"a\",\"u\":\"1234567890123456\",\"v\":1}]");
	assert_string_equal(recent_series_at(world->recent, 1, 0)->unit, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_with_space, begin, end),
		cmocka_unit_test_setup_teardown(test_numbers, begin, end),
		cmocka_unit_test_setup_teardown(test_ring, begin, end),
		cmocka_unit_test_setup_teardown(test_names_of_a_device, begin, end),
		cmocka_unit_test_setup_teardown(test_limit_of_all, begin, end),
		cmocka_unit_test_setup_teardown(test_what_is_none, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
