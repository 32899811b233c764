/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The ten rules of the platform contract, written once for every driver: each test runs over all of
 * them, and over what is true of those with a platform of their own. At the end a random walk of
 * 100,000 steps for each (a part of them where certificates are made), with crashes between any
 * two, in which the rules are judged all the time.
 *
 * It is the same walk each time. GATEHOUSE_WALK_SEED takes another (0: one by chance, which it
 * prints), GATEHOUSE_WALK_STEPS makes it longer.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/crypto.h"
#include "rules.h"

#define SEED	       20261129
#define STEPS	       100000
#define STEPS_OF_WORLD 500

#define FOR_EACH_DRIVER(rules, at)                                               \
	for (size_t at = 0; at < rules_case_count; at++)                         \
		for (int once = (rules_begin(rules, &rules_cases[at]), 1); once; \
			once = (rules_end(rules), 0))

static struct lifecycle *life(struct rules *rules)
{
	return &rules->record.life;
}

/* Rule 1: one operation, whatever is asked and wherever it dies. */
static void one_operation(void **state)
{
	struct rules rules;

	FOR_EACH_DRIVER(&rules, i)
	{
		uint64_t number;

		rules_event(&rules, LIFE_ADMIT);
		number = life(&rules)->operation_number;
		assert_int_equal(rules_event(&rules, LIFE_ADMIT), MACHINE_REFUSED);
		rules_settle(&rules);
		for (int n = 0; n < 10; n++) {
			rules_crash(&rules);
			rules_settle(&rules);
			rules_wake(&rules);
			rules_settle(&rules);
			assert_int_equal(life(&rules)->operation_number, number);
		}
		/* Nor while it waits for somebody. */
		if (life(&rules)->operation == OPERATION_AWAITING) {
			assert_int_equal(rules_event(&rules, LIFE_ADMIT), MACHINE_REFUSED);
			rules_settle(&rules);
			assert_int_equal(life(&rules)->operation_number, number);
		}
		if (!rules.kind->has_cloud)
			continue;
		/* Its id is on disk before the first poll: it is resumed, not opened again. */
		assert_int_equal(rules.cloud.inits, 1);
		assert_true(rules.cloud.completes >= 10);
		assert_string_equal(rules.cloud.completed, "op-1");
	}
}

/* Rule 1: at each point of the whole way the process dies once. */
static void killed_at_every_step(void **state)
{
	struct rules rules;

	FOR_EACH_DRIVER(&rules, i)
	{
		bool done = false;

		for (unsigned at = 0; !done && at < 40; at++) {
			unsigned step = 0, lost = 0;

			rules_end(&rules);
			rules_begin(&rules, &rules_cases[i]);
			rules_event(&rules, rules.kind->has_cloud ? LIFE_ADMIT : LIFE_APPROVE);
			done = true;
			for (unsigned n = 0; n < 64 && life(&rules)->operation != OPERATION_BOUND;
				n++) {
				if (step++ == at) {
					/* It was opened there, and nobody here knows its id. */
					lost = life(&rules)->operation == OPERATION_OPENING &&
					       rules.cloud.inits == 1;
					rules_crash(&rules);
					done = false;
				}
				if (life(&rules)->operation == OPERATION_AWAITING &&
					cloud_newest(&rules.cloud))
					cloud_newest(&rules.cloud)->state = CLOUD_APPROVED;
				if (!rules_step(&rules))
					rules_wake(&rules);
			}
			assert_int_equal(life(&rules)->operation, OPERATION_BOUND);
			assert_int_equal(life(&rules)->credential, CREDENTIAL_HELD);
			/* Only an answer that was lost opens a second one there. */
			if (rules.kind->has_cloud)
				assert_int_equal(rules.cloud.inits, 1 + lost);
			if (rules.kind->has_cloud)
				assert_true(cloud_takes(&rules.cloud, rules_token(&rules)));
		}
		assert_true(done);
	}
}

