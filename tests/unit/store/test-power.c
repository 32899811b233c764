/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The power goes in the middle of whatever the store writes, 500 times, 50 of them one after the
 * other on each of ten state directories, and the disk has what was synced and a random part of
 * what was not. Now and then it goes again while the files are opened. They open, whatever was
 * answered as committed is there as it was, decisions and their rows in the journal stand together,
 * the chain fits, and no number is given twice.
 *
 * And a sync of the log fails, so that the disk lacks what the next start reads all the same.
 *
 * GATEHOUSE_SEED draws otherwise, 0 draws one; the store's thread still runs beside the test's.
 */

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
#include "fixture.h"
#include "power-vfs.h"

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SLOW
#endif
#endif
#if defined(SLOW) || defined(__SANITIZE_THREAD__)
#define DIRECTORIES 1
#else
#define DIRECTORIES 10
#endif

#define CUTS	   50 /* of each directory */
#define NEW_CUTS   5
#define TURNS	   60 /* at most, of the loop before a cut */
#define APPENDED   12 /* at most, in a turn */
#define ROWS_MAX   (CUTS * TURNS * APPENDED + 1)
#define DEVICES	   3
#define REPORT_MAX 1000
#define SEED	   20261129

enum fate { UNKNOWN, HANDED_IN, TOLD, GIVEN_UP };

struct world {
	struct fixture fixture;
	enum fate *row;	      /* by number */
	uint64_t next_row;    /* to hand in */
	uint64_t told, audit; /* the highest that was answered */
	uint64_t epoch;
	bool saving;
	unsigned long lost; /* writes */
	unsigned refused;   /* starts during which the power went */
};

/* ---- what is done until the power goes ---- */

static void saved(void *userdata, int result, const char *head)
{
	struct world *world = userdata;

	world->saving = false;
	if (result == 0)
		world->audit++;
}

static void save(struct world *world)
{
	struct audit_row row;
	struct change *change;
	char value[24];

	audit_row_init(&row, "child", "", "", ACT_ADD, "", "", "done");
	snprintf(value, sizeof(value), "%llu", (unsigned long long)world->audit + 1);
	assert_int_equal(change_new(&change), 0);
	assert_int_equal(change_put_setting(change, "count", value), 0);
	assert_int_equal(change_append_audit(change, &row), 0);
	world->saving = true;
	store_save(world->fixture.store, change, saved, world);
}

static void append_some(struct world *world)
{
	uint64_t count = 1 + power_draw(APPENDED);

	assert_true(world->next_row + count < ROWS_MAX);
	for (uint64_t i = 0; i < count; i++) {
		uint64_t row = world->next_row++;

		world->row[row] = HANDED_IN;
		fixture_append(&world->fixture, row, row, 1 + row % DEVICES);
	}
}

/* Delivered, or put aside: from now on it need not be there. */
static void give_up_some(struct world *world)
{
	uint64_t last = world->told;
	uint64_t first = last > 20 ? last - power_draw(20) : last;

	if (!last)
		return;
	if (power_draw(4) == 0)
		first = last;
	for (uint64_t row = first; row <= last; row++)
		world->row[row] = GIVEN_UP;
	if (first < last)
		store_delete(world->fixture.store, &(const struct row_range){first, last}, 1);
	else
		store_bury(world->fixture.store, last, "refused", NULL);
}

static void take_answers(struct world *world)
{
	struct fixture *fixture = &world->fixture;

	for (size_t i = 0; i < fixture->rows; i++) {
		uint64_t row = fixture->row[i];

		if (fixture->row_result[i] < 0)
			continue;
		world->row[row] = TOLD;
		world->told = row > world->told ? row : world->told;
	}
	fixture->rows = 0;
}

/* False: the power went while it started. */
static bool start(struct world *world)
{
	struct fixture *fixture = &world->fixture;
	enum store_opened opened;
	int r;

	opened = fixture_try(fixture, &r);
	if (r < 0 || opened != STORE_OPENED) {
		assert_true(power_is_cut());
		world->refused++;
		return false;
	}
	world->next_row = fixture->facts.next_row;
	world->audit = fixture->facts.audit_rows;
	fixture_start(fixture);
	return true;
}

