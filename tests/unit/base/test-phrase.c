/* SPDX-License-Identifier: Apache-2.0 */
/* What a phrase seals: it opens with that phrase alone, however it is typed, and no byte of it can
 * be another one. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/crypto.h"
#include "base/phrase.h"

#define PHRASE "BCDF-GHJK-LMNP"
#define TEXT   "what nobody else may read"

static int open_with(const char *phrase, const uint8_t *sealed, size_t size)
{
	uint8_t *plain;
	size_t plain_size;
	int r = phrase_unseal(phrase, span_of(sealed, size), &plain, &plain_size);

	if (r < 0)
		return r;
	assert_int_equal(plain_size, strlen(TEXT));
	assert_string_equal((char *)plain, TEXT);
	free(plain);
	return 0;
}

static void however_it_is_typed(void **state)
{
	static const char *const SAME[] = {PHRASE, "bcdfghjklmnp", " bcdf ghjk lmnp ",
		"BCDFGHJKLMNP", "B-C-D-F-G-H-J-K-L-M-N-P"};
	static const char *const OTHER[] = {"BCDF-GHJK-LMNQ", "BCDF-GHJK-LMNPP", ""};
	CLEANUP(cleanup_free) uint8_t *sealed = NULL;
	size_t size;

	assert_int_equal(phrase_seal(PHRASE, span_from_string(TEXT), &sealed, &size), 0);
	for (size_t i = 0; i < ELEMENTS(SAME); i++)
		assert_int_equal(open_with(SAME[i], sealed, size), 0);
	for (size_t i = 0; i < ELEMENTS(OTHER); i++)
		assert_int_equal(open_with(OTHER[i], sealed, size), -EKEYREJECTED);
}

static void no_two_are_alike(void **state)
{
	CLEANUP(cleanup_free) uint8_t *one = NULL;
	CLEANUP(cleanup_free) uint8_t *two = NULL;
	size_t size, other;

	assert_int_equal(phrase_seal(PHRASE, span_from_string(TEXT), &one, &size), 0);
	assert_int_equal(phrase_seal(PHRASE, span_from_string(TEXT), &two, &other), 0);
	assert_int_equal(size, other);
	assert_memory_not_equal(one + 12, two + 12, 16);
	assert_memory_not_equal(one + 44, two + 44, size - 44);
}

/* One bit of each part; and every length. */
static void what_is_damaged_does_not_open(void **state)
{
	static const struct {
		size_t at;
		int result;
	} rows[] = {{0, -ENOMSG}, {7, -ENOMSG}, {8, -EKEYREJECTED}, {9, -ENOMSG}, {10, -ENOMSG},
		{11, -ENOMSG}, {12, -EKEYREJECTED}, {28, -EKEYREJECTED}, {44, -EBADMSG},
		{56, -EBADMSG}, {80, -EBADMSG}};
	CLEANUP(cleanup_free) uint8_t *sealed = NULL;
	size_t size;

	assert_int_equal(phrase_seal(PHRASE, span_from_string(TEXT), &sealed, &size), 0);
	assert_int_equal(size, 44 + 12 + strlen(TEXT) + 16);
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		sealed[rows[i].at] ^= 1;
		assert_int_equal(open_with(PHRASE, sealed, size), rows[i].result);
		sealed[rows[i].at] ^= 1;
	}
	for (size_t cut = 0; cut < 44; cut++)
		assert_int_equal(open_with(PHRASE, sealed, cut), -ENOMSG);
	for (size_t cut = 44; cut < size; cut += 11)
		assert_int_equal(open_with(PHRASE, sealed, cut), -EBADMSG);
	assert_int_equal(open_with(PHRASE, sealed, size), 0);
}

/* A file that somebody made must not take all memory. */
static void costs_are_bounded(void **state)
{
	static const uint8_t COSTS[][4] = {{19, 8, 1, 0}, {255, 8, 1, 0}, {0, 8, 1, 0},
		{16, 255, 1, 0}, {16, 8, 5, 0}, {16, 8, 0, 0}};
	CLEANUP(cleanup_free) uint8_t *sealed = NULL;
	size_t size;

	assert_int_equal(phrase_seal(PHRASE, span_from_string(TEXT), &sealed, &size), 0);
	for (size_t i = 0; i < ELEMENTS(COSTS); i++) {
		memcpy(sealed + 8, COSTS[i], 4);
		assert_int_equal(open_with(PHRASE, sealed, size), -ENOMSG);
	}
}

static void short_ones_are_refused(void **state)
{
	uint8_t *sealed;
	size_t size;

	assert_int_equal(phrase_strength(PHRASE), 12);
	assert_int_equal(phrase_strength(" - \t"), 0);
	assert_int_equal(
		phrase_seal("BCDF-GHJK-LMN", span_from_string(TEXT), &sealed, &size), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(however_it_is_typed),
		cmocka_unit_test(no_two_are_alike),
		cmocka_unit_test(what_is_damaged_does_not_open),
		cmocka_unit_test(costs_are_bounded),
		cmocka_unit_test(short_ones_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
