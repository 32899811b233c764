/* SPDX-License-Identifier: Apache-2.0 */

/* A file in memory: readable by its name, sealed, and gone when it is closed. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/memory-file.h"

static void readable_by_name(void **state)
{
	struct memory_file file;
	char text[16] = "";
	int fd;

	assert_int_equal(memory_file_make(&file, SPAN_LITERAL("secret")), 0);
	fd = open(file.path, O_RDONLY | O_CLOEXEC);
	assert_return_code(fd, errno);
	assert_int_equal(read(fd, text, sizeof(text)), 6);
	assert_string_equal(text, "secret");
	close(fd);
	memory_file_close(&file);
	assert_null(file.bytes);
	assert_int_equal(open(file.path[0] ? file.path : "/nowhere", O_RDONLY | O_CLOEXEC), -1);
	memory_file_close(&file);
}

static void nobody_changes_it(void **state)
{
	struct memory_file file;
	int fd;

	assert_int_equal(memory_file_make(&file, SPAN_LITERAL("secret")), 0);
	fd = open(file.path, O_RDWR | O_CLOEXEC);
	assert_return_code(fd, errno);
	assert_int_equal(write(fd, "x", 1), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(ftruncate(fd, 0), -1);
	assert_int_equal(ftruncate(fd, 100), -1);
	assert_ptr_equal(mmap(NULL, 6, PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
	close(fd);
	memory_file_close(&file);
}

/* Whoever opened it before sees zeros. */
static void wiped_at_the_end(void **state)
{
	static const char zeros[6];
	struct memory_file file;
	char text[6];
	int fd;

	assert_int_equal(memory_file_make(&file, SPAN_LITERAL("secret")), 0);
	fd = open(file.path, O_RDONLY | O_CLOEXEC);
	memory_file_close(&file);
	assert_int_equal(read(fd, text, sizeof(text)), 6);
	assert_memory_equal(text, zeros, sizeof(text));
	close(fd);
}

static void nothing_is_no_file(void **state)
{
	struct memory_file file;

	assert_int_equal(memory_file_make(&file, span_of(NULL, 0)), -EINVAL);
	assert_null(file.bytes);
	memory_file_close(&file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(readable_by_name),
		cmocka_unit_test(nobody_changes_it),
		cmocka_unit_test(wiped_at_the_end),
		cmocka_unit_test(nothing_is_no_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
