/* SPDX-License-Identifier: Apache-2.0 */

/* Just-in-time registration and provisioning: what is issued, how it is waited for, and what a
 * refusal, a renewal and another clock make of it. What is the same for every platform is in
 * test-rules. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/identity.h"
#include "base/issue.h"
#include "drivers/platform/aws-row.h"
#include "rules.h"

#define LIFE_MSEC (INT64_C(30) * 86400000)

static struct rules_case jit_case;

static struct lifecycle *life(struct rules *rules)
{
	return &rules->record.life;
}

static void begin(struct rules *rules)
{
	size_t i = 0;

	while (!rules_cases[i].has_jit)
		i++;
	jit_case = rules_cases[i];
	rules_begin(rules, &jit_case);
}

static void admit(struct rules *rules)
{
	assert_int_equal(rules_event(rules, LIFE_ADMIT), MACHINE_MOVED);
	rules_settle(rules);
}

static void wake(struct rules *rules)
{
	rules_wake(rules);
	rules_settle(rules);
}

/* Its certificate's fingerprint, as a person there looks for it. */
static void operation_id(struct rules *rules, char ret_id[129])
{
	const struct platform_device seen = {.record = &rules->record, .settings = &rules->aws};
	struct platform_operation operation;

	assert_int_equal(rules->driver->operation(&seen, &operation), 0);
	snprintf(ret_id, 129, "%s", operation.id);
}

static void check_in_use(struct rules *rules, struct chain_facts *ret_facts)
{
	struct platform_session session;
	struct span certificate, key;

	assert_int_equal(life(rules)->operation, OPERATION_BOUND);
	assert_int_equal(life(rules)->credential, CREDENTIAL_HELD);
	assert_int_equal(rules->driver->session(&rules->record, "plant-7", &session), 0);
	assert_string_equal(session.client_id, life(rules)->platform_id);
	assert_int_equal(session.version, 4);
	assert_int_equal(identity_split(session.identity, &certificate, &key), 0);
	assert_null(identity_check(certificate, key));
	assert_int_equal(identity_read(session.identity, ret_facts), 0);
	assert_int_equal(life(rules)->credential_expires, ret_facts->not_after);
}

/* The first connection registers it and is ended; the same certificate knocks until somebody has
 * activated it, each time later. */
static void the_whole_way(void **state)
{
	char id[129], again[129];
	struct chain_facts facts;
	struct rules rules;
	uint64_t before = 0;

	begin(&rules);
	rules.jit.by_hand = true;
	rules.aws.method = AWS_JITR;
	strcpy(rules.record.info.serial, "SN#42_7");
	strcpy(rules.record.owner, "J. Doe");
	admit(&rules);
	assert_int_equal(rules.jit.registered, 1);
	assert_non_null(strstr(rules.jit.subject, "/O=J.-Doe"));
	assert_non_null(strstr(rules.jit.subject, "/OU=-"));
	assert_non_null(strstr(rules.jit.subject, "/dnQualifier=plant-7"));
	assert_non_null(strstr(rules.jit.subject, "/serialNumber=SN-42-7"));
	assert_non_null(strstr(rules.jit.subject, "/CN=pump"));
	operation_id(&rules, id);
	assert_string_equal(id, rules.jit.certificate[0].fingerprint);
	for (unsigned n = 0; n < 12; n++) {
		assert_int_equal(life(&rules)->operation, OPERATION_OPENING);
		assert_int_equal(life(&rules)->credential, CREDENTIAL_NONE);
		assert_true(rules.waits);
		if (rules.wait_usec < 240000000)
			assert_true(rules.wait_usec > before);
		assert_true(rules.wait_usec <= 288000000);
		before = rules.wait_usec;
		if (n % 3 == 2)
			rules_crash(&rules);
		wake(&rules);
	}
	assert_true(before >= 240000000);
	/* One certificate for one operation, whatever happened meanwhile. */
	assert_int_equal(rules.jit.registered, 1);
	operation_id(&rules, again);
	assert_string_equal(again, id);
	jit_activate(&rules.jit);
	wake(&rules);
	/* It was let in; its session begins a moment later. */
	assert_int_equal(life(&rules)->operation, OPERATION_OPENING);
	assert_in_range(rules.wait_usec, 1000001, 5000000);
	rules_crash(&rules);
	rules_settle(&rules);
	check_in_use(&rules, &facts);
	assert_string_equal(facts.fingerprint, id);
	assert_int_equal(facts.not_after, rules.now + LIFE_MSEC);
	assert_string_equal(life(&rules)->platform_id, "pump");
	rules_end(&rules);
}

