/* SPDX-License-Identifier: Apache-2.0 */
/* Listening sockets. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "web/listen.h"

static char directory[64], path[96];

static int make_directory(void **state)
{
	strcpy(directory, "/tmp/web-listen-XXXXXX");
	if (!mkdtemp(directory))
		return -1;
	snprintf(path, sizeof(path), "%s/control", directory);
	return 0;
}

static int remove_directory(void **state)
{
	unlink(path);
	return rmdir(directory);
}

static void test_tcp(void **state)
{
	int first = listen_tcp("127.0.0.1", 0), second;
	uint16_t port = listen_port(first);

	assert_true(first >= 0);
	assert_int_not_equal(port, 0);
	assert_int_equal(listen_tcp("127.0.0.1", port), -EADDRINUSE);
	second = listen_tcp("127.0.0.2", port);
	assert_true(second >= 0);
	close(first);
	close(second);
	assert_int_equal(listen_tcp("not an address", 1), -EINVAL);
	assert_int_equal(listen_port(-1), 0);
}

/* By name of the interface: heard there alone, beside a listener that is bound to another one. */
static void test_tcp_on_an_interface(void **state)
{
	int first = listen_tcp("0.0.0.0%lo", 0);
	uint16_t port = listen_port(first);
	char name[IF_NAMESIZE] = "";
	socklen_t size = sizeof(name);

	assert_true(first >= 0);
	assert_int_equal(getsockopt(first, SOL_SOCKET, SO_BINDTODEVICE, name, &size), 0);
	assert_string_equal(name, "lo");
	assert_int_equal(listen_tcp("127.0.0.1%lo", port), -EADDRINUSE);
	close(first);
	assert_int_equal(listen_tcp("0.0.0.0%not-there", 0), -ENODEV);
}

static void test_unix(void **state)
{
	int fd = listen_unix(path);
	struct stat status;

	assert_true(fd >= 0);
	assert_int_equal(stat(path, &status), 0);
	assert_true(S_ISSOCK(status.st_mode));
	assert_int_equal(status.st_mode & 07777, 0660);
	assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	assert_int_equal(listen_port(fd), 0);
	/* Somebody listens: hands off. */
	assert_int_equal(listen_unix(path), -EADDRINUSE);
	/* A crash leaves the name behind: it is taken over. */
	close(fd);
	fd = listen_unix(path);
	assert_true(fd >= 0);
	close(fd);
}

static void test_unix_is_careful(void **state)
{
	char huge[256];
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(listen_unix(path), -EEXIST);
	assert_int_equal(access(path, F_OK), 0);
	memset(huge, 'x', sizeof(huge) - 1);
	huge[sizeof(huge) - 1] = 0;
	assert_int_equal(listen_unix(huge), -ENAMETOOLONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_tcp, make_directory, remove_directory),
		cmocka_unit_test(test_tcp_on_an_interface),
		cmocka_unit_test_setup_teardown(test_unix, make_directory, remove_directory),
		cmocka_unit_test_setup_teardown(
			test_unix_is_careful, make_directory, remove_directory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
