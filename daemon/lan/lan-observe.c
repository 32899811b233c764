/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Observers of what we serve (RFC 7641). Who observes what is the host's business; here is how the
 * answer gets there again and again: as a CON with the token of the first request. CON always,
 * because a notification tells a device that it is wanted, and because one that is not acknowledged
 * is how we learn that nobody listens any more (section 4.5).
 *
 * Inside of a DTLS session nobody but libcoap sees the acknowledgement; there the next notification
 * does not wait for it, and one that is never acknowledged is told by libcoap when it gives up. A
 * session that ends takes its observers along.
 *
 * The sequence number goes up with each notification (section 4.4: 24 bits are enough, and the
 * first is that of the answer).
 */

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "lan/lan-internal.h"

#define SEQUENCE_MASK 0xffffffU
#define PAYLOAD_MAX   1024

struct lan_observer {
	struct lan_observer *next;
	struct lan *lan;
	coap_session_t *session; /* referenced */
	struct lan_peer peer;
	struct request_key key;
	void *userdata;
	uint32_t sequence;
	bool sending; /* a CON with 'message_id' is not acknowledged yet */
	uint16_t message_id;
	bool waits; /* 'latest' is to be sent when it is */
	struct lan_answer latest;
	uint8_t payload[PAYLOAD_MAX];
};

static uint32_t next_sequence(struct lan_observer *observer)
{
	observer->sequence = (observer->sequence + 1) & SEQUENCE_MASK;
	return observer->sequence;
}

struct lan_observer *lan_observer_free(struct lan_observer *observer)
{
	struct lan_observer **at;

	if (!observer)
		return NULL;
	at = &observer->lan->observers.first;
	while (*at != observer)
		at = &(*at)->next;
	*at = observer->next;
	observer->lan->observers.count--;
	coap_session_release(observer->session);
	free(observer);
	return NULL;
}

static struct lan_observer *observer_new(struct lan_exchange *exchange, void *userdata)
{
	const struct lan_peer *peer = lan_exchange_peer(exchange);
	const struct request_frame *frame = exchange_frame(exchange);
	struct lan *lan = exchange_lan(exchange);
	struct lan_observer *observer;

	if (!exchange_session(exchange)) /* it ended meanwhile */
		return NULL;
	if (lan->observers.count >= lan->limits->value[LIMIT_OBSERVERS]) {
		lan_limit_reached(lan, LIMIT_OBSERVERS);
		return NULL;
	}
	observer = calloc(1, sizeof(*observer));
	if (!observer)
		return NULL;
	observer->lan = lan;
	observer->session = coap_session_reference(exchange_session(exchange));
	observer->peer = *peer;
	observer->key = frame->key;
	observer->userdata = userdata;
	observer->next = lan->observers.first;
	lan->observers.first = observer;
	lan->observers.count++;
	return observer;
}

struct lan_observer *lan_observe(
	struct lan_exchange *exchange, const struct lan_answer *answer, void *userdata)
{
	struct lan_observer *observer = observer_new(exchange, userdata);
	struct answer_parts parts = answer_parts_of(answer);

	if (observer) {
		parts.observed = true;
		parts.observe = next_sequence(observer);
	}
	exchange_answer(exchange, parts);
	return observer;
}

/* False: it could not be sent. */
static bool notification_send(struct lan_observer *observer)
{
	struct answer_parts parts = answer_parts_of(&observer->latest);
	uint16_t message_id = coap_new_message_id(observer->session);

	parts.observed = true;
	parts.observe = next_sequence(observer);
	observer->waits = false;
	if (!message_send(observer->lan, observer->session,
		    message_build(COAP_MESSAGE_CON, message_id, &observer->key, &parts)))
		return false;
	observer->sending = !observer->peer.identity[0];
	observer->message_id = message_id;
	observer->lan->stats.answers++;
	return true;
}

void lan_notify(struct lan_observer *observer, const struct lan_answer *answer)
{
	size_t size = answer->payload.size < PAYLOAD_MAX ? answer->payload.size : PAYLOAD_MAX;

	observer->latest = *answer;
	if (size > 0)
		memcpy(observer->payload, answer->payload.data, size);
	observer->latest.payload = span_of(observer->payload, size);
	observer->latest.location_id = NULL;
	observer->waits = true;
	if (!observer->sending)
		notification_send(observer);
}

bool lan_observer_is(const struct lan_observer *observer, const struct lan_exchange *exchange)
{
	const struct request_key *key = &exchange_frame(exchange)->key;

	return observer && exchange_session(exchange) == observer->session &&
	       key->token_size == observer->key.token_size &&
	       !memcmp(key->token, observer->key.token, key->token_size);
}

const struct lan_peer *lan_observer_peer(const struct lan_observer *observer)
{
	return &observer->peer;
}

static void observer_lose(struct lan_observer *observer)
{
	struct lan *lan = observer->lan;
	void *userdata = observer->userdata;

	lan_observer_free(observer);
	if (lan->ops.unobserved)
		lan->ops.unobserved(lan->userdata, userdata);
}

void lan_observers_orphan(struct lan *lan, const coap_session_t *session)
{
	struct lan_observer *at = lan->observers.first;

	while (at) {
		struct lan_observer *next = at->next;

		if (at->session == session)
			observer_lose(at);
		at = next;
	}
}

void lan_observer_settled(
	struct lan *lan, const struct device_address *address, uint16_t message_id, bool taken)
{
	struct lan_observer *at = lan->observers.first;

	while (at &&
		((!at->sending && (taken || !at->peer.identity[0])) ||
			at->message_id != message_id || at->peer.address.port != address->port ||
			memcmp(&at->peer.address.ip, &address->ip, sizeof(address->ip)) != 0))
		at = at->next;
	if (!at)
		return;
	at->sending = false;
	if (taken && (!at->waits || notification_send(at)))
		return;
	observer_lose(at);
}

void lan_observers_drop(struct lan *lan)
{
	while (lan->observers.first)
		observer_lose(lan->observers.first);
}
