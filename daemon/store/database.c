/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One SQLite file. Both files of the store are opened alike:
 *
 *   locking_mode=EXCLUSIVE   we are the only ones (the state directory is locked besides), so the
 *                            index of the log lives in memory and there is no -shm file
 *   journal_mode=WAL, synchronous=FULL   a commit that was answered survives a power cut
 *   trusted_schema=OFF, cell_size_check=ON, foreign_keys=ON   the file is not trusted blindly
 *   auto_vacuum=INCREMENTAL  in files that are new: what is free can be given back
 *
 * SQLite's own checkpoint runs inside a commit and swallows its errors. Here the hook only notes
 * how long the log is; the store thread checkpoints after the answers went out, and a failed fsync
 * is seen.
 *
 * What is final and what is not: no room (SQLITE_FULL, or ENOSPC and EDQUOT of a write) leaves a
 * transaction that can be rolled back. A failed fsync never counts as "no room": after it nobody
 * knows what is on disk.
 */

#include "store/database.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

#define CHECKPOINT_BYTES (8 * 1024 * 1024)
#define BUSY_MSEC	 2000
#define LOG_PIECE	 (64 * 1024) /* SQLite writes less than 128 KiB at once */

static const char PRAGMAS[] = "PRAGMA locking_mode=EXCLUSIVE;"
			      "PRAGMA trusted_schema=OFF;"
			      "PRAGMA cell_size_check=ON;"
			      "PRAGMA foreign_keys=ON;"
			      "PRAGMA temp_store=MEMORY;"
			      "PRAGMA secure_delete=ON;"
			      "PRAGMA journal_mode=WAL;"
			      "PRAGMA journal_size_limit=16777216;"
			      "PRAGMA synchronous=FULL;";
/* In a file that holds something already it would be a write, at each opening. */
static const char NEW_FILE[] = "PRAGMA auto_vacuum=INCREMENTAL;";

/*
 * SQLite knows ENOSPC of a write and says SQLITE_FULL; a quota it does not know, and it keeps no
 * errno of a failed COMMIT. So the errno of the moment is looked at, for a write alone: whatever
 * happened since can only have made it another one, and then the failure counts as final.
 */
static int result_of(int code, int system_error)
{
	if (code == SQLITE_IOERR_WRITE && (system_error == EDQUOT || system_error == ENOSPC))
		return -ENOSPC;
	switch (code & 0xff) {
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_CONSTRAINT:
		return -EEXIST;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EBADMSG;
	}
	return -EIO;
}

int database_result(struct database *db, int code)
{
	bool is_system = (code & 0xff) == SQLITE_IOERR || (code & 0xff) == SQLITE_CANTOPEN;
	int system_error = is_system ? errno : 0; /* first of all: nothing may come between */

	if (code == SQLITE_OK || code == SQLITE_ROW || code == SQLITE_DONE)
		return 0;
	/* The code that a step returned may be the short one; the handle knows the long one. */
	if ((sqlite3_extended_errcode(db->handle) & 0xff) == code)
		code = sqlite3_extended_errcode(db->handle);
	snprintf(db->why, sizeof(db->why), "%.64s: %s (SQLite %d, errno %d)", db->name,
		sqlite3_errstr(code), code, system_error);
	code = result_of(code, system_error);
	db->damaged |= code == -EBADMSG;
	return code;
}

static const char *suspect_path(const struct database *db, char ret_path[DATABASE_PATH_MAX + 8])
{
	snprintf(ret_path, DATABASE_PATH_MAX + 8, "%s-suspect", db->path);
	return ret_path;
}

/* For the next start; without it that one looks as at any other. */
static void mark_suspect(const struct database *db)
{
	char path[DATABASE_PATH_MAX + 8];
	int fd = open(suspect_path(db, path), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd >= 0)
		close(fd);
}

/* Makes the file with our mode before SQLite would make it with the umask's; the log inherits it.
 */
static int file_prepare(const char *path, bool *ret_new)
{
	CLEANUP(cleanup_close)
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if ((st.st_mode & 07777) != 0600 && fchmod(fd, 0600) < 0)
		return -errno;
	*ret_new = st.st_size == 0;
	return 0;
}

