/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The way in, and the rules of the platform contract about operations: 1, 2, 6, 9 and 10. One or
 * more scenarios for each, with every action and field that an event must leave behind. Rule 8
 * (secrets go nowhere else) shows here as: what ends is erased.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "life.h"

/* The way in, and what each step asks of the host. */

static void onboarding_with_a_code(void **data)
{
	struct lead lead = {0};

	lead_event(&lead, LIFE_ASKED);
	assert_moved(&lead, LIFE_SAVE);
	assert_int_equal(lead.life.admission, ADMISSION_PENDING);

	lead_event(&lead, LIFE_ADMIT);
	assert_moved(&lead, LIFE_SAVE | LIFE_ADVANCE);
	assert_int_equal(lead.life.operation, OPERATION_OPENING);
	assert_int_equal(lead.life.operation_number, lead.number);
	assert_false(lead.life.operation_approved);

	lead_progress(&lead, "asked");
	assert_moved(&lead, LIFE_SAVE);
	assert_true(secret_is(&lead.life.operation_blob, "asked"));

	lead_code(&lead, "BCDF-GHJK");
	assert_moved(&lead, LIFE_SAVE | LIFE_SHOW_CODE);
	assert_true(secret_is(&lead.life.operation_code, "BCDF-GHJK"));
	assert_true(secret_is(&lead.life.operation_blob, "blob-code"));
	assert_int_equal(lead.life.operation_expires, NOW + 600000);

	lead_event(&lead, LIFE_APPROVE);
	assert_moved(&lead, LIFE_SAVE | LIFE_ADVANCE);
	assert_true(lead.life.operation_approved);

	lead_issued(&lead, "token-1", IN_A_DAY);
	assert_moved(&lead, LIFE_SAVE | LIFE_ADVANCE);
	assert_int_equal(lead.life.operation, OPERATION_ISSUED);
	assert_int_equal(lead.life.credential, CREDENTIAL_HELD);
	assert_int_equal(lead.life.credential_since, NOW);
	assert_int_equal(lead.life.credential_expires, IN_A_DAY);
	assert_int_equal(lead.life.operation_expires, 0);
	assert_true(secret_is(&lead.life.credential_current, "token-1"));
	assert_false(lifecycle_may_publish(&lead.life, NOW));
	assert_false(lifecycle_may_report(&lead.life));

	lead_bound(&lead);
	assert_moved(&lead, LIFE_SAVE | LIFE_CONNECT | LIFE_TELL_DEVICE | LIFE_CLEAR_CODE);
	assert_string_equal(lead.life.platform_id, "device-at-platform");
	assert_int_equal(lead.life.operation_blob.size, 0);
	assert_int_equal(lead.life.operation_code.size, 0);
	assert_false(lead.life.operation_approved);
	assert_int_equal(lead.life.link, LINK_CONNECTING);
	assert_true(lifecycle_may_publish(&lead.life, NOW));
	assert_true(lifecycle_may_report(&lead.life));

	/* Nothing on disk changes with a first connection. */
	lead_event(&lead, LIFE_LINK_UP);
	assert_moved(&lead, 0);
	assert_int_equal(lead.life.link, LINK_UP);
	lifecycle_clear(&lead.life);
}

static void onboarding_in_one_act(void **data)
{
	struct lead lead = {0};

	lead_event(&lead, LIFE_APPROVE);
	assert_moved(&lead, LIFE_SAVE | LIFE_ADVANCE);
	assert_int_equal(lead.life.admission, ADMISSION_ADMITTED);
	assert_true(lead.life.operation_approved);

	/* No code was shown: none is cleared. */
	lead_issued(&lead, "token-1", 0);
	lead_bound(&lead);
	assert_moved(&lead, LIFE_SAVE | LIFE_CONNECT | LIFE_TELL_DEVICE);
	assert_true(lifecycle_may_publish(&lead.life, INT64_MAX));
	lifecycle_clear(&lead.life);
}

static void approval_while_opening_is_remembered(void **data)
{
	struct lead lead = {0};

	lead_event(&lead, LIFE_ADMIT);
	lead_event(&lead, LIFE_APPROVE);
	assert_moved(&lead, LIFE_SAVE);
	assert_true(lead.life.operation_approved);
	lead_event(&lead, LIFE_APPROVE);
	assert_refused(&lead, "It is approved already and waits for the platform.");
	lead_progress(&lead, "asked");
	assert_moved(&lead, LIFE_SAVE);
	lead_code(&lead, "BCDF-GHJK");
	assert_moved(&lead, LIFE_SAVE | LIFE_SHOW_CODE | LIFE_ADVANCE);
	assert_true(lead.life.operation_approved);
	/* Said once: the same code again is no reason to ask again. */
	lead_code(&lead, "BCDF-GHJK");
	assert_moved(&lead, 0);
	lifecycle_clear(&lead.life);
}

