/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A wall clock that somebody sets: preloaded into the daemon. CLOCK_FILE names a file of eight
 * bytes, the seconds by which the clock is wrong at this moment; who writes there sets the clock of
 * the process that runs. Clocks that are not the wall's go on as they do when it is set.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *offset;

static void find_offset(void)
{
	const char *path = getenv("CLOCK_FILE");
	void *page;
	int fd;

	if (offset || !path || strcmp(program_invocation_short_name, "gatehoused") != 0)
		return;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	page = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(*offset), PROT_READ, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED)
		_exit(99);
	close(fd);
	offset = page;
}

__attribute__((constructor)) static void begin(void)
{
	find_offset();
}

int clock_gettime(clockid_t id, struct timespec *ret_now)
{
	int r = (int)syscall(SYS_clock_gettime, id, ret_now);

	if (r == 0 && offset && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
		ret_now->tv_sec += *offset;
	return r;
}

time_t time(time_t *ret_now)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (ret_now)
		*ret_now = now.tv_sec;
	return now.tv_sec;
}

int gettimeofday(struct timeval *ret_now, void *zone)
{
	struct timespec now;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &now);
	*ret_now = (struct timeval){now.tv_sec, now.tv_nsec / 1000};
	return 0;
}