/* Rule 2. */
static void signs_of_a_leak(void **state)
{
	struct rules rules;

	FOR_EACH_DRIVER(&rules, i)
	{
		rules_take_in(&rules);
		rules_event(&rules, LIFE_LINK_UP);
		rules_event(&rules, LIFE_LINK_TAKEN_OVER);
		assert_true(rules.actions & LIFE_ALARM_LEAK);
		assert_true(life(&rules)->operation_blocked);
		/* Whatever becomes of its credential: none is opened without a person. */
		rules.cloud.deleted = true;
		rules.now += 40LL * 86400000;
		rules_event(&rules, LIFE_CREDENTIAL_LAPSED);
		rules_settle(&rules);
		assert_false(operation_is_open(life(&rules)->operation));
		assert_true(rules.cloud.inits <= 1);
		if (!rules.kind->has_cloud)
			continue;
		/* Closed by somebody else before its end. */
		rules_end(&rules);
		rules_begin(&rules, &rules_cases[i]);
		rules_event(&rules, LIFE_ADMIT);
		rules_settle(&rules);
		cloud_newest(&rules.cloud)->state = CLOUD_CLOSED;
		rules_wake(&rules);
		rules_settle(&rules);
		assert_true(rules.actions & LIFE_ALARM_LEAK);
		assert_int_equal(life(&rules)->operation, OPERATION_FAILED);
		assert_int_equal(life(&rules)->admission, ADMISSION_PENDING);
		assert_int_equal(rules.cloud.inits, 1);
	}
}

/* Rule 3: at each point of a renewal the process dies once, or an answer is lost; what is on disk
 * is always good for something. */
static void renewal_survives_everything(void **state)
{
	struct rules rules;

	FOR_EACH_DRIVER(&rules, i)
	{
		if (!rules.kind->can_refresh)
			continue;
		for (unsigned at = 0; at < 12; at++) {
			unsigned step = 0, completes;

			rules_end(&rules);
			rules_begin(&rules, &rules_cases[i]);
			rules_take_in(&rules);
			rules_event(&rules, LIFE_LINK_UP);
			completes = rules.cloud.completes;
			rules.now += 20LL * 86400000; /* past half of its life */
			rules_event(&rules, LIFE_RENEW_DUE);
			for (unsigned n = 0; n < 40 && life(&rules)->credential != CREDENTIAL_HELD;
				n++) {
				if (step == at)
					rules.lose_answer = true;
				if (step++ == at + 1) {
					rules_crash(&rules);
					/* The one in use is as good as before. */
					rules_event(&rules, LIFE_LINK_RETRY);
					rules_event(&rules, LIFE_LINK_UP);
				}
				if (!rules_step(&rules))
					rules_wake(&rules);
			}
			assert_int_equal(life(&rules)->credential, CREDENTIAL_HELD);
			assert_int_equal(rules.cloud.completes, completes);
			assert_true(life(&rules)->credential_old.size > 0); /* until it connected */
			rules_event(&rules, LIFE_LINK_UP);
			assert_int_equal(life(&rules)->credential_old.size, 0);
			if (rules.kind->has_cloud)
				assert_true(cloud_takes(&rules.cloud, rules_token(&rules)));
		}
	}
}

/* Rule 4: REFRESH at half of the token's life, only a new session before that; after its end
 * REFRESH, then REGISTER, then a person. */
static void expiry(void **state)
{
	struct rules rules;

	FOR_EACH_DRIVER(&rules, i)
	{
		if (!rules.kind->has_cloud)
			continue;
		rules_take_in(&rules);
		assert_int_equal(life(&rules)->credential_expires, rules.now + 3600000);
		rules.now += 1800000;
		rules_event(&rules, LIFE_RENEW_DUE);
		rules_settle(&rules);
		assert_int_equal(rules.cloud.refreshes, 0);
		assert_int_equal(rules.cloud.registers, 2);
		rules_event(&rules, LIFE_LINK_UP);
		rules.now += 16LL * 86400000;
		rules_event(&rules, LIFE_CREDENTIAL_LAPSED); /* the session's end came meanwhile */
		rules_settle(&rules);
		assert_int_equal(rules.cloud.refreshes, 1);
		assert_int_equal(life(&rules)->credential, CREDENTIAL_HELD);
		/* Off for longer than the token lived. */
		rules.now += 31LL * 86400000;
		rules_event(&rules, LIFE_CREDENTIAL_LAPSED);
		rules_settle(&rules);
		assert_int_equal(rules.cloud.refreshes, 2);
		assert_int_equal(rules.cloud.inits, 2);
		assert_int_equal(life(&rules)->operation, OPERATION_AWAITING);
	}
}

