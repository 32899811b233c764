/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When the disk is full, fails, or has lost what it held: what is refused, what is final, what is
 * set aside. The faults come from a VFS of our own.
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
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "fault-vfs.h"
#include "loaded.h"
#include "store/outbox.h"

static void begin(struct fixture *fixture)
{
	fixture_init(fixture);
	fixture_open(fixture);
	fixture_start(fixture);
}

static int save_setting(struct fixture *fixture, const char *name)
{
	struct change *change = change_begin();
	struct audit_row row;

	audit_row_init(&row, "anna", "admin", "here", ACT_ADD, name, "", "done");
	assert_int_equal(change_put_setting(change, name, "1"), 0);
	assert_int_equal(change_append_audit(change, &row), 0);
	return fixture_save(fixture, change);
}

static void assert_audit_fits(struct fixture *fixture)
{
	struct answer answer = {0};

	store_verify_audit(fixture->store, answer_take, &answer);
	fixture_wait(fixture, &answer.done);
	assert_int_equal(answer.result, 0);
}

static int64_t readings_on_file(const struct fixture *fixture)
{
	return fixture_sql(fixture, "outbox.db", "SELECT count(*) FROM reading");
}

static int renames_left = -1; /* -1: all succeed */

int __real_renameat(int from_fd, const char *from, int to_fd, const char *to);
int __wrap_renameat(int from_fd, const char *from, int to_fd, const char *to);
int __wrap_renameat(int from_fd, const char *from, int to_fd, const char *to)
{
	if (renames_left == 0) {
		errno = EIO;
		return -1;
	}
	if (renames_left > 0)
		renames_left--;
	return __real_renameat(from_fd, from, to_fd, to);
}

static void overwrite(const struct fixture *fixture, const char *name, long offset, size_t size)
{
	FILE *file = fopen(fixture_path(fixture, name), "r+");

	assert_non_null(file);
	assert_int_equal(fseek(file, offset, SEEK_SET), 0);
	for (size_t i = 0; i < size; i++)
		assert_int_equal(fputc(0xa5, file), 0xa5);
	assert_int_equal(fclose(file), 0);
}

/* A log that was left behind is how an unclean stop looks. */
static void leave_log(const struct fixture *fixture, const char *name)
{
	FILE *file = fopen(fixture_path(fixture, name), "w");

	assert_non_null(file);
	assert_int_equal(fclose(file), 0);
}

static bool there(const struct fixture *fixture, const char *name)
{
	return access(fixture_path(fixture, name), F_OK) == 0;
}

/* --- damage --- */

static void test_no_database(void **state)
{
	struct fixture f;

	begin(&f);
	fixture_append(&f, 1, 20, 1);
	fixture_wait_rows(&f, 20);
	assert_int_equal(save_setting(&f, "kept"), 0);
	for (uint64_t n = 1; n <= 2; n++) {
		char name[32];

		fixture_stop(&f);
		overwrite(&f, "outbox.db", 0, 100);
		fixture_open(&f);
		assert_true(f.facts.outbox_set_aside[0]);
		assert_int_equal(f.facts.epoch, 1 + n);
		assert_int_equal(f.facts.next_row, 1);
		snprintf(name, sizeof(name), "outbox.db.corrupt-%d", (int)n);
		assert_string_equal(f.facts.outbox_set_aside, name);
		assert_true(there(&f, name));
		fixture_start(&f);
		fixture_fetch(&f, 1, 0, 20, 20);
		assert_int_equal(f.fetched_count, 0);
		fixture_append(&f, 1, 5, 1);
		fixture_wait_rows(&f, 20 + 5 * n);
	}
	fixture_restart(&f);
	assert_string_equal(f.facts.outbox_set_aside, "");
	assert_int_equal(f.facts.epoch, 3);
	assert_int_equal(f.facts.audit_rows, 1);
	fixture_done(&f);
}

