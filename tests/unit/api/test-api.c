/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The API without a socket: who may call what, what an act is made of, what its outcome becomes,
 * and what the answers hold. The registry and the bookkeeping are the real ones; the acts are done
 * by a stand-in that keeps what it was asked.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "described.h"

#define NOW_USEC (UINT64_C(1000) * USEC_PER_SEC)

uint64_t __wrap_clock_boot_usec(void);
uint64_t __wrap_clock_boot_usec(void)
{
	return NOW_USEC;
}

struct world {
	struct api *api;
	struct registry *registry;
	struct recent *recent;
	struct owed *owed;
	struct alarms alarms;
	struct limits limits;
	struct window window;
	struct heard heard;
	struct config config;
	const struct config *present;
	struct api_facts facts;
	struct token_names names;
	struct label_book labels;
	struct device_cas cas;
	struct site_ca site_ca;
	struct metrics metrics;
	struct api_probe probe;
	struct api_interface interface;
	struct api_way way[2];
	struct api_test test;
	int test_result;
	unsigned tests;
	api_test_fn test_done;
	/* what the stand-in was asked, and how it answers */
	struct act act;
	unsigned acts, journals;
	bool later;
	struct act_outcome outcome;
	act_done_fn done;
	void *done_userdata;
	struct audit_query query;
	uint64_t next;
	int verify_result;
	int journal_result;
	/* the last answer */
	int status;
	json_t *body;
	unsigned answers;
};

static void on_act(void *userdata, const struct act *act, act_done_fn done, void *done_userdata)
{
	struct world *world = userdata;

	world->act = *act;
	world->acts++;
	world->done = done;
	world->done_userdata = done_userdata;
	if (!world->later)
		done(done_userdata, &world->outcome);
}

static void on_journal(
	void *userdata, const struct audit_query *query, api_journal_fn done, void *done_userdata)
{
	static const struct audit_row row = {.number = 7,
		.time = 1700000000123,
		.clock_synced = true,
		.who = "anna",
		.role = "admin",
		.via = "192.0.2.9",
		.action = "revoke",
		.object = "sensor-1",
		.result = "done"};
	struct world *world = userdata;

	world->journals++;
	world->query = *query;
	done(done_userdata, world->journal_result, &row, 1, world->next);
}

static void on_people(void *userdata,
	void (*each)(void *each_userdata, const struct person *person), void *each_userdata)
{
	static const struct person people[] = {
		{.name = "anna",
			.role = ROLE_ADMIN,
			.password = "$scrypt$SECRET-HASH",
			.created = 1700000000123},
		{.name = "ben", .role = ROLE_VIEWER},
	};

	for (size_t i = 0; i < ELEMENTS(people); i++)
		each(each_userdata, &people[i]);
}

/* test-tokens.c looks at these. */
static void on_put_tokens(void *userdata, const struct act *act, struct token_list *list,
	act_done_fn done, void *done_userdata)
{
	on_act(userdata, act, done, done_userdata);
}

static void on_put_codes(void *userdata, const struct act *act, struct label_list *list,
	act_done_fn done, void *done_userdata)
{
	on_act(userdata, act, done, done_userdata);
}

static void on_put_ca(void *userdata, const struct act *act, struct span pem, act_done_fn done,
	void *done_userdata)
{
	assert_true(span_equal(pem, SPAN_LITERAL("PEM")));
	on_act(userdata, act, done, done_userdata);
}

static void on_put_operator(void *userdata, const struct act *act, struct span token,
	act_done_fn done, void *done_userdata)
{
	assert_true(span_equal(token, SPAN_LITERAL("T")));
	on_act(userdata, act, done, done_userdata);
}

static void on_site_ca(void *userdata, const struct act *act, struct span identity,
	act_done_fn done, void *done_userdata)
{
	assert_true(span_equal(identity,
		act->kind == ACT_SITE_CA_IMPORT ? SPAN_LITERAL("PEM") : span_of(NULL, 0)));
	on_act(userdata, act, done, done_userdata);
}

static void on_put_parcel(void *userdata, const struct act *act, struct span parcel,
	act_done_fn done, void *done_userdata)
{
	assert_true(span_equal(parcel, SPAN_LITERAL("ABC")));
	on_act(userdata, act, done, done_userdata);
}

static void on_verify(void *userdata, api_verify_fn done, void *done_userdata)
{
	struct world *world = userdata;

	world->journals++;
	done(done_userdata, world->verify_result, world->verify_result < 0 ? "17" : "abcd");
}

static void on_letters(
	void *userdata, uint64_t before, unsigned max, letters_fn done, void *done_userdata)
{
	static const struct letter letters[] = {
		{.row = 9,
			.device_row = 1,
			.trust = TRUST_PSK,
			.time = 1700000000000,
			.clock_synced = true,
			.format = 110,
			.size = 71000,
			.buried = 1700000001000,
			.reason = "MQTT reason 0x95"},
		{.row = 3, .device_row = 77, .reason = "\x1bunreadable"},
	};
	struct world *world = userdata;

	world->journals++;
	world->query.before = before;
	world->query.max = max;
	done(done_userdata, world->journal_result, letters, 2, world->next);
}

static void on_gaps(void *userdata, api_gap_fn each, void *each_userdata)
{
	each(each_userdata, &(const struct api_gap){.device = "gone-1",
				    .first = 3,
				    .last = 9,
				    .count = 5,
				    .reason = "revoked"});
}

static void on_probe(void *userdata, struct api_probe *ret_probe)
{
	const struct world *world = userdata;

	*ret_probe = world->probe;
}

static void take_answer(void *userdata, int status, json_t *body)
{
	struct world *world = userdata;

	json_decref(world->body);
	world->status = status;
	world->body = json_incref(body);
	world->answers++;
}

static const struct api_caller nobody = {.role = ROLE_NONE, .via = "192.0.2.1"};
static const struct api_caller viewer = {.role = ROLE_VIEWER, .name = "vera", .via = "192.0.2.2"};
static const struct api_caller technician = {
	.role = ROLE_TECHNICIAN, .name = "theo", .via = "192.0.2.3", .fresh_password = true};
static const struct api_caller admin = {
	.role = ROLE_ADMIN, .name = "anna", .via = "192.0.2.4", .fresh_password = true};
static const struct api_caller local = {.role = ROLE_ADMIN,
	.local_root = true,
	.fresh_password = true,
	.name = "uid 0",
	.via = "control socket"};

/* Calls and demands exactly one answer (none when the stand-in answers later). */
static int call(struct world *world, const struct api_caller *caller, const char *method,
	const char *path, const char *query, const char *body)
{
	unsigned before = world->answers;
	json_t *json = body ? json_loads(body, JSON_DECODE_ANY, NULL) : NULL;
	const struct api_request request = {
		.method = method, .path = path, .query = query, .caller = caller, .body = json};

	api_call(world->api, &request, take_answer, world);
	json_decref(json);
	assert_int_equal(world->answers, before + !world->later);
	if (!world->later)
		described_check(method, path, world->status, world->body);
	return world->status;
}

static const char *text_at(struct world *world, const char *key)
{
	return json_string_value(json_object_get(world->body, key));
}

static struct device *add_device(
	struct world *world, const char *id, enum admission_state admission)
{
	struct device_record *record = calloc(1, sizeof(*record));
	struct device *device = NULL;

	assert_non_null(record);
	snprintf(record->id, sizeof(record->id), "%s", id);
	snprintf(record->ep, sizeof(record->ep), "ep-%s", id);
	strcpy(record->platform, "local");
	record->address.port = 5683;
	strcpy(record->address.interface, "lo");
	record->poll_format = -1;
	record->life.admission = admission;
	assert_int_equal(registry_add(world->registry, record, &device), 0);
	return device;
}

static void on_interfaces(void *userdata, api_interface_fn each, void *each_userdata)
{
	each(each_userdata, &((struct world *)userdata)->interface);
}

static void on_ways(void *userdata, api_way_fn each, void *each_userdata)
{
	struct world *world = userdata;

	for (size_t i = 0; i < ELEMENTS(world->way); i++)
		if (world->way[i].platform)
			each(each_userdata, &world->way[i]);
}

static void on_test(void *userdata, api_test_fn done, void *done_userdata)
{
	struct world *world = userdata;

	world->tests++;
	if (world->later) {
		world->test_done = done;
		world->done_userdata = done_userdata;
	} else {
		done(done_userdata, world->test_result, &world->test);
	}
}

static const struct api_test *on_tested(void *userdata)
{
	return &((struct world *)userdata)->test;
}

static int setup(void **state)
{
	static const struct api_ops ops = {
		.act = on_act,
		.journal = on_journal,
		.people = on_people,
		.put_tokens = on_put_tokens,
		.put_codes = on_put_codes,
		.put_ca = on_put_ca,
		.put_operator_token = on_put_operator,
		.site_ca = on_site_ca,
		.put_parcel = on_put_parcel,
		.verify = on_verify,
		.gaps = on_gaps,
		.letters = on_letters,
		.probe = on_probe,
		.interfaces = on_interfaces,
		.ways = on_ways,
		.test = on_test,
		.tested = on_tested,
	};
	const struct owed_limits limits = {
		.outbox_bytes = 1000000, .window_readings = 100, .in_flight = 10};
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	world->outcome.person.role = ROLE_VIEWER;
	config_init(&world->config);
	strcpy(world->config.id, "plant-7");
	world->present = &world->config;
	limits_init(&world->limits);
	assert_int_equal(recent_new(&world->limits, &world->recent), 0);
	assert_int_equal(registry_new(&world->registry), 0);
	assert_int_equal(owed_new(&limits, 1, 1, &world->owed), 0);
	const struct api_view view = {
		.registry = world->registry,
		.recent = world->recent,
		.owed = world->owed,
		.alarms = &world->alarms,
		.limits = &world->limits,
		.window = &world->window,
		.heard = &world->heard,
		.config = &world->present,
		.facts = &world->facts,
		.tokens = &world->names,
		.labels = &world->labels,
		.cas = &world->cas,
		.site_ca = &world->site_ca,
		.metrics = &world->metrics,
	};
	assert_int_equal(api_new(&view, &ops, world, &world->api), 0);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	assert_null(api_free(world->api));
	registry_free(world->registry);
	recent_free(world->recent);
	owed_free(world->owed);
	json_decref(world->body);
	free(world);
	return 0;
}

