/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A disk that fails, is slow, or loses its power: preloaded into a release build of the daemon.
 *
 * Of the files (of SQLite: it is who opens by open64) whose path holds SHIM_FILE, everything that
 *was written since their last sync is remembered with what stood there before. Then
 *
 *	SHIM_SYNC=N	the N-th sync fails with EIO, and what it was for is undone: as a kernel
 *			does it that drops dirty pages which it could not write
 *	SHIM_WRITE=N	the N-th write fails with EIO, and nothing of it is written
 *	SHIM_SLOW=USEC	a sync takes so long
 *	SIGUSR2		the power goes: whatever was not synced is undone, and the process is gone
 *
 * SIGUSR2 is blocked in every thread and awaited by one of ours, which takes the lock that all the
 * calls here take: so nothing is written any more between the undoing and the end.
 */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

/* What stood in a stretch of a file before it was overwritten or cut off. */
struct stretch {
	struct stretch *older;
	dev_t device;
	ino_t inode;
	int fd; /* ours */
	off_t offset, file_size;
	size_t size;
	char bytes[];
};

#define DESCRIPTORS 1024

static bool ours[DESCRIPTORS]; /* open files whose path holds the name */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct stretch *newest;
static const char *name;
static long sync_at, write_at, slow_usec;
static long syncs, writes;

static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static int (*real_truncate)(int, off_t);
static int (*real_sync)(int);
static int (*real_open)(const char *, int, ...);
static int (*real_close)(int);

/* Other libraries' constructors call before ours has run. */
static void find_real(void)
{
	if (real_close)
		return;
	*(void **)&real_write = dlsym(RTLD_NEXT, "write");
	*(void **)&real_pwrite = dlsym(RTLD_NEXT, "pwrite64");
	*(void **)&real_truncate = dlsym(RTLD_NEXT, "ftruncate64");
	*(void **)&real_sync = dlsym(RTLD_NEXT, "fdatasync");
	*(void **)&real_open = dlsym(RTLD_NEXT, "open64");
	*(void **)&real_close = dlsym(RTLD_NEXT, "close");
}

static bool is_ours(int fd, struct stat *ret_st)
{
	return fd >= 0 && fd < DESCRIPTORS && ours[fd] && fstat(fd, ret_st) == 0;
}

static void fail_hard(const char *what)
{
	(void)!real_write(2, what, strlen(what));
	_exit(99);
}

/* With the lock held. A test that cannot remember must not pass. */
static void remember(int fd, const struct stat *st, off_t offset, size_t size)
{
	struct stretch *stretch;
	size_t there = 0;

	if (offset < st->st_size)
		there = (size_t)(st->st_size - offset) < size ? (size_t)(st->st_size - offset)
							      : size;
	stretch = malloc(sizeof(*stretch) + there);
	if (!stretch)
		fail_hard("shim: no memory\n");
	*stretch = (struct stretch){.older = newest,
		.device = st->st_dev,
		.inode = st->st_ino,
		.fd = fcntl(fd, F_DUPFD_CLOEXEC, 3),
		.offset = offset,
		.file_size = st->st_size,
		.size = there};
	if (stretch->fd < 0 || pread(stretch->fd, stretch->bytes, there, offset) != (ssize_t)there)
		fail_hard("shim: cannot remember\n");
	newest = stretch;
}

/* Ends what is remembered of a file, or of all; 'undo' puts it back, newest first. */
static void settle(const struct stat *st, bool undo)
{
	struct stretch **at = &newest, *stretch;

	while ((stretch = *at)) {
		if (st && (stretch->device != st->st_dev || stretch->inode != st->st_ino)) {
			at = &stretch->older;
			continue;
		}
		if (undo && (real_pwrite(stretch->fd, stretch->bytes, stretch->size,
				     stretch->offset) != (ssize_t)stretch->size ||
				    real_truncate(stretch->fd, stretch->file_size) < 0))
			fail_hard("shim: cannot undo\n");
		*at = stretch->older;
		real_close(stretch->fd);
		free(stretch);
	}
}

