/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session on the loop: its options, its one timer, and the connection it has at present.
 *
 *   IDLE -connect-> NAMING -name found-> OPENING -CONNACK-> UP -disconnect-> CLOSING -> IDLE
 *                                                            '--cut--> CUTTING -retired-> IDLE
 *
 * An attempt (NAMING, OPENING, OPENING once more with MQTT 3.1.1, and the question why it failed)
 * has one time-out for all of it. What a timed-out attempt left behind is abandoned, never waited
 * for: a look-up that still runs serves the next attempt, a connection goes to the worker to be
 * closed.
 */

#include "uplink/uplink.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/crypto.h"
#include "base/loop.h"
#include "uplink/uplink-parts.h"

/* ---- options ---- */

static void options_free(struct uplink_session *session)
{
	struct uplink_session_options *options = &session->options;

	free((char *)options->host);
	free((char *)options->ca_file);
	free((char *)options->client_id);
	free((char *)options->username);
	free((char *)options->will_topic);
	free((char *)options->will_payload);
	if (session->password)
		crypto_wipe(session->password, options->password.size);
	free(session->password);
	if (session->identity)
		crypto_wipe(session->identity, options->identity.size);
	free(session->identity);
	for (size_t i = 0; i < session->subscription_count; i++)
		free((char *)options->subscriptions[i]);
	free((void *)options->subscriptions);
}

static int copy_text(const char *text, const char **ret)
{
	char *copy = NULL;

	if (text && strlen(text) > MQTT_STRING_MAX)
		return -EINVAL;
	if (text && !(copy = strdup(text)))
		return -ENOMEM;
	*ret = copy;
	return 0;
}

static int copy_subscriptions(
	struct uplink_session *session, const struct uplink_session_options *from)
{
	const char **copies;
	size_t count = 0;
	int r;

	session->options.subscriptions = NULL;
	if (!from->subscriptions || !from->subscriptions[0])
		return 0;
	while (from->subscriptions[count])
		count++;
	copies = calloc(count + 1, sizeof(*copies));
	if (!copies)
		return -ENOMEM;
	session->options.subscriptions = copies;
	for (; session->subscription_count < count; session->subscription_count++) {
		r = copy_text(from->subscriptions[session->subscription_count],
			&copies[session->subscription_count]);
		if (r < 0)
			return r;
	}
	return 0;
}

static int copy_secret(struct span from, char **ret_copy, struct span *ret_span)
{
	*ret_span = span_of(NULL, 0);
	if (from.size == 0)
		return 0;
	if (from.size > MQTT_STRING_MAX)
		return -EINVAL;
	*ret_copy = malloc(from.size);
	if (!*ret_copy)
		return -ENOMEM;
	memcpy(*ret_copy, from.data, from.size);
	*ret_span = span_of(*ret_copy, from.size);
	return 0;
}

/* What was copied is freed by options_free(), also after a failure half-way. */
static int options_copy(struct uplink_session *session, const struct uplink_session_options *from)
{
	struct uplink_session_options *to = &session->options;
	int r;

	/* What is no pointer is copied with it, so that no option is forgotten. */
	*to = *from;
	to->host = to->ca_file = to->client_id = to->username = NULL;
	to->will_topic = to->will_payload = NULL;
	to->password = to->identity = (struct span){0};
	to->subscriptions = NULL;
	if ((r = copy_text(from->host, &to->host)) < 0 ||
		(r = copy_text(from->ca_file, &to->ca_file)) < 0 ||
		(r = copy_text(from->client_id, &to->client_id)) < 0 ||
		(r = copy_text(from->username, &to->username)) < 0 ||
		(r = copy_text(from->will_topic, &to->will_topic)) < 0 ||
		(r = copy_text(from->will_payload, &to->will_payload)) < 0)
		return r;
	r = copy_secret(from->password, &session->password, &to->password);
	if (r >= 0)
		r = copy_secret(from->identity, &session->identity, &to->identity);
	if (r < 0)
		return r;
	return copy_subscriptions(session, from);
}

static bool options_are_sound(const struct uplink_session_options *options)
{
	return options->host && options->host[0] && strlen(options->host) <= 253 &&
	       options->port != 0 && options->client_id && options->keep_alive <= UINT16_MAX &&
	       (options->version == 0 || options->version == 4 || options->version == 5) &&
	       (!options->will_topic || options->will_topic[0]) &&
	       (options->tls || options->identity.size == 0);
}

/* ---- connections ---- */

struct connection *connection_free(struct connection *connection)
{
	struct uplink *uplink;

	if (!connection)
		return NULL;
	uplink = connection->uplink;
	if (connection->previous)
		connection->previous->next = connection->next;
	else
		uplink->connections = connection->next;
	if (connection->next)
		connection->next->previous = connection->previous;
	connection->session->connections--;
	if (connection->session->connection == connection)
		connection->session->connection = NULL;
	free(connection);
	return NULL;
}