/* Rule 4, of every other driver whose credential has an end: that end is on disk, at half of its
 * life there is another one that ends later, and after an end nothing is published before there is
 * one again. */
static void every_end(void **state)
{
	struct rules rules;

	FOR_EACH_DRIVER(&rules, i)
	{
		int64_t end;

		if (rules.kind->has_cloud || !rules.kind->can_refresh)
			continue;
		rules_take_in(&rules);
		rules_event(&rules, LIFE_LINK_UP);
		end = life(&rules)->credential_expires;
		assert_true(end > rules.now);
		assert_true(lifecycle_may_publish(life(&rules), end - 1));
		assert_false(lifecycle_may_publish(life(&rules), end));
		rules.now += (end - rules.now) / 2 + 1;
		rules_event(&rules, LIFE_RENEW_DUE);
		for (unsigned n = 0; n < 8 && life(&rules)->credential != CREDENTIAL_HELD; n++) {
			rules_settle(&rules);
			rules_wake(&rules);
		}
		assert_int_equal(life(&rules)->credential, CREDENTIAL_HELD);
		assert_true(life(&rules)->credential_expires > end);
		rules_event(&rules, LIFE_LINK_UP);
		end = rules.now = life(&rules)->credential_expires;
		rules_event(&rules, LIFE_CREDENTIAL_LAPSED);
		assert_false(lifecycle_may_publish(life(&rules), rules.now));
		for (unsigned n = 0; n < 8 && life(&rules)->credential != CREDENTIAL_HELD; n++) {
			rules_settle(&rules);
			rules_wake(&rules);
		}
		assert_int_equal(life(&rules)->credential, CREDENTIAL_HELD);
		assert_true(life(&rules)->credential_expires > end);
		assert_int_equal(life(&rules)->admission, ADMISSION_ADMITTED);
	}
}

/* Rule 5: one renewal, then it stops. */
static void refused(void **state)
{
	struct rules rules;

	FOR_EACH_DRIVER(&rules, i)
	{
		rules_take_in(&rules);
		rules_event(&rules, LIFE_LINK_REFUSED);
		rules_settle(&rules);
		if (life(&rules)->credential == CREDENTIAL_HELD) {
			rules_event(&rules, LIFE_LINK_REFUSED);
			rules_settle(&rules);
		}
		assert_int_equal(life(&rules)->credential, CREDENTIAL_REFUSED);
		assert_int_equal(life(&rules)->link, LINK_REFUSED);
		assert_false(rules_step(&rules));
	}
}

/* Rule 5: what COMPLETE's answers mean. */
static void answers_of_complete(void **state)
{
	static const struct {
		int status;
		enum operation_state operation;
		enum platform_trouble trouble;
	} rows[] = {
		{401, OPERATION_FAILED, PLATFORM_TOKEN_REFUSED},
		{403, OPERATION_FAILED, PLATFORM_TOKEN_REFUSED},
		{404, OPERATION_FAILED, PLATFORM_NO_TROUBLE},
		{423, OPERATION_AWAITING, PLATFORM_DISABLED},
		{429, OPERATION_AWAITING, PLATFORM_NO_TROUBLE},
		{500, OPERATION_AWAITING, PLATFORM_NO_TROUBLE},
		{302, OPERATION_AWAITING, PLATFORM_NO_TROUBLE},
	};
	struct rules rules;

	for (size_t row = 0; row < ELEMENTS(rows); row++)
		FOR_EACH_DRIVER(&rules, i)
		{
			if (!rules.kind->has_cloud)
				continue;
			rules_event(&rules, LIFE_ADMIT);
			rules_settle(&rules);
			rules.cloud.fail = rows[row].status;
			rules_wake(&rules);
			rules_settle(&rules);
			assert_int_equal(life(&rules)->operation, rows[row].operation);
			assert_int_equal(rules.trouble, rows[row].trouble);
			assert_int_equal(rules.waits, rows[row].operation == OPERATION_AWAITING);
			rules.cloud.fail = 0;
		}
}

