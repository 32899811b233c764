/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Paho handle for one connection, on the worker. MQTTAsync_create() fixes the protocol version,
 * so 5 and 3.1.1 are two handles and two sets of options; automatic reconnect, persistence and
 * sending while disconnected stay off in both.
 *
 * TLS: chain and host name are verified always. Paho's initialiser has the host name off. The
 * minimum is TLS 1.2: Paho sets OpenSSL's security level 1, which excludes what is older.
 *
 * Paho takes our own certificate and key by the name of a file, which it reads when TCP is there: a
 * sealed file in memory has one (base/memory-file.h). It is wiped and closed as soon as the attempt
 * has an answer, whatever that is; a second attempt is another connection with another file.
 */

#include <stdio.h>
#include <string.h>

#include "uplink/uplink-compat.h"
#include "uplink/uplink-parts.h"

/* Room for a topic and properties beside the largest payload that we take; what is larger the
 * broker need not send at all (MQTT 5 section 3.1.2.11.4). */
#define INBOUND_OVERHEAD (MQTT_STRING_MAX + 16384)

static void make_address(const struct uplink_session_options *options, char *ret, size_t size)
{
	const char *scheme = options->tls ? "ssl" : "tcp";

	if (strchr(options->host, ':')) /* IPv6 */
		snprintf(ret, size, "%s://[%s]:%u", scheme, options->host, (unsigned)options->port);
	else
		snprintf(ret, size, "%s://%s:%u", scheme, options->host, (unsigned)options->port);
}

static int set_tls(struct connection *connection, MQTTAsync_SSLOptions *tls)
{
	const struct uplink_session_options *options = &connection->session->options;
	const char *ca_file = options->ca_file;
	int r;

	/* Paho reads all of a file for each session and keeps it, the system's 140 anchors in 30 ms
	 * and 850 kB; from the folder it reads the one that is asked for. */
	if (ca_file && ca_file[0])
		tls->trustStore = ca_file;
	else
		tls->CApath = UPLINK_SYSTEM_ANCHORS;
	tls->verify = 1;
	tls->enableServerCertAuth = 1;
	tls->ssl_error_cb = on_tls_error;
	tls->ssl_error_context = connection;
	if (options->identity.size == 0)
		return MQTTASYNC_SUCCESS;
	r = memory_file_make(&connection->identity, options->identity);
	if (r < 0)
		return MQTTASYNC_FAILURE;
	tls->keyStore = connection->identity.path;
	tls->privateKey = connection->identity.path;
	return MQTTASYNC_SUCCESS;
}

static void set_will(const struct uplink_session_options *options, MQTTAsync_willOptions *will)
{
	will->topicName = options->will_topic;
	will->message = options->will_payload ? options->will_payload : "";
	will->retained = options->will_retain;
	will->qos = 1;
}

/* A session at the broker is only of use when it collects commands for us. */
static bool wants_clean_start(const struct uplink_session *session)
{
	return !session->options.keeps &&
	       (session->options.session_expiry == 0 || session->subscription_count == 0);
}

static int set_properties(const struct connection *connection, MQTTProperties *ret_properties)
{
	uint64_t packet_max = connection->inbound_max + INBOUND_OVERHEAD;
	MQTTProperty size = {.identifier = MQTTPROPERTY_CODE_MAXIMUM_PACKET_SIZE,
		.value.integer4 = packet_max > UINT32_MAX ? UINT32_MAX : (unsigned)packet_max};
	MQTTProperty expiry = {.identifier = MQTTPROPERTY_CODE_SESSION_EXPIRY_INTERVAL,
		.value.integer4 = connection->session->options.session_expiry};
	int r = MQTTProperties_add(ret_properties, &size);

	if (r == 0 && !wants_clean_start(connection->session))
		r = MQTTProperties_add(ret_properties, &expiry);
	return r;
}

static void set_version(struct connection *connection, MQTTAsync_connectOptions *connect)
{
	bool clean = wants_clean_start(connection->session);

	connect->MQTTVersion = connection->version;
	if (connection->version == MQTTVERSION_5) {
		connect->cleanstart = clean;
		connect->onSuccess5 = on_open_success5;
		connect->onFailure5 = on_open_failure5;
	} else {
		connect->cleansession = clean;
		connect->onSuccess = on_open_success;
		connect->onFailure = on_open_failure;
	}
}

static int connect_handle(struct connection *connection)
{
	const struct uplink_session_options *options = &connection->session->options;
	MQTTAsync_connectOptions connect5 = MQTTAsync_connectOptions_initializer5;
	MQTTAsync_connectOptions connect4 = MQTTAsync_connectOptions_initializer;
	MQTTAsync_connectOptions *connect =
		connection->version == MQTTVERSION_5 ? &connect5 : &connect4;
	MQTTAsync_SSLOptions tls = MQTTAsync_SSLOptions_initializer;
	MQTTAsync_willOptions will = MQTTAsync_willOptions_initializer;
	MQTTProperties properties = MQTTProperties_initializer;
	int r = 0;

	set_version(connection, connect);
	connect->context = connection;
	connect->keepAliveInterval = connection->keep_alive;
	connect->connectTimeout = PAHO_CONNECT_TIMEOUT;
	connect->automaticReconnect = 0;
	if (options->username && options->username[0])
		connect->username = options->username;
	connect->binarypwd.data = options->password.size > 0 ? options->password.data : NULL;
	connect->binarypwd.len = (int)options->password.size;
	if (options->tls) {
		r = set_tls(connection, &tls);
		connect->ssl = &tls;
	}
	if (options->will_topic) {
		set_will(options, &will);
		connect->will = &will;
	}
	if (r == 0 && connection->version == MQTTVERSION_5) {
		r = set_properties(connection, &properties);
		connect->connectProperties = &properties;
	}
	if (r == 0)
		r = MQTTAsync_connect(connection->handle, connect);
	MQTTProperties_free(&properties);
	return r;
}

int connection_open(struct connection *connection)
{
	const struct uplink_session_options *options = &connection->session->options;
	MQTTAsync_createOptions create5 = MQTTAsync_createOptions_initializer5;
	MQTTAsync_createOptions create4 = MQTTAsync_createOptions_initializer;
	MQTTAsync_createOptions *create =
		connection->version == MQTTVERSION_5 ? &create5 : &create4;
	char address[300]; /* the session checked the host's length */
	int r;

	make_address(options, address, sizeof(address));
	create->maxBufferedMessages = PAHO_BUFFERED_MAX;
	create->sendWhileDisconnected = 0;
	create->MQTTVersion = connection->version;
	r = MQTTAsync_createWithOptions(&connection->handle, address, options->client_id,
		MQTTCLIENT_PERSISTENCE_NONE, NULL, create);
	if (r != MQTTASYNC_SUCCESS) {
		connection->handle = NULL;
		return r;
	}
	r = MQTTAsync_setCallbacks(
		connection->handle, connection, on_connection_lost, on_message, NULL);
	if (r == MQTTASYNC_SUCCESS)
		r = MQTTAsync_setDisconnected(connection->handle, connection, on_disconnected);
	if (r == MQTTASYNC_SUCCESS)
		r = connect_handle(connection);
	if (r != MQTTASYNC_SUCCESS) {
		MQTTAsync_destroy(&connection->handle);
		memory_file_close(&connection->identity);
	}
	return r;
}
