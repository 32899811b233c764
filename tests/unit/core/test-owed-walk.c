/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owed against a model that is too simple to be wrong: an array of rows with a state each, and the
 * outbox file as a flag on the row. 100,000 random steps for each of three seeds: rows are taken,
 * committed or refused in order, fly, are acked in and out of order and twice, are put back or come
 * back when the link is lost, die, are dropped with their device, fetched late and deleted late,
 * while devices open and close. In the end everything that was accepted has been delivered, is
 * dead, or was dropped: nothing is lost, nothing comes twice without a cause, each device's rows
 * come in order, none has a turn while it is set aside, exactly the acked rows were deleted, and
 * all sums are right at every step.
 */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "core/owed.h"

#define STEPS	     100000
#define DEVICES	     7
#define FETCHES	     DEVICES /* one for each device at a time */
#define FLIGHT	     12
#define WINDOW	     40
#define OUTBOX	     20000
#define SIZE_MAX_ROW 100

enum row_state {
	ROW_ON_ITS_WAY,
	ROW_OWED,
	ROW_FLYING,
	ROW_ACKED,
	ROW_DEAD,
	ROW_DROPPED,
	ROW_REFUSED
};

struct row {
	unsigned device;
	unsigned size;
	enum row_state state;
	bool on_the_way; /* the store has not answered; also of rows that were dropped */
	bool on_file;
	bool deleted;
};

struct model {
	struct owed *owed;
	uint64_t random;
	struct row row[STEPS + 2]; /* index = row number; 0 unused */
	uint64_t next;		   /* next row number */
	uint64_t answered;	   /* rows below were committed or refused */
	uint64_t low[DEVICES];	   /* no row of the device below is owed or flies */
	bool open[DEVICES];
	bool aside[DEVICES]; /* certainly without a turn */
	struct owed_fetch fetch[FETCHES];
	size_t fetches;
	uint64_t bytes, readings, flying;
	uint64_t accepted, delivered, dead, dropped, refused;
};

static unsigned pick(struct model *model, unsigned below)
{
	model->random ^= model->random << 13;
	model->random ^= model->random >> 7;
	model->random ^= model->random << 17;
	return (unsigned)((model->random >> 11) % below);
}

static bool is_owed(const struct row *row)
{
	return row->state == ROW_OWED || row->state == ROW_FLYING || row->state == ROW_ON_ITS_WAY;
}

/* The lowest row of the device in this state, or 0. */
static uint64_t row_lowest(struct model *model, unsigned device, enum row_state state)
{
	while (model->low[device] < model->next &&
		(model->row[model->low[device]].device != device ||
			!is_owed(&model->row[model->low[device]])))
		model->low[device]++;
	for (uint64_t i = model->low[device]; i < model->next; i++)
		if (model->row[i].device == device && model->row[i].state == state)
			return i;
	return 0;
}

static void row_leaves(struct model *model, uint64_t number, enum row_state state)
{
	struct row *row = &model->row[number];

	if (row->state == ROW_FLYING)
		model->flying--;
	row->state = state;
	model->readings--;
	model->bytes -= row->size;
}

static struct reading *reading_make(const struct model *model, uint64_t number)
{
	struct reading *reading = reading_new(model->row[number].size);

	assert_non_null(reading);
	reading->row = number;
	reading->device_row = model->row[number].device;
	return reading;
}

static void step_take(struct model *model)
{
	unsigned device = pick(model, DEVICES);
	unsigned size = pick(model, SIZE_MAX_ROW);
	enum owed_verdict verdict;
	uint64_t number = 0;

	verdict = owed_take_row(model->owed, device, size, &number);
	assert_int_equal(verdict, model->bytes + size > OUTBOX ? OWED_FULL : OWED_ROOM);
	if (verdict == OWED_FULL) {
		model->refused++;
		return;
	}
	assert_int_equal(number, model->next);
	model->row[model->next++] =
		(struct row){.device = device, .size = size, .on_the_way = true};
	model->readings++;
	model->bytes += size;
}

