/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The library calls request_handle() several times: once with the headers, then for each part of
 * the body, then with nothing when the body is complete. What can be refused by its headers is
 * refused at the first call, before a body is read. When the answer is not there at the last call
 * the connection is suspended; request_answer() resumes it, and the library calls once more.
 *
 * Whoever answers may be late: the client or the whole page may be gone by then. While a question
 * is under way the request outlives both.
 */

#include "web/request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/crypto.h"
#include "base/log.h"
#include "web/dispatch.h"
#include "web/headers.h"

#define HTML_TYPE "text/html; charset=utf-8"
#define JSON_TYPE "application/json"

static void request_unlink(struct request *request)
{
	if (!request->web)
		return;
	if (request->next)
		request->next->previous = request->previous;
	if (request->previous)
		request->previous->next = request->next;
	else
		request->web->requests = request->next;
	request->web = NULL;
}

static void request_free(struct request *request)
{
	request_unlink(request);
	if (request->response)
		MHD_destroy_response(request->response);
	if (request->body)
		crypto_wipe(request->body, request->body_size);
	free(request->body);
	free(request->path);
	form_free(request->form);
	form_free(request->arguments);
	for (unsigned i = 0; i < REQUEST_PARTS_MAX; i++)
		json_decref(request->part[i]);
	json_decref(request->held_body);
	crypto_wipe(request->set_cookie, sizeof(request->set_cookie));
	free(request);
}

static struct request *request_new(
	struct web *web, const char *uri, struct MHD_Connection *connection, bool local)
{
	struct request *request = calloc(1, sizeof(*request));

	if (!request)
		return NULL;
	request->path = strdup(uri);
	if (!request->path) {
		free(request);
		return NULL;
	}
	request->query = strchr(request->path, '?');
	if (request->query)
		*request->query++ = 0;
	request->web = web;
	request->connection = connection;
	request->local = local;
	request->next = web->requests;
	if (request->next)
		request->next->previous = request;
	web->requests = request;
	return request;
}

void *request_begin_page(void *userdata, const char *uri, struct MHD_Connection *connection)
{
	return request_new(userdata, uri, connection, false);
}

void *request_begin_control(void *userdata, const char *uri, struct MHD_Connection *connection)
{
	return request_new(userdata, uri, connection, true);
}

static enum method method_from_string(const char *text)
{
	static const struct {
		const char *name;
		enum method method;
	} row[] = {
		{"GET", METHOD_GET},
		{"HEAD", METHOD_GET}, /* the library leaves the body out */
		{"POST", METHOD_POST},
		{"PUT", METHOD_PUT},
		{"DELETE", METHOD_DELETE},
	};

	for (size_t i = 0; i < ELEMENTS(row); i++)
		if (strcmp(text, row[i].name) == 0)
			return row[i].method;
	return METHOD_OTHER;
}

const char *request_field(const struct request *request, const char *name)
{
	return request->connection
		       ? MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name)
		       : NULL;
}

struct session *request_session(const struct request *request)
{
	return request->web ? session_by_number(request->web->sessions, request->session_number)
			    : NULL;
}

static bool header_too_large(const struct request *request)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
		request->connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);

	return info && info->header_size > WEB_HEADER_MAX;
}

static bool body_too_large(const struct request *request)
{
	const char *length = request_field(request, "Content-Length");
	uint64_t max = request->web->limits->value[LIMIT_HTTP_BODY];

	return length && strtoull(length, NULL, 10) > max;
}

static void refuse_body(struct request *request)
{
	request->web->limits->reached[LIMIT_HTTP_BODY]++;
	request_answer_error(request, 413, "too-large", "The request is too large.");
}

/* With the headers alone: answers, or lets it go on. */
static void look_at_headers(struct request *request, const char *method)
{
	request->method = method_from_string(method);
	if (header_too_large(request))
		request_answer_error(
			request, 431, "header-too-large", "The header fields are too large.");
	else if (body_too_large(request))
		refuse_body(request);
	else
		dispatch_headers(request);
}

static void collect_body(struct request *request, const char *data, size_t size)
{
	uint8_t *body;

	if (request->too_large ||
		size > request->web->limits->value[LIMIT_HTTP_BODY] - request->body_size) {
		request->too_large = true;
		return;
	}
	body = realloc(request->body, request->body_size + size + 1);
	if (!body) {
		request->too_large = true;
		return;
	}
	memcpy(body + request->body_size, data, size);
	request->body = body;
	request->body_size += size;
	body[request->body_size] = 0;
}

static enum MHD_Result queue_answer(struct request *request)
{
	enum MHD_Result result =
		MHD_queue_response(request->connection, request->status, request->response);

