/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The one road by which a device changes: on disk before anything outside happens, one step after
 * the other, nothing at all when it could not be written.
 */

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
#include "host/effect.h"
#include "host/journal.h"

const struct platform_driver *__wrap_platform_driver_by_name(const char *name);
const struct platform_driver *__real_platform_driver_by_name(const char *name);

/* 'local', but for what it answers to a withdrawal: it keeps what it was shown. */
static struct {
	bool broken; /* ISSUED without a credential */
	enum platform_work work;
	size_t blob, credential;
} seen;

static int advance(const struct driver_services *services, const struct platform_device *device,
	enum platform_work work, const struct platform_answer *answer,
	struct platform_step *ret_step)
{
	const struct platform_driver *local = __real_platform_driver_by_name("local");

	if (work == PLATFORM_CANCEL || work == PLATFORM_REVOKE) {
		seen.work = work;
		seen.blob = device->record->life.operation_blob.size;
		seen.credential = device->record->life.credential_current.size;
	}
	if (seen.broken && work == PLATFORM_PROVISION) {
		*ret_step = (struct platform_step){.verdict = PLATFORM_ISSUED};
		return 0;
	}
	return local->advance(services, device, work, answer, ret_step);
}

const struct platform_driver *__wrap_platform_driver_by_name(const char *name)
{
	static struct platform_driver driver;
	const struct platform_driver *real = __real_platform_driver_by_name(name);

	if (!real)
		return NULL;
	driver = *real;
	driver.advance = advance;
	return &driver;
}

/* ---- a submission of our own ---- */

struct noted {
	unsigned answers, order;
	enum submit_result result;
	bool had_device;
	char why[100];
};
static unsigned order;

static void note(void *userdata, enum submit_result result, struct device *device, const char *why)
{
	struct noted *noted = userdata;

	noted->answers++;
	noted->order = ++order;
	noted->result = result;
	noted->had_device = device != NULL;
	snprintf(noted->why, sizeof(noted->why), "%s", why ? why : "");
}

static int rename_to(struct device_record *next, const void *argument, const char **ret_why)
{
	const char *name = argument;

	if (!name[0]) {
		*ret_why = "no name";
		return -EINVAL;
	}
	snprintf(next->name, sizeof(next->name), "%s", name);
	return 0;
}

static unsigned cleared;

static void count_clear(void *argument)
{
	cleared++;
}

static void submit_name(struct device *device, const char *name, struct noted *noted)
{
	char text[LABEL_MAX + 1] = "";

	snprintf(text, sizeof(text), "%s", name);
	*noted = (struct noted){.answers = 0};
	host_submit(&bed.host, device,
		&(const struct submission){
			.event = LIFE_EVENTS,
			.edit = rename_to,
			.argument = text,
			.argument_size = sizeof(text),
			.argument_clear = count_clear,
			.done = note,
			.userdata = noted,
		});
}

/* ---- tests ---- */

static void nothing_happens_before_it_is_on_disk(void **state)
{
	struct device *device;
	struct act act;
	struct act_try try;
	size_t from;

	link_up();
	device = active_device("one", "10.0.0.1");
	act = act_on(ACT_REVOKE, device->record->id);
	from = fake_publication_count;
	try_act(&act, &try);
	assert_int_equal(device->record->life.admission, ADMISSION_ADMITTED);
	assert_int_equal(published("/status", from), 0);
	assert_int_equal(try.answers, 0);
	store_answer(0);
	assert_int_equal(disk_device(device->record->id)->life.admission, ADMISSION_REVOKED);
	assert_int_equal(device->record->life.admission, ADMISSION_REVOKED);
	assert_int_equal(published("/status", from), 1);
	assert_int_equal(try.answers, 1);
	assert_int_equal(disk_audit_count("revoke", "done"), 1);
}

/* The store does not leave in its log what a revoke erases; a state alone is no such matter. */
static void what_is_erased_is_said_to_the_store(void **state)
{
	struct device *device = active_device("one", "10.0.0.1");
	struct act act = act_on(ACT_SUSPEND, device->record->id);
	unsigned before = disk_erasures;

	assert_int_equal(acted(&act).result, ACT_DONE);
	act.kind = ACT_RESUME;
	assert_int_equal(acted(&act).result, ACT_DONE);
	assert_int_equal(disk_erasures, before);
	act.kind = ACT_REVOKE;
	assert_int_equal(acted(&act).result, ACT_DONE);
	assert_int_equal(disk_erasures, before + 1);
}

static void a_refused_write_changes_nothing(void **state)
{
	struct device *device = active_device("one", "10.0.0.1");
	struct act act = act_on(ACT_REVOKE, device->record->id);
	struct act_try try;
	size_t from;

	link_up();
	from = fake_publication_count;
	try_act(&act, &try);
	store_answer_all(-ENOSPC);
	assert_int_equal(try.answers, 1);
	assert_int_equal(try.outcome.result, ACT_NOT_STORED);
	assert_int_equal(device->record->life.admission, ADMISSION_ADMITTED);
	assert_int_equal(fake_publication_count, from);
	assert_true(host_alarm_is_active(&bed.host, ALARM_CONTROL_FULL, ""));
	assert_true(lifecycle_may_publish(&device->record->life, bed.wall_msec));
	assert_int_equal(acted(&act).result, ACT_DONE);
	assert_false(host_alarm_is_active(&bed.host, ALARM_CONTROL_FULL, ""));
}

