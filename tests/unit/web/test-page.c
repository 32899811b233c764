/* SPDX-License-Identifier: Apache-2.0 */
/* The screens and their forms, as a browser without JavaScript sees them. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "client.h"
#include "core/config.h"
#include "core/credential.h"
#include "core/operation.h"
#include "web/dispatch.h"
#include "web/draw.h"
#include "web/texts.h"
#include "web/word.h"

static uint64_t later_usec; /* how far the test is ahead of the clock */

uint64_t __real_clock_boot_usec(void);
uint64_t __wrap_clock_boot_usec(void);
uint64_t __wrap_clock_boot_usec(void)
{
	return __real_clock_boot_usec() + later_usec;
}

static const char *said(const struct bench *bench, const char *key)
{
	const char *value = json_string_value(json_object_get(bench->api.body, key));

	return value ? value : "";
}

/* Loads the page, sends the form with its token. */
static long submit(struct bench *bench, const char *page, const char *path, const char *fields)
{
	char form[512];

	assert_int_equal(bench_get(bench, page), 200);
	return bench_post(bench, path, bench_form(bench, fields, form, sizeof(form)));
}

static void test_every_screen(void **state)
{
	struct bench *bench = *state;
	static const struct {
		const char *path, *holds;
	} row[] = {
		{"/waiting", "NL-2291-00412"},
		{"/waiting", "Two devices call themselves th-00412"},
		{"/waiting", "Type the code that its label has"},
		{"/waiting", "Tries left: 4"},
		{"/waiting", "The window was closed"},
		{"/waiting",
			"<a href=\"/devices/vent-3\"><span>Look at <bdi>Exhaust &lt;fan&gt; 3<"},
		{"/devices", "Exhaust fan 3"},
		{"/devices", "until <time datetime=\"2026-12-20T08:02:12Z\">2026-12-20<"},
		{"/devices?q=x&stage=active&offset=0", "selected>Active"},
		{"/devices/vent-3", "plant-7/vent-3"},
		{"/devices/vent-3", "action=\"/devices/vent-3/revoke\""},
		{"/devices/vent-3", "data-key=\"command-9\""},
		{"/devices/vent-3", "from <bdi>the platform</bdi> · given up in"},
		{"/devices/vent-3", "from <bdi>root (uid 0)</bdi>"},
		{"/devices/vent-3", "It answered: <code>{&quot;was&quot;:5}</code>"},
		{"/devices/vent-3", "from <bdi>anna</bdi></p><p>It was not taken.</p>"},
		{"/uplink", "broker.plant.example:8883"},
		{"/uplink", "50 h"},
		{"/journal", "control socket"},
		{"/people", "ben"},
		{"/uplink", "href=\"/uplink/tokens\""},
		{"/uplink", "plant0</bdi></strong> <span class=\"code\">192.0.2.1<"},
		{"/uplink/tokens", "press-1"},
		{"/uplink/tokens", "1200 more: the tool lists all of them, <code>gatehousectl "
				   "tokens list<"},
		{"/scan", "<template data-stage=\"rejected\"><span class=\"tag off\">"},
		{"/uplink/tokens", "action=\"/uplink/tokens/import\""},
		{"/devices/press", "data-countdown=\"595\">9:55"},
		{"/devices/press", "op-77</bdi>"},
		{"/devices/press", "href=\"https://there.example/approve/op-77\""},
		{"/devices/press", "nobody approved it at the platform in time"},
		{"/devices/press", "action=\"/devices/press/token\""},
		{"/uplink", "Dropped with its revoked device"},
		{"/uplink", "href=\"/devices/vent-3\""},
		{"/uplink", "Refused by the platform"},
		{"/uplink", "<bdi>Exhaust fan 3</bdi>: 71000 B · <bdi>MQTT reason 0x95</bdi>"},
		{"/uplink", "<bdi>–</bdi>: 3 B"},
		{"/devices/vent-3", "short code typed"},
		{"/devices/vent-3", "/journal?object=vent-3"},
		{"/journal?action=approve", "value=\"approve\""},
		{"/journal", "before=117&amp;who="},
		{"/journal/chain", "The journal is whole"},
		{"/sheet", "Exhaust fan 3"},
		{"/sheet", "plant-7"},
		{"/devices/vent-3", "A0:<wbr>B1:<wbr>C2"},
	};
	static const struct {
		const char *path, *holds;
	} aside[] = {
		{"/authorities", "Pumps &lt;Ltd&gt;"},
		{"/authorities", "A0:<wbr>B1:<wbr>C2"},
		{"/authorities", "A person decides"},
		{"/authorities", "Its word is enough"},
		{"/authorities", "action=\"/authorities/register\""},
		{"/authorities", "value=\"" FAKE_FINGERPRINT "\""},
		{"/authorities", "plant-7 &lt;CA&gt;"},
		{"/authorities", "5C:<wbr>17:<wbr>E0"},
		{"/authorities",
			"href=\"data:application/x-pem-file,-----BEGIN%20X-----%0AQQ+/==%0A\""},
		{"/devices", "href=\"/authorities\""},
		{"/codes", "th-00412"},
		{"/codes", "gatehousectl codes import"},
		{"/account", "This window"},
	};

	bench_log_in(bench);
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		assert_int_equal(bench_get(bench, row[i].path), 200);
		if (!bench_has(bench, row[i].holds))
			fail_msg("%s: %s", row[i].path, row[i].holds);
		assert_true(bench_has(bench, "aria-current=\""));
		assert_true(bench_has(bench, "</html>"));
		assert_false(bench_has(bench, "style=\""));
		assert_false(bench_has(bench, "<script>"));
	}
	for (size_t i = 0; i < sizeof(aside) / sizeof(aside[0]); i++) {
		assert_int_equal(bench_get(bench, aside[i].path), 200);
		if (!bench_has(bench, aside[i].holds))
			fail_msg("%s: %s", aside[i].path, aside[i].holds);
	}
	assert_int_equal(bench_get(bench, "/devices/none"), 404);
	assert_true(bench_has(bench, "There is no such device."));
	assert_int_equal(bench_get(bench, "/devices/.."), 404);
}

/* One entry of the bar is where one is, also on a screen that is reached from another; one's name
 * for what is one's own. */
