/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Requests of platform drivers by MQTT with a session of their own (struct platform_dial): opened,
 * subscribed, asked, answered, closed. The session is by TLS with the name verified and sent (SNI),
 * MQTT 3.1.1, clean; the uplink's worker does all of it, so nothing here waits.
 *
 * Requests wait in line: LIMIT_DIALS are under way at most, LIMIT_REQUEST_RATE are begun in a
 * second, and each platform has its own rate below that: so many are begun in a second, evenly,
 * and so many are under way. However long a line stood still, the platform then hears no more in a
 * second than twice of it and one.
 */

#include "host/host.h"

#define PLATFORM_ANSWER_TOPIC_MAX 511

struct platform_dialling {
	const struct platform_request *request; /* with a dial; copied */
	const char *ca_file;			/* "" = the system's; copied */
	const char *lane;			/* name of the platform */
	unsigned lane_rate;			/* requests a second, 0 = no limit of its own */
	uint64_t owner; /* whose what comes by it is, beside the answer, when it knocks */
};

/* result 0: the answer. -EACCES the session was refused, -EHOSTUNREACH no session, -ECONNABORTED
 * the platform ended the connection without a word before there was one, -ECONNRESET lost
 * before the answer, -ETIMEDOUT none came, -EMSGSIZE it is longer than LIMIT_REQUEST_ANSWER or its
 * topic is; 'why' says it for people then. Valid during the call. */
struct platform_dialled {
	int result;
	const char *topic; /* never NULL */
	struct span body;
	const char *why;
};
typedef void (*platform_dialled_fn)(void *userdata, const struct platform_dialled *answer);

/* done is called once, never before this returns, unless it is cancelled. -EBUSY when
 * LIMIT_REQUESTS_WAITING are in line, -ENOMEM. */
int platform_dial_send(struct host *host, const struct platform_dialling *dialling,
	platform_dialled_fn done, void *userdata, struct platform_dial_call **ret);
/* Nobody is called any more. The platform may have got it. NULL. */
struct platform_dial_call *platform_dial_cancel(struct platform_dial_call *call);

/* True when the event was for one of these sessions. */
bool platform_dial_on_event(struct host *host, const struct uplink_event *event);
/* Ends all sessions before the uplink goes: nobody is called any more. The requests go with those
 * who asked. */
void platform_dials_stop(struct host *host);
