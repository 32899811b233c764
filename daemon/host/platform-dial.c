/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Two lists, oldest first: those that wait in line have no session yet, those under way have one.
 *
 *	in line -> connect (10 s, the uplink's) -> subscribed -> published -> answer (10 s)
 *
 * Nothing is tried twice: who asked decides that. What the platform sends beside the answer is
 * dropped, and none of it is kept on file (the session is transient).
 */

#include "host/platform-dial.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/crypto.h"

#define ANSWER_USEC (10 * USEC_PER_SEC)
#define KEEP_ALIVE  60 /* s */

struct platform_dial_call {
	struct platform_dial_call *next;
	struct host *host;
	struct platform_request request;
	char ca_file[256]; /* the configuration may be another one when its turn comes */
	struct dial_lane *lane;
	unsigned lane_rate;
	uint64_t owner;
	bool running;			/* in which list it is */
	struct uplink_session *session; /* while it runs */
	int failed;			/* negative errno: could not even begin */
	sd_event_source *timer;
	platform_dialled_fn done;
	void *userdata;
};

/* ---- the line ---- */

static int on_line_timer(sd_event_source *source, uint64_t usec, void *userdata);

static void look_after(struct host *host, uint64_t delay_usec)
{
	int r;

	if (!host->dials.waiting || host->stopping)
		return;
	r = loop_timer_set(
		host->loop, &host->dials.timer, delay_usec, on_line_timer, host, "platform-dials");
	if (r < 0)
		log_error("No timer for the requests to platforms: %s.", strerror(-r));
}

static void append(struct platform_dial_call **at, struct platform_dial_call *call)
{
	while (*at)
		at = &(*at)->next;
	call->next = NULL;
	*at = call;
}

static void unlink_call(struct platform_dial_call *call)
{
	struct platform_dials *dials = &call->host->dials;
	struct platform_dial_call **at = call->running ? &dials->running : &dials->waiting;

	while (*at != call)
		at = &(*at)->next;
	*at = call->next;
	*(call->running ? &dials->running_count : &dials->waiting_count) -= 1;
}

static struct platform_dial_call *call_free(struct platform_dial_call *call)
{
	struct host *host = call->host;

	unlink_call(call);
	if (call->session) {
		/* What is up is closed with a word; what is not, is cut. */
		uplink_disconnect(call->session);
		uplink_session_free(call->session);
		look_after(host, 0);
	}
	loop_source_free(call->timer);
	platform_request_clear(&call->request);
	free(call);
	return NULL;
}

static void finish(struct platform_dial_call *call, const struct platform_dialled *answer)
{
	platform_dialled_fn done = call->done;
	void *userdata = call->userdata;

	call_free(call);
	done(userdata, answer);
}

static void fail(struct platform_dial_call *call, int result, const char *why)
{
	finish(call, &(const struct platform_dialled){.result = result, .topic = "", .why = why});
}

/* What hangs somewhere may all arrive at once: no more than its platform bears in a second. */
static bool lane_is_full(const struct host *host, const struct platform_dial_call *call)
{
	const struct platform_dial_call *other;
	unsigned count = 0;

	for (other = host->dials.running; other; other = other->next)
		count += other->lane == call->lane;
	return call->lane_rate && count >= call->lane_rate;
}

static bool may_begin(struct host *host, struct platform_dial_call *call, uint64_t *ret_wait)
{
	double rate = (double)host->limits.value[LIMIT_REQUEST_RATE];
	double lane_rate = call->lane_rate ? call->lane_rate : rate;
	double burst = call->lane_rate ? 1.0 : rate;
	uint64_t now = clock_boot_usec();

	if (!ratelimit_take(&call->lane->rate, lane_rate, burst, now, ret_wait))
		return false;
	if (ratelimit_take(&host->dials.rate, rate, rate, now, ret_wait))
		return true;
	call->lane->rate.tokens += 1; /* it was not used */
	return false;
}

static int begin(struct platform_dial_call *call)
{
	const struct platform_dial *dial = &call->request.dial;
	const char *filters[PLATFORM_FILTERS_MAX + 1] = {NULL};
	unsigned count = 0;
	int r;

	for (unsigned i = 0; i < PLATFORM_FILTERS_MAX; i++)
		if (dial->filter[i][0])
			filters[count++] = dial->filter[i];
	const struct uplink_session_options options = {
		.host = dial->host,
		.port = dial->port,
		.tls = true,
		.ca_file = call->ca_file,
		.client_id = dial->client_id,
		.username = dial->username,
		.password = secret_span(&dial->password),
		.identity = secret_span(&dial->identity),
		.keep_alive = KEEP_ALIVE,
		.subscriptions = filters,
		.version = 4,
		/* A knock comes under the name of another session: what waits for that one is
		 * neither forgotten nor lost. */
		.transient = !dial->knocks,
		.keeps = dial->knocks,
		.owner = dial->knocks ? call->owner : 0,
	};
	r = uplink_session_new(call->host->uplink, &options, call, &call->session);
	return r < 0 ? r : uplink_connect(call->session);
}

static void run(struct platform_dial_call *call)
{
	struct platform_dials *dials = &call->host->dials;

	unlink_call(call);
	call->running = true;
	dials->running_count++;
	append(&dials->running, call);
	call->failed = begin(call);
}

/* Those that could not begin are told one by one: who is told may ask again, or cancel others. */
static void tell_failed(struct host *host)
{
	struct platform_dial_call *call = host->dials.running;

	while (call && !call->failed)
		call = call->next;
	if (!call)
		return;
	loop_timer_set(host->loop, &host->dials.timer, 0, on_line_timer, host, "platform-dials");
	fail(call, call->failed, strerror(-call->failed));
}

static int on_line_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct host *host = userdata;
	struct platform_dial_call *call, *next;
	uint64_t soonest = UINT64_MAX, wait = 0;

	for (call = host->dials.waiting; call && !host->stopping; call = next) {
		next = call->next;
		if (host->dials.running_count >= host->limits.value[LIMIT_DIALS]) {
			host->limits.reached[LIMIT_DIALS]++;
			break; /* one that ends looks again */
		}
		if (lane_is_full(host, call))
			continue;
		if (!may_begin(host, call, &wait)) {
			soonest = wait < soonest ? wait : soonest;
			continue;
		}
		run(call);
	}
	if (soonest != UINT64_MAX)
		look_after(host, soonest);
	tell_failed(host);
	return 0;
}

