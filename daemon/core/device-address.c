/* SPDX-License-Identifier: Apache-2.0 */

/* Where a device was reached: a value to compare and to show. Never an identity. */

#include "core/device.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define ADDRESS_TEXT_SIZE 80

bool device_address_same_host(const struct device_address *a, const struct device_address *b)
{
	return memcmp(&a->ip, &b->ip, sizeof(a->ip)) == 0 &&
	       strcmp(a->interface, b->interface) == 0;
}

const char *device_address_to_string(const struct device_address *address, char *ret_text)
{
	char ip[INET6_ADDRSTRLEN] = "";

	if (IN6_IS_ADDR_V4MAPPED(&address->ip)) {
		inet_ntop(AF_INET, &address->ip.s6_addr[12], ip, sizeof(ip));
		snprintf(ret_text, ADDRESS_TEXT_SIZE, "%s:%u", ip, (unsigned)address->port);
		return ret_text;
	}
	inet_ntop(AF_INET6, &address->ip, ip, sizeof(ip));
	/* The zone belongs to link-local addresses alone; others mean the same on every link. */
	if (IN6_IS_ADDR_LINKLOCAL(&address->ip) && address->interface[0] != '\0')
		snprintf(ret_text, ADDRESS_TEXT_SIZE, "[%s%%%s]:%u", ip, address->interface,
			(unsigned)address->port);
	else
		snprintf(ret_text, ADDRESS_TEXT_SIZE, "[%s]:%u", ip, (unsigned)address->port);
	return ret_text;
}
