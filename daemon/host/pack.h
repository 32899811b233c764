/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "host/host.h"

/* Does this device's reading travel in a pack? (mqtt.pack, mqtt.layout; its platform knows packs)
 */
bool pack_is_wanted(struct host *host, struct device *device);
/*
 * Publishes a reading that owed_next() gave, which may leave, with others that wait: of its device,
 * or (mqtt.layout = gateway) of all that share the gateway's session. *count grows by what was
 * handed over. False: not now, for none of them; all of it waits again.
 */
bool pack_send(struct host *host, struct device *device, struct reading *reading, unsigned *count);
