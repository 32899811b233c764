/* SPDX-License-Identifier: Apache-2.0 */

/* Credentials: systemd-creds as a child, its input and output as pipes, its complaints where ours
 * go. */

#include "ctl/credential.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/crypto.h"
#include "base/files.h"

#define OUTPUT_MAX (64 * 1024)

const struct credential_store credential_store_default = {
	"/etc/credstore.encrypted", "/usr/bin/systemd-creds"};

struct run {
	const char *const *argv;
	struct span input;
	uint8_t *output; /* OUTPUT_MAX */
	size_t size;
};

static int spawn(const struct run *run, int input, int output, pid_t *ret_pid)
{
	/* Nothing of our own environment is of use to it. */
	char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin", *environment[] = {path, NULL};
	posix_spawn_file_actions_t actions;
	int r;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
	r = -posix_spawn(ret_pid, run->argv[0], &actions, NULL, (char *const *)(uintptr_t)run->argv,
		environment);
	posix_spawn_file_actions_destroy(&actions);
	return r;
}

static int take_output(struct run *run, int fd)
{
	ssize_t n;

	while ((n = read(fd, run->output + run->size, OUTPUT_MAX - run->size)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		run->size += (size_t)n;
		if (run->size == OUTPUT_MAX)
			return -EFBIG;
	}
	return 0;
}

/* -EPROTO when it ended with another code than 0. */
static int await(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EPROTO;
}

/* The input is smaller than a pipe, so it can be written before anything is read. */
static int run_program(struct run *run)
{
	CLEANUP(cleanup_close) int in_read = -EBADF;
	CLEANUP(cleanup_close) int in_write = -EBADF;
	CLEANUP(cleanup_close) int out_read = -EBADF;
	CLEANUP(cleanup_close) int out_write = -EBADF;
	int in[2], out[2], r, ended;
	pid_t pid;

	if (run->input.size > PIPE_BUF)
		return -E2BIG;
	if (pipe2(in, O_CLOEXEC) < 0)
		return -errno;
	in_read = in[0], in_write = in[1];
	if (pipe2(out, O_CLOEXEC) < 0)
		return -errno;
	out_read = out[0], out_write = out[1];
	if (write(in_write, run->input.data, run->input.size) != (ssize_t)run->input.size)
		return -EIO;
	r = spawn(run, in_read, out_write, &pid);
	if (r < 0)
		return r;
	close(steal_fd(&in_write));
	close(steal_fd(&out_write));
	r = take_output(run, out_read);
	/* It must not wait for us to read on. */
	close(steal_fd(&out_read));
	ended = await(pid);
	return r < 0 ? r : ended;
}

static int explain(int r, const char *what, const char *name, char *ret_why, size_t capacity)
{
	snprintf(ret_why, capacity, "The credential %s could not be %s: %s.", name, what,
		r == -EPROTO   ? "systemd-creds refused"
		: r == -ENOENT ? "there is no such file, or systemd-creds is not installed"
			       : strerror(-r));
	return r;
}

static int open_directory(const struct credential_store *store)
{
	int fd;

	if (mkdir(store->directory, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = open(store->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

bool credential_exists(const struct credential_store *store, const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", store->directory, name);
	return access(path, F_OK) == 0;
}

int credential_put(const struct credential_store *store, const char *name, const char *with,
	const char *text, char *ret_why, size_t capacity)
{
	CLEANUP(cleanup_close) int fd = open_directory(store);
	CLEANUP(cleanup_free) uint8_t *output = malloc(OUTPUT_MAX);
	char name_option[80], with_option[48];
	const char *const argv[] = {
		store->program, "encrypt", with_option, name_option, "-", "-", NULL};
	struct run run = {.argv = argv, .input = span_from_string(text), .output = output};
	int r = fd < 0 ? fd : output ? 0 : -ENOMEM;

	snprintf(name_option, sizeof(name_option), "--name=%s", name);
	snprintf(with_option, sizeof(with_option), "--with-key=%s", with);
	if (r >= 0)
		r = run_program(&run);
	if (r >= 0 && run.size == 0)
		r = -EPROTO;
	if (r >= 0)
		r = file_replace(fd, name, span_of(output, run.size), 0600);
	return r < 0 ? explain(r, "made", name, ret_why, capacity) : 0;
}

int credential_get(const struct credential_store *store, const char *name, char *ret_text,
	char *ret_why, size_t capacity)
{
	CLEANUP(cleanup_free) uint8_t *output = malloc(OUTPUT_MAX);
	char name_option[80], path[PATH_MAX];
	const char *const argv[] = {store->program, "decrypt", name_option, path, "-", NULL};
	struct run run = {.argv = argv, .output = output};
	int r = output ? 0 : -ENOMEM;

	snprintf(name_option, sizeof(name_option), "--name=%s", name);
	snprintf(path, sizeof(path), "%s/%s", store->directory, name);
	if (r >= 0)
		r = run_program(&run);
	if (r >= 0)
		r = span_to_string(span_of(output, run.size), ret_text, CREDENTIAL_TEXT_MAX + 1);
	if (output)
		crypto_wipe(output, run.size);
	return r < 0 ? explain(r, "opened", name, ret_why, capacity) : 0;
}

int credential_drop(
	const struct credential_store *store, const char *name, char *ret_why, size_t capacity)
{
	CLEANUP(cleanup_close) int fd = -EBADF;
	int r = 0;

	if (!credential_exists(store, name))
		return 0;
	fd = open_directory(store);
	if (fd < 0)
		r = fd;
	else if ((unlinkat(fd, name, 0) < 0 && errno != ENOENT) || fsync(fd) < 0)
		r = -errno;
	return r < 0 ? explain(r, "removed", name, ret_why, capacity) : 0;
}
