/* SPDX-License-Identifier: Apache-2.0 */
/* What was erased does not stay in the log of control.db while the gateway goes on. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "fixture.h"

static int64_t log_size(const struct fixture *f)
{
	struct stat st;

	assert_return_code(stat(fixture_path(f, "control.db-wal"), &st), errno);
	return st.st_size;
}

/* Milliseconds until the log is empty; -1 when it is not within 'limit'. */
static int64_t msec_until_empty(const struct fixture *f, int64_t limit)
{
	uint64_t begin = clock_boot_usec();

	for (;;) {
		int64_t passed = (int64_t)((clock_boot_usec() - begin) / USEC_PER_MSEC);

		if (log_size(f) == 0)
			return passed;
		if (passed > limit)
			return -1;
		usleep(20000);
	}
}

static void put_device(struct fixture *f, bool erasing)
{
	struct device_record *device = sample_device(1);
	struct change *change = change_begin();

	assert_int_equal(change_put_device(change, device), 0);
	if (erasing)
		change_mark_erasing(change);
	assert_int_equal(fixture_save(f, change), 0);
	device_record_free(device);
}

static void test_log_is_cut_off(void **state)
{
	struct change *change = change_begin();
	struct fixture f;

	fixture_init(&f);
	fixture_open(&f);
	fixture_start(&f);
	put_device(&f, false);
	/* What erases nothing costs no second write. */
	assert_int_equal(msec_until_empty(&f, 4500), -1);
	assert_int_equal(change_drop_device(change, 1), 0);
	assert_int_equal(fixture_save(&f, change), 0);
	assert_true(log_size(&f) > 0);
	assert_in_range(msec_until_empty(&f, 20000), 2000, 20000);
	/* And once more, by what only the caller knows. */
	put_device(&f, true);
	assert_true(log_size(&f) > 0);
	assert_in_range(msec_until_empty(&f, 20000), 2000, 20000);
	fixture_done(&f);
}

/* Each kind that takes a secret away says so by itself. */
static void test_which_changes_erase(void **state)
{
	struct change *change;
	unsigned i;

	for (i = 0; i < 6; i++) {
		int r = -1;

		change = change_begin();
		assert_false(change->erases);
		switch (i) {
		case 0:
			r = change_drop_device(change, 1);
			break;
		case 1:
			r = change_drop_person(change, 1);
			break;
		case 2:
			r = change_drop_token(change, "operator", "one");
			break;
		case 3:
			r = change_drop_label(change, "one");
			break;
		case 4:
			r = change_drop_window(change, "one", 1);
			break;
		case 5:
			r = change_put_secret(change, "site-ca", SPAN_LITERAL("x"));
			break;
		}
		assert_int_equal(r, 0);
		assert_true(change->erases);
		change_free(change);
	}
	change = change_begin();
	assert_int_equal(change_close_window(change, "one", 1), 0);
	assert_int_equal(change_put_setting(change, "a", "b"), 0);
	assert_int_equal(change_drop_command(change, 1), 0);
	assert_false(change->erases);
	change_free(change);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_log_is_cut_off),
		cmocka_unit_test(test_which_changes_erase),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
