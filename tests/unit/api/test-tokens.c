/* SPDX-License-Identifier: Apache-2.0 */

/* Tokens at the API: who may, which bodies are taken, what is said of those that are not, and that
 * no value comes out. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "base/cleanup.h"
#include "described.h"

struct world {
	struct api *api;
	struct registry *registry;
	struct limits limits;
	struct config config;
	const struct config *present;
	struct token_names names;
	struct api_facts facts;
	/* what came through */
	struct act act;
	struct token_list list;
	unsigned parts, acts;
	struct act_outcome outcome;
	/* the last answer */
	int status;
	json_t *body;
	char operator_token[64];
};

static void on_put_tokens(void *userdata, const struct act *act, struct token_list *list,
	act_done_fn done, void *done_userdata)
{
	struct world *world = userdata;

	world->act = *act;
	world->parts++;
	token_list_clear(&world->list);
	token_list_join(&world->list, list);
	done(done_userdata, &world->outcome);
}

static void on_act(void *userdata, const struct act *act, act_done_fn done, void *done_userdata)
{
	struct world *world = userdata;

	world->act = *act;
	world->acts++;
	done(done_userdata, &world->outcome);
}

static void on_put_operator(void *userdata, const struct act *act, struct span token,
	act_done_fn done, void *done_userdata)
{
	struct world *world = userdata;

	world->act = *act;
	assert_int_equal(
		span_to_string(token, world->operator_token, sizeof(world->operator_token)), 0);
	done(done_userdata, &world->outcome);
}

static int set_up(void **state)
{
	static const struct api_ops ops = {
		.act = on_act, .put_tokens = on_put_tokens, .put_operator_token = on_put_operator};
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	world->present = &world->config;
	limits_init(&world->limits);
	assert_int_equal(registry_new(&world->registry), 0);
	const struct api_view view = {
		.registry = world->registry,
		.limits = &world->limits,
		.config = &world->present,
		.facts = &world->facts,
		.tokens = &world->names,
	};
	assert_int_equal(api_new(&view, &ops, world, &world->api), 0);
	world->outcome.result = ACT_DONE;
	*state = world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	api_free(world->api);
	registry_free(world->registry);
	token_list_clear(&world->list);
	token_names_clear(&world->names);
	json_decref(world->body);
	free(world);
	return 0;
}

static void take_answer(void *userdata, int status, json_t *body)
{
	struct world *world = userdata;

	json_decref(world->body);
	world->status = status;
	world->body = json_incref(body);
}

static int call_at(struct world *world, enum role role, bool fresh, const char *method,
	const char *path, const char *query, json_t *body)
{
	const struct api_caller caller = {
		.role = role, .fresh_password = fresh, .name = "anna", .via = "192.0.2.4"};
	const struct api_request request = {
		.method = method, .path = path, .query = query, .caller = &caller, .body = body};

	world->status = 0;
	api_call(world->api, &request, take_answer, world);
	if (world->status)
		described_check(method, request.path, world->status, world->body);
	return world->status;
}

static int call_as(struct world *world, enum role role, bool fresh, const char *method,
	const char *query, json_t *body)
{
	return call_at(world, role, fresh, method, "/api/v1/tokens", query, body);
}

static int put(struct world *world, const char *text)
{
	json_t *body = json_loads(text, JSON_DECODE_ANY, NULL);
	int status;

	assert_non_null(body);
	status = call_as(world, ROLE_ADMIN, true, "PUT", NULL, body);
	json_decref(body);
	return status;
}

static const char *text_of(const struct world *world, const char *key)
{
	const char *text = json_string_value(json_object_get(world->body, key));

	return text ? text : "";
}

static void test_roles(void **state)
{
	struct world *world = *state;
	json_t *body = json_loads(
		"{\"tokens\":[{\"ep\":\"a\",\"username\":\"u\",\"password\":\"p\"}]}", 0, NULL);
	static const char *const methods[] = {"GET", "PUT", "DELETE"};

	for (size_t i = 0; i < 3; i++) {
		json_t *sent = i == 1 ? body : NULL;
		const char *query = i == 2 ? "ep=a" : NULL;

		assert_int_equal(call_as(world, ROLE_NONE, true, methods[i], query, sent), 401);
		assert_int_equal(call_as(world, ROLE_VIEWER, true, methods[i], query, sent), 403);
		assert_int_equal(
			call_as(world, ROLE_TECHNICIAN, true, methods[i], query, sent), 403);
		assert_int_equal(
			call_as(world, ROLE_ADMIN, false, methods[i], query, sent), i ? 401 : 200);
	}
	assert_int_equal(world->parts + world->acts, 0);
	json_decref(body);
}

