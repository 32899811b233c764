/* SPDX-License-Identifier: Apache-2.0 */
/* Readings in, readings out: append, fetch, delete, bury, and what is there after a restart. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "loaded.h"

static void assert_reading(const struct reading *reading, uint64_t row, uint64_t device_row)
{
	CLEANUP(cleanup_free) char *body = NULL;
	struct reading *expected;

	assert_true(asprintf(&body, "[{\"n\":\"value\",\"v\":%llu}]", (unsigned long long)row) > 0);
	expected = fixture_reading(row, device_row, body);
	assert_int_equal(reading->row, row);
	assert_int_equal(reading->device_row, device_row);
	assert_int_equal(reading->trust, expected->trust);
	assert_int_equal(reading->time, expected->time);
	assert_int_equal(reading->clock_synced, expected->clock_synced);
	assert_int_equal(reading->format, expected->format);
	assert_memory_equal(&reading->key, &expected->key, sizeof(reading->key));
	assert_int_equal(reading->size, expected->size);
	assert_memory_equal(reading->body, expected->body, reading->size);
	assert_int_equal(reading->references, 1);
	reading_unref(expected);
}

static void test_append_and_restart(void **state)
{
	struct loaded loaded;
	struct fixture f;

	fixture_init(&f);
	fixture_open(&f);
	fixture_start(&f);
	fixture_append(&f, 1, 30, 5);
	fixture_append(&f, 31, 33, 8);
	fixture_wait_rows(&f, 33);
	reload(&f, &loaded);
	assert_int_equal(f.facts.next_row, 34);
	assert_int_equal(f.facts.epoch, 1);
	assert_int_equal(loaded.owed_devices, 2);
	assert_memory_equal(loaded.owed[0],
		((uint64_t[]){5, 30,
			9 * strlen("[{\"n\":\"value\",\"v\":1}]") +
				21 * strlen("[{\"n\":\"value\",\"v\":10}]"),
			1, 30}),
		sizeof(loaded.owed[0]));
	assert_int_equal(loaded.owed[1][0], 8);
	assert_int_equal(loaded.owed[1][3], 31);
	assert_int_equal(loaded.oldest[0], INT64_C(1763700000000) + 1);
	assert_int_equal(loaded.oldest[1], INT64_C(1763700000000) + 31);
	/* The newest 16 of each, oldest first. */
	assert_int_equal(loaded.requests, 19);
	for (size_t i = 0; i < 19; i++) {
		assert_int_equal(loaded.request_device[i], i < 16 ? 5 : 8);
		assert_int_equal(loaded.request[i].row, 15 + i);
		assert_int_equal(loaded.request[i].time, INT64_C(1763700000000) + 15 + (int64_t)i);
		assert_int_equal(loaded.request[i].key.message_id, (15 + i) * 7);
		assert_int_equal(loaded.request[i].key.token_size, 4);
		assert_int_equal(loaded.request[i].key.confirmable, 1);
	}

	fixture_start(&f);
	fixture_fetch(&f, 5, 0, 30, 10);
	assert_int_equal(f.fetched_result, 0);
	assert_int_equal(f.fetched_count, 10);
	for (size_t i = 0; i < 10; i++)
		assert_reading(f.fetched[i], i + 1, 5);
	fixture_fetch(&f, 5, 28, 29, 10);
	assert_int_equal(f.fetched_count, 1);
	assert_reading(f.fetched[0], 29, 5);
	fixture_fetch(&f, 8, 0, UINT64_C(1) << 40, 10);
	assert_int_equal(f.fetched_count, 3);
	assert_reading(f.fetched[2], 33, 8);
	fixture_fetch(&f, 6, 0, 100, 10);
	assert_int_equal(f.fetched_count, 0);
	assert_int_equal(f.fetched_result, 0);
	fixture_done(&f);
}

/* The oldest is the one with the lowest number; the clock may have been set back since. */
static void test_oldest_time(void **state)
{
	struct reading *first;
	struct loaded loaded;
	struct fixture f;

	fixture_init(&f);
	fixture_open(&f);
	fixture_start(&f);
	first = fixture_reading(1, 5, "a");
	first->time += 1000000;
	store_append(f.store, first);
	fixture_append(&f, 2, 4, 5);
	fixture_wait_rows(&f, 4);
	reload(&f, &loaded);
	assert_int_equal(loaded.owed_devices, 1);
	assert_int_equal(loaded.oldest[0], INT64_C(1763700000000) + 1 + 1000000);
	fixture_done(&f);
}

