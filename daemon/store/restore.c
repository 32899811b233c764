/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything is done to a copy beside the present file, which takes its name at the end:
 *
 *	lock -> restore.db written, opened, brought to our schema, checked, sealed with the new key
 *	-> key.next -> outbox and arrivals set aside -> control.db set aside -> restore.db becomes
 *	control.db -> key.next becomes key
 *
 * A restore that ends before the last rename is begun again; what it set aside is there.
 *
 * After a restore the gateway remembers less than it did, so numbers of devices, operations and
 * commands leap, and the epoch in front of the numbers of readings does. It follows the clock, so
 * that a second restore of the same backup gives another one; without a clock, chance decides.
 */

#include "store/restore.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/files.h"
#include "store/control.h"
#include "store/migrate.h"

#define COPY "restore.db"
#define EPOCH_BEGIN \
	INT64_C(1577836800000) /* 2020-01-01, milliseconds: a clock before it is not set */
#define LEAP	      (UINT64_C(1) << 20)
#define SET_ASIDE_MAX 1000

struct restoring {
	const struct restore *restore;
	int directory_fd, lock_fd;
	enum restore_result result; /* anything but RESTORE_DONE ends it */
	char *why;
	size_t capacity;
};

static int stop(struct restoring *restoring, enum restore_result result, const char *why)
{
	restoring->result = result;
	snprintf(restoring->why, restoring->capacity, "%s", why);
	return 0;
}

static int fail(struct restoring *restoring, int error, const char *what)
{
	snprintf(restoring->why, restoring->capacity, "%s in %s: %s. Nothing was changed.", what,
		restoring->restore->state_directory, strerror(-error));
	return error;
}

static void path_of(const struct restoring *restoring, const char *name, char *ret_path)
{
	snprintf(ret_path, DATABASE_PATH_MAX, "%s/%s", restoring->restore->state_directory, name);
}

/* ---- the place ---- */

