/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Avahi asks of a main loop, on sd-event. Three things need care:
 *
 * - libdbus, under Avahi, may watch one descriptor twice (for reading and for writing), and epoll
 *   takes a descriptor once. So each watch owns a duplicate.
 * - Avahi's deadlines are absolute wall time. A gateway without a clock makes large steps in wall
 *   time, so a deadline is turned into a delay at once. NULL switches a time-out off; it fires
 * once.
 * - A watch or a time-out may be freed inside its own callback: nothing is touched after it.
 *
 * The bits of AvahiWatchEvent are those of poll(), which on Linux are those of epoll.
 */

#include "lan/avahi-poll.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/loop.h"

_Static_assert((int)AVAHI_WATCH_IN == (int)EPOLLIN && (int)AVAHI_WATCH_OUT == (int)EPOLLOUT &&
		       (int)AVAHI_WATCH_ERR == (int)EPOLLERR &&
		       (int)AVAHI_WATCH_HUP == (int)EPOLLHUP,
	"poll and epoll bits");

#define EVENTS_MASK (EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP)

struct AvahiWatch {
	struct AvahiWatch *next, **at;
	sd_event_source *source; /* owns its duplicate of the descriptor */
	int fd;			 /* Avahi's own: what its callback is told */
	AvahiWatchEvent happened;
	AvahiWatchCallback callback;
	void *userdata;
};

struct AvahiTimeout {
	struct AvahiTimeout *next, **at;
	struct avahi_poll *poll;
	sd_event_source *source;
	AvahiTimeoutCallback callback;
	void *userdata;
};

struct avahi_poll {
	AvahiPoll api;
	sd_event *loop;
	struct AvahiWatch *watches;
	struct AvahiTimeout *timeouts;
};

static int watch_ready(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	AvahiWatch *watch = userdata;

	(void)source;
	(void)fd;
	watch->happened = (AvahiWatchEvent)(revents & EVENTS_MASK);
	watch->callback(watch, watch->fd, watch->happened, watch->userdata);
	return 0;
}

static AvahiWatch *watch_new(const AvahiPoll *api, int fd, AvahiWatchEvent events,
	AvahiWatchCallback callback, void *userdata)
{
	struct avahi_poll *poll = api->userdata;
	AvahiWatch *watch = calloc(1, sizeof(*watch));
	int copy CLEANUP(cleanup_close) = fcntl(fd, F_DUPFD_CLOEXEC, 3);

	if (!watch || copy < 0 ||
		sd_event_add_io(poll->loop, &watch->source, copy, (uint32_t)events & EVENTS_MASK,
			watch_ready, watch) < 0) {
		free(watch);
		return NULL;
	}
	sd_event_source_set_io_fd_own(watch->source, 1);
	steal_fd(&copy);
	sd_event_source_set_description(watch->source, "avahi-watch");
	watch->fd = fd;
	watch->callback = callback;
	watch->userdata = userdata;
	watch->next = poll->watches;
	watch->at = &poll->watches;
	if (watch->next)
		watch->next->at = &watch->next;
	poll->watches = watch;
	return watch;
}

static void watch_update(AvahiWatch *watch, AvahiWatchEvent events)
{
	sd_event_source_set_io_events(watch->source, (uint32_t)events & EVENTS_MASK);
}

static AvahiWatchEvent watch_get_events(AvahiWatch *watch)
{
	return watch->happened;
}

static void watch_free(AvahiWatch *watch)
{
	*watch->at = watch->next;
	if (watch->next)
		watch->next->at = watch->at;
	loop_source_free(watch->source);
	free(watch);
}

static int timeout_fired(sd_event_source *source, uint64_t usec, void *userdata)
{
	AvahiTimeout *timeout = userdata;

	(void)source;
	(void)usec;
	timeout->callback(timeout, timeout->userdata);
	return 0;
}

static uint64_t delay_until(const struct timeval *deadline)
{
	struct timeval now;

	gettimeofday(&now, NULL);
	int64_t delay = ((int64_t)deadline->tv_sec - now.tv_sec) * (int64_t)USEC_PER_SEC +
			deadline->tv_usec - now.tv_usec;
	return delay > 0 ? (uint64_t)delay : 0;
}

static void timeout_update(AvahiTimeout *timeout, const struct timeval *deadline)
{
	if (deadline)
		loop_timer_set(timeout->poll->loop, &timeout->source, delay_until(deadline),
			timeout_fired, timeout, "avahi-timeout");
	else
		loop_timer_stop(timeout->source);
}

static AvahiTimeout *timeout_new(const AvahiPoll *api, const struct timeval *deadline,
	AvahiTimeoutCallback callback, void *userdata)
{
	struct avahi_poll *poll = api->userdata;
	AvahiTimeout *timeout = calloc(1, sizeof(*timeout));

	if (!timeout)
		return NULL;
	timeout->poll = poll;
	timeout->callback = callback;
	timeout->userdata = userdata;
	timeout->next = poll->timeouts;
	timeout->at = &poll->timeouts;
	if (timeout->next)
		timeout->next->at = &timeout->next;
	poll->timeouts = timeout;
	timeout_update(timeout, deadline);
	return timeout;
}

static void timeout_free(AvahiTimeout *timeout)
{
	*timeout->at = timeout->next;
	if (timeout->next)
		timeout->next->at = timeout->at;
	loop_source_free(timeout->source);
	free(timeout);
}

int avahi_poll_new(sd_event *loop, struct avahi_poll **ret)
{
	struct avahi_poll *poll = calloc(1, sizeof(*poll));

	if (!poll)
		return -ENOMEM;
	*poll = (struct avahi_poll){
		.loop = sd_event_ref(loop),
		.api =
			{
				.userdata = poll,
				.watch_new = watch_new,
				.watch_update = watch_update,
				.watch_get_events = watch_get_events,
				.watch_free = watch_free,
				.timeout_new = timeout_new,
				.timeout_update = timeout_update,
				.timeout_free = timeout_free,
			},
	};
	*ret = poll;
	return 0;
}

struct avahi_poll *avahi_poll_free(struct avahi_poll *poll)
{
	if (!poll)
		return NULL;
	while (poll->watches)
		watch_free(poll->watches);
	while (poll->timeouts)
		timeout_free(poll->timeouts);
	sd_event_unref(poll->loop);
	free(poll);
	return NULL;
}

const AvahiPoll *avahi_poll_get(const struct avahi_poll *poll)
{
	return &poll->api;
}
