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
#include "lan/lan-secure.h"

#define HANDSHAKE_USEC (30 * USEC_PER_SEC)
/* A handshake that is so young is not pushed out by another. */
#define HANDSHAKE_MIN_USEC (2 * USEC_PER_SEC)

/* Another handshake from the same address and port than the one that is under way: the device
 * began anew, and libcoap would give the hello to the old one. */
static void handshake_restart(struct lan *lan, const struct secure_arrival *arrival)
{
	coap_address_t remote;
	coap_tick_t now;

	if (address_to_coap(&arrival->address, &remote) < 0)
		return;
	coap_session_t *session =
		coap_session_get_by_peer(lan->context, &remote, (int)arrival->interface_index);
	if (!session || coap_session_get_proto(session) != COAP_PROTO_DTLS ||
		coap_session_get_app_data(session))
		return;
	coap_session_disconnected(session, COAP_NACK_TLS_FAILED);
	coap_ticks(&now);
	coap_io_prepare_epoll(lan->context, now); /* frees it */
}

/* A place among those who shake hands, in exchange for the oldest one that had its time. */
static bool handshake_make_room(struct lan *lan, uint64_t now)
{
	struct peer_table *table = &lan->secure->handshakes;
	struct handshake *oldest = (struct handshake *)table->oldest;

	if (table->count < table->max)
		return true;
	lan_limit_reached(lan, LIMIT_HANDSHAKES);
	if (now - oldest->since_usec < HANDSHAKE_MIN_USEC)
		return false;
	peer_table_remove(table, &oldest->entry);
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
	if (handshake) {
		peer_table_remove(table, &handshake->entry);
		handshake_restart(lan, arrival);
	}
	if (!handshake_make_room(lan, now) ||
		peer_table_add(table, address, secure_port_text(address, port), &entry) < 0)
		return false;
	handshake = (struct handshake *)entry;
	handshake->since_usec = now;
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

static bool is_shaking_hands(struct lan *lan, const struct device_address *address)
{
	const struct handshake *handshake =
		(struct handshake *)secure_entry_find(&lan->secure->handshakes, address);

	return handshake && clock_boot_usec() - handshake->since_usec < HANDSHAKE_USEC;
}

static bool record_is_expected(
	struct lan *lan, const struct device_address *address, struct span bytes)
{
	const struct secure_peer *peer =
		(struct secure_peer *)secure_entry_find(&lan->secure->peers, address);

	if (!peer && !is_shaking_hands(lan, address))
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
