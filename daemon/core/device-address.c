/* SPDX-License-Identifier: Apache-2.0 */

/* Where a device was reached: a value to compare and to show. Never an identity. */

#include "core/device.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ADDRESS_TEXT_SIZE 80

#define COAP_PORT  5683
#define COAPS_PORT 5684

/* ---- as a person types it ---- */

static int parse_port(const char *text, uint16_t *ret_port)
{
	unsigned long port;
	char *end;

	if (text[0] < '1' || text[0] > '9')
		return -EINVAL;
	port = strtoul(text, &end, 10);
	if (*end || port > UINT16_MAX)
		return -EINVAL;
	*ret_port = (uint16_t)port;
	return 0;
}

static int parse_ipv4(const char *text, struct in6_addr *ret_ip)
{
	struct in6_addr ip = {.s6_addr = {[10] = 0xff, [11] = 0xff}};

	if (inet_pton(AF_INET, text, &ip.s6_addr[12]) != 1)
		return -EINVAL;
	*ret_ip = ip;
	return 0;
}

/* With its zone, which is the name of an interface. */
static int parse_ipv6(char *text, struct device_address *address)
{
	char *zone = strchr(text, '%');

	if (zone) {
		*zone++ = '\0';
		if (!zone[0] || strlen(zone) >= sizeof(address->interface) ||
			strpbrk(zone, "/%[]: "))
			return -EINVAL;
		strcpy(address->interface, zone);
	}
	if (inet_pton(AF_INET6, text, &address->ip) != 1 || IN6_IS_ADDR_V4MAPPED(&address->ip))
		return -EINVAL;
	return 0;
}

static int parse_host(char *host, struct device_address *address)
{
	char *close = strchr(host, ']'), *colon;

	if (host[0] == '[') {
		if (!close || (close[1] && close[1] != ':') ||
			(close[1] && parse_port(close + 2, &address->port) < 0))
			return -EINVAL;
		*close = '\0';
		return parse_ipv6(host + 1, address);
	}
	colon = strchr(host, ':');
	if (colon && strchr(colon + 1, ':'))
		return parse_ipv6(host, address);
	if (colon) {
		*colon = '\0';
		if (parse_port(colon + 1, &address->port) < 0)
			return -EINVAL;
	}
	return parse_ipv4(host, &address->ip);
}

int device_address_parse(struct span text, struct device_address *ret_address, bool *ret_secure)
{
	struct device_address address = {.port = COAP_PORT};
	static const char scheme[] = "coap://", secure_scheme[] = "coaps://";
	bool secure = false;
	char typed[ADDRESS_TYPED_MAX + 1], *host = typed;
	size_t size;

	if (span_to_string(text, typed, sizeof(typed)) < 0)
		return -EINVAL;
	if (!strncmp(host, scheme, sizeof(scheme) - 1)) {
		host += sizeof(scheme) - 1;
	} else if (!strncmp(host, secure_scheme, sizeof(secure_scheme) - 1)) {
		host += sizeof(secure_scheme) - 1;
		secure = true;
		address.port = COAPS_PORT;
	}
	size = strlen(host);
	if (size && host[size - 1] == '/')
		host[size - 1] = '\0';
	if (parse_host(host, &address) < 0)
		return -EINVAL;
	*ret_address = address;
	*ret_secure = secure;
	return 0;
}

/* ---- to compare and to show ---- */

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