/* The store answers in order: one row was written, or was not. */
static void step_store(struct model *model)
{
	struct row *row = &model->row[model->answered];
	struct reading *reading;

	if (model->answered == model->next)
		return;
	reading = reading_make(model, model->answered);
	row->on_the_way = false;
	if (pick(model, 50) == 0) {
		owed_refused(model->owed, reading);
		model->refused++;
		if (row->state == ROW_ON_ITS_WAY)
			row_leaves(model, model->answered, ROW_REFUSED);
	} else {
		assert_int_equal(owed_committed(model->owed, reading), 0);
		model->accepted++;
		if (row->state == ROW_ON_ITS_WAY) {
			row->state = ROW_OWED;
			row->on_file = true;
		}
	}
	reading_unref(reading);
	model->answered++;
}

static void step_next(struct model *model)
{
	struct reading *reading = owed_next(model->owed);
	struct row *row;

	if (!reading)
		return;
	assert_true(model->flying < FLIGHT);
	assert_in_range(reading->row, 1, model->next - 1);
	row = &model->row[reading->row];
	assert_int_equal(row->state, ROW_OWED);
	assert_int_equal(row->device, reading->device_row);
	assert_int_equal(row->size, reading->size);
	assert_true(model->open[row->device]);
	assert_false(model->aside[row->device]);
	assert_int_equal(row_lowest(model, row->device, ROW_OWED), reading->row);
	row->state = ROW_FLYING;
	model->flying++;
}

static void ack(struct model *model, uint64_t number)
{
	struct row *row = &model->row[number];
	bool flies = row->state == ROW_FLYING;

	assert_int_equal(owed_acked(model->owed, row->device, number), flies);
	if (!flies)
		return;
	row_leaves(model, number, ROW_ACKED);
	model->delivered++;
}

static void step_ack(struct model *model)
{
	uint64_t number = row_lowest(model, pick(model, DEVICES), ROW_FLYING);

	if (number == 0)
		return;
	if (pick(model, 4) == 0) /* out of order, repeated, late, or of somebody else */
		number += pick(model, 40);
	if (number < model->next)
		ack(model, number);
}

static void step_dead(struct model *model)
{
	uint64_t number = row_lowest(model, pick(model, DEVICES), ROW_FLYING);

	if (number == 0)
		return;
	number += pick(model, 4);
	if (number >= model->next)
		return;
	/* what is not in memory cannot be dead: it never flew */
	if (owed_dead(model->owed, model->row[number].device, number)) {
		assert_true(model->row[number].state == ROW_FLYING ||
			    model->row[number].state == ROW_OWED);
		row_leaves(model, number, ROW_DEAD);
		model->aside[model->row[number].device] = false; /* it may have been its last */
		model->dead++;
	} else {
		assert_int_not_equal(model->row[number].state, ROW_FLYING);
	}
}

typedef bool (*put_back_fn)(struct owed *owed, uint64_t device_row, uint64_t row);

/* The row and all of its device that left after it. The device, or DEVICES: it did not fly. */
static unsigned put_back(struct model *model, put_back_fn by)
{
	unsigned device = pick(model, DEVICES);
	uint64_t number = row_lowest(model, device, ROW_FLYING);
	bool flies;

	if (number == 0)
		return DEVICES;
	number += pick(model, 10);
	if (number >= model->next)
		return DEVICES;
	device = model->row[number].device;
	flies = model->row[number].state == ROW_FLYING;
	assert_int_equal(by(model->owed, device, number), flies);
	for (uint64_t i = number; flies && i < model->next; i++)
		if (model->row[i].device == device && model->row[i].state == ROW_FLYING) {
			model->row[i].state = ROW_OWED;
			model->flying--;
		}
	return flies ? device : DEVICES;
}

static void step_put_back(struct model *model)
{
	put_back(model, owed_put_back);
}

static void step_set_aside(struct model *model)
{
	unsigned device = put_back(model, owed_set_aside);

	if (device < DEVICES)
		model->aside[device] = model->open[device];
}

static void step_take_up(struct model *model)
{
	owed_take_up(model->owed, pick(model, 2) == 0);
	for (unsigned i = 0; i < DEVICES; i++)
		model->aside[i] = false; /* one of them, or all */
}

