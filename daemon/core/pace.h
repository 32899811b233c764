/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* How much comes in, over the last hour: a ring of minutes. It answers how long an outage can last
 * before the outbox is full. */

#include <stdbool.h>
#include <stdint.h>

#define PACE_MINUTES 60

struct pace {
	uint64_t sum[PACE_MINUTES];
	uint64_t minute;     /* since boot, of the newest */
	uint64_t since_usec; /* boot time of the first addition; 0 = none yet */
};

void pace_add(struct pace *pace, uint64_t amount, uint64_t now_usec);
/* What came in an hour at the present rate, from what there is of the last hour. False as long as
 * less than a minute is known. */
bool pace_per_hour(struct pace *pace, uint64_t now_usec, uint64_t *ret_amount);
/* For how many seconds 'room' lasts at the present rate. False when that is not known, or for
 * ever. */
bool pace_seconds_left(struct pace *pace, uint64_t room, uint64_t now_usec, uint64_t *ret_seconds);
