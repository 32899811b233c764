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
#include "lan/lan-secure.h"

#define HELD_MAX_AGE	      2 /* seconds, with the 5.03 over the limit of held answers */
#define UNVERIFIED_AGE	      5 /* till the probe of a source that sends blocks has been answered */
#define BLOCK2_NUMBER(option) ((uint32_t)(option) >> 4)

#define CODE_BAD_REQUEST COAP_CODE(4, 0)
#define METHOD(method)	 (1u << (method))
#define PATH_MAX_PARTS	 3
/* Header, rd, the id behind a name: see registry_make_id(). */
#define LOCATION_ANSWER_MAX (4 + 3 + 2 + 11)

/* Who may come without having shown that it is there. */
enum admission_rule {
	RULE_OPEN,  /* anybody */
	RULE_ECHO,  /* nobody: 4.01 + Echo */
	RULE_PROBE, /* anybody, and is asked a question beside (clients that do not know Echo) */
};

static const struct resource_row {
	const char *path[PATH_MAX_PARTS]; /* "*": a device's id */
	unsigned methods;
	enum admission_rule rule;
	bool blocks; /* its body may come in blocks */
	enum lan_resource resource;
} resource_rows[] = {
	{{"enrol"}, METHOD(LAN_POST), RULE_ECHO, true, LAN_ENROL},
	{{"t"}, METHOD(LAN_POST), RULE_ECHO, true, LAN_TELEMETRY},
	{{"time"}, METHOD(LAN_GET), RULE_OPEN, false, LAN_TIME},
	{{"d", "*"}, METHOD(LAN_GET), RULE_ECHO, false, LAN_DEVICE},
	{{"d", "*", "c"}, METHOD(LAN_GET) | METHOD(LAN_POST), RULE_ECHO, false, LAN_DEVICE_COMMAND},
	{{"rd"}, METHOD(LAN_POST), RULE_PROBE, true, LAN_RD},
	{{"rd", "*"}, METHOD(LAN_POST) | METHOD(LAN_DELETE), RULE_PROBE, false, LAN_RD_ENTRY},
	{{".well-known", "rd"}, METHOD(LAN_POST), RULE_PROBE, false, LAN_RD_SIMPLE},
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

static bool path_fits(const struct resource_row *row, const struct inbound *in)
{
	unsigned parts = 0;

	for (; parts < PATH_MAX_PARTS && row->path[parts]; parts++) {
		if (parts >= in->segments)
			return false;
		bool fits = row->path[parts][0] == '*'
				    ? id_is_plausible(in->segment[parts])
				    : span_equal(in->segment[parts],
					      span_from_string(row->path[parts]));
		if (!fits)
			return false;
	}
	return parts == in->segments;
}

static const struct resource_row *resource_find(const struct inbound *in)
{
	for (size_t i = 0; i < ELEMENTS(resource_rows); i++)
		if (path_fits(&resource_rows[i], in))
			return &resource_rows[i];
	return NULL;
}

static bool has_id(const struct resource_row *row)
{
	return row->path[1] && row->path[1][0] == '*';
}

static bool is_well_known(const struct inbound *in)
{
	return in->segments == 2 && span_equal(in->segment[0], SPAN_LITERAL(".well-known")) &&
	       span_equal(in->segment[1], SPAN_LITERAL("core"));
}

void pending_refuse(struct pending *pending, uint8_t code, const char *text, int64_t max_age,
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

/* The session says who speaks: the name may be left out, and be no other one. NULL, or what
 * is wrong. */
static const char *name_of_session(const struct pending *pending, struct lan_request *request)
{
	const char *name = pending->peer.name;

	if (request->ep[0] && strcmp(request->ep, name) != 0)
		return "ep is not the name of this session";
	memcpy(request->ep, name, sizeof(request->ep));
	return NULL;
}

/* What a source may be told in words. True when the request is refused. */
static bool content_refused(
	struct pending *pending, const struct resource_row *row, struct lan_request *request)
{
	const struct inbound *in = &pending->in;
	const char *why = NULL;

	if (in->payload.size > pending->lan->limits->value[LIMIT_BODY]) {
		lan_limit_reached(pending->lan, LIMIT_BODY);
		pending_refuse(pending, COAP_CODE(4, 13), "body too large", -1, AWAY_OVER_LIMIT);
		return true;
	}
	if (in->block2 >= 0 && BLOCK2_NUMBER(in->block2) > 0)
		why = "there is no such block";
	else if (in->eps > 1)
		why = "more than one ep";
	else if (in->ep.data && ep_check(in->ep, &why) == 0)
		span_to_string(in->ep, request->ep, sizeof(request->ep));
	if (!why && pending->peer.trust >= TRUST_PSK)
		why = name_of_session(pending, request);
	if (!why && in->value_name.size > 0 &&
		(!span_is_printable(in->value_name) ||
			span_to_string(in->value_name, request->value_name,
				sizeof(request->value_name)) < 0))
		why = "n must be 1 to 64 printable characters";
	if (!why && row->rule == RULE_PROBE)
		rd_parameters_read(&in->rd, &pending->peer.address, &request->rd, &why);
	if (why)
		pending_refuse(pending, CODE_BAD_REQUEST, why, -1, AWAY_MALFORMED);
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
			.location = (enum lan_location)kept->location,
			.payload = kept->payload});
}

/* After our restart nobody is verified, but a reading that is on disk may still be repeated by its
 * device: it is answered before anything is asked. True when it was. */
