/* SPDX-License-Identifier: Apache-2.0 */
/* IoT Hub: a topic, a zero byte, a payload; a credential from the disk; a connection string. */

#include <ctype.h>
#include <stdlib.h>

#include "drivers/platform/iothub.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = memchr(data, 0, size);
	struct iothub_connection connection;
	struct iothub_credential credential;
	struct inbound_message message;
	struct secret again = {0};

	if (iothub_connection_read(span_of(data, size), &connection) == 0 &&
		memchr(connection.device.data, '/', connection.device.size))
		abort();
	if (iothub_credential_read(span_of(data, size), &credential) == 0) {
		if (iothub_credential_make(&credential, &again) < 0 ||
			!span_equal(secret_span(&again), span_of(data, size)))
			abort();
		secret_clear(&again);
	}
	if (!end || iothub_decode(NULL, "bed", (const char *)data,
			    span_of(end + 1, size - (size_t)(end - data) - 1), false, &message) < 0)
		return 0;
	if (message.kind == INBOUND_COMMAND && !command_name_fits(span_from_string(message.name)))
		abort();
	return 0;
}
