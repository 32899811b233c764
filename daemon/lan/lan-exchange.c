/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exchanges: requests whose answer comes later. The handler of libcoap leaves its response without
 * a code and of type NON, and libcoap sends nothing. When the host answers (after the commit, say)
 * we send an ACK with the request's message id and token: two datagrams for a reading.
 *
 * RFC 7252 4.8.2 allows a server 2 s before the first retransmission, so after 1 s without an
 * answer the request is acknowledged with an empty ACK, and the answer becomes a CON of its own. It
 * is kept in view until it is acknowledged, because libcoap repeats it and holds memory for it; one
 * peer may have 16 of these under way, and what is above goes out as NON. Unverified sources never
 * get a separate answer, let alone one that is repeated.
 *
 * Nobody waits for ever: an exchange that may expire is answered with 5.03 after 10 s, before its
 * sender gives up and does not know what became of it. Its owner hears of that when it answers: the
 * answer goes nowhere then (lan_exchange_is_expired()).
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/loop.h"
#include "lan/lan-internal.h"

#define EMPTY_ACK_USEC	   (1 * USEC_PER_SEC)
#define OVERDUE_USEC	   (10 * USEC_PER_SEC)
#define OVERDUE_MAX_AGE	   30
#define SEPARATE_MAX	   16 /* CON answers under way to one peer */
#define PAYLOAD_MAX	   1024
#define TRANSMIT_WAIT_USEC (93 * USEC_PER_SEC)

struct lan_exchange {
	struct lan_exchange *older, *newer;
	struct exchange_list *list;
	struct lan *lan;
	coap_session_t *session; /* referenced; NULL: it ended */
	struct lan_peer peer;
	char name[PEER_NAME_SIZE]; /* peer_name() */
	struct request_frame frame;
	bool acknowledged;
	bool expires; /* see lan_exchange_expire() */
	bool expired; /* answered with 5.03; its owner does not know yet */
	uint16_t separate_mid;
	uint64_t since_usec;
};

static void list_append(struct exchange_list *list, struct lan_exchange *exchange)
{
	exchange->list = list;
	exchange->newer = NULL;
	exchange->older = list->last;
	if (list->last)
		list->last->newer = exchange;
	else
		list->first = exchange;
	list->last = exchange;
	list->count++;
}

static void list_remove(struct lan_exchange *exchange)
{
	struct exchange_list *list = exchange->list;

	if (exchange->older)
		exchange->older->newer = exchange->newer;
	else
		list->first = exchange->newer;
	if (exchange->newer)
		exchange->newer->older = exchange->older;
	else
		list->last = exchange->older;
	list->count--;
	exchange->list = NULL;
}

static void exchange_free(struct lan_exchange *exchange)
{
	if (exchange->list)
		list_remove(exchange);
	if (exchange->session)
		coap_session_release(exchange->session);
	free(exchange);
}

static struct request_id exchange_id(const struct lan_exchange *exchange)
{
	return (struct request_id){.address = peer_place(&exchange->peer),
		.ep = exchange->name,
		.key = &exchange->frame.key};
}

bool message_send(struct lan *lan, coap_session_t *session, coap_pdu_t *pdu)
{
	if (!pdu)
		return false;
	/* libcoap would begin a handshake of its own over a session that has ended. */
	if (!session || coap_session_get_state(session) != COAP_SESSION_STATE_ESTABLISHED) {
		coap_delete_pdu(pdu);
		return false;
	}
	lan->touched = true;
	return coap_send(session, pdu) != COAP_INVALID_MID; /* it frees the PDU */
}

void lan_acknowledge(struct lan *lan, coap_session_t *session, uint16_t mid)
{
	message_send(lan, session, coap_pdu_init(COAP_MESSAGE_ACK, COAP_EMPTY_CODE, mid, 0));
}

static bool answer_unwanted(const struct request_frame *frame, uint8_t code)
{
	return code >> 5 > 0 && (frame->no_response >> ((code >> 5) - 1) & 1);
}

