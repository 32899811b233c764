/* SPDX-License-Identifier: Apache-2.0 */
/* Time: units, rounding, the two witnesses of a synchronised clock, stamps at the edges. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <sys/timex.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"

static clockid_t asked_clock;
static struct timespec fake_now;
static int kernel_result;
static int kernel_status;
static int stamp_result;

int __wrap_clock_gettime(clockid_t clock, struct timespec *ret);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ret)
{
	asked_clock = clock;
	*ret = fake_now;
	return 0;
}

int __wrap_adjtimex(struct timex *state);
int __wrap_adjtimex(struct timex *state)
{
	assert_int_equal(state->modes, 0); /* asking must not set anything */
	state->status = kernel_status;
	return kernel_result;
}

int __wrap_access(const char *path, int mode);
int __wrap_access(const char *path, int mode)
{
	assert_string_equal(path, "/run/systemd/timesync/synchronized");
	return stamp_result;
}

static void test_boot(void **state)
{
	fake_now = (struct timespec){5000000000, 999999999};
	assert_int_equal(clock_boot_usec(), UINT64_C(5000000000999999));
	assert_int_equal(asked_clock, CLOCK_BOOTTIME);
}

static void test_wall(void **state)
{
	fake_now = (struct timespec){1795264496, 789999999};
	assert_int_equal(clock_wall_msec(), INT64_C(1795264496789));
	assert_int_equal(asked_clock, CLOCK_REALTIME);
}

static void test_synced(void **state)
{
	static const struct {
		int result, status, stamp;
		bool synced;
	} cases[] = {
		{0, 0, -1, true},
		{0, STA_PLL, -1, true},
		{0, STA_UNSYNC, -1, false},
		{TIME_ERROR, STA_UNSYNC | STA_PLL, 0, true},
		{-1, 0, -1, false}, /* the sandbox forbids to ask */
		{-1, 0, 0, true},
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		kernel_result = cases[i].result;
		kernel_status = cases[i].status;
		stamp_result = cases[i].stamp;
		assert_int_equal(clock_is_synced(), cases[i].synced);
	}
}

static void test_format(void **state)
{
	static const struct {
		int64_t wall_msec;
		const char *text;
	} cases[] = {
		{INT64_C(1795264496999), "2026-11-21T12:34:56Z"},
		{0, "1970-01-01T00:00:00Z"},
		{-1, "1970-01-01T00:00:00Z"},
		{INT64_C(1709164800000), "2024-02-29T00:00:00Z"},
		{INT64_C(253402300799999), "9999-12-31T23:59:59Z"},
		{INT64_MAX, "9999-12-31T23:59:59Z"},
		{INT64_MIN, "1970-01-01T00:00:00Z"},
	};
	char text[21];

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		memset(text, 'x', sizeof(text));
		assert_ptr_equal(clock_format(cases[i].wall_msec, text), text);
		assert_string_equal(text, cases[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_boot),
		cmocka_unit_test(test_wall),
		cmocka_unit_test(test_synced),
		cmocka_unit_test(test_format),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
