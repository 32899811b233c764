/* SPDX-License-Identifier: Apache-2.0 */

/* Running a platform driver: what becomes of each verdict, one at a time, and a restart. */

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
#include "fake-driver.h"
#include "host/effect.h"
#include "host/journal.h"
#include "host/platform-host.h"

/* ---- verdicts ---- */

static void local_waits_for_the_person(void **state)
{
	struct device *device;
	struct act act;

	plain_local();
	device = pending_device("one", "10.0.0.1", "{\"display\":true}");
	act = act_on(ACT_ADMIT, device->record->id);
	assert_int_equal(acted(&act).result, ACT_DONE);
	assert_int_equal(device->record->life.operation, OPERATION_AWAITING);
	assert_in_range(driver.calls[PLATFORM_PROVISION], 1, 2);
	bed_advance(300 * USEC_PER_SEC);
	assert_in_range(driver.calls[PLATFORM_PROVISION], 1, 2);
	assert_int_equal(store_waiting(), 0);
}

static void local_approved_in_one_act(void **state)
{
	struct device *device;

	plain_local();
	device = active_device("one", "10.0.0.1");
	assert_int_equal(device->record->life.operation, OPERATION_BOUND);
	assert_int_equal(device->record->life.credential, CREDENTIAL_HELD);
	assert_string_equal(device->record->life.platform_id, device->record->id);
	assert_int_equal(driver.calls[PLATFORM_PROVISION], 1);
	assert_int_equal(driver.calls[PLATFORM_BIND], 1);
	assert_int_equal(driver.all, 2);
}

static void progress_is_on_disk_before_the_wait_begins(void **state)
{
	struct device *device = pending_device("one", "10.0.0.1", "{}");
	struct act act = act_on(ACT_ADMIT, device->record->id);
	unsigned calls;

	memset(&driver, 0, sizeof(driver));
	driver.in_use = true;
	driver.verdict = PLATFORM_PROGRESS;
	driver.wait_usec = 30 * USEC_PER_SEC;
	try_act(&act, &(struct act_try){0});
	store_answer(0); /* admitted: the driver is called */
	assert_int_equal(driver.all, 1);
	assert_int_equal(store_waiting(), 1);
	assert_int_equal(bed_timer_left("platform-advance"), UINT64_MAX);
	store_answer(0);
	assert_int_equal(driver.all, 1);
	assert_int_equal(bed_timer_left("platform-advance"), 30 * USEC_PER_SEC);
	calls = driver.all;
	bed_advance(29 * USEC_PER_SEC);
	assert_int_equal(driver.all, calls);
	bed_advance(2 * USEC_PER_SEC);
	assert_int_equal(driver.all, calls + 1);
	store_answer_all(0);
	assert_int_equal(bed_timer_left("platform-advance"), 30 * USEC_PER_SEC);
}

static void a_wait_for_its_session(void **state)
{
	struct device *device = admitted(PLATFORM_FAILED);

	for (unsigned waits = 0; waits < 2; waits++) {
		driver.verdict = PLATFORM_PROGRESS;
		driver.wait_usec = 300 * USEC_PER_SEC;
		driver.or_when_up = waits;
		bed_advance(bed_timer_left("platform-advance"));
		store_answer_all(0);
		assert_true(bed_timer_left("platform-advance") <= 300 * USEC_PER_SEC);
		driver.all = 0;
		driver.or_when_up = false;
		platform_host_on_up(&bed.host, device);
		store_answer_all(0);
		assert_int_equal(driver.all, waits);
		/* Once. */
		platform_host_on_up(&bed.host, device);
		store_answer_all(0);
		assert_int_equal(driver.all, waits);
	}
}

static void progress_with_nothing_new_still_waits(void **state)
{
	struct device *device = admitted(PLATFORM_FAILED);

	driver.verdict = PLATFORM_PROGRESS;
	driver.same_blob = true;
	driver.wait_usec = 5 * USEC_PER_SEC;
	driver.all = 0;
	bed_advance(20 * USEC_PER_SEC);
	store_answer_all(0);
	assert_in_range(driver.all, 2, 6);
	assert_true(bed_timer_left("platform-advance") <= 5 * USEC_PER_SEC);
	assert_int_equal(device->record->life.operation, OPERATION_OPENING);
}

