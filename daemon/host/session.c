/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Devices with an MQTT session of their own. The device's link machine (core/link, in its life)
 * says when to connect. This file has the session and its back-off; session-event.c reads what the
 * uplink says of it, session-queue.c says whose turn it is, session-carrier.c what goes by which
 * session.
 *
 *	LIFE_CONNECT    -> queue -> connect, one every 1/LIMIT_LINK_CONNECTS second
 *	connected       -> LINK_UP; its status goes out, its readings follow
 *	lost            -> LINK_LOST; LINK_RETRY after a back-off with jitter
 *	taken over      -> LINK_TAKEN_OVER (alarm); the same back-off
 *	ended before it began, three times in a row -> an alarm: that is how a platform that goes by
 *			   certificates refuses one
 *	not authorised  -> LINK_REFUSED: nothing is tried again until there is another credential
 *	LIFE_DISCONNECT -> drained -> what was published is sent -> closed
 *
 * The back-off begins anew only after a session has lasted a while: two that take the place of each
 * other would else go on for ever at full speed.
 */

#include "host/effect.h"
#include "host/journal.h"
#include "host/platform-host.h"
#include "host/reading.h"
#include "host/session-parts.h"
#include "host/upstream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "core/token.h"
#include "host/command-host.h"
#include "host/gap.h"
#include "host/outbox-host.h"
#include "host/twin.h"

#define BACKOFF_BASE_USEC USEC_PER_SEC
#define BACKOFF_CAP_USEC  (300 * USEC_PER_SEC)

const char *session_id(const struct device_session *session)
{
	return session->part->device->record->id;
}

/* ---- down ---- */

void session_go_down(struct host *host, struct device_session *session, bool by_peer)
{
	bool hung_up = by_peer && session->up && session->version != 5 && !session->leaving;

	session->cutting = false;
	loop_timer_stop(session->cut_timer);
	if (session->up) {
		session->up = false;
		session->held = false;
		host->sessions_up--;
		outbox_set_limits(host);
		if (clock_boot_usec() - session->up_since_usec >= SESSION_LASTED_USEC)
			backoff_reset(&session->backoff);
	}
	reading_on_session_lost(host, session->device_row, hung_up);
}

static void on_retry_submitted(
	void *userdata, enum submit_result result, struct device *device, const char *why)
{
	/* It may not connect any more. */
	if (device && (result == SUBMIT_IGNORED || result == SUBMIT_REFUSED))
		session_leave(userdata, device);
}

static int on_retry_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct device_session *session = userdata;
	struct host *host = session->part->host;

	host_submit(host, session->part->device,
		&(const struct submission){
			.event = LIFE_LINK_RETRY, .done = on_retry_submitted, .userdata = host});
	return 0;
}

static void plan_retry(struct host *host, struct device_session *session)
{
	int r;

	if (session->leaving || host->stopping)
		return;
	r = loop_timer_set(host->loop, &session->retry_timer, backoff_next(&session->backoff),
		on_retry_timer, session, "session-retry");
	if (r < 0)
		log_device(LOG_ERR, session_id(session), "No timer for its session: %s.",
			strerror(-r));
}

void session_lost(struct host *host, struct device_session *session, const char *why, bool by_peer)
{
	struct device_host *part = device_host_pin(session->part);
	bool tell = session->up || session->backoff.tries == 0;

	if (tell && !session->leaving)
		log_device(LOG_WARNING, session_id(session),
			"Its session at %s:%u is down: %s. Its readings wait on disk.",
			session->host, session->port, why);
	session_go_down(host, session, by_peer);
	if (part->session == session) {
		plan_retry(host, session);
		host_submit(
			host, part->device, &(const struct submission){.event = LIFE_LINK_LOST});
	}
	device_host_unpin(part);
}

/* ---- open, close ---- */

static int open_uplink(struct host *host, struct device_session *session)
{
	const struct device *device = session->part->device;
	const struct config *config = host->config;
	struct platform_session from;
	struct upstream_filters filters;
	struct platform_place place;
	const char *at;
	int r = session_driver(device)->session(device->record, config->id, &from);

	if (r >= 0 && !from.made_username[0])
		r = span_to_string(from.username, from.made_username, sizeof(from.made_username));
	if (r < 0)
		return r;
	upstream_filters_for(host, session_driver(device), device->record, &filters);
	platform_place_of(host, device->record->platform, &place);
	at = from.host[0] ? from.host : place.session_host;
	snprintf(session->host, sizeof(session->host), "%s", at ? at : config->mqtt_host);
	session->port = place.session_port;
	session->has_identity = from.identity.size > 0;
	if (!session->host[0])
		return -EDESTADDRREQ;
	if (from.identity.size && !at && !config->mqtt_tls)
		return -EPROTONOSUPPORT;
	const struct uplink_session_options options = {
		.host = session->host,
		.port = session->port,
		.tls = at || config->mqtt_tls,
		.ca_file = place.ca_file,
		.client_id = from.client_id,
		.username = from.made_username,
		.password = from.password,
		.identity = from.identity,
		.keep_alive = from.keep_alive ? from.keep_alive : config->mqtt_keep_alive,
		.session_expiry = filters.count ? UPSTREAM_SESSION_EXPIRY : 0,
		.subscriptions = filters.count ? filters.list : NULL,
		.version = from.version,
		.together = true,
		/* Clouds have rules of their own for who comes too often. */
		.asks_why = !at,
		.owner = session->device_row,
	};
	return uplink_session_new(host->uplink, &options, session, &session->uplink);
}

