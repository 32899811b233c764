/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The gateway's own MQTT session, which the devices of the platform 'local' share. core/link says
 * when to connect; the back-off and its timer are here. The broker being down at start, or for an
 * hour, is normal: readings wait in the outbox. A refused credential is not tried in a hot loop:
 * the link goes to refused, an alarm says so, and it is tried again when the configuration is
 * reloaded or after five minutes with the password file read anew.
 */

#include "host/upstream.h"
#include "host/effect.h"
#include "host/host.h"
#include "host/journal.h"
#include "host/platform-host.h"
#include "host/reading.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/message-ids.h"
#include "host/command-host.h"
#include "host/gap.h"
#include "host/platform-ask.h"
#include "host/platform-dial.h"
#include "host/session.h"
#include "host/status-round.h"
#include "host/upstream-secret.h"
#include "host/withdraw.h"

#define REFUSED_RETRY_USEC (300 * USEC_PER_SEC)
#define DOWN_ALARM_USEC	   (900 * USEC_PER_SEC)
#define LASTED_USEC	   (60 * USEC_PER_SEC) /* up for so long: the back-off begins anew */

static void link_event(struct host *host, enum link_event event);

bool upstream_is_up(const struct host *host)
{
	return host->link == LINK_UP && host->session && !host->cutting;
}

/* ---- session ---- */

/* Whose words the gateway's own session speaks: of several platforms the one whose devices share
 * it. */
static const struct platform_driver *gateway_driver(const struct host *host)
{
	const struct config *config = host->config;
	const struct platform_driver *first = platform_driver_by_name(config->platform);
	unsigned i;

	for (i = 0; i < config->platforms.count; i++) {
		const struct platform_driver *other =
			platform_driver_by_name(config->platforms.item[i]);

		if (first && first->describe()->supports & PLATFORM_SHARED_SESSION)
			break;
		if (other && other->describe()->supports & PLATFORM_SHARED_SESSION)
			return other;
	}
	return first;
}

static int gateway_message(
	struct host *host, const char *state, struct upstream_message *ret_message)
{
	const struct platform_driver *driver = gateway_driver(host);
	const struct upstream_item item = {
		.kind = UPSTREAM_GATEWAY,
		.gateway_id = host->config->id,
		.text = state,
		.audit_head = host->facts.audit_head,
	};

	return driver ? driver->encode(platform_host_services(), &item, ret_message) : -ENOTSUP;
}

static void cleanup_message(struct upstream_message *message)
{
	upstream_message_clear(message);
}

static int session_open(struct host *host)
{
	const struct config *config = host->config;
	const struct platform_driver *driver = gateway_driver(host);
	CLEANUP(upstream_secret_clear) struct upstream_secret secret = {0};
	struct upstream_filters filters;
	bool listens;
	CLEANUP(cleanup_message) struct upstream_message will = {0};
	int r;

	r = upstream_secret_read(config, &secret);
	if (r < 0)
		return r;
	r = gateway_message(host, "offline", &will);
	if (r >= 0) {
		snprintf(host->will_topic, sizeof(host->will_topic), "%.255s", will.topic);
		snprintf(host->will_payload, sizeof(host->will_payload), "%.*s",
			(int)will.payload.size, (const char *)will.payload.data);
	}
	snprintf(host->upstream_client_id, sizeof(host->upstream_client_id), "gatehouse-%s",
		config->id);
	upstream_filters_for(host, driver, NULL, &filters);
	listens = filters.count > 0;
	if (platform_answers(host))
		filters.list[filters.count++] = platform_answers(host);
	const struct uplink_session_options options = {
		.host = config->mqtt_host,
		.port = config->mqtt_port,
		.tls = config->mqtt_tls,
		.ca_file = config->mqtt_ca_file,
		.client_id = host->upstream_client_id,
		.username = config->mqtt_username,
		.password = secret_span(&secret.password),
		.identity = secret_span(&secret.identity),
		.keep_alive = config->mqtt_keep_alive,
		.session_expiry = listens ? UPSTREAM_SESSION_EXPIRY : 0,
		.subscriptions = filters.count ? filters.list : NULL,
		.will_topic = host->will_topic[0] ? host->will_topic : NULL,
		.will_payload = host->will_payload,
		.will_retain = true,
		.asks_why = true,
	};
	return uplink_session_new(host->uplink, &options, host, &host->session);
}

