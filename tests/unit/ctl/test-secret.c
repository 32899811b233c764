/* SPDX-License-Identifier: Apache-2.0 */

/* Passwords from files, from a pipe and from a terminal, which does not echo them. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ctl/secret.h"

static int read_bytes(const void *data, size_t size, char *ret_secret)
{
	FILE *in = size ? fmemopen((void *)(uintptr_t)data, size, "r") : fopen("/dev/null", "r");
	int r;

	assert_non_null(in);
	r = secret_read_line(in, ret_secret);
	fclose(in);
	return r;
}

static void test_lines(void **state)
{
	char secret[SECRET_LINE_MAX + 1] = "old", longest[SECRET_LINE_MAX + 3];

	assert_int_equal(read_bytes("vogel lampe\nmore", 16, secret), 0);
	assert_string_equal(secret, "vogel lampe");
	assert_int_equal(read_bytes("vogel\r\n", 7, secret), 0);
	assert_string_equal(secret, "vogel");
	assert_int_equal(read_bytes("no end", 6, secret), 0);
	assert_string_equal(secret, "no end");
	assert_int_equal(read_bytes("", 0, secret), -ENODATA);
	assert_int_equal(read_bytes("\nsecond", 7, secret), -ENODATA);
	assert_int_equal(read_bytes("a\0b\n", 4, secret), -EILSEQ);
	assert_string_equal(secret, "no end");
	memset(longest, 'x', sizeof(longest));
	assert_int_equal(read_bytes(longest, SECRET_LINE_MAX + 1, secret), -EMSGSIZE);
	assert_int_equal(read_bytes(longest, SECRET_LINE_MAX, secret), 0);
	assert_int_equal(strlen(secret), SECRET_LINE_MAX);
}

static void test_file(void **state)
{
	char path[] = "/tmp/test-secret-XXXXXX", secret[SECRET_LINE_MAX + 1], why[256] = "";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(secret_read(path, SECRET_PASSWORD, secret, why, sizeof(why)), -ENODATA);
	assert_non_null(strstr(why, "is empty"));
	assert_int_equal(write(fd, "from a file\n", 12), 12);
	assert_int_equal(secret_read(path, SECRET_PASSWORD, secret, why, sizeof(why)), 0);
	assert_string_equal(secret, "from a file");
	memset(secret, 'y', SECRET_LINE_MAX);
	assert_int_equal(pwrite(fd, secret, SECRET_LINE_MAX, 0), SECRET_LINE_MAX);
	assert_int_equal(pwrite(fd, "yy", 2, SECRET_LINE_MAX), 2);
	assert_int_equal(secret_read(path, SECRET_PASSWORD, secret, why, sizeof(why)), -EMSGSIZE);
	assert_non_null(strstr(why, "longer than 2048 bytes"));
	close(fd);
	unlink(path);
	assert_int_equal(secret_read(path, SECRET_PASSWORD, secret, why, sizeof(why)), -ENOENT);
	assert_non_null(strstr(why, "No such file"));
}

static void test_standard_input(void **state)
{
	char secret[SECRET_LINE_MAX + 1], why[256] = "";
	int ends[2], before = dup(STDIN_FILENO);

	for (int i = 0; i < 2; i++) {
		assert_int_equal(pipe(ends), 0);
		assert_int_equal(write(ends[1], "by a pipe\n", 10), 10);
		close(ends[1]);
		dup2(ends[0], STDIN_FILENO);
		close(ends[0]);
		assert_int_equal(
			secret_read(i ? "-" : NULL, SECRET_PASSWORD, secret, why, sizeof(why)), 0);
		assert_string_equal(secret, "by a pipe");
		clearerr(stdin);
	}
	dup2(before, STDIN_FILENO);
	close(before);
}

static void type_line(
	int terminal, const char *prompt, const char *line, char *seen, size_t capacity)
{
	size_t used = strlen(seen);

	/* The prompt is written before the echo is off; what is typed then would be thrown away
	 * by TCSAFLUSH: so wait for the flush, which empties the input, by looking at the flags. */
	while (!strstr(seen, prompt)) {
		ssize_t count = read(terminal, seen + used, capacity - used - 1);

		assert_true(count > 0);
		used += (size_t)count;
		seen[used] = '\0';
	}
	for (;;) {
		struct termios flags;

		assert_int_equal(tcgetattr(terminal, &flags), 0);
		if (!(flags.c_lflag & ECHO))
			break;
		usleep(1000);
	}
	assert_int_equal(write(terminal, line, strlen(line)), (ssize_t)strlen(line));
}

/* A child on a pseudo terminal reads a password; its exit status says how that ended. */
static int ask_on_terminal(const char *first, const char *second, char *seen, size_t capacity)
{
	int terminal, status = 0;
	ssize_t count;
	size_t used;
	pid_t child = forkpty(&terminal, NULL, NULL, NULL);

	if (child == 0) {
		char secret[SECRET_LINE_MAX + 1] = "", why[256];
		int r = secret_read(NULL, SECRET_PASSWORD, secret, why, sizeof(why));

		_exit(r == 0 && !strcmp(secret, "typed twice") ? 0 : r == -EKEYREJECTED ? 2 : 1);
	}
	assert_true(child > 0);
	seen[0] = '\0';
	type_line(terminal, "Password: ", first, seen, capacity);
	type_line(terminal, "Once more: ", second, seen, capacity);
	used = strlen(seen);
	while ((count = read(terminal, seen + used, capacity - used - 1)) > 0) {
		used += (size_t)count;
		seen[used] = '\0';
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	close(terminal);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void test_terminal(void **state)
{
	char seen[512];

	assert_int_equal(ask_on_terminal("typed twice\n", "typed twice\n", seen, sizeof(seen)), 0);
	assert_null(strstr(seen, "typed"));
	assert_int_equal(
		ask_on_terminal("typed twice\n", "typed otherwise\n", seen, sizeof(seen)), 2);
	assert_null(strstr(seen, "typed"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_standard_input),
		cmocka_unit_test(test_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
