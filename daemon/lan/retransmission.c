/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each peer has a ring of up to 16 requests; a new one takes the place of the oldest. The ring is
 * as large as the peer is busy: it grows only while the oldest request may still come again, so who
 * says something once a minute has one of 8, and ten thousand of them cost little. A request is the
 * same as an earlier one when peer, port, type, message id and token are equal and the earlier one
 * is not older than the protocol lets a message live. The port takes part because a device that
 * starts again may count from the same message id and token, but a retransmission never changes its
 * port: taking a new reading for an old one would lose it, the opposite only makes a second one. Of
 * what came before this process started the port is not known, so only what is young is brought
 * along (host/load.c).
 *
 * Peers are bounded (peer-table.h). A peer that is pushed out loses its memory, and a late
 * retransmission of its last request is then a request like any other.
 */

#include "lan/retransmission.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "lan/peer-table.h"

#define RING_FIRST 2

struct kept {
	int format;
	int64_t max_age;
	char location_id[DEVICE_ID_MAX + 1];
	int location;
	size_t size;
	uint8_t payload[];
};

/* There may be ten thousand times 16 of them: no byte is left between its fields. */
struct request {
	struct request_key key;
	uint16_t port;
	uint8_t code;
	uint8_t state; /* enum retransmission; RETRANSMISSION_NONE: nothing is here */
	uint64_t since_usec;
	struct kept *kept; /* NULL: the code is all there was */
};

struct peer {
	struct peer_entry entry;
	struct request *ring; /* oldest first, from 'next' on */
	unsigned next, size;
};

struct retransmissions {
	struct peer_table peers;
};

static void request_clear(struct request *request)
{
	free(request->kept);
	*request = (struct request){0};
}

static void peer_clear(struct peer_entry *entry)
{
	struct peer *peer = (struct peer *)entry;

	for (unsigned i = 0; i < peer->size; i++)
		request_clear(&peer->ring[i]);
	free(peer->ring);
}

int retransmissions_new(size_t peers_max, struct retransmissions **ret)
{
	struct retransmissions *seen = calloc(1, sizeof(*seen));

	if (!seen)
		return -ENOMEM;
	int r = peer_table_init(
		&seen->peers, peers_max ? peers_max : 1, sizeof(struct peer), peer_clear);
	if (r < 0) {
		free(seen);
		return r;
	}
	*ret = seen;
	return 0;
}

struct retransmissions *retransmissions_free(struct retransmissions *seen)
{
	if (!seen)
		return NULL;
	peer_table_done(&seen->peers);
	free(seen);
	return NULL;
}

static bool key_equal(const struct request_key *a, const struct request_key *b)
{
	return a->message_id == b->message_id && !a->confirmable == !b->confirmable &&
	       a->token_size == b->token_size && memcmp(a->token, b->token, a->token_size) == 0;
}

static bool port_fits(uint16_t a, uint16_t b)
{
	return a == 0 || b == 0 || a == b;
}

static struct request *request_find(
	struct retransmissions *seen, const struct request_id *id, struct peer **ret_peer)
{
	struct peer *peer = (struct peer *)peer_table_find(&seen->peers, id->address, id->ep);

	*ret_peer = peer;
	for (unsigned i = 0; peer && i < peer->size; i++) {
		struct request *request = &peer->ring[i];
		if (request->state != RETRANSMISSION_NONE &&
			port_fits(request->port, id->address->port) &&
			key_equal(&request->key, id->key))
			return request;
	}
	return NULL;
}

static bool is_over(const struct request *request, uint64_t now_usec)
{
	return now_usec - request->since_usec > retransmissions_lifetime(&request->key);
}

/* Room for twice as many. Without memory for that the oldest one makes room. */
static void ring_grow(struct peer *peer)
{
	unsigned size = peer->size ? peer->size * 2 : RING_FIRST;
	struct request *ring;

	if (size > REQUESTS_REMEMBERED)
		return;
	ring = calloc(size, sizeof(*ring));
	if (!ring)
		return;
	for (unsigned i = 0; i < peer->size; i++)
		ring[i] = peer->ring[(peer->next + i) % peer->size];
	free(peer->ring);
	peer->ring = ring;
	peer->next = peer->size;
	peer->size = size;
}

/* Takes the place of the peer's oldest request. NULL on lack of memory: then the request is not
 * remembered. */