static int on_link_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct host *host = userdata;

	if (host->link == LINK_REFUSED) {
		/* The password may have been put right meanwhile. */
		host->session = uplink_session_free(host->session);
		link_event(host, LINK_RENEWED);
	} else {
		link_event(host, LINK_RETRY);
	}
	return 0;
}

static int on_down_long(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct host *host = userdata;

	host_alarm_raise(host, ALARM_UPLINK_DOWN, host->config->mqtt_host);
	return 0;
}

static void connect_now(struct host *host)
{
	int r = 0;

	if (!host->session)
		r = session_open(host);
	if (r >= 0)
		r = uplink_connect(host->session);
	if (r < 0) {
		snprintf(host->facts.uplink_detail, sizeof(host->facts.uplink_detail),
			"could not begin to connect: %s", strerror(-r));
		link_event(host, LINK_LOST);
	}
}

static void set_timer(struct host *host, uint64_t delay)
{
	int r = loop_timer_set(
		host->loop, &host->link_timer, delay, on_link_timer, host, "uplink-retry");

	if (r < 0)
		log_error("The uplink's timer could not be set: %s.", strerror(-r));
}

/* One step of core/link, and what follows from it. */
static void link_event(struct host *host, enum link_event event)
{
	enum link_state before = host->link, next;
	uint32_t actions = 0;

	if (link_step(host->link, event, &next, &actions) != MACHINE_MOVED)
		return;
	host->link = next;
	if (next != before)
		host->facts.uplink_since = clock_wall_msec();
	host->facts.uplink = next;
	host_touch(host);
	if (actions & LIFE_ALARM_LEAK)
		host_alarm_raise(host, ALARM_UPLINK_TAKEN_OVER, host->upstream_client_id);
	switch (next) {
	case LINK_CONNECTING:
		connect_now(host);
		break;
	case LINK_DOWN:
		if (!host->stopping && event != LINK_STOP)
			set_timer(host, backoff_next(&host->link_backoff));
		break;
	case LINK_REFUSED:
		host_alarm_raise(host, ALARM_UPLINK_REFUSED, host->config->mqtt_host);
		set_timer(host, REFUSED_RETRY_USEC);
		break;
	case LINK_UP:
	case LINK_STATES:
		break;
	}
}

/* ---- what is published besides readings ---- */

int upstream_publish(struct host *host, const struct upstream_message *message, uint64_t tag)
{
	return host->session ? upstream_publish_to(host->session, message, tag) : -ENOTCONN;
}

void upstream_publish_gateway(struct host *host, const char *state)
{
	CLEANUP(cleanup_message) struct upstream_message message = {0};

	if (!upstream_is_up(host) || gateway_message(host, state, &message) < 0)
		return;
	if (upstream_publish(host, &message, 0) < 0)
		log_debug("The gateway's status could not be handed to the uplink.");
}

static void publish_item(
	struct host *host, const struct device_record *record, const struct upstream_item *item)
{
	const struct platform_driver *driver = platform_driver_by_name(record->platform);
	const struct device *device = registry_by_row(host->registry, record->row);
	CLEANUP(cleanup_message) struct upstream_message message = {0};
	int r;

	if (!session_carries(host, device) || !driver)
		return;
	r = driver->encode(platform_host_services(), item, &message);
	if (r == -ENOTSUP)
		return;
	if (r >= 0)
		r = session_publish(host, device, &message, 0);
	if (r < 0)
		log_device(LOG_WARNING, record->id, "Its status could not be published: %s.",
			strerror(-r));
}

/* Devices that nobody ever let in stay unknown upstream. The platform's id is kept after a
 * revocation, until another operation opens. */
