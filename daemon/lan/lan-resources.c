/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of paths, and what a request goes through before the host sees it. One handler of ours
 * serves each method of libcoap's unknown resource and of /.well-known/core, so that libcoap's own
 * dispatch never has anything to answer; which resource is meant is decided here.
 *
 * The order of the checks is the order of what an unverified source may learn: path and method
 * first (a bare code), then Echo, and only then the things that an answer has to explain.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "lan/lan-inbound.h"

#define HELD_MAX_AGE	   2 /* seconds, with the 5.03 over the limit of held answers */
#define BLOCK_MORE	   8 /* the M bit of a block option */
#define BLOCK_NUMBER_SHIFT 4

/* Header, token, two path segments. */
#define PROBE_SIZE ((size_t)4 + PROBE_TOKEN_SIZE + 12 + 5)

#define CODE_BAD_REQUEST COAP_CODE(4, 0)
#define METHOD(method)	 (1u << (method))

struct pending {
	struct lan *lan;
	coap_session_t *session;
	struct lan_peer peer;
	struct inbound in;
};

static const struct resource_row {
	const char *first, *third; /* path segments; NULL: there is none */
	bool has_id;		   /* the second one is a device's id */
	unsigned methods;
	bool needs_echo;
	enum lan_resource resource;
} resource_rows[] = {
	{"enrol", NULL, false, METHOD(LAN_POST), true, LAN_ENROL},
	{"t", NULL, false, METHOD(LAN_POST), true, LAN_TELEMETRY},
	{"time", NULL, false, METHOD(LAN_GET), false, LAN_TIME},
	{"d", NULL, true, METHOD(LAN_GET), true, LAN_DEVICE},
	{"d", "c", true, METHOD(LAN_GET) | METHOD(LAN_POST), true, LAN_DEVICE_COMMAND},
};

static const struct link_row {
	const char *rt;
	const char *text;
} link_rows[] = {
	{"gatehouse.enrol", "</enrol>;rt=\"gatehouse.enrol\""},
	{"gatehouse.telemetry", "</t>;rt=\"gatehouse.telemetry\""},
	{"gatehouse.time", "</time>;rt=\"gatehouse.time\""},
};

static bool id_is_plausible(struct span id)
{
	if (id.size == 0 || id.size > DEVICE_ID_MAX)
		return false;
	for (size_t i = 0; i < id.size; i++) {
		uint8_t c = id.data[i];
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'))
			return false;
	}
	return true;
}

static const struct resource_row *resource_find(const struct inbound *in)
{
	for (size_t i = 0; i < ELEMENTS(resource_rows); i++) {
		const struct resource_row *row = &resource_rows[i];
		unsigned segments = 1u + row->has_id + (row->third != NULL);
		if (in->segments != segments ||
			!span_equal(in->segment[0], span_from_string(row->first)))
			continue;
		if (row->has_id && !id_is_plausible(in->segment[1]))
			continue;
		if (!row->third || span_equal(in->segment[2], span_from_string(row->third)))
			return row;
	}
	return NULL;
}

static bool is_well_known(const struct inbound *in)
{
	return in->segments == 2 && span_equal(in->segment[0], SPAN_LITERAL(".well-known")) &&
	       span_equal(in->segment[1], SPAN_LITERAL("core"));
}

static void refuse(struct pending *pending, uint8_t code, const char *text, int64_t max_age,
	enum turned_away why)
{
	lan_turn_away(pending->lan, why, &pending->peer.address);
	lan_reply(pending->lan, pending->session, &pending->in.frame, pending->peer.verified,
		(struct answer_parts){.code = code,
			.format = -1,
			.max_age = max_age,
			.block1 = pending->in.block1,
			.payload = span_from_string(text)});
}