static void test_rows(void **state)
{
	struct world *world = *state;
	struct span username, password;

	world->outcome.number = 2;
	strcpy(world->outcome.text, "2 tokens were saved: 2 new, 0 replaced.");
	assert_int_equal(put(world, "{\"tokens\":["
				    "{\"ep\":\"a\",\"username\":\"u\",\"password\":\"p\"},"
				    "{\"ep\":\"b\",\"username\":\"v\",\"password\":\"q,\\\"\","
				    "\"line\":7}]}"),
		200);
	assert_int_equal(world->act.kind, ACT_TOKENS_PUT);
	assert_string_equal(world->act.who, "anna");
	assert_string_equal(world->act.via, "192.0.2.4");
	assert_int_equal(world->act.number, 0);
	assert_false(world->act.more);
	assert_int_equal(world->list.count, 2);
	assert_int_equal(world->list.first->line, 1);
	assert_int_equal(world->list.last->line, 7);
	assert_string_equal(world->list.last->ep, "b");
	assert_int_equal(
		token_value_read(secret_span(&world->list.last->value), &username, &password), 0);
	assert_true(span_equal(username, SPAN_LITERAL("v")));
	assert_true(span_equal(password, SPAN_LITERAL("q,\"")));
	assert_int_equal(json_integer_value(json_object_get(world->body, "tokens")), 2);
	assert_null(json_object_get(world->body, "import"));

	world->outcome = (struct act_outcome){.result = ACT_DONE, .number = 5};
	assert_int_equal(put(world, "{\"tokens\":[],\"import\":5,\"more\":true}"), 200);
	assert_int_equal(world->act.number, 5);
	assert_true(world->act.more);
	assert_int_equal(json_integer_value(json_object_get(world->body, "import")), 5);
}

/* The secrets of a body do not outlive the call. */
static void test_wiped(void **state)
{
	struct world *world = *state;
	json_t *body = json_loads("{\"tokens\":[{\"ep\":\"a\",\"username\":\"u\",\"password\":"
				  "\"canary\"},{\"ep\":\"\",\"username\":\"u\",\"password\":"
				  "\"canary\"}]}",
		0, NULL);
	char *text;

	assert_int_equal(call_as(world, ROLE_ADMIN, true, "PUT", NULL, body), 400);
	text = json_dumps(body, 0);
	assert_non_null(text);
	assert_null(strstr(text, "canary"));
	free(text);
	json_decref(body);
}

static void test_bad_bodies(void **state)
{
	static const char *const bad[] = {
		"{}",
		"{\"tokens\":{}}",
		"{\"tokens\":[],\"import\":-1}",
		"{\"tokens\":[],\"import\":\"1\"}",
		"{\"tokens\":[],\"import\":99999999999}",
		"{\"tokens\":[],\"more\":1}",
		"{\"tokens\":[],\"token\":[]}",
		"{\"tokens\":[7]}",
		"{\"tokens\":[{\"ep\":\"a\"}]}",
		"{\"tokens\":[{\"ep\":\"a\",\"username\":\"u\",\"password\":7}]}",
		"{\"tokens\":[{\"ep\":\"a\",\"username\":\"u\",\"password\":\"p\",\"x\":1}]}",
		"{\"tokens\":[{\"ep\":\"a b\",\"username\":\"u\",\"password\":\"p\"}]}",
		"[]",
	};
	struct world *world = *state;

	for (size_t i = 0; i < ELEMENTS(bad); i++) {
		assert_int_equal(put(world, bad[i]), 400);
		assert_true(text_of(world, "text")[0] != '\0');
	}
	assert_int_equal(call_as(world, ROLE_ADMIN, true, "PUT", NULL, NULL), 400);
	assert_int_equal(world->parts, 0);
}

static void test_refused_rows(void **state)
{
	struct world *world = *state;
	json_t *rows = json_array(), *body, *refused;
	char longest[TOKEN_PASSWORD_MAX + 2];

	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	json_array_append_new(
		rows, json_pack("{s:s,s:s,s:s}", "ep", "a", "username", "u", "password", "p"));
	for (int i = 0; i < 150; i++)
		json_array_append_new(rows, json_pack("{s:s,s:s,s:s,s:i}", "ep", "a", "username",
						    "u", "password", longest, "line", 10 + i));
	body = json_pack("{s:o}", "tokens", rows);
	assert_int_equal(call_as(world, ROLE_ADMIN, true, "PUT", NULL, body), 400);
	json_decref(body);
	refused = json_object_get(world->body, "refused");
	assert_int_equal(json_array_size(refused), 100);
	assert_int_equal(json_integer_value(json_object_get(world->body, "refused_count")), 150);
	assert_int_equal(
		json_integer_value(json_object_get(json_array_get(refused, 0), "line")), 10);
	assert_non_null(strstr(text_of(world, "text"), "Line 10 has a password of more than"));
	assert_int_equal(world->limits.reached[LIMIT_TOKEN_BYTES], 150);
	assert_int_equal(world->parts, 0);
}