/* Rule 5: not sooner than the platform asks for, and each time further apart while it fails. */
static void polls_keep_their_distance(void **state)
{
	struct rules rules;

	FOR_EACH_DRIVER(&rules, i)
	{
		uint64_t before = 0;

		if (!rules.kind->has_cloud)
			continue;
		rules_event(&rules, LIFE_ADMIT);
		rules_settle(&rules);
		assert_in_range(rules.wait_usec, 5000000, 6000000);
		for (int n = 0; n < 3; n++) {
			rules.cloud.fail = n == 1 ? 429 : 503;
			rules_wake(&rules);
			rules_settle(&rules);
			assert_true(rules.wait_usec > before + 2000000);
			before = rules.wait_usec;
		}
		rules.cloud.fail = 429;
		rules.cloud.retry_after = 300;
		rules_wake(&rules);
		rules_settle(&rules);
		assert_in_range(rules.wait_usec, 300000000, 360000000);
		/* Asked to wait with a 202 as well. */
		rules.cloud.fail = 0;
		rules.cloud.retry_after = 200;
		rules_wake(&rules);
		rules_settle(&rules);
		assert_in_range(rules.wait_usec, 200000000, 240000000);
		assert_int_equal(life(&rules)->operation, OPERATION_AWAITING);
		assert_int_equal(rules.cloud.inits, 1);
	}
}

/* Rule 6, of every driver whose operations wait for somebody: at most twice by itself. */
static void reopened_at_most_twice(void **state)
{
	struct rules rules;

	FOR_EACH_DRIVER(&rules, i)
	{
		uint64_t first, opened = 0, seen;

		rules_event(&rules, LIFE_ADMIT);
		rules_settle(&rules);
		if (life(&rules)->operation != OPERATION_AWAITING)
			continue;
		first = seen = life(&rules)->operation_number;
		for (int n = 0; n < 10; n++) {
			rules_event(&rules, LIFE_OPERATION_LAPSED);
			rules_settle(&rules);
			rules_crash(&rules);
			rules_settle(&rules);
			opened += life(&rules)->operation_number != seen;
			seen = life(&rules)->operation_number;
		}
		assert_int_not_equal(first, seen);
		assert_int_equal(opened, OPERATION_REOPEN_MAX);
		assert_int_equal(life(&rules)->operation, OPERATION_EXPIRED);
		assert_int_equal(life(&rules)->operation_code.size, 0);
		/* A person may. */
		assert_int_equal(rules_event(&rules, LIFE_ADMIT), MACHINE_MOVED);
		rules_settle(&rules);
		assert_int_equal(life(&rules)->operation, OPERATION_AWAITING);
	}
}

/* Rule 6. */
static void rejected_and_expired(void **state)
{
	struct rules rules;

	FOR_EACH_DRIVER(&rules, i)
	{
		if (!rules.kind->has_cloud)
			continue;
		rules_event(&rules, LIFE_ADMIT);
		rules_settle(&rules);
		cloud_newest(&rules.cloud)->state = CLOUD_CANCELLED;
		rules_wake(&rules);
		rules_settle(&rules);
		assert_int_equal(life(&rules)->operation, OPERATION_REJECTED);
		assert_int_equal(life(&rules)->admission, ADMISSION_REJECTED);
		rules_crash(&rules);
		rules_settle(&rules);
		assert_int_equal(rules.cloud.inits, 1);
		/* A person takes it back; nobody there ever approves. */
		rules_event(&rules, LIFE_ADMIT);
		for (int n = 0; n < 10; n++) {
			rules_settle(&rules);
			rules.now += 600001;
			rules_wake(&rules);
		}
		assert_int_equal(rules.cloud.inits, 1 + 1 + OPERATION_REOPEN_MAX);
		assert_int_equal(life(&rules)->operation, OPERATION_EXPIRED);
		assert_true(rules.actions & LIFE_ALARM_FAILED);
	}
}