static void test_where_one_is(void **state)
{
	struct bench *bench = *state;
	static const struct {
		const char *path, *marked;
	} row[] = {
		{"/waiting", "<a href=\"/waiting\" aria-current=\"page\">"},
		{"/scan", "<a href=\"/waiting\" aria-current=\"true\">"},
		{"/devices", "<a href=\"/devices\" aria-current=\"page\">"},
		{"/devices/vent-3", "<a href=\"/devices\" aria-current=\"true\">"},
		{"/sheet", "<a href=\"/devices\" aria-current=\"true\">"},
		{"/authorities", "<a href=\"/devices\" aria-current=\"true\">"},
		{"/codes", "<a href=\"/devices\" aria-current=\"true\">"},
		{"/uplink/tokens", "<a href=\"/uplink\" aria-current=\"true\">"},
		{"/journal/chain", "<a href=\"/journal\" aria-current=\"true\">"},
		{"/people", "<a href=\"/people\" aria-current=\"page\">"},
		{"/account", "href=\"/account\" aria-current=\"page\">"},
	};

	bench_log_in(bench);
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		const char *first;

		assert_int_equal(bench_get(bench, row[i].path), 200);
		if (!bench_has(bench, row[i].marked))
			fail_msg("%s: %s", row[i].path, row[i].marked);
		first = strstr(bench->body, "aria-current");
		assert_null(strstr(first + 1, "aria-current"));
	}
}

static void test_empty(void **state)
{
	struct bench *bench = *state;

	bench->api.empty = true;
	bench_log_in(bench);
	assert_int_equal(bench_get(bench, "/waiting"), 200);
	assert_true(bench_has(bench, text(TEXT_NOBODY_WAITS_CLOSED)));
	bench->api.window = 300;
	assert_int_equal(bench_get(bench, "/waiting"), 200);
	assert_true(bench_has(bench, text(TEXT_NOBODY_WAITS_OPEN)));
	assert_true(bench_has(bench, "data-countdown=\"300\""));
	assert_int_equal(bench_get(bench, "/devices"), 200);
	assert_true(bench_has(bench, text(TEXT_NO_DEVICES_WHAT)));
	assert_int_equal(bench_get(bench, "/devices?q=x"), 200);
	assert_true(bench_has(bench, text(TEXT_NONE_FOUND_WHAT)));
}

/* Whoever only looks is not told to press what is not there. */
static void test_empty_for_viewers(void **state)
{
	struct bench *bench = *state;
	static const struct {
		const char *path;
		enum text says, not ;
	} row[] = {
		{"/waiting", TEXT_NOBODY_WAITS_LOOK, TEXT_NOBODY_WAITS_CLOSED},
		{"/waiting", TEXT_LABEL_KEPT_LOOK, TEXT_LABEL_KEPT_WHAT},
		{"/devices", TEXT_NO_DEVICES_LOOK, TEXT_NO_DEVICES_WHAT},
		{"/sheet", TEXT_NO_DEVICES_LOOK, TEXT_NO_DEVICES_WHAT},
	};

	bench->api.empty = true;
	bench->api.role = "viewer";
	bench_log_in(bench);
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		assert_int_equal(bench_get(bench, row[i].path), 200);
		assert_true(bench_has(bench, text(row[i].says)));
		assert_false(bench_has(bench, text(row[i].not )));
	}
}

static void test_hostile_names(void **state)
{
	struct bench *bench = *state;
	static const char *const pages[] = {"/waiting", "/devices", "/devices/pump-room-th-2"};

	bench->api.hostile = true;
	bench_log_in(bench);
	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		assert_int_equal(bench_get(bench, pages[i]), 200);
		assert_false(bench_has(bench, "<script>alert"));
		assert_false(bench_has(bench, "<img src=x"));
		assert_false(bench_has(bench, "<b>key"));
		assert_false(bench_has(bench, "' onmouseover"));
		assert_true(bench_has(bench, "&quot;&gt;&lt;script&gt;alert(1)"));
	}
	assert_int_equal(bench_get(bench, "/devices?q=%22%3E%3Cscript%3Ex&stage=%3Cb%3E"), 200);
	assert_false(bench_has(bench, "\"><script>x"));
	assert_false(bench_has(bench, "<b>"));
}

/* What each screen renews itself with, piece by piece. */
static void test_part_only(void **state)
{
	struct bench *bench = *state;
	static const struct {
		const char *path, *piece;
	} row[] = {
		{"/waiting", "data-key=\"device-flow-9\""},
		{"/devices", "data-key=\"device-vent-3\""},
		{"/devices/vent-3", "data-key=\"state\""},
		{"/uplink", "data-key=\"queue\""},
		{"/uplink/tokens", "data-key=\"token-spotflow-press-1\""},
		{"/uplink/tokens", "data-key=\"operator\""},
		{"/codes", "data-key=\"code-th-00412\""},
		{"/sheet", "data-key=\"device-vent-3\""},
		{"/sheet", "data-key=\"head\""},
		{"/authorities", "data-key=\"ca-ffee00\""},
		{"/scan", "data-key=\"open\""},
		{"/journal", "data-key=\"rows\""},
		{"/people", "data-key=\"person-ben\""},
		{"/account", "data-key=\"sessions\""},
	};

	bench_log_in(bench);
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		const char *live;

		assert_int_equal(bench_ask(bench, &(const struct ask){.path = row[i].path,
							  .field = {"X-Background: 1"}}),
			200);
		live = strstr(bench->body, "id=\"live\"");
		if (!live || !strstr(live, row[i].piece))
			fail_msg("%s: %s", row[i].path, row[i].piece);
		assert_false(bench_has(bench, "<html"));
		assert_false(bench_has(bench, "class=\"tabs\""));
	}
}

static void test_tokens(void **state)
{
	struct bench *bench = *state;

	bench_log_in(bench);
	bench->api.changes = 0;
	assert_int_equal(bench_post(bench, "/devices/vent-3/suspend", ""), 403);
	assert_int_equal(bench_post(bench, "/devices/vent-3/suspend", "csrf=0123"), 403);
	assert_int_equal(bench_post(bench, "/devices/vent-3/suspend", "csrf=%zz"), 400);
	assert_true(bench_has(bench, "Nothing was changed."));
	assert_int_equal(bench->api.changes, 0);
	/* GET changes nothing. */
	assert_int_equal(bench_get(bench, "/devices/vent-3/suspend"), 404);
	assert_int_equal(submit(bench, "/waiting", "/devices/vent-3/melt", ""), 404);
	assert_int_equal(bench->api.changes, 0);
}

#define AGAIN "&password=nine+quiet+herons"

