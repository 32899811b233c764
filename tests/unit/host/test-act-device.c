/* SPDX-License-Identifier: Apache-2.0 */

/* What a person does to one device: on disk with its journal row, or not at all. */

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
#include "host/device-host.h"
#include "host/journal.h"

static void ids(const struct device *device, char id[DEVICE_ID_MAX + 1])
{
	memcpy(id, device->record->id, DEVICE_ID_MAX + 1);
}

static void every_act_leaves_its_row(void **state)
{
	struct device *device = pending_device("one", "10.0.0.1", "{}");
	static const struct {
		enum act_kind kind;
		enum admission_state after;
	} rows[] = {
		{ACT_RENAME, ADMISSION_PENDING},
		{ACT_REJECT, ADMISSION_REJECTED},
		{ACT_APPROVE, ADMISSION_ADMITTED},
		{ACT_SUSPEND, ADMISSION_SUSPENDED},
		{ACT_RESUME, ADMISSION_ADMITTED},
		{ACT_RELEASE, ADMISSION_PENDING},
		{ACT_ADMIT, ADMISSION_ADMITTED},
		{ACT_REVOKE, ADMISSION_REVOKED},
		{ACT_BLOCK, ADMISSION_BLOCKED},
		{ACT_UNBLOCK, ADMISSION_SIGHTED},
		{ACT_UNLOCK_CODE, ADMISSION_SIGHTED},
		{ACT_APPROVE, ADMISSION_ADMITTED},
		{ACT_REVOKE, ADMISSION_REVOKED},
	};
	char id[DEVICE_ID_MAX + 1];
	unsigned i;

	ids(device, id);
	for (i = 0; i < ELEMENTS(rows); i++) {
		struct act act = act_on(rows[i].kind, id);
		size_t before = disk_audit_count(act_kind_to_string(act.kind), "done");

		assert_int_equal(acted(&act).result, ACT_DONE);
		assert_int_equal(device->record->life.admission, rows[i].after);
		assert_int_equal(disk_device(id)->life.admission, rows[i].after);
		assert_int_equal(
			disk_audit_count(act_kind_to_string(act.kind), "done"), before + 1);
	}
	assert_string_equal(disk_audit_newest()->who, "anna");
	assert_string_equal(disk_audit_newest()->role, "technician");
	assert_string_equal(disk_audit_newest()->via, "page");
	assert_string_equal(disk_audit_newest()->object, id);
	assert_string_equal(disk_device(id)->decided_by, "anna");
	assert_int_equal(bed.host.facts.audit_rows, disk_audit_count(NULL, NULL));
}

static void nothing_is_done_that_cannot_be_written(void **state)
{
	static const enum act_kind kinds[] = {ACT_RENAME, ACT_ADMIT, ACT_APPROVE, ACT_REJECT,
		ACT_BLOCK, ACT_FORGET, ACT_UNLOCK_CODE};
	struct device *device = pending_device("one", "10.0.0.1", "{}");
	size_t rows = disk_audit_count(NULL, NULL);
	unsigned i;

	for (i = 0; i < ELEMENTS(kinds); i++) {
		struct act act = act_on(kinds[i], device->record->id);
		struct act_try try;

		act.has_name = true;
		snprintf(act.name, sizeof(act.name), "new");
		try_act(&act, &try);
		store_answer_all(-ENOSPC);
		assert_int_equal(try.answers, 1);
		assert_int_equal(try.outcome.result, ACT_NOT_STORED);
		assert_non_null(strstr(try.outcome.text, "no space"));
		assert_int_equal(device->record->life.admission, ADMISSION_PENDING);
		assert_string_equal(device->record->name, "");
	}
	assert_int_equal(disk_audit_count(NULL, NULL), rows);
}

static void what_is_impossible_says_why(void **state)
{
	struct device *device = pending_device("one", "10.0.0.1", "{}");
	static const enum act_kind kinds[] = {
		ACT_SUSPEND, ACT_RESUME, ACT_REVOKE, ACT_RELEASE, ACT_UNBLOCK};
	unsigned i;

	for (i = 0; i < ELEMENTS(kinds); i++) {
		struct act act = act_on(kinds[i], device->record->id);
		struct act_outcome outcome = acted(&act);

		assert_int_equal(outcome.result, ACT_IMPOSSIBLE);
		assert_true(outcome.text[0] != '\0');
	}
}

