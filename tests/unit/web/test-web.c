/* SPDX-License-Identifier: Apache-2.0 */
/* The room's doors: TLS, Host, origin, tokens, cookies, limits, the control socket, a late stop. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client.h"
#include "web/texts.h"

static const char json[] = "application/json";

/* The client verifies the certificate: that these answers came at all is part of the test. */
static void test_nobody_is_sent_to_login(void **state)
{
	struct bench *bench = *state;

	assert_int_equal(bench_get(bench, "/"), 303);
	assert_true(bench_field(bench, "Location: /waiting"));
	assert_int_equal(bench_get(bench, "/waiting"), 303);
	assert_true(bench_field(bench, "Location: /login"));
	assert_int_equal(bench_get(bench, "/devices/vent-3"), 303);
	assert_true(bench_field(bench, "Location: /login?back=/devices/vent-3"));
	assert_int_equal(bench_get(bench, "/journal"), 303);
	assert_int_equal(bench_get(bench, "/login"), 200);
	assert_true(bench_has(bench, "name=\"password\""));
	assert_true(bench_has(bench, "Fingerprint"));
	assert_int_equal(bench_get(bench, "/setup"), 303);
	assert_int_equal(bench_get(bench, "/nothing"), 404);
	assert_int_equal(bench_post(bench, "/devices/vent-3/revoke", "csrf=x"), 401);
	assert_true(bench_has(bench, text(TEXT_LOGGED_OUT)));
	assert_int_equal(bench->api.changes, 0);
	assert_int_equal(strlen(web_fingerprint(bench->web)), 95);
}

static void test_headers(void **state)
{
	struct bench *bench = *state;
	static const char *const lines[] = {"X-Content-Type-Options: nosniff",
		"Referrer-Policy: no-referrer", "Cache-Control: no-store",
		"Cross-Origin-Opener-Policy: same-origin",
		"Cross-Origin-Resource-Policy: same-origin", "Permissions-Policy: camera=(self)"};
	static const char *const paths[] = {"/login", "/nothing", "/assets/style.css", "/api/v1/x"};

	for (size_t p = 0; p < sizeof(paths) / sizeof(paths[0]); p++) {
		bench_get(bench, paths[p]);
		for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
			if (!bench_field(bench, lines[i]))
				fail_msg("%s: %s", paths[p], lines[i]);
		assert_non_null(strstr(bench->header, "default-src 'none'; script-src 'self'"));
		assert_non_null(strstr(bench->header, "frame-ancestors 'none'"));
		assert_null(strstr(bench->header, "unsafe"));
		assert_null(strstr(bench->header, "Strict-Transport"));
	}
}

static void test_assets(void **state)
{
	struct bench *bench = *state;
	size_t total = 0;

	assert_int_equal(bench_get(bench, "/assets/style.css"), 200);
	assert_true(bench_field(bench, "Content-Type: text/css"));
	total += bench->body_size;
	assert_int_equal(bench_get(bench, "/assets/page.js"), 200);
	assert_true(bench_field(bench, "Content-Type: text/javascript"));
	total += bench->body_size;
	assert_int_equal(bench_get(bench, "/assets/icon.svg"), 200);
	total += bench->body_size;
	assert_true(total > 10000 && total < 60 * 1024);
	assert_int_equal(bench_get(bench, "/assets/../page.key"), 404);
	assert_int_equal(bench_get(bench, "/assets/"), 404);
}

static void test_host(void **state)
{
	struct bench *bench = *state;
	static const struct {
		const char *field;
		long status;
	} row[] = {
		{"Host: evil.example", 421},
		{"Host: evil.example:8443", 421},
		{"Host: 192.0.2.250", 421},
		{"Host: 127.0.0.1", 200},
		{"Host: 127.0.0.1:8443", 200},
		{"Host: GATE.example", 200},
		{"Host: localhost.evil.example", 421},
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		long status = bench_ask(
			bench, &(const struct ask){.path = "/login", .field = {row[i].field}});

		if (status != row[i].status)
			fail_msg("%s: %ld", row[i].field, status);
		if (status == 421)
			assert_int_equal(bench->body_size, 0);
	}
	/* Also for what needs no session, and before a body is looked at. */
	assert_int_equal(bench_ask(bench, &(const struct ask){.path = "/assets/page.js",
						  .field = {"Host: evil.example"}}),
		421);
	assert_int_equal(bench_ask(bench, &(const struct ask){.path = "/api/v1/login",
						  .body = "{}",
						  .type = json,
						  .field = {"Host: evil.example"}}),
		421);
	assert_int_equal(bench->api.changes, 0);
}