/* ?rt= of RFC 6690 4.1: a word, or the beginning of one with a star. Absent: everything. */
static bool filter_matches(struct span filter, const char *rt)
{
	if (!filter.data)
		return true;
	if (filter.size > 0 && filter.data[filter.size - 1] == '*') {
		size_t size = filter.size - 1;
		return size <= strlen(rt) && memcmp(rt, filter.data, size) == 0;
	}
	return span_equal(filter, span_from_string(rt));
}

/* A verified source gets each link that its filter matches; others get one: the first that matches,
 * else /enrol, so that they find the door. */
static size_t links_write(const struct pending *pending, bool group, char *text, size_t capacity)
{
	size_t used = 0;

	for (size_t i = 0; i < ELEMENTS(link_rows); i++) {
		size_t size = strlen(link_rows[i].text);
		if (!filter_matches(pending->in.filter, link_rows[i].rt) ||
			used + 1 + size > capacity)
			continue;
		if (used > 0)
			text[used++] = ',';
		memcpy(text + used, link_rows[i].text, size);
		used += size;
		if (!pending->peer.verified)
			return used;
	}
	if (used == 0 && !pending->peer.verified && !group) {
		used = strlen(link_rows[0].text);
		memcpy(text, link_rows[0].text, used);
	}
	return used;
}

/* An answer to a group goes through libcoap's response, because libcoap waits the random leisure
 * (RFC 7252 8.2) before it sends it. An empty one is not sent at all. */
static void group_answer(struct pending *pending, struct span links, coap_pdu_t *response)
{
	struct answer_parts parts = {.code = COAP_CODE(2, 5),
		.format = FORMAT_LINK,
		.max_age = -1,
		.block1 = -1,
		.payload = links};
	uint8_t format[2];

	if (links.size == 0 || (pending->in.frame.no_response & 2) ||
		(!pending->peer.verified && message_size(&pending->in.frame.key, &parts) >
						    message_budget(pending->in.frame.size))) {
		pending->lan->stats.silenced++;
		return;
	}
	coap_pdu_set_code(response, COAP_RESPONSE_CODE_CONTENT);
	coap_pdu_set_mid(response, coap_new_message_id(pending->session));
	coap_add_option(response, COAP_OPTION_CONTENT_FORMAT,
		coap_encode_var_safe(format, sizeof(format), FORMAT_LINK), format);
	coap_add_data(response, links.size, links.data);
	pending->lan->stats.answers++;
}

static void well_known_serve(struct pending *pending, bool group, coap_pdu_t *response)
{
	char text[256];

	if (pending->in.method != LAN_GET) {
		refuse(pending, COAP_CODE(4, 5), NULL, -1, AWAY_MALFORMED);
		return;
	}
	if (pending->in.accept >= 0 && pending->in.accept != FORMAT_LINK) {
		refuse(pending, COAP_CODE(4, 6), NULL, -1, AWAY_MALFORMED);
		return;
	}
	size_t size = links_write(pending, group, text, sizeof(text));
	if (group) {
		group_answer(pending, span_of(text, size), response);
		return;
	}
	lan_reply(pending->lan, pending->session, &pending->in.frame, pending->peer.verified,
		(struct answer_parts){.code = COAP_CODE(2, 5),
			.format = FORMAT_LINK,
			.max_age = -1,
			.block1 = -1,
			.payload = span_of(text, size)});
}

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
static void echo_ask(struct pending *pending)
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

static void echo_note(struct pending *pending)
{
	struct lan *lan = pending->lan;
	const struct device_address *address = &pending->peer.address;

	pending->peer.verified = echo_is_verified(lan->echo, address);
	if (pending->peer.verified || pending->in.echo.size == 0 ||
		!echo_check(lan->echo, address, pending->in.echo, clock_boot_usec()))
		return;
	int r = echo_verify(lan->echo, address);
	if (r > 0)
		lan_limit_reached(lan, LIMIT_VERIFIED_ADDRESSES);
	pending->peer.verified = r >= 0;
}

