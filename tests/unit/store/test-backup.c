/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A copy for a backup opens with its own key and no other; restored it is the gateway as it was,
 * under a new key, with numbers that nothing ever had. What is newer, damaged or in use is refused,
 * and then the directory is as it was.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "fixture.h"
#include "store/key.h"
#include "store/migrate.h"
#include "store/restore.h"

#define HEX_N "0a02030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20"

static const uint8_t COPY_KEY[AES256_KEY] = {0xc0, 1, 2, 3};
static const uint8_t NEW_KEY[AES256_KEY] = {0x0a, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
	16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32};

static struct audit_row audit(unsigned action)
{
	struct audit_row row;

	audit_row_init(&row, "uid 0", "admin", "control socket", action, "", "", "done");
	return row;
}

static void put_token(struct change *change, const char *ep)
{
	struct token_list list = {0};
	struct token *token;

	assert_int_equal(token_new(span_from_string(ep), span_from_string("user"),
				 span_from_string("canary"), &token),
		0);
	token_list_add(&list, token);
	assert_int_equal(change_put_tokens(change, &list), 0);
}

struct copy {
	uint8_t *data;
	size_t size;
};

static void copy_read(struct fixture *f, const char *name, struct copy *ret_copy)
{
	assert_int_equal(file_read(AT_FDCWD, fixture_path(f, name), 1 << 24, &ret_copy->data,
				 &ret_copy->size),
		0);
}

/* A gateway with two devices, and what its backup holds. It is stopped then. */
static void fill(struct fixture *f, struct copy *ret_copy)
{
	struct change *change = change_begin();
	const struct audit_row row = audit(ACT_BACKUP);
	struct answer answer = {0};

	fixture_open(f);
	fixture_start(f);
	for (uint64_t number = 1; number <= 2; number++) {
		struct device_record *device = sample_device(number);

		assert_int_equal(change_put_device(change, device), 0);
		device_record_free(device);
	}
	put_token(change, "ep-1");
	assert_int_equal(fixture_save(f, change), 0);
	store_backup(f->store, COPY_KEY, &row, answer_take, &answer);
	fixture_wait(f, &answer.done);
	assert_int_equal(answer.result, 0);
	assert_int_equal(strlen(answer.head), 64);
	copy_read(f, "backup.db", ret_copy);
	fixture_stop(f);
}

static unsigned count_devices;

static int take_device(void *userdata, struct device_record *record)
{
	struct device_record *wanted = sample_device(record->row);

	assert_device_equal(record, wanted);
	device_record_free(wanted);
	device_record_free(record);
	count_devices++;
	return 0;
}

/* It opens, with everything that was saved. */
static void check(struct fixture *f, int64_t audits)
{
	const struct store_loader loader = {.device = take_device};
	struct answer answer = {0};

	fixture_open(f);
	count_devices = 0;
	assert_int_equal(store_load(f->store, &loader, NULL), 0);
	assert_int_equal(count_devices, 2);
	assert_int_equal(f->facts.audit_rows, audits);
	fixture_start(f);
	store_verify_audit(f->store, answer_take, &answer);
	fixture_wait(f, &answer.done);
	assert_int_equal(answer.result, 0);
	fixture_stop(f);
}

static int restore(struct fixture *f, const struct copy *copy, enum key_source source, bool replace,
	enum restore_result *ret_result)
{
	struct restore restore = {.state_directory = f->state,
		.database = span_of(copy->data, copy->size),
		.source = source,
		.replace = replace,
		.audit = audit(DEED_RESTORE)};

	memcpy(restore.key, COPY_KEY, sizeof(restore.key));
	memcpy(restore.new_key, NEW_KEY, sizeof(restore.new_key));
	f->why[0] = '\0';
	return store_restore(&restore, ret_result, f->why, sizeof(f->why));
}

static unsigned files_of(const struct fixture *f)
{
	DIR *directory = opendir(f->state);
	unsigned count = 0;

	assert_non_null(directory);
	while (readdir(directory))
		count++;
	closedir(directory);
	return count;
}

