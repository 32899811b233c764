/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a request's source is what it says (RFC 9175 section 2.4). Two ways: it brings back our
 * Echo, or it answers a question of ours. Everything that goes to a source that is not verified,
 * the question too, stays within three times what it sent.
 */

#include "base/clock.h"
#include "lan/lan-inbound.h"

/* Header, token, two path segments. */
#define PROBE_SIZE ((size_t)4 + PROBE_TOKEN_SIZE + 12 + 5)

/* NON GET /.well-known/core with a random token. Whatever answer comes verifies. True when it went
 * out, at most once a minute. */
static bool probe_send(struct pending *pending)
{
	uint8_t token[PROBE_TOKEN_SIZE];

	if (!echo_probe_due(pending->lan->echo, &pending->peer.address, clock_boot_usec(), token))
		return false;
	coap_pdu_t *pdu = coap_pdu_init(COAP_MESSAGE_NON, COAP_REQUEST_CODE_GET,
		coap_new_message_id(pending->session), PROBE_SIZE);
	if (!pdu)
		return false;
	if (!coap_add_token(pdu, sizeof(token), token) ||
		!coap_add_option(pdu, COAP_OPTION_URI_PATH, 11, (const uint8_t *)".well-known") ||
		!coap_add_option(pdu, COAP_OPTION_URI_PATH, 4, (const uint8_t *)"core")) {
		coap_delete_pdu(pdu);
		return false;
	}
	pending->lan->touched = true;
	return coap_send(pending->session, pdu) != COAP_INVALID_MID;
}

/* 4.01 + Echo. Who has been asked before and comes without it gets a probe too, as far as three
 * times its bytes allow; the probe goes alone where both do not fit, because the answer has not
 * helped. */
void verify_ask(struct pending *pending)
{
	struct lan *lan = pending->lan;
	uint8_t value[ECHO_SIZE];
	struct answer_parts parts = {
		.code = COAP_CODE(4, 1), .format = -1, .max_age = -1, .block1 = -1};
	size_t budget = message_budget(pending->in.frame.size);

	if (echo_make(lan->echo, &pending->peer.address, clock_boot_usec(), value) < 0)
		return;
	parts.echo = span_of(value, sizeof(value));
	size_t size = message_size(&pending->in.frame.key, &parts);
	bool again = echo_asked(lan->echo, &pending->peer.address);
	if (again)
		lan_turn_away(lan, AWAY_NO_ECHO, &pending->peer.address);
	if (again && budget >= PROBE_SIZE && budget < PROBE_SIZE + size && probe_send(pending)) {
		lan->stats.silenced++;
		return;
	}
	lan_reply(lan, pending->session, &pending->in.frame, false, parts);
	if (again && budget >= PROBE_SIZE + size)
		probe_send(pending);
}

void verify_note(struct pending *pending)
{
	struct lan *lan = pending->lan;
	const struct device_address *address = &pending->peer.address;

	pending->peer.verified = echo_is_verified(lan->echo, address);
	if (pending->peer.verified || pending->in.echo.size == 0 ||
		!echo_check(lan->echo, address, pending->in.echo, clock_boot_usec()))
		return;
	pending->peer.verified = lan_address_verified(lan, address);
}

void verify_beside(struct pending *pending, size_t answer_max)
{
	struct lan *lan = pending->lan;

	if (pending->peer.verified ||
		message_budget(pending->in.frame.size) < PROBE_SIZE + answer_max)
		return;
	echo_asked(lan->echo, &pending->peer.address);
	if (probe_send(pending))
		pending->in.frame.spent = PROBE_SIZE;
}
