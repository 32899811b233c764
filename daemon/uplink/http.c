/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The line of requests: waiting -> running -> finished -> told. What may start is decided here, by
 * the number under way, by the gateway's rate and by the rate of its lane; one lane that has to
 * wait does not hold up the others. An exchange is in exactly one list; whoever is told may send
 * and cancel as it likes.
 */

#include "uplink/http.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/loop.h"
#include "uplink/http-parts.h"

static void list_add(struct http_exchange *exchange, enum http_state state)
{
	struct http_list *list = &exchange->http->list[state];

	exchange->state = state;
	exchange->next = NULL;
	exchange->previous = list->last;
	if (list->last)
		list->last->next = exchange;
	else
		list->first = exchange;
	list->last = exchange;
	list->count++;
}

static void list_remove(struct http_exchange *exchange)
{
	struct http_list *list = &exchange->http->list[exchange->state];

	if (exchange->previous)
		exchange->previous->next = exchange->next;
	else
		list->first = exchange->next;
	if (exchange->next)
		exchange->next->previous = exchange->previous;
	else
		list->last = exchange->previous;
	list->count--;
}

static struct http_exchange *exchange_free(struct http_exchange *exchange)
{
	if (!exchange)
		return NULL;
	http_transfer_stop(exchange);
	http_headers_free(exchange->headers);
	if (exchange->body)
		crypto_wipe(exchange->body, exchange->body_size);
	free(exchange->body);
	free(exchange->method);
	free(exchange->url);
	free(exchange->ca_file);
	free(exchange->proxy);
	free(exchange);
	return NULL;
}
DEFINE_CLEANUP(struct http_exchange *, exchange_free, cleanup_exchange)

/* ---- starting ---- */

static bool rate_allows(struct http *http, struct http_exchange *exchange, uint64_t *ret_wait)
{
	double rate = (double)http->limits->value[LIMIT_REQUEST_RATE];
	double lane_rate = exchange->lane_rate ? exchange->lane_rate : rate;
	uint64_t now = clock_boot_usec();

	if (!ratelimit_take(&exchange->lane->rate, lane_rate, lane_rate, now, ret_wait))
		return false;
	if (ratelimit_take(&http->rate, rate, rate, now, ret_wait))
		return true;
	exchange->lane->rate.tokens += 1; /* it was not used */
	return false;
}

static void fail(struct http_exchange *exchange)
{
	exchange->code = CURLE_FAILED_INIT;
	list_add(exchange, HTTP_FINISHED);
}

static int on_line_timer(sd_event_source *source, uint64_t usec, void *userdata);

static void start_what_may(struct http *http)
{
	struct http_exchange *exchange, *next;
	uint64_t soonest = UINT64_MAX, wait;

	for (exchange = http->list[HTTP_WAITING].first; exchange; exchange = next) {
		next = exchange->next;
		if (http->list[HTTP_RUNNING].count >= http->limits->value[LIMIT_REQUESTS])
			break; /* one that ends comes here again */
		if (!rate_allows(http, exchange, &wait)) {
			soonest = wait < soonest ? wait : soonest;
			continue;
		}
		list_remove(exchange);
		if (http_transfer_start(exchange) >= 0)
			list_add(exchange, HTTP_RUNNING);
		else
			fail(exchange);
	}
	if (http->list[HTTP_FINISHED].first)
		soonest = 0;
	if (soonest != UINT64_MAX)
		loop_timer_set(
			http->loop, &http->line_timer, soonest, on_line_timer, http, "http-line");
}

/* ---- ending ---- */

static void tell_finished(struct http *http)
{
	struct http_exchange *exchange;

	if (http->telling)
		return;
	http->telling = true;
	while ((exchange = http->list[HTTP_FINISHED].first)) {
		struct http_answer answer;

		list_remove(exchange);
		http_transfer_answer(exchange, &answer);
		exchange->done(exchange->userdata, &answer);
		exchange_free(exchange);
	}
	http->telling = false;
}

void http_on_progress(struct http *http)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(http->multi, &left))) {
		struct http_exchange *exchange = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&exchange);
		exchange->code = message->data.result;
		list_remove(exchange);
		list_add(exchange, HTTP_FINISHED);
	}
	tell_finished(http);
	start_what_may(http);
}

static int on_line_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	http_on_progress(userdata);
	return 0;
}

/* ---- sending ---- */

static struct http_lane *lane_of(struct http *http, const char *name)
{
	unsigned i;

	for (i = 0; i < http->lane_count; i++)
		if (!strcmp(http->lane[i].name, name))
			return &http->lane[i];
	if (http->lane_count == HTTP_LANES_MAX || strlen(name) > HTTP_LANE_NAME_MAX)
		return NULL;
	strcpy(http->lane[http->lane_count].name, name);
	return &http->lane[http->lane_count++];
}

