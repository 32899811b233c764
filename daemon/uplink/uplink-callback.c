/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paho's callbacks. They run on Paho's threads, or on the worker inside MQTTAsync_destroy(), always
 * under Paho's lock: no call of Paho may be made here but those that free what was handed over, and
 * nothing may wait. So each writes what it learned into memory that exists already, pushes a note,
 * and returns. The lock is also what makes 'up' and 'down' of a connection safe to read here.
 */

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "uplink/uplink-compat.h"
#include "uplink/uplink-parts.h"

static void tell(struct connection *connection, struct note *note, enum note_kind kind, int code)
{
	note->code = code;
	note_push(connection->uplink->events, note, kind);
}

/* ---- connect ---- */

static const char *connack3_text(int code)
{
	static const char *const texts[] = {"accepted", "unacceptable protocol version",
		"client identifier rejected", "server unavailable", "bad user name or password",
		"not authorised"};

	return code >= 0 && (size_t)code < sizeof(texts) / sizeof(texts[0]) ? texts[code]
									    : "unknown reason";
}

/*
 * An alert that says "not with this certificate" (RFC 5246 section 7.2.2, RFC 8446 section 6.2).
 * In TLS 1.2 somebody on the path could send it as well: that stops one device's session, with its
 * alarm, which he can do as well by sending nothing on.
 */
bool tls_error_is_refusal(unsigned long error, bool showed)
{
	if (ERR_GET_LIB(error) != ERR_LIB_SSL)
		return false;
	switch (ERR_GET_REASON(error) - SSL_AD_REASON_OFFSET) {
	case SSL_AD_BAD_CERTIFICATE:
	case SSL_AD_UNSUPPORTED_CERTIFICATE:
	case SSL_AD_CERTIFICATE_REVOKED:
	case SSL_AD_CERTIFICATE_EXPIRED:
	case SSL_AD_CERTIFICATE_UNKNOWN:
	case SSL_AD_UNKNOWN_CA:
	case SSL_AD_ACCESS_DENIED:
		return showed;
	case SSL_AD_CERTIFICATE_REQUIRED:
		return true;
	}
	return false;
}

static void open_failed(struct connection *connection, int code, const char *message)
{
	const struct uplink_session_options *options = &connection->session->options;
	const char *reason = code >= 0x80 ? MQTTReasonCode_toString(code) : connack3_text(code);
	char *why = connection->why;
	size_t size = sizeof(connection->why);

	if (connection->up || connection->down)
		return; /* the answer was given already */
	connection->down = true;
	/* What the library says when the CONNECT was sent and the connection broke before the
	 * CONNACK; other words when there was none, or no TLS. */
	connection->hung_up =
		code <= 0 && message && strstr(message, "TCP connect completion failure");
	memory_file_close(&connection->identity);
	if (code <= 0 && connection->identity_refused)
		code = IDENTITY_REFUSED;
	if (code == IDENTITY_REFUSED)
		snprintf(why, size, "%.120s does not take the certificate: %.100s", options->host,
			connection->tls_error);
	else if (code > 0)
		snprintf(why, size, "the broker refuses: %s (%d)", reason ? reason : "?", code);
	else if (code == MQTTASYNC_OPERATION_INCOMPLETE)
		snprintf(why, size, "the attempt was given up");
	else if (connection->tls_error[0])
		snprintf(
			why, size, "TLS with %.120s: %.100s", options->host, connection->tls_error);
	else if ((connection->silent = options->tls && options->identity.size))
		snprintf(why, size,
			"%.60s port %u does not take our certificate, or is not there, or has "
			"another name in its own",
			options->host, (unsigned)options->port);
	else if (options->tls)
		snprintf(why, size,
			"no TLS connection to %.100s port %u: nobody answers there, or its "
			"certificate has another name",
			options->host, (unsigned)options->port);
	else
		snprintf(why, size, "no connection to %.120s port %u (%.60s)", options->host,
			(unsigned)options->port, message ? message : "refused");
	tell(connection, &connection->opened, NOTE_FAILED, code);
}

static void open_succeeded(struct connection *connection)
{
	connection->up = true;
	memory_file_close(&connection->identity);
	tell(connection, &connection->opened, NOTE_OPENED, 0);
}

void on_open_success(void *context, MQTTAsync_successData *data)
{
	open_succeeded(context);
}

void on_open_success5(void *context, MQTTAsync_successData5 *data)
{
	struct connection *connection = context;
	MQTTProperties *properties = &data->properties;

	if (MQTTProperties_hasProperty(properties, MQTTPROPERTY_CODE_SERVER_KEEP_ALIVE))
		connection->server_keep_alive = (unsigned)MQTTProperties_getNumericValue(
			properties, MQTTPROPERTY_CODE_SERVER_KEEP_ALIVE);
	/* Read as unsigned: the library's int is negative above 2 GiB. */
	if (MQTTProperties_hasProperty(properties, MQTTPROPERTY_CODE_MAXIMUM_PACKET_SIZE))
		connection->packet_max = (uint32_t)MQTTProperties_getNumericValue(
			properties, MQTTPROPERTY_CODE_MAXIMUM_PACKET_SIZE);
	if (MQTTProperties_hasProperty(properties, MQTTPROPERTY_CODE_RECEIVE_MAXIMUM)) {
		int window = MQTTProperties_getNumericValue(
			properties, MQTTPROPERTY_CODE_RECEIVE_MAXIMUM);

		if (window > 0 && window < SEND_WINDOW_MOST)
			connection->send_window.most = (unsigned)window;
		atomic_store(&connection->window, send_window_size(&connection->send_window));
	}
	open_succeeded(connection);
}

