/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The schema of a file and the way to it. */

#include "store/database.h"

/* Step i makes version i + 1 out of version i. A step that was released is never edited. */
struct migrations {
	const char *const *steps;
	unsigned count;
};
extern const struct migrations control_migrations;
extern const struct migrations outbox_migrations;

/* A copy of the whole file, also of what is only in its log, at 'path' (over one that is there;
 * 0600, durable but for its name). */
int database_copy(struct database *db, const char *path);

enum migrate_result { MIGRATE_DONE, MIGRATE_NEWER };

/* Deletes the copies that migrate() made of the file 'name' in this directory, also one that was
 * not finished. 0 when none is left; negative errno when one cannot be deleted. */
int migrate_drop_copies(int directory_fd, const char *name, const struct migrations *migrations);

/*
 * Brings the file to the newest version, each step in a transaction of its own together with its
 * number (PRAGMA user_version) and a row in the table 'upgrade'. A file that holds a version
 * already is first copied to "<file>.before-<newest version>" (0600, durable; an older copy of that
 * name is replaced). MIGRATE_NEWER: a newer program wrote it; nothing was touched. The version that
 * was found is in *ret_found.
 */
int migrate(struct database *db, const struct migrations *migrations,
	enum migrate_result *ret_result, unsigned *ret_found);
