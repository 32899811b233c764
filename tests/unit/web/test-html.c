/* SPDX-License-Identifier: Apache-2.0 */
/* The escaping writer. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "web/html.h"

static void expect(struct html *html, const char *expected)
{
	size_t size = 0;
	char *text = html_steal(html, &size);

	assert_non_null(text);
	assert_string_equal(text, expected);
	assert_int_equal(size, strlen(expected));
	free(text);
}

static void test_escapes(void **state)
{
	struct html html = {0};

	html_put(&html, "<a title=\"%s\">%s</a>", "\"><script>'&", "a&b<c>");
	expect(&html, "<a title=\"&quot;&gt;&lt;script&gt;&#39;&amp;\">a&amp;b&lt;c&gt;</a>");
}

static void test_foreign_characters(void **state)
{
	struct html html = {0};

	html_put(&html, "%s|%s|%s|%s",
		"a\x01\x1b\x7f"
		"b",
		"tab\there",
		"abc\xe2\x80\xae"
		"def\xe2\x81\xa6",
		"caf\xc3\xa9 \xe2\x82\xac");
	expect(&html, "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
		      "b|tab\there|abc\xef\xbf\xbd"
		      "def\xef\xbf\xbd|caf\xc3\xa9 \xe2\x82\xac");
	html_put(&html, "%s%s", "cut \xe2\x80", "\xe2");
	expect(&html, "cut \xe2\x80\xe2");
}

static void test_numbers(void **state)
{
	const char *volatile nothing = NULL;
	struct html html = {0};

	html_put(&html, "%d %u %lld %llu 100%%", -5, 7u, LLONG_MIN, ULLONG_MAX);
	expect(&html, "-5 7 -9223372036854775808 18446744073709551615 100%");
	html_put(&html, "[%s]", nothing);
	expect(&html, "[]");
	expect(&html, "");
}

static void test_segments(void **state)
{
	struct html html = {0};

	html_put_segment(&html, "a b&c=\"/../\xc3\xa9-._~");
	html_put_segment(&html, NULL);
	expect(&html, "a%20b%26c%3D%22%2F..%2F%C3%A9-._~");
	html_put_markup(&html, "<b>50%</b>");
	expect(&html, "<b>50%</b>");
}

static void test_limit_sticks(void **state)
{
	struct html html = {0};
	char *block = malloc(65536);
	size_t size;

	memset(block, 'x', 65535);
	block[65535] = 0;
	for (int i = 0; i < 64; i++)
		html_put(&html, "%s", block);
	assert_int_equal(html.error, 0);
	html_put(&html, "%s", block);
	assert_int_equal(html.error, -EFBIG);
	html_put(&html, "more");
	assert_null(html_steal(&html, &size));
	assert_int_equal(html.error, 0); /* empty again */
	html_put(&html, "new");
	expect(&html, "new");
	free(block);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_escapes),
		cmocka_unit_test(test_foreign_characters),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_segments),
		cmocka_unit_test(test_limit_sticks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