void on_open_failure(void *context, MQTTAsync_failureData *data)
{
	open_failed(context, data->code, data->message);
}

void on_open_failure5(void *context, MQTTAsync_failureData5 *data)
{
	open_failed(context, paho_connect_code(data), data->message);
}

/*
 * "<thread>:error:<code>:<library>:<function>:<reason>:<file>:<line>:<data>\n", from
 * ERR_print_errors_cb(); the reason is for people. The first error is the cause.
 */
int on_tls_error(const char *text, size_t size, void *context)
{
	struct connection *connection = context;
	const char *end = text + size;
	const char *reason = text;
	const char *colon;

	if (connection->tls_error[0] || size == 0)
		return 1;
	for (int i = 0; i < 5; i++) {
		colon = memchr(reason, ':', (size_t)(end - reason));
		if (!colon)
			return 1;
		if (i == 2)
			connection->identity_refused =
				tls_error_is_refusal(strtoul(reason, NULL, 16),
					connection->session->options.identity.size > 0);
		reason = colon + 1;
	}
	colon = memchr(reason, ':', (size_t)(end - reason));
	if (!colon)
		colon = end;
	snprintf(connection->tls_error, sizeof(connection->tls_error), "%.*s",
		(int)(colon - reason), reason);
	return 1;
}

/* ---- the end ---- */

static void connection_down(struct connection *connection, int code, const char *text)
{
	if (!connection->up || connection->down)
		return; /* not yet an established session, or its end was told */
	connection->down = true;
	snprintf(connection->why_lost, sizeof(connection->why_lost), "%s", text);
	if (code == REASON_SESSION_TAKEN_OVER)
		tell(connection, &connection->taken_over, NOTE_TAKEN_OVER, code);
	tell(connection, &connection->lost, NOTE_LOST, code);
}

void on_connection_lost(void *context, char *cause)
{
	connection_down(context, 0, "the connection broke or the broker is silent");
}

void on_disconnected(void *context, MQTTProperties *properties, enum MQTTReasonCodes reason)
{
	const char *name = MQTTReasonCode_toString(reason);
	char text[UPLINK_TEXT_MAX];

	snprintf(text, sizeof(text), "the broker ended the session: %s", name ? name : "?");
	connection_down(context, (int)reason, text);
}

/* ---- publications ---- */

static void publication_done(void *context, enum note_kind kind, int code)
{
	struct publication *publication = context;
	struct connection *connection = publication->note.connection;

	/* The note first: when the count is seen at zero, all answers are in the box. */
	tell(connection, &publication->note, kind, code);
	atomic_fetch_sub(&connection->unacked, 1);
	if (atomic_load(&connection->starved) && !atomic_exchange(&connection->credit_pushed, true))
		note_push(connection->uplink->commands, &connection->credit, NOTE_CREDIT);
}

static void answered(const struct publication *publication)
{
	struct connection *connection = publication->note.connection;

	send_window_answered(
		&connection->send_window, clock_boot_usec() - publication->handed_usec);
	atomic_store(&connection->window, send_window_size(&connection->send_window));
}

void on_publish_success(void *context, MQTTAsync_successData *data)
{
	answered(context);
	publication_done(context, NOTE_DELIVERED, 0);
}

void on_publish_success5(void *context, MQTTAsync_successData5 *data)
{
	answered(context);
	publication_done(context, NOTE_DELIVERED, (int)data->reasonCode);
}

void on_publish_failure(void *context, MQTTAsync_failureData *data)
{
	publication_done(context, NOTE_GONE, 0);
}

void on_publish_failure5(void *context, MQTTAsync_failureData5 *data)
{
	int reason = (int)data->reasonCode;

	publication_done(context, reason >= 0x80 ? NOTE_REFUSED : NOTE_GONE, reason);
}

/* ---- subscriptions ---- */

/* Told once for each connection; that is all the note there is, and enough for the log. */
static void subscription_refused(struct connection *connection, int code)
{
	if (connection->unsubscribed.code != 0)
		return;
	tell(connection, &connection->unsubscribed, NOTE_UNSUBSCRIBED, code);
}

static void subscription_taken(struct connection *connection)
{
	if (++connection->subscriptions == connection->session->subscription_count &&
		connection->session->options.transient)
		tell(connection, &connection->subscribed, NOTE_SUBSCRIBED, 0);
}

/* 0x80 is what 3.1.1 refuses with. */
void on_subscribe_success(void *context, MQTTAsync_successData *data)
{
	if (data->alt.qos < 0x80)
		subscription_taken(context);
}