/* Forms of each kind, what of them comes back, and what never does. */
static const struct {
	const char *path, *fields, *back;
} late[] = {
	{"/devices/vent-3/rename", "from=device&name=Fan+%22A%22&place=Roof&owner=",
		"name=\"name\" value=\"Fan &quot;A&quot;\""},
	{"/devices/pump-room-th-2/approve", "from=waiting&code=CANARY&name=Pump&place=&owner=",
		"id=\"name-pump-room-th-2\" name=\"name\" value=\"Pump\""},
	{"/people/put", "id=cleo&role=viewer&secret=canary&password=canary",
		"name=\"id\" value=\"cleo\""},
	{"/authorities/register", "lines=-----BEGIN%0D%0Ax&name=Maker&admit=auto&password=canary",
		">-----BEGIN\nx</textarea>"},
	{"/devices/press/token", "from=device&ep=press-1&row=pt&secret=canary", "<details open>"},
	{"/uplink/tokens/import", "lines=ep,pt%0D%0Aa,canary", "id=\"lines\""},
	{"/scan", "code=GH1:canary&place=Hall+4&owner=", "name=\"place\" value=\"Hall 4\""},
	{"/devices/add", "from=waiting&address=192.0.2.9&ep=lamp",
		"name=\"address\" value=\"192.0.2.9\""},
};

static void check_come_back(const struct bench *bench, size_t i)
{
	if (!bench_has(bench, late[i].back))
		fail_msg("%s: %s", late[i].path, late[i].back);
	if (strcasestr(bench->body, "canary"))
		fail_msg("%s: a secret comes back", late[i].path);
}

/* In another tab somebody logged in anew: the form is refused, and there once more. */
static void test_form_of_an_older_session(void **state)
{
	struct bench *bench = *state;
	char form[512], token[65];

	bench_log_in(bench);
	assert_int_equal(bench_get(bench, "/waiting"), 200);
	bench_token(bench, token);
	bench_log_in(bench);
	bench->api.changes = 0;
	bench->api.window = 300; /* some stand there only while it is open */
	for (size_t i = 0; i < sizeof(late) / sizeof(late[0]); i++) {
		snprintf(form, sizeof(form), "csrf=%s&%s", token, late[i].fields);
		assert_int_equal(bench_post(bench, late[i].path, form), 403);
		assert_true(bench_has(bench, text(TEXT_OLD_FORM_AGAIN)));
		assert_true(bench_has(bench, "role=\"alert\""));
		check_come_back(bench, i);
		assert_false(bench_has(bench, token));
	}
	assert_int_equal(bench->api.changes, 0);
	/* What stands there now can be sent. */
	snprintf(form, sizeof(form), "csrf=%s&%s", token, late[0].fields);
	assert_int_equal(bench_post(bench, late[0].path, form), 403);
	assert_int_equal(bench_post(bench, late[0].path,
				 bench_form(bench, late[0].fields, form, sizeof(form))),
		303);
	assert_string_equal(said(bench, "name"), "Fan \"A\"");
	/* Whoever logged in may not see that screen. */
	bench->api.role = "viewer";
	bench_log_in(bench);
	assert_int_equal(bench_post(bench, "/people/put", "csrf=0&id=cleo"), 403);
	assert_true(bench_has(bench, text(TEXT_NOT_YOUR_ROLE)));
	assert_int_equal(bench_post(bench, "/account/end", "csrf=0&session=1"), 403);
	assert_true(bench_has(bench, text(TEXT_OLD_FORM)));
}

/* A hidden field of the page, as a form sends it. */
static void carry(const struct bench *bench, const char *name, char *form, size_t size)
{
	char mark[64];
	const char *at;

	snprintf(mark, sizeof(mark), "name=\"%s\" value=\"", name);
	at = strstr(bench->body, mark);
	assert_non_null(at);
	snprintf(form + strlen(form), size - strlen(form), "&%s=", name);
	for (at += strlen(mark); *at != '"'; at++) {
		if (strncmp(at, "&amp;", 5) == 0)
			at += 4;
		snprintf(form + strlen(form), size - strlen(form), "%%%02X",
			(unsigned char)(*at == ';' ? '&' : *at));
	}
}

/* Through the log-in, also through one that is refused first. */
static void test_typed_comes_back_after_the_log_in(void **state)
{
	struct bench *bench = *state;
	char form[4096];

	bench->api.window = 300;
	for (size_t i = 0; i < sizeof(late) / sizeof(late[0]); i++) {
		curl_easy_setopt(bench->curl, CURLOPT_COOKIELIST, "ALL");
		assert_int_equal(bench_post(bench, late[i].path, late[i].fields), 401);
		assert_true(bench_has(bench, text(TEXT_LOGGED_OUT)));
		assert_null(strcasestr(bench->body, "canary"));
		snprintf(form, sizeof(form), "name=anna&password=%s",
			i % 2 ? "wrong" : "nine+quiet+herons");
		carry(bench, "kept-path", form, sizeof(form));
		carry(bench, "kept-form", form, sizeof(form));
		if (i % 2) {
			assert_int_equal(bench_post(bench, "/login", form), 403);
			assert_null(strcasestr(bench->body, "canary"));
			snprintf(form, sizeof(form), "name=anna&password=nine+quiet+herons");
			carry(bench, "kept-path", form, sizeof(form));
			carry(bench, "kept-form", form, sizeof(form));
		}
		assert_int_equal(bench_post(bench, "/login", form), 200);
		assert_non_null(strstr(bench->header, "Set-Cookie: __Host-gh="));
		assert_true(bench_has(bench, text(TEXT_TYPED_AGAIN)));
		check_come_back(bench, i);
		bench->api.changes = 0;
		assert_int_equal(bench_get(bench, "/waiting"), 200);
	}
	/* What is none of our forms, or broken, leads nowhere; a secret that somebody put in is
	 * dropped. */
	assert_int_equal(
		bench_post(bench, "/login", "name=anna" AGAIN "&kept-path=/nowhere&kept-form=a"),
		303);
	assert_true(bench_field(bench, "Location: /waiting"));
	assert_int_equal(
		bench_post(bench, "/login",
			"name=anna" AGAIN "&back=/devices&kept-path=/scan&kept-form=%25zz"),
		303);
	assert_true(bench_field(bench, "Location: /devices"));
	assert_int_equal(bench_post(bench, "/login",
				 "name=anna" AGAIN "&kept-path=/scan&kept-form=code%3Dcanary"),
		200);
	assert_false(bench_has(bench, "canary"));
	bench->api.role = "viewer";
	assert_int_equal(bench_post(bench, "/login",
				 "name=anna" AGAIN "&kept-path=/people/put&kept-form=id%3Dcleo"),
		403);
	assert_true(bench_has(bench, text(TEXT_NOT_YOUR_ROLE)));
	assert_int_equal(bench_get(bench, "/waiting"), 200);
}

static json_t *token_at(const struct bench *bench, size_t index)
{
	return json_array_get(json_object_get(bench->api.body, "tokens"), index);
}

