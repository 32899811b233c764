/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What the uplink says of devices' own sessions (session.c): up, refused, taken over, lost, and
 * what became of readings. A broker says little; how a session ends, and how often, tells the rest.
 *
 * Some hubs let one session in for each identity and end the older one without a word (MQTT 3.1.1
 * has none). What is seen of it then: accepted at once, closed again soon, with nothing on its way
 * that the hub could have disliked; and that CLOSED_SOON_MAX times in a row. That counts as taken
 * over. Whoever cannot be reached in between is only ill.
 */

#include "host/effect.h"
#include "host/journal.h"
#include "host/platform-host.h"
#include "host/reading.h"
#include "host/session-parts.h"
#include "host/upstream.h"

#include "base/clock.h"
#include "base/log.h"
#include "host/command-host.h"
#include "host/gap.h"
#include "host/outbox-host.h"
#include "host/twin.h"

#define CLOSED_SOON_MAX 3
#define HUNG_UP_MAX	3

static void on_up_submitted(
	void *userdata, enum submit_result result, struct device *device, const char *why)
{
	/* Nobody wants it any more. */
	if (device && result == SUBMIT_IGNORED)
		session_leave(userdata, device);
	else if (device && result == SUBMIT_DONE)
		platform_host_on_up(userdata, device);
}

static void on_connected(
	struct host *host, struct device_session *session, const struct uplink_event *event)
{
	struct device *device = session->part->device;

	session->up = true;
	session->hung_up = 0;
	host_alarm_clear(host, ALARM_NOT_LET_IN, device->record->id);
	session->refused_said = false;
	session->version = event->version;
	session->up_since_usec = clock_boot_usec();
	host->sessions_up++;
	outbox_set_limits(host);
	log_device(LOG_INFO, device->record->id, "Its session at %s:%u is up with MQTT %s.",
		session->host, session->port, event->version == 5 ? "5" : "3.1.1");
	host_submit(host, device,
		&(const struct submission){
			.event = LIFE_LINK_UP, .done = on_up_submitted, .userdata = host});
	gap_on_connected(host, device);
	command_on_connected(host, device);
	if (session_of(device) && !session_of(device)->leaving) {
		upstream_publish_status(host, device);
		twin_on_connected(host, device);
	}
	reading_set_open(host, device);
}

static void on_refused(
	struct host *host, struct device_session *session, const struct uplink_event *event)
{
	struct device_host *part = device_host_pin(session->part);
	char text[100];

	span_to_safe_text(span_from_string(event->text), text, sizeof(text));
	if (session_driver(part->device)->describe()->supports & PLATFORM_CAN_REFRESH)
		log_device(LOG_WARNING, session_id(session),
			"The broker refuses its credential: %s. It is renewed once.", text);
	else
		log_device(LOG_WARNING, session_id(session),
			"The broker refuses its credential: %s. Replace its token (gatehousectl "
			"tokens import, or replace %s).",
			text, part->device->record->ep);
	session_go_down(host, session, false);
	if (part->session == session)
		host_submit(
			host, part->device, &(const struct submission){.event = LIFE_LINK_REFUSED});
	device_host_unpin(part);
}

/* Once for each connection: with a wrong access list it is every reading. */
static void say_refused(struct device_session *session, int reason)
{
	if (!session->refused_said)
		log_device(LOG_WARNING, session_id(session),
			"The broker refused what its user published (MQTT reason 0x%02X). May it "
			"write to the device's topics?",
			(unsigned)reason);
	session->refused_said = true;
}

bool session_is_not_let_in(const struct device *device)
{
	const struct device_session *session = session_of(device);

	return session && session->has_identity && session->hung_up >= HUNG_UP_MAX;
}

/* By its own word, or by what it does. LOST follows at once, and the back-off with it. */
static void on_taken_over(struct host *host, struct device_session *session)
{
	struct device_host *part = session->part;
	struct audit_row audit;

	session->closed_soon = 0;
	part->platform_why = audit_result(AUDIT_TAKEN_OVER);
	log_device(LOG_WARNING, session_id(session),
		"Its session at %s:%u is taken over: %s, and each takes the place of the other. It "
		"is "
		"tried again, less and less often.",
		session->host, session->port, audit_result(AUDIT_TAKEN_OVER));
	/* Once, and not for each time that one takes the place of the other. */
	if (!host_alarm_is_active(host, ALARM_LEAK, session_id(session))) {
		audit_row_init(&audit, "platform", "", part->device->record->platform, DEED_LEAK,
			session_id(session), "", audit_result(AUDIT_TAKEN_OVER));
		host_audit(host, &audit, NULL, NULL);
	}
	host_submit(host, part->device, &(const struct submission){.event = LIFE_LINK_TAKEN_OVER});
}

/* Counts this end of a session that was up. */
static bool looks_taken_over(struct host *host, struct device_session *session)
{
	const struct platform_driver *driver = session_driver(session->part->device);
	uint64_t lasted = clock_boot_usec() - session->up_since_usec;

	if (!driver || !(driver->describe()->supports & PLATFORM_ONE_SESSION) || session->leaving ||
		lasted >= SESSION_LASTED_USEC)
		session->closed_soon = 0;
	else if (!flights_any_of_device(host, session->device_row))
		session->closed_soon++;
	return session->closed_soon == CLOSED_SOON_MAX;
}

static void on_lost(
	struct host *host, struct device_session *session, const struct uplink_event *event)
{
	struct device_host *part = device_host_pin(session->part);
	bool taken_over = false;
	char text[100];

	session->hung_up = event->hung_up ? session->hung_up + 1 : 0;
	if (session->hung_up == HUNG_UP_MAX && session_is_not_let_in(part->device))
		host_alarm_raise(host, ALARM_NOT_LET_IN, session_id(session));
	if (!session->up)
		session->closed_soon = 0;
	else if ((taken_over = looks_taken_over(host, session)))
		on_taken_over(host, session);
	/* It may be gone with what that began. */
	if (part->session == session)
		session_lost(host, session,
			span_to_safe_text(span_from_string(event->text), text, sizeof(text)),
			event->kind == UPLINK_LOST && !taken_over);
	device_host_unpin(part);
}

void session_on_event(struct host *host, const struct uplink_event *event)
{
	struct device_session *session = uplink_session_userdata(event->session);

	switch (event->kind) {
	case UPLINK_CONNECTED:
		on_connected(host, session, event);
		break;
	case UPLINK_UNREACHABLE:
	case UPLINK_LOST:
		if (session->cutting)
			session_lost(host, session, SESSION_CUT_WHY, false);
		else
			on_lost(host, session, event);
		break;
	case UPLINK_NOT_AUTHORISED:
		on_refused(host, session, event);
		break;
	case UPLINK_TAKEN_OVER:
		on_taken_over(host, session);
		break;
	case UPLINK_DELIVERED:
		reading_on_delivered(host, event->tag);
		break;
	case UPLINK_REFUSED:
		say_refused(session, event->reason);
		reading_on_refused(host, event->tag, event->reason);
		break;
	case UPLINK_SUBSCRIBED:
		break; /* of a transient session */
	case UPLINK_MESSAGE:
		break; /* by whatever session it came: command-arrival.c */
	}
}
