/* SPDX-License-Identifier: Apache-2.0 */
/* The file of arrivals: what was kept is there again, torn ends are not, and it does not grow. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "store/arrivals.h"

static char directory[64];
static int fd;

static int setup(void **state)
{
	snprintf(directory, sizeof(directory), "/tmp/gh-arrivals-XXXXXX");
	assert_non_null(mkdtemp(directory));
	fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	return 0;
}

static int teardown(void **state)
{
	unlinkat(fd, "arrivals", 0);
	close(fd);
	return rmdir(directory);
}

static struct arrivals *open_at(uint64_t last)
{
	struct arrivals *arrivals;

	assert_int_equal(arrivals_new(fd, last, &arrivals), 0);
	return arrivals;
}

static off_t file_size(void)
{
	struct stat status;

	assert_int_equal(fstatat(fd, "arrivals", &status, 0), 0);
	return status.st_size;
}

static uint64_t keep(struct arrivals *arrivals, const char *payload)
{
	const struct store_arrival arrival = {.topic = SPAN_LITERAL("t"),
		.payload = span_from_string(payload),
		.response_topic = SPAN_LITERAL("back"),
		.correlation = span_of("\0\1", 2),
		.lifetime = 9,
		.owner = payload[0] == 'o' ? UINT64_MAX - 7 : 0,
		.unusable = payload[0] == 'u'};
	uint64_t number = 0;

	assert_int_equal(arrivals_keep(arrivals, &arrival, &number), 0);
	return number;
}

struct seen {
	unsigned count;
	uint64_t number[64];
	char payload[64][16];
	int answer;
};

/* The disk: while it is slow a sync ends only when the test lets it, or after some seconds. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool slow, syncing, given_up;

int __real_fdatasync(int file);
int __wrap_fdatasync(int file);
int __wrap_fdatasync(int file)
{
	struct timespec end;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += 5;
	pthread_mutex_lock(&lock);
	syncing = true;
	pthread_cond_broadcast(&changed);
	while (slow && !given_up)
		given_up = pthread_cond_timedwait(&changed, &lock, &end) != 0;
	syncing = false;
	pthread_mutex_unlock(&lock);
	return __real_fdatasync(file);
}

static void *keep_two(void *arrivals)
{
	assert_int_equal(keep(arrivals, "two"), 2);
	return NULL;
}

/* Another thread waits for the disk to keep the next one; the loop does not. */
static void test_settled_beside_a_slow_disk(void **state)
{
	struct arrivals *arrivals = open_at(0);
	pthread_t thread;

	assert_int_equal(keep(arrivals, "one"), 1);
	slow = true;
	assert_int_equal(pthread_create(&thread, NULL, keep_two, arrivals), 0);
	pthread_mutex_lock(&lock);
	while (!syncing)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
	assert_true(arrivals_settle(arrivals, 1));
	arrivals_empty(arrivals);
	pthread_mutex_lock(&lock);
	assert_true(syncing);
	assert_false(given_up);
	slow = false;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
	assert_int_equal(pthread_join(thread, NULL), 0);
	/* The second one waits. */
	arrivals_empty(arrivals);
	assert_true(file_size() > 0);
	assert_true(arrivals_settle(arrivals, 2));
	arrivals_empty(arrivals);
	assert_int_equal(file_size(), 0);
	arrivals_free(arrivals);
}

static int see(void *userdata, const struct store_arrival *arrival)
{
	struct seen *seen = userdata;

	assert_true(span_equal(arrival->topic, SPAN_LITERAL("t")));
	assert_true(span_equal(arrival->response_topic, SPAN_LITERAL("back")));
	assert_true(span_equal(arrival->correlation, span_of("\0\1", 2)));
	assert_int_equal(arrival->lifetime, 9);
	seen->number[seen->count] = arrival->number;
	span_to_string(arrival->payload, seen->payload[seen->count], 16);
	assert_int_equal(arrival->unusable, seen->payload[seen->count][0] == 'u');
	assert_true(arrival->owner == (seen->payload[seen->count][0] == 'o' ? UINT64_MAX - 7 : 0));
	seen->count++;
	return seen->answer;
}