/* Lines in, all of them or none; what is wrong is said by line; nothing comes back. */
static void test_import_tokens(void **state)
{
	struct bench *bench = *state;

	bench_log_in(bench);
	assert_int_equal(submit(bench, "/uplink/tokens", "/uplink/tokens/import",
				 "lines=ep,pt%0D%0Aboiler,canary-1%0D%0A%0D%0Afan,canary-2" AGAIN),
		303);
	assert_true(bench_field(bench, "Location: /uplink/tokens"));
	assert_string_equal(bench->api.method, "PUT");
	assert_string_equal(bench->api.path, "/api/v1/tokens");
	assert_int_equal(json_array_size(json_object_get(bench->api.body, "tokens")), 2);
	assert_string_equal(json_string_value(json_object_get(token_at(bench, 0), "ep")), "boiler");
	assert_string_equal(
		json_string_value(json_object_get(token_at(bench, 1), "pt")), "canary-2");
	assert_int_equal(json_integer_value(json_object_get(token_at(bench, 1), "line")), 4);
	assert_int_equal(json_object_size(bench->api.body), 1);
	/* Credentials at a broker, too. */
	assert_int_equal(submit(bench, "/uplink/tokens", "/uplink/tokens/import",
				 "lines=ep,username,password%0Apump,u,p" AGAIN),
		303);
	assert_string_equal(
		json_string_value(json_object_get(token_at(bench, 0), "password")), "p");
	/* Something is wrong: not a single one goes on. */
	bench->api.changes = 0;
	assert_int_equal(submit(bench, "/uplink/tokens", "/uplink/tokens/import",
				 "lines=ep,pt%0Aboiler,canary-1%0Afan%0Ax,%22canary-3%0Avalve,"
				 "canary-4" AGAIN),
		400);
	assert_int_equal(bench->api.changes, 1); /* the password */
	assert_string_equal(bench->api.path, "/api/v1/password");
	assert_true(bench_has(bench, text(TEXT_LINES_REFUSED)));
	assert_true(bench_has(bench, "Line 3 has not the two fields ep and pt."));
	assert_true(bench_has(bench, "Line 4 has a quotation mark that is not closed."));
	assert_false(bench_has(bench, "canary"));
	/* What the API says of lines is shown as well, as text. */
	bench->api.full = true;
	assert_int_equal(submit(bench, "/uplink/tokens", "/uplink/tokens/import",
				 "lines=ep,pt%0Aa,canary-5" AGAIN),
		400);
	assert_true(bench_has(bench, "Line 2 is &lt;one&gt; too many."));
	assert_false(bench_has(bench, "canary"));
	bench->api.full = false;
	assert_int_equal(
		submit(bench, "/uplink/tokens", "/uplink/tokens/import", "lines=ep,pt" AGAIN), 400);
	assert_true(bench_has(bench, text(TEXT_NO_LINES)));
	assert_int_equal(
		submit(bench, "/uplink/tokens", "/uplink/tokens/import", "x=1" AGAIN), 400);
	assert_true(bench_has(bench, text(TEXT_NO_LINES)));
	/* The password each time. */
	bench->api.changes = 0;
	assert_int_equal(
		submit(bench, "/uplink/tokens", "/uplink/tokens/import", "lines=ep,pt%0Aa,b"), 403);
	assert_int_equal(bench->api.changes, 0);
}

static void test_replace_token(void **state)
{
	struct bench *bench = *state;

	bench_log_in(bench);
	assert_int_equal(submit(bench, "/devices/press", "/devices/press/token",
				 "from=device&row=pt&ep=press-1&secret=canary-9" AGAIN),
		303);
	assert_true(bench_field(bench, "Location: /devices/press"));
	assert_string_equal(bench->api.path, "/api/v1/tokens");
	assert_string_equal(
		json_string_value(json_object_get(token_at(bench, 0), "pt")), "canary-9");
	assert_string_equal(
		json_string_value(json_object_get(token_at(bench, 0), "ep")), "press-1");
	assert_int_equal(submit(bench, "/devices/press", "/devices/press/token",
				 "from=device&row=pt&ep=press-1&secret=" AGAIN),
		400);
	assert_true(bench_has(bench, text(TEXT_TOKEN_REFUSED)));
	assert_true(bench_has(bench, "<details open>"));
	/* No script, and not for whoever is no administrator. */
	bench->api.role = "technician";
	assert_int_equal(bench_post(bench, "/login", "name=anna&password=nine+quiet+herons"), 303);
	bench_log_in(bench);
	assert_int_equal(bench_get(bench, "/devices/press"), 200);
	assert_true(bench_has(bench, "op-77"));
	assert_false(bench_has(bench, "/devices/press/token"));
	assert_int_equal(bench_get(bench, "/uplink/tokens"), 403);
}

/* Each platform is asked for what it takes, and the API gets that row. */
static void test_replace_credential(void **state)
{
	static const struct {
		const char *device, *shows, *fields, *key[2], *value[2];
	} row[] = {
		{"press-azure", "name=\"row\" value=\"key\"", "row=key&secret=QUJD", {"key"},
			{"QUJD"}},
		{"press-mqtt", "name=\"row\" value=\"username\"",
			"row=username&username=u&secret=canary", {"username", "password"},
			{"u", "canary"}},
	};
	struct bench *bench = *state;
	char page[64], path[64], fields[128];

	bench_log_in(bench);
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		snprintf(page, sizeof(page), "/devices/%s", row[i].device);
		snprintf(path, sizeof(path), "/devices/%s/token", row[i].device);
		snprintf(fields, sizeof(fields), "from=device&ep=press-1&%s" AGAIN, row[i].fields);
		assert_int_equal(bench_get(bench, page), 200);
		assert_true(bench_has(bench, row[i].shows));
		assert_int_equal(submit(bench, page, path, fields), 303);
		for (size_t k = 0; k < 2 && row[i].key[k]; k++)
			assert_string_equal(json_string_value(json_object_get(
						    token_at(bench, 0), row[i].key[k])),
				row[i].value[k]);
	}
	/* A certificate needs its key; what was pasted does not come back. */
	assert_int_equal(submit(bench, "/devices/press-mqtt", "/devices/press-mqtt/token",
				 "from=device&ep=press-1&row=certificate&lines=canary" AGAIN),
		400);
	assert_true(bench_has(bench, "needs a certificate, and its private key"));
	assert_true(bench_has(bench, "name=\"row\" value=\"certificate\""));
	assert_false(bench_has(bench, "canary"));
	/* What is typed for one row is no other: a key is base64. */
	assert_int_equal(submit(bench, "/devices/press-azure", "/devices/press-azure/token",
				 "from=device&ep=press-1&row=key&secret=no+base64" AGAIN),
		400);
}

