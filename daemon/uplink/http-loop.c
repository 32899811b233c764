/* SPDX-License-Identifier: Apache-2.0 */

/*
 * libcurl's multi interface on the loop: it says which sockets to watch for what and when it wants
 * to be called, and is called then. It is never called from inside one of its own callbacks. The
 * sockets of its resolver threads come the same way.
 */

#include <errno.h>

#include <sys/epoll.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "uplink/http-parts.h"

static void act(struct http *http, curl_socket_t socket, int what)
{
	int running;
	CURLMcode code = curl_multi_socket_action(http->multi, socket, what, &running);

	if (code != CURLM_OK)
		log_error("The HTTP client failed: %s.", curl_multi_strerror(code));
	http_on_progress(http);
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	int what = (events & EPOLLIN ? CURL_CSELECT_IN : 0) |
		   (events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
		   (events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);

	act(userdata, fd, what);
	return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	act(userdata, CURL_SOCKET_TIMEOUT, 0);
	return 0;
}

static uint32_t events_of(int what)
{
	switch (what) {
	case CURL_POLL_IN:
		return EPOLLIN;
	case CURL_POLL_OUT:
		return EPOLLOUT;
	case CURL_POLL_INOUT:
		return EPOLLIN | EPOLLOUT;
	default: /* not an enum of ours */
		return 0;
	}
}

/* A source that cannot be made fails the transfers of this socket: -1. */
static int on_socket(CURL *easy, curl_socket_t socket, int what, void *userdata, void *assigned)
{
	struct http *http = userdata;
	sd_event_source *source = assigned;
	int r;

	if (what == CURL_POLL_REMOVE) {
		loop_source_free(source);
		curl_multi_assign(http->multi, socket, NULL);
		return 0;
	}
	if (source)
		return sd_event_source_set_io_events(source, events_of(what)) < 0 ? -1 : 0;
	r = sd_event_add_io(http->loop, &source, socket, events_of(what), on_io, http);
	if (r < 0) {
		log_error("A socket of the HTTP client cannot be watched: %s.", strerror(-r));
		return -1;
	}
	sd_event_source_set_description(source, "http-socket");
	curl_multi_assign(http->multi, socket, source);
	return 0;
}

static int on_timer_wanted(CURLM *multi, long milliseconds, void *userdata)
{
	struct http *http = userdata;

	if (milliseconds < 0) {
		loop_timer_stop(http->curl_timer);
		return 0;
	}
	return loop_timer_set(http->loop, &http->curl_timer, (uint64_t)milliseconds * USEC_PER_MSEC,
		       on_timer, http, "http") < 0
		       ? -1
		       : 0;
}

int http_loop_attach(struct http *http)
{
	CURLM *multi = http->multi;
	CURLMcode code = curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);

	if (code == CURLM_OK)
		code = curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, http);
	if (code == CURLM_OK)
		code = curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer_wanted);
	if (code == CURLM_OK)
		code = curl_multi_setopt(multi, CURLMOPT_TIMERDATA, http);
	return code == CURLM_OK ? 0 : -EIO;
}
