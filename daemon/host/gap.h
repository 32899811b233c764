/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the platform is to be told of what it will never get, for as long as it was not told. */

#include "host/host.h"

/* At start, in the order of the ids. */
int gap_load(struct host *host, const struct store_gap *gap);
void gaps_free_all(struct host *host);
/* Those that tell of readings, oldest first. */
void gap_each(struct host *host, api_gap_fn each, void *userdata);

/*
 * Readings of this device are given up. The answer is what the caller hands to the store, in the
 * transaction that gives them up, and before anything else here is called; then comes
 * gap_publish(). NULL: there is no room, which was logged and counted as untold.
 */
const struct store_gap *gap_note(
	struct host *host, const struct device_record *record, const struct upstream_gap *gap);
/* The same for readings that are given up only if it can be told. NULL: keep them. */
const struct store_gap *gap_note_if_room(
	struct host *host, const struct device_record *record, const struct upstream_gap *gap);
/* Those of devices that are gone, and whose platforms nobody but the device could tell, are counted
 * as untold: at start, and after a device was forgotten. */
void gap_give_up_orphans(struct host *host);
/* True when a gap of this device that ends with this row, or later, waits. */
bool gap_is_noted(const struct host *host, uint64_t device_row, uint64_t last_row);
/* Nothing is to be retained of this device any more. Written and, if it can be, published. */
void gap_note_clear(struct host *host, const struct device_record *record);

/* Publishes what waits, as far as there is a way for it. */
void gap_publish(struct host *host);
/* The same for a new session: that of a device, or the gateway's (NULL). What was refused before is
 * tried again; of a device's own session only what is about that device. */
void gap_on_connected(struct host *host, const struct device *own);
/* What became of a flight of the kind FLIGHT_GAP. */
void gap_on_delivered(struct host *host, uint64_t id);
void gap_on_refused(struct host *host, uint64_t id, bool for_good);
void gap_on_lost(struct host *host, uint64_t id);
