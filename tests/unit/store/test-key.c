/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every row of the table in key.c, on a real state directory: the key that is wrong, the key that
 * is missing and the record that is damaged are told apart, and no secret stands in any file.
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

#define HEX_A "000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F"
#define HEX_B "ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

/* A directory with one device in it; the store is closed again. */
static void fill(struct fixture *fixture)
{
	struct device_record *device = sample_device(1);
	struct change *change = change_begin();

	fixture_open(fixture);
	fixture_start(fixture);
	assert_int_equal(change_put_device(change, device), 0);
	assert_int_equal(fixture_save(fixture, change), 0);
	device_record_free(device);
	fixture_stop(fixture);
}

static void assert_opens(struct fixture *fixture, enum key_source source)
{
	fixture_open(fixture);
	assert_int_equal(fixture->facts.key_source, source);
	fixture_stop(fixture);
}

static void assert_refused(struct fixture *fixture, enum store_opened expected, const char *word)
{
	int r;

	assert_int_equal(fixture_try(fixture, &r), expected);
	assert_int_equal(r, 0);
	if (!strstr(fixture->why, word))
		fail_msg("'%s' is not in: %s", word, fixture->why);
}

static void write_file(const char *path, const char *content, mode_t mode)
{
	FILE *file;

	unlink(path);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(content, file) >= 0);
	assert_int_equal(fchmod(fileno(file), mode), 0);
	assert_int_equal(fclose(file), 0);
}

