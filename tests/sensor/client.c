/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client role: one session to the gateway, one request at a time, all of them confirmable.
 *
 * libcoap repeats a confirmable request with the same message id until it is acknowledged (after 2
 * to 3 s, then doubling, four times), and acknowledges an answer that comes as a message of its
 * own. What is left to us is to tell whose answer it is (by the token), and what to do when none
 * comes.
 */

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sensor.h"

#define DEFAULT_PORT	    "5683"
#define DEFAULT_SECURE_PORT "5684"
/* MAX_TRANSMIT_WAIT, RFC 7252 4.8.2: after an empty ACK nobody else looks at the clock. */
#define ANSWER_WAIT_MSEC 93000
#define AGAIN_SECONDS	 2 /* before a request that got no answer is made anew */

unsigned answer_max_age(const coap_pdu_t *answer, unsigned otherwise)
{
	coap_opt_iterator_t at;
	coap_opt_t *option = coap_check_option(answer, COAP_OPTION_MAXAGE, &at);

	if (!option)
		return otherwise;
	return coap_decode_var_bytes(coap_opt_value(option), coap_opt_length(option));
}

json_t *answer_json(const coap_pdu_t *answer)
{
	const uint8_t *data;
	size_t size;

	if (!coap_get_data(answer, &size, &data))
		return NULL;
	json_t *map = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
	if (map && !json_is_object(map)) {
		json_decref(map);
		map = NULL;
	}
	return map;
}

void client_wait(struct sensor *sensor, unsigned seconds)
{
	sensor->not_before = now_msec() + (uint64_t)seconds * 1000;
}

/* Options go in the order of their numbers: 11, 12, 15, 17, 252. */
static bool options_add(
	coap_pdu_t *pdu, const struct sensor *sensor, const struct outgoing *outgoing)
{
	const char *const *query = outgoing->query;
	uint8_t number[2];
	bool added = true;

	for (const char *part = outgoing->path; added && *part;) {
		size_t size = strcspn(part, "/");
		added = coap_add_option(pdu, COAP_OPTION_URI_PATH, size, (const uint8_t *)part);
		part += size + (part[size] == '/');
	}
	if (added && outgoing->format >= 0)
		added = coap_add_option(pdu, COAP_OPTION_CONTENT_FORMAT,
			coap_encode_var_safe(number, sizeof(number), (unsigned)outgoing->format),
			number);
	for (int i = 0; added && i < QUERY_MAX && query[i]; i++)
		added = coap_add_option(
			pdu, COAP_OPTION_URI_QUERY, strlen(query[i]), (const uint8_t *)query[i]);
	if (added && sensor->echo_size > 0)
		added = coap_add_option(pdu, COAP_OPTION_ECHO, sensor->echo_size, sensor->echo);
	return added;
}

void client_send(struct sensor *sensor, const struct outgoing *outgoing)
{
	coap_session_t *session = sensor->gateway;
	const char *body = outgoing->body;
	coap_pdu_t *pdu = coap_pdu_init(COAP_MESSAGE_CON, outgoing->method,
		coap_new_message_id(session), coap_session_max_pdu_size(session));

	/* A fresh random token for each request: an old answer can never be taken for a new one. */
	coap_prng(sensor->token, sizeof(sensor->token));
	if (!pdu || !coap_add_token(pdu, sizeof(sensor->token), sensor->token) ||
		!options_add(pdu, sensor, outgoing) ||
		(body && !coap_add_data(pdu, strlen(body), (const uint8_t *)body))) {
		if (pdu)
			coap_delete_pdu(pdu);
		sensor->failed = true;
		return;
	}
	sensor->echo_size = 0;
	sensor->purpose = outgoing->purpose;
	sensor->sent_at = now_msec();
	if (coap_send(session, pdu) == COAP_INVALID_MID) {
		sensor->purpose = PURPOSE_NONE;
		client_wait(sensor, AGAIN_SECONDS);
	}
}

/*
 * Duty: 4.01 with an Echo option asks us to show that we are where we seem to be. The same request
 * goes out again at once with the value in it (RFC 9175). The gateway asks once for each address.
 */
