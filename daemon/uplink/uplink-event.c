/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What came back from the worker and from Paho, on the loop. A note counts only while its
 * connection is its session's present one and the session has not ended; everything else is late
 * and is swallowed, but for messages of the broker. So after LOST, or after an attempt timed out,
 * nothing of that connection is heard of any more, whatever its threads still do.
 *
 * A caller may end or connect a session inside an event: after an event is emitted nothing of the
 * session is touched, except where its connection is known to keep it alive.
 */

#include <stdlib.h>

#include "base/crypto.h"
#include "base/log.h"
#include "base/loop.h"
#include "uplink/uplink-parts.h"

#define V5_UNSUPPORTED_VERSION 0x84
#define V3_UNSUPPORTED_VERSION 1

void session_emit(struct uplink_session *session, const struct uplink_event *event)
{
	if (!session->ended)
		session->uplink->ops.event(session->uplink->userdata, event);
}

void session_fail(struct uplink_session *session, enum uplink_event_kind kind, const char *text)
{
	struct uplink_event event = {.kind = kind, .session = session, .text = text};
	char copy[UPLINK_TEXT_MAX];

	/* Part of it may come from the peer (an error of its certificate). */
	event.text = span_to_safe_text(span_from_string(text), copy, sizeof(copy));
	event.hung_up =
		kind == UPLINK_UNREACHABLE && session->connection && session->connection->hung_up;
	session_forget_why(session);
	if (session->connection)
		connection_abandon(session->connection);
	loop_timer_stop(session->timer);
	session->state = SESSION_IDLE;
	session_emit(session, &event);
}

static bool note_is_current(const struct note *note)
{
	const struct uplink_session *session = note->connection->session;

	return session->connection == note->connection && !session->ended;
}

static void handle_opened(struct connection *connection)
{
	struct uplink_session *session = connection->session;

	session->state = SESSION_UP;
	session->server_keep_alive = connection->server_keep_alive;
	loop_timer_stop(session->timer);
	if (session->subscription_count > 0) /* before anything that the caller publishes */
		note_order(session->uplink, &connection->subscribe, NOTE_SUBSCRIBE);
	session_emit(session, &(struct uplink_event){.kind = UPLINK_CONNECTED,
				      .session = session,
				      .version = connection->version,
				      .text = ""});
}

/* CONNACK codes that say "not with this credential": 3.1.1 section 3.2.2.3, 5 section 3.2.2.2. */
static bool code_is_refusal(int code)
{
	return code == 4 || code == 5 || code == 0x86 || code == 0x87 || code == 0x8c ||
	       code == IDENTITY_REFUSED;
}

static bool code_is_version(int code)
{
	return code == V5_UNSUPPORTED_VERSION || code == V3_UNSUPPORTED_VERSION;
}

static void handle_failed(struct connection *connection, int code)
{
	struct uplink_session *session = connection->session;

	if (connection->version == 5 && session->options.version == 0 && code_is_version(code)) {
		connection_abandon(connection);
		if (connection_start(session, 4) < 0)
			session_fail(session, UPLINK_UNREACHABLE, "out of memory");
		return;
	}
	if (connection->silent && session_ask_why(session))
		return;
	session_fail(session, code_is_refusal(code) ? UPLINK_NOT_AUTHORISED : UPLINK_UNREACHABLE,
		connection->why);
}

static void handle_down(struct connection *connection, int code, const char *text)
{
	struct uplink_session *session = connection->session;

	connection_abandon(connection);
	session->state = SESSION_IDLE;
	/* The connection is freed on RETIRED, which is not before we return to the loop. */
	session_emit(session,
		&(struct uplink_event){
			.kind = UPLINK_LOST, .session = session, .reason = code, .text = text});
}

/* The broker does not send it again, so it is told whatever became of its connection. */
static void handle_message(struct connection *connection, const struct inbound *inbound)
{
	struct uplink_session *session = connection->session;
	struct uplink *uplink = connection->uplink;

	/* Whoever asked has its answer; what a provisioning service says on is for nobody. */
	if (session->ended && session->options.transient)
		return;
	uplink->ops.event(uplink->userdata, &(struct uplink_event){.kind = UPLINK_MESSAGE,
						    .session = session->ended ? NULL : session,
						    .text = "",
						    .inbound = &inbound->message});
}

