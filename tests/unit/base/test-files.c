/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files in a directory of the test's own. fsync, write and geteuid are stood in for where a disk
 * fails, a write is short or somebody else owns the directory.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/files.h"

static int dir = -EBADF;
static char dir_path[] = "/tmp/test-files-XXXXXX";
static int fsync_fails_at; /* 0: never; n: the n-th call */
static int fsync_calls;
static bool write_is_short;
static bool other_user;

int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
	if (++fsync_calls != fsync_fails_at)
		return __real_fsync(fd);
	errno = EIO;
	return -1;
}

ssize_t __real_write(int fd, const void *data, size_t size);
ssize_t __wrap_write(int fd, const void *data, size_t size);
ssize_t __wrap_write(int fd, const void *data, size_t size)
{
	static bool interrupted;

	if (!write_is_short)
		return __real_write(fd, data, size);
	interrupted = !interrupted;
	if (interrupted) {
		errno = EINTR;
		return -1;
	}
	return __real_write(fd, data, size > 3 ? 3 : size);
}

uid_t __real_geteuid(void);
uid_t __wrap_geteuid(void);
uid_t __wrap_geteuid(void)
{
	return __real_geteuid() + (other_user ? 1 : 0);
}

static int setup(void **state)
{
	strcpy(dir_path, "/tmp/test-files-XXXXXX");
	fsync_fails_at = fsync_calls = 0;
	write_is_short = other_user = false;
	if (!mkdtemp(dir_path))
		return -1;
	dir = open(dir_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dir < 0 ? -1 : 0;
}

/* Calls visit (may be NULL) for each entry; returns their number. */
static unsigned each_entry(void (*visit)(const char *name))
{
	DIR *stream = opendir(dir_path);
	struct dirent *entry;
	unsigned count = 0;

	assert_non_null(stream);
	while ((entry = readdir(stream))) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		count++;
		if (visit)
			visit(entry->d_name);
	}
	closedir(stream);
	return count;
}

static void remove_entry(const char *name)
{
	if (unlinkat(dir, name, 0) < 0)
		unlinkat(dir, name, AT_REMOVEDIR);
}

static int teardown(void **state)
{
	each_entry(remove_entry);
	close(dir);
	return rmdir(dir_path);
}

static void assert_content(const char *name, const char *expected)
{
	CLEANUP(cleanup_free) uint8_t *data = NULL;
	size_t size = 0;

	assert_int_equal(file_read(dir, name, 1000, &data, &size), 0);
	assert_int_equal(size, strlen(expected));
	assert_string_equal((char *)data, expected);
}

static mode_t mode_of(const char *name)
{
	struct stat st;

	assert_int_equal(fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW), 0);
	return st.st_mode & 07777;
}

static void test_replace(void **state)
{
	mode_t mask = umask(077);

	assert_int_equal(file_replace(dir, "a", SPAN_LITERAL("one"), 0644), 0);
	umask(mask);
	assert_content("a", "one");
	assert_int_equal(mode_of("a"), 0644);
	assert_int_equal(file_replace(dir, "a", span_of(NULL, 0), 0400), 0);
	assert_content("a", "");
	assert_int_equal(mode_of("a"), 0400);
	assert_int_equal(fsync_calls, 4); /* file and directory, twice */
	assert_int_equal(each_entry(NULL), 1);
}

static void test_replace_failure_keeps_the_old(void **state)
{
	assert_int_equal(file_replace(dir, "a", SPAN_LITERAL("old"), 0600), 0);
	fsync_calls = 0;
	fsync_fails_at = 1;
	assert_int_equal(file_replace(dir, "a", SPAN_LITERAL("new"), 0600), -EIO);
	assert_content("a", "old");
	assert_int_equal(each_entry(NULL), 1);
	/* The rename itself fails: a directory stands there. */
	assert_int_equal(mkdirat(dir, "d", 0700), 0);
	assert_true(file_replace(dir, "d", SPAN_LITERAL("new"), 0600) < 0);
	assert_int_equal(each_entry(NULL), 2);
}

