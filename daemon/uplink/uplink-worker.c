/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The worker: the only thread that calls MQTTAsync_*. It sleeps until mail arrives, does what the
 * mail says in its order, and never waits for the network. Only while a connection drains (a clean
 * disconnect waits for the last PUBACKs) it looks every few milliseconds whether the count has
 * reached zero or the time is over. Where there are many sessions, what they send waits for the
 * others' (tick.h); a clean disconnect sends it first.
 *
 * Destroying a handle sends DISCONNECT where that is possible at once, closes, and calls back for
 * everything that is left, so each publication returns as a note exactly once.
 */

#include <stdio.h>

#include "base/clock.h"
#include "uplink/tick.h"
#include "uplink/uplink-compat.h"
#include "uplink/uplink-parts.h"

#define DRAIN_POLL_MSEC 10

struct worker {
	struct uplink *uplink;
	MQTTAsync anchor;		/* see uplink-compat.h */
	struct connection *connections; /* those with a handle */
	unsigned count;			/* of them */
	unsigned draining; /* of them; so that nobody else's mail looks at a thousand */
	struct tick tick;
	bool stopping;
};

static void worker_link(struct worker *worker, struct connection *connection)
{
	connection->worker_previous = NULL;
	connection->worker_next = worker->connections;
	if (worker->connections)
		worker->connections->worker_previous = connection;
	worker->connections = connection;
	worker->count++;
}

static void connection_close(struct worker *worker, struct connection *connection)
{
	if (!connection->handle)
		return;
	atomic_store(&connection->starved, false);
	MQTTAsync_destroy(&connection->handle);
	memory_file_close(&connection->identity);
	window_clear(connection);
	if (connection->worker_previous)
		connection->worker_previous->worker_next = connection->worker_next;
	else
		worker->connections = connection->worker_next;
	if (connection->worker_next)
		connection->worker_next->worker_previous = connection->worker_previous;
	connection->due = false;
	worker->count--;
	if (connection->draining)
		worker->draining--;
}

/* ---- what the mail asks for ---- */

static void do_open(struct worker *worker, struct connection *connection)
{
	int code = connection_open(connection);
	const char *text;

	if (code == MQTTASYNC_SUCCESS) {
		worker_link(worker, connection);
		return;
	}
	text = MQTTAsync_strerror(code);
	snprintf(connection->why, sizeof(connection->why), "the MQTT library refuses: %s",
		text ? text : "unknown error");
	connection->opened.code = code < 0 ? code : -1;
	note_push(worker->uplink->events, &connection->opened, NOTE_FAILED);
}

/* One SUBSCRIBE for each filter, so that a refusal is that of one. */
static void do_subscribe(struct connection *connection)
{
	const char *const *filters = connection->session->options.subscriptions;
	MQTTAsync_responseOptions response = MQTTAsync_responseOptions_initializer;

	if (!connection->handle)
		return;
	response.context = connection;
	if (connection->version == MQTTVERSION_5) {
		response.onSuccess5 = on_subscribe_success5;
		response.onFailure5 = on_subscribe_failure5;
		/* Else a message that is to be retained looks like any other the first time. */
		response.subscribeOptions.retainAsPublished = 1;
	} else {
		response.onSuccess = on_subscribe_success;
		response.onFailure = on_subscribe_failure;
	}
	/* An immediate failure means that the connection is down already: LOST is on its way. */
	for (size_t i = 0; filters[i]; i++)
		MQTTAsync_subscribe(connection->handle, filters[i], 1, &response);
}

/* What waits goes to Paho, now or together with that of others. */
static void send_waiting(struct worker *worker, struct connection *connection)
{
	connection->due = connection->together && !connection->draining &&
			  tick_hold(&worker->tick, worker->count, clock_boot_usec());
	if (!connection->due)
		window_fill(connection);
}

static void tick(struct worker *worker)
{
	if (!tick_take(&worker->tick, clock_boot_usec()))
		return;
	for (struct connection *connection = worker->connections; connection;
		connection = connection->worker_next)
		if (connection->due) {
			connection->due = false;
			window_fill(connection);
		}
}

static void drain_begin(struct worker *worker, struct connection *connection)
{
	if (connection->draining)
		return;
	connection->due = false;
	window_fill(connection);
	connection->draining = true;
	worker->draining++;
	connection->drain_until = clock_boot_usec() + UPLINK_DRAIN_USEC;
}

