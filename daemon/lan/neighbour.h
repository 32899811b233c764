/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The kernel's neighbour table (rtnetlink(7)): which link address stands behind an IP. */

#include "core/device.h"

/* A socket for neighbour_find(), or a negative errno. */
int neighbour_open(void);
/* "aa:bb:cc:dd:ee:ff", or "" when there is none: nobody was there lately, a routed address,
 * loopback, a link without such addresses. A question to the kernel alone: it answers before the
 * call returns, and nothing is sent on the network. */
void neighbour_find(
	int fd, const struct in6_addr *ip, unsigned interface_index, char ret_mac[MAC_TEXT_SIZE]);