static void inputs_wait_in_order(void **state)
{
	struct device *device = pending_device("one", "10.0.0.1", "{}");
	struct noted first, second, third;

	cleared = 0;
	submit_name(device, "first", &first);
	submit_name(device, "", &second);
	submit_name(device, "third", &third);
	assert_int_equal(store_waiting(), 1);
	assert_string_equal(device->record->name, "");
	store_answer(0);
	assert_string_equal(device->record->name, "first");
	assert_int_equal(first.result, SUBMIT_DONE);
	assert_int_equal(second.result, SUBMIT_REFUSED);
	assert_string_equal(second.why, "no name");
	assert_int_equal(third.answers, 0);
	store_answer(0);
	assert_string_equal(device->record->name, "third");
	assert_int_equal(third.result, SUBMIT_DONE);
	assert_true(first.order < second.order && second.order < third.order);
	assert_int_equal(cleared, 3);
}

static void who_can_be_told_is_turned_away_the_rest_waits(void **state)
{
	struct device *device = pending_device("one", "10.0.0.1", "{}");
	uint64_t limit = bed.host.limits.value[LIMIT_INPUTS_WAITING];
	struct noted noted[80];
	uint64_t i;

	assert_true(limit + 2 < 80);
	cleared = 0;
	for (i = 0; i < limit + 2; i++)
		submit_name(device, "name", &noted[i]);
	assert_int_equal(noted[limit].answers, 0);
	assert_int_equal(noted[limit + 1].answers, 1);
	assert_int_equal(noted[limit + 1].result, SUBMIT_BUSY);
	assert_int_equal(bed.host.limits.reached[LIMIT_INPUTS_WAITING], 1);
	assert_int_equal(cleared, 1);
	/* What a driver answers would be lost for ever. */
	host_submit(&bed.host, device, &(const struct submission){.event = LIFE_RESTARTED});
	assert_int_equal(device_host(device)->input_count, limit + 1);
	store_answer_all(0);
	assert_int_equal(noted[limit].result, SUBMIT_DONE);
	assert_int_equal(device_host(device)->input_count, 0);
	assert_int_equal(cleared, limit + 2);
}

static void submit_in_done(
	void *userdata, enum submit_result result, struct device *device, const char *why)
{
	struct noted *noted = userdata;

	if (noted[0].answers++ == 0) {
		submit_name(device, "inner", &noted[1]);
		/* The step that is being carried out comes to its end first. */
		assert_int_equal(noted[1].answers, 0);
		assert_int_equal(store_waiting(), 0);
	}
}

static void a_step_ends_before_the_next_begins(void **state)
{
	struct device *device = pending_device("one", "10.0.0.1", "{}");
	struct noted noted[2] = {{0}};
	char name[LABEL_MAX + 1] = "outer";

	host_submit(&bed.host, device,
		&(const struct submission){.event = LIFE_EVENTS,
			.edit = rename_to,
			.argument = name,
			.argument_size = sizeof(name),
			.done = submit_in_done,
			.userdata = noted});
	store_answer(0);
	assert_int_equal(noted[0].answers, 1);
	assert_int_equal(store_waiting(), 1);
	store_answer(0);
	assert_int_equal(noted[1].result, SUBMIT_DONE);
	assert_string_equal(device->record->name, "inner");
}

static void forgetting_waits_its_turn_and_takes_the_waiting_with_it(void **state)
{
	struct device *device = pending_device("one", "10.0.0.1", "{}");
	char id[DEVICE_ID_MAX + 1];
	struct act act = act_on(ACT_FORGET, device->record->id);
	struct act_try try;
	struct noted before, after;

	memcpy(id, device->record->id, sizeof(id));
	submit_name(device, "before", &before);
	try_act(&act, &try);
	submit_name(device, "after", &after);
	store_answer(0);
	assert_int_equal(before.result, SUBMIT_DONE);
	assert_int_equal(try.answers, 0);
	store_answer_all(0);
	assert_int_equal(try.outcome.result, ACT_DONE);
	assert_int_equal(after.answers, 1);
	assert_int_equal(after.result, SUBMIT_GONE);
	assert_false(after.had_device);
	/* Nothing that waited has put it back. */
	assert_null(disk_device(id));
	assert_null(registry_by_id(bed.host.registry, id));
	assert_int_equal(disk_audit_count("forget", "done"), 1);
}

static void forgetting_that_is_not_stored_keeps_the_device(void **state)
{
	struct device *device = pending_device("one", "10.0.0.1", "{}");
	struct act act = act_on(ACT_FORGET, device->record->id);
	struct act_try try;

	try_act(&act, &try);
	store_answer_all(-ENOSPC);
	assert_int_equal(try.outcome.result, ACT_NOT_STORED);
	assert_ptr_equal(registry_by_ep(bed.host.registry, "one"), device);
	assert_int_equal(acted(&act).result, ACT_DONE);
}

