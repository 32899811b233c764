/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file is written beside its place, as ".<name>.tmp", made durable, and then put there in one
 * step: by rename() where it may replace, by link() where it may not. So neither a crash nor a
 * power cut can leave half a key. The temporary name is fixed: what a crash left behind is removed
 * by the next attempt and never piles up. One writer for each name is assumed.
 */

#include "base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/crypto.h"

static int temporary_name(const char *name, char ret_temporary[NAME_MAX + 1])
{
	int n;

	/* A name with a directory in it would be made durable in the wrong directory. */
	if (name[0] == 0 || strchr(name, '/'))
		return -EINVAL;
	n = snprintf(ret_temporary, NAME_MAX + 1, ".%s.tmp", name);
	return n > NAME_MAX ? -ENAMETOOLONG : 0;
}

static int write_all(int fd, struct span content)
{
	while (content.size > 0) {
		ssize_t n = write(fd, content.data, content.size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		content = span_of(content.data + n, content.size - (size_t)n);
	}
	return 0;
}

static int fill_durably(int fd, struct span content, mode_t mode)
{
	int r = write_all(fd, content);

	if (r < 0)
		return r;
	/* Exactly the mode asked for, whatever the umask. */
	if (fchmod(fd, mode) < 0 || fsync(fd) < 0)
		return -errno;
	return 0;
}

/* On success the file 'temporary' exists and is durable, on failure it does not exist. */
static int write_temporary(int dir_fd, const char *temporary, struct span content, mode_t mode)
{
	CLEANUP(cleanup_close) int fd = -EBADF;
	int r;

	if (unlinkat(dir_fd, temporary, 0) < 0 && errno != ENOENT)
		return -errno;
	fd = openat(dir_fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = fill_durably(fd, content, mode);
	if (r < 0)
		unlinkat(dir_fd, temporary, 0);
	return r;
}

static int directory_sync(int dir_fd, const char *name)
{
	CLEANUP(cleanup_close)
	int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) < 0)
		return -errno;
	return 0;
}

int file_replace(int dir_fd, const char *name, struct span content, mode_t mode)
{
	char temporary[NAME_MAX + 1];
	int r = temporary_name(name, temporary);

	if (r < 0)
		return r;
	r = write_temporary(dir_fd, temporary, content, mode);
	if (r < 0)
		return r;
	if (renameat(dir_fd, temporary, dir_fd, name) < 0) {
		r = -errno;
		unlinkat(dir_fd, temporary, 0);
		return r;
	}
	return directory_sync(dir_fd, ".");
}

int file_create(int dir_fd, const char *name, struct span content, mode_t mode)
{
	char temporary[NAME_MAX + 1];
	int r = temporary_name(name, temporary);

	if (r < 0)
		return r;
	r = write_temporary(dir_fd, temporary, content, mode);
	if (r < 0)
		return r;
	r = linkat(dir_fd, temporary, dir_fd, name, 0) < 0 ? -errno : 0;
	unlinkat(dir_fd, temporary, 0);
	return r < 0 ? r : directory_sync(dir_fd, ".");
}

/* Reads at most 'size' bytes up to the end of the file. */
static int read_all(int fd, uint8_t *data, size_t size, size_t *ret_size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = read(fd, data + done, size - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	*ret_size = done;
	return 0;
}

int file_read(int dir_fd, const char *name, size_t max_size, uint8_t **ret_data, size_t *ret_size)
{
	/* Non-blocking: opening a FIFO that somebody put there must not hang. */
	int flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
	CLEANUP(cleanup_close)
	int fd = openat(dir_fd, name, dir_fd == AT_FDCWD ? flags : flags | O_NOFOLLOW);
	size_t capacity, size = 0;
	struct stat st;
	uint8_t *data;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (st.st_size < 0 || (uintmax_t)st.st_size > max_size)
		return -EFBIG;
	capacity = (size_t)st.st_size;
	data = malloc(capacity + 1);
	if (!data)
		return -ENOMEM;
	r = read_all(fd, data, capacity, &size);
	if (r < 0) {
		crypto_wipe(data, capacity);
		free(data);
		return r;
	}
	data[size] = 0;
	*ret_data = data;
	*ret_size = size;
	return 0;
}

/* 0 when it is there and when it was made just now; then its entry in the parent is durable too,
 * as far as we may read the parent. */
static int directory_make(const char *path)
{
	int fd;

	if (mkdir(path, 0700) < 0)
		return errno == EEXIST ? 0 : -errno;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0) {
		directory_sync(fd, "..");
		close(fd);
	}
	return 0;
}

static int directory_check(int fd, const char *path, char *ret_why, size_t capacity)
{
	struct stat st;

	if (fstat(fd, &st) < 0) {
		int r = -errno;

		snprintf(ret_why, capacity, "%s cannot be examined: %s", path, strerror(-r));
		return r;
	}
	if (st.st_uid != geteuid()) {
		snprintf(ret_why, capacity,
			"%s belongs to user %u, not to us (user %u); remedy: chown -R %u '%s'",
			path, (unsigned)st.st_uid, (unsigned)geteuid(), (unsigned)geteuid(), path);
		return -EPERM;
	}
	if (st.st_mode & 077) {
		snprintf(ret_why, capacity,
			"%s is open to other users (mode %04o); remedy: chmod 0700 '%s'", path,
			(unsigned)(st.st_mode & 07777), path);
		return -EPERM;
	}
	return 0;
}

int directory_open_private(const char *path, char *ret_why, size_t capacity)
{
	CLEANUP(cleanup_close) int fd = -EBADF;
	char plain[PATH_MAX];
	size_t size = strlen(path);
	int r;

	/* A slash at the end would make the kernel follow a symbolic link there. */
	while (size > 1 && path[size - 1] == '/')
		size--;
	r = span_to_string(span_of(path, size), plain, sizeof(plain));
	if (r == 0)
		r = directory_make(plain);
	if (r < 0) {
		snprintf(ret_why, capacity,
			"%s cannot be made: %s; remedy: create it with mode 0700, owned by user %u",
			path, strerror(-r), (unsigned)geteuid());
		return r;
	}
	fd = open(plain, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) {
		r = -errno;
		snprintf(ret_why, capacity,
			r == -ENOTDIR || r == -ELOOP
				? "%s is not a directory (%s); remedy: put a real directory there, "
				  "not a file or symbolic link"
				: "%s cannot be opened: %s; remedy: check its owner and mode",
			plain, strerror(-r));
		return r;
	}
	r = directory_check(fd, plain, ret_why, capacity);
	return r < 0 ? r : steal_fd(&fd);
}
