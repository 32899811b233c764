/* SPDX-License-Identifier: Apache-2.0 */

/* What a platform has to be told goes to disk with the decision, and stays there until the platform
 * has confirmed it. The platform is 'local' with accounts at the broker. */

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
#include "host/platform-ask.h"
#include "host/session.h"
#include "host/withdraw.h"

#define CONTROL "$CONTROL/dynamic-security/v1"

static bool memory_is_out;

int __real_account_delete(struct span names, struct platform_request *ret_request);
int __wrap_account_delete(struct span names, struct platform_request *ret_request);
int __wrap_account_delete(struct span names, struct platform_request *ret_request)
{
	return memory_is_out ? -ENOMEM : __real_account_delete(names, ret_request);
}

static int setup(void **state)
{
	int r = bed_setup(state);

	memory_is_out = false;

	bed.config.local_accounts = true;
	link_up();
	return r;
}

/* The newest question to the broker that says this, or NULL. */
static const struct fake_publication *asked(const char *words)
{
	const struct fake_publication *found = NULL;

	for (size_t i = 0; i < fake_publication_count; i++)
		if (!strcmp(fake_publications[i].topic, CONTROL) &&
			strstr(fake_publications[i].payload, words))
			found = &fake_publications[i];
	return found;
}

static unsigned asked_times(const char *words)
{
	unsigned count = 0;

	for (size_t i = 0; i < fake_publication_count; i++)
		count += !strcmp(fake_publications[i].topic, CONTROL) &&
			 strstr(fake_publications[i].payload, words);
	return count;
}

/* The broker answers this question; 'error' is of its first command, "" = none. */
static void answered(
	const struct fake_publication *question, const char *command, const char *error)
{
	const char *mark = strstr(question->payload, "\"correlationData\":\"");
	struct uplink_inbound inbound = {.topic = CONTROL "/response"};
	char body[1024], text[200];

	assert_non_null(mark);
	mark += strlen("\"correlationData\":\"");
	snprintf(text, sizeof(text), "%.*s", (int)strcspn(mark, "\""), mark);
	snprintf(body, sizeof(body),
		"{\"responses\":[{\"command\":\"%s\",\"correlationData\":\"%s\"%s%s%s}]}", command,
		text, error[0] ? ",\"error\":\"" : "", error, error[0] ? "\"" : "");
	inbound.payload = span_from_string(body);
	platform_ask_on_message(&bed.host, &inbound);
	store_answer_all(0);
}

/* Approved, its account made, its own session up. */
static struct device *with_account(const char *ep, const char *ip)
{
	struct device *device = pending_device(ep, ip, "{}");
	struct act act = act_on(ACT_APPROVE, device->record->id);

	assert_int_equal(acted(&act).result, ACT_DONE);
	assert_int_equal(device->record->life.operation, OPERATION_OPENING);
	assert_non_null(asked("createClient"));
	answered(asked("createClient"), "createClient", "");
	assert_int_equal(device->record->life.operation, OPERATION_BOUND);
	bed_advance(USEC_PER_SEC);
	assert_true(session_is_there(device->record->id));
	session_event(device->record->id, UPLINK_CONNECTED);
	store_answer_all(0);
	return device;
}

static void act_now(enum act_kind kind, const struct device *device)
{
	struct act act = act_on(kind, device->record->id);

	act.role = ROLE_ADMIN;
	assert_int_equal(acted(&act).result, ACT_DONE);
}

/* Lack of memory is no confirmation: what cannot be told is not forgotten, neither with the
 * decision nor later. */
static void without_memory(void **state)
{
	struct device *device = with_account("one", "10.0.0.1");
	struct act act = act_on(ACT_REVOKE, device->record->id);

	act.role = ROLE_ADMIN;
	memory_is_out = true;
	assert_int_equal(acted(&act).result, ACT_NOT_STORED);
	assert_int_equal(device->record->life.credential, CREDENTIAL_HELD);
	assert_int_equal(disk_withdrawals(), 0);
	memory_is_out = false;
	try_act(&act, &(struct act_try){0});
	store_answer_all(0);
	assert_int_equal(disk_withdrawals(), 1);
	memory_is_out = true;
	bed_advance(60 * USEC_PER_SEC);
	store_answer_all(0);
	assert_null(asked("deleteClient"));
	assert_int_equal(disk_withdrawals(), 1);
	memory_is_out = false;
	for (int i = 0; i < 300 && !asked("deleteClient"); i++)
		bed_advance(USEC_PER_SEC);
	assert_non_null(asked("deleteClient"));
	answered(asked("deleteClient"), "deleteClient", "");
	assert_int_equal(disk_withdrawals(), 0);
}

