/* SPDX-License-Identifier: Apache-2.0 */

/* Bucket m % 60 holds minute m; moving on empties what was passed. No timer: whoever adds or asks
 * brings the time. The present minute counts as far as it has gone. */

#include "core/pace.h"

#include "base/clock.h"

#define USEC_PER_MINUTE (60 * USEC_PER_SEC)
#define USEC_PER_HOUR	(60 * USEC_PER_MINUTE)

static void move_on(struct pace *pace, uint64_t now_usec)
{
	uint64_t minute = now_usec / USEC_PER_MINUTE;
	uint64_t passed = minute > pace->minute ? minute - pace->minute : 0;

	if (passed > PACE_MINUTES)
		passed = PACE_MINUTES;
	for (uint64_t i = 0; i < passed; i++)
		pace->sum[(minute - i) % PACE_MINUTES] = 0;
	if (minute > pace->minute)
		pace->minute = minute;
}

void pace_add(struct pace *pace, uint64_t amount, uint64_t now_usec)
{
	move_on(pace, now_usec);
	if (!pace->since_usec)
		pace->since_usec = now_usec;
	pace->sum[pace->minute % PACE_MINUTES] += amount;
}

/* The ring holds the present minute and the 59 before it. */
static uint64_t known_usec(const struct pace *pace, uint64_t now_usec)
{
	uint64_t ring = (PACE_MINUTES - 1) * USEC_PER_MINUTE + now_usec % USEC_PER_MINUTE;
	uint64_t since = now_usec - pace->since_usec;

	return since < ring ? since : ring;
}

bool pace_per_hour(struct pace *pace, uint64_t now_usec, uint64_t *ret_amount)
{
	uint64_t known, sum = 0;

	if (!pace->since_usec || now_usec < pace->since_usec + USEC_PER_MINUTE)
		return false;
	move_on(pace, now_usec);
	known = known_usec(pace, now_usec);
	for (unsigned i = 0; i < PACE_MINUTES; i++)
		sum += pace->sum[i];
	*ret_amount = (uint64_t)((double)sum * (double)USEC_PER_HOUR / (double)known);
	return true;
}

bool pace_seconds_left(struct pace *pace, uint64_t room, uint64_t now_usec, uint64_t *ret_seconds)
{
	uint64_t hourly;

	if (!pace_per_hour(pace, now_usec, &hourly) || hourly == 0)
		return false;
	*ret_seconds = (uint64_t)((double)room / (double)hourly * 3600.0);
	return true;
}
