/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The gateway's status upstream, and those of its devices after each connect. */

#include "host/host.h"

#define STATUS_ROUND_SLICE 200 /* devices in one turn of the loop */

/* The gateway's own session is up: the gateway is online, at once and every day, and each device is
 * what it is, one slice in each turn of the loop. A round that is under way begins anew. */
void status_round_begin(struct host *host);
/* The session is gone: no more of it until the next one. */
void status_round_stop(struct host *host);
void status_round_free(struct host *host);