/* ---- who may ---- */

static void fill_pattern(const char *pattern, char *ret_path, size_t capacity)
{
	const char *open = strchr(pattern, '{');

	if (open)
		snprintf(ret_path, capacity, "%.*ss-1%s", (int)(open - pattern), pattern,
			strchr(open, '}') + 1);
	else
		snprintf(ret_path, capacity, "%s", pattern);
}

/* What an import needs at least; the other routes do without a body. */
static const char *least_body(const struct api_route *route)
{
	if (!strcmp(route->path, "/api/v1/import"))
		return "{\"parcel\":\"QUJD\"}";
	if (!strcmp(route->path, "/api/v1/site-ca/proof"))
		return "{\"code\":\"x\"}";
	if (strcmp(route->method, "PUT") != 0)
		return NULL;
	if (!strcmp(route->path, "/api/v1/tokens"))
		return "{\"tokens\":[]}";
	if (!strcmp(route->path, "/api/v1/operator-token"))
		return "{\"token\":\"T\"}";
	if (!strcmp(route->path, "/api/v1/device-cas"))
		return "{\"certificate\":\"PEM\",\"admit\":\"auto\"}";
	if (!strcmp(route->path, "/api/v1/site-ca"))
		return "{\"identity\":\"PEM\"}";
	return !strcmp(route->path, "/api/v1/codes") ? "{\"codes\":[]}" : NULL;
}

/* Every route by every role: default deny, and no act by anybody below the route's role. */
static void test_roles(void **state)
{
	static const struct api_caller *const callers[] = {
		&nobody, &viewer, &technician, &admin, &local};
	struct world *world = *state;
	const struct api_route *route;
	char path[128];
	size_t count = 0;

	add_device(world, "s-1", ADMISSION_PENDING);
	for (; (route = api_route_at(count)); count++) {
		fill_pattern(route->path, path, sizeof(path));
		assert_true(strlen(route->text) > 3);
		for (size_t i = 0; i < ELEMENTS(callers); i++) {
			bool allowed = route->local_root ? callers[i]->local_root
							 : callers[i]->role >= route->role;
			unsigned asked = world->acts + world->journals;
			int status = call(
				world, callers[i], route->method, path, NULL, least_body(route));

			if (allowed && route->fresh_password && !callers[i]->fresh_password)
				assert_int_equal(status, 401);
			else if (allowed)
				assert_int_equal(status, 200);
			else
				assert_int_equal(status, callers[i]->role == ROLE_NONE ? 401 : 403);
			if (status != 200) {
				assert_int_equal(world->acts + world->journals, asked);
				assert_non_null(text_at(world, "error"));
				assert_non_null(text_at(world, "text"));
			}
		}
	}
	assert_true(count >= 30);
}

/* What changes something or shows secrets is never open to viewers or to nobody. */
static void test_least_roles(void **state)
{
	const struct api_route *route;

	for (size_t i = 0; (route = api_route_at(i)); i++) {
		bool entry = strstr(route->path, "/login") || !strcmp(route->path, "/api/v1/setup");

		if (entry)
			continue;
		assert_true(route->role >= ROLE_VIEWER);
		if (strcmp(route->method, "GET") && !strstr(route->path, "/password"))
			assert_true(route->role >= ROLE_TECHNICIAN);
		if ((strstr(route->path, "/people") && strcmp(route->method, "GET")) ||
			strstr(route->path, "/revoke") || strstr(route->path, "/forget"))
			assert_true(route->role == ROLE_ADMIN && route->fresh_password);
		if (strstr(route->path, "/approve") || strstr(route->path, "/admit"))
			assert_true(route->fresh_password);
	}
}

static void test_fresh_password(void **state)
{
	struct world *world = *state;
	struct api_caller stale = technician;

	stale.fresh_password = false;
	add_device(world, "s-1", ADMISSION_PENDING);
	assert_int_equal(
		call(world, &stale, "POST", "/api/v1/devices/s-1/approve", NULL, NULL), 401);
	assert_string_equal(text_at(world, "error"), "password");
	assert_int_equal(
		call(world, &stale, "POST", "/api/v1/devices/s-1/reject", NULL, NULL), 200);
}

static void test_no_such_route(void **state)
{
	static const struct {
		const char *method, *path;
		int status;
	} rows[] = {
		{"GET", "/", 404},
		{"GET", "/api/v1/", 404},
		{"GET", "/api/v1/statu", 404},
		{"GET", "/api/v1/status/", 404},
		{"GET", "/api/v2/status", 404},
		{"GET", "/api/v1/devices/", 404},
		{"GET", "/api/v1/devices//approve", 404},
		{"POST", "/api/v1/devices/s-1/explode", 404},
		{"POST", "/api/v1/devices/s-1/approve/x", 404},
		{"GET",
			"/api/v1/devices/"
			"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
			404},
		{"POST", "/api/v1/status", 405},
		{"GET", "/api/v1/devices/s-1/approve", 405},
		{"PATCH", "/api/v1/devices/s-1", 405},
		{"get", "/api/v1/status", 405},
	};
	struct world *world = *state;

	for (size_t i = 0; i < ELEMENTS(rows); i++)
		assert_int_equal(call(world, &local, rows[i].method, rows[i].path, NULL, NULL),
			rows[i].status);
	assert_int_equal(world->acts, 0);
}

/* ---- acts ---- */

static void test_act_is_filled(void **state)
{
	struct world *world = *state;

	add_device(world, "s-1", ADMISSION_PENDING);
	assert_int_equal(call(world, &technician, "POST", "/api/v1/devices/s-1/approve", NULL,
				 "{\"code\":\"BCDF-GHJK\",\"name\":\"Boiler\",\"place\":\"\"}"),
		200);
	assert_int_equal(world->act.kind, ACT_APPROVE);
	assert_int_equal(world->act.role, ROLE_TECHNICIAN);
	assert_string_equal(world->act.who, "theo");
	assert_string_equal(world->act.via, "192.0.2.3");
	assert_false(world->act.local_root);
	assert_string_equal(world->act.device, "s-1");
	assert_string_equal(world->act.code, "BCDF-GHJK");
	assert_string_equal(world->act.name, "Boiler");
	assert_true(world->act.has_name && world->act.has_place);
	assert_false(world->act.has_owner);
	assert_string_equal(text_at(world, "result"), "done");
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(world->body, "device"), "id")),
		"s-1");

	assert_int_equal(
		call(world, &technician, "POST", "/api/v1/window", NULL, "{\"seconds\":300}"), 200);
	assert_int_equal(world->act.kind, ACT_WINDOW_OPEN);
	assert_int_equal(world->act.number, 300);
	assert_int_equal(call(world, &technician, "DELETE", "/api/v1/window", NULL, NULL), 200);
	assert_int_equal(world->act.kind, ACT_WINDOW_CLOSE);

	assert_int_equal(call(world, &technician, "POST", "/api/v1/alarms/clear", NULL,
				 "{\"id\":\"leak\",\"subject\":\"s-1\"}"),
		200);
	assert_int_equal(world->act.kind, ACT_CLEAR_ALARM);
	assert_string_equal(world->act.name, "leak");
	assert_string_equal(world->act.place, "s-1");

	assert_int_equal(call(world, &admin, "PUT", "/api/v1/people/ben", NULL,
				 "{\"role\":\"viewer\",\"password\":\"vogel lampe rinde\"}"),
		200);
	assert_int_equal(world->act.kind, ACT_PERSON_PUT);
	assert_string_equal(world->act.name, "ben");
	assert_int_equal(world->act.new_role, ROLE_VIEWER);
	assert_string_equal(world->act.secret, "vogel lampe rinde");
	assert_int_equal(call(world, &admin, "DELETE", "/api/v1/people/ben", NULL, NULL), 200);
	assert_int_equal(world->act.kind, ACT_PERSON_DROP);

	/* The fresh password is always one's own. */
	assert_int_equal(call(world, &viewer, "POST", "/api/v1/password", NULL,
				 "{\"name\":\"anna\",\"password\":\"x\"}"),
		400);
	assert_int_equal(
		call(world, &viewer, "POST", "/api/v1/password", NULL, "{\"password\":\"x\"}"),
		200);
	assert_int_equal(world->act.kind, ACT_PASSWORD_FRESH);
	assert_string_equal(world->act.name, "vera");
	assert_int_equal(
		call(world, &admin, "POST", "/api/v1/password/new", NULL, "{\"password\":\"y\"}"),
		200);
	assert_int_equal(world->act.kind, ACT_PASSWORD_NEW);
	assert_string_equal(world->act.name, "anna");
	assert_string_equal(world->act.secret, "y");
}