/* An empty body, and one of the greatest size. */
static void test_body_sizes(void **state)
{
	struct reading *reading = reading_new(READING_BODY_MAX);
	struct fixture f;

	fixture_init(&f);
	fixture_open(&f);
	fixture_start(&f);
	reading->row = 2;
	reading->device_row = 1;
	reading->size = READING_BODY_MAX;
	for (size_t i = 0; i < reading->size; i++)
		reading->body[i] = (uint8_t)i;
	store_append(f.store, fixture_reading(1, 1, ""));
	store_append(f.store, reading_ref(reading));
	fixture_wait_rows(&f, 2);
	fixture_fetch(&f, 1, 0, 2, 10);
	assert_int_equal(f.fetched_count, 2);
	assert_int_equal(f.fetched[0]->size, 0);
	assert_int_equal(f.fetched[1]->size, READING_BODY_MAX);
	assert_memory_equal(f.fetched[1]->body, reading->body, READING_BODY_MAX);
	reading_unref(reading);
	fixture_done(&f);
}

/* Deletes go with the next batch, or alone when none comes. */
static void test_delete(void **state)
{
	const struct row_range first = {1, 1}, some[] = {{2, 4}, {7, 7}};
	struct fixture f;

	fixture_init(&f);
	fixture_open(&f);
	fixture_start(&f);
	fixture_append(&f, 1, 10, 1);
	fixture_wait_rows(&f, 10);
	store_delete(f.store, &first, 1);
	do
		fixture_fetch(&f, 1, 0, 10, 20);
	while (f.fetched_count == 10);
	assert_int_equal(f.fetched[0]->row, 2);
	store_delete(f.store, some, 2);
	store_delete(f.store, some, 0);
	fixture_append(&f, 11, 11, 1);
	fixture_wait_rows(&f, 11);
	fixture_fetch(&f, 1, 0, 11, 20);
	assert_int_equal(f.fetched_count, 6);
	assert_int_equal(f.fetched[0]->row, 5);
	assert_int_equal(f.fetched[2]->row, 8);
	/* At the end nothing is left undone. */
	store_delete(f.store, &(struct row_range){5, 11}, 1);
	fixture_stop(&f);
	assert_int_equal(fixture_sql(&f, "outbox.db", "SELECT count(*) FROM reading"), 0);
	fixture_open(&f);
	assert_int_equal(f.facts.next_row, 12);
	fixture_done(&f);
}

/* What is owed by nobody is not read again, however soon somebody asks. */
static void test_take_back(void **state)
{
	struct fixture f;

	fixture_init(&f);
	fixture_open(&f);
	fixture_start(&f);
	for (uint64_t row = 1; row < 50; row += 2) {
		fixture_append(&f, row, row + 1, 1);
		fixture_wait_rows(&f, row + 1);
		store_take_back(f.store, row);
		fixture_fetch(&f, 1, row - 1, row + 1, 2);
		assert_int_equal(f.fetched_count, 1);
		assert_int_equal(f.fetched[0]->row, row + 1);
	}
	fixture_done(&f);
}

static void test_delete_device(void **state)
{
	struct answer answer = {0};
	struct fixture f;

	fixture_init(&f);
	fixture_open(&f);
	fixture_start(&f);
	fixture_append(&f, 1, 3, 1);
	fixture_append(&f, 4, 6, 2);
	/* Before, although its commit is still to come; after, although it may be in the same
	 * batch. */
	fixture_append(&f, 7, 7, 1);
	store_delete_device(f.store, 1, NULL, answer_take, &answer);
	fixture_append(&f, 8, 9, 1);
	fixture_wait(&f, &answer.done);
	assert_int_equal(answer.result, 0);
	assert_string_equal(answer.head, "");
	fixture_wait_rows(&f, 9);
	fixture_fetch(&f, 1, 0, 9, 20);
	assert_int_equal(f.fetched_count, 2);
	assert_int_equal(f.fetched[0]->row, 8);
	fixture_fetch(&f, 2, 0, 9, 20);
	assert_int_equal(f.fetched_count, 3);
	fixture_done(&f);
}