static void an_approval_does_not_wait_for_a_poll(void **state)
{
	struct device *device = pending_device("one", "10.0.0.1", "{}");
	struct act act = act_on(ACT_ADMIT, device->record->id);

	memset(&driver, 0, sizeof(driver));
	driver.in_use = true;
	driver.verdict = PLATFORM_CODE;
	driver.wait_usec = 60 * USEC_PER_SEC;
	assert_int_equal(acted(&act).result, ACT_DONE);
	assert_int_equal(device->record->life.operation, OPERATION_AWAITING);
	assert_int_equal(bed_timer_left("platform-advance"), 60 * USEC_PER_SEC);
	driver.verdict = PLATFORM_ISSUED;
	driver.wait_usec = 0;
	driver.lifetime = 1000000;
	act.kind = ACT_APPROVE;
	snprintf(act.code, sizeof(act.code), "bcdfghjk");
	assert_int_equal(acted(&act).result, ACT_DONE);
	assert_int_equal(driver.calls[PLATFORM_APPROVE], 1);
	assert_int_equal(device->record->life.operation, OPERATION_ISSUED);
	assert_int_equal(disk_device(device->record->id)->evidence, EVIDENCE_SHOWN_BY_GATEWAY);
}

static void the_platforms_answer_is_the_truth(void **state)
{
	struct device *device = admitted(PLATFORM_ISSUED);

	assert_int_equal(device->record->life.operation, OPERATION_ISSUED);
	/* ISSUED once more, in answer to BIND, repeats nothing. */
	assert_int_equal(driver.calls[PLATFORM_PROVISION], 1);
	driver.verdict = PLATFORM_BOUND;
	platform_host_advance(&bed.host, device);
	store_answer_all(0);
	assert_int_equal(device->record->life.operation, OPERATION_BOUND);
	assert_string_equal(device->record->life.platform_id, "other-id");
}

static void ends(void **state)
{
	static const struct {
		enum platform_verdict verdict;
		bool final;
		enum operation_state operation;
		enum admission_state admission;
		bool alarmed;
		enum alarm_kind alarm;
	} rows[] = {
		{PLATFORM_REJECTED, false, OPERATION_REJECTED, ADMISSION_REJECTED, false, ALARMS},
		{PLATFORM_REFUSED, false, OPERATION_FAILED, ADMISSION_ADMITTED, true,
			ALARM_OPERATION_FAILED},
		{PLATFORM_LEAK, false, OPERATION_FAILED, ADMISSION_PENDING, true, ALARM_LEAK},
		{PLATFORM_FAILED, true, OPERATION_FAILED, ADMISSION_ADMITTED, true,
			ALARM_OPERATION_FAILED},
		/* Nobody approved in time: by itself twice more, then a person. */
		{PLATFORM_EXPIRED, false, OPERATION_EXPIRED, ADMISSION_ADMITTED, true,
			ALARM_OPERATION_FAILED},
	};
	unsigned i;

	for (i = 0; i < ELEMENTS(rows); i++) {
		struct device *device;
		struct act act;
		char ep[8], ip[16];

		snprintf(ep, sizeof(ep), "n%u", i);
		snprintf(ip, sizeof(ip), "10.0.0.%u", i + 1);
		plain_local();
		device = pending_device(ep, ip, "{}");
		act = act_on(ACT_ADMIT, device->record->id);
		driver.in_use = true;
		driver.verdict = rows[i].verdict;
		driver.final = rows[i].final;
		acted(&act);
		assert_int_equal(device->record->life.operation, rows[i].operation);
		assert_int_equal(device->record->life.admission, rows[i].admission);
		if (rows[i].alarmed)
			assert_true(
				host_alarm_is_active(&bed.host, rows[i].alarm, device->record->id));
		assert_int_equal(driver.calls[PLATFORM_PROVISION],
			rows[i].verdict == PLATFORM_EXPIRED ? OPERATION_REOPEN_MAX + 1 : 1);
		assert_int_equal(bed_timer_left("platform-advance"), UINT64_MAX);
	}
}

