/* SPDX-License-Identifier: Apache-2.0 */
/* From nothing, from an old version, from the current one; from a newer one not at all. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "fault-vfs.h"
#include "fixture.h"
#include "store/migrate.h"

static const char *const STEPS[] = {
	("CREATE TABLE upgrade(version INTEGER PRIMARY KEY, program TEXT, time INTEGER) STRICT;"
	 "CREATE TABLE thing(a INTEGER) STRICT; INSERT INTO thing VALUES(41);"),
	"ALTER TABLE thing ADD COLUMN b INTEGER; UPDATE thing SET b = a + 1;",
	"CREATE TABLE other(c INTEGER) STRICT; INSERT INTO other SELECT b FROM thing;",
};
static const char *const BROKEN[] = {NULL, NULL, "CREATE TABLE other(c INTEGER); SELECT nothing;"};

static int64_t number(struct database *db, const char *sql)
{
	int64_t value = -1;

	assert_int_equal(database_number(db, sql, &value), 0);
	return value;
}

/* Opens, takes 'count' steps, closes. */
static int migrate_to(struct fixture *fixture, const char *const *steps, unsigned count,
	enum migrate_result *ret_result, unsigned *ret_found)
{
	const struct migrations migrations = {steps, count};
	CLEANUP(database_freep) struct database *db = NULL;
	char why[DATABASE_WHY_MAX];

	mkdir(fixture->state, 0700);
	assert_int_equal(database_open(fixture_path(fixture, "test.db"), 0, &db, why), 0);
	return migrate(db, &migrations, ret_result, ret_found);
}

static bool there(const struct fixture *fixture, const char *name)
{
	return access(fixture_path(fixture, name), F_OK) == 0;
}

static void test_fresh_and_current(void **state)
{
	enum migrate_result result;
	struct fixture f;
	unsigned found;

	fixture_init(&f);
	assert_int_equal(migrate_to(&f, STEPS, 2, &result, &found), 0);
	assert_int_equal(result, MIGRATE_DONE);
	assert_int_equal(found, 0);
	assert_int_equal(fixture_sql(&f, "test.db", "PRAGMA user_version"), 2);
	assert_int_equal(fixture_sql(&f, "test.db", "SELECT b FROM thing"), 42);
	assert_int_equal(fixture_sql(&f, "test.db", "SELECT count(*) FROM upgrade"), 2);
	assert_false(there(&f, "test.db.before-2"));
	assert_int_equal(migrate_to(&f, STEPS, 2, &result, &found), 0);
	assert_int_equal(result, MIGRATE_DONE);
	assert_int_equal(found, 2);
	assert_int_equal(fixture_sql(&f, "test.db", "SELECT count(*) FROM upgrade"), 2);
	assert_false(there(&f, "test.db.before-2"));
	fixture_done(&f);
}