static void what_is_not_there(void **state)
{
	struct rules rules;

	for (unsigned how = 0; how < 3; how++) {
		begin(&rules);
		if (how == 0)
			jit_case.token = span_of(NULL, 0);
		if (how == 1)
			rules.aws.host = "";
		if (how == 2)
			rules.aws.thing_prefix = "a-prefix-that-is-as-long-as-it-may-be-and-a-half";
		if (how == 2)
			strcpy(rules.record.ep, "a.name.that.no.thing.can.have");
		strcpy(rules.record.id, "0123456789abcdef0123456789abcdef");
		admit(&rules);
		assert_int_equal(life(&rules)->operation, OPERATION_FAILED);
		assert_int_equal(rules.jit.knocks, 0);
		rules_end(&rules);
	}
}

/* The authority is not registered: that is said, and waits for a person. A line that is cut is not
 * that. */
static void refused_there(void **state)
{
	struct chain_facts facts;
	struct rules rules;

	begin(&rules);
	rules.jit.cut = true;
	admit(&rules);
	assert_int_equal(life(&rules)->operation, OPERATION_OPENING);
	assert_true(rules.waits);
	rules.jit.cut = false;
	rules.jit.ca_unknown = true;
	wake(&rules);
	assert_int_equal(life(&rules)->operation, OPERATION_FAILED);
	assert_int_equal(rules.trouble, PLATFORM_TOKEN_REFUSED);
	assert_false(rules.waits);
	rules.jit.ca_unknown = false;
	rules_take_in(&rules);
	check_in_use(&rules, &facts);
	assert_int_equal(rules.trouble, PLATFORM_NO_TROUBLE);
	rules_end(&rules);
}

/* Another key and another certificate, while the one in use goes on until the new one is taken. */
static void renewed_with_overlap(void **state)
{
	CLEANUP(secret_clear) struct secret first = {0};
	struct chain_facts before, after;
	struct rules rules;
	char serial[64];

	begin(&rules);
	rules_take_in(&rules);
	check_in_use(&rules, &before);
	rules_event(&rules, LIFE_LINK_UP);
	assert_int_equal(secret_set(&first, secret_span(&life(&rules)->credential_current)), 0);
	strcpy(serial, rules.jit.serial);
	rules.jit.by_hand = true;
	rules.now += LIFE_MSEC / 2;
	rules_event(&rules, LIFE_RENEW_DUE);
	rules_settle(&rules);
	for (unsigned n = 0; n < 4; n++) {
		assert_int_equal(life(&rules)->credential, CREDENTIAL_RENEWING);
		assert_int_equal(life(&rules)->link, LINK_UP);
		assert_true(span_equal(
			secret_span(&first), secret_span(&life(&rules)->credential_current)));
		assert_int_equal(rules.jit.registered, 2);
		wake(&rules);
	}
	jit_activate(&rules.jit);
	wake(&rules);
	wake(&rules);
	check_in_use(&rules, &after);
	assert_string_not_equal(before.fingerprint, after.fingerprint);
	assert_string_not_equal(serial, rules.jit.serial);
	assert_int_equal(after.not_after, rules.now + LIFE_MSEC);
	/* The old one is kept until the new one has connected. */
	assert_true(span_equal(secret_span(&first), secret_span(&life(&rules)->credential_old)));
	rules_end(&rules);
}

/* Deactivated there its sessions end without a word: no other certificate of the authority must
 * take its place by itself. */