static void with_the_decision_on_disk(void **state)
{
	struct device *device = with_account("one", "10.0.0.1");
	struct act act = act_on(ACT_REVOKE, device->record->id);

	assert_int_equal(disk_withdrawals(), 0);
	/* what was not saved is not told */
	try_act(&act, &(struct act_try){0});
	store_answer_all(-ENOSPC);
	assert_int_equal(disk_withdrawals(), 0);
	bed_advance(10 * USEC_PER_SEC);
	assert_null(asked("deleteClient"));
	act_now(ACT_REVOKE, device);
	assert_int_equal(disk_withdrawals(), 1);
	assert_string_equal(disk_withdrawal(0)->device_id, device->record->id);
	assert_false(disk_withdrawal(0)->cancel);
	bed_advance(10 * USEC_PER_SEC);
	assert_non_null(asked("deleteClient"));
	assert_int_equal(disk_withdrawals(), 1);
	answered(asked("deleteClient"), "deleteClient", "");
	assert_int_equal(disk_withdrawals(), 0);
	bed_advance(1000 * USEC_PER_SEC);
	assert_int_equal(asked_times("deleteClient"), 1);
}

/* Its last status goes before, in its own session. */
static void after_the_session(void **state)
{
	struct device *device = with_account("one", "10.0.0.1");

	act_now(ACT_REVOKE, device);
	bed_run_loop();
	bed_advance(USEC_PER_SEC);
	assert_false(session_is_there(device->record->id));
	bed_advance(USEC_PER_SEC);
	assert_non_null(asked("deleteClient"));
}

static void until_it_is_confirmed(void **state)
{
	struct device *device = with_account("one", "10.0.0.1");
	unsigned times;

	act_now(ACT_REVOKE, device);
	bed_advance(10 * USEC_PER_SEC);
	assert_int_equal(asked_times("deleteClient"), 1);
	/* an answer to somebody else, one that was kept, and one that says no */
	platform_ask_on_message(&bed.host,
		&(const struct uplink_inbound){.topic = CONTROL "/response",
			.payload =
				SPAN_LITERAL("{\"responses\":[{\"command\":\"deleteClient\"}]}")});
	assert_int_equal(disk_withdrawals(), 1);
	answered(asked("deleteClient"), "deleteClient", "Internal error");
	assert_int_equal(disk_withdrawals(), 1);
	bed_advance(60 * USEC_PER_SEC);
	times = asked_times("deleteClient");
	assert_in_range(times, 2, 20);
	/* the uplink goes: nothing is lost, nothing is asked */
	uplink_event(UPLINK_LOST);
	bed_advance(100 * USEC_PER_SEC);
	assert_int_equal(asked_times("deleteClient"), times);
	act_now(ACT_FORGET, device);
	assert_int_equal(registry_count(bed.host.registry), 0);
	assert_int_equal(disk_withdrawals(), 1);
	link_up();
	assert_int_equal(asked_times("deleteClient"), times + 1);
	answered(asked("deleteClient"), "deleteClient", "Client not found");
	assert_int_equal(disk_withdrawals(), 0);
}