static void step_returned(struct model *model)
{
	owed_returned(model->owed);
	for (uint64_t i = 1; i < model->next && model->flying > 0; i++)
		if (model->row[i].state == ROW_FLYING) {
			model->row[i].state = ROW_OWED;
			model->flying--;
		}
}

static void step_open(struct model *model)
{
	unsigned device = pick(model, DEVICES);

	model->open[device] = pick(model, 3) > 0;
	model->aside[device] = false;
	assert_int_equal(owed_set_open(model->owed, device, model->open[device]), 0);
}

static void step_drop(struct model *model)
{
	unsigned device = pick(model, DEVICES);
	uint64_t count = 0, first = 0, last = 0, got_count, got_first, got_last;

	for (uint64_t i = 1; i < model->next; i++) {
		struct row *row = &model->row[i];

		if (row->device != device || !is_owed(row))
			continue;
		count++;
		first = first ? first : i;
		last = i;
		row_leaves(model, i, ROW_DROPPED);
		row->on_file = false;
	}
	model->aside[device] = false;
	owed_drop_device(model->owed, device, &got_count, &got_first, &got_last);
	assert_int_equal(got_count, count);
	assert_true(got_first <= first);
	assert_int_equal(got_last, last);
	for (uint64_t i = got_first; i < first; i++) /* nothing else in the gap */
		assert_true(model->row[i].device != device || model->row[i].state != ROW_ACKED);
	model->dropped += count;
}

static void step_fetch_begin(struct model *model)
{
	struct owed_fetch fetch;

	if (!owed_wants_fetch(model->owed, &fetch))
		return;
	assert_true(model->open[fetch.device_row]);
	assert_true(fetch.max > 0 && fetch.max <= WINDOW);
	for (size_t i = 0; i < model->fetches; i++)
		assert_int_not_equal(model->fetch[i].device_row, fetch.device_row);
	assert_true(model->fetches < FETCHES);
	model->fetch[model->fetches++] = fetch;
}

static void step_fetch_end(struct model *model)
{
	struct reading *readings[WINDOW];
	struct owed_fetch fetch;
	size_t count = 0, which;

	if (model->fetches == 0)
		return;
	which = pick(model, (unsigned)model->fetches);
	fetch = model->fetch[which];
	model->fetch[which] = model->fetch[--model->fetches];
	for (uint64_t i = fetch.after_row + 1; i <= fetch.last_row && count < fetch.max; i++)
		if (model->row[i].device == fetch.device_row && model->row[i].on_file)
			readings[count++] = reading_make(model, i);
	owed_fetched(model->owed, &fetch, readings, count);
}

/* Acked and dead rows stand in the file until now. */
static void step_deletes(struct model *model)
{
	struct row_range ranges[5];
	size_t count = owed_take_deletes(model->owed, ranges, ELEMENTS(ranges));

	for (size_t i = 0; i < count; i++) {
		assert_true(i == 0 || ranges[i].first > ranges[i - 1].last + 1);
		for (uint64_t number = ranges[i].first; number <= ranges[i].last; number++) {
			assert_int_equal(model->row[number].state, ROW_ACKED);
			assert_false(model->row[number].deleted);
			model->row[number].deleted = true;
			model->row[number].on_file = false;
		}
	}
}

static void sums_check(const struct model *model)
{
	struct owed_stats stats;

	owed_stats(model->owed, &stats);
	assert_int_equal(stats.readings, model->readings);
	assert_int_equal(stats.bytes, model->bytes);
	assert_int_equal(stats.in_flight, model->flying);
	assert_int_equal(stats.accepted, model->accepted);
	assert_int_equal(stats.delivered, model->delivered);
	assert_int_equal(stats.refused, model->refused);
	assert_int_equal(stats.dead, model->dead);
	assert_int_equal(stats.dropped, model->dropped);
	/* beyond the window only what flew once of devices that are closed */
	assert_true(stats.in_memory <= WINDOW + DEVICES * FLIGHT);
	assert_int_equal(stats.oldest_row == 0, model->readings == 0);
}