static bool echo_take(struct sensor *sensor, const coap_pdu_t *answer)
{
	coap_opt_iterator_t at;
	coap_opt_t *option = coap_check_option(answer, COAP_OPTION_ECHO, &at);

	if (coap_pdu_get_code(answer) != COAP_RESPONSE_CODE(401) || !option ||
		coap_opt_length(option) > ECHO_MAX)
		return false;
	sensor->echo_size = coap_opt_length(option);
	memcpy(sensor->echo, coap_opt_value(option), sensor->echo_size);
	event_print("echo", NULL);
	return true;
}

static coap_response_t answer_arrived(coap_session_t *session, const coap_pdu_t *sent,
	const coap_pdu_t *answer, const coap_mid_t mid)
{
	struct sensor *sensor = sensor_of(session);
	coap_bin_const_t token = coap_pdu_get_token(answer);
	enum purpose purpose = sensor->purpose;

	(void)sent;
	(void)mid;
	if (purpose == PURPOSE_NONE || token.length != TOKEN_SIZE ||
		memcmp(token.s, sensor->token, TOKEN_SIZE) != 0)
		return COAP_RESPONSE_OK; /* a copy of an old one: acknowledge, and forget it */
	sensor->purpose = PURPOSE_NONE;
	if (echo_take(sensor, answer))
		return COAP_RESPONSE_OK;
	if (purpose == PURPOSE_ENROL)
		enrol_answered(sensor, answer);
	else if (purpose == PURPOSE_READING)
		telemetry_answered(sensor, answer);
	else
		directory_answered(sensor, purpose, answer);
	return COAP_RESPONSE_OK;
}

static bool is_secure(const struct options *options)
{
	return options->psk_size > 0 || options->certificate;
}

/*
 * Duty: keep what was not acknowledged. When libcoap has given up, the gateway may have the reading
 * or not; we make a new request of it (another message id and token), and one reading too many is
 * better than one too few.
 */
static void request_given_up(struct sensor *sensor, const char *why)
{
	if (sensor->purpose == PURPOSE_NONE)
		return;
	sensor->purpose = PURPOSE_NONE;
	/* Duty: with DTLS the other end may have lost the session: shake hands again, then resend.
	 */
	sensor->renew = is_secure(&sensor->options);
	event_print("unanswered", json_pack("{s:s}", "why", why));
	client_wait(sensor, AGAIN_SECONDS);
}

static void delivery_failed(coap_session_t *session, const coap_pdu_t *sent,
	const coap_nack_reason_t reason, const coap_mid_t mid)
{
	struct sensor *sensor = sensor_of(session);
	coap_bin_const_t token = coap_pdu_get_token(sent);

	(void)mid;
	/* "Port unreachable" may be a gateway that starts again: libcoap goes on repeating. */
	if (reason == COAP_NACK_ICMP_ISSUE || token.length != TOKEN_SIZE ||
		memcmp(token.s, sensor->token, TOKEN_SIZE) != 0)
		return;
	request_given_up(sensor, reason == COAP_NACK_RST ? "reset" : "no answer");
}

/* Splits "[address%zone]:port", "address:port" or "address". */
static int address_resolve(const char *text, const char *port, coap_address_t *ret_address)
{
	char host[256];
	const struct addrinfo hints = {.ai_socktype = SOCK_DGRAM};
	struct addrinfo *found;
	const char *begin = text[0] == '[' ? text + 1 : text;
	const char *end = text[0] == '[' ? strchr(text, ']') : strchr(text, ':');

	/* more than one colon without brackets: an IPv6 address alone */
	if (text[0] != '[' && end && strchr(end + 1, ':'))
		end = NULL;
	size_t size = end ? (size_t)(end - begin) : strlen(begin);
	const char *colon = end ? strchr(end, ':') : NULL;
	if (colon)
		port = colon + 1;
	if (size >= sizeof(host) || (text[0] == '[' && !end))
		return -1;
	memcpy(host, begin, size);
	host[size] = '\0';
	if (getaddrinfo(host, port, &hints, &found) != 0)
		return -1;
	coap_address_init(ret_address);
	ret_address->size = found->ai_addrlen;
	memcpy(&ret_address->addr, found->ai_addr, found->ai_addrlen);
	freeaddrinfo(found);
	return 0;
}

/* The port that it shall speak from, on any address of the family. */
static const coap_address_t *local_address(
	const struct options *options, const coap_address_t *to, coap_address_t *local)
{
	if (options->port == 0 || options->mode == MODE_REGISTER) /* there it serves */
		return NULL;
	coap_address_init(local);
	local->size = to->size;
	local->addr.sa.sa_family = to->addr.sa.sa_family;
	if (to->addr.sa.sa_family == AF_INET)
		local->addr.sin.sin_port = htons(options->port);
	else
		local->addr.sin6.sin6_port = htons(options->port);
	return local;
}

