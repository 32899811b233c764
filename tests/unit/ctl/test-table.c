/* SPDX-License-Identifier: Apache-2.0 */

/* Tables line up, and no foreign text reaches the terminal as it came. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/table.h"

static char *text;
static size_t size;
static FILE *out;

static int setup(void **state)
{
	out = open_memstream(&text, &size);
	return out ? 0 : -1;
}

static int teardown(void **state)
{
	free(text);
	return 0;
}

static void assert_printed(const char *expected)
{
	assert_int_equal(fclose(out), 0);
	assert_string_equal(text, expected);
}

static void test_columns(void **state)
{
	static const char *const titles[] = {"ID", "NAME", "STAGE"};
	struct table *table = NULL;

	assert_int_equal(table_new(titles, 3, &table), 0);
	assert_int_equal(table_add(table, (const char *const[]){"a", "K\xc3\xa4lte", "active"}), 0);
	assert_int_equal(table_add(table, (const char *const[]){"sensor-1", NULL, ""}), 0);
	assert_int_equal(table_count(table), 2);
	table_print(table, out);
	assert_null(table_free(table));
	assert_printed("ID        NAME   STAGE\n"
		       "a         K\xc3\xa4lte  active\n"
		       "sensor-1  -      -\n");
}

static void test_hostile_cells(void **state)
{
	static const char *const titles[] = {"NAME", "LAST"};
	char longest[300];
	struct table *table = NULL;

	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(table_new(titles, 2, &table), 0);
	assert_int_equal(table_add(table, (const char *const[]){"a\033[2Jb\nc", "x"}), 0);
	assert_int_equal(table_add(table, (const char *const[]){longest, "y"}), 0);
	table_print(table, out);
	table_free(table);
	longest[60] = '\0';
	assert_int_equal(fclose(out), 0);
	assert_non_null(strstr(text, "a\\x1b[2Jb\\x0ac "));
	assert_non_null(strstr(text, longest));
	longest[60] = 'x';
	longest[61] = '\0';
	assert_null(strstr(text, longest));
}

/* The last column has the room that it needs, within bounds. */
static void test_long_last_cell(void **state)
{
	static const char *const titles[] = {"A"};
	char longest[1000], shown[101];
	struct table *table = NULL;

	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	memset(shown, 'x', sizeof(shown) - 1);
	shown[sizeof(shown) - 1] = '\0';
	assert_int_equal(table_new(titles, 1, &table), 0);
	assert_int_equal(table_add(table, (const char *const[]){shown}), 0);
	assert_int_equal(table_add(table, (const char *const[]){longest}), 0);
	table_print(table, out);
	table_free(table);
	assert_int_equal(fclose(out), 0);
	assert_non_null(strstr(text, shown));
	assert_non_null(strstr(text, "...\n"));
	assert_true(size < 400);
}

static void test_many_rows(void **state)
{
	static const char *const titles[] = {"A", "B"};
	struct table *table = NULL;

	assert_int_equal(table_new(titles, 2, &table), 0);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(table_add(table, (const char *const[]){"1", "2"}), 0);
	assert_int_equal(table_count(table), 100);
	table_print(table, out);
	table_free(table);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(size, 101 * strlen("1  2\n"));
}

static void test_bounds(void **state)
{
	static const char *const titles[] = {"A"};
	struct table *table = NULL;

	assert_int_equal(table_new(titles, 0, &table), -EINVAL);
	assert_int_equal(table_new(titles, TABLE_COLUMNS_MAX + 1, &table), -EINVAL);
	assert_null(table);
	assert_null(table_free(NULL));
	fclose(out);
}

static void test_pairs(void **state)
{
	pair_print(out, "Name", "Boiler");
	pair_print(out, "Nothing", "");
	pair_print(out, "Nothing", NULL);
	pair_print(out, "Place",
		"a\r\x9b"
		"b");
	line_print(out, "two\nlines");
	assert_printed("Name             Boiler\n"
		       "Place            a\\x0d\\x9bb\n"
		       "two\\x0alines\n");
}

#define PRINTS(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

static void test_paragraphs(void **state)
{
	word_print(out, "ok", 4);
	word_print(out, "too long", 4);
	word_print(out, "\xc3\xbc\x1b", 7);
	fputs("|\n", out);
	paragraph_print(out,
		"one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
		"fifteen",
		4);
	paragraph_print(out, "", 4);
	paragraph_print(out, "a  b\x1b", 0);
	assert_printed("ok  too long\xc3\xbc\\x1b  |\n"
		       "one two three four five six seven eight nine ten eleven twelve thirteen\n"
		       "    fourteen fifteen\n\na b\\x1b\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PRINTS(test_columns),
		PRINTS(test_hostile_cells),
		PRINTS(test_long_last_cell),
		PRINTS(test_many_rows),
		PRINTS(test_bounds),
		PRINTS(test_pairs),
		PRINTS(test_paragraphs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
