/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The gate: may this datagram reach libcoap at all? Head comment in gate.c. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

/* The largest datagram that libcoap reads. */
#define GATE_DATAGRAM_MAX 1472
/* CoAP's fixed header and the longest token take 12; a HelloVerifyRequest of DTLS is longer. */
#define GATE_REPLY_MAX 60

enum gate_verdict {
	GATE_PASS,  /* give it to libcoap */
	GATE_DROP,  /* consume it, say nothing */
	GATE_REPLY, /* consume it, send 'reply' */
};

struct gate_result {
	enum gate_verdict verdict;
	bool malformed; /* it broke the rules of RFC 7252 (for the counters) */
	bool too_large;
	bool acknowledged; /* an ACK or RST that passes: 'message_id' is what it is about */
	bool reset;	   /* with 'acknowledged': it is a RST */
	uint16_t message_id;
	uint8_t reply[GATE_REPLY_MAX];
	size_t reply_size;
};

/*
 * Pure. 'group': it was sent to a multicast group. 'size' is the datagram's whole size; 'bytes' may
 * hold less of it when it is over GATE_DATAGRAM_MAX. 'message_id' is used where a NON request gets
 * an answer. The reply is never longer than the datagram.
 */
void gate_check(struct span bytes, size_t size, bool group, uint16_t message_id,
	struct gate_result *ret_result);
