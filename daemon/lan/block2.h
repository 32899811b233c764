/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Answers that come in blocks (Block2, RFC 7959), put together. Pure: what is asked for next is the
 * caller's to send. */

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

#define ETAG_MAX 8

struct block2 {
	uint8_t *body;
	size_t size;
	unsigned szx; /* of the blocks so far */
	bool begun;
	uint8_t etag[ETAG_MAX];
	size_t etag_size;
};

struct block2_part {
	unsigned value; /* of the option */
	struct span etag, payload;
};

enum block2_verdict {
	BLOCK2_MORE,	  /* block2_next() says which one */
	BLOCK2_WHOLE,	  /* body and size are it */
	BLOCK2_BROKEN,	  /* not the block that was asked for, or of another representation */
	BLOCK2_TOO_LARGE, /* more than 'max' bytes */
};

/* Takes the next block. -ENOMEM is the only negative answer. */
int block2_take(struct block2 *block2, const struct block2_part *part, size_t max,
	enum block2_verdict *ret_verdict);
/* The value of the option that asks for the next one. */
unsigned block2_next(const struct block2 *block2);
void block2_clear(struct block2 *block2);
