/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Sessions of devices connect one after the other, LIMIT_LINK_CONNECTS a second, in the order in
 * which they asked: after an outage a thousand of them want to at once.
 */

#include "host/session-parts.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

static int on_connect_timer(sd_event_source *source, uint64_t usec, void *userdata);

static void set_connect_timer(struct host *host)
{
	struct session_queue *queue = &host->session_queue;
	uint64_t now = clock_boot_usec(), delay = 0,
		 next = queue->last_usec + USEC_PER_SEC / host->limits.value[LIMIT_LINK_CONNECTS];
	int r;

	if (!queue->first)
		return;
	if (queue->last_usec && next > now)
		delay = next - now;
	r = loop_timer_set(
		host->loop, &queue->timer, delay, on_connect_timer, host, "session-connect");
	if (r < 0)
		log_error("No timer for the devices' sessions: %s.", strerror(-r));
}

void session_queue_add(struct host *host, struct device_session *session)
{
	struct session_queue *queue = &host->session_queue;
	bool waited = queue->first != NULL;

	if (session->queued)
		return;
	session->queued = true;
	session->next = NULL;
	if (waited) {
		queue->last->next = session;
		host->limits.reached[LIMIT_LINK_CONNECTS]++;
	} else {
		queue->first = session;
	}
	queue->last = session;
	if (!waited)
		set_connect_timer(host);
}

void session_queue_remove(struct host *host, struct device_session *session)
{
	struct session_queue *queue = &host->session_queue;
	struct device_session *before = NULL, *at = queue->first;

	if (!session->queued)
		return;
	for (; at != session; at = at->next)
		before = at;
	if (before)
		before->next = session->next;
	else
		queue->first = session->next;
	if (queue->last == session)
		queue->last = before;
	session->next = NULL;
	session->queued = false;
}

static int on_connect_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct host *host = userdata;
	struct device_session *session = host->session_queue.first;

	if (!session || host->stopping)
		return 0;
	session_queue_remove(host, session);
	host->session_queue.last_usec = clock_boot_usec();
	set_connect_timer(host);
	session_connect(host, session);
	return 0;
}
