/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions to the API, one at a time for each request. What changes the onboarding window is
 * followed by a question for its new end, before anybody is answered: the fresh password holds as
 * long as the window, and every way to it leads through here.
 */

#include "web/request.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/crypto.h"

static void on_answer(void *userdata, int status, json_t *body);

static void call_api(struct request *request, const struct api_request *question)
{
	request->asking = true;
	api_call(request->web->api, question, on_answer, request);
}

static void note_window(struct request *request, json_t *status)
{
	json_t *window = json_object_get(status, "window");
	uint64_t now_usec = clock_boot_usec(), until_usec = 0;

	if (json_is_true(json_object_get(window, "open")))
		until_usec = now_usec +
			     (uint64_t)json_integer_value(json_object_get(window, "seconds_left")) *
				     USEC_PER_SEC;
	sessions_window(request->web->sessions, request_session(request), until_usec, now_usec);
}

static const struct api_caller page_caller = {.role = ROLE_VIEWER, .name = "page", .via = "page"};

static void ask_for_window(struct request *request, int status, json_t *body)
{
	request->asks_window = false;
	request->held_status = status;
	request->held_body = json_incref(body);
	call_api(request,
		&(const struct api_request){
			.method = "GET", .path = "/api/v1/status", .caller = &page_caller});
}

static void on_answer(void *userdata, int status, json_t *body)
{
	struct request *request = userdata;
	json_t *held = NULL;

	request->asking = false;
	if (!request->web) {
		request_free(request);
		return;
	}
	if (request->asks_window && status < 300) {
		ask_for_window(request, status, body);
		return;
	}
	request->asks_window = false;
	if (request->held_status) {
		note_window(request, body);
		status = request->held_status;
		body = held = STEAL(request->held_body);
		request->held_status = 0;
	}
	request->then(request, status, body);
	json_decref(held);
}

void request_ask(struct request *request, const char *method, const char *path, const char *query,
	json_t *body, request_next_fn then)
{
	struct session *session = request_session(request);
	struct api_request question = {.method = method,
		.path = path,
		.query = query,
		.caller = &request->caller,
		.body = body};

	if (session)
		request->caller.fresh_password =
			session_is_fresh(request->web->sessions, session, clock_boot_usec());
	request->asks_window = strcmp(path, "/api/v1/window") == 0 && strcmp(method, "GET") != 0;
	request->then = then;
	call_api(request, &question);
}

/* A body is as deep as it was sent: jansson takes no more than 2048 levels. */
void request_wipe(json_t *body) /* NOLINT(misc-no-recursion) */
{
	const char *key;
	json_t *value;
	size_t i;

	if (!body || body->refcount != 1)
		return;
	if (json_is_string(body))
		crypto_wipe((void *)(uintptr_t)json_string_value(body), json_string_length(body));
	json_object_foreach(body, key, value) request_wipe(value);
	json_array_foreach(body, i, value) request_wipe(value);
}

void request_test_as_page(struct request *request, request_next_fn then)
{
	static const struct api_caller caller = {
		.role = ROLE_TECHNICIAN, .name = "page", .via = "page"};

	request->then = then;
	call_api(request,
		&(const struct api_request){
			.method = "POST", .path = "/api/v1/network/test", .caller = &caller});
}

void request_ask_as_page(
	struct request *request, const char *path, const char *query, request_next_fn then)
{
	request->then = then;
	call_api(request,
		&(const struct api_request){
			.method = "GET", .path = path, .query = query, .caller = &page_caller});
}