	request->queued = true;
	MHD_destroy_response(request->response);
	request->response = NULL;
	return result;
}

enum MHD_Result request_handle(void *userdata, struct MHD_Connection *connection, const char *url,
	const char *method, const char *version, const char *upload, size_t *upload_size,
	void **context)
{
	struct request *request = *context;

	if (!request)
		return MHD_NO; /* no memory at its begin: the connection closes */
	if (request->response)
		return queue_answer(request);
	if (!request->begun) {
		request->begun = true;
		look_at_headers(request, method);
		return request->response ? queue_answer(request) : MHD_YES;
	}
	if (*upload_size > 0) {
		collect_body(request, upload, *upload_size);
		*upload_size = 0;
		return MHD_YES;
	}
	if (request->too_large)
		refuse_body(request);
	else
		dispatch_request(request);
	if (request->response)
		return queue_answer(request);
	MHD_suspend_connection(connection);
	request->suspended = true;
	return MHD_YES;
}

void request_completed(void *userdata, struct MHD_Connection *connection, void **context,
	enum MHD_RequestTerminationCode code)
{
	struct request *request = *context;

	*context = NULL;
	if (!request)
		return;
	request->connection = NULL;
	request->suspended = false;
	if (request->asking)
		request_unlink(request); /* the API's answer frees it */
	else
		request_free(request);
}

void request_release_all(struct web *web)
{
	for (struct request *request = web->requests; request; request = request->next)
		if (request->suspended) {
			request->suspended = false;
			MHD_resume_connection(request->connection);
		}
}

/* Takes the response over; NULL when there was no memory for it: an empty answer then. */
static void give(struct request *request, unsigned status, struct MHD_Response *response)
{
	if (!response) {
		status = 503;
		response = MHD_create_response_from_buffer(0, (void *)"", MHD_RESPMEM_PERSISTENT);
	}
	if (!response || request->response || request->queued || !request->connection) {
		if (response)
			MHD_destroy_response(response);
		return;
	}
	headers_add(response);
	if (request->set_cookie[0])
		MHD_add_response_header(response, MHD_HTTP_HEADER_SET_COOKIE, request->set_cookie);
	request->response = response;
	request->status = status;
	if (request->suspended) {
		request->suspended = false;
		MHD_resume_connection(request->connection);
		port_wake(request->local ? request->web->control : request->web->page);
	}
}

static void give_typed(struct request *request, unsigned status, const char *content_type,
	struct MHD_Response *response)
{
	if (response)
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
	give(request, status, response);
}

void request_answer(struct request *request, unsigned status, const char *content_type,
	const void *data, size_t size)
{
	give_typed(request, status, content_type,
		MHD_create_response_from_buffer(
			size, (void *)(uintptr_t)data, MHD_RESPMEM_MUST_COPY));
}

void request_answer_html(struct request *request, unsigned status, struct html *html)
{
	size_t size = 0;
	char *text = html_steal(html, &size);

	give_typed(request, text ? status : 500, HTML_TYPE,
		MHD_create_response_from_buffer(size, text ? text : (char *)"",
			text ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT));
}

void request_answer_json(struct request *request, unsigned status, json_t *body)
{
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;

	if (!text && body)
		status = 500;
	give_typed(request, status, JSON_TYPE,
		MHD_create_response_from_buffer(text ? strlen(text) : 0, text ? text : (char *)"",
			text ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT));
}

void request_answer_error(
	struct request *request, unsigned status, const char *word, const char *text)
{
	json_t *body = json_pack("{s:s, s:s}", "error", word, "text", text);

	request_answer_json(request, status, body);
	json_decref(body);
}

void request_redirect(struct request *request, const char *location)
{
	struct MHD_Response *response =
		MHD_create_response_from_buffer(0, (void *)"", MHD_RESPMEM_PERSISTENT);

	if (response)
		MHD_add_response_header(response, MHD_HTTP_HEADER_LOCATION, location);
	give(request, 303, response);
}

/* --- questions --- */

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

void request_wipe(json_t *body)
{
	const char *key;
	json_t *value;

	if (!body || body->refcount != 1)
		return;
	json_object_foreach(body, key, value) if (json_is_string(value))
		crypto_wipe((void *)(uintptr_t)json_string_value(value), json_string_length(value));
}

void request_ask_as_page(
	struct request *request, const char *path, const char *query, request_next_fn then)
{
	request->then = then;
	call_api(request,
		&(const struct api_request){
			.method = "GET", .path = path, .query = query, .caller = &page_caller});
}