static void nothing_is_renewed_that_does_not_connect(void **state)
{
	struct chain_facts facts;
	struct rules rules;

	begin(&rules);
	rules_take_in(&rules);
	rules_event(&rules, LIFE_LINK_UP);
	rules_event(&rules, LIFE_LINK_LOST);
	rules.now += LIFE_MSEC / 2;
	rules_event(&rules, LIFE_RENEW_DUE);
	rules_settle(&rules);
	for (unsigned n = 0; n < 3; n++) {
		assert_int_equal(rules.jit.registered, 1);
		assert_in_range(rules.wait_usec, 300000000, 360000000);
		wake(&rules);
	}
	/* It connects again. */
	rules_event(&rules, LIFE_LINK_RETRY);
	rules_event(&rules, LIFE_LINK_UP);
	for (unsigned n = 0; n < 4 && life(&rules)->credential != CREDENTIAL_HELD; n++)
		wake(&rules);
	check_in_use(&rules, &facts);
	assert_int_equal(rules.jit.registered, 2);
	rules_end(&rules);
}

/* And when it has ended meanwhile, only a person lets the device in again. */
static void unwanted_until_its_end(void **state)
{
	struct rules rules;

	begin(&rules);
	rules_take_in(&rules);
	rules_event(&rules, LIFE_LINK_UP);
	rules_event(&rules, LIFE_LINK_LOST);
	rules.not_let_in = true;
	rules.now += LIFE_MSEC / 2;
	rules_event(&rules, LIFE_RENEW_DUE);
	rules_settle(&rules);
	/* After a restart nobody has tried it yet: it stands in the blob. */
	rules.not_let_in = false;
	rules_crash(&rules);
	rules_settle(&rules);
	rules.now += LIFE_MSEC;
	rules_event(&rules, LIFE_CREDENTIAL_LAPSED);
	for (unsigned n = 0; n < 4; n++)
		wake(&rules);
	assert_int_equal(rules.jit.registered, 1);
	assert_false(operation_is_open(life(&rules)->operation));
	assert_true(life(&rules)->operation_blocked);
	rules_take_in(&rules);
	assert_int_equal(rules.jit.registered, 2);
	rules_end(&rules);
}

/* A line that was down till its end is no sign that somebody took it away. */
static void the_line_was_down_until_its_end(void **state)
{
	struct chain_facts facts;
	struct rules rules;

	begin(&rules);
	rules_take_in(&rules);
	rules_event(&rules, LIFE_LINK_UP);
	rules_event(&rules, LIFE_LINK_LOST);
	rules.now += LIFE_MSEC / 2;
	rules_event(&rules, LIFE_RENEW_DUE);
	rules_settle(&rules);
	assert_int_equal(rules.jit.registered, 1);
	rules.now += LIFE_MSEC;
	rules_event(&rules, LIFE_CREDENTIAL_LAPSED);
	for (unsigned n = 0; n < 6 && life(&rules)->credential != CREDENTIAL_HELD; n++)
		wake(&rules);
	assert_int_equal(rules.jit.registered, 2);
	check_in_use(&rules, &facts);
	rules_end(&rules);
}

/* A renewal that nobody activates is said, and asked for seldom; it keeps the name. */
static void a_renewal_that_waits(void **state)
{
	struct chain_facts facts;
	struct rules rules;

	begin(&rules);
	rules_take_in(&rules);
	rules_event(&rules, LIFE_LINK_UP);
	rules.jit.by_hand = true;
	rules.aws.thing_prefix = "other-";
	rules.now += LIFE_MSEC / 2;
	rules_event(&rules, LIFE_RENEW_DUE);
	rules_settle(&rules);
	/* Not at once: a rule or a template does it in a moment. */
	for (unsigned n = 0; n < 3; n++) {
		assert_int_equal(rules.trouble, PLATFORM_NO_TROUBLE);
		wake(&rules);
	}
	wake(&rules);
	assert_int_equal(rules.trouble, PLATFORM_NEXT_WAITS);
	for (unsigned n = 0; n < 8; n++)
		wake(&rules);
	/* It may wait for months. */
	for (unsigned n = 0; n < 100; n++) {
		assert_int_equal(rules.trouble, PLATFORM_NEXT_WAITS);
		assert_in_range(rules.wait_usec, 3600000000, 4320000000);
		wake(&rules);
	}
	assert_int_equal(rules.jit.registered, 2);
	/* Once the one in use has ended nothing else lets it send. */
	rules.now = life(&rules)->credential_expires + 1;
	rules_event(&rules, LIFE_CREDENTIAL_LAPSED);
	wake(&rules);
	assert_int_equal(life(&rules)->credential, CREDENTIAL_EXPIRED);
	assert_int_equal(rules.trouble, PLATFORM_NEXT_WAITS);
	assert_in_range(rules.wait_usec, 240000000, 288000000);
	assert_int_equal(rules.jit.registered, 2);
	jit_activate(&rules.jit);
	wake(&rules);
	wake(&rules);
	check_in_use(&rules, &facts);
	assert_string_equal(life(&rules)->platform_id, "pump");
	assert_string_equal(rules.jit.client_id, "pump");
	rules_end(&rules);
}

