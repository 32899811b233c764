/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two mailboxes and a thread between them. Jobs travel through 'todo' to the thread and come back
 * through 'finished', whose eventfd is a source of the loop. The thread ends when the last mail in
 * 'todo' is the stop mail; because a box keeps its order, every job before it has been answered
 * then. Only the loop's thread counts the jobs, so the limit needs no lock.
 */

#include "base/job.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/cleanup.h"
#include "base/mailbox.h"

#define NAME_SIZE 16 /* the kernel's limit, NUL included */

struct job {
	struct mail mail; /* first: a job is its mail */
	job_work_fn work;
	job_done_fn done;
	void *userdata;
	int result;
};

struct job_thread {
	pthread_t thread;
	bool running;
	atomic_bool stopping; /* waiting jobs are no longer worked on */
	struct mailbox *todo;
	struct mailbox *finished;
	struct mail stop; /* in todo: end of the thread */
	sd_event_source *source;
	unsigned outstanding; /* submitted, done() not yet called */
	unsigned queue_max;
};

DEFINE_CLEANUP(struct job_thread *, job_thread_free, cleanup_job_thread)

static void *thread_main(void *userdata)
{
	struct job_thread *thread = userdata;

	for (;;) {
		struct mail *mail, *next;

		mailbox_wait(thread->todo, -1);
		for (mail = mailbox_take(thread->todo); mail; mail = next) {
			struct job *job = (struct job *)mail;

			next = mail->next;
			if (mail == &thread->stop)
				return NULL;
			job->result = atomic_load(&thread->stopping) ? -ECANCELED
								     : job->work(job->userdata);
			mailbox_push(thread->finished, mail);
		}
	}
}

static void deliver_finished(struct job_thread *thread)
{
	struct mail *mail, *next;

	for (mail = mailbox_take(thread->finished); mail; mail = next) {
		struct job *job = (struct job *)mail;

		next = mail->next;
		thread->outstanding--;
		job->done(job->userdata, job->result);
		free(job);
	}
}

static int on_finished(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	deliver_finished(userdata);
	return 0;
}

/* Signals belong to the loop's signalfd, so the thread starts with all of them blocked. */
static int thread_start(struct job_thread *thread, const char *name)
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	r = -pthread_sigmask(SIG_SETMASK, &all, &before);
	if (r < 0)
		return r;
	r = -pthread_create(&thread->thread, NULL, thread_main, thread);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r < 0)
		return r;
	thread->running = true;
	pthread_setname_np(thread->thread, name); /* for people; nothing depends on it */
	return 0;
}

int job_thread_new(sd_event *loop, const char *name, unsigned queue_max, struct job_thread **ret)
{
	CLEANUP(cleanup_job_thread) struct job_thread *thread = NULL;
	int r;

	if (strlen(name) >= NAME_SIZE)
		return -EINVAL;
	thread = malloc(sizeof(*thread));
	if (!thread)
		return -ENOMEM;
	*thread = (struct job_thread){.queue_max = queue_max};
	r = mailbox_new(&thread->todo);
	if (r < 0)
		return r;
	r = mailbox_new(&thread->finished);
	if (r < 0)
		return r;
	r = sd_event_add_io(
		loop, &thread->source, mailbox_fd(thread->finished), EPOLLIN, on_finished, thread);
	if (r < 0)
		return r;
	r = sd_event_source_set_description(thread->source, name);
	if (r < 0)
		return r;
	r = thread_start(thread, name);
	if (r < 0)
		return r;
	*ret = STEAL(thread);
	return 0;
}

struct job_thread *job_thread_free(struct job_thread *thread)
{
	if (!thread)
		return NULL;
	if (thread->running) {
		atomic_store(&thread->stopping, true);
		mailbox_push(thread->todo, &thread->stop);
		pthread_join(thread->thread, NULL);
		deliver_finished(thread);
	}
	sd_event_source_disable_unref(thread->source);
	mailbox_free(thread->todo);
	mailbox_free(thread->finished);
	free(thread);
	return NULL;
}

int job_submit(struct job_thread *thread, job_work_fn work, job_done_fn done, void *userdata)
{
	struct job *job;

	if (atomic_load(&thread->stopping) || thread->outstanding >= thread->queue_max)
		return -EBUSY;
	job = malloc(sizeof(*job));
	if (!job)
		return -ENOMEM;
	*job = (struct job){.work = work, .done = done, .userdata = userdata};
	thread->outstanding++;
	mailbox_push(thread->todo, &job->mail);
	return 0;
}