static void an_unknown_device(void **state)
{
	struct act act = act_on(ACT_REVOKE, "nobody");

	assert_int_equal(acted(&act).result, ACT_UNKNOWN);
}

static void labels_are_clean_text(void **state)
{
	struct device *device = pending_device("one", "10.0.0.1", "{}");
	struct act act = act_on(ACT_RENAME, device->record->id);

	act.has_place = true;
	snprintf(act.place, sizeof(act.place), "a\nb");
	assert_int_equal(acted(&act).result, ACT_BAD_INPUT);
	snprintf(act.place, sizeof(act.place), "boiler room");
	assert_int_equal(acted(&act).result, ACT_DONE);
	assert_string_equal(device->record->place, "boiler room");
}

static void renaming_is_told_upstream(void **state)
{
	struct device *device = active_device("one", "10.0.0.1");
	struct act act = act_on(ACT_RENAME, device->record->id);
	size_t from;

	link_up();
	from = fake_publication_count;
	act.has_name = true;
	snprintf(act.name, sizeof(act.name), "Boiler");
	assert_int_equal(acted(&act).result, ACT_DONE);
	assert_int_equal(published("/status", from), 1);
	assert_non_null(strstr(published_newest("/status")->payload, "\"name\":\"Boiler\""));
}

static void what_was_only_seen_needs_the_window(void **state)
{
	struct device *device;
	struct act act;

	device_host_on_appeared(&bed.host,
		&(const struct discovery_sighting){.ep = "one", .address = address_of("10.0.0.1")});
	device = registry_by_ep(bed.host.registry, "one");
	act = act_on(ACT_APPROVE, device->record->id);
	assert_int_equal(acted(&act).result, ACT_IMPOSSIBLE);
	act.kind = ACT_ADMIT;
	assert_int_equal(acted(&act).result, ACT_IMPOSSIBLE);
	assert_int_equal(device->record->life.admission, ADMISSION_SIGHTED);
	open_window();
	assert_int_equal(acted(&act).result, ACT_IMPOSSIBLE);
}

/* An announcement alone proves nothing: who admits it decides on what it said of itself. */
static void what_was_not_asked_yet_is_not_admitted(void **state)
{
	static const enum act_kind kinds[] = {ACT_ADMIT, ACT_APPROVE};
	struct device *device;
	unsigned i;

	open_window();
	device_host_on_appeared(&bed.host,
		&(const struct discovery_sighting){.ep = "one", .address = address_of("10.0.0.1")});
	device = registry_by_ep(bed.host.registry, "one");
	for (i = 0; i < ELEMENTS(kinds); i++) {
		struct act act = act_on(kinds[i], device->record->id);
		struct act_outcome outcome = acted(&act);

		assert_int_equal(outcome.result, ACT_IMPOSSIBLE);
		assert_non_null(strstr(outcome.text, "what it is"));
		assert_int_equal(device->record->life.admission, ADMISSION_SIGHTED);
	}
	sent_answer(sent_to("/.well-known/core"), 0, COAP_CODE(2, 5), FORMAT_LINK,
		"</info>;rt=\"gatehouse.info\",</t>;if=\"core.s\";ct=110");
	sent_answer(sent_to("/info"), 0, COAP_CODE(2, 5), FORMAT_JSON, "{}");
	store_answer_all(0);
	struct act act = act_on(ACT_APPROVE, device->record->id);
	assert_int_equal(acted(&act).result, ACT_DONE);
}

static void who_was_let_in_is_revoked_before_it_is_blocked(void **state)
{
	struct device *active = active_device("one", "10.0.0.1");
	struct device *waiting = pending_device("two", "10.0.0.2", "{}");
	struct act act = act_on(ACT_BLOCK, active->record->id), admit;
	struct act_outcome outcome = acted(&act);

	assert_int_equal(outcome.result, ACT_IMPOSSIBLE);
	assert_non_null(strstr(outcome.text, "Revoke it first"));
	assert_int_equal(active->record->life.credential, CREDENTIAL_HELD);
	act.kind = ACT_SUSPEND;
	acted(&act);
	act.kind = ACT_BLOCK;
	assert_int_equal(acted(&act).result, ACT_IMPOSSIBLE);
	act.kind = ACT_REVOKE;
	acted(&act);
	act.kind = ACT_BLOCK;
	assert_int_equal(acted(&act).result, ACT_DONE);
	/* An operation is open: it would be cancelled. */
	admit = act_on(ACT_ADMIT, waiting->record->id);
	acted(&admit);
	act = act_on(ACT_BLOCK, waiting->record->id);
	assert_int_equal(acted(&act).result, ACT_IMPOSSIBLE);
	assert_int_equal(waiting->record->life.operation, OPERATION_AWAITING);
}

