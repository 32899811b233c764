/* SPDX-License-Identifier: Apache-2.0 */
/* The gate before libcoap: no reply is longer than what it answers. The first byte says how the
 * datagram came. */

#include <assert.h>

#include "lan/gate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gate_result result;

	if (size < 1)
		return 0;
	bool group = data[0] & 1;
	size_t claimed = data[0] & 2 ? size - 1 + GATE_DATAGRAM_MAX : size - 1;
	gate_check(span_of(data + 1, size - 1), claimed, group, 0xbeef, &result);
	if (result.verdict == GATE_REPLY) {
		assert(!group);
		assert(result.reply_size >= 4 && result.reply_size <= sizeof(result.reply));
		assert(result.reply_size <= size - 1);
	} else {
		assert(result.reply_size == 0);
	}
	return 0;
}
