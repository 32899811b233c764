/* SPDX-License-Identifier: Apache-2.0 */

/* The window is one time and one name. It closes by itself when the time is over; nothing has to
 * happen for that, so nothing can fail to. */

#include "core/window.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

bool window_is_open(const struct window *window, uint64_t now_usec)
{
	return now_usec < window->until_usec;
}

int window_open(
	struct window *window, uint32_t seconds, uint32_t max, const char *who, uint64_t now_usec)
{
	if (seconds < 1 || seconds > max)
		return -ERANGE;
	window->until_usec = now_usec + seconds * USEC_PER_SEC;
	snprintf(window->opened_by, sizeof(window->opened_by), "%s", who);
	return 0;
}

void window_close(struct window *window)
{
	memset(window, 0, sizeof(*window));
}

uint32_t window_seconds_left(const struct window *window, uint64_t now_usec)
{
	if (!window_is_open(window, now_usec))
		return 0;
	/* Rounded up: while it is open at least one second is left. */
	return (uint32_t)((window->until_usec - now_usec + USEC_PER_SEC - 1) / USEC_PER_SEC);
}
