/* SPDX-License-Identifier: Apache-2.0 */
/* The bed of the tests of lan*.c: see bed.h. */

#include "bed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

#define ECHO_OPTION 252

static void request_seen(void *userdata, const struct lan_request *request)
{
	struct bed *bed = userdata;
	struct seen_request *last = &bed->last;
	const struct lan_answer changed = {.code = COAP_CODE(2, 4), .format = -1, .max_age = -1};

	bed->requests++;
	last->view = *request;
	last->payload_size = request->payload.size;
	/* what came in blocks is longer; who wants it has a host of its own */
	if (request->payload.size > 0 && request->payload.size <= sizeof(last->payload))
		memcpy(last->payload, request->payload.data, request->payload.size);
	if (bed->host)
		bed->host(bed, request);
	else if (!bed->hold)
		lan_answer(request->exchange, &changed);
}

static void turned_away(void *userdata, enum turned_away why, const struct device_address *from)
{
	struct bed *bed = userdata;

	(void)from;
	bed->away[why]++;
}

static void reachable(void *userdata, const struct device_address *address)
{
	struct bed *bed = userdata;

	bed->reachable++;
	bed->reachable_address = *address;
}

static void unobserved(void *userdata, void *observer_userdata)
{
	struct bed *bed = userdata;

	bed->unobserved++;
	bed->unobserved_userdata = observer_userdata;
}

static void sighted(void *userdata, const struct lan_sighting *sighting)
{
	struct bed *bed = userdata;

	bed->sighted++;
	bed->sighting = *sighting;
}

static bool psk(
	void *userdata, const char *identity, uint8_t ret_key[LAN_PSK_MAX], size_t *ret_size)
{
	struct bed *bed = userdata;

	bed->psk_asked++;
	if (strncmp(identity, "known", 5) != 0)
		return false;
	memcpy(ret_key, bed->psk, bed->psk_size);
	*ret_size = bed->psk_size;
	if (bed->psk_turns)
		bed->psk[0] ^= 1;
	bed->psk_turns = false;
	return true;
}

static bool certificate(void *userdata, const struct lan_certificate *shown)
{
	struct bed *bed = userdata;

	bed->certificates++;
	bed->certificate = *shown;
	return !bed->certificate_refused;
}

static void entered(void *userdata, const struct lan_peer *peer)
{
	struct bed *bed = userdata;

	bed->entered++;
	bed->entered_peer = *peer;
}

static bool keeps(void *userdata, const struct lan_peer *peer)
{
	(void)userdata;
	assert_true(peer->trust == TRUST_PSK || peer->trust == TRUST_CERT);
	return strstr(peer->name, "kept") != NULL;
}

int bed_socket(const struct bed *bed)
{
	struct sockaddr_in in = {.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(lan_port(bed->lan))};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6,
		.sin6_addr = IN6ADDR_LOOPBACK_INIT,
		.sin6_port = htons(lan_port(bed->lan))};
	bool four = bed->family == AF_INET;
	int fd = socket(bed->family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, four ? (struct sockaddr *)&in : (struct sockaddr *)&in6,
				 four ? sizeof(in) : sizeof(in6)),
		0);
	return fd;
}

static void open_with(struct bed *bed, int family, const char *interface, bool secure,
	const struct limits *limits, const char *own, const char *own_key)
{
	const struct lan_ops ops = {.request = request_seen,
		.turned_away = turned_away,
		.reachable = reachable,
		.sighted = sighted,
		.unobserved = unobserved,
		.psk = psk,
		.certificate = certificate,
		.entered = entered,
		.keeps = keeps};

	*bed = (struct bed){.family = family, .psk = "0123456789abcdef", .psk_size = 16};
	limits_init(&bed->limits);
	for (unsigned i = 0; limits && i < LIMITS; i++)
		if (limits->value[i])
			bed->limits.value[i] = limits->value[i];
	bed->interfaces.count = 1;
	strcpy(bed->interfaces.item[0], interface);
	const struct lan_options options = {.interfaces = &bed->interfaces,
		.port = 0,
		.secure = secure,
		.secure_port = 0,
		.certificate = own,
		.key = own_key,
		.limits = &bed->limits};
	assert_int_equal(sd_event_new(&bed->loop), 0);
	assert_int_equal(lan_new(bed->loop, &options, &ops, bed, &bed->lan), 0);
	bed->fd = bed_socket(bed);
}

