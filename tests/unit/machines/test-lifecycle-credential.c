/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The rules of the platform contract about credentials and their link: 3, 4, 5 and 7. One or more
 * scenarios for each, with every action and field that an event must leave behind.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "life.h"

/* Rule 3: credentials rotate on use. */

static void rule_3_old_one_stays_until_connected(void **data)
{
	struct lead lead = {0};

	lead_to_active(&lead);
	lead_event(&lead, LIFE_RENEW_DUE);
	assert_moved(&lead, LIFE_SAVE | LIFE_REFRESH);
	assert_true(lifecycle_may_publish(&lead.life, NOW));
	lead_event(&lead, LIFE_RENEW_DUE);
	assert_ignored(&lead); /* one refresh in flight */

	lead_progress(&lead, "refreshing");
	assert_moved(&lead, LIFE_SAVE); /* and on by what the driver asked for with it */
	assert_true(secret_is(&lead.life.operation_blob, "refreshing"));
	lead_progress(&lead, "refreshing");
	assert_moved(&lead, 0); /* on disk already */

	lead_event(&lead, LIFE_RESTARTED);
	assert_moved(&lead, LIFE_REFRESH | LIFE_CONNECT);
	assert_true(secret_is(&lead.life.operation_blob, "refreshing"));
	lead_event(&lead, LIFE_DRIVER_FAILED_RETRY);
	assert_moved(&lead, LIFE_BACK_OFF);

	lead.now = NOW + 5;
	lead_issued(&lead, "token-2", IN_A_DAY * 2);
	assert_moved(&lead, LIFE_SAVE | LIFE_CONNECT);
	assert_true(secret_is(&lead.life.credential_current, "token-2"));
	assert_true(secret_is(&lead.life.credential_old, "token-1"));
	assert_int_equal(lead.life.operation_blob.size, 0);
	assert_int_equal(lead.life.credential_since, NOW + 5);
	assert_int_equal(lead.life.credential_expires, IN_A_DAY * 2);

	lead_event(&lead, LIFE_LINK_UP);
	assert_moved(&lead, LIFE_SAVE);
	assert_int_equal(lead.life.credential_old.size, 0);
	lifecycle_clear(&lead.life);
}

static void rule_3_the_one_that_worked_stays(void **data)
{
	struct lead lead = {0};

	lead_to_active(&lead);
	lead_event(&lead, LIFE_RENEW_DUE);
	lead_issued(&lead, "token-2", IN_A_DAY);
	/* token-2 never connects before the next one comes. */
	lead_event(&lead, LIFE_RENEW_DUE);
	lead_issued(&lead, "token-3", IN_A_DAY);
	assert_true(secret_is(&lead.life.credential_current, "token-3"));
	assert_true(secret_is(&lead.life.credential_old, "token-1"));
	lifecycle_clear(&lead.life);
}

static void rule_3_complete_is_never_repeated(void **data)
{
	struct lead lead = {0};

	lead_to_awaiting(&lead);
	lead_issued(&lead, "token-1", IN_A_DAY);
	lead_issued(&lead, "token-2", IN_A_DAY);
	assert_ignored(&lead);
	assert_true(secret_is(&lead.life.credential_current, "token-1"));
	lead_event(&lead, LIFE_OPERATION_LAPSED);
	assert_ignored(&lead);
	lead_event(&lead, LIFE_DRIVER_EXPIRED);
	assert_ignored(&lead);
	lead_event(&lead, LIFE_RENEW_DUE);
	assert_ignored(&lead); /* not before it is bound */
	lead_event(&lead, LIFE_DRIVER_FAILED_RETRY);
	assert_moved(&lead, LIFE_BACK_OFF);
	assert_int_equal(lead.life.operation, OPERATION_ISSUED);
	lifecycle_clear(&lead.life);
}

