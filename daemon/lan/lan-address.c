/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses between the kernel's, libcoap's and our form. In ours IPv4 is v4-mapped and the
 * interface is a name, because indexes do not survive a reboot.
 */

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "lan/lan-internal.h"

static void map_ipv4(const struct in_addr *from, struct in6_addr *ret_ip)
{
	*ret_ip = (struct in6_addr){.s6_addr = {[10] = 0xff, [11] = 0xff}};
	memcpy(ret_ip->s6_addr + 12, from, sizeof(*from));
}

void address_from_sockaddr(
	const struct sockaddr *from, const char *interface, struct device_address *ret_address)
{
	struct device_address address = {0};

	if (from->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)from;
		map_ipv4(&in->sin_addr, &address.ip);
		address.port = ntohs(in->sin_port);
	} else {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)from;
		address.ip = in6->sin6_addr;
		address.port = ntohs(in6->sin6_port);
	}
	if (interface)
		strncpy(address.interface, interface, sizeof(address.interface) - 1);
	*ret_address = address;
}

int address_to_coap(const struct device_address *address, coap_address_t *ret)
{
	coap_address_t to;

	coap_address_init(&to);
	if (IN6_IS_ADDR_V4MAPPED(&address->ip)) {
		to.size = sizeof(struct sockaddr_in);
		to.addr.sin = (struct sockaddr_in){
			.sin_family = AF_INET, .sin_port = htons(address->port)};
		memcpy(&to.addr.sin.sin_addr, address->ip.s6_addr + 12, sizeof(struct in_addr));
		*ret = to;
		return 0;
	}
	to.size = sizeof(struct sockaddr_in6);
	to.addr.sin6 = (struct sockaddr_in6){.sin6_family = AF_INET6,
		.sin6_port = htons(address->port),
		.sin6_addr = address->ip};
	if (IN6_IS_ADDR_LINKLOCAL(&address->ip)) {
		to.addr.sin6.sin6_scope_id = if_nametoindex(address->interface);
		if (to.addr.sin6.sin6_scope_id == 0)
			return -ENODEV;
	}
	*ret = to;
	return 0;
}

const struct device_address *peer_place(const struct lan_peer *peer)
{
	static const struct device_address anywhere;

	return peer->identity[0] ? &anywhere : &peer->address;
}

const char *peer_name(const struct lan_peer *peer, const char *ep, char text[PEER_NAME_SIZE])
{
	if (!peer->identity[0])
		return ep;
	snprintf(text, PEER_NAME_SIZE, "%s:%s", trust_to_string(peer->trust), peer->identity);
	return text;
}

DEFINE_CLEANUP(struct ifaddrs *, freeifaddrs, cleanup_ifaddrs)

static bool same_ip(const struct sockaddr *a, const struct sockaddr *b)
{
	struct device_address left, right;

	address_from_sockaddr(a, NULL, &left);
	address_from_sockaddr(b, NULL, &right);
	return memcmp(&left.ip, &right.ip, sizeof(left.ip)) == 0;
}

static int interface_of_local(const struct sockaddr *local, char ret_interface[16])
{
	struct ifaddrs *list CLEANUP(cleanup_ifaddrs) = NULL;

	if (getifaddrs(&list) < 0)
		return -errno;
	for (const struct ifaddrs *at = list; at; at = at->ifa_next) {
		if (!at->ifa_addr || at->ifa_addr->sa_family != local->sa_family ||
			!same_ip(at->ifa_addr, local))
			continue;
		strncpy(ret_interface, at->ifa_name, 15);
		ret_interface[15] = '\0';
		return 0;
	}
	/* 127.0.0.2 and the like belong to loopback without being listed */
	const struct sockaddr_in *in = (const struct sockaddr_in *)local;
	if (local->sa_family == AF_INET && ntohl(in->sin_addr.s_addr) >> 24 == 127) {
		memcpy(ret_interface, "lo", sizeof("lo"));
		return 0;
	}
	return -ENETUNREACH;
}

int address_route(const struct device_address *address, char ret_interface[16])
{
	coap_address_t to, local;
	int r = address_to_coap(address, &to);

	if (r < 0)
		return r;
	/* The kernel knows: a connected UDP socket has the local address of its route. Nothing is
	 * sent. */
	int fd CLEANUP(cleanup_close) =
		socket(to.addr.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || connect(fd, &to.addr.sa, to.size) < 0)
		return -errno;
	coap_address_init(&local);
	local.size = sizeof(local.addr);
	if (getsockname(fd, &local.addr.sa, &local.size) < 0)
		return -errno;
	return interface_of_local(&local.addr.sa, ret_interface);
}

/* The bits under the mask are equal; all three of one family. */
static bool prefix_fits(const struct device_address *address, const struct ifaddrs *own)
{
	struct device_address local, mask;
	size_t begin = IN6_IS_ADDR_V4MAPPED(&address->ip) ? 12 : 0;

	address_from_sockaddr(own->ifa_addr, NULL, &local);
	address_from_sockaddr(own->ifa_netmask, NULL, &mask);
	if (!IN6_IS_ADDR_V4MAPPED(&address->ip) != !IN6_IS_ADDR_V4MAPPED(&local.ip))
		return false;
	for (size_t i = begin; i < sizeof(mask.ip); i++)
		if ((address->ip.s6_addr[i] ^ local.ip.s6_addr[i]) & mask.ip.s6_addr[i])
			return false;
	return true;
}

bool address_is_on_link(const struct device_address *address, const char *interface)
{
	struct ifaddrs *list CLEANUP(cleanup_ifaddrs) = NULL;

	if (IN6_IS_ADDR_MULTICAST(&address->ip) || IN6_IS_ADDR_UNSPECIFIED(&address->ip))
		return false;
	if (IN6_IS_ADDR_LINKLOCAL(&address->ip))
		return true;
	if (getifaddrs(&list) < 0)
		return false;
	for (const struct ifaddrs *at = list; at; at = at->ifa_next) {
		if (!at->ifa_addr || !at->ifa_netmask || strcmp(at->ifa_name, interface) != 0)
			continue;
		int family = at->ifa_addr->sa_family;
		if ((family == AF_INET || family == AF_INET6) && prefix_fits(address, at))
			return true;
	}
	return false;
}