static struct dial_lane *lane_of(struct platform_dials *dials, const char *name)
{
	for (unsigned i = 0; i < DIAL_LANES_MAX; i++) {
		struct dial_lane *lane = &dials->lane[i];

		if (!lane->name)
			lane->name = name;
		if (!strcmp(lane->name, name))
			return lane;
	}
	return NULL;
}

static int request_copy(const struct platform_request *from, struct platform_request *ret)
{
	int r;

	*ret = *from;
	ret->body = ret->dial.password = ret->dial.identity = (struct secret){0};
	r = secret_set(&ret->body, secret_span(&from->body));
	if (r >= 0)
		r = secret_set(&ret->dial.password, secret_span(&from->dial.password));
	if (r >= 0)
		r = secret_set(&ret->dial.identity, secret_span(&from->dial.identity));
	if (r < 0)
		platform_request_clear(ret);
	return r;
}

int platform_dial_send(struct host *host, const struct platform_dialling *dialling,
	platform_dialled_fn done, void *userdata, struct platform_dial_call **ret)
{
	const struct platform_driver *driver = platform_driver_by_name(dialling->lane);
	struct dial_lane *lane =
		lane_of(&host->dials, driver ? driver->describe()->name : "unknown");
	CLEANUP(cleanup_free) struct platform_dial_call *call = NULL;
	int r;

	if (!lane || host->dials.waiting_count >= host->limits.value[LIMIT_REQUESTS_WAITING]) {
		host->limits.reached[LIMIT_REQUESTS_WAITING]++;
		return -EBUSY;
	}
	call = calloc(1, sizeof(*call));
	if (!call)
		return -ENOMEM;
	r = request_copy(dialling->request, &call->request);
	if (r < 0)
		return r;
	call->host = host;
	snprintf(call->ca_file, sizeof(call->ca_file), "%s", dialling->ca_file);
	call->lane = lane;
	call->lane_rate = dialling->lane_rate;
	call->owner = dialling->owner;
	call->done = done;
	call->userdata = userdata;
	*ret = STEAL(call);
	append(&host->dials.waiting, *ret);
	host->dials.waiting_count++;
	look_after(host, 0);
	return 0;
}

