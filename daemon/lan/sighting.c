/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TXT keys are hints: a wrong one is passed over, never trusted. Of
 * keys that come twice the first counts (RFC 6763 6.4), and their case does not matter.
 */

#include "lan/sighting.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/span.h"
#include "lan/lan-internal.h"

#define RT_OF_GATEWAYS "gatehouse"
#define DEFAULT_PATH   "/.well-known/core"

/* The value of a key; data is NULL when the key is not there or has no value. */
static struct span txt_value(AvahiStringList *txt, const char *key)
{
	size_t length = strlen(key);

	/* A resolver's list is in the order of the record. */
	for (; txt; txt = avahi_string_list_get_next(txt)) {
		const uint8_t *text = avahi_string_list_get_text(txt);
		size_t size = avahi_string_list_get_size(txt);
		if (size > length && text[length] == '=' &&
			strncasecmp((const char *)text, key, length) == 0)
			return span_of(text + length + 1, size - length - 1);
	}
	return (struct span){NULL, 0};
}

static void printable_copy(struct span value, char *ret_text, size_t capacity)
{
	if (value.size > 0 && span_is_printable(value))
		span_to_string(value, ret_text, capacity);
}

static void path_read(AvahiStringList *txt, struct discovery_sighting *sighting)
{
	struct span path = txt_value(txt, "path");

	memcpy(sighting->path, DEFAULT_PATH, sizeof(DEFAULT_PATH));
	if (path.size > 0 && path.data[0] == '/' && !(path.size > 1 && path.data[1] == '/'))
		printable_copy(path, sighting->path, sizeof(sighting->path));
}

static void ep_read(AvahiStringList *txt, const char *service, struct discovery_sighting *sighting)
{
	const struct span names[] = {txt_value(txt, "ep"), span_from_string(service)};
	const char *why;

	for (int i = 0; i < 2 && !sighting->ep[0]; i++)
		if (names[i].size > 0 && ep_check(names[i], &why) == 0)
			span_to_string(names[i], sighting->ep, sizeof(sighting->ep));
}

static int address_read(const AvahiAddress *address, uint16_t port, const char *interface,
	const struct prefixes *routed, struct device_address *ret_address)
{
	struct device_address to = {.port = port};

	if (address->proto == AVAHI_PROTO_INET) {
		to.ip.s6_addr[10] = to.ip.s6_addr[11] = 0xff;
		memcpy(to.ip.s6_addr + 12, &address->data.ipv4.address, 4);
	} else if (address->proto == AVAHI_PROTO_INET6) {
		memcpy(&to.ip, address->data.ipv6.address, sizeof(to.ip));
	} else {
		return -EINVAL;
	}
	if (span_to_string(span_from_string(interface), to.interface, sizeof(to.interface)) < 0)
		return -EINVAL;
	if (prefixes_hold(routed, &to.ip))
		to.interface[0] = '\0';
	else if (!address_is_on_link(&to, interface))
		return -EHOSTUNREACH;
	if (port == 0)
		return -EHOSTUNREACH;
	*ret_address = to;
	return 0;
}

int sighting_read(const char *service, const char *interface, const struct prefixes *routed,
	const AvahiAddress *address, uint16_t port, AvahiStringList *txt,
	struct discovery_sighting *ret_sighting)
{
	struct discovery_sighting sighting = {.found_by = FOUND_MDNS};
	int r = address_read(address, port, interface, routed, &sighting.address);

	if (r < 0)
		return r;
	span_to_safe_text(span_from_string(service), sighting.service, sizeof(sighting.service));
	printable_copy(txt_value(txt, "rt"), sighting.info_rt, sizeof(sighting.info_rt));
	if (strcmp(sighting.info_rt, RT_OF_GATEWAYS) == 0)
		return -EHOSTUNREACH;
	path_read(txt, &sighting);
	ep_read(txt, service, &sighting);
	*ret_sighting = sighting;
	return 0;
}