static bool is_known_upstream(const struct device_record *record)
{
	return record->life.platform_id[0] != '\0';
}

void upstream_publish_status(struct host *host, struct device *device)
{
	const struct upstream_item item = {
		.kind = UPSTREAM_STATUS,
		.gateway_id = host->config->id,
		.record = device->record,
		.seen = device->last_reading,
		.epoch = owed_epoch(host->owed),
	};

	if (!is_known_upstream(device->record))
		return;
	publish_item(host, device->record, &item);
}

void upstream_clear_retained(struct host *host, const struct device_record *record)
{
	/* Nothing was ever retained of a device about which nobody ever decided. */
	if (!is_known_upstream(record) && !record->decided_at)
		return;
	gap_note_clear(host, record);
}

/* ---- events ---- */

/* The devices that share the session: what happens to it happens to them. */
static void tell_devices(struct host *host, bool up)
{
	struct device *device, *next;

	for (device = registry_first(host->registry); device; device = next) {
		enum link_state link = device->record->life.link;
		struct submission submission = {.event = LIFE_LINK_LOST};

		next = registry_next(device);
		if (session_is_own(device))
			continue;
		if (up)
			submission.event = link == LINK_CONNECTING ? LIFE_LINK_UP : LIFE_LINK_RETRY;
		if (up ? link == LINK_CONNECTING || link == LINK_DOWN
		       : link == LINK_CONNECTING || link == LINK_UP)
			host_submit(host, device, &submission);
	}
}

void upstream_join(struct host *host, struct device *device)
{
	if (session_is_own(device)) {
		session_join(host, device);
		return;
	}
	reading_set_open(host, device);
	if (upstream_is_up(host))
		host_submit(host, device, &(const struct submission){.event = LIFE_LINK_UP});
}

static void on_connected(struct host *host, const struct uplink_event *event)
{
	host->mqtt_version = event->version;
	host->link_up_since_usec = clock_boot_usec();
	loop_timer_stop(host->link_alarm_timer);
	host_alarm_clear(host, ALARM_UPLINK_DOWN, host->config->mqtt_host);
	host_alarm_clear(host, ALARM_UPLINK_REFUSED, host->config->mqtt_host);
	snprintf(host->facts.uplink_detail, sizeof(host->facts.uplink_detail), "MQTT %s%s",
		event->version == 5 ? "5" : "3.1.1", host->config->mqtt_tls ? " over TLS" : "");
	link_event(host, LINK_CONNECTED);
	log_at(LOG_NOTICE, (&(const struct log_fields){.message_id = MESSAGE_UPLINK_UP}),
		"Connected to %s:%u with %s.", host->config->mqtt_host, host->config->mqtt_port,
		host->facts.uplink_detail);
	/* What is to be cleared goes before a status that takes its place. */
	gap_on_connected(host, NULL);
	command_on_connected(host, NULL);
	withdraw_on_connected(host);
	status_round_begin(host);
	tell_devices(host, true);
	reading_pump_soon(host);
}

static void on_down(struct host *host, const struct uplink_event *event, enum link_event what)
{
	bool was_up = host->link == LINK_UP;
	bool hung_up = was_up && event->kind == UPLINK_LOST && host->mqtt_version != 5 &&
		       !host->cutting && !host->stopping;
	bool first_try = host->link_backoff.tries == 0;
	char text[100];

	span_to_safe_text(span_from_string(event->text), text, sizeof(text));
	snprintf(host->facts.uplink_detail, sizeof(host->facts.uplink_detail), "%s", text);
	/* A broker that takes the connection and drops it at once is not tried at full speed. */
	if (was_up && clock_boot_usec() - host->link_up_since_usec >= LASTED_USEC)
		backoff_reset(&host->link_backoff);
	host->cutting = false;
	loop_timer_stop(host->cut_timer);
	/* Before anybody is told: what follows must not publish into a session that is gone. */
	link_event(host, what);
	status_round_stop(host);
	reading_on_link_lost(host, hung_up);
	platform_asks_lost(host);
	if (was_up)
		tell_devices(host, false);
	if (was_up || first_try)
		log_at(LOG_WARNING,
			(&(const struct log_fields){.message_id = what == LINK_AUTH_REFUSED
									  ? MESSAGE_UPLINK_REFUSED
									  : MESSAGE_UPLINK_DOWN}),
			"The uplink to %s:%u is down: %s. Readings wait on disk.",
			host->config->mqtt_host, host->config->mqtt_port, text);
	if (was_up && !host->stopping)
		loop_timer_set(host->loop, &host->link_alarm_timer, DOWN_ALARM_USEC, on_down_long,
			host, "uplink-down-alarm");
}

