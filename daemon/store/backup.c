/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A copy of control.db for a backup. SQLite's own backup copies the pages; then every sealed record
 * of the copy is opened with our key and sealed with the one that the caller gave, and the copy
 * gets that one's mark. The key of this machine does not leave it. The row of the journal that
 * speaks of the copy comes after it: there is no row without a copy, and a copy without a row goes.
 *
 * The copy is complete when its name is 'backup.db': it is made under another one.
 */

#include "store/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "store/migrate.h"

#define MAKING BACKUP_FILE ".tmp"

/* Opened as any file of the store, so closing it leaves one file and no log. */
static int reseal_copy(const struct control *control, const char *path, struct key *key, char *why)
{
	CLEANUP(database_freep) struct database *db = NULL;
	struct control copy = {.sealer = control->sealer};
	int r = database_open(path, 0, &db, why);

	if (r < 0)
		return r;
	copy.db = db;
	r = control_reseal(&copy, key);
	if (r < 0)
		snprintf(why, DATABASE_WHY_MAX, "%s", db->why);
	return r;
}

static int finish(int directory_fd)
{
	CLEANUP(cleanup_close)
	int fd = openat(directory_fd, MAKING, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0 || fsync(fd) < 0 ||
		renameat(directory_fd, MAKING, directory_fd, BACKUP_FILE) < 0 ||
		fsync(directory_fd) < 0)
		return -errno;
	return 0;
}

static int make(struct control *control, int directory_fd, struct key *key, char *why)
{
	char path[DATABASE_PATH_MAX];
	int size = (int)(strlen(control->db->path) - strlen(control->db->name)), r;

	snprintf(path, sizeof(path), "%.*s%s", size, control->db->path, MAKING);
	r = database_copy(control->db, path);
	if (r >= 0)
		r = reseal_copy(control, path, key, why);
	return r < 0 ? r : finish(directory_fd);
}

int control_backup(struct control *control, int directory_fd, struct key *key)
{
	char why[DATABASE_WHY_MAX] = "";
	int r;

	if (unlinkat(directory_fd, BACKUP_FILE, 0) < 0 && errno != ENOENT)
		return -errno;
	key->source = KEY_FILE;
	r = make(control, directory_fd, key, why);
	if (r < 0) {
		unlinkat(directory_fd, MAKING, 0);
		unlinkat(directory_fd, MAKING "-wal", 0);
	}
	return r;
}

int control_backup_note(
	struct control *control, int directory_fd, const struct audit_row *audit, char ret_head[65])
{
	int r = control_begin(control);

	if (r >= 0)
		r = control_append_audit(control, audit);
	if (r >= 0)
		r = control_commit(control);
	else
		control_rollback(control);
	if (r < 0)
		unlinkat(directory_fd, BACKUP_FILE, 0);
	else
		audit_head_text(&control->head, ret_head);
	return r;
}
