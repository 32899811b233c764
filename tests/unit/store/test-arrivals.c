/* SPDX-License-Identifier: Apache-2.0 */
/* The file of arrivals: what was kept is there again, torn ends are not, and it does not grow. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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
	arrivals_settle(arrivals, 12);
	arrivals_settle(arrivals, 13);
	arrivals_settle(arrivals, 14);
	assert_true(file_size() > 0);
	arrivals_settle(arrivals, 15);
	assert_int_equal(file_size(), 0);
	arrivals_settle(arrivals, 15);
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
		arrivals_settle(arrivals, i);
	assert_int_equal(file_size(), 0);
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
