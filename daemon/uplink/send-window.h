/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * How many publications of a connection Paho is to hold at a time.
 *
 * It keeps each of their strings in one tree for all of its threads, under one lock, and walks its
 * lists for each: the more it holds, the more each one costs. On the same machine as the broker 48
 * are answered as fast as 256, for two thirds of the processor time. Where the broker is far away
 * few would be too few, so there are as many as leave in the time that an answer takes at 6,000 a
 * second, which is more than Paho sends. An answer also takes longer the more are before it: so the
 * quickest answer counts, and one that was quick is forgotten over tens of thousands of others.
 *
 * Pure; one for each connection, used under Paho's lock.
 */

#include <stdint.h>

#define SEND_WINDOW_LEAST 48
#define SEND_WINDOW_MOST  256
#define SEND_WINDOW_RATE  6 /* a millisecond */

struct send_window {
	unsigned most;		    /* what the broker allows, or SEND_WINDOW_MOST */
	uint64_t quickest_usec_q16; /* in 1/65536 us; 0: nothing has been answered */
};

static inline unsigned send_window_size(const struct send_window *window)
{
	uint64_t size = (window->quickest_usec_q16 >> 16) * SEND_WINDOW_RATE / 1000;

	if (size < SEND_WINDOW_LEAST)
		size = SEND_WINDOW_LEAST;
	return size < window->most ? (unsigned)size : window->most;
}

/* An answer came after so long, which is taken as an hour at most. */
static inline void send_window_answered(struct send_window *window, uint64_t usec)
{
	uint64_t took = (usec < UINT64_C(3600000000) ? usec + 1 : UINT64_C(3600000000)) << 16;

	if (window->quickest_usec_q16 == 0 || took < window->quickest_usec_q16)
		window->quickest_usec_q16 = took;
	else
		window->quickest_usec_q16 += (took - window->quickest_usec_q16) >> 16;
}
