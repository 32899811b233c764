/* SPDX-License-Identifier: Apache-2.0 */
/* The journal: numbers, pages, the chain, and what happens to who writes into it behind our back.
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

#include "fixture.h"

struct page {
	bool done;
	int result;
	struct audit_row row[200];
	size_t count;
	uint64_t next;
};

static void take_page(
	void *userdata, int result, const struct audit_row *rows, size_t count, uint64_t next)
{
	struct page *page = userdata;

	page->done = true;
	page->result = result;
	page->count = count;
	page->next = next;
	if (count > 0)
		memcpy(page->row, rows, count * sizeof(*rows));
}

static void look(struct fixture *fixture, const struct audit_query *query, struct page *page)
{
	memset(page, 0, sizeof(*page));
	store_journal(fixture->store, query, take_page, page);
	fixture_wait(fixture, &page->done);
}

static void journal(struct fixture *fixture, uint64_t before, unsigned max, struct page *page)
{
	const struct audit_query query = {.before = before, .max = max};

	look(fixture, &query, page);
}

static void verify(struct fixture *fixture, struct answer *answer)
{
	memset(answer, 0, sizeof(*answer));
	store_verify_audit(fixture->store, answer_take, answer);
	fixture_wait(fixture, &answer->done);
}

static struct audit_row sample_row(unsigned n)
{
	struct audit_row row;

	audit_row_init(
		&row, "anna", "technician", "192.0.2.7", ACT_ADMIT, "dev", "short-code", "done");
	snprintf(row.object, sizeof(row.object), "dev-%u", n);
	return row;
}

/* 'count' rows, a few in each change. Returns the head after the last. */
static void write_rows(struct fixture *fixture, unsigned count, char ret_head[65])
{
	struct answer answer = {0};
	struct change *change = change_begin();

	for (unsigned n = 1; n <= count; n++) {
		struct audit_row row = sample_row(n);

		assert_int_equal(change_append_audit(change, &row), 0);
		if (n % 3 && n < count)
			continue;
		memset(&answer, 0, sizeof(answer));
		store_save(fixture->store, change, answer_take, &answer);
		fixture_wait(fixture, &answer.done);
		assert_int_equal(answer.result, 0);
		change = n < count ? change_begin() : NULL;
	}
	strcpy(ret_head, answer.head);
}

static void test_journal(void **state)
{
	struct audit_row expected = sample_row(10);
	struct page *page = calloc(1, sizeof(*page));
	struct answer answer;
	struct fixture f;
	char head[65];

	fixture_init(&f);
	fixture_open(&f);
	fixture_start(&f);
	verify(&f, &answer);
	assert_int_equal(answer.result, 0);
	journal(&f, 0, 10, page);
	assert_int_equal(page->result, 0);
	assert_int_equal(page->count, 0);

	write_rows(&f, 10, head);
	assert_int_equal(strlen(head), 64);
	journal(&f, 0, 4, page);
	assert_int_equal(page->count, 4);
	assert_int_equal(page->row[0].number, 10);
	assert_int_equal(page->row[3].number, 7);
	assert_string_equal(page->row[0].who, "anna");
	assert_string_equal(page->row[0].role, "technician");
	assert_string_equal(page->row[0].via, "192.0.2.7");
	assert_string_equal(page->row[0].action, "admit");
	assert_string_equal(page->row[0].object, "dev-10");
	assert_string_equal(page->row[0].evidence, "short-code");
	assert_string_equal(page->row[0].result, "done");
	assert_int_equal(page->row[0].clock_synced, expected.clock_synced);
	assert_true(page->row[0].time > 0 && page->row[0].time <= expected.time + 60000);
	journal(&f, 3, 500, page);
	assert_int_equal(page->count, 2);
	assert_int_equal(page->row[1].number, 1);
	assert_int_equal(page->next, 0);
	journal(&f, 0, 4, page);
	assert_int_equal(page->next, 7);
	journal(&f, 0, 0, page);
	assert_int_equal(page->count, 0);
	look(&f, &(const struct audit_query){.after = 8, .max = 10}, page);
	assert_int_equal(page->count, 2);
	assert_int_equal(page->row[1].number, 9);
	assert_int_equal(page->next, 0);
	look(&f, &(const struct audit_query){.after = 8, .max = 2}, page);
	assert_int_equal(page->next, 0);
	look(&f, &(const struct audit_query){.after = 10, .max = 2}, page);
	assert_int_equal(page->count, 0);
	look(&f, &(const struct audit_query){.max = 10, .object = "dev-4"}, page);
	assert_int_equal(page->count, 1);
	assert_int_equal(page->row[0].number, 4);
	look(&f,
		&(const struct audit_query){
			.max = 10, .who = "anna", .action = "admit", .object = "dev-4"},
		page);
	assert_int_equal(page->count, 1);
	/* People write an action as it stands on the page; a name is a name. */
	look(&f, &(const struct audit_query){.max = 10, .action = "Admit"}, page);
	assert_int_equal(page->count, 10);
	look(&f, &(const struct audit_query){.max = 10, .who = "Anna"}, page);
	assert_int_equal(page->count, 0);
	look(&f, &(const struct audit_query){.max = 10, .who = "ann"}, page);
	assert_int_equal(page->count, 0);
	assert_int_equal(page->next, 0);
	look(&f, &(const struct audit_query){.max = 10, .action = "' OR 1 --"}, page);
	assert_int_equal(page->count, 0);
	verify(&f, &answer);
	assert_int_equal(answer.result, 0);
	assert_string_equal(answer.head, head);

	/* The chain goes on after a restart. */
	fixture_restart(&f);
	assert_int_equal(f.facts.audit_rows, 10);
	assert_string_equal(f.facts.audit_head, head);
	write_rows(&f, 1, head);
	journal(&f, 0, 1, page);
	assert_int_equal(page->row[0].number, 11);
	verify(&f, &answer);
	assert_int_equal(answer.result, 0);
	free(page);
	fixture_done(&f);
}