static struct request *request_add(struct retransmissions *seen, struct peer *peer,
	const struct request_id *id, uint64_t now_usec)
{
	struct peer_entry *entry;

	if (!peer) {
		if (peer_table_add(&seen->peers, id->address, id->ep, &entry) < 0)
			return NULL;
		peer = (struct peer *)entry;
	}
	if (!peer->size || (peer->ring[peer->next].state != RETRANSMISSION_NONE &&
				   !is_over(&peer->ring[peer->next], now_usec)))
		ring_grow(peer);
	if (!peer->size)
		return NULL;
	struct request *request = &peer->ring[peer->next];
	peer->next = (peer->next + 1) % peer->size;
	request_clear(request);
	*request = (struct request){
		.state = RETRANSMISSION_PENDING,
		.port = id->address->port,
		.key = *id->key,
		.since_usec = now_usec,
	};
	return request;
}

static void answer_view(const struct request *request, struct answer_kept *ret_answer)
{
	const struct kept *kept = request->kept;

	*ret_answer = (struct answer_kept){.code = request->code, .format = -1, .max_age = -1};
	if (!kept)
		return;
	ret_answer->format = kept->format;
	ret_answer->max_age = kept->max_age;
	memcpy(ret_answer->location_id, kept->location_id, sizeof(kept->location_id));
	ret_answer->location = kept->location;
	ret_answer->payload = span_of(kept->payload, kept->size);
}

bool retransmissions_find_answer(struct retransmissions *seen, const struct request_id *id,
	uint64_t now_usec, struct answer_kept *ret_answer)
{
	struct peer *peer;
	const struct request *request = request_find(seen, id, &peer);

	if (!request || request->state != RETRANSMISSION_ANSWERED || is_over(request, now_usec))
		return false;
	answer_view(request, ret_answer);
	return true;
}

enum retransmission retransmissions_check(struct retransmissions *seen, const struct request_id *id,
	uint64_t now_usec, struct answer_kept *ret_answer)
{
	struct peer *peer;
	struct request *request = request_find(seen, id, &peer);

	if (request && is_over(request, now_usec)) {
		request_clear(request);
		request = NULL;
	}
	if (!request) {
		request_add(seen, peer, id, now_usec);
		return RETRANSMISSION_NONE;
	}
	if (request->state == RETRANSMISSION_ANSWERED)
		answer_view(request, ret_answer);
	return (enum retransmission)request->state;
}

void retransmissions_acked(struct retransmissions *seen, const struct request_id *id)
{
	struct peer *peer;
	struct request *request = request_find(seen, id, &peer);

	if (request && request->state == RETRANSMISSION_PENDING)
		request->state = RETRANSMISSION_SEPARATE;
}

static bool answer_is_bare(const struct answer_kept *answer)
{
	return answer->payload.size == 0 && answer->format < 0 && answer->max_age < 0 &&
	       answer->location_id[0] == '\0';
}

static struct kept *kept_new(const struct answer_kept *answer)
{
	if (answer->payload.size > ANSWER_REMEMBERED_MAX)
		return NULL;
	struct kept *kept = malloc(sizeof(*kept) + answer->payload.size);
	if (!kept)
		return NULL;
	kept->format = answer->format;
	kept->max_age = answer->max_age;
	memcpy(kept->location_id, answer->location_id, sizeof(kept->location_id));
	kept->location = answer->location;
	kept->size = answer->payload.size;
	if (kept->size > 0)
		memcpy(kept->payload, answer->payload.data, kept->size);
	return kept;
}

void retransmissions_answered(
	struct retransmissions *seen, const struct request_id *id, const struct answer_kept *answer)
{
	struct peer *peer;
	struct request *request = request_find(seen, id, &peer);
	struct kept *kept = NULL;

	if (!request)
		return;
	if (!answer_is_bare(answer)) {
		kept = kept_new(answer);
		if (!kept) {
			request_clear(request);
			return;
		}
	}
	free(request->kept);
	request->kept = kept;
	request->code = answer->code;
	request->state = RETRANSMISSION_ANSWERED;
}

void retransmissions_forget(struct retransmissions *seen, const struct request_id *id)
{
	struct peer *peer;
	struct request *request = request_find(seen, id, &peer);

	if (request)
		request_clear(request);
}

int retransmissions_remember(struct retransmissions *seen, const struct request_id *id,
	uint8_t code, uint64_t since_usec)
{
	struct peer *peer;
	struct request *request = request_find(seen, id, &peer);

	if (!request)
		request = request_add(seen, peer, id, since_usec);
	if (!request)
		return -ENOMEM;
	request->code = code;
	request->state = RETRANSMISSION_ANSWERED;
	return 0;
}