/* More rows than one stretch takes. */
static void test_delete_device_long(void **state)
{
	struct answer answer = {0};
	struct fixture f;

	fixture_init(&f);
	fixture_open(&f);
	fixture_stop(&f);
	fixture_sql(&f, "outbox.db",
		"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9500)"
		" INSERT INTO reading SELECT i, 1 + (i > 9000), 'plain', 0, 0, 110, 0, 0, x'', x''"
		" FROM n");
	fixture_open(&f);
	assert_int_equal(f.facts.next_row, 9501);
	fixture_start(&f);
	store_delete_device(f.store, 1, NULL, answer_take, &answer);
	fixture_wait(&f, &answer.done);
	fixture_stop(&f);
	assert_int_equal(fixture_sql(&f, "outbox.db", "SELECT count(*) FROM reading"), 500);
	fixture_done(&f);
}

static void test_bury(void **state)
{
	struct fixture f;

	fixture_init(&f);
	fixture_open(&f);
	fixture_start(&f);
	fixture_append(&f, 1, 3, 1);
	fixture_wait_rows(&f, 3);
	store_bury(f.store, 2, "refused by the platform: 0x99", NULL);
	store_bury(f.store, 77, "not there", NULL);
	fixture_fetch(&f, 1, 0, 3, 10);
	assert_int_equal(f.fetched_count, 2);
	assert_int_equal(f.fetched[1]->row, 3);
	fixture_stop(&f);
	assert_int_equal(fixture_sql(&f, "outbox.db", "SELECT count(*) FROM dead"), 1);
	assert_int_equal(fixture_sql(&f, "outbox.db",
				 "SELECT row FROM dead WHERE device = 1 AND buried > 0 AND"
				 " reason = 'refused by the platform: 0x99' AND"
				 " body = CAST('[{\"n\":\"value\",\"v\":2}]' AS BLOB)"),
		2);
	fixture_done(&f);
}

struct letters {
	bool done;
	int result;
	size_t count;
	struct letter letter[3];
	uint64_t next;
};

static void take_letters(
	void *userdata, int result, const struct letter *letters, size_t count, uint64_t next)
{
	struct letters *taken = userdata;

	*taken = (struct letters){.done = true, .result = result, .count = count, .next = next};
	for (size_t i = 0; i < count && i < 3; i++)
		taken->letter[i] = letters[i];
}

static void ask_for_letters(
	struct fixture *fixture, uint64_t before, unsigned max, struct letters *ret_taken)
{
	ret_taken->done = false;
	store_letters(fixture->store, before, max, take_letters, ret_taken);
	fixture_wait(fixture, &ret_taken->done);
	assert_int_equal(ret_taken->result, 0);
}

/* Newest first, in parts, also after a restart. */
static void test_list_of_the_buried(void **state)
{
	struct letters taken;
	struct fixture f;

	fixture_init(&f);
	fixture_open(&f);
	fixture_start(&f);
	fixture_append(&f, 1, 4, 5);
	fixture_wait_rows(&f, 4);
	ask_for_letters(&f, 0, 3, &taken);
	assert_int_equal(taken.count, 0);
	assert_int_equal(taken.next, 0);
	for (uint64_t row = 1; row <= 3; row++)
		store_bury(f.store, row, row == 2 ? "MQTT reason 0x99" : "other", NULL);
	fixture_restart(&f);
	ask_for_letters(&f, 0, 2, &taken);
	assert_int_equal(taken.count, 2);
	assert_int_equal(taken.letter[0].row, 3);
	assert_int_equal(taken.letter[1].row, 2);
	assert_int_equal(taken.letter[1].device_row, 5);
	assert_int_equal(taken.letter[1].size, strlen("[{\"n\":\"value\",\"v\":2}]"));
	assert_string_equal(taken.letter[1].reason, "MQTT reason 0x99");
	assert_true(taken.letter[1].buried > 0);
	assert_int_equal(taken.next, 2);
	ask_for_letters(&f, taken.next, 2, &taken);
	assert_int_equal(taken.count, 1);
	assert_int_equal(taken.letter[0].row, 1);
	assert_int_equal(taken.next, 0);
	ask_for_letters(&f, 1, 1000, &taken);
	assert_int_equal(taken.count, 0);
	fixture_done(&f);
}