static void test_bad_bodies(void **state)
{
	static const char approve[] = "/api/v1/devices/s-1/approve",
			  identify[] = "/api/v1/devices/s-1/identify",
			  person[] = "/api/v1/people/ben";
	static const struct {
		const char *path, *body, *text;
	} rows[] = {
		{approve, "[]", "must be a JSON object"},
		{approve, "7", "must be a JSON object"},
		{approve, "{\"cod\":\"X\"}", "\"cod\" is not known here"},
		{approve, "{\"a\\u001bb\":1}", "\"a\\x1bb\" is not known here"},
		{approve, "{\"role\":\"admin\"}", "allowed as key: code platform name place owner"},
		{"/api/v1/devices/s-1/reject", "{\"code\":\"\"}", "there is no key"},
		{approve, "{\"code\":7}", "\"code\" must be text"},
		{approve, "{\"name\":null}", "\"name\" must be text"},
		{approve, "{\"place\":{}}", "\"place\" must be text"},
		{approve, "{\"owner\":[]}", "\"owner\" must be text"},
		{identify, "{\"seconds\":\"7\"}", "\"seconds\" must be a whole number"},
		{identify, "{\"seconds\":-1}", "\"seconds\" must be a whole number"},
		{identify, "{\"seconds\":4294967296}", "\"seconds\" must be a whole number"},
		{identify, "{\"seconds\":1.5}", "\"seconds\" must be a whole number"},
		{person, "{\"role\":\"boss\"}", "\"role\" must be viewer, technician or admin"},
		{person, "{\"role\":1}", "\"role\" must be viewer"},
		{approve,
			"{\"name\":"
			"\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}",
			"\"name\" is longer than 64 bytes"},
	};
	struct world *world = *state;

	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		assert_int_equal(call(world, &admin, rows[i].path == person ? "PUT" : "POST",
					 rows[i].path, NULL, rows[i].body),
			400);
		if (!strstr(text_at(world, "text"), rows[i].text))
			fail_msg("%s: %s", rows[i].body, text_at(world, "text"));
	}
	assert_int_equal(world->acts, 0);
}

/* What a route does not take is not passed over. */
static void test_unknown_parameters(void **state)
{
	static const struct {
		const char *path, *query, *text;
	} rows[] = {
		{"/api/v1/status", "x=1", "\"x\" is not known here; there is no parameter."},
		{"/api/v1/devices", "stages=active", "\"stages\" is not known here; allowed as "},
		{"/api/v1/devices", "q=a&limt=3", "\"limt\" is not known here"},
		{"/api/v1/devices", "q=a&&offset", NULL},
		{"/api/v1/devices", "q=limt%3D&stage=&offset=0&limit=1", NULL},
		{"/api/v1/devices", "", NULL},
		{"/api/v1/devices", "=1", "\"\" is not known here"},
		{"/api/v1/devices", "%71=1", "\"%71\" is not known here"},
		{"/api/v1/journal", "before=1&limit=2", NULL},
	};
	struct world *world = *state;

	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		int status = call(world, &admin, "GET", rows[i].path, rows[i].query, NULL);

		assert_int_equal(status, rows[i].text ? 400 : 200);
		if (rows[i].text && !strstr(text_at(world, "text"), rows[i].text))
			fail_msg("%s: %s", rows[i].query, text_at(world, "text"));
	}
}

static void test_outcomes(void **state)
{
	static const int statuses[ACT_RESULTS] = {
		[ACT_DONE] = 200,
		[ACT_BAD_INPUT] = 400,
		[ACT_NOT_ALLOWED] = 403,
		[ACT_UNKNOWN] = 404,
		[ACT_IMPOSSIBLE] = 409,
		[ACT_WRONG_CODE] = 422,
		[ACT_LOCKED] = 423,
		[ACT_TOO_MANY] = 429,
		[ACT_NOT_STORED] = 507,
		[ACT_UNREACHABLE] = 502,
	};
	struct world *world = *state;

	for (unsigned i = 0; i < ACT_RESULTS; i++) {
		uint64_t revision = api_revision(world->api);

		world->outcome.result = (enum act_result)i;
		world->outcome.number = 3;
		strcpy(world->outcome.text, "A sentence.");
		assert_int_equal(
			call(world, &technician, "POST", "/api/v1/devices/s-1/reject", NULL, NULL),
			statuses[i]);
		assert_string_equal(text_at(world, "text"),
			i == ACT_TOO_MANY ? "A sentence. Try again in 3 s." : "A sentence.");
		assert_int_equal(json_object_get(world->body, "error") != NULL, i != ACT_DONE);
		assert_int_equal(json_integer_value(json_object_get(world->body, "tries_left")),
			i == ACT_WRONG_CODE ? 3 : 0);
		assert_int_equal(json_integer_value(json_object_get(world->body, "wait")),
			i == ACT_TOO_MANY ? 3 : 0);
		assert_true(api_revision(world->api) > revision);
	}
	world->outcome.result = ACT_TOO_MANY;
	world->outcome.number = 841;
	call(world, &technician, "POST", "/api/v1/devices/s-1/reject", NULL, NULL);
	assert_string_equal(text_at(world, "text"), "A sentence. Try again in 15 min.");
}

static void test_logins(void **state)
{
	struct world *world = *state;

	strcpy(world->outcome.person.name, "anna");
	strcpy(world->outcome.person.password, "SECRET-HASH");
	world->outcome.person.role = ROLE_ADMIN;
	assert_int_equal(call(world, &nobody, "POST", "/api/v1/login", NULL,
				 "{\"name\":\"anna\",\"password\":\"vogel\"}"),
		200);
	assert_int_equal(world->act.kind, ACT_LOGIN);
	assert_string_equal(world->act.name, "anna");
	assert_string_equal(world->act.secret, "vogel");
	assert_string_equal(text_at(world, "name"), "anna");
	assert_string_equal(text_at(world, "role"), "admin");
	assert_null(json_object_get(world->body, "password"));
	assert_int_equal(call(world, &nobody, "POST", "/api/v1/setup", NULL,
				 "{\"code\":\"C\",\"name\":\"anna\",\"password\":\"vogel\"}"),
		200);
	assert_int_equal(world->act.kind, ACT_SETUP);
	assert_string_equal(text_at(world, "role"), "admin");

	strcpy(world->outcome.text, "BCDF-GHJK");
	world->outcome.number = 86400;
	assert_int_equal(call(world, &local, "POST", "/api/v1/setup-code", NULL, NULL), 200);
	assert_true(world->act.local_root);
	assert_string_equal(text_at(world, "code"), "BCDF-GHJK");
	assert_int_equal(json_integer_value(json_object_get(world->body, "seconds")), 86400);
}

static void test_later_answers(void **state)
{
	struct world *world = *state;
	act_done_fn done[3];
	void *userdata[3];

	world->later = true;
	for (unsigned i = 0; i < 3; i++) {
		call(world, &technician, "POST", "/api/v1/devices/s-1/reject", NULL, "{}");
		done[i] = world->done;
		userdata[i] = world->done_userdata;
	}
	done[1](userdata[1], &world->outcome);
	assert_int_equal(world->answers, 1);
	done[2](userdata[2], &world->outcome);
	assert_int_equal(world->answers, 2);
	assert_int_equal(world->status, 200);
	call(world, &technician, "POST", "/api/v1/devices/s-1/reject", NULL, "{}");

	/* The api goes: whoever waits is answered now, and the late outcomes say nothing more. */
	world->api = api_free(world->api);
	assert_int_equal(world->answers, 4);
	assert_int_equal(world->status, 503);
	done[0](userdata[0], &world->outcome);
	world->done(world->done_userdata, &world->outcome);
	assert_int_equal(world->answers, 4);
}

/* ---- what is read ---- */

static void test_status(void **state)
{
	static const char *const keys[] = {"gateway", "clock", "uplink", "queue", "window",
		"devices", "discovery", "key", "audit", "alarms", "set_up"};
	struct world *world = *state;

	add_device(world, "s-1", ADMISSION_PENDING);
	add_device(world, "s-2", ADMISSION_BLOCKED);
	world->facts.started = 1700000000123;
	world->facts.uplink = LINK_UP;
	assert_int_equal(window_open(&world->window, 60, 900, "anna", NOW_USEC - USEC_PER_SEC), 0);
	assert_int_equal(call(world, &viewer, "GET", "/api/v1/status", NULL, NULL), 200);
	for (size_t i = 0; i < ELEMENTS(keys); i++)
		assert_non_null(json_object_get(world->body, keys[i]));
	json_t *window = json_object_get(world->body, "window");
	json_t *devices = json_object_get(world->body, "devices");

	assert_true(json_is_true(json_object_get(window, "open")));
	assert_int_equal(json_integer_value(json_object_get(window, "seconds_left")), 59);
	assert_string_equal(json_string_value(json_object_get(window, "opened_by")), "anna");
	assert_int_equal(json_integer_value(json_object_get(devices, "total")), 2);
	assert_int_equal(json_integer_value(json_object_get(devices, "waiting-person")), 1);
	assert_int_equal(json_integer_value(json_object_get(devices, "blocked")), 1);
	assert_string_equal(json_string_value(json_object_get(
				    json_object_get(world->body, "gateway"), "since")),
		"2023-11-14T22:13:20Z");
	assert_true(json_is_null(json_object_get(json_object_get(world->body, "uplink"), "since")));
}