/* Rule 7: revoked there, a person admits it anew; revoked here, nothing is left. */
static void revoked(void **state)
{
	struct rules rules;

	FOR_EACH_DRIVER(&rules, i)
	{
		rules_take_in(&rules);
		rules_event(&rules, LIFE_LINK_UP);
		if (rules.kind->has_cloud) {
			cloud_revoke_all(&rules.cloud);
			rules_event(&rules, LIFE_LINK_REFUSED);
			assert_true(rules.actions & LIFE_ALARM_LEAK);
			rules_settle(&rules);
			assert_int_equal(life(&rules)->admission, ADMISSION_PENDING);
			assert_int_equal(life(&rules)->credential, CREDENTIAL_NONE);
			assert_false(rules.actions & LIFE_DROP_READINGS);
			assert_int_equal(rules.cloud.inits, 1);
			rules_take_in(&rules);
			assert_int_equal(rules.cloud.inits, 2);
		}
		rules_event(&rules, LIFE_REVOKE);
		assert_true(rules.actions & LIFE_DISCONNECT);
		assert_int_equal(life(&rules)->credential, CREDENTIAL_NONE);
		assert_int_equal(life(&rules)->credential_current.size, 0);
		assert_false(lifecycle_may_publish(life(&rules), rules.now));
	}
}

/* The provisioning token is refused while the registration token is good: it goes on, and is said.
 */
static void pt_revoked(void **state)
{
	struct rules rules;

	FOR_EACH_DRIVER(&rules, i)
	{
		if (!rules.kind->has_cloud)
			continue;
		rules_take_in(&rules);
		rules.cloud.pt_revoked = true;
		rules.now += 16LL * 86400000;
		rules_event(&rules, LIFE_RENEW_DUE);
		rules_settle(&rules);
		assert_int_equal(life(&rules)->credential, CREDENTIAL_HELD);
		assert_int_equal(rules.trouble, PLATFORM_TOKEN_REFUSED);
		assert_int_equal(life(&rules)->admission, ADMISSION_ADMITTED);
		/* And when the other one has ended as well, a person is needed. */
		rules.now += 16LL * 86400000;
		rules_event(&rules, LIFE_CREDENTIAL_LAPSED);
		rules_settle(&rules);
		assert_int_equal(life(&rules)->operation, OPERATION_FAILED);
		assert_int_equal(rules.trouble, PLATFORM_TOKEN_REFUSED);
	}
}

/* Rule 9. */
static void the_id_is_the_platforms(void **state)
{
	struct rules rules;

	FOR_EACH_DRIVER(&rules, i)
	{
		rules_take_in(&rules);
		assert_string_equal(life(&rules)->platform_id, rules.kind->platform_id);
	}
}

/* Rule 10. */
static void the_code_is_constant(void **state)
{
	struct rules rules;

	FOR_EACH_DRIVER(&rules, i)
	{
		char code[65];

		if (!(rules.driver->describe()->supports & PLATFORM_DISPLAY_CODES))
			continue;
		rules_event(&rules, LIFE_ADMIT);
		rules_settle(&rules);
		assert_int_equal(span_to_string(secret_span(&life(&rules)->operation_code), code,
					 sizeof(code)),
			0);
		for (int n = 0; n < 5; n++) {
			rules_crash(&rules);
			rules_settle(&rules);
			rules_wake(&rules);
			rules_settle(&rules);
			assert_true(span_equal(secret_span(&life(&rules)->operation_code),
				span_from_string(code)));
		}
		rules_event(&rules, LIFE_REJECT);
		assert_int_equal(life(&rules)->operation_code.size, 0);
	}
}

/* With an operator's token the approval here is the one there; without one it waits. */
static void approved_from_here(void **state)
{
	struct rules rules;

	FOR_EACH_DRIVER(&rules, i)
	{
		if (!rules.kind->has_cloud)
			continue;
		rules_event(&rules, LIFE_APPROVE);
		rules_settle(&rules);
		assert_int_equal(life(&rules)->operation, OPERATION_AWAITING);
		assert_int_equal(rules.cloud.approvals, 0);
		rules.operator_token = true;
		for (unsigned at = 0; at < 3; at++) {
			if (at == 1)
				rules.cloud.fail = 500;
			rules_wake(&rules);
			rules_step(&rules);
			if (at == 0)
				rules_crash(&rules);
			rules_step(&rules);
			rules.cloud.fail = 0;
		}
		rules_settle(&rules);
		if (life(&rules)->operation == OPERATION_AWAITING) {
			rules_wake(&rules);
			rules_settle(&rules);
		}
		assert_int_equal(life(&rules)->operation, OPERATION_BOUND);
		assert_true(rules.cloud.approvals >= 1);
	}
}