static void refused(struct fixture *f, const struct copy *copy, bool replace,
	enum restore_result wanted, const char *words)
{
	enum restore_result result = RESTORE_DONE;
	unsigned files = files_of(f);

	assert_int_equal(restore(f, copy, KEY_FILE, replace, &result), 0);
	assert_int_equal(result, wanted);
	if (!strstr(f->why, words))
		fail_msg("\"%s\" does not say \"%s\"", f->why, words);
	assert_int_equal(files_of(f), files);
}

/* --- the copy --- */

static void the_copy_is_one_file_under_its_own_key(void **state)
{
	uint8_t check_value[KEY_CHECK_SIZE];
	struct copy copy;
	struct fixture f;
	char sql[200], hex[2 * KEY_CHECK_SIZE + 1];
	struct stat st;

	fixture_init(&f);
	fill(&f, &copy);
	assert_int_equal(stat(fixture_path(&f, "backup.db"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(access(fixture_path(&f, "backup.db-wal"), F_OK), -1);
	assert_int_equal(access(fixture_path(&f, "backup.db.tmp"), F_OK), -1);
	assert_int_equal(key_check_make(COPY_KEY, check_value), 0);
	hex_encode(span_of(check_value, sizeof(check_value)), hex, sizeof(hex));
	snprintf(sql, sizeof(sql), "SELECT count(*) FROM key WHERE check_value = x'%s'", hex);
	assert_int_equal(fixture_sql(&f, "backup.db", sql), 1);
	assert_int_equal(fixture_sql(&f, "control.db", sql), 0);
	/* Each sealed record is under it. */
	assert_int_equal(
		fixture_sql(&f, "backup.db",
			"SELECT count(*) FROM sealed WHERE hex(substr(value_sealed,2,1)) = '02'"),
		fixture_sql(&f, "control.db",
			"SELECT count(*) FROM sealed WHERE hex(substr(value_sealed,2,1)) = '01'"));
	/* The gateway itself goes on as it was. */
	check(&f, 1);
	free(copy.data);
	fixture_done(&f);
}

/* No room for the copy: an answer, not the end of the store. */
static void a_copy_that_fails_is_no_failure(void **state)
{
	const struct audit_row row = audit(ACT_BACKUP);
	struct answer answer = {0}, again = {0};
	struct fixture f;

	fixture_init(&f);
	fixture_open(&f);
	fixture_start(&f);
	assert_int_equal(mkdir(fixture_path(&f, "backup.db.tmp"), 0700), 0);
	store_backup(f.store, COPY_KEY, &row, answer_take, &answer);
	fixture_wait(&f, &answer.done);
	assert_true(answer.result < 0);
	assert_int_equal(access(fixture_path(&f, "backup.db"), F_OK), -1);
	assert_int_equal(rmdir(fixture_path(&f, "backup.db.tmp")), 0);
	store_backup(f.store, COPY_KEY, &row, answer_take, &again);
	fixture_wait(&f, &again.done);
	assert_int_equal(again.result, 0);
	assert_int_equal(f.failed, 0);
	fixture_stop(&f);
	/* One row for the one copy. */
	assert_int_equal(fixture_sql(&f, "control.db", "SELECT count(*) FROM audit"), 1);
	fixture_done(&f);
}

/* --- the restore --- */

static void it_is_the_gateway_as_it_was(void **state)
{
	enum restore_result result;
	struct fixture f, g;
	struct copy copy;
	uint64_t row, device_row;

	fixture_init(&f);
	fixture_init(&g);
	fill(&f, &copy);
	row = f.facts.epoch;
	device_row = f.facts.next_device_row;
	/* A machine where the gateway was started once. */
	fixture_open(&g);
	fixture_start(&g);
	fixture_stop(&g);
	assert_int_equal(restore(&g, &copy, KEY_FILE, false, &result), 0);
	assert_int_equal(result, RESTORE_DONE);
	assert_int_equal(access(fixture_path(&g, "restore.db"), F_OK), -1);
	assert_int_equal(access(fixture_path(&g, "key.next"), F_OK), -1);
	assert_int_equal(access(fixture_path(&g, "control.db.before-restore-1"), F_OK), 0);
	assert_int_equal(access(fixture_path(&g, "outbox.db.before-restore-1"), F_OK), 0);
	/* The row of the restore; that of the backup came after its copy. */
	check(&g, 1);
	assert_true(g.facts.epoch > row + 1000000);
	assert_true(g.facts.next_device_row > device_row + 1000000);
	assert_int_equal(g.facts.key_source, KEY_FILE);
	/* The key that the copy was sealed with opens nothing any more. */
	assert_int_equal(fixture_sql(&g, "control.db", "SELECT id FROM key"), 3);
	free(copy.data);
	fixture_done(&g);
	fixture_done(&f);
}

static void under_a_credential(void **state)
{
	enum restore_result result;
	struct fixture f, g;
	struct copy copy;
	int r;

	fixture_init(&f);
	fixture_init(&g);
	fill(&f, &copy);
	assert_int_equal(mkdir(g.state, 0700), 0);
	assert_int_equal(restore(&g, &copy, KEY_TPM2, false, &result), 0);
	assert_int_equal(result, RESTORE_DONE);
	assert_int_equal(access(fixture_path(&g, "key"), F_OK), -1);
	assert_int_equal(fixture_try(&g, &r), STORE_KEY_MISSING);
	fixture_credential(&g, HEX_N " host");
	check(&g, 1);
	/* It came back weaker: found, and told. */
	assert_int_equal(g.facts.key_source, KEY_HOST);
	assert_int_equal(g.facts.key_expected, KEY_TPM2);
	free(copy.data);
	fixture_done(&g);
	fixture_done(&f);
}

static void what_is_there_is_not_lost(void **state)
{
	enum restore_result result;
	struct fixture f;
	struct copy copy;
	uint64_t epoch;

	fixture_init(&f);
	fill(&f, &copy);
	refused(&f, &copy, false, RESTORE_OCCUPIED, "with 2 devices and 0 people");
	fixture_open(&f);
	refused(&f, &copy, true, RESTORE_RUNNING, "is running");
	fixture_stop(&f);
	for (int i = 1; i <= 3; i++) {
		char name[64];

		assert_int_equal(restore(&f, &copy, KEY_FILE, true, &result), 0);
		assert_int_equal(result, RESTORE_DONE);
		snprintf(name, sizeof(name), "control.db.before-restore-%d", i);
		assert_int_equal(access(fixture_path(&f, name), F_OK), 0);
		epoch = f.facts.epoch;
		check(&f, 1);
		assert_true(i == 1 || f.facts.epoch != epoch || epoch == 0);
	}
	free(copy.data);
	fixture_done(&f);
}

static void what_is_newer_or_damaged(void **state)
{
	struct fixture f;
	struct copy copy;
	uint8_t saved;

	fixture_init(&f);
	fill(&f, &copy);
	/* PRAGMA user_version: four bytes at 60, most significant first. */
	saved = copy.data[63];
	copy.data[63] = (uint8_t)(control_migrations.count + 1);
	refused(&f, &copy, true, RESTORE_NEWER, "made by a newer version");
	copy.data[63] = 0;
	refused(&f, &copy, true, RESTORE_DAMAGED, "");
	copy.data[63] = saved;
	memset(copy.data + 4096, 0x5a, copy.size - 4096);
	refused(&f, &copy, true, RESTORE_DAMAGED, "damaged");
	copy.size = 100;
	refused(&f, &copy, true, RESTORE_DAMAGED, "damaged");
	copy.size = 0;
	refused(&f, &copy, true, RESTORE_DAMAGED, "");
	check(&f, 1);
	free(copy.data);
	fixture_done(&f);
}

static void another_key(void **state)
{
	struct fixture f;
	struct copy copy, present;

	fixture_init(&f);
	fill(&f, &copy);
	/* The gateway's own file, whose key is another one. */
	copy_read(&f, "control.db", &present);
	refused(&f, &present, true, RESTORE_DAMAGED, "its key does not fit");
	check(&f, 1);
	free(present.data);
	free(copy.data);
	fixture_done(&f);
}

/* --- what others seal for this gateway --- */

struct opened {
	bool done;
	int result;
	char text[32];
};

static void take_opened(void *userdata, int result, struct span value)
{
	struct opened *opened = userdata;

	opened->done = true;
	opened->result = result;
	if (result >= 0)
		assert_int_equal(span_to_string(value, opened->text, sizeof(opened->text)), 0);
}

static int open_parcel(struct fixture *f, const uint8_t *parcel, size_t size)
{
	struct opened opened = {0};

	store_open_parcel(f->store, span_of(parcel, size), take_opened, &opened);
	fixture_wait(f, &opened.done);
	if (opened.result >= 0)
		assert_string_equal(opened.text, "for you alone");
	return opened.result;
}

static void the_exchange_key_stays(void **state)
{
	uint8_t public_key[PARCEL_KEY], other[PARCEL_KEY] = {9}, *parcel, *foreign;
	const struct audit_row row = audit(ACT_KEY);
	struct answer answer = {0};
	size_t size, foreign_size;
	struct fixture f;

	fixture_init(&f);
	fixture_open(&f);
	memcpy(public_key, f.facts.exchange_public, sizeof(public_key));
	assert_int_equal(parcel_seal(public_key, SPAN_LITERAL("for you alone"), &parcel, &size), 0);
	assert_int_equal(
		parcel_seal(other, SPAN_LITERAL("for another"), &foreign, &foreign_size), 0);
	fixture_start(&f);
	assert_int_equal(open_parcel(&f, parcel, size), 0);
	assert_int_equal(open_parcel(&f, foreign, foreign_size), -EKEYREJECTED);
	assert_int_equal(open_parcel(&f, parcel, size - 1), -EBADMSG);
	assert_int_equal(open_parcel(&f, parcel, 8), -ENOMSG);
	assert_int_equal(open_parcel(&f, NULL, 0), -ENOMSG);
	assert_int_equal(f.failed, 0);
	/* Another key that seals it changes nothing about it. */
	store_rekey(f.store, KEY_FILE, NULL, &row, answer_take, &answer);
	fixture_wait(&f, &answer.done);
	assert_int_equal(open_parcel(&f, parcel, size), 0);
	fixture_stop(&f);
	fixture_open(&f);
	assert_memory_equal(f.facts.exchange_public, public_key, sizeof(public_key));
	fixture_stop(&f);
	/* A file of an older version has none: it is made. */
	fixture_sql(&f, "control.db", "DELETE FROM sealed WHERE name = 'exchange-key'");
	fixture_open(&f);
	assert_memory_not_equal(f.facts.exchange_public, public_key, sizeof(public_key));
	memcpy(public_key, f.facts.exchange_public, sizeof(public_key));
	fixture_start(&f);
	assert_int_equal(open_parcel(&f, parcel, size), -EKEYREJECTED);
	fixture_stop(&f);
	fixture_open(&f);
	assert_memory_equal(f.facts.exchange_public, public_key, sizeof(public_key));
	fixture_stop(&f);
	free(parcel);
	free(foreign);
	fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_copy_is_one_file_under_its_own_key),
		cmocka_unit_test(a_copy_that_fails_is_no_failure),
		cmocka_unit_test(it_is_the_gateway_as_it_was),
		cmocka_unit_test(under_a_credential),
		cmocka_unit_test(what_is_there_is_not_lost),
		cmocka_unit_test(what_is_newer_or_damaged),
		cmocka_unit_test(another_key),
		cmocka_unit_test(the_exchange_key_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
