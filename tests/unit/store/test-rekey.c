/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Another key: every sealed column of the schema is sealed anew, the old key opens nothing any
 * more, and a process that is killed before any of its writes leaves a state directory that opens
 * with the key that is there. The calls that write are counted by standing in for libc's.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"
#include "store/key.h"

#define HEX_A "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define HEX_B "ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

static const uint8_t KEY_B[AES256_KEY] = {0xff, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08,
	0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17,
	0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f};

/* --- the calls that write --- */

static long step, kill_at; /* 0: never */

static void count_step(void)
{
	if (kill_at && ++step == kill_at)
		kill(getpid(), SIGKILL);
}

#define STAND_IN(type, name, parameters, arguments)                \
	type name parameters;                                      \
	type name parameters                                       \
	{                                                          \
		static type(*real) parameters;                     \
                                                                   \
		if (!real)                                         \
			*(void **)&real = dlsym(RTLD_NEXT, #name); \
		count_step();                                      \
		return real arguments;                             \
	}

STAND_IN(ssize_t, pwrite64, (int fd, const void *data, size_t size, off64_t at),
	(fd, data, size, at))
STAND_IN(int, fdatasync, (int fd), (fd))
STAND_IN(int, fsync, (int fd), (fd))
STAND_IN(int, ftruncate64, (int fd, off64_t size), (fd, size))
STAND_IN(int, renameat, (int from_fd, const char *from, int to_fd, const char *to),
	(from_fd, from, to_fd, to))
STAND_IN(int, unlinkat, (int fd, const char *name, int flags), (fd, name, flags))

/* --- a directory with something in every sealed column --- */

static void put_label(struct change *change, const char *ep)
{
	struct label label = {.has_psk = true};
	struct label_list list = {0};
	struct kept_label *kept;

	snprintf(label.ep, sizeof(label.ep), "%s", ep);
	memset(label.psk, 0x33, LABEL_KEY_SIZE);
	assert_int_equal(kept_label_new(&label, &kept), 0);
	label_list_add(&list, kept);
	assert_int_equal(change_put_labels(change, &list), 0);
}

static void put_token(struct change *change, const char *ep)
{
	struct token_list list = {0};
	struct token *token;

	assert_int_equal(token_new(span_from_string(ep), span_from_string("user"),
				 span_from_string("canary"), &token),
		0);
	token_list_add(&list, token);
	if (!strcmp(ep, "ep-2")) {
		assert_int_equal(token_new_operator(
					 "spotflow", SPAN_LITERAL("canary-of-an-operator"), &token),
			0);
		token_list_add(&list, token);
	}
	assert_int_equal(change_put_tokens(change, &list), 0);
}

static void put_withdrawal(struct change *change)
{
	struct withdrawal withdrawal = {.row = 9, .device_id = "ep-1-abcd"};

	assert_int_equal(secret_set(&withdrawal.blob, SPAN_LITERAL("an account")), 0);
	assert_int_equal(change_put_withdrawal(change, &withdrawal), 0);
	secret_clear(&withdrawal.blob);
}

static void fill(struct fixture *f)
{
	struct change *change = change_begin();

	fixture_open(f);
	fixture_start(f);
	for (uint64_t row = 1; row <= 3; row++) {
		struct device_record *device = sample_device(row);

		if (row == 2)
			secret_clear(&device->life.credential_old);
		assert_int_equal(change_put_device(change, device), 0);
		device_record_free(device);
	}
	put_label(change, "ep-1");
	put_token(change, "ep-1");
	put_token(change, "ep-2");
	put_withdrawal(change);
	assert_int_equal(fixture_save(f, change), 0);
	fixture_stop(f);
}

static struct audit_row audit(void)
{
	struct audit_row row;

	audit_row_init(&row, "uid 0", "admin", "control socket", ACT_KEY, "", "", "done");
	return row;
}

static int rekey(struct fixture *f, enum key_source source, const uint8_t *key)
{
	const struct audit_row row = audit();
	struct answer answer = {0};

	store_rekey(f->store, source, key, &row, answer_take, &answer);
	fixture_wait(f, &answer.done);
	if (answer.result == 0)
		assert_int_equal(strlen(answer.head), 64);
	return answer.result;
}

struct seen {
	unsigned devices, withdrawals, operator_tokens;
};

static int take_operator_token(
	void *userdata, const char *platform, int64_t since, struct span value)
{
	struct seen *seen = userdata;

	assert_true(span_equal(value, SPAN_LITERAL("canary-of-an-operator")));
	seen->operator_tokens++;
	return 0;
}

static int take_device(void *userdata, struct device_record *record)
{
	struct seen *seen = userdata;
	struct device_record *wanted = sample_device(record->row);

	if (record->row == 2)
		secret_clear(&wanted->life.credential_old);
	assert_device_equal(record, wanted);
	device_record_free(wanted);
	device_record_free(record);
	seen->devices++;
	return 0;
}

static void take_token(void *userdata, int result, struct span value)
{
	struct span username, password;

	assert_int_equal(result, 0);
	assert_int_equal(token_value_read(value, &username, &password), 0);
	assert_true(span_equal(password, span_from_string("canary")));
	*(bool *)userdata = true;
}

/* Everything is there and opens; the chain fits. */
static int take_withdrawal(void *userdata, struct withdrawal *withdrawal)
{
	struct seen *seen = userdata;

	assert_true(span_equal(secret_span(&withdrawal->blob), SPAN_LITERAL("an account")));
	withdrawal_free(withdrawal);
	seen->withdrawals++;
	return 0;
}

static int take_name(void *userdata, const char *kind, const char *ep, int64_t since, bool brought)
{
	return 0;
}

static void check(struct fixture *f)
{
	const struct store_loader loader = {.device = take_device,
		.withdrawal = take_withdrawal,
		.token = take_name,
		.operator_token = take_operator_token};
	struct answer answer = {0};
	struct seen seen = {0};
	bool token = false;

	assert_int_equal(store_load(f->store, &loader, &seen), 0);
	assert_int_equal(seen.devices, 3);
	assert_int_equal(seen.withdrawals, 1);
	assert_int_equal(seen.operator_tokens, 1);
	fixture_start(f);
	store_get_token(f->store, "mqtt", "ep-2", take_token, &token);
	fixture_wait(f, &token);
	store_verify_audit(f->store, answer_take, &answer);
	fixture_wait(f, &answer.done);
	assert_int_equal(answer.result, 0);
	fixture_stop(f);
}

static void read_key_file(const struct fixture *f, const char *name, char ret_text[80])
{
	FILE *file = fopen(fixture_path(f, name), "r");

	assert_non_null(file);
	assert_int_equal(fread(ret_text, 1, 79, file), 65);
	ret_text[65] = '\0';
	fclose(file);
}

/* The schema is asked, so a sealed column that nobody thinks of is found here. */
static void assert_all_sealed_with(const struct fixture *f, int key_id)
{
	int64_t columns = fixture_sql(f, "control.db",
		"SELECT count(*) FROM sqlite_schema s, pragma_table_info(s.name) c"
		" WHERE s.type = 'table' AND c.name LIKE '%\\_sealed' ESCAPE '\\'");

	assert_in_range(columns, 7, 100);
	for (int64_t i = 0; i < columns; i++) {
		char sql[512], name[256];
		sqlite3_stmt *statement;
		sqlite3 *handle;

		assert_int_equal(sqlite3_open(fixture_path(f, "control.db"), &handle), SQLITE_OK);
		snprintf(sql, sizeof(sql),
			"SELECT s.name || '|' || c.name FROM sqlite_schema s,"
			" pragma_table_info(s.name) c WHERE s.type = 'table'"
			" AND c.name LIKE '%%\\_sealed' ESCAPE '\\' LIMIT 1 OFFSET %lld",
			(long long)i);
		assert_int_equal(sqlite3_prepare_v2(handle, sql, -1, &statement, NULL), SQLITE_OK);
		assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
		snprintf(name, sizeof(name), "%s", (const char *)sqlite3_column_text(statement, 0));
		sqlite3_finalize(statement);
		sqlite3_close(handle);
		*strchr(name, '|') = '\0';
		snprintf(sql, sizeof(sql),
			"SELECT count(*) > 0 AND count(*) = sum(hex(substr(%s, 2, 1)) = '%02X')"
			" FROM %s WHERE %s IS NOT NULL",
			name + strlen(name) + 1, (unsigned)key_id, name, name + strlen(name) + 1);
		if (fixture_sql(f, "control.db", sql) != 1)
			fail_msg("not everything in %s.%s was sealed anew", name,
				name + strlen(name) + 1);
	}
	assert_int_equal(fixture_sql(f, "control.db", "SELECT count(*) FROM key"), 1);
	assert_int_equal(fixture_sql(f, "control.db", "SELECT id FROM key"), key_id);
}

static int64_t size_of(const struct fixture *f, const char *name)
{
	struct stat st;

	assert_return_code(stat(fixture_path(f, name), &st), errno);
	return st.st_size;
}

static void make_file(const struct fixture *f, const char *name)
{
	FILE *file = fopen(fixture_path(f, name), "w");

	assert_non_null(file);
	fclose(file);
}

static bool is_file(const struct fixture *f, const char *name)
{
	return access(fixture_path(f, name), F_OK) == 0;
}

static void test_file(void **state)
{
	char before[80], after[80];
	struct fixture f;

	fixture_init(&f);
	fill(&f);
	assert_all_sealed_with(&f, 1);
	read_key_file(&f, "key", before);
	for (int id = 2; id < 5; id++) {
		fixture_open(&f);
		fixture_start(&f);
		make_file(&f, "control.db.before-11");
		make_file(&f, "control.db.before-12.tmp");
		make_file(&f, "control.db.before-restore-1");
		make_file(&f, "control.db.before-");
		make_file(&f, "outbox.db.before-2");
		assert_int_equal(rekey(&f, KEY_FILE, NULL), 0);
		assert_false(is_file(&f, "control.db.before-11"));
		assert_false(is_file(&f, "control.db.before-12.tmp"));
		assert_true(is_file(&f, "control.db.before-restore-1"));
		assert_true(is_file(&f, "control.db.before-"));
		assert_true(is_file(&f, "outbox.db.before-2"));
		/* Nor is anything in the log, while the gateway goes on. */
		assert_int_equal(size_of(&f, "control.db-wal"), 0);
		fixture_stop(&f);
		read_key_file(&f, "key", after);
		assert_string_not_equal(before, after);
		assert_int_equal(access(fixture_path(&f, "key.next"), F_OK), -1);
		assert_all_sealed_with(&f, id);
		fixture_open(&f);
		check(&f);
	}
	/* What the first key opened is nowhere any more; nor is it in the files. */
	before[64] = '\0';
	assert_false(fixture_holds(&f, before, 64));
	fixture_done(&f);
}

/* Up the ladder and down again, each time by an order. */
static void test_sources(void **state)
{
	struct fixture f;

	fixture_init(&f);
	fill(&f);
	fixture_open(&f);
	fixture_start(&f);
	assert_int_equal(rekey(&f, KEY_TPM2, KEY_B), 0);
	fixture_stop(&f);
	/* The file's key is retired. */
	assert_int_equal(access(fixture_path(&f, "key"), F_OK), -1);
	f.use_credentials = false;
	{
		int r;

		assert_int_equal(fixture_try(&f, &r), STORE_KEY_MISSING);
	}
	fixture_credential(&f, HEX_B " tpm2+host\n");
	fixture_open(&f);
	assert_int_equal(f.facts.key_source, KEY_TPM2);
	assert_int_equal(f.facts.key_expected, KEY_TPM2);
	check(&f);
	fixture_open(&f);
	fixture_start(&f);
	assert_int_equal(rekey(&f, KEY_FILE, NULL), 0);
	fixture_stop(&f);
	/* The credential is still delivered, and does not fit any more. */
	fixture_open(&f);
	assert_int_equal(f.facts.key_source, KEY_FILE);
	assert_int_equal(f.facts.key_expected, KEY_FILE);
	check(&f);
	fixture_done(&f);
}

/* While a credential is changed both are delivered; which one fits is asked of the mark. */
static void test_next_credential(void **state)
{
	char next[256];
	struct fixture f;
	FILE *file;

	fixture_init(&f);
	fixture_credential(&f, HEX_A " host");
	fill(&f);
	snprintf(next, sizeof(next), "%s/gatehouse.kek-next", f.credentials);
	file = fopen(next, "w");
	assert_non_null(file);
	assert_true(fputs(HEX_B " host", file) >= 0);
	assert_int_equal(fclose(file), 0);
	fixture_open(&f);
	check(&f);
	fixture_open(&f);
	fixture_start(&f);
	assert_int_equal(rekey(&f, KEY_HOST, KEY_B), 0);
	fixture_stop(&f);
	fixture_open(&f);
	assert_int_equal(f.facts.key_source, KEY_HOST);
	check(&f);
	fixture_credential(&f, HEX_B " host");
	assert_int_equal(unlink(next), 0);
	fixture_open(&f);
	check(&f);
	fixture_done(&f);
}

/* Never returns. */
static void child_run(const struct fixture *parent, enum key_source source, long at)
{
	struct fixture f = *parent;
	const struct audit_row row = audit();
	struct answer answer = {0};

	if (sd_event_new(&f.loop) < 0)
		_exit(3);
	fixture_open(&f);
	fixture_start(&f);
	kill_at = at;
	store_rekey(f.store, source, source == KEY_FILE ? NULL : KEY_B, &row, answer_take, &answer);
	while (!answer.done)
		if (sd_event_run(f.loop, UINT64_MAX) < 0)
			_exit(4);
	_exit(answer.result == 0 ? 0 : 5);
}

/* True when it was killed, false when it came to its end. */
static bool killed_at(const struct fixture *f, enum key_source source, long at)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		child_run(f, source, at);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status)) {
		assert_int_equal(WTERMSIG(status), SIGKILL);
		return true;
	}
	assert_int_equal(WEXITSTATUS(status), 0);
	return false;
}

