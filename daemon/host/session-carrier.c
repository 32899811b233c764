/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Which session carries what is sent of a device: its own, where its platform gives it one, or the
 * gateway's. A device that has none of its own any more (revoked, refused) is still spoken of: then
 * by the gateway's session, as far as the broker lets that user; where its platform is elsewhere,
 * by none.
 *
 * Readings in flight are bounded for each session of a device: one that is silent must not take the
 * window that all share, and neither must many of them. What is held for that goes on when half of
 * them have landed: delivered, or put aside. Those that are refused for the moment are waited for
 * first (flight.c).
 */

#include "host/reading.h"
#include "host/session-parts.h"
#include "host/upstream.h"

#include <errno.h>

const struct platform_driver *session_driver(const struct device *device)
{
	return platform_driver_by_name(device->record->platform);
}

bool session_is_own(const struct device *device)
{
	const struct platform_driver *driver = session_driver(device);
	struct platform_session session;

	if (!driver || !driver->session)
		return false;
	if (!(driver->describe()->supports & PLATFORM_SHARED_SESSION) || session_of(device))
		return true;
	/* Its credential says; one that is being withdrawn still has its session. */
	return driver->session(device->record, "", &session) >= 0;
}

bool session_has_own(const struct device *device)
{
	return session_of(device) != NULL;
}

struct device_session *session_of(const struct device *device)
{
	struct device_host *part = device ? device_host(device) : NULL;

	return part ? part->session : NULL;
}

/* ---- the window of one session ---- */

/* A broker that hangs up gets one at a time. While half of all that may be in flight is, a quarter
 * of it is for all sessions alike: those that went silent together leave a quarter to the others,
 * who go on until it is known of them. Each has at least one, or nothing would come back that lets
 * it go on; its place it brought along (outbox-host.c). */
static size_t window(const struct host *host, const struct device_session *session)
{
	size_t most = host->limits.value[LIMIT_LINK_WINDOW], share;

	if (session->suspect.alone)
		return 1;
	if (owed_flying(host->owed) <= host->config->mqtt_window / 2)
		return most;
	share = host->config->mqtt_window / 4 / (host->sessions_up ? host->sessions_up : 1);
	if (share < 1)
		return 1;
	return share < most ? share : most;
}

void session_let_go_on(struct host *host, struct device *device)
{
	struct device_session *session = session_of(device);

	if (session)
		session->held = false;
	reading_set_open(host, device);
}

void session_on_landed(struct host *host, uint64_t device_row)
{
	struct device *device = registry_by_row(host->registry, device_row);
	const struct device_session *session = session_of(device);

	if (!session || !session->held || device_host(device)->refused_waits ||
		owed_in_flight(host->owed, device_row) > window(host, session) / 2)
		return;
	session_let_go_on(host, device);
}

/* ---- for both kinds of device ---- */

bool session_any_is_up(const struct host *host)
{
	return host->sessions_up > 0 || upstream_is_up(host);
}

bool session_is_open(const struct device *device)
{
	const struct device_session *session = session_of(device);

	return (session && session->up && !session->held) || !session_is_own(device);
}

bool session_is_up(const struct host *host, const struct device *device)
{
	const struct device_session *session = session_of(device);

	return session_is_own(device) ? session && session->up : upstream_is_up(host);
}

bool session_may_send(struct host *host, struct device *device)
{
	struct device_session *session = session_of(device);

	if (!session_is_own(device))
		return upstream_is_up(host);
	if (!session || !session->up)
		return false;
	/* The reading that is asked about counts already. */
	if (owed_in_flight(host->owed, device->record->row) <= window(host, session))
		return true;
	if (!session->suspect.alone)
		host->limits.reached[LIMIT_LINK_WINDOW]++;
	session->held = true;
	return false;
}

static bool is_elsewhere(const struct device *device)
{
	const struct platform_driver *driver = device ? session_driver(device) : NULL;

	return driver && driver->describe()->supports & PLATFORM_ELSEWHERE;
}

bool session_carries(const struct host *host, const struct device *device)
{
	const struct device_session *session = session_of(device);

	return session ? session->up : !is_elsewhere(device) && upstream_is_up(host);
}

int session_version(const struct host *host, const struct device *device)
{
	const struct device_session *session = session_of(device);

	return session ? session->version : host->mqtt_version;
}

struct suspect *session_suspect(struct host *host, const struct device *device)
{
	struct device_session *session = session_of(device);

	return session ? &session->suspect : &host->suspect;
}

int session_publish(struct host *host, const struct device *device,
	const struct upstream_message *message, uint64_t tag)
{
	const struct device_session *session = session_of(device);

	if (!session)
		return is_elsewhere(device) ? -ENOTCONN : upstream_publish(host, message, tag);
	return session->up ? upstream_publish_to(session->uplink, message, tag) : -ENOTCONN;
}

/* ---- for every session ---- */

void upstream_filters_for(struct host *host, const struct platform_driver *driver,
	const struct device_record *record, struct upstream_filters *filters)
{
	unsigned at;

	*filters = (struct upstream_filters){.count = 0};
	if (!host->config->mqtt_commands || !driver || !driver->listen)
		return;
	for (at = 0; at < PLATFORM_LISTENS_MAX; at++) {
		if (driver->listen(record, host->config->id, at, filters->text[at],
			    sizeof(filters->text[at])) < 0)
			break;
		filters->list[filters->count++] = filters->text[at];
	}
}

int upstream_publish_to(
	struct uplink_session *session, const struct upstream_message *message, uint64_t tag)
{
	struct uplink_property properties[UPSTREAM_PROPERTIES_MAX];
	const struct uplink_publication publication = {
		.topic = message->topic,
		.payload = message->payload,
		.qos = message->qos,
		.retain = message->retain,
		.content_type = message->content_type,
		.properties = properties,
		.property_count = message->property_count,
		.correlation = span_of(message->correlation, message->correlation_size),
		.tag = tag,
		.refuse_at_once = message->refuse_at_once,
	};
	size_t i;

	for (i = 0; i < message->property_count; i++)
		properties[i] = (struct uplink_property){
			message->property[i].name, message->property[i].value};
	return uplink_publish(session, &publication);
}
