/* SPDX-License-Identifier: Apache-2.0 */
/* Fields of a request: Host, Origin and Sec-Fetch-Site, one behind the other with zero bytes. Only
 * names of ours are taken as ours, and no other site's origin. */

#include <stdlib.h>
#include <string.h>

#include "web/guard.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct config_list configured = {.count = 1, .item = {"gateway.example"}};
	const struct guard_names names = {.names = &configured, .hostname = "plant"};
	char *host = calloc(1, size + 3), *origin, *site, shown[GUARD_ADDRESS_TEXT];
	struct in6_addr ip, again;

	memcpy(host, data, size);
	origin = host + strlen(host) + 1;
	site = origin <= host + size ? origin + strlen(origin) + 1 : origin;
	switch (guard_host_check(&names, host, &ip)) {
	case GUARD_HOST_OURS:
		if (!strcasestr(host, "plant") && !strcasestr(host, "gateway.example") &&
			!strcasestr(host, "localhost"))
			abort();
		break;
	case GUARD_HOST_ADDRESS:
		if (!guard_address_parse(guard_address_format(&ip, shown), &again))
			abort();
		break;
	case GUARD_HOST_FOREIGN:
		break;
	}
	if ((guard_same_origin(host, origin, NULL) && !strcasestr(origin, host)) ||
		(guard_same_origin(host, origin, site) && strcmp(site, "same-origin")))
		abort();
	free(host);
	return 0;
}
