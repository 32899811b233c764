/* SPDX-License-Identifier: Apache-2.0 */
/* A service that somebody announced: instance name, a zero byte, then a TXT record as it is on the
 * wire. Whatever is taken of it is a name, a path and printable text. */

#include <avahi-common/malloc.h>
#include <stdlib.h>

#include "lan/sighting.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const AvahiAddress address = {
		.proto = AVAHI_PROTO_INET, .data.ipv4.address = htonl(INADDR_LOOPBACK)};
	const uint8_t *end = memchr(data, 0, size);
	struct prefixes none = {.count = 0};
	struct discovery_sighting sighting;
	AvahiStringList *txt = NULL;
	const char *why;

	if (!end || avahi_string_list_parse(end + 1, size - (size_t)(end - data) - 1, &txt) < 0)
		return 0;
	if (sighting_read((const char *)data, "lo", &none, &address, 5683, txt, &sighting) == 0) {
		if (sighting.path[0] != '/' || sighting.path[1] == '/' ||
			!span_is_printable(span_from_string(sighting.path)) ||
			!span_is_printable(span_from_string(sighting.info_rt)) ||
			!span_is_clean_text(span_from_string(sighting.service)) ||
			(sighting.ep[0] && ep_check(span_from_string(sighting.ep), &why) < 0))
			abort();
	}
	avahi_string_list_free(txt);
	return 0;
}