static void test_approve(void **state)
{
	struct bench *bench = *state;

	bench_log_in(bench);
	assert_int_equal(
		submit(bench, "/waiting", "/devices/pump-room-th-2/approve",
			"from=waiting&seconds=10&code=XXXX-YYYY&name=Pump+%22A%22&place=&owner="),
		422);
	assert_true(bench_has(bench, "role=\"alert\""));
	assert_true(bench_has(bench, "Tries left: 3"));
	/* What was typed is still there, at this device alone. */
	assert_true(bench_has(
		bench, "id=\"name-pump-room-th-2\" name=\"name\" value=\"Pump &quot;A&quot;\""));
	assert_true(bench_has(bench, "id=\"code-flow-9\" name=\"code\" value=\"\""));
	assert_int_equal(submit(bench, "/waiting", "/devices/pump-room-th-2/approve",
				 "from=waiting&code=BCDF-GHJK&name=Pump&place=Hall&owner=M"),
		303);
	assert_true(bench_field(bench, "Location: /waiting"));
	assert_string_equal(bench->api.method, "POST");
	assert_string_equal(bench->api.path, "/api/v1/devices/pump-room-th-2/approve");
	assert_string_equal(said(bench, "code"), "BCDF-GHJK");
	assert_string_equal(said(bench, "name"), "Pump");
	assert_int_equal(json_object_size(bench->api.body), 4);
	/* Said once. */
	assert_int_equal(bench_get(bench, "/waiting"), 200);
	assert_true(bench_has(bench, text(TEXT_DONE_APPROVE)));
	assert_int_equal(bench_get(bench, "/waiting"), 200);
	assert_false(bench_has(bench, text(TEXT_DONE_APPROVE)));
}

static void test_other_acts(void **state)
{
	struct bench *bench = *state;
	static const struct {
		const char *path, *fields, *method, *call, *back;
	} row[] = {
		{"/devices/th/reject", "from=waiting", "POST", "/api/v1/devices/th/reject",
			"Location: /waiting"},
		{"/devices/th/reject", "from=device", "POST", "/api/v1/devices/th/reject",
			"Location: /devices/th"},
		{"/devices/th/admit", "", "POST", "/api/v1/devices/th/admit", "Location: /waiting"},
		{"/devices/vent-3/suspend", "from=device", "POST", "/api/v1/devices/vent-3/suspend",
			"Location: /devices/vent-3"},
		{"/devices/vent-3/rename", "name=a&place=b&owner=c", "POST",
			"/api/v1/devices/vent-3/rename", "Location: /devices/vent-3"},
		{"/devices/vent-3/revoke", "password=nine+quiet+herons", "POST",
			"/api/v1/devices/vent-3/revoke", "Location: /devices/vent-3"},
		{"/devices/vent-3/forget", "password=nine+quiet+herons&from=device", "POST",
			"/api/v1/devices/vent-3/forget", "Location: /devices"},
		{"/alarms/clear", "id=leak&subject=th", "POST", "/api/v1/alarms/clear",
			"Location: /waiting"},
		{"/people/put", "id=ben&role=viewer&secret=&password=nine+quiet+herons", "PUT",
			"/api/v1/people/ben", "Location: /people"},
		{"/people/drop", "id=ben&password=nine+quiet+herons", "DELETE",
			"/api/v1/people/ben", "Location: /people"},
		{"/account/password", "secret=eleven+tame+foxes&password=nine+quiet+herons", "POST",
			"/api/v1/password/new", "Location: /account"},
		{"/window/close", "", "DELETE", "/api/v1/window", "Location: /waiting"},
	};

	bench_log_in(bench);
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		long status = submit(bench, "/waiting", row[i].path, row[i].fields);

		if (status != 303 || !bench_field(bench, row[i].back) ||
			strcmp(bench->api.method, row[i].method) != 0 ||
			strcmp(bench->api.path, row[i].call) != 0)
			fail_msg("%s: %ld %s %s", row[i].path, status, bench->api.method,
				bench->api.path);
		assert_null(json_object_get(bench->api.body, "from"));
		assert_null(json_object_get(bench->api.body, "csrf"));
	}
	/* An empty new password means: keep the old one. */
	assert_int_equal(submit(bench, "/people", "/people/put",
				 "id=ben&role=viewer&secret=&password=nine+quiet+herons"),
		303);
	assert_null(json_object_get(bench->api.body, "password"));
	assert_string_equal(said(bench, "role"), "viewer");
}

/* What decides nothing leaves the form as it was typed, on the screen that it stands on. */
static void test_what_is_typed_beside_it_stays(void **state)
{
	struct bench *bench = *state;
	static const char *const acts[] = {"identify", "show-code"};
	char path[64], call[96];

	bench_log_in(bench);
	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
		snprintf(path, sizeof(path), "/devices/pump-room-th-2/%s", acts[i]);
		snprintf(call, sizeof(call), "/api/v1%s", path);
		assert_int_equal(submit(bench, "/waiting", path,
					 "from=waiting&seconds=10&code=BCDF&place=Cellar+4"),
			200);
		assert_string_equal(bench->api.path, call);
		assert_true(bench_has(bench, "data-path=\"/waiting\""));
		assert_true(bench_has(bench, "value=\"Cellar 4\""));
		assert_true(bench_has(bench, "value=\"BCDF\""));
		assert_false(bench_has(bench, "class=\"notice error\""));
	}
}

/* Another session of the same person is ended by its number, one of somebody else is not. */
static void test_own_sessions(void **state)
{
	struct bench *bench = *state;
	static const char mark[] = "name=\"session\" value=\"";
	char fields[64];
	const char *at;

	bench_log_in(bench);
	curl_easy_setopt(bench->curl, CURLOPT_COOKIELIST, "ALL");
	bench_log_in(bench);
	assert_int_equal(bench_get(bench, "/account"), 200);
	at = strstr(bench->body, mark);
	assert_non_null(at);
	assert_null(strstr(at + 1, mark));
	snprintf(fields, sizeof(fields), "session=%ld", strtol(at + strlen(mark), NULL, 10));
	assert_int_equal(submit(bench, "/account", "/account/end", fields), 303);
	assert_int_equal(bench_get(bench, "/account"), 200);
	assert_true(bench_has(bench, "That session has ended."));
	assert_null(strstr(bench->body, mark));
	assert_int_equal(submit(bench, "/account", "/account/end", "session=99"), 303);
	assert_int_equal(bench_get(bench, "/account"), 200);
}

/* One's sessions are told apart by browser, address and times; what a browser says is never shown,
 * only what is known of it here. */
