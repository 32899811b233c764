/* SPDX-License-Identifier: Apache-2.0 */

/* Codes: what was typed for one device, how often, and what it counts as. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "fakes.h"
#include "host/journal.h"

static struct act approve(const struct device *device, const char *code)
{
	struct act act = act_on(ACT_APPROVE, device->record->id);

	snprintf(act.code, sizeof(act.code), "%s", code);
	return act;
}

static struct device *labelled(const char *ep, const char *ip)
{
	return pending_device(ep, ip, "{\"code\":\"BCDF-GHJK\"}");
}

static void the_right_code_approves(void **state)
{
	struct device *device = labelled("one", "10.0.0.1");
	struct act act = approve(device, " bcdf ghjk");

	assert_int_equal(acted(&act).result, ACT_DONE);
	assert_int_equal(device->record->life.credential, CREDENTIAL_HELD);
	assert_int_equal(disk_device(device->record->id)->evidence, EVIDENCE_SHORT_CODE);
	assert_int_equal(disk_audit_count("approve", "done"), 1);
}

/* What is in already is told to whoever comes second, right code or not: it costs no try. */
static void a_second_approval_costs_no_try(void **state)
{
	struct device *device = labelled("one", "10.0.0.1");
	struct act act = approve(device, "BCDF-GHJK"), late = approve(device, "ZZZZ-ZZZZ");
	struct act_outcome outcome;

	assert_int_equal(acted(&act).result, ACT_DONE);
	outcome = acted(&late);
	assert_int_equal(outcome.result, ACT_IMPOSSIBLE);
	assert_string_equal(outcome.text, "It is active already.");
	assert_int_equal(device->record->code_tries, 0);
}

static void a_code_has_to_be_typed(void **state)
{
	struct device *device = labelled("one", "10.0.0.1");
	struct act act = approve(device, "");

	assert_int_equal(acted(&act).result, ACT_BAD_INPUT);
	/* Letting it try without the code of its label is no way around. */
	act.kind = ACT_ADMIT;
	assert_int_equal(acted(&act).result, ACT_IMPOSSIBLE);
	assert_int_equal(device->record->life.admission, ADMISSION_PENDING);
	assert_int_equal(device->record->code_tries, 0);
}

/* Its platform approves; here its label is what admits it, with the same tries. */
static void a_label_admits_where_the_platform_approves(void **state)
{
	struct device *device = labelled("one", "10.0.0.1");
	struct act act = act_on(ACT_ADMIT, device->record->id);

	strcpy(((struct device_record *)(uintptr_t)device->record)->platform, "spotflow");
	assert_int_equal(
		secret_set(&bed.host.secrets.shared_token, SPAN_LITERAL("a-token-for-all")), 0);
	assert_int_equal(acted(&act).result, ACT_BAD_INPUT);
	snprintf(act.code, sizeof(act.code), "ZZZZ-ZZZZ");
	assert_int_equal(acted(&act).result, ACT_WRONG_CODE);
	assert_int_equal(disk_device(device->record->id)->code_tries, 1);
	assert_int_equal(device->record->life.admission, ADMISSION_PENDING);
	snprintf(act.code, sizeof(act.code), "bcdf ghjk");
	assert_int_equal(acted(&act).result, ACT_DONE);
	assert_int_equal(device->record->life.admission, ADMISSION_ADMITTED);
	assert_int_equal(disk_device(device->record->id)->evidence, EVIDENCE_SHORT_CODE);
	assert_int_equal(device->record->code_tries, 0);
	/* Approving is not this gateway's to do. */
	act.kind = ACT_APPROVE;
	assert_int_equal(acted(&act).result, ACT_IMPOSSIBLE);
	secret_clear(&bed.host.secrets.shared_token);
}

