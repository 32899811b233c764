/* SPDX-License-Identifier: Apache-2.0 */
/* Owed: devices that are held, rows that are on file only, and their way back into memory. */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>
#include <errno.h>

#include "owed-fixture.h"

static void test_held_until_open(void **state)
{
	struct owed *owed = *state;
	struct owed_fetch fetch, none = {.max = 77};

	put_many(owed, 1, 3);
	assert_int_equal(next_row(owed), 0);
	assert_int_equal(stats_of(owed).in_memory, 0);
	assert_false(owed_wants_fetch(owed, &none));
	assert_int_equal(none.max, 77);
	assert_int_equal(owed_set_open(owed, 1, true), 0);
	assert_true(owed_wants_fetch(owed, &fetch));
	assert_int_equal(fetch.device_row, 1);
	assert_int_equal(fetch.after_row, 0);
	assert_int_equal(fetch.last_row, 3);
	assert_int_equal(fetch.max, 3);
	assert_false(owed_wants_fetch(owed, &none)); /* one at a time */
	put(owed, 1);				     /* 4: behind what is on file */
	fetched(owed, &fetch, 1, 3);
	assert_true(owed_wants_fetch(owed, &fetch));
	assert_int_equal(fetch.after_row, 3);
	fetched(owed, &fetch, 4, 4);
	put(owed, 1); /* 5: the file part is empty, so it stays in memory */
	for (uint64_t row = 1; row <= 5; row++)
		assert_int_equal(next_row(owed), row);
	assert_false(owed_wants_fetch(owed, &none));
}

static void test_closing_gives_memory_back(void **state)
{
	struct owed *owed = *state;
	struct owed_fetch fetch;

	owed_set_open(owed, 1, true);
	put_many(owed, 1, 5);
	assert_int_equal(next_row(owed), 1);
	assert_int_equal(owed_set_open(owed, 1, false), 0);
	assert_int_equal(stats_of(owed).in_memory, 1);
	assert_int_equal(stats_of(owed).readings, 5);
	assert_int_equal(next_row(owed), 0);
	assert_true(owed_acked(owed, 1, 1)); /* what was in flight may still land */
	assert_int_equal(stats_of(owed).in_memory, 0);
	put(owed, 1);
	owed_set_open(owed, 1, true);
	assert_true(owed_wants_fetch(owed, &fetch));
	assert_int_equal(fetch.after_row, 1);
	assert_int_equal(fetch.last_row, 6);
	fetched(owed, &fetch, 2, 6);
	for (uint64_t row = 2; row <= 6; row++)
		assert_int_equal(next_row(owed), row);
	owed_set_open(owed, 1, false);
	owed_returned(owed); /* closed meanwhile: back to the file */
	assert_int_equal(stats_of(owed).in_memory, 0);
	assert_int_equal(stats_of(owed).readings, 5);
	assert_int_equal(owed_set_open(owed, 2, false), 0); /* nothing known of it */
}

/* Rows older than an acked one must not be read from the file again: the acked one is there too. */
static void test_rows_before_an_ack_stay(void **state)
{
	struct owed *owed = *state;
	struct owed_fetch fetch;

	owed_set_open(owed, 1, true);
	put_many(owed, 1, 5);
	for (int i = 0; i < 3; i++)
		owed_next(owed);
	assert_true(owed_acked(owed, 1, 2));
	owed_set_open(owed, 1, false);
	owed_returned(owed);
	assert_int_equal(stats_of(owed).in_memory, 1); /* row 1 */
	owed_set_open(owed, 1, true);
	assert_int_equal(next_row(owed), 1);
	assert_true(owed_wants_fetch(owed, &fetch));
	assert_int_equal(fetch.after_row, 2);
	fetched(owed, &fetch, 3, 5);
	assert_int_equal(next_row(owed), 3);
}

