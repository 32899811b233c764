/* SPDX-License-Identifier: Apache-2.0 */
/* See pulse.h. Without a thread it is done all the same, and nobody sees how. */

#include "ctl/pulse.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "ctl/progress.h"

#define AFTER_USEC UINT64_C(1000000)
#define EVERY_USEC UINT64_C(500000)

static void draw(struct pulse *pulse, uint64_t took_usec)
{
	char bar[PROGRESS_BAR_SIZE], line[160];
	unsigned seconds = (unsigned)(took_usec / USEC_PER_SEC);
	int size;

	if (pulse->steps > 0)
		size = snprintf(line, sizeof(line), "[%s]  step %u of %u: %.80s, %u s",
			progress_bar(pulse->step - 1, pulse->steps, bar), pulse->step, pulse->steps,
			pulse->what, seconds);
	else
		size = snprintf(line, sizeof(line), "%.80s, %u s", pulse->what, seconds);
	fprintf(pulse->out, "\r%s", line);
	fflush(pulse->out);
	pulse->shown = (size_t)size > pulse->shown ? (size_t)size : pulse->shown;
}

/* That long, or until it is over. */
static void wait_for(struct pulse *pulse, uint64_t usec)
{
	struct timespec until = {0};

	clock_gettime(CLOCK_MONOTONIC, &until);
	usec += (uint64_t)until.tv_nsec / 1000;
	until.tv_sec += (time_t)(usec / USEC_PER_SEC);
	until.tv_nsec = (long)(usec % USEC_PER_SEC * 1000);
	while (!pulse->over && pthread_cond_timedwait(&pulse->changed, &pulse->mutex, &until) == 0)
		;
}

static void *watch(void *userdata)
{
	struct pulse *pulse = userdata;
	uint64_t now = clock_boot_usec(), first = pulse->from_usec + AFTER_USEC;

	pthread_mutex_lock(&pulse->mutex);
	wait_for(pulse, first > now ? first - now : 0);
	while (!pulse->over) {
		draw(pulse, clock_boot_usec() - pulse->from_usec);
		wait_for(pulse, EVERY_USEC);
	}
	pthread_mutex_unlock(&pulse->mutex);
	return NULL;
}

void pulse_begin(struct pulse *pulse)
{
	pthread_condattr_t attributes;
	sigset_t all, before;

	if (!isatty(fileno(pulse->out)))
		return;
	pthread_mutex_init(&pulse->mutex, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&pulse->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	if (!pulse->from_usec)
		pulse->from_usec = clock_boot_usec();
	/* Signals are for the thread that works. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pulse->running = pthread_create(&pulse->thread, NULL, watch, pulse) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void pulse_end(struct pulse *pulse)
{
	if (!pulse->running)
		return;
	pthread_mutex_lock(&pulse->mutex);
	pulse->over = true;
	pthread_cond_signal(&pulse->changed);
	pthread_mutex_unlock(&pulse->mutex);
	pthread_join(pulse->thread, NULL);
	pulse->running = false;
	if (pulse->shown)
		fprintf(pulse->out, "\r%*s\r", (int)pulse->shown, "");
	fflush(pulse->out);
	pthread_cond_destroy(&pulse->changed);
	pthread_mutex_destroy(&pulse->mutex);
}
