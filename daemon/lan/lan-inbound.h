/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A request as libcoap hands it over, read into our terms, and what the files that serve it share:
 * lan-resources.c, lan-verify.c, lan-blocks.c, lan-links.c. */

#include "lan/lan-internal.h"

#define SEGMENTS_MAX 4
#define FILTER_MAX   64

struct inbound {
	struct span segment[SEGMENTS_MAX];
	unsigned segments; /* may be more than SEGMENTS_MAX */
	struct span ep, value_name;
	unsigned eps;
	struct span filter; /* rt= */
	struct rd_query rd;
	struct span echo;
	uint32_t size1; /* what it says of itself: never more than a reason to refuse */
	struct span payload;
	int content_format, accept;
	int block1, block2, observe; /* values of the options, -1 = none */
	struct request_frame frame;
	enum lan_method method;
};

/* Views into the PDU. The gate has let it pass, so it is well-formed. */
void inbound_read(const coap_pdu_t *pdu, struct inbound *ret_inbound);
/* What tells its body from others of the same sender. 0, -EMSGSIZE, -EIO. */
int inbound_body_identity(const coap_pdu_t *pdu, uint8_t ret_digest[SHA256_SIZE]);

struct pending {
	struct lan *lan;
	coap_session_t *session;
	const coap_pdu_t *pdu;
	struct lan_peer peer;
	struct inbound in;
};

/* lan-resources.c: answers with a code and a diagnostic text, and counts it. */
void pending_refuse(struct pending *pending, uint8_t code, const char *text, int64_t max_age,
	enum turned_away why);

/* lan-verify.c */
/* Is the source verified, or does the request itself show it (an Echo of ours)? */
void verify_note(struct pending *pending);
/* 4.01 + Echo to a source that is not verified. */
void verify_ask(struct pending *pending);
/* For requests that are answered without Echo: a probe goes out if an answer of so many bytes
 * stays within what the source may get. */
void verify_beside(struct pending *pending, size_t answer_max);

/* lan-blocks.c: takes in one block of a verified source. True when the body is whole and stands in
 * *ret_body until block1_taken(); otherwise the block was answered. */
bool blocks_take(struct pending *pending, struct span *ret_body);

/* lan-links.c: GET /.well-known/core; 'group': it was asked of a multicast group. */
void links_serve(struct pending *pending, bool group, coap_pdu_t *response);