static void rule_3_what_was_never_bound_is_erased(void **data)
{
	static const struct {
		enum life_event event;
		uint32_t actions;
	} ends[] = {
		{LIFE_DRIVER_FAILED_FINAL, LIFE_ALARM_FAILED},
		{LIFE_DRIVER_REFUSED, LIFE_ALARM_FAILED},
		{LIFE_CREDENTIAL_LAPSED, LIFE_ALARM_FAILED},
		{LIFE_SUSPEND, LIFE_CANCEL | LIFE_DISCONNECT},
		{LIFE_DRIVER_LEAK, LIFE_ALARM_LEAK | LIFE_DISCONNECT},
		{LIFE_DRIVER_REJECTED, LIFE_DISCONNECT},
	};

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		struct lead lead = {0};

		lead_event(&lead, LIFE_APPROVE);
		lead_issued(&lead, "token-1", IN_A_DAY);
		lead_event(&lead, ends[i].event);
		assert_moved(&lead,
			LIFE_SAVE | LIFE_TELL_DEVICE | LIFE_PLATFORM_REVOKE | ends[i].actions);
		assert_int_equal(lead.life.credential, CREDENTIAL_NONE);
		assert_int_equal(lead.life.credential_current.size, 0);
		lifecycle_clear(&lead.life);
	}
}

/* Rule 4: the end of a credential: refresh, then register, then a person. */

static void rule_4_refresh_then_register_then_a_person(void **data)
{
	struct lead lead = {0};
	enum device_word word;
	enum device_stage stage;

	lead_to_active(&lead);
	assert_false(lifecycle_may_publish(&lead.life, IN_A_DAY));
	lead.now = IN_A_DAY;
	lead_event(&lead, LIFE_CREDENTIAL_LAPSED);
	assert_moved(&lead, LIFE_SAVE | LIFE_DISCONNECT | LIFE_REFRESH);
	assert_int_equal(lead.life.link, LINK_DOWN);
	assert_false(lifecycle_may_publish(&lead.life, NOW));
	assert_true(lifecycle_may_report(&lead.life));
	lead_event(&lead, LIFE_LINK_RETRY);
	assert_ignored(&lead);
	lead_event(&lead, LIFE_ADMIT);
	assert_refused(
		&lead, "It is admitted already and its expired credential is being renewed.");
	lead_event(&lead, LIFE_RESTARTED);
	assert_moved(&lead, LIFE_REFRESH);

	lead_event(&lead, LIFE_DRIVER_REFUSED);
	assert_moved(&lead, LIFE_SAVE | LIFE_ADVANCE);
	assert_int_equal(lead.life.operation, OPERATION_OPENING);
	assert_false(lead.life.operation_approved);
	lifecycle_describe(&lead.life, &word, &stage);
	assert_int_equal(word, DEVICE_APPROVED);
	assert_true(lifecycle_may_report(&lead.life));

	lead_event(&lead, LIFE_DRIVER_FAILED_FINAL);
	assert_moved(&lead, LIFE_SAVE | LIFE_TELL_DEVICE | LIFE_ALARM_FAILED);
	lifecycle_describe(&lead.life, &word, &stage);
	assert_int_equal(stage, STAGE_TROUBLE);

	lead_event(&lead, LIFE_APPROVE);
	assert_moved(&lead, LIFE_SAVE | LIFE_ADVANCE);
	lead_issued(&lead, "token-2", IN_A_DAY * 2);
	assert_int_equal(lead.life.credential_old.size, 0);
	assert_false(lifecycle_may_publish(&lead.life, IN_A_DAY));
	lead_bound(&lead);
	assert_true(lifecycle_may_publish(&lead.life, IN_A_DAY));
	lifecycle_clear(&lead.life);
}

static void rule_4_expired_is_refreshed(void **data)
{
	struct lead lead = {0};

	lead_to_active(&lead);
	lead_event(&lead, LIFE_RENEW_DUE);
	lead_event(&lead, LIFE_CREDENTIAL_LAPSED);
	assert_moved(&lead, LIFE_SAVE | LIFE_DISCONNECT); /* the refresh is under way */
	lead_event(&lead, LIFE_DRIVER_FAILED_RETRY);
	assert_moved(&lead, LIFE_BACK_OFF);
	lead_issued(&lead, "token-2", IN_A_DAY * 2);
	assert_moved(&lead, LIFE_SAVE | LIFE_CONNECT);
	lifecycle_clear(&lead.life);
}