static void test_list(void **state)
{
	struct world *world = *state;
	const json_t *list, *one;
	char ep[16];

	for (int i = 0; i < 10; i++) {
		snprintf(ep, sizeof(ep), "ep-%d", i);
		assert_int_equal(
			token_names_put(&world->names, "mqtt", ep, INT64_C(1700000000000)), 0);
	}
	token_names_sort(&world->names);
	assert_int_equal(
		call_as(world, ROLE_ADMIN, false, "GET", "limit=3&after=ep%2D4", NULL), 200);
	assert_int_equal(json_integer_value(json_object_get(world->body, "total")), 10);
	list = json_object_get(world->body, "tokens");
	assert_int_equal(json_array_size(list), 3);
	one = json_array_get(list, 0);
	assert_string_equal(json_string_value(json_object_get(one, "ep")), "ep-5");
	assert_string_equal(json_string_value(json_object_get(one, "platform")), "mqtt");
	assert_string_equal(
		json_string_value(json_object_get(one, "since")), "2023-11-14T22:13:20Z");
	assert_true(json_is_null(json_object_get(one, "device")));
	assert_true(json_is_false(json_object_get(one, "brought")));
	assert_int_equal(json_object_size(one), 5);
	assert_int_equal(call_as(world, ROLE_ADMIN, false, "GET", NULL, NULL), 200);
	assert_int_equal(json_array_size(json_object_get(world->body, "tokens")), 10);
}

static void test_drop(void **state)
{
	struct world *world = *state;

	assert_int_equal(call_as(world, ROLE_ADMIN, true, "DELETE", "ep=urn%3Adev%2F1", NULL), 200);
	assert_int_equal(world->act.kind, ACT_TOKEN_DROP);
	assert_string_equal(world->act.ep, "urn:dev/1");
}

/* Given and deleted by an administrator with a fresh password; what comes out is a date. */
static void test_operator(void **state)
{
	static const char path[] = "/api/v1/operator-token";
	struct world *world = *state;
	json_t *body = json_pack("{s:s}", "token", "canary"), *other;

	assert_int_equal(call_at(world, ROLE_TECHNICIAN, true, "PUT", path, NULL, body), 403);
	assert_int_equal(call_at(world, ROLE_ADMIN, false, "PUT", path, NULL, body), 401);
	assert_string_equal(world->operator_token, "");
	assert_int_equal(call_at(world, ROLE_ADMIN, true, "PUT", path, NULL, body), 200);
	assert_int_equal(world->act.kind, ACT_OPERATOR_PUT);
	assert_string_equal(world->act.who, "anna");
	assert_string_equal(world->act.via, "192.0.2.4");
	assert_string_equal(world->operator_token, "canary");
	assert_memory_equal(json_string_value(json_object_get(body, "token")), "\0\0\0\0\0\0", 6);
	json_decref(body);
	other = json_pack("{s:i}", "token", 1);
	assert_int_equal(call_at(world, ROLE_ADMIN, true, "PUT", path, NULL, other), 400);
	json_decref(other);
	other = json_pack("{s:s,s:s}", "token", "x", "ep", "y");
	assert_int_equal(call_at(world, ROLE_ADMIN, true, "PUT", path, NULL, other), 400);
	json_decref(other);
	assert_int_equal(call_at(world, ROLE_ADMIN, true, "PUT", path, NULL, NULL), 400);
	assert_int_equal(call_at(world, ROLE_ADMIN, true, "DELETE", path, NULL, NULL), 200);
	assert_int_equal(world->act.kind, ACT_OPERATOR_DROP);
	assert_int_equal(call_as(world, ROLE_ADMIN, false, "GET", NULL, NULL), 200);
	assert_true(json_is_null(json_object_get(world->body, "operator_since")));
	world->facts.operator_since = INT64_C(1700000000000);
	assert_int_equal(call_as(world, ROLE_ADMIN, false, "GET", NULL, NULL), 200);
	assert_string_equal(json_string_value(json_object_get(world->body, "operator_since")),
		"2023-11-14T22:13:20Z");
	assert_int_equal(json_object_size(world->body), 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_roles),
		TEST(test_rows),
		TEST(test_wiped),
		TEST(test_bad_bodies),
		TEST(test_refused_rows),
		TEST(test_list),
		TEST(test_drop),
		TEST(test_operator),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