/* Blocked behind an approval that is still on its way, it would lose a credential after all. */
static void blocking_does_not_overtake_an_approval(void **state)
{
	struct device *device = pending_device("one", "10.0.0.1", "{}");
	struct act approve = act_on(ACT_APPROVE, device->record->id);
	struct act block = act_on(ACT_BLOCK, device->record->id);
	struct act_try tries[2];

	try_act(&approve, &tries[0]);
	try_act(&block, &tries[1]);
	store_answer_all(0);
	assert_int_equal(tries[0].outcome.result, ACT_DONE);
	assert_int_equal(tries[1].outcome.result, ACT_TOO_MANY);
	assert_int_equal(device->record->life.credential, CREDENTIAL_HELD);
}

static void released_it_has_no_owner_any_more(void **state)
{
	struct device *device = active_device("one", "10.0.0.1");
	struct act act = act_on(ACT_RENAME, device->record->id);
	struct act_outcome outcome;

	act.has_owner = act.has_place = true;
	snprintf(act.owner, sizeof(act.owner), "Meier");
	snprintf(act.place, sizeof(act.place), "cellar");
	acted(&act);
	assert_string_equal(device->record->owner, "Meier");
	act = act_on(ACT_RELEASE, device->record->id);
	outcome = acted(&act);
	assert_int_equal(outcome.result, ACT_DONE);
	assert_int_equal(strncmp(outcome.text, "Released.", 9), 0);
	assert_string_equal(disk_device(device->record->id)->owner, "");
	assert_string_equal(disk_device(device->record->id)->place, "cellar");
}

static void forgotten_with_all_that_belongs_to_it(void **state)
{
	struct device *device = active_device("one", "10.0.0.1");
	struct act act = act_on(ACT_REVOKE, device->record->id);
	char id[DEVICE_ID_MAX + 1];

	ids(device, id);
	bed.config.keep_readings_of_revoked = true;
	host_alarm_raise(&bed.host, ALARM_NAME_CONFLICT, id);
	report(&(struct lan_exchange){0}, "one", "10.0.0.1", "1");
	appended_answer(0);
	acted(&act);
	assert_int_equal(owed_device_count(bed.host.owed, device->record->row), 1);
	act.kind = ACT_FORGET;
	assert_int_equal(acted(&act).result, ACT_DONE);
	assert_null(disk_device(id));
	assert_int_equal(registry_count(bed.host.registry), 0);
	assert_int_equal(fake_rows.dropped_count, 1);
	assert_false(host_alarm_is_active(&bed.host, ALARM_NAME_CONFLICT, id));
	assert_int_equal(acted(&act).result, ACT_UNKNOWN);
}

static void identify(void **state)
{
	struct device *device = pending_device("one", "10.0.0.1", "{}");
	struct act act = act_on(ACT_IDENTIFY, device->record->id);
	struct act_try try;

	/* One that comes by itself cannot be asked. */
	assert_int_equal(acted(&act).result, ACT_IMPOSSIBLE);
	assert_int_equal(disk_audit_count("identify", "done"), 1);
	try_act(&act, &try);
	store_answer_all(-ENOSPC);
	assert_int_equal(try.outcome.result, ACT_NOT_STORED);
}

#define T(name) cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(every_act_leaves_its_row),
		T(nothing_is_done_that_cannot_be_written),
		T(what_is_impossible_says_why),
		T(an_unknown_device),
		T(labels_are_clean_text),
		T(renaming_is_told_upstream),
		T(what_was_only_seen_needs_the_window),
		T(what_was_not_asked_yet_is_not_admitted),
		T(who_was_let_in_is_revoked_before_it_is_blocked),
		T(blocking_does_not_overtake_an_approval),
		T(released_it_has_no_owner_any_more),
		T(forgotten_with_all_that_belongs_to_it),
		T(identify),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