/* What somebody else wrote there is shown, too. */
static void test_a_letter_of_another_hand(void **state)
{
	struct letters taken;
	struct fixture f;

	fixture_init(&f);
	fixture_open(&f);
	fixture_start(&f);
	fixture_append(&f, 1, 1, 1);
	fixture_wait_rows(&f, 1);
	store_bury(f.store, 1, "x", NULL);
	fixture_stop(&f);
	assert_int_equal(
		fixture_sql(&f, "outbox.db", "UPDATE dead SET trust = 'royal' RETURNING 1"), 1);
	fixture_open(&f);
	fixture_start(&f);
	ask_for_letters(&f, 0, 1, &taken);
	assert_int_equal(taken.count, 1);
	assert_int_equal(taken.letter[0].trust, TRUST_PLAIN);
	fixture_done(&f);
}

static const struct store_gap GAP = {.id = 7,
	.device_row = 1,
	.first_row = 1,
	.last_row = 3,
	.count = 3,
	.device_id = "one-4711",
	.platform = "local",
	.reason = "revoked"};

static void assert_gap(const struct store_gap *gap, uint64_t id, uint64_t count)
{
	assert_int_equal(gap->id, id);
	assert_int_equal(gap->device_row, 1);
	assert_int_equal(gap->first_row, 1);
	assert_int_equal(gap->last_row, 3);
	assert_int_equal(gap->count, count);
	assert_string_equal(gap->device_id, "one-4711");
	assert_string_equal(gap->platform, "local");
	assert_string_equal(gap->reason, "revoked");
}

/* What is given up and the record of it are on disk together, until it was published. */
static void test_gaps(void **state)
{
	struct store_gap other = GAP;
	struct loaded loaded;
	struct fixture f;

	fixture_init(&f);
	fixture_open(&f);
	fixture_start(&f);
	fixture_append(&f, 1, 4, 1);
	fixture_wait_rows(&f, 4);
	other.id = 9;
	store_bury(f.store, 4, "poison", &other);
	store_delete_device(f.store, 1, &GAP, NULL, NULL);
	other.count = 2;
	store_put_gap(f.store, &other);
	reload(&f, &loaded);
	assert_int_equal(loaded.owed_devices, 0);
	assert_int_equal(loaded.gaps, 2);
	assert_gap(&loaded.gap[0], 7, 3);
	assert_gap(&loaded.gap[1], 9, 2);
	fixture_start(&f);
	store_gap_published(f.store, 9);
	/* Published before the delete that it comes with was carried out. */
	other.id = 11;
	store_delete_device(f.store, 2, &other, NULL, NULL);
	store_gap_published(f.store, 11);
	reload(&f, &loaded);
	assert_int_equal(loaded.gaps, 1);
	assert_gap(&loaded.gap[0], 7, 3);
	fixture_done(&f);
}

/* No readings without the record of what became of them, and no record of what did not happen. */
static void test_gap_in_one_transaction(void **state)
{
	struct answer answer = {0};
	struct fixture f;

	fixture_init(&f);
	fixture_open(&f);
	fixture_start(&f);
	fixture_append(&f, 1, 3, 1);
	fixture_wait_rows(&f, 3);
	fixture_stop(&f);
	fixture_sql(&f, "outbox.db",
		"CREATE TRIGGER deny BEFORE INSERT ON gap BEGIN SELECT RAISE(ABORT, 'no'); END");
	fixture_open(&f);
	fixture_start(&f);
	store_delete_device(f.store, 1, &GAP, answer_take, &answer);
	fixture_wait(&f, &answer.done);
	assert_true(answer.result < 0);
	fixture_stop(&f);
	assert_int_equal(fixture_sql(&f, "outbox.db", "SELECT count(*) FROM reading"), 3);
	assert_int_equal(fixture_sql(&f, "outbox.db", "SELECT count(*) FROM gap"), 0);
	fixture_done(&f);
}

