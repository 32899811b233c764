/* SPDX-License-Identifier: Apache-2.0 */

/* A copy for a backup: one at a time, never while the key is changed, with a row in the journal. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fakes.h"
#include "host/act.h"

#define HEX "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

static void begin(enum act_kind kind, const char *source, const char *key, struct act_try *try)
{
	struct act act = {.kind = kind, .role = ROLE_ADMIN, .local_root = true};

	snprintf(act.who, sizeof(act.who), "uid 0");
	snprintf(act.name, sizeof(act.name), "%s", source);
	snprintf(act.secret, sizeof(act.secret), "%s", key);
	*try = (struct act_try){0};
	act_do(&bed.host, &act, try_keep, try);
}

static void finish(int result)
{
	assert_true(fake_backup.waits);
	fake_backup.waits = false;
	fake_backup.done(fake_backup.userdata, result, result < 0 ? NULL : "ab");
	store_answer_all(0);
}

static void the_store_makes_it(void **state)
{
	uint64_t rows = bed.host.facts.audit_rows;
	struct act_try try;

	begin(ACT_BACKUP, "", HEX, &try);
	assert_int_equal(try.answers, 0);
	assert_int_equal(fake_backup.key[31], 0x1f);
	assert_string_equal(fake_backup.audit.action, "backup");
	assert_string_equal(fake_backup.audit.who, "uid 0");
	finish(0);
	assert_int_equal(try.answers, 1);
	assert_int_equal(try.outcome.result, ACT_DONE);
	assert_int_equal(bed.host.facts.audit_rows, rows + 1);
}

static void one_at_a_time(void **state)
{
	struct act_try try, second;

	begin(ACT_BACKUP, "", HEX, &try);
	begin(ACT_BACKUP, "", HEX, &second);
	assert_int_equal(second.outcome.result, ACT_TOO_MANY);
	begin(ACT_KEY, "file", "", &second);
	assert_int_equal(second.outcome.result, ACT_TOO_MANY);
	finish(-ENOSPC);
	assert_int_equal(try.outcome.result, ACT_NOT_STORED);
	assert_non_null(strstr(try.outcome.text, "no space"));
	begin(ACT_BACKUP, "", HEX, &try);
	finish(-EACCES);
	assert_int_equal(try.outcome.result, ACT_NOT_STORED);
	begin(ACT_KEY, "file", "", &second);
	begin(ACT_BACKUP, "", HEX, &try);
	assert_int_equal(try.outcome.result, ACT_TOO_MANY);
	fake_rekey.waits = false;
	fake_rekey.done(fake_rekey.userdata, 0, "ab");
	store_answer_all(0);
}

static void keys_that_are_none(void **state)
{
	static const char *const WRONG[] = {"", "00", HEX "00", HEX " host", "zz" HEX};
	struct act_try try;

	for (size_t i = 0; i < ELEMENTS(WRONG); i++) {
		begin(ACT_BACKUP, "", WRONG[i], &try);
		assert_int_equal(try.outcome.result, ACT_BAD_INPUT);
		assert_false(fake_backup.waits);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_store_makes_it, bed_setup, bed_teardown),
		cmocka_unit_test_setup_teardown(one_at_a_time, bed_setup, bed_teardown),
		cmocka_unit_test_setup_teardown(keys_that_are_none, bed_setup, bed_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
