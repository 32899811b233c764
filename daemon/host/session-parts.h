/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the files about devices' own sessions share. */

#include "host/session.h"

struct device_session {
	struct device_host *part;
	uint64_t device_row;
	struct uplink_session *uplink; /* NULL: none is open */
	struct device_session *next;   /* in the queue of those that want to connect */
	bool queued;
	bool up;
	bool held; /* its readings wait for room in the window */
	bool leaving;
	bool renewing;	/* it is replaced as soon as nothing is in flight any more */
	char host[256]; /* where it goes */
	uint16_t port;
	bool refused_said; /* that a publication was refused, since it is up */
	int version;
	struct suspect suspect;
	uint64_t up_since_usec;
	unsigned closed_soon; /* times in a row, see session.c */
	struct backoff backoff;
	bool has_identity;
	unsigned hung_up; /* so many tries in a row were ended without a word */
	sd_event_source *retry_timer, *close_timer;
};

/* NULL when it has none. */
struct device_session *session_of(const struct device *device);
/* NULL when its platform is not one of this gateway's. */
const struct platform_driver *session_driver(const struct device *device);

/* session-queue.c: session_connect() is called when its turn has come. */
void session_queue_add(struct host *host, struct device_session *session);
void session_queue_remove(struct host *host, struct device_session *session);

/* session.c */
void session_connect(struct host *host, struct device_session *session);
