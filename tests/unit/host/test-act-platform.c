/* SPDX-License-Identifier: Apache-2.0 */

/* To which platform a device goes: said by whoever takes it in, while nothing ties it to one. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fakes.h"
#include "host/act.h"

static int setup(void **state)
{
	bed_setup(state);
	memcpy(bed.config.platform, "local", 6);
	bed.config.platforms = (struct config_list){.item = {"azure", "mqtt"}, .count = 2};
	return 0;
}

static struct act_outcome take_in(enum act_kind kind, const struct device *device, const char *to)
{
	struct act act = act_on(kind, device->record->id);

	snprintf(act.platform, sizeof(act.platform), "%s", to);
	return acted(&act);
}

/* A group key: no device needs one of its own there. */
static void azure_takes_all(void)
{
	assert_int_equal(secret_set(&bed.host.secrets.group_key, SPAN_LITERAL("a2V5")), 0);
}

static int teardown(void **state)
{
	secret_clear(&bed.host.secrets.group_key);
	return bed_teardown(state);
}

/* Who approves at the platform decides what the act is, whatever the button said. */
static void approved_there_is_admitted_here(void **state)
{
	struct device *device = pending_device("one", "10.0.0.1", "{}");

	azure_takes_all();
	assert_int_equal(take_in(ACT_APPROVE, device, "azure").result, ACT_DONE);
	assert_string_equal(device->record->platform, "azure");
	assert_string_equal(disk_device(device->record->id)->platform, "azure");
	assert_int_equal(device->record->life.admission, ADMISSION_ADMITTED);
	assert_int_equal(disk_audit_count("admit", "done, at azure"), 1);
	assert_int_equal(disk_audit_count("approve", "done"), 0);
}

static void its_own_platform_is_no_change(void **state)
{
	struct device *device = pending_device("one", "10.0.0.1", "{}");

	assert_int_equal(take_in(ACT_APPROVE, device, "local").result, ACT_DONE);
	assert_int_equal(disk_audit_count("approve", "done"), 1);
	assert_string_equal(device->record->platform, "local");
}

static void admitted_elsewhere_is_approved_where_this_gateway_does(void **state)
{
	struct device *device = pending_device("one", "10.0.0.1", "{}");

	memcpy(device->record->platform, "azure", 6);
	memcpy(bed.config.platform, "azure", 6);
	bed.config.platforms = (struct config_list){.item = {"local"}, .count = 1};
	assert_int_equal(take_in(ACT_ADMIT, device, "local").result, ACT_DONE);
	assert_int_equal(disk_audit_count("approve", "done, at local"), 1);
	assert_string_equal(disk_device(device->record->id)->platform, "local");
}

static void what_is_not_offered_changes_nothing(void **state)
{
	struct device *device = pending_device("one", "10.0.0.1", "{}");
	size_t rows = disk_audit_count(NULL, NULL);
	struct act_outcome outcome = take_in(ACT_APPROVE, device, "spotflow");

	assert_int_equal(outcome.result, ACT_BAD_INPUT);
	assert_string_equal(outcome.text,
		"spotflow is no platform of this gateway; allowed: local, azure, mqtt.");
	/* mqtt knows devices by an imported credential, and there is none. */
	outcome = take_in(ACT_APPROVE, device, "mqtt");
	assert_int_equal(outcome.result, ACT_IMPOSSIBLE);
	assert_non_null(strstr(outcome.text, "Import a token for one"));
	assert_string_equal(device->record->platform, "local");
	assert_int_equal(device->record->life.admission, ADMISSION_PENDING);
	assert_int_equal(disk_audit_count(NULL, NULL), rows);
}

/* A wrong code is counted, and that is all. */
static void a_wrong_code_moves_nothing(void **state)
{
	struct device *device = pending_device("one", "10.0.0.1", "{\"code\":\"BCDF-GHJK\"}");
	struct act act = act_on(ACT_APPROVE, device->record->id);

	memcpy(device->record->platform, "azure", 6);
	snprintf(act.platform, sizeof(act.platform), "local");
	snprintf(act.code, sizeof(act.code), "BCDFGHJH");
	assert_int_equal(acted(&act).result, ACT_WRONG_CODE);
	assert_string_equal(device->record->platform, "azure");
	snprintf(act.code, sizeof(act.code), "BCDFGHJK");
	assert_int_equal(acted(&act).result, ACT_DONE);
	assert_string_equal(disk_device(device->record->id)->platform, "local");
}

static void who_is_in_stays_there(void **state)
{
	struct device *device = pending_device("one", "10.0.0.1", "{}");
	struct config_list choices;
	struct act_outcome outcome;
	struct act act;

	azure_takes_all();
	platform_choices(&bed.host, device->record, &choices);
	assert_int_equal(choices.count, 3);
	assert_string_equal(choices.item[0], "local");
	assert_int_equal(take_in(ACT_APPROVE, device, "").result, ACT_DONE);
	outcome = take_in(ACT_ADMIT, device, "azure");
	assert_int_equal(outcome.result, ACT_IMPOSSIBLE);
	assert_string_equal(
		outcome.text, "It belongs to local already: release or forget it first.");
	platform_choices(&bed.host, device->record, &choices);
	assert_int_equal(choices.count, 0);
	act = act_on(ACT_RELEASE, device->record->id);
	assert_int_equal(acted(&act).result, ACT_DONE);
	platform_choices(&bed.host, device->record, &choices);
	assert_int_equal(choices.count, 3);
	assert_int_equal(take_in(ACT_APPROVE, device, "azure").result, ACT_DONE);
	assert_string_equal(disk_device(device->record->id)->platform, "azure");
}

/* Two acts at once: what was possible when it was looked at is looked at again in its turn. */
static void decided_meanwhile(void **state)
{
	struct device *device = pending_device("one", "10.0.0.1", "{}");
	struct act first = act_on(ACT_APPROVE, device->record->id), second = first;
	struct act_try one, other;

	azure_takes_all();
	snprintf(second.platform, sizeof(second.platform), "azure");
	try_act(&first, &one);
	try_act(&second, &other);
	store_answer_all(0);
	assert_int_equal(one.outcome.result, ACT_DONE);
	assert_int_equal(other.outcome.result, ACT_IMPOSSIBLE);
	assert_string_equal(device->record->platform, "local");
}

static void nothing_to_choose_from(void **state)
{
	struct device *device = pending_device("one", "10.0.0.1", "{}");
	struct config_list choices;

	bed.config.platforms.count = 0;
	platform_choices(&bed.host, device->record, &choices);
	assert_int_equal(choices.count, 0);
	assert_int_equal(take_in(ACT_APPROVE, device, "azure").result, ACT_BAD_INPUT);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(approved_there_is_admitted_here),
		T(its_own_platform_is_no_change),
		T(admitted_elsewhere_is_approved_where_this_gateway_does),
		T(what_is_not_offered_changes_nothing),
		T(a_wrong_code_moves_nothing),
		T(who_is_in_stays_there),
		T(decided_meanwhile),
		T(nothing_to_choose_from),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
