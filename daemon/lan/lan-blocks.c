/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blocks of a body on the wire (RFC 7959 section 2): each but the last one is answered here, so the
 * host never sees that a body came in parts. The reassembly itself is block1.c.
 */

#include <stdio.h>

#include "base/clock.h"
#include "base/loop.h"
#include "lan/lan-inbound.h"

static int blocks_idle(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct lan *lan = userdata;

	(void)source;
	(void)usec;
	lan->block_timer_set = block1_sweep(lan->blocks, clock_boot_usec()) > 0 &&
			       loop_timer_set(lan->loop, &lan->block_timer, BLOCK1_IDLE_USEC,
				       blocks_idle, lan, "coap-blocks") >= 0;
	return 0;
}

/* What a block that is not the last one, or not a good one, is answered with. */
static void block_answer(struct pending *pending, enum block1_outcome outcome)
{
	struct lan *lan = pending->lan;
	struct answer_parts parts = {.format = -1, .max_age = -1, .block1 = pending->in.block1};
	static const struct {
		uint8_t code;
		const char *text;
	} answers[] = {
		[BLOCK1_WHOLE] = {0, NULL},
		[BLOCK1_CONTINUE] = {COAP_CODE(2, 31), NULL},
		[BLOCK1_INCOMPLETE] = {COAP_CODE(4, 8), "begin again with the first block"},
		[BLOCK1_TOO_LARGE] = {COAP_CODE(4, 13), "body too large"},
		[BLOCK1_MALFORMED] = {COAP_CODE(4, 0), "a block has not the size that it says"},
		[BLOCK1_NO_MEMORY] = {COAP_CODE(5, 3), NULL},
	};

	parts.code = answers[outcome].code;
	parts.payload = span_from_string(answers[outcome].text);
	if (outcome == BLOCK1_TOO_LARGE) {
		parts.size1 = lan->limits->value[LIMIT_BODY];
		lan_limit_reached(lan, LIMIT_BODY);
		lan_turn_away(lan, AWAY_OVER_LIMIT, &pending->peer.address);
	} else if (outcome != BLOCK1_CONTINUE) {
		lan_turn_away(lan, AWAY_MALFORMED, &pending->peer.address);
	} else if (!lan->block_timer_set) {
		lan->block_timer_set =
			loop_timer_set(lan->loop, &lan->block_timer, BLOCK1_IDLE_USEC, blocks_idle,
				lan, "coap-blocks") >= 0;
	}
	lan_reply(lan, pending->session, &pending->in.frame, pending->peer.verified, parts);
}

_Static_assert(BLOCK1_PEER_MAX >= PEER_NAME_SIZE - 1, "a transfer is of one peer");

bool blocks_take(struct pending *pending, struct span *ret_body)
{
	struct lan *lan = pending->lan;
	const struct inbound *in = &pending->in;
	const struct block1_part part = {(uint32_t)in->block1, in->payload, &in->frame.key};
	struct block1_id id = {.address = pending->peer.address};
	char name[PEER_NAME_SIZE], ep[EP_MAX + 1] = "";
	bool evicted = false;
	enum block1_outcome outcome = BLOCK1_TOO_LARGE;

	/* Several names may live at one address. */
	if (in->ep.data)
		(void)span_to_string(in->ep, ep, sizeof(ep));
	snprintf(id.peer, sizeof(id.peer), "%s", peer_name(&pending->peer, ep, name));
	if (inbound_body_identity(pending->pdu, id.body) < 0)
		outcome = BLOCK1_MALFORMED;
	else if (in->size1 <= lan->limits->value[LIMIT_BODY])
		outcome =
			block1_feed(lan->blocks, &id, &part, clock_boot_usec(), ret_body, &evicted);
	if (evicted)
		lan_limit_reached(lan, LIMIT_BLOCK_TRANSFERS);
	if (outcome == BLOCK1_WHOLE)
		return true;
	block_answer(pending, outcome);
	return false;
}
