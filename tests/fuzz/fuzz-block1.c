/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies in blocks: each step of the input is a block of one of four senders. Whatever is handed
 * out as whole is not longer than the limit and holds what was sent last. */

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lan/block1.h"

#define BODY_MAX 4096
#define HEAD	 6 /* who and which body, pause, option (3), size */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void step(struct block1 *blocks, const uint8_t *head, struct span bytes, uint64_t now)
{
	struct block1_id id = {.address = {.port = (uint16_t)(1 + (head[0] & 3))}};
	const struct request_key key = {.message_id = head[5]};
	const struct block1_part part = {
		(uint32_t)head[2] << 16 | (uint32_t)head[3] << 8 | head[4], bytes, &key};
	struct span body = {NULL, 0};
	bool evicted;

	id.body[0] = head[0] >> 6;
	if (block1_feed(blocks, &id, &part, now, &body, &evicted) != BLOCK1_WHOLE) {
		assert(body.size == 0);
		return;
	}
	assert(body.size <= BODY_MAX && body.size >= bytes.size);
	if (bytes.size > 0)
		assert(memcmp(body.data + body.size - bytes.size, bytes.data, bytes.size) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct block1 *blocks;
	uint64_t now = 1;

	if (block1_new(3, BODY_MAX, &blocks) < 0)
		abort();
	while (size > HEAD) {
		size_t length = (size_t)data[5] * 8;
		length = length < size - HEAD ? length : size - HEAD;
		now += data[1] * UINT64_C(1000000) / 8;
		step(blocks, data, span_of(data + HEAD, length), now);
		assert(block1_sweep(blocks, now) <= 3);
		data += HEAD + length;
		size -= HEAD + length;
	}
	block1_free(blocks);
	return 0;
}