/* What a source may be told in words. True when the request is refused. */
static bool content_refused(struct pending *pending, struct lan_request *request)
{
	const struct inbound *in = &pending->in;
	const char *why = NULL;

	if (in->block1 >= 0 &&
		((in->block1 & BLOCK_MORE) || in->block1 >> BLOCK_NUMBER_SHIFT > 0)) {
		refuse(pending, COAP_CODE(4, 13), "send the body in one datagram", -1,
			AWAY_OVER_LIMIT);
		return true;
	}
	if (in->payload.size > pending->lan->limits->value[LIMIT_BODY]) {
		lan_limit_reached(pending->lan, LIMIT_BODY);
		refuse(pending, COAP_CODE(4, 13), "body too large", -1, AWAY_OVER_LIMIT);
		return true;
	}
	if (in->block2 >= 0 && in->block2 >> BLOCK_NUMBER_SHIFT > 0)
		why = "there is no such block";
	else if (in->eps > 1)
		why = "more than one ep";
	else if (in->ep.data && ep_check(in->ep, &why) == 0)
		span_to_string(in->ep, request->ep, sizeof(request->ep));
	if (!why && in->value_name.size > 0 &&
		(!span_is_printable(in->value_name) ||
			span_to_string(in->value_name, request->value_name,
				sizeof(request->value_name)) < 0))
		why = "n must be 1 to 64 printable characters";
	if (why)
		refuse(pending, CODE_BAD_REQUEST, why, -1, AWAY_MALFORMED);
	return why != NULL;
}

static void answer_repeat(struct pending *pending, const struct answer_kept *kept)
{
	pending->lan->stats.retransmissions++;
	if (kept->code == 0)
		return; /* it was silence */
	lan_reply(pending->lan, pending->session, &pending->in.frame, pending->peer.verified,
		(struct answer_parts){.code = kept->code,
			.format = kept->format,
			.max_age = kept->max_age,
			.block1 = pending->in.block1,
			.location_id = kept->location_id,
			.payload = kept->payload});
}

/* After our restart nobody is verified, but a reading that is on disk may still be repeated by its
 * device: it is answered before anything is asked. True when it was. */
static bool remembered_serve(struct pending *pending)
{
	char ep[EP_MAX + 1] = "";
	const struct request_id id = {
		.address = &pending->peer.address, .ep = ep, .key = &pending->in.frame.key};
	struct answer_kept kept;

	if (pending->in.ep.size > 0 && span_to_string(pending->in.ep, ep, sizeof(ep)) < 0)
		return false;
	if (!retransmissions_find_answer(pending->lan->seen, &id, clock_boot_usec(), &kept))
		return false;
	answer_repeat(pending, &kept);
	return true;
}

/* True when the request was seen before and is dealt with. */
static bool retransmission_serve(struct pending *pending, const struct request_id *id)
{
	struct lan *lan = pending->lan;
	struct answer_kept kept;

	switch (retransmissions_check(lan->seen, id, clock_boot_usec(), &kept)) {
	case RETRANSMISSION_NONE:
		return false;
	case RETRANSMISSION_PENDING:
		break;
	case RETRANSMISSION_SEPARATE:
		lan_acknowledge(lan, pending->session, id->key->message_id);
		break;
	case RETRANSMISSION_ANSWERED:
		answer_repeat(pending, &kept);
		return true;
	}
	lan->stats.retransmissions++;
	return true;
}

