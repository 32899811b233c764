/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log. Where records go is decided once in a process, so each test runs its records in a child
 * whose stderr is a file of ours, and reads afterwards what arrived there and in the stand-in for
 * the journal.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"

static int journal_fd = -EBADF;
static int journal_result;

int __wrap_sd_journal_sendv(const struct iovec *fields, int count);
int __wrap_sd_journal_sendv(const struct iovec *fields, int count)
{
	for (int i = 0; i < count; i++) {
		assert_int_equal(write(journal_fd, fields[i].iov_base, fields[i].iov_len),
			(ssize_t)fields[i].iov_len);
		assert_int_equal(write(journal_fd, "\n", 1), 1);
	}
	return journal_result;
}

struct outcome {
	char err[8192];
	char journal[8192];
};

static void read_back(int fd, char *text, size_t capacity)
{
	ssize_t n = pread(fd, text, capacity - 1, 0);

	assert_true(n >= 0);
	text[n] = 0;
}

/* Runs 'records' in a child. with_journal: JOURNAL_STREAM names the child's stderr. */
static void run(void (*records)(void), bool with_journal, struct outcome *ret)
{
	CLEANUP(cleanup_close) int err = memfd_create("stderr", MFD_CLOEXEC);
	CLEANUP(cleanup_close) int journal = memfd_create("journal", MFD_CLOEXEC);
	struct stat st;
	char stream[64];
	pid_t child;
	int status;

	assert_int_equal(fstat(err, &st), 0);
	snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)st.st_dev,
		(uintmax_t)st.st_ino + (with_journal ? 0 : 1));
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		journal_fd = journal;
		setenv("JOURNAL_STREAM", stream, 1);
		dup2(err, STDERR_FILENO);
		records();
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	read_back(err, ret->err, sizeof(ret->err));
	read_back(journal, ret->journal, sizeof(ret->journal));
}

static void write_levels(void)
{
	log_error("one");
	log_warning("two %d", 2);
	log_notice("three");
	log_info("four");
	log_debug("not shown");
	log_set_level(LOG_DEBUG);
	log_debug("five");
	log_set_level(LOG_ERR);
	log_warning("not shown");
	log_at(LOG_CRIT, NULL, "six");
}

static void test_levels(void **state)
{
	struct outcome outcome;

	run(write_levels, false, &outcome);
	assert_string_equal(outcome.err,
		"error: one\nwarning: two 2\nnotice: three\ninfo: four\ndebug: five\nerror: six\n");
	assert_string_equal(outcome.journal, "");
}

static void write_fields(void)
{
	const struct log_fields fields = {.device = "d1",
		.operation = "7",
		.platform = "local",
		.peer = "[::1]:5683",
		.message_id = "0123"};

	log_at(LOG_INFO, &fields, "text");
	log_device(LOG_INFO, "d2\n", "text");
	log_at(LOG_INFO, (&(const struct log_fields){.message_id = "0123"}), "text");
}

static void test_fields_on_a_line(void **state)
{
	struct outcome outcome;

	run(write_fields, false, &outcome);
	assert_string_equal(outcome.err,
		"info: text [device=d1 operation=7 platform=local peer=[::1]:5683]\n"
		"info: text [device=d2\\x0a]\n"
		"info: text\n");
}

static void test_fields_in_the_journal(void **state)
{
	struct outcome outcome;

	run(write_fields, true, &outcome);
	assert_string_equal(outcome.err, "");
	assert_non_null(strstr(outcome.journal, "MESSAGE=text\nPRIORITY=6\nCODE_FILE="));
	assert_non_null(strstr(outcome.journal, "\nCODE_FUNC=write_fields\n"));
	assert_non_null(strstr(outcome.journal,
		"\nGATEHOUSE_DEVICE=d1\nGATEHOUSE_OPERATION=7\nGATEHOUSE_PLATFORM=local\n"
		"GATEHOUSE_PEER=[::1]:5683\nMESSAGE_ID=0123\n"));
	assert_non_null(strstr(outcome.journal, "\nGATEHOUSE_DEVICE=d2\\x0a\n"));
}

