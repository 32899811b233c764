/* SPDX-License-Identifier: Apache-2.0 */
/* The gate before DTLS: views stay inside of the datagram, and what answers a hello is shorter. */

#include <assert.h>
#include <stdint.h>

#include "lan/dtls-gate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t answer[DTLS_VERIFY_SIZE(DTLS_COOKIE_MAX)];
	struct dtls_hello hello;

	dtls_shortest_record(span_of(data, size));
	if (dtls_look(span_of(data, size), &hello) != DTLS_HELLO)
		return 0;
	assert(hello.random >= data && hello.random + DTLS_RANDOM_SIZE <= data + size);
	assert(hello.cookie.size == 0 ||
		(hello.cookie.data >= data &&
			hello.cookie.data + hello.cookie.size <= data + size));
	assert(dtls_verify_write(&hello, SPAN_LITERAL("0123456789ab"), answer) < size);
	return 0;
}