void bed_open(struct bed *bed, int family, const char *interface)
{
	open_with(bed, family, interface, false, NULL, NULL, NULL);
}

void bed_open_secure(struct bed *bed, int family, const struct limits *limits)
{
	open_with(bed, family, "lo", true, limits, NULL, NULL);
}

void bed_open_certified(
	struct bed *bed, const struct limits *limits, const char *own, const char *own_key)
{
	open_with(bed, AF_INET, "lo", true, limits, own, own_key);
}

void bed_close(struct bed *bed)
{
	close(bed->fd);
	lan_free(bed->lan);
	sd_event_unref(bed->loop);
}

void bed_verify(struct bed *bed)
{
	struct datagram request, answer;
	uint8_t echo[64];

	message_begin(&request, CON, POST, 0x7001, "v");
	message_text(&request, 11, "t");
	bed_ask(bed, &request, COAP_CODE(4, 1), &answer);
	int size = message_find(&answer, ECHO_OPTION, echo);
	assert_int_equal(size, 12);
	message_begin(&request, CON, GET, 0x7002, "v");
	message_text(&request, 11, ".well-known");
	message_text(&request, 11, "core");
	message_option(&request, ECHO_OPTION, echo, (size_t)size);
	bed_ask(bed, &request, COAP_CODE(2, 5), &answer);
	struct lan_stats stats;
	lan_stats(bed->lan, &stats);
	assert_int_equal(stats.verified, 1);
	memset(bed->away, 0, sizeof(bed->away));
	bed->requests = 0;
	bed->reachable = 0;
}

void message_begin(struct datagram *message, int type, int code, uint16_t mid, const char *token)
{
	size_t size = strlen(token);

	memset(message, 0, sizeof(*message));
	message->bytes[0] = (uint8_t)(1 << 6 | type << 4 | (int)size);
	message->bytes[1] = (uint8_t)code;
	message->bytes[2] = (uint8_t)(mid >> 8);
	message->bytes[3] = (uint8_t)mid;
	memcpy(message->bytes + 4, token, size);
	message->size = 4 + size;
}

static uint8_t nibble(struct datagram *message, size_t value)
{
	if (value < 13)
		return (uint8_t)value;
	if (value < 269) {
		message->bytes[message->size++] = (uint8_t)(value - 13);
		return 13;
	}
	message->bytes[message->size++] = (uint8_t)((value - 269) >> 8);
	message->bytes[message->size++] = (uint8_t)(value - 269);
	return 14;
}

void message_option(struct datagram *message, unsigned number, const void *value, size_t size)
{
	size_t head = message->size++;
	uint8_t delta = nibble(message, number - message->option);
	uint8_t length = nibble(message, size);

	message->bytes[head] = (uint8_t)(delta << 4 | length);
	if (size > 0)
		memcpy(message->bytes + message->size, value, size);
	message->size += size;
	message->option = number;
}

void message_text(struct datagram *message, unsigned number, const char *value)
{
	message_option(message, number, value, strlen(value));
}

void message_payload(struct datagram *message, const char *text)
{
	message->bytes[message->size++] = 0xff;
	memcpy(message->bytes + message->size, text, strlen(text));
	message->size += strlen(text);
}

void message_reading(
	struct datagram *message, int type, uint16_t mid, const char *token, const char *ep)
{
	char query[80];

	snprintf(query, sizeof(query), "ep=%s", ep);
	message_begin(message, type, POST, mid, token);
	message_text(message, 11, "t");
	message_option(message, 12, "", 0);
	message_text(message, 15, query);
	message_payload(message, "21.5");
}

