/* SPDX-License-Identifier: Apache-2.0 */
/* The query of a registration: lines of "lt", "base" and "d" in this order. Whatever base is taken
 * leads to the sender. */

#include <assert.h>
#include <string.h>

#include "lan/rd-parameters.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An empty line is a parameter that is not there. */
static struct span line_take(struct span *rest, unsigned *ret_count)
{
	const uint8_t *end = rest->size ? memchr(rest->data, '\n', rest->size) : NULL;
	size_t size = end ? (size_t)(end - rest->data) : rest->size;
	struct span line = span_of(size ? rest->data : NULL, size);

	*ret_count = size > 0;
	*rest = end ? span_of(end + 1, rest->size - size - 1) : span_of(NULL, 0);
	return line;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct device_address senders[] = {
		{.ip.s6_addr = {[10] = 0xff, 0xff, 192, 0, 2, 7}, .port = 1, .interface = "lan0"},
		{.ip.s6_addr = {0xfe, 0x80, [15] = 7}, .port = 1, .interface = "lan0"},
	};
	struct span rest = span_of(data, size);
	struct rd_query query = {.lifetimes = 0};

	query.lifetime = line_take(&rest, &query.lifetimes);
	query.base = line_take(&rest, &query.bases);
	query.sector = line_take(&rest, &query.sectors);
	for (size_t i = 0; i < sizeof(senders) / sizeof(senders[0]); i++) {
		struct rd_parameters parameters;
		const char *why = NULL;
		if (rd_parameters_read(&query, &senders[i], &parameters, &why) < 0) {
			assert(why);
			continue;
		}
		assert(!parameters.has_base == !query.bases);
		assert((parameters.lifetime > 0) == (query.lifetimes > 0));
		if (parameters.has_base) {
			assert(device_address_same_host(&parameters.base, &senders[i]));
			assert(parameters.base.port != 0);
		}
	}
	return 0;
}
