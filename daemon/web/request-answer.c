/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers. The first one counts; a second one would be a fault of ours and goes nowhere. Each takes
 * the headers of headers.h along, and the cookie that a login left.
 */

#include "web/request.h"

#include <stdlib.h>
#include <string.h>

#include "web/headers.h"

#define HTML_TYPE "text/html; charset=utf-8"
#define JSON_TYPE "application/json"

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
	char *text = body ? json_dumps(body, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;

	if (!text && body)
		status = 500;
	give_typed(request, status, JSON_TYPE,
		MHD_create_response_from_buffer(text ? strlen(text) : 0, text ? text : (char *)"",
			text ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT));
}

void request_answer_stream(
	struct request *request, const char *content_type, struct MHD_Response *response)
{
	give_typed(request, 200, content_type, response);
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