static void test_window(void **state)
{
	struct owed *owed = *state;
	struct owed_limits limits = wide;
	struct owed_fetch fetch;
	uint64_t expected = 1;

	limits.window_readings = 8;
	owed_set_limits(owed, &limits);
	owed_set_open(owed, 1, true);
	put_many(owed, 1, 50);
	assert_int_equal(stats_of(owed).in_memory, 8);
	assert_int_equal(stats_of(owed).readings, 50);
	while (expected <= 50) {
		if (owed_wants_fetch(owed, &fetch))
			fetched(owed, &fetch, fetch.after_row + 1, fetch.last_row);
		assert_true(stats_of(owed).in_memory <= 8);
		assert_int_equal(next_row(owed), expected);
		assert_true(owed_acked(owed, 1, expected));
		expected++;
	}
	assert_int_equal(stats_of(owed).readings, 0);
}

/* A device with a back-log and a stream of new rows leaves room for one that has only a little. */
static void test_window_is_shared(void **state)
{
	struct owed *owed = *state;
	struct owed_limits limits = wide;
	struct owed_fetch fetch;
	uint64_t quiet;

	limits.window_readings = 8;
	owed_set_limits(owed, &limits);
	owed_set_open(owed, 1, true);
	owed_set_open(owed, 2, true);
	put_many(owed, 1, 20);
	quiet = put(owed, 2);
	for (int i = 0; i < 100 && owed_device_count(owed, 2) > 0; i++) {
		struct reading *reading = owed_next(owed);

		if (reading)
			owed_acked(owed, reading->device_row, reading->row);
		put(owed, 1);
		if (owed_wants_fetch(owed, &fetch))
			fetched(owed, &fetch, fetch.device_row == 2 ? quiet : fetch.after_row + 1,
				fetch.last_row);
	}
	assert_int_equal(owed_device_count(owed, 2), 0);
	limits.window_readings = 0; /* no room at all: nothing new comes in */
	owed_set_limits(owed, &limits);
	assert_false(owed_wants_fetch(owed, &fetch));
}

static void test_load(void **state)
{
	struct owed *owed = *state;
	struct owed_fetch fetch;

	assert_int_equal(owed_load(owed, 1, 0, 0, 0, 0), 0);
	assert_int_equal(owed_load(owed, 1, 3, 30, 0, 5), -EINVAL);
	assert_int_equal(owed_load(owed, 1, 3, 30, 5, 4), -EINVAL);
	assert_int_equal(owed_load(owed, 1, 3, 3 * SIZE, 10, 14), 0);
	assert_int_equal(owed_load(owed, 1, 3, 3 * SIZE, 10, 14), -EINVAL);
	assert_int_equal(stats_of(owed).oldest_row, 10);
	assert_int_equal(stats_of(owed).oldest_time, 0);
	assert_int_equal(stats_of(owed).bytes, 3 * SIZE);
	owed_set_open(owed, 2, true);
	assert_int_equal(owed_load(owed, 2, 1, SIZE, 3, 3), 0);
	assert_int_equal(put(owed, 1), 15); /* never a number again */
	owed_set_open(owed, 1, true);
	assert_true(owed_wants_fetch(owed, &fetch)); /* 2 was hungry first */
	assert_int_equal(fetch.device_row, 2);
	fetched(owed, &fetch, 3, 3);
	assert_true(owed_wants_fetch(owed, &fetch));
	assert_int_equal(fetch.after_row, 9);
	assert_int_equal(fetch.last_row, 15);
	assert_int_equal(fetch.max, 4);
	assert_int_equal(stats_of(owed).oldest_row, 3);
	assert_int_equal(stats_of(owed).oldest_time, 3000);
}

/* Rows that are gone from the file are written off, or the device would ask for ever. */
static void test_file_holds_less(void **state)
{
	struct owed *owed = *state;
	struct owed_fetch fetch;

	assert_int_equal(owed_load(owed, 1, 5, 5 * SIZE, 1, 5), 0);
	owed_set_open(owed, 1, true);
	assert_true(owed_wants_fetch(owed, &fetch));
	put(owed, 1); /* 6, while the fetch is under way */
	assert_int_equal(fetched(owed, &fetch, 4, 5), 3);
	assert_int_equal(stats_of(owed).readings, 3);
	assert_int_equal(stats_of(owed).bytes, 3 * SIZE);
	assert_int_equal(stats_of(owed).dropped, 3);
	assert_int_equal(next_row(owed), 4);
	assert_int_equal(next_row(owed), 5);
	assert_true(owed_wants_fetch(owed, &fetch));
	assert_int_equal(fetch.after_row, 5);
	assert_int_equal(fetched(owed, &fetch, 6, 6), 0);
	assert_int_equal(next_row(owed), 6);
}