static bool remembered_serve(struct pending *pending)
{
	char ep[EP_MAX + 1] = "";
	char name[PEER_NAME_SIZE];
	struct request_id id = {
		.address = peer_place(&pending->peer), .key = &pending->in.frame.key};
	struct answer_kept kept;

	if (pending->in.ep.size > 0 && span_to_string(pending->in.ep, ep, sizeof(ep)) < 0)
		return false;
	id.ep = peer_name(&pending->peer, ep, name);
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

/* True when the body came in blocks and this one is dealt with: it is not the last one, or one of
 * a row or a source that may not send any. */
static bool blocks_serve(
	struct pending *pending, const struct resource_row *row, struct lan_request *request)
{
	const struct inbound *in = &pending->in;

	if (in->block1 < 0 || (BLOCK1_NUMBER(in->block1) == 0 && !BLOCK1_MORE(in->block1)))
		return false;
	if (!row->blocks) {
		lan_limit_reached(pending->lan, LIMIT_BODY);
		pending_refuse(pending, COAP_CODE(4, 13), "send the body in one datagram", -1,
			AWAY_OVER_LIMIT);
		return true;
	}
	/* Whose address may be forged gets no memory. */
	if (!pending->peer.verified) {
		verify_beside(pending, LOCATION_ANSWER_MAX + in->frame.key.token_size);
		pending_refuse(pending, COAP_CODE(5, 3), NULL, UNVERIFIED_AGE, AWAY_NO_ECHO);
		return true;
	}
	return !blocks_take(pending, &request->payload);
}

static void hand_over(struct pending *pending, struct lan_request *request)
{
	struct lan *lan = pending->lan;
	char name[PEER_NAME_SIZE];
	const struct request_id id = {.address = peer_place(&pending->peer),
		.ep = peer_name(&pending->peer, request->ep, name),
		.key = &pending->in.frame.key};

	if (lan->held.count + lan->late.count >= lan->limits->value[LIMIT_HELD_ANSWERS]) {
		lan_limit_reached(lan, LIMIT_HELD_ANSWERS);
		retransmissions_forget(lan->seen, &id);
		pending_refuse(pending, COAP_CODE(5, 3), "too many requests wait", HELD_MAX_AGE,
			AWAY_OVER_LIMIT);
		return;
	}
	struct lan_exchange *exchange = lan_exchange_new(
		lan, pending->session, &pending->peer, request->ep, &pending->in.frame);
	if (!exchange) {
		retransmissions_forget(lan->seen, &id);
		pending_refuse(pending, COAP_CODE(5, 3), NULL, HELD_MAX_AGE, AWAY_OVER_LIMIT);
		return;
	}
	request->peer = lan_exchange_peer(exchange);
	request->exchange = exchange;
	lan->ops.request(lan->userdata, request);
}

/* Everything but the last block is a request of its own, and answered here. The last one stands for
 * the whole: it is what a retransmission repeats. Of a source that is not verified nothing is
 * remembered; what it may ask does no harm when it is done twice. */
static void request_serve(
	struct pending *pending, const struct resource_row *row, struct lan_request *request)
{
	const struct inbound *in = &pending->in;
	char name[PEER_NAME_SIZE];
	const struct request_id id = {.address = peer_place(&pending->peer),
		.ep = peer_name(&pending->peer, request->ep, name),
		.key = &in->frame.key};
	bool remembered = pending->peer.verified && (in->block1 < 0 || !BLOCK1_MORE(in->block1));

	if (remembered && retransmission_serve(pending, &id))
		return;
	if (blocks_serve(pending, row, request)) {
		if (remembered)
			retransmissions_forget(pending->lan->seen, &id);
		return;
	}
	/* The longest answer to who is not verified: Location-Path rd/<id>. */
	if (row->rule == RULE_PROBE)
		verify_beside(pending,
			LOCATION_ANSWER_MAX + in->frame.key.token_size + strlen(request->ep));
	hand_over(pending, request);
	block1_taken(pending->lan->blocks);
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
		.observe = in->method == LAN_GET && in->observe == 0,
	};

	if (!row || !(row->methods & METHOD(in->method))) {
		pending_refuse(
			pending, row ? COAP_CODE(4, 5) : COAP_CODE(4, 4), NULL, -1, AWAY_MALFORMED);
		return;
	}
	if (row->rule == RULE_ECHO && !pending->peer.verified) {
		if (!remembered_serve(pending))
			verify_ask(pending);
		return;
	}
	request.resource = row->resource;
	if (has_id(row))
		span_to_string(in->segment[1], request.device_id, sizeof(request.device_id));
	if (!content_refused(pending, row, &request))
		request_serve(pending, row, &request);
}

static void request_arrived(coap_resource_t *resource, coap_session_t *session,
	const coap_pdu_t *pdu, const coap_string_t *query, coap_pdu_t *response)
{
	struct lan *lan = coap_resource_get_userdata(resource);
	struct pending pending = {.lan = lan, .session = session, .pdu = pdu};

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
	lan_address_of(lan, &coap_session_get_addr_remote(session)->addr.sa, interface,
		&pending.peer.address);
	pending.peer.interface_index = index;
	if (coap_session_get_proto(session) == COAP_PROTO_DTLS) {
		if (!lan_secure_describe(session, &pending.peer))
			return;
		lan_secure_heard(lan, session);
	} else {
		pending.peer.trust = TRUST_PLAIN;
		verify_note(&pending);
		lan_neighbour_note(lan, &pending.peer);
	}
	if (is_well_known(&pending.in))
		links_serve(
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
