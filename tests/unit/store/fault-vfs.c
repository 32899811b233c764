/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Only methods of version 1 are offered: a log without shared memory is what the store asks for
 * (locking_mode=EXCLUSIVE), and it would not open here otherwise.
 */

#include "fault-vfs.h"

#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct fault_file {
	sqlite3_file base;
	const char *name;
	sqlite3_file *real; /* behind this struct */
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

static sqlite3_file *real_of(sqlite3_file *file)
{
	return ((struct fault_file *)file)->real;
}

static int fault_of(sqlite3_file *file, enum fault_kind kind)
{
	int code = SQLITE_OK;

	pthread_mutex_lock(&lock);
	if (fault_suffix && kind == fault_kind &&
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
	return real_of(file)->pMethods->xClose(real_of(file));
}

static int file_read(sqlite3_file *file, void *data, int size, sqlite3_int64 offset)
{
	int code = fault_of(file, FAULT_READ);

	return code ? code : real_of(file)->pMethods->xRead(real_of(file), data, size, offset);
}

static int file_write(sqlite3_file *file, const void *data, int size, sqlite3_int64 offset)
{
	int code = fault_of(file, FAULT_WRITE);

	return code ? code : real_of(file)->pMethods->xWrite(real_of(file), data, size, offset);
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	return real_of(file)->pMethods->xTruncate(real_of(file), size);
}

static int file_sync(sqlite3_file *file, int flags)
{
	int code;

	pass_gate(file);
	code = fault_of(file, FAULT_SYNC);
	return code ? code : real_of(file)->pMethods->xSync(real_of(file), flags);
}

static int file_size(sqlite3_file *file, sqlite3_int64 *size)
{
	return real_of(file)->pMethods->xFileSize(real_of(file), size);
}

static int file_lock(sqlite3_file *file, int level)
{
	return real_of(file)->pMethods->xLock(real_of(file), level);
}

static int file_unlock(sqlite3_file *file, int level)
{
	return real_of(file)->pMethods->xUnlock(real_of(file), level);
}

static int file_check_lock(sqlite3_file *file, int *result)
{
	return real_of(file)->pMethods->xCheckReservedLock(real_of(file), result);
}

static int file_control(sqlite3_file *file, int operation, void *argument)
{
	return real_of(file)->pMethods->xFileControl(real_of(file), operation, argument);
}

static int file_sector_size(sqlite3_file *file)
{
	return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int file_device(sqlite3_file *file)
{
	return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

static const sqlite3_io_methods METHODS = {
	.iVersion = 1,
	.xClose = file_close,
	.xRead = file_read,
	.xWrite = file_write,
	.xTruncate = file_truncate,
	.xSync = file_sync,
	.xFileSize = file_size,
	.xLock = file_lock,
	.xUnlock = file_unlock,
	.xCheckReservedLock = file_check_lock,
	.xFileControl = file_control,
	.xSectorSize = file_sector_size,
	.xDeviceCharacteristics = file_device,
};

static int vfs_open(
	sqlite3_vfs *self, const char *name, sqlite3_file *file, int flags, int *ret_flags)
{
	struct fault_file *fault = (struct fault_file *)file;
	int code;

	fault->name = name; /* stays valid as long as the file is open */
	fault->real = (sqlite3_file *)(fault + 1);
	code = real_vfs->xOpen(real_vfs, name, fault->real, flags, ret_flags);
	fault->base.pMethods = fault->real->pMethods ? &METHODS : NULL;
	return code;
}

void fault_install(void)
{
	real_vfs = sqlite3_vfs_find(NULL);
	vfs = *real_vfs;
	vfs.pNext = NULL;
	vfs.zName = "fault";
	vfs.szOsFile = (int)sizeof(struct fault_file) + real_vfs->szOsFile;
	vfs.xOpen = vfs_open;
	if (sqlite3_vfs_register(&vfs, 1) != SQLITE_OK)
		abort();
}

void fault_set(enum fault_kind kind, const char *suffix, int code)
{
	pthread_mutex_lock(&lock);
	fault_kind = kind;
	fault_suffix = suffix;
	fault_code = code;
	fault_errno = 0;
	hits = 0;
	pthread_mutex_unlock(&lock);
}

void fault_set_errno(int error)
{
	pthread_mutex_lock(&lock);
	fault_errno = error;
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