/* Its authority is another one by now: what it waits with is of no use any more. */
static void another_authority(void **state)
{
	CLEANUP(cleanup_free) char *authority = NULL;
	struct rules rules;
	char first[129], second[129];

	begin(&rules);
	rules.jit.by_hand = true;
	assert_int_equal(
		authority_make("another", rules.now - 1000, rules.now + 2 * LIFE_MSEC, &authority),
		0);
	admit(&rules);
	operation_id(&rules, first);
	jit_case.token = span_from_string(authority);
	rules.jit.any_authority = true;
	wake(&rules);
	operation_id(&rules, second);
	assert_string_not_equal(first, second);
	rules_end(&rules);
}

/* What its authority cuts short renews nothing. */
static void the_authority_ends(void **state)
{
	CLEANUP(cleanup_free) char *authority = NULL;
	struct rules rules;

	begin(&rules);
	assert_int_equal(
		authority_make("short", rules.now - 1000, rules.now + LIFE_MSEC / 2, &authority),
		0);
	jit_case.token = span_from_string(authority);
	rules.jit.any_authority = true;
	rules_take_in(&rules);
	rules_event(&rules, LIFE_LINK_UP);
	rules.now += LIFE_MSEC / 4;
	rules_event(&rules, LIFE_RENEW_DUE);
	rules_settle(&rules);
	assert_int_equal(rules.jit.registered, 1);
	assert_in_range(rules.wait_usec, 3600000000, 4320000000);
	rules_end(&rules);
}

/* The shadow is used where the configuration says so, from the next certificate on. */
static void its_shadow(void **state)
{
	char filter[128];
	struct rules rules;

	begin(&rules);
	rules_take_in(&rules);
	assert_int_equal(
		rules.driver->listen(&rules.record, "plant", 1, filter, sizeof(filter)), -ENOTSUP);
	rules_event(&rules, LIFE_LINK_UP);
	rules.aws.shadow = true;
	assert_int_equal(
		rules.driver->listen(&rules.record, "plant", 1, filter, sizeof(filter)), -ENOTSUP);
	rules.now += LIFE_MSEC / 2;
	rules_event(&rules, LIFE_RENEW_DUE);
	rules_settle(&rules);
	for (unsigned n = 0; n < 4 && life(&rules)->credential != CREDENTIAL_HELD; n++)
		wake(&rules);
	assert_int_equal(
		rules.driver->listen(&rules.record, "plant", 1, filter, sizeof(filter)), 0);
	assert_string_equal(filter, "$aws/things/pump/shadow/get/+");
	rules_end(&rules);
}

/* Where the platform says no in words, only a person lets it in again. */
static void refused_by_the_platform(void **state)
{
	struct chain_facts facts;
	struct rules rules;

	begin(&rules);
	rules_take_in(&rules);
	rules_event(&rules, LIFE_LINK_UP);
	rules_event(&rules, LIFE_LINK_REFUSED);
	rules_settle(&rules);
	assert_int_equal(rules.jit.registered, 1);
	assert_int_equal(life(&rules)->credential, CREDENTIAL_REFUSED);
	rules_take_in(&rules);
	check_in_use(&rules, &facts);
	assert_int_equal(rules.jit.registered, 2);
	rules_end(&rules);
}

