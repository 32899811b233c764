/* SPDX-License-Identifier: Apache-2.0 */

/* The file of a backup: what goes in comes out, and what opens but is of another form is refused.
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

#include "base/cleanup.h"
#include "base/phrase.h"
#include "ctl/backup-file.h"

#define PHRASE "BCDF-GHJK-LMNP"
#define KEY    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define HEAD                                                                                      \
	"\"made\":7,\"gateway\":\"g\",\"version\":\"1\",\"source\":\"file\",\"key\":\"" KEY "\"," \
	"\"parts\":"

static uint8_t *heap(const char *text)
{
	uint8_t *data = malloc(strlen(text) + 1);

	assert_non_null(data);
	memcpy(data, text, strlen(text) + 1);
	return data;
}

static void there_and_back(void **state)
{
	CLEANUP(backup_clear)
	struct backup backup = {.made = INT64_C(1795940052000),
		.gateway = "plant-7",
		.version = "0.1.0",
		.source = "tpm2+host",
		.key = {1, 2, 3}};
	CLEANUP(backup_clear) struct backup again = {0};
	CLEANUP(cleanup_free) uint8_t *file = NULL;
	size_t size;

	assert_int_equal(backup_add(&backup, "control.db", heap("abc-def"), 7), 0);
	assert_int_equal(backup_add(&backup, "page.key", heap(""), 0), 0);
	assert_int_equal(backup_pack(&backup, PHRASE, &file, &size), 0);
	assert_int_equal(backup_unpack(span_of(file, size), PHRASE, &again), 0);
	assert_int_equal(again.made, backup.made);
	assert_string_equal(again.gateway, "plant-7");
	assert_string_equal(again.version, "0.1.0");
	assert_string_equal(again.source, "tpm2+host");
	assert_memory_equal(again.key, backup.key, sizeof(again.key));
	assert_int_equal(again.parts, 2);
	assert_int_equal(backup_find(&again, "control.db")->size, 7);
	assert_memory_equal(backup_find(&again, "control.db")->data, "abc-def", 7);
	assert_int_equal(backup_find(&again, "page.key")->size, 0);
	assert_null(backup_find(&again, "page.crt"));
	file[size - 1] ^= 1;
	backup_clear(&again);
	assert_int_equal(backup_unpack(span_of(file, size), PHRASE, &again), -EBADMSG);
}

static void only_so_many_parts(void **state)
{
	CLEANUP(backup_clear) struct backup backup = {0};

	for (int i = 0; i < BACKUP_PARTS_MAX; i++)
		assert_int_equal(backup_add(&backup, "name", heap("x"), 1), 0);
	assert_int_equal(backup_add(&backup, "name", heap("x"), 1), -E2BIG);
	assert_int_equal(backup.parts, BACKUP_PARTS_MAX);
}

/* Sealed by somebody who knows the phrase, and still not believed. */
static int unpack(const char *head, const char *rest)
{
	CLEANUP(backup_clear) struct backup backup = {0};
	CLEANUP(cleanup_free) uint8_t *file = NULL;
	size_t head_size = strlen(head), rest_size = strlen(rest), size;
	uint8_t plain[2048] = {0, 0, (uint8_t)(head_size >> 8), (uint8_t)head_size};

	assert_true(head_size + rest_size + 4 < sizeof(plain));
	snprintf((char *)plain + 4, sizeof(plain) - 4, "%s%s", head, rest);
	assert_int_equal(
		phrase_seal(PHRASE, span_of(plain, 4 + head_size + rest_size), &file, &size), 0);
	return backup_unpack(span_of(file, size), PHRASE, &backup);
}

static void other_forms(void **state)
{
	static const struct {
		const char *head, *rest;
		int result;
	} rows[] = {
		{"{\"v\":1," HEAD "[{\"name\":\"a\",\"size\":3}]}", "abc", 0},
		{"{\"v\":1," HEAD "[]}", "", 0},
		{"{\"v\":2," HEAD "[]}", "", -EPROTO},
		{"{" HEAD "[]}", "", -EPROTO},
		{"{\"v\":1," HEAD "[]}", "x", -EPROTO},
		{"{\"v\":1," HEAD "{}}", "", -EPROTO},
		{"{\"v\":1," HEAD "[{\"name\":\"a\",\"size\":4}]}", "abc", -EPROTO},
		{"{\"v\":1," HEAD "[{\"name\":\"a\",\"size\":-1}]}", "abc", -EPROTO},
		{"{\"v\":1," HEAD "[{\"name\":\"../a\",\"size\":3}]}", "abc", -EPROTO},
		{"{\"v\":1," HEAD "[{\"name\":\"\",\"size\":3}]}", "abc", -EPROTO},
		{"{\"v\":1," HEAD "[{\"size\":3}]}", "abc", -EPROTO},
		{"{\"v\":1," HEAD "[{\"name\":\"a\",\"size\":1},{\"name\":\"a\",\"size\":2}]}",
			"abc", -EPROTO},
		{"{\"v\":1," HEAD "[{\"name\":\"a\",\"size\":0},{\"name\":\"b\",\"size\":0},"
		 "{\"name\":\"c\",\"size\":0},{\"name\":\"d\",\"size\":0},"
		 "{\"name\":\"e\",\"size\":0}]}",
			"", -EPROTO},
		{"{\"v\":1,\"made\":7,\"gateway\":\"g\",\"version\":\"1\",\"source\":\"file\","
		 "\"key\":\"00\",\"parts\":[]}",
			"", -EPROTO},
		{"{\"v\":1,\"version\":\"1\",\"source\":\"file\",\"key\":\"" KEY "\",\"parts\":[]}",
			"", -EPROTO},
		{"[1]", "", -EPROTO},
		{"", "", -EPROTO},
	};

	for (size_t i = 0; i < ELEMENTS(rows); i++)
		if (unpack(rows[i].head, rows[i].rest) != rows[i].result)
			fail_msg("row %zu", i);
}

static void heads_that_are_too_long(void **state)
{
	static const uint8_t HEADS[][4] = {{0, 0, 0, 1}, {0xff, 0xff, 0xff, 0xff}, {0, 1, 0, 1}};
	CLEANUP(backup_clear) struct backup backup = {0};

	for (size_t i = 0; i < ELEMENTS(HEADS); i++) {
		CLEANUP(cleanup_free) uint8_t *file = NULL;
		size_t size;

		assert_int_equal(phrase_seal(PHRASE, span_of(HEADS[i], 4), &file, &size), 0);
		assert_int_equal(backup_unpack(span_of(file, size), PHRASE, &backup), -EPROTO);
	}
	for (size_t cut = 0; cut < 4; cut++) {
		CLEANUP(cleanup_free) uint8_t *file = NULL;
		size_t size;

		assert_int_equal(phrase_seal(PHRASE, span_of(HEADS[0], cut), &file, &size), 0);
		assert_int_equal(backup_unpack(span_of(file, size), PHRASE, &backup), -EPROTO);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(only_so_many_parts),
		cmocka_unit_test(other_forms),
		cmocka_unit_test(heads_that_are_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