/* With a certificate: the gateway knows its authority, and we may know the gateway's. It has no
 * name that we could compare: devices are given addresses. */
static coap_session_t *session_certified(
	struct sensor *sensor, const coap_address_t *local, const coap_address_t *to)
{
	const struct options *options = &sensor->options;
	coap_dtls_pki_t pki = {
		.version = COAP_DTLS_PKI_SETUP_VERSION,
		.verify_peer_cert = options->ca != NULL,
		.check_common_ca = 0,
		.allow_self_signed = 1,
		.cert_chain_validation = 1,
		.cert_chain_verify_depth = 4,
		.allow_no_crl = 1,
		.pki_key = {.key_type = COAP_PKI_KEY_PEM,
			.key.pem = {.ca_file = options->ca,
				.public_cert = options->certificate,
				.private_key = options->key}},
	};

	return coap_new_client_session_pki(sensor->coap, local, to, COAP_PROTO_DTLS, &pki);
}

/* With a key: the identity is the name, and the gateway proves that it knows the key, too. */
static coap_session_t *session_open(struct sensor *sensor, const coap_address_t *to)
{
	const struct options *options = &sensor->options;
	coap_address_t address;
	const coap_address_t *local = local_address(options, to, &address);
	coap_dtls_cpsk_t keys = {
		.version = COAP_DTLS_CPSK_SETUP_VERSION,
		.psk_info = {.identity = {strlen(options->ep), (const uint8_t *)options->ep},
			.key = {options->psk_size, options->psk}},
	};

	if (options->certificate)
		return session_certified(sensor, local, to);
	if (options->psk_size == 0)
		return coap_new_client_session(sensor->coap, local, to, COAP_PROTO_UDP);
	return coap_new_client_session_psk2(sensor->coap, local, to, COAP_PROTO_DTLS, &keys);
}

int client_connect(struct sensor *sensor)
{
	const char *port = is_secure(&sensor->options) ? DEFAULT_SECURE_PORT : DEFAULT_PORT;
	coap_address_t address;

	if (address_resolve(sensor->options.gateway, port, &address) != 0) {
		fprintf(stderr, "gatehouse-sensor: --gateway %s is no address\n",
			sensor->options.gateway);
		return -1;
	}
	sensor->gateway = session_open(sensor, &address);
	if (!sensor->gateway) {
		fprintf(stderr, "gatehouse-sensor: %s: %s\n", sensor->options.gateway,
			strerror(errno));
		return -1;
	}
	coap_register_response_handler(sensor->coap, answer_arrived);
	coap_register_nack_handler(sensor->coap, delivery_failed);
	return 0;
}

static void session_renew(struct sensor *sensor)
{
	sensor->renew = false;
	event_print("handshake", NULL);
	coap_session_release(sensor->gateway);
	sensor->gateway = NULL;
	if (client_connect(sensor) != 0)
		sensor->failed = true;
}

bool client_is_waiting(struct sensor *sensor)
{
	if (sensor->purpose != PURPOSE_NONE && now_msec() - sensor->sent_at > ANSWER_WAIT_MSEC)
		request_given_up(sensor, "no answer after its acknowledgement");
	return sensor->purpose != PURPOSE_NONE;
}

uint64_t client_work(struct sensor *sensor)
{
	uint64_t now = now_msec();

	telemetry_produce(sensor);
	if (sensor->renew && sensor->not_before <= now)
		session_renew(sensor);
	if (sensor->failed)
		return 0;
	if (client_is_waiting(sensor))
		return sensor->approved && sensor->next_reading_at > now
			       ? sensor->next_reading_at - now
			       : ANSWER_WAIT_MSEC;
	/* Duty: wait as long as the gateway asked for. An Echo value goes back at once. */
	if (sensor->not_before > now && sensor->echo_size == 0)
		return sensor->not_before - now;
	if (!sensor->approved)
		enrol_send(sensor);
	else if (sensor->produced > sensor->acknowledged)
		telemetry_send(sensor);
	else
		return sensor->next_reading_at > now ? sensor->next_reading_at - now : 0;
	return 0;
}