static void handle_publication(struct connection *connection, const struct publication *publication)
{
	bool delivered = publication->note.kind == NOTE_DELIVERED;

	if (publication->tag == 0 || publication->note.kind == NOTE_GONE)
		return; /* GONE: its connection is down or closing, LOST speaks for it */
	session_emit(
		connection->session, &(struct uplink_event){
					     .kind = delivered ? UPLINK_DELIVERED : UPLINK_REFUSED,
					     .session = connection->session,
					     .tag = publication->tag,
					     .reason = publication->note.code,
					     .text = "",
				     });
}

static void handle_retired(struct connection *connection)
{
	struct uplink_session *session = connection->session;

	connection_free(connection);
	/* A connection that was abandoned earlier may still be closing: all of them count. */
	if (session->state == SESSION_CUTTING && !session->ended && session->connections == 0) {
		session->state = SESSION_IDLE;
		session_emit(session, &(struct uplink_event){.kind = UPLINK_LOST,
					      .session = session,
					      .text = "cut by the gateway"});
		return; /* it may be gone */
	}
	session_collect(session);
}

/* Also for sessions that have ended: their connection still closes in an orderly way. */
static void handle_ended(struct note *note)
{
	struct connection *connection = note->connection;

	if (connection->session->connection != connection)
		return;
	if (note->kind == NOTE_LOST || note->kind == NOTE_CLOSED)
		connection_abandon(connection);
}

static void count_dropped(struct connection *connection)
{
	connection->uplink->limits->reached[LIMIT_INBOUND_MESSAGE] +=
		atomic_exchange(&connection->dropped, 0);
}

static void handle_current(struct note *note)
{
	struct connection *connection = note->connection;

	switch (note->kind) {
	case NOTE_OPENED:
		handle_opened(connection);
		break;
	case NOTE_SUBSCRIBED:
		session_emit(connection->session, &(struct uplink_event){.kind = UPLINK_SUBSCRIBED,
							  .session = connection->session,
							  .text = ""});
		break;
	case NOTE_FAILED:
		handle_failed(connection, note->code);
		break;
	case NOTE_TAKEN_OVER:
		session_emit(connection->session,
			&(struct uplink_event){.kind = UPLINK_TAKEN_OVER,
				.session = connection->session,
				.reason = note->code,
				.text = "somebody else connected under this client id"});
		break;
	case NOTE_LOST:
		handle_down(connection, note->code, connection->why_lost);
		break;
	case NOTE_CLOSED:
		handle_down(connection, 0, "disconnected");
		break;
	case NOTE_UNSUBSCRIBED:
		log_warning("The broker refuses a subscription of \"%s\" (reason 0x%02x).",
			connection->session->options.client_id, (unsigned)note->code);
		break;
	case NOTE_DELIVERED:
	case NOTE_REFUSED:
	case NOTE_GONE:
		handle_publication(connection, (struct publication *)note);
		break;
	case NOTE_OPEN:
	case NOTE_SUBSCRIBE:
	case NOTE_PUBLISH:
	case NOTE_DISCONNECT:
	case NOTE_DROP:
	case NOTE_CREDIT:
	case NOTE_STOP:
	case NOTE_RETIRED:
	case NOTE_DROPPED:
	case NOTE_MESSAGE:
		break; /* not for here */
	}
}

/* What a platform answered may be a secret. */
void inbound_free(struct inbound *inbound)
{
	crypto_wipe(inbound->bytes, inbound->size);
	free(inbound);
}

void note_discard(struct note *note)
{
	if (note->kind == NOTE_MESSAGE)
		inbound_free((struct inbound *)note);
	else if (note->kind == NOTE_PUBLISH || note->kind == NOTE_DELIVERED ||
		 note->kind == NOTE_REFUSED || note->kind == NOTE_GONE)
		publication_free((struct publication *)note);
}

static void handle_note(struct note *note)
{
	struct connection *connection = note->connection;

	if (note->kind == NOTE_RETIRED) {
		handle_retired(connection);
		return;
	}
	if (note->kind == NOTE_DROPPED)
		count_dropped(connection);
	if (note->kind == NOTE_MESSAGE) {
		struct inbound *inbound = (struct inbound *)note;

		if (!inbound->message.kept)
			atomic_fetch_sub(&connection->waiting, 1);
		handle_message(connection, inbound);
	}
	if (note->kind == NOTE_DELIVERED || note->kind == NOTE_REFUSED || note->kind == NOTE_GONE)
		connection->outstanding--;
	if (note_is_current(note))
		handle_current(note);
	else
		handle_ended(note);
	note_discard(note);
}

void uplink_deliver(struct uplink *uplink)
{
	struct mail *mail, *next;

	for (mail = mailbox_take(uplink->events); mail; mail = next) {
		next = mail->next;
		handle_note((struct note *)mail);
	}
}