static void rule_4_refused_early_is_said_and_tried_again(void **data)
{
	static const enum life_event refusals[] = {
		LIFE_DRIVER_REFUSED, LIFE_DRIVER_EXPIRED, LIFE_DRIVER_FAILED_FINAL};
	struct lead lead = {0};

	lead_to_active(&lead);
	lead_event(&lead, LIFE_RENEW_DUE);
	for (size_t i = 0; i < 3; i++) {
		lead_progress(&lead, "half way");
		lead_event(&lead, refusals[i]);
		assert_moved(&lead, LIFE_SAVE | LIFE_ALARM_REFUSED | LIFE_BACK_OFF);
		assert_int_equal(lead.life.operation_blob.size, 0);
		assert_true(lifecycle_may_publish(&lead.life, NOW));
		assert_int_equal(lead.life.link, LINK_UP);
	}
	lifecycle_clear(&lead.life);
}

/* Rule 5: refused at the door: one renewal, then stop. */

static void rule_5_one_renewal_then_stop(void **data)
{
	struct lead lead = {0};

	lead_to_active(&lead);
	lead.now = IN_A_DAY; /* no leak sign */
	lead_event(&lead, LIFE_LINK_REFUSED);
	assert_moved(&lead, LIFE_SAVE | LIFE_DISCONNECT | LIFE_REFRESH);
	assert_int_equal(lead.life.link, LINK_REFUSED);
	assert_int_equal(lead.life.credential, CREDENTIAL_RENEWING);
	lead_event(&lead, LIFE_LINK_RETRY);
	assert_ignored(&lead);

	lead_issued(&lead, "token-2", IN_A_DAY * 2);
	assert_moved(&lead, LIFE_SAVE | LIFE_CONNECT);
	lead.now = IN_A_DAY * 2;
	lead_event(&lead, LIFE_LINK_REFUSED);
	assert_moved(&lead, LIFE_SAVE | LIFE_DISCONNECT | LIFE_ALARM_REFUSED);
	assert_int_equal(lead.life.credential, CREDENTIAL_REFUSED);
	assert_int_equal(lead.life.link, LINK_REFUSED);

	for (enum life_event event = LIFE_RENEW_DUE; event < LIFE_EVENTS; event++) {
		lead_event(&lead, event);
		assert_ignored(&lead);
	}

	/* A person tries again, with success; the refused link comes back. */
	lead_event(&lead, LIFE_APPROVE);
	assert_true(secret_is(&lead.life.credential_old, "token-1"));
	lead_issued(&lead, "token-3", 0);
	assert_int_equal(lead.life.credential_old.size, 0);
	assert_false(lead.life.credential_doubted);
	lead_bound(&lead);
	assert_moved(&lead, LIFE_SAVE | LIFE_CONNECT | LIFE_TELL_DEVICE);
	lead_event(&lead, LIFE_LINK_UP);
	assert_moved(&lead, 0);
	lifecycle_clear(&lead.life);
}

static void rule_5_refused_again_while_renewing(void **data)
{
	struct lead lead = {0};

	lead_to_active(&lead);
	lead.now = IN_A_DAY;
	lead_event(&lead, LIFE_LINK_REFUSED);
	/* The restart connects once more with what it has, while the refresh goes on. */
	lead_event(&lead, LIFE_RESTARTED);
	lead_event(&lead, LIFE_LINK_REFUSED);
	assert_moved(&lead, LIFE_DISCONNECT | LIFE_REFRESH);
	assert_int_equal(lead.life.credential, CREDENTIAL_RENEWING);

	/* It ends meanwhile, and the refresh is refused as well: a person has to look. */
	lead_event(&lead, LIFE_CREDENTIAL_LAPSED);
	lead_event(&lead, LIFE_DRIVER_REFUSED);
	assert_moved(&lead, LIFE_SAVE | LIFE_ALARM_REFUSED | LIFE_ALARM_LEAK);
	assert_int_equal(lead.life.operation, OPERATION_BOUND);
	assert_true(lead.life.operation_blocked);
	lifecycle_clear(&lead.life);
}

