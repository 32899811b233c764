/* SPDX-License-Identifier: Apache-2.0 */

/* Alarms are raised once, counted while active, cleared once, and never outgrow their table. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/alarm.h"

static void test_rows_complete(void **state)
{
	for (unsigned i = 0; i < ALARMS; i++) {
		const struct alarm_row *row = alarm_row((enum alarm_kind)i);
		enum alarm_kind kind = ALARMS;
		const char *place = strchr(row->sentence, '%');

		assert_true(row->id && row->sentence && row->remedy);
		assert_null(strchr(row->remedy, '%'));
		assert_true(!place || (place[1] == 's' && !strchr(place + 1, '%')));
		assert_int_equal(alarm_kind_from_string(row->id, &kind), 0);
		assert_int_equal(kind, i);
	}
	assert_null(alarm_row(ALARMS));
}

/* What is not about the gateway itself, its broker or a platform is about a device. */
static void test_about_devices(void **state)
{
	static const enum alarm_kind others[] = {ALARM_OUTBOX_FULL, ALARM_CONTROL_FULL,
		ALARM_UPLINK_REFUSED, ALARM_UPLINK_TAKEN_OVER, ALARM_UPLINK_DOWN,
		ALARM_DISCOVERY_LOST, ALARM_OUTBOX_SET_ASIDE, ALARM_CLOCK_UNSYNCED,
		ALARM_KEY_WEAKER, ALARM_PLATFORM_DISABLED, ALARM_SHARED_TOKEN, ALARM_NOT_DURABLE,
		ALARM_SITE_CA_ENDS};

	for (unsigned i = 0; i < ALARMS; i++) {
		bool other = false;

		for (size_t k = 0; k < sizeof(others) / sizeof(others[0]); k++)
			other = other || others[k] == i;
		assert_int_equal(alarm_row((enum alarm_kind)i)->about_device, !other);
	}
}

static void test_unknown_id(void **state)
{
	enum alarm_kind kind = ALARM_LEAK;

	assert_int_equal(alarm_kind_from_string("no-such-alarm", &kind), -EINVAL);
	assert_int_equal(kind, ALARM_LEAK);
}

static void test_raise_and_clear(void **state)
{
	struct alarms alarms = {0};
	struct alarm alarm = {0};

	assert_true(alarms_raise(&alarms, ALARM_NAME_CONFLICT, "sensor-1", 1000, &alarm));
	assert_int_equal(alarm.kind, ALARM_NAME_CONFLICT);
	assert_string_equal(alarm.subject, "sensor-1");
	assert_int_equal(alarm.raised, 1000);
	assert_int_equal(alarm.cleared, 0);
	assert_int_equal(alarm.times, 1);

	/* Again: counted, not new; another subject and another kind: new. */
	assert_false(alarms_raise(&alarms, ALARM_NAME_CONFLICT, "sensor-1", 2000, &alarm));
	assert_int_equal(alarms.active[0].times, 2);
	assert_int_equal(alarms.active[0].raised, 1000);
	assert_true(alarms_raise(&alarms, ALARM_NAME_CONFLICT, "sensor-2", 3000, &alarm));
	assert_true(alarms_raise(&alarms, ALARM_LEAK, "sensor-1", 4000, &alarm));
	assert_int_equal(alarms.count, 3);

	assert_true(alarms_clear(&alarms, ALARM_NAME_CONFLICT, "sensor-1", 5000, &alarm));
	assert_int_equal(alarm.cleared, 5000);
	assert_int_equal(alarm.times, 2);
	assert_false(alarms_clear(&alarms, ALARM_NAME_CONFLICT, "sensor-1", 6000, &alarm));
	assert_int_equal(alarms.count, 2);
	assert_true(alarms_clear(&alarms, ALARM_LEAK, "sensor-1", 7000, &alarm));
	assert_true(alarms_clear(&alarms, ALARM_NAME_CONFLICT, "sensor-2", 7000, &alarm));
	assert_int_equal(alarms.count, 0);
	assert_true(alarms_raise(&alarms, ALARM_NAME_CONFLICT, "sensor-1", 8000, &alarm));
}

static void test_times_do_not_overflow(void **state)
{
	struct alarms alarms = {0};
	struct alarm alarm;

	assert_true(alarms_raise(&alarms, ALARM_LEAK, "x", 1, &alarm));
	alarms.active[0].times = UINT32_MAX;
	assert_false(alarms_raise(&alarms, ALARM_LEAK, "x", 1, &alarm));
	assert_true(alarms.active[0].times == UINT32_MAX);
}

static void test_long_subject_is_found_again(void **state)
{
	struct alarms alarms = {0};
	struct alarm alarm;
	char subject[101];

	memset(subject, 'a', sizeof(subject) - 1);
	subject[sizeof(subject) - 1] = '\0';
	assert_true(alarms_raise(&alarms, ALARM_LEAK, subject, 1, &alarm));
	assert_int_equal(strlen(alarm.subject), sizeof(alarm.subject) - 1);
	assert_false(alarms_raise(&alarms, ALARM_LEAK, subject, 2, &alarm));
	assert_true(alarms_clear(&alarms, ALARM_LEAK, subject, 3, &alarm));
}

