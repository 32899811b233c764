/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A token bucket on boot time. Plain value; burst tokens at start. */

#include <stdbool.h>
#include <stdint.h>

struct ratelimit {
	double tokens;
	uint64_t last_usec; /* 0: not used yet, the bucket is full */
};

/* Takes one token of 'rate' a second with at most 'burst' saved; false when none is left, and then
 * *ret_wait_usec (may be NULL) says when there will be one. */
bool ratelimit_take(struct ratelimit *limit, double rate, double burst, uint64_t now_usec,
	uint64_t *ret_wait_usec);