static void test_limits_heard_alarms(void **state)
{
	struct world *world = *state;
	struct alarm alarm;
	json_t *list, *item;

	for (unsigned i = 0; i < LIMITS; i++)
		world->limits.reached[i] = i + 5 - LIMIT_PENDING;
	assert_int_equal(call(world, &viewer, "GET", "/api/v1/status/limits", NULL, NULL), 200);
	list = json_object_get(world->body, "limits");
	assert_int_equal(json_array_size(list), LIMITS);
	item = json_array_get(list, LIMIT_PENDING);
	assert_string_equal(json_string_value(json_object_get(item, "name")), "pending");
	assert_int_equal(json_integer_value(json_object_get(item, "reached")), 5);
	for (unsigned i = 0; i < LIMITS; i++) {
		item = json_array_get(list, i);
		assert_string_equal(json_string_value(json_object_get(item, "name")),
			limit_row((enum limit)i)->name);
		assert_true(json_integer_value(json_object_get(item, "reached")) ==
			    (json_int_t)(uint64_t)(i + 5 - LIMIT_PENDING));
	}

	heard_add(&world->heard, AWAY_NO_ECHO, NOW_USEC);
	assert_int_equal(call(world, &viewer, "GET", "/api/v1/heard", NULL, NULL), 200);
	list = json_object_get(world->body, "heard");
	assert_int_equal(json_array_size(list), 1);
	assert_string_equal(
		json_string_value(json_object_get(json_array_get(list, 0), "reason")), "no-echo");

	assert_true(alarms_raise(&world->alarms, ALARM_LEAK, "s-1", 1700000000123, &alarm));
	assert_int_equal(call(world, &viewer, "GET", "/api/v1/alarms", NULL, NULL), 200);
	item = json_array_get(json_object_get(world->body, "alarms"), 0);
	assert_string_equal(json_string_value(json_object_get(item, "id")), "leak");
	assert_string_equal(json_string_value(json_object_get(item, "sentence")),
		"The identity of s-1 may be in other hands: its token was refused before its end, "
		"its session was taken over, or somebody else closed its operation.");
	assert_true(json_is_null(json_object_get(item, "device")));

	/* A device that is known is called as people call it. */
	strcpy(add_device(world, "s-2", ADMISSION_ADMITTED)->record->name, "Boiler room");
	assert_true(alarms_raise(&world->alarms, ALARM_CODE_LOCKED, "s-2", 1, &alarm));
	assert_int_equal(call(world, &viewer, "GET", "/api/v1/alarms", NULL, NULL), 200);
	item = json_array_get(json_object_get(world->body, "alarms"), 1);
	assert_string_equal(json_string_value(json_object_get(item, "subject")), "s-2");
	assert_string_equal(json_string_value(json_object_get(item, "sentence")),
		"Too many wrong codes for Boiler room; its code is void.");
	item = json_object_get(item, "device");
	assert_string_equal(json_string_value(json_object_get(item, "id")), "s-2");
	assert_string_equal(json_string_value(json_object_get(item, "title")), "Boiler room");
}

/* The standing warning says how many devices it would take down: those that are let in and have no
 * token of their own. */
static void test_shared_token(void **state)
{
	static const char *const eps[] = {"own", "shared-1", "shared-2", "waits", "elsewhere"};
	struct world *world = *state;
	struct alarm alarm;
	json_t *item;

	for (size_t i = 0; i < ELEMENTS(eps); i++) {
		struct device *device =
			add_device(world, eps[i], i == 3 ? ADMISSION_PENDING : ADMISSION_ADMITTED);

		strcpy(((struct device_record *)(uintptr_t)device->record)->platform,
			i == 4 ? "local" : "spotflow");
	}
	assert_int_equal(token_names_reserve(&world->names, 1), 0);
	token_names_put(
		&world->names, "spotflow", registry_by_id(world->registry, "own")->record->ep, 1);
	assert_true(alarms_raise(&world->alarms, ALARM_SHARED_TOKEN, "spotflow", 1, &alarm));
	assert_int_equal(call(world, &viewer, "GET", "/api/v1/alarms", NULL, NULL), 200);
	item = json_array_get(json_object_get(world->body, "alarms"), 0);
	assert_non_null(strstr(json_string_value(json_object_get(item, "sentence")),
		"stops all of them. At present it would stop 2."));
	token_names_clear(&world->names);
}

static size_t list_devices(struct world *world, const char *query, json_int_t total)
{
	assert_int_equal(call(world, &viewer, "GET", "/api/v1/devices", query, NULL), 200);
	assert_int_equal(json_integer_value(json_object_get(world->body, "total")), total);
	return json_array_size(json_object_get(world->body, "devices"));
}

static void test_devices(void **state)
{
	struct world *world = *state;
	char id[16];

	for (unsigned i = 0; i < 250; i++) {
		snprintf(id, sizeof(id), "s-%03u", i);
		add_device(world, id, i % 10 ? ADMISSION_PENDING : ADMISSION_REVOKED);
	}
	assert_int_equal(list_devices(world, NULL, 250), 50);
	assert_int_equal(list_devices(world, "limit=1000", 250), 200);
	assert_int_equal(list_devices(world, "limit=1000&offset=240", 250), 10);
	assert_int_equal(list_devices(world, "offset=1000", 250), 0);
	assert_int_equal(list_devices(world, "offset=x&limit=", 250), 50);
	assert_int_equal(list_devices(world, "limit=7x", 250), 50);
	assert_int_equal(list_devices(world, "stage=revoked", 25), 25);
	assert_int_equal(list_devices(world, "stage=revoked%2Cwaiting-person&limit=200", 250), 200);
	assert_int_equal(list_devices(world, "stage=person", 0), 0);
	assert_int_equal(list_devices(world, "stage=waiting", 0), 0);
	assert_int_equal(list_devices(world, "q=S-24", 10), 10);
	assert_int_equal(list_devices(world, "q=no+such", 0), 0);
	assert_int_equal(list_devices(world, "q=%2", 250), 50);
	assert_int_equal(list_devices(world, "q=%zz", 250), 50);
	assert_int_equal(list_devices(world, "q=%00", 250), 50);
}

static struct device *device_with_secrets(struct world *world)
{
	struct device *device = add_device(world, "s-1", ADMISSION_ADMITTED);
	struct lifecycle *life = &device->record->life;

	assert_int_equal(secret_set(&life->credential_current, SPAN_LITERAL("CANARY-RT")), 0);
	assert_int_equal(secret_set(&life->credential_old, SPAN_LITERAL("CANARY-OLD")), 0);
	assert_int_equal(secret_set(&life->operation_blob, SPAN_LITERAL("CANARY-BLOB")), 0);
	assert_int_equal(secret_set(&life->operation_code, SPAN_LITERAL("CANARY-CODE")), 0);
	life->operation = OPERATION_AWAITING;
	life->operation_number = 12;
	strcpy(device->record->info.code, "BCDFGHJK");
	strcpy(device->record->info.model, "T1");
	device->record->info.attributes = strdup("{\"floor\":\"2\"}");
	device->last_heard_usec = NOW_USEC - 5 * USEC_PER_SEC;
	return device;
}

static bool holds(struct world *world, const char *text)
{
	char *dump = json_dumps(world->body, JSON_REAL_PRECISION(9));
	bool found = strstr(dump, text) != NULL;

	free(dump);
	return found;
}

static void test_device(void **state)
{
	struct world *world = *state;

	device_with_secrets(world);
	assert_int_equal(call(world, &admin, "GET", "/api/v1/devices/none", NULL, NULL), 404);
	assert_int_equal(call(world, &viewer, "GET", "/api/v1/devices/s-1", NULL, NULL), 200);
	assert_string_equal(text_at(world, "ep"), "ep-s-1");
	assert_string_equal(text_at(world, "model"), "T1");
	assert_string_equal(text_at(world, "stage"), "waiting-code");
	assert_int_equal(json_integer_value(json_object_get(world->body, "last_heard")), 5);
	assert_true(json_is_true(json_object_get(world->body, "has_code")));
	assert_true(json_is_null(json_object_get(world->body, "last_reading")));
	assert_int_equal(json_array_size(json_object_get(world->body, "commands")), 0);
	assert_string_equal(json_string_value(json_object_get(
				    json_object_get(world->body, "attributes"), "floor")),
		"2");
	assert_int_equal(json_array_size(json_object_get(world->body, "actions")), 0);
}

/* A command is seen when it is on disk, which is when its device may be given it. */
static void test_commands_on_disk(void **state)
{
	struct world *world = *state;
	struct device *device = add_device(world, "s-1", ADMISSION_ADMITTED);
	struct command *command = calloc(1, sizeof(*command));

	assert_non_null(command);
	command->row = 1;
	strcpy(command->name, "blink");
	strcpy(command->args, "{}");
	command->saving = command->unsaved = true;
	command_box_put(&device->commands, command);
	assert_int_equal(call(world, &viewer, "GET", "/api/v1/devices/s-1", NULL, NULL), 200);
	assert_false(holds(world, "blink"));
	command->saving = command->unsaved = false;
	assert_int_equal(call(world, &viewer, "GET", "/api/v1/devices/s-1", NULL, NULL), 200);
	assert_true(holds(world, "blink"));
	/* Its end is on its way to disk. */
	command->saving = true;
	assert_int_equal(call(world, &viewer, "GET", "/api/v1/devices/s-1", NULL, NULL), 200);
	assert_true(holds(world, "blink"));
}

