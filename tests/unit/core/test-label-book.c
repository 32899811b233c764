/* SPDX-License-Identifier: Apache-2.0 */

/* Kept labels: values and back, lists, windows, the book; and memory that runs out. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "core/label-book.h"

#define CODE "GH1-000G40R40M30E209185GR38E1WJB" /* of sensor-1, as in the device contract */

static int calls_left = -1; /* of calls that take memory; then they fail */
static size_t wiped;

static bool may_have(void)
{
	if (calls_left > 0)
		return calls_left--;
	return calls_left < 0;
}

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size)
{
	return may_have() ? __real_calloc(count, size) : NULL;
}

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size)
{
	return may_have() ? __real_malloc(size) : NULL;
}

void *__real_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size)
{
	return may_have() ? __real_realloc(old, size) : NULL;
}

void __real_crypto_wipe(void *bytes, size_t size);
void __wrap_crypto_wipe(void *bytes, size_t size);
void __wrap_crypto_wipe(void *bytes, size_t size)
{
	wiped += size == sizeof(struct label);
	__real_crypto_wipe(bytes, size);
}

static struct label label_of(const char *ep, uint8_t seed)
{
	struct label label = {.has_psk = strlen(ep) <= LABEL_PSK_EP_MAX};

	snprintf(label.ep, sizeof(label.ep), "%s", ep);
	if (label.has_psk)
		memset(label.psk, seed, LABEL_KEY_SIZE);
	memset(label.claim_key, seed + 1, LABEL_KEY_SIZE);
	memset(label.digest, seed + 2, LABEL_DIGEST_SIZE);
	return label;
}

static struct kept_label *kept_of(const char *ep, unsigned line)
{
	const struct label label = label_of(ep, (uint8_t)line);
	struct kept_label *kept;

	assert_int_equal(kept_label_new(&label, &kept), 0);
	kept->line = line;
	return kept;
}

static struct label_list list_of(const char *eps)
{
	struct label_list list = {0};
	char copy[256], *rest = copy, *ep;
	unsigned line = 0;

	snprintf(copy, sizeof(copy), "%s", eps);
	while ((ep = strsep(&rest, " ")))
		label_list_add(&list, kept_of(ep, ++line));
	return list;
}

static void test_rows(void **state)
{
	assert_null(label_row_check(SPAN_LITERAL("sensor-1")));
	assert_non_null(label_row_check(SPAN_LITERAL("")));
	assert_non_null(label_row_check(SPAN_LITERAL("a b")));
	assert_non_null(label_row_check(SPAN_LITERAL("10.0.0.1")));
	assert_null(label_row_why(LABEL_TAKEN));
	assert_string_equal(label_row_why(LABEL_FOREIGN), "has no GH1 code");
	assert_non_null(strstr(label_row_why(LABEL_LENGTH), "28 characters"));
	assert_non_null(strstr(label_row_why(LABEL_MISMATCH), "typo"));
	assert_non_null(strstr(label_row_why(LABEL_NAMELESS), "endpoint name"));
}

static void test_value(void **state)
{
	uint8_t value[LABEL_VALUE_SIZE];
	struct label label, back;
	enum label_verdict verdict;

	assert_int_equal(label_read(SPAN_LITERAL(CODE), "sensor-1", &label, &verdict), 0);
	assert_int_equal(verdict, LABEL_TAKEN);
	label_value_make(&label, value);
	assert_int_equal(label_value_read(span_of(value, sizeof(value)), "sensor-1", &back), 0);
	assert_string_equal(back.ep, "sensor-1");
	assert_true(back.has_psk);
	assert_memory_equal(back.psk, label.psk, LABEL_KEY_SIZE);
	assert_memory_equal(back.claim_key, label.claim_key, LABEL_KEY_SIZE);
	assert_memory_equal(back.digest, label.digest, LABEL_DIGEST_SIZE);
	/* The code is nowhere in what is kept. */
	assert_null(memmem(value, sizeof(value), "\x00\x01\x02\x03\x04\x05\x06\x07", 8));
	for (size_t size = 0; size < sizeof(value); size++)
		assert_int_equal(
			label_value_read(span_of(value, size), "sensor-1", &back), -EBADMSG);
	assert_int_equal(label_value_read(span_of(value, sizeof(value)), "a b", &back), -EINVAL);
	value[1] = 2;
	assert_int_equal(
		label_value_read(span_of(value, sizeof(value)), "sensor-1", &back), -EBADMSG);
	value[1] = 0;
	value[0] = 9;
	assert_int_equal(
		label_value_read(span_of(value, sizeof(value)), "sensor-1", &back), -EBADMSG);
}

static void test_value_without_psk(void **state)
{
	static const char long_name[] = "a-name-that-is-too-long-for-a-dtls-identity";
	const struct label label = label_of(long_name, 7);
	uint8_t value[LABEL_VALUE_SIZE];
	struct label back;

	label_value_make(&label, value);
	assert_int_equal(label_value_read(span_of(value, sizeof(value)), long_name, &back), 0);
	assert_false(back.has_psk);
	assert_memory_equal(back.claim_key, label.claim_key, LABEL_KEY_SIZE);
}

