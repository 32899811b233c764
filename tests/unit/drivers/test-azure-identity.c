/* SPDX-License-Identifier: Apache-2.0 */

/* Devices that the provisioning service and the hub know by a certificate: imported, or issued here
 * and renewed. What is the same for keys is in test-azure. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "azure-rows.h"
#include "base/identity.h"
#include "base/issue.h"

static struct lifecycle *life(struct rules *rules)
{
	return &rules->record.life;
}

static void admit(struct rules *rules)
{
	assert_int_equal(rules_event(rules, LIFE_ADMIT), MACHINE_MOVED);
	rules_settle(rules);
}

static void fingerprint_in_use(struct rules *rules, char ret_text[FINGERPRINT_SIZE])
{
	struct platform_session session;
	struct chain_facts facts;

	assert_int_equal(rules->driver->session(&rules->record, "plant", &session), 0);
	assert_int_equal(identity_read(session.identity, &facts), 0);
	memcpy(ret_text, facts.fingerprint, FINGERPRINT_SIZE);
}

static void a_certificate_is_for_service_and_hub(void **state)
{
	struct rules rules;

	FOR_EACH_X509(&rules, i)
	{
		struct platform_session session;
		struct chain_facts facts;
		char used[FINGERPRINT_SIZE];

		rules.dps.assigning = 2;
		admit(&rules);
		/* It is on disk: after a crash it is the same one. */
		rules_crash(&rules);
		rules_settle(&rules);
		rules_wake(&rules);
		rules_settle(&rules);
		assert_int_equal(life(&rules)->operation, OPERATION_BOUND);
		assert_string_equal(life(&rules)->platform_id, DPS_DEVICE);
		assert_int_equal(rules.dps.certificates, 1);
		assert_int_equal(rules.dps.registers, 1);
		assert_int_equal(rules.driver->session(&rules.record, "plant", &session), 0);
		assert_int_equal(session.password.size, 0);
		assert_string_equal(session.client_id, DPS_DEVICE);
		assert_string_equal(session.made_username,
			"hub.example/" DPS_DEVICE "/?api-version=2021-04-12");
		fingerprint_in_use(&rules, used);
		assert_string_equal(used, rules.dps.fingerprint);
		assert_int_equal(identity_read(session.identity, &facts), 0);
		assert_string_equal(facts.common_name, "pump");
		assert_int_equal(life(&rules)->credential_expires, facts.not_after);
	}
}

/* The one in use goes on until the hub knows the other. */
static void an_issued_certificate_is_renewed(void **state)
{
	struct rules rules;

	FOR_EACH_ISSUED(&rules, i)
	{
		char first[FINGERPRINT_SIZE], next[FINGERPRINT_SIZE];

		rules_take_in(&rules);
		rules_event(&rules, LIFE_LINK_UP);
		fingerprint_in_use(&rules, first);
		rules.now = life(&rules)->credential_since + 15LL * 86400000;
		rules.dps.assigning = 1;
		rules_event(&rules, LIFE_RENEW_DUE);
		rules_settle(&rules);
		fingerprint_in_use(&rules, next);
		assert_string_equal(first, next);
		assert_int_equal(life(&rules)->credential, CREDENTIAL_RENEWING);
		rules_crash(&rules);
		rules_settle(&rules);
		assert_int_equal(life(&rules)->credential, CREDENTIAL_HELD);
		assert_int_equal(rules.dps.registers, 2);
		assert_int_equal(rules.dps.certificates, 2);
		fingerprint_in_use(&rules, next);
		assert_string_not_equal(first, next);
		assert_string_equal(next, rules.dps.fingerprint);
		assert_true(life(&rules)->credential_old.size > 0);
		assert_int_equal(life(&rules)->credential_expires / 1000,
			(rules.now + 30LL * 86400000) / 1000);
	}
}

