/* SPDX-License-Identifier: Apache-2.0 */

/* Codes at the API: who may, which rows are taken, what is said of those that are not, and that no
 * code and no key comes out. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "described.h"

#define CODE "GH1-000G40R40M30E209185GR38E1WJB" /* of sensor-1 */
#define QR   "GH1:sensor-1:000G40R40M30E209185GR38E1WJB"

struct world {
	struct api *api;
	struct registry *registry;
	struct limits limits;
	struct config config;
	const struct config *present;
	struct label_book book;
	struct api_facts facts;
	/* what came through */
	struct act act;
	struct label_list list;
	unsigned parts, acts;
	struct act_outcome outcome;
	/* the last answer */
	int status;
	json_t *body;
};

static void on_put_codes(void *userdata, const struct act *act, struct label_list *list,
	act_done_fn done, void *done_userdata)
{
	struct world *world = userdata;

	world->act = *act;
	world->parts++;
	label_list_clear(&world->list);
	label_list_join(&world->list, list);
	done(done_userdata, &world->outcome);
}

static void on_act(void *userdata, const struct act *act, act_done_fn done, void *done_userdata)
{
	struct world *world = userdata;

	world->act = *act;
	world->acts++;
	done(done_userdata, &world->outcome);
}

static int set_up(void **state)
{
	static const struct api_ops ops = {.act = on_act, .put_codes = on_put_codes};
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
		.labels = &world->book,
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
	label_list_clear(&world->list);
	label_book_clear(&world->book);
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

static int call_as(struct world *world, enum role role, bool fresh, const char *method,
	const char *query, json_t *body)
{
	const struct api_caller caller = {
		.role = role, .fresh_password = fresh, .name = "anna", .via = "192.0.2.4"};
	const struct api_request request = {.method = method,
		.path = "/api/v1/codes",
		.query = query,
		.caller = &caller,
		.body = body};

	world->status = 0;
	api_call(world->api, &request, take_answer, world);
	if (world->status)
		described_check(method, request.path, world->status, world->body);
	return world->status;
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
	json_t *body =
		json_loads("{\"codes\":[{\"ep\":\"sensor-1\",\"code\":\"" CODE "\"}]}", 0, NULL);
	static const char *const methods[] = {"GET", "PUT", "DELETE"};

	for (size_t i = 0; i < 3; i++) {
		json_t *sent = i == 1 ? body : NULL;
		const char *query = i == 2 ? "ep=a" : NULL;

		assert_int_equal(call_as(world, ROLE_NONE, true, methods[i], query, sent), 401);
		assert_int_equal(call_as(world, ROLE_VIEWER, true, methods[i], query, sent), 403);
		assert_int_equal(call_as(world, ROLE_TECHNICIAN, true, methods[i], query, sent),
			i ? 403 : 200);
		assert_int_equal(
			call_as(world, ROLE_ADMIN, false, methods[i], query, sent), i ? 401 : 200);
	}
	assert_int_equal(world->parts + world->acts, 0);
	json_decref(body);
}

static void test_rows(void **state)
{
	struct world *world = *state;

	world->outcome.number = 2;
	strcpy(world->outcome.text, "2 codes were saved as keys: 2 new, 0 replaced.");
	assert_int_equal(put(world, "{\"codes\":["
				    "{\"ep\":\"sensor-1\",\"code\":\"" CODE "\"},"
				    "{\"ep\":\"sensor-1\",\"code\":\"" QR "\",\"line\":7}]}"),
		200);
	assert_int_equal(world->act.kind, ACT_CODES_PUT);
	assert_string_equal(world->act.who, "anna");
	assert_int_equal(world->list.count, 2);
	assert_int_equal(world->list.first->line, 1);
	assert_int_equal(world->list.last->line, 7);
	assert_string_equal(world->list.last->label.ep, "sensor-1");
	assert_int_equal(world->list.first->label.psk[0], 0x34);
	assert_int_equal(json_integer_value(json_object_get(world->body, "codes")), 2);
	assert_null(json_object_get(world->body, "import"));

	world->outcome = (struct act_outcome){.result = ACT_DONE, .number = 5};
	assert_int_equal(put(world, "{\"codes\":[],\"import\":5,\"more\":true}"), 200);
	assert_int_equal(world->act.number, 5);
	assert_true(world->act.more);
	assert_int_equal(json_integer_value(json_object_get(world->body, "import")), 5);
	world->outcome = (struct act_outcome){.result = ACT_TOO_MANY, .number = 60};
	assert_int_equal(put(world, "{\"codes\":[]}"), 429);
	assert_int_equal(json_integer_value(json_object_get(world->body, "wait")), 60);
}

/* The codes of a body do not outlive the call, whatever else is wrong with it. */
static void test_wiped(void **state)
{
	static const char *const bodies[] = {
		"{\"codes\":[{\"ep\":\"sensor-1\",\"code\":\"" CODE
		"\"},{\"ep\":\"\",\"code\":\"" CODE "\"}]}",
		"{\"codes\":[{\"ep\":\"sensor-1\",\"code\":\"" CODE "\"}],\"more\":1}",
	};
	struct world *world = *state;

	for (size_t i = 0; i < ELEMENTS(bodies); i++) {
		json_t *body = json_loads(bodies[i], 0, NULL);
		char *text;

		assert_int_equal(call_as(world, ROLE_ADMIN, true, "PUT", NULL, body), 400);
		text = json_dumps(body, 0);
		assert_non_null(text);
		assert_null(strstr(text, "000G40R"));
		free(text);
		json_decref(body);
	}
}

static void test_bad_bodies(void **state)
{
	static const char *const bad[] = {
		"{}",
		"{\"codes\":{}}",
		"{\"codes\":[],\"import\":-1}",
		"{\"codes\":[],\"import\":\"1\"}",
		"{\"codes\":[],\"more\":1}",
		"{\"codes\":[],\"code\":[]}",
		"{\"codes\":[7]}",
		"{\"codes\":[{\"ep\":\"a\"}]}",
		"{\"codes\":[{\"ep\":\"a\",\"code\":7}]}",
		"{\"codes\":[{\"ep\":\"sensor-1\",\"code\":\"" CODE "\",\"x\":1}]}",
		"{\"codes\":[{\"ep\":\"a b\",\"code\":\"" CODE "\"}]}",
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

	json_array_append_new(rows, json_pack("{s:s,s:s}", "ep", "sensor-1", "code", CODE));
	for (int i = 0; i < 150; i++)
		json_array_append_new(rows,
			json_pack("{s:s,s:s,s:i}", "ep", "sensor-2", "code", CODE, "line", 10 + i));
	body = json_pack("{s:o}", "codes", rows);
	assert_int_equal(call_as(world, ROLE_ADMIN, true, "PUT", NULL, body), 400);
	json_decref(body);
	refused = json_object_get(world->body, "refused");
	assert_int_equal(json_array_size(refused), 100);
	assert_int_equal(json_integer_value(json_object_get(world->body, "refused_count")), 150);
	assert_string_equal(text_of(world, "text"),
		"Line 10 has a code that is not for this name, or has a typo. There are more such "
		"lines. Nothing was imported.");
	assert_int_equal(world->parts, 0);
}

static void keep(struct world *world, const char *ep, const struct label_window *window)
{
	struct label label = {.has_psk = true};
	struct label_list list = {0};
	struct kept_label *kept;

	snprintf(label.ep, sizeof(label.ep), "%s", ep);
	memset(label.claim_key, 0x5a, LABEL_KEY_SIZE);
	assert_int_equal(kept_label_new(&label, &kept), 0);
	assert_int_equal(kept_label_set_window(kept, window), 0);
	kept->since = INT64_C(1700000000000);
	label_list_add(&list, kept);
	assert_int_equal(label_book_reserve(&world->book, world->book.count + 1), 0);
	label_book_put(&world->book, &list);
}

static void test_list(void **state)
{
	const struct label_window window = {
		.until = clock_wall_msec() + 3600000, .opened_by = "anna", .name = "Pump"};
	struct world *world = *state;
	const json_t *list, *one;
	char ep[16];

	for (int i = 0; i < 10; i++) {
		snprintf(ep, sizeof(ep), "ep-%d", i);
		keep(world, ep, i == 7 ? &window : NULL);
	}
	assert_int_equal(
		call_as(world, ROLE_TECHNICIAN, false, "GET", "limit=3&after=ep%2D4", NULL), 200);
	assert_int_equal(json_integer_value(json_object_get(world->body, "total")), 10);
	assert_int_equal(json_integer_value(json_object_get(world->body, "open")), 1);
	list = json_object_get(world->body, "codes");
	assert_int_equal(json_array_size(list), 3);
	one = json_array_get(list, 0);
	assert_string_equal(json_string_value(json_object_get(one, "ep")), "ep-5");
	assert_string_equal(
		json_string_value(json_object_get(one, "since")), "2023-11-14T22:13:20Z");
	assert_true(json_is_null(json_object_get(one, "window")));
	assert_true(json_is_null(json_object_get(one, "device")));
	assert_int_equal(json_object_size(one), 6);
	assert_int_equal(call_as(world, ROLE_TECHNICIAN, false, "GET", "open=1", NULL), 200);
	list = json_object_get(world->body, "codes");
	assert_int_equal(json_array_size(list), 1);
	one = json_object_get(json_array_get(list, 0), "window");
	assert_string_equal(json_string_value(json_object_get(one, "opened_by")), "anna");
	assert_string_equal(json_string_value(json_object_get(one, "name")), "Pump");
	assert_in_range(json_integer_value(json_object_get(one, "seconds_left")), 3500, 3600);
}

static void test_drop(void **state)
{
	struct world *world = *state;

	assert_int_equal(call_as(world, ROLE_ADMIN, true, "DELETE", "ep=urn%3Adev%2F1", NULL), 200);
	assert_int_equal(world->act.kind, ACT_CODE_DROP);
	assert_string_equal(world->act.ep, "urn:dev/1");
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
