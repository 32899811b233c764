/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * HTTP client for platforms: libcurl's multi interface on the loop, so nothing blocks; names are
 * resolved on libcurl's own threads. Only https, the chain and the host name are always verified,
 * no redirect is followed, one request takes at most 10 s from its start, an answer at most
 * LIMIT_REQUEST_ANSWER bytes. A site proxy gets a CONNECT and none of our headers. The headers and
 * bodies hold tokens: copies of ours are wiped.
 *
 * Requests wait in line. At most LIMIT_REQUESTS are under way and LIMIT_REQUEST_RATE are started in
 * a second by the whole gateway, so that a thousand devices do not ask at once; each lane (a
 * platform) may have a rate of its own below that.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "base/span.h"
#include "core/limits.h"

#define HTTP_TIMEOUT_SECONDS 10

struct http;
struct http_exchange;

struct http_header {
	const char *name;
	struct span value;
};

struct http_request {
	const char *method; /* "PUT"; a "POST" is sent once, whatever becomes of it */
	const char *url;    /* https://... */
	const struct http_header *headers;
	size_t header_count;
	struct span body;	  /* empty: none */
	const char *content_type; /* of the body */
	const char *ca_file;	  /* "" = the system's trust anchors */
	const char *proxy;	  /* "" = what the environment says */
	const char *lane;	  /* name of the platform */
	unsigned lane_rate;	  /* requests a second in this lane, 0 = no limit of its own */
	/* A test of the way alone: name, connection, TLS; nothing is sent. Also of "http://...",
	 * which is no TLS then, and past any proxy where 'direct' says so. The answer has no
	 * status. */
	bool knocks, direct;
};

struct http_answer {
	int result;	      /* 0, or negative errno of the transport: there is no status then */
	int status;	      /* HTTP status, 100 to 999 */
	uint32_t retry_after; /* seconds, at most a day; 0 = not said */
	struct span body;     /* hostile; valid during the call, wiped after it */
	const char *why;      /* static text when result is negative */
};
typedef void (*http_done_fn)(void *userdata, const struct http_answer *answer);

/* -ENOTSUP when libcurl cannot resolve names without blocking. */
int http_new(sd_event *loop, struct limits *limits, struct http **ret);
/* Drops what is under way; nobody is called. NULL. */
struct http *http_free(struct http *http);

/*
 * Puts a request in line; everything is copied. done is called once, never before this returns,
 * unless the exchange is cancelled. -EINVAL for what HTTP cannot carry (a control character in a
 * header), -EBUSY when LIMIT_REQUESTS_WAITING are waiting, -ENOMEM.
 */
int http_send(struct http *http, const struct http_request *request, http_done_fn done,
	void *userdata, struct http_exchange **ret);
/* Nobody is called any more. The platform may have got it. NULL. */
struct http_exchange *http_cancel(struct http_exchange *exchange);