static void test_sessions_told_apart(void **state)
{
	struct bench *bench = *state;
	static const struct {
		const char *agent, *shown;
	} row[] = {
		{"Mozilla/5.0 (Linux; Android 14; Pixel) Gecko/1 Firefox/132.0",
			"<h3>Firefox on Android</h3>"},
		{"Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537 Chrome/131 Safari/537 Edg/131",
			"<h3>Edge on Windows</h3>"},
		{"Mozilla/5.0 (iPhone; CPU iPhone OS 17 like Mac OS X) Version/17 Safari/604",
			"<h3>Safari on iPhone</h3>"},
		{"<script>alert(1)</script>", "<h3>A browser</h3>"},
		{"", "<h3>A browser</h3>"},
	};
	char field[160];

	bench_log_in(bench);
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		snprintf(field, sizeof(field), "User-Agent: %s", row[i].agent);
		assert_int_equal(
			bench_ask(bench, &(const struct ask){.path = "/account", .field = {field}}),
			200);
		if (!bench_has(bench, row[i].shown))
			fail_msg("%s: %s", row[i].agent, row[i].shown);
		assert_false(bench_has(bench, "alert("));
		assert_true(bench_has(bench, "<bdi>127.0.0.1</bdi>") ||
			    bench_has(bench, "<bdi>::1</bdi>"));
		assert_true(bench_has(bench, "This window"));
	}
	/* What the page fetches by itself changes nothing. */
	assert_int_equal(bench_ask(bench, &(const struct ask){.path = "/account",
						  .field = {"X-Background: 1",
							  "User-Agent: Firefox/1 Linux"}}),
		200);
	assert_false(bench_has(bench, "Firefox"));
}

/* Where a password is asked for each time, a fresh session is not enough. */
static void test_password_once_more(void **state)
{
	struct bench *bench = *state;

	bench_log_in(bench);
	bench->api.changes = 0;
	assert_int_equal(
		submit(bench, "/devices/vent-3", "/devices/vent-3/revoke", "from=device"), 403);
	assert_true(bench_has(bench, text(TEXT_PASSWORD_NEEDED)));
	assert_int_equal(bench->api.changes, 0);
	assert_int_equal(submit(bench, "/devices/vent-3", "/devices/vent-3/revoke",
				 "from=device&password=wrong"),
		403);
	assert_string_equal(bench->api.path, "/api/v1/password");
	assert_true(bench_has(bench, "The password is not right."));
	assert_true(bench_has(bench, "Exhaust fan 3")); /* on the screen where it stood */
	assert_true(bench_has(bench, "<details class=\"grave\" open>")); /* and before the eye */
	assert_int_equal(bench_get(bench, "/devices/vent-3"), 200);
	assert_true(bench_has(bench, "<details class=\"grave\">"));
	/* Who was chosen is who is meant, not the first of the list. */
	assert_int_equal(submit(bench, "/devices/vent-3", "/devices/vent-3/replace",
				 "from=device&with=pump-room-th-2"),
		403);
	assert_true(bench_has(bench, "<option value=\"pump-room-th-2\" selected>"));
	assert_int_equal(
		submit(bench, "/people", "/people/put", "id=ben&role=viewer&secret="), 403);
	assert_true(bench_has(bench, "<details open>"));
	assert_true(bench_has(bench, "<option value=\"viewer\" selected>"));
	assert_int_equal(submit(bench, "/people", "/people/drop", "id=../status&password=x"), 400);
	assert_string_equal(bench->api.path, "/api/v1/password");
}

static void test_window(void **state)
{
	struct bench *bench = *state;

	bench_log_in(bench);
	assert_int_equal(submit(bench, "/waiting", "/window/open", "seconds=600"), 403);
	assert_true(bench_has(bench, "<option value=\"600\" selected>"));
	assert_int_equal(
		submit(bench, "/waiting", "/window/open", "seconds=ten&password=nine+quiet+herons"),
		400);
	assert_int_equal(bench->api.window, 0);
	assert_int_equal(
		submit(bench, "/waiting", "/window/open", "seconds=600&password=nine+quiet+herons"),
		303);
	assert_int_equal(bench->api.window, 600);
	assert_int_equal(json_integer_value(json_object_get(bench->api.body, "seconds")), 600);
	assert_int_equal(bench_get(bench, "/waiting"), 200);
	assert_true(bench_has(bench, "action=\"/window/close\""));
	assert_int_equal(submit(bench, "/waiting", "/window/close", ""), 303);
	assert_int_equal(bench->api.window, 0);
}

/* The password that opened the window holds until it closes, for decisions on the page and for the
 * API. */
static void test_password_holds_for_the_window(void **state)
{
	struct bench *bench = *state;
	static const char field[] = "id=\"password-pump-room-th-2\"";

	bench_log_in(bench);
	assert_int_equal(
		submit(bench, "/waiting", "/window/open", "seconds=600&password=nine+quiet+herons"),
		303);
	later_usec = 6 * 60 * USEC_PER_SEC;
	assert_int_equal(bench_get(bench, "/waiting"), 200);
	assert_false(bench_has(bench, field));
	assert_int_equal(submit(bench, "/waiting", "/devices/th/admit", ""), 303);
	assert_true(bench->api.caller.fresh_password);
	assert_int_equal(submit(bench, "/waiting", "/window/close", ""), 303);
	assert_int_equal(bench_get(bench, "/waiting"), 200);
	assert_true(bench_has(bench, field));
	assert_int_equal(submit(bench, "/waiting", "/devices/th/admit", ""), 303);
	assert_false(bench->api.caller.fresh_password);
	/* Typed along with the decision. */
	assert_int_equal(
		submit(bench, "/waiting", "/devices/th/admit", "password=nine+quiet+herons"), 303);
	assert_true(bench->api.caller.fresh_password);
	later_usec = 0;
}

static void test_idle(void **state)
{
	struct bench *bench = *state;

	bench_log_in(bench);
	later_usec = 14 * 60 * USEC_PER_SEC;
	/* What the page loads by itself is no activity. */
	assert_int_equal(bench_ask(bench, &(const struct ask){.path = "/waiting",
						  .field = {"X-Background: 1"}}),
		200);
	later_usec = 16 * 60 * USEC_PER_SEC;
	assert_int_equal(bench_get(bench, "/waiting"), 303);
	bench_log_in(bench);
	later_usec = 30 * 60 * USEC_PER_SEC;
	assert_int_equal(bench_get(bench, "/waiting"), 200);
	later_usec = 44 * 60 * USEC_PER_SEC;
	assert_int_equal(bench_get(bench, "/waiting"), 200);
	later_usec = 0;
}

