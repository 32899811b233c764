/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bucket is filled when somebody takes from it, in proportion to the time since the last look;
 * so it needs no timer. Rate and burst are arguments: a reload changes them without touching the
 * buckets.
 */

#include "base/ratelimit.h"

#include <math.h>

#include "base/clock.h"

/* A sum of many small refills may miss a whole token by rounding; who waited as told must get it.
 */
#define ROUNDING 1e-6

bool ratelimit_take(struct ratelimit *limit, double rate, double burst, uint64_t now_usec,
	uint64_t *ret_wait_usec)
{
	double missing;

	if (limit->last_usec == 0)
		limit->tokens = burst;
	else if (now_usec > limit->last_usec)
		limit->tokens +=
			(double)(now_usec - limit->last_usec) * rate / (double)USEC_PER_SEC;
	if (limit->tokens > burst)
		limit->tokens = burst;
	limit->last_usec = now_usec > 0 ? now_usec : 1;
	missing = 1.0 - limit->tokens;
	if (missing <= ROUNDING) {
		limit->tokens = fmax(0.0, limit->tokens - 1.0);
		return true;
	}
	if (ret_wait_usec) {
		double wait = rate > 0 && burst >= 1.0 ? ceil(missing * (double)USEC_PER_SEC / rate)
						       : HUGE_VAL;

		*ret_wait_usec = wait < (double)INT64_MAX ? (uint64_t)wait : UINT64_MAX;
	}
	return false;
}
