/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the programs about owed share: short words for its calls, and memory that runs out on demand
 * (calloc and reallocarray are stood in for). To be included behind cmocka.h. */

#include <stdlib.h>

#include "base/cleanup.h"
#include "core/owed.h"

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__real_reallocarray(void *memory, size_t count, size_t size);
void *__wrap_reallocarray(void *memory, size_t count, size_t size);

static int allocations_left = -1;	 /* -1: all succeed */
static size_t allocation_max = SIZE_MAX; /* bytes */

static inline bool allocation_fails(size_t size)
{
	if (size > allocation_max)
		return true;
	if (allocations_left < 0)
		return false;
	if (allocations_left == 0)
		return true;
	allocations_left--;
	return false;
}

void *__wrap_calloc(size_t count, size_t size)
{
	return allocation_fails(count * size) ? NULL : __real_calloc(count, size);
}

void *__wrap_reallocarray(void *memory, size_t count, size_t size)
{
	return allocation_fails(count * size) ? NULL : __real_reallocarray(memory, count, size);
}

static const struct owed_limits wide = {
	.outbox_bytes = 1000000, .window_readings = 1000, .in_flight = 100};

#define SIZE 10

static inline int setup(void **state)
{
	allocations_left = -1;
	return owed_new(&wide, 7, 1, (struct owed **)state);
}

static inline int teardown(void **state)
{
	allocations_left = -1;
	*state = owed_free(*state);
	return 0;
}

static inline struct reading *reading_of(uint64_t device, uint64_t row)
{
	struct reading *reading = reading_new(SIZE);

	assert_non_null(reading);
	reading->device_row = device;
	reading->row = row;
	reading->time = (int64_t)row * 1000;
	return reading;
}

static inline uint64_t take(struct owed *owed, uint64_t device)
{
	uint64_t row = 0;

	assert_int_equal(owed_take_row(owed, device, SIZE, &row), OWED_ROOM);
	return row;
}

static inline void commit(struct owed *owed, uint64_t device, uint64_t row)
{
	struct reading *reading = reading_of(device, row);

	assert_int_equal(owed_committed(owed, reading), 0);
	reading_unref(reading);
}

static inline uint64_t put(struct owed *owed, uint64_t device)
{
	uint64_t row = take(owed, device);

	commit(owed, device, row);
	return row;
}

static inline void put_many(struct owed *owed, uint64_t device, int count)
{
	for (int i = 0; i < count; i++)
		put(owed, device);
}

static inline uint64_t next_row(struct owed *owed)
{
	struct reading *reading = owed_next(owed);

	return reading ? reading->row : 0;
}

static inline struct owed_stats stats_of(const struct owed *owed)
{
	struct owed_stats stats;

	owed_stats(owed, &stats);
	return stats;
}

/* The answer of the store to a fetch that finds all rows from..to. How many were written off. */
static inline uint64_t fetched(
	struct owed *owed, const struct owed_fetch *fetch, uint64_t from, uint64_t to)
{
	struct reading *readings[300];
	size_t count = 0;

	for (uint64_t row = from; row <= to && count < fetch->max; row++)
		readings[count++] = reading_of(fetch->device_row, row);
	return owed_fetched(owed, fetch, readings, count);
}

#define OWED_TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