static void test_window(void **state)
{
	const struct label_window window = {.until = LABEL_WINDOW_MSEC + 1000, .opened_by = "anna"};
	struct kept_label *kept = kept_of("a", 1), *copy;

	assert_false(kept_label_is_open(kept, 1000));
	assert_int_equal(kept_label_set_window(kept, &window), 0);
	assert_true(kept_label_is_open(kept, 1000));
	assert_true(kept_label_is_open(kept, LABEL_WINDOW_MSEC + 999));
	assert_false(kept_label_is_open(kept, LABEL_WINDOW_MSEC + 1000));
	/* The clock was set back: nothing stays open for longer than a day. */
	assert_false(kept_label_is_open(kept, 999));
	kept->imported = true;
	kept->since = 5;
	assert_int_equal(kept_label_copy(kept, &copy), 0);
	assert_true(copy->imported);
	assert_int_equal(copy->since, 5);
	assert_string_equal(copy->window->opened_by, "anna");
	assert_ptr_not_equal(copy->window, kept->window);
	assert_int_equal(kept_label_set_window(kept, NULL), 0);
	assert_null(kept->window);
	assert_non_null(copy->window);
	kept_label_free(kept);
	kept_label_free(copy);
	assert_null(kept_label_free(NULL));
}

static void test_lists(void **state)
{
	struct label_list list = list_of("a b"), more = list_of("c"), none = {0}, copy;

	label_list_join(&list, &none);
	assert_int_equal(list.count, 2);
	label_list_join(&list, &more);
	assert_int_equal(list.count, 3);
	assert_int_equal(more.count, 0);
	assert_string_equal(list.last->label.ep, "c");
	label_list_join(&more, &list);
	assert_int_equal(more.count, 3);
	assert_int_equal(label_list_copy(&more, &copy), 0);
	wiped = 0;
	label_list_clear(&more);
	assert_int_equal(wiped, 3);
	assert_string_equal(copy.first->label.ep, "a");
	assert_int_equal(copy.count, 3);
	label_list_clear(&copy);
}

static unsigned second_line(const char *eps)
{
	struct label_list list = list_of(eps);
	const struct kept_label *second;
	unsigned line;

	assert_int_equal(label_list_find_twice(&list, &second), 0);
	line = second ? second->line : 0;
	label_list_clear(&list);
	return line;
}

static void test_twice(void **state)
{
	assert_int_equal(second_line("a"), 0);
	assert_int_equal(second_line("a b c"), 0);
	assert_int_equal(second_line("a b a"), 3);
	/* Names are one whatever their case. The first such line is said. */
	assert_int_equal(second_line("b c a B A"), 4);
}

static void put(struct label_book *book, const char *eps)
{
	struct label_list list = list_of(eps);

	assert_int_equal(label_book_reserve(book, book->count + list.count), 0);
	label_book_put(book, &list);
	assert_int_equal(list.count, 0);
}

static void test_book(void **state)
{
	struct label_book book = {0};
	const struct label_window window = {.until = 5000};

	assert_null(label_book_find(&book, "a"));
	put(&book, "m c x a");
	put(&book, "z b");
	assert_int_equal(book.count, 6);
	for (size_t i = 1; i < book.count; i++)
		assert_true(strcmp(book.kept[i - 1]->label.ep, book.kept[i]->label.ep) < 0);
	assert_string_equal(label_book_find(&book, "M")->label.ep, "m");
	assert_int_equal(label_book_after(&book, "b"), 2);
	assert_int_equal(label_book_after(&book, "B"), 2);
	assert_int_equal(label_book_after(&book, ""), 0);
	assert_int_equal(label_book_after(&book, "zz"), 6);
	wiped = 0;
	put(&book, "n C");
	assert_int_equal(wiped, 1); /* the one that was replaced */
	assert_int_equal(book.count, 7);
	assert_string_equal(label_book_find(&book, "c")->label.ep, "C");
	label_book_drop(&book, "nobody");
	label_book_drop(&book, "M");
	assert_null(label_book_find(&book, "m"));
	assert_int_equal(book.count, 6);
	assert_int_equal(label_book_count_open(&book, 1000), 0);
	assert_int_equal(kept_label_set_window(label_book_find(&book, "x"), &window), 0);
	assert_int_equal(label_book_count_open(&book, 1000), 1);
	wiped = 0;
	label_book_clear(&book);
	assert_int_equal(wiped, 6);
}

/* What finds no room is not kept; the book is as it was. */
static void test_no_room(void **state)
{
	struct label_book book = {0};
	struct label_list list = list_of("b c");

	put(&book, "a");
	label_book_put(&book, &list);
	assert_int_equal(book.count, 1);
	assert_null(label_book_find(&book, "b"));
	label_book_clear(&book);
}

static void test_no_memory(void **state)
{
	const struct label_window window = {.until = 5000};
	struct label_list list = list_of("a b"), copy;
	const struct kept_label *second;
	const struct label label = label_of("c", 1);
	struct label_book book = {0};
	struct kept_label *kept;

	assert_int_equal(kept_label_set_window(list.last, &window), 0);
	for (int calls = 0; calls < 3; calls++) {
		calls_left = calls;
		assert_int_equal(label_list_copy(&list, &copy), -ENOMEM);
	}
	calls_left = 0;
	assert_int_equal(kept_label_new(&label, &kept), -ENOMEM);
	assert_int_equal(kept_label_set_window(list.last, &window), -ENOMEM);
	assert_non_null(list.last->window);
	assert_int_equal(label_list_find_twice(&list, &second), -ENOMEM);
	assert_int_equal(label_book_reserve(&book, 1), -ENOMEM);
	calls_left = -1;
	label_list_clear(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_value),
		cmocka_unit_test(test_value_without_psk),
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_twice),
		cmocka_unit_test(test_book),
		cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
