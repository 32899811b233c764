/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What becomes of a datagram of the DTLS port:
 *
 *	ClientHello without our cookie       a HelloVerifyRequest; nothing is remembered
 *	ClientHello with it, no session      to libcoap: a handshake begins
 *	ClientHello with it, a session       the session is suspect: see lan-secure.c
 *	another record, of a known address   to libcoap
 *	another record                       silence
 *
 * The cookie is our Echo value of the address: one proof of reachability for both ports.
 */

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/loop.h"
#include "lan/lan-secure.h"

#define HANDSHAKE_USEC (30 * USEC_PER_SEC)
/* A handshake that is so young is not pushed out by another. */
#define HANDSHAKE_MIN_USEC (2 * USEC_PER_SEC)

/* Nothing comes of this handshake: libcoap forgets it, and us. */
static void handshake_end(struct lan *lan, struct handshake *handshake)
{
	const int interface_index = (int)handshake->interface_index;
	const struct device_address address = handshake->address;
	coap_address_t remote;
	coap_tick_t now;

	peer_table_remove(&lan->secure->handshakes, &handshake->entry);
	lan_turn_away(lan, AWAY_HANDSHAKE, &address);
	if (address_to_coap(&address, &remote) < 0)
		return;
	coap_session_t *session = coap_session_get_by_peer(lan->context, &remote, interface_index);
	if (!session || coap_session_get_proto(session) != COAP_PROTO_DTLS ||
		coap_session_get_type(session) == COAP_SESSION_TYPE_CLIENT ||
		coap_session_get_app_data(session))
		return;
	coap_session_disconnected(session, COAP_NACK_TLS_FAILED);
	coap_ticks(&now);
	coap_io_prepare_epoll(lan->context, now); /* frees it */
}

static int handshakes_due(sd_event_source *source, uint64_t usec, void *userdata);

static void handshakes_timer_set(struct lan *lan, uint64_t delay_usec)
{
	struct lan_secure *secure = lan->secure;

	if (!secure->handshake_timer_set &&
		loop_timer_set(lan->loop, &secure->handshake_timer, delay_usec, handshakes_due, lan,
			"coap-handshakes") >= 0)
		secure->handshake_timer_set = true;
}

/* With a wrong key the other end says something that we cannot read, and waits; neither side is
 * told. So a handshake has its time, and a person is told when it was in vain. */
static int handshakes_due(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct lan *lan = userdata;
	struct peer_entry *at = lan->secure->handshakes.oldest;
	uint64_t now = clock_boot_usec(), next = 0;

	(void)source;
	(void)usec;
	lan->secure->handshake_timer_set = false;
	while (at) {
		struct handshake *handshake = (struct handshake *)at;
		uint64_t age = now - handshake->since_usec;

		at = at->newer;
		if (age >= HANDSHAKE_USEC) {
			/* libcoap gets a turn in it, and may end others: from the beginning. */
			handshake_end(lan, handshake);
			at = lan->secure->handshakes.oldest;
		} else if (next == 0 || HANDSHAKE_USEC - age < next) {
			next = HANDSHAKE_USEC - age;
		}
	}
	if (next > 0)
		handshakes_timer_set(lan, next);
	return 0;
}

static unsigned handshake_count(struct peer_table *table, const struct device_address *address,
	struct handshake **ret_oldest)
{
	unsigned count = 0;

	*ret_oldest = NULL;
	for (struct peer_entry *at = table->oldest; at; at = at->newer) {
		struct handshake *handshake = (struct handshake *)at;

		if (address && !device_address_same_host(&handshake->address, address))
			continue;
		count++;
		if (!*ret_oldest || handshake->since_usec < (*ret_oldest)->since_usec)
			*ret_oldest = handshake;
	}
	return count;
}

/* A place among those who shake hands, in exchange for the oldest one that had its time: of the
 * same address, when that has its share. */
static bool handshake_make_room(struct lan *lan, const struct device_address *address, uint64_t now)
{
	struct peer_table *table = &lan->secure->handshakes;
	enum limit limit = LIMIT_HANDSHAKES_ADDRESS;
	struct handshake *oldest;

	if (handshake_count(table, address, &oldest) < lan->limits->value[limit]) {
		if (table->count < table->max)
			return true;
		limit = LIMIT_HANDSHAKES;
		handshake_count(table, NULL, &oldest);
	}
	lan_limit_reached(lan, limit);
	if (!oldest || now - oldest->since_usec < HANDSHAKE_MIN_USEC)
		return false;
	handshake_end(lan, oldest);
	return true;
}