static struct reading *long_one(uint64_t row, size_t size)
{
	struct reading *reading = reading_new(size);

	assert_non_null(reading);
	reading->device_row = 1;
	reading->row = row;
	return reading;
}

/*
 * A row that was committed and taken back may be read before it is deleted: the one that is owed
 * behind it is fetched all the same, and the sums fit whatever their sizes were.
 */
static void test_file_holds_more(void **state)
{
	struct owed *owed = *state;
	struct reading *answer[2], *refused;
	struct owed_fetch fetch;

	put_many(owed, 1, 2);
	take(owed, 1); /* 3 */
	put(owed, 1);  /* 4 */
	refused = long_one(3, SIZE);
	owed_refused(owed, refused);
	reading_unref(refused);
	owed_set_open(owed, 1, true);
	assert_true(owed_wants_fetch(owed, &fetch));
	assert_int_equal(fetch.max, 3);
	assert_int_equal(fetched(owed, &fetch, 1, 3), 0);
	for (uint64_t row = 1; row <= 3; row++)
		assert_int_equal(next_row(owed), row);
	assert_true(owed_wants_fetch(owed, &fetch));
	assert_int_equal(fetch.after_row, 3);
	assert_int_equal(fetched(owed, &fetch, 4, 4), 0);
	assert_int_equal(next_row(owed), 4);
	for (uint64_t row = 1; row <= 4; row++)
		assert_true(owed_acked(owed, 1, row));
	assert_int_equal(stats_of(owed).readings, 0);
	assert_int_equal(stats_of(owed).bytes, 0);

	/* Larger than what is owed, while more comes. */
	put(owed, 2); /* 5 */
	owed_set_open(owed, 1, false);
	put(owed, 1); /* 6 */
	put(owed, 1); /* 7 */
	owed_set_open(owed, 1, true);
	assert_true(owed_wants_fetch(owed, &fetch));
	answer[0] = long_one(6, 7 * SIZE);
	assert_int_equal(owed_fetched(owed, &fetch, answer, 1), 1); /* 7 was not there */
	assert_int_equal(owed_device_count(owed, 1), 1);
	assert_int_equal(owed_device_bytes(owed, 1), 7 * SIZE);
	assert_int_equal(next_row(owed), 6);
	assert_true(owed_acked(owed, 1, 6));
	assert_int_equal(owed_device_bytes(owed, 1), 0);
	assert_int_equal(stats_of(owed).bytes, SIZE);

	/* Smaller: nothing of it stays behind. */
	owed_set_open(owed, 1, false);
	put_many(owed, 1, 2); /* 8, 9 */
	owed_set_open(owed, 1, true);
	assert_true(owed_wants_fetch(owed, &fetch));
	answer[0] = long_one(8, 1);
	answer[1] = long_one(9, 1);
	assert_int_equal(owed_fetched(owed, &fetch, answer, 2), 0);
	assert_int_equal(owed_device_bytes(owed, 1), 2);
	assert_int_equal(stats_of(owed).bytes, SIZE + 2);
}