static int log_grew(void *userdata, sqlite3 *handle, const char *name, int pages)
{
	struct database *db = userdata;

	db->wal_pages = pages;
	return SQLITE_OK;
}

/* The size of a page counts as long as nothing is in the file, and no log. */
static int new_file(struct database *db, unsigned page_size)
{
	char sql[48];
	int r = 0;

	if (page_size) {
		snprintf(sql, sizeof(sql), "PRAGMA page_size=%u", page_size);
		r = database_exec(db, sql);
	}
	return r < 0 ? r : database_exec(db, NEW_FILE);
}

static int database_connect(struct database *db, bool is_new, unsigned page_size)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
	int code = sqlite3_open_v2(db->path, &db->handle, flags, NULL);
	int64_t bytes = 0;

	if (!db->handle)
		return -ENOMEM;
	if (code != SQLITE_OK)
		return database_result(db, code);
	sqlite3_busy_timeout(db->handle, BUSY_MSEC);
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	code = is_new ? new_file(db, page_size) : 0;
	if (code >= 0)
		code = database_exec(db, PRAGMAS);
	if (code >= 0)
		code = database_number(db, "PRAGMA page_size", &bytes);
	if (code < 0)
		return code;
	db->checkpoint_pages = db->checkpoint_at = CHECKPOINT_BYTES / (int)bytes;
	sqlite3_wal_hook(db->handle, log_grew, db);
	return 0;
}

int database_open(const char *path, unsigned page_size, struct database **ret, char *ret_why)
{
	CLEANUP(database_freep) struct database *db = calloc(1, sizeof(*db));
	char log[DATABASE_PATH_MAX + 4], mark[DATABASE_PATH_MAX + 8];
	bool is_new = false;
	int r;

	if (!db)
		return -ENOMEM;
	if (snprintf(db->path, sizeof(db->path), "%s", path) >= (int)sizeof(db->path))
		return -ENAMETOOLONG;
	db->name = strrchr(db->path, '/') ? strrchr(db->path, '/') + 1 : db->path;
	snprintf(log, sizeof(log), "%s-wal", db->path);
	db->unclean = access(log, F_OK) == 0;
	db->suspect = access(suspect_path(db, mark), F_OK) == 0;
	snprintf(db->why, sizeof(db->why), "%s cannot be opened", path);
	r = file_prepare(path, &is_new);
	if (r >= 0)
		r = database_connect(db, is_new, page_size);
	if (r < 0) {
		snprintf(ret_why, DATABASE_WHY_MAX, "%s", db->why);
		db->failed = true;
		return r;
	}
	*ret = STEAL(db);
	return 0;
}

struct database *database_free(struct database *db)
{
	if (!db)
		return NULL;
	/* After a failure the log stays as it is: the next start must find it, and check. */
	if (db->handle && db->failed)
		sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	sqlite3_finalize(db->begin);
	sqlite3_finalize(db->commit);
	sqlite3_close(db->handle);
	if (db->damaged && db->in_use)
		mark_suspect(db);
	free(db);
	return NULL;
}

void database_freep(struct database **db)
{
	database_free(*db);
}

int database_exec(struct database *db, const char *sql)
{
	return database_result(db, sqlite3_exec(db->handle, sql, NULL, NULL, NULL));
}

int database_number(struct database *db, const char *sql, int64_t *ret_value)
{
	CLEANUP(statement_finalizep) sqlite3_stmt *statement = NULL;
	int r = database_prepare(db, sql, &statement);

	if (r < 0)
		return r;
	r = statement_next(db, statement);
	if (r < 0)
		return r;
	if (r == 0)
		return -ENOENT;
	*ret_value = sqlite3_column_int64(statement, 0);
	return 0;
}

