/* SPDX-License-Identifier: Apache-2.0 */

/* Accounts of 'local': what is asked of the broker's dynamic security, and what its answers mean.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "drivers/platform/local-account.h"

static unsigned logged;

static void fixed_random(void *bytes, size_t size)
{
	static uint8_t next = 1;

	memset(bytes, next++, size);
}

static void count_log(int priority, const char *device_id, const char *format, ...)
{
	logged++;
}

static const struct driver_services services = {.random = fixed_random, .log = count_log};
static const struct device_record lamp = {.id = "lamp-abcd"};

static json_t *body_of(const struct platform_request *request)
{
	json_t *body = json_loadb((const char *)request->body.data, request->body.size, 0, NULL);

	assert_non_null(body);
	return body;
}

static const char *text_at(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static void an_account_is_made(void **state)
{
	struct platform_step step = {.verdict = PLATFORM_DONE};
	struct platform_session session;
	struct secret value = {0};
	const json_t *commands, *role, *client;
	char name[300];
	json_t *body;

	assert_int_equal(account_make(&services, &lamp, "plant", &value), 0);
	assert_true(account_is(secret_span(&value)));
	assert_int_equal(account_session(secret_span(&value), &lamp, "plant", &session), 0);
	assert_string_equal(session.client_id, "gatehouse-plant-lamp-abcd");
	assert_int_equal(span_to_string(session.username, name, sizeof(name)), 0);
	assert_ptr_equal(strstr(name, "gatehouse-plant-lamp-abcd-"), name);
	assert_int_equal(session.password.size, 32);
	assert_int_equal(account_create(secret_span(&value), &lamp, "plant", &step.request), 0);
	assert_string_equal(step.request.topic, ACCOUNT_TOPIC);
	assert_string_equal(step.request.answer_topic, ACCOUNT_ANSWERS);
	body = body_of(&step.request);
	commands = json_object_get(body, "commands");
	assert_int_equal(json_array_size(commands), 2);
	role = json_array_get(commands, 0);
	client = json_array_get(commands, 1);
	assert_string_equal(text_at(role, "command"), "createRole");
	assert_string_equal(text_at(role, "rolename"), name);
	assert_string_equal(text_at(json_array_get(json_object_get(role, "acls"), 0), "topic"),
		"gatehouse/plant/lamp-abcd/#");
	assert_string_equal(text_at(client, "command"), "createClient");
	assert_string_equal(text_at(client, "username"), name);
	assert_string_equal(text_at(client, "clientid"), session.client_id);
	assert_memory_equal(text_at(client, "password"), session.password.data, 32);
	assert_string_equal(text_at(client, "correlationData"), step.request.answer_mark);
	json_decref(body);
	platform_step_clear(&step);
	secret_clear(&value);
}

static void all_of_a_record_are_deleted(void **state)
{
	struct platform_step step = {.verdict = PLATFORM_DONE};
	struct device_record record = lamp;
	struct secret names;
	json_t *body;

	assert_int_equal(account_names(&record, &names), 0);
	assert_int_equal(names.size, 0);
	assert_int_equal(account_make(&services, &record, "p", &record.life.credential_current), 0);
	assert_int_equal(account_make(&services, &record, "p", &record.life.operation_blob), 0);
	assert_int_equal(account_names(&record, &names), 0);
	assert_false(account_is(secret_span(&names)));
	assert_int_equal(account_delete(secret_span(&names), &step.request), 0);
	body = body_of(&step.request);
	assert_int_equal(json_array_size(json_object_get(body, "commands")), 4);
	json_decref(body);
	platform_step_clear(&step);
	/* no password is remembered */
	assert_null(memmem(names.data, names.size, record.life.credential_current.data + 40, 8));
	secret_clear(&names);
	secret_clear(&record.life.credential_current);
	secret_clear(&record.life.operation_blob);
}

static void values_that_are_none(void **state)
{
	static const struct span bad[] = {{NULL, 0}, {(const uint8_t *)"\1", 1},
		{(const uint8_t *)"\2", 1}, {(const uint8_t *)"\2\1\0\5abc", 7},
		{(const uint8_t *)"\3", 1}, {(const uint8_t *)"\3abc", 4}};
	struct platform_request request;
	struct platform_session session;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(account_is(bad[i]));
		assert_int_equal(account_session(bad[i], &lamp, "p", &session), -EBADMSG);
		assert_int_equal(account_create(bad[i], &lamp, "p", &request), -EBADMSG);
		assert_int_equal(account_delete(bad[i], &request), -EBADMSG);
	}
}

static void answers(void **state)
{
	static const struct {
		int result;
		const char *body;
		bool done;
	} rows[] = {
		{0, "{\"responses\":[{\"command\":\"createRole\"},{\"command\":\"createClient\"}]}",
			true},
		{0,
			"{\"responses\":[{\"command\":\"createRole\",\"error\":\"Role already "
			"exists\"}"
			",{\"command\":\"createClient\",\"error\":\"Client already exists\"}]}",
			true},
		{0,
			"{\"responses\":[{\"command\":\"deleteClient\",\"error\":\"Client not "
			"found\"}"
			",{\"command\":\"deleteRole\",\"error\":\"Role not found\"}]}",
			true},
		{0, "{\"responses\":[{\"command\":\"createClient\",\"error\":\"Role not found\"}]}",
			false},
		{0,
			"{\"responses\":[{\"command\":\"deleteClient\"},{\"command\":"
			"\"deleteRole\","
			"\"error\":\"Internal error\"}]}",
			false},
		{0, "{\"responses\":[{\"error\":\"Invalid command\"}]}", false},
		{0, "{\"responses\":[7]}", false},
		{0, "{\"responses\":[]}", false},
		{0, "[]", false},
		{0, "{", false},
		{0, "", false},
		{-ETIMEDOUT, "", false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(account_is_done(&services, "lamp-abcd",
					 &(const struct platform_answer){.present = true,
						 .result = rows[i].result,
						 .body = span_from_string(rows[i].body)}),
			rows[i].done);
	assert_true(logged >= 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_account_is_made),
		cmocka_unit_test(all_of_a_record_are_deleted),
		cmocka_unit_test(values_that_are_none),
		cmocka_unit_test(answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
