/* SPDX-License-Identifier: Apache-2.0 */

/* Imports in parts, all or nothing; who goes on when a token comes; what a driver gets. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "fakes.h"
#include "host/journal.h"

/* One part: "ep:user:password ep:user:password ..." */
static struct act_outcome put(const char *who, uint32_t import, bool more, const char *text)
{
	struct act act = {
		.kind = ACT_TOKENS_PUT, .role = ROLE_ADMIN, .number = import, .more = more};
	struct act_try try = {0};
	struct token_list list = {0};
	char copy[1024], *rest = copy, *row;
	unsigned line = 0;

	snprintf(act.who, sizeof(act.who), "%s", who);
	snprintf(copy, sizeof(copy), "%s", text);
	while ((row = strsep(&rest, " "))) {
		const char *ep = strsep(&row, ":"), *user = strsep(&row, ":");
		struct token *token;

		assert_int_equal(token_new(span_from_string(ep), span_from_string(user),
					 span_from_string(row), &token),
			0);
		token->line = ++line;
		token_list_add(&list, token);
	}
	token_import(&bed.host, &act, &list, try_keep, &try);
	assert_int_equal(list.count, 0);
	store_answer_all(0);
	assert_int_equal(try.answers, 1);
	return try.outcome;
}

static struct act_outcome import_all(const char *text)
{
	return put("anna", 0, false, text);
}

static void an_import_is_one_change(void **state)
{
	struct act_outcome outcome = import_all("a:ua:pa b:ub:pb");

	assert_int_equal(outcome.result, ACT_DONE);
	assert_int_equal(outcome.number, 2);
	assert_string_equal(outcome.text, "2 tokens were saved: 2 new, 0 replaced.");
	assert_string_equal(disk_token("a"), "ua:pa");
	assert_string_equal(disk_token("b"), "ub:pb");
	assert_string_equal(disk_audit_newest()->action, "tokens import");
	assert_string_equal(disk_audit_newest()->object, "2 names");
	outcome = import_all("a:ua:other");
	assert_string_equal(outcome.text, "1 token was saved: 0 new, 1 replaced.");
	assert_string_equal(disk_token("a"), "ua:other");
	assert_string_equal(disk_audit_newest()->object, "a");
	assert_int_equal(bed.host.tokens.count, 2);
	assert_int_equal(disk_audit_count("tokens import", "done"), 2);
}

static void parts_wait_for_the_last(void **state)
{
	struct act_outcome first = put("anna", 0, true, "a:u:p"), other;

	assert_int_equal(first.result, ACT_DONE);
	assert_true(first.number > 0);
	assert_string_equal(disk_token("a"), "");
	other = put("bert", 0, false, "x:u:p");
	assert_int_equal(other.result, ACT_TOO_MANY);
	other = put("bert", first.number, false, "x:u:p");
	assert_int_equal(other.result, ACT_TOO_MANY);
	other = put("anna", first.number + 1, false, "x:u:p");
	assert_int_equal(other.result, ACT_IMPOSSIBLE);
	assert_int_equal(put("anna", first.number, true, "b:u:p").number, first.number);
	assert_int_equal(put("anna", first.number, false, "c:u:p").number, 3);
	assert_string_equal(disk_token("a"), "u:p");
	assert_string_equal(disk_token("c"), "u:p");
	assert_string_equal(disk_token("x"), "");
	/* That one is over. */
	assert_int_equal(put("anna", first.number, false, "d:u:p").result, ACT_IMPOSSIBLE);
}

static void an_import_that_nobody_finishes_is_dropped(void **state)
{
	uint32_t number = put("anna", 0, true, "a:u:p").number;

	bed_advance(61 * USEC_PER_SEC);
	assert_int_equal(bed.host.import.list.count, 0);
	assert_int_equal(put("anna", number, false, "b:u:p").result, ACT_IMPOSSIBLE);
	assert_int_equal(put("bert", 0, false, "b:u:p").result, ACT_DONE);
	/* Who begins anew gives up what he began before. */
	put("anna", 0, true, "c:u:p");
	assert_int_equal(put("anna", 0, false, "d:u:p").number, 1);
	assert_string_equal(disk_token("c"), "");
}

static void a_name_stands_there_once(void **state)
{
	uint32_t number = put("anna", 0, true, "a:u:p").number;
	struct act_outcome outcome = put("anna", number, false, "b:u:p a:u:q");

	assert_int_equal(outcome.result, ACT_BAD_INPUT);
	assert_string_equal(outcome.text, "Line 2: a stands there twice. Nothing was imported.");
	assert_string_equal(disk_token("b"), "");
}

static void there_is_a_limit(void **state)
{
	bed.host.limits.value[LIMIT_TOKENS] = 3;
	assert_int_equal(import_all("a:u:p b:u:p").result, ACT_DONE);
	assert_int_equal(import_all("a:u:q b:u:q c:u:q").result, ACT_DONE);
	assert_int_equal(import_all("d:u:p").result, ACT_IMPOSSIBLE);
	assert_int_equal(import_all("a:u:p b:u:p c:u:p d:u:p").result, ACT_IMPOSSIBLE);
	assert_int_equal(bed.host.limits.reached[LIMIT_TOKENS], 2);
	assert_string_equal(disk_token("d"), "");
	assert_int_equal(import_all("a:u:r").result, ACT_DONE);
}