static void run_until_the_power_goes(struct world *world)
{
	struct fixture *fixture = &world->fixture;
	uint64_t turns = power_draw(TURNS);

	power_cut_after(1 + (unsigned)power_draw(300));
	if (!start(world))
		return;
	while (!power_is_cut() && turns-- > 0) {
		append_some(world);
		if (!world->saving)
			save(world);
		if (power_draw(3) == 0)
			give_up_some(world);
		fixture_turn(fixture);
		take_answers(world);
	}
	power_cut_after(0);
	fixture_stop(fixture);
	take_answers(world);
	world->saving = false;
}

/* ---- what has to be there ---- */

static void check_body(const struct reading *reading)
{
	char body[64];

	snprintf(body, sizeof(body), "[{\"n\":\"value\",\"v\":%llu}]",
		(unsigned long long)reading->row);
	assert_int_equal(reading->size, strlen(body));
	assert_memory_equal(reading->body, body, reading->size);
}

static void check_device(struct world *world, uint64_t device)
{
	struct fixture *fixture = &world->fixture;
	/* Its rows: those that are 'device - 1' above a multiple of DEVICES. */
	uint64_t after = 0, expected = device > 1 ? device - 1 : DEVICES;

	do {
		fixture_fetch(fixture, device, after, ROWS_MAX, REPORT_MAX);
		assert_int_equal(fixture->fetched_result, 0);
		for (size_t i = 0; i < fixture->fetched_count; i++) {
			after = fixture->fetched[i]->row;
			check_body(fixture->fetched[i]);
			for (; expected < after; expected += DEVICES)
				if (world->row[expected] == TOLD)
					fail_msg("row %llu was acknowledged and is not there",
						(unsigned long long)expected);
			assert_int_equal(expected, after);
			assert_int_not_equal(world->row[after], UNKNOWN);
			expected += DEVICES;
		}
	} while (fixture->fetched_count == REPORT_MAX);
	for (; expected <= world->told; expected += DEVICES)
		if (world->row[expected] == TOLD)
			fail_msg("row %llu was acknowledged and is not there",
				(unsigned long long)expected);
}

static int take_count(void *userdata, const char *name, const char *value)
{
	*(uint64_t *)userdata = strtoull(value, NULL, 10);
	return 0;
}

static void check(struct world *world)
{
	const struct store_loader loader = {.setting = take_count};
	struct fixture *fixture = &world->fixture;
	struct answer answer = {0};
	uint64_t count = 0, audit = world->audit;

	fixture_open(fixture);
	assert_string_equal(fixture->facts.outbox_set_aside, "");
	assert_true(world->epoch == 0 || world->epoch == fixture->facts.epoch);
	world->epoch = fixture->facts.epoch;
	assert_true(fixture->facts.next_row > world->told);
	assert_true(fixture->facts.audit_rows >= audit);
	assert_int_equal(store_load(fixture->store, &loader, &count), 0);
	assert_int_equal(count, fixture->facts.audit_rows);
	fixture_start(fixture);
	for (uint64_t device = 1; device <= DEVICES; device++)
		check_device(world, device);
	store_verify_audit(fixture->store, answer_take, &answer);
	fixture_wait(fixture, &answer.done);
	assert_int_equal(answer.result, 0);
}

/* ---- one after the other ---- */

/* The power goes while the files are opened and closed, and comes back. */
static void cut_in_passing(struct world *world)
{
	int r;

	power_cut_after(1 + (unsigned)power_draw(40));
	if (fixture_try(&world->fixture, &r) != STORE_OPENED || r < 0) {
		assert_true(power_is_cut());
		world->refused++;
	}
	fixture_stop(&world->fixture);
	world->lost += power_back();
}

static void cut(struct world *world)
{
	run_until_the_power_goes(world);
	world->lost += power_back();
	while (power_draw(3) == 0)
		cut_in_passing(world);
}