int database_check(struct database *db)
{
	CLEANUP(statement_finalizep) sqlite3_stmt *statement = NULL;
	const char *text;
	char path[DATABASE_PATH_MAX + 8];
	int r = database_prepare(db,
		db->suspect ? "PRAGMA integrity_check(1)" : "PRAGMA quick_check(1)", &statement);

	if (r >= 0)
		r = statement_next(db, statement);
	if (r < 0)
		return r;
	text = r > 0 ? (const char *)sqlite3_column_text(statement, 0) : NULL;
	if (text && strcmp(text, "ok") == 0) {
		unlink(suspect_path(db, path));
		return 0;
	}
	snprintf(db->why, sizeof(db->why), "%.64s: %.150s", db->name, text ? text : "no answer");
	return -EBADMSG;
}

/* In pieces of the buffer, over itself. SQLite's code. */
static int copy_over_itself(sqlite3_file *file, uint8_t *buffer, sqlite3_int64 capacity)
{
	sqlite3_int64 size = 0;
	int code = file->pMethods->xFileSize(file, &size);

	for (sqlite3_int64 at = 0; at < size && code == SQLITE_OK; at += capacity) {
		int piece = (int)(size - at < capacity ? size - at : capacity);

		code = file->pMethods->xRead(file, buffer, piece, at);
		if (code == SQLITE_OK)
			code = file->pMethods->xWrite(file, buffer, piece, at);
	}
	return code == SQLITE_OK ? file->pMethods->xSync(file, SQLITE_SYNC_NORMAL) : code;
}

/*
 * A sync that failed may have been the reason of the stop. What it should have written is read from
 * memory since, and the kernel takes it for written: no later sync puts it on the disk. A log with
 * such a hole ends there after a power cut, with all that was acknowledged behind it. A checkpoint
 * does not help: while it writes the file, a log that is whole is all there is to go back to.
 */
int database_secure_log(struct database *db)
{
	CLEANUP(cleanup_free) uint8_t *buffer = malloc(LOG_PIECE);
	sqlite3_file *log = NULL;
	int code = sqlite3_file_control(db->handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);

	if (!buffer)
		return -ENOMEM;
	if (code == SQLITE_OK && log && log->pMethods)
		code = copy_over_itself(log, buffer, LOG_PIECE);
	return database_result(db, code);
}

static int run_kept(struct database *db, const char *sql, sqlite3_stmt **kept)
{
	int r = *kept ? 0 : database_prepare(db, sql, kept);

	return r < 0 ? r : statement_run(db, *kept);
}

int database_begin(struct database *db)
{
	return run_kept(db, "BEGIN IMMEDIATE", &db->begin);
}

int database_commit(struct database *db)
{
	int r = run_kept(db, "COMMIT", &db->commit);

	if (r < 0)
		database_rollback(db);
	return r;
}

void database_rollback(struct database *db)
{
	/* SQLite rolls back by itself on some errors; its answer here is of no use either way. */
	if (!sqlite3_get_autocommit(db->handle))
		sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
}

int database_checkpoint(struct database *db, bool always)
{
	int r;

	if (db->failed || db->wal_pages == 0 || (!always && db->wal_pages < db->checkpoint_at))
		return 0;
	/* What is folded stays in the log until something is written over it, unless that is cut
	 * off.
	 */
	r = database_result(
		db, sqlite3_wal_checkpoint_v2(db->handle, NULL,
			    always ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE, NULL,
			    NULL));
	if (r == -ENOSPC) {
		db->checkpoint_at = db->wal_pages + db->checkpoint_pages;
		return 0;
	}
	if (r < 0)
		return r;
	db->wal_pages = 0;
	db->checkpoint_at = db->checkpoint_pages;
	return 0;
}

int database_prepare(struct database *db, const char *sql, sqlite3_stmt **ret)
{
	return database_result(
		db, sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, ret, NULL));
}

int statement_run(struct database *db, sqlite3_stmt *statement)
{
	int code = sqlite3_step(statement);
	int r = database_result(db, code);

	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
	return r;
}

int statement_next(struct database *db, sqlite3_stmt *statement)
{
	int code = sqlite3_step(statement);

	return code == SQLITE_ROW ? 1 : database_result(db, code);
}

void statement_resetp(sqlite3_stmt **statement)
{
	sqlite3_reset(*statement);
	sqlite3_clear_bindings(*statement);
}

void statement_finalizep(sqlite3_stmt **statement)
{
	sqlite3_finalize(*statement);
}
