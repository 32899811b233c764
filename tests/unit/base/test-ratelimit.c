/* SPDX-License-Identifier: Apache-2.0 */
/* The token bucket, in time that the test makes. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>

#include "base/clock.h"
#include "base/ratelimit.h"

static void test_burst_then_rate(void **state)
{
	struct ratelimit limit = {0};
	uint64_t now = 50 * USEC_PER_SEC, wait = 99;

	for (int i = 0; i < 3; i++)
		assert_true(ratelimit_take(&limit, 2, 3, now, &wait));
	assert_int_equal(wait, 99);
	assert_false(ratelimit_take(&limit, 2, 3, now, &wait));
	assert_int_equal(wait, USEC_PER_SEC / 2);
	assert_false(ratelimit_take(&limit, 2, 3, now, NULL));
	assert_false(ratelimit_take(&limit, 2, 3, now + 300000, &wait));
	assert_int_equal(wait, 200000);
	assert_true(ratelimit_take(&limit, 2, 3, now + 500000, &wait));
	assert_false(ratelimit_take(&limit, 2, 3, now + 500000, &wait));
}

static void test_saves_no_more_than_the_burst(void **state)
{
	struct ratelimit limit = {0};
	unsigned taken = 0;

	assert_true(ratelimit_take(&limit, 1, 4, 1, NULL));
	while (ratelimit_take(&limit, 1, 4, UINT64_C(86400) * 365 * USEC_PER_SEC, NULL))
		taken++;
	assert_int_equal(taken, 4);
}

/* Whoever waits as told gets a token, at awkward rates and after many refusals too. */
static void test_wait_is_enough(void **state)
{
	static const double rates[] = {0.001, 1.0 / 3, 0.7, 7, 333.3, 99999};

	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		struct ratelimit limit = {0};
		uint64_t now = 1, wait = 0;

		assert_true(ratelimit_take(&limit, rates[i], 1, now, NULL));
		for (int round = 0; round < 1000; round++) {
			if (!ratelimit_take(&limit, rates[i], 1, now, &wait)) {
				assert_true(wait > 0);
				for (int k = 1; k < 7; k++) /* asking too early costs nothing */
					ratelimit_take(&limit, rates[i], 1,
						now + wait * (unsigned)k / 8, NULL);
				now += wait;
			}
			assert_true(ratelimit_take(&limit, rates[i], 1, now, NULL));
		}
	}
}

static void test_long_run_keeps_the_rate(void **state)
{
	struct ratelimit limit = {0};
	unsigned taken = 0;

	for (uint64_t now = 1; now <= 100 * USEC_PER_SEC; now += 1237)
		taken += ratelimit_take(&limit, 10, 5, now, NULL);
	assert_in_range(taken, 1003, 1006);
}

static void test_odd_arguments(void **state)
{
	struct ratelimit limit = {0};
	uint64_t wait = 0;

	assert_true(ratelimit_take(&limit, 0, 1, 0, &wait)); /* time 0 counts as used, too */
	assert_false(ratelimit_take(&limit, 0, 1, 0, &wait));
	assert_int_equal(wait, UINT64_MAX);
	limit = (struct ratelimit){0};
	assert_false(ratelimit_take(&limit, 5, 0.5, 10, &wait)); /* never holds a whole token */
	assert_int_equal(wait, UINT64_MAX);
	limit = (struct ratelimit){0};
	assert_true(ratelimit_take(&limit, 1, 1, 5 * USEC_PER_SEC, &wait));
	assert_false(ratelimit_take(&limit, 1, 1, USEC_PER_SEC, &wait)); /* time went back */
	assert_int_equal(wait, USEC_PER_SEC);
	limit = (struct ratelimit){0};
	assert_true(ratelimit_take(&limit, 1, 100, 1, &wait));
	assert_true(ratelimit_take(&limit, 1, 1, 1, &wait)); /* a reload lowered the burst */
	assert_false(ratelimit_take(&limit, 1, 1, 1, &wait));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_burst_then_rate),
		cmocka_unit_test(test_saves_no_more_than_the_burst),
		cmocka_unit_test(test_wait_is_enough),
		cmocka_unit_test(test_long_run_keeps_the_rate),
		cmocka_unit_test(test_odd_arguments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
