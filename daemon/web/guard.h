/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Who may talk to the page through a browser: the checks that stand before any decision. Pure. The
 * Host check stops DNS rebinding, the origin check and the session's token stop other sites from
 * acting in a person's name.
 */

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "core/config.h"

struct guard_address {
	struct in6_addr ip; /* IPv4 is held v4-mapped */
	unsigned prefix;    /* of the on-link network, in bits of the IPv6 form */
};

struct guard_names {
	const struct config_list *names; /* configured */
	const char *hostname;		 /* without domain; "<hostname>.local" is taken too */
};

/* An address of ours (v4-mapped for IPv4); false when the text is none. 'text' without brackets;
 * a zone behind '%' is passed over. */
bool guard_address_parse(const char *text, struct in6_addr *ret_ip);
#define GUARD_ADDRESS_TEXT 46
/* Without a zone; IPv4 in its own form. Returns ret_text. */
const char *guard_address_format(const struct in6_addr *ip, char ret_text[GUARD_ADDRESS_TEXT]);
/* The address of a peer; false for other families. */
bool guard_address_from_sockaddr(const struct sockaddr *address, struct in6_addr *ret_ip);

enum guard_host {
	GUARD_HOST_OURS,    /* by its name */
	GUARD_HOST_ADDRESS, /* an address: *ret_ip must be one of ours */
	GUARD_HOST_FOREIGN
};
/* 'host' as in the Host field, with or without port; NULL is foreign. */
enum guard_host guard_host_check(
	const struct guard_names *names, const char *host, struct in6_addr *ret_ip);

/*
 * A request that changes something: Sec-Fetch-Site says same-origin; or, from a browser that does
 * not send it, Origin is exactly "https://" + Host. Each may be NULL when the field is missing.
 */
bool guard_same_origin(const char *host, const char *origin, const char *fetch_site);

/* True when the peer is in a network that one of our interfaces stands in, or is ourselves. */
bool guard_is_on_link(
	const struct in6_addr *peer, const struct guard_address *addresses, size_t count);
bool guard_is_ours(const struct in6_addr *ip, const struct guard_address *addresses, size_t count);