static void five_wrong_tries_void_it(void **state)
{
	struct device *device = labelled("one", "10.0.0.1");
	struct act act = approve(device, "ZZZZ-ZZZZ");
	struct act_outcome outcome;
	unsigned i;

	for (i = 1; i <= 5; i++) {
		outcome = acted(&act);
		if (i < 5) {
			assert_int_equal(outcome.result, ACT_WRONG_CODE);
			assert_int_equal(outcome.number, 5 - i);
		}
		/* On disk: a restart does not give them back. */
		assert_int_equal(disk_device(device->record->id)->code_tries, i);
		assert_int_equal(disk_audit_count("approve", "refused: wrong code"), i);
	}
	assert_int_equal(outcome.result, ACT_LOCKED);
	assert_int_equal(bed.host.limits.reached[LIMIT_CODE_TRIES], 1);
	assert_true(disk_device(device->record->id)->code_locked);
	assert_true(host_alarm_is_active(&bed.host, ALARM_CODE_LOCKED, device->record->id));
	act = approve(device, "BCDF-GHJK");
	assert_int_equal(acted(&act).result, ACT_LOCKED);
	assert_int_equal(device->record->life.admission, ADMISSION_PENDING);
	act.kind = ACT_UNLOCK_CODE;
	assert_int_equal(acted(&act).result, ACT_DONE);
	assert_false(host_alarm_is_active(&bed.host, ALARM_CODE_LOCKED, device->record->id));
	act.kind = ACT_APPROVE;
	assert_int_equal(acted(&act).result, ACT_DONE);
}

static void unlocking_that_is_not_stored_leaves_the_alarm(void **state)
{
	struct device *device = labelled("one", "10.0.0.1");
	struct act act = approve(device, "ZZZZ-ZZZZ");
	struct act_try try;
	unsigned i;

	for (i = 0; i < 5; i++)
		acted(&act);
	act.kind = ACT_UNLOCK_CODE;
	try_act(&act, &try);
	store_answer_all(-ENOSPC);
	assert_int_equal(try.outcome.result, ACT_NOT_STORED);
	assert_true(host_alarm_is_active(&bed.host, ALARM_CODE_LOCKED, device->record->id));
	assert_true(device->record->code_locked);
}

static void a_try_that_cannot_be_counted_is_none(void **state)
{
	struct device *device = labelled("one", "10.0.0.1");
	struct act act = approve(device, "ZZZZ-ZZZZ");
	struct act_try try;

	try_act(&act, &try);
	store_answer_all(-ENOSPC);
	assert_int_equal(try.outcome.result, ACT_NOT_STORED);
	/* The answer says nothing of the code. */
	assert_null(strstr(try.outcome.text, "code"));
}

/* All at once, so that none of them has been counted when the next one is looked at. */
static void tries_side_by_side_gain_nothing(void **state)
{
	struct device *device = labelled("one", "10.0.0.1");
	struct act wrong = approve(device, "ZZZZ-ZZZZ"), right = approve(device, "BCDF-GHJK");
	struct act_try tries[6];
	unsigned i;

	for (i = 0; i < 5; i++)
		try_act(&wrong, &tries[i]);
	try_act(&right, &tries[5]);
	store_answer_all(0);
	assert_int_equal(tries[4].outcome.result, ACT_LOCKED);
	assert_int_equal(tries[5].outcome.result, ACT_IMPOSSIBLE);
	assert_true(device->record->code_locked);
	assert_int_equal(device->record->life.admission, ADMISSION_PENDING);
}

static void the_whole_gateway_pauses(void **state)
{
	struct act act;
	struct act_outcome outcome;
	char ep[8], ip[16];
	unsigned i;

	open_window();
	for (i = 0; i < 10; i++) {
		snprintf(ep, sizeof(ep), "n%u", i);
		snprintf(ip, sizeof(ip), "10.0.0.%u", i + 1);
		act = approve(labelled(ep, ip), "ZZZZ-ZZZZ");
		assert_int_equal(acted(&act).result, ACT_WRONG_CODE);
	}
	act = approve(registry_by_ep(bed.host.registry, "n0"), "BCDF-GHJK");
	outcome = acted(&act);
	assert_int_equal(outcome.result, ACT_TOO_MANY);
	assert_in_range(outcome.number, 895, 901);
	assert_int_equal(bed.host.limits.reached[LIMIT_CODE_TRIES_GATEWAY], 1);
	bed_advance(899 * USEC_PER_SEC);
	assert_int_equal(acted(&act).result, ACT_TOO_MANY);
	bed_advance(2 * USEC_PER_SEC);
	assert_int_equal(acted(&act).result, ACT_DONE);
}