int message_type(const struct datagram *message)
{
	return message->bytes[0] >> 4 & 3;
}

int message_code(const struct datagram *message)
{
	return message->bytes[1];
}

uint16_t message_id(const struct datagram *message)
{
	return (uint16_t)(message->bytes[2] << 8 | message->bytes[3]);
}

bool message_token_is(const struct datagram *message, const char *token)
{
	size_t size = message->bytes[0] & 15;

	return size == strlen(token) && memcmp(message->bytes + 4, token, size) == 0;
}

static size_t extend(const struct datagram *message, size_t *at, unsigned value)
{
	if (value == 13)
		return 13u + message->bytes[(*at)++];
	if (value < 13)
		return value;
	size_t extended = 269u + (size_t)(message->bytes[*at] << 8 | message->bytes[*at + 1]);
	*at += 2;
	return extended;
}

/* Walks the options; returns where the payload marker is, or the end. */
static size_t walk(
	const struct datagram *message, unsigned wanted, uint8_t value[64], int *ret_size)
{
	size_t at = 4u + (message->bytes[0] & 15);
	size_t number = 0;

	*ret_size = -1;
	while (at < message->size && message->bytes[at] != 0xff) {
		uint8_t head = message->bytes[at++];
		number += extend(message, &at, head >> 4);
		size_t length = extend(message, &at, head & 15);
		if (number == wanted && *ret_size < 0 && length <= 64) {
			memcpy(value, message->bytes + at, length);
			*ret_size = (int)length;
		}
		at += length;
	}
	assert_true(at <= message->size);
	return at;
}

int message_find(const struct datagram *message, unsigned number, uint8_t value[64])
{
	int size;

	walk(message, number, value, &size);
	return size;
}

const char *message_body(const struct datagram *message, char text[DATAGRAM_MAX])
{
	uint8_t value[64];
	int size;
	size_t at = walk(message, 0xffff, value, &size);
	size_t length = at < message->size ? message->size - at - 1 : 0;

	if (length > 0)
		memcpy(text, message->bytes + at + 1, length);
	text[length] = '\0';
	return text;
}

void bed_turn(struct bed *bed, uint64_t wait_usec)
{
	uint64_t begin = clock_boot_usec(), took;

	sd_event_run(bed->loop, wait_usec);
	took = clock_boot_usec() - begin;
	bed->lived_usec += took < 2 * wait_usec ? took : 2 * wait_usec;
}

void bed_send(struct bed *bed, const struct datagram *message)
{
	assert_int_equal(send(bed->fd, message->bytes, message->size, 0), message->size);
}

bool bed_receive(struct bed *bed, struct datagram *ret_message, int timeout_msec)
{
	uint64_t end = bed->lived_usec + (uint64_t)timeout_msec * USEC_PER_MSEC;

	for (;;) {
		ssize_t size = recv(bed->fd, ret_message->bytes, sizeof(ret_message->bytes), 0);
		if (size >= 0) {
			ret_message->size = (size_t)size;
			return true;
		}
		if (bed->lived_usec >= end)
			return false;
		bed_turn(bed, 5000);
	}
}

void bed_expect(struct bed *bed, struct datagram *ret_message)
{
	assert_true(bed_receive(bed, ret_message, BED_PATIENCE_MSEC));
}

void bed_expect_silence(struct bed *bed)
{
	struct datagram ping, answer;

	message_begin(&ping, CON, 0, 0x7fff, "");
	bed_send(bed, &ping);
	bed_expect(bed, &answer);
	assert_int_equal(message_type(&answer), RST);
	assert_int_equal(message_id(&answer), 0x7fff);
}

void bed_ask(struct bed *bed, const struct datagram *message, int code, struct datagram *ret_answer)
{
	bed_send(bed, message);
	bed_expect(bed, ret_answer);
	assert_int_equal(message_code(ret_answer), code);
}
