/* SPDX-License-Identifier: Apache-2.0 */
/* A mosquitto of our own, see bed.h. */

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/crypto.h"
#include "bed.h"

void broker_require(void)
{
	if (access(MOSQUITTO, X_OK) == 0)
		return;
	print_message("SKIPPED: %s is not installed\n", MOSQUITTO);
	skip();
}

/* One that nobody has, and that the kernel gives to nobody who asks for any: other programs come
 * and go meanwhile, and a connection to a port of its own kind could be one to itself. The
 * descriptor keeps it from who looks for one in the same way; with the option it is in no
 * listener's way that has it, too. */
static int port_take(uint16_t *ret_port)
{
	for (int on = 1;;) {
		uint16_t port = (uint16_t)(11000 + random_uint64() % 21000);
		struct sockaddr_in address = {.sin_family = AF_INET,
			.sin_port = htons(port),
			.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		assert_return_code(fd, errno);
		if (bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
			setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0) {
			*ret_port = port;
			return fd;
		}
		close(fd);
	}
}

static bool port_answers(uint16_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int r = connect(fd, (struct sockaddr *)&address, sizeof(address));

	close(fd);
	return r == 0;
}

void broker_init(struct broker *broker)
{
	*broker = (struct broker){0};
	broker->port_fd = port_take(&broker->port);
	strcpy(broker->directory, "/tmp/test-uplink-XXXXXX");
	assert_non_null(mkdtemp(broker->directory));
}

/* The child: dies with its parent, speaks to nobody. */
static void exec_quietly(const char *const *argv)
{
	int null = open("/dev/null", O_RDWR);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(null, STDIN_FILENO);
	if (!getenv("TEST_VERBOSE")) {
		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
	}
	execvp(argv[0], (char *const *)argv);
	_exit(127);
}

pid_t program_start(const char *const *argv, uint16_t port)
{
	uint64_t until = clock_boot_usec() + AWAIT_SEC * USEC_PER_SEC;
	pid_t pid = fork();

	assert_return_code(pid, errno);
	if (pid == 0)
		exec_quietly(argv);
	while (!port_answers(port)) {
		assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
		assert_true(clock_boot_usec() < until);
		poll(NULL, 0, 10);
	}
	return pid;
}

void broker_start(struct broker *broker, const char *extra)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/broker.conf", broker->directory);
	file = fopen(path, "we");
	assert_non_null(file);
	/* As root it would change to an account that cannot read our directory. */
	fprintf(file, "user root\nlistener %u 127.0.0.1\n%s\n", broker->port, extra);
	assert_int_equal(fclose(file), 0);
	broker->pid = program_start((const char *const[]){MOSQUITTO, "-c", path,
					    getenv("TEST_VERBOSE") ? "-v" : NULL, NULL},
		broker->port);
}

void broker_signal(struct broker *broker, int signal)
{
	assert_return_code(kill(broker->pid, signal), errno);
}

void broker_kill(struct broker *broker)
{
	if (broker->pid <= 0)
		return;
	broker_signal(broker, SIGKILL);
	assert_int_equal(waitpid(broker->pid, NULL, 0), broker->pid);
	broker->pid = 0;
}

void broker_clear(struct broker *broker)
{
	DIR *directory = opendir(broker->directory);
	struct dirent *entry;

	broker_kill(broker);
	assert_non_null(directory);
	while ((entry = readdir(directory)))
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(directory), entry->d_name, 0);
	closedir(directory);
	rmdir(broker->directory);
	close(broker->port_fd);
}

void run_program(const char *const *argv)
{
	pid_t pid = fork();
	int status = -1;

	assert_return_code(pid, errno);
	if (pid == 0)
		exec_quietly(argv);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_msg("%s %s failed", argv[0], argv[1]);
}