static void a_failure_is_tried_again_with_back_off(void **state)
{
	struct device *device = admitted(PLATFORM_FAILED);
	uint64_t left;
	unsigned i;

	for (i = 1; i < 12; i++) {
		assert_int_equal(driver.calls[PLATFORM_PROVISION], i);
		left = bed_timer_left("platform-advance");
		assert_in_range(left, USEC_PER_SEC, 300 * USEC_PER_SEC);
		bed_advance(left);
	}
	driver.result = -ENOMEM; /* a fault of the driver is a failure too */
	bed_advance(bed_timer_left("platform-advance"));
	assert_in_range(bed_timer_left("platform-advance"), USEC_PER_SEC, 300 * USEC_PER_SEC);
	plain_local();
	bed_advance(300 * USEC_PER_SEC);
	store_answer_all(0);
	assert_int_equal(device->record->life.operation, OPERATION_AWAITING);
}

static void a_request_that_nobody_can_send(void **state)
{
	struct device *device = pending_device("one", "10.0.0.1", "{}");
	struct act act = act_on(ACT_ADMIT, device->record->id);

	memset(&driver, 0, sizeof(driver));
	driver.in_use = true;
	driver.verdict = PLATFORM_PROGRESS;
	driver.transport = PLATFORM_HTTP;
	acted(&act);
	assert_int_equal(device->record->life.operation, OPERATION_FAILED);
}

static void an_unknown_platform(void **state)
{
	struct device *device = pending_device("one", "10.0.0.1", "{}");

	plain_local();
	snprintf(device->record->platform, sizeof(device->record->platform), "nowhere");
	host_submit(&bed.host, device, &(const struct submission){.event = LIFE_ADMIT});
	store_answer_all(0);
	assert_int_equal(device->record->life.operation, OPERATION_FAILED);
}

static void a_verdict_that_was_not_stored_is_asked_for_again(void **state)
{
	struct device *device = pending_device("one", "10.0.0.1", "{}");
	struct act act = act_on(ACT_APPROVE, device->record->id);

	plain_local();
	try_act(&act, &(struct act_try){0});
	store_answer(0);
	assert_int_equal(device->record->life.operation, OPERATION_OPENING);
	store_answer(-ENOSPC); /* ISSUED */
	assert_int_equal(device->record->life.operation, OPERATION_OPENING);
	assert_int_equal(device->record->life.credential, CREDENTIAL_NONE);
	bed_advance(10 * USEC_PER_SEC);
	store_answer_all(0);
	assert_int_equal(device->record->life.operation, OPERATION_BOUND);
}

static void one_verdict_at_a_time(void **state)
{
	struct device *device = pending_device("one", "10.0.0.1", "{}");
	struct act act = act_on(ACT_APPROVE, device->record->id);

	plain_local();
	try_act(&act, &(struct act_try){0});
	store_answer(0);
	assert_int_equal(driver.all, 1);
	/* Asked while the answer is on its way to disk: remembered, not asked twice. */
	platform_host_advance(&bed.host, device);
	platform_host_advance(&bed.host, device);
	assert_int_equal(driver.all, 1);
	store_answer_all(0);
	assert_int_equal(driver.calls[PLATFORM_PROVISION], 1);
	assert_int_equal(device->record->life.operation, OPERATION_BOUND);
}

/* ---- restart ---- */

static void a_restart_goes_on_where_it_was(void **state)
{
	struct device *device = pending_device("one", "10.0.0.1", "{}");
	struct act act = act_on(ACT_APPROVE, device->record->id);

	plain_local();
	try_act(&act, &(struct act_try){0});
	store_answer(0);
	store_answer(0); /* ISSUED; the process is killed before BOUND is on disk */
	assert_int_equal(device->record->life.operation, OPERATION_ISSUED);
	assert_int_equal(store_waiting(), 1);
	store_answer(-ENOSPC);
	plain_local();
	host_submit(&bed.host, device, &(const struct submission){.event = LIFE_RESTARTED});
	store_answer_all(0);
	assert_int_equal(driver.calls[PLATFORM_PROVISION], 0);
	assert_int_equal(driver.calls[PLATFORM_BIND], 1);
	assert_int_equal(device->record->life.operation, OPERATION_BOUND);
}

