/* SPDX-License-Identifier: Apache-2.0 */

/* Fields of one line, and lines that are none. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/csv.h"

static char *line;
static char *field[3];
static size_t count;

/* A heap copy without room to spare: what reads or writes behind it is seen. */
static const char *split(const char *text, size_t size)
{
	free(line);
	line = malloc(size + 1);
	assert_non_null(line);
	memcpy(line, text, size);
	line[size] = '\0';
	count = 99;
	return csv_split(line, size, field, 3, &count);
}

static void assert_fields(const char *text, const char *a, const char *b, const char *c)
{
	assert_null(split(text, strlen(text)));
	assert_int_equal(count, c ? 3 : b ? 2 : 1);
	assert_string_equal(field[0], a);
	if (b)
		assert_string_equal(field[1], b);
	if (c)
		assert_string_equal(field[2], c);
}

static void test_fields(void **state)
{
	assert_fields("a,b,c", "a", "b", "c");
	assert_fields("a", "a", NULL, NULL);
	assert_fields("", "", NULL, NULL);
	assert_fields(",", "", "", NULL);
	assert_fields("a,,", "a", "", "");
	assert_fields(" a , b ,c ", " a ", " b ", "c ");
	assert_fields("a,\"b,c\",d", "a", "b,c", "d");
	assert_fields("a,\"b\"\"c\",\"\"", "a", "b\"c", "");
	assert_fields("\"\"\"\",b,\"\"\"x\"", "\"", "b", "\"x");
}

static void test_wrong(void **state)
{
	static const char *const wrong[] = {"a,b,c,d", "a,b,c,", "\"a", "a,\"b\"c,d", "a,b\"c,d",
		"\"", "a,\"b\"\"", "\"a\" ,b"};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_non_null(split(wrong[i], strlen(wrong[i])));
	assert_non_null(split("a\0b,c", 5));
}

static int tear_down(void **state)
{
	free(line);
	line = NULL;
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_fields, tear_down),
		cmocka_unit_test_teardown(test_wrong, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