size_t lan_reply(struct lan *lan, coap_session_t *session, const struct request_frame *frame,
	bool verified, struct answer_parts parts)
{
	bool confirmable = frame->key.confirmable;
	size_t budget = message_budget(frame->size);

	budget = budget > frame->spent ? budget - frame->spent : 0;
	if (answer_unwanted(frame, parts.code)) {
		lan->stats.silenced++;
		if (confirmable)
			lan_acknowledge(lan, session, frame->key.message_id);
		return 0;
	}
	if (!verified && !message_trim(&frame->key, budget, &parts)) {
		lan->stats.silenced++;
		return 0;
	}
	uint16_t mid = confirmable ? frame->key.message_id : coap_new_message_id(session);
	coap_pdu_t *pdu = message_build(
		confirmable ? COAP_MESSAGE_ACK : COAP_MESSAGE_NON, mid, &frame->key, &parts);
	if (!message_send(lan, session, pdu))
		return 0;
	lan->stats.answers++;
	return message_size(&frame->key, &parts);
}

static int held_due(sd_event_source *source, uint64_t usec, void *userdata);

/* Armed once for the oldest; the others are looked at when it fires. */
static void held_timer_set(struct lan *lan, uint64_t delay_usec)
{
	if (lan->held_timer_set)
		return;
	if (loop_timer_set(lan->loop, &lan->held_timer, delay_usec, held_due, lan, "coap-held") >=
		0)
		lan->held_timer_set = true;
}

static int held_due(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct lan *lan = userdata;
	uint64_t now = clock_boot_usec();
	struct lan_exchange *exchange;

	(void)source;
	(void)usec;
	lan->held_timer_set = false;
	while ((exchange = lan->held.first)) {
		uint64_t age = now - exchange->since_usec;
		if (age < EMPTY_ACK_USEC) {
			held_timer_set(lan, EMPTY_ACK_USEC - age);
			return 0;
		}
		const struct request_id id = exchange_id(exchange);
		list_remove(exchange);
		list_append(&lan->late, exchange);
		exchange->acknowledged = true;
		lan->stats.separate++;
		if (exchange->session)
			lan_acknowledge(lan, exchange->session, exchange->frame.key.message_id);
		retransmissions_acked(lan->seen, &id);
	}
	return 0;
}

/* --- overdue --- */

/* The 5.03 goes out by a copy, for it is to be acknowledged; what the owner has stays its own. */
static void expire(struct lan_exchange *exchange)
{
	struct lan_exchange *copy = malloc(sizeof(*copy));

	if (!copy)
		return; /* the next look tries again */
	*copy = *exchange;
	copy->list = NULL;
	if (copy->session)
		coap_session_reference(copy->session);
	list_append(&exchange->lan->late, copy);
	exchange->expired = true;
	lan_turn_away(exchange->lan, AWAY_STORE_FULL, &exchange->peer.address);
	lan_answer_text(copy, COAP_CODE(5, 3), "the disk is too slow", OVERDUE_MAX_AGE);
}

static int overdue_due(sd_event_source *source, uint64_t usec, void *userdata);

static void overdue_timer_set(struct lan *lan, uint64_t delay_usec)
{
	if (!lan->overdue_timer_set)
		lan->overdue_timer_set = loop_timer_set(lan->loop, &lan->overdue_timer, delay_usec,
						 overdue_due, lan, "coap-overdue") >= 0;
}

static int overdue_due(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct lan *lan = userdata;
	uint64_t now = clock_boot_usec(), oldest = now;
	bool any = false;

	lan->overdue_timer_set = false;
	for (struct lan_exchange *at = lan->late.first, *newer; at; at = newer) {
		newer = at->newer;
		if (!at->expires || at->expired)
			continue;
		if (now - at->since_usec >= OVERDUE_USEC) {
			expire(at);
			any = any || !at->expired;
			continue;
		}
		any = true;
		if (at->since_usec < oldest)
			oldest = at->since_usec;
	}
	for (const struct lan_exchange *at = lan->held.first; at; at = at->newer)
		any = any || at->expires;
	if (any)
		overdue_timer_set(lan, OVERDUE_USEC - (now - oldest));
	return 0;
}