static void write_with_broken_journal(void)
{
	journal_result = -ENOENT;
	log_info("still told");
}

static void test_broken_journal_falls_back(void **state)
{
	struct outcome outcome;

	run(write_with_broken_journal, true, &outcome);
	assert_string_equal(outcome.err, "info: still told\n");
}

static void write_hostile(void)
{
	log_info("a\nerror: forged %s", "\x1b[31m\xff");
}

static void test_a_record_is_one_line(void **state)
{
	struct outcome outcome;

	run(write_hostile, false, &outcome);
	assert_string_equal(outcome.err, "info: a\\x0aerror: forged \\x1b[31m\\xff\n");
	run(write_hostile, true, &outcome);
	assert_non_null(strstr(outcome.journal, "MESSAGE=a\\x0aerror: forged \\x1b[31m\\xff\n"));
}

/* 1 + 2 * 1000 bytes: the cut falls into the middle of a two-byte character. */
static void write_long(void)
{
	char text[2002] = "x";

	for (size_t i = 1; i + 1 < sizeof(text); i += 2)
		memcpy(text + i, "\xc3\xa9", 2);
	text[2001] = 0;
	log_info("%s", text);
	memset(text, '\n', 2001);
	log_info("%s", text);
}

static void test_long_records_are_cut(void **state)
{
	struct outcome outcome;
	char *second;

	run(write_long, false, &outcome);
	second = strchr(outcome.err, '\n') + 1;
	assert_null(strstr(outcome.err, "\\xc3"));
	assert_memory_equal(second - 6, "\xc3\xa9...\n", 6);
	assert_true(second - outcome.err < 1100);
	assert_memory_equal(second, "info: \\x0a\\x0a", 14);
	assert_string_equal(second + strlen(second) - 8, "\\x0a...\n");
	assert_true(strlen(second) < 2100);
}

static void write_errno(void)
{
	errno = ENOENT;
	log_info("text");
	if (errno != ENOENT)
		_exit(1);
}

static void test_errno_is_kept(void **state)
{
	struct outcome outcome;

	run(write_errno, false, &outcome);
	assert_string_equal(outcome.err, "info: text\n");
}

static void test_level_words(void **state)
{
	int level = 99;

	assert_int_equal(log_level(), LOG_INFO);
	assert_int_equal(log_level_from_string("verbose", &level), -EINVAL);
	assert_int_equal(log_level_from_string("", &level), -EINVAL);
	assert_int_equal(log_level_from_string("Error", &level), -EINVAL);
	assert_int_equal(level, 99);
	assert_int_equal(log_level_from_string("error", &level), 0);
	assert_int_equal(level, LOG_ERR);
	assert_int_equal(log_level_from_string("debug", &level), 0);
	assert_int_equal(level, LOG_DEBUG);
}

static void test_limiter(void **state)
{
	struct log_limiter limiter = {0};
	uint64_t suppressed = 99;

	assert_true(log_limiter_allow(&limiter, 5, &suppressed));
	assert_int_equal(suppressed, 0);
	suppressed = 99;
	assert_false(log_limiter_allow(&limiter, 5, &suppressed));
	assert_false(log_limiter_allow(&limiter, 1000004, &suppressed));
	assert_int_equal(suppressed, 99);
	assert_true(log_limiter_allow(&limiter, 1000005, &suppressed));
	assert_int_equal(suppressed, 2);
	assert_true(log_limiter_allow(&limiter, 9000000, &suppressed));
	assert_int_equal(suppressed, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_fields_on_a_line),
		cmocka_unit_test(test_fields_in_the_journal),
		cmocka_unit_test(test_broken_journal_falls_back),
		cmocka_unit_test(test_a_record_is_one_line),
		cmocka_unit_test(test_long_records_are_cut),
		cmocka_unit_test(test_errno_is_kept),
		cmocka_unit_test(test_level_words),
		cmocka_unit_test(test_limiter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
