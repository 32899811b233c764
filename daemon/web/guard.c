/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names are compared without regard to case, one trailing dot is allowed, and the port is not
 * looked at: a forwarded port changes it, and an attacker's page cannot make use of it. An address
 * as Host can never be an attacker's name, so rebinding fails on it; it still must be ours, so that
 * a request meant for another machine is not answered here.
 */

#include "web/guard.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define HOST_MAX 255

static void map_ipv4(const struct in_addr *from, struct in6_addr *ret_ip)
{
	*ret_ip = (struct in6_addr){.s6_addr = {[10] = 0xff, [11] = 0xff}};
	memcpy(&ret_ip->s6_addr[12], from, 4);
}

bool guard_address_parse(const char *text, struct in6_addr *ret_ip)
{
	char bare[INET6_ADDRSTRLEN];
	size_t length = strcspn(text, "%");
	struct in6_addr ip6;
	struct in_addr ip4;

	if (length >= sizeof(bare))
		return false;
	memcpy(bare, text, length);
	bare[length] = 0;
	if (inet_pton(AF_INET, bare, &ip4) == 1) {
		map_ipv4(&ip4, ret_ip);
		return true;
	}
	if (inet_pton(AF_INET6, bare, &ip6) != 1)
		return false;
	*ret_ip = ip6;
	return true;
}

const char *guard_address_format(const struct in6_addr *ip, char ret_text[GUARD_ADDRESS_TEXT])
{
	if (IN6_IS_ADDR_V4MAPPED(ip))
		inet_ntop(AF_INET, &ip->s6_addr[12], ret_text, GUARD_ADDRESS_TEXT);
	else
		inet_ntop(AF_INET6, ip, ret_text, GUARD_ADDRESS_TEXT);
	return ret_text;
}

bool guard_address_from_sockaddr(const struct sockaddr *address, struct in6_addr *ret_ip)
{
	if (address && address->sa_family == AF_INET) {
		map_ipv4(&((const struct sockaddr_in *)(const void *)address)->sin_addr, ret_ip);
		return true;
	}
	if (address && address->sa_family == AF_INET6) {
		*ret_ip = ((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
		return true;
	}
	return false;
}

static bool is_port(const char *text)
{
	return text[0] == 0 || (text[0] == ':' && strspn(text + 1, "0123456789") <= 5 &&
				       text[1 + strspn(text + 1, "0123456789")] == 0);
}

/* Cuts a Host field down to the name or the address in it. */
static bool host_name(const char *host, char ret_name[HOST_MAX + 1], bool *ret_bracketed)
{
	bool bracketed = host[0] == '[';
	const char *begin = bracketed ? host + 1 : host;
	size_t length = strcspn(begin, bracketed ? "]" : ":");
	const char *rest = begin + length;

	if (length == 0 || length > HOST_MAX)
		return false;
	if (bracketed && *rest++ != ']')
		return false;
	if (!is_port(rest))
		return false;
	if (!bracketed && length > 1 && begin[length - 1] == '.')
		length--;
	memcpy(ret_name, begin, length);
	ret_name[length] = 0;
	*ret_bracketed = bracketed;
	return true;
}

static bool is_our_name(const struct guard_names *names, const char *name)
{
	char local[HOST_MAX + 1];

	if (strcasecmp(name, "localhost") == 0)
		return true;
	if (names->hostname && names->hostname[0]) {
		if (strcasecmp(name, names->hostname) == 0)
			return true;
		if (snprintf(local, sizeof(local), "%s.local", names->hostname) <
				(int)sizeof(local) &&
			strcasecmp(name, local) == 0)
			return true;
	}
	for (unsigned i = 0; names->names && i < names->names->count; i++)
		if (strcasecmp(name, names->names->item[i]) == 0)
			return true;
	return false;
}

enum guard_host guard_host_check(
	const struct guard_names *names, const char *host, struct in6_addr *ret_ip)
{
	char name[HOST_MAX + 1];
	bool bracketed;

	if (!host || !host_name(host, name, &bracketed))
		return GUARD_HOST_FOREIGN;
	if (bracketed || (name[0] >= '0' && name[0] <= '9')) {
		/* A bare IPv6 address cannot stand in Host, an IPv4 one in brackets neither. */
		if (strchr(name, ':') ? bracketed : !bracketed)
			if (guard_address_parse(name, ret_ip))
				return GUARD_HOST_ADDRESS;
		if (bracketed)
			return GUARD_HOST_FOREIGN;
	}
	return is_our_name(names, name) ? GUARD_HOST_OURS : GUARD_HOST_FOREIGN;
}

bool guard_same_origin(const char *host, const char *origin, const char *fetch_site)
{
	static const char scheme[] = "https://";

	if (fetch_site)
		return strcmp(fetch_site, "same-origin") == 0;
	if (!origin || !host || strncmp(origin, scheme, sizeof(scheme) - 1) != 0)
		return false;
	return strcasecmp(origin + sizeof(scheme) - 1, host) == 0;
}

static bool same_prefix(const struct in6_addr *a, const struct in6_addr *b, unsigned bits)
{
	unsigned bytes = bits / 8, rest = bits % 8;

	if (bits > 128 || memcmp(a, b, bytes) != 0)
		return false;
	return rest == 0 || ((a->s6_addr[bytes] ^ b->s6_addr[bytes]) >> (8 - rest)) == 0;
}

static bool is_loopback(const struct in6_addr *ip)
{
	return IN6_IS_ADDR_LOOPBACK(ip) || (IN6_IS_ADDR_V4MAPPED(ip) && ip->s6_addr[12] == 127);
}

bool guard_is_ours(const struct in6_addr *ip, const struct guard_address *addresses, size_t count)
{
	if (is_loopback(ip))
		return true;
	for (size_t i = 0; i < count; i++)
		if (memcmp(ip, &addresses[i].ip, sizeof(*ip)) == 0)
			return true;
	return false;
}

bool guard_is_on_link(
	const struct in6_addr *peer, const struct guard_address *addresses, size_t count)
{
	if (is_loopback(peer) || IN6_IS_ADDR_LINKLOCAL(peer))
		return true;
	for (size_t i = 0; i < count; i++)
		if (same_prefix(peer, &addresses[i].ip, addresses[i].prefix))
			return true;
	return false;
}
