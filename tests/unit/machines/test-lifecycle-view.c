/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a device and a person see: every combination of admission, operation and credential against
 * an independent reading of the table, and who may report and publish.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "life.h"

struct seen {
	enum device_word word;
	enum device_stage stage;
};

static struct seen look(const struct lifecycle *life)
{
	struct seen seen = {DEVICE_WORDS, STAGES};

	lifecycle_describe(life, &seen.word, &seen.stage);
	return seen;
}

static void assert_seen(
	const struct lifecycle *life, enum device_word word, enum device_stage stage)
{
	struct seen seen = look(life);

	assert_string_equal(device_word_to_string(seen.word), device_word_to_string(word));
	assert_string_equal(device_stage_to_string(seen.stage), device_stage_to_string(stage));
}

static void not_admitted_is_what_the_person_decided(void **data)
{
	static const struct seen want[ADMISSION_STATES] = {
		[ADMISSION_SIGHTED] = {DEVICE_PENDING, STAGE_SEEN},
		[ADMISSION_PENDING] = {DEVICE_PENDING, STAGE_WAITING_PERSON},
		[ADMISSION_REJECTED] = {DEVICE_REJECTED, STAGE_REJECTED},
		[ADMISSION_SUSPENDED] = {DEVICE_SUSPENDED, STAGE_SUSPENDED},
		[ADMISSION_REVOKED] = {DEVICE_REVOKED, STAGE_REVOKED},
		[ADMISSION_BLOCKED] = {DEVICE_REJECTED, STAGE_BLOCKED},
	};
	struct lifecycle life = {.platform_id = "was-bound"};

	for (unsigned admission = 0; admission < ADMISSION_STATES; admission++) {
		if (admission == ADMISSION_ADMITTED)
			continue;
		life.admission = (enum admission_state)admission;
		for (unsigned operation = 0; operation < OPERATION_STATES; operation++)
			for (unsigned credential = 0; credential < CREDENTIAL_STATES;
				credential++) {
				life.operation = (enum operation_state)operation;
				life.credential = (enum credential_state)credential;
				assert_seen(&life, want[admission].word, want[admission].stage);
				assert_false(lifecycle_may_report(&life));
				assert_false(lifecycle_may_publish(&life, 0));
			}
	}
}

static void admitted_without_a_binding(void **data)
{
	static const enum device_stage want[OPERATION_STATES] = {
		[OPERATION_NONE] = STAGE_TROUBLE,
		[OPERATION_OPENING] = STAGE_WAITING_PLATFORM,
		[OPERATION_AWAITING] = STAGE_WAITING_CODE,
		[OPERATION_ISSUED] = STAGE_WAITING_PLATFORM,
		[OPERATION_BOUND] = STAGE_TROUBLE,
		[OPERATION_REJECTED] = STAGE_TROUBLE,
		[OPERATION_EXPIRED] = STAGE_TROUBLE,
		[OPERATION_FAILED] = STAGE_TROUBLE,
	};
	struct lifecycle life = {.admission = ADMISSION_ADMITTED};

	for (unsigned operation = 0; operation < OPERATION_STATES; operation++) {
		life.operation = (enum operation_state)operation;
		life.credential = CREDENTIAL_NONE;
		if (operation == OPERATION_ISSUED)
			life.credential = CREDENTIAL_HELD;
		assert_seen(&life, DEVICE_PENDING, want[operation]);
		assert_false(lifecycle_may_report(&life));
		assert_false(lifecycle_may_publish(&life, 0));
	}
	life.operation = OPERATION_AWAITING;
	life.operation_approved = true;
	assert_seen(&life, DEVICE_PENDING, STAGE_WAITING_PLATFORM);
}

static void admitted_and_bound(void **data)
{
	static const struct {
		enum device_stage stage;
		bool publish;
	} want[CREDENTIAL_STATES] = {
		[CREDENTIAL_HELD] = {STAGE_ACTIVE, true},
		[CREDENTIAL_RENEWING] = {STAGE_ACTIVE, true},
		[CREDENTIAL_EXPIRED] = {STAGE_EXPIRED, false},
		[CREDENTIAL_REFUSED] = {STAGE_TROUBLE, false},
	};
	struct lifecycle life = {.admission = ADMISSION_ADMITTED, .operation = OPERATION_BOUND};

	for (unsigned credential = CREDENTIAL_HELD; credential < CREDENTIAL_STATES; credential++) {
		life.credential = (enum credential_state)credential;
		assert_seen(&life, DEVICE_APPROVED, want[credential].stage);
		assert_true(lifecycle_may_report(&life));
		assert_int_equal(lifecycle_may_publish(&life, 0), want[credential].publish);
	}
}

static void approved_while_it_registers_again(void **data)
{
	struct lifecycle life = {.admission = ADMISSION_ADMITTED,
		.credential = CREDENTIAL_REFUSED,
		.platform_id = "was-bound"};

	life.operation = OPERATION_OPENING;
	assert_seen(&life, DEVICE_APPROVED, STAGE_WAITING_PLATFORM);
	assert_true(lifecycle_may_report(&life));
	assert_false(lifecycle_may_publish(&life, 0));
	life.operation = OPERATION_ISSUED;
	life.credential = CREDENTIAL_HELD;
	assert_seen(&life, DEVICE_APPROVED, STAGE_WAITING_PLATFORM);
	assert_false(lifecycle_may_publish(&life, 0));
}

static void nothing_is_published_at_or_after_the_end(void **data)
{
	struct lifecycle life = {.admission = ADMISSION_ADMITTED,
		.operation = OPERATION_BOUND,
		.credential = CREDENTIAL_HELD,
		.credential_expires = 1000};

	assert_true(lifecycle_may_publish(&life, 999));
	assert_false(lifecycle_may_publish(&life, 1000));
	assert_false(lifecycle_may_publish(&life, 1001));
	assert_true(lifecycle_may_report(&life));
	life.credential_expires = 0;
	assert_true(lifecycle_may_publish(&life, INT64_MAX));
}

static void words_of_the_contracts(void **data)
{
	static const char *const words[DEVICE_WORDS] = {
		"pending", "approved", "rejected", "suspended", "revoked"};
	static const char *const stages[STAGES] = {"seen", "waiting-person", "waiting-code",
		"waiting-platform", "active", "expired", "trouble", "rejected", "suspended",
		"revoked", "blocked"};

	for (unsigned i = 0; i < DEVICE_WORDS; i++)
		assert_string_equal(device_word_to_string((enum device_word)i), words[i]);
	for (unsigned i = 0; i < STAGES; i++)
		assert_string_equal(device_stage_to_string((enum device_stage)i), stages[i]);
	for (unsigned a = 0; a < LIFE_EVENTS; a++)
		for (unsigned b = 0; b < a; b++)
			assert_string_not_equal(life_event_to_string((enum life_event)a),
				life_event_to_string((enum life_event)b));
	assert_string_equal(device_word_to_string(DEVICE_WORDS), "unknown");
	assert_string_equal(device_stage_to_string(STAGES), "unknown");
	assert_string_equal(life_event_to_string(LIFE_EVENTS), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(not_admitted_is_what_the_person_decided),
		cmocka_unit_test(admitted_without_a_binding),
		cmocka_unit_test(admitted_and_bound),
		cmocka_unit_test(approved_while_it_registers_again),
		cmocka_unit_test(nothing_is_published_at_or_after_the_end),
		cmocka_unit_test(words_of_the_contracts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