static void do_disconnect(struct worker *worker, struct connection *connection)
{
	if (connection->handle)
		drain_begin(worker, connection);
	else
		note_push(worker->uplink->events, &connection->closed, NOTE_CLOSED);
}

static void do_drop(struct worker *worker, struct connection *connection)
{
	connection_close(worker, connection);
	/* After RETIRED the loop frees the connection, so its credit note must be out of the box.
	 */
	connection->retiring = true;
	if (!atomic_load(&connection->credit_pushed))
		note_push(worker->uplink->events, &connection->retired, NOTE_RETIRED);
}

static void do_credit(struct worker *worker, struct connection *connection)
{
	atomic_store(&connection->credit_pushed, false);
	if (connection->retiring)
		note_push(worker->uplink->events, &connection->retired, NOTE_RETIRED);
	else if (connection->handle)
		send_waiting(worker, connection);
}

static void do_publish(struct worker *worker, struct publication *publication)
{
	struct connection *connection = publication->note.connection;

	if (window_add(connection, publication))
		send_waiting(worker, connection);
}

static void do_stop(struct worker *worker)
{
	worker->stopping = true;
	for (struct connection *connection = worker->connections; connection;
		connection = connection->worker_next)
		drain_begin(worker, connection);
}

static void handle_command(struct worker *worker, struct note *note)
{
	switch (note->kind) {
	case NOTE_OPEN:
		do_open(worker, note->connection);
		break;
	case NOTE_SUBSCRIBE:
		do_subscribe(note->connection);
		break;
	case NOTE_PUBLISH:
		do_publish(worker, (struct publication *)note);
		break;
	case NOTE_CREDIT:
		do_credit(worker, note->connection);
		break;
	case NOTE_DISCONNECT:
		do_disconnect(worker, note->connection);
		break;
	case NOTE_DROP:
		do_drop(worker, note->connection);
		break;
	case NOTE_STOP:
		do_stop(worker);
		break;
	case NOTE_OPENED:
	case NOTE_FAILED:
	case NOTE_TAKEN_OVER:
	case NOTE_LOST:
	case NOTE_CLOSED:
	case NOTE_RETIRED:
	case NOTE_SUBSCRIBED:
	case NOTE_UNSUBSCRIBED:
	case NOTE_MESSAGE:
	case NOTE_DROPPED:
	case NOTE_DELIVERED:
	case NOTE_REFUSED:
	case NOTE_GONE:
		break; /* travel the other way */
	}
}

/* ---- the thread ---- */

/* Closes those that have drained, or had their time. */
static void drain(struct worker *worker)
{
	uint64_t now = clock_boot_usec();
	struct connection *next;

	if (worker->draining == 0)
		return;
	for (struct connection *connection = worker->connections; connection; connection = next) {
		next = connection->worker_next;
		if (!connection->draining)
			continue;
		if ((connection->first || atomic_load(&connection->unacked) > 0) &&
			now < connection->drain_until)
			continue;
		connection_close(worker, connection);
		note_push(worker->uplink->events, &connection->closed, NOTE_CLOSED);
	}
}

static void handle_mail(struct worker *worker)
{
	struct mail *mail, *next;

	for (mail = mailbox_take(worker->uplink->commands); mail; mail = next) {
		next = mail->next;
		handle_command(worker, (struct note *)mail);
	}
}

/* -1: until mail comes. */
static int wait_msec(const struct worker *worker)
{
	int left = tick_left_msec(&worker->tick, clock_boot_usec());

	return worker->draining && (left < 0 || left > DRAIN_POLL_MSEC) ? DRAIN_POLL_MSEC : left;
}

void *uplink_worker(void *userdata)
{
	struct worker worker = {.uplink = userdata};

	/* Without it all works too, only more slowly. */
	if (MQTTAsync_create(&worker.anchor, "tcp://anchor.invalid", "anchor",
		    MQTTCLIENT_PERSISTENCE_NONE, NULL) != MQTTASYNC_SUCCESS)
		worker.anchor = NULL;
	while (!worker.stopping || worker.draining) {
		mailbox_wait(worker.uplink->commands, wait_msec(&worker));
		handle_mail(&worker);
		tick(&worker);
		drain(&worker);
	}
	while (worker.connections)
		connection_close(&worker, worker.connections);
	if (worker.anchor)
		MQTTAsync_destroy(&worker.anchor);
	return NULL;
}