static void test_origin(void **state)
{
	struct bench *bench = *state;
	static const char form[] = "name=anna&password=nine+quiet+herons";
	char own[64];

	snprintf(own, sizeof(own), "Origin: https://localhost:%u", web_port(bench->web));
	assert_int_equal(
		bench_ask(bench,
			&(const struct ask){.path = "/login", .body = form, .foreign = true}),
		403);
	assert_int_equal(bench_ask(bench, &(const struct ask){.path = "/login",
						  .body = form,
						  .foreign = true,
						  .field = {"Sec-Fetch-Site: cross-site", own}}),
		403);
	assert_int_equal(bench_ask(bench, &(const struct ask){.path = "/login",
						  .body = form,
						  .foreign = true,
						  .field = {"Origin: https://evil.example"}}),
		403);
	assert_int_equal(bench->api.changes, 0);
	assert_int_equal(
		bench_ask(bench,
			&(const struct ask){
				.path = "/login", .body = form, .foreign = true, .field = {own}}),
		303);
}

static void test_login_and_cookie(void **state)
{
	struct bench *bench = *state;
	char token[65], form[256], first[96] = "";
	const char *cookie;

	assert_int_equal(bench_post(bench, "/login", "name=anna&password=wrong"), 403);
	assert_true(bench_has(bench, "Name or password is not right."));
	assert_true(bench_has(bench, "value=\"anna\"")); /* the name is kept, ... */
	assert_false(bench_has(bench, "wrong"));	 /* ... the password not */
	bench_log_in(bench);
	cookie = strstr(bench->header, "Set-Cookie: __Host-gh=");
	assert_non_null(cookie);
	snprintf(first, sizeof(first), "%.*s", 86, cookie);
	assert_non_null(strstr(cookie, "; Path=/"));
	assert_non_null(strstr(cookie, "; Secure"));
	assert_non_null(strstr(cookie, "; HttpOnly"));
	assert_non_null(strstr(cookie, "; SameSite=Strict"));
	assert_null(strstr(cookie, "Domain"));
	assert_string_equal(bench->api.caller.via, "127.0.0.1");
	assert_int_equal(bench->api.caller.role, ROLE_NONE);
	assert_int_equal(bench_get(bench, "/waiting"), 200);
	assert_int_equal(strlen(bench_token(bench, token)), 64);
	assert_int_equal(bench_get(bench, "/login"), 303);
	/* A new login, a new id; the old one is void. */
	bench_log_in(bench);
	assert_null(strstr(bench->header, first));
	first[0] = 'C'; /* "Set-Cookie: x" to "Cookie: x" */
	memmove(first, "Cookie: ", 8);
	memmove(first + 8, first + 12, strlen(first + 12) + 1);
	curl_easy_setopt(bench->curl, CURLOPT_COOKIELIST, "ALL");
	assert_int_equal(
		bench_ask(bench, &(const struct ask){.path = "/waiting", .field = {first}}), 303);
	bench_log_in(bench);
	assert_int_equal(bench_get(bench, "/waiting"), 200);
	/* Out needs the token. */
	assert_int_equal(bench_post(bench, "/logout", "csrf=0"), 403);
	assert_int_equal(bench_get(bench, "/waiting"), 200);
	bench_form(bench, "", form, sizeof(form));
	assert_int_equal(bench_post(bench, "/logout", form), 303);
	assert_int_equal(bench_get(bench, "/waiting"), 303);
}

static void test_sessions_have_an_end(void **state)
{
	struct bench *bench = *state;

	for (uint64_t i = 0; i <= bench->limits.value[LIMIT_SESSIONS_WEB]; i++) {
		assert_int_equal(bench->limits.reached[LIMIT_SESSIONS_WEB], 0);
		curl_easy_setopt(bench->curl, CURLOPT_COOKIELIST, "ALL");
		bench_log_in(bench);
	}
	assert_int_equal(bench->limits.reached[LIMIT_SESSIONS_WEB], 1);
	assert_int_equal(bench_get(bench, "/waiting"), 200);
}

