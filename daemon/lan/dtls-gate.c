/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcoap makes a session for every ClientHello before it has looked at its cookie, holds a few
 * thousand of them at most, and hands a ClientHello from an address that has a session to that
 * session, whoever sent it. With forged sources the first shuts real devices out, and the last
 * keeps a device out that has rebooted. So the cookie exchange of RFC 6347 4.2.1 is done here,
 * before libcoap reads the datagram, and without memory: a ClientHello that does not bring our
 * cookie gets a HelloVerifyRequest, and only one that does shows that its source is real.
 *
 * The whole ClientHello has to be in the first record, unfragmented (a server may ask for that: it
 * has no memory to put pieces together for a stranger; OpenSSL asks for it too).
 */

#include "lan/dtls-gate.h"

#include <stdbool.h>
#include <string.h>

#define RECORD_HEADER	 13
#define HANDSHAKE_HEADER 12
#define HELLO_FIXED	 (2 + DTLS_RANDOM_SIZE)
#define HANDSHAKE	 22
#define APPLICATION_DATA 23
#define FIRST_TYPE	 20 /* change cipher spec */
#define CLIENT_HELLO	 1
#define VERIFY_REQUEST	 3

static size_t number(const uint8_t *bytes, size_t size)
{
	size_t value = 0;

	for (size_t i = 0; i < size; i++)
		value = value << 8 | bytes[i];
	return value;
}

/* A part with its length in front; false when the bytes run out. */
static bool part_take(struct span *rest, size_t length_size, struct span *ret_part)
{
	if (rest->size < length_size)
		return false;
	size_t size = number(rest->data, length_size);
	if (rest->size - length_size < size)
		return false;
	*ret_part = span_of(rest->data + length_size, size);
	*rest = span_of(rest->data + length_size + size, rest->size - length_size - size);
	return true;
}

/* Session id, cookie, cipher suites, compression methods; what follows are extensions. */
static bool hello_read(struct span body, struct dtls_hello *hello)
{
	struct span rest, part;

	if (body.size < HELLO_FIXED || body.data[0] != 0xfe)
		return false;
	hello->random = body.data + 2;
	rest = span_of(body.data + HELLO_FIXED, body.size - HELLO_FIXED);
	if (!part_take(&rest, 1, &part) || !part_take(&rest, 1, &hello->cookie))
		return false;
	return part_take(&rest, 2, &part) && part.size >= 2 && part_take(&rest, 1, &part) &&
	       part.size >= 1;
}

enum dtls_kind dtls_look(struct span datagram, struct dtls_hello *ret_hello)
{
	const uint8_t *bytes = datagram.data;
	struct dtls_hello hello = {0};

	if (datagram.size < RECORD_HEADER || bytes[0] < FIRST_TYPE || bytes[0] > APPLICATION_DATA ||
		bytes[1] != 0xfe || (bytes[2] != 0xff && bytes[2] != 0xfd))
		return DTLS_NONSENSE;
	size_t size = number(bytes + 11, 2);
	if (size == 0 || size > datagram.size - RECORD_HEADER)
		return DTLS_NONSENSE;
	const uint8_t *handshake = bytes + RECORD_HEADER;
	if (bytes[0] != HANDSHAKE || number(bytes + 3, 2) != 0 || handshake[0] != CLIENT_HELLO)
		return DTLS_RECORD;
	if (size < HANDSHAKE_HEADER)
		return DTLS_NONSENSE;
	size_t length = number(handshake + 1, 3);
	if (length != size - HANDSHAKE_HEADER || number(handshake + 6, 3) != 0 ||
		number(handshake + 9, 3) != length)
		return DTLS_NONSENSE;
	hello.sequence = bytes + 5;
	if (!hello_read(span_of(handshake + HANDSHAKE_HEADER, length), &hello))
		return DTLS_NONSENSE;
	*ret_hello = hello;
	return DTLS_HELLO;
}

size_t dtls_shortest_record(struct span datagram)
{
	size_t shortest = SIZE_MAX;

	while (datagram.size >= RECORD_HEADER) {
		size_t size = number(datagram.data + 11, 2);
		if (number(datagram.data + 3, 2) != 0 && size < shortest)
			shortest = size;
		if (size > datagram.size - RECORD_HEADER)
			break;
		datagram = span_of(
			datagram.data + RECORD_HEADER + size, datagram.size - RECORD_HEADER - size);
	}
	return shortest;
}

size_t dtls_verify_write(const struct dtls_hello *hello, struct span cookie,
	uint8_t ret_bytes[DTLS_VERIFY_SIZE(DTLS_COOKIE_MAX)])
{
	uint8_t length = (uint8_t)(2 + 1 + cookie.size);
	/* The version is 1.0 in both places, whatever will be spoken (RFC 6347 4.2.1); sequence
	 * number and message number repeat those of the hello. */
	const uint8_t head[] = {HANDSHAKE, 0xfe, 0xff, 0, 0, hello->sequence[0], hello->sequence[1],
		hello->sequence[2], hello->sequence[3], hello->sequence[4], hello->sequence[5], 0,
		(uint8_t)(HANDSHAKE_HEADER + length), VERIFY_REQUEST, 0, 0, length, 0, 0, 0, 0, 0,
		0, 0, length, 0xfe, 0xff, (uint8_t)cookie.size};

	memcpy(ret_bytes, head, sizeof(head));
	memcpy(ret_bytes + sizeof(head), cookie.data, cookie.size);
	return sizeof(head) + cookie.size;
}
