/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the files of the HTTP client share. */

#include <curl/curl.h>
#include <stdbool.h>

#include "base/ratelimit.h"
#include "uplink/http.h"

#define HTTP_LANES_MAX	   8
#define HTTP_HEADERS_MAX   16384 /* bytes of all header lines of an answer */
#define HTTP_RETRY_MAX	   86400 /* seconds; nobody is believed for longer */
#define HTTP_LANE_NAME_MAX 16

enum http_state { HTTP_WAITING, HTTP_RUNNING, HTTP_FINISHED };

struct http_lane {
	char name[HTTP_LANE_NAME_MAX + 1];
	struct ratelimit rate;
};

struct http_exchange {
	struct http *http;
	struct http_exchange *next, *previous; /* in the list of its state */
	enum http_state state;
	http_done_fn done;
	void *userdata;
	struct http_lane *lane;
	unsigned lane_rate;
	/* the request */
	char *method, *url, *ca_file, *proxy;
	bool knocks, direct;
	struct curl_slist *headers;
	uint8_t *body;
	size_t body_size;
	/* the answer */
	CURL *easy;
	CURLcode code;
	uint8_t *answer;
	size_t answer_size, answer_room, header_bytes;
	bool too_large;
};

struct http_list {
	struct http_exchange *first, *last;
	size_t count;
};

struct http {
	sd_event *loop;
	struct limits *limits;
	CURLM *multi;
	sd_event_source *curl_timer, *line_timer;
	struct http_list list[HTTP_FINISHED + 1];
	struct ratelimit rate;
	struct http_lane lane[HTTP_LANES_MAX];
	unsigned lane_count;
	bool telling; /* the finished ones are being told */
};

/* http-transfer.c: the libcurl handle of one exchange. */
int http_transfer_start(struct http_exchange *exchange);
void http_transfer_stop(struct http_exchange *exchange);
void http_transfer_answer(const struct http_exchange *exchange, struct http_answer *ret_answer);
/* NULL on lack of memory; the list is as before then. */
struct curl_slist *http_header_add(struct curl_slist *headers, const char *name, struct span value);
void http_headers_free(struct curl_slist *headers); /* wipes */

/* http-loop.c: libcurl's sockets and its timer on the loop. */
int http_loop_attach(struct http *http);

/* http.c: transfers ended. */
void http_on_progress(struct http *http);
