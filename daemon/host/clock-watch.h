/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "host/host.h"

/* Looks now, and once a minute from now on: an alarm when nobody has set the clock for half an hour
 * since the start, or since it was lost; it ends when the clock is set. */
void clock_watch(struct host *host);
void clock_watch_end(struct host *host);

/* As of a tenth of a second ago, at the most. */
bool clock_is_set(struct host *host);
/* A reading of this row came while nobody had set the clock. */
void clock_note_unsynced(struct host *host, uint64_t row);
/* How this reading is to be sent: as it is (*ret_settled NULL), or as a copy that the caller drops,
 * whose relative times are absolute, and right when the clock was set since. 0, -ENOMEM. */
int clock_settle(struct host *host, const struct reading *reading, struct reading **ret_settled);
