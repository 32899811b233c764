/* SPDX-License-Identifier: Apache-2.0 */

/* A value is counted in the bucket whose bound it does not pass, and in every larger one. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/histogram.h"
#include "core/metrics.h"

static void test_bounds_grow(void **state)
{
	for (unsigned i = 1; i < HISTOGRAM_BOUNDS; i++)
		assert_true(histogram_bound_usec(i) > histogram_bound_usec(i - 1));
}

static void test_each_bound_belongs_to_its_bucket(void **state)
{
	for (unsigned i = 0; i < HISTOGRAM_BOUNDS; i++) {
		struct histogram histogram = {0};

		histogram_add(&histogram, histogram_bound_usec(i));
		assert_int_equal(histogram.bucket[i], 1);
		histogram_add(&histogram, histogram_bound_usec(i) + 1);
		assert_int_equal(histogram.bucket[i + 1], 1);
		assert_int_equal(histogram_at_most(&histogram, i), 1);
		assert_int_equal(histogram.count, 2);
		assert_int_equal(histogram.sum_usec, 2 * histogram_bound_usec(i) + 1);
	}
}

static void test_ends(void **state)
{
	struct histogram histogram = {0};

	histogram_add(&histogram, 0);
	histogram_add(&histogram, UINT64_C(3600) * 1000 * 1000);
	assert_int_equal(histogram.bucket[0], 1);
	assert_int_equal(histogram.bucket[HISTOGRAM_BOUNDS], 1);
	assert_int_equal(histogram_at_most(&histogram, 0), 1);
	assert_int_equal(histogram_at_most(&histogram, HISTOGRAM_BOUNDS - 1), 1);
}

static void test_words(void **state)
{
	for (unsigned i = 0; i < LOSTS; i++)
		assert_non_null(lost_why_to_string((enum lost_why)i));
	assert_string_equal(lost_why_to_string(LOST_REVOKED), "revoked");
	assert_null(lost_why_to_string(LOSTS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bounds_grow),
		cmocka_unit_test(test_each_bound_belongs_to_its_bucket),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