void session_connect(struct host *host, struct device_session *session)
{
	int r = open_uplink(host, session);

	if (r >= 0)
		r = uplink_connect(session->uplink);
	if (r < 0)
		session_lost(host, session, strerror(-r), false);
}

/* Whatever was handed in before still goes out; no event comes any more. */
static void close_uplink(struct host *host, struct device_session *session, bool cut)
{
	if (!session->uplink)
		return;
	if (session->up && !cut)
		uplink_disconnect(session->uplink);
	session->uplink = uplink_session_free(session->uplink);
	session_go_down(host, session, false);
}

static void session_free(struct device_session *session)
{
	struct host *host = session->part->host;

	session->part->session = NULL;
	session_queue_remove(host, session);
	close_uplink(host, session, false);
	loop_source_free(session->retry_timer);
	loop_source_free(session->close_timer);
	loop_source_free(session->cut_timer);
	free(session);
}

static int on_close_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct device_session *session = userdata;

	if (session->leaving && !session->part->draining)
		session_free(session);
	return 0;
}

/* In the next turn: what this one still publishes goes before. */
static void close_soon(struct host *host, struct device_session *session)
{
	int r = loop_timer_set(
		host->loop, &session->close_timer, 0, on_close_timer, session, "session-close");

	if (r < 0)
		log_device(LOG_ERR, session_id(session), "No timer for its session: %s.",
			strerror(-r));
}

/* ---- what the record asks for ---- */

static struct device_session *session_make(struct device_host *part)
{
	struct device_session *session = calloc(1, sizeof(*session));

	if (session) {
		session->part = part;
		session->device_row = part->device->record->row;
		session->backoff = (struct backoff){
			.base_usec = BACKOFF_BASE_USEC, .cap_usec = BACKOFF_CAP_USEC};
		part->session = session;
	}
	return session;
}

/* It was opened with the credential of then. */
static void replace(struct host *host, struct device_session *session, bool cut)
{
	struct device_host *part = session->part;

	session->renewing = false;
	close_uplink(host, session, cut);
	if (part->session == session)
		session_queue_add(host, session);
}

void session_join(struct host *host, struct device *device)
{
	struct device_host *part = device_host(device);
	struct device_session *session = part->session;

	if (host->stopping)
		return;
	if (!session)
		session = session_make(part);
	if (!session) {
		log_device(LOG_ERR, device->record->id,
			"It has no session: the gateway is out of memory.");
		return;
	}
	session->leaving = false;
	loop_timer_stop(session->retry_timer);
	if (session->up && flights_of_device(host, session->device_row)) {
		session->renewing = true;
		reading_drain(host, device, false, NULL, NULL);
		return;
	}
	replace(host, session, !session->up);
}

void session_leave(struct host *host, struct device *device)
{
	struct device_session *session = session_of(device);

	if (!session)
		return;
	session->leaving = true;
	session->hung_up = 0;
	host_alarm_clear(host, ALARM_NOT_LET_IN, device->record->id);
	session->renewing = false;
	loop_timer_stop(session->retry_timer);
	session_queue_remove(host, session);
	close_soon(host, session);
}

void session_on_drained(struct device_host *part)
{
	if (part->session && part->session->leaving)
		close_soon(part->host, part->session);
	else if (part->session && part->session->renewing && part->session->up)
		replace(part->host, part->session, false);
}

static void cut_now(struct host *host, struct device_session *session)
{
	session->uplink = uplink_session_free(session->uplink);
	session_lost(host, session, SESSION_CUT_WHY, false);
}

static int on_cut_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct device_session *session = userdata;

	cut_now(session->part->host, session);
	return 0;
}

/* Lost when its connection is gone: only then nothing of it can follow. */
void session_cut(struct host *host, struct device *device)
{
	struct device_session *session = session_of(device);

	if (!session || !session->uplink) {
		reading_on_session_lost(host, device->record->row, false);
		return;
	}
	if (session->cutting)
		return;
	if (uplink_session_cut(session->uplink) < 0) {
		cut_now(host, session);
		return;
	}
	session->cutting = true;
	if (loop_timer_set(host->loop, &session->cut_timer, UPSTREAM_CUT_USEC, on_cut_timer,
		    session, "session-cut") < 0)
		cut_now(host, session);
}

void session_detach(struct device_host *part)
{
	if (part->session)
		session_free(part->session);
}

void session_stop_all(struct host *host)
{
	struct device *device = registry_first(host->registry);

	while (device) {
		struct device *next = registry_next(device);
		uint64_t next_row = next ? next->record->row : 0;

		if (session_of(device)) {
			session_free(session_of(device));
			/* A forget that waited for its end is done now: any of them may be gone. */
			next = next_row ? registry_by_row(host->registry, next_row) : NULL;
			if (next_row && !next)
				next = registry_first(host->registry);
		}
		device = next;
	}
	host->session_queue.timer = loop_source_free(host->session_queue.timer);
}
