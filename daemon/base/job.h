/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A thread for what would block the loop: one for name look-ups, one for password hashes. Work runs
 * on the thread, done runs on the loop, once, also when the job was cancelled at shutdown
 * (-ECANCELED).
 */

#include <systemd/sd-event.h>

struct job_thread;

typedef int (*job_work_fn)(void *userdata); /* on the thread; its result goes to done */
typedef void (*job_done_fn)(void *userdata, int result); /* on the loop */

/* 'name' at most 15 characters. queue_max: jobs waiting or running; beyond it job_submit() refuses.
 */
int job_thread_new(sd_event *loop, const char *name, unsigned queue_max, struct job_thread **ret);
/* Waits for the running job, then calls done(-ECANCELED) for the waiting ones. Accepts NULL. Not
 * to be called from a done function. */
struct job_thread *job_thread_free(struct job_thread *thread);

/* On the loop's thread. 0, -EBUSY when the queue is full or the thread is being freed, or -ENOMEM.
 */
int job_submit(struct job_thread *thread, job_work_fn work, job_done_fn done, void *userdata);