/* ---- the walk ---- */

static uint64_t draw(uint64_t *random, uint64_t limit)
{
	uint64_t z = (*random += 0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return (z ^ (z >> 31)) % limit;
}

static const enum life_event of_people[] = {LIFE_ADMIT, LIFE_ADMIT, LIFE_APPROVE, LIFE_SUSPEND,
	LIFE_RESUME, LIFE_REVOKE, LIFE_RELEASE, LIFE_REJECT};
static const enum life_event of_nature[] = {LIFE_LINK_UP, LIFE_LINK_UP, LIFE_LINK_LOST,
	LIFE_LINK_RETRY, LIFE_LINK_REFUSED, LIFE_RENEW_DUE, LIFE_RENEW_DUE, LIFE_CREDENTIAL_LAPSED};

static void something_happens(struct rules *rules, uint64_t *random, bool *ret_spoilt)
{
	struct cloud_operation *operation = cloud_newest(&rules->cloud);

	switch (draw(random, 12)) {
	case 0:
	case 1:
	case 2:
		if (operation && operation->state == CLOUD_OPEN)
			operation->state = CLOUD_APPROVED;
		break;
	case 3:
		if (operation && operation->state == CLOUD_OPEN)
			operation->state = draw(random, 2) ? CLOUD_CANCELLED : CLOUD_CLOSED;
		break;
	case 4:
		rules->lose_answer = true;
		rules->dps.assigning = (unsigned)draw(random, 4);
		rules->jit.by_hand = draw(random, 2);
		break;
	case 5:
		rules->cloud.fail = draw(random, 2) ? 500 : 429;
		rules->dps.fail = rules->cloud.fail;
		rules->dps.forgets = draw(random, 2);
		rules->jit.cut = draw(random, 2);
		break;
	case 6:
		if (draw(random, 10) == 0) {
			cloud_revoke_all(&rules->cloud);
			rules->dps.key_refused = true;
			rules->jit.ca_unknown = true;
			*ret_spoilt = true;
		}
		break;
	case 7:
		rules->dps.disabled = !rules->dps.disabled;
		rules->cloud.disabled = !rules->cloud.disabled;
		break;
	case 8:
		rules->operator_token = draw(random, 2);
		break;
	default:
		rules->cloud.fail = rules->dps.fail = 0;
		jit_activate(&rules->jit);
		rules->jit.cut = rules->jit.ca_unknown = false;
		rules->cloud.disabled = rules->dps.disabled = rules->dps.forgets = false;
		rules->dps.key_refused = rules->dps.key_refused && draw(random, 4) != 0;
		rules->now += (int64_t)draw(random, 3600000);
		break;
	}
}

/* Rule 3: unless somebody there took it away or time did, something on disk is still taken. */
static bool still_good(struct rules *rules)
{
	const struct lifecycle *now = life(rules);
	struct span blob = secret_span(&now->operation_blob);
	struct rules other = *rules;

	if (cloud_takes(&rules->cloud, rules_token(rules)))
		return true;
	other.record.life.credential_current = now->credential_old;
	if (now->credential_old.size && cloud_takes(&rules->cloud, rules_token(&other)))
		return true;
	if (blob.size < 3 || blob.data[1] != 'C')
		return false;
	other.record.life.credential_current =
		(struct secret){(uint8_t *)(uintptr_t)blob.data + 2, blob.size - 2};
	return cloud_takes(&rules->cloud, rules_token(&other));
}

static void judge(struct rules *rules, bool spoilt, unsigned inits, unsigned completes,
	enum operation_state before)
{
	const struct lifecycle *now = life(rules);
	/* One that is refused was given up: a new operation is what helps. */
	bool holds = now->credential != CREDENTIAL_NONE && now->credential != CREDENTIAL_REFUSED &&
		     now->operation != OPERATION_ISSUED;

	/* Rule 1: with an operation's id on disk none is opened. Rule 3: COMPLETE only before. */
	assert_true(rules->cloud.inits == inits || before == OPERATION_OPENING);
	assert_true(rules->cloud.completes == completes || before == OPERATION_AWAITING);
	if (rules->kind->has_cloud && holds && !spoilt && now->credential_expires > rules->now)
		assert_true(still_good(rules));
	/* Rule 3: what is made here needs nobody there. */
	if (rules->kind->has_dps && now->credential == CREDENTIAL_HELD)
		assert_true(now->credential_current.size > 0);
	/* Rule 3: what is knocked with is on disk, and what was taken is kept. */
	if (rules->kind->has_jit && credential_is_usable(now->credential))
		assert_true(now->credential_current.size > 0);
	/* Rule 7. */
	if (now->admission != ADMISSION_ADMITTED)
		assert_false(lifecycle_may_publish(now, rules->now));
}

static void walk_one(
	const struct rules_case *kind, uint64_t *random, unsigned steps, unsigned *ret_bound)
{
	struct rules rules;
	bool spoilt = false;

	rules_begin(&rules, kind);
	while (steps--) {
		enum operation_state before = life(&rules)->operation;
		unsigned inits = rules.cloud.inits, completes = rules.cloud.completes;
		uint64_t at = draw(random, 100), number = life(&rules)->operation_number;

		if (at < 8)
			rules_event(&rules, of_people[draw(random, ELEMENTS(of_people))]);
		else if (at < 14)
			rules_event(&rules, of_nature[draw(random, ELEMENTS(of_nature))]);
		else if (at < 18)
			rules_event_crashing(&rules, of_people[draw(random, ELEMENTS(of_people))],
				draw(random, 2));
		else if (at < 24)
			rules_crash(&rules);
		else if (at < 34)
			something_happens(&rules, random, &spoilt);
		else if (!rules_step(&rules))
			rules_wake(&rules);
		if (life(&rules)->operation_number != number)
			spoilt = false;
		*ret_bound +=
			life(&rules)->operation == OPERATION_BOUND && before != OPERATION_BOUND;
		judge(&rules, spoilt, inits, completes, before);
	}
	rules_end(&rules);
}

static uint64_t setting(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 10) : otherwise;
}

