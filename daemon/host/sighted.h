/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Devices that were seen and did not enrol by themselves: their record, and by which ways they are
 * there at the moment. A device is present as long as one way says so. */

#include "host/host.h"

/* A record in memory only. -ENOMEM, -ENOSPC at LIMIT_DEVICES. */
int sighted_make(struct host *host, const struct discovery_sighting *sighting, struct device **ret);
/* Nobody decided on it and nothing of it is on disk: a name that was heard. */
bool sighted_only(const struct device *device);
/* The device, or NULL after it made room: it was only heard of, in other letters than a label that
 * is known has for exactly 'ep'. 'device' may be NULL. */
struct device *sighted_make_room(struct host *host, struct device *device, const char *ep);
void sighted_here(struct host *host, struct device *device, enum found_by way);
/* No way is left: it is not present, and one that nobody decided on and that is not on disk goes.
 */
void sighted_gone(struct host *host, struct device *device, enum found_by way);
