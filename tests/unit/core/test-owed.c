/* SPDX-License-Identifier: Apache-2.0 */
/* Owed: the way of a row through memory, each rule on its own. What is on file only is
 * test-owed-fetch.c, giving up and running out of memory test-owed-drop.c, a long random walk
 * against a model test-owed-walk.c. */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>
#include <errno.h>

#include "owed-fixture.h"

static void test_one_row(void **state)
{
	struct owed *owed = *state;
	struct row_range range;
	uint64_t row = take(owed, 5);

	assert_int_equal(row, 1);
	assert_int_equal(owed_epoch(owed), 7);
	assert_int_equal(owed_set_open(owed, 5, true), 0);
	assert_int_equal(next_row(owed), 0); /* not on disk: not out */
	commit(owed, 5, row);
	assert_int_equal(owed_device_count(owed, 5), 1);
	assert_int_equal(next_row(owed), 1);
	assert_int_equal(next_row(owed), 0);
	assert_int_equal(owed_in_flight(owed, 5), 1);
	assert_int_equal(owed_deletes_waiting(owed), 0);
	assert_true(owed_acked(owed, 5, 1));
	assert_false(owed_acked(owed, 5, 1)); /* a repeated PUBACK */
	assert_int_equal(owed_deletes_waiting(owed), 1);
	assert_int_equal(owed_take_deletes(owed, &range, 1), 1);
	assert_int_equal(range.first, 1);
	assert_int_equal(range.last, 1);
	assert_int_equal(owed_take_deletes(owed, &range, 1), 0);
	assert_int_equal(stats_of(owed).delivered, 1);
	assert_int_equal(stats_of(owed).bytes, 0);
	assert_int_equal(owed_device_count(owed, 5), 0);
	assert_int_equal(owed_in_flight(owed, 6), 0);
	assert_int_equal(owed_device_count(owed, 6), 0);
}

static void test_outbox_limit(void **state)
{
	struct owed *owed = *state;
	struct owed_limits limits = {.outbox_bytes = 25, .window_readings = 10, .in_flight = 10};
	struct reading *refused;
	uint64_t row = 0;

	owed_set_limits(owed, &limits);
	take(owed, 1);
	row = take(owed, 2);
	assert_int_equal(owed_take_row(owed, 3, 6, &row), OWED_FULL);
	assert_int_equal(row, 2);
	assert_int_equal(owed_take_row(owed, 3, SIZE_MAX, &row), OWED_FULL);
	assert_int_equal(owed_take_row(owed, 3, 5, &row), OWED_ROOM);
	assert_int_equal(row, 3); /* a refused one took no number */
	refused = reading_of(2, 2);
	owed_refused(owed, refused); /* the batch was not written: room again */
	owed_refused(owed, refused); /* once only */
	assert_int_equal(stats_of(owed).bytes, 15);
	assert_int_equal(stats_of(owed).readings, 2);
	assert_int_equal(stats_of(owed).refused, 3);
	assert_int_equal(take(owed, 2), 4); /* and its number is not used again */
	refused = reading_unref(refused);
	limits.outbox_bytes = 5;
	owed_set_limits(owed, &limits);
	assert_int_equal(owed_take_row(owed, 3, 0, &row), OWED_FULL);
	refused = reading_of(99, 1);
	owed_refused(owed, refused); /* of a device that is not known */
	assert_int_equal(owed_committed(owed, refused), -ENOENT);
	refused->device_row = 2;
	refused->row = 4;
	assert_int_equal(owed_committed(owed, refused), 0);
	assert_int_equal(owed_committed(owed, refused), -EINVAL); /* twice */
	reading_unref(refused);
}