/* Registered with its certificate as it was pasted; withdrawn by its fingerprint; both with the
 * password. */
static void test_authorities(void **state)
{
	struct bench *bench = *state;
	const char *given;

	bench_log_in(bench);
	bench->api.changes = 0;
	assert_int_equal(submit(bench, "/authorities", "/authorities/register",
				 "lines=-----BEGIN%0D%0AAA%2B%0D%0A-----END&name=Pumps&admit=auto"),
		403);
	assert_int_equal(bench->api.changes, 0);
	assert_true(bench_has(bench, text(TEXT_PASSWORD_NEEDED)));
	assert_true(bench_has(bench, "-----BEGIN\nAA+")); /* what was typed is kept */
	assert_int_equal(
		submit(bench, "/authorities", "/authorities/register",
			"lines=-----BEGIN%0D%0AAA%2B%0D%0A-----END&name=&admit=auto" AGAIN),
		303);
	assert_true(bench_field(bench, "Location: /authorities"));
	assert_string_equal(bench->api.method, "PUT");
	assert_string_equal(bench->api.path, "/api/v1/device-cas");
	given = json_string_value(json_object_get(bench->api.body, "certificate"));
	assert_string_equal(given, "-----BEGIN\r\nAA+\r\n-----END");
	assert_string_equal(said(bench, "admit"), "auto");
	assert_null(json_object_get(bench->api.body, "name"));
	assert_int_equal(submit(bench, "/authorities", "/authorities/withdraw",
				 "id=" FAKE_FINGERPRINT AGAIN),
		303);
	assert_string_equal(bench->api.method, "DELETE");
	assert_string_equal(bench->api.path, "/api/v1/device-cas/" FAKE_FINGERPRINT);
	/* That of a file goes with its file. */
	assert_int_equal(bench_get(bench, "/authorities"), 200);
	assert_false(bench_has(bench, "value=\"ffee00\""));
	bench->api.empty = true;
	assert_int_equal(bench_get(bench, "/authorities"), 200);
	assert_true(bench_has(bench, text(TEXT_NO_CAS_WHAT)));
	/* A technician looks, and no more; a viewer does not. */
	bench->api.empty = false;
	bench->api.role = "technician";
	bench_log_in(bench);
	assert_int_equal(bench_get(bench, "/authorities"), 200);
	assert_true(bench_has(bench, "A0:<wbr>B1"));
	assert_false(bench_has(bench, "action=\"/authorities/"));
	bench->api.role = "viewer";
	bench_log_in(bench);
	assert_int_equal(bench_get(bench, "/authorities"), 403);
	assert_int_equal(bench_get(bench, "/devices"), 200);
	assert_false(bench_has(bench, "href=\"/authorities\""));
}

/* An end that is near, and one that was, are said in words. */
static void test_ends(void **state)
{
	struct bench *bench = *state;
	static const struct {
		int days;
		bool device_ca_soon, site_ca_soon, over;
	} row[] = {{-1, false, false, true}, {2, true, true, false}, {29, true, true, false},
		{31, false, true, false}, {89, false, true, false}, {91, false, false, false}};

	bench_log_in(bench);
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		char ends[24], left[16];
		const char *own;

		clock_format(clock_wall_msec() + (row[i].days * INT64_C(24) + 1) * 3600000, ends);
		snprintf(left, sizeof(left), "in %d d<", row[i].days);
		bench->api.ends = ends;
		assert_int_equal(bench_get(bench, "/authorities"), 200);
		own = strstr(bench->body, "data-key=\"site-ca\"");
		assert_non_null(own);
		assert_int_equal(strstr(own, "Ends soon") != NULL, row[i].site_ca_soon);
		assert_int_equal(bench_has(bench, left), row[i].site_ca_soon);
		assert_int_equal(bench_has(bench, "Ended</span>"), row[i].over);
		bench->body[own - bench->body] = '\0';
		assert_int_equal(bench_has(bench, "Ends soon"), row[i].device_ca_soon);
	}
	bench->api.ends = "no time";
	assert_int_equal(bench_get(bench, "/authorities"), 200);
	assert_false(bench_has(bench, "Ends soon"));
}

/* The journal in words of people, with the program's own beside them; devices by name. */
static void test_journal(void **state)
{
	struct bench *bench = *state;
	static const char *const holds[] = {
		"<bdi>Open the window</bdi> <code class=\"word\"><bdi>window open</bdi></code>",
		"<bdi>Approve</bdi></td>",
		"<a href=\"/devices/vent-3\"><bdi>Exhaust &lt;fan&gt; 3</bdi></a> <code "
		"class=\"word\"><bdi>vent-3</bdi></code>",
		"<bdi>gone-1</bdi> <small>not here any more</small>",
		"Refused: wrong code",
		"Done, at <bdi>local</bdi>",
		"its &lt;own&gt; reason",
		"Refuse its credential",
		"<bdi>Alarm</bdi> <code class=\"word\"><bdi>alarm raised</bdi></code>",
		"Too many wrong codes",
		"<code class=\"word\"><bdi>code-locked</bdi></code>",
		"<option value=\"window open\">Open the window</option>",
		"<small>Administrator</small>",
		"control socket",
	};
	static const char unsure[] = "<span class=\"unsure\"";
	const char *at;

	bench_log_in(bench);
	assert_int_equal(bench_get(bench, "/journal"), 200);
	for (size_t i = 0; i < sizeof(holds) / sizeof(holds[0]); i++)
		if (!bench_has(bench, holds[i]))
			fail_msg("%s", holds[i]);
	/* What the mark means stands once above the rows; it stands in the one row alone. */
	at = strstr(bench->body, text(TEXT_CLOCK_MARK_WHAT));
	assert_non_null(at);
	assert_null(strstr(at + 1, text(TEXT_CLOCK_MARK_WHAT)));
	at = strstr(at, unsure);
	assert_non_null(at);
	assert_null(strstr(at + 1, unsure));
	assert_non_null(strstr(at, "clock not synchronised"));
	/* On the screen of a device likewise. */
	assert_int_equal(bench_get(bench, "/devices/vent-3"), 200);
	assert_true(bench_has(bench, "<b>Approve</b> by <bdi>anna</bdi> · "));
	assert_true(bench_has(bench, text(TEXT_CLOCK_MARK_WHAT)));
}

/* One file says what the gateway and its script make of a number of seconds: the script is held
 * against it in a browser (system/test_browser.py). */