/* A row that no reading can hold is put aside and does not stop the others. */
static void test_unreadable_row(void **state)
{
	struct loaded loaded;
	struct fixture f;

	fixture_init(&f);
	fixture_open(&f);
	fixture_start(&f);
	fixture_append(&f, 1, 3, 1);
	fixture_stop(&f);
	fixture_sql(&f, "outbox.db", "UPDATE reading SET trust = 'blind' WHERE row = 2");
	fixture_sql(&f, "outbox.db", "UPDATE reading SET token = zeroblob(99) WHERE row = 3");
	reload(&f, &loaded);
	assert_int_equal(loaded.requests, 2);
	fixture_start(&f);
	fixture_fetch(&f, 1, 0, 3, 10);
	assert_int_equal(f.fetched_result, 0);
	assert_int_equal(f.fetched_count, 1);
	assert_int_equal(f.failed, 0);
	fixture_stop(&f);
	assert_int_equal(fixture_sql(&f, "outbox.db",
				 "SELECT count(*) FROM dead WHERE reason = 'unreadable'"),
		2);
	fixture_done(&f);
}

struct found {
	bool done;
	int result;
	struct store_old old;
};

static void take_found(void *userdata, int result, const struct store_old *found)
{
	*(struct found *)userdata = (struct found){true, result, *found};
}

static int64_t now;

static struct store_old oldest(
	struct fixture *f, uint64_t device_row, uint64_t last_row, int64_t before, uint64_t bytes)
{
	struct found found = {0};

	store_oldest(f->store,
		&(const struct store_oldest){.device_row = device_row,
			.last_row = last_row,
			.before = before,
			.now = now,
			.bytes = bytes},
		take_found, &found);
	fixture_wait(f, &found.done);
	assert_int_equal(found.result, 0);
	return found.old;
}

/* By size, by age of those whose clock was set, and never another device's. */
static void test_oldest(void **state)
{
	const struct store_gap gap = {.id = 3,
		.device_row = 1,
		.first_row = 1,
		.last_row = 3,
		.count = 2,
		.device_id = "s-1",
		.platform = "local",
		.reason = "too old"};
	int64_t base = INT64_C(1763700000000);
	struct answer answer = {0};
	struct store_old old;
	struct fixture f;

	now = INT64_MAX;
	fixture_init(&f);
	fixture_open(&f);
	fixture_start(&f);
	/* Device 1: rows 1, 3, 5, ... whose clock was set; device 2: even rows, whose was not. */
	for (uint64_t row = 1; row <= 40; row++)
		fixture_append(&f, row, row, row % 2 ? 1 : 2);
	fixture_wait_rows(&f, 40);
	old = oldest(&f, 1, 40, 0, 1);
	assert_int_equal(old.count, 1);
	assert_int_equal(old.first_row, 1);
	old = oldest(&f, 1, 40, 0, old.bytes + 1);
	assert_int_equal(old.count, 2);
	assert_int_equal(old.last_row, 3);
	old = oldest(&f, 1, 40, base + 9, 0);
	assert_int_equal(old.count, 4); /* 1 3 5 7 */
	assert_int_equal(old.last_row, 7);
	assert_int_equal(old.next_time, base + 9);
	assert_int_equal(oldest(&f, 2, 40, base + 9, 0).count, 0);
	assert_int_equal(oldest(&f, 1, 40, 0, 0).count, 0);
	old = oldest(&f, 1, 5, INT64_MAX, 0);
	assert_int_equal(old.count, 3);
	assert_int_equal(old.next_time, 0); /* none was looked at */
	assert_int_equal(oldest(&f, 9, 40, INT64_MAX, 0).count, 0);

	store_delete_oldest(f.store, 1, 3, &gap, answer_take, &answer);
	fixture_wait(&f, &answer.done);
	assert_int_equal(answer.result, 0);
	assert_int_equal(oldest(&f, 1, 40, 0, 1).first_row, 5);
	fixture_stop(&f);
	assert_int_equal(fixture_sql(&f, "outbox.db", "SELECT count(*) FROM reading"), 38);
	assert_int_equal(fixture_sql(&f, "outbox.db", "SELECT count FROM gap WHERE id = 3"), 2);
	fixture_done(&f);
}