/* A page inside: seen at once after an unclean stop, and with its log set aside. */
static void test_damaged_page(void **state)
{
	struct fixture f;

	begin(&f);
	fixture_append(&f, 1, 500, 1);
	fixture_wait_rows(&f, 500);
	fixture_stop(&f);
	assert_false(there(&f, "outbox.db-wal"));
	overwrite(&f, "outbox.db", 4096 * 7, 4096);
	leave_log(&f, "outbox.db-wal");
	fixture_open(&f);
	assert_true(f.facts.outbox_set_aside[0]);
	assert_int_equal(f.facts.epoch, 2);
	assert_true(there(&f, "outbox.db.corrupt-1"));
	assert_true(there(&f, "outbox.db.corrupt-1-wal"));
	fixture_done(&f);
}

/* The start that sets it aside ends between the log and the file: the next one goes on with that,
 * and the numbers of what was in the log are not given again. */
static void test_set_aside_in_two(void **state)
{
	struct fixture f;
	int r;

	begin(&f);
	fixture_append(&f, 1, 500, 1);
	fixture_wait_rows(&f, 500);
	fixture_stop(&f);
	overwrite(&f, "outbox.db", 4096 * 7, 4096);
	leave_log(&f, "outbox.db-wal");
	renames_left = 1;
	fixture_try(&f, &r);
	assert_int_equal(r, -EIO);
	assert_true(there(&f, "outbox.db.corrupt-1-wal"));
	assert_true(there(&f, "outbox.db"));
	renames_left = -1;

	fixture_open(&f);
	assert_string_equal(f.facts.outbox_set_aside, "outbox.db.corrupt-2");
	assert_int_equal(f.facts.epoch, 3);
	assert_int_equal(f.facts.next_row, 1);
	fixture_stop(&f);
	fixture_open(&f);
	assert_string_equal(f.facts.outbox_set_aside, "");
	assert_int_equal(f.facts.epoch, 3);
	fixture_done(&f);
}

static int count_owed(void *userdata, uint64_t device_row, uint64_t count, uint64_t bytes,
	uint64_t first_row, uint64_t last_row)
{
	return 0;
}

/* The same after a clean stop is only seen when the page is read: that start fails, and the next
 * one looks closely. */
static void test_damage_seen_late(void **state)
{
	const struct store_loader loader = {.owed = count_owed};
	struct fixture f;

	begin(&f);
	fixture_append(&f, 1, 500, 1);
	fixture_wait_rows(&f, 500);
	fixture_stop(&f);
	/* Every page but the first: whatever is read next is damaged. */
	overwrite(&f, "outbox.db", 4096 * 7, 4096 * 4);
	fixture_open(&f);
	assert_string_equal(f.facts.outbox_set_aside, "");
	assert_int_equal(store_load(f.store, &loader, &f), -EBADMSG);
	assert_non_null(strstr(store_why(f.store), "outbox.db"));
	fixture_stop(&f);
	fixture_open(&f);
	assert_true(f.facts.outbox_set_aside[0]);
	assert_int_equal(store_load(f.store, &loader, &f), 0);
	fixture_done(&f);
}

/* What the quick look after an unclean stop does not see is seen when it was found once. */
static void test_damage_that_a_quick_look_does_not_see(void **state)
{
	const struct store_loader loader = {.owed = count_owed};
	struct fixture f;

	begin(&f);
	fixture_append(&f, 1, 20, 1);
	fixture_wait_rows(&f, 20);
	fixture_stop(&f);
	fixture_sql_behind_index(
		&f, "outbox.db", "reading_device", "UPDATE reading SET device = 2 WHERE row = 3");
	leave_log(&f, "outbox.db-wal");
	fixture_open(&f);
	assert_string_equal(f.facts.outbox_set_aside, "");
	fixture_start(&f);
	store_delete(f.store, &(const struct row_range){1, 20}, 1);
	for (int i = 0; i < 30 && f.failed == 0; i++)
		fixture_turn(&f);
	assert_int_equal(f.failed, 1);
	fixture_stop(&f);
	assert_true(there(&f, "outbox.db-suspect"));
	fixture_open(&f);
	assert_string_equal(f.facts.outbox_set_aside, "outbox.db.corrupt-1");
	assert_int_equal(f.facts.epoch, 2);
	assert_false(there(&f, "outbox.db-suspect"));
	assert_int_equal(store_load(f.store, &loader, &f), 0);
	fixture_done(&f);
}