static void test_sessions_end_with_the_person(void **state)
{
	struct bench *bench = *state;

	bench_log_in(bench);
	assert_int_equal(bench_get(bench, "/waiting"), 200);
	web_end_sessions(bench->web, "ben");
	assert_int_equal(bench_get(bench, "/waiting"), 200);
	web_end_sessions(bench->web, "anna");
	assert_int_equal(bench_get(bench, "/waiting"), 303);
	assert_int_equal(bench_ask(bench, &(const struct ask){.path = "/waiting",
						  .field = {"X-Background: 1"}}),
		401);
}

static void test_setup(void **state)
{
	struct bench *bench = *state;
	static const char good[] = "code=BCDF-GHJK&name=anna&password=nine+quiet+herons";
	char form[256];

	bench->api.set_up = false;
	assert_int_equal(bench_get(bench, "/login"), 303);
	assert_true(bench_field(bench, "Location: /setup"));
	assert_int_equal(bench_get(bench, "/setup"), 200);
	assert_true(bench_has(bench, "gatehousectl setup"));
	assert_true(bench_has(bench, "Connected</span>"));
	/* Of the gateway's networks a stranger sees the one that they came by. */
	assert_true(bench_has(bench, "127.0.0.1</span>"));
	assert_true(bench_has(bench, text(TEXT_INTERFACES_YOURS)));
	assert_false(bench_has(bench, "::1</span>"));
	assert_false(bench_has(bench, "plant0"));
	assert_false(bench_has(bench, "192.0.2.1"));
	snprintf(form, sizeof(form), "%s&again=something+else", good);
	assert_int_equal(bench_post(bench, "/setup", form), 400);
	assert_int_equal(bench->api.changes, 0);
	assert_int_equal(
		bench_post(bench, "/setup",
			"code=XXXX&name=anna&password=nine+quiet+herons&again=nine+quiet+herons"),
		422);
	assert_true(bench_has(bench, "4 tries are left."));
	snprintf(form, sizeof(form), "%s&again=nine+quiet+herons", good);
	assert_int_equal(bench_post(bench, "/setup", form), 303);
	assert_int_equal(bench_get(bench, "/waiting"), 200);
	assert_int_equal(bench_get(bench, "/setup"), 303);
}

/* What is refused by its headers is read to its end: no connection ends while bytes are under way,
 * which would reset it, maybe before the answer is read. */
static void test_refused_while_it_sends(void **state)
{
	struct bench *bench = *state;
	size_t size = 60000;
	char *body = malloc(size + 1);

	memset(body, 'a', size);
	body[size] = 0;
	assert_int_equal(bench_ask(bench, &(const struct ask){.path = "/login",
						  .body = body,
						  .field = {"Host: evil.example"}}),
		421);
	assert_int_equal(bench->body_size, 0);
	assert_false(bench_field(bench, "Connection: close"));
	assert_int_equal(bench_ask(bench, &(const struct ask){.path = "/login",
						  .body = body,
						  .field = {"Transfer-Encoding: chunked",
							  "Host: evil.example"}}),
		421);
	assert_false(bench_field(bench, "Connection: close"));
	assert_int_equal(
		bench_ask(bench,
			&(const struct ask){.path = "/waiting", .method = "PATCH", .body = body}),
		405);
	assert_false(bench_field(bench, "Connection: close"));
	free(body);
}