static void the_code_is_the_same_after_a_restart(void **state)
{
	struct device *device;
	struct act act;
	char before[CODE_MAX + 1] = "";

	plain_local();
	device = pending_device("one", "10.0.0.1", "{\"display\":true}");
	act = act_on(ACT_ADMIT, device->record->id);
	acted(&act);
	span_to_string(secret_span(&device->record->life.operation_code), before, sizeof(before));
	host_submit(&bed.host, device, &(const struct submission){.event = LIFE_RESTARTED});
	store_answer_all(0);
	assert_int_equal(device->record->life.operation, OPERATION_AWAITING);
	assert_true(span_equal(
		secret_span(&device->record->life.operation_code), span_from_string(before)));
	assert_string_not_equal(before, "");
}

#define T(name) cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)

/* Who approved it is on record, and what ended it, each once; a renewal is no decision. */
static void its_word_is_in_the_journal(void **state)
{
	static const struct {
		enum platform_verdict verdict;
		bool final;
		const char *open, *renewing;
	} rows[] = {
		{PLATFORM_REJECTED, false, "reject", "revoke"},
		{PLATFORM_REFUSED, false, "refuse", "refuse"},
		{PLATFORM_LEAK, false, "leak", "leak"},
		{PLATFORM_FAILED, true, "fail", "fail"},
		{PLATFORM_FAILED, false, NULL, NULL},
		{PLATFORM_PROGRESS, false, NULL, NULL},
	};
	struct device *device = pending_device("one", "10.0.0.1", "{}");
	struct lifecycle *life = &((struct device_record *)(uintptr_t)device->record)->life;
	struct audit_row row;

	memset(&driver, 0, sizeof(driver));
	driver.in_use = true;
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		const struct platform_step step = {
			.verdict = rows[i].verdict, .final = rows[i].final, .why = "because"};

		life->operation = OPERATION_AWAITING;
		driver.decides = false;
		assert_false(platform_word(device->record, &step, &row));
		driver.decides = true;
		assert_int_equal(platform_word(device->record, &step, &row), rows[i].open != NULL);
		if (!rows[i].open)
			continue;
		assert_string_equal(row.action, rows[i].open);
		assert_string_equal(row.who, "platform");
		assert_string_equal(row.via, "local");
		assert_string_equal(row.object, device->record->id);
		assert_string_equal(row.result, "because");
		life->operation = OPERATION_BOUND;
		assert_true(platform_word(device->record, &step, &row));
		assert_string_equal(row.action, rows[i].renewing);
	}
	life->operation = OPERATION_NONE;
}

static void both_approvals_are_on_record(void **state)
{
	struct device *device = pending_device("one", "10.0.0.1", "{}");
	struct act act = act_on(ACT_ADMIT, device->record->id);

	memset(&driver, 0, sizeof(driver));
	driver.in_use = driver.decides = true;
	driver.verdict = PLATFORM_CODE;
	driver.wait_usec = 5 * USEC_PER_SEC;
	assert_int_equal(acted(&act).result, ACT_DONE);
	assert_int_equal(disk_audit_count("admit", "done"), 1);
	assert_int_equal(disk_audit_count("operation", "the test says so"), 1);
	bed_advance(6 * USEC_PER_SEC);
	store_answer_all(0);
	assert_int_equal(disk_audit_count("operation", NULL), 1);
	driver.verdict = PLATFORM_ISSUED;
	driver.lifetime = 1000000;
	bed_advance(6 * USEC_PER_SEC);
	driver.verdict = PLATFORM_BOUND;
	store_answer_all(0);
	assert_int_equal(disk_audit_count("approve", NULL), 1);
	assert_int_equal(disk_audit_count("bind", NULL), 1);
	driver.verdict = PLATFORM_ISSUED;
	bed_advance(600 * USEC_PER_SEC);
	store_answer_all(0);
	assert_int_equal(disk_audit_count("approve", NULL), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(local_waits_for_the_person),
		T(local_approved_in_one_act),
		T(progress_is_on_disk_before_the_wait_begins),
		T(a_wait_for_its_session),
		T(progress_with_nothing_new_still_waits),
		T(an_approval_does_not_wait_for_a_poll),
		T(the_platforms_answer_is_the_truth),
		T(ends),
		T(a_failure_is_tried_again_with_back_off),
		T(a_request_that_nobody_can_send),
		T(an_unknown_platform),
		T(a_verdict_that_was_not_stored_is_asked_for_again),
		T(one_verdict_at_a_time),
		T(a_restart_goes_on_where_it_was),
		T(the_code_is_the_same_after_a_restart),
		T(its_word_is_in_the_journal),
		T(both_approvals_are_on_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
