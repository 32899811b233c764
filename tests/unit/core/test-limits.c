/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The table of limits is complete, the configuration reaches the values that have a key, and each
 * limit is reached by a unit test that looks at its counter. That the API and the tool show those
 * counters is test-api's and test_tool's.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/config.h"
#include "core/limits.h"

static void test_rows_complete(void **state)
{
	for (unsigned i = 0; i < LIMITS; i++) {
		const struct limit_row *row = limit_row((enum limit)i);

		assert_non_null(row);
		assert_true(row->name && row->unit && row->reason);
		assert_true(row->value > 0);
		assert_true(strlen(row->reason) > 10);
		for (unsigned j = 0; j < i; j++)
			assert_string_not_equal(row->name, limit_row((enum limit)j)->name);
	}
	assert_null(limit_row(LIMITS));
}

static void test_init(void **state)
{
	struct limits limits;

	memset(&limits, 0xff, sizeof(limits));
	limits_init(&limits);
	for (unsigned i = 0; i < LIMITS; i++) {
		assert_int_equal(limits.value[i], limit_row((enum limit)i)->value);
		assert_int_equal(limits.reached[i], 0);
	}
}

static void test_configure(void **state)
{
	struct limits limits, defaults;
	struct config config;

	config_init(&config);
	limits_init(&defaults);
	limits_init(&limits);
	limits_configure(&limits, &config);
	/* The defaults of both tables agree. */
	assert_memory_equal(&limits, &defaults, sizeof(limits));

	config.pending_max = 7;
	config.new_per_minute = 3;
	config.device_rate = 0.5;
	config.outbox_max_bytes = 65536;
	limits.reached[LIMIT_PENDING] = 11;
	limits_configure(&limits, &config);
	assert_int_equal(limits.value[LIMIT_PENDING], 7);
	assert_int_equal(limits.value[LIMIT_NEW_NAMES_PER_MINUTE], 3);
	assert_int_equal(limits.value[LIMIT_RATE], 1);
	assert_int_equal(limits.value[LIMIT_OUTBOX_BYTES], 65536);
	assert_int_equal(limits.reached[LIMIT_PENDING], 11);
}

/* ---- each of them is reached by a test ---- */

static char *tests_text;
static size_t tests_size;

static int add_file(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
	size_t length = strlen(path);
	FILE *file;

	if (kind != FTW_F || length < 2 || strcmp(path + length - 2, ".c") ||
		!strcmp(path + walk->base, "test-limits.c"))
		return 0;
	file = fopen(path, "re");
	assert_non_null(file);
	tests_text = realloc(tests_text, tests_size + (size_t)status->st_size + 1);
	assert_non_null(tests_text);
	tests_size += fread(tests_text + tests_size, 1, (size_t)status->st_size, file);
	tests_text[tests_size] = '\0';
	fclose(file);
	return 0;
}

/* A line that asserts (or waits for) a value of this counter other than 0. */
static bool is_looked_at(const char *identifier)
{
	char counter[96];

	snprintf(counter, sizeof(counter), "limits.reached[%s]", identifier);
	for (const char *at = tests_text; (at = strstr(at, counter)); at += strlen(counter)) {
		const char *begin = at, *end = at + strcspn(at, "\n");
		char line[256];

		while (begin > tests_text && begin[-1] != '\n')
			begin--;
		snprintf(line, sizeof(line), "%.*s", (int)(end - begin), begin);
		if ((strstr(line, "assert_") || strstr(line, "AWAIT(") ||
			    strstr(line, "bed_await(")) &&
			!strstr(line, ", 0)") && !strstr(line, "== 0"))
			return true;
	}
	return false;
}

static void test_each_is_reached_by_a_test(void **state)
{
	const char *root = getenv("GATEHOUSE_SOURCE");
	char path[4096], line[256], identifier[64];
	unsigned rows = 0, missing = 0;
	FILE *table;

	assert_non_null(root);
	snprintf(path, sizeof(path), "%s/tests/unit", root);
	assert_int_equal(nftw(path, add_file, 8, FTW_PHYS), 0);
	snprintf(path, sizeof(path), "%s/daemon/core/limits.c", root);
	table = fopen(path, "re");
	assert_non_null(table);
	while (fgets(line, sizeof(line), table)) {
		if (sscanf(line, "	[%63[A-Z_]] = {", identifier) != 1)
			continue;
		rows++;
		if (is_looked_at(identifier))
			continue;
		print_error("No unit test reaches %s and looks at its counter.\n", identifier);
		missing++;
	}
	fclose(table);
	free(tests_text);
	assert_int_equal(rows, LIMITS);
	assert_int_equal(missing, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows_complete),
		cmocka_unit_test(test_init),
		cmocka_unit_test(test_configure),
		cmocka_unit_test(test_each_is_reached_by_a_test),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
