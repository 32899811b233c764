/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store as the loop sees it: what is saved comes back after a restart, to the last field; who
 * goes first; whose directory it is.
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

#include "base/cleanup.h"
#include "fault-vfs.h"
#include "loaded.h"
#include "store/migrate.h"

static void test_first_start(void **state)
{
	struct loaded loaded;
	struct fixture f;

	fixture_init(&f);
	fixture_open(&f);
	assert_int_equal(f.facts.epoch, 1);
	assert_int_equal(f.facts.next_row, 1);
	assert_int_equal(f.facts.next_device_row, 1);
	assert_int_equal(f.facts.next_operation, 1);
	assert_int_equal(f.facts.audit_rows, 0);
	assert_int_equal(f.facts.key_source, KEY_FILE);
	assert_string_equal(f.facts.outbox_set_aside, "");
	assert_int_equal(f.facts.schema, control_migrations.count);
	assert_int_equal(strlen(f.facts.audit_head), 64);
	memset(&loaded, 0, sizeof(loaded));
	assert_int_equal(store_load(f.store, &LOADER, &loaded), 0);
	assert_int_equal(loaded.devices + loaded.people + loaded.alarms + loaded.settings, 0);
	reload(&f, &loaded);
	assert_int_equal(f.facts.epoch, 1);
	fixture_done(&f);
}

static void test_device_round_trip(void **state)
{
	struct device_record *full = sample_device(7), *bare = sample_device(9);
	struct change *change = change_begin();
	struct loaded loaded;
	struct fixture f;

	/* One with every field, one with all that may be empty. */
	lifecycle_clear(&bare->life);
	memset(&bare->life, 0, sizeof(bare->life));
	free(bare->info.attributes);
	bare->info.attributes = NULL;
	memset(bare->info.code, 0, sizeof(bare->info.code));
	memset(bare->name, 0, sizeof(bare->name));
	memset(&bare->address, 0, sizeof(bare->address));

	fixture_init(&f);
	fixture_open(&f);
	fixture_start(&f);
	assert_int_equal(change_put_device(change, full), 0);
	assert_int_equal(change_put_device(change, bare), 0);
	assert_int_equal(fixture_save(&f, change), 0);
	reload(&f, &loaded);
	assert_int_equal(loaded.devices, 2);
	assert_device_equal(loaded.device[0], full);
	assert_device_equal(loaded.device[1], bare);
	assert_int_equal(f.facts.next_device_row, 10);
	assert_int_equal(f.facts.next_operation, 1008);
	loaded_done(&loaded);

	/* Changed, and the other dropped; the row numbers are not used again. */
	fixture_start(&f);
	memset(full->name, 0, sizeof(full->name));
	strcpy(full->name, "new");
	secret_clear(&full->life.credential_old);
	full->life.operation_number = 3;
	change = change_begin();
	assert_int_equal(change_put_device(change, full), 0);
	assert_int_equal(change_drop_device(change, 9), 0);
	assert_int_equal(fixture_save(&f, change), 0);
	reload(&f, &loaded);
	assert_int_equal(loaded.devices, 1);
	assert_device_equal(loaded.device[0], full);
	assert_int_equal(f.facts.next_device_row, 10);
	assert_int_equal(f.facts.next_operation, 1008);
	loaded_done(&loaded);
	device_record_free(full);
	device_record_free(bare);
	fixture_done(&f);
}

