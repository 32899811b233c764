/* SPDX-License-Identifier: Apache-2.0 */

/* The embedded platform, step by step. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/crypto.h"
#include "drivers/table.h"

static int64_t now = 1000000;

static int64_t fake_now(void)
{
	return now;
}

static const struct driver_services services = {.now = fake_now, .random = random_bytes};
static const struct local_settings settings = {.lease = 3600};
static const struct platform_answer none;
static const struct platform_driver *driver;

static int set_up(void **state)
{
	driver = platform_driver_by_name("local");
	return driver ? 0 : -1;
}

static void advance(
	const struct device_record *record, enum platform_work work, struct platform_step *step)
{
	const struct platform_device device = {.record = record, .settings = &settings};

	assert_int_equal(driver->advance(&services, &device, work, &none, step), 0);
}

static void test_describe(void **state)
{
	const struct platform_description *description = driver->describe();

	assert_string_equal(description->name, "local");
	assert_true(description->supports & PLATFORM_APPROVES_HERE);
	assert_true(description->supports & PLATFORM_SHARED_SESSION);
	assert_false(description->supports & PLATFORM_NEEDS_PT);
	assert_null(platform_driver_by_name("nowhere"));
}

static void test_approved_at_once(void **state)
{
	struct device_record record = {.id = "sensor-1-abcd",
		.life = {.operation = OPERATION_OPENING, .operation_approved = true}};
	struct platform_step first = {0}, second = {0};

	advance(&record, PLATFORM_PROVISION, &first);
	assert_int_equal(first.verdict, PLATFORM_ISSUED);
	assert_int_equal(first.expires, now + 3600 * 1000);
	assert_true(first.credential.size >= 16);
	advance(&record, PLATFORM_PROVISION, &second);
	assert_int_equal(second.credential.size, first.credential.size);
	assert_memory_not_equal(
		second.credential.data, first.credential.data, first.credential.size);
	platform_step_clear(&first);
	platform_step_clear(&second);
	assert_null(first.credential.data);
}

/* Rule 10: one code for one operation, however often the step is begun again. */
static void test_code_is_constant(void **state)
{
	struct device_record record = {
		.id = "sensor-1-abcd", .life = {.operation = OPERATION_OPENING}};
	struct platform_step step = {0};
	char text[10], code[SHORT_CODE_SIZE + 1];

	advance(&record, PLATFORM_PROVISION, &step);
	assert_int_equal(step.verdict, PLATFORM_CODE);
	assert_int_equal(step.expires, now + 600 * 1000);
	assert_int_equal(span_to_string(secret_span(&step.code), text, sizeof(text)), 0);
	assert_int_equal(short_code_parse(span_from_string(text), code), 0);
	assert_int_equal(text[4], '-');
	assert_true(step.blob.size > 0);
	record.life.operation = OPERATION_AWAITING;
	record.life.operation_code = step.code;
	record.life.operation_blob = step.blob;
	step = (struct platform_step){0};

	advance(&record, PLATFORM_PROVISION, &step);
	assert_int_equal(step.verdict, PLATFORM_PROGRESS);
	assert_int_equal(step.request.transport, PLATFORM_NO_REQUEST);
	assert_true(span_equal(secret_span(&step.blob), secret_span(&record.life.operation_blob)));
	assert_int_equal(step.code.size, 0);
	platform_step_clear(&step);
	advance(&record, PLATFORM_APPROVE, &step);
	assert_int_equal(step.verdict, PLATFORM_ISSUED);
	platform_step_clear(&step);
	secret_clear(&record.life.operation_code);
	secret_clear(&record.life.operation_blob);
}

static void test_bind_refresh_end(void **state)
{
	static const enum platform_work ends[] = {PLATFORM_CANCEL, PLATFORM_REVOKE};
	struct device_record record = {
		.id = "sensor-1-abcd", .life = {.operation = OPERATION_ISSUED}};
	struct platform_step step = {0};
	size_t i;

	advance(&record, PLATFORM_BIND, &step);
	assert_int_equal(step.verdict, PLATFORM_BOUND);
	assert_string_equal(step.platform_id, "sensor-1-abcd");
	now += 5000;
	advance(&record, PLATFORM_REFRESH, &step);
	assert_int_equal(step.verdict, PLATFORM_ISSUED);
	assert_int_equal(step.expires, now + 3600 * 1000);
	platform_step_clear(&step);
	for (i = 0; i < ELEMENTS(ends); i++) {
		advance(&record, ends[i], &step);
		assert_int_equal(step.verdict, PLATFORM_DONE);
		platform_step_clear(&step);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_describe),
		cmocka_unit_test(test_approved_at_once),
		cmocka_unit_test(test_code_is_constant),
		cmocka_unit_test(test_bind_refresh_end),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