/* An outbox that is gone, and a control file that is gone: no number is used twice. */
static void test_epoch(void **state)
{
	struct fixture f;

	fixture_init(&f);
	for (uint64_t n = 1; n <= 3; n++) {
		fixture_open(&f);
		assert_int_equal(f.facts.epoch, n);
		fixture_stop(&f);
		assert_int_equal(unlink(fixture_path(&f, "outbox.db")), 0);
	}
	fixture_open(&f);
	assert_int_equal(f.facts.epoch, 4);
	fixture_stop(&f);
	assert_int_equal(unlink(fixture_path(&f, "control.db")), 0);
	fixture_open(&f);
	assert_int_equal(f.facts.epoch, 4);
	fixture_stop(&f);
	assert_int_equal(unlink(fixture_path(&f, "outbox.db")), 0);
	fixture_open(&f);
	assert_int_equal(f.facts.epoch, 5);
	fixture_done(&f);
}

/* --- no room --- */

static void test_outbox_full(void **state)
{
	const struct row_range range = {1, 2};
	struct fixture f;

	begin(&f);
	fixture_append(&f, 1, 5, 1);
	fixture_wait_rows(&f, 5);
	fault_set(FAULT_WRITE, "outbox.db-wal", SQLITE_FULL);
	store_delete(f.store, &range, 1);
	fixture_append(&f, 6, 8, 1);
	fixture_wait_rows(&f, 8);
	for (size_t i = 5; i < 8; i++)
		assert_int_equal(f.row_result[i], -ENOSPC);
	assert_true(fault_hits() > 0);
	/* The other file is not concerned. */
	assert_int_equal(save_setting(&f, "while-full"), 0);
	fault_clear();
	fixture_append(&f, 9, 9, 1);
	fixture_wait_rows(&f, 9);
	assert_int_equal(f.row_result[8], 0);
	/* The deletes went with it. */
	fixture_fetch(&f, 1, 0, 9, 10);
	assert_int_equal(f.fetched_count, 4);
	assert_int_equal(f.fetched[0]->row, 3);
	assert_int_equal(f.fetched[3]->row, 9);
	assert_int_equal(f.failed, 0);
	fixture_restart(&f);
	assert_int_equal(f.facts.next_row, 10);
	fixture_stop(&f);
	assert_int_equal(readings_on_file(&f), 4);
	fixture_done(&f);
}

/* Deletes that found no room are tried again when nothing else comes. */
static void test_full_delete_retries(void **state)
{
	const struct row_range range = {1, 5};
	struct fixture f;

	begin(&f);
	fixture_append(&f, 1, 5, 1);
	fixture_wait_rows(&f, 5);
	fault_set(FAULT_WRITE, "outbox.db-wal", SQLITE_FULL);
	store_delete(f.store, &range, 1);
	while (fault_hits() == 0)
		fixture_fetch(&f, 1, 0, 9, 10);
	fault_clear();
	do
		fixture_fetch(&f, 1, 0, 9, 10);
	while (f.fetched_count > 0);
	assert_int_equal(f.failed, 0);
	fixture_done(&f);
}

/* What has no room takes those with it that would make some, but only for that moment: readings
 * that come all the time do not keep the outbox full. */
static void test_full_deletes_go_alone(void **state)
{
	const struct row_range range = {1, 5};
	static char body[8001];
	struct fixture f;

	memset(body, 'x', sizeof(body) - 1);
	begin(&f);
	fixture_append(&f, 1, 5, 1);
	fixture_wait_rows(&f, 5);
	/* All that follows is of one batch. */
	fault_gate_close("outbox.db-wal");
	fixture_append(&f, 6, 6, 1);
	assert_true(fault_gate_wait());
	fault_set(FAULT_WRITE, "outbox.db-wal", SQLITE_FULL);
	fault_set_room(32 * 1024);
	store_delete(f.store, &range, 1);
	for (uint64_t row = 7; row <= 14; row++)
		store_append(f.store, fixture_reading(row, 1, body));
	fault_gate_open();
	fixture_wait_rows(&f, 14);
	assert_int_equal(f.row_result[5], 0);
	for (size_t i = 6; i < 14; i++)
		assert_int_equal(f.row_result[i], -ENOSPC);
	fixture_fetch(&f, 1, 0, 14, 20);
	assert_int_equal(f.fetched_count, 1);
	assert_int_equal(f.failed, 0);
	fault_clear();
	fixture_done(&f);
}

