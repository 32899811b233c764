/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The onboarding window: open for at most 15 minutes, by a person; new names only come in while it
 * is open. Never survives a restart. */

#include <stdbool.h>
#include <stdint.h>

struct window {
	uint64_t until_usec; /* boot time; 0 = closed */
	char opened_by[65];
};
bool window_is_open(const struct window *window, uint64_t now_usec);
/* seconds: 1 to max; -ERANGE otherwise. Opening an open window sets the new end. */
int window_open(
	struct window *window, uint32_t seconds, uint32_t max, const char *who, uint64_t now_usec);
void window_close(struct window *window);
uint32_t window_seconds_left(const struct window *window, uint64_t now_usec);
