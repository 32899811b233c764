/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What people decide about a device besides letting it in (suspend, release, block, ...), what they
 * are told when it cannot be, and a life as a value: secrets, copies, lack of memory, broken input.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "core/lifecycle-parts.h"
#include "life.h"

/* The allocation that fails, counted from now; 0 = none. */
static unsigned malloc_fails;

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);

void *__wrap_malloc(size_t size)
{
	if (malloc_fails > 0 && --malloc_fails == 0)
		return NULL;
	return __real_malloc(size);
}

/* Bytes that were wiped. */
static size_t wiped;

void __real_crypto_wipe(void *bytes, size_t size);
void __wrap_crypto_wipe(void *bytes, size_t size);

void __wrap_crypto_wipe(void *bytes, size_t size)
{
	wiped += size;
	__real_crypto_wipe(bytes, size);
}

static void suspended_keeps_its_credential(void **data)
{
	struct lead lead = {0};

	lead_to_active(&lead);
	lead_event(&lead, LIFE_SUSPEND);
	assert_moved(&lead, LIFE_SAVE | LIFE_DISCONNECT | LIFE_TELL_DEVICE);
	assert_int_equal(lead.life.credential, CREDENTIAL_HELD);
	assert_true(secret_is(&lead.life.credential_current, "token-1"));
	assert_false(lifecycle_may_publish(&lead.life, NOW));
	assert_false(lifecycle_may_report(&lead.life));
	lead_event(&lead, LIFE_LINK_UP);
	assert_ignored(&lead);
	lead_event(&lead, LIFE_LINK_RETRY);
	assert_ignored(&lead);
	lead_event(&lead, LIFE_RESTARTED);
	assert_moved(&lead, 0);

	/* It is kept fresh, so that the device can go on at once. */
	lead_event(&lead, LIFE_RENEW_DUE);
	assert_moved(&lead, LIFE_SAVE | LIFE_REFRESH);
	lead_issued(&lead, "token-2", IN_A_DAY);
	assert_moved(&lead, LIFE_SAVE);
	assert_int_equal(lead.life.link, LINK_DOWN);

	lead_event(&lead, LIFE_RESUME);
	assert_moved(&lead, LIFE_SAVE | LIFE_CONNECT | LIFE_TELL_DEVICE);
	assert_true(lifecycle_may_publish(&lead.life, NOW));
	lifecycle_clear(&lead.life);
}

static void suspended_opens_nothing(void **data)
{
	struct lead lead = {0};

	lead_to_active(&lead);
	lead_event(&lead, LIFE_SUSPEND);
	lead_event(&lead, LIFE_CREDENTIAL_LAPSED);
	assert_moved(&lead, LIFE_SAVE | LIFE_DISCONNECT | LIFE_REFRESH);
	lead_event(&lead, LIFE_DRIVER_REFUSED);
	assert_moved(&lead, LIFE_SAVE | LIFE_ALARM_REFUSED);
	assert_int_equal(lead.life.operation, OPERATION_BOUND);

	lead_event(&lead, LIFE_RESUME);
	assert_moved(&lead, LIFE_SAVE | LIFE_TELL_DEVICE | LIFE_ADVANCE);
	assert_int_equal(lead.life.operation, OPERATION_OPENING);
	lifecycle_clear(&lead.life);
}

static void suspended_while_expired_is_refreshed(void **data)
{
	struct lead lead = {0};

	lead_to_active(&lead);
	lead_event(&lead, LIFE_CREDENTIAL_LAPSED);
	lead_event(&lead, LIFE_SUSPEND);
	lead_event(&lead, LIFE_RESUME);
	assert_moved(&lead, LIFE_SAVE | LIFE_TELL_DEVICE);
	lead_issued(&lead, "token-2", IN_A_DAY);
	assert_moved(&lead, LIFE_SAVE | LIFE_CONNECT);
	lifecycle_clear(&lead.life);
}

