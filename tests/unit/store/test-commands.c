/* SPDX-License-Identifier: Apache-2.0 */
/* Commands on disk: as they were, in order, gone with their device, numbers never again. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fixture.h"
#include "loaded.h"

static struct command sample(uint64_t row, uint64_t device_row)
{
	struct command command = {.row = row,
		.device_row = device_row,
		.arrival = 40 + row,
		.arrived = INT64_C(1700000000123),
		.synced = true,
		.lifetime = 3600,
		.ok = true};

	snprintf(command.name, sizeof(command.name), "set-rate");
	snprintf(command.args, sizeof(command.args), "{\"seconds\":%d}", (int)row);
	snprintf(command.response_topic, sizeof(command.response_topic), "answers/%d", (int)row);
	snprintf(command.correlation, sizeof(command.correlation), "00ff");
	snprintf(command.sender, sizeof(command.sender), "%s", row == 1 ? "anna" : "");
	return command;
}

static struct change *put(const struct command *command)
{
	struct change *change = change_begin();

	assert_int_equal(change_put_command(change, command), 0);
	return change;
}

static void test_kept(void **state)
{
	struct loaded loaded = {0};
	struct command one = sample(1, 7), two = sample(2, 7), got;
	struct change *change;
	struct fixture f;

	fixture_init(&f);
	fixture_open(&f);
	assert_int_equal(f.facts.next_command, 1);
	fixture_start(&f);
	assert_int_equal(fixture_save(&f, put(&two)), 0);
	assert_int_equal(fixture_save(&f, put(&one)), 0);
	command_end(&two, false, "[1]", "expired");
	assert_int_equal(fixture_save(&f, put(&two)), 0);
	reload(&f, &loaded);
	assert_int_equal(f.facts.next_command, 3);
	assert_int_equal(loaded.commands, 2);
	got = loaded.command[0];
	assert_int_equal(got.row, 1);
	assert_int_equal(got.device_row, 7);
	assert_string_equal(got.name, one.name);
	assert_string_equal(got.args, one.args);
	assert_string_equal(got.response_topic, one.response_topic);
	assert_string_equal(got.correlation, "00ff");
	assert_string_equal(got.sender, "anna");
	assert_int_equal(got.arrived, one.arrived);
	assert_true(got.synced);
	assert_int_equal(got.lifetime, 3600);
	assert_false(got.ended);
	got = loaded.command[1];
	assert_true(got.ended);
	assert_false(got.ok);
	assert_string_equal(got.result, "[1]");
	assert_string_equal(got.reason, "expired");
	fixture_start(&f);
	change = change_begin();
	assert_int_equal(change_drop_command(change, 2), 0);
	assert_int_equal(fixture_save(&f, change), 0);
	reload(&f, &loaded);
	assert_int_equal(loaded.commands, 1);
	/* Its number does not come again. */
	assert_int_equal(f.facts.next_command, 3);
	one.row = 0;
	fixture_start(&f);
	assert_int_equal(fixture_save(&f, put(&one)), -EINVAL);
	fixture_done(&f);
}

static void test_gone_with_the_device(void **state)
{
	struct loaded loaded = {0};
	struct command one = sample(1, 7), other = sample(2, 8);
	struct change *change;
	struct fixture f;

	fixture_init(&f);
	fixture_open(&f);
	fixture_start(&f);
	assert_int_equal(fixture_save(&f, put(&one)), 0);
	assert_int_equal(fixture_save(&f, put(&other)), 0);
	change = change_begin();
	assert_int_equal(change_drop_device(change, 7), 0);
	assert_int_equal(fixture_save(&f, change), 0);
	reload(&f, &loaded);
	assert_int_equal(loaded.commands, 1);
	assert_int_equal(loaded.command[0].row, 2);
	fixture_done(&f);
}

struct seen {
	unsigned count;
	uint64_t number;
	char topic[64];
};

static int see(void *userdata, const struct store_arrival *arrival)
{
	struct seen *seen = userdata;

	seen->count++;
	seen->number = arrival->number;
	span_to_string(arrival->topic, seen->topic, sizeof(seen->topic));
	return 0;
}

/* What was kept and did not get into control.db comes back; what did, does not. */
static void test_arrivals(void **state)
{
	const struct store_arrival first = {.topic = SPAN_LITERAL("a")},
				   second = {.topic = SPAN_LITERAL("b")};
	struct command command = sample(1, 7);
	struct seen seen = {0};
	uint64_t number;
	struct fixture f;

	fixture_init(&f);
	fixture_open(&f);
	fixture_start(&f);
	assert_int_equal(store_keep_arrival(f.store, &first, &number), 0);
	command.arrival = number;
	assert_int_equal(store_keep_arrival(f.store, &second, &number), 0);
	assert_int_equal(number, command.arrival + 1);
	assert_int_equal(fixture_save(&f, put(&command)), 0);
	/* As after a kill: nobody settled anything. */
	fixture_restart(&f);
	assert_int_equal(store_replay_arrivals(f.store, see, &seen), 0);
	assert_int_equal(seen.count, 1);
	assert_int_equal(seen.number, number);
	assert_string_equal(seen.topic, "b");
	assert_int_equal(store_replay_arrivals(f.store, see, &seen), 0);
	assert_int_equal(seen.count, 1);
	store_settle_arrival(f.store, 0);
	store_settle_arrival(f.store, number);
	fixture_restart(&f);
	assert_int_equal(store_replay_arrivals(f.store, see, &seen), 0);
	assert_int_equal(seen.count, 1);
	fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kept),
		cmocka_unit_test(test_gone_with_the_device),
		cmocka_unit_test(test_arrivals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
