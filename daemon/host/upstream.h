/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The gateway's own session at its broker, and what goes by it.
 */

#include "host/host.h"

/* Commands that come while the gateway is away wait at the broker for so long. */
#define UPSTREAM_SESSION_EXPIRY 86400 /* seconds */
/* What a session subscribes to: for commands, and (the gateway's) for answers. */
struct upstream_filters {
	char text[PLATFORM_LISTENS_MAX][256];
	const char *list[PLATFORM_LISTENS_MAX + 2]; /* ends with NULL */
	unsigned count;
};
/* Fills it with what is to be heard for commands; 'record' NULL: by the gateway's own session. */
void upstream_filters_for(struct host *host, const struct platform_driver *driver,
	const struct device_record *record, struct upstream_filters *filters);
/* Hands one message to the gateway's session. -ENOTCONN when there is none. */
int upstream_publish(struct host *host, const struct upstream_message *message, uint64_t tag);
/* The same to any session. */
int upstream_publish_to(
	struct uplink_session *session, const struct upstream_message *message, uint64_t tag);
int upstream_start(struct host *host);
void upstream_on_event(struct host *host, const struct uplink_event *event);
bool upstream_is_up(const struct host *host);
/* The device's credential may be used: by the gateway's session, or by one of its own. */
void upstream_join(struct host *host, struct device *device);
void upstream_publish_status(struct host *host, struct device *device);
void upstream_clear_retained(struct host *host, const struct device_record *record);
void upstream_publish_gateway(struct host *host, const char *state);
/* So long at most a connection that was cut is waited for to be gone. */
#define UPSTREAM_CUT_USEC (2 * USEC_PER_SEC)

/* Ends the session so that nothing more of what was handed in is sent; it comes back by itself. It
 * counts as up no more at once, as lost when its connection is gone, at the latest after
 * UPSTREAM_CUT_USEC. */
void upstream_cut(struct host *host);
void upstream_stop(struct host *host);
void upstream_reload(struct host *host, const struct config *old);
