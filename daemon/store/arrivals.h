/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Messages from the platform that were acknowledged and not dealt with yet, in a file of their own.
 * The MQTT library acknowledges a message as soon as its callback returns; what was decided about
 * it is in control.db only some milliseconds later. A process that is killed in between finds the
 * message here again.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/store.h"

struct arrivals;

/* Opens or creates 'arrivals' in the directory. A tail that a power cut tore off is left out.
 * 'last' is the highest number that is known to be dealt with: what is in the file up to it is
 * forgotten. 0 or negative errno. */
int arrivals_new(int directory_fd, uint64_t last, struct arrivals **ret);
struct arrivals *arrivals_free(struct arrivals *arrivals);

/* Any thread. 0 with the message's number, on disk when it returns; -ENOSPC when more than
 * ARRIVALS_MAX bytes wait (or the disk is full), -EMSGSIZE for a message over ARRIVAL_MAX. */
int arrivals_keep(
	struct arrivals *arrivals, const struct store_arrival *arrival, uint64_t *ret_number);
/* It was dealt with; 0: no-op. One thread, which never waits for the disk here. True: nothing waits
 * any more, and the file is for somebody to empty. The next one that is kept does it, and the end.
 */
bool arrivals_settle(struct arrivals *arrivals, uint64_t number);
/* Any thread that may wait for the disk: empties the file, unless something in it waits. */
void arrivals_empty(struct arrivals *arrivals);
/* What was in the file when it was opened, oldest first, once. The answer of the callback ends it
 * when it is negative. */
int arrivals_replay(struct arrivals *arrivals, store_arrival_fn each, void *userdata);