static void test_fetch_overtaken(void **state)
{
	struct owed *owed = *state;
	struct owed_fetch fetch, stale;

	/* closed and open again while the answer was on its way */
	assert_int_equal(owed_load(owed, 1, 40, 40 * SIZE, 1, 40), 0);
	owed_set_open(owed, 1, true);
	assert_true(owed_wants_fetch(owed, &fetch));
	fetched(owed, &fetch, 1, 40);
	for (int i = 0; i < 35; i++)
		owed_next(owed);
	put_many(owed, 1, 3); /* 41 to 43 in memory */
	owed_set_open(owed, 1, false);
	put(owed, 1); /* 44 on file */
	owed_set_open(owed, 1, true);
	assert_true(owed_wants_fetch(owed, &stale));
	assert_int_equal(stale.after_row, 35);
	owed_returned(owed);
	owed_set_open(owed, 1, false); /* now the file part begins at 1 again */
	owed_set_open(owed, 1, true);
	assert_false(owed_wants_fetch(owed, &fetch));
	fetched(owed, &stale, 36, 44);
	assert_int_equal(stats_of(owed).in_memory, 0);
	assert_int_equal(next_row(owed), 0);
	assert_true(owed_wants_fetch(owed, &fetch));
	assert_int_equal(fetch.after_row, 0);
	assert_int_equal(fetch.max, 44);

	/* closed when it comes */
	owed_set_open(owed, 1, false);
	fetched(owed, &fetch, 1, 44);
	assert_int_equal(stats_of(owed).in_memory, 0);
	assert_int_equal(stats_of(owed).readings, 44);

	/* an answer that nobody asked for, and rows that were not asked for */
	fetched(owed, &fetch, 1, 44);
	fetch.device_row = 99;
	fetched(owed, &fetch, 1, 3);
	owed_set_open(owed, 1, true);
	assert_true(owed_wants_fetch(owed, &fetch));
	fetched(owed, &fetch, 45, 50);
	assert_int_equal(stats_of(owed).in_memory, 0);
	assert_int_equal(stats_of(owed).readings, 44);
	assert_true(owed_wants_fetch(owed, &fetch));
	fetched(owed, &fetch, 0, 5);
	assert_int_equal(stats_of(owed).in_memory, 0);
}

static bool is_not(void *userdata, uint64_t device_row)
{
	return device_row != *(uint64_t *)userdata;
}

/* The oldest of a device that is closed are given up; it goes on behind them. */
static void test_trim(void **state)
{
	struct owed *owed = *state;
	struct owed_fetch fetch;
	uint64_t last;

	assert_false(owed_trim(owed, 1, &last)); /* nobody */
	assert_int_equal(owed_greatest(owed, is_not, &(uint64_t){0}), 0);
	owed_set_open(owed, 1, true);
	put_many(owed, 1, 5);
	put_many(owed, 2, 3);			 /* rows 6 to 8, closed */
	assert_false(owed_trim(owed, 1, &last)); /* open: they may leave */
	assert_int_equal(owed_greatest(owed, is_not, &(uint64_t){0}), 1);
	assert_int_equal(owed_greatest(owed, is_not, &(uint64_t){1}), 2);
	owed_set_open(owed, 1, false);
	assert_true(owed_trim(owed, 1, &last));
	assert_int_equal(last, 5);
	assert_false(owed_trim(owed, 1, &last)); /* one at a time */

	/* Meanwhile it reports, and opens: nothing is fetched until it is known what is left. */
	put(owed, 1); /* 9 */
	owed_set_open(owed, 1, true);
	assert_false(owed_wants_fetch(owed, &fetch));
	owed_trimmed(owed, 1, 2, 2 * SIZE, 2);
	assert_int_equal(owed_device_count(owed, 1), 4);
	assert_int_equal(owed_device_bytes(owed, 1), 4 * SIZE);
	assert_int_equal(stats_of(owed).readings, 7);
	assert_int_equal(stats_of(owed).dropped, 2);
	assert_true(owed_wants_fetch(owed, &fetch));
	assert_int_equal(fetch.after_row, 2);
	assert_int_equal(fetch.last_row, 9);
	fetched(owed, &fetch, 9, 9);
	owed_trimmed(owed, 1, 1, SIZE, 9); /* nobody asked */
	owed_trimmed(owed, 77, 1, SIZE, 9);
	assert_int_equal(stats_of(owed).dropped, 5); /* what the fetch did not find, and no more */
}