/* What was only announced cannot be let in yet, and what was let in is revoked, not blocked. */
static void test_actions(void **state)
{
	struct world *world = *state;
	struct device *hall = add_device(world, "hall", ADMISSION_PENDING);
	struct device *active = add_device(world, "active", ADMISSION_ADMITTED);

	hall->record->is_server = true;
	active->record->life.operation = OPERATION_BOUND;
	active->record->life.credential = CREDENTIAL_HELD;
	assert_int_equal(call(world, &technician, "GET", "/api/v1/devices/hall", NULL, NULL), 200);
	assert_false(holds(world, "\"approve\""));
	assert_true(holds(world, "\"block\""));
	hall->record->address_bound = true;
	assert_int_equal(call(world, &technician, "GET", "/api/v1/devices/hall", NULL, NULL), 200);
	assert_true(holds(world, "\"approve\""));
	assert_int_equal(
		call(world, &technician, "GET", "/api/v1/devices/active", NULL, NULL), 200);
	assert_true(holds(world, "\"revoke\""));
	assert_false(holds(world, "\"block\""));
}

/* No credential in any answer; a code only where the gateway must show it, to who may see it. */
static void test_secrets_stay(void **state)
{
	struct world *world = *state;
	struct device *device = device_with_secrets(world);
	struct api_caller stale = technician;

	stale.fresh_password = false;
	assert_int_equal(call(world, &viewer, "GET", "/api/v1/devices/s-1", NULL, NULL), 200);
	assert_false(holds(world, "CANARY"));
	assert_false(holds(world, "BCDF"));
	assert_int_equal(call(world, &stale, "GET", "/api/v1/devices/s-1", NULL, NULL), 200);
	assert_false(holds(world, "CANARY"));
	assert_int_equal(call(world, &technician, "GET", "/api/v1/devices/s-1", NULL, NULL), 200);
	assert_string_equal(text_at(world, "code"), "CANARY-CODE");
	assert_false(holds(world, "CANARY-RT") || holds(world, "CANARY-OLD") ||
		     holds(world, "CANARY-BLOB") || holds(world, "BCDF"));
	assert_true(json_array_size(json_object_get(world->body, "actions")) > 0);
	device->record->info.display = true;
	assert_int_equal(call(world, &technician, "GET", "/api/v1/devices/s-1", NULL, NULL), 200);
	assert_false(holds(world, "CANARY"));
	assert_int_equal(call(world, &viewer, "GET", "/api/v1/devices", NULL, NULL), 200);
	assert_false(holds(world, "CANARY"));
}

/* An id that is too long is not cut to that of another device. */
static void test_long_id(void **state)
{
	struct world *world = *state;

	add_device(world, "abcdefghijklmnopqrstuvwxyz012345", ADMISSION_PENDING);
	assert_int_equal(
		call(world, &admin, "POST",
			"/api/v1/devices/abcdefghijklmnopqrstuvwxyz012345/forget", NULL, NULL),
		200);
	assert_string_equal(world->act.device, "abcdefghijklmnopqrstuvwxyz012345");
	assert_int_equal(
		call(world, &admin, "POST",
			"/api/v1/devices/abcdefghijklmnopqrstuvwxyz0123456/forget", NULL, NULL),
		404);
	assert_int_equal(world->acts, 1);
	assert_int_equal(call(world, &admin, "GET",
				 "/api/v1/devices/abcdefghijklmnopqrstuvwxyz0123456", NULL, NULL),
		404);
}

/* What a broker says may be no UTF-8: it is shown, and the rest of the answer stays. */
static void test_foreign_text(void **state)
{
	struct world *world = *state;
	struct alarm alarm;

	strcpy(world->facts.uplink_detail, "bad \xff text");
	assert_int_equal(call(world, &viewer, "GET", "/api/v1/status", NULL, NULL), 200);
	assert_string_equal(json_string_value(json_object_get(
				    json_object_get(world->body, "uplink"), "detail")),
		"bad \\xff text");
	assert_true(alarms_raise(&world->alarms, ALARM_LEAK, "x\xff", 1, &alarm));
	assert_int_equal(call(world, &viewer, "GET", "/api/v1/alarms", NULL, NULL), 200);
	assert_int_equal(json_array_size(json_object_get(world->body, "alarms")), 1);
}

static void test_journal(void **state)
{
	struct world *world = *state;
	json_t *row;

	assert_int_equal(
		call(world, &admin, "GET", "/api/v1/journal", "before=99&limit=7", NULL), 200);
	assert_int_equal(world->query.before, 99);
	assert_int_equal(world->query.max, 7);
	row = json_array_get(json_object_get(world->body, "rows"), 0);
	assert_int_equal(json_integer_value(json_object_get(row, "number")), 7);
	assert_string_equal(json_string_value(json_object_get(row, "action")), "revoke");
	assert_int_equal(json_object_size(json_object_get(world->body, "devices")), 0);
	/* Whom a row is about, by name, beside the rows. */
	add_device(world, "sensor-1", ADMISSION_ADMITTED);
	assert_int_equal(call(world, &admin, "GET", "/api/v1/journal", NULL, NULL), 200);
	assert_string_equal(json_string_value(json_object_get(
				    json_object_get(world->body, "devices"), "sensor-1")),
		"ep-sensor-1");
	assert_int_equal(call(world, &admin, "GET", "/api/v1/journal", "limit=0", NULL), 200);
	assert_int_equal(world->query.max, 1);
	assert_int_equal(call(world, &admin, "GET", "/api/v1/journal", NULL, NULL), 200);
	assert_int_equal(world->query.max, 50);
	assert_true(json_is_null(json_object_get(world->body, "next")));
	world->next = 41;
	assert_int_equal(call(world, &admin, "GET", "/api/v1/journal",
				 "after=7&who=uid%200&action=revoke&object=s-1", NULL),
		200);
	assert_int_equal(json_integer_value(json_object_get(world->body, "next")), 41);
	assert_int_equal(world->query.after, 7);
	assert_string_equal(world->query.who, "uid 0");
	assert_string_equal(world->query.action, "revoke");
	assert_string_equal(world->query.object, "s-1");
	world->journal_result = -EIO;
	assert_int_equal(call(world, &admin, "GET", "/api/v1/journal", NULL, NULL), 507);
}

static void test_dead_letters(void **state)
{
	struct world *world = *state;
	const json_t *first, *second;

	add_device(world, "vent", ADMISSION_ADMITTED);
	assert_int_equal(call(world, &viewer, "GET", "/api/v1/dead", NULL, NULL), 200);
	assert_int_equal(world->query.max, 50);
	assert_true(json_is_null(json_object_get(world->body, "next")));
	first = json_array_get(json_object_get(world->body, "letters"), 0);
	second = json_array_get(json_object_get(world->body, "letters"), 1);
	assert_string_equal(json_string_value(json_object_get(first, "device")), "vent");
	assert_non_null(strstr(json_string_value(json_object_get(first, "id")), ".9"));
	assert_string_equal(json_string_value(json_object_get(first, "trust")), "psk");
	assert_int_equal(json_integer_value(json_object_get(first, "bytes")), 71000);
	assert_string_equal(
		json_string_value(json_object_get(first, "reason")), "MQTT reason 0x95");
	/* Its device is gone; what is written there is foreign. */
	assert_true(json_is_null(json_object_get(second, "device")));
	assert_string_equal(json_string_value(json_object_get(second, "name")), "forgotten device");
	assert_string_equal(json_string_value(json_object_get(first, "name")), "");
	world->next = 3;
	assert_int_equal(
		call(world, &viewer, "GET", "/api/v1/dead", "before=12&limit=900", NULL), 200);
	assert_int_equal(world->query.before, 12);
	assert_int_equal(world->query.max, 200);
	assert_int_equal(json_integer_value(json_object_get(world->body, "next")), 3);
	assert_int_equal(call(world, &viewer, "GET", "/api/v1/dead", "limit=0", NULL), 200);
	assert_int_equal(world->query.max, 1);
	world->journal_result = -EIO;
	assert_int_equal(call(world, &viewer, "GET", "/api/v1/dead", NULL, NULL), 507);
}

static void test_people(void **state)
{
	struct world *world = *state;
	json_t *list;

	assert_int_equal(call(world, &admin, "GET", "/api/v1/people", NULL, NULL), 200);
	list = json_object_get(world->body, "people");
	assert_int_equal(json_array_size(list), 2);
	assert_string_equal(
		json_string_value(json_object_get(json_array_get(list, 0), "role")), "admin");
	assert_false(holds(world, "SECRET"));
}

static void test_revision(void **state)
{
	struct world *world = *state;
	uint64_t revision = api_revision(world->api);

	assert_int_equal(call(world, &viewer, "GET", "/api/v1/status", NULL, NULL), 200);
	assert_int_equal(api_revision(world->api), revision);
	api_touch(world->api);
	assert_true(api_revision(world->api) > revision);
}

static void on_news(void *userdata, enum api_news news)
{
	*(unsigned *)userdata |= news;
}

static void test_news(void **state)
{
	struct world *world = *state;
	unsigned heard = 0;

	api_touch(world->api); /* nobody listens */
	api_watch(world->api, on_news, &heard);
	assert_int_equal(call(world, &viewer, "GET", "/api/v1/events", NULL, NULL), 200);
	assert_int_equal(heard, 0);
	api_touch_traffic(world->api);
	assert_int_equal(heard, API_NEWS_TRAFFIC);
	heard = 0;
	call(world, &technician, "POST", "/api/v1/devices/s-1/reject", NULL, NULL);
	assert_int_equal(heard, API_NEWS_STATE);
	heard = 0;
	api_watch(world->api, NULL, NULL);
	api_touch(world->api);
	assert_int_equal(heard, 0);
}