static bool handshake_admit(
	struct lan *lan, const struct secure_arrival *arrival, const struct dtls_hello *hello)
{
	const struct device_address *address = &arrival->address;
	struct peer_table *table = &lan->secure->handshakes;
	struct handshake *handshake = (struct handshake *)secure_entry_find(table, address);
	uint64_t now = clock_boot_usec();
	struct peer_entry *entry;
	char port[8];

	if (handshake && memcmp(handshake->random, hello->random, DTLS_RANDOM_SIZE) == 0)
		return true;
	/* Another one from the same address and port: the device began anew, and libcoap would give
	 * the hello to the old handshake. */
	if (handshake)
		handshake_end(lan, handshake);
	if (!handshake_make_room(lan, address, now) ||
		peer_table_add(table, address, secure_port_text(address, port), &entry) < 0)
		return false;
	handshake = (struct handshake *)entry;
	handshake->address = *address;
	handshake->interface_index = arrival->interface_index;
	handshake->since_usec = now;
	handshakes_timer_set(lan, HANDSHAKE_USEC);
	memcpy(handshake->random, hello->random, DTLS_RANDOM_SIZE);
	return true;
}

static void hello_admit(struct lan *lan, const struct secure_arrival *arrival,
	const struct dtls_hello *hello, struct gate_result *result)
{
	const struct device_address *address = &arrival->address;
	uint64_t now = clock_boot_usec();
	uint8_t cookie[ECHO_SIZE];

	if (!echo_check(lan->echo, address, hello->cookie, now)) {
		if (echo_make(lan->echo, address, now, cookie) < 0)
			return;
		result->reply_size =
			dtls_verify_write(hello, span_of(cookie, sizeof(cookie)), result->reply);
		result->verdict = GATE_REPLY;
		return;
	}
	struct secure_peer *peer =
		(struct secure_peer *)secure_entry_find(&lan->secure->peers, address);
	if (peer)
		lan_secure_suspect(lan, peer);
	else if (handshake_admit(lan, arrival, hello))
		result->verdict = GATE_PASS;
}

static bool record_is_expected(
	struct lan *lan, const struct device_address *address, struct span bytes)
{
	struct secure_peer *peer =
		(struct secure_peer *)secure_entry_find(&lan->secure->peers, address);

	if (peer && lan_secure_is_over(peer)) {
		log_info("The certificate of the device %s %s: its session ends.", peer->who.name,
			peer->undated ? "was looked at without a clock, and is again now"
				      : "is over");
		lan_turn_away(lan, AWAY_CERTIFICATE, address);
		lan_secure_end(lan, peer, true);
		return false;
	}
	if (peer && !lan_secure_is_good(lan, peer)) {
		lan_secure_end(lan, peer, true);
		return false;
	}
	if (!peer && !secure_entry_find(&lan->secure->handshakes, address))
		return false;
	return dtls_shortest_record(bytes) >= (peer ? peer->overhead : DTLS_OVERHEAD_MIN);
}

void lan_secure_admit(
	struct lan *lan, const struct secure_arrival *arrival, struct gate_result *ret_result)
{
	const struct device_address *address = &arrival->address;
	struct span bytes = arrival->bytes;
	struct gate_result result = {.verdict = GATE_DROP};
	struct dtls_hello hello;

	if (arrival->size > GATE_DATAGRAM_MAX)
		bytes.size = 0;
	switch (dtls_look(bytes, &hello)) {
	case DTLS_NONSENSE:
		result.malformed = true;
		lan->stats.malformed++;
		lan_turn_away(lan, AWAY_MALFORMED, address);
		break;
	case DTLS_HELLO:
		hello_admit(lan, arrival, &hello, &result);
		break;
	case DTLS_RECORD:
		if (record_is_expected(lan, address, bytes))
			result.verdict = GATE_PASS;
		break;
	}
	if (result.verdict == GATE_DROP)
		lan->stats.silenced++;
	*ret_result = result;
}
