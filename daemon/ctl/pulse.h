/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * That something is being done which takes longer than a second and cannot be counted, because it
 * is one call: a line on a terminal, drawn by a thread, gone in the end. Where nobody watches there
 * is neither line nor thread.
 *
 *	[###############---------------]  step 2 of 4: sealing it with the phrase, 3 s
 *	the gateway is at it, 3 s
 */

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct pulse {
	FILE *out;	      /* standard error, as a rule */
	const char *what;     /* borrowed until pulse_end() */
	unsigned step, steps; /* steps: 0 = there is this one alone */
	uint64_t from_usec;   /* when it began; 0 = now */
	/* private */
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	size_t shown; /* characters of the line that stands there */
	bool running, over;
};

/* out, what, step, steps and from_usec are set, the rest is 0. Nothing else writes to 'out' until
 * the end. */
void pulse_begin(struct pulse *pulse);
void pulse_end(struct pulse *pulse);