static void test_control_full(void **state)
{
	struct fixture f;

	begin(&f);
	assert_int_equal(save_setting(&f, "one"), 0);
	fault_set(FAULT_WRITE, "control.db-wal", SQLITE_FULL);
	assert_int_equal(save_setting(&f, "two"), -ENOSPC);
	assert_int_equal(save_setting(&f, "three"), -ENOSPC);
	fixture_append(&f, 1, 1, 1);
	fixture_wait_rows(&f, 1);
	assert_int_equal(f.row_result[0], 0);
	fault_clear();
	assert_int_equal(save_setting(&f, "four"), 0);
	assert_audit_fits(&f);
	assert_int_equal(f.failed, 0);
	fixture_stop(&f);
	assert_int_equal(fixture_sql(&f, "control.db", "SELECT count(*) FROM setting"), 2);
	assert_int_equal(fixture_sql(&f, "control.db", "SELECT max(number) FROM audit"), 2);
	fixture_done(&f);
}

/* A quota is a failed write whose reason is in errno: no failure of the disk. */
static void test_quota(void **state)
{
	struct fixture f;

	begin(&f);
	fault_set(FAULT_WRITE, "outbox.db-wal", SQLITE_IOERR_WRITE);
	fault_set_errno(EDQUOT);
	fixture_append(&f, 1, 1, 1);
	fixture_wait_rows(&f, 1);
	assert_int_equal(f.row_result[0], -ENOSPC);
	assert_int_equal(f.failed, 0);
	/* Of an fsync the same reason is none. */
	fault_set(FAULT_SYNC, "outbox.db-wal", SQLITE_IOERR_FSYNC);
	fault_set_errno(ENOSPC);
	fixture_append(&f, 2, 2, 1);
	fixture_wait_rows(&f, 2);
	assert_int_equal(f.row_result[1], -EIO);
	while (f.failed == 0)
		fixture_turn(&f);
	fault_clear();
	fixture_done(&f);
}

/* A gap that grew while the delete it was noted with still waits is not written over by the older
 * one; nor is one that grew again. */
static void test_newer_gap_stays(void **state)
{
	struct store_gap gap = {.id = 7,
		.device_row = 1,
		.first_row = 1,
		.last_row = 3,
		.count = 3,
		.device_id = "one",
		.platform = "local",
		.reason = "too old"};
	struct answer saved = {0}, deleted = {0};
	struct change *change = change_begin();
	struct loaded loaded;
	struct fixture f;

	begin(&f);
	fixture_append(&f, 1, 9, 1);
	fixture_wait_rows(&f, 9);
	fault_gate_close("control.db-wal");
	assert_int_equal(change_put_setting(change, "a", "b"), 0);
	store_save(f.store, change, answer_take, &saved);
	assert_true(fault_gate_wait());
	store_delete_oldest(f.store, 1, 3, &gap, answer_take, &deleted);
	gap.last_row = 4;
	gap.count = 4;
	store_put_gap(f.store, &gap);
	gap.last_row = 5;
	gap.count = 5;
	store_bury(f.store, 5, "refused", &gap);
	fault_gate_open();
	fixture_wait(&f, &deleted.done);
	assert_int_equal(deleted.result, 0);
	reload(&f, &loaded);
	assert_int_equal(loaded.gaps, 1);
	assert_int_equal(loaded.gap[0].count, 5);
	assert_int_equal(loaded.gap[0].last_row, 5);
	assert_int_equal(loaded.owed[0][1], 5);
	fixture_done(&f);
}

/* --- failure --- */