static void rule_5_connecting_ends_the_doubt(void **data)
{
	struct lead lead = {0};

	lead_to_active(&lead);
	lead.now = IN_A_DAY;
	for (int i = 0; i < 3; i++) {
		lead_event(&lead, LIFE_LINK_REFUSED);
		assert_int_equal(lead.life.credential, CREDENTIAL_RENEWING);
		lead_issued(&lead, i % 2 ? "token-2" : "token-3", IN_A_DAY);
		lead_event(&lead, LIFE_LINK_UP);
		assert_moved(&lead, LIFE_SAVE);
		assert_false(lead.life.credential_doubted);
	}
	lifecycle_clear(&lead.life);
}

static void rule_5_the_renewal_itself_is_refused(void **data)
{
	static const enum life_event refusals[] = {
		LIFE_DRIVER_REFUSED, LIFE_DRIVER_EXPIRED, LIFE_DRIVER_FAILED_FINAL};

	for (size_t i = 0; i < 3; i++) {
		struct lead lead = {0};

		lead_to_active(&lead);
		lead.now = IN_A_DAY;
		lead_event(&lead, LIFE_LINK_REFUSED);
		/* A restart forgets the link, not the doubt. */
		lead_event(&lead, LIFE_RESTARTED);
		assert_moved(&lead, LIFE_REFRESH | LIFE_CONNECT);
		lead_event(&lead, refusals[i]);
		assert_moved(&lead, LIFE_SAVE | LIFE_DISCONNECT | LIFE_ALARM_REFUSED);
		assert_int_equal(lead.life.credential, CREDENTIAL_REFUSED);
		assert_int_equal(lead.life.link, LINK_REFUSED);
		lifecycle_clear(&lead.life);
	}
}

static void rule_5_lost_backs_off(void **data)
{
	struct lead lead = {0};

	lead_to_active(&lead);
	lead_event(&lead, LIFE_LINK_LOST);
	assert_moved(&lead, LIFE_RECONNECT);
	lead_event(&lead, LIFE_LINK_LOST);
	assert_ignored(&lead);
	lead_event(&lead, LIFE_LINK_RETRY);
	assert_moved(&lead, LIFE_CONNECT);
	lead_event(&lead, LIFE_LINK_UP);
	assert_moved(&lead, 0);
	lifecycle_clear(&lead.life);
}

/* Rule 7: revoked there, revoked here. */

static void rule_7_revoked_at_the_platform(void **data)
{
	static const struct {
		enum life_event before, event;
	} ways[] = {
		{LIFE_LINK_LOST, LIFE_REVOKED_UPSTREAM},
		{LIFE_RENEW_DUE, LIFE_DRIVER_REJECTED},
		{LIFE_CREDENTIAL_LAPSED, LIFE_DRIVER_REJECTED},
	};

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct lead lead = {0};

		lead_to_active(&lead);
		lead_event(&lead, ways[i].before);
		lead_event(&lead, ways[i].event);
		/* Its readings are kept, and the platform is not told what it said itself. */
		assert_moved(
			&lead, LIFE_SAVE | LIFE_DISCONNECT | LIFE_TELL_DEVICE | LIFE_ALARM_REFUSED);
		assert_int_equal(lead.life.admission, ADMISSION_PENDING);
		assert_int_equal(lead.life.credential_current.size, 0);
		lead_event(&lead, LIFE_RESTARTED);
		assert_ignored(&lead);
		lead_event(&lead, LIFE_REVOKED_UPSTREAM);
		assert_ignored(&lead);
		lead_event(&lead, LIFE_ADMIT);
		assert_moved(&lead, LIFE_SAVE | LIFE_ADVANCE);
		lifecycle_clear(&lead.life);
	}
}

