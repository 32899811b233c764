/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One HTTP request from its first line to its answer: collects it, hands it to dispatch_request(),
 * and waits (suspended, without a thread) until somebody answers. Every request is answered exactly
 * once, with the headers of headers.h.
 */

#include <jansson.h>
#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/api.h"
#include "web/form.h"
#include "web/html.h"
#include "web/session.h"
#include "web/web-parts.h"

#define REQUEST_PARTS_MAX 8
#define REQUEST_ID_MAX	  64

enum method { METHOD_GET, METHOD_POST, METHOD_PUT, METHOD_DELETE, METHOD_OTHER };

/* The API's answer; 'body' is borrowed and may be NULL. */
typedef void (*request_next_fn)(struct request *request, int status, json_t *body);

struct request {
	struct request *next, *previous; /* of web->requests */
	struct web *web;		 /* NULL: the page is gone, only the API's answer is due */
	struct MHD_Connection *connection; /* NULL once the client is gone */
	bool local;			   /* through the control socket */
	enum method method;
	char *path;  /* as it came, without query */
	char *query; /* points into the same memory, or NULL */
	uint8_t *body;
	size_t body_size;
	bool begun, too_large, suspended, queued;
	/* the answer */
	struct MHD_Response *response;
	unsigned status;
	char set_cookie[160];
	/* who */
	struct api_caller caller;
	uint64_t session_number; /* 0 = nobody is logged in */
	bool background;	 /* the page asked by itself: no activity */
	/* what */
	struct form *form;	     /* body of a form */
	struct form *arguments;	     /* the query */
	char id[REQUEST_ID_MAX + 1]; /* the {id} of the path */
	const struct page *page;
	const struct action *action;
	json_t *part[REQUEST_PARTS_MAX]; /* what the page was made of */
	unsigned parts;
	unsigned page_status; /* of the page once it is complete */
	char notice[SESSION_NOTICE_MAX + 1];
	bool notice_is_error;
	struct notice_device notice_device;
	json_t *refused; /* lines of a form that were not taken: {"line", "text"} */
	/* the question under way */
	bool asking;
	bool asks_window; /* changes the onboarding window: its new end is asked for next */
	int held_status;
	json_t *held_body;
	request_next_fn then;
};

/* Callbacks of the library; the userdata is the web. */
void *request_begin_page(void *userdata, const char *uri, struct MHD_Connection *connection);
void *request_begin_control(void *userdata, const char *uri, struct MHD_Connection *connection);
enum MHD_Result request_handle(void *userdata, struct MHD_Connection *connection, const char *url,
	const char *method, const char *version, const char *upload, size_t *upload_size,
	void **context);
void request_completed(void *userdata, struct MHD_Connection *connection, void **context,
	enum MHD_RequestTerminationCode code);
/* Once the client is gone and no answer is due. */
void request_free(struct request *request);
/* Resumes all, so that the server can be stopped. */
void request_release_all(struct web *web);

/* A header field, NULL when it is missing. */
const char *request_field(const struct request *request, const char *name);
/* The session, NULL when there is none (any more). */
struct session *request_session(const struct request *request);

/* The answers. */
void request_answer(struct request *request, unsigned status, const char *content_type,
	const void *data, size_t size);
void request_answer_html(struct request *request, unsigned status, struct html *html);
void request_answer_json(struct request *request, unsigned status, json_t *body);
/* An answer that goes on; the response is taken over, NULL = no memory. */
void request_answer_stream(
	struct request *request, const char *content_type, struct MHD_Response *response);
/* {"error": word, "text": text} */
void request_answer_error(
	struct request *request, unsigned status, const char *word, const char *text);
/* 303 See Other; 'location' is a path of ours. */
void request_redirect(struct request *request, const char *location);

/* Asks the API in the caller's name; 'then' runs once, at once or later. The caller's fresh
 * password is filled in here. */
void request_ask(struct request *request, const char *method, const char *path, const char *query,
	json_t *body, request_next_fn then);
/* Wipes the texts of a body that nobody else holds: a password may be among them. */
void request_wipe(json_t *body);
/* The same in the page's own name, as a viewer: what the page must know before anybody is there. */
void request_ask_as_page(
	struct request *request, const char *path, const char *query, request_next_fn then);
/* Likewise, before anybody is there: lets the gateway test its ways out. The caller has looked who
 * may (entry_may_set_up()). */
void request_test_as_page(struct request *request, request_next_fn then);