static void suspended_and_withdrawn_by_the_platform(void **data)
{
	struct lead lead = {0};

	lead_to_active(&lead);
	lead_event(&lead, LIFE_SUSPEND);
	lead_event(&lead, LIFE_REVOKED_UPSTREAM);
	assert_moved(&lead, LIFE_SAVE | LIFE_DISCONNECT | LIFE_TELL_DEVICE | LIFE_ALARM_REFUSED);
	assert_int_equal(lead.life.admission, ADMISSION_PENDING);
	lifecycle_clear(&lead.life);
}

static void released_waits_for_the_next_owner(void **data)
{
	struct lead lead = {0};

	lead_to_active(&lead);
	lead_event(&lead, LIFE_RELEASE);
	assert_moved(&lead, LIFE_SAVE | LIFE_DISCONNECT | LIFE_TELL_DEVICE | LIFE_DROP_READINGS |
				    LIFE_PLATFORM_REVOKE);
	assert_int_equal(lead.life.admission, ADMISSION_PENDING);
	assert_int_equal(lead.life.credential, CREDENTIAL_NONE);
	lifecycle_clear(&lead.life);

	lead_to_awaiting(&lead);
	lead_event(&lead, LIFE_RELEASE);
	assert_moved(&lead, LIFE_SAVE | LIFE_DISCONNECT | LIFE_TELL_DEVICE | LIFE_DROP_READINGS |
				    LIFE_CANCEL | LIFE_CLEAR_CODE);
	lifecycle_clear(&lead.life);
}

static void blocked_until_unblocked(void **data)
{
	struct lead lead = {0};

	lead_to_active(&lead);
	lead_event(&lead, LIFE_BLOCK);
	assert_moved(&lead, LIFE_SAVE | LIFE_DISCONNECT | LIFE_TELL_DEVICE | LIFE_DROP_READINGS |
				    LIFE_PLATFORM_REVOKE);
	assert_int_equal(lead.life.credential, CREDENTIAL_NONE);
	lead_event(&lead, LIFE_ASKED);
	assert_ignored(&lead);
	lead_event(&lead, LIFE_UNBLOCK);
	assert_moved(&lead, LIFE_SAVE | LIFE_TELL_DEVICE);
	assert_int_equal(lead.life.admission, ADMISSION_SIGHTED);
	lead_event(&lead, LIFE_ASKED);
	assert_int_equal(lead.life.admission, ADMISSION_PENDING);
	lifecycle_clear(&lead.life);
}

static void only_what_has_no_credential_is_rejected(void **data)
{
	struct lead lead = {0};

	lead_to_active(&lead);
	lead_event(&lead, LIFE_REJECT);
	assert_refused(&lead, "It is approved already: revoke it instead.");
	lifecycle_clear(&lead.life);

	lead_event(&lead, LIFE_ADMIT);
	lead_event(&lead, LIFE_DRIVER_FAILED_FINAL);
	assert_moved(&lead, LIFE_SAVE | LIFE_TELL_DEVICE | LIFE_ALARM_FAILED);
	lead_event(&lead, LIFE_REJECT);
	assert_moved(&lead, LIFE_SAVE | LIFE_TELL_DEVICE);
	lifecycle_clear(&lead.life);
}

/* Whoever asks for what cannot be is told, in every state. */
static void every_refusal_has_a_sentence(void **data)
{
	unsigned refusals = 0;

	for (unsigned admission = 0; admission < ADMISSION_STATES; admission++)
		for (enum life_event event = LIFE_ADMIT; event <= LIFE_UNBLOCK; event++) {
			struct lead lead = {0};

			/* An admitted one is active. */
			lead.life.admission = (enum admission_state)admission;
			if (admission == ADMISSION_ADMITTED) {
				lead.life.operation = OPERATION_BOUND;
				lead.life.credential = CREDENTIAL_HELD;
			}
			lead_event(&lead, event);
			assert_int_not_equal(lead.outcome.result, MACHINE_IGNORED);
			if (lead.outcome.result == MACHINE_REFUSED) {
				assert_non_null(lead.outcome.why);
				assert_true(strlen(lead.outcome.why) > 10);
				refusals++;
			}
			lifecycle_clear(&lead.life);
		}
	assert_int_equal(refusals, 38);
}

