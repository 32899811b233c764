/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* May somebody at an address speak for a device? The one place that says so for every resource. */

#include "host/host.h"

/* True when the sender is at the device's address, or has moved there with its MAC; the record
 * follows it then. Only for senders that have shown that they are there. */
bool binding_fits(struct host *host, struct device *device, const struct lan_peer *peer);
/* The same for a name that may not be bound yet: then it stays where it was seen. */
bool binding_holds(struct host *host, struct device *device, const struct lan_peer *peer);
/* A device that is a server is announced at another address than it is bound to: asks there, and
 * when it is the same MAC that answers the record follows. */
void binding_follow(struct host *host, struct device *device, const struct device_address *address);
/* What answered at the device's address is still the device: the MAC is that of the record. */
bool binding_still_fits(struct host *host, struct device *device);
/* True when plain devices are refused on the interface of this sender. */
bool binding_refuses_plain(const struct host *host, const struct lan_peer *peer);
