/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers as text: they read back as what they were, with the fewest digits, in any locale. */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/senml.h"

static void number_check(double value, const char *expected)
{
	char text[32];

	senml_number_format(&(struct senml_number){.value = value}, text);
	if (expected)
		assert_string_equal(text, expected);
	assert_true(strtod(text, NULL) == value);
}

static void test_numbers_read_back(void **state)
{
	uint64_t random = 88172645463325252u;

	number_check(0.1, "0.1");
	number_check(-21.053, "-21.053");
	number_check(0.000001, "0.000001");
	number_check(0.0000001, "1e-07");
	number_check(100.0, "100");
	number_check(-0.0, "0");
	number_check(1699999999.123456, "1699999999.123456");
	number_check(1e12, "1000000000000");
	number_check(0.1 + 0.2, "0.30000000000000004");
	number_check(1.0 / 3.0, NULL);
	number_check(5e-324, NULL);
	number_check(1.7976931348623157e308, "1.7976931348623157e+308");
	number_check(-1e15, NULL);
	number_check(999999999999999.0, "999999999999999");
	for (int i = 0; i < 20000; i++) {
		double value;

		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		memcpy(&value, &random, sizeof(value));
		if (isfinite(value))
			number_check(value, NULL);
		number_check((double)((int64_t)random >> 12) / 1e4, NULL);
	}
}

/* printf() of a locale whose decimal point is two bytes long. */
int __wrap_snprintf(char *text, size_t size, const char *format, ...);
int __wrap___snprintf_chk(
	char *text, size_t size, int flag, size_t object, const char *format, ...);
static bool foreign_point;

__attribute__((format(printf, 3, 0))) static int foreign_print(
	char *text, size_t size, const char *format, va_list arguments)
{
	int length = vsnprintf(text, size, format, arguments);
	char *point = foreign_point && length > 0 ? strchr(text, '.') : NULL;

	if (point) {
		memmove(point + 2, point + 1, strlen(point));
		memcpy(point, "\xd9\xab", 2);
	}
	return length;
}

__attribute__((format(printf, 3, 4))) int __wrap_snprintf(
	char *text, size_t size, const char *format, ...)
{
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = foreign_print(text, size, format, arguments);
	va_end(arguments);
	return length;
}

__attribute__((format(printf, 5, 6))) int __wrap___snprintf_chk(
	char *text, size_t size, int flag, size_t object, const char *format, ...)
{
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = foreign_print(text, size, format, arguments);
	va_end(arguments);
	return length;
}

static void test_locale_does_not_matter(void **state)
{
	char text[40];

	foreign_point = true;
	senml_number_format(&(struct senml_number){.value = 1.0 / 3.0}, text);
	foreign_point = false;
	/* strtod() of this test knows only the point, so it took all 17 digits */
	assert_string_equal(text, "0.33333333333333331");
}

static void test_whole_numbers(void **state)
{
	char text[32];

	senml_number_format(&(struct senml_number){.whole = true, .integer = INT64_MIN}, text);
	assert_string_equal(text, "-9223372036854775808");
	senml_number_format(&(struct senml_number){.whole = true, .integer = INT64_MAX}, text);
	assert_string_equal(text, "9223372036854775807");
}

/* What does not fit is left out as a whole, and nothing comes after it. */
static void test_full(void **state)
{
	static struct senml_writer writer;
	const char *why = NULL;

	senml_begin(&writer, "d-1", 0);
	writer.size = SENML_OUTPUT_MAX - 4;
	senml_put(&writer, "12345", 5);
	assert_true(writer.full);
	assert_int_equal(writer.size, SENML_OUTPUT_MAX - 4);
	senml_put(&writer, "1", 1);
	assert_int_equal(writer.size, SENML_OUTPUT_MAX - 4);
	senml_begin(&writer, "d-1", 0);
	writer.size = SENML_OUTPUT_MAX - 4;
	senml_put(&writer, "1234", 4);
	assert_false(writer.full);
	assert_int_equal(writer.size, SENML_OUTPUT_MAX);
	writer.records = 1;
	assert_int_equal(senml_end(&writer, &why), READING_TOO_LARGE);
	assert_non_null(why);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers_read_back),
		cmocka_unit_test(test_whole_numbers),
		cmocka_unit_test(test_locale_does_not_matter),
		cmocka_unit_test(test_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
