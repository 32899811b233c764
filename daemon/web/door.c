/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Passes calls on to the API. Three of them concern this room too: a login (and the set-up, which
 * ends in one) begins a session, and a typed password makes it fresh. The answer of a login carries
 * the session's token, which every later change must bring along in X-CSRF-Token.
 */

#include "web/door.h"

#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "web/entry.h"
#include "web/stream.h"
#include "web/texts.h"

static bool is_call(const struct request *request, const char *path)
{
	return request->method == METHOD_POST && strcmp(request->path, path) == 0;
}

static bool begins_session(const struct request *request)
{
	return !request->local &&
	       (is_call(request, "/api/v1/login") || is_call(request, "/api/v1/setup"));
}

static void on_login(struct request *request, int status, json_t *body)
{
	struct session *session = NULL;
	json_t *answer;

	if (status >= 300) {
		request_answer_json(request, (unsigned)status, body);
		return;
	}
	if (entry_begin_session(request, body, &session) < 0) {
		request_answer_error(
			request, 429, "too-many-sessions", text(TEXT_TOO_MANY_SESSIONS));
		return;
	}
	answer = json_copy(body);
	if (answer)
		json_object_set_new(answer, "csrf", json_string(session->csrf));
	request_answer_json(request, answer ? (unsigned)status : 503, answer);
	json_decref(answer);
}

static void on_answer(struct request *request, int status, json_t *body)
{
	struct session *session = request_session(request);

	if (status < 300 && session && is_call(request, "/api/v1/password"))
		session_password_typed(request->web->sessions, session, clock_boot_usec());
	request_answer_json(request, (unsigned)status, body);
}

static bool is_stream(const struct request *request)
{
	return request->method == METHOD_GET && strcmp(request->path, DOOR_EVENTS) == 0;
}

/* The API said whether the caller may listen. */
static void on_may_listen(struct request *request, int status, json_t *body)
{
	if (status < 300)
		stream_begin(request->web->streams, request);
	else
		request_answer_json(request, (unsigned)status, body);
}

/* True when it is answered. */
static bool refuse_change(struct request *request)
{
	struct session *session = request_session(request);

	if (request->local || request->method == METHOD_GET || begins_session(request))
		return false;
	if (session && session_token_fits(session, request_field(request, "X-CSRF-Token")))
		return false;
	if (session)
		request_answer_error(request, 403, "token", text(TEXT_NO_CSRF));
	else
		request_answer_error(request, 401, "login", text(TEXT_LOG_IN_FIRST));
	return true;
}

static bool is_json(const struct request *request)
{
	static const char type[] = "application/json";
	const char *given = request_field(request, "Content-Type");

	return given && strncasecmp(given, type, sizeof(type) - 1) == 0;
}

/* 0 with an object or NULL, or the status to refuse with. */
static unsigned read_body(struct request *request, json_t **ret_body)
{
	json_t *body;

	if (request->body_size == 0) {
		*ret_body = NULL;
		return 0;
	}
	if (!is_json(request))
		return 415;
	body = json_loadb(
		(const char *)request->body, request->body_size, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(body)) {
		json_decref(body);
		return 400;
	}
	*ret_body = body;
	return 0;
}

static const char *method_name(enum method method)
{
	static const char *const name[] = {
		[METHOD_GET] = "GET",
		[METHOD_POST] = "POST",
		[METHOD_PUT] = "PUT",
		[METHOD_DELETE] = "DELETE",
		[METHOD_OTHER] = "",
	};

	return name[method];
}

void door_begin(struct request *request)
{
	json_t *body = NULL;
	unsigned refused;

	if (refuse_change(request))
		return;
	if (begins_session(request) && !entry_may_set_up(request)) {
		request_answer_error(request, 403, "not-on-link", text(TEXT_SETUP_NOT_ON_LINK));
		return;
	}
	refused = read_body(request, &body);
	if (refused) {
		request_answer_error(request, refused, "body", text(TEXT_BAD_JSON));
		return;
	}
	request_ask(request, method_name(request->method), request->path, request->query, body,
		begins_session(request) ? on_login
		: is_stream(request)	? on_may_listen
					: on_answer);
	request_wipe(body);
	json_decref(body);
}
