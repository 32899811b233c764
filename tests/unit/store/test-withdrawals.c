/* SPDX-License-Identifier: Apache-2.0 */
/* What a platform has still to be told, on disk: sealed, in order, with numbers that are never used
 * twice. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fixture.h"
#include "loaded.h"

static struct change *put(uint64_t row, const char *blob)
{
	struct change *change = change_begin();
	struct withdrawal withdrawal = {.row = row,
		.device_id = "lamp-abcd",
		.ep = "lamp",
		.platform = "local",
		.cancel = row == 2,
		.since = 77};

	assert_int_equal(secret_set(&withdrawal.blob, span_from_string(blob)), 0);
	assert_int_equal(change_put_withdrawal(change, &withdrawal), 0);
	secret_clear(&withdrawal.blob);
	return change;
}

static void test_put_load_drop(void **state)
{
	struct loaded loaded = {0};
	struct store_facts facts;
	struct change *change;
	struct fixture f;

	fixture_init(&f);
	fixture_open(&f);
	store_get_facts(f.store, &facts);
	assert_int_equal(facts.next_withdrawal, 1);
	fixture_start(&f);
	assert_int_equal(fixture_save(&f, put(3, "canary-three")), 0);
	assert_int_equal(fixture_save(&f, put(2, "canary-two")), 0);
	assert_int_equal(fixture_save(&f, put(0, "canary-none")), -EINVAL);
	reload(&f, &loaded);
	store_get_facts(f.store, &facts);
	assert_int_equal(facts.next_withdrawal, 4);
	assert_int_equal(loaded.withdrawals, 2);
	assert_int_equal(loaded.withdrawal[0]->row, 2);
	assert_true(loaded.withdrawal[0]->cancel);
	assert_false(loaded.withdrawal[1]->cancel);
	assert_string_equal(loaded.withdrawal[1]->device_id, "lamp-abcd");
	assert_string_equal(loaded.withdrawal[1]->ep, "lamp");
	assert_string_equal(loaded.withdrawal[1]->platform, "local");
	assert_int_equal(loaded.withdrawal[1]->since, 77);
	assert_memory_equal(loaded.withdrawal[1]->blob.data, "canary-three", 12);
	loaded_done(&loaded);
	fixture_start(&f);
	change = change_begin();
	assert_int_equal(change_drop_withdrawal(change, 3), 0);
	assert_int_equal(change_drop_withdrawal(change, 77), 0);
	assert_int_equal(fixture_save(&f, change), 0);
	reload(&f, &loaded);
	assert_int_equal(loaded.withdrawals, 1);
	loaded_done(&loaded);
	fixture_stop(&f);
	assert_false(fixture_holds(&f, "canary", 6));
	fixture_done(&f);
}

/* A record that was damaged or moved to another row does not open, and it is said where. */
static void test_damage(void **state)
{
	struct fixture f;
	int result;

	fixture_init(&f);
	fixture_open(&f);
	fixture_start(&f);
	assert_int_equal(fixture_save(&f, put(1, "one")), 0);
	fixture_stop(&f);
	fixture_sql(&f, "control.db", "UPDATE withdrawal SET row = 5");
	assert_int_equal(fixture_try(&f, &result), STORE_CORRUPT);
	assert_non_null(strstr(f.why, "withdrawal"));
	fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_put_load_drop),
		cmocka_unit_test(test_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
