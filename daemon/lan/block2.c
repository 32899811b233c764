/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The blocks of an answer come in order, because each is asked for. A device may answer with
 * smaller blocks than it was asked for, never with larger ones; a block is found by its offset,
 * number times size. With another ETag it is a block of something else.
 */

#include "lan/block2.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"

#define MORE	     8u
#define SZX	     7u
#define SZX_RESERVED 7u

static size_t block_size(unsigned szx)
{
	return (size_t)16 << szx;
}

static bool is_the_next(const struct block2 *block2, const struct block2_part *part)
{
	unsigned szx = part->value & SZX;

	if (szx == SZX_RESERVED || (block2->begun && szx > block2->szx))
		return false;
	if ((size_t)(part->value >> 4) * block_size(szx) != block2->size)
		return false;
	if (part->payload.size > block_size(szx) ||
		((part->value & MORE) && part->payload.size != block_size(szx)))
		return false;
	if (!block2->begun)
		return part->etag.size <= ETAG_MAX;
	return span_equal(span_of(block2->etag, block2->etag_size), part->etag);
}

int block2_take(struct block2 *block2, const struct block2_part *part, size_t max,
	enum block2_verdict *ret_verdict)
{
	uint8_t *body;

	if (!is_the_next(block2, part)) {
		*ret_verdict = BLOCK2_BROKEN;
		return 0;
	}
	if (part->payload.size > max - block2->size) {
		*ret_verdict = BLOCK2_TOO_LARGE;
		return 0;
	}
	body = realloc(block2->body, block2->size + part->payload.size + 1);
	if (!body)
		return -ENOMEM;
	if (part->payload.size)
		memcpy(body + block2->size, part->payload.data, part->payload.size);
	block2->body = body;
	block2->size += part->payload.size;
	block2->szx = part->value & SZX;
	if (!block2->begun && part->etag.size)
		memcpy(block2->etag, part->etag.data, part->etag.size);
	if (!block2->begun)
		block2->etag_size = part->etag.size;
	block2->begun = true;
	*ret_verdict = part->value & MORE ? BLOCK2_MORE : BLOCK2_WHOLE;
	return 0;
}

unsigned block2_next(const struct block2 *block2)
{
	return (unsigned)(block2->size / block_size(block2->szx)) << 4 | block2->szx;
}

void block2_clear(struct block2 *block2)
{
	if (block2->body)
		crypto_wipe(block2->body, block2->size);
	free(block2->body);
	*block2 = (struct block2){0};
}
