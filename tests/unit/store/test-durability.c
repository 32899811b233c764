/* SPDX-License-Identifier: Apache-2.0 */
/* Commits that wait for others, and commits that do not wait for the disk. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "fault-vfs.h"
#include "fixture.h"

#define NEVER_USEC (3600 * USEC_PER_SEC)

static void begin(struct fixture *fixture, bool loose, uint64_t commit_delay_usec)
{
	fixture_init(fixture);
	fixture->loose = loose;
	fixture->commit_delay_usec = commit_delay_usec;
	fixture_open(fixture);
	fixture_start(fixture);
}

static int64_t readings_on_file(const struct fixture *fixture)
{
	return fixture_sql(fixture, "outbox.db", "SELECT count(*) FROM reading");
}

static void test_wait_for_others(void **state)
{
	uint64_t since = clock_boot_usec();
	struct fixture f;

	begin(&f, false, 300 * USEC_PER_MSEC);
	fixture_append(&f, 1, 1, 1);
	fixture_wait_rows(&f, 1);
	assert_true(clock_boot_usec() - since >= 300 * USEC_PER_MSEC);
	fixture_done(&f);
}

/* A group that is large enough does not wait; what is above it waits again. */
static void test_large_groups_go(void **state)
{
	struct fixture f;

	begin(&f, false, NEVER_USEC);
	fixture_append(&f, 1, 512, 1);
	fixture_wait_rows(&f, 512);
	fixture_append(&f, 513, 515, 1);
	assert_int_equal(store_appending(f.store), 3);
	/* A stop waits for nobody, and loses nobody. */
	fixture_stop(&f);
	assert_int_equal(f.rows, 515);
	for (size_t i = 0; i < 515; i++)
		assert_int_equal(f.row_result[i], 0);
	assert_int_equal(readings_on_file(&f), 515);
	fixture_done(&f);
}

/* What was appended before the delete is deleted, though it had not been written. */
static void test_delete_behind_those_that_wait(void **state)
{
	struct answer answer = {0};
	struct fixture f;

	begin(&f, false, NEVER_USEC);
	fixture_append(&f, 1, 20, 1);
	fixture_append(&f, 21, 30, 2);
	store_delete_device(f.store, 1, NULL, answer_take, &answer);
	fixture_wait(&f, &answer.done);
	assert_int_equal(answer.result, 0);
	fixture_wait_rows(&f, 30);
	fixture_stop(&f);
	assert_int_equal(readings_on_file(&f), 10);
	fixture_done(&f);
}

/* No sync for readings; what people decide is synced as ever. */
static void test_loose_does_not_sync(void **state)
{
	struct change *change = change_begin();
	struct fixture f;

	begin(&f, true, 0);
	fault_set(FAULT_SYNC, "outbox.db-wal", 1034 /* SQLITE_IOERR_FSYNC */);
	fixture_append(&f, 1, 10, 1);
	fixture_wait_rows(&f, 10);
	assert_int_equal(f.row_result[9], 0);
	assert_int_equal(fault_hits(), 0);
	fault_set(FAULT_SYNC, "control.db-wal", 1034);
	assert_int_equal(change_put_setting(change, "a", "1"), 0);
	assert_int_equal(fixture_save(&f, change), -EIO);
	assert_int_equal(fault_hits(), 1);
	fault_clear();
	fixture_done(&f);
}

static void child_run(struct fixture *fixture, bool loose)
{
	/* A loop does not outlive a fork. */
	assert_true(sd_event_new(&fixture->loop) >= 0);
	fixture->loose = loose;
	fixture_open(fixture);
	fixture_start(fixture);
	fixture_append(fixture, fixture->facts.next_row, fixture->facts.next_row + 4, 1);
	fixture_wait_rows(fixture, 5);
	_exit(0);
}

/* Five readings by a process that ends without a stop. */
static void end_in_the_middle(struct fixture *fixture, bool loose)
{
	int status = -1;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		child_run(fixture, loose);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* They outlive the process; and whatever a power cut had taken, no number is given twice. */
static void test_numbers_after_a_loose_end(void **state)
{
	uint64_t next;
	struct fixture f;

	fixture_init(&f);
	end_in_the_middle(&f, false);
	fixture_open(&f);
	assert_int_equal(f.facts.next_row, 6); /* nothing can be missing */
	fixture_stop(&f);

	end_in_the_middle(&f, true);
	fixture_open(&f);
	next = f.facts.next_row;
	assert_true(next > UINT64_C(1000000000));
	assert_int_equal(f.facts.epoch, 1);
	fixture_start(&f);
	fixture_stop(&f);
	assert_int_equal(readings_on_file(&f), 10);

	/* Once for each such end. */
	fixture_open(&f);
	assert_int_equal(f.facts.next_row, next);
	fixture_start(&f);
	fixture_stop(&f);
	/* A clean stop leaves no doubt. */
	f.loose = true;
	fixture_open(&f);
	fixture_start(&f);
	fixture_append(&f, next, next, 1);
	fixture_wait_rows(&f, 1);
	fixture_restart(&f);
	assert_int_equal(f.facts.next_row, next + 1);
	fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wait_for_others),
		cmocka_unit_test(test_large_groups_go),
		cmocka_unit_test(test_delete_behind_those_that_wait),
		cmocka_unit_test(test_loose_does_not_sync),
		cmocka_unit_test(test_numbers_after_a_loose_end),
	};

	fault_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