static void test_killed_at_every_step(void **state)
{
	int64_t audits = 0;
	struct fixture f;
	long at = 1;

	fixture_init(&f);
	fill(&f);
	while (killed_at(&f, KEY_FILE, at)) {
		fixture_open(&f);
		/* Nothing is left half done, and a change of the key has its row. */
		assert_int_equal(access(fixture_path(&f, "key"), F_OK), 0);
		assert_int_equal(access(fixture_path(&f, "key.next"), F_OK), -1);
		assert_in_range(f.facts.audit_rows, audits, audits + 1);
		audits = (int64_t)f.facts.audit_rows;
		check(&f);
		assert_int_equal(fixture_sql(&f, "control.db", "SELECT id FROM key") - 1, audits);
		at++;
	}
	/* It writes a key, a log, a mark, and cleans up. */
	assert_in_range(at, 8, 500);
	assert_in_range(audits, 1, at);
	fixture_done(&f);
}

/* The same under a credential: the tool delivers both keys meanwhile. */
static void test_killed_under_a_credential(void **state)
{
	char next[256];
	struct fixture f;
	FILE *file;
	long at = 1;

	fixture_init(&f);
	fixture_credential(&f, HEX_A " host");
	fill(&f);
	snprintf(next, sizeof(next), "%s/gatehouse.kek-next", f.credentials);
	file = fopen(next, "w");
	assert_non_null(file);
	assert_true(fputs(HEX_B " host", file) >= 0);
	assert_int_equal(fclose(file), 0);
	while (killed_at(&f, KEY_HOST, at)) {
		fixture_open(&f);
		assert_int_equal(f.facts.key_source, KEY_HOST);
		check(&f);
		at++;
	}
	assert_in_range(at, 4, 500);
	fixture_done(&f);
}

/* No room: nothing changed, the old key goes on. */
static void test_refused(void **state)
{
	char before[80], after[80];
	struct fixture f;
	int r;

	fixture_init(&f);
	fill(&f);
	read_key_file(&f, "key", before);
	fixture_open(&f);
	fixture_start(&f);
	assert_int_equal(mkdir(fixture_path(&f, "key.next.new"), 0700), 0);
	assert_int_equal(mkdir(fixture_path(&f, "key.next"), 0700), 0);
	r = rekey(&f, KEY_FILE, NULL);
	assert_true(r < 0);
	assert_int_equal(rmdir(fixture_path(&f, "key.next")), 0);
	rmdir(fixture_path(&f, "key.next.new"));
	fixture_stop(&f);
	read_key_file(&f, "key", after);
	assert_string_equal(before, after);
	assert_all_sealed_with(&f, 1);
	fixture_open(&f);
	check(&f);
	fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_sources),
		cmocka_unit_test(test_next_credential),
		cmocka_unit_test(test_killed_at_every_step),
		cmocka_unit_test(test_killed_under_a_credential),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