/* What it has is good: nothing that the service says of the next one ends it. */
static void a_renewal_that_fails_ends_nothing(void **state)
{
	struct rules rules;

	for (unsigned how = 0; how < 6; how++)
		FOR_EACH_ISSUED(&rules, i)
		{
			char first[FINGERPRINT_SIZE], now[FINGERPRINT_SIZE];

			rules_take_in(&rules);
			rules_event(&rules, LIFE_LINK_UP);
			fingerprint_in_use(&rules, first);
			rules.dps.key_refused = how == 0;
			rules.dps.disabled = how == 1;
			rules.dps.failed = how == 2;
			rules.dps.device = how == 3 ? "Another" : DPS_DEVICE;
			rules.dps.fail = how == 4 ? 400 : 0;
			if (how == 5)
				rules.azure.id_scope = "";
			rules.now = life(&rules)->credential_since + 15LL * 86400000;
			rules_event(&rules, LIFE_RENEW_DUE);
			rules_settle(&rules);
			assert_int_equal(life(&rules)->credential, CREDENTIAL_RENEWING);
			assert_int_equal(life(&rules)->admission, ADMISSION_ADMITTED);
			assert_in_range(rules.wait_usec, 3600000000, 4320000000);
			assert_int_equal(rules.trouble,
				how < 2 ? PLATFORM_TOKEN_REFUSED : PLATFORM_NO_TROUBLE);
			fingerprint_in_use(&rules, now);
			assert_string_equal(first, now);
			/* Mended there it goes on by itself, with the certificate that it made. */
			rules.dps.key_refused = rules.dps.disabled = rules.dps.failed = false;
			rules.dps.fail = 0;
			rules.dps.device = DPS_DEVICE;
			rules.azure.id_scope = "0ne0001";
			rules_wake(&rules);
			rules_settle(&rules);
			assert_int_equal(life(&rules)->credential, CREDENTIAL_HELD);
			assert_int_equal(rules.dps.certificates, 2);
		}
}

/* Past its end nothing is good any more, and a refusal is one. */
static void past_its_end_a_refusal_is_one(void **state)
{
	struct rules rules;

	FOR_EACH_ISSUED(&rules, i)
	{
		rules_take_in(&rules);
		rules_event(&rules, LIFE_LINK_UP);
		rules.dps.disabled = true;
		rules.now = life(&rules)->credential_expires + 1;
		rules_event(&rules, LIFE_CREDENTIAL_LAPSED);
		rules_settle(&rules);
		assert_int_equal(life(&rules)->credential, CREDENTIAL_NONE);
		assert_int_equal(life(&rules)->admission, ADMISSION_PENDING);
	}
}

static void without_an_authority(void **state)
{
	struct rules rules;

	FOR_EACH_ISSUED(&rules, i)
	{
		struct rules_case none = rules_cases[i], broken = rules_cases[i];
		char *soon = NULL;

		none.token = span_of(NULL, 0);
		broken.token = SPAN_LITERAL("junk");
		rules.kind = &none;
		admit(&rules);
		assert_int_equal(life(&rules)->operation, OPERATION_FAILED);
		rules.kind = &broken;
		admit(&rules);
		assert_int_equal(life(&rules)->operation, OPERATION_FAILED);
		assert_int_equal(rules.dps.connects, 0);
		/* One that ends before what is in use would renew nothing. */
		rules.kind = &rules_cases[i];
		rules_take_in(&rules);
		rules_event(&rules, LIFE_LINK_UP);
		assert_int_equal(authority_make("soon", rules.now - 1000,
					 life(&rules)->credential_expires, &soon),
			0);
		broken.token = span_from_string(soon);
		rules.kind = &broken;
		rules.now = life(&rules)->credential_since + 15LL * 86400000;
		rules_event(&rules, LIFE_RENEW_DUE);
		rules_settle(&rules);
		assert_int_equal(life(&rules)->credential, CREDENTIAL_RENEWING);
		assert_int_equal(rules.dps.connects, 1);
		assert_true(rules.wait_usec > 0);
		rules.kind = &rules_cases[i];
		free(soon);
	}
}

