/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Jobs. done() comes once for each job, on the loop's thread, in order; the queue refuses beyond
 * its limit; at the end the running job is waited for and the waiting ones are cancelled. The
 * moment when freeing begins to wait is seen through pthread_join.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/job.h"

struct task {
	int result;	 /* what work returns */
	sem_t *started;	 /* posted by work, if given */
	sem_t *released; /* waited for by work, if given */
	bool worked;
	pthread_t worker;
	char name[16];
	bool signals_blocked;
	unsigned done_count;
	int done_result;
	unsigned done_at; /* rank among all done calls */
	bool done_on_main;
};

static pthread_t main_thread;
static unsigned done_total;
static sem_t *release_at_join;

int __real_pthread_join(pthread_t thread, void **ret);
int __wrap_pthread_join(pthread_t thread, void **ret);
int __wrap_pthread_join(pthread_t thread, void **ret)
{
	if (release_at_join)
		sem_post(release_at_join);
	return __real_pthread_join(thread, ret);
}

static int work(void *userdata)
{
	struct task *task = userdata;
	sigset_t mask;

	if (task->started)
		sem_post(task->started);
	if (task->released)
		sem_wait(task->released);
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	task->signals_blocked = sigismember(&mask, SIGTERM) && sigismember(&mask, SIGHUP) &&
				sigismember(&mask, SIGCHLD) && sigismember(&mask, SIGPIPE);
	pthread_getname_np(pthread_self(), task->name, sizeof(task->name));
	task->worker = pthread_self();
	task->worked = true;
	return task->result;
}

static void done(void *userdata, int result)
{
	struct task *task = userdata;

	task->done_count++;
	task->done_result = result;
	task->done_at = done_total++;
	task->done_on_main = pthread_equal(pthread_self(), main_thread);
}

static int loop_setup(void **state)
{
	main_thread = pthread_self();
	done_total = 0;
	release_at_join = NULL;
	return sd_event_new((sd_event **)state);
}

static int loop_teardown(void **state)
{
	sd_event_unref(*state);
	return 0;
}

static void run_until_done(sd_event *loop, unsigned wanted)
{
	while (done_total < wanted)
		assert_true(sd_event_run(loop, UINT64_MAX) >= 0);
}

static void test_round_trip(void **state)
{
	struct task tasks[5] = {0};
	struct job_thread *thread = NULL;
	sigset_t mask;

	assert_int_equal(job_thread_new(*state, "a-thread-name-x", 5, &thread), 0);
	for (int i = 0; i < 5; i++) {
		tasks[i].result = i == 3 ? -ENOENT : i;
		assert_int_equal(job_submit(thread, work, done, &tasks[i]), 0);
	}
	run_until_done(*state, 5);
	for (unsigned i = 0; i < 5; i++) {
		assert_true(tasks[i].worked);
		assert_false(pthread_equal(tasks[i].worker, main_thread));
		assert_true(tasks[i].signals_blocked);
		assert_string_equal(tasks[i].name, "a-thread-name-x");
		assert_int_equal(tasks[i].done_count, 1);
		assert_int_equal(tasks[i].done_result, tasks[i].result);
		assert_int_equal(tasks[i].done_at, i);
		assert_true(tasks[i].done_on_main);
	}
	/* The caller's own mask is as before. */
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	assert_int_equal(sigismember(&mask, SIGTERM), 0);
	assert_null(job_thread_free(thread));
	assert_int_equal(done_total, 5);
}

static void test_queue_is_limited(void **state)
{
	struct job_thread *thread = NULL;
	struct task tasks[3] = {0};
	sem_t released;

	sem_init(&released, 0, 0);
	tasks[0].released = &released;
	assert_int_equal(job_thread_new(*state, "test", 2, &thread), 0);
	assert_int_equal(job_submit(thread, work, done, &tasks[0]), 0);
	assert_int_equal(job_submit(thread, work, done, &tasks[1]), 0);
	assert_int_equal(job_submit(thread, work, done, &tasks[2]), -EBUSY);
	sem_post(&released);
	run_until_done(*state, 2);
	assert_int_equal(tasks[2].done_count, 0);
	/* The places are free again. */
	assert_int_equal(job_submit(thread, work, done, &tasks[2]), 0);
	run_until_done(*state, 3);
	job_thread_free(thread);
	sem_destroy(&released);
}

static void test_free_waits_and_cancels(void **state)
{
	struct job_thread *thread = NULL;
	struct task tasks[3] = {{.result = 7}};
	sem_t started, released;

	sem_init(&started, 0, 0);
	sem_init(&released, 0, 0);
	tasks[0].started = &started;
	tasks[0].released = &released;
	assert_int_equal(job_thread_new(*state, "test", 3, &thread), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(job_submit(thread, work, done, &tasks[i]), 0);
	sem_wait(&started);
	release_at_join = &released;
	assert_null(job_thread_free(thread));
	assert_int_equal(tasks[0].done_result, 7);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(tasks[i].done_count, 1);
		assert_true(tasks[i].done_on_main);
		assert_int_equal(tasks[i].worked, i == 0);
		if (i > 0)
			assert_int_equal(tasks[i].done_result, -ECANCELED);
	}
	sem_destroy(&started);
	sem_destroy(&released);
}

struct again {
	struct job_thread *thread;
	struct task task;
	int submitted;
};

static void done_and_submit(void *userdata, int result)
{
	struct again *again = userdata;

	done_total++;
	again->submitted = job_submit(again->thread, work, done, &again->task);
}

static int work_at_once(void *userdata)
{
	return 0;
}

/* From done() a next job may be submitted, with the place of the one that just ended; not while the
 * thread is being freed. */
static void test_submit_from_done(void **state)
{
	struct again again = {.submitted = 1};

	assert_int_equal(job_thread_new(*state, "test", 1, &again.thread), 0);
	assert_int_equal(job_submit(again.thread, work_at_once, done_and_submit, &again), 0);
	run_until_done(*state, 2);
	assert_int_equal(again.submitted, 0);
	assert_int_equal(again.task.done_count, 1);
	assert_int_equal(job_submit(again.thread, work_at_once, done_and_submit, &again), 0);
	job_thread_free(again.thread);
	assert_int_equal(again.submitted, -EBUSY);
}

static void test_bad_name(void **state)
{
	struct job_thread *thread = NULL;

	assert_int_equal(job_thread_new(*state, "sixteen-letters-", 1, &thread), -EINVAL);
	assert_null(thread);
	assert_null(job_thread_free(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_round_trip, loop_setup, loop_teardown),
		cmocka_unit_test_setup_teardown(test_queue_is_limited, loop_setup, loop_teardown),
		cmocka_unit_test_setup_teardown(
			test_free_waits_and_cancels, loop_setup, loop_teardown),
		cmocka_unit_test_setup_teardown(test_submit_from_done, loop_setup, loop_teardown),
		cmocka_unit_test_setup_teardown(test_bad_name, loop_setup, loop_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