/* Rule 1: at most one open operation; it is resumed with its number and its code. */

static void rule_1_one_open_operation(void **data)
{
	static const enum life_event openers[] = {LIFE_ADMIT, LIFE_ASKED, LIFE_RESUME};
	struct lead lead = {0};
	uint64_t number;

	lead_to_awaiting(&lead);
	number = lead.life.operation_number;
	for (size_t i = 0; i < 3; i++) {
		lead_event(&lead, openers[i]);
		assert_int_not_equal(lead.outcome.result, MACHINE_MOVED);
		assert_int_equal(lead.life.operation_number, number);
	}
	lead_event(&lead, LIFE_ADMIT);
	assert_refused(&lead, "It is admitted already and waits for its approval.");

	lead_issued(&lead, "token-1", IN_A_DAY);
	lead_event(&lead, LIFE_ADMIT);
	assert_refused(&lead, "It is approved already and waits for the platform.");
	lead_bound(&lead);
	lead_event(&lead, LIFE_ADMIT);
	assert_refused(&lead, "It is active already.");
	lead_event(&lead, LIFE_APPROVE);
	assert_refused(&lead, "It is active already.");
	assert_int_equal(lead.life.operation_number, number);
	lifecycle_clear(&lead.life);
}

static void rule_1_resumed_after_a_restart(void **data)
{
	struct lead lead = {0};
	uint64_t number;

	lead_event(&lead, LIFE_ADMIT);
	number = lead.life.operation_number;
	lead_event(&lead, LIFE_RESTARTED);
	assert_moved(&lead, LIFE_ADVANCE);
	lead_code(&lead, "BCDF-GHJK");
	lead_event(&lead, LIFE_RESTARTED);
	assert_moved(&lead, LIFE_ADVANCE | LIFE_SHOW_CODE);
	assert_true(secret_is(&lead.life.operation_code, "BCDF-GHJK"));
	lead_issued(&lead, "token-1", IN_A_DAY);
	lead_event(&lead, LIFE_RESTARTED);
	assert_moved(&lead, LIFE_ADVANCE);
	assert_int_equal(lead.life.operation_number, number);
	assert_int_equal(lead.life.operation, OPERATION_ISSUED);
	lifecycle_clear(&lead.life);
}

static void rule_1_number_is_needed_and_new(void **data)
{
	struct lead lead = {0};
	struct life_input input = lead_input(&lead, LIFE_ADMIT);

	input.operation_number = 0;
	assert_int_equal(lead_try(&lead, &input), -EINVAL);
	assert_int_equal(lead.life.admission, ADMISSION_SIGHTED);

	lead_to_awaiting(&lead);
	input = lead_input(&lead, LIFE_OPERATION_LAPSED);
	input.operation_number = lead.life.operation_number;
	assert_int_equal(lead_try(&lead, &input), -EINVAL);
	assert_int_equal(lead.life.operation, OPERATION_AWAITING);
	lifecycle_clear(&lead.life);
}

static void rule_1_late_answers_are_ignored(void **data)
{
	struct lead lead = {0};
	struct life_input input;
	uint64_t first;

	lead_to_awaiting(&lead);
	first = lead.life.operation_number;
	lead_event(&lead, LIFE_SUSPEND);
	lead_event(&lead, LIFE_RESUME);
	assert_moved(&lead, LIFE_SAVE | LIFE_TELL_DEVICE | LIFE_ADVANCE);
	assert_int_not_equal(lead.life.operation_number, first);

	input = lead_input(&lead, LIFE_DRIVER_ISSUED);
	input.blob = SPAN_LITERAL("token-late");
	input.answer_to = first;
	lead_step(&lead, input);
	assert_ignored(&lead);
	assert_int_equal(lead.life.operation, OPERATION_OPENING);

	input.answer_to = lead.life.operation_number;
	lead_step(&lead, input);
	assert_int_equal(lead.life.operation, OPERATION_ISSUED);
	lifecycle_clear(&lead.life);
}

/* Rule 2: signs of a leak. */