/* Somebody has to know that a credential may still be taken; a short outage is not worth a call. */
static void an_alarm_when_it_takes_long(void **state)
{
	struct device *device = with_account("one", "10.0.0.1");
	char id[DEVICE_ID_MAX + 1];
	unsigned i;

	memcpy(id, device->record->id, sizeof(id));
	act_now(ACT_REVOKE, device);
	for (i = 0; i < 28; i++) {
		bed_advance(10 * USEC_PER_SEC);
		if (asked("deleteClient"))
			answered(asked("deleteClient"), "deleteClient", "Internal error");
		assert_false(host_alarm_is_active(&bed.host, ALARM_NOT_WITHDRAWN, id));
	}
	for (i = 0; i < 70; i++) {
		bed_advance(10 * USEC_PER_SEC);
		answered(asked("deleteClient"), "deleteClient", "Internal error");
	}
	assert_true(host_alarm_is_active(&bed.host, ALARM_NOT_WITHDRAWN, id));
	/* forgotten here, it is owed there all the same */
	act_now(ACT_FORGET, device);
	for (i = 0; i < 70; i++) {
		bed_advance(10 * USEC_PER_SEC);
		answered(asked("deleteClient"), "deleteClient", "Internal error");
	}
	assert_true(host_alarm_is_active(&bed.host, ALARM_NOT_WITHDRAWN, id));
	for (i = 0; i < 32 && disk_withdrawals(); i++) {
		bed_advance(10 * USEC_PER_SEC);
		answered(asked("deleteClient"), "deleteClient", "");
	}
	assert_int_equal(disk_withdrawals(), 0);
	assert_false(host_alarm_is_active(&bed.host, ALARM_NOT_WITHDRAWN, id));
}

static void found_at_the_start(void **state)
{
	struct device *device = with_account("one", "10.0.0.1");
	struct withdrawal *copy;

	act_now(ACT_REVOKE, device);
	assert_int_equal(withdrawal_copy(disk_withdrawal(0), &copy), 0);
	withdrawings_free_all(&bed.host);
	uplink_event(UPLINK_LOST);
	assert_int_equal(withdraw_load(&bed.host, copy), 0);
	bed_advance(100 * USEC_PER_SEC);
	assert_null(asked("deleteClient"));
	link_up();
	answered(asked("deleteClient"), "deleteClient", "");
	assert_int_equal(disk_withdrawals(), 0);
}

static void an_operation_that_ends(void **state)
{
	struct device *device = pending_device("one", "10.0.0.1", "{}");
	struct act act = act_on(ACT_APPROVE, device->record->id);
	const struct fake_publication *create;

	assert_int_equal(acted(&act).result, ACT_DONE);
	create = asked("createClient");
	act_now(ACT_REJECT, device);
	assert_int_equal(disk_withdrawals(), 1);
	assert_true(disk_withdrawal(0)->cancel);
	/* late, and of no use any more */
	answered(create, "createClient", "");
	assert_int_equal(device->record->life.credential, CREDENTIAL_NONE);
	bed_advance(10 * USEC_PER_SEC);
	answered(asked("deleteClient"), "deleteClient", "");
	assert_int_equal(disk_withdrawals(), 0);
}

static void the_former_one_when_the_new_one_works(void **state)
{
	struct device *device = with_account("one", "10.0.0.1");
	char first[200];

	snprintf(first, sizeof(first), "%s", session_account(device->record->id));
	host_submit(&bed.host, device, &(const struct submission){.event = LIFE_RENEW_DUE});
	store_answer_all(0);
	answered(asked("createClient"), "createClient", "");
	bed_advance(USEC_PER_SEC);
	assert_string_not_equal(session_account(device->record->id), first);
	assert_int_equal(disk_withdrawals(), 0); /* rule 3 */
	session_event(device->record->id, UPLINK_CONNECTED);
	store_answer_all(0);
	assert_int_equal(disk_withdrawals(), 1);
	bed_advance(10 * USEC_PER_SEC);
	first[strcspn(first, ":")] = '\0';
	assert_non_null(strstr(asked("deleteClient")->payload, first));
	answered(asked("deleteClient"), "deleteClient", "");
	assert_int_equal(disk_withdrawals(), 0);
	assert_true(session_is_own(device));
}

/* Without accounts nobody is asked for anything. */
static void a_lease_is_nobodys_business(void **state)
{
	struct device *device;

	bed.config.local_accounts = false;
	device = active_device("one", "10.0.0.1");
	assert_false(session_is_own(device));
	act_now(ACT_REVOKE, device);
	assert_int_equal(disk_withdrawals(), 0);
	bed_advance(10 * USEC_PER_SEC);
	assert_null(asked(""));
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, bed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(with_the_decision_on_disk),
		T(without_memory),
		T(after_the_session),
		T(until_it_is_confirmed),
		T(an_alarm_when_it_takes_long),
		T(found_at_the_start),
		T(an_operation_that_ends),
		T(the_former_one_when_the_new_one_works),
		T(a_lease_is_nobodys_business),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