struct platform_dial_call *platform_dial_cancel(struct platform_dial_call *call)
{
	return call ? call_free(call) : NULL;
}

void platform_dials_stop(struct host *host)
{
	struct platform_dial_call *call;

	host->dials.timer = loop_source_free(host->dials.timer);
	for (call = host->dials.running; call; call = call->next) {
		call->session = uplink_session_free(call->session);
		loop_timer_stop(call->timer);
	}
}

/* ---- the session ---- */

static int on_late(sd_event_source *source, uint64_t usec, void *userdata)
{
	fail(userdata, -ETIMEDOUT, "no answer came in time");
	return 0;
}

static void ask(struct platform_dial_call *call)
{
	const struct uplink_publication publication = {
		.topic = call->request.topic,
		.payload = secret_span(&call->request.body),
		.qos = 1,
	};
	int r = uplink_publish(call->session, &publication);

	if (r < 0)
		fail(call, r, strerror(-r));
}

static void wait_for_answer(struct platform_dial_call *call)
{
	int r = loop_timer_set(
		call->host->loop, &call->timer, ANSWER_USEC, on_late, call, "platform-dial");

	if (r < 0)
		fail(call, r, strerror(-r));
}

static void on_connected(struct platform_dial_call *call)
{
	if (call->request.dial.knocks)
		finish(call, &(const struct platform_dialled){.topic = "", .why = ""});
	else
		wait_for_answer(call);
}

static bool fits(const char *filter, const char *topic)
{
	size_t length = strlen(filter);

	if (length > 0 && filter[length - 1] == '#')
		return !strncmp(filter, topic, length - 1);
	return length > 0 && !strcmp(filter, topic);
}

static bool holds(const void *data, size_t size, const char *mark)
{
	return !mark[0] || (size > 0 && memmem(data, size, mark, strlen(mark)));
}

static bool is_answer(const struct platform_dial_call *call, const struct uplink_inbound *inbound)
{
	const struct platform_request *request = &call->request;
	bool by_filter = false;

	for (unsigned i = 0; i < PLATFORM_FILTERS_MAX; i++)
		by_filter |= fits(request->dial.filter[i], inbound->topic);
	return by_filter && !inbound->retained &&
	       (holds(inbound->topic, strlen(inbound->topic), request->answer_mark) ||
		       holds(inbound->payload.data, inbound->payload.size, request->answer_mark));
}

static void take(struct platform_dial_call *call, const struct uplink_inbound *inbound)
{
	struct limits *limits = &call->host->limits;

	if (!is_answer(call, inbound))
		return;
	if (inbound->payload.size > limits->value[LIMIT_REQUEST_ANSWER] ||
		strlen(inbound->topic) > PLATFORM_ANSWER_TOPIC_MAX) {
		limits->reached[LIMIT_REQUEST_ANSWER]++;
		fail(call, -EMSGSIZE, "its answer is too long");
		return;
	}
	finish(call, &(const struct platform_dialled){
			     .topic = inbound->topic, .body = inbound->payload, .why = ""});
}

static struct platform_dial_call *call_of(
	const struct host *host, const struct uplink_session *session)
{
	struct platform_dial_call *call = host->dials.running;

	while (call && call->session != session)
		call = call->next;
	return call;
}

bool platform_dial_on_event(struct host *host, const struct uplink_event *event)
{
	struct platform_dial_call *call = event->session ? call_of(host, event->session) : NULL;

	/* Of a knock it is the device's, as by its own session. */
	if (!call || (event->kind == UPLINK_MESSAGE && call->request.dial.knocks))
		return false;
	switch (event->kind) {
	case UPLINK_CONNECTED:
		on_connected(call);
		break;
	case UPLINK_SUBSCRIBED:
		ask(call);
		break;
	case UPLINK_UNREACHABLE:
		fail(call, event->hung_up ? -ECONNABORTED : -EHOSTUNREACH, event->text);
		break;
	case UPLINK_NOT_AUTHORISED:
		fail(call, -EACCES, event->text);
		break;
	case UPLINK_LOST:
		fail(call, -ECONNRESET, event->text);
		break;
	case UPLINK_MESSAGE:
		take(call, event->inbound);
		break;
	case UPLINK_TAKEN_OVER: /* LOST follows */
	case UPLINK_DELIVERED:	/* nothing has a tag */
	case UPLINK_REFUSED:
		break;
	}
	return true;
}
