/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What was asked already: the last 16 requests of each peer, so that a retransmission makes no
 * second reading. A peer is a name at an address (ip and interface), or the tier and identity of a
 * session, wherever that comes from: its memory outlives the session, and is nobody else's. Pure
 * bookkeeping; times are boot time in microseconds. Head comment in retransmission.c.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "core/device.h"
#include "core/reading.h"

#define REQUESTS_REMEMBERED   16
#define REMEMBER_CON_USEC     (247 * UINT64_C(1000000)) /* EXCHANGE_LIFETIME, RFC 7252 4.8.2 */
#define REMEMBER_NON_USEC     (145 * UINT64_C(1000000)) /* NON_LIFETIME */
#define ANSWER_REMEMBERED_MAX 128			/* bytes of payload */

struct retransmissions;

/* An answer as it went out, without its addresses. */
struct answer_kept {
	uint8_t code; /* 0: it was silence */
	int format;
	int64_t max_age;
	char location_id[DEVICE_ID_MAX + 1];
	int location; /* whoever keeps it knows */
	struct span payload;
};

enum retransmission {
	RETRANSMISSION_NONE,	 /* a new request; it is remembered as pending from now on */
	RETRANSMISSION_PENDING,	 /* its answer is on the way: say nothing */
	RETRANSMISSION_SEPARATE, /* it was acknowledged, the answer comes later: acknowledge again
				  */
	RETRANSMISSION_ANSWERED, /* say the same again */
};

struct request_id {
	const struct device_address *address; /* with its port */
	const char *ep;			      /* peer_name(); "" = none */
	const struct request_key *key;
};

int retransmissions_new(size_t peers_max, struct retransmissions **ret);
struct retransmissions *retransmissions_free(struct retransmissions *seen);

/* For ANSWERED *ret_answer is a view that lives until the next call. */
enum retransmission retransmissions_check(struct retransmissions *seen,
	const struct request_id *request, uint64_t now_usec, struct answer_kept *ret_answer);
/* True when it was answered before; remembers nothing new. The view is as above. */
bool retransmissions_find_answer(struct retransmissions *seen, const struct request_id *request,
	uint64_t now_usec, struct answer_kept *ret_answer);
/* The empty ACK went out. */
void retransmissions_acked(struct retransmissions *seen, const struct request_id *request);
/* The answer went out. One with a payload of over 128 bytes is not kept, and the request forgotten:
 * only idempotent requests get such answers. */
void retransmissions_answered(struct retransmissions *seen, const struct request_id *request,
	const struct answer_kept *answer);
/* As if it had never come: the next one is new. */
void retransmissions_forget(struct retransmissions *seen, const struct request_id *request);
/* It came at 'since_usec' and was answered with 'code' before this process started; port 0 =
 * whatever port. 0 or -ENOMEM. */
int retransmissions_remember(struct retransmissions *seen, const struct request_id *request,
	uint8_t code, uint64_t since_usec);

/* Microseconds after which a request with this key is a new one. */
static inline uint64_t retransmissions_lifetime(const struct request_key *key)
{
	return key->confirmable ? REMEMBER_CON_USEC : REMEMBER_NON_USEC;
}
