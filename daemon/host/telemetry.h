/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Reading devices that are servers: each source of a device is observed, or read on a timer. */

#include "host/host.h"

struct telemetry;

/* Its life, what is known of it, or the configuration changed: begins, goes on or stops. A device
 * that may report and was not probed is probed soon. */
void telemetry_update(struct host *host, struct device *device);
/* It was seen anew: what is observed is asked for again, in case it forgot us. */
void telemetry_seen_again(struct device *device);
/* The device goes: takes leave where it can. */
void telemetry_detach(struct device_host *part);