static void rule_7_revoked_here(void **data)
{
	struct lead lead = {0};

	lead_to_active(&lead);
	lead_event(&lead, LIFE_RENEW_DUE);
	lead_issued(&lead, "token-2", IN_A_DAY);
	lead_event(&lead, LIFE_RENEW_DUE);
	lead_progress(&lead, "refreshing");
	lead_event(&lead, LIFE_LINK_TAKEN_OVER);
	lead_event(&lead, LIFE_LINK_RETRY);
	lead_event(&lead, LIFE_LINK_REFUSED);
	assert_true(lead.life.credential_doubted);
	assert_true(lead.life.operation_blocked);
	lead_event(&lead, LIFE_REVOKE);
	assert_moved(&lead, LIFE_SAVE | LIFE_DISCONNECT | LIFE_PLATFORM_REVOKE | LIFE_TELL_DEVICE |
				    LIFE_DROP_READINGS);
	assert_int_equal(lead.life.credential, CREDENTIAL_NONE);
	assert_null(lead.life.credential_current.data);
	assert_null(lead.life.credential_old.data);
	assert_null(lead.life.operation_blob.data);
	assert_int_equal(lead.life.credential_expires, 0);
	assert_int_equal(lead.life.credential_since, 0);
	assert_false(lead.life.credential_doubted);
	assert_false(lead.life.operation_blocked);
	assert_int_equal(lead.life.link, LINK_DOWN);
	assert_false(lifecycle_may_publish(&lead.life, NOW));
	assert_false(lifecycle_may_report(&lead.life));

	/* Whatever comes late changes nothing. */
	for (enum life_event event = LIFE_DRIVER_PROGRESS; event < LIFE_EVENTS; event++) {
		lead_event(&lead, event);
		assert_ignored(&lead);
	}
	lead_event(&lead, LIFE_ADMIT);
	assert_moved(&lead, LIFE_SAVE | LIFE_TELL_DEVICE | LIFE_ADVANCE);
	assert_int_equal(lead.life.credential_current.size, 0);
	assert_string_equal(lead.life.platform_id, "");
	lifecycle_clear(&lead.life);
}

static void rule_7_revoked_while_awaiting(void **data)
{
	struct lead lead = {0};

	lead_to_awaiting(&lead);
	lead_event(&lead, LIFE_REVOKE);
	assert_moved(&lead, LIFE_SAVE | LIFE_CANCEL | LIFE_CLEAR_CODE | LIFE_DISCONNECT |
				    LIFE_TELL_DEVICE | LIFE_DROP_READINGS);
	assert_int_equal(lead.life.operation, OPERATION_FAILED);
	assert_int_equal(lead.life.operation_code.size, 0);
	lifecycle_clear(&lead.life);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rule_3_old_one_stays_until_connected),
		cmocka_unit_test(rule_3_the_one_that_worked_stays),
		cmocka_unit_test(rule_3_complete_is_never_repeated),
		cmocka_unit_test(rule_3_what_was_never_bound_is_erased),
		cmocka_unit_test(rule_4_refresh_then_register_then_a_person),
		cmocka_unit_test(rule_4_expired_is_refreshed),
		cmocka_unit_test(rule_4_refused_early_is_said_and_tried_again),
		cmocka_unit_test(rule_5_one_renewal_then_stop),
		cmocka_unit_test(rule_5_refused_again_while_renewing),
		cmocka_unit_test(rule_5_connecting_ends_the_doubt),
		cmocka_unit_test(rule_5_the_renewal_itself_is_refused),
		cmocka_unit_test(rule_5_lost_backs_off),
		cmocka_unit_test(rule_7_revoked_at_the_platform),
		cmocka_unit_test(rule_7_revoked_here),
		cmocka_unit_test(rule_7_revoked_while_awaiting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