static void test_copy_before(void **state)
{
	enum migrate_result result;
	struct fixture f;
	struct stat st;
	unsigned found;

	fixture_init(&f);
	assert_int_equal(migrate_to(&f, STEPS, 1, &result, &found), 0);
	assert_int_equal(migrate_to(&f, STEPS, 3, &result, &found), 0);
	assert_int_equal(result, MIGRATE_DONE);
	assert_int_equal(found, 1);
	assert_int_equal(fixture_sql(&f, "test.db", "PRAGMA user_version"), 3);
	assert_int_equal(fixture_sql(&f, "test.db", "SELECT c FROM other"), 42);
	/* The copy is the old version, whole and ours alone. */
	assert_int_equal(fixture_sql(&f, "test.db.before-3", "PRAGMA user_version"), 1);
	assert_int_equal(fixture_sql(&f, "test.db.before-3", "SELECT a FROM thing"), 41);
	assert_int_equal(stat(fixture_path(&f, "test.db.before-3"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_false(there(&f, "test.db.before-3.tmp"));
	fixture_done(&f);
}

static void test_newer(void **state)
{
	enum migrate_result result;
	struct fixture f;
	unsigned found;

	fixture_init(&f);
	assert_int_equal(migrate_to(&f, STEPS, 3, &result, &found), 0);
	assert_int_equal(migrate_to(&f, STEPS, 2, &result, &found), 0);
	assert_int_equal(result, MIGRATE_NEWER);
	assert_int_equal(found, 3);
	assert_int_equal(fixture_sql(&f, "test.db", "PRAGMA user_version"), 3);
	fixture_done(&f);
}

/* A step that fails leaves the version before it, and the copy. */
static void test_step_fails(void **state)
{
	const char *steps[] = {STEPS[0], STEPS[1], BROKEN[2]};
	enum migrate_result result;
	struct fixture f;
	unsigned found;

	fixture_init(&f);
	assert_int_equal(migrate_to(&f, STEPS, 1, &result, &found), 0);
	assert_int_equal(migrate_to(&f, steps, 3, &result, &found), -EIO);
	assert_int_equal(fixture_sql(&f, "test.db", "PRAGMA user_version"), 2);
	assert_int_equal(fixture_sql(&f, "test.db",
				 "SELECT count(*) FROM sqlite_schema WHERE name = 'other'"),
		0);
	assert_int_equal(fixture_sql(&f, "test.db.before-3", "PRAGMA user_version"), 1);
	assert_int_equal(migrate_to(&f, STEPS, 3, &result, &found), 0);
	assert_int_equal(fixture_sql(&f, "test.db", "SELECT c FROM other"), 42);
	assert_int_equal(fixture_sql(&f, "test.db.before-3", "PRAGMA user_version"), 2);
	fixture_done(&f);
}

/* No copy, no migration. */
static void test_no_room_for_copy(void **state)
{
	enum migrate_result result;
	struct fixture f;
	unsigned found;

	fixture_init(&f);
	assert_int_equal(migrate_to(&f, STEPS, 1, &result, &found), 0);
	fault_set(FAULT_WRITE, "test.db.before-2.tmp", SQLITE_FULL);
	assert_int_equal(migrate_to(&f, STEPS, 2, &result, &found), -ENOSPC);
	assert_true(fault_hits() > 0);
	fault_clear();
	assert_int_equal(fixture_sql(&f, "test.db", "PRAGMA user_version"), 1);
	assert_false(there(&f, "test.db.before-2"));
	assert_false(there(&f, "test.db.before-2.tmp"));
	assert_int_equal(migrate_to(&f, STEPS, 2, &result, &found), 0);
	assert_true(there(&f, "test.db.before-2"));
	fixture_done(&f);
}

/* The store's own files: strict tables, the known version, a newer one refused untouched. */
static void test_store_files(void **state)
{
	static const char *const NAME[] = {"control.db", "outbox.db"};
	const int64_t newest[] = {control_migrations.count, outbox_migrations.count};
	struct fixture f;
	int r;

	for (size_t i = 0; i < 2; i++) {
		fixture_init(&f);
		fixture_open(&f);
		fixture_stop(&f);
		assert_int_equal(fixture_sql(&f, NAME[i], "PRAGMA user_version"), newest[i]);
		assert_int_equal(fixture_sql(&f, NAME[i],
					 "SELECT count(*) FROM pragma_table_list WHERE schema ="
					 " 'main' AND type = 'table' AND NOT strict AND name NOT"
					 " LIKE 'sqlite_%'"),
			0);
		assert_int_equal(fixture_sql(&f, NAME[i],
					 "SELECT count(*) FROM upgrade WHERE program ="
					 " '" GATEHOUSE_VERSION "' AND version = 1"),
			1);
		fixture_sql(&f, NAME[i], "PRAGMA user_version = 99");
		assert_int_equal(fixture_try(&f, &r), STORE_NEWER);
		assert_int_equal(r, 0);
		assert_non_null(strstr(f.why, NAME[i]));
		assert_int_equal(fixture_sql(&f, NAME[i], "PRAGMA user_version"), 99);
		fixture_done(&f);
	}
}

static void test_number(void **state)
{
	CLEANUP(database_freep) struct database *db = NULL;
	char why[DATABASE_WHY_MAX];
	struct fixture f;
	int64_t value;

	fixture_init(&f);
	mkdir(f.state, 0700);
	assert_int_equal(database_open(fixture_path(&f, "a.db"), 0, &db, why), 0);
	assert_int_equal(number(db, "SELECT 7"), 7);
	assert_int_equal(database_number(db, "SELECT 1 WHERE 0", &value), -ENOENT);
	assert_int_equal(database_number(db, "SELECT", &value), -EIO);
	assert_int_equal(number(db, "PRAGMA synchronous"), 2);
	assert_int_equal(number(db, "PRAGMA foreign_keys"), 1);
	assert_int_equal(number(db, "PRAGMA trusted_schema"), 0);
	assert_int_equal(number(db, "PRAGMA cell_size_check"), 1);
	assert_int_equal(number(db, "SELECT journal_mode = 'wal' FROM pragma_journal_mode"), 1);
	db = database_free(db);
	/* Not through a link, and not what is no file. */
	assert_int_equal(symlink(fixture_path(&f, "a.db"), fixture_path(&f, "link.db")), 0);
	assert_int_equal(database_open(fixture_path(&f, "link.db"), 0, &db, why), -ELOOP);
	assert_int_equal(mkfifo(fixture_path(&f, "pipe.db"), 0600), 0);
	assert_int_equal(database_open(fixture_path(&f, "pipe.db"), 0, &db, why), -EINVAL);
	assert_null(db);
	fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fresh_and_current),
		cmocka_unit_test(test_copy_before),
		cmocka_unit_test(test_newer),
		cmocka_unit_test(test_step_fails),
		cmocka_unit_test(test_no_room_for_copy),
		cmocka_unit_test(test_store_files),
		cmocka_unit_test(test_number),
	};

	fault_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
