/* SPDX-License-Identifier: Apache-2.0 */

/* Requests of platform drivers: on disk before they go out, one at a time, answered to the step
 * that asked and to no other, and gone with the device. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "fake-driver.h"
#include "host/effect.h"
#include "host/journal.h"
#include "host/platform-host.h"

static int setup(void **state)
{
	int r = bed_setup(state);

	http_reset();
	bed.host.http = (struct http *)&bed; /* there is one */
	return r;
}

/* Admitted with everything saved; the driver asked for a request. */
static struct device *asking(void)
{
	struct device *device = pending_device("one", "10.0.0.1", "{}");
	struct act act = act_on(ACT_ADMIT, device->record->id);

	memset(&driver, 0, sizeof(driver));
	driver.in_use = true;
	driver.verdict = PLATFORM_PROGRESS;
	driver.transport = PLATFORM_HTTP;
	driver.lifetime = 1000000;
	assert_int_equal(acted(&act).result, ACT_DONE);
	store_answer_all(0);
	return device;
}

static void on_disk_before_it_goes_out(void **state)
{
	struct device *device = pending_device("one", "10.0.0.1", "{}");
	struct act act = act_on(ACT_ADMIT, device->record->id);

	memset(&driver, 0, sizeof(driver));
	driver.in_use = true;
	driver.verdict = PLATFORM_PROGRESS;
	driver.transport = PLATFORM_HTTP;
	try_act(&act, &(struct act_try){0});
	store_answer(0);
	assert_int_equal(driver.all, 1);
	assert_int_equal(http_waiting(), 0); /* the blob is on its way to disk */
	store_answer(0);
	assert_int_equal(http_waiting(), 1);
	assert_string_equal(fake_http[0].url, "https://platform/step");
	assert_true(disk_device(device->record->id)->life.operation_blob.size > 0);
}

static void what_cannot_be_saved_does_not_go_out(void **state)
{
	struct device *device = pending_device("one", "10.0.0.1", "{}");
	struct act act = act_on(ACT_ADMIT, device->record->id);

	memset(&driver, 0, sizeof(driver));
	driver.in_use = true;
	driver.verdict = PLATFORM_PROGRESS;
	driver.transport = PLATFORM_HTTP;
	try_act(&act, &(struct act_try){0});
	store_answer(0);
	store_answer(-ENOSPC);
	assert_int_equal(fake_http_count, 0);
	bed_advance(10 * USEC_PER_SEC);
	store_answer_all(0);
	assert_int_equal(http_waiting(), 1);
}

static void the_answer_comes_to_the_driver(void **state)
{
	struct device *device = asking();

	assert_int_equal(driver.answers, 0);
	driver.verdict = PLATFORM_CODE;
	driver.transport = PLATFORM_NO_REQUEST;
	driver.wait_usec = 5 * USEC_PER_SEC;
	http_answer(0, 201, 0, "hello");
	store_answer_all(0);
	assert_int_equal(driver.answers, 1);
	assert_int_equal(driver.status, 201);
	assert_string_equal(driver.body, "hello");
	assert_int_equal(device->record->life.operation, OPERATION_AWAITING);
	/* The wait ends without an answer of anybody. */
	driver.verdict = PLATFORM_PROGRESS;
	driver.transport = PLATFORM_HTTP;
	driver.wait_usec = 0;
	bed_advance(5 * USEC_PER_SEC);
	store_answer_all(0);
	assert_int_equal(driver.answers, 1);
	assert_int_equal(http_waiting(), 1);
	/* A failure of the transport is an answer too. */
	driver.verdict = PLATFORM_FAILED;
	http_answer(-ETIMEDOUT, 0, 0, "");
	store_answer_all(0);
	assert_int_equal(driver.answers, 2);
	assert_int_equal(driver.answer_result, -ETIMEDOUT);
	assert_true(bed_timer_left("platform-advance") <= 300 * USEC_PER_SEC);
}

/* A poll has nothing new to keep, and goes out all the same. */
static void a_poll_goes_out(void **state)
{
	asking();
	driver.verdict = PLATFORM_PROGRESS;
	driver.transport = PLATFORM_NO_REQUEST;
	driver.wait_usec = 5 * USEC_PER_SEC;
	driver.same_blob = true;
	for (unsigned i = 1; i < 5; i++) {
		http_answer(0, 202, 0, "");
		store_answer_all(0);
		assert_int_equal(http_waiting(), 0);
		driver.transport = PLATFORM_HTTP;
		driver.wait_usec = 0;
		bed_advance(5 * USEC_PER_SEC);
		store_answer_all(0);
		assert_int_equal(http_waiting(), 1);
		assert_int_equal(driver.answers, i);
		driver.transport = PLATFORM_NO_REQUEST;
		driver.wait_usec = 5 * USEC_PER_SEC;
	}
}

static void retry_after_is_honoured(void **state)
{
	uint64_t left;

	asking();
	driver.verdict = PLATFORM_FAILED;
	http_answer(0, 429, 3600, "");
	store_answer_all(0);
	left = bed_timer_left("platform-advance");
	assert_in_range(left, 3600 * USEC_PER_SEC, 3960 * USEC_PER_SEC);
	/* Once: the next failure says nothing of the kind. */
	bed_advance(left);
	driver.verdict = PLATFORM_FAILED;
	store_answer_all(0);
	assert_true(bed_timer_left("platform-advance") <= 300 * USEC_PER_SEC);
}

