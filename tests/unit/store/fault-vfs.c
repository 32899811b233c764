/* SPDX-License-Identifier: Apache-2.0 */

#include "fault-vfs.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "through-vfs.h"

struct fault_file {
	struct through_file through; /* first */
	const char *name;
};

static sqlite3_vfs *real_vfs;
static sqlite3_vfs vfs;

/* One fault and one gate for the whole process, under one lock. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static const char *fault_suffix;
static enum fault_kind fault_kind;
static int fault_code;
static int fault_errno;
static long long fault_room; /* bytes */
static unsigned hits;
static const char *gate_suffix;
static bool gate_taken;

static bool ends_in(const char *name, const char *suffix)
{
	size_t a, b;

	if (!name || !suffix)
		return false;
	a = strlen(name);
	b = strlen(suffix);
	return a >= b && strcmp(name + a - b, suffix) == 0;
}

/* 'end': of what is written. */
static int fault_of(sqlite3_file *file, enum fault_kind kind, sqlite3_int64 end)
{
	int code = SQLITE_OK;

	pthread_mutex_lock(&lock);
	if (fault_suffix && kind == fault_kind && end >= fault_room &&
		ends_in(((struct fault_file *)file)->name, fault_suffix)) {
		code = fault_code;
		errno = fault_errno;
		hits++;
	}
	pthread_mutex_unlock(&lock);
	return code;
}

static void pass_gate(sqlite3_file *file)
{
	pthread_mutex_lock(&lock);
	if (ends_in(((struct fault_file *)file)->name, gate_suffix)) {
		gate_taken = true;
		pthread_cond_broadcast(&changed);
		while (gate_suffix)
			pthread_cond_wait(&changed, &lock);
	}
	pthread_mutex_unlock(&lock);
}

static int file_close(sqlite3_file *file)
{
	return through_real(file)->pMethods->xClose(through_real(file));
}

static int file_read(sqlite3_file *file, void *data, int size, sqlite3_int64 offset)
{
	int code = fault_of(file, FAULT_READ, 0);

	return code ? code
		    : through_real(file)->pMethods->xRead(through_real(file), data, size, offset);
}

static int file_write(sqlite3_file *file, const void *data, int size, sqlite3_int64 offset)
{
	int code = fault_of(file, FAULT_WRITE, offset + size);

	return code ? code
		    : through_real(file)->pMethods->xWrite(through_real(file), data, size, offset);
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	return through_real(file)->pMethods->xTruncate(through_real(file), size);
}

static int file_sync(sqlite3_file *file, int flags)
{
	int code;

	pass_gate(file);
	code = fault_of(file, FAULT_SYNC, 0);
	return code ? code : through_real(file)->pMethods->xSync(through_real(file), flags);
}

static const sqlite3_io_methods METHODS = {
	THROUGH_METHODS,
	.xClose = file_close,
	.xRead = file_read,
	.xWrite = file_write,
	.xTruncate = file_truncate,
	.xSync = file_sync,
};

static int vfs_open(
	sqlite3_vfs *self, const char *name, sqlite3_file *file, int flags, int *ret_flags)
{
	struct fault_file *fault = (struct fault_file *)file;

	fault->name = name; /* stays valid as long as the file is open */
	return through_open(
		real_vfs, name, &fault->through, sizeof(*fault), &METHODS, flags, ret_flags);
}

void fault_install(void)
{
	real_vfs = through_install(&vfs, "fault", sizeof(struct fault_file), vfs_open, NULL);
}

void fault_set(enum fault_kind kind, const char *suffix, int code)
{
	pthread_mutex_lock(&lock);
	fault_kind = kind;
	fault_suffix = suffix;
	fault_code = code;
	fault_errno = 0;
	fault_room = 0;
	hits = 0;
	pthread_mutex_unlock(&lock);
}

void fault_set_errno(int error)
{
	pthread_mutex_lock(&lock);
	fault_errno = error;
	pthread_mutex_unlock(&lock);
}

void fault_set_room(long long bytes)
{
	pthread_mutex_lock(&lock);
	fault_room = bytes;
	pthread_mutex_unlock(&lock);
}

void fault_clear(void)
{
	fault_set(FAULT_WRITE, NULL, 0);
}

unsigned fault_hits(void)
{
	unsigned count;

	pthread_mutex_lock(&lock);
	count = hits;
	pthread_mutex_unlock(&lock);
	return count;
}

void fault_gate_close(const char *suffix)
{
	pthread_mutex_lock(&lock);
	gate_suffix = suffix;
	gate_taken = false;
	pthread_mutex_unlock(&lock);
}

bool fault_gate_wait(void)
{
	struct timespec end;
	int r = 0;
	bool taken;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += 60;
	pthread_mutex_lock(&lock);
	while (!gate_taken && r != ETIMEDOUT)
		r = pthread_cond_timedwait(&changed, &lock, &end);
	taken = gate_taken;
	pthread_mutex_unlock(&lock);
	return taken;
}

void fault_gate_open(void)
{
	pthread_mutex_lock(&lock);
	gate_suffix = NULL;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}