static void test_key_file(void **state)
{
	char content[80] = "";
	struct fixture f;
	struct stat st;
	FILE *file;

	fixture_init(&f);
	fill(&f);
	assert_int_equal(f.facts.key_source, KEY_FILE);
	assert_int_equal(stat(fixture_path(&f, "key"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0400);
	assert_int_equal(st.st_size, 65);
	assert_opens(&f, KEY_FILE);

	/* Moved away, put back. */
	assert_int_equal(rename(fixture_path(&f, "key"), fixture_path(&f, "away")), 0);
	assert_refused(&f, STORE_KEY_MISSING, "key file");
	assert_int_equal(access(fixture_path(&f, "key"), F_OK), -1);
	assert_int_equal(rename(fixture_path(&f, "away"), fixture_path(&f, "key")), 0);
	assert_opens(&f, KEY_FILE);

	/* Another one; none; one that others may read. */
	file = fopen(fixture_path(&f, "key"), "r");
	assert_non_null(file);
	assert_int_equal(fread(content, 1, sizeof(content) - 1, file), 65);
	fclose(file);
	write_file(fixture_path(&f, "key"), HEX_A "\n", 0400);
	assert_refused(&f, STORE_KEY_WRONG, "is not the one");
	write_file(fixture_path(&f, "key"), "", 0400);
	assert_refused(&f, STORE_KEY_WRONG, "64 hex digits");
	write_file(fixture_path(&f, "key"), content, 0440);
	{
		int r;

		fixture_try(&f, &r);
		assert_int_equal(r, -EPERM);
		assert_non_null(strstr(f.why, "0400"));
	}
	write_file(fixture_path(&f, "key"), content, 0400);
	assert_opens(&f, KEY_FILE);
	fixture_done(&f);
}

static void test_credential(void **state)
{
	struct fixture f;

	fixture_init(&f);
	fixture_credential(&f, HEX_A);
	fill(&f);
	assert_int_equal(f.facts.key_source, KEY_CREDENTIAL);
	/* No key file beside it. */
	assert_int_equal(access(fixture_path(&f, "key"), F_OK), -1);
	fixture_credential(&f, HEX_A "\n");
	assert_opens(&f, KEY_CREDENTIAL);
	fixture_credential(&f, HEX_B);
	assert_refused(&f, STORE_KEY_WRONG, "gatehouse.kek");

	/* Not delivered: no step down to a file, not even to one with the right key. */
	f.use_credentials = false;
	assert_refused(&f, STORE_KEY_MISSING, "gatehouse.kek");
	write_file(fixture_path(&f, "key"), HEX_A "\n", 0400);
	assert_refused(&f, STORE_KEY_MISSING, "gatehouse.kek");
	fixture_credential(&f, HEX_A);
	assert_opens(&f, KEY_CREDENTIAL);
	fixture_done(&f);
}

/* The key of the file becomes a credential: a step up, and no way back by itself. */
static void test_step_up(void **state)
{
	struct fixture f;

	fixture_init(&f);
	assert_int_equal(mkdir(f.state, 0700), 0);
	write_file(fixture_path(&f, "key"), HEX_A, 0400);
	fill(&f);
	assert_int_equal(f.facts.key_source, KEY_FILE);
	/* One that does not fit was retired, or was never ours: the file goes on. */
	fixture_credential(&f, HEX_B);
	assert_opens(&f, KEY_FILE);
	assert_int_equal(f.facts.key_expected, KEY_FILE);
	fixture_credential(&f, HEX_A);
	assert_opens(&f, KEY_CREDENTIAL);
	f.use_credentials = false;
	assert_refused(&f, STORE_KEY_MISSING, "gatehouse.kek");
	fixture_done(&f);
}

/* How the credential is sealed stands in it; weaker than before is told, not taken in silence. */
static void test_ladder(void **state)
{
	struct fixture f;

	fixture_init(&f);
	fixture_credential(&f, HEX_A " host\n");
	fill(&f);
	assert_opens(&f, KEY_HOST);
	assert_int_equal(f.facts.key_expected, KEY_HOST);
	fixture_credential(&f, HEX_A " tpm2+host");
	assert_opens(&f, KEY_TPM2);
	fixture_credential(&f, HEX_A " host");
	assert_opens(&f, KEY_HOST);
	assert_int_equal(f.facts.key_expected, KEY_TPM2);
	fixture_credential(&f, HEX_A);
	assert_opens(&f, KEY_CREDENTIAL);
	assert_int_equal(f.facts.key_expected, KEY_TPM2);
	fixture_credential(&f, HEX_A " tpm2+host");
	assert_opens(&f, KEY_TPM2);
	/* A file in clear that calls itself sealed. */
	f.use_credentials = false;
	write_file(fixture_path(&f, "key"), HEX_A " host", 0400);
	assert_refused(&f, STORE_KEY_MISSING, "gatehouse.kek");
	fixture_done(&f);
}

static void test_bad_credentials(void **state)
{
	static const char *const BAD[] = {"", "\n", "00", (HEX_A "0"), (HEX_A "\n\n"), ("g" HEX_A),
		(HEX_A "host"), (HEX_A " file"), (HEX_A " host host"), (HEX_A " "),
		"0x0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f0",
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0123456789012345678901234567890", "012345678901234567890123456789012"};
	struct fixture f;

	fixture_init(&f);
	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
		fixture_credential(&f, BAD[i]);
		assert_refused(&f, STORE_KEY_WRONG, "64 hex digits or 32 bytes");
	}
	/* A first start that was refused is a first start still. 32 bytes are a key. */
	fixture_credential(&f, "01234567890123456789012345678901");
	fill(&f);
	assert_opens(&f, KEY_CREDENTIAL);
	fixture_done(&f);
}

/* The key fits, but a record does not open. */
static void test_damaged_record(void **state)
{
	struct fixture f;

	fixture_init(&f);
	fixture_credential(&f, HEX_A);
	fill(&f);
	fixture_sql(&f, "control.db",
		"UPDATE device SET credential_old_sealed = credential_current_sealed");
	assert_refused(&f, STORE_CORRUPT, "row 1, field credential_old_sealed");
	fixture_sql(&f, "control.db", "UPDATE device SET credential_old_sealed = NULL");
	assert_opens(&f, KEY_CREDENTIAL);
	fixture_sql(&f, "control.db", "UPDATE device SET short_code_sealed = x'0101'");
	assert_refused(&f, STORE_CORRUPT, "field short_code_sealed");
	fixture_sql(&f, "control.db", "UPDATE device SET short_code_sealed = NULL");
	fixture_sql(&f, "control.db", "UPDATE sealed SET value_sealed = zeroblob(70)");
	assert_refused(&f, STORE_CORRUPT, "audit-key");
	fixture_sql(&f, "control.db", "DELETE FROM sealed");
	assert_refused(&f, STORE_CORRUPT, "audit-key");
	fixture_done(&f);
}

static void test_damaged_control_file(void **state)
{
	struct fixture f;

	fixture_init(&f);
	fill(&f);
	write_file(fixture_path(&f, "control.db"), "This is no database, and longer than nothing.",
		0600);
	assert_refused(&f, STORE_CORRUPT, "control.db");
	fixture_done(&f);
}

/* Damage inside is looked for when the last stop was none: its log is still there. */
static void test_damaged_page(void **state)
{
	uint8_t garbage[4096];
	struct fixture f;
	FILE *file;

	fixture_init(&f);
	fill(&f);
	memset(garbage, 0xa5, sizeof(garbage));
	file = fopen(fixture_path(&f, "control.db"), "r+");
	assert_non_null(file);
	assert_int_equal(fseek(file,
				 4096 * (fixture_sql(&f, "control.db",
						 "SELECT rootpage FROM sqlite_schema"
						 " WHERE name = 'person'") -
						1),
				 SEEK_SET),
		0);
	assert_int_equal(fwrite(garbage, sizeof(garbage), 1, file), 1);
	assert_int_equal(fclose(file), 0);
	write_file(fixture_path(&f, "control.db-wal"), "", 0600);
	assert_refused(&f, STORE_CORRUPT, "control.db");
	fixture_done(&f);
}

/* It was found damaged in use: refused at each start, not at the first alone, until it is another
 * file or was mended. */
static void test_suspect_control_file(void **state)
{
	struct fixture f;

	fixture_init(&f);
	fill(&f);
	fixture_sql_behind_index(&f, "control.db", "alarm_active",
		"INSERT INTO alarm(kind, subject, raised, cleared, times)"
		" VALUES('leak', 'x', 1, 0, 1)");
	write_file(fixture_path(&f, "control.db-suspect"), "", 0600);
	for (unsigned i = 0; i < 2; i++)
		assert_refused(&f, STORE_CORRUPT, "missing from index alarm_active");
	fixture_sql(&f, "control.db", "REINDEX");
	fixture_open(&f);
	fixture_stop(&f);
	assert_int_equal(access(fixture_path(&f, "control.db-suspect"), F_OK), -1);
	fixture_done(&f);
}

/* Secrets in use, replaced, and of a device that was dropped; with the log still there. */
static void test_no_secret_in_clear(void **state)
{
	static const char *const CANARY[] = {"canary-operation-blob", "canary-operation-code",
		"canary-credential-current", "canary-credential-old", "CANARYC8"};
	struct device_record *device = sample_device(1);
	struct change *change = change_begin();
	struct fixture f;

	fixture_init(&f);
	fixture_open(&f);
	fixture_start(&f);
	assert_int_equal(change_put_device(change, device), 0);
	device->row = 2;
	strcpy(device->id, "dev-2");
	assert_int_equal(change_put_device(change, device), 0);
	assert_int_equal(fixture_save(&f, change), 0);
	change = change_begin();
	assert_int_equal(change_drop_device(change, 2), 0);
	assert_int_equal(fixture_save(&f, change), 0);
	device_record_free(device);
	/* The search finds what is there. */
	assert_true(fixture_holds(&f, "TH-1", 4));
	assert_true(fixture_holds(&f, "operation_blob_sealed", 21));
	for (int closed = 0; closed < 2; closed++) {
		for (size_t i = 0; i < sizeof(CANARY) / sizeof(CANARY[0]); i++)
			assert_false(fixture_holds(&f, CANARY[i], strlen(CANARY[i])));
		fixture_stop(&f);
	}
	fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_key_file),
		cmocka_unit_test(test_credential),
		cmocka_unit_test(test_step_up),
		cmocka_unit_test(test_ladder),
		cmocka_unit_test(test_bad_credentials),
		cmocka_unit_test(test_damaged_record),
		cmocka_unit_test(test_damaged_control_file),
		cmocka_unit_test(test_damaged_page),
		cmocka_unit_test(test_suspect_control_file),
		cmocka_unit_test(test_no_secret_in_clear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
