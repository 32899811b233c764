/* SPDX-License-Identifier: Apache-2.0 */
/* An address as a person types it. */

#include <stdlib.h>

#include "core/device.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct device_address address, again;
	char text[80];
	bool secure;

	if (device_address_parse(span_of(data, size), &address, &secure) < 0)
		return 0;
	/* What is shown of it can be typed. The zone is shown where it is part of the address. */
	if (!IN6_IS_ADDR_LINKLOCAL(&address.ip))
		address.interface[0] = '\0';
	device_address_to_string(&address, text);
	if (device_address_parse(span_from_string(text), &again, &secure) < 0 || secure ||
		!device_address_same_host(&address, &again) || address.port != again.port)
		abort();
	return 0;
}