static void what_is_not_saved_is_not_there(void **state)
{
	struct act act = {.kind = ACT_TOKENS_PUT, .role = ROLE_ADMIN, .who = "anna"};
	struct act_try try = {0};
	struct token_list list = {0};
	struct token *token;

	assert_int_equal(
		token_new(SPAN_LITERAL("a"), SPAN_LITERAL("u"), SPAN_LITERAL("p"), &token), 0);
	token_list_add(&list, token);
	token_import(&bed.host, &act, &list, try_keep, &try);
	assert_int_equal(put("bert", 0, false, "b:u:p").result, ACT_TOO_MANY);
	assert_int_equal(try.answers, 1);
	assert_int_equal(try.outcome.result, ACT_DONE);

	memset(&try, 0, sizeof(try));
	assert_int_equal(
		token_new(SPAN_LITERAL("z"), SPAN_LITERAL("u"), SPAN_LITERAL("p"), &token), 0);
	token_list_add(&list, token);
	token_import(&bed.host, &act, &list, try_keep, &try);
	store_answer(-ENOSPC);
	assert_int_equal(try.outcome.result, ACT_NOT_STORED);
	assert_null(token_names_find(&bed.host.tokens, TOKEN_KIND_MQTT, "z"));
	store_answer_all(0);
}

static void drop_deletes_one(void **state)
{
	struct act act = {.kind = ACT_TOKEN_DROP, .role = ROLE_ADMIN, .who = "anna", .ep = "a"};
	struct act_try try = {0};

	try_act(&act, &try);
	assert_int_equal(try.outcome.result, ACT_UNKNOWN);
	import_all("a:u:p b:u:p");
	memset(&try, 0, sizeof(try));
	try_act(&act, &try);
	store_answer_all(0);
	assert_int_equal(try.outcome.result, ACT_DONE);
	assert_string_equal(disk_token("a"), "");
	assert_string_equal(disk_token("b"), "u:p");
	assert_string_equal(disk_audit_newest()->action, "token drop");
}

static void without_a_token_nobody_is_taken_in(void **state)
{
	struct device *device;
	struct act act;
	struct act_outcome outcome;

	strcpy(bed.config.platform, "mqtt");
	device = pending_device("pump", "10.0.0.7", "{}");
	act = act_on(ACT_APPROVE, device->record->id);
	outcome = acted(&act);
	assert_int_equal(outcome.result, ACT_IMPOSSIBLE);
	assert_non_null(strstr(outcome.text, "Import a token for pump first"));
	assert_int_equal(device->record->life.admission, ADMISSION_PENDING);
	import_all("pump:u:p");
	assert_int_equal(device->record->life.admission, ADMISSION_PENDING);
	assert_int_equal(acted(&act).result, ACT_DONE);
	store_answer_all(0);
	assert_int_equal(device->record->life.operation, OPERATION_BOUND);
	assert_string_equal(device->record->life.platform_id, device->record->id);
	assert_int_equal(device->record->life.credential_expires, 0);
}

/* The token was dropped between the look and the step: the operation fails, and goes on when there
 * is one again. */
static void a_failed_operation_goes_on_with_its_token(void **state)
{
	struct act act, drop = {.kind = ACT_TOKEN_DROP, .role = ROLE_ADMIN, .who = "anna"};
	struct act_try try = {0}, dropped = {0};
	struct device *device;

	strcpy(bed.config.platform, "mqtt");
	strcpy(drop.ep, "pump");
	device = pending_device("pump", "10.0.0.7", "{}");
	import_all("pump:u:p");
	act = act_on(ACT_APPROVE, device->record->id);
	try_act(&drop, &dropped);
	try_act(&act, &try);
	store_answer_all(0);
	assert_int_equal(device->record->life.operation, OPERATION_FAILED);
	assert_true(host_alarm_is_active(&bed.host, ALARM_OPERATION_FAILED, device->record->id));
	import_all("pump:u:p");
	store_answer_all(0);
	assert_int_equal(device->record->life.operation, OPERATION_BOUND);
}

static void forget_deletes_the_token(void **state)
{
	struct device *device;
	struct act act;

	strcpy(bed.config.platform, "mqtt");
	device = pending_device("pump", "10.0.0.7", "{}");
	import_all("pump:u:p other:u:p");
	act = act_on(ACT_FORGET, device->record->id);
	assert_int_equal(acted(&act).result, ACT_DONE);
	assert_string_equal(disk_token("pump"), "");
	assert_null(token_names_find(&bed.host.tokens, TOKEN_KIND_MQTT, "pump"));
	assert_string_equal(disk_token("other"), "u:p");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_import_is_one_change),
		TEST(parts_wait_for_the_last),
		TEST(an_import_that_nobody_finishes_is_dropped),
		TEST(a_name_stands_there_once),
		TEST(there_is_a_limit),
		TEST(what_is_not_saved_is_not_there),
		TEST(drop_deletes_one),
		TEST(without_a_token_nobody_is_taken_in),
		TEST(a_failed_operation_goes_on_with_its_token),
		TEST(forget_deletes_the_token),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
