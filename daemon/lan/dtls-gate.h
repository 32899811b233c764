/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The gate before DTLS: what is this datagram, and what is said to who knocks. Head comment in
 * dtls-gate.c. */

#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

#define DTLS_RANDOM_SIZE 32
#define DTLS_COOKIE_MAX	 32
/* Record header, handshake header, version, length of the cookie. */
#define DTLS_VERIFY_SIZE(cookie_size) ((size_t)13 + 12 + 2 + 1 + (cookie_size))

enum dtls_kind {
	DTLS_NONSENSE, /* no record of DTLS 1.2 */
	DTLS_HELLO,    /* a ClientHello in one piece, without protection: somebody knocks */
	DTLS_RECORD,   /* anything else: of use to a session that is there */
};

/* Views into the datagram. */
struct dtls_hello {
	const uint8_t *sequence; /* of its record, 6 bytes */
	const uint8_t *random;	 /* DTLS_RANDOM_SIZE bytes: the same in each try of one handshake */
	struct span cookie;	 /* empty in the first one */
};

/* Bytes that protection adds at least, with any of our ciphers. */
#define DTLS_OVERHEAD_MIN 16

/* Pure. The length of the shortest protected record in the datagram, SIZE_MAX when there is none.
 * OpenSSL 3.0 ends a session over a record that is too short to have been protected by its cipher,
 * whoever sent it; so such a record must not reach it. */
size_t dtls_shortest_record(struct span datagram);
/* Pure. Looks at the first record of the datagram alone. */
enum dtls_kind dtls_look(struct span datagram, struct dtls_hello *ret_hello);
/* The HelloVerifyRequest (RFC 6347 4.2.1) that answers the hello. A cookie of at most
 * DTLS_COOKIE_MAX bytes. Returns its size, which is smaller than any ClientHello. */
size_t dtls_verify_write(const struct dtls_hello *hello, struct span cookie,
	uint8_t ret_bytes[DTLS_VERIFY_SIZE(DTLS_COOKIE_MAX)]);
