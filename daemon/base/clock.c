/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two clocks and the question how far to trust the second. Whether wall time is synchronised is
 * asked of the kernel first, because every NTP client tells it there; in a sandbox that forbids
 * adjtimex() the stamp file of systemd-timesyncd answers.
 */

#include "base/clock.h"

#include <stdlib.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#define TIMESYNC_STAMP "/run/systemd/timesync/synchronized"
#define LAST_SECOND    INT64_C(253402300799) /* 9999-12-31T23:59:59Z */
#define FORMAT_SIZE    21

uint64_t clock_boot_usec(void)
{
	struct timespec now;

	if (clock_gettime(CLOCK_BOOTTIME, &now) < 0)
		abort(); /* no kernel that we can run on lacks it */
	return (uint64_t)now.tv_sec * USEC_PER_SEC + (uint64_t)now.tv_nsec / 1000;
}

int64_t clock_wall_msec(void)
{
	struct timespec now;

	if (clock_gettime(CLOCK_REALTIME, &now) < 0)
		abort();
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool clock_is_synced(void)
{
	struct timex state = {.modes = 0};

	if (adjtimex(&state) >= 0 && !(state.status & STA_UNSYNC))
		return true;
	return access(TIMESYNC_STAMP, F_OK) == 0;
}

const char *clock_format(int64_t wall_msec, char *ret_text)
{
	int64_t second = wall_msec < 0 ? 0 : wall_msec / 1000;
	time_t stamp = (time_t)(second > LAST_SECOND ? LAST_SECOND : second);
	struct tm parts;

	gmtime_r(&stamp, &parts);
	strftime(ret_text, FORMAT_SIZE, "%Y-%m-%dT%H:%M:%SZ", &parts);
	return ret_text;
}
