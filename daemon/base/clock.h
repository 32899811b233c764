/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Time. Timers, expiry, back-off and rate limits use clock_boot_usec() (CLOCK_BOOTTIME); wall time
 * is only for stamps and travels with its quality. A gateway without RTC is normal. These functions
 * are the seam of the tests (linked with --wrap).
 */

#include <stdbool.h>
#include <stdint.h>

#define USEC_PER_SEC  UINT64_C(1000000)
#define USEC_PER_MSEC UINT64_C(1000)

/* Microseconds since boot, suspend included. Never goes back. */
uint64_t clock_boot_usec(void);

/* Milliseconds since 1970. May jump. */
int64_t clock_wall_msec(void);

/* True when the kernel's clock is disciplined (adjtimex without STA_UNSYNC, or systemd-timesyncd's
 * stamp file exists). */
bool clock_is_synced(void);

/* "2026-11-21T12:34:56Z" for a wall time; ret_text of at least 21 bytes. Before 1970 and
 * after 9999 it stands still. Returns ret_text. */
const char *clock_format(int64_t wall_msec, char *ret_text);