/* A renewal that is refused ends nothing that is good. */
static void a_renewal_that_is_refused_harms_nobody(void **state)
{
	struct chain_facts facts;
	struct rules rules;

	begin(&rules);
	rules_take_in(&rules);
	rules_event(&rules, LIFE_LINK_UP);
	rules.now += LIFE_MSEC / 2;
	rules.jit.ca_unknown = true;
	rules_event(&rules, LIFE_RENEW_DUE);
	rules_settle(&rules);
	for (unsigned n = 0; n < 3; n++) {
		assert_int_equal(life(&rules)->credential, CREDENTIAL_RENEWING);
		assert_int_equal(life(&rules)->link, LINK_UP);
		assert_int_equal(rules.trouble, PLATFORM_TOKEN_REFUSED);
		assert_in_range(rules.wait_usec, 3600000000, 4320000000);
		wake(&rules);
	}
	rules.jit.ca_unknown = false;
	for (unsigned n = 0; n < 4 && life(&rules)->credential != CREDENTIAL_HELD; n++)
		wake(&rules);
	check_in_use(&rules, &facts);
	rules_end(&rules);
}

/* A gateway whose clock is before its authority issues nothing, and goes on when it is set. */
static void a_wrong_clock(void **state)
{
	struct chain_facts facts;
	struct rules rules;
	int64_t now;

	begin(&rules);
	now = rules.now;
	rules.now = INT64_C(86400000);
	admit(&rules);
	assert_int_equal(life(&rules)->operation, OPERATION_OPENING);
	assert_int_equal(rules.jit.knocks, 0);
	assert_true(rules.waits);
	rules.now = now;
	for (unsigned n = 0; n < 4 && life(&rules)->operation != OPERATION_BOUND; n++)
		wake(&rules);
	check_in_use(&rules, &facts);
	rules_end(&rules);
}

/* It waited for longer than its certificate lives: another one. */
static void waited_too_long(void **state)
{
	struct rules rules;

	begin(&rules);
	rules.jit.by_hand = true;
	admit(&rules);
	assert_int_equal(rules.jit.registered, 1);
	rules.now += LIFE_MSEC;
	wake(&rules);
	assert_int_equal(rules.jit.registered, 2);
	rules_end(&rules);
}

static void names(void **state)
{
	static const struct {
		const char *ep, *prefix, *thing;
	} rows[] = {
		{"pump", "hall-3_", "hall-3_pump"},
		{"pump.1", "", "gh:device-7"},
		/* Too long for the common name of a certificate. */
		{"a-name-of-forty-characters-that-is-so-01", "a-prefix-of-thirty-characters-",
			"a-prefix-of-thirty-characters-gh:device-7"},
	};
	struct rules rules;

	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		begin(&rules);
		strcpy(rules.record.ep, rows[i].ep);
		rules.aws.thing_prefix = rows[i].prefix;
		rules_take_in(&rules);
		assert_string_equal(life(&rules)->platform_id, rows[i].thing);
		assert_string_equal(rules.jit.client_id, rows[i].thing);
		rules_end(&rules);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_whole_way),
		cmocka_unit_test(what_is_not_there),
		cmocka_unit_test(refused_there),
		cmocka_unit_test(renewed_with_overlap),
		cmocka_unit_test(nothing_is_renewed_that_does_not_connect),
		cmocka_unit_test(refused_by_the_platform),
		cmocka_unit_test(unwanted_until_its_end),
		cmocka_unit_test(the_line_was_down_until_its_end),
		cmocka_unit_test(a_renewal_that_waits),
		cmocka_unit_test(another_authority),
		cmocka_unit_test(its_shadow),
		cmocka_unit_test(the_authority_ends),
		cmocka_unit_test(a_renewal_that_is_refused_harms_nobody),
		cmocka_unit_test(a_wrong_clock),
		cmocka_unit_test(waited_too_long),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
