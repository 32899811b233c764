/* SPDX-License-Identifier: Apache-2.0 */
/* Every kind of column, there and back, at its limits, and what does not fit its field. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "core/lifecycle.h"
#include "store/columns.h"

enum colour { RED, GREEN };

struct sample {
	uint64_t row;
	int64_t far;
	int32_t near;
	uint32_t middle;
	uint16_t small;
	bool yes;
	enum colour colour;
	char text[6];
	char *heap;
	struct in6_addr ip;
	char sealed[6];
	struct secret secret;
};

static const char *colour_word(int value)
{
	static const char *const WORDS[] = {"red", "green"};

	return value >= 0 && value < 2 ? WORDS[value] : NULL;
}

static int colour_of_word(const char *word, int *ret_value)
{
	for (int i = 0; i < 2; i++) {
		if (strcmp(word, colour_word(i)) == 0) {
			*ret_value = i;
			return 0;
		}
	}
	return -EINVAL;
}

#define COLUMN(kind, field)                                                               \
	{                                                                                 \
#field, COLUMN_##kind, offsetof(struct sample, field),                    \
			sizeof(((struct sample *)0)->field), colour_word, colour_of_word, \
	}
static const struct column COLUMNS[] = {COLUMN(UNSIGNED, row), COLUMN(SIGNED, far),
	COLUMN(SIGNED, near), COLUMN(UNSIGNED, middle), COLUMN(UNSIGNED, small), COLUMN(BOOL, yes),
	COLUMN(WORD, colour), COLUMN(TEXT, text), COLUMN(HEAP_TEXT, heap), COLUMN(IP, ip),
	COLUMN(SEALED_TEXT, sealed), COLUMN(SECRET, secret)};
static const struct record_table TABLE = {"sample", COLUMNS, ELEMENTS(COLUMNS)};

struct bench {
	sqlite3 *handle;
	struct sealer *sealer;
};

static void bench_exec(struct bench *bench, const char *sql)
{
	if (sqlite3_exec(bench->handle, sql, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(bench->handle));
}

static int bench_new(void **state)
{
	static const uint8_t KEY[AES256_KEY] = {9};
	struct bench *bench = calloc(1, sizeof(*bench));

	assert_non_null(bench);
	assert_int_equal(sealer_new(KEY, 1, &bench->sealer), 0);
	assert_int_equal(sqlite3_open(":memory:", &bench->handle), SQLITE_OK);
	bench_exec(bench, "CREATE TABLE sample(row INTEGER PRIMARY KEY, far INTEGER, near INTEGER,"
			  " middle INTEGER, small INTEGER, yes INTEGER, colour TEXT, text TEXT,"
			  " heap TEXT, ip TEXT, sealed BLOB, secret BLOB) STRICT");
	*state = bench;
	return 0;
}

static int bench_free(void **state)
{
	struct bench *bench = *state;

	sealer_free(bench->sealer);
	assert_int_equal(sqlite3_close(bench->handle), SQLITE_OK);
	free(bench);
	return 0;
}

static struct sample sample_make(uint64_t row)
{
	struct sample sample = {.row = row,
		.far = INT64_MIN,
		.near = INT32_MIN,
		.middle = UINT32_MAX,
		.small = UINT16_MAX,
		.yes = true,
		.colour = GREEN,
		.text = "hello",
		.heap = strdup("long text"),
		.sealed = "code5"};

	assert_int_equal(inet_pton(AF_INET6, "::ffff:192.0.2.7", &sample.ip), 1);
	assert_int_equal(secret_set(&sample.secret, SPAN_LITERAL("a\0b")), 0);
	return sample;
}

static void sample_clear(struct sample *sample)
{
	free(sample->heap);
	secret_clear(&sample->secret);
	memset(sample, 0, sizeof(*sample));
}

static int put(struct bench *bench, const struct sample *sample)
{
	CLEANUP(statement_finalizep) sqlite3_stmt *statement = NULL;
	CLEANUP(cleanup_free) char *sql = record_sql_put(&TABLE);
	int r;

	assert_int_equal(sqlite3_prepare_v2(bench->handle, sql, -1, &statement, NULL), SQLITE_OK);
	r = record_bind(statement, &TABLE, bench->sealer, sample);
	if (r >= 0)
		assert_int_equal(sqlite3_step(statement), SQLITE_DONE);
	return r;
}

static int get(struct bench *bench, struct sample *ret_sample, const char **ret_bad)
{
	CLEANUP(statement_finalizep) sqlite3_stmt *statement = NULL;
	CLEANUP(cleanup_free) char *sql = record_sql_select(&TABLE, "ORDER BY row LIMIT 1");

	memset(ret_sample, 0, sizeof(*ret_sample));
	assert_int_equal(sqlite3_prepare_v2(bench->handle, sql, -1, &statement, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	return record_read(statement, &TABLE, bench->sealer, ret_sample, ret_bad);
}

static void test_round_trip(void **state)
{
	struct sample sample = sample_make(3), back;

	assert_int_equal(put(*state, &sample), 0);
	assert_int_equal(get(*state, &back, NULL), 0);
	assert_int_equal(back.row, 3);
	assert_true(back.far == INT64_MIN && back.near == INT32_MIN);
	assert_true(back.middle == UINT32_MAX && back.small == UINT16_MAX);
	assert_true(back.yes && back.colour == GREEN);
	assert_string_equal(back.text, "hello");
	assert_string_equal(back.heap, "long text");
	assert_memory_equal(&back.ip, &sample.ip, sizeof(back.ip));
	assert_string_equal(back.sealed, "code5");
	assert_int_equal(back.secret.size, 3);
	assert_memory_equal(back.secret.data, "a\0b", 3);
	sample_clear(&back);
	sample_clear(&sample);
	/* Put again: the row changes, and empties to nothing. */
	sample.row = 3;
	assert_int_equal(put(*state, &sample), 0);
	assert_int_equal(get(*state, &back, NULL), 0);
	assert_memory_equal(&back, &sample, sizeof(back));
}