/* What was checked is worked off, so that the next cut does not begin with all of it. */
static void work_off(struct world *world)
{
	uint64_t last = world->fixture.facts.next_row - 1;

	for (uint64_t row = 1; row <= last; row++)
		if (world->row[row] != UNKNOWN)
			world->row[row] = GIVEN_UP;
	store_delete(world->fixture.store, &(const struct row_range){1, last}, 1);
}

/* Adds what was seen to 'sum'. */
static void cut_one_directory(struct world *sum)
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	world->row = calloc(ROWS_MAX, sizeof(*world->row));
	assert_non_null(world->row);
	fixture_init(&world->fixture);
	/* When they are new, too. */
	for (int at = 0; at < NEW_CUTS; at++)
		cut_in_passing(world);
	for (int at = 1; at <= CUTS; at++) {
		cut(world);
		check(world);
		if (at % 10 == 0)
			work_off(world);
		fixture_stop(&world->fixture);
	}
	sum->told += world->told;
	sum->audit += world->audit;
	sum->lost += world->lost;
	sum->refused += world->refused;
	fixture_done(&world->fixture);
	power_forget();
	free(world->row);
	free(world);
}

static void test_power_cuts(void **state)
{
	struct world *sum = calloc(1, sizeof(*sum));

	assert_non_null(sum);
	for (int at = 0; at < DIRECTORIES; at++)
		cut_one_directory(sum);
	print_message(
		"%d cuts: %llu readings acknowledged, %llu decisions; %lu writes lost or torn, %u "
		"starts cut short\n",
		DIRECTORIES * CUTS, (unsigned long long)sum->told, (unsigned long long)sum->audit,
		sum->lost, sum->refused);
	/* A tenth of what is usual: the power does go in the middle of something. */
	assert_true(sum->told > DIRECTORIES * CUTS && sum->audit > DIRECTORIES * CUTS / 10);
	assert_true(sum->lost > DIRECTORIES * CUTS / 10);
	free(sum);
}

static void append_told(struct fixture *fixture, uint64_t first, uint64_t last, int result)
{
	size_t before = fixture->rows;

	fixture_append(fixture, first, last, 1);
	fixture_wait_rows(fixture, before + (size_t)(last - first + 1));
	for (size_t i = before; i < fixture->rows; i++)
		assert_int_equal(fixture->row_result[i], result);
}

/*
 * The pages of a failed sync are in the kernel's memory and nowhere else, and count as written.
 * What is acknowledged behind them after the next start must not hang on them.
 */
static void test_failed_sync(void **state)
{
	uint64_t next;
	struct fixture f;

	fixture_init(&f);
	fixture_open(&f);
	fixture_start(&f);
	append_told(&f, 1, 5, 0);
	power_fail_sync("outbox.db-wal");
	append_told(&f, 6, 8, -EIO);
	fixture_stop(&f);

	fixture_open(&f);
	next = f.facts.next_row;
	fixture_start(&f);
	append_told(&f, next, next + 9, 0);
	power_cut_after(0);
	fixture_stop(&f);
	power_back();

	fixture_open(&f);
	assert_string_equal(f.facts.outbox_set_aside, "");
	assert_int_equal(f.facts.next_row, next + 10);
	fixture_start(&f);
	fixture_fetch(&f, 1, 0, next + 9, 100);
	/* Those between, which were refused, may be there or not. */
	assert_true(f.fetched_count >= 15);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(f.fetched[i]->row, i + 1);
	for (size_t i = 0; i < 10; i++)
		assert_int_equal(f.fetched[f.fetched_count - 10 + i]->row, next + i);
	fixture_done(&f);
	power_forget();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_power_cuts), cmocka_unit_test(test_failed_sync)};
	const char *given = getenv("GATEHOUSE_SEED");
	uint64_t seed = given ? strtoull(given, NULL, 10) : SEED;

	if (!seed)
		seed = random_uint64() >> 32;

	printf("GATEHOUSE_SEED=%llu\n", (unsigned long long)seed);
	power_install(seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