static void a_device_with_a_credential_is_not_forgotten(void **state)
{
	struct device *device = active_device("one", "10.0.0.1");
	struct act act = act_on(ACT_FORGET, device->record->id);

	assert_int_equal(acted(&act).result, ACT_IMPOSSIBLE);
	assert_non_null(disk_device(device->record->id));
}

static void the_gateway_stops_while_a_record_is_saved(void **state)
{
	struct device *device = pending_device("one", "10.0.0.1", "{}");
	static struct noted saving, waiting;

	submit_name(device, "saving", &saving);
	submit_name(device, "waiting", &waiting);
	registry_remove(bed.host.registry, device);
	assert_int_equal(waiting.result, SUBMIT_GONE);
	assert_int_equal(saving.answers, 0);
	store_answer(0);
	assert_int_equal(saving.answers, 1);
	assert_int_equal(saving.result, SUBMIT_GONE);
}

static void a_withdrawal_sees_what_is_withdrawn(void **state)
{
	struct device *device = pending_device("one", "10.0.0.1", "{\"display\":true}");
	struct act act = act_on(ACT_ADMIT, device->record->id);

	assert_int_equal(acted(&act).result, ACT_DONE);
	assert_int_equal(device->record->life.operation, OPERATION_AWAITING);
	act.kind = ACT_REJECT;
	assert_int_equal(acted(&act).result, ACT_DONE);
	assert_int_equal(seen.work, PLATFORM_CANCEL);
	assert_true(seen.blob > 0);

	device = active_device("two", "10.0.0.2");
	act = act_on(ACT_REVOKE, device->record->id);
	assert_int_equal(acted(&act).result, ACT_DONE);
	assert_int_equal(seen.work, PLATFORM_REVOKE);
	assert_true(seen.credential > 0);
	assert_int_equal(device->record->life.credential_current.size, 0);
}

static void a_late_answer_does_not_serve_another_operation(void **state)
{
	struct device *device = pending_device("one", "10.0.0.1", "{\"display\":true}");
	struct act act = act_on(ACT_ADMIT, device->record->id);
	uint64_t first;

	assert_int_equal(acted(&act).result, ACT_DONE);
	first = device->record->life.operation_number;
	act.kind = ACT_REJECT;
	assert_int_equal(acted(&act).result, ACT_DONE);
	act.kind = ACT_ADMIT;
	assert_int_equal(acted(&act).result, ACT_DONE);
	assert_true(device->record->life.operation_number > first);
	host_submit(&bed.host, device,
		&(const struct submission){.event = LIFE_DRIVER_ISSUED,
			.blob = SPAN_LITERAL("credential"),
			.answer_to = first});
	assert_int_equal(store_waiting(), 0);
	assert_int_equal(device->record->life.operation, OPERATION_AWAITING);
	assert_int_equal(device->record->life.credential, CREDENTIAL_NONE);
}

static void an_answer_without_its_parts_ends_the_try(void **state)
{
	struct device *device = pending_device("one", "10.0.0.1", "{}");
	struct act act = act_on(ACT_APPROVE, device->record->id);

	seen.broken = true;
	acted(&act);
	seen.broken = false;
	assert_int_equal(device->record->life.operation, OPERATION_FAILED);
	assert_true(host_alarm_is_active(&bed.host, ALARM_OPERATION_FAILED, device->record->id));
	/* Who is approved once more and taken on is no matter for an alarm. */
	assert_int_equal(acted(&act).result, ACT_DONE);
	assert_int_equal(device->record->life.operation, OPERATION_BOUND);
	assert_false(host_alarm_is_active(&bed.host, ALARM_OPERATION_FAILED, device->record->id));
}

static void operation_numbers_are_never_given_twice(void **state)
{
	struct device *one = active_device("one", "10.0.0.1");
	struct device *two = active_device("two", "10.0.0.2");
	struct act act = act_on(ACT_REVOKE, one->record->id);
	uint64_t before = one->record->life.operation_number;

	assert_int_not_equal(before, two->record->life.operation_number);
	acted(&act);
	act.kind = ACT_APPROVE;
	assert_int_equal(acted(&act).result, ACT_DONE);
	assert_true(one->record->life.operation_number > before);
	assert_int_not_equal(
		one->record->life.operation_number, two->record->life.operation_number);
}

#define T(name) cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(nothing_happens_before_it_is_on_disk),
		T(what_is_erased_is_said_to_the_store),
		T(a_refused_write_changes_nothing),
		T(inputs_wait_in_order),
		T(who_can_be_told_is_turned_away_the_rest_waits),
		T(a_step_ends_before_the_next_begins),
		T(forgetting_waits_its_turn_and_takes_the_waiting_with_it),
		T(forgetting_that_is_not_stored_keeps_the_device),
		T(a_device_with_a_credential_is_not_forgotten),
		T(the_gateway_stops_while_a_record_is_saved),
		T(a_withdrawal_sees_what_is_withdrawn),
		T(a_late_answer_does_not_serve_another_operation),
		T(an_answer_without_its_parts_ends_the_try),
		T(operation_numbers_are_never_given_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
