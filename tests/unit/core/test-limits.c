/* SPDX-License-Identifier: Apache-2.0 */

/* The table of limits is complete, and the configuration reaches the values that have a key. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows_complete),
		cmocka_unit_test(test_init),
		cmocka_unit_test(test_configure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
