/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Login and set-up are forms like the others, but before there is a session: the origin check alone
 * stands between them and other sites, which is enough, because it admits nothing but this page.
 * After either the browser gets a new id; the old one, if any, is void.
 */

#include "web/entry.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "web/account.h"
#include "web/draw.h"
#include "web/guard.h"
#include "web/interfaces.h"
#include "web/kept.h"
#include "web/page.h"
#include "web/texts.h"

#define COOKIE_FORMAT "__Host-gh=%s; Path=/; Secure; HttpOnly; SameSite=Strict"
#define COOKIE_END    "__Host-gh=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0"

int entry_begin_session(struct request *request, json_t *person, struct session **ret_session)
{
	const char *name = json_string_value(json_object_get(person, "name"));
	const char *word = json_string_value(json_object_get(person, "role"));
	char id[SESSION_TOKEN_SIZE];
	enum role role;
	int r;

	if (!name || !word || role_from_string(word, &role) < 0)
		return -EINVAL;
	session_end(request_session(request));
	r = session_begin(request->web->sessions, name, role, clock_boot_usec(), id, ret_session);
	if (r == -EBUSY || r > 0)
		request->web->limits->reached[LIMIT_SESSIONS_WEB]++;
	if (r < 0)
		return r;
	snprintf(request->set_cookie, sizeof(request->set_cookie), COOKIE_FORMAT, id);
	crypto_wipe(id, sizeof(id));
	account_note(request, *ret_session);
	request->session_number = (*ret_session)->number;
	request->caller.role = role;
	snprintf(request->caller.name, sizeof(request->caller.name), "%s", name);
	return 0;
}

bool entry_may_set_up(const struct request *request)
{
	struct guard_address address[INTERFACES_MAX];
	const union MHD_ConnectionInfo *info;
	struct in6_addr peer;
	size_t count;

	if (!strstr(request->path, "setup"))
		return true;
	count = interfaces_list(address, INTERFACES_MAX);
	info = MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	return info && guard_address_from_sockaddr(info->client_addr, &peer) &&
	       guard_is_on_link(&peer, address, count);
}

static bool is_path(const struct request *request, const char *path)
{
	return strcmp(request->path, path) == 0;
}

/* --- GET --- */

/* Login and set-up know each other: whichever is due is shown. */
static void on_status(struct request *request, int status, json_t *body)
{
	bool set_up = json_is_true(json_object_get(body, "set_up"));

	if (status >= 300)
		page_fail(request, 503, text(TEXT_NOT_READY));
	else if (set_up != is_path(request, "/login"))
		request_redirect(request, set_up ? "/login" : "/setup");
	else
		page_show(request, request->path, 200);
}

bool entry_get(struct request *request)
{
	if (is_path(request, "/")) {
		request_redirect(request, "/waiting");
		return true;
	}
	if (!is_path(request, "/login") && !is_path(request, "/setup"))
		return false;
	if (request_session(request))
		request_redirect(request, "/waiting");
	else
		request_ask_as_page(request, "/api/v1/status", NULL, on_status);
	return true;
}

/* --- POST --- */

static void on_entered(struct request *request, int status, json_t *body)
{
	const char *why = json_string_value(json_object_get(body, "text"));
	const char *back = form_value(request->form, "back");
	struct session *session;

	if (status >= 300) {
		page_notice(request, true, why ? why : text(TEXT_REFUSED));
		page_show(request, request->path, (unsigned)status);
		return;
	}
	if (entry_begin_session(request, body, &session) < 0) {
		page_notice(request, true, text(TEXT_TOO_MANY_SESSIONS));
		page_show(request, request->path, 429);
		return;
	}
	if (!kept_come_back(request))
		request_redirect(request, back && page_is_way_back(back) ? back : "/waiting");
}

static json_t *form_object(const struct request *request, const char *const *names)
{
	json_t *object = json_object();

	for (; object && *names; names++) {
		const char *value = form_value(request->form, *names);

		json_object_set_new(object, *names, json_string(value ? value : ""));
	}
	return object;
}

static void set_up(struct request *request)
{
	static const char *const names[] = {"code", "name", "password", NULL};
	const char *first = form_value(request->form, "password");
	const char *second = form_value(request->form, "again");
	json_t *body;

	if (!entry_may_set_up(request)) {
		page_fail(request, 403, text(TEXT_SETUP_NOT_ON_LINK));
		return;
	}
	if (!first || !second || strcmp(first, second) != 0) {
		page_notice(request, true, text(TEXT_PASSWORDS_DIFFER));
		page_show(request, request->path, 400);
		return;
	}
	body = form_object(request, names);
	request_ask(request, "POST", "/api/v1/setup", NULL, body, on_entered);
	request_wipe(body);
	json_decref(body);
}

static void on_tested(struct request *request, int status, json_t *body)
{
	const char *said = json_string_value(json_object_get(body, "text"));

	page_notice(request, status >= 300 || network_test_failed(json_object_get(body, "test")),
		said ? said : text(TEXT_NOT_READY));
	page_show(request, "/setup", status >= 300 ? (unsigned)status : 200);
}

/* Once somebody is set up, this is for people who are logged in: on the screen Uplink. */
static void on_status_to_test(struct request *request, int status, json_t *body)
{
	if (status >= 300)
		page_fail(request, 503, text(TEXT_NOT_READY));
	else if (json_is_true(json_object_get(body, "set_up")))
		request_redirect(request, "/login");
	else
		request_test_as_page(request, on_tested);
}

static void test_ways(struct request *request)
{
	if (entry_may_set_up(request))
		request_ask_as_page(request, "/api/v1/status", NULL, on_status_to_test);
	else
		page_fail(request, 403, text(TEXT_SETUP_NOT_ON_LINK));
}

static void log_in(struct request *request)
{
	static const char *const names[] = {"name", "password", NULL};
	json_t *body = form_object(request, names);

	request_ask(request, "POST", "/api/v1/login", NULL, body, on_entered);
	request_wipe(body);
	json_decref(body);
}

static void log_out(struct request *request)
{
	struct session *session = request_session(request);

	if (session && !session_token_fits(session, form_value(request->form, "csrf"))) {
		page_fail(request, 403, text(TEXT_OLD_FORM));
		return;
	}
	session_end(session);
	memcpy(request->set_cookie, COOKIE_END, sizeof(COOKIE_END));
	request_redirect(request, "/login");
}

bool entry_post(struct request *request)
{
	static const struct {
		const char *path;
		void (*handler)(struct request *request);
	} row[] = {{"/login", log_in}, {"/setup", set_up}, {"/setup/test", test_ways},
		{"/logout", log_out}};

	for (size_t i = 0; i < ELEMENTS(row); i++)
		if (is_path(request, row[i].path)) {
			row[i].handler(request);
			return true;
		}
	return false;
}