static void nobody_renews_an_imported_one(void **state)
{
	struct rules rules;

	FOR_EACH_IMPORTED(&rules, i)
	{
		int64_t ends;

		rules_take_in(&rules);
		rules_event(&rules, LIFE_LINK_UP);
		ends = life(&rules)->credential_expires;
		rules.now = ends - 31LL * 86400000;
		rules_event(&rules, LIFE_RENEW_DUE);
		rules_settle(&rules);
		assert_int_equal(life(&rules)->credential, CREDENTIAL_RENEWING);
		assert_int_equal(rules.trouble, PLATFORM_NO_TROUBLE);
		rules.now = ends - 29LL * 86400000;
		rules_wake(&rules);
		rules_settle(&rules);
		assert_int_equal(rules.trouble, PLATFORM_ENDS_SOON);
		assert_int_equal(rules.dps.connects, 1);
		/* With a wrong clock its end is not believed; otherwise it has to be replaced. */
		rules.now = ends + 1000;
		rules.clock_is_wrong = true;
		rules_event(&rules, LIFE_CREDENTIAL_LAPSED);
		rules_wake(&rules);
		rules_settle(&rules);
		assert_int_equal(life(&rules)->credential, CREDENTIAL_EXPIRED);
		assert_true(rules.backs_off);
		rules.clock_is_wrong = false;
		rules_wake(&rules);
		rules_settle(&rules);
		assert_int_equal(life(&rules)->credential, CREDENTIAL_REFUSED);
		assert_int_equal(rules.dps.connects, 1);
	}
}

/* Where an issued certificate was in use, one that is imported takes its place. */
static void an_imported_one_takes_the_place(void **state)
{
	struct rules rules;

	FOR_EACH_ISSUED(&rules, i)
	{
		struct rules_case imported = rules_cases[i - 1];
		char now[FINGERPRINT_SIZE];

		assert_true(imported.has_x509 && !imported.shared);
		rules_take_in(&rules);
		rules_event(&rules, LIFE_LINK_UP);
		rules.kind = &imported;
		rules.dps.authority = NULL;
		rules_event(&rules, LIFE_RENEW_DUE);
		rules_settle(&rules);
		assert_int_equal(life(&rules)->credential, CREDENTIAL_HELD);
		assert_int_equal(rules.dps.registers, 2);
		fingerprint_in_use(&rules, now);
		assert_string_equal(now, rules.dps.fingerprint);
	}
}

/* Without a word: a refusal, or a line that breaks. It is tried again, and said before long. */
static void the_service_hangs_up(void **state)
{
	struct rules rules;

	FOR_EACH_X509(&rules, i)
	{
		rules.dps.hangs_up = true;
		admit(&rules);
		for (unsigned n = 0; n < 6; n++) {
			assert_int_equal(life(&rules)->operation, OPERATION_OPENING);
			assert_true(rules.wait_usec >= 10000000);
			rules_wake(&rules);
			rules_settle(&rules);
		}
		assert_int_equal(rules.trouble, PLATFORM_TOKEN_REFUSED);
		assert_int_equal(rules.dps.certificates, 1);
		rules.dps.hangs_up = false;
		rules_wake(&rules);
		rules_settle(&rules);
		assert_int_equal(life(&rules)->operation, OPERATION_BOUND);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_certificate_is_for_service_and_hub),
		cmocka_unit_test(an_issued_certificate_is_renewed),
		cmocka_unit_test(a_renewal_that_fails_ends_nothing),
		cmocka_unit_test(past_its_end_a_refusal_is_one),
		cmocka_unit_test(without_an_authority),
		cmocka_unit_test(nobody_renews_an_imported_one),
		cmocka_unit_test(an_imported_one_takes_the_place),
		cmocka_unit_test(the_service_hangs_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
