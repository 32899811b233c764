/* SPDX-License-Identifier: Apache-2.0 */

/* What the test told the driver to say, it says; without that 'local' answers. */

#include "fake-driver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

struct fake_driver driver;

const struct platform_driver *__wrap_platform_driver_by_name(const char *name);
const struct platform_driver *__real_platform_driver_by_name(const char *name);

static int say(const struct platform_device *device, struct platform_step *step)
{
	static uint8_t counter;
	int r = 0;

	if (driver.result < 0)
		return driver.result;
	*step = (struct platform_step){.verdict = driver.verdict,
		.wait_usec = driver.wait_usec,
		.or_when_up = driver.or_when_up,
		.final = driver.final,
		.why = "the test says so"};
	step->trouble = driver.trouble;
	if (driver.verdict == PLATFORM_PROGRESS || driver.verdict == PLATFORM_CODE) {
		step->request.transport = driver.transport;
		snprintf(step->request.method, sizeof(step->request.method), "PUT");
		snprintf(step->request.url, sizeof(step->request.url), "https://platform/step");
	}
	if (driver.dials)
		step->request.dial = (struct platform_dial){.host = "dps.example",
			.port = 8883,
			.client_id = "reg-1",
			.username = "scope/reg-1",
			.filter = {"$dps/res/#"}};
	snprintf(step->request.topic, sizeof(step->request.topic), "$dps/put/?$rid=7");
	snprintf(step->request.answer_mark, sizeof(step->request.answer_mark), "$rid=7");
	counter++;
	if (driver.verdict == PLATFORM_PROGRESS || driver.verdict == PLATFORM_CODE)
		r = secret_set(&step->blob,
			driver.same_blob ? secret_span(&device->record->life.operation_blob)
					 : span_of(&counter, 1));
	if (r >= 0 && driver.verdict == PLATFORM_CODE) {
		step->expires = bed.wall_msec + 600000;
		r = secret_set(&step->code, SPAN_LITERAL("BCDF-GHJK"));
	}
	if (r >= 0 && driver.verdict == PLATFORM_ISSUED) {
		step->expires = bed.wall_msec + driver.lifetime;
		r = secret_set(&step->credential, SPAN_LITERAL("credential"));
	}
	if (driver.verdict == PLATFORM_BOUND)
		snprintf(step->platform_id, sizeof(step->platform_id), "other-id");
	return r;
}

static int advance(const struct driver_services *services, const struct platform_device *device,
	enum platform_work work, const struct platform_answer *answer,
	struct platform_step *ret_step)
{
	if (answer->present) {
		driver.answers++;
		driver.status = answer->status;
		driver.answer_result = answer->result;
		snprintf(driver.topic, sizeof(driver.topic), "%s", answer->topic);
		snprintf(driver.body, sizeof(driver.body), "%.*s", (int)answer->body.size,
			(const char *)answer->body.data);
	}
	driver.calls[work]++;
	assert_true(++driver.all < 1000); /* a hot loop */
	if (driver.in_use)
		return say(device, ret_step);
	return __real_platform_driver_by_name("local")->advance(
		services, device, work, answer, ret_step);
}

/* As 'local' without accounts. */
static const struct platform_description *describe_here(void)
{
	static struct platform_description description;

	description = *__real_platform_driver_by_name("local")->describe();
	description.supports &= ~(uint32_t)PLATFORM_WITHDRAWS;
	return &description;
}

/* The same, but somebody there approves. */
static const struct platform_description *describe_there(void)
{
	static struct platform_description description;

	description = *describe_here();
	description.supports &= ~(uint32_t)PLATFORM_APPROVES_HERE;
	return &description;
}

const struct platform_driver *__wrap_platform_driver_by_name(const char *name)
{
	static struct platform_driver copy;
	const struct platform_driver *real = __real_platform_driver_by_name(name);

	if (!real)
		return NULL;
	copy = *real;
	copy.advance = advance;
	copy.describe = driver.decides ? describe_there : describe_here;
	return &copy;
}

void plain_local(void)
{
	memset(&driver, 0, sizeof(driver));
}

struct device *admitted(enum platform_verdict verdict)
{
	struct device *device = pending_device("one", "10.0.0.1", "{}");
	struct act act = act_on(ACT_ADMIT, device->record->id);

	memset(&driver, 0, sizeof(driver));
	driver.in_use = true;
	driver.verdict = verdict;
	driver.lifetime = 1000000;
	assert_int_equal(acted(&act).result, ACT_DONE);
	return device;
}
