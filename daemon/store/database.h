/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* One SQLite file of the store: how it is opened, and how its errors become ours. */

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DATABASE_PATH_MAX 512
#define DATABASE_WHY_MAX  256

struct database {
	sqlite3 *handle;
	sqlite3_stmt *begin, *commit; /* of every batch: not parsed each time */
	char path[DATABASE_PATH_MAX];
	const char *name;     /* last part of it */
	bool unclean;	      /* a write-ahead log was there at open: the last stop was none */
	bool suspect;	      /* "<path>-suspect" was there at open: see database_check() */
	bool in_use;	      /* what is found damaged from now on makes it suspect */
	bool damaged;	      /* SQLite found that it is */
	int wal_pages;	      /* in the write-ahead log after the newest commit */
	int checkpoint_pages; /* so many in the log are worth a checkpoint */
	int checkpoint_at;    /* the same, or more after one that found no room */
	bool failed;	      /* something final happened: nothing is written any more */
	char why[DATABASE_WHY_MAX]; /* the newest error in words */
};

/*
 * Opens or creates the file (0600 whatever the umask; -ELOOP for a symbolic link) and sets WAL,
 * synchronous=FULL and the rest. A file that is new gets pages of 'page_size' bytes (0: as SQLite
 * has them); one that is there keeps its own. -EBADMSG: not a database, or damaged. On failure *ret
 * is untouched and ret_why (DATABASE_WHY_MAX bytes) holds the reason.
 */
int database_open(const char *path, unsigned page_size, struct database **ret, char *ret_why);
/* Closes; the write-ahead log is folded in unless something failed. Accepts NULL, returns NULL. All
 * statements must be finalised. */
struct database *database_free(struct database *db);
void database_freep(struct database **db);

/*
 * An SQLite result as ours: 0 for OK, ROW and DONE; -ENOSPC for a full disk or quota; -EEXIST for a
 * broken constraint; -EBADMSG for damage; -ENOMEM; -EIO for the rest. Errors are kept in db->why.
 */
int database_result(struct database *db, int code);

/*
 * PRAGMA quick_check, which does not look whether an index and its table say the same; of a file
 * that was found damaged while it was in use, integrity_check, which does: it would be found
 * damaged again and again else. That goes on until it is content, or the file is another. 0,
 * -EBADMSG, or another error.
 */
int database_check(struct database *db);
/* After an unclean stop, before anything is appended to the log: what is read of it is on the disk
 * then. */
int database_secure_log(struct database *db);
/* Any number of statements without results. */
int database_exec(struct database *db, const char *sql);
/* First column of the first row; -ENOENT when there is none. */
int database_number(struct database *db, const char *sql, int64_t *ret_value);

int database_begin(struct database *db);
int database_commit(struct database *db); /* rolls back on failure */
/* Ends a transaction without effect. Also right when SQLite has ended it already. */
void database_rollback(struct database *db);

/* Folds the write-ahead log into the file when it is long enough, or 'always'. 0 also when there
 * was no room for it: the log keeps everything then. */
int database_checkpoint(struct database *db, bool always);

/* Prepares for many uses. */
int database_prepare(struct database *db, const char *sql, sqlite3_stmt **ret);
/* Runs to its end and makes it ready for the next use, parameters cleared. */
int statement_run(struct database *db, sqlite3_stmt *statement);
/* 1: a row is there; 0: no more; negative: error. */
int statement_next(struct database *db, sqlite3_stmt *statement);
/* For CLEANUP(): an open statement would hold the log back. */
void statement_resetp(sqlite3_stmt **statement);
void statement_finalizep(sqlite3_stmt **statement);