static void test_directory_fsync_is_reported(void **state)
{
	fsync_fails_at = 2;
	assert_int_equal(file_replace(dir, "a", SPAN_LITERAL("x"), 0600), -EIO);
	fsync_calls = 0;
	assert_int_equal(file_create(dir, "b", SPAN_LITERAL("x"), 0600), -EIO);
}

static void test_replace_does_not_follow(void **state)
{
	assert_int_equal(file_replace(dir, "target", SPAN_LITERAL("safe"), 0600), 0);
	assert_int_equal(symlinkat("target", dir, "link"), 0);
	assert_int_equal(symlinkat("target", dir, ".link.tmp"), 0);
	assert_int_equal(file_replace(dir, "link", SPAN_LITERAL("new"), 0600), 0);
	assert_content("target", "safe");
	assert_content("link", "new");
}

static void test_short_writes(void **state)
{
	write_is_short = true;
	assert_int_equal(file_replace(dir, "a", SPAN_LITERAL("eleven char"), 0600), 0);
	assert_content("a", "eleven char");
}

static void test_create(void **state)
{
	assert_int_equal(file_create(dir, "key", SPAN_LITERAL("secret"), 0400), 0);
	assert_content("key", "secret");
	assert_int_equal(mode_of("key"), 0400);
	assert_int_equal(file_create(dir, "key", SPAN_LITERAL("other"), 0400), -EEXIST);
	assert_content("key", "secret");
	assert_int_equal(symlinkat("nowhere", dir, "link"), 0);
	assert_int_equal(file_create(dir, "link", SPAN_LITERAL("other"), 0400), -EEXIST);
	assert_int_equal(each_entry(NULL), 2);
}

static void test_create_failure_leaves_nothing(void **state)
{
	fsync_fails_at = 1;
	assert_int_equal(file_create(dir, "key", SPAN_LITERAL("secret"), 0400), -EIO);
	assert_int_equal(each_entry(NULL), 0);
}

/* What a crash left behind neither hinders nor shows through. */
static void test_left_over_temporary(void **state)
{
	assert_int_equal(file_replace(dir, ".key.tmp", SPAN_LITERAL("half a longer key"), 0644), 0);
	assert_int_equal(file_create(dir, "key", SPAN_LITERAL("key"), 0400), 0);
	assert_content("key", "key");
	assert_int_equal(mode_of("key"), 0400);
	assert_int_equal(each_entry(NULL), 1);
}

static void test_bad_names(void **state)
{
	char name[300];

	memset(name, 'a', sizeof(name));
	name[251] = 0; /* with the five characters of the temporary name one too many */
	assert_int_equal(file_create(dir, "", SPAN_LITERAL("x"), 0600), -EINVAL);
	assert_int_equal(file_create(dir, "a/b", SPAN_LITERAL("x"), 0600), -EINVAL);
	assert_int_equal(file_replace(dir, "../b", SPAN_LITERAL("x"), 0600), -EINVAL);
	assert_int_equal(file_replace(dir, name, SPAN_LITERAL("x"), 0600), -ENAMETOOLONG);
	name[250] = 0;
	assert_int_equal(file_replace(dir, name, SPAN_LITERAL("x"), 0600), 0);
	assert_int_equal(each_entry(NULL), 1);
}

static void test_read(void **state)
{
	CLEANUP(cleanup_free) uint8_t *data = NULL;
	char path[64];
	size_t size = 99;

	assert_int_equal(file_replace(dir, "a", span_of("a\0b", 3), 0600), 0);
	assert_int_equal(file_read(dir, "a", 2, &data, &size), -EFBIG);
	assert_int_equal(file_read(dir, "none", 2, &data, &size), -ENOENT);
	assert_int_equal(file_read(dir, ".", 100, &data, &size), -EINVAL);
	assert_null(data);
	assert_int_equal(size, 99);
	assert_int_equal(file_read(dir, "a", 3, &data, &size), 0);
	assert_int_equal(size, 3);
	assert_memory_equal(data, "a\0b", 4);
	free(STEAL(data));
	/* A path of the operator's may be a link, a name inside the state directory may not. */
	assert_int_equal(symlinkat("a", dir, "link"), 0);
	assert_int_equal(file_read(dir, "link", 3, &data, &size), -ELOOP);
	snprintf(path, sizeof(path), "%s/link", dir_path);
	assert_int_equal(file_read(AT_FDCWD, path, 3, &data, &size), 0);
	assert_int_equal(size, 3);
}