static void devices_check(const struct model *model)
{
	uint64_t count[DEVICES] = {0}, flying[DEVICES] = {0};

	for (uint64_t i = 1; i < model->next; i++) {
		count[model->row[i].device] += is_owed(&model->row[i]);
		flying[model->row[i].device] += model->row[i].state == ROW_FLYING;
	}
	for (unsigned i = 0; i < DEVICES; i++) {
		assert_int_equal(owed_device_count(model->owed, i), count[i]);
		assert_int_equal(owed_in_flight(model->owed, i), flying[i]);
	}
}

static const struct {
	void (*step)(struct model *model);
	unsigned weight;
} steps[] = {
	{step_take, 250},
	{step_store, 270},
	{step_next, 260},
	{step_ack, 330},
	{step_fetch_begin, 60},
	{step_fetch_end, 50},
	{step_deletes, 10},
	{step_open, 12},
	{step_dead, 4},
	{step_put_back, 4},
	{step_set_aside, 4},
	{step_take_up, 8},
	{step_returned, 3},
	{step_drop, 1},
};

static void step_any(struct model *model)
{
	unsigned sum = 0, at;

	for (size_t i = 0; i < ELEMENTS(steps); i++)
		sum += steps[i].weight;
	at = pick(model, sum);
	for (size_t i = 0; i < ELEMENTS(steps); i++) {
		if (at < steps[i].weight) {
			steps[i].step(model);
			return;
		}
		at -= steps[i].weight;
	}
}

static void drain(struct model *model)
{
	for (unsigned i = 0; i < DEVICES; i++) {
		model->open[i] = true;
		model->aside[i] = false;
		assert_int_equal(owed_set_open(model->owed, i, true), 0);
	}
	while (model->answered < model->next)
		step_store(model);
	for (int i = 0; i < STEPS && model->readings > 0; i++) {
		step_fetch_begin(model);
		step_fetch_end(model);
		step_next(model);
		step_ack(model);
	}
	while (owed_deletes_waiting(model->owed) > 0)
		step_deletes(model);
}

static void walk(uint64_t seed)
{
	static const struct owed_limits limits = {
		.outbox_bytes = OUTBOX, .window_readings = WINDOW, .in_flight = FLIGHT};
	struct model *model = calloc(1, sizeof(*model));

	assert_non_null(model);
	model->random = seed;
	model->next = 1;
	model->answered = 1;
	for (unsigned i = 0; i < DEVICES; i++)
		model->low[i] = 1;
	assert_int_equal(owed_new(&limits, 1, 1, &model->owed), 0);
	for (int i = 0; i < STEPS; i++) {
		step_any(model);
		sums_check(model);
		if (i % 500 == 0)
			devices_check(model);
	}
	assert_true(model->delivered > STEPS / 20); /* the walk got somewhere */
	assert_true(model->dropped > 0 && model->dead > 0);
	drain(model);
	sums_check(model);
	devices_check(model);
	assert_int_equal(model->readings, 0);
	for (uint64_t i = 1; i < model->next; i++) {
		const struct row *row = &model->row[i];

		assert_false(is_owed(row));
		assert_int_equal(row->deleted, row->state == ROW_ACKED);
	}
	owed_free(model->owed);
	free(model);
}

static void test_walk(void **state)
{
	walk(88172645463325252u);
	walk(2463534242u);
	walk(0x9e3779b97f4a7c15u);
}

/* Stopped at any step, all memory is given back (the sanitizer looks). */
static void test_freed_at_any_step(void **state)
{
	static const struct owed_limits limits = {
		.outbox_bytes = OUTBOX, .window_readings = WINDOW, .in_flight = FLIGHT};

	for (unsigned length = 1; length < 2000; length += 97) {
		struct model *model = calloc(1, sizeof(*model));

		assert_non_null(model);
		model->random = 1000003 + length;
		model->next = 1;
		model->answered = 1;
		for (unsigned i = 0; i < DEVICES; i++)
			model->low[i] = 1;
		assert_int_equal(owed_new(&limits, 1, 1, &model->owed), 0);
		for (unsigned i = 0; i < length; i++)
			step_any(model);
		sums_check(model);
		owed_free(model->owed);
		free(model);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_walk),
		cmocka_unit_test(test_freed_at_any_step),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