static void rule_2_leak_in_an_operation(void **data)
{
	struct lead lead = {0};

	lead_to_awaiting(&lead);
	lead_event(&lead, LIFE_DRIVER_LEAK);
	assert_moved(&lead,
		LIFE_SAVE | LIFE_TELL_DEVICE | LIFE_DISCONNECT | LIFE_CLEAR_CODE | LIFE_ALARM_LEAK);
	assert_int_equal(lead.life.operation, OPERATION_FAILED);
	assert_int_equal(lead.life.admission, ADMISSION_PENDING);
	assert_int_equal(lead.life.operation_code.size, 0);

	lead_event(&lead, LIFE_OPERATION_LAPSED);
	assert_ignored(&lead);
	lead_event(&lead, LIFE_RESTARTED);
	assert_ignored(&lead);
	lead_event(&lead, LIFE_ADMIT);
	assert_moved(&lead, LIFE_SAVE | LIFE_ADVANCE);
	lifecycle_clear(&lead.life);
}

static void rule_2_session_taken_over(void **data)
{
	struct lead lead = {0};

	lead_to_active(&lead);
	lead_event(&lead, LIFE_LINK_TAKEN_OVER);
	assert_moved(&lead, LIFE_SAVE | LIFE_ALARM_LEAK | LIFE_RECONNECT);
	assert_int_equal(lead.life.link, LINK_DOWN);
	assert_true(lead.life.operation_blocked);

	/* It may go on with what it has, but gets nothing new by itself. */
	lead_event(&lead, LIFE_LINK_RETRY);
	assert_moved(&lead, LIFE_CONNECT);
	lead_event(&lead, LIFE_CREDENTIAL_LAPSED);
	lead_event(&lead, LIFE_DRIVER_REFUSED);
	assert_moved(&lead, LIFE_SAVE | LIFE_ALARM_REFUSED);
	assert_int_equal(lead.life.credential, CREDENTIAL_REFUSED);
	assert_int_equal(lead.life.operation, OPERATION_BOUND);

	/* A person decides. */
	lead_event(&lead, LIFE_ADMIT);
	assert_moved(&lead, LIFE_SAVE | LIFE_ADVANCE);
	assert_false(lead.life.operation_blocked);
	lifecycle_clear(&lead.life);
}

static void rule_2_taken_over_while_renewing(void **data)
{
	struct lead lead = {0};

	lead_to_active(&lead);
	lead_event(&lead, LIFE_RENEW_DUE);
	lead_progress(&lead, "refreshing");
	lead_event(&lead, LIFE_LINK_TAKEN_OVER);
	/* The refresh goes on. */
	assert_moved(&lead, LIFE_SAVE | LIFE_ALARM_LEAK | LIFE_RECONNECT);
	assert_true(secret_is(&lead.life.operation_blob, "refreshing"));
	lifecycle_clear(&lead.life);
}

static void rule_2_refused_before_its_end(void **data)
{
	struct lead lead = {0};

	lead_to_active(&lead);
	lead_event(&lead, LIFE_LINK_REFUSED);
	assert_moved(&lead, LIFE_SAVE | LIFE_DISCONNECT | LIFE_REFRESH | LIFE_ALARM_LEAK);
	assert_true(lead.life.operation_blocked);

	/* Suspended, looked at, resumed: decided. */
	lead_event(&lead, LIFE_SUSPEND);
	assert_true(lead.life.operation_blocked);
	lead_event(&lead, LIFE_RESUME);
	assert_false(lead.life.operation_blocked);
	lifecycle_clear(&lead.life);
}

/* The platform may have taken the next one already: only when there is none it is a sign. */
static void rule_2_refused_while_renewing(void **data)
{
	struct lead lead = {0};

	lead_to_active(&lead);
	lead_event(&lead, LIFE_RENEW_DUE);
	for (unsigned i = 0; i < 2; i++) {
		lead_event(&lead, LIFE_LINK_REFUSED);
		assert_false(lead.outcome.actions & LIFE_ALARM_LEAK);
		assert_true(lead.outcome.actions & LIFE_REFRESH);
		assert_false(lead.life.operation_blocked);
		assert_int_equal(lead.life.credential, CREDENTIAL_RENEWING);
		lead_event(&lead, LIFE_RESTARTED);
	}
	lead_issued(&lead, "token-2", IN_A_DAY);
	lead_event(&lead, LIFE_LINK_UP);
	assert_false(lead.life.operation_blocked);
	assert_false(lead.life.credential_doubted);

	/* The next one is not taken either. */
	lead_event(&lead, LIFE_RENEW_DUE);
	lead_event(&lead, LIFE_LINK_REFUSED);
	lead_issued(&lead, "token-3", IN_A_DAY);
	assert_false(lead.life.operation_blocked);
	lead_event(&lead, LIFE_LINK_REFUSED);
	assert_moved(&lead, LIFE_SAVE | LIFE_DISCONNECT | LIFE_ALARM_REFUSED | LIFE_ALARM_LEAK);
	assert_true(lead.life.operation_blocked);
	assert_int_equal(lead.life.credential, CREDENTIAL_REFUSED);
	lifecycle_clear(&lead.life);

	/* There is no next one, or somebody there has taken it away; at once or after its end. */
	for (unsigned i = 0; i < 4; i++) {
		unsigned away = i % 2;

		lead = (struct lead){0};
		lead_to_active(&lead);
		lead_event(&lead, LIFE_RENEW_DUE);
		lead_event(&lead, LIFE_LINK_REFUSED);
		lead.now = i < 2 ? 0 : IN_A_DAY;
		if (lead.now)
			lead_event(&lead, LIFE_CREDENTIAL_LAPSED);
		lead_event(&lead, away ? LIFE_DRIVER_REJECTED : LIFE_DRIVER_REFUSED);
		assert_true(lead.outcome.actions & LIFE_ALARM_LEAK);
		assert_int_equal(lead.life.operation_blocked, !away);
		assert_int_equal(lead.life.credential, away ? CREDENTIAL_NONE : CREDENTIAL_REFUSED);
		lifecycle_clear(&lead.life);
	}
}