static int add_header(struct http_exchange *exchange, const char *name, struct span value)
{
	struct curl_slist *headers;

	if (!span_is_printable(value) || !span_is_printable(span_from_string(name)))
		return -EINVAL;
	headers = http_header_add(exchange->headers, name, value);
	if (!headers)
		return -ENOMEM;
	exchange->headers = headers;
	return 0;
}

static int add_headers(struct http_exchange *exchange, const struct http_request *request)
{
	int r = add_header(exchange, "Accept", SPAN_LITERAL("application/json"));

	if (r >= 0 && request->body.size)
		r = add_header(exchange, "Content-Type", span_from_string(request->content_type));
	for (size_t i = 0; r >= 0 && i < request->header_count; i++)
		r = add_header(exchange, request->headers[i].name, request->headers[i].value);
	return r;
}

static int exchange_new(
	struct http *http, const struct http_request *request, struct http_exchange **ret)
{
	CLEANUP(cleanup_exchange) struct http_exchange *exchange = calloc(1, sizeof(*exchange));
	int r;

	if (!exchange)
		return -ENOMEM;
	exchange->http = http;
	exchange->lane = lane_of(http, request->lane);
	exchange->lane_rate = request->lane_rate;
	exchange->knocks = request->knocks;
	exchange->direct = request->direct;
	if (!exchange->lane || !span_is_printable(span_from_string(request->url)))
		return -EINVAL;
	exchange->method = strdup(request->method);
	exchange->url = strdup(request->url);
	exchange->ca_file = strdup(request->ca_file);
	exchange->proxy = strdup(request->proxy);
	if (!exchange->method || !exchange->url || !exchange->ca_file || !exchange->proxy)
		return -ENOMEM;
	if (request->body.size) {
		exchange->body = malloc(request->body.size);
		if (!exchange->body)
			return -ENOMEM;
		memcpy(exchange->body, request->body.data, request->body.size);
		exchange->body_size = request->body.size;
	}
	r = add_headers(exchange, request);
	if (r >= 0)
		*ret = STEAL(exchange);
	return r;
}

int http_send(struct http *http, const struct http_request *request, http_done_fn done,
	void *userdata, struct http_exchange **ret)
{
	struct http_exchange *exchange;
	int r;

	if (http->list[HTTP_WAITING].count >= http->limits->value[LIMIT_REQUESTS_WAITING]) {
		http->limits->reached[LIMIT_REQUESTS_WAITING]++;
		return -EBUSY;
	}
	r = exchange_new(http, request, &exchange);
	if (r < 0)
		return r;
	exchange->done = done;
	exchange->userdata = userdata;
	list_add(exchange, HTTP_WAITING);
	start_what_may(http);
	if (exchange->state == HTTP_WAITING) {
		bool full = http->list[HTTP_RUNNING].count >= http->limits->value[LIMIT_REQUESTS];

		http->limits->reached[full ? LIMIT_REQUESTS : LIMIT_REQUEST_RATE]++;
	}
	*ret = exchange;
	return 0;
}

struct http_exchange *http_cancel(struct http_exchange *exchange)
{
	struct http *http;

	if (!exchange)
		return NULL;
	http = exchange->http;
	list_remove(exchange);
	exchange_free(exchange);
	start_what_may(http);
	return NULL;
}

/* ---- birth and death ---- */

int http_new(sd_event *loop, struct limits *limits, struct http **ret)
{
	struct http *http;
	int r = 0;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return -EIO;
	http = calloc(1, sizeof(*http));
	if (!http) {
		curl_global_cleanup();
		return -ENOMEM;
	}
	http->loop = sd_event_ref(loop);
	http->limits = limits;
	http->multi = curl_multi_init();
	if (!(curl_version_info(CURLVERSION_NOW)->features & CURL_VERSION_ASYNCHDNS))
		r = -ENOTSUP;
	else if (!http->multi)
		r = -ENOMEM;
	else
		r = http_loop_attach(http);
	if (r < 0)
		http_free(http);
	else
		*ret = http;
	return r;
}

struct http *http_free(struct http *http)
{
	int i;

	if (!http)
		return NULL;
	for (i = 0; i <= HTTP_FINISHED; i++)
		while (http->list[i].first) {
			struct http_exchange *exchange = http->list[i].first;

			list_remove(exchange);
			exchange_free(exchange);
		}
	if (http->multi)
		curl_multi_cleanup(http->multi);
	loop_source_free(http->curl_timer);
	loop_source_free(http->line_timer);
	sd_event_unref(http->loop);
	free(http);
	curl_global_cleanup();
	return NULL;
}
