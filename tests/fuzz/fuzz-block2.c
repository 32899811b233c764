/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks of an answer: each is three bytes of option, one of ETag, one of length, and so many bytes
 * (length 255: as many as fit a block). What is put together stays within its limit. */

#include <stdlib.h>

#include "lan/block2.h"

#define BODY_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t filler[1024];
	struct block2 block2 = {0};
	enum block2_verdict verdict = BLOCK2_MORE;

	while (verdict == BLOCK2_MORE && size >= 5) {
		struct block2_part part = {
			.value = (unsigned)data[0] << 16 | (unsigned)data[1] << 8 | data[2],
			.etag = span_of(data + 3, data[3] & 1)};
		size_t length = data[4] < size - 5 ? data[4] : size - 5;

		part.payload = data[4] == 255 ? span_of(filler, (size_t)16 << (data[2] & 7) & 1023)
					      : span_of(data + 5, length);
		data += 5 + length;
		size -= 5 + length;
		if (block2_take(&block2, &part, BODY_MAX, &verdict) < 0 || block2.size > BODY_MAX)
			abort();
		if (verdict == BLOCK2_MORE && block2_next(&block2) >> 24)
			abort();
	}
	block2_clear(&block2);
	return 0;
}