static void rule_2_leak_in_a_refresh(void **data)
{
	struct lead lead = {0};

	lead_to_active(&lead);
	lead_event(&lead, LIFE_RENEW_DUE);
	lead_event(&lead, LIFE_DRIVER_LEAK);
	assert_moved(&lead, LIFE_SAVE | LIFE_ALARM_LEAK | LIFE_ALARM_REFUSED | LIFE_BACK_OFF);
	assert_int_equal(lead.life.credential, CREDENTIAL_RENEWING);

	lead_event(&lead, LIFE_CREDENTIAL_LAPSED);
	lead_event(&lead, LIFE_DRIVER_LEAK);
	assert_int_equal(lead.life.credential, CREDENTIAL_REFUSED);
	assert_int_equal(lead.life.operation, OPERATION_BOUND);
	assert_moved(&lead, LIFE_SAVE | LIFE_ALARM_LEAK | LIFE_ALARM_REFUSED);
	lead_event(&lead, LIFE_DRIVER_LEAK);
	assert_moved(&lead, LIFE_ALARM_LEAK);
	lifecycle_clear(&lead.life);
}

/* Rule 6: rejected waits for a person; expired is reopened twice. */

static void rule_6_rejected_upstream_waits(void **data)
{
	struct lead lead = {0};

	lead_to_awaiting(&lead);
	lead_event(&lead, LIFE_DRIVER_REJECTED);
	assert_moved(&lead, LIFE_SAVE | LIFE_TELL_DEVICE | LIFE_DISCONNECT | LIFE_CLEAR_CODE);
	assert_int_equal(lead.life.admission, ADMISSION_REJECTED);
	assert_int_equal(lead.life.operation, OPERATION_REJECTED);
	lead_event(&lead, LIFE_ASKED);
	assert_ignored(&lead);
	lead_event(&lead, LIFE_RESTARTED);
	assert_ignored(&lead);
	lead_event(&lead, LIFE_ADMIT);
	assert_moved(&lead, LIFE_SAVE | LIFE_TELL_DEVICE | LIFE_ADVANCE);
	lifecycle_clear(&lead.life);
}

static void rule_6_reopened_twice(void **data)
{
	struct lead lead = {0};
	uint64_t number;

	lead_to_awaiting(&lead);
	lead_event(&lead, LIFE_APPROVE);
	for (unsigned i = 1; i <= OPERATION_REOPEN_MAX; i++) {
		number = lead.life.operation_number;
		lead_event(&lead, i == 1 ? LIFE_DRIVER_EXPIRED : LIFE_OPERATION_LAPSED);
		assert_moved(&lead, LIFE_SAVE | LIFE_ADVANCE | LIFE_TELL_DEVICE | LIFE_CLEAR_CODE);
		assert_int_equal(lead.life.operation, OPERATION_OPENING);
		assert_int_equal(lead.life.operation_reopened, i);
		assert_int_not_equal(lead.life.operation_number, number);
		assert_int_equal(lead.life.operation_code.size, 0);
		assert_int_equal(lead.life.operation_blob.size, 0);
		assert_int_equal(lead.life.operation_expires, 0);
		assert_false(lead.life.operation_approved);
		lead_code(&lead, i == 1 ? "GHJK-LMNP" : "QRST-VWXZ");
	}
	lead_event(&lead, LIFE_DRIVER_EXPIRED);
	assert_moved(&lead, LIFE_SAVE | LIFE_TELL_DEVICE | LIFE_CLEAR_CODE | LIFE_ALARM_FAILED);
	assert_int_equal(lead.life.operation, OPERATION_EXPIRED);
	lead_event(&lead, LIFE_RESTARTED);
	assert_ignored(&lead);

	/* A person's try counts anew. */
	lead_event(&lead, LIFE_ADMIT);
	assert_moved(&lead, LIFE_SAVE | LIFE_ADVANCE);
	assert_int_equal(lead.life.operation_reopened, 0);
	lifecycle_clear(&lead.life);
}