static void admit_code_approve(void **state)
{
	struct device *device = pending_device("one", "10.0.0.1", "{\"display\":true}");
	struct act act = approve(device, "");
	char code[CODE_MAX + 1] = "";

	/* Not without the code that only its display shows. */
	assert_int_equal(acted(&act).result, ACT_IMPOSSIBLE);
	act.kind = ACT_ADMIT;
	assert_int_equal(acted(&act).result, ACT_DONE);
	assert_int_equal(device->record->life.operation, OPERATION_AWAITING);
	span_to_string(secret_span(&device->record->life.operation_code), code, sizeof(code));
	act = approve(device, "");
	assert_int_equal(acted(&act).result, ACT_BAD_INPUT);
	act = approve(device, "wrong");
	assert_int_equal(acted(&act).result, ACT_WRONG_CODE);
	act = approve(device, code);
	assert_int_equal(acted(&act).result, ACT_DONE);
	assert_int_equal(device->record->life.operation, OPERATION_BOUND);
	assert_int_equal(disk_device(device->record->id)->evidence, EVIDENCE_DISPLAY_CODE);
	assert_int_equal(device->record->code_tries, 0);
	assert_int_equal(device->record->life.operation_code.size, 0);
}

static void wrong_tries_replace_a_code_that_is_shown(void **state)
{
	struct device *device = pending_device("one", "10.0.0.1", "{\"display\":true}");
	struct act admit = act_on(ACT_ADMIT, device->record->id), act = approve(device, "wrong");
	char code[CODE_MAX + 1] = "", second[CODE_MAX + 1] = "";
	uint64_t number;
	unsigned i;

	acted(&admit);
	number = device->record->life.operation_number;
	span_to_string(secret_span(&device->record->life.operation_code), code, sizeof(code));
	for (i = 1; i < 5; i++)
		assert_int_equal(acted(&act).result, ACT_WRONG_CODE);
	assert_int_equal(acted(&act).result, ACT_LOCKED);
	assert_int_equal(disk_audit_count("approve", "refused: wrong code"), 5);
	assert_int_equal(disk_audit_count("approve", "ended: too many wrong codes"), 1);
	assert_int_equal(device->record->life.admission, ADMISSION_PENDING);
	assert_false(operation_is_open(device->record->life.operation));
	assert_false(disk_device(device->record->id)->code_locked);
	assert_int_equal(disk_device(device->record->id)->code_tries, 0);
	assert_false(host_alarm_is_active(&bed.host, ALARM_CODE_LOCKED, device->record->id));
	act = approve(device, code);
	assert_int_equal(acted(&act).result, ACT_IMPOSSIBLE);
	assert_int_equal(acted(&admit).result, ACT_DONE);
	assert_true(device->record->life.operation_number > number);
	span_to_string(secret_span(&device->record->life.operation_code), second, sizeof(second));
	assert_string_not_equal(code, second);
	assert_int_equal(acted(&act).result, ACT_WRONG_CODE);
	act = approve(device, second);
	assert_int_equal(acted(&act).result, ACT_DONE);
}

/* All at once, with the right one behind them. */
static void tries_side_by_side_do_not_outrun_the_end(void **state)
{
	struct device *device = pending_device("one", "10.0.0.1", "{\"display\":true}");
	struct act admit = act_on(ACT_ADMIT, device->record->id), wrong, right;
	char code[CODE_MAX + 1] = "";
	struct act_try tries[7];
	unsigned i;

	acted(&admit);
	span_to_string(secret_span(&device->record->life.operation_code), code, sizeof(code));
	wrong = approve(device, "wrong");
	right = approve(device, code);
	for (i = 0; i < 6; i++)
		try_act(&wrong, &tries[i]);
	try_act(&right, &tries[6]);
	store_answer_all(0);
	for (i = 0; i < 7; i++)
		assert_int_equal(tries[i].answers, 1);
	assert_int_equal(tries[4].outcome.result, ACT_LOCKED);
	assert_int_equal(tries[6].outcome.result, ACT_IMPOSSIBLE);
	assert_int_equal(device->record->life.credential, CREDENTIAL_NONE);
	assert_int_equal(device->record->life.admission, ADMISSION_PENDING);
	assert_false(device->record->code_locked);
}

