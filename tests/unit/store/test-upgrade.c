/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an older program wrote is opened by this one. control-<version>.sql is a control.db of that
 * version as text, made by make-state and make-fixture.py; its first line holds the key.
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
#include <unistd.h>

#include "fixture.h"
#include "loaded.h"
#include "store/migrate.h"

static char *read_all(const char *name)
{
	char path[512], *text;
	FILE *file;
	long size;

	snprintf(path, sizeof(path), "%s/%s", FIXTURES, name);
	file = fopen(path, "re");
	assert_non_null(file);
	assert_int_equal(fseek(file, 0, SEEK_END), 0);
	size = ftell(file);
	assert_true(size > 0);
	rewind(file);
	text = calloc(1, (size_t)size + 1);
	assert_non_null(text);
	assert_int_equal(fread(text, 1, (size_t)size, file), size);
	fclose(file);
	return text;
}

static void write_key(const struct fixture *fixture, const char *sql)
{
	FILE *file = fopen(fixture_path(fixture, "key"), "we");

	assert_non_null(file);
	assert_int_equal(strncmp(sql, "-- key ", 7), 0);
	assert_int_equal(fwrite(sql + 7, 1, 65, file), 65);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(fixture_path(fixture, "key"), 0400), 0);
}

static void make_state(const struct fixture *fixture, const char *name)
{
	char *sql = read_all(name), *why = NULL;
	sqlite3 *handle;

	assert_int_equal(mkdir(fixture->state, 0700), 0);
	write_key(fixture, sql);
	assert_int_equal(sqlite3_open(fixture_path(fixture, "control.db"), &handle), SQLITE_OK);
	if (sqlite3_exec(handle, sql, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s: %s", name, why);
	assert_int_equal(sqlite3_close(handle), SQLITE_OK);
	assert_int_equal(chmod(fixture_path(fixture, "control.db"), 0600), 0);
	free(sql);
}

/* How a device serves at its port is on disk since version 12. */
static void forget_version_12(struct device_record *sample)
{
	sample->secure_only = false;
}

/* Registrations are on disk since version 11: whoever could have one has it, for 25 hours. */
static void forget_version_11(struct device_record *sample)
{
	forget_version_12(sample);
	sample->rd_lifetime = 90000;
	sample->rd_port_said = true;
}

/* What a device proved is on disk since version 10. */
static void forget_version_10(struct device_record *sample)
{
	forget_version_11(sample);
	memset(sample->proved_label, 0, sizeof(sample->proved_label));
	memset(sample->kept_proof, 0, sizeof(sample->kept_proof));
	sample->released = false;
}

/* Tokens were imported, each of them, before version 13. */
static void test_version_12(void **state)
{
	struct loaded loaded = {0};
	struct fixture f;

	fixture_init(&f);
	make_state(&f, "control-12.sql");
	assert_int_equal(fixture_sql(&f, "control.db", "PRAGMA user_version"), 12);
	fixture_open(&f);
	assert_int_equal(store_load(f.store, &LOADER, &loaded), 0);
	assert_int_equal(loaded.devices, 7);
	assert_int_equal(loaded.tokens, 1);
	assert_string_equal(loaded.token[0], "spotflow ep-1 1763700000002");
	for (uint64_t row = 1; row <= 2; row++) {
		struct device_record *sample = sample_device(row);

		assert_device_equal(loaded.device[row - 1], sample);
		device_record_free(sample);
	}
	loaded_done(&loaded);
	fixture_done(&f);
}

static void test_version_11(void **state)
{
	struct loaded loaded = {0};
	struct fixture f;

	fixture_init(&f);
	make_state(&f, "control-11.sql");
	assert_int_equal(fixture_sql(&f, "control.db", "PRAGMA user_version"), 11);
	fixture_open(&f);
	assert_int_equal(store_load(f.store, &LOADER, &loaded), 0);
	assert_int_equal(loaded.devices, 7);
	for (size_t i = 0; i < loaded.devices; i++)
		assert_false(loaded.device[i]->secure_only);
	for (uint64_t row = 1; row <= 2; row++) {
		struct device_record *sample = sample_device(row);

		forget_version_12(sample);
		assert_device_equal(loaded.device[row - 1], sample);
		device_record_free(sample);
	}
	loaded_done(&loaded);
	fixture_done(&f);
}

/* Nobody loses its place in the directory, and nobody who comes by itself gets one. */
static void test_version_10(void **state)
{
	struct loaded loaded = {0};
	struct fixture f;

	fixture_init(&f);
	make_state(&f, "control-10.sql");
	assert_int_equal(fixture_sql(&f, "control.db", "PRAGMA user_version"), 10);
	fixture_open(&f);
	assert_int_equal(store_load(f.store, &LOADER, &loaded), 0);
	assert_int_equal(loaded.devices, 7);
	for (size_t i = 0; i < loaded.devices; i++) {
		assert_int_equal(loaded.device[i]->rd_lifetime, i < 6 ? 90000 : 0);
		assert_int_equal(loaded.device[i]->rd_port_said, i < 6);
	}
	for (uint64_t row = 1; row <= 2; row++) {
		struct device_record *sample = sample_device(row);

		forget_version_11(sample);
		assert_device_equal(loaded.device[row - 1], sample);
		device_record_free(sample);
	}
	loaded_done(&loaded);
	fixture_done(&f);
}

/* A name that was given free stays free; nobody else's becomes so. */
static void test_version_9(void **state)
{
	static const bool released[] = {false, false, true, false, false};
	struct loaded loaded = {0};
	struct fixture f;

	fixture_init(&f);
	make_state(&f, "control-9.sql");
	assert_int_equal(fixture_sql(&f, "control.db", "PRAGMA user_version"), 9);
	fixture_open(&f);
	assert_int_equal(store_load(f.store, &LOADER, &loaded), 0);
	assert_int_equal(loaded.devices, 5);
	for (size_t i = 0; i < loaded.devices; i++)
		assert_int_equal(loaded.device[i]->released, released[i]);
	for (uint64_t row = 1; row <= 2; row++) {
		struct device_record *sample = sample_device(row);

		forget_version_10(sample);
		assert_device_equal(loaded.device[row - 1], sample);
		device_record_free(sample);
	}
	loaded_done(&loaded);
	fixture_done(&f);
}

static void test_version_1(void **state)
{
	struct loaded loaded = {0};
	struct answer answer = {0};
	char before[40];
	struct fixture f;

	fixture_init(&f);
	make_state(&f, "control-1.sql");
	assert_int_equal(fixture_sql(&f, "control.db", "PRAGMA user_version"), 1);
	fixture_open(&f);
	assert_int_equal(store_load(f.store, &LOADER, &loaded), 0);
	assert_int_equal(loaded.devices, 2);
	for (uint64_t row = 1; row <= 2; row++) {
		struct device_record *sample = sample_device(row);

		/* Version 1 knew no MAC, no code here and no certificate. */
		memset(sample->mac, 0, sizeof(sample->mac));
		sample->display_holds = false;
		sample->code_here = 0;
		memset(sample->fingerprint, 0, sizeof(sample->fingerprint));
		forget_version_10(sample);
		assert_device_equal(loaded.device[row - 1], sample);
		device_record_free(sample);
	}
	assert_int_equal(loaded.people, 1);
	assert_string_equal(loaded.person[0].name, "ada");
	assert_int_equal(loaded.alarms, 1);
	assert_string_equal(loaded.setting[0], "colour=green");
	assert_int_equal(loaded.tokens, 0);
	assert_int_equal(loaded.labels, 0);
	assert_int_equal(f.facts.audit_rows, 1);
	assert_int_equal(f.facts.next_device_row, 3);
	loaded_done(&loaded);
	/* The audit chain fits. */
	fixture_start(&f);
	store_verify_audit(f.store, answer_take, &answer);
	fixture_wait(&f, &answer.done);
	assert_int_equal(answer.result, 0);
	fixture_stop(&f);
	assert_int_equal(
		fixture_sql(&f, "control.db", "PRAGMA user_version"), control_migrations.count);
	assert_int_equal(fixture_sql(&f, "control.db", "SELECT count(*) FROM upgrade"),
		control_migrations.count);
	snprintf(before, sizeof(before), "control.db.before-%zu", (size_t)control_migrations.count);
	assert_int_equal(fixture_sql(&f, before, "PRAGMA user_version"), 1);
	/* Again: nothing more to do. */
	fixture_open(&f);
	fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_version_1),
		cmocka_unit_test(test_version_9),
		cmocka_unit_test(test_version_10),
		cmocka_unit_test(test_version_11),
		cmocka_unit_test(test_version_12),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