static void an_approval_waits_for_the_answer_and_drops_it(void **state)
{
	struct device *device = asking();
	struct act act = act_on(ACT_APPROVE, device->record->id);

	driver.verdict = PLATFORM_CODE;
	driver.transport = PLATFORM_HTTP;
	http_answer(0, 200, 0, "");
	store_answer_all(0);
	assert_int_equal(device->record->life.operation, OPERATION_AWAITING);
	assert_int_equal(http_waiting(), 1); /* a poll */
	strcpy(act.code, "bcdfghjk");
	driver.all = 0;
	assert_int_equal(acted(&act).result, ACT_DONE);
	assert_int_equal(driver.all, 0); /* one thing at a time */
	assert_int_equal(http_waiting(), 1);
	driver.verdict = PLATFORM_PROGRESS;
	http_answer(0, 202, 0, "");
	store_answer_all(0);
	assert_true(driver.calls[PLATFORM_APPROVE] > 0);
	assert_int_equal(driver.answers, 1); /* the poll's answer was for another work */
	assert_int_equal(http_waiting(), 1);
}

static void a_revoked_device_hears_no_answer(void **state)
{
	struct device *device = asking();
	struct act act = act_on(ACT_REVOKE, device->record->id);

	act.role = ROLE_ADMIN;
	assert_int_equal(acted(&act).result, ACT_DONE);
	driver.answers = 0;
	driver.all = 0;
	http_answer(0, 200, 0, "late");
	store_answer_all(0);
	assert_int_equal(driver.all, 0);
	assert_int_equal(device->record->life.credential, CREDENTIAL_NONE);
}

static void the_next_operation_does_not_hear_the_last_ones_answer(void **state)
{
	struct device *device = asking();
	uint64_t number = device->record->life.operation_number;

	host_submit(&bed.host, device, &(const struct submission){.event = LIFE_REVOKE});
	store_answer_all(0);
	host_submit(&bed.host, device, &(const struct submission){.event = LIFE_ADMIT});
	store_answer_all(0);
	assert_true(device->record->life.operation_number > number);
	assert_int_equal(http_waiting(), 1);
	driver.answers = 0;
	http_answer(0, 200, 0, "of the one before");
	store_answer_all(0);
	assert_int_equal(driver.answers, 0);
	assert_int_equal(http_waiting(), 1); /* its own */
	driver.verdict = PLATFORM_CODE;
	driver.transport = PLATFORM_NO_REQUEST;
	http_answer(0, 200, 0, "");
	store_answer_all(0);
	assert_int_equal(driver.answers, 1);
	assert_int_equal(device->record->life.operation, OPERATION_AWAITING);
}

static void a_request_that_cannot_be_sent_is_tried_again(void **state)
{
	struct device *device;

	fake_http_result = -EBUSY;
	device = asking();
	assert_int_equal(http_waiting(), 0);
	assert_true(bed_timer_left("platform-advance") <= 300 * USEC_PER_SEC);
	fake_http_result = 0;
	bed_advance(bed_timer_left("platform-advance"));
	store_answer_all(0);
	assert_int_equal(http_waiting(), 1);
	assert_int_equal(device->record->life.operation, OPERATION_OPENING);
}

static void a_forgotten_device_takes_its_request_along(void **state)
{
	struct device *device = asking();

	host_submit(&bed.host, device,
		&(const struct submission){.event = LIFE_EVENTS, .forget = true});
	store_answer_all(0);
	bed_run_loop();
	assert_true(fake_http[0].cancelled);
	assert_int_equal(http_waiting(), 0);
}

static void trouble_is_told(void **state)
{
	struct device *device = asking();
	char id[DEVICE_ID_MAX + 1];

	strcpy(id, device->record->id);
	driver.verdict = PLATFORM_FAILED;
	driver.trouble = PLATFORM_DISABLED;
	http_answer(0, 423, 0, "");
	store_answer_all(0);
	assert_true(
		host_alarm_is_active(&bed.host, ALARM_PLATFORM_DISABLED, device->record->platform));
	driver.verdict = PLATFORM_CODE;
	driver.transport = PLATFORM_NO_REQUEST;
	driver.trouble = PLATFORM_TOKEN_REFUSED;
	bed_advance(bed_timer_left("platform-advance"));
	store_answer_all(0);
	assert_false(
		host_alarm_is_active(&bed.host, ALARM_PLATFORM_DISABLED, device->record->platform));
	assert_true(host_alarm_is_active(&bed.host, ALARM_PT_REFUSED, id));
	driver.verdict = PLATFORM_ISSUED;
	driver.trouble = PLATFORM_NO_TROUBLE;
	platform_host_advance(&bed.host, device);
	store_answer_all(0);
	assert_false(host_alarm_is_active(&bed.host, ALARM_PT_REFUSED, id));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, bed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(on_disk_before_it_goes_out),
		TEST(what_cannot_be_saved_does_not_go_out),
		TEST(the_answer_comes_to_the_driver),
		TEST(a_poll_goes_out),
		TEST(retry_after_is_honoured),
		TEST(an_approval_waits_for_the_answer_and_drops_it),
		TEST(a_revoked_device_hears_no_answer),
		TEST(the_next_operation_does_not_hear_the_last_ones_answer),
		TEST(a_request_that_cannot_be_sent_is_tried_again),
		TEST(a_forgotten_device_takes_its_request_along),
		TEST(trouble_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