struct failure {
	enum fault_kind kind;
	const char *file;
	int code;
	bool in_control;
};
static const struct failure FAILURES[] = {
	{FAULT_SYNC, "outbox.db-wal", SQLITE_IOERR_FSYNC, false},
	{FAULT_WRITE, "outbox.db-wal", SQLITE_IOERR_WRITE, false},
	{FAULT_SYNC, "control.db-wal", SQLITE_IOERR_FSYNC, true},
	{FAULT_WRITE, "control.db-wal", SQLITE_IOERR_WRITE, true},
};

/* One failed write or fsync: told once, and nothing is acknowledged after it, though the disk
 * would work again. */
static void test_failure_is_final(void **state)
{
	for (size_t i = 0; i < ELEMENTS(FAILURES); i++) {
		const struct failure *failure = &FAILURES[i];
		struct answer answer = {0};
		struct fixture f;

		begin(&f);
		fixture_append(&f, 1, 3, 1);
		fixture_wait_rows(&f, 3);
		assert_int_equal(save_setting(&f, "before"), 0);
		fault_set(failure->kind, failure->file, failure->code);
		if (failure->in_control) {
			assert_int_equal(save_setting(&f, "lost"), -EIO);
		} else {
			fixture_append(&f, 4, 6, 1);
			fixture_wait_rows(&f, 6);
			assert_int_equal(f.row_result[3], -EIO);
		}
		assert_true(fault_hits() > 0);
		fault_clear();
		fixture_append(&f, 7, 9, 1);
		fixture_wait_rows(&f, failure->in_control ? 6 : 9);
		for (size_t row = 3; row < f.rows; row++)
			assert_int_equal(f.row_result[row], -EIO);
		assert_int_equal(save_setting(&f, "after"), -EIO);
		fixture_fetch(&f, 1, 0, 9, 10);
		assert_int_equal(f.fetched_result, -EIO);
		assert_int_equal(f.fetched_count, 0);
		store_delete_device(f.store, 1, NULL, answer_take, &answer);
		fixture_wait(&f, &answer.done);
		assert_int_equal(answer.result, -EIO);
		memset(&answer, 0, sizeof(answer));
		store_verify_audit(f.store, answer_take, &answer);
		fixture_wait(&f, &answer.done);
		assert_int_equal(answer.result, -EIO);
		store_delete(f.store, &(struct row_range){1, 3}, 1);
		assert_int_equal(f.failed, 1);
		assert_non_null(
			strstr(f.failed_why, failure->in_control ? "control.db" : "outbox.db"));
		fixture_stop(&f);
		assert_int_equal(f.failed, 1);
		/* The log is left for the next start to find, and that start finds all that was
		 * acknowledged. */
		assert_true(there(&f, "outbox.db-wal"));
		fixture_open(&f);
		fixture_start(&f);
		assert_string_equal(f.facts.outbox_set_aside, "");
		fixture_fetch(&f, 1, 0, 3, 10);
		assert_int_equal(f.fetched_count, 3);
		assert_audit_fits(&f);
		fixture_append(&f, f.facts.next_row, f.facts.next_row, 1);
		fixture_wait_rows(&f, f.rows + 1);
		assert_int_equal(f.row_result[f.rows - 1], 0);
		fixture_done(&f);
	}
}

/* A failed read is final too: what is on disk is not known any more. */
static void test_read_fails(void **state)
{
	struct fixture f;

	begin(&f);
	fixture_append(&f, 1, 500, 1);
	fixture_wait_rows(&f, 500);
	fixture_restart(&f);
	fault_set(FAULT_READ, "outbox.db", SQLITE_IOERR_READ);
	fixture_fetch(&f, 1, 100, 400, 300);
	assert_true(fault_hits() > 0);
	assert_int_equal(f.fetched_result, -EIO);
	fault_clear();
	assert_int_equal(f.failed, 1);
	fixture_done(&f);
}

