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
	bool cutting;	/* its connection is waited for to be gone */
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
	sd_event_source *retry_timer, *close_timer, *cut_timer;
};

/* NULL when it has none. */
struct device_session *session_of(const struct device *device);
/* NULL when its platform is not one of this gateway's. */
const struct platform_driver *session_driver(const struct device *device);

/* session-queue.c: session_connect() is called when its turn has come. */
void session_queue_add(struct host *host, struct device_session *session);
void session_queue_remove(struct host *host, struct device_session *session);

/* One that lasted so long was no mishap: what counts the bad ones begins anew. */
#define SESSION_LASTED_USEC (60 * USEC_PER_SEC)
#define SESSION_CUT_WHY	    "cut by the gateway"

/* session.c */
const char *session_id(const struct device_session *session);
/* Nothing that is in flight comes back. Whoever waited for that may let the device go, and the
 * session with it: hold the device_host, and look whether it still has the session. */
void session_go_down(struct host *host, struct device_session *session, bool by_peer);
/* The same, said in the journal and to the device's life; tried again after the back-off. */
void session_lost(struct host *host, struct device_session *session, const char *why, bool by_peer);
void session_connect(struct host *host, struct device_session *session);
