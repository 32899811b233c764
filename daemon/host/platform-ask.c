/* SPDX-License-Identifier: Apache-2.0 */

/* One list of all that is asked at the moment: a device has one question at a time, and so has each
 * withdrawal. */

#include "host/platform-ask.h"
#include "host/upstream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"

#define ANSWER_USEC (10 * USEC_PER_SEC)

struct platform_ask {
	struct platform_ask *next;
	struct host *host;
	char topic[sizeof(((struct platform_request *)0)->answer_topic)];
	char mark[sizeof(((struct platform_request *)0)->answer_mark)];
	sd_event_source *timer;
	platform_asked_fn done;
	void *userdata;
};

struct platform_ask *platform_ask_cancel(struct platform_ask *ask)
{
	struct platform_ask **at;

	if (!ask)
		return NULL;
	for (at = &ask->host->asks; *at != ask; at = &(*at)->next)
		;
	*at = ask->next;
	loop_source_free(ask->timer);
	free(ask);
	return NULL;
}

static void answer(struct platform_ask *ask, int result, struct span body)
{
	platform_asked_fn done = ask->done;
	void *userdata = ask->userdata;

	platform_ask_cancel(ask);
	done(userdata, result, body);
}

static int on_late(sd_event_source *source, uint64_t usec, void *userdata)
{
	answer(userdata, -ETIMEDOUT, span_of(NULL, 0));
	return 0;
}

static int publish(struct host *host, const struct platform_request *request)
{
	struct upstream_message message = {
		.payload = secret_span(&request->body),
		.content_type = "application/json",
		.qos = 1,
	};

	snprintf(message.topic, sizeof(message.topic), "%s", request->topic);
	return upstream_is_up(host) ? upstream_publish(host, &message, 0) : -ENOTCONN;
}

int platform_ask_send(struct host *host, const struct platform_request *request,
	platform_asked_fn done, void *userdata, struct platform_ask **ret)
{
	struct platform_ask *ask = calloc(1, sizeof(*ask));
	int r;

	if (!ask)
		return -ENOMEM;
	ask->host = host;
	ask->done = done;
	ask->userdata = userdata;
	memcpy(ask->topic, request->answer_topic, sizeof(ask->topic));
	memcpy(ask->mark, request->answer_mark, sizeof(ask->mark));
	ask->next = host->asks;
	host->asks = ask;
	r = loop_timer_set(host->loop, &ask->timer, ANSWER_USEC, on_late, ask, "platform-ask");
	if (r >= 0)
		r = publish(host, request);
	if (r < 0) {
		platform_ask_cancel(ask);
		return r;
	}
	*ret = ask;
	return 0;
}

static bool holds(struct span body, const char *mark)
{
	return memmem(body.data, body.size, mark, strlen(mark)) != NULL;
}

void platform_ask_on_message(struct host *host, const struct uplink_inbound *inbound)
{
	struct platform_ask *ask = host->asks;

	while (ask && (strcmp(ask->topic, inbound->topic) || !holds(inbound->payload, ask->mark)))
		ask = ask->next;
	if (ask && !inbound->retained)
		answer(ask, 0, inbound->payload);
}

/* Who is told may ask again at once, and is told that there is no session. */
void platform_asks_lost(struct host *host)
{
	struct platform_ask *ask;

	while ((ask = host->asks))
		answer(ask, -ENOTCONN, span_of(NULL, 0));
}
