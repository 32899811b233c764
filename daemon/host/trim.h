/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Giving up the oldest readings that wait: too old, or for the sake of room. */

#include "host/host.h"

/* At start and after a reload. */
void trim_start(struct host *host);
/* A reading of 'device' found no room: if that is what is wanted, older ones make some. */
void trim_make_room(struct host *host, struct device *device, enum owed_verdict verdict);