static void test_people_alarms_settings(void **state)
{
	struct person anna = {.row = 1,
		.name = "anna",
		.role = ROLE_ADMIN,
		.password = "$scrypt$ln=15,r=8,p=3$c2FsdA$aGFzaA",
		.created = 5,
		.epoch = 9};
	struct person otto = {.row = 2, .name = "otto", .role = ROLE_VIEWER, .password = "x"};
	struct alarm leak = {.kind = ALARM_LEAK, .subject = "dev-1", .raised = 10, .times = 1};
	struct alarm down = {.kind = ALARM_UPLINK_DOWN, .raised = 11, .times = 2};
	struct change *change = change_begin();
	struct loaded loaded;
	struct fixture f;

	fixture_init(&f);
	fixture_open(&f);
	fixture_start(&f);
	assert_int_equal(change_put_person(change, &anna), 0);
	assert_int_equal(change_put_person(change, &otto), 0);
	assert_int_equal(change_put_alarm(change, &leak), 0);
	assert_int_equal(change_put_alarm(change, &down), 0);
	assert_int_equal(change_put_setting(change, "setup", "one"), 0);
	assert_int_equal(change_put_setting(change, "tls", "'; --"), 0);
	assert_int_equal(change_put_setting(change, "setup", "two"), 0);
	assert_int_equal(fixture_save(&f, change), 0);

	change = change_begin();
	anna.epoch++;
	assert_int_equal(change_put_person(change, &anna), 0);
	assert_int_equal(change_drop_person(change, 2), 0);
	leak.times = 5;
	assert_int_equal(change_put_alarm(change, &leak), 0);
	down.cleared = 99;
	assert_int_equal(change_put_alarm(change, &down), 0);
	assert_int_equal(change_drop_setting(change, "tls"), 0);
	assert_int_equal(fixture_save(&f, change), 0);

	reload(&f, &loaded);
	assert_int_equal(loaded.people, 1);
	assert_int_equal(loaded.person[0].row, 1);
	assert_string_equal(loaded.person[0].name, "anna");
	assert_int_equal(loaded.person[0].role, ROLE_ADMIN);
	assert_string_equal(loaded.person[0].password, anna.password);
	assert_int_equal(loaded.person[0].created, 5);
	assert_int_equal(loaded.person[0].epoch, 10);
	assert_int_equal(loaded.alarms, 1);
	assert_int_equal(loaded.alarm[0].kind, ALARM_LEAK);
	assert_string_equal(loaded.alarm[0].subject, "dev-1");
	assert_int_equal(loaded.alarm[0].raised, 10);
	assert_int_equal(loaded.alarm[0].times, 5);
	assert_int_equal(loaded.settings, 1);
	assert_string_equal(loaded.setting[0], "setup=two");
	fixture_stop(&f);
	assert_int_equal(
		fixture_sql(&f, "control.db", "SELECT count(*) FROM alarm WHERE cleared = 99"), 1);
	fixture_done(&f);
}

/* A change that contradicts another is refused as a whole, and alone. */
static void test_change_all_or_nothing(void **state)
{
	struct device_record *one = sample_device(1), *two = sample_device(2);
	struct audit_row row;
	struct answer answer[3] = {0};
	struct change *change[3];
	struct loaded loaded;
	struct fixture f;

	audit_row_init(&row, "anna", "admin", "local", ACT_ADMIT, "dev-2", "none", "done");
	fixture_init(&f);
	fixture_open(&f);
	fixture_start(&f);
	strcpy(two->id, one->id);
	for (size_t i = 0; i < 3; i++)
		change[i] = change_begin();
	assert_int_equal(change_put_device(change[0], one), 0);
	assert_int_equal(change_put_setting(change[1], "before", "1"), 0);
	assert_int_equal(change_append_audit(change[1], &row), 0);
	assert_int_equal(change_put_device(change[1], two), 0);
	assert_int_equal(change_put_setting(change[2], "after", "1"), 0);
	assert_int_equal(change_append_audit(change[2], &row), 0);
	/* All three in one group: the thread is held at the gate while they are handed in. */
	fixture_append(&f, 1, 1, 1);
	fault_gate_close("outbox.db-wal");
	fixture_append(&f, 2, 2, 1);
	assert_true(fault_gate_wait());
	for (size_t i = 0; i < 3; i++)
		store_save(f.store, change[i], answer_take, &answer[i]);
	fault_gate_open();
	fixture_wait(&f, &answer[2].done);
	assert_int_equal(answer[0].result, 0);
	assert_int_equal(answer[1].result, -EEXIST);
	assert_int_equal(answer[2].result, 0);
	assert_string_equal(answer[1].head, "");
	assert_string_not_equal(answer[0].head, answer[2].head);
	assert_int_equal(f.failed, 0);

	/* A row of number 0 would be everybody's. */
	one->row = 0;
	change[0] = change_begin();
	assert_int_equal(change_put_device(change[0], one), 0);
	assert_int_equal(fixture_save(&f, change[0]), -EINVAL);

	reload(&f, &loaded);
	assert_int_equal(loaded.devices, 1);
	assert_int_equal(loaded.device[0]->row, 1);
	assert_int_equal(loaded.settings, 1);
	assert_string_equal(loaded.setting[0], "after=1");
	assert_int_equal(f.facts.audit_rows, 1);
	assert_string_equal(f.facts.audit_head, answer[2].head);
	loaded_done(&loaded);
	device_record_free(one);
	device_record_free(two);
	fixture_done(&f);
}