void lan_exchange_expire(struct lan_exchange *exchange)
{
	/* Who waits for no answer, or wants none of this kind, would not send it again. */
	if (!exchange->frame.key.confirmable || answer_unwanted(&exchange->frame, COAP_CODE(5, 3)))
		return;
	exchange->expires = true;
	overdue_timer_set(exchange->lan, OVERDUE_USEC);
}

bool lan_exchange_is_expired(const struct lan_exchange *exchange)
{
	return exchange->expired;
}

struct lan_exchange *lan_exchange_new(struct lan *lan, coap_session_t *session,
	const struct lan_peer *peer, const char *ep, const struct request_frame *frame)
{
	struct lan_exchange *exchange = calloc(1, sizeof(*exchange));
	char name[PEER_NAME_SIZE];

	if (!exchange)
		return NULL;
	exchange->lan = lan;
	exchange->session = coap_session_reference(session);
	exchange->peer = *peer;
	snprintf(exchange->name, sizeof(exchange->name), "%s", peer_name(peer, ep, name));
	exchange->frame = *frame;
	exchange->since_usec = clock_boot_usec();
	if (frame->key.confirmable && peer->verified) {
		list_append(&lan->held, exchange);
		held_timer_set(lan, EMPTY_ACK_USEC);
	} else {
		list_append(&lan->late, exchange);
	}
	return exchange;
}

/* Inside of a session nobody but libcoap sees acknowledgements; by then it has given up. */
static void separated_forget(struct lan *lan)
{
	uint64_t now = clock_boot_usec();

	for (struct lan_exchange *at = lan->separated.first, *newer; at; at = newer) {
		newer = at->newer;
		if (at->peer.identity[0] && now - at->since_usec > TRANSMIT_WAIT_USEC)
			exchange_free(at);
	}
}

static size_t separate_count(const struct lan *lan, const coap_session_t *session)
{
	size_t count = 0;

	for (const struct lan_exchange *at = lan->separated.first; at; at = at->newer)
		count += at->session == session;
	return count;
}

/* The answer after an empty ACK. Keeps the exchange when a CON went out; true then. */
static bool separate_send(struct lan_exchange *exchange, const struct answer_parts *parts)
{
	struct lan *lan = exchange->lan;

	if (!exchange->session)
		return false;
	separated_forget(lan);
	bool repeat = lan->separated.count < lan->limits->value[LIMIT_HELD_ANSWERS] &&
		      separate_count(lan, exchange->session) < SEPARATE_MAX;
	uint16_t mid = coap_new_message_id(exchange->session);

	/* Else libcoap would queue what is above one, for 93 s each. */
	coap_session_set_nstart(exchange->session, SEPARATE_MAX);
	if (!message_send(lan, exchange->session,
		    message_build(repeat ? COAP_MESSAGE_CON : COAP_MESSAGE_NON, mid,
			    &exchange->frame.key, parts)))
		return false;
	lan->stats.answers++;
	if (!repeat)
		return false;
	exchange->separate_mid = mid;
	exchange->since_usec = clock_boot_usec();
	list_remove(exchange);
	list_append(&lan->separated, exchange);
	return true;
}

void lan_exchange_settled(
	struct lan *lan, const struct device_address *address, uint16_t message_id)
{
	for (struct lan_exchange *at = lan->separated.first; at; at = at->newer) {
		if (at->peer.identity[0] || at->separate_mid != message_id ||
			at->peer.address.port != address->port ||
			memcmp(&at->peer.address.ip, &address->ip, sizeof(address->ip)) != 0)
			continue;
		exchange_free(at);
		return;
	}
}