static void test_no_word(void **state)
{
	struct sample sample = {.row = 1, .colour = (enum colour)2};

	assert_int_equal(put(*state, &sample), -EINVAL);
}

/* What somebody else wrote, column by column. */
static void test_misfits(void **state)
{
	static const struct {
		const char *column, *value;
	} CASE[] = {
		{"near", "2147483648"},
		{"near", "-2147483649"},
		{"middle", "4294967296"},
		{"middle", "-1"},
		{"small", "65536"},
		{"colour", "'blue'"},
		{"colour", "NULL"},
		{"text", "'sixsix'"},
		{"text", "NULL"},
		{"text", "'a' || char(0) || 'b'"},
		{"ip", "'192.0.2.7'"},
		{"ip", "NULL"},
		{"sealed", "x'01'"},
		{"sealed", "secret"},
		{"secret", "zeroblob(40)"},
	};

	for (size_t i = 0; i < ELEMENTS(CASE); i++) {
		struct sample sample = sample_make(1), back;
		const char *bad = "";
		char sql[128];
		int r;

		assert_int_equal(put(*state, &sample), 0);
		sample_clear(&sample);
		snprintf(sql, sizeof(sql), "UPDATE sample SET %s = %s", CASE[i].column,
			CASE[i].value);
		bench_exec(*state, sql);
		r = get(*state, &back, &bad);
		if (r != -EBADMSG || strcmp(bad, CASE[i].column) != 0)
			fail_msg("%s: %d, '%s'", sql, r, bad);
		sample_clear(&back);
	}
}

/* A sealed text that is longer than its field, under the right key and place. */
static void test_sealed_too_long(void **state)
{
	static const struct sealed_place PLACE = {"sample", 1, "sealed"};
	CLEANUP(statement_finalizep) sqlite3_stmt *statement = NULL;
	struct sample sample = sample_make(1), back;
	struct bench *bench = *state;
	const char *bad = "";
	uint8_t *record;
	size_t size;

	assert_int_equal(put(bench, &sample), 0);
	sample_clear(&sample);
	assert_int_equal(
		sealer_seal(bench->sealer, &PLACE, SPAN_LITERAL("sixsix"), &record, &size), 0);
	assert_int_equal(sqlite3_prepare_v2(bench->handle, "UPDATE sample SET sealed = ?1", -1,
				 &statement, NULL),
		SQLITE_OK);
	assert_int_equal(sqlite3_bind_blob64(statement, 1, record, size, free), SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_DONE);
	assert_int_equal(get(bench, &back, &bad), -EBADMSG);
	assert_string_equal(bad, "sealed");
	sample_clear(&back);
}

static void test_sql(void **state)
{
	CLEANUP(cleanup_free) char *sealed = record_sql_sealed(&TABLE);

	assert_string_equal(sealed, "SELECT row, sealed, secret FROM sample");
}

#define WITH_BENCH(test) cmocka_unit_test_setup_teardown(test, bench_new, bench_free)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_BENCH(test_round_trip),
		WITH_BENCH(test_no_word),
		WITH_BENCH(test_misfits),
		WITH_BENCH(test_sealed_too_long),
		WITH_BENCH(test_sql),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