/* Four times what is free: one device stops at four fifths, a second one finds its part still. */
static void test_fair_share(void **state)
{
	struct owed *owed = *state;
	struct owed_limits limits = {
		.outbox_bytes = 1000, .device_share = 4, .window_readings = 10, .in_flight = 10};
	enum owed_verdict verdict;
	uint64_t row, refused;

	owed_set_limits(owed, &limits);
	while ((verdict = owed_take_row(owed, 1, SIZE, &row)) == OWED_ROOM)
		;
	assert_int_equal(verdict, OWED_SHARE);
	assert_int_equal(owed_device_bytes(owed, 1), 800);
	refused = stats_of(owed).refused;
	assert_int_equal(refused, 1);
	/* The greedy one stays where it is, whoever comes; others get on. */
	while ((verdict = owed_take_row(owed, 2, SIZE, &row)) == OWED_ROOM)
		assert_int_equal(owed_take_row(owed, 1, SIZE, &row), OWED_SHARE);
	assert_int_equal(verdict, OWED_SHARE);
	assert_in_range(owed_device_bytes(owed, 2), 150, 170);
	assert_int_equal(owed_take_row(owed, 3, SIZE, &row), OWED_ROOM);
	assert_int_equal(owed_device_bytes(owed, 9), 0);
	/* What is too much for everybody is no matter of shares. */
	assert_int_equal(owed_take_row(owed, 4, 100, &row), OWED_FULL);
	/* A limit of its own, below its share. */
	limits.outbox_bytes = 1000000;
	limits.device_bytes = 805;
	owed_set_limits(owed, &limits);
	assert_int_equal(owed_share(owed), 805);
	assert_int_equal(owed_take_row(owed, 1, SIZE, &row), OWED_SHARE);
	assert_int_equal(owed_take_row(owed, 1, 5, &row), OWED_ROOM);
	assert_int_equal(owed_take_row(owed, 7, 900, &row), OWED_SHARE);
	/* And above it. */
	limits.device_bytes = UINT64_MAX;
	limits.outbox_bytes = 1000;
	owed_set_limits(owed, &limits);
	assert_int_equal(owed_take_row(owed, 1, 1, &row), OWED_SHARE);
	/* So large that its share cannot be written down: any. */
	limits = (struct owed_limits){.outbox_bytes = UINT64_MAX, .device_share = 4};
	owed_set_limits(owed, &limits);
	assert_true(owed_share(owed) == UINT64_MAX);
}

static void test_turns(void **state)
{
	struct owed *owed = *state;

	for (uint64_t device = 1; device <= 3; device++)
		owed_set_open(owed, device, true);
	put_many(owed, 1, 3); /* 1 2 3 */
	put_many(owed, 2, 2); /* 4 5 */
	put_many(owed, 3, 1); /* 6 */
	assert_int_equal(next_row(owed), 1);
	assert_int_equal(next_row(owed), 4);
	assert_int_equal(next_row(owed), 6);
	assert_int_equal(next_row(owed), 2);
	assert_int_equal(next_row(owed), 5);
	assert_int_equal(next_row(owed), 3);
	assert_int_equal(next_row(owed), 0);
	assert_int_equal(stats_of(owed).in_flight, 6);
}

static void test_next_of_one_device(void **state)
{
	struct owed *owed = *state;
	struct owed_limits limits = wide;

	assert_false(owed_has_next_of(owed, 1));
	assert_null(owed_next_of(owed, 1));
	owed_set_open(owed, 1, true);
	owed_set_open(owed, 2, true);
	assert_false(owed_has_next_of(owed, 1)); /* nothing waits */
	for (unsigned i = 0; i < 3; i++) {
		commit(owed, 1, take(owed, 1));
		commit(owed, 2, take(owed, 2));
	}
	assert_int_equal(owed_next_of(owed, 2)->row, 2);
	assert_int_equal(owed_next_of(owed, 2)->row, 4);
	assert_int_equal(next_row(owed), 1);
	assert_int_equal(owed_next_of(owed, 1)->row, 3);
	limits.in_flight = 4;
	owed_set_limits(owed, &limits);
	assert_false(owed_has_next_of(owed, 2));
	assert_null(owed_next_of(owed, 2));
	owed_set_limits(owed, &wide);
	assert_int_equal(owed_next_of(owed, 2)->row, 6);
	assert_null(owed_next_of(owed, 2));
	assert_int_equal(next_row(owed), 5);
	assert_int_equal(next_row(owed), 0);
}

static void test_flight_limit(void **state)
{
	struct owed *owed = *state;
	struct owed_limits limits = wide;

	limits.in_flight = 2;
	owed_set_limits(owed, &limits);
	owed_set_open(owed, 1, true);
	put_many(owed, 1, 3);
	assert_int_equal(next_row(owed), 1);
	assert_int_equal(next_row(owed), 2);
	assert_int_equal(next_row(owed), 0);
	assert_true(owed_acked(owed, 1, 2));
	assert_int_equal(next_row(owed), 3);
	assert_int_equal(next_row(owed), 0);
}

static void test_returned_in_order(void **state)
{
	struct owed *owed = *state;

	owed_set_open(owed, 1, true);
	put_many(owed, 1, 4);
	for (uint64_t row = 1; row <= 3; row++)
		assert_int_equal(next_row(owed), row);
	assert_true(owed_acked(owed, 1, 2));
	owed_returned(owed);
	assert_int_equal(owed_in_flight(owed, 1), 0);
	assert_false(owed_acked(owed, 1, 1)); /* not in flight any more: it goes out again */
	assert_false(owed_acked(owed, 1, 2));
	assert_int_equal(next_row(owed), 1);
	assert_int_equal(next_row(owed), 3);
	assert_int_equal(next_row(owed), 4);
	assert_int_equal(next_row(owed), 0);
	owed_returned(owed);
	owed_returned(owed); /* nothing flies: nothing changes */
	assert_int_equal(next_row(owed), 1);
}

