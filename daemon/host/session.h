/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A device's own MQTT session, for platforms whose devices do not share the gateway's. What comes
 * from the record asks here (join, leave); what happens to the session is submitted as a link event
 * of that device. The functions that both kinds of device need (may it send, where does a message
 * go) know the difference, so that nobody else has to.
 */

#include "host/host.h"

/* True when it has one at present. */
bool session_has_own(const struct device *device);
/* True when this device has, or with its credential will have, a session of its own. */
bool session_is_own(const struct device *device);

/* The credential may be used (LIFE_CONNECT): connects when its turn has come, with the credential
 * that is in the record now. A session that is there is replaced when what is in flight of it has
 * landed, so that nothing is sent twice. */
void session_join(struct host *host, struct device *device);
/* It may not be used any more (LIFE_DISCONNECT): ends the session as soon as nothing of the device
 * is drained any more and what is published with this step is handed over. */
void session_leave(struct host *host, struct device *device);
/* Nothing of the device is in flight any more. */
void session_on_drained(struct device_host *part);
/* Cuts it: nothing that was handed in is sent any more. It counts as lost when its connection is
 * gone, at the latest after UPSTREAM_CUT_USEC. */
void session_cut(struct host *host, struct device *device);
/* The device goes. */
void session_detach(struct device_host *part);
void session_stop_all(struct host *host);

/* True while the other side ends it again and again before it begins, without a word, as a platform
 * that goes by certificates refuses. */
bool session_is_not_let_in(const struct device *device);

/* Events of all sessions but the gateway's. */
void session_on_event(struct host *host, const struct uplink_event *event);
/* A reading is not in flight any more: its device goes on if it was held for its session's window.
 */
void session_on_landed(struct host *host, uint64_t device_row);
/* Its readings may leave again, if nothing else holds them; its window is looked at anew. */
void session_let_go_on(struct host *host, struct device *device);

/* ---- for both kinds of device ---- */

/* True while any session is up. */
bool session_any_is_up(const struct host *host);
/* Is the session by which this device's readings go up? */
bool session_is_up(const struct host *host, const struct device *device);
/* May a reading of this device be handed over now? */
bool session_may_send(struct host *host, struct device *device);
/* False: its readings wait, whatever its life says. */
bool session_is_open(const struct device *device);
/* Is there a way for what is published about a device? Its own session; the gateway's when it
 * shares that, or has none of its own any more. */
bool session_carries(const struct host *host, const struct device *device);
/* 5 or 4, of the session that carries it. */
int session_version(const struct host *host, const struct device *device);
/* Which reading the broker of the session that carries it hangs up about. */
struct suspect *session_suspect(struct host *host, const struct device *device);
/* Hands a message about a device over; 'device' may be NULL. -ENOTCONN when there is no way. */
int session_publish(struct host *host, const struct device *device,
	const struct upstream_message *message, uint64_t tag);