static void fill(struct alarms *alarms, enum alarm_kind kind, int64_t first)
{
	struct alarm alarm;
	char subject[16];

	for (int i = 0; alarms->count < ALARMS_ACTIVE_MAX; i++) {
		snprintf(subject, sizeof(subject), "s%d", i);
		assert_true(alarms_raise(alarms, kind, subject, first + i, &alarm));
	}
}

static void test_full_oldest_self_clearing_goes(void **state)
{
	struct alarms alarms = {0};
	struct alarm alarm;

	assert_true(alarms_raise(&alarms, ALARM_LEAK, "first", 1, &alarm));
	assert_true(alarms_raise(&alarms, ALARM_UPLINK_DOWN, "young", 900, &alarm));
	assert_true(alarms_raise(&alarms, ALARM_UPLINK_DOWN, "old", 500, &alarm));
	fill(&alarms, ALARM_UPLINK_DOWN, 1000);
	assert_true(alarms_raise(&alarms, ALARM_LEAK, "new", 5000, &alarm));
	assert_string_equal(alarm.subject, "new");
	assert_int_equal(alarms.count, ALARMS_ACTIVE_MAX);
	assert_false(alarms_clear(&alarms, ALARM_UPLINK_DOWN, "old", 6000, &alarm));
	assert_true(alarms_clear(&alarms, ALARM_UPLINK_DOWN, "young", 6000, &alarm));
	assert_true(alarms_clear(&alarms, ALARM_LEAK, "first", 6000, &alarm));
	assert_true(alarms_clear(&alarms, ALARM_LEAK, "new", 6000, &alarm));
}

static void test_full_of_lasting_ones_refuses(void **state)
{
	struct alarms alarms = {0};
	struct alarm alarm = {.raised = 77};

	fill(&alarms, ALARM_LEAK, 1);
	assert_false(alarms_raise(&alarms, ALARM_LEAK, "one more", 5000, &alarm));
	assert_int_equal(alarms.count, ALARMS_ACTIVE_MAX);
	assert_false(alarms_clear(&alarms, ALARM_LEAK, "one more", 6000, &alarm));
}

/* Any host on the LAN can raise these, for as many names as it likes. */
static void test_lan_cannot_push_out_others(void **state)
{
	static const enum alarm_kind kinds[] = {ALARM_NAME_CONFLICT, ALARM_TOKEN_IN_CLEAR};
	struct alarms alarms = {0};
	struct alarm alarm;
	char subject[16];

	assert_true(alarms_raise(&alarms, ALARM_UPLINK_DOWN, "", 1, &alarm));
	for (unsigned k = 0; k < 2; k++)
		for (int i = 0; i < 200; i++) {
			snprintf(subject, sizeof(subject), "s%d", i);
			assert_int_equal(
				alarms_raise(&alarms, kinds[k], subject, 2, &alarm), i < 32);
		}
	assert_int_equal(alarms.count, 65);
	/* One that is there is still counted, and a place that becomes free is used. */
	assert_false(alarms_raise(&alarms, ALARM_NAME_CONFLICT, "s31", 3, &alarm));
	assert_true(alarms_clear(&alarms, ALARM_NAME_CONFLICT, "s0", 4, &alarm));
	assert_true(alarms_raise(&alarms, ALARM_NAME_CONFLICT, "s99", 5, &alarm));
	assert_true(alarms_clear(&alarms, ALARM_UPLINK_DOWN, "", 6, &alarm));
}

static void test_remedy_of_a_new_address(void **state)
{
	assert_non_null(strstr(
		alarm_row(ALARM_NAME_CONFLICT)->remedy, "release it and let it enrol again"));
}

static void test_sentence(void **state)
{
	struct alarm alarm = {.kind = ALARM_NAME_CONFLICT, .subject = "sensor-7"};
	char text[256];

	assert_string_equal(alarm_sentence(&alarm, text),
		"A second device claims the name of sensor-7; the first one keeps it.");
	strcpy(alarm.subject, "a%sb\033[2J");
	assert_string_equal(alarm_sentence(&alarm, text),
		"A second device claims the name of a%sb\\x1b[2J; the first one keeps it.");
	alarm.kind = ALARM_OUTBOX_FULL;
	assert_string_equal(
		alarm_sentence(&alarm, text), "The outbox is full; readings are put off.");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows_complete),
		cmocka_unit_test(test_about_devices),
		cmocka_unit_test(test_unknown_id),
		cmocka_unit_test(test_raise_and_clear),
		cmocka_unit_test(test_times_do_not_overflow),
		cmocka_unit_test(test_long_subject_is_found_again),
		cmocka_unit_test(test_full_oldest_self_clearing_goes),
		cmocka_unit_test(test_full_of_lasting_ones_refuses),
		cmocka_unit_test(test_lan_cannot_push_out_others),
		cmocka_unit_test(test_remedy_of_a_new_address),
		cmocka_unit_test(test_sentence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
