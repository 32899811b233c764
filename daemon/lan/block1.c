/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A transfer is one body on its way from one endpoint. It begins with the block at offset 0 and
 * grows by the block that follows; memory is taken for what has come, never for what was announced
 * (Size1 is somebody's word). An endpoint is an address with its port, and whoever has a session
 *there: what one of them has begun nobody else goes on with. Each has one transfer: a new body
 *takes the place of one that was not finished.
 *
 *	at offset 0     begins anew, unless it is the very datagram that began it
 *	what follows    is appended
 *	came before     the same bytes: answered again; others: two bodies are mixed, 4.08
 *	with a gap      4.08: RFC 7959 2.9.2; the client begins anew
 *
 * At the limit of transfers one goes: that of the address that has most of them, and of these the
 * one that was idle for longest. So nobody can shut others out from behind one address.
 */

#include "lan/block1.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define BLOCK_SIZE_MIN	    16
#define BLOCK_EXPONENT_MASK 7
#define BLOCK_EXPONENT_BAD  7 /* reserved on UDP */

struct transfer {
	struct block1_id id;
	struct request_key first; /* of the datagram that began it */
	uint64_t used_usec;
	uint8_t *body;
	size_t size, capacity;
};

struct block1 {
	size_t body_max;
	struct transfer whole; /* its body is lent out */
	size_t count, max;
	struct transfer transfers[];
};

int block1_new(size_t transfers_max, size_t body_max, struct block1 **ret)
{
	struct block1 *blocks =
		calloc(1, sizeof(*blocks) + transfers_max * sizeof(blocks->transfers[0]));

	if (!blocks)
		return -ENOMEM;
	blocks->max = transfers_max;
	blocks->body_max = body_max;
	*ret = blocks;
	return 0;
}

static void transfer_clear(struct transfer *transfer)
{
	if (transfer->body)
		crypto_wipe(transfer->body, transfer->capacity);
	free(transfer->body);
	*transfer = (struct transfer){0};
}

/* The last one takes its place: order does not matter. */
static void transfer_drop(struct block1 *blocks, struct transfer *transfer)
{
	transfer_clear(transfer);
	*transfer = blocks->transfers[--blocks->count];
	blocks->transfers[blocks->count] = (struct transfer){0};
}

struct block1 *block1_free(struct block1 *blocks)
{
	if (!blocks)
		return NULL;
	block1_taken(blocks);
	while (blocks->count > 0)
		transfer_drop(blocks, &blocks->transfers[0]);
	free(blocks);
	return NULL;
}

void block1_taken(struct block1 *blocks)
{
	transfer_clear(&blocks->whole);
}

size_t block1_sweep(struct block1 *blocks, uint64_t now_usec)
{
	for (size_t i = blocks->count; i-- > 0;)
		if (now_usec - blocks->transfers[i].used_usec >= BLOCK1_IDLE_USEC)
			transfer_drop(blocks, &blocks->transfers[i]);
	return blocks->count;
}

static struct transfer *transfer_find(struct block1 *blocks, const struct block1_id *id)
{
	for (size_t i = 0; i < blocks->count; i++) {
		const struct block1_id *its = &blocks->transfers[i].id;
		if (its->address.port == id->address.port && !strcmp(its->peer, id->peer) &&
			device_address_same_host(&its->address, &id->address))
			return &blocks->transfers[i];
	}
	return NULL;
}

static size_t count_of_host(const struct block1 *blocks, const struct device_address *address)
{
	size_t count = 0;

	for (size_t i = 0; i < blocks->count; i++)
		count += device_address_same_host(&blocks->transfers[i].id.address, address);
	return count;
}

static void transfer_evict(struct block1 *blocks)
{
	struct transfer *victim = &blocks->transfers[0];
	size_t most = 0;

	for (size_t i = 0; i < blocks->count; i++) {
		struct transfer *at = &blocks->transfers[i];
		size_t count = count_of_host(blocks, &at->id.address);
		if (count < most || (count == most && at->used_usec >= victim->used_usec))
			continue;
		most = count;
		victim = at;
	}
	transfer_drop(blocks, victim);
}

/* Makes room for what is needed now, and as much again. */
static bool body_reserve(struct transfer *transfer, size_t size, size_t max)
{
	size_t capacity = size > max / 2 ? max : size * 2;

	if (size <= transfer->capacity)
		return true;
	uint8_t *body = malloc(capacity);
	if (!body)
		return false;
	if (transfer->body) {
		memcpy(body, transfer->body, transfer->size);
		crypto_wipe(transfer->body, transfer->capacity);
		free(transfer->body);
	}
	transfer->body = body;
	transfer->capacity = capacity;
	return true;
}

static bool key_equal(const struct request_key *a, const struct request_key *b)
{
	return a->message_id == b->message_id && a->token_size == b->token_size &&
	       memcmp(a->token, b->token, a->token_size) == 0;
}

/* The transfer that this block begins, empty; or the one that it began already. */
static struct transfer *transfer_begin(struct block1 *blocks, struct transfer *transfer,
	const struct block1_id *id, const struct request_key *key, bool *ret_evicted)
{
	if (transfer) {
		if (memcmp(transfer->id.body, id->body, sizeof(id->body)) == 0 &&
			key_equal(&transfer->first, key))
			return transfer;
		transfer_clear(transfer);
	} else {
		*ret_evicted = blocks->count == blocks->max;
		if (*ret_evicted)
			transfer_evict(blocks);
		transfer = &blocks->transfers[blocks->count++];
	}
	transfer->id = *id;
	transfer->first = *key;
	return transfer;
}

/* What the block itself says. BLOCK1_CONTINUE: nothing is wrong with it. */
static enum block1_outcome part_check(
	const struct block1 *blocks, const struct block1_part *part, size_t *ret_offset)
{
	unsigned exponent = part->option & BLOCK_EXPONENT_MASK;
	size_t block_size = (size_t)BLOCK_SIZE_MIN << exponent;
	uint64_t offset = (uint64_t)BLOCK1_NUMBER(part->option) * block_size;

	if (exponent == BLOCK_EXPONENT_BAD || part->bytes.size > block_size ||
		(BLOCK1_MORE(part->option) && part->bytes.size != block_size))
		return BLOCK1_MALFORMED;
	/* More is to come behind one that fills the room to its last byte. */
	if (offset + part->bytes.size + BLOCK1_MORE(part->option) > blocks->body_max)
		return BLOCK1_TOO_LARGE;
	*ret_offset = (size_t)offset;
	return BLOCK1_CONTINUE;
}

/* Puts the bytes where they belong. */
static enum block1_outcome part_place(
	const struct block1 *blocks, struct transfer *transfer, struct span bytes, size_t offset)
{
	if (offset > transfer->size)
		return BLOCK1_INCOMPLETE;
	if (bytes.size == 0)
		return BLOCK1_CONTINUE;
	if (offset < transfer->size) {
		bool again = bytes.size <= transfer->size - offset &&
			     memcmp(transfer->body + offset, bytes.data, bytes.size) == 0;
		return again ? BLOCK1_CONTINUE : BLOCK1_INCOMPLETE;
	}
	if (!body_reserve(transfer, offset + bytes.size, blocks->body_max))
		return BLOCK1_NO_MEMORY;
	memcpy(transfer->body + offset, bytes.data, bytes.size);
	transfer->size = offset + bytes.size;
	return BLOCK1_CONTINUE;
}

/* The body is lent out; the transfer is over. */
static struct span transfer_finish(struct block1 *blocks, struct transfer *transfer)
{
	blocks->whole = *transfer;
	*transfer = (struct transfer){0};
	transfer_drop(blocks, transfer);
	return span_of(blocks->whole.body, blocks->whole.size);
}

enum block1_outcome block1_feed(struct block1 *blocks, const struct block1_id *id,
	const struct block1_part *part, uint64_t now_usec, struct span *ret_body, bool *ret_evicted)
{
	bool last = !BLOCK1_MORE(part->option);
	size_t offset = 0;

	*ret_evicted = false;
	block1_taken(blocks);
	block1_sweep(blocks, now_usec);
	struct transfer *transfer = transfer_find(blocks, id);
	enum block1_outcome outcome = part_check(blocks, part, &offset);
	if (outcome == BLOCK1_CONTINUE && offset == 0)
		transfer = transfer_begin(blocks, transfer, id, part->key, ret_evicted);
	else if (transfer && memcmp(transfer->id.body, id->body, sizeof(id->body)) != 0)
		return outcome == BLOCK1_CONTINUE ? BLOCK1_INCOMPLETE : outcome;
	if (outcome == BLOCK1_CONTINUE)
		outcome = transfer ? part_place(blocks, transfer, part->bytes, offset)
				   : BLOCK1_INCOMPLETE;
	if (outcome != BLOCK1_CONTINUE) {
		if (transfer)
			transfer_drop(blocks, transfer);
		return outcome;
	}
	transfer->used_usec = now_usec;
	if (!last)
		return BLOCK1_CONTINUE;
	/* One that says "last" and lies before the end is of another body. */
	if (offset + part->bytes.size != transfer->size) {
		transfer_drop(blocks, transfer);
		return BLOCK1_INCOMPLETE;
	}
	*ret_body = transfer_finish(blocks, transfer);
	return BLOCK1_WHOLE;
}
