/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Everybody on the configured interfaces is asked for their links: at start, every ten minutes, and
 * on demand. Who answers and says its name is a sighting. */

#include "host/host.h"

int multicast_start(struct host *host);
/* Now, and ten minutes from now again. */
int multicast_probe(struct host *host);
void multicast_on_sighted(struct host *host, const struct lan_sighting *sighting);