static void what_nobody_knows_is_ignored(void **data)
{
	struct lead lead = {0};

	lead_to_active(&lead);
	lead_event(&lead, LIFE_EVENTS);
	assert_ignored(&lead);
	lifecycle_clear(&lead.life);
}

/* What a driver forgot is its fault; nothing moves. */
static void broken_input_moves_nothing(void **data)
{
	static const uint8_t huge[SECRET_MAX + 1];
	struct lead lead = {0};
	struct life_input input;

	lead_event(&lead, LIFE_APPROVE);
	input = lead_input(&lead, LIFE_DRIVER_ISSUED);
	assert_int_equal(lead_try(&lead, &input), -EINVAL);
	input.blob = span_of(huge, sizeof(huge));
	assert_int_equal(lead_try(&lead, &input), -EINVAL);
	input.blob = SPAN_LITERAL("token-1");
	input.expires = -1;
	assert_int_equal(lead_try(&lead, &input), -EINVAL);
	assert_int_equal(lead.life.operation, OPERATION_OPENING);
	assert_int_equal(lead.life.credential, CREDENTIAL_NONE);

	input = lead_input(&lead, LIFE_DRIVER_PROGRESS);
	input.blob = span_of(huge, sizeof(huge));
	assert_int_equal(lead_try(&lead, &input), -EINVAL);
	input.blob.size--;
	lead_step(&lead, input);
	assert_int_equal(lead.life.operation_blob.size, SECRET_MAX);
	lead_progress(&lead, "");
	assert_null(lead.life.operation_blob.data);
	lifecycle_clear(&lead.life);
}

static void secret_replaces_and_wipes(void **data)
{
	struct secret secret = {NULL, 0};

	wiped = 0;
	assert_int_equal(secret_set(&secret, SPAN_LITERAL("first")), 0);
	assert_true(secret_is(&secret, "first"));
	/* A part of itself. */
	assert_int_equal(secret_set(&secret, span_of(secret.data + 1, 3)), 0);
	assert_true(secret_is(&secret, "irs"));
	assert_int_equal(wiped, strlen("first"));
	malloc_fails = 1;
	assert_int_equal(secret_set(&secret, SPAN_LITERAL("second")), -ENOMEM);
	assert_true(secret_is(&secret, "irs"));
	assert_int_equal(secret_set(&secret, span_of(NULL, 0)), 0);
	assert_null(secret.data);
	assert_int_equal(wiped, strlen("first") + strlen("irs"));
	secret_clear(&secret);
	assert_int_equal(secret_span(&secret).size, 0);
}

/* All four secrets are there: an operation with a blob and a code over an expired credential. */
static void fill(struct lifecycle *life)
{
	*life = (struct lifecycle){.admission = ADMISSION_ADMITTED,
		.operation = OPERATION_AWAITING,
		.operation_number = 7,
		.credential = CREDENTIAL_REFUSED,
		.platform_id = "id"};
	assert_int_equal(secret_set(&life->operation_blob, SPAN_LITERAL("blob")), 0);
	assert_int_equal(secret_set(&life->operation_code, SPAN_LITERAL("code")), 0);
	assert_int_equal(secret_set(&life->credential_current, SPAN_LITERAL("current")), 0);
	assert_int_equal(secret_set(&life->credential_old, SPAN_LITERAL("old")), 0);
}

static void copy_shares_nothing(void **data)
{
	struct lifecycle from, to;

	fill(&from);
	assert_int_equal(lifecycle_copy(&from, &to), 0);
	wiped = 0;
	lifecycle_clear(&from);
	assert_int_equal(
		wiped, strlen("blob") + strlen("code") + strlen("current") + strlen("old"));
	assert_null(from.credential_old.data);
	assert_int_equal(from.admission, ADMISSION_SIGHTED);
	assert_true(secret_is(&to.operation_blob, "blob"));
	assert_true(secret_is(&to.operation_code, "code"));
	assert_true(secret_is(&to.credential_current, "current"));
	assert_true(secret_is(&to.credential_old, "old"));
	assert_int_equal(to.operation_number, 7);
	assert_string_equal(to.platform_id, "id");
	lifecycle_clear(&to);
}