static void test_again(void **state)
{
	struct arrivals *arrivals = open_at(10);
	struct seen seen = {0};
	off_t size;

	assert_int_equal(keep(arrivals, "one"), 11);
	assert_int_equal(keep(arrivals, "u2"), 12);
	assert_int_equal(keep(arrivals, ""), 13);
	assert_int_equal(keep(arrivals, "own"), 14);
	assert_null(arrivals_free(arrivals));
	/* The first was dealt with. */
	arrivals = open_at(11);
	assert_int_equal(arrivals_replay(arrivals, see, &seen), 0);
	assert_int_equal(seen.count, 3);
	assert_string_equal(seen.payload[2], "own");
	assert_int_equal(seen.number[0], 12);
	assert_string_equal(seen.payload[0], "u2");
	assert_int_equal(seen.number[1], 13);
	assert_int_equal(keep(arrivals, "new"), 15);
	for (uint64_t number = 12; number <= 14; number++)
		assert_false(arrivals_settle(arrivals, number));
	arrivals_empty(arrivals);
	assert_true(file_size() > 0);
	assert_true(arrivals_settle(arrivals, 15));
	arrivals_empty(arrivals);
	assert_int_equal(file_size(), 0);
	assert_false(arrivals_settle(arrivals, 15));
	assert_false(arrivals_settle(arrivals, 0));
	assert_int_equal(keep(arrivals, "later"), 16);
	size = file_size();
	/* Nobody emptied it: the next one does, and the end. */
	assert_true(arrivals_settle(arrivals, 16));
	assert_int_equal(keep(arrivals, "again"), 17);
	assert_int_equal(file_size(), size);
	assert_true(arrivals_settle(arrivals, 17));
	arrivals_free(arrivals);
	assert_int_equal(file_size(), 0);
	arrivals = open_at(15);
	assert_int_equal(keep(arrivals, "later"), 16);
	arrivals_free(arrivals);
	/* All of it known: an empty file, and numbers go on. */
	arrivals = open_at(16);
	assert_int_equal(file_size(), 0);
	assert_int_equal(keep(arrivals, "x"), 17);
	arrivals_free(arrivals);
	assert_null(arrivals_free(NULL));
}

static void test_ended_by_the_callback(void **state)
{
	struct arrivals *arrivals = open_at(0);
	struct seen seen = {.answer = -ECANCELED};

	keep(arrivals, "a");
	keep(arrivals, "b");
	arrivals_free(arrivals);
	arrivals = open_at(0);
	assert_int_equal(arrivals_replay(arrivals, see, &seen), -ECANCELED);
	assert_int_equal(seen.count, 1);
	arrivals_free(arrivals);
}

/* Cut anywhere, the entries before the cut are there and nothing is read behind it; every byte that
 * is another one ends it too. */
static void test_torn(void **state)
{
	struct arrivals *arrivals = open_at(0);
	uint8_t bytes[512];
	ssize_t size, first;
	int file;

	keep(arrivals, "a");
	first = file_size();
	keep(arrivals, "b");
	arrivals_free(arrivals);
	file = openat(fd, "arrivals", O_RDWR | O_CLOEXEC);
	size = read(file, bytes, sizeof(bytes));
	assert_true(size > first);
	for (ssize_t cut = 0; cut <= size; cut++) {
		struct seen seen = {0};

		assert_int_equal(pwrite(file, bytes, (size_t)cut, 0), cut);
		assert_int_equal(ftruncate(file, cut), 0);
		arrivals = open_at(0);
		assert_int_equal(arrivals_replay(arrivals, see, &seen), 0);
		assert_int_equal(seen.count, cut == size ? 2 : cut >= first);
		arrivals_free(arrivals);
	}
	for (ssize_t at = 0; at < size; at++) {
		struct seen seen = {0};

		bytes[at] ^= 0x80;
		assert_int_equal(pwrite(file, bytes, (size_t)size, 0), size);
		arrivals = open_at(0);
		assert_int_equal(arrivals_replay(arrivals, see, &seen), 0);
		assert_int_equal(seen.count, at >= first);
		arrivals_free(arrivals);
		bytes[at] ^= 0x80;
	}
	close(file);
}

static void test_limits(void **state)
{
	struct arrivals *arrivals = open_at(0);
	static uint8_t large[8192];
	struct store_arrival arrival = {.payload = span_of(large, sizeof(large))};
	uint64_t number, kept = 0;
	int r;

	assert_int_equal(arrivals_keep(arrivals, &arrival, &number), -EMSGSIZE);
	arrival.payload.size = 4096;
	while ((r = arrivals_keep(arrivals, &arrival, &number)) == 0)
		kept++;
	assert_int_equal(r, -ENOSPC);
	assert_in_range(kept, 200, 256);
	assert_true(file_size() <= 1 << 20);
	for (uint64_t i = 1; i <= kept; i++)
		assert_int_equal(arrivals_settle(arrivals, i), i == kept);
	assert_int_equal(arrivals_keep(arrivals, &arrival, &number), 0);
	arrivals_free(arrivals);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_again),
		T(test_ended_by_the_callback),
		T(test_torn),
		T(test_limits),
		T(test_settled_beside_a_slow_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