static void an_expired_operation_is_no_way_around_the_display(void **state)
{
	struct device *device = pending_device("one", "10.0.0.1", "{\"display\":true}");
	struct act act = act_on(ACT_ADMIT, device->record->id);
	unsigned i;

	acted(&act);
	for (i = 0; i <= OPERATION_REOPEN_MAX; i++) {
		bed_advance(600 * USEC_PER_SEC);
		store_answer_all(0);
	}
	assert_int_equal(device->record->life.operation, OPERATION_EXPIRED);
	assert_int_equal(device->record->life.admission, ADMISSION_ADMITTED);
	act = approve(device, "");
	assert_int_equal(acted(&act).result, ACT_IMPOSSIBLE);
	assert_int_equal(device->record->life.credential, CREDENTIAL_NONE);
	/* Also not while its code is on the way to the display. */
	act.kind = ACT_ADMIT;
	try_act(&act, &(struct act_try){0});
	store_answer(0);
	assert_int_equal(device->record->life.operation, OPERATION_OPENING);
	act.kind = ACT_APPROVE;
	assert_int_equal(acted(&act).result, ACT_IMPOSSIBLE);
	assert_int_equal(device->record->life.operation, OPERATION_AWAITING);
}

/* The code was looked at, but before the approval had its turn the operation was another one. */
static void a_code_is_of_its_operation(void **state)
{
	struct device *device = pending_device("one", "10.0.0.1", "{\"display\":true}");
	struct act act = act_on(ACT_ADMIT, device->record->id), reject, again;
	char code[CODE_MAX + 1] = "";
	struct act_try tries[3];

	acted(&act);
	span_to_string(secret_span(&device->record->life.operation_code), code, sizeof(code));
	reject = act_on(ACT_REJECT, device->record->id);
	again = act_on(ACT_ADMIT, device->record->id);
	act = approve(device, code);
	try_act(&reject, &tries[0]);
	try_act(&again, &tries[1]);
	try_act(&act, &tries[2]);
	store_answer_all(0);
	assert_int_equal(tries[2].answers, 1);
	assert_int_not_equal(tries[2].outcome.result, ACT_DONE);
	assert_int_equal(device->record->life.credential, CREDENTIAL_NONE);
}

static void without_display_the_page_shows_it(void **state)
{
	struct device *device = pending_device("one", "10.0.0.1", "{}");
	struct act act = act_on(ACT_ADMIT, device->record->id);
	char code[CODE_MAX + 1] = "";

	acted(&act);
	span_to_string(secret_span(&device->record->life.operation_code), code, sizeof(code));
	act = approve(device, code);
	assert_int_equal(acted(&act).result, ACT_DONE);
	assert_int_equal(disk_device(device->record->id)->evidence, EVIDENCE_SHOWN_BY_GATEWAY);
}

static void without_any_code(void **state)
{
	struct device *device = active_device("one", "10.0.0.1");

	assert_int_equal(disk_device(device->record->id)->evidence, EVIDENCE_NO_CODE);
	assert_string_equal(disk_audit_newest()->action, "approve");
	assert_string_equal(disk_audit_newest()->evidence, "no-code");
}

static void no_code_is_ever_written_down(void **state)
{
	struct device *device = labelled("one", "10.0.0.1");
	struct act act = approve(device, "BCDFGHJK");

	acted(&act);
	assert_string_equal(disk_audit_newest()->evidence, "short-code");
	assert_null(strstr(disk_audit_newest()->object, "BCDF"));
	assert_null(strstr(disk_audit_newest()->result, "BCDF"));
}

#define T(name) cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_right_code_approves),
		T(a_second_approval_costs_no_try),
		T(a_code_has_to_be_typed),
		T(five_wrong_tries_void_it),
		T(unlocking_that_is_not_stored_leaves_the_alarm),
		T(a_try_that_cannot_be_counted_is_none),
		T(tries_side_by_side_gain_nothing),
		T(the_whole_gateway_pauses),
		T(a_label_admits_where_the_platform_approves),
		T(admit_code_approve),
		T(wrong_tries_replace_a_code_that_is_shown),
		T(tries_side_by_side_do_not_outrun_the_end),
		T(an_expired_operation_is_no_way_around_the_display),
		T(a_code_is_of_its_operation),
		T(without_display_the_page_shows_it),
		T(without_any_code),
		T(no_code_is_ever_written_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