static void hand_over(struct pending *pending, struct lan_request *request)
{
	struct lan *lan = pending->lan;
	const struct request_id id = {.address = &pending->peer.address,
		.ep = request->ep,
		.key = &pending->in.frame.key};

	if (retransmission_serve(pending, &id))
		return;
	if (lan->held.count + lan->late.count >= lan->limits->value[LIMIT_HELD_ANSWERS]) {
		lan_limit_reached(lan, LIMIT_HELD_ANSWERS);
		retransmissions_forget(lan->seen, &id);
		refuse(pending, COAP_CODE(5, 3), "too many requests wait", HELD_MAX_AGE,
			AWAY_OVER_LIMIT);
		return;
	}
	struct lan_exchange *exchange = lan_exchange_new(
		lan, pending->session, &pending->peer, request->ep, &pending->in.frame);
	if (!exchange) {
		retransmissions_forget(lan->seen, &id);
		refuse(pending, COAP_CODE(5, 3), NULL, HELD_MAX_AGE, AWAY_OVER_LIMIT);
		return;
	}
	request->peer = lan_exchange_peer(exchange);
	request->exchange = exchange;
	lan->ops.request(lan->userdata, request);
}

static void resource_serve(struct pending *pending)
{
	const struct inbound *in = &pending->in;
	const struct resource_row *row = resource_find(in);
	struct lan_request request = {
		.method = in->method,
		.content_format = in->content_format,
		.accept = in->accept,
		.payload = in->payload,
		.key = in->frame.key,
		.confirmable = in->frame.key.confirmable,
		.no_response_success = in->frame.no_response & 2,
	};

	if (!row || !(row->methods & METHOD(in->method))) {
		refuse(pending, row ? COAP_CODE(4, 5) : COAP_CODE(4, 4), NULL, -1, AWAY_MALFORMED);
		return;
	}
	if (row->needs_echo && !pending->peer.verified) {
		if (!remembered_serve(pending))
			echo_ask(pending);
		return;
	}
	request.resource = row->resource;
	if (row->has_id)
		span_to_string(in->segment[1], request.device_id, sizeof(request.device_id));
	if (!content_refused(pending, &request))
		hand_over(pending, &request);
}

static void request_arrived(coap_resource_t *resource, coap_session_t *session,
	const coap_pdu_t *pdu, const coap_string_t *query, coap_pdu_t *response)
{
	struct lan *lan = coap_resource_get_userdata(resource);
	struct pending pending = {.lan = lan, .session = session};

	(void)query;
	/* Code 0 and type NON: libcoap sends nothing. */
	coap_pdu_set_type(response, COAP_MESSAGE_NON);
	/* Somebody asks the socket of one of our own questions: we serve on our port only. */
	if (coap_session_get_type(session) == COAP_SESSION_TYPE_CLIENT)
		return;
	unsigned index = (unsigned)coap_session_get_ifindex(session);
	const char *interface = lan_interface_by_index(lan, index);
	if (!interface)
		return;
	lan->stats.requests++;
	inbound_read(pdu, &pending.in);
	address_from_sockaddr(
		&coap_session_get_addr_remote(session)->addr.sa, interface, &pending.peer.address);
	pending.peer.interface_index = index;
	pending.peer.trust = TRUST_PLAIN;
	echo_note(&pending);
	if (is_well_known(&pending.in))
		well_known_serve(
			&pending, coap_is_mcast(coap_session_get_addr_local(session)), response);
	else
		resource_serve(&pending);
}

static int resource_add(struct lan *lan, coap_resource_t *resource)
{
	if (!resource)
		return -ENOMEM;
	for (int method = COAP_REQUEST_GET; method <= COAP_REQUEST_IPATCH; method++)
		coap_register_request_handler(resource, (coap_request_t)method, request_arrived);
	coap_resource_set_userdata(resource, lan);
	coap_add_resource(lan->context, resource);
	return 0;
}

int lan_resources_add(struct lan *lan)
{
	static const char path[] = ".well-known/core";
	coap_str_const_t name = {sizeof(path) - 1, (const uint8_t *)path};
	int r = resource_add(lan, coap_resource_unknown_init(request_arrived));

	if (r < 0)
		return r;
	return resource_add(lan, coap_resource_init(&name, COAP_RESOURCE_FLAGS_HAS_MCAST_SUPPORT));
}