/* How old the oldest is is known in an outage too, when all of it is on file only. */
static void test_age_on_file(void **state)
{
	struct owed *owed = *state;
	struct owed_fetch fetch;
	uint64_t last;

	put_many(owed, 1, 3); /* closed: straight to the file */
	assert_int_equal(stats_of(owed).in_memory, 0);
	assert_int_equal(stats_of(owed).oldest_time, 1000);
	owed_set_open(owed, 1, true);
	assert_true(owed_wants_fetch(owed, &fetch));
	fetched(owed, &fetch, 1, 3);
	assert_int_equal(next_row(owed), 1);
	assert_true(owed_acked(owed, 1, 1));
	assert_int_equal(stats_of(owed).oldest_time, 2000);
	owed_set_open(owed, 1, false); /* back to the file */
	assert_int_equal(stats_of(owed).in_memory, 0);
	assert_int_equal(stats_of(owed).oldest_time, 2000);
	assert_true(owed_trim(owed, 1, &last));
	owed_trimmed(owed, 1, 1, SIZE, 2);
	assert_int_equal(stats_of(owed).oldest_row, 3);
	assert_int_equal(stats_of(owed).oldest_time, 0);
	owed_oldest_is(owed, 1, 3000);
	assert_int_equal(stats_of(owed).oldest_time, 3000);
	/* From the file of a former life. */
	assert_int_equal(owed_load(owed, 2, 3, 3 * SIZE, 1, 9), 0);
	assert_int_equal(stats_of(owed).oldest_time, 0);
	owed_oldest_is(owed, 2, 900);
	assert_int_equal(stats_of(owed).oldest_time, 900);
	owed_oldest_is(owed, 3, 5); /* nobody, or nothing on file */
	owed_set_open(owed, 4, true);
	owed_oldest_is(owed, 4, 5);
	assert_int_equal(stats_of(owed).oldest_time, 900);
}

/* None, more than there is, or all of it. */
static void test_trim_ends(void **state)
{
	struct owed *owed = *state;
	uint64_t last, count, first;

	put_many(owed, 1, 4);
	assert_true(owed_trim(owed, 1, &last));
	owed_trimmed(owed, 1, 0, 0, 0);
	assert_int_equal(owed_device_count(owed, 1), 4);
	assert_true(owed_trim(owed, 1, &last));
	owed_trimmed(owed, 1, 5, 5 * SIZE, 4);
	assert_int_equal(owed_device_count(owed, 1), 4);
	assert_true(owed_trim(owed, 1, &last));
	owed_trimmed(owed, 1, 4, 5 * SIZE, 4);
	assert_int_equal(owed_device_count(owed, 1), 4);
	/* Dropped while it was asked; what came since is not meant. */
	assert_true(owed_trim(owed, 1, &last));
	owed_drop_device(owed, 1, &count, &first, &last);
	put_many(owed, 1, 4); /* 5 to 8 */
	owed_trimmed(owed, 1, 4, 4 * SIZE, 4);
	assert_int_equal(owed_device_count(owed, 1), 4);
	assert_true(owed_trim(owed, 1, &last));
	owed_trimmed(owed, 1, 4, 4 * SIZE, 8);
	assert_int_equal(stats_of(owed).readings, 0);
	assert_int_equal(stats_of(owed).bytes, 0);
	assert_int_equal(stats_of(owed).dropped, 8);
	assert_false(owed_trim(owed, 1, &last));
	/* Something of it is in flight: it waits. */
	owed_set_open(owed, 3, true);
	put_many(owed, 3, 2);
	assert_true(next_row(owed) > 0);
	owed_set_open(owed, 3, false);
	assert_false(owed_trim(owed, 3, &last));
	put_many(owed, 4, 1);
	assert_int_equal(owed_greatest(owed, is_not, &(uint64_t){0}), 4);
	/* Its second one was taken, and its first one never: that one stays in memory. */
	owed_set_open(owed, 5, true);
	put_many(owed, 5, 5);
	last = next_row(owed);
	assert_true(owed_acked(owed, 5, next_row(owed)));
	assert_true(owed_put_back(owed, 5, last));
	owed_set_open(owed, 5, false);
	assert_false(owed_trim(owed, 5, &last));
	assert_int_equal(owed_greatest(owed, is_not, &(uint64_t){0}), 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		OWED_TEST(test_held_until_open),
		OWED_TEST(test_closing_gives_memory_back),
		OWED_TEST(test_rows_before_an_ack_stay),
		OWED_TEST(test_window),
		OWED_TEST(test_window_is_shared),
		OWED_TEST(test_load),
		OWED_TEST(test_file_holds_less),
		OWED_TEST(test_file_holds_more),
		OWED_TEST(test_fetch_overtaken),
		OWED_TEST(test_trim),
		OWED_TEST(test_trim_ends),
		OWED_TEST(test_age_on_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