/* What is queued behind a commit: the change goes before the readings, which go together. */
static void test_control_first(void **state)
{
	struct answer answer = {0};
	struct change *change = change_begin();
	struct fixture f;

	fixture_init(&f);
	fixture_open(&f);
	fixture_start(&f);
	fault_gate_close("outbox.db-wal");
	fixture_append(&f, 1, 1, 1);
	assert_true(fault_gate_wait());
	fixture_append(&f, 2, 50, 1);
	assert_int_equal(change_put_setting(change, "a", "b"), 0);
	store_save(f.store, change, answer_take, &answer);
	assert_int_equal(store_appending(f.store), 50);
	assert_int_equal(f.rows, 0);
	fault_gate_open();
	fixture_wait_rows(&f, 50);
	assert_true(answer.done);
	assert_int_equal(answer.order, f.row_order[0] + 1);
	for (size_t i = 1; i < 50; i++)
		assert_int_equal(f.row_order[i], answer.order + 1);
	assert_int_equal(store_appending(f.store), 0);
	for (size_t i = 0; i < 50; i++) {
		assert_int_equal(f.row[i], i + 1);
		assert_int_equal(f.row_result[i], 0);
	}
	fixture_done(&f);
}

/* What was handed in before the end is done and answered by the end. */
static void test_stop_finishes(void **state)
{
	struct answer saved = {0}, dropped = {0};
	struct change *change = change_begin();
	struct loaded loaded;
	struct fixture f;

	fixture_init(&f);
	fixture_open(&f);
	fixture_start(&f);
	fixture_append(&f, 1, 400, 1);
	assert_int_equal(change_put_setting(change, "a", "b"), 0);
	store_save(f.store, change, answer_take, &saved);
	store_delete_device(f.store, 2, NULL, answer_take, &dropped);
	reload(&f, &loaded);
	assert_true(saved.done);
	assert_int_equal(saved.result, 0);
	assert_true(dropped.done);
	assert_int_equal(dropped.result, 0);
	assert_int_equal(f.rows, 400);
	for (size_t i = 0; i < 400; i++)
		assert_int_equal(f.row_result[i], 0);
	assert_int_equal(loaded.owed[0][1], 400);
	assert_int_equal(loaded.settings, 1);
	fixture_done(&f);
}

static void test_one_owner(void **state)
{
	struct fixture f;
	struct store *store = NULL;
	enum store_opened opened;
	char why[256];

	fixture_init(&f);
	fixture_open(&f);
	assert_int_equal(store_open(&(struct store_options){f.state, NULL}, &opened, &store, why,
				 sizeof(why)),
		-EBUSY);
	assert_non_null(strstr(why, "Another gatehoused"));
	assert_null(store);
	fixture_stop(&f);
	fixture_open(&f);
	fixture_done(&f);
}

