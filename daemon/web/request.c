/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The library calls request_handle() several times: once with the headers, then for each part of
 * the body, then with nothing when the body is complete. What can be refused by its headers is
 * refused at the first call, before a body is read. The library closes a connection on which it
 * answers before the body has come, and what is still on its way then resets it, so that the answer
 * gets lost: a body that does not say that it is too long is read first, to be thrown away. When
 * the answer is not there at the last call the connection is suspended; request_answer() resumes
 * it, and the library calls once more.
 *
 * Whoever answers may be late: the client or the whole page may be gone by then. While a question
 * is under way the request outlives both.
 */

#include "web/request.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/crypto.h"
#include "web/dispatch.h"
#include "web/texts.h"

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

void request_free(struct request *request)
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
	json_decref(request->refused);
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
	request_answer_error(request, 413, "too-large", text(TEXT_BODY_TOO_LARGE));
}

/* With the headers alone: answers, or lets it go on. */
static void look_at_headers(struct request *request, const char *method)
{
	request->method = method_from_string(method);
	if (header_too_large(request))
		request_answer_error(request, 431, "header-too-large", text(TEXT_HEADER_TOO_LARGE));
	else
		dispatch_headers(request);
	if (!request->response && body_too_large(request))
		refuse_body(request);
}

/* A password may be in it, so nothing of it stays behind where it grows (realloc() would leave it).
 */
static void collect_body(struct request *request, const char *data, size_t size)
{
	uint8_t *body;

	if (request->too_large ||
		size > request->web->limits->value[LIMIT_HTTP_BODY] - request->body_size) {
		request->too_large = true;
		return;
	}
	body = malloc(request->body_size + size + 1);
	if (!body) {
		request->too_large = true;
		return;
	}
	if (request->body) {
		memcpy(body, request->body, request->body_size);
		crypto_wipe(request->body, request->body_size);
		free(request->body);
	}
	memcpy(body + request->body_size, data, size);
	request->body = body;
	request->body_size += size;
	body[request->body_size] = 0;
}

/* Refused by its headers, but its body is on the way; who waits for leave to send it has not begun.
 */
static bool body_follows(const struct request *request)
{
	return !request_field(request, "Expect") && !body_too_large(request) &&
	       (request_field(request, "Content-Length") ||
		       request_field(request, "Transfer-Encoding"));
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
	if (!request->begun) {
		request->begun = true;
		look_at_headers(request, method);
		return request->response && !body_follows(request) ? queue_answer(request)
								   : MHD_YES;
	}
	if (*upload_size > 0) {
		if (!request->response)
			collect_body(request, upload, *upload_size);
		*upload_size = 0;
		return MHD_YES;
	}
	if (request->response)
		return queue_answer(request);
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