/* What is on disk is all but the link: each field alone makes another record. */
static void each_field_makes_another_record(void **data)
{
	struct lifecycle a, b;

#define DIFFERS(change)                                                  \
	do {                                                             \
		fill(&b);                                                \
		assert_true(lifecycle_same_record(&a, &b));              \
		b.link = LINK_UP;                                        \
		assert_true(lifecycle_same_record(&a, &b));              \
		change;                                                  \
		if (lifecycle_same_record(&a, &b))                       \
			fail_msg("%s is not seen as a change", #change); \
		lifecycle_clear(&b);                                     \
	} while (0)

	fill(&a);
	DIFFERS(b.admission = ADMISSION_PENDING);
	DIFFERS(b.operation = OPERATION_OPENING);
	DIFFERS(b.operation_number++);
	DIFFERS(b.operation_reopened++);
	DIFFERS(b.operation_expires++);
	DIFFERS(b.operation_approved = true);
	DIFFERS(b.operation_blocked = true);
	DIFFERS(b.operation_blob.data[0]++);
	DIFFERS(secret_clear(&b.operation_code));
	DIFFERS(b.credential = CREDENTIAL_HELD);
	DIFFERS(b.credential_since++);
	DIFFERS(b.credential_expires++);
	DIFFERS(b.credential_doubted = true);
	DIFFERS(b.credential_current.data[0]++);
	DIFFERS(b.credential_old.data[0]++);
	DIFFERS(b.platform_id[0]++);
	lifecycle_clear(&a);
#undef DIFFERS
}

/* Whichever allocation fails: the old value stays, nothing leaks, nothing is written. */
static void lack_of_memory_moves_nothing(void **data)
{
	struct lead lead = {0};
	struct lifecycle to;
	struct life_input input;
	unsigned failed = 0;

	fill(&lead.life);
	memset(&to, 0x5a, sizeof(to));
	for (unsigned i = 1; i <= 4; i++) {
		malloc_fails = i;
		assert_int_equal(lifecycle_copy(&lead.life, &to), -ENOMEM);
		assert_int_equal(((uint8_t *)&to)[0], 0x5a);
	}

	for (;;) {
		input = lead_input(&lead, LIFE_DRIVER_ISSUED);
		input.blob = SPAN_LITERAL("token-2");
		malloc_fails = failed + 1;
		if (lead_try(&lead, &input) == 0)
			break;
		failed++;
		assert_int_equal(lead.life.operation, OPERATION_AWAITING);
		assert_true(secret_is(&lead.life.credential_current, "current"));
	}
	assert_int_equal(failed, 5);
	malloc_fails = 0;
	assert_true(secret_is(&lead.life.credential_current, "token-2"));
	lifecycle_clear(&lead.life);

	fill(&lead.life);
	secret_clear(&lead.life.operation_code);
	lead.life.operation = OPERATION_OPENING;
	input = lead_input(&lead, LIFE_DRIVER_CODE);
	input.blob = SPAN_LITERAL("blob-2");
	input.code = SPAN_LITERAL("code-2");
	for (unsigned i = 1; i <= 5; i++) {
		malloc_fails = i;
		assert_int_equal(lead_try(&lead, &input), -ENOMEM);
		assert_int_equal(lead.life.operation, OPERATION_OPENING);
	}
	malloc_fails = 0;
	lifecycle_clear(&lead.life);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(suspended_keeps_its_credential),
		cmocka_unit_test(suspended_opens_nothing),
		cmocka_unit_test(suspended_while_expired_is_refreshed),
		cmocka_unit_test(suspended_and_withdrawn_by_the_platform),
		cmocka_unit_test(released_waits_for_the_next_owner),
		cmocka_unit_test(blocked_until_unblocked),
		cmocka_unit_test(only_what_has_no_credential_is_rejected),
		cmocka_unit_test(every_refusal_has_a_sentence),
		cmocka_unit_test(what_nobody_knows_is_ignored),
		cmocka_unit_test(broken_input_moves_nothing),
		cmocka_unit_test(secret_replaces_and_wipes),
		cmocka_unit_test(copy_shares_nothing),
		cmocka_unit_test(each_field_makes_another_record),
		cmocka_unit_test(lack_of_memory_moves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