static void test_limits(void **state)
{
	struct bench *bench = *state;
	size_t size = 70000;
	char *body = malloc(size + 1), field[9100];
	curl_off_t sent = -1;

	memset(body, 'a', size);
	body[size] = 0;
	assert_int_equal(bench_post(bench, "/login", body), 413);
	assert_int_equal(bench_ask(bench, &(const struct ask){.path = "/login",
						  .body = body,
						  .field = {"Transfer-Encoding: chunked"}}),
		413);
	assert_int_equal(bench->limits.reached[LIMIT_HTTP_BODY], 2);
	/* Known by its length: refused before a byte of it is read. */
	assert_int_equal(
		bench_ask(
			bench, &(const struct ask){.path = "/login", .body = body, .waits = true}),
		413);
	curl_easy_getinfo(bench->curl, CURLINFO_SIZE_UPLOAD_T, &sent);
	assert_int_equal(sent, 0);
	body[65000] = 0;
	assert_int_equal(bench_post(bench, "/login", body), 403); /* just another wrong login */
	free(body);
	snprintf(field, sizeof(field), "X-Long: %09000d", 1);
	assert_int_equal(
		bench_ask(bench, &(const struct ask){.path = "/login", .field = {field}}), 431);
	field[7000] = 0;
	assert_int_equal(
		bench_ask(bench, &(const struct ask){.path = "/login", .field = {field}}), 200);
	assert_int_equal(bench_get(bench, "/devices?a=%zz"), 400);
	assert_int_equal(
		bench_ask(bench, &(const struct ask){.path = "/login", .method = "PATCH"}), 405);
	assert_int_equal(
		bench_ask(bench, &(const struct ask){.path = "/login", .body = "{}", .type = json}),
		415);
}

/* --- /api/v1/ over HTTPS --- */

static void log_in_by_json(struct bench *bench, char ret_field[96])
{
	json_t *answer;

	assert_int_equal(
		bench_ask(bench,
			&(const struct ask){.path = "/api/v1/login",
				.body = "{\"name\":\"anna\",\"password\":\"nine quiet herons\"}",
				.type = json}),
		200);
	answer = json_loads(bench->body, 0, NULL);
	assert_string_equal(json_string_value(json_object_get(answer, "role")), "admin");
	snprintf(ret_field, 96, "X-CSRF-Token: %s",
		json_string_value(json_object_get(answer, "csrf")));
	json_decref(answer);
}

static void test_api_on_the_page(void **state)
{
	struct bench *bench = *state;
	struct ask reject = {.path = "/api/v1/devices/th/reject", .body = "{}", .type = json};
	char field[96];

	assert_int_equal(bench_ask(bench, &reject), 401);
	assert_int_equal(bench->api.changes, 0);
	log_in_by_json(bench, field);
	assert_int_equal(bench->api.changes, 1);
	assert_int_equal(bench_ask(bench, &reject), 403);
	reject.field[0] = "X-CSRF-Token: 0000";
	assert_int_equal(bench_ask(bench, &reject), 403);
	assert_int_equal(bench->api.changes, 1);
	reject.field[0] = field;
	assert_int_equal(bench_ask(bench, &reject), 200);
	assert_int_equal(bench->api.changes, 2);
	assert_string_equal(bench->api.path, "/api/v1/devices/th/reject");
	assert_string_equal(bench->api.caller.name, "anna");
	assert_int_equal(bench->api.caller.role, ROLE_ADMIN);
	assert_false(bench->api.caller.local_root);
	assert_true(bench->api.caller.fresh_password); /* typed a moment ago */
	assert_int_equal(bench_get(bench, "/api/v1/status"), 200);
	assert_true(bench_field(bench, "Content-Type: application/json"));
	/* From another site even with the token. */
	reject.foreign = true;
	assert_int_equal(bench_ask(bench, &reject), 403);
	assert_int_equal(bench->api.changes, 2);
}

static void test_api_bodies(void **state)
{
	struct bench *bench = *state;
	static const struct {
		const char *body, *type;
		long status;
	} row[] = {
		{"{\"a\":1,\"a\":2}", "application/json", 400},
		{"[]", "application/json", 400},
		{"{", "application/json", 400},
		{"nonsense", "application/json", 400},
		{"{\"a\":\"\\u0000\"}", "application/json", 400},
		{"{}", "text/plain", 415},
		{"a=1", "application/x-www-form-urlencoded", 415},
		{"{}", "application/json; charset=utf-8", 200},
	};
	char field[96];

	log_in_by_json(bench, field);
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		long status =
			bench_ask(bench, &(const struct ask){.path = "/api/v1/devices/x/reject",
						 .body = row[i].body,
						 .type = row[i].type,
						 .field = {field}});

		if (status != row[i].status)
			fail_msg("%s: %ld", row[i].body, status);
	}
}

/* --- the control socket --- */