static int take_lock(struct restoring *restoring)
{
	restoring->lock_fd = openat(restoring->directory_fd, "lock",
		O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (restoring->lock_fd < 0)
		return fail(restoring, -errno, "The lock file cannot be opened");
	if (flock(restoring->lock_fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno != EWOULDBLOCK)
		return fail(restoring, -errno, "The lock cannot be taken");
	return stop(restoring, RESTORE_RUNNING,
		"The gateway is running. Stop it first: systemctl stop gatehoused");
}

/* Whoever is in the present file is not lost without being asked for it. One that cannot be read
 * counts as empty: a restore is the remedy. */
static int look_at_present(struct restoring *restoring)
{
	CLEANUP(database_freep) struct database *db = NULL;
	char path[DATABASE_PATH_MAX], why[DATABASE_WHY_MAX];
	int64_t devices = 0, people = 0;

	path_of(restoring, "control.db", path);
	if (restoring->restore->replace || access(path, F_OK) < 0 ||
		database_open(path, 0, &db, why) < 0)
		return 0;
	if (database_number(db, "SELECT count(*) FROM device", &devices) < 0 ||
		database_number(db, "SELECT count(*) FROM person", &people) < 0 ||
		devices + people == 0)
		return 0;
	snprintf(restoring->why, restoring->capacity,
		"There is a gateway here already, with %lld devices and %lld people. To set it "
		"aside and restore the backup in its place, say --replace.",
		(long long)devices, (long long)people);
	restoring->result = RESTORE_OCCUPIED;
	return 0;
}

/* ---- the copy ---- */

static int write_copy(struct restoring *restoring)
{
	int r;

	/* A log of an earlier try must not meet the new file. */
	if (unlinkat(restoring->directory_fd, COPY "-wal", 0) < 0 && errno != ENOENT)
		return fail(restoring, -errno, "An earlier try cannot be removed");
	r = file_replace(restoring->directory_fd, COPY, restoring->restore->database, 0600);
	return r < 0 ? fail(restoring, r, "The copy cannot be written") : 0;
}

static int damaged(struct restoring *restoring, int error, const char *why)
{
	if (error != -EBADMSG && error != -EKEYREJECTED)
		return fail(restoring, error, "The copy cannot be used");
	restoring->result = RESTORE_DAMAGED;
	snprintf(restoring->why, restoring->capacity,
		"The backup is damaged (%s). Nothing was changed.", why);
	return 0;
}

static int bring_up(struct restoring *restoring, struct database *db)
{
	char before[DATABASE_PATH_MAX];
	enum migrate_result result;
	int64_t version = 0;
	unsigned found;
	int r = database_check(db);

	if (r >= 0)
		r = database_number(db, "PRAGMA user_version", &version);
	if (r >= 0 && version == 0)
		return stop(restoring, RESTORE_DAMAGED,
			"The backup holds no gateway. Nothing was changed.");
	if (r >= 0)
		r = migrate(db, &control_migrations, &result, &found);
	if (r < 0)
		return damaged(restoring, r, db->why);
	snprintf(before, sizeof(before), COPY ".before-%u", control_migrations.count);
	unlinkat(restoring->directory_fd, before, 0);
	if (result == MIGRATE_NEWER) {
		snprintf(restoring->why, restoring->capacity,
			"The backup was made by a newer version (schema %u, this one knows %u). "
			"Install that version. Nothing was changed.",
			found, control_migrations.count);
		restoring->result = RESTORE_NEWER;
	}
	return 0;
}

static int check_key(const struct restore *restore, struct database *db, struct key *ret_key)
{
	uint8_t check[KEY_CHECK_SIZE];
	bool found = false;
	int r = control_read_mark(db, &found, &ret_key->mark);

	if (r < 0)
		return r;
	r = key_check_make(restore->key, check);
	if (r < 0)
		return r;
	memcpy(ret_key->bytes, restore->key, AES256_KEY);
	return found && crypto_equal(check, ret_key->mark.check, sizeof(check)) ? 0 : -EBADMSG;
}

static uint64_t next_epoch(uint64_t last)
{
	int64_t now = clock_wall_msec() - EPOCH_BEGIN;

	if (now > 0 && (uint64_t)now > last)
		return (uint64_t)now;
	return last + 1 + random_uint64() % LEAP;
}

static int leap(struct control *control)
{
	static const char *const COUNTERS[] = {"next-device-row", "next-operation", "next-command"};
	uint64_t value;
	int r = control_counter(control, "epoch", &value);

	if (r >= 0)
		r = control_raise_counter(control, "epoch", next_epoch(value));
	for (size_t i = 0; i < ELEMENTS(COUNTERS) && r >= 0; i++) {
		r = control_counter(control, COUNTERS[i], &value);
		if (r >= 0)
			r = control_raise_counter(control, COUNTERS[i], value + LEAP);
	}
	return r;
}

/* 'db' is taken over. */
static int seal_copy(struct restoring *restoring, struct database *db, struct key *ret_new)
{
	const struct restore *restore = restoring->restore;
	CLEANUP(control_freep) struct control *control = NULL;
	char why[DATABASE_WHY_MAX] = "", head[65];
	struct key key = {0};
	int r = check_key(restore, db, &key);
	bool fits = r >= 0;

	if (fits)
		r = control_new(db, &key, false, &control);
	crypto_wipe(&key, sizeof(key));
	if (r < 0) {
		if (!fits)
			snprintf(why, sizeof(why), "its key does not fit");
		else
			snprintf(why, sizeof(why), "%s", db->why);
		database_free(db);
		return damaged(restoring, r, why);
	}
	r = control_check_sealed(control, why, sizeof(why));
	if (r >= 0)
		r = leap(control);
	if (r >= 0) {
		*ret_new = (struct key){.source = restore->source};
		memcpy(ret_new->bytes, restore->new_key, AES256_KEY);
		r = control_rekey(control, ret_new, &restore->audit, head);
	}
	return r < 0 ? damaged(restoring, r, why[0] ? why : control->db->why) : 0;
}

static int prepare(struct restoring *restoring, struct key *ret_new)
{
	CLEANUP(database_freep) struct database *db = NULL;
	char path[DATABASE_PATH_MAX], why[DATABASE_WHY_MAX] = "";
	int r = write_copy(restoring);

	if (r < 0)
		return r;
	path_of(restoring, COPY, path);
	r = database_open(path, 0, &db, why);
	if (r < 0)
		return damaged(restoring, r, why);
	r = bring_up(restoring, db);
	if (r < 0 || restoring->result != RESTORE_DONE)
		return r;
	return seal_copy(restoring, STEAL(db), ret_new);
}

/* ---- the change ---- */

static int set_aside(int directory_fd, unsigned number)
{
	static const char *const NAMES[] = {
		"outbox.db-wal", "outbox.db", "arrivals", "control.db-wal", "control.db"};
	char to[64];

	for (size_t i = 0; i < ELEMENTS(NAMES); i++) {
		snprintf(to, sizeof(to), "%s.before-restore-%u", NAMES[i], number);
		if (renameat(directory_fd, NAMES[i], directory_fd, to) < 0 && errno != ENOENT)
			return -errno;
	}
	return 0;
}

/* The first number that no file has. */
static unsigned find_number(int directory_fd)
{
	unsigned number = 1;
	char name[64];

	for (; number < SET_ASIDE_MAX; number++) {
		snprintf(name, sizeof(name), "control.db.before-restore-%u", number);
		if (faccessat(directory_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
			break;
	}
	return number;
}

static int put_in_place(struct restoring *restoring, const struct key *key)
{
	int fd = restoring->directory_fd;
	int r = key->source == KEY_FILE ? key_file_put_next(fd, key->bytes) : 0;

	if (r >= 0)
		r = set_aside(fd, find_number(fd));
	if (r >= 0 && (renameat(fd, COPY, fd, "control.db") < 0 || fsync(fd) < 0))
		r = -errno;
	if (r >= 0)
		r = key_file_settle(fd, &key->mark);
	if (r >= 0)
		return 0;
	snprintf(restoring->why, restoring->capacity,
		"The backup could not be put in its place in %s: %s. Run this again; what was "
		"there stands in files *.before-restore-*.",
		restoring->restore->state_directory, strerror(-r));
	return r;
}

static int run(struct restoring *restoring)
{
	struct key key = {0};
	int r = take_lock(restoring);

	if (r >= 0 && restoring->result == RESTORE_DONE)
		r = look_at_present(restoring);
	if (r >= 0 && restoring->result == RESTORE_DONE)
		r = prepare(restoring, &key);
	if (r >= 0 && restoring->result == RESTORE_DONE)
		r = put_in_place(restoring, &key);
	else if (restoring->result != RESTORE_RUNNING) {
		unlinkat(restoring->directory_fd, COPY, 0);
		unlinkat(restoring->directory_fd, COPY "-wal", 0);
	}
	crypto_wipe(&key, sizeof(key));
	return r;
}

int store_restore(const struct restore *restore, enum restore_result *ret_result, char *ret_why,
	size_t capacity)
{
	CLEANUP(cleanup_close)
	int fd = directory_open_private(restore->state_directory, ret_why, capacity);
	struct restoring restoring = {.restore = restore,
		.directory_fd = fd,
		.lock_fd = -EBADF,
		.result = RESTORE_DONE,
		.why = ret_why,
		.capacity = capacity};
	int r;

	if (fd < 0)
		return fd;
	if (strlen(restore->state_directory) + 40 > DATABASE_PATH_MAX)
		return fail(&restoring, -ENAMETOOLONG, "The path is too long");
	r = run(&restoring);
	if (restoring.lock_fd >= 0)
		close(restoring.lock_fd);
	if (r >= 0)
		*ret_result = restoring.result;
	return r;
}