/* Hangs if the FIFO is opened blocking. */
static void test_read_fifo(void **state)
{
	uint8_t *data = NULL;
	size_t size;

	assert_int_equal(mkfifoat(dir, "fifo", 0600), 0);
	assert_int_equal(file_read(dir, "fifo", 3, &data, &size), -EINVAL);
	assert_null(data);
}

static const char *inside(const char *name)
{
	static char path[64];

	snprintf(path, sizeof(path), "%s/%s", dir_path, name);
	return path;
}

static void test_private_directory(void **state)
{
	char why[256] = "";
	int fd = directory_open_private(inside("state"), why, sizeof(why));

	assert_true(fd >= 0);
	assert_int_equal(file_create(fd, "x", SPAN_LITERAL("x"), 0600), 0);
	assert_int_equal(unlinkat(fd, "x", 0), 0);
	close(fd);
	assert_int_equal(mode_of("state"), 0700);
	fd = directory_open_private(inside("state//"), why, sizeof(why)); /* is there already */
	assert_true(fd >= 0);
	close(fd);
	assert_string_equal(why, "");
}

static void test_private_directory_open_to_others(void **state)
{
	char why[256] = "";

	assert_int_equal(mkdirat(dir, "state", 0700), 0);
	assert_int_equal(fchmodat(dir, "state", 0710, 0), 0);
	assert_int_equal(directory_open_private(inside("state"), why, sizeof(why)), -EPERM);
	assert_non_null(strstr(why, inside("state")));
	assert_non_null(strstr(why, "(mode 0710)"));
	assert_non_null(strstr(why, "chmod 0700"));
}

static void test_private_directory_of_another(void **state)
{
	char why[256] = "";

	assert_int_equal(mkdirat(dir, "state", 0700), 0);
	other_user = true;
	assert_int_equal(directory_open_private(inside("state"), why, sizeof(why)), -EPERM);
	assert_non_null(strstr(why, "belongs to user"));
	assert_non_null(strstr(why, "chown"));
}

static void test_private_directory_is_none(void **state)
{
	char why[256] = "";

	assert_int_equal(file_create(dir, "file", SPAN_LITERAL("x"), 0600), 0);
	assert_int_equal(directory_open_private(inside("file"), why, sizeof(why)), -ENOTDIR);
	assert_non_null(strstr(why, "is not a directory"));
	assert_int_equal(mkdirat(dir, "real", 0700), 0);
	assert_int_equal(symlinkat("real", dir, "link"), 0);
	assert_int_equal(directory_open_private(inside("link"), why, sizeof(why)), -ENOTDIR);
	assert_int_equal(directory_open_private(inside("link/"), why, sizeof(why)), -ENOTDIR);
	assert_int_equal(directory_open_private(inside("no/state"), why, sizeof(why)), -ENOENT);
	assert_non_null(strstr(why, "cannot be made"));
}

#define FILES_TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FILES_TEST(test_replace),
		FILES_TEST(test_replace_failure_keeps_the_old),
		FILES_TEST(test_directory_fsync_is_reported),
		FILES_TEST(test_replace_does_not_follow),
		FILES_TEST(test_short_writes),
		FILES_TEST(test_create),
		FILES_TEST(test_create_failure_leaves_nothing),
		FILES_TEST(test_left_over_temporary),
		FILES_TEST(test_bad_names),
		FILES_TEST(test_read),
		FILES_TEST(test_read_fifo),
		FILES_TEST(test_private_directory),
		FILES_TEST(test_private_directory_open_to_others),
		FILES_TEST(test_private_directory_of_another),
		FILES_TEST(test_private_directory_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
