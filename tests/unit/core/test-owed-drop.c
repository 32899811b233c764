/* SPDX-License-Identifier: Apache-2.0 */
/* Owed: devices that are given up, many devices, and no memory left. */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>
#include <errno.h>

#include "owed-fixture.h"

static void drop_check(
	struct owed *owed, uint64_t device, uint64_t count, uint64_t first, uint64_t last)
{
	uint64_t got_count = 99, got_first = 99, got_last = 99;

	owed_drop_device(owed, device, &got_count, &got_first, &got_last);
	assert_int_equal(got_count, count);
	assert_int_equal(got_first, first);
	assert_int_equal(got_last, last);
	assert_int_equal(owed_device_count(owed, device), 0);
}

static void test_drop(void **state)
{
	struct owed *owed = *state;
	struct reading *reading;

	drop_check(owed, 1, 0, 0, 0);
	owed_set_open(owed, 1, true);
	owed_set_open(owed, 2, true);
	drop_check(owed, 1, 0, 0, 0);
	put_many(owed, 1, 3);
	put(owed, 2);
	assert_int_equal(next_row(owed), 1);
	reading = owed_next(owed); /* of device 2 */
	assert_int_equal(reading->device_row, 2);
	drop_check(owed, 1, 3, 1, 3);
	assert_false(owed_acked(owed, 1, 1)); /* a late PUBACK */
	assert_int_equal(owed_deletes_waiting(owed), 0);
	assert_int_equal(stats_of(owed).in_flight, 1);
	assert_int_equal(stats_of(owed).in_memory, 1);
	assert_int_equal(stats_of(owed).readings, 1);
	assert_int_equal(stats_of(owed).bytes, SIZE);
	assert_int_equal(stats_of(owed).dropped, 3);
	assert_true(owed_acked(owed, 2, 4));
	owed_set_open(owed, 1, false);
	put_many(owed, 1, 2); /* 5, 6 on file only */
	drop_check(owed, 1, 2, 5, 6);
}

/* Revoked while rows are on their way to the file: they are in the gap and never come out. */
static void test_drop_with_rows_on_their_way(void **state)
{
	struct owed *owed = *state;
	struct reading *refused = reading_of(1, 3);
	struct owed_fetch fetch;

	owed_set_open(owed, 1, true);
	put(owed, 1); /* 1 */
	take(owed, 1);
	take(owed, 1); /* 2, 3 */
	drop_check(owed, 1, 3, 1, 3);
	assert_int_equal(stats_of(owed).bytes, 0);
	commit(owed, 1, 2);
	assert_int_equal(next_row(owed), 0);
	assert_int_equal(take(owed, 1), 4); /* a new life: admitted again */
	owed_refused(owed, refused);
	assert_int_equal(stats_of(owed).readings, 1);
	assert_int_equal(stats_of(owed).bytes, SIZE);
	commit(owed, 1, 4);
	assert_int_equal(next_row(owed), 4);
	drop_check(owed, 1, 1, 4, 4);
	take(owed, 1); /* 5: only on its way */
	drop_check(owed, 1, 1, 5, 5);
	owed_set_open(owed, 1, false); /* still remembered: 5 will be committed */
	commit(owed, 1, 5);
	assert_int_equal(stats_of(owed).readings, 0);
	assert_int_equal(stats_of(owed).accepted, 4);
	assert_int_equal(stats_of(owed).dropped, 5);

	/* a fetch under way */
	assert_int_equal(owed_load(owed, 2, 3, 3 * SIZE, 20, 22), 0);
	owed_set_open(owed, 2, true);
	assert_true(owed_wants_fetch(owed, &fetch));
	drop_check(owed, 2, 3, 20, 22);
	owed_set_open(owed, 2, false);
	fetched(owed, &fetch, 20, 22);
	assert_int_equal(stats_of(owed).in_memory, 0);
	assert_int_equal(next_row(owed), 0);
	reading_unref(refused);
}

