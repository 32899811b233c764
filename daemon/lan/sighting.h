/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* From what a resolver says to a sighting of ours: pure, because every byte of it is foreign. */

#include <avahi-common/address.h>
#include <avahi-common/strlst.h>
#include <stdint.h>

#include "core/prefix.h"
#include "lan/discovery.h"

/*
 * Fills a sighting from a resolved service. -EHOSTUNREACH: not a device for us (another gateway, an
 * address that is neither on the interface's link nor routed, port 0); -EINVAL: a text that does
 * not fit.
 */
int sighting_read(const char *service, const char *interface, const struct prefixes *routed,
	const AvahiAddress *address, uint16_t port, AvahiStringList *txt,
	struct discovery_sighting *ret_sighting);