static void append_aged(struct fixture *f, uint64_t row, int64_t time, bool synced)
{
	struct reading *reading = fixture_reading(row, 1, "1");

	reading->time = time;
	reading->clock_synced = synced;
	store_append(f->store, reading);
}

/* The first after a start came before the clock was set, another when it had jumped ten years
 * ahead: they are as old as what came after them, and do not keep it. */
static void test_oldest_of_those_that_do_not_say(void **state)
{
	int64_t base = INT64_C(1763700000000), years = INT64_C(315360000000);
	struct store_old old;
	struct fixture f;

	now = base + 1000;
	fixture_init(&f);
	fixture_open(&f);
	fixture_start(&f);
	append_aged(&f, 1, 5, false);
	append_aged(&f, 2, base + 2, true);
	append_aged(&f, 3, base + years, true);
	append_aged(&f, 4, base + 4, true);
	append_aged(&f, 5, 7, false);
	append_aged(&f, 6, base + 600, true);
	append_aged(&f, 7, base + 1, true); /* behind one that is young */
	fixture_wait_rows(&f, 7);
	assert_int_equal(oldest(&f, 1, 7, base, 0).count, 0);
	old = oldest(&f, 1, 7, base + 3, 0);
	assert_int_equal(old.last_row, 2);
	assert_true(old.next_time == base + years);
	old = oldest(&f, 1, 7, base + 500, 0);
	assert_int_equal(old.first_row, 1);
	assert_int_equal(old.last_row, 4);
	assert_int_equal(old.count, 4);
	assert_int_equal(old.bytes, 4);
	assert_int_equal(old.next_time, 7);
	/* By size it does not matter. */
	assert_int_equal(oldest(&f, 1, 7, 0, 5).count, 5);
	fixture_stop(&f);
	fixture_done(&f);
}

/* So many that do not say are looked at and no more: what comes meanwhile waits for the answer. */
static void test_oldest_is_not_looked_for_without_end(void **state)
{
	int64_t base = INT64_C(1763700000000);
	struct fixture f;

	now = base + 1000;
	fixture_init(&f);
	fixture_open(&f);
	fixture_start(&f);
	append_aged(&f, 1, 5, false);
	append_aged(&f, 100001, base + 1, true);
	fixture_wait_rows(&f, 2);
	fixture_stop(&f);
	fixture_sql(&f, "outbox.db",
		"WITH RECURSIVE n(row) AS (SELECT 2 UNION ALL SELECT row + 1 FROM n"
		" WHERE row < 100000)"
		"INSERT INTO reading SELECT n.row, device, trust, time, synced, format, mid,"
		" confirmable, token, body FROM n, reading WHERE reading.row = 1");
	fixture_open(&f);
	fixture_start(&f);
	assert_int_equal(oldest(&f, 1, 100001, base + 500, 0).count, 0);
	/* By size it is not so far to go. */
	assert_int_equal(oldest(&f, 1, 100001, 0, 5).count, 5);
	fixture_stop(&f);
	fixture_sql(&f, "outbox.db", "DELETE FROM reading WHERE row = 2");
	fixture_open(&f);
	fixture_start(&f);
	assert_int_equal(oldest(&f, 1, 100001, base + 500, 0).count, STORE_OLDEST_MAX);
	fixture_stop(&f);
	fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_oldest_time),
		cmocka_unit_test(test_append_and_restart),
		cmocka_unit_test(test_body_sizes),
		cmocka_unit_test(test_delete),
		cmocka_unit_test(test_take_back),
		cmocka_unit_test(test_delete_device),
		cmocka_unit_test(test_delete_device_long),
		cmocka_unit_test(test_bury),
		cmocka_unit_test(test_list_of_the_buried),
		cmocka_unit_test(test_a_letter_of_another_hand),
		cmocka_unit_test(test_gaps),
		cmocka_unit_test(test_gap_in_one_transaction),
		cmocka_unit_test(test_unreadable_row),
		cmocka_unit_test(test_oldest),
		cmocka_unit_test(test_oldest_of_those_that_do_not_say),
		cmocka_unit_test(test_oldest_is_not_looked_for_without_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
