/* SPDX-License-Identifier: Apache-2.0 */
/* The reading as an object, and the dispatch by content format. */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "core/reading.h"

DEFINE_CLEANUP(struct reading *, reading_unref, reading_unrefp)

static const struct reading_context context = {.device_id = "d-1", .now = 1700000000123};

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
static bool memory_is_out;

void *__wrap_calloc(size_t count, size_t size)
{
	return memory_is_out ? NULL : __real_calloc(count, size);
}

static void test_references(void **state)
{
	struct reading *reading = reading_new(5);

	assert_non_null(reading);
	assert_int_equal(reading->size, 5);
	assert_int_equal(reading->references, 1);
	assert_ptr_equal(reading_ref(reading), reading);
	assert_null(reading_unref(reading));
	assert_int_equal(reading->references, 1);
	assert_ptr_equal(reading_of_mail(&reading->mail), reading);
	assert_null(reading_unref(reading));
	assert_null(reading_unref(NULL));
}

static void accepted_check(
	int format, const char *body, const struct reading_context *with, const char *expected)
{
	CLEANUP(reading_unrefp) struct reading *reading = NULL;
	enum reading_verdict verdict = READING_MALFORMED;
	const char *why = "untouched";

	assert_int_equal(
		reading_decode(format, span_from_string(body), with, &reading, &verdict, &why), 0);
	assert_int_equal(verdict, READING_ACCEPTED);
	assert_string_equal(why, "untouched");
	assert_non_null(reading);
	assert_int_equal(reading->format, FORMAT_SENML_JSON);
	assert_int_equal(reading->time, 1700000000123);
	assert_int_equal(reading->references, 1);
	assert_int_equal(reading->size, strlen(expected));
	assert_memory_equal(reading->body, expected, reading->size);
}

static void test_accepted(void **state)
{
	struct reading_context named = context;

	accepted_check(FORMAT_SENML_JSON, "[{\"n\":\"t\",\"v\":1}]", &context,
		"[{\"bn\":\"d-1/\",\"n\":\"t\",\"v\":1}]");
	/* CBOR without a NUL in it */
	accepted_check(FORMAT_SENML_CBOR, "\x81\xa2\x61n\x61t\x02\x01", &context,
		"[{\"bn\":\"d-1/\",\"n\":\"t\",\"v\":1}]");
	accepted_check(FORMAT_CBOR,
		"\xa1\x61t\x61"
		"a",
		&context, "[{\"bn\":\"d-1/\",\"n\":\"t\",\"vs\":\"a\"}]");
	accepted_check(FORMAT_JSON, "{\"t\":\"a\"}", &context,
		"[{\"bn\":\"d-1/\",\"n\":\"t\",\"vs\":\"a\"}]");
	accepted_check(FORMAT_TEXT, "7", &context, "[{\"bn\":\"d-1/\",\"n\":\"value\",\"v\":7}]");
	named.value_name = "";
	accepted_check(FORMAT_TEXT, "7", &named, "[{\"bn\":\"d-1/\",\"n\":\"value\",\"v\":7}]");
	named.value_name = "level";
	accepted_check(FORMAT_TEXT, "7", &named, "[{\"bn\":\"d-1/\",\"n\":\"level\",\"v\":7}]");
}

/* Opaque bytes go upstream as they came, whatever they look like. */
static void opaque_check(struct span body)
{
	CLEANUP(reading_unrefp) struct reading *reading = NULL;
	enum reading_verdict verdict = READING_MALFORMED;
	const char *why = "untouched";

	assert_int_equal(
		reading_decode(FORMAT_OPAQUE, body, &context, &reading, &verdict, &why), 0);
	assert_int_equal(verdict, READING_ACCEPTED);
	assert_string_equal(why, "untouched");
	assert_int_equal(reading->format, FORMAT_OPAQUE);
	assert_int_equal(reading->time, 1700000000123);
	assert_int_equal(reading->size, body.size);
	assert_memory_equal(reading->body, body.data, body.size);
}

static void test_opaque(void **state)
{
	uint8_t most[READING_OPAQUE_MAX];

	opaque_check(SPAN_LITERAL("\0"));
	opaque_check(SPAN_LITERAL("[{\"n\":\"t\",\"v\":1}]"));
	opaque_check(SPAN_LITERAL("\xff\xfe\0\r\n"));
	for (size_t i = 0; i < sizeof(most); i++)
		most[i] = (uint8_t)(i * 7);
	opaque_check(span_of(most, sizeof(most)));
}

