/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * When publications of many sessions are handed over together.
 *
 * For each answer that arrives alone Paho looks at the sockets of all its sessions, twice: with a
 * thousand of them that is most of what a message costs, and it grows with their number. Sent back
 * to back the messages of all are answered together, and one look serves many. So where there are
 * more than TICK_SESSIONS, those that may wait do so for up to TICK_USEC after the first of them.
 * Pure; boot time in microseconds.
 */

#include <stdbool.h>
#include <stdint.h>

#define TICK_SESSIONS 16
#define TICK_USEC     UINT64_C(50000)

struct tick {
	uint64_t at_usec; /* 0: nothing waits */
};

/* True when it has to wait for the tick, which is planned then. */
static inline bool tick_hold(struct tick *tick, unsigned sessions, uint64_t now_usec)
{
	if (sessions <= TICK_SESSIONS)
		return false;
	if (!tick->at_usec)
		tick->at_usec = now_usec + TICK_USEC;
	return true;
}

/* True once when its time has come. */
static inline bool tick_take(struct tick *tick, uint64_t now_usec)
{
	if (!tick->at_usec || now_usec < tick->at_usec)
		return false;
	tick->at_usec = 0;
	return true;
}

/* Milliseconds until then, rounded up so that nobody wakes up before it; -1: nothing waits. */
static inline int tick_left_msec(const struct tick *tick, uint64_t now_usec)
{
	if (!tick->at_usec)
		return -1;
	if (tick->at_usec <= now_usec)
		return 0;
	return (int)((tick->at_usec - now_usec + 999) / 1000);
}
