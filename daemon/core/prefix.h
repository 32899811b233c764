/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Prefixes of lan.routed: networks behind a border router (Thread, 6LoWPAN), whose devices are not
 * on our link. Such a device is known by its IP alone: it has no MAC here, and the interface is the
 * router's affair, so its address carries none.
 */

#include <netinet/in.h>
#include <stdbool.h>

#include "core/config.h"

struct prefix {
	struct in6_addr ip; /* IPv4 is held v4-mapped */
	unsigned bits;	    /* of 128 */
};

struct prefixes {
	struct prefix item[CONFIG_LIST_MAX];
	unsigned count;
};

/* "fd11:22::/64", "10.8.0.0/16": IPv6 of 16 to 128 bits, IPv4 of 8 to 32, no bit set behind them,
 * neither link-local nor multicast nor loopback. -EINVAL. */
int prefix_parse(const char *text, struct prefix *ret_prefix);

/* What does not parse is passed over: the configuration has been checked. */
void prefixes_read(const struct config_list *list, struct prefixes *ret_prefixes);
bool prefixes_hold(const struct prefixes *prefixes, const struct in6_addr *ip);
