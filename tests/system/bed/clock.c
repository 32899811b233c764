/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A machine whose clock is wrong, for one program: preloaded, it moves the wall clock by
 * CLOCK_SKEW seconds and says that nobody has set it. Clocks that only count go on as they are.
 * Once there is a file CLOCK_IS_SET somebody has: it is right from then on.
 *
 * The kernel knows nothing of it: a wait until a time on that clock is given to it on its own. Else
 * each such wait of a gateway whose clock is behind would be over at once (Paho's sending thread
 * would take a whole core), and of one whose clock is ahead never.
 */

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

static int is_set(void)
{
	const char *path = getenv("CLOCK_IS_SET");

	return path && access(path, F_OK) == 0;
}

static time_t skew(void)
{
	const char *text = getenv("CLOCK_SKEW");

	return text && !is_set() ? (time_t)atoll(text) : 0;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
	static int (*real)(clockid_t, struct timespec *);
	int r;

	if (!real)
		real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
	r = real(clock, now);
	if (r == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
		now->tv_sec += skew();
	return r;
}

time_t time(time_t *ret_now)
{
	struct timespec now = {0};

	clock_gettime(CLOCK_REALTIME, &now);
	if (ret_now)
		*ret_now = now.tv_sec;
	return now.tv_sec;
}

int gettimeofday(struct timeval *ret_now, void *zone)
{
	struct timespec now = {0};

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &now);
	*ret_now = (struct timeval){.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
	return 0;
}

/* A condition may wait by a clock that only counts: since the start of the machine, some years at
 * most. */
#define COUNTED_AT_MOST (20 * 365 * 86400L)

int pthread_cond_timedwait(
	pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *until)
{
	static int (*real)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
	struct timespec own = *until;

	if (!real)
		real = (int (*)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *))dlsym(
			RTLD_NEXT, "pthread_cond_timedwait");
	if (own.tv_sec > COUNTED_AT_MOST)
		own.tv_sec -= skew();
	return real(condition, mutex, &own);
}

int adjtimex(struct timex *state)
{
	if (state->modes != 0) {
		errno = EPERM;
		return -1;
	}
	*state = (struct timex){.status = is_set() ? 0 : STA_UNSYNC};
	return is_set() ? TIME_OK : TIME_ERROR;
}