static void test_control_socket(void **state)
{
	struct bench *bench = *state;
	struct ask ask = {.path = "/api/v1/setup-code",
		.body = "{}",
		.type = json,
		.control = true,
		.foreign = true,
		.field = {"Host: anything"}};
	char expected[32];

	assert_int_equal(bench_ask(bench, &ask), 200);
	snprintf(expected, sizeof(expected), "uid %u", (unsigned)geteuid());
	assert_string_equal(bench->api.caller.name, expected);
	assert_string_equal(bench->api.caller.via, "control socket");
	assert_true(bench->api.caller.local_root);
	assert_int_equal(bench->api.caller.role, ROLE_ADMIN);
	assert_null(strstr(bench->header, "Set-Cookie"));
	ask = (struct ask){.path = "/api/v1/status", .control = true};
	assert_int_equal(bench_ask(bench, &ask), 200);
	/* There are no pages here, and a login begins no session. */
	ask.path = "/waiting";
	assert_int_equal(bench_ask(bench, &ask), 404);
	ask = (struct ask){.path = "/api/v1/login",
		.body = "{\"name\":\"anna\",\"password\":\"nine quiet herons\"}",
		.type = json,
		.control = true};
	assert_int_equal(bench_ask(bench, &ask), 200);
	assert_null(strstr(bench->header, "Set-Cookie"));
	assert_false(bench_has(bench, "csrf"));
}

/* --- the end --- */

/* The page goes while an answer is due: the answer finds nobody and nothing is touched. */
static void test_stop_before_the_answer(void **state)
{
	struct bench *bench = *state;
	CURLM *multi = curl_multi_init();
	char url[96];
	int running = 1;

	bench->api.held = true;
	snprintf(url, sizeof(url), "https://localhost:%u/login", web_port(bench->web));
	curl_easy_setopt(bench->curl, CURLOPT_URL, url);
	curl_multi_add_handle(multi, bench->curl);
	while (bench->api.waiting == 0 && running) {
		curl_multi_perform(multi, &running);
		sd_event_run(bench->loop, 1000);
	}
	assert_int_equal(bench->api.waiting, 1);
	bench_stop(bench);
	fake_api_release(&bench->api);
	assert_int_equal(bench->api.waiting, 0);
	curl_multi_remove_handle(multi, bench->curl);
	curl_multi_cleanup(multi);
}

/* The client goes while an answer is due. */
static void test_client_leaves_before_the_answer(void **state)
{
	struct bench *bench = *state;
	CURLM *multi = curl_multi_init();
	char url[96];
	int running = 1;

	bench->api.held = true;
	snprintf(url, sizeof(url), "https://localhost:%u/login", web_port(bench->web));
	curl_easy_setopt(bench->curl, CURLOPT_URL, url);
	curl_multi_add_handle(multi, bench->curl);
	while (bench->api.waiting == 0 && running) {
		curl_multi_perform(multi, &running);
		sd_event_run(bench->loop, 1000);
	}
	curl_multi_remove_handle(multi, bench->curl);
	curl_multi_cleanup(multi); /* closes the connection */
	bench->api.held = false;
	fake_api_release(&bench->api);
	assert_int_equal(bench_get(bench, "/login"), 200);
}

#define WITH_BENCH(test) cmocka_unit_test_setup_teardown(test, bench_begin, bench_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_BENCH(test_nobody_is_sent_to_login),
		WITH_BENCH(test_headers),
		WITH_BENCH(test_assets),
		WITH_BENCH(test_host),
		WITH_BENCH(test_origin),
		WITH_BENCH(test_login_and_cookie),
		WITH_BENCH(test_sessions_have_an_end),
		WITH_BENCH(test_sessions_end_with_the_person),
		WITH_BENCH(test_setup),
		WITH_BENCH(test_refused_while_it_sends),
		WITH_BENCH(test_limits),
		WITH_BENCH(test_api_on_the_page),
		WITH_BENCH(test_api_bodies),
		WITH_BENCH(test_control_socket),
		WITH_BENCH(test_stop_before_the_answer),
		WITH_BENCH(test_client_leaves_before_the_answer),
	};
	int failed;

	curl_global_init(CURL_GLOBAL_DEFAULT);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	curl_global_cleanup();
	return failed;
}
