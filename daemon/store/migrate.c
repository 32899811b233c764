/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Migrations: array index = version, PRAGMA user_version = number of steps that were taken. The
 * number changes in the same transaction as what it counts, so a crash leaves one version or the
 * next.
 *
 * The copy is made by SQLite's backup, which sees what is only in the write-ahead log, into a
 * temporary name that is made durable before it gets its own: a copy that is there is complete.
 */

#include "store/migrate.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"

static int sync_path(const char *path, int flags)
{
	CLEANUP(cleanup_close) int fd = open(path, O_RDONLY | O_CLOEXEC | flags);

	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

static int sync_directory_of(const char *path)
{
	char directory[DATABASE_PATH_MAX];
	const char *slash = strrchr(path, '/');

	if (!slash || slash == path)
		return sync_path(slash ? "/" : ".", O_DIRECTORY);
	snprintf(directory, sizeof(directory), "%.*s", (int)(slash - path), path);
	return sync_path(directory, O_DIRECTORY);
}

static int copy_into(struct database *db, sqlite3 *target)
{
	sqlite3_backup *backup = sqlite3_backup_init(target, "main", db->handle, "main");
	int code;

	if (!backup)
		return -EIO;
	code = sqlite3_backup_step(backup, -1);
	sqlite3_backup_finish(backup);
	if (code == SQLITE_DONE)
		return 0;
	return (code & 0xff) == SQLITE_FULL ? -ENOSPC : -EIO;
}

int database_copy(struct database *db, const char *path)
{
	CLEANUP(cleanup_close) int fd = -EBADF;
	sqlite3 *target = NULL;
	int r = -EIO;

	if (unlink(path) < 0 && errno != ENOENT)
		return -errno;
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || fchmod(fd, 0600) < 0)
		return -errno;
	if (sqlite3_open_v2(path, &target, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK)
		r = copy_into(db, target);
	if (sqlite3_close(target) != SQLITE_OK && r >= 0)
		r = -EIO;
	return r < 0 ? r : sync_path(path, 0);
}

static int copy_before(struct database *db, unsigned version)
{
	char copy[DATABASE_PATH_MAX + 24], temporary[DATABASE_PATH_MAX + 32];
	int r;

	snprintf(copy, sizeof(copy), "%s.before-%u", db->path, version);
	snprintf(temporary, sizeof(temporary), "%s.tmp", copy);
	r = database_copy(db, temporary);
	if (r >= 0 && rename(temporary, copy) < 0)
		r = -errno;
	if (r < 0) {
		unlink(temporary);
		snprintf(db->why, sizeof(db->why), "the copy %.64s.before-%u cannot be written: %s",
			db->name, version, strerror(-r));
		return r;
	}
	return sync_directory_of(copy);
}

static int drop_copy(int directory_fd, const char *name, unsigned version, const char *suffix)
{
	char file[128];
	int n = snprintf(file, sizeof(file), "%s.before-%u%s", name, version, suffix);

	if (n < 0 || (size_t)n >= sizeof(file))
		return -ENAMETOOLONG;
	return unlinkat(directory_fd, file, 0) < 0 && errno != ENOENT ? -errno : 0;
}

int migrate_drop_copies(int directory_fd, const char *name, const struct migrations *migrations)
{
	int r = 0;

	for (unsigned version = 1; version <= migrations->count; version++) {
		int whole = drop_copy(directory_fd, name, version, "");
		int part = drop_copy(directory_fd, name, version, ".tmp");

		if (whole < 0 || part < 0)
			r = whole < 0 ? whole : part;
	}
	return r < 0 || fsync(directory_fd) == 0 ? r : -errno;
}

static int take_step(struct database *db, const char *sql, unsigned version)
{
	char finish[192];
	int r = database_begin(db);

	if (r < 0)
		return r;
	snprintf(finish, sizeof(finish),
		"INSERT INTO upgrade(version, program, time) VALUES(%u, '%s', %lld);"
		"PRAGMA user_version=%u;",
		version, GATEHOUSE_VERSION, (long long)clock_wall_msec(), version);
	r = database_exec(db, sql);
	if (r >= 0)
		r = database_exec(db, finish);
	if (r < 0) {
		database_rollback(db);
		return r;
	}
	return database_commit(db);
}

int migrate(struct database *db, const struct migrations *migrations,
	enum migrate_result *ret_result, unsigned *ret_found)
{
	int64_t found;
	int r = database_number(db, "PRAGMA user_version", &found);

	if (r < 0)
		return r;
	if (found < 0 || found > (int64_t)migrations->count) {
		*ret_found = (unsigned)found;
		*ret_result = MIGRATE_NEWER;
		return 0;
	}
	if (found > 0 && found < (int64_t)migrations->count)
		r = copy_before(db, migrations->count);
	for (unsigned i = (unsigned)found; i < migrations->count && r >= 0; i++)
		r = take_step(db, migrations->steps[i], i + 1);
	if (r < 0)
		return r;
	*ret_found = (unsigned)found;
	*ret_result = MIGRATE_DONE;
	return 0;
}