/* Rule 9: the platform's id is the truth. Rule 10: the code is opaque and constant. */

static void rule_9_the_platform_names_the_device(void **data)
{
	char longest[130];
	const char *bad[] = {NULL, "", longest, "a\nb", "\xc3\xa4"};
	struct lead lead = {0};
	struct life_input input;

	memset(longest, 'x', 129);
	longest[129] = '\0';
	lead_event(&lead, LIFE_APPROVE);
	lead_issued(&lead, "token-1", IN_A_DAY);
	for (size_t i = 0; i < 5; i++) {
		input = lead_input(&lead, LIFE_DRIVER_BOUND);
		input.platform_id = bad[i];
		assert_int_equal(lead_try(&lead, &input), -EINVAL);
		assert_int_equal(lead.life.operation, OPERATION_ISSUED);
	}
	longest[128] = '\0';
	lead_step(&lead, input = (struct life_input){
				 .event = LIFE_DRIVER_BOUND, .now = NOW, .platform_id = longest});
	assert_string_equal(lead.life.platform_id, longest);
	lifecycle_clear(&lead.life);
}

static void rule_10_the_code_is_constant(void **data)
{
	static const char *const bad[] = {"", "other", "with\nline",
		"65 bytes of code are one too many for what a display may show...."};
	struct lead lead = {0};
	struct life_input input;

	assert_int_equal(strlen(bad[3]), CODE_MAX + 1);
	lead_to_awaiting(&lead);
	for (size_t i = 0; i < 4; i++) {
		input = lead_input(&lead, LIFE_DRIVER_CODE);
		input.code = span_from_string(bad[i]);
		assert_int_equal(lead_try(&lead, &input), -EINVAL);
		assert_true(secret_is(&lead.life.operation_code, "BCDF-GHJK"));
	}

	/* The same once more: not shown again. Without a blob the one before stays. */
	input = lead_input(&lead, LIFE_DRIVER_CODE);
	input.code = SPAN_LITERAL("BCDF-GHJK");
	input.expires = -1;
	assert_int_equal(lead_try(&lead, &input), -EINVAL);
	input.expires = NOW + 600000;
	lead_step(&lead, input);
	assert_moved(&lead, 0);
	assert_true(secret_is(&lead.life.operation_blob, "blob-code"));
	lead_progress(&lead, "polled");
	assert_true(secret_is(&lead.life.operation_code, "BCDF-GHJK"));
	lead_event(&lead, LIFE_DRIVER_FAILED_RETRY);
	assert_moved(&lead, LIFE_BACK_OFF);
	assert_true(secret_is(&lead.life.operation_code, "BCDF-GHJK"));
	lead_event(&lead, LIFE_REJECT);
	assert_moved(&lead, LIFE_SAVE | LIFE_CANCEL | LIFE_CLEAR_CODE | LIFE_TELL_DEVICE);
	assert_int_equal(lead.life.admission, ADMISSION_REJECTED);
	assert_null(lead.life.operation_code.data);
	assert_null(lead.life.operation_blob.data);
	lifecycle_clear(&lead.life);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(onboarding_with_a_code),
		cmocka_unit_test(onboarding_in_one_act),
		cmocka_unit_test(approval_while_opening_is_remembered),
		cmocka_unit_test(rule_1_one_open_operation),
		cmocka_unit_test(rule_1_resumed_after_a_restart),
		cmocka_unit_test(rule_1_number_is_needed_and_new),
		cmocka_unit_test(rule_1_late_answers_are_ignored),
		cmocka_unit_test(rule_2_leak_in_an_operation),
		cmocka_unit_test(rule_2_session_taken_over),
		cmocka_unit_test(rule_2_taken_over_while_renewing),
		cmocka_unit_test(rule_2_refused_before_its_end),
		cmocka_unit_test(rule_2_refused_while_renewing),
		cmocka_unit_test(rule_2_leak_in_a_refresh),
		cmocka_unit_test(rule_6_rejected_upstream_waits),
		cmocka_unit_test(rule_6_reopened_twice),
		cmocka_unit_test(rule_9_the_platform_names_the_device),
		cmocka_unit_test(rule_10_the_code_is_constant),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
