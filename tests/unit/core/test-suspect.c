/* SPDX-License-Identifier: Apache-2.0 */

/* A broker that hangs up: which reading it is about, and which it is not. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/suspect.h"

static void the_third_end_of_one_that_was_alone(void **state)
{
	struct suspect one = {0};

	assert_false(suspect_blamed(&one, 7, 1));
	assert_int_equal(one.alone, 0);
	assert_false(suspect_blamed(&one, 7, 1));
	assert_int_equal(one.alone, 1);
	suspect_sent(&one);
	assert_false(suspect_has_room(&one));
	assert_true(suspect_blamed(&one, 7, 1));
	assert_true(suspect_has_room(&one));
	assert_int_equal(one.alone, 0);
	assert_int_equal(one.row, 0);
	/* It begins anew. */
	assert_false(suspect_blamed(&one, 8, 1));
}

/* A broker that takes nothing at all empties no queue. */
static void no_other_before_one_is_taken(void **state)
{
	struct suspect one = {0};
	unsigned blamed = 0;

	for (uint64_t row = 1; row < 6; row++)
		for (int i = 0; i < 5; i++)
			blamed += suspect_blamed(&one, row, 1);
	assert_int_equal(blamed, 1);
	suspect_taken(&one, 5);
	for (int i = 0; i < 3; i++)
		blamed += suspect_blamed(&one, 6, 1);
	assert_int_equal(blamed, 2);
}

/* However often: among others it is never certain. */
static void not_in_company(void **state)
{
	struct suspect one = {0};

	for (int i = 0; i < 10; i++)
		assert_false(suspect_blamed(&one, 7, 2));
	assert_int_equal(one.alone, 2);
	assert_true(suspect_blamed(&one, 7, 1));
	/* The other one of the two is still sent alone. */
	assert_int_equal(one.alone, 1);
}

/* Answers were lost with the connection: the first was innocent, and the third was not. */
static void one_at_a_time_until_it_is_found(void **state)
{
	struct suspect one = {0};

	assert_false(suspect_blamed(&one, 1, 3));
	assert_false(suspect_blamed(&one, 1, 3));
	for (uint64_t row = 1; row < 3; row++) {
		assert_true(suspect_has_room(&one));
		suspect_sent(&one);
		assert_false(suspect_has_room(&one));
		suspect_taken(&one, row);
	}
	assert_int_equal(one.row, 0);
	assert_int_equal(one.alone, 1);
	assert_false(suspect_blamed(&one, 3, 1));
	assert_false(suspect_blamed(&one, 3, 1));
	assert_true(suspect_blamed(&one, 3, 1));
	assert_int_equal(one.alone, 0);
	/* And then as ever. */
	suspect_sent(&one);
	assert_true(suspect_has_room(&one));
}

/* What left before it was taken, but the word of that was lost with the connection. */
static void not_the_same_each_time(void **state)
{
	struct suspect one = {0};

	assert_false(suspect_blamed(&one, 4, 2));
	suspect_sent(&one);
	assert_true(suspect_has_room(&one));
	assert_false(suspect_blamed(&one, 7, 2));
	suspect_sent(&one);
	assert_false(suspect_has_room(&one));
	suspect_taken(&one, 4);
	suspect_sent(&one);
	assert_false(suspect_blamed(&one, 7, 1));
	suspect_sent(&one);
	assert_false(suspect_has_room(&one));
	assert_true(suspect_blamed(&one, 7, 1));
	assert_true(suspect_has_room(&one));
	/* From the beginning. */
	assert_false(suspect_blamed(&one, 8, 2));
	suspect_sent(&one);
	assert_true(suspect_has_room(&one));
}

static void whoever_is_taken_is_not_suspected(void **state)
{
	struct suspect one = {0};

	assert_false(suspect_blamed(&one, 1, 1));
	assert_false(suspect_blamed(&one, 1, 1));
	suspect_taken(&one, 1);
	assert_false(suspect_blamed(&one, 1, 1));
	/* Another one is first: those in between have been taken. */
	assert_false(suspect_blamed(&one, 2, 1));
	assert_false(suspect_blamed(&one, 1, 1));
	/* Of another one that was taken, the suspect learns nothing. */
	assert_false(suspect_blamed(&one, 1, 1));
	suspect_taken(&one, 5);
	assert_true(suspect_blamed(&one, 1, 1));
}

static void ends_that_say_nothing(void **state)
{
	struct suspect one = {.alone = 2, .row = 4, .ends = 2};

	suspect_sent(&one);
	suspect_excused(&one);
	assert_true(suspect_has_room(&one));
	suspect_sent(&one);
	assert_false(suspect_blamed(&one, 0, 3));
	assert_true(suspect_has_room(&one));
	assert_int_equal(one.ends, 2);
	assert_int_equal(one.row, 4);
	assert_int_equal(one.alone, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_third_end_of_one_that_was_alone),
		cmocka_unit_test(no_other_before_one_is_taken),
		cmocka_unit_test(not_in_company),
		cmocka_unit_test(one_at_a_time_until_it_is_found),
		cmocka_unit_test(not_the_same_each_time),
		cmocka_unit_test(whoever_is_taken_is_not_suspected),
		cmocka_unit_test(ends_that_say_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