static void test_out_of_memory(void **state)
{
	struct owed *owed = *state, *none = NULL;
	struct owed_fetch fetch;
	struct row_range range;
	uint64_t row = 77;

	allocations_left = 0;
	assert_int_equal(owed_new(&wide, 1, 1, &none), -ENOMEM);
	assert_null(none);
	assert_int_equal(owed_take_row(owed, 1, SIZE, &row), OWED_FULL); /* no table */
	assert_int_equal(row, 77);
	allocations_left = 1;
	assert_int_equal(owed_take_row(owed, 1, SIZE, &row), OWED_FULL); /* no device */
	allocations_left = 0;
	assert_int_equal(owed_set_open(owed, 1, true), -ENOMEM);
	assert_int_equal(owed_load(owed, 1, 1, SIZE, 1, 1), -ENOMEM);
	assert_int_equal(stats_of(owed).readings, 0);

	/* no memory for the queue: the row is on disk and comes back from there */
	allocations_left = -1;
	assert_int_equal(owed_set_open(owed, 1, true), 0);
	row = take(owed, 1);
	allocations_left = 1; /* the reading of commit() itself */
	commit(owed, 1, row);
	allocations_left = -1;
	assert_int_equal(stats_of(owed).in_memory, 0);
	assert_int_equal(owed_device_count(owed, 1), 1);
	assert_true(owed_wants_fetch(owed, &fetch));
	allocations_left = 1;
	fetched(owed, &fetch, row, row); /* nor now */
	allocations_left = -1;
	assert_true(owed_wants_fetch(owed, &fetch));
	fetched(owed, &fetch, row, row);
	assert_int_equal(next_row(owed), row);

	/* an ack always counts; only its deletion has to wait for the next start */
	allocations_left = 0;
	assert_true(owed_acked(owed, 1, row));
	allocations_left = -1;
	assert_int_equal(owed_take_deletes(owed, &range, 1), 0);
	assert_int_equal(stats_of(owed).readings, 0);
}

static void test_many_devices(void **state)
{
	struct owed *owed = *state;
	struct owed_limits limits = wide;

	limits.window_readings = 20000;
	limits.in_flight = 20000;
	owed_set_limits(owed, &limits);
	for (uint64_t device = 1; device <= 10000; device++) {
		owed_set_open(owed, device * 3, true);
		put(owed, device * 3);
		put(owed, device * 3);
	}
	for (uint64_t i = 0; i < 10000; i++)
		assert_int_equal(next_row(owed), i * 2 + 1);
	for (uint64_t i = 0; i < 10000; i++)
		assert_true(owed_acked(owed, (i + 1) * 3, i * 2 + 1));
	for (uint64_t i = 0; i < 10000; i++)
		assert_int_equal(next_row(owed), i * 2 + 2);
	assert_int_equal(owed_deletes_waiting(owed), 10000);
}

/* The table does not grow for lack of memory: slower, never wrong. */
static void test_table_stays_small(void **state)
{
	struct owed *owed = *state;
	struct owed_limits limits = wide;

	limits.in_flight = 1000;
	owed_set_limits(owed, &limits);
	allocation_max = 64 * sizeof(void *); /* the first table */
	for (uint64_t device = 1; device <= 200; device++) {
		assert_int_equal(owed_set_open(owed, device, true), 0);
		put(owed, device);
	}
	allocation_max = SIZE_MAX;
	for (uint64_t device = 1; device <= 200; device++)
		assert_int_equal(next_row(owed), device);
	assert_int_equal(owed_set_open(owed, 201, true), 0); /* now it grows */
	for (uint64_t device = 1; device <= 200; device++)
		assert_int_equal(owed_in_flight(owed, device), 1);
}

static void test_long_queue_shrinks(void **state)
{
	struct owed *owed = *state;

	owed_set_open(owed, 1, true);
	for (int round = 0; round < 3; round++) {
		put_many(owed, 1, 90);
		for (uint64_t row; (row = next_row(owed)) > 0;)
			assert_true(owed_acked(owed, 1, row));
		assert_int_equal(stats_of(owed).readings, 0);
	}
	/* the ring turns round while it holds something */
	for (int i = 0; i < 100; i++) {
		put(owed, 1);
		put(owed, 1);
		assert_true(owed_acked(owed, 1, next_row(owed)));
	}
	assert_int_equal(owed_device_count(owed, 1), 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		OWED_TEST(test_drop),
		OWED_TEST(test_drop_with_rows_on_their_way),
		OWED_TEST(test_out_of_memory),
		OWED_TEST(test_many_devices),
		OWED_TEST(test_table_stays_small),
		OWED_TEST(test_long_queue_shrinks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
