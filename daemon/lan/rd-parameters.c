/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "lt" is a decimal number of seconds. "base" is a URI of which we take the least: coap or coaps,
 * an address literal, maybe a port. No name is ever resolved, no path followed, and a zone is
 * refused as RFC 9176 section 5 says: a link-local address is on the link that it came over. The
 * sector "d" is checked and not used: a name is unique in the whole gateway.
 */

#include "lan/rd-parameters.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"

#define SECTOR_MAX 63
#define BASE_MAX   64

/* Digits only, 1 to max. */
static bool number_read(struct span text, uint64_t max, uint64_t *ret_number)
{
	uint64_t number = 0;

	if (text.size == 0 || text.size > 10)
		return false;
	for (size_t i = 0; i < text.size; i++) {
		if (text.data[i] < '0' || text.data[i] > '9')
			return false;
		number = number * 10 + (text.data[i] - '0');
	}
	if (number < 1 || number > max)
		return false;
	*ret_number = number;
	return true;
}

/* "[ip6]" or "ip4", each with or without ":port"; cuts the text in two. *ret_port: NULL without a
 * colon. */
static bool host_split(char *authority, char **ret_host, char **ret_port)
{
	bool six = authority[0] == '[';
	char *end = six ? strchr(authority, ']') : authority + strcspn(authority, ":");

	if (!end)
		return false;
	*ret_host = authority + six;
	*ret_port = NULL;
	if (six)
		*end++ = '\0';
	if (*end == ':') {
		*end++ = '\0';
		*ret_port = end;
	} else if (*end != '\0') {
		return false;
	}
	return !six || strchr(*ret_host, ':');
}

static bool ip_read(const char *host, struct in6_addr *ret_ip)
{
	struct in_addr four;

	if (inet_pton(AF_INET6, host, ret_ip) == 1)
		return true;
	if (inet_pton(AF_INET, host, &four) != 1)
		return false;
	*ret_ip = (struct in6_addr){.s6_addr = {[10] = 0xff, [11] = 0xff}};
	memcpy(ret_ip->s6_addr + 12, &four, sizeof(four));
	return true;
}

static bool scheme_read(struct span *text, bool *ret_secure, uint64_t *ret_port)
{
	static const struct {
		const char *text;
		uint64_t port;
		bool secure;
	} schemes[] = {{"coap://", 5683, false}, {"coaps://", 5684, true}};

	for (size_t i = 0; i < ELEMENTS(schemes); i++) {
		size_t size = strlen(schemes[i].text);
		if (text->size <= size ||
			strncasecmp((const char *)text->data, schemes[i].text, size) != 0)
			continue;
		*text = span_of(text->data + size, text->size - size);
		*ret_secure = schemes[i].secure;
		*ret_port = schemes[i].port;
		return true;
	}
	return false;
}

static bool base_read(struct span text, const struct device_address *from, bool *ret_secure,
	struct device_address *ret_base)
{
	uint64_t port = 0;
	char authority[BASE_MAX];
	char *host, *number;
	struct in6_addr ip;

	if (!scheme_read(&text, ret_secure, &port))
		return false;
	if (text.data[text.size - 1] == '/')
		text.size--;
	if (span_to_string(text, authority, sizeof(authority)) < 0)
		return false;
	if (!host_split(authority, &host, &number) || !ip_read(host, &ip))
		return false;
	/* RFC 3986 3.2.3: an empty port is the default one */
	if (number && number[0] && !number_read(span_from_string(number), UINT16_MAX, &port))
		return false;
	if (memcmp(&ip, &from->ip, sizeof(ip)) != 0)
		return false;
	*ret_base = *from;
	ret_base->port = (uint16_t)port;
	return true;
}

int rd_parameters_read(const struct rd_query *query, const struct device_address *from,
	struct rd_parameters *ret_parameters, const char **ret_why)
{
	struct rd_parameters parameters = {0};
	const char *why = NULL;
	uint64_t lifetime = 0;

	if (query->lifetimes > 1 || query->bases > 1 || query->sectors > 1)
		why = "a parameter comes twice";
	else if (query->lifetime.data && !number_read(query->lifetime, UINT32_MAX, &lifetime))
		why = "lt must be 1 to 4294967295 seconds";
	else if (query->base.data &&
		 !base_read(query->base, from, &parameters.base_secure, &parameters.base))
		why = "base must be coap:// or coaps:// and the sender's own address";
	else if (query->sector.size > SECTOR_MAX || !span_is_clean_text(query->sector))
		why = "d must be at most 63 bytes of text";
	if (why) {
		*ret_why = why;
		return -EINVAL;
	}
	parameters.lifetime = (uint32_t)lifetime;
	parameters.has_base = query->base.data != NULL;
	*ret_parameters = parameters;
	return 0;
}