/* More than 200 rows in an answer, more than one stretch of the walk. */
static void test_long_chain(void **state)
{
	struct page *page = calloc(1, sizeof(*page));
	struct change *change = change_begin();
	struct answer answer;
	struct fixture f;

	fixture_init(&f);
	fixture_open(&f);
	fixture_start(&f);
	for (unsigned n = 1; n <= 2500; n++) {
		struct audit_row row = sample_row(n);

		assert_int_equal(change_append_audit(change, &row), 0);
	}
	assert_int_equal(fixture_save(&f, change), 0);
	journal(&f, 0, 100000, page);
	assert_int_equal(page->count, 200);
	verify(&f, &answer);
	assert_int_equal(answer.result, 0);
	fixture_stop(&f);
	fixture_sql(&f, "control.db", "UPDATE audit SET time = time + 1 WHERE number = 2345");
	fixture_open(&f);
	fixture_start(&f);
	verify(&f, &answer);
	assert_int_equal(answer.result, -EBADMSG);
	assert_string_equal(answer.head, "2345");
	free(page);
	fixture_done(&f);
}

struct tampering {
	const char *sql;
	const char *first_bad;
};
static const struct tampering TAMPERING[] = {
	{"UPDATE audit SET who = 'otto' WHERE number = 4", "4"},
	{"UPDATE audit SET result = '' WHERE number = 1", "1"},
	{"UPDATE audit SET synced = NOT synced WHERE number = 10", "10"},
	{"UPDATE audit SET mac = zeroblob(32) WHERE number = 6", "6"},
	{"UPDATE audit SET mac = x'' WHERE number = 6", "6"},
	{"DELETE FROM audit WHERE number = 5", "5"},
	{"DELETE FROM audit WHERE number = 1", "1"},
	{"DELETE FROM audit WHERE number > 8", "9"},
	{"DELETE FROM audit", "1"},
	/* A row and its mac put in a second time. */
	{"INSERT INTO audit SELECT 11, time, synced, who, role, via, action, object, evidence,"
	 " result, mac FROM audit WHERE number = 10",
		"11"},
	{"UPDATE audit SET who = (SELECT who FROM audit WHERE number = 2) || '', action = 'x'"
	 " WHERE number = 3",
		"3"},
	/* Longer than the field that takes it. */
	{"UPDATE audit SET role = printf('%099d', 1) WHERE number = 7", "7"},
};

static void test_tampering(void **state)
{
	for (size_t i = 0; i < sizeof(TAMPERING) / sizeof(TAMPERING[0]); i++) {
		struct answer answer;
		struct fixture f;
		char head[65];

		fixture_init(&f);
		fixture_open(&f);
		fixture_start(&f);
		write_rows(&f, 10, head);
		fixture_stop(&f);
		fixture_sql(&f, "control.db", TAMPERING[i].sql);
		fixture_open(&f);
		fixture_start(&f);
		verify(&f, &answer);
		if (answer.result != -EBADMSG || strcmp(answer.head, TAMPERING[i].first_bad) != 0)
			fail_msg("%s: %d, '%s'", TAMPERING[i].sql, answer.result, answer.head);
		assert_int_equal(f.failed, 0);
		fixture_done(&f);
	}
}

/* Rows cut off the end stay missed, also after new ones were written. */
static void test_cut_end(void **state)
{
	struct answer answer;
	struct fixture f;
	char head[65];

	fixture_init(&f);
	fixture_open(&f);
	fixture_start(&f);
	write_rows(&f, 10, head);
	fixture_stop(&f);
	fixture_sql(&f, "control.db", "DELETE FROM audit WHERE number > 8");
	fixture_open(&f);
	assert_int_equal(f.facts.audit_rows, 10);
	assert_string_equal(f.facts.audit_head, head);
	fixture_start(&f);
	write_rows(&f, 3, head);
	verify(&f, &answer);
	assert_int_equal(answer.result, -EBADMSG);
	assert_string_equal(answer.head, "9");
	fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_journal),
		cmocka_unit_test(test_long_chain),
		cmocka_unit_test(test_tampering),
		cmocka_unit_test(test_cut_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