static void test_put_back(void **state)
{
	struct owed *owed = *state;

	owed_set_open(owed, 1, true);
	put_many(owed, 1, 5);
	for (uint64_t row = 1; row <= 4; row++)
		assert_int_equal(next_row(owed), row);
	assert_true(owed_acked(owed, 1, 3));
	assert_false(owed_put_back(owed, 1, 3)); /* landed */
	assert_false(owed_put_back(owed, 1, 5)); /* never left */
	assert_false(owed_put_back(owed, 2, 1));
	assert_true(owed_put_back(owed, 1, 2)); /* and 4, which left after it */
	assert_int_equal(owed_in_flight(owed, 1), 1);
	assert_int_equal(stats_of(owed).in_flight, 1);
	assert_false(owed_put_back(owed, 1, 2));
	assert_false(owed_acked(owed, 1, 4));
	assert_int_equal(next_row(owed), 2);
	assert_int_equal(next_row(owed), 4);
	assert_int_equal(next_row(owed), 5);
	owed_set_open(owed, 1, false);
	assert_true(owed_put_back(owed, 1, 5)); /* closed meanwhile: back to the file */
	assert_int_equal(stats_of(owed).in_memory, 3);
	assert_int_equal(stats_of(owed).readings, 4);
	assert_true(owed_acked(owed, 1, 1));
	assert_int_equal(stats_of(owed).in_flight, 2);
}

/* Whoever is set aside has no turn till it is taken up: first aside, first in, before all others.
 */
static void test_set_aside(void **state)
{
	struct owed *owed = *state;

	for (uint64_t device = 1; device <= 4; device++) {
		owed_set_open(owed, device, true);
		put(owed, device);
	}
	put_many(owed, 4, 2); /* 5 and 6 */
	for (uint64_t row = 1; row <= 3; row++) {
		assert_int_equal(next_row(owed), row);
		assert_true(owed_set_aside(owed, row, row));
	}
	assert_false(owed_set_aside(owed, 1, 1));
	assert_false(owed_set_aside(owed, 9, 1));
	assert_int_equal(stats_of(owed).in_flight, 0);
	put(owed, 1); /* 7: what comes now does not bring it back */
	assert_int_equal(next_row(owed), 4);
	assert_int_equal(next_row(owed), 5);
	assert_false(owed_has_next_of(owed, 1));
	owed_take_up(owed, false);
	assert_int_equal(next_row(owed), 1);
	assert_true(owed_set_aside(owed, 1, 1)); /* now it is the last of them */
	owed_take_up(owed, false);
	assert_int_equal(next_row(owed), 2);
	assert_int_equal(next_row(owed), 6);
	assert_false(owed_has_next(owed));
	owed_take_up(owed, true);
	assert_int_equal(next_row(owed), 3);
	assert_int_equal(next_row(owed), 1);
	assert_int_equal(next_row(owed), 7);
	owed_take_up(owed, true);
	owed_take_up(owed, false);
	assert_false(owed_has_next(owed));
}

/* What is said of a device meanwhile ends it. */
static void test_no_longer_aside(void **state)
{
	uint64_t count, first, last;
	struct owed *owed = *state;

	for (uint64_t device = 1; device <= 4; device++) {
		owed_set_open(owed, device, true);
		put(owed, device);
		assert_int_equal(next_row(owed), device);
		assert_true(owed_set_aside(owed, device, device));
	}
	owed_set_open(owed, 2, true);
	assert_int_equal(next_row(owed), 2);
	owed_set_open(owed, 3, false);
	owed_set_open(owed, 4, false);
	assert_int_equal(stats_of(owed).in_memory, 2);
	assert_false(owed_has_next(owed));
	assert_true(owed_dead(owed, 1, 1)); /* its only one */
	assert_int_equal(put(owed, 1), 5);
	assert_int_equal(next_row(owed), 5);
	assert_true(owed_set_aside(owed, 1, 5));
	owed_drop_device(owed, 1, &count, &first, &last);
	assert_int_equal(count, 1);
	assert_int_equal(put(owed, 1), 6);
	assert_int_equal(next_row(owed), 6);
	/* One that was closed while it flew does not step aside: it is on file. */
	owed_set_open(owed, 1, false);
	assert_true(owed_set_aside(owed, 1, 6));
	owed_take_up(owed, true);
	assert_false(owed_has_next(owed));
	assert_int_equal(stats_of(owed).in_memory, 1);
}