static void random_walk(void **state)
{
	uint64_t wanted = setting("GATEHOUSE_WALK_SEED", SEED);
	uint64_t seed = wanted ? wanted : random_uint64(), random = seed;
	uint64_t steps = setting("GATEHOUSE_WALK_STEPS", STEPS);

	print_message("GATEHOUSE_WALK_SEED=%llu\n", (unsigned long long)seed);
	for (size_t i = 0; i < rules_case_count; i++) {
		const struct rules_case *kind = &rules_cases[i];
		/* Of those that read or make certificates fewer: they take their time. */
		uint64_t part = kind->has_x509			   ? 25
				: kind->has_fleet || kind->has_jit ? 5
								   : 1,
			 worlds = steps / STEPS_OF_WORLD / part;
		unsigned bound = 0;

		for (uint64_t left = worlds ? worlds : 1; left > 0; left--)
			walk_one(kind, &random, STEPS_OF_WORLD, &bound);
		print_message("%s: bound %u times\n", kind->driver, bound);
		assert_true(bound > 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_operation),
		cmocka_unit_test(killed_at_every_step),
		cmocka_unit_test(signs_of_a_leak),
		cmocka_unit_test(renewal_survives_everything),
		cmocka_unit_test(expiry),
		cmocka_unit_test(every_end),
		cmocka_unit_test(refused),
		cmocka_unit_test(answers_of_complete),
		cmocka_unit_test(polls_keep_their_distance),
		cmocka_unit_test(reopened_at_most_twice),
		cmocka_unit_test(rejected_and_expired),
		cmocka_unit_test(revoked),
		cmocka_unit_test(pt_revoked),
		cmocka_unit_test(the_id_is_the_platforms),
		cmocka_unit_test(the_code_is_constant),
		cmocka_unit_test(approved_from_here),
		cmocka_unit_test(random_walk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