/* Fills the log until a checkpoint is due. */
static void fill_log(struct fixture *fixture, uint64_t first, uint64_t count)
{
	static char body[8001];

	memset(body, 'x', sizeof(body) - 1);
	for (uint64_t row = first; row < first + count; row++)
		store_append(fixture->store, fixture_reading(row, 1, body));
	fixture_wait_rows(fixture, first + count - 1);
}

static void test_checkpoint(void **state)
{
	struct stat st;
	struct fixture f;

	begin(&f);
	fill_log(&f, 1, 1200);
	/* A fetch stands behind the checkpoint of that round. */
	fixture_fetch(&f, 1, 0, 1, 1);
	assert_int_equal(stat(fixture_path(&f, "outbox.db"), &st), 0);
	assert_true(st.st_size > 1000 * 1000);
	fixture_done(&f);
}

static void test_checkpoint_fails(void **state)
{
	size_t acknowledged = 0;
	struct fixture f;

	begin(&f);
	/* No room in the file: the log keeps all, nothing is lost and nobody is told. */
	fault_set(FAULT_WRITE, "outbox.db", SQLITE_FULL);
	fill_log(&f, 1, 1200);
	fixture_fetch(&f, 1, 0, 1, 1);
	assert_int_equal(f.fetched_result, 0);
	assert_true(fault_hits() > 0);
	assert_int_equal(f.failed, 0);
	fault_clear();
	/* A failed fsync of the file is what it is, though no commit saw it. */
	fault_set(FAULT_SYNC, "outbox.db", SQLITE_IOERR_FSYNC);
	fill_log(&f, 1201, 1200);
	fixture_fetch(&f, 1, 0, 1, 1);
	while (f.failed == 0)
		fixture_turn(&f);
	assert_true(fault_hits() > 0);
	fault_clear();
	assert_int_equal(f.failed, 1);
	/* Nothing that was answered before is lost, nothing is acknowledged after. */
	while (acknowledged < f.rows && f.row_result[acknowledged] == 0)
		acknowledged++;
	assert_true(acknowledged > 1200);
	for (size_t i = acknowledged; i < f.rows; i++)
		assert_int_equal(f.row_result[i], -EIO);
	fixture_stop(&f);
	fixture_open(&f);
	assert_true(f.facts.next_row > acknowledged);
	fixture_stop(&f);
	assert_int_equal(readings_on_file(&f), acknowledged);
	fixture_done(&f);
}

/* A large file takes its time at a start; whoever waits for it is told before each time that it is
 * read. */
static void test_large_file_is_told(void **state)
{
	const off_t size = (off_t)1 << 30;
	struct loaded loaded;
	struct fixture f;

	begin(&f);
	reload(&f, &loaded);
	assert_int_equal(f.slow, 0);
	fixture_stop(&f);
	assert_int_equal(truncate(fixture_path(&f, "outbox.db"), size), 0);
	fixture_open(&f);
	assert_int_equal(f.slow, 1);
	/* Half an hour for a gigabyte, and a minute. */
	assert_int_equal(f.slow_usec, (2048 + 60) * USEC_PER_SEC);
	assert_int_equal(store_load(f.store, &LOADER, &loaded), 0);
	assert_int_equal(f.slow, 2);
	fixture_done(&f);
}

static off_t size_of(const struct fixture *fixture)
{
	struct stat st;

	assert_int_equal(stat(fixture_path(fixture, "outbox.db"), &st), 0);
	return st.st_size;
}

/* What an outage took goes back to the disk when all of it was delivered. */
static void test_space_is_given_back(void **state)
{
	struct fixture f;
	const struct row_range all = {1, 3000};
	char body[4001];
	time_t end = time(NULL) + 60;

	memset(body, 'x', sizeof(body) - 1);
	body[sizeof(body) - 1] = '\0';
	begin(&f);
	for (uint64_t row = 1; row <= 3000; row++)
		store_append(f.store, fixture_reading(row, 1, body));
	fixture_wait_rows(&f, 3000);
	fixture_restart(&f); /* the log is folded in */
	assert_true(size_of(&f) > 12 * 1000 * 1000);
	store_delete(f.store, &all, 1);
	while (size_of(&f) > 5 * 1024 * 1024 && time(NULL) < end)
		fixture_turn(&f);
	assert_true(size_of(&f) <= 5 * 1024 * 1024);
	/* A reserve stays, so that the next outage costs less. */
	assert_true(size_of(&f) > 3 * 1024 * 1024);
	fixture_append(&f, 3001, 3003, 1);
	fixture_wait_rows(&f, 3003);
	fixture_stop(&f);
	assert_int_equal(readings_on_file(&f), 3);
	fixture_done(&f);
}