int open64(const char *path, int flags, ...)
{
	va_list list;
	int fd;

	va_start(list, flags);
	find_real();
	fd = real_open(path, flags, va_arg(list, mode_t));
	va_end(list);
	if (fd >= 0 && fd < DESCRIPTORS)
		ours[fd] = name && (flags & O_ACCMODE) == O_RDWR && strstr(path, name);
	return fd;
}

int close(int fd)
{
	find_real();
	if (fd >= 0 && fd < DESCRIPTORS)
		ours[fd] = false;
	return real_close(fd);
}

static bool write_fails(void)
{
	return write_at > 0 && ++writes == write_at;
}

ssize_t pwrite64(int fd, const void *data, size_t size, off_t offset)
{
	struct stat st;
	ssize_t done;

	find_real();
	if (!is_ours(fd, &st))
		return real_pwrite(fd, data, size, offset);
	pthread_mutex_lock(&lock);
	if (write_fails()) {
		pthread_mutex_unlock(&lock);
		errno = EIO;
		return -1;
	}
	remember(fd, &st, offset, size);
	done = real_pwrite(fd, data, size, offset);
	pthread_mutex_unlock(&lock);
	return done;
}

ssize_t write(int fd, const void *data, size_t size)
{
	off_t offset;
	struct stat st;

	find_real();
	if (!is_ours(fd, &st) || (offset = lseek(fd, 0, SEEK_CUR)) < 0)
		return real_write(fd, data, size);
	pthread_mutex_lock(&lock);
	if (write_fails()) {
		pthread_mutex_unlock(&lock);
		errno = EIO;
		return -1;
	}
	remember(fd, &st, offset, size);
	ssize_t done = real_write(fd, data, size);
	pthread_mutex_unlock(&lock);
	return done;
}

int ftruncate64(int fd, off_t size)
{
	struct stat st;
	int r;

	find_real();
	if (!is_ours(fd, &st))
		return real_truncate(fd, size);
	pthread_mutex_lock(&lock);
	remember(fd, &st, size < st.st_size ? size : st.st_size,
		size < st.st_size ? (size_t)(st.st_size - size) : 0);
	r = real_truncate(fd, size);
	pthread_mutex_unlock(&lock);
	return r;
}

int fdatasync(int fd)
{
	struct stat st;
	int r;

	find_real();
	if (!is_ours(fd, &st))
		return real_sync(fd);
	if (slow_usec > 0)
		usleep((useconds_t)slow_usec);
	pthread_mutex_lock(&lock);
	if (sync_at > 0 && ++syncs == sync_at) {
		settle(&st, true);
		pthread_mutex_unlock(&lock);
		errno = EIO;
		return -1;
	}
	r = real_sync(fd);
	if (r == 0)
		settle(&st, false);
	pthread_mutex_unlock(&lock);
	return r;
}

static void *await_the_end(void *userdata)
{
	sigset_t *set = userdata;
	int number;

	while (sigwait(set, &number) != 0)
		;
	pthread_mutex_lock(&lock);
	settle(NULL, true);
	_exit(137);
}

static long number_of(const char *variable)
{
	const char *text = getenv(variable);

	return text ? strtol(text, NULL, 10) : 0;
}

/* The programs that only start the daemon are left alone: one of them changes its uid, and a second
 * thread would be in its way. */
__attribute__((constructor)) static void begin(void)
{
	static sigset_t set;
	sigset_t all, before;
	pthread_t thread;

	if (strcmp(program_invocation_short_name, "gatehoused") != 0)
		return;
	name = getenv("SHIM_FILE");
	sync_at = number_of("SHIM_SYNC");
	write_at = number_of("SHIM_WRITE");
	slow_usec = number_of("SHIM_SLOW");
	if (!name)
		return;
	/* Our thread must take no signal that is meant for the daemon. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	if (pthread_create(&thread, NULL, await_the_end, &set) != 0)
		fail_hard("shim: no thread\n");
	sigaddset(&before, SIGUSR2);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_detach(thread);
}
