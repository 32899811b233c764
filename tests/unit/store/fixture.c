/* SPDX-License-Identifier: Apache-2.0 */
/* What the store's tests share. */

#include "fixture.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/clock.h"

#define PATIENCE_USEC (60 * USEC_PER_SEC)

unsigned fixture_next_order(void)
{
	static unsigned order;

	return ++order;
}

void answer_take(void *userdata, int result, const char *head)
{
	struct answer *answer = userdata;

	assert_false(answer->done);
	answer->done = true;
	answer->result = result;
	answer->order = fixture_next_order();
	snprintf(answer->head, sizeof(answer->head), "%s", head ? head : "");
}

void fixture_init(struct fixture *fixture)
{
	const char *tmp = getenv("TMPDIR");

	memset(fixture, 0, sizeof(*fixture));
	snprintf(fixture->base, sizeof(fixture->base), "%.80s/gatehouse-store-XXXXXX",
		tmp && *tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(fixture->base));
	snprintf(fixture->state, sizeof(fixture->state), "%s/state", fixture->base);
	snprintf(fixture->credentials, sizeof(fixture->credentials), "%s/credentials",
		fixture->base);
	assert_true(sd_event_new(&fixture->loop) >= 0);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *walk)
{
	return remove(path);
}

void fixture_done(struct fixture *fixture)
{
	fixture_stop(fixture);
	fixture_drop_fetched(fixture);
	sd_event_unref(fixture->loop);
	assert_int_equal(nftw(fixture->base, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static void take_slow(void *userdata, uint64_t usec)
{
	struct fixture *fixture = userdata;

	fixture->slow++;
	fixture->slow_usec = usec;
}

enum store_opened fixture_try(struct fixture *fixture, int *ret_result)
{
	const struct store_options options = {
		.state_directory = fixture->state,
		.credentials_directory = fixture->use_credentials ? fixture->credentials : NULL,
		.loose = fixture->loose,
		.commit_delay_usec = fixture->commit_delay_usec,
		.slow = take_slow,
		.slow_userdata = fixture,
	};
	enum store_opened opened = STORE_OPENED;

	assert_null(fixture->store);
	fixture->why[0] = 0;
	*ret_result =
		store_open(&options, &opened, &fixture->store, fixture->why, sizeof(fixture->why));
	if (*ret_result < 0 || opened != STORE_OPENED) {
		assert_null(fixture->store);
		assert_true(strlen(fixture->why) > 10);
	} else {
		store_get_facts(fixture->store, &fixture->facts);
	}
	return opened;
}

void fixture_open(struct fixture *fixture)
{
	int r;
	enum store_opened opened = fixture_try(fixture, &r);

	if (r < 0 || opened != STORE_OPENED)
		fail_msg("store_open: %d, outcome %d: %s", r, opened, fixture->why);
}

static void take_appended(void *userdata, struct reading **readings, size_t count, int result)
{
	struct fixture *fixture = userdata;
	unsigned order = fixture_next_order();

	for (size_t i = 0; i < count; i++) {
		assert_true(fixture->rows < FIXTURE_ROWS);
		fixture->row[fixture->rows] = readings[i]->row;
		fixture->row_order[fixture->rows] = order;
		fixture->row_result[fixture->rows++] = result;
		reading_unref(readings[i]);
	}
}

static void take_fetched(void *userdata, const struct owed_fetch *fetch, struct reading **readings,
	size_t count, int result)
{
	struct fixture *fixture = userdata;

	assert_true(count <= fetch->max);
	for (size_t i = 0; i < count; i++)
		fixture->fetched[fixture->fetched_count++] = readings[i];
	fixture->fetched_result = result;
	fixture->fetches++;
}

static void take_failed(void *userdata, const char *why)
{
	struct fixture *fixture = userdata;

	fixture->failed++;
	snprintf(fixture->failed_why, sizeof(fixture->failed_why), "%s", why);
}

void fixture_start(struct fixture *fixture)
{
	static const struct store_ops ops = {take_appended, take_fetched, take_failed};

	assert_int_equal(store_start(fixture->store, fixture->loop, &ops, fixture), 0);
}

void fixture_stop(struct fixture *fixture)
{
	fixture->store = store_free(fixture->store);
}

void fixture_restart(struct fixture *fixture)
{
	fixture_stop(fixture);
	fixture_open(fixture);
	fixture_start(fixture);
}

void fixture_turn(struct fixture *fixture)
{
	assert_true(sd_event_run(fixture->loop, USEC_PER_SEC) >= 0);
}

void fixture_wait(struct fixture *fixture, const bool *flag)
{
	uint64_t end = clock_boot_usec() + PATIENCE_USEC;

	while (!*flag) {
		assert_true(clock_boot_usec() < end);
		fixture_turn(fixture);
	}
}

void fixture_wait_rows(struct fixture *fixture, size_t rows)
{
	uint64_t end = clock_boot_usec() + PATIENCE_USEC;

	while (fixture->rows < rows) {
		assert_true(clock_boot_usec() < end);
		fixture_turn(fixture);
	}
}

int fixture_save(struct fixture *fixture, struct change *change)
{
	struct answer answer = {0};

	store_save(fixture->store, change, answer_take, &answer);
	fixture_wait(fixture, &answer.done);
	return answer.result;
}

struct reading *fixture_reading(uint64_t row, uint64_t device_row, const char *body)
{
	struct reading *reading = reading_new(strlen(body));

	assert_non_null(reading);
	reading->row = row;
	reading->device_row = device_row;
	reading->trust = TRUST_CLAIMED;
	reading->time = INT64_C(1763700000000) + (int64_t)row;
	reading->clock_synced = row % 2;
	reading->format = FORMAT_SENML_JSON;
	reading->key = (struct request_key){
		.message_id = (uint16_t)(row * 7), .confirmable = 1, .token_size = 4};
	memcpy(reading->key.token, &(uint32_t){(uint32_t)row}, 4);
	reading->size = strlen(body);
	memcpy(reading->body, body, reading->size);
	return reading;
}

void fixture_append(struct fixture *fixture, uint64_t first, uint64_t last, uint64_t device_row)
{
	char body[64];

	for (uint64_t row = first; row <= last; row++) {
		snprintf(body, sizeof(body), "[{\"n\":\"value\",\"v\":%llu}]",
			(unsigned long long)row);
		store_append(fixture->store, fixture_reading(row, device_row, body));
	}
}

void fixture_drop_fetched(struct fixture *fixture)
{
	while (fixture->fetched_count > 0)
		reading_unref(fixture->fetched[--fixture->fetched_count]);
}

void fixture_fetch(
	struct fixture *fixture, uint64_t device_row, uint64_t after, uint64_t last, size_t max)
{
	const struct owed_fetch fetch = {device_row, after, last, max};
	unsigned fetches = fixture->fetches;

	fixture_drop_fetched(fixture);
	store_fetch(fixture->store, &fetch);
	while (fixture->fetches == fetches)
		fixture_turn(fixture);
}

const char *fixture_path(const struct fixture *fixture, const char *name)
{
	static char text[2][512];
	static unsigned turn;

	turn = !turn;
	snprintf(text[turn], sizeof(text[turn]), "%s/%s", fixture->state, name);
	return text[turn];
}

void fixture_credential(struct fixture *fixture, const char *content)
{
	char path[256];
	FILE *file;

	mkdir(fixture->credentials, 0700);
	snprintf(path, sizeof(path), "%s/gatehouse.kek", fixture->credentials);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(content, file) >= 0);
	assert_int_equal(fclose(file), 0);
	fixture->use_credentials = true;
}

int64_t fixture_sql(const struct fixture *fixture, const char *name, const char *sql)
{
	sqlite3_stmt *statement;
	sqlite3 *handle;
	int64_t value = 0;
	int code;

	assert_int_equal(sqlite3_open_v2(fixture_path(fixture, name), &handle,
				 SQLITE_OPEN_READWRITE, "unix"),
		SQLITE_OK);
	code = sqlite3_prepare_v2(handle, sql, -1, &statement, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_step(statement);
	if (code != SQLITE_ROW && code != SQLITE_DONE)
		fail_msg("%s: %s", sql, sqlite3_errmsg(handle));
	if (code == SQLITE_ROW)
		value = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	sqlite3_close(handle);
	return value;
}

static void run_on_schema(const struct fixture *fixture, const char *name, const char *sql)
{
	sqlite3 *handle;

	assert_int_equal(sqlite3_open_v2(fixture_path(fixture, name), &handle,
				 SQLITE_OPEN_READWRITE, "unix"),
		SQLITE_OK);
	sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 0, NULL);
	if (sqlite3_exec(handle, "PRAGMA writable_schema=ON", NULL, NULL, NULL) != SQLITE_OK ||
		sqlite3_exec(handle, sql, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(handle));
	assert_int_equal(sqlite3_close(handle), SQLITE_OK);
}

void fixture_sql_behind_index(
	const struct fixture *fixture, const char *name, const char *index, const char *sql)
{
	char hide[512];

	snprintf(hide, sizeof(hide),
		"CREATE TABLE kept AS SELECT * FROM sqlite_schema WHERE name = '%s';"
		"DELETE FROM sqlite_schema WHERE name = '%s'",
		index, index);
	run_on_schema(fixture, name, hide);
	fixture_sql(fixture, name, sql);
	run_on_schema(
		fixture, name, "INSERT INTO sqlite_schema SELECT * FROM kept; DROP TABLE kept");
}

static bool file_holds(const char *path, const char *bytes, size_t size)
{
	FILE *file = fopen(path, "r");
	char *content = NULL;
	bool holds;
	long length;

	assert_non_null(file);
	assert_int_equal(fseek(file, 0, SEEK_END), 0);
	length = ftell(file);
	assert_true(length >= 0);
	rewind(file);
	content = malloc((size_t)length + 1);
	assert_non_null(content);
	assert_int_equal(fread(content, 1, (size_t)length, file), length);
	fclose(file);
	holds = memmem(content, (size_t)length, bytes, size) != NULL;
	free(content);
	return holds;
}

bool fixture_holds(const struct fixture *fixture, const char *bytes, size_t size)
{
	DIR *directory = opendir(fixture->state);
	const struct dirent *entry;
	bool holds = false;

	assert_non_null(directory);
	while ((entry = readdir(directory)))
		if (entry->d_type == DT_REG)
			holds |= file_holds(fixture_path(fixture, entry->d_name), bytes, size);
	closedir(directory);
	return holds;
}

struct change *change_begin(void)
{
	struct change *change;

	assert_int_equal(change_new(&change), 0);
	return change;
}

static void sample_identity(struct device_record *device)
{
	snprintf(device->id, sizeof(device->id), "dev-%llu", (unsigned long long)device->row);
	snprintf(device->ep, sizeof(device->ep), "ep-%llu", (unsigned long long)device->row);
	strcpy(device->platform, "local");
	strcpy(device->name, "B\xc3\xbcro \"1\"; DROP TABLE device");
	strcpy(device->place, "Hall 2");
	strcpy(device->owner, "");
	strcpy(device->info.model, "TH-1");
	strcpy(device->info.serial, "0001");
	strcpy(device->info.firmware, "1.2.3");
	device->info.display = true;
	strcpy(device->info.code, "CANARYC8");
	device->info.attributes = strdup("{\"site\":\"north\"}");
	assert_int_equal(inet_pton(AF_INET6, "fe80::1234:5678:9abc:def0", &device->address.ip), 1);
	device->address.port = 65535;
	strcpy(device->address.interface, "eth0");
	strcpy(device->mac, "02:00:5e:00:53:01");
	strcpy(device->poll_path, "/sensors/temp");
	strcpy(device->decided_by, "anna");
}

static void sample_secret(struct secret *secret, const char *text)
{
	assert_int_equal(secret_set(secret, span_from_string(text)), 0);
}

struct device_record *sample_device(uint64_t row)
{
	struct device_record *device = calloc(1, sizeof(*device));

	assert_non_null(device);
	device->row = row;
	sample_identity(device);
	device->trust = TRUST_OSCORE;
	device->found_by = FOUND_RD;
	device->address_bound = true;
	device->is_server = true;
	device->secure_only = true;
	device->rd_lifetime = UINT32_MAX;
	device->rd_port_said = true;
	device->poll_format = -1;
	device->code_tries = 4;
	device->code_locked = true;
	device->display_holds = true;
	device->code_here = 17;
	memset(device->fingerprint, 'f', sizeof(device->fingerprint) - 1);
	memset(device->proved_label, 'a', sizeof(device->proved_label) - 1);
	memset(device->kept_proof, 'b', sizeof(device->kept_proof) - 1);
	device->released = true;
	device->evidence = EVIDENCE_DISPLAY_CODE;
	device->first_seen = INT64_C(1763700000123);
	device->decided_at = -1;
	device->life.admission = ADMISSION_SUSPENDED;
	device->life.operation = OPERATION_ISSUED;
	device->life.operation_number = 1000 + row;
	device->life.operation_reopened = 2;
	device->life.operation_expires = INT64_C(1763700099999);
	device->life.operation_approved = true;
	device->life.operation_blocked = true;
	sample_secret(&device->life.operation_blob, "canary-operation-blob");
	sample_secret(&device->life.operation_code, "canary-operation-code");
	device->life.credential = CREDENTIAL_RENEWING;
	device->life.credential_since = 17;
	device->life.credential_expires = INT64_MAX;
	device->life.credential_doubted = true;
	sample_secret(&device->life.credential_current, "canary-credential-current");
	sample_secret(&device->life.credential_old, "canary-credential-old");
	strcpy(device->life.platform_id, "spot/1");
	return device;
}

static void assert_secret_equal(const struct secret *a, const struct secret *b)
{
	assert_true(span_equal(secret_span(a), secret_span(b)));
}

/* Everything but the pointers is compared as bytes, so a field that somebody adds to the record is
 * missed here as soon as sample_device() sets it. */
void assert_device_equal(const struct device_record *a, const struct device_record *b)
{
	struct device_record plain[2];
	const struct device_record *from[2] = {a, b};

	for (size_t i = 0; i < 2; i++) {
		memcpy(&plain[i], from[i], sizeof(plain[i]));
		plain[i].info.attributes = NULL;
		memset(&plain[i].life.operation_blob, 0, sizeof(struct secret));
		memset(&plain[i].life.operation_code, 0, sizeof(struct secret));
		memset(&plain[i].life.credential_current, 0, sizeof(struct secret));
		memset(&plain[i].life.credential_old, 0, sizeof(struct secret));
	}
	assert_memory_equal(&plain[0], &plain[1], sizeof(plain[0]));
	assert_secret_equal(&a->life.operation_blob, &b->life.operation_blob);
	assert_secret_equal(&a->life.operation_code, &b->life.operation_code);
	assert_secret_equal(&a->life.credential_current, &b->life.credential_current);
	assert_secret_equal(&a->life.credential_old, &b->life.credential_old);
	assert_int_equal(!a->info.attributes, !b->info.attributes);
	if (a->info.attributes)
		assert_string_equal(a->info.attributes, b->info.attributes);
}
