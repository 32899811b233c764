/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The resource directory (RFC 9176): a registration is a sighting, never an approval. Head comment
 * in rd.c.
 */

#include "host/host.h"

struct rd_entry; /* of one device; at run time only */

/* LAN_RD, LAN_RD_ENTRY, LAN_RD_SIMPLE */
void rd_on_request(struct host *host, const struct lan_request *request);
/* An address has shown that it is there: what waited for that goes on. */
void rd_on_reachable(struct host *host, const struct device_address *address);

/* probe.c: the device's link list was read, or could not be. */
void rd_on_links(struct device_host *part, bool success);
/* True while nothing but a datagram that may be forged speaks for its address: it is not asked. */
bool rd_is_unproved(const struct device_host *part);
/* device-part.c: the device is going. */
void rd_detach(struct device_host *part);
