/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Bodies that come in blocks (Block1, RFC 7959): put together in bounded memory. Pure bookkeeping;
 * times are boot time in microseconds. Head comment in block1.c.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/crypto.h"
#include "base/span.h"
#include "core/device.h"
#include "core/reading.h"

#define BLOCK1_PEER_MAX	 80
#define BLOCK1_IDLE_USEC (30 * UINT64_C(1000000))

/* The parts of the option's value (RFC 7959 2.2). */
#define BLOCK1_NUMBER(option) ((uint32_t)(option) >> 4)
#define BLOCK1_MORE(option)   (((option)&8) != 0)

struct block1;

/* What tells one body from another: who sends it, and what it is for. */
struct block1_id {
	struct device_address address;	/* with its port */
	char peer[BLOCK1_PEER_MAX + 1]; /* whose session it comes over, or the ep that it says */
	uint8_t body[SHA256_SIZE];	/* of path, query, format and Request-Tag */
};

struct block1_part {
	uint32_t option; /* as it came, 24 bits */
	struct span bytes;
	const struct request_key *key; /* of the datagram */
};

enum block1_outcome {
	BLOCK1_WHOLE,	   /* that was the last one */
	BLOCK1_CONTINUE,   /* 2.31; also for one that was here already */
	BLOCK1_INCOMPLETE, /* 4.08: what comes before it is not here; start again */
	BLOCK1_TOO_LARGE,  /* 4.13 */
	BLOCK1_MALFORMED,  /* 4.00 */
	BLOCK1_NO_MEMORY,  /* 5.03 */
};

/* transfers_max: bodies under way at a time; body_max: bytes of one. Both at least 1. 0, -ENOMEM.
 */
int block1_new(size_t transfers_max, size_t body_max, struct block1 **ret);
struct block1 *block1_free(struct block1 *blocks); /* wipes what it holds */

/* With BLOCK1_WHOLE *ret_body is a view that lives until block1_taken() or the next call.
 * *ret_evicted: another one's transfer had to go for this one. */
enum block1_outcome block1_feed(struct block1 *blocks, const struct block1_id *id,
	const struct block1_part *part, uint64_t now_usec, struct span *ret_body,
	bool *ret_evicted);
/* The whole body is not needed any more. */
void block1_taken(struct block1 *blocks);
/* Forgets transfers that were idle for 30 s; how many are left. */
size_t block1_sweep(struct block1 *blocks, uint64_t now_usec);