void on_subscribe_success5(void *context, MQTTAsync_successData5 *data)
{
	subscription_taken(context);
}

void on_subscribe_failure(void *context, MQTTAsync_failureData *data)
{
	if (data->code >= 0x80)
		subscription_refused(context, data->code);
}

void on_subscribe_failure5(void *context, MQTTAsync_failureData5 *data)
{
	if (data->reasonCode >= 0x80)
		subscription_refused(context, (int)data->reasonCode);
}

/* ---- inbound ---- */

static void drop_inbound(struct connection *connection)
{
	if (atomic_fetch_add(&connection->dropped, 1) == 0)
		tell(connection, &connection->drop_count, NOTE_DROPPED, 0);
}

static struct span property_bytes(MQTTProperties *properties, enum MQTTPropertyCodes code)
{
	const MQTTProperty *property = MQTTProperties_getProperty(properties, code);

	return property && property->value.data.len > 0
		       ? span_of(property->value.data.data, (size_t)property->value.data.len)
		       : span_of(NULL, 0);
}

static void read_properties(MQTTProperties *properties, struct uplink_inbound *message)
{
	const enum MQTTPropertyCodes expiry = MQTTPROPERTY_CODE_MESSAGE_EXPIRY_INTERVAL;

	message->response_topic = property_bytes(properties, MQTTPROPERTY_CODE_RESPONSE_TOPIC);
	message->correlation = property_bytes(properties, MQTTPROPERTY_CODE_CORRELATION_DATA);
	message->unusable = message->response_topic.size > UPLINK_RESPONSE_TOPIC_MAX ||
			    message->correlation.size > UPLINK_CORRELATION_MAX;
	if (message->unusable)
		message->response_topic = message->correlation = span_of(NULL, 0);
	if (MQTTProperties_hasProperty(properties, expiry)) {
		uint32_t seconds = (uint32_t)MQTTProperties_getNumericValue(properties, expiry);

		message->lifetime = seconds ? seconds : 1;
	}
}

static struct span move_bytes(char **at, struct span bytes)
{
	char *to = *at;

	if (bytes.size > 0)
		memcpy(to, bytes.data, bytes.size);
	*at += bytes.size;
	return span_of(to, bytes.size);
}

/* What is kept on file is bounded by the file: it was promised, and waits for the loop however long
 * that takes. */
static bool finds_room(struct connection *connection, const struct inbound *inbound)
{
	if (inbound->message.kept)
		return true;
	if (atomic_load(&connection->waiting) >= UPLINK_INBOUND_WAITING)
		return false;
	atomic_fetch_add(&connection->waiting, 1);
	return true;
}

/* -ENOMEM, or -ENOBUFS when there is no room for it. */
static int take_inbound(
	struct connection *connection, const char *topic, MQTTAsync_message *message)
{
	const struct uplink *uplink = connection->uplink;
	size_t topic_size = strlen(topic) + 1;
	struct uplink_inbound from = {
		.payload = span_of(message->payload, (size_t)message->payloadlen),
		.retained = message->retained,
		.owner = connection->session->options.owner};
	struct inbound *inbound;
	size_t size;
	char *at;

	if (connection->version == MQTTVERSION_5)
		read_properties(&message->properties, &from);
	size = topic_size + from.payload.size + from.response_topic.size + from.correlation.size;
	inbound = malloc(sizeof(*inbound) + size);
	if (!inbound)
		return -ENOMEM;
	*inbound =
		(struct inbound){.note = {.connection = connection}, .message = from, .size = size};
	at = inbound->bytes;
	inbound->message.topic = at;
	move_bytes(&at, span_of(topic, topic_size));
	inbound->message.payload = move_bytes(&at, from.payload);
	inbound->message.response_topic = move_bytes(&at, from.response_topic);
	inbound->message.correlation = move_bytes(&at, from.correlation);
	if (uplink->ops.keep && !connection->session->options.transient)
		inbound->message.kept = uplink->ops.keep(uplink->userdata, &inbound->message);
	if (!finds_room(connection, inbound)) {
		inbound_free(inbound);
		return -ENOBUFS;
	}
	tell(connection, &inbound->note, NOTE_MESSAGE, 0);
	return 0;
}

int on_message(void *context, char *topic, int topic_size, MQTTAsync_message *message)
{
	struct connection *connection = context;
	int r = -EMSGSIZE;

	/* MQTT forbids a NUL in the topic. Paho gives 0 for the size when it comes from its queue.
	 */
	if ((topic_size == 0 || strlen(topic) == (size_t)topic_size) && message->payloadlen >= 0 &&
		(uint64_t)message->payloadlen <= connection->inbound_max)
		r = take_inbound(connection, topic, message);
	if (r == -ENOMEM)
		return 0; /* Paho keeps the message and asks again */
	if (r < 0)
		drop_inbound(connection);
	if (message->payloadlen > 0)
		crypto_wipe(message->payload, (size_t)message->payloadlen);
	MQTTAsync_freeMessage(&message);
	MQTTAsync_free(topic);
	return 1;
}
