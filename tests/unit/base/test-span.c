/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Spans: copies keep their promises at the edges of the capacity, and what is declared clean is
 * exactly what the rewriting leaves alone.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/span.h"

static void test_equal(void **state)
{
	assert_true(span_equal(SPAN_LITERAL("ab"), SPAN_LITERAL("ab")));
	assert_false(span_equal(SPAN_LITERAL("ab"), SPAN_LITERAL("ac")));
	assert_false(span_equal(SPAN_LITERAL("ab"), SPAN_LITERAL("abc")));
	assert_true(span_equal(span_of(NULL, 0), SPAN_LITERAL("")));
	assert_true(span_equal(span_from_string(NULL), span_from_string("")));
}

static void test_to_string(void **state)
{
	char text[4] = "old";

	assert_int_equal(span_to_string(SPAN_LITERAL("abcd"), text, sizeof(text)), -EMSGSIZE);
	assert_int_equal(span_to_string(SPAN_LITERAL("a\0b"), text, sizeof(text)), -EILSEQ);
	assert_int_equal(span_to_string(span_of(NULL, 0), text, 0), -EMSGSIZE);
	assert_string_equal(text, "old");
	assert_int_equal(span_to_string(SPAN_LITERAL("abc"), text, sizeof(text)), 0);
	assert_string_equal(text, "abc");
	assert_int_equal(span_to_string(span_of(NULL, 0), text, sizeof(text)), 0);
	assert_string_equal(text, "");
}

static void test_dup(void **state)
{
	CLEANUP(cleanup_free) char *copy = span_dup(span_of("a\0b", 3));
	CLEANUP(cleanup_free) char *empty = span_dup(span_of(NULL, 0));

	assert_memory_equal(copy, "a\0b", 4);
	assert_string_equal(empty, "");
}

static void test_printable(void **state)
{
	assert_true(span_is_printable(SPAN_LITERAL(" az~")));
	assert_true(span_is_printable(span_of(NULL, 0)));
	assert_false(span_is_printable(SPAN_LITERAL("a\x1f")));
	assert_false(span_is_printable(SPAN_LITERAL("a\x7f")));
	assert_false(span_is_printable(SPAN_LITERAL("\xc3\xa9")));
}

static const struct {
	const char *text;
	bool clean;
	const char *safe;
} cases[] = {
	{"plain", true, "plain"},
	{"", true, ""},
	{"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", true, "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
	{"\xef\xbf\xbf\xf4\x8f\xbf\xbf", true, "\xef\xbf\xbf\xf4\x8f\xbf\xbf"},
	{"a\nb", false, "a\\x0ab"},
	{"\x1b[2J", false, "\\x1b[2J"},
	{"\x7f", false, "\\x7f"},
	{"\xc2\x85", false, "\\xc2\\x85"},			      /* C1: next line */
	{"\xc2\xa0", true, "\xc2\xa0"},				      /* the first behind C1 */
	{"\xe2\x80\xa8", false, "\\xe2\\x80\\xa8"},		      /* line separator */
	{"\xe2\x80\xae", false, "\\xe2\\x80\\xae"},		      /* right-to-left override */
	{"\xe2\x81\xa9", false, "\\xe2\\x81\\xa9"},		      /* pop directional isolate */
	{"\xe2\x80\xa7", true, "\xe2\x80\xa7"},			      /* just before them */
	{"\xc0\xaf", false, "\\xc0\\xaf"},			      /* overlong */
	{"\xe0\x80\xaf", false, "\\xe0\\x80\\xaf"},		      /* overlong */
	{"\xf0\x80\x80\xaf", false, "\\xf0\\x80\\x80\\xaf"},	      /* overlong */
	{"\xed\xa0\x80", false, "\\xed\\xa0\\x80"},		      /* surrogate */
	{"\xf4\x90\x80\x80", false, "\\xf4\\x90\\x80\\x80"},	      /* above U+10FFFF */
	{"\xf8\x88\x80\x80\x80", false, "\\xf8\\x88\\x80\\x80\\x80"}, /* five bytes */
	{"\x80z", false, "\\x80z"},				      /* lone continuation */
	{"\xe2\x82", false, "\\xe2\\x82"},			      /* cut off */
	{"\xe2\x82z", false, "\\xe2\\x82z"},
};

static void test_clean_and_safe_agree(void **state)
{
	char safe[64];

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		struct span span = span_from_string(cases[i].text);

		assert_int_equal(span_is_clean_text(span), cases[i].clean);
		assert_string_equal(span_to_safe_text(span, safe, sizeof(safe)), cases[i].safe);
		assert_true(span_is_clean_text(span_from_string(safe)));
	}
	assert_false(span_is_clean_text(span_of("a\0b", 3)));
	assert_string_equal(span_to_safe_text(span_of("a\0b", 3), safe, sizeof(safe)), "a\\x00b");
}

static void test_safe_text_that_is_too_long(void **state)
{
	char safe[16];

	assert_string_equal(span_to_safe_text(SPAN_LITERAL("1234567"), safe, 8), "1234567");
	assert_string_equal(span_to_safe_text(SPAN_LITERAL("12345678"), safe, 8), "1234...");
	/* Neither a character nor an escape is cut in two. */
	assert_string_equal(span_to_safe_text(SPAN_LITERAL("123\xe2\x82\xac"
							   "89"),
				    safe, 8),
		"123...");
	assert_string_equal(span_to_safe_text(SPAN_LITERAL("1\n\n"), safe, 8), "1...");
	assert_string_equal(span_to_safe_text(SPAN_LITERAL("abcd"), safe, 4), "...");
	assert_string_equal(span_to_safe_text(SPAN_LITERAL("abcd"), safe, 2), ".");
	assert_string_equal(span_to_safe_text(SPAN_LITERAL("abcd"), safe, 1), "");
	safe[0] = 'x';
	assert_ptr_equal(span_to_safe_text(SPAN_LITERAL("abcd"), safe, 0), safe);
	assert_int_equal(safe[0], 'x');
}

/* Every text of four bytes drawn from the interesting ones, at every small capacity: the result is
 * clean and ends inside the buffer. */
static void test_safe_text_of_many(void **state)
{
	static const uint8_t pool[] = {0x00, 0x0a, 'a', 0x7f, 0x80, 0xc2, 0xe2, 0xed, 0xf0, 0xff};
	uint8_t data[4];
	char safe[20];

	for (size_t n = 0; n < 10000; n++) {
		size_t rest = n;

		for (size_t k = 0; k < sizeof(data); k++, rest /= 10)
			data[k] = pool[rest % 10];
		for (size_t capacity = 1; capacity <= 18; capacity++) {
			memset(safe, '!', sizeof(safe));
			span_to_safe_text(span_of(data, sizeof(data)), safe, capacity);
			assert_int_equal(safe[capacity], '!');
			assert_true(strlen(safe) < capacity);
			assert_true(span_is_clean_text(span_from_string(safe)));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_equal),
		cmocka_unit_test(test_to_string),
		cmocka_unit_test(test_dup),
		cmocka_unit_test(test_printable),
		cmocka_unit_test(test_clean_and_safe_agree),
		cmocka_unit_test(test_safe_text_that_is_too_long),
		cmocka_unit_test(test_safe_text_of_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
