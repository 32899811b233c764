/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "host/host.h"

/* Looks now, and once a minute from now on: an alarm when nobody has set the clock for half an hour
 * since the start, or since it was lost; it ends when the clock is set. */
void clock_watch(struct host *host);
void clock_watch_end(struct host *host);