static void answer_keep(const struct lan_exchange *exchange, const struct answer_parts *parts)
{
	const struct request_id id = exchange_id(exchange);
	struct answer_kept kept = {
		.code = parts->code,
		.format = parts->format,
		.max_age = parts->max_age,
		.location = parts->location,
		.payload = parts->payload,
	};

	/* Asked again it is registered again. */
	if (parts->observed) {
		retransmissions_forget(exchange->lan->seen, &id);
		return;
	}
	if (parts->location_id)
		strncpy(kept.location_id, parts->location_id, sizeof(kept.location_id) - 1);
	retransmissions_answered(exchange->lan->seen, &id, &kept);
}

void exchange_answer(struct lan_exchange *exchange, struct answer_parts parts)
{
	struct lan *lan = exchange->lan;

	if (exchange->expired) {
		exchange_free(exchange);
		return;
	}
	parts.block1 = exchange->frame.block1;
	answer_keep(exchange, &parts);
	if (!exchange->session) {
		lan->stats.silenced++;
	} else if (!exchange->acknowledged) {
		lan_reply(lan, exchange->session, &exchange->frame, exchange->peer.verified, parts);
	} else if (answer_unwanted(&exchange->frame, parts.code)) {
		lan->stats.silenced++;
	} else if (separate_send(exchange, &parts)) {
		return;
	}
	exchange_free(exchange);
}

const struct request_frame *exchange_frame(const struct lan_exchange *exchange)
{
	return &exchange->frame;
}

struct lan *exchange_lan(const struct lan_exchange *exchange)
{
	return exchange->lan;
}

coap_session_t *exchange_session(const struct lan_exchange *exchange)
{
	return exchange->session;
}

struct answer_parts answer_parts_of(const struct lan_answer *answer)
{
	struct answer_parts parts = {
		.code = answer->code,
		.format = answer->format,
		.max_age = answer->max_age,
		.location_id = answer->location_id,
		.location = answer->location,
		.payload = answer->payload,
		.block1 = -1,
	};

	if (parts.payload.size > PAYLOAD_MAX) {
		log_error(
			"An answer of %zu bytes does not fit into a datagram.", parts.payload.size);
		parts.code = COAP_CODE(5, 0);
		parts.format = -1;
		parts.payload = (struct span){NULL, 0};
	}
	return parts;
}

void lan_answer(struct lan_exchange *exchange, const struct lan_answer *answer)
{
	exchange_answer(exchange, answer_parts_of(answer));
}

void lan_answer_text(struct lan_exchange *exchange, uint8_t code, const char *text, int64_t max_age)
{
	exchange_answer(exchange, (struct answer_parts){.code = code,
					  .format = -1,
					  .max_age = max_age,
					  .payload = span_from_string(text)});
}

void lan_silence(struct lan_exchange *exchange)
{
	const struct answer_kept silence = {.code = 0, .format = -1, .max_age = -1};
	const struct request_id id = exchange_id(exchange);

	retransmissions_answered(exchange->lan->seen, &id, &silence);
	exchange->lan->stats.silenced++;
	exchange_free(exchange);
}

const struct lan_peer *lan_exchange_peer(const struct lan_exchange *exchange)
{
	return &exchange->peer;
}

void lan_exchanges_orphan(struct lan *lan, const coap_session_t *session)
{
	struct exchange_list *lists[] = {&lan->held, &lan->late, &lan->separated};

	for (size_t i = 0; i < ELEMENTS(lists); i++)
		for (struct lan_exchange *at = lists[i]->first, *newer; at; at = newer) {
			newer = at->newer;
			if (at->session != session)
				continue;
			coap_session_release(at->session);
			at->session = NULL;
			if (lists[i] == &lan->separated)
				exchange_free(at);
		}
}

void lan_exchanges_drop(struct lan *lan)
{
	struct exchange_list *lists[] = {&lan->held, &lan->late, &lan->separated};

	for (size_t i = 0; i < ELEMENTS(lists); i++)
		while (lists[i]->first)
			exchange_free(lists[i]->first);
}