/* A file of an older version learns it at a start, with what waits in it. */
static void test_old_file_learns_it(void **state)
{
	struct fixture f;
	sqlite3 *handle;

	begin(&f);
	fixture_append(&f, 1, 5, 1);
	fixture_wait_rows(&f, 5);
	fixture_stop(&f);
	assert_int_equal(sqlite3_open_v2(fixture_path(&f, "outbox.db"), &handle,
				 SQLITE_OPEN_READWRITE, "unix"),
		SQLITE_OK);
	assert_int_equal(sqlite3_exec(handle, "PRAGMA auto_vacuum=NONE; VACUUM", NULL, NULL, NULL),
		SQLITE_OK);
	sqlite3_close(handle);
	assert_int_equal(fixture_sql(&f, "outbox.db", "PRAGMA auto_vacuum"), 0);
	fixture_open(&f);
	fixture_start(&f);
	fixture_stop(&f);
	assert_int_equal(fixture_sql(&f, "outbox.db", "PRAGMA auto_vacuum"), 2);
	assert_int_equal(readings_on_file(&f), 5);
	fixture_done(&f);
}

/* A commit of a few readings writes small pages. A file of an older version keeps the ones it has,
 * and what waits in it. */
static void test_pages_are_small(void **state)
{
	struct fixture f;
	sqlite3 *handle;

	begin(&f);
	fixture_append(&f, 1, 5, 1);
	fixture_wait_rows(&f, 5);
	fixture_stop(&f);
	assert_int_equal(fixture_sql(&f, "outbox.db", "PRAGMA page_size"), OUTBOX_PAGE);
	assert_int_equal(fixture_sql(&f, "control.db", "PRAGMA page_size"), 4096);
	assert_int_equal(sqlite3_open_v2(fixture_path(&f, "outbox.db"), &handle,
				 SQLITE_OPEN_READWRITE, "unix"),
		SQLITE_OK);
	assert_int_equal(
		sqlite3_exec(handle, "PRAGMA journal_mode=DELETE; PRAGMA page_size=4096; VACUUM",
			NULL, NULL, NULL),
		SQLITE_OK);
	sqlite3_close(handle);
	fixture_open(&f);
	assert_string_equal(f.facts.outbox_set_aside, "");
	assert_int_equal(f.facts.next_row, 6);
	fixture_start(&f);
	fixture_stop(&f);
	assert_int_equal(fixture_sql(&f, "outbox.db", "PRAGMA page_size"), 4096);
	assert_int_equal(readings_on_file(&f), 5);
	fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_database),
		cmocka_unit_test(test_pages_are_small),
		cmocka_unit_test(test_damaged_page),
		cmocka_unit_test(test_set_aside_in_two),
		cmocka_unit_test(test_damage_seen_late),
		cmocka_unit_test(test_damage_that_a_quick_look_does_not_see),
		cmocka_unit_test(test_epoch),
		cmocka_unit_test(test_outbox_full),
		cmocka_unit_test(test_full_delete_retries),
		cmocka_unit_test(test_full_deletes_go_alone),
		cmocka_unit_test(test_newer_gap_stays),
		cmocka_unit_test(test_control_full),
		cmocka_unit_test(test_quota),
		cmocka_unit_test(test_failure_is_final),
		cmocka_unit_test(test_read_fails),
		cmocka_unit_test(test_checkpoint),
		cmocka_unit_test(test_checkpoint_fails),
		cmocka_unit_test(test_large_file_is_told),
		cmocka_unit_test(test_space_is_given_back),
		cmocka_unit_test(test_old_file_learns_it),
	};

	fault_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