static void refused_check(int format, struct span body, enum reading_verdict expected)
{
	struct reading *untouched = (struct reading *)&context;
	struct reading *reading = untouched;
	enum reading_verdict verdict = READING_ACCEPTED;
	const char *why = NULL;

	assert_int_equal(reading_decode(format, body, &context, &reading, &verdict, &why), 0);
	assert_int_equal(verdict, expected);
	assert_ptr_equal(reading, untouched);
	assert_non_null(why);
	assert_int_equal(why[strlen(why) - 1], '.');
}

static void test_refused(void **state)
{
	static const int unknown[] = {FORMAT_NONE, FORMAT_LINK, 41, 111, 65535};
	char *large = malloc(READING_BODY_MAX + 1);

	for (size_t i = 0; i < ELEMENTS(unknown); i++)
		refused_check(unknown[i], SPAN_LITERAL("1"), READING_FORMAT_UNKNOWN);
	assert_non_null(large);
	memset(large, ' ', READING_BODY_MAX + 1);
	memcpy(large, "[{\"n\":\"t\",\"v\":1}]", 17);
	refused_check(FORMAT_SENML_JSON, span_of(large, READING_BODY_MAX + 1), READING_TOO_LARGE);
	refused_check(FORMAT_SENML_CBOR, span_of(large, READING_BODY_MAX + 1), READING_TOO_LARGE);
	refused_check(FORMAT_CBOR, span_of(large, READING_BODY_MAX + 1), READING_TOO_LARGE);
	refused_check(FORMAT_JSON, span_of(large, READING_BODY_MAX + 1), READING_TOO_LARGE);
	refused_check(FORMAT_TEXT, span_of(large, READING_BODY_MAX + 1), READING_TOO_LARGE);
	refused_check(FORMAT_OPAQUE, span_of(large, READING_OPAQUE_MAX + 1), READING_TOO_LARGE);
	large[READING_BODY_MAX - 1] = 'x'; /* the last byte that may be there is looked at */
	refused_check(FORMAT_SENML_JSON, span_of(large, READING_BODY_MAX), READING_MALFORMED);
	free(large);
	refused_check(FORMAT_SENML_JSON, span_of(NULL, 0), READING_MALFORMED);
	refused_check(FORMAT_JSON, span_of(NULL, 0), READING_MALFORMED);
	refused_check(FORMAT_TEXT, span_of(NULL, 0), READING_MALFORMED);
	refused_check(FORMAT_SENML_CBOR, span_of(NULL, 0), READING_MALFORMED);
	refused_check(FORMAT_CBOR, span_of(NULL, 0), READING_MALFORMED);
	refused_check(FORMAT_OPAQUE, span_of(NULL, 0), READING_MALFORMED);
	refused_check(FORMAT_SENML_JSON, SPAN_LITERAL("[]"), READING_NOT_SENML);
	refused_check(FORMAT_SENML_CBOR, SPAN_LITERAL("\x80"), READING_NOT_SENML);
	refused_check(FORMAT_CBOR, SPAN_LITERAL("\xa0"), READING_NOT_SENML);
	refused_check(FORMAT_SENML_CBOR, SPAN_LITERAL("[]"), READING_MALFORMED);
	refused_check(FORMAT_CBOR, SPAN_LITERAL("{}"), READING_MALFORMED);
	refused_check(FORMAT_TEXT, SPAN_LITERAL("a\0b"), READING_MALFORMED);
}

static void out_of_memory_check(int format)
{
	struct reading *reading = NULL;
	enum reading_verdict verdict = READING_MALFORMED;
	const char *why = NULL;
	int r;

	memory_is_out = true;
	r = reading_decode(format, SPAN_LITERAL("7"), &context, &reading, &verdict, &why);
	memory_is_out = false;
	assert_int_equal(r, -ENOMEM);
	assert_null(reading);
	assert_int_equal(verdict, READING_MALFORMED);
}

static void test_out_of_memory(void **state)
{
	out_of_memory_check(FORMAT_TEXT);
	out_of_memory_check(FORMAT_OPAQUE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_references),
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_opaque),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_out_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