static void write_lock(const struct fixture *fixture, const char *text)
{
	FILE *file = fopen(fixture_path(fixture, "lock"), "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

/* Where the readings of this boot begin is known over a restart, and of no other boot or outbox. */
static void test_boot_row(void **state)
{
	static const char *const OTHER[] = {
		"0123456789abcdef0123456789abcdef 1 2\n", "no mark\n", ""};
	uint64_t next = 6;
	struct fixture f;

	fixture_init(&f);
	fixture_open(&f);
	fixture_start(&f);
	assert_int_equal(f.facts.boot_row, 1);
	fixture_append(&f, 1, 5, 1);
	fixture_wait_rows(&f, 5);
	fixture_restart(&f);
	assert_int_equal(f.facts.next_row, 6);
	assert_int_equal(f.facts.boot_row, 1);
	for (size_t i = 0; i < 3; i++) {
		fixture_stop(&f);
		write_lock(&f, OTHER[i]);
		fixture_open(&f);
		assert_int_equal(f.facts.boot_row, next);
		fixture_start(&f);
		fixture_append(&f, next, next, 1);
		fixture_wait_rows(&f, f.rows + 1);
		fixture_restart(&f);
		assert_int_equal(f.facts.boot_row, next++);
	}
	fixture_stop(&f);
	assert_int_equal(unlink(fixture_path(&f, "outbox.db")), 0);
	fixture_open(&f);
	assert_int_equal(f.facts.epoch, 2);
	assert_int_equal(f.facts.boot_row, 1);
	fixture_done(&f);
}

static void test_file_modes(void **state)
{
	static const char *const NAME[] = {
		"control.db", "control.db-wal", "outbox.db", "outbox.db-wal", "lock"};
	mode_t before = umask(0);
	struct stat st;
	struct fixture f;

	fixture_init(&f);
	fixture_open(&f);
	fixture_start(&f);
	fixture_append(&f, 1, 1, 1);
	fixture_wait_rows(&f, 1);
	for (size_t i = 0; i < ELEMENTS(NAME); i++) {
		assert_int_equal(stat(fixture_path(&f, NAME[i]), &st), 0);
		assert_int_equal(st.st_mode & 07777, 0600);
	}
	assert_int_equal(stat(f.state, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_not_equal(access(fixture_path(&f, "outbox.db-shm"), F_OK), 0);
	/* One that somebody opened to others is closed again. */
	fixture_stop(&f);
	assert_int_equal(chmod(fixture_path(&f, "control.db"), 0644), 0);
	fixture_open(&f);
	assert_int_equal(stat(fixture_path(&f, "control.db"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	umask(before);
	fixture_done(&f);
}

static int refuse_device(void *userdata, struct device_record *record)
{
	device_record_free(record);
	return -ECONNREFUSED;
}

static void test_load_errors(void **state)
{
	const struct store_loader refuse = {.device = refuse_device};
	struct device_record *device = sample_device(1);
	struct change *change = change_begin();
	struct fixture f;
	struct loaded loaded = {0};

	fixture_init(&f);
	fixture_open(&f);
	fixture_start(&f);
	assert_int_equal(change_put_device(change, device), 0);
	assert_int_equal(fixture_save(&f, change), 0);
	device_record_free(device);
	fixture_stop(&f);
	fixture_open(&f);
	assert_int_equal(store_load(f.store, &refuse, NULL), -ECONNREFUSED);
	fixture_stop(&f);
	/* A word that no version of ours wrote. */
	fixture_sql(&f, "control.db", "UPDATE device SET admission = 'perhaps'");
	fixture_open(&f);
	assert_int_equal(store_load(f.store, &LOADER, &loaded), -EBADMSG);
	assert_non_null(strstr(store_why(f.store), "column admission of the row '1'"));
	fixture_stop(&f);
	fixture_sql(&f, "control.db", "UPDATE device SET admission = 'pending', port = 65536");
	fixture_open(&f);
	assert_int_equal(store_load(f.store, &LOADER, &loaded), -EBADMSG);
	assert_non_null(strstr(store_why(f.store), "column port"));
	assert_int_equal(loaded.devices, 0);
	fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_start),
		cmocka_unit_test(test_device_round_trip),
		cmocka_unit_test(test_people_alarms_settings),
		cmocka_unit_test(test_change_all_or_nothing),
		cmocka_unit_test(test_control_first),
		cmocka_unit_test(test_stop_finishes),
		cmocka_unit_test(test_one_owner),
		cmocka_unit_test(test_boot_row),
		cmocka_unit_test(test_file_modes),
		cmocka_unit_test(test_load_errors),
	};

	fault_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
