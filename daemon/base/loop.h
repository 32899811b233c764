/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Helpers over sd-event. A timer is one source that is created or re-armed; delays are relative, on
 * CLOCK_BOOTTIME and one-shot. A callback that returns a negative value disables its source: ours
 * return 0 unless that is wanted.
 */

#include <stdint.h>
#include <systemd/sd-event.h>

/*
 * Creates *source or re-arms it to fire once after delay_usec. 'description' names it in debug
 * output. handler, userdata and description count at creation only. Returns 0 or a negative errno.
 */
int loop_timer_set(sd_event *loop, sd_event_source **source, uint64_t delay_usec,
	sd_event_time_handler_t handler, void *userdata, const char *description);

/* Disarms; *source may be NULL. */
void loop_timer_stop(sd_event_source *source);

/* Disables and unreferences; returns NULL, for source = loop_source_free(source). */
sd_event_source *loop_source_free(sd_event_source *source);

/* Full-jitter back-off: the n-th delay (from 1) is uniform in [base, min(cap, base << n)]. */
struct backoff {
	uint64_t base_usec;
	uint64_t cap_usec;
	unsigned tries;
};
uint64_t backoff_next(struct backoff *backoff);
void backoff_reset(struct backoff *backoff);
