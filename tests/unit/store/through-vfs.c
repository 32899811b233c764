/* SPDX-License-Identifier: Apache-2.0 */

#include "through-vfs.h"

#include <stdlib.h>

int through_size(sqlite3_file *file, sqlite3_int64 *size)
{
	return through_real(file)->pMethods->xFileSize(through_real(file), size);
}

int through_lock(sqlite3_file *file, int level)
{
	return through_real(file)->pMethods->xLock(through_real(file), level);
}

int through_unlock(sqlite3_file *file, int level)
{
	return through_real(file)->pMethods->xUnlock(through_real(file), level);
}

int through_check_lock(sqlite3_file *file, int *result)
{
	return through_real(file)->pMethods->xCheckReservedLock(through_real(file), result);
}

int through_control(sqlite3_file *file, int operation, void *argument)
{
	return through_real(file)->pMethods->xFileControl(through_real(file), operation, argument);
}

int through_sector_size(sqlite3_file *file)
{
	return through_real(file)->pMethods->xSectorSize(through_real(file));
}

int through_characteristics(sqlite3_file *file)
{
	return through_real(file)->pMethods->xDeviceCharacteristics(through_real(file));
}

int through_open(sqlite3_vfs *real_vfs, const char *name, struct through_file *file, size_t size,
	const sqlite3_io_methods *methods, int flags, int *ret_flags)
{
	int code;

	file->real = (sqlite3_file *)((char *)file + size);
	code = real_vfs->xOpen(real_vfs, name, file->real, flags, ret_flags);
	file->base.pMethods = file->real->pMethods ? methods : NULL;
	return code;
}

sqlite3_vfs *through_install(sqlite3_vfs *vfs, const char *name, size_t size,
	int (*open)(sqlite3_vfs *, const char *, sqlite3_file *, int, int *),
	int (*delete)(sqlite3_vfs *, const char *, int))
{
	sqlite3_vfs *real_vfs = sqlite3_vfs_find(NULL);

	*vfs = *real_vfs;
	vfs->pNext = NULL;
	vfs->zName = name;
	vfs->szOsFile = (int)size + real_vfs->szOsFile;
	vfs->xOpen = open;
	if (delete)
		vfs->xDelete = delete;
	if (sqlite3_vfs_register(vfs, 1) != SQLITE_OK)
		abort();
	return real_vfs;
}