static void test_durations(void **state)
{
	char path[512], duration[DURATION_TEXT], said_ago[DURATION_TEXT + 8], left[DURATION_TEXT];
	json_t *list, *row;
	size_t i;

	assert_non_null(getenv("GATEHOUSE_SOURCE"));
	snprintf(path, sizeof(path), "%s/tests/system/browser/durations.json",
		getenv("GATEHOUSE_SOURCE"));
	list = json_load_file(path, 0, NULL);
	assert_true(json_array_size(list) > 20);
	json_array_foreach(list, i, row)
	{
		long long seconds = json_integer_value(json_array_get(row, 0));

		snprintf(said_ago, sizeof(said_ago), "%s %s", duration_text(seconds, duration),
			text(TEXT_UNIT_AGO));
		assert_string_equal(said_ago, json_string_value(json_array_get(row, 1)));
		assert_string_equal(
			countdown_text(seconds, left), json_string_value(json_array_get(row, 2)));
	}
	json_decref(list);
}

static void test_roles(void **state)
{
	struct bench *bench = *state;

	bench->api.role = "technician";
	bench_log_in(bench);
	assert_int_equal(bench_get(bench, "/waiting"), 200);
	assert_false(bench_has(bench, "href=\"/journal\""));
	assert_int_equal(bench_get(bench, "/journal"), 403);
	assert_int_equal(bench_get(bench, "/people"), 403);
	assert_int_equal(bench_get(bench, "/devices/vent-3"), 200);
	assert_true(bench_has(bench, "/suspend\""));
	assert_false(bench_has(bench, "/release\"")); /* an administrator's, by the API's table */
	assert_int_equal(bench_post(bench, "/login", "name=anna&password=nine+quiet+herons"), 303);
	assert_int_equal(bench_get(bench, "/waiting"), 200);
	assert_true(bench_has(bench, "value=\"name-conflict\"")); /* may be cleared */
	assert_false(bench_has(bench, "value=\"uplink-down\""));  /* ends by itself */
	assert_string_equal(who_label("uid 0"), "root (uid 0)");  /* no person has a blank */
	assert_string_equal(who_label("root"), "root");
	assert_true(bench_has(bench, text(TEXT_ENDS_ITSELF)));
	bench->api.role = "viewer";
	bench_log_in(bench);
	assert_int_equal(bench_get(bench, "/waiting"), 200);
	assert_false(bench_has(bench, "/window/open"));
	assert_false(bench_has(bench, "/alarms/clear"));
}

static void test_matching(void **state)
{
	char id[REQUEST_ID_MAX + 1] = "-", huge[128] = "/devices/";

	assert_true(dispatch_match("/devices", "/devices", id));
	assert_string_equal(id, "-");
	assert_true(dispatch_match("/devices/{id}", "/devices/a.b-c_9", id));
	assert_string_equal(id, "a.b-c_9");
	assert_true(dispatch_match("/devices/{id}/x", "/devices/A/x", id));
	assert_false(dispatch_match("/devices/{id}", "/devices/", id));
	assert_false(dispatch_match("/devices/{id}", "/devices/a/b", id));
	assert_false(dispatch_match("/devices/{id}", "/devices/a%2fb", id));
	assert_false(dispatch_match("/devices/{id}", "/devices/..", id));
	assert_false(dispatch_match("/devices/{id}/x", "/devices/./x", id));
	assert_string_equal(id, "A");
	memset(huge + 9, 'a', 65);
	assert_false(dispatch_match("/devices/{id}", huge, id));
	huge[9 + 64] = 0;
	assert_true(dispatch_match("/devices/{id}", huge, id));
}

static void test_tables(void **state)
{
	for (int i = 0; i < TEXTS; i++)
		assert_true(text((enum text)i) && text((enum text)i)[0]);
	assert_string_equal(word_label(WORD_STAGE, "active"), "Active");
	assert_string_equal(word_label(WORD_STAGE, "a new word"), "a new word");
	assert_null(word_at(WORD_ROLE, 3));
	for (int i = 0; i < STAGES; i++)
		if (!word_find(WORD_STAGE, device_stage_to_string((enum device_stage)i)))
			fail_msg("%s", device_stage_to_string((enum device_stage)i));
	for (int i = 0; i < TRUSTS; i++)
		assert_non_null(word_find(WORD_TRUST, trust_to_string((enum trust)i)));
	for (int i = 0; i < FOUNDS; i++)
		assert_non_null(word_find(WORD_FOUND, found_by_to_string((enum found_by)i)));
	for (int i = 0; i < LINK_STATES; i++)
		assert_non_null(word_find(WORD_LINK, link_state_to_string((enum link_state)i)));
	for (int i = 0; i < CREDENTIAL_STATES; i++)
		assert_non_null(word_find(
			WORD_CREDENTIAL, credential_state_to_string((enum credential_state)i)));
	for (int i = 0; i < OPERATION_STATES; i++)
		assert_non_null(word_find(
			WORD_OPERATION, operation_state_to_string((enum operation_state)i)));
	for (int i = DURABILITY_POWER; i <= DURABILITY_MEMORY; i++)
		assert_non_null(
			word_find(WORD_DURABILITY, durability_to_string((enum durability)i)));
	for (int i = 0; i < AWAYS; i++)
		assert_non_null(word_find(WORD_AWAY, turned_away_to_string((enum turned_away)i)));
}

#define WITH_BENCH(test) cmocka_unit_test_setup_teardown(test, bench_begin, bench_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_BENCH(test_every_screen),
		WITH_BENCH(test_own_sessions),
		WITH_BENCH(test_sessions_told_apart),
		WITH_BENCH(test_what_is_typed_beside_it_stays),
		WITH_BENCH(test_where_one_is),
		WITH_BENCH(test_empty),
		WITH_BENCH(test_empty_for_viewers),
		WITH_BENCH(test_hostile_names),
		WITH_BENCH(test_part_only),
		WITH_BENCH(test_tokens),
		WITH_BENCH(test_form_of_an_older_session),
		WITH_BENCH(test_typed_comes_back_after_the_log_in),
		WITH_BENCH(test_authorities),
		WITH_BENCH(test_ends),
		WITH_BENCH(test_journal),
		cmocka_unit_test(test_durations),
		WITH_BENCH(test_import_tokens),
		WITH_BENCH(test_replace_token),
		WITH_BENCH(test_replace_credential),
		WITH_BENCH(test_approve),
		WITH_BENCH(test_other_acts),
		WITH_BENCH(test_password_once_more),
		WITH_BENCH(test_window),
		WITH_BENCH(test_password_holds_for_the_window),
		WITH_BENCH(test_idle),
		WITH_BENCH(test_roles),
		cmocka_unit_test(test_matching),
		cmocka_unit_test(test_tables),
	};
	int failed;

	curl_global_init(CURL_GLOBAL_DEFAULT);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	curl_global_cleanup();
	return failed;
}
