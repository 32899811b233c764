/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the disks of these tests have in common: a VFS above the real one, whose files hold the real
 * file behind themselves and pass on what no test wants to see. Only methods of version 1 are
 * offered: a log without shared memory is what the store asks for (locking_mode=EXCLUSIVE), and it
 * would not open here otherwise.
 */

#include <sqlite3.h>
#include <stddef.h>

struct through_file {
	sqlite3_file base; /* first */
	sqlite3_file *real;
};

static inline sqlite3_file *through_real(sqlite3_file *file)
{
	return ((struct through_file *)file)->real;
}

/* The rest of a table of methods: xClose, xRead, xWrite, xTruncate and xSync are the disk's own. */
#define THROUGH_METHODS                                                      \
	.iVersion = 1, .xFileSize = through_size, .xLock = through_lock,     \
	.xUnlock = through_unlock, .xCheckReservedLock = through_check_lock, \
	.xFileControl = through_control, .xSectorSize = through_sector_size, \
	.xDeviceCharacteristics = through_characteristics

int through_size(sqlite3_file *file, sqlite3_int64 *size);
int through_lock(sqlite3_file *file, int level);
int through_unlock(sqlite3_file *file, int level);
int through_check_lock(sqlite3_file *file, int *result);
int through_control(sqlite3_file *file, int operation, void *argument);
int through_sector_size(sqlite3_file *file);
int through_characteristics(sqlite3_file *file);

/* Opens the real file in the room behind 'file', which takes 'size' bytes; its methods are these
 * when there is one to close. SQLite's code. */
int through_open(sqlite3_vfs *real_vfs, const char *name, struct through_file *file, size_t size,
	const sqlite3_io_methods *methods, int flags, int *ret_flags);
/* Makes 'vfs' the default one, above the one that was it, which is the answer. It opens files of
 * 'size' bytes; 'delete' NULL: as the real one does it. */
sqlite3_vfs *through_install(sqlite3_vfs *vfs, const char *name, size_t size,
	int (*open)(sqlite3_vfs *, const char *, sqlite3_file *, int, int *),
	int (*delete)(sqlite3_vfs *, const char *, int));
