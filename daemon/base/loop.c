/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Timers and back-off. sd-event's default accuracy (250 ms) suits timers of minutes, where it saves
 * wake-ups, and spoils those of milliseconds; so the slack is a share of the delay.
 */

#include "base/loop.h"

#include <stdbool.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/crypto.h"

#define SLACK_SHARE    10
#define SLACK_MIN_USEC USEC_PER_MSEC
#define SLACK_MAX_USEC (250 * USEC_PER_MSEC)

DEFINE_CLEANUP(sd_event_source *, sd_event_source_disable_unref, cleanup_source)

static uint64_t timer_slack(uint64_t delay_usec)
{
	uint64_t slack = delay_usec / SLACK_SHARE;

	if (slack < SLACK_MIN_USEC)
		return SLACK_MIN_USEC;
	return slack > SLACK_MAX_USEC ? SLACK_MAX_USEC : slack;
}

static int timer_rearm(sd_event_source *source, uint64_t delay_usec)
{
	int r = sd_event_source_set_time_accuracy(source, timer_slack(delay_usec));

	if (r < 0)
		return r;
	r = sd_event_source_set_time_relative(source, delay_usec);
	if (r < 0)
		return r;
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

int loop_timer_set(sd_event *loop, sd_event_source **source, uint64_t delay_usec,
	sd_event_time_handler_t handler, void *userdata, const char *description)
{
	CLEANUP(cleanup_source) sd_event_source *created = NULL;
	int r;

	if (*source)
		return timer_rearm(*source, delay_usec);
	r = sd_event_add_time_relative(loop, &created, CLOCK_BOOTTIME, delay_usec,
		timer_slack(delay_usec), handler, userdata);
	if (r < 0)
		return r;
	r = sd_event_source_set_description(created, description);
	if (r < 0)
		return r;
	*source = STEAL(created);
	return 0;
}

void loop_timer_stop(sd_event_source *source)
{
	if (source)
		sd_event_source_set_enabled(source, SD_EVENT_OFF);
}

sd_event_source *loop_source_free(sd_event_source *source)
{
	return sd_event_source_disable_unref(source);
}

/* base << tries without overflow, at most cap. */
static uint64_t backoff_ceiling(const struct backoff *backoff)
{
	uint64_t ceiling = backoff->base_usec;

	for (unsigned i = 0; i < backoff->tries; i++) {
		if (ceiling > backoff->cap_usec / 2)
			return backoff->cap_usec;
		ceiling <<= 1;
	}
	return ceiling < backoff->cap_usec ? ceiling : backoff->cap_usec;
}

uint64_t backoff_next(struct backoff *backoff)
{
	uint64_t ceiling;

	if (backoff->tries < 64) /* more doublings than there are bits change nothing */
		backoff->tries++;
	ceiling = backoff_ceiling(backoff);
	if (ceiling <= backoff->base_usec)
		return ceiling;
	/* The bias of the remainder is below one part in 2^20 for delays of months. */
	return backoff->base_usec + random_uint64() % (ceiling - backoff->base_usec + 1);
}

void backoff_reset(struct backoff *backoff)
{
	backoff->tries = 0;
}
