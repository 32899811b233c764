/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What flight.c, pack.c and landing.c share: a reading on its way to the uplink, or back. */

#include "host/host.h"

/* May readings of this device be published now? NULL: no. */
bool flight_may_leave(struct host *host, struct device *device);
/* It may not: the row waits again, and its device with it. */
void flight_hold(struct host *host, struct device *device, uint64_t device_row, uint64_t row);
/* Never will it be taken: to the dead letters, so that it does not block what waits behind it. */
void flight_bury(struct host *host, uint64_t device_row, uint64_t row, const char *why);
/* Is there room for one more reading in flight, beside 'more' that are about to be, and does a
 * session stand? */
bool flight_has_room(const struct host *host, size_t more);
/* A reading by itself. False: not now, for none of them; it waits again. */
bool flight_send(struct host *host, struct device *device, struct reading *reading);
/* The flight of the tag 'last' goes in a message with others ('packed'), and the one of the tag
 * 'next' (0 = none) is the next of them. 'own': by its device's own session. */
void flight_join(struct host *host, uint64_t last, uint64_t next, bool own, bool packed);
/* The flight of a tag, or NULL when it was given up meanwhile. */
struct flight *flight_find(struct host *host, uint64_t tag);
void flight_free(struct host *host, struct flight *flight);
