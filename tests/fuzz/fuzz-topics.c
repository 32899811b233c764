/* SPDX-License-Identifier: Apache-2.0 */
/* A message of a broker: topic, a zero byte, payload. A command is for one device, by an id that
 * the registry could have made, and has a name that may stand in a topic again. */

#include <stdlib.h>

#include "drivers/platform/topics.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = memchr(data, 0, size);
	struct inbound_message message, retained;
	struct span payload;
	char filter[160];

	if (!end)
		return 0;
	payload = span_of(end + 1, size - (size_t)(end - data) - 1);
	if (topics_decode("bed", (const char *)data, payload, false, &message) < 0 ||
		topics_decode("bed", (const char *)data, payload, true, &retained) < 0 ||
		retained.kind != INBOUND_IGNORED)
		abort();
	if (message.kind == INBOUND_IGNORED
			? !message.why
			: !command_name_fits(span_from_string(message.name)) ||
				  strpbrk(message.device_id, "/+#") ||
				  topics_listen(message.device_id, "bed", filter, sizeof(filter)) <
					  0 ||
				  strncmp((const char *)data, filter, strlen(filter) - 1))
		abort();
	return 0;
}