void upstream_on_event(struct host *host, const struct uplink_event *event)
{
	switch (event->kind) {
	case UPLINK_CONNECTED:
		on_connected(host, event);
		break;
	case UPLINK_UNREACHABLE:
	case UPLINK_LOST:
		on_down(host, event, LINK_LOST);
		break;
	case UPLINK_NOT_AUTHORISED:
		on_down(host, event, LINK_AUTH_REFUSED);
		break;
	case UPLINK_TAKEN_OVER:
		on_down(host, event, LINK_TAKEN_OVER);
		break;
	case UPLINK_DELIVERED:
		reading_on_delivered(host, event->tag);
		break;
	case UPLINK_REFUSED:
		reading_on_refused(host, event->tag, event->reason);
		break;
	case UPLINK_SUBSCRIBED:
		break; /* of a transient session */
	case UPLINK_MESSAGE:
		break; /* by whatever session it came: command-arrival.c */
	}
}

/* Nobody waits for its connection any more. */
static void cut_now(struct host *host)
{
	const struct uplink_event lost = {.kind = UPLINK_LOST, .text = "cut by the gateway"};

	host->session = uplink_session_free(host->session);
	host->cutting = true;
	on_down(host, &lost, LINK_LOST);
}

static int on_cut_timeout(sd_event_source *source, uint64_t usec, void *userdata)
{
	cut_now(userdata);
	return 0;
}

void upstream_cut(struct host *host)
{
	if (!host->session || host->cutting)
		return;
	if (uplink_session_cut(host->session) < 0) {
		cut_now(host);
		return;
	}
	host->cutting = true;
	if (loop_timer_set(host->loop, &host->cut_timer, UPSTREAM_CUT_USEC, on_cut_timeout, host,
		    "uplink-cut") < 0)
		cut_now(host);
}

/* ---- start, stop, reload ---- */

int upstream_start(struct host *host)
{
	host->link = LINK_DOWN;
	host->link_backoff =
		(struct backoff){.base_usec = USEC_PER_SEC / 2, .cap_usec = 60 * USEC_PER_SEC};
	host->facts.uplink_since = clock_wall_msec();
	if (!host->config->mqtt_host[0]) {
		snprintf(host->facts.uplink_detail, sizeof(host->facts.uplink_detail),
			"no broker is configured (mqtt.host)");
		return 0;
	}
	loop_timer_set(host->loop, &host->link_alarm_timer, DOWN_ALARM_USEC, on_down_long, host,
		"uplink-down-alarm");
	link_event(host, LINK_START);
	return 0;
}

void upstream_stop(struct host *host)
{
	host->stopping = true;
	session_stop_all(host);
	platform_dials_stop(host);
	reading_delete_delivered(host);
	upstream_publish_gateway(host, "offline");
	if (host->session)
		uplink_disconnect(host->session);
	host->link_timer = loop_source_free(host->link_timer);
	host->link_alarm_timer = loop_source_free(host->link_alarm_timer);
	status_round_free(host);
	host->cut_timer = loop_source_free(host->cut_timer);
}

void upstream_reload(struct host *host, const struct config *old)
{
	if (host->link == LINK_REFUSED) {
		host->session = uplink_session_free(host->session);
		link_event(host, LINK_RENEWED);
	}
}
