/* SPDX-License-Identifier: Apache-2.0 */

/* A person sends a command, and sees what became of it; no platform is told. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "fakes.h"
#include "host/command-host.h"

#define IP "10.0.0.1"

static int setup(void **state)
{
	bed_setup(state);
	bed.config.command_expiry = 600;
	bed.host.next_command = 1;
	link_up();
	return 0;
}

static struct act sending(const struct device *device, const char *name, const char *args)
{
	struct act act = act_on(ACT_COMMAND, device->record->id);

	snprintf(act.name, sizeof(act.name), "%s", name);
	snprintf(act.args, sizeof(act.args), "%s", args);
	return act;
}

static void answered(struct device *device, uint64_t row, bool ok, const char *result)
{
	struct command_answer answer = {.row = row, .ok = ok};

	snprintf(answer.result, sizeof(answer.result), "%s", result);
	command_host_answered(&bed.host, device, &answer, NULL, NULL);
	store_answer_all(0);
}

static void sent_and_looked_at(void **state)
{
	struct device *device = active_device("one", IP);
	struct act act = sending(device, "set-rate", "{\"seconds\": 60}");
	struct act_outcome outcome;
	size_t from;

	outcome = acted(&act);
	assert_int_equal(outcome.result, ACT_DONE);
	assert_non_null(strstr(outcome.text, "waits for the device"));
	assert_string_equal(disk_command(1)->args, "{\"seconds\":60}");
	assert_string_equal(disk_command(1)->sender, "anna");
	assert_int_equal(disk_command(1)->lifetime, 600);
	assert_string_equal(disk_audit_newest()->action, "command");
	assert_string_equal(disk_audit_newest()->object, device->record->id);
	assert_string_equal(disk_audit_newest()->evidence, "set-rate");
	from = fake_publication_count;
	answered(device, 1, true, "{\"was\":5}");
	/* It stays, and the platform hears nothing of it, now or later. */
	assert_true(disk_command(1)->ended);
	assert_string_equal(disk_command(1)->result, "{\"was\":5}");
	uplink_event(UPLINK_LOST);
	bed_advance(8 * USEC_PER_SEC);
	link_up();
	assert_int_equal(published("/result/set-rate", from), 0);
	assert_true(command_is_past(device->commands.first));
}

static void the_last_four_stay(void **state)
{
	struct device *device = active_device("one", IP);
	unsigned i;

	for (i = 1; i <= 12; i++) {
		struct act act = sending(device, "blink", "");

		assert_int_equal(acted(&act).result, ACT_DONE);
		answered(device, i, i % 2, "");
	}
	for (i = 1; i <= 8; i++)
		assert_null(disk_command(i));
	for (i = 9; i <= 12; i++)
		assert_non_null(disk_command(i));
	assert_int_equal(device->commands.first->row, 9);
	assert_int_equal(command_box_count(&device->commands), 0);
}

static void given_up(void **state)
{
	struct device *device = active_device("one", IP);
	struct act act = sending(device, "blink", "");

	act.number = 5;
	assert_int_equal(acted(&act).result, ACT_DONE);
	bed_advance(6 * USEC_PER_SEC);
	store_answer_all(0);
	assert_string_equal(disk_command(1)->reason, "expired");
	assert_int_equal(published("/result/blink", 0), 0);
}

static void expect(const struct act *act, enum act_result result, const char *why)
{
	struct act_outcome outcome = acted(act);

	assert_int_equal(outcome.result, result);
	if (!strstr(outcome.text, why))
		fail_msg("%s lacks %s", outcome.text, why);
}

static void refused(void **state)
{
	struct device *device = active_device("one", IP);
	struct device *waiting = pending_device("two", "10.0.0.2", "{}");
	struct act act = sending(waiting, "blink", "");
	struct act_try try;
	unsigned i;

	expect(&act, ACT_IMPOSSIBLE, "not approved");
	act = sending(device, "with space", "");
	expect(&act, ACT_BAD_INPUT, "letters, digits");
	act = sending(device, "", "");
	expect(&act, ACT_BAD_INPUT, "letters, digits");
	act = sending(device, "blink", "[[[[1]]]]");
	expect(&act, ACT_BAD_INPUT, "nested");
	act = sending(device, "blink", "");
	try_act(&act, &try);
	store_answer_all(-ENOSPC);
	assert_int_equal(try.outcome.result, ACT_NOT_STORED);
	/* Neither the command nor an answer to a platform that did not ask. */
	assert_null(device->commands.first);
	assert_int_equal(published("/result/blink", 0), 0);
	for (i = 0; i < COMMANDS_WAITING_MAX; i++)
		assert_int_equal(acted(&act).result, ACT_DONE);
	expect(&act, ACT_IMPOSSIBLE, "too many");
	assert_int_equal(disk_audit_count("command", "done"), COMMANDS_WAITING_MAX);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, bed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(sent_and_looked_at),
		T(the_last_four_stay),
		T(given_up),
		T(refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
