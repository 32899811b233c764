/* SPDX-License-Identifier: Apache-2.0 */

/* A prefix is compared on 128 bits, whatever its family: IPv4 is held v4-mapped. */

#include "core/prefix.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/span.h"

#define MAPPED_BITS 96 /* before an IPv4 address */
#define IPV4_MIN    8
#define IPV6_MIN    16

static bool ip_read(const char *text, struct in6_addr *ret_ip, bool *ret_ipv4)
{
	struct in6_addr ip = {{{[10] = 0xff, [11] = 0xff}}};

	*ret_ipv4 = inet_pton(AF_INET, text, &ip.s6_addr[12]) == 1;
	if (!*ret_ipv4 && inet_pton(AF_INET6, text, &ip) != 1)
		return false;
	*ret_ip = ip;
	return true;
}

static bool is_routable(const struct in6_addr *ip)
{
	const uint8_t *ipv4 = &ip->s6_addr[12];

	if (IN6_IS_ADDR_V4MAPPED(ip))
		return ipv4[0] != 0 && ipv4[0] != 127 && ipv4[0] < 224 &&
		       !(ipv4[0] == 169 && ipv4[1] == 254);
	return !IN6_IS_ADDR_MULTICAST(ip) && !IN6_IS_ADDR_LINKLOCAL(ip) &&
	       !IN6_IS_ADDR_LOOPBACK(ip) && !IN6_IS_ADDR_UNSPECIFIED(ip);
}

static bool fits(const struct prefix *prefix, const struct in6_addr *ip)
{
	unsigned whole = prefix->bits / 8, rest = prefix->bits % 8;

	if (memcmp(&prefix->ip, ip, whole) != 0)
		return false;
	return rest == 0 ||
	       ((prefix->ip.s6_addr[whole] ^ ip->s6_addr[whole]) & (0xff00 >> rest) & 0xff) == 0;
}

static bool has_host_bits(const struct prefix *prefix)
{
	struct in6_addr ip = prefix->ip;

	for (unsigned bit = prefix->bits; bit < 128; bit++)
		if (ip.s6_addr[bit / 8] & (0x80 >> bit % 8))
			return true;
	return false;
}

int prefix_parse(const char *text, struct prefix *ret_prefix)
{
	const char *slash = strchr(text, '/');
	char address[INET6_ADDRSTRLEN];
	struct prefix prefix;
	unsigned bits = 0, least;
	bool ipv4;

	if (!slash || !slash[1] || strlen(slash + 1) > 3 ||
		strspn(slash + 1, "0123456789") != strlen(slash + 1))
		return -EINVAL;
	bits = (unsigned)strtoul(slash + 1, NULL, 10);
	if (span_to_string(span_of(text, (size_t)(slash - text)), address, sizeof(address)) < 0 ||
		!ip_read(address, &prefix.ip, &ipv4))
		return -EINVAL;
	least = ipv4 ? IPV4_MIN : IPV6_MIN;
	if (bits < least || bits > (ipv4 ? 32u : 128u) || !is_routable(&prefix.ip))
		return -EINVAL;
	prefix.bits = ipv4 ? MAPPED_BITS + bits : bits;
	if (has_host_bits(&prefix))
		return -EINVAL;
	*ret_prefix = prefix;
	return 0;
}

void prefixes_read(const struct config_list *list, struct prefixes *ret_prefixes)
{
	ret_prefixes->count = 0;
	for (unsigned i = 0; i < list->count; i++)
		if (prefix_parse(list->item[i], &ret_prefixes->item[ret_prefixes->count]) == 0)
			ret_prefixes->count++;
}

bool prefixes_hold(const struct prefixes *prefixes, const struct in6_addr *ip)
{
	for (unsigned i = 0; i < prefixes->count; i++)
		if (fits(&prefixes->item[i], ip))
			return is_routable(ip);
	return false;
}