static void connection_link(struct uplink_session *session, struct connection *connection)
{
	struct uplink *uplink = session->uplink;
	struct note *const notes[] = {&connection->open, &connection->subscribe,
		&connection->disconnect, &connection->drop, &connection->credit,
		&connection->opened, &connection->subscribed, &connection->taken_over,
		&connection->lost, &connection->closed, &connection->retired,
		&connection->unsubscribed, &connection->drop_count};

	for (size_t i = 0; i < ELEMENTS(notes); i++)
		notes[i]->connection = connection;
	connection->next = uplink->connections;
	if (connection->next)
		connection->next->previous = connection;
	uplink->connections = connection;
	session->connection = connection;
	session->connections++;
}

int connection_start(struct uplink_session *session, int version)
{
	struct connection *connection = calloc(1, sizeof(*connection));
	unsigned keep_alive = session->options.keep_alive;

	if (!connection)
		return -ENOMEM;
	if (session->server_keep_alive != 0 &&
		(keep_alive == 0 || session->server_keep_alive < keep_alive))
		keep_alive = session->server_keep_alive;
	connection->uplink = session->uplink;
	connection->session = session;
	connection->version = version;
	connection->keep_alive = (int)keep_alive;
	connection->send_window.most = SEND_WINDOW_MOST;
	atomic_init(&connection->window, send_window_size(&connection->send_window));
	connection->together = session->options.together;
	connection->inbound_max = session->uplink->limits->value[LIMIT_INBOUND_MESSAGE];
	connection_link(session, connection);
	session->state = SESSION_OPENING;
	note_order(session->uplink, &connection->open, NOTE_OPEN);
	return 0;
}

void connection_abandon(struct connection *connection)
{
	connection->session->connection = NULL;
	atomic_store(&connection->cut, true);
	note_order(connection->uplink, &connection->drop, NOTE_DROP);
}

/* ---- sessions ---- */

static void session_unlink(struct uplink_session *session)
{
	if (session->previous)
		session->previous->next = session->next;
	else
		session->uplink->sessions = session->next;
	if (session->next)
		session->next->previous = session->previous;
}

void session_collect(struct uplink_session *session)
{
	if (!session->ended || session->connections > 0)
		return;
	session_unlink(session);
	loop_source_free(session->timer);
	options_free(session);
	free(session);
}

int uplink_session_new(struct uplink *uplink, const struct uplink_session_options *options,
	void *userdata, struct uplink_session **ret)
{
	struct uplink_session *session;
	int r;

	if (!options_are_sound(options))
		return -EINVAL;
	session = calloc(1, sizeof(*session));
	if (!session)
		return -ENOMEM;
	session->uplink = uplink;
	session->userdata = userdata;
	r = options_copy(session, options);
	if (r < 0) {
		options_free(session);
		free(session);
		return r;
	}
	session->next = uplink->sessions;
	if (session->next)
		session->next->previous = session;
	uplink->sessions = session;
	*ret = session;
	return 0;
}

void *uplink_session_userdata(const struct uplink_session *session)
{
	return session->userdata;
}

struct uplink_session *uplink_session_free(struct uplink_session *session)
{
	if (!session)
		return NULL;
	session->ended = true;
	loop_timer_stop(session->timer);
	session_forget_lookup(session);
	session_forget_why(session);
	/* A clean disconnect that is under way goes on. */
	if (session->connection && session->state != SESSION_CLOSING)
		connection_abandon(session->connection);
	session_collect(session);
	return NULL;
}

static int on_timeout(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct uplink_session *session = userdata;

	session_fail(session, UPLINK_UNREACHABLE,
		session->state == SESSION_NAMING ? "the name server does not answer in time"
		: session->why			 ? session->connection->why
						 : "no answer from the broker in time");
	return 0;
}

static int on_given_up(sd_event_source *source, uint64_t usec, void *userdata)
{
	session_fail(userdata, UPLINK_UNREACHABLE, "the attempt was given up");
	return 0;
}

int uplink_connect(struct uplink_session *session)
{
	int r;

	if (session->state != SESSION_IDLE)
		return session->state == SESSION_UP ? -EISCONN : -EALREADY;
	session->timer = loop_source_free(session->timer); /* its handler may have been another */
	r = loop_timer_set(session->uplink->loop, &session->timer, UPLINK_CONNECT_USEC, on_timeout,
		session, "mqtt-connect");
	if (r < 0)
		return r;
	r = session_look_up(session);
	if (r < 0) {
		loop_timer_stop(session->timer);
		return r;
	}
	session->state = SESSION_NAMING;
	return 0;
}

void uplink_disconnect(struct uplink_session *session)
{
	if (session->state == SESSION_UP) {
		session->state = SESSION_CLOSING;
		note_order(session->uplink, &session->connection->disconnect, NOTE_DISCONNECT);
	} else if (session->state == SESSION_NAMING || session->state == SESSION_OPENING) {
		/* Not from under the caller's feet: the answer comes from the loop, as always. */
		session->timer = loop_source_free(session->timer);
		if (loop_timer_set(session->uplink->loop, &session->timer, 0, on_given_up, session,
			    "mqtt-give-up") < 0)
			session_fail(session, UPLINK_UNREACHABLE, "the attempt was given up");
	}
}

int uplink_session_cut(struct uplink_session *session)
{
	if (session->state != SESSION_UP && session->state != SESSION_CLOSING)
		return session->state == SESSION_CUTTING ? -EALREADY : -ENOTCONN;
	session->state = SESSION_CUTTING;
	connection_abandon(session->connection);
	return 0;
}
