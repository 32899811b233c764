/* SPDX-License-Identifier: Apache-2.0 */

/* The ladder: how the key is kept is told, a step down is an alarm, a change is one order. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fakes.h"
#include "host/act.h"
#include "host/journal.h"
#include "host/key-host.h"

#define HEX "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

static void begin(const char *source, const char *key, struct act_try *try)
{
	struct act act = {.kind = ACT_KEY, .role = ROLE_ADMIN, .local_root = true};

	snprintf(act.who, sizeof(act.who), "uid 0");
	snprintf(act.name, sizeof(act.name), "%s", source);
	snprintf(act.secret, sizeof(act.secret), "%s", key);
	*try = (struct act_try){0};
	act_do(&bed.host, &act, try_keep, try);
}

static void finish(int result)
{
	assert_true(fake_rekey.waits);
	fake_rekey.waits = false;
	fake_rekey.done(fake_rekey.userdata, result, result < 0 ? NULL : "ab");
	store_answer_all(0);
}

static void found(enum key_source source, enum key_source expected)
{
	const struct store_facts facts = {.key_source = source, .key_expected = expected};

	key_load(&bed.host, &facts, true);
	key_start(&bed.host);
	store_answer_all(0);
}

static void a_step_down_is_an_alarm(void **state)
{
	struct act_try try;

	found(KEY_TPM2, KEY_TPM2);
	assert_string_equal(bed.host.facts.key_source, "tpm2+host");
	assert_false(host_alarm_is_active(&bed.host, ALARM_KEY_WEAKER, ""));
	found(KEY_HOST, KEY_TPM2);
	assert_string_equal(bed.host.facts.key_source, "host");
	assert_string_equal(bed.host.facts.key_expected, "tpm2+host");
	assert_true(host_alarm_is_active(&bed.host, ALARM_KEY_WEAKER, ""));
	found(KEY_TPM2, KEY_TPM2);
	assert_false(host_alarm_is_active(&bed.host, ALARM_KEY_WEAKER, ""));
	/* By an order it is none any more. */
	found(KEY_HOST, KEY_TPM2);
	begin("host", HEX " host", &try);
	finish(0);
	assert_int_equal(try.outcome.result, ACT_DONE);
	assert_false(host_alarm_is_active(&bed.host, ALARM_KEY_WEAKER, ""));
	assert_string_equal(bed.host.facts.key_expected, "host");
	assert_true(bed.host.facts.key_is_next);
}

static void an_order_goes_to_the_store(void **state)
{
	struct act_try try, second;

	found(KEY_FILE, KEY_FILE);
	assert_string_equal(bed.host.facts.key_source, "key file");
	begin("tpm2+host", HEX " tpm2+host", &try);
	assert_int_equal(try.answers, 0);
	assert_true(fake_rekey.has_key);
	assert_int_equal(fake_rekey.source, KEY_TPM2);
	assert_int_equal(fake_rekey.key[31], 0x1f);
	assert_string_equal(fake_rekey.audit.action, "key");
	assert_string_equal(fake_rekey.audit.object, "tpm2+host");
	assert_string_equal(fake_rekey.audit.who, "uid 0");
	/* One at a time. */
	begin("file", "", &second);
	assert_int_equal(second.outcome.result, ACT_TOO_MANY);
	finish(0);
	assert_int_equal(try.answers, 1);
	assert_string_equal(bed.host.facts.key_source, "tpm2+host");
	begin("file", "", &second);
	assert_false(fake_rekey.has_key);
	finish(0);
	assert_int_equal(second.outcome.result, ACT_DONE);
	assert_string_equal(bed.host.facts.key_source, "key file");
	assert_false(bed.host.facts.key_is_next);
}

static void what_fails_changes_nothing(void **state)
{
	static const int RESULT[] = {-ENOSPC, -EIO};
	struct act_try try;

	found(KEY_FILE, KEY_FILE);
	for (size_t i = 0; i < ELEMENTS(RESULT); i++) {
		begin("file", "", &try);
		finish(RESULT[i]);
		assert_int_equal(try.outcome.result, ACT_NOT_STORED);
		assert_string_equal(bed.host.facts.key_source, "key file");
	}
	begin("file", "", &try);
	finish(0);
	assert_int_equal(try.outcome.result, ACT_DONE);
}

static void wrong_orders_are_refused(void **state)
{
	static const char *const WRONG[][2] = {{"", ""}, {"credential", HEX}, {"tpm2", HEX},
		{"file", HEX}, {"host", ""}, {"host", HEX}, {"host", HEX " tpm2+host"},
		{"tpm2+host", HEX " host"}, {"host", "zz" HEX " host"}};
	struct act_try try;

	found(KEY_FILE, KEY_FILE);
	for (size_t i = 0; i < ELEMENTS(WRONG); i++) {
		begin(WRONG[i][0], WRONG[i][1], &try);
		assert_int_equal(try.outcome.result, ACT_BAD_INPUT);
		assert_false(fake_rekey.waits);
	}
	/* Without a service manager no credential would arrive. */
	bed.host.has_credentials = false;
	begin("host", HEX " host", &try);
	assert_int_equal(try.outcome.result, ACT_BAD_INPUT);
	assert_non_null(strstr(try.outcome.text, "unit"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_step_down_is_an_alarm, bed_setup, bed_teardown),
		cmocka_unit_test_setup_teardown(
			an_order_goes_to_the_store, bed_setup, bed_teardown),
		cmocka_unit_test_setup_teardown(
			what_fails_changes_nothing, bed_setup, bed_teardown),
		cmocka_unit_test_setup_teardown(wrong_orders_are_refused, bed_setup, bed_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