static void test_readings(void **state)
{
	struct world *world = *state;
	struct device *device = add_device(world, "curve-1", ADMISSION_PENDING);
	const json_t *series, *recent;
	char text[64];

	assert_int_equal(
		call(world, &viewer, "GET", "/api/v1/devices/none/readings", NULL, NULL), 404);
	assert_int_equal(
		call(world, &viewer, "GET", "/api/v1/devices/curve-1/readings", NULL, NULL), 200);
	assert_int_equal(json_array_size(json_object_get(world->body, "series")), 0);
	for (int i = 0; i < 30; i++) {
		snprintf(text, sizeof(text), "[{\"n\":\"temp\",\"u\":\"Cel\",\"v\":%d.3}]", i);
		recent_take(
			world->recent, device->record->row, 1000 * (i + 1), span_from_string(text));
	}
	call(world, &viewer, "GET", "/api/v1/devices/curve-1/readings", NULL, NULL);
	series = json_array_get(json_object_get(world->body, "series"), 0);
	assert_string_equal(json_string_value(json_object_get(series, "unit")), "Cel");
	assert_int_equal(json_array_size(json_object_get(series, "points")), 30);
	assert_true(holds(world, "\"1970-01-01T00:00:30Z\", \"value\": 29.3}"));
	call(world, &viewer, "GET", "/api/v1/devices/curve-1", NULL, NULL);
	recent = json_object_get(world->body, "recent");
	assert_string_equal(json_string_value(json_object_get(recent, "name")), "temp");
	assert_int_equal(json_array_size(json_object_get(recent, "values")), 24);
	assert_true(holds(world, "28.3, 29.3]"));
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

static void test_history(void **state)
{
	struct world *world = *state;

	add_device(world, "s-1", ADMISSION_PENDING);
	assert_int_equal(
		call(world, &viewer, "GET", "/api/v1/devices/s-1/history", "limit=3", NULL), 200);
	assert_string_equal(world->query.object, "s-1");
	assert_string_equal(world->query.who, "");
	assert_int_equal(world->query.max, 3);
	assert_int_equal(
		call(world, &viewer, "GET", "/api/v1/devices/s-2/history", NULL, NULL), 404);
	assert_int_equal(world->journals, 1);
}

static void test_verify(void **state)
{
	struct world *world = *state;
	static const char path[] = "/api/v1/journal/verify";

	world->facts.audit_rows = 20;
	strcpy(world->facts.audit_head, "abcd");
	assert_int_equal(call(world, &admin, "GET", path, NULL, NULL), 200);
	assert_true(json_is_true(json_object_get(world->body, "intact")));
	assert_true(json_is_null(json_object_get(world->body, "first_bad")));
	world->verify_result = -EBADMSG;
	assert_int_equal(call(world, &admin, "GET", path, NULL, NULL), 200);
	assert_true(json_is_false(json_object_get(world->body, "intact")));
	assert_int_equal(json_integer_value(json_object_get(world->body, "first_bad")), 17);
	world->verify_result = -EIO;
	assert_int_equal(call(world, &admin, "GET", path, NULL, NULL), 507);
}

static void test_queue(void **state)
{
	struct world *world = *state;
	const struct device *few = add_device(world, "few", ADMISSION_ADMITTED);
	const struct device *many = add_device(world, "many", ADMISSION_ADMITTED);
	const struct device *none = add_device(world, "none", ADMISSION_ADMITTED);
	json_t *list;
	uint64_t row;

	assert_non_null(none);
	world->config.outbox_max_bytes = 1000;
	assert_int_equal(call(world, &viewer, "GET", "/api/v1/queue", NULL, NULL), 200);
	assert_int_equal(json_array_size(json_object_get(world->body, "devices")), 0);
	assert_true(json_is_null(json_object_get(world->body, "seconds_left")));
	assert_string_equal(json_string_value(json_object_get(world->body, "durability")), "power");
	world->config.outbox_durability = DURABILITY_MEMORY;
	assert_int_equal(call(world, &viewer, "GET", "/api/v1/status", NULL, NULL), 200);
	assert_string_equal(json_string_value(json_object_get(
				    json_object_get(world->body, "queue"), "durability")),
		"memory");
	for (unsigned i = 0; i < 3; i++)
		owed_take_row(world->owed, i ? many->record->row : few->record->row, 100, &row);
	assert_int_equal(call(world, &viewer, "GET", "/api/v1/queue", NULL, NULL), 200);
	/* No share of its own: all of the outbox. */
	assert_int_equal(json_integer_value(json_object_get(world->body, "share_bytes")), 1000);
	list = json_object_get(world->body, "devices");
	assert_int_equal(
		json_integer_value(json_object_get(json_array_get(list, 0), "bytes")), 200);
	assert_int_equal(
		json_integer_value(json_object_get(json_array_get(list, 1), "bytes")), 100);
	owed_set_limits(world->owed, &(const struct owed_limits){.outbox_bytes = 1000,
					     .device_share = 4,
					     .device_bytes = 400,
					     .window_readings = 100,
					     .in_flight = 10});
	assert_int_equal(call(world, &viewer, "GET", "/api/v1/queue", NULL, NULL), 200);
	assert_int_equal(json_integer_value(json_object_get(world->body, "share_bytes")), 400);
	pace_add(&world->metrics.taken, 100, NOW_USEC - 600 * USEC_PER_SEC);
	world->metrics.lost[LOST_REVOKED] = 4;
	assert_int_equal(call(world, &viewer, "GET", "/api/v1/queue", NULL, NULL), 200);
	list = json_object_get(world->body, "devices");
	assert_int_equal(json_array_size(list), 2);
	assert_string_equal(
		json_string_value(json_object_get(json_array_get(list, 0), "id")), "many");
	assert_int_equal(
		json_integer_value(json_object_get(json_array_get(list, 0), "readings")), 2);
	assert_int_equal(json_integer_value(json_object_get(world->body, "readings")), 3);
	assert_int_equal(json_integer_value(json_object_get(world->body, "bytes_per_hour")), 600);
	assert_int_equal(json_integer_value(json_object_get(world->body, "seconds_left")), 4200);
	assert_int_equal(json_integer_value(
				 json_object_get(json_object_get(world->body, "lost"), "revoked")),
		4);
	assert_string_equal(
		json_string_value(json_object_get(
			json_array_get(json_object_get(world->body, "gaps"), 0), "device")),
		"gone-1");
	assert_int_equal(call(world, &viewer, "GET", "/api/v1/queue", "limit=1", NULL), 200);
	assert_int_equal(json_array_size(json_object_get(world->body, "devices")), 1);
}

/* ---- what is wrong ---- */

/* The state of the first finding of a check, "" when there is none. */
static const char *finding(struct world *world, const char *check, const char **ret_text)
{
	json_t *list = json_object_get(world->body, "findings"), *one;
	size_t i;

	json_array_foreach(list, i, one)
	{
		if (strcmp(json_string_value(json_object_get(one, "check")), check) != 0)
			continue;
		*ret_text = json_string_value(json_object_get(one, "text"));
		return json_string_value(json_object_get(one, "state"));
	}
	return "";
}

static const char *diagnosis(struct world *world, const char *check, const char **ret_text)
{
	assert_int_equal(call(world, &viewer, "GET", "/api/v1/doctor", NULL, NULL), 200);
	return finding(world, check, ret_text);
}

static void test_a_healthy_gateway(void **state)
{
	struct world *world = *state;
	const char *text;
	json_t *one;
	size_t i;

	world->probe = (struct api_probe){.disk_free = UINT64_C(1) << 30,
		.disk_size = UINT64_C(4) << 30,
		.has_group = true,
		.receive_wanted = 4 << 20,
		.receive_buffer = 4 << 20,
		.receive_dropped = 2};
	world->facts.set_up = true;
	world->facts.uplink = LINK_UP;
	world->facts.discovery_available = true;
	strcpy(world->config.mqtt_host, "broker.example");
	world->config.lan_interfaces.count = 1;
	strcpy(world->config.lan_interfaces.item[0], "eth0");
	assert_string_equal(diagnosis(world, "uplink", &text), "ok");
	assert_string_equal(text, "Connected to broker.example.");
	assert_string_equal(text_at(world, "version"), GATEHOUSE_VERSION);
	json_array_foreach(json_object_get(world->body, "findings"), i, one)
	{
		/* The clock is the machine's. */
		if (strcmp(json_string_value(json_object_get(one, "check")), "clock") != 0)
			assert_string_equal(json_string_value(json_object_get(one, "state")), "ok");
	}
	assert_in_range(i, 10, 13);
	assert_string_equal(finding(world, "bursts", &text), "ok");
	assert_non_null(strstr(text, "4096 KiB of datagrams may wait for the gateway;"));
	assert_non_null(strstr(text, "dropped 2, empty"));
}

/* Each finding that is not ok says what to do. */
static void test_what_is_wrong(void **state)
{
	struct world *world = *state;
	const char *text;
	struct alarm alarm;
	json_t *one;
	uint64_t row;
	size_t i;

	world->probe.disk_free = 10 << 20;
	world->probe.disk_size = UINT64_C(4) << 30;
	strcpy(world->probe.missing_interfaces, "eth7");
	world->config.mdns = true;
	world->config.outbox_max_bytes = 1000000;
	strcpy(world->facts.discovery_detail, "no daemon");
	alarms_raise(&world->alarms, ALARM_LEAK, "s-1", 1, &alarm);
	heard_add(&world->heard, AWAY_WINDOW_CLOSED, NOW_USEC);
	world->limits.reached[LIMIT_PENDING] = 3;
	assert_int_equal(owed_take_row(world->owed, 1, 990000, &row), OWED_ROOM);
	assert_string_equal(diagnosis(world, "disk", &text), "error");
	assert_non_null(strstr(text, "Only 10 MiB"));
	assert_string_equal(finding(world, "outbox", &text), "error");
	assert_string_equal(finding(world, "uplink", &text), "warning");
	assert_non_null(strstr(text, "No broker"));
	assert_string_equal(finding(world, "avahi", &text), "warning");
	assert_non_null(strstr(text, "no daemon"));
	assert_string_equal(finding(world, "interfaces", &text), "error");
	assert_non_null(strstr(text, "eth7"));
	assert_string_equal(finding(world, "permissions", &text), "notice");
	assert_string_equal(finding(world, "people", &text), "warning");
	assert_string_equal(finding(world, "alarms", &text), "warning");
	assert_non_null(strstr(text, "s-1"));
	assert_string_equal(finding(world, "heard", &text), "notice");
	assert_string_equal(text, "Turned away 1 time in the last 15 minutes: window-closed.");
	assert_string_equal(finding(world, "limits", &text), "notice");
	assert_non_null(strstr(text, "The limit pending (64 names) was reached 3 times"));
	json_array_foreach(json_object_get(world->body, "findings"), i, one)
	{
		if (strcmp(json_string_value(json_object_get(one, "state")), "ok") != 0)
			assert_true(strlen(json_string_value(json_object_get(one, "remedy"))) > 10);
	}
}

static void test_shades_of_wrong(void **state)
{
	struct world *world = *state;
	const char *text;
	uint64_t row;

	assert_string_equal(diagnosis(world, "disk", &text), "warning");
	world->probe = (struct api_probe){.disk_free = 100 << 20, .disk_size = UINT64_C(4) << 30};
	assert_string_equal(diagnosis(world, "disk", &text), "warning");
	strcpy(world->probe.mute_addresses, "10.7.0.1 of lan0");
	assert_string_equal(diagnosis(world, "interfaces", &text), "error");
	assert_string_equal(text,
		"No broadcast address beside 10.7.0.1 of lan0: devices get no answers there.");
	world->probe.mute_addresses[0] = '\0';
	world->config.mdns = false;
	assert_string_equal(diagnosis(world, "avahi", &text), "notice");
	strcpy(world->config.mqtt_host, "b");
	strcpy(world->facts.uplink_detail, "no route");
	assert_string_equal(diagnosis(world, "uplink", &text), "error");
	assert_string_equal(text, "Not connected to b: no route");
	world->facts.uplink = LINK_REFUSED;
	assert_string_equal(diagnosis(world, "uplink", &text), "error");
	assert_string_equal(text, "b refuses the connection: no route");
	world->config.lan_interfaces.count = 1;
	strcpy(world->config.lan_interfaces.item[0], "lo");
	assert_string_equal(diagnosis(world, "interfaces", &text), "warning");
	world->probe.receive_wanted = 4 << 20;
	world->probe.receive_buffer = 208 << 10;
	assert_string_equal(diagnosis(world, "bursts", &text), "notice");
	assert_non_null(strstr(text, "208 KiB of datagrams may wait for the gateway, 4096 KiB"));
	world->probe.receive_dropped = 7;
	assert_string_equal(diagnosis(world, "bursts", &text), "notice");
	assert_non_null(strstr(text, "dropped 7, empty"));
	world->config.outbox_max_bytes = 256 << 20;
	assert_string_equal(diagnosis(world, "outbox", &text), "warning");
	assert_non_null(strstr(text, "100 MiB are free, and readings with 256 MiB more"));
	world->config.outbox_max_bytes = 49 << 20;
	assert_string_equal(diagnosis(world, "outbox", &text), "ok");
	world->config.outbox_max_bytes = 1000000;
	assert_int_equal(owed_take_row(world->owed, 1, 600000, &row), OWED_ROOM);
	assert_string_equal(diagnosis(world, "outbox", &text), "warning");
	pace_add(&world->metrics.taken, 100000, NOW_USEC - 600 * USEC_PER_SEC);
	assert_string_equal(diagnosis(world, "outbox", &text), "warning");
	assert_non_null(strstr(text, "full in 40 minutes"));
}

/* ---- how it is connected ---- */

static const char *first_state(struct world *world)
{
	assert_int_equal(call(world, &viewer, "GET", "/api/v1/network", NULL, NULL), 200);
	return json_string_value(json_object_get(
		json_array_get(json_object_get(world->body, "platforms"), 0), "state"));
}

/* A platform is as well as its devices; one that is shared, and has none yet, as the link. */
static void test_platforms_in_words(void **state)
{
	static const struct {
		struct api_way way;
		const char *state, *finding;
	} row[] = {
		{{.devices = 0}, "idle", "ok"},
		{{.devices = 3, .connected = 3}, "up", "ok"},
		{{.devices = 3, .connected = 2, .connecting = 1}, "partly", "warning"},
		{{.devices = 3, .connecting = 1, .refused = 1}, "connecting", "ok"},
		{{.devices = 3, .refused = 1}, "refused", "error"},
		{{.devices = 3}, "down", "error"},
	};
	struct world *world = *state;
	const char *text;

	for (size_t i = 0; i < ELEMENTS(row); i++) {
		world->way[0] = row[i].way;
		world->way[0].platform = "spotflow";
		world->way[0].host = "api.example";
		assert_string_equal(first_state(world), row[i].state);
		assert_string_equal(diagnosis(world, "platforms", &text), row[i].finding);
		/* Clouds alone: that there is no broker is nothing wrong. */
		assert_string_equal(finding(world, "uplink", &text), "");
	}
	world->way[0].host = "";
	assert_string_equal(diagnosis(world, "platforms", &text), "error");
	world->way[0] =
		(struct api_way){.platform = "local", .host = "b", .shared = true, .link = LINK_UP};
	assert_string_equal(first_state(world), "up");
	assert_string_equal(diagnosis(world, "platforms", &text), "");
	assert_string_equal(finding(world, "uplink", &text), "warning");
}

static void test_interfaces(void **state)
{
	struct world *world = *state;
	const json_t *one;

	world->interface = (struct api_interface){.name = "eth0",
		.present = true,
		.up = true,
		.count = 2,
		.address = {"192.0.2.7", "fe80::1%eth0"}};
	assert_int_equal(call(world, &viewer, "GET", "/api/v1/network", NULL, NULL), 200);
	one = json_array_get(json_object_get(world->body, "interfaces"), 0);
	assert_string_equal(json_string_value(json_object_get(one, "name")), "eth0");
	assert_string_equal(json_string_value(json_array_get(json_object_get(one, "addresses"), 1)),
		"fe80::1%eth0");
	assert_true(json_is_null(json_object_get(world->body, "test")));
}

static const json_t *tested(struct world *world, int result, const char *why)
{
	world->test.target[0].result = result;
	world->test.target[0].why = why;
	assert_int_equal(call(world, &technician, "POST", "/api/v1/network/test", NULL, NULL), 200);
	return json_array_get(json_object_get(json_object_get(world->body, "test"), "targets"), 0);
}

static void test_link_test(void **state)
{
	static const struct {
		int result;
		const char *state;
	} row[] = {{-EHOSTUNREACH, "unresolved"}, {-ECONNREFUSED, "unreachable"},
		{-ETIMEDOUT, "late"}, {-EKEYREJECTED, "untrusted"}, {-EPROTO, "no-tls"},
		{-ENOENT, "no-anchors"}, {-EIO, "failed"}};
	struct world *world = *state;
	const json_t *one;

	assert_int_equal(call(world, &technician, "POST", "/api/v1/network/test", NULL, NULL), 200);
	assert_non_null(strstr(text_at(world, "text"), "Nothing to test"));
	world->test = (struct api_test){.time = 1000,
		.count = 1,
		.target = {{.host = "b.example",
			.port = 8883,
			.platforms = "local mqtt",
			.tls = true,
			.usec = 12345}}};
	for (size_t i = 0; i < ELEMENTS(row); i++) {
		one = tested(world, row[i].result, "its name is odd");
		assert_string_equal(json_string_value(json_object_get(one, "state")), row[i].state);
		assert_string_equal(
			json_string_value(json_object_get(one, "text")), "Its name is odd.");
		assert_true(strlen(json_string_value(json_object_get(one, "remedy"))) > 10);
		assert_non_null(strstr(text_at(world, "text"), "1 of 1"));
	}
	one = tested(world, 0, "");
	assert_string_equal(json_string_value(json_object_get(one, "state")), "answers");
	assert_string_equal(json_string_value(json_object_get(one, "remedy")), "");
	assert_int_equal(json_integer_value(json_object_get(one, "milliseconds")), 12);
	assert_int_equal(json_array_size(json_object_get(one, "platforms")), 2);
	assert_non_null(strstr(text_at(world, "text"), "every platform answers"));
	/* Where the gateway logs in itself, that is known, too. */
	world->test.target[0].shared = true;
	world->facts.uplink = LINK_REFUSED;
	strcpy(world->facts.uplink_detail, "not authorised");
	one = tested(world, 0, "");
	assert_string_equal(json_string_value(json_object_get(one, "state")), "refused");
	assert_non_null(strstr(json_string_value(json_object_get(one, "text")), "not authorised"));
	assert_non_null(strstr(text_at(world, "text"), "1 of 1"));
	world->facts.uplink = LINK_UP;
	world->test.target[0].tls = false;
	one = tested(world, 0, "");
	assert_string_equal(json_string_value(json_object_get(one, "state")), "connected");
	assert_non_null(strstr(json_string_value(json_object_get(one, "text")), "without TLS"));
	/* Who asks for a certificate turns the knock away, and the gateway is in all the same. */
	one = tested(world, -EPROTO, "TLS could not be agreed on");
	assert_string_equal(json_string_value(json_object_get(one, "state")), "connected");
	assert_non_null(strstr(text_at(world, "text"), "every platform answers"));
	/* It is there for who asks later. */
	assert_int_equal(call(world, &viewer, "GET", "/api/v1/network", NULL, NULL), 200);
	assert_true(json_is_object(json_object_get(world->body, "test")));
	world->test_result = -EBUSY;
	assert_int_equal(call(world, &technician, "POST", "/api/v1/network/test", NULL, NULL), 429);
}

/* The gateway stops while somebody waits. */
static void test_link_test_at_the_end(void **state)
{
	struct world *world = *state;

	world->later = true;
	call(world, &technician, "POST", "/api/v1/network/test", NULL, NULL);
	world->api = api_free(world->api);
	assert_int_equal(world->status, 503);
	world->test_done(world->done_userdata, -ECANCELED, NULL);
	assert_int_equal(world->answers, 1);
}

/* A parcel comes and goes as base64url. */
static void test_parcels(void **state)
{
	static const char *const WRONG[] = {NULL, "{}", "{\"parcel\":\"\"}", "{\"parcel\":7}",
		"{\"parcel\":\"Q*JD\"}", "{\"parcel\":\"QUJD\",\"to\":\"x\"}"};
	struct world *world = *state;
	unsigned acts;

	add_device(world, "s-1", ADMISSION_PENDING);
	world->outcome.parcel = SPAN_LITERAL("ABC");
	assert_int_equal(call(world, &local, "POST", "/api/v1/devices/s-1/export", NULL,
				 "{\"to\":\"00ff\"}"),
		200);
	assert_int_equal(world->act.kind, ACT_EXPORT);
	assert_string_equal(world->act.device, "s-1");
	assert_string_equal(world->act.secret, "00ff");
	assert_string_equal(text_at(world, "parcel"), "QUJD");
	world->outcome.parcel = (struct span){0};
	assert_int_equal(
		call(world, &local, "POST", "/api/v1/import", NULL, "{\"parcel\":\"QUJD\"}"), 200);
	assert_int_equal(world->act.kind, ACT_IMPORT);
	assert_string_equal(world->act.who, local.name);
	acts = world->acts;
	for (size_t i = 0; i < ELEMENTS(WRONG); i++)
		assert_int_equal(
			call(world, &local, "POST", "/api/v1/import", NULL, WRONG[i]), 400);
	assert_int_equal(world->acts, acts);
	world->outcome.result = ACT_IMPOSSIBLE;
	assert_int_equal(
		call(world, &local, "POST", "/api/v1/import", NULL, "{\"parcel\":\"QUJD\"}"), 409);
}

/* What the store of authorities is told, and what is said of them. */
static void test_device_cas(void **state)
{
	static const char *const wrong[] = {"{}", "{\"certificate\":1}",
		"{\"certificate\":\"PEM\",\"admit\":\"always\"}",
		"{\"certificate\":\"PEM\",\"admit\":1}", "{\"certificate\":\"PEM\",\"name\":1}",
		"{\"certificate\":\"PEM\",\"more\":1}"};
	struct world *world = *state;
	struct device_ca one = {.row = 1,
		.fingerprint = "abcd",
		.name = "Maker\x1b[2J",
		.policy = CA_AUTO,
		.from_file = true,
		.since = 1700000000123,
		.not_after = 1800000000123};
	struct device_ca *list[] = {&one};

	for (size_t i = 0; i < ELEMENTS(wrong); i++)
		assert_int_equal(
			call(world, &admin, "PUT", "/api/v1/device-cas", NULL, wrong[i]), 400);
	assert_int_equal(world->acts, 0);
	assert_int_equal(call(world, &admin, "PUT", "/api/v1/device-cas", NULL,
				 "{\"certificate\":\"PEM\",\"name\":\"Maker\"}"),
		200);
	assert_int_equal(world->act.kind, ACT_CA_PUT);
	assert_int_equal(world->act.number, CA_PERSON);
	assert_string_equal(world->act.name, "Maker");
	assert_int_equal(call(world, &admin, "PUT", "/api/v1/device-cas", NULL,
				 "{\"certificate\":\"PEM\",\"admit\":\"auto\"}"),
		200);
	assert_int_equal(world->act.number, CA_AUTO);
	assert_int_equal(
		call(world, &admin, "DELETE", "/api/v1/device-cas/0123abcd", NULL, NULL), 200);
	assert_int_equal(world->act.kind, ACT_CA_DROP);
	assert_string_equal(world->act.secret, "0123abcd");
	world->cas = (struct device_cas){.ca = list, .count = 1};
	assert_int_equal(call(world, &technician, "GET", "/api/v1/device-cas", NULL, NULL), 200);
	assert_string_equal(
		json_string_value(json_object_get(
			json_array_get(json_object_get(world->body, "device_cas"), 0), "admit")),
		"auto");
	world->cas = (struct device_cas){0};
}

/* What is known of the authority of the site, and what it is asked for. */
static void test_site_ca(void **state)
{
	static const struct {
		const char *method, *path, *body;
	} wrong[] = {{"POST", "/api/v1/site-ca", "{\"name\":1}"},
		{"POST", "/api/v1/site-ca", "{\"identity\":\"PEM\"}"},
		{"POST", "/api/v1/site-ca", "{\"replace\":1}"},
		{"POST", "/api/v1/site-ca", "{\"other\":1}"}, {"PUT", "/api/v1/site-ca", "{}"},
		{"PUT", "/api/v1/site-ca", "{\"identity\":1}"},
		{"PUT", "/api/v1/site-ca", "{\"identity\":\"PEM\",\"name\":\"x\"}"},
		{"POST", "/api/v1/site-ca/proof", "{}"},
		{"POST", "/api/v1/site-ca/proof", "{\"code\":\"x\",\"replace\":true}"},
		{"POST", "/api/v1/site-ca/proof",
			"{\"code\":"
			"\"0123456789012345678901234567890123456789012345678901234567890123"
			"4\"}"}};
	struct world *world = *state;
	char pem[] = "PEM";

	for (size_t i = 0; i < ELEMENTS(wrong); i++)
		assert_int_equal(
			call(world, &admin, wrong[i].method, wrong[i].path, NULL, wrong[i].body),
			400);
	assert_int_equal(world->acts, 0);
	assert_int_equal(call(world, &technician, "GET", "/api/v1/site-ca", NULL, NULL), 200);
	assert_true(json_is_null(json_object_get(world->body, "site_ca")));
	assert_int_equal(
		call(world, &admin, "POST", "/api/v1/site-ca", NULL, "{\"name\":\"plant\"}"), 200);
	assert_int_equal(world->act.kind, ACT_SITE_CA_MAKE);
	assert_string_equal(world->act.name, "plant");
	assert_false(world->act.more);
	assert_int_equal(call(world, &admin, "PUT", "/api/v1/site-ca", NULL,
				 "{\"identity\":\"PEM\",\"replace\":true}"),
		200);
	assert_int_equal(world->act.kind, ACT_SITE_CA_IMPORT);
	assert_true(world->act.more);
	world->outcome.parcel = SPAN_LITERAL("PROOF");
	assert_int_equal(
		call(world, &admin, "POST", "/api/v1/site-ca/proof", NULL, "{\"code\":\"0f5e\"}"),
		200);
	assert_string_equal(world->act.code, "0f5e");
	assert_string_equal(
		json_string_value(json_object_get(world->body, "certificate")), "PROOF");
	world->site_ca = (struct site_ca){.certificate = pem,
		.facts = {.fingerprint = "abcd",
			.common_name = "plant",
			.not_before = 1700000000000,
			.not_after = 1900000000000}};
	assert_int_equal(call(world, &technician, "GET", "/api/v1/site-ca", NULL, NULL), 200);
	assert_string_equal(json_string_value(json_object_get(
				    json_object_get(world->body, "site_ca"), "certificate")),
		"PEM");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_WORLD(test_roles),
		IN_WORLD(test_least_roles),
		IN_WORLD(test_fresh_password),
		IN_WORLD(test_no_such_route),
		IN_WORLD(test_act_is_filled),
		IN_WORLD(test_parcels),
		IN_WORLD(test_device_cas),
		IN_WORLD(test_site_ca),
		IN_WORLD(test_bad_bodies),
		IN_WORLD(test_unknown_parameters),
		IN_WORLD(test_outcomes),
		IN_WORLD(test_news),
		IN_WORLD(test_readings),
		IN_WORLD(test_logins),
		IN_WORLD(test_later_answers),
		IN_WORLD(test_status),
		IN_WORLD(test_limits_heard_alarms),
		IN_WORLD(test_shared_token),
		IN_WORLD(test_a_healthy_gateway),
		IN_WORLD(test_what_is_wrong),
		IN_WORLD(test_shades_of_wrong),
		IN_WORLD(test_platforms_in_words),
		IN_WORLD(test_interfaces),
		IN_WORLD(test_link_test),
		IN_WORLD(test_link_test_at_the_end),
		IN_WORLD(test_devices),
		IN_WORLD(test_device),
		IN_WORLD(test_commands_on_disk),
		IN_WORLD(test_actions),
		IN_WORLD(test_secrets_stay),
		IN_WORLD(test_long_id),
		IN_WORLD(test_foreign_text),
		IN_WORLD(test_journal),
		IN_WORLD(test_dead_letters),
		IN_WORLD(test_history),
		IN_WORLD(test_verify),
		IN_WORLD(test_queue),
		IN_WORLD(test_people),
		IN_WORLD(test_revision),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
