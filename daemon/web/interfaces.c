/* SPDX-License-Identifier: Apache-2.0 */
/* Asked anew each time: addresses come and go, and the question is cheap and rare. */

#include "web/interfaces.h"

#include <ifaddrs.h>

static unsigned prefix_bits(const struct sockaddr *mask)
{
	struct in6_addr bits;
	unsigned count = 0;

	if (!guard_address_from_sockaddr(mask, &bits))
		return 128;
	/* A v4-mapped mask has the form ::ffff:255.255.255.0; its first 96 bits always count. */
	for (unsigned i = mask->sa_family == AF_INET ? 12 : 0; i < 16; i++)
		count += (unsigned)__builtin_popcount(bits.s6_addr[i]);
	return mask->sa_family == AF_INET ? 96 + count : count;
}

size_t interfaces_list(struct guard_address *ret_address, size_t max)
{
	struct ifaddrs *list = NULL;
	size_t count = 0;

	if (getifaddrs(&list) < 0)
		return 0;
	for (const struct ifaddrs *row = list; row && count < max; row = row->ifa_next) {
		struct guard_address *address = &ret_address[count];

		if (!guard_address_from_sockaddr(row->ifa_addr, &address->ip))
			continue;
		address->prefix = row->ifa_netmask ? prefix_bits(row->ifa_netmask) : 128;
		count++;
	}
	freeifaddrs(list);
	return count;
}
