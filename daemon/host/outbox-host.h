/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What may go into the outbox, how fast it may leave, and the alarms about both. */

#include "host/host.h"

/* As the configuration and the table of limits say. */
struct owed_limits outbox_limits(const struct host *host);

/* What is owed goes by them from now on: after they changed, and after sessions came or went. */
void outbox_set_limits(struct host *host);

/* A reading of this device found no room, for everybody or for this one. 'device' NULL: the disk is
 * full. */
void outbox_refused(struct host *host, struct device *device, enum owed_verdict verdict);
/* After readings were stored: the alarm about all of it goes when there is room again. */
void outbox_has_room(struct host *host);
/* After readings of this device left, or were dropped: the alarm about its share goes. */
void outbox_device_eased(struct host *host, struct device *device);
/* At start, when the devices are there: the alarm about durability, and which ones about shares are
 * active. */
void outbox_start(struct host *host);

/* May one more reading leave now? False: the pump is called again when it may. */
bool outbox_paced(struct host *host);
/* It did not: it costs nothing of the pace. */
void outbox_unpaced(struct host *host);
