/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process that appends and saves, and tells through a pipe what was answered as committed, is
 * killed at a random moment, again and again on one state directory. Whatever it told is there
 * afterwards, the audit chain fits, and no number is given twice.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/crypto.h"
#include "fixture.h"

#define ROUNDS	   20
#define ROWS_MAX   100000
#define AHEAD	   8 /* readings that wait for their commit */
#define REPORT_MAX 1000

/* What the child tells: a row of the outbox, or a number of the audit. */
struct report {
	uint64_t row, audit;
};

struct child {
	struct store *store;
	int pipe;
	uint64_t next_row, audit;
};

static void tell(const struct child *child, struct report report)
{
	if (write(child->pipe, &report, sizeof(report)) != sizeof(report))
		_exit(3);
}

static void child_append(struct child *child)
{
	uint64_t row = child->next_row++;

	store_append(child->store, fixture_reading(row, 1 + row % 3, "[]"));
}

static void child_appended(void *userdata, struct reading **readings, size_t count, int result)
{
	struct child *child = userdata;

	for (size_t i = 0; i < count; i++) {
		if (result != 0)
			_exit(4);
		tell(child, (struct report){.row = readings[i]->row});
		reading_unref(readings[i]);
		child_append(child);
	}
}

static void child_failed(void *userdata, const char *why)
{
	_exit(5);
}

static void child_save(struct child *child);

static void child_saved(void *userdata, int result, const char *head)
{
	struct child *child = userdata;

	if (result != 0)
		_exit(6);
	tell(child, (struct report){.audit = ++child->audit});
	child_save(child);
}

static void child_save(struct child *child)
{
	struct audit_row row;
	struct change *change;
	char value[24];

	audit_row_init(&row, "child", "", "", ACT_ADD, "", "", "done");
	snprintf(value, sizeof(value), "%llu", (unsigned long long)child->audit + 1);
	if (change_new(&change) < 0 || change_put_setting(change, "count", value) < 0 ||
		change_append_audit(change, &row) < 0)
		_exit(7);
	store_save(child->store, change, child_saved, child);
}

/* Never returns. */
static void child_run(const char *state, int pipe)
{
	static const struct store_ops ops = {child_appended, NULL, child_failed};
	const struct store_options options = {.state_directory = state};
	struct child child = {.pipe = pipe};
	enum store_opened opened;
	struct store_facts facts;
	sd_event *loop;
	char why[256];

	if (sd_event_new(&loop) < 0 ||
		store_open(&options, &opened, &child.store, why, sizeof(why)) < 0 ||
		opened != STORE_OPENED || store_start(child.store, loop, &ops, &child) < 0)
		_exit(2);
	store_get_facts(child.store, &facts);
	child.next_row = facts.next_row;
	child.audit = facts.audit_rows;
	for (int i = 0; i < AHEAD; i++)
		child_append(&child);
	child_save(&child);
	sd_event_loop(loop);
	_exit(8);
}

struct told {
	bool *row; /* by number */
	uint64_t last_row, audit;
};

static void take_report(struct told *told, const struct report *report)
{
	assert_true(report->row < ROWS_MAX);
	if (report->row > 0) {
		assert_false(told->row[report->row]);
		told->row[report->row] = true;
		if (report->row > told->last_row)
			told->last_row = report->row;
	}
	if (report->audit > told->audit)
		told->audit = report->audit;
}

/* Runs a child, kills it after a random number of reports and a random time, takes all reports. */
static void run_round(struct fixture *fixture, struct told *told)
{
	uint64_t reports = 1 + random_uint64() % 200, patience = random_uint64() % 3000;
	struct report report;
	int ends[2], status;
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(ends[0]);
		child_run(fixture->state, ends[1]);
	}
	close(ends[1]);
	while (reports > 0 && (n = read(ends[0], &report, sizeof(report))) == sizeof(report)) {
		take_report(told, &report);
		reports--;
	}
	usleep((useconds_t)patience); /* not a wait for anything: a random moment */
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFSIGNALED(status))
		fail_msg("the child ended by itself: %d", WEXITSTATUS(status));
	while ((n = read(ends[0], &report, sizeof(report))) == sizeof(report))
		take_report(told, &report);
	assert_int_equal(n, 0);
	close(ends[0]);
}

static int take_count(void *userdata, const char *name, const char *value)
{
	*(uint64_t *)userdata = strtoull(value, NULL, 10);
	return 0;
}

static void check(struct fixture *fixture, const struct told *told)
{
	const struct store_loader loader = {.setting = take_count};
	struct answer answer = {0};
	uint64_t count = 0, found = 0, told_rows = 0, last = 0;

	fixture_open(fixture);
	assert_string_equal(fixture->facts.outbox_set_aside, "");
	assert_int_equal(fixture->facts.epoch, 1);
	assert_true(fixture->facts.next_row > told->last_row);
	assert_true(fixture->facts.audit_rows >= told->audit);
	assert_int_equal(store_load(fixture->store, &loader, &count), 0);
	/* The change and its audit row: both or none. */
	assert_int_equal(count, fixture->facts.audit_rows);
	fixture_start(fixture);
	for (uint64_t device = 1; device <= 3; device++) {
		for (uint64_t after = 0;;) {
			fixture_fetch(fixture, device, after, ROWS_MAX, REPORT_MAX);
			assert_int_equal(fixture->fetched_result, 0);
			for (size_t i = 0; i < fixture->fetched_count; i++) {
				after = fixture->fetched[i]->row;
				found += told->row[after];
				last = after > last ? after : last;
			}
			if (fixture->fetched_count < REPORT_MAX)
				break;
		}
	}
	for (uint64_t row = 1; row <= told->last_row; row++)
		told_rows += told->row[row];
	assert_int_equal(found, told_rows);
	assert_true(fixture->facts.next_row > last);
	store_verify_audit(fixture->store, answer_take, &answer);
	fixture_wait(fixture, &answer.done);
	assert_int_equal(answer.result, 0);
	fixture_stop(fixture);
}

static void test_kill(void **state)
{
	struct told told = {.row = calloc(ROWS_MAX, sizeof(bool))};
	struct fixture f;

	assert_non_null(told.row);
	fixture_init(&f);
	for (int round = 0; round < ROUNDS; round++) {
		run_round(&f, &told);
		check(&f, &told);
	}
	assert_true(told.last_row > ROUNDS);
	assert_true(told.audit > 0);
	free(told.row);
	fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_kill)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