static void test_dead(void **state)
{
	struct owed *owed = *state;

	owed_set_open(owed, 1, true);
	put_many(owed, 1, 4);
	assert_int_equal(next_row(owed), 1);
	assert_true(owed_dead(owed, 1, 1)); /* in flight */
	assert_true(owed_dead(owed, 1, 3)); /* waiting, in the middle */
	assert_false(owed_dead(owed, 1, 3));
	assert_false(owed_dead(owed, 1, 9));
	assert_false(owed_dead(owed, 2, 4));
	assert_int_equal(owed_deletes_waiting(owed), 0);
	assert_int_equal(next_row(owed), 2);
	assert_int_equal(next_row(owed), 4);
	assert_int_equal(next_row(owed), 0);
	assert_int_equal(stats_of(owed).dead, 2);
	assert_int_equal(stats_of(owed).readings, 2);
	assert_int_equal(stats_of(owed).bytes, 2 * SIZE);
	assert_true(owed_dead(owed, 1, 4)); /* the newest: nothing is left behind it */
	assert_int_equal(put(owed, 1), 5);
	assert_int_equal(next_row(owed), 5);
}

static void test_deletes_are_exact(void **state)
{
	static const uint64_t order[] = {1, 2, 9, 5, 4, 7, 3, 10, 12, 6};
	struct owed *owed = *state;
	struct row_range ranges[4];

	owed_set_open(owed, 1, true);
	put_many(owed, 1, 12);
	for (int i = 0; i < 12; i++)
		owed_next(owed);
	for (size_t i = 0; i < ELEMENTS(order); i++)
		assert_true(owed_acked(owed, 1, order[i]));
	assert_int_equal(owed_deletes_waiting(owed), 10);
	assert_int_equal(owed_take_deletes(owed, ranges, 0), 0);
	assert_int_equal(owed_take_deletes(owed, ranges, 1), 1);
	assert_int_equal(ranges[0].first, 1);
	assert_int_equal(ranges[0].last, 7);
	assert_int_equal(owed_deletes_waiting(owed), 3);
	assert_int_equal(owed_take_deletes(owed, ranges, 4), 2);
	assert_int_equal(ranges[0].first, 9);
	assert_int_equal(ranges[0].last, 10);
	assert_int_equal(ranges[1].first, 12);
	assert_int_equal(ranges[1].last, 12);
	assert_int_equal(owed_deletes_waiting(owed), 0);
}

static void test_many_gaps(void **state)
{
	struct owed *owed = *state;
	struct row_range ranges[128];

	owed_set_open(owed, 1, true);
	put_many(owed, 1, 100);
	for (int i = 0; i < 100; i++)
		owed_next(owed);
	for (uint64_t row = 100; row >= 2; row -= 2)
		assert_true(owed_acked(owed, 1, row)); /* each a run of its own, from behind */
	for (uint64_t row = 51; row <= 99; row += 2)
		assert_true(owed_acked(owed, 1, row)); /* each joins two */
	assert_int_equal(owed_take_deletes(owed, ranges, 128), 25);
	assert_int_equal(ranges[0].first, 2);
	assert_int_equal(ranges[24].first, 50);
	assert_int_equal(ranges[24].last, 100);
}

static void test_next_row_never_zero(void **state)
{
	struct owed *owed;

	assert_int_equal(owed_new(&wide, 1, 0, &owed), 0);
	assert_int_equal(take(owed, 1), 1);
	owed_free(owed);
	assert_int_equal(owed_new(&wide, 1, 500, &owed), 0);
	assert_int_equal(take(owed, 1), 500);
	assert_null(owed_free(owed));
	assert_null(owed_free(NULL));
}

static void test_gh_id(void **state)
{
	char text[80];

	assert_string_equal(gh_id_format("plant-7", 3, 42, text), "plant-7.3.42");
	assert_string_equal(
		gh_id_format("abcdefghijklmnopqrstuvwxyz-12345", UINT64_MAX, UINT64_MAX, text),
		"abcdefghijklmnopqrstuvwxyz-12345.18446744073709551615.18446744073709551615");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		OWED_TEST(test_one_row),
		OWED_TEST(test_outbox_limit),
		OWED_TEST(test_fair_share),
		OWED_TEST(test_turns),
		OWED_TEST(test_next_of_one_device),
		OWED_TEST(test_flight_limit),
		OWED_TEST(test_returned_in_order),
		OWED_TEST(test_put_back),
		OWED_TEST(test_set_aside),
		OWED_TEST(test_no_longer_aside),
		OWED_TEST(test_dead),
		OWED_TEST(test_deletes_are_exact),
		OWED_TEST(test_many_gaps),
		cmocka_unit_test(test_next_row_never_zero),
		cmocka_unit_test(test_gh_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
