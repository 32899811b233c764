/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Everybody on the configured interfaces is asked for their links: at start, by a timer
 * (lan.multicast_interval), and on demand. Who answers and says its name is a sighting. */

#include "host/host.h"

int multicast_start(struct host *host);
/* Now, and again an interval from now. */
int multicast_probe(struct host *host);
/* The next question is an interval of the present configuration away, when that is another one. */
int multicast_reload(struct host *host, const struct config *old);
void multicast_on_sighted(struct host *host, const struct lan_sighting *sighting);
