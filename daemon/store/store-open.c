/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening, in this order: directory, lock, control.db (check after an unclean stop, migrate), key,
 * sealed records, outbox.db, epoch.
 *
 * The epoch makes readings' numbers unique for ever though an outbox may be lost: every new
 * outbox.db gets the next one, and control.db remembers the last. It is written to control.db
 * first; a start that ends in between wastes a number and nothing else.
 *
 * A damaged outbox.db is set aside with its log, whole, as outbox.db.corrupt-<n>. Its epoch is over
 * before that begins: a start that ends in between leaves a file that looks sound and lacks what
 * was in its log, and the next one knows it by its epoch and sets it aside, too. A damaged
 * control.db is left alone and refused: it holds who may do what.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/files.h"
#include "store/boot-mark.h"
#include "store/migrate.h"
#include "store/store-private.h"

/* A file up to this size is read in no time. Of a larger one it is known only that every page may
 * have to be sought: so many bytes a second. */
#define SMALL_BYTES  (UINT64_C(10) << 20)
#define SLOW_BYTES   (UINT64_C(512) << 10)
#define SLOW_USEC    (60 * USEC_PER_SEC) /* for the rest */
#define CORRUPT_MAX  1000
#define CORRUPT_NAME "%s.corrupt-%u"

struct opening {
	const struct store_options *options;
	int directory_fd;
	struct store *store;
	enum store_opened outcome; /* anything but STORE_OPENED ends it */
	char *why;
	size_t capacity;
	bool epoch_is_new; /* nothing has it yet */
};

/* The caller goes on only with 0 and STORE_OPENED. */
static bool must_stop(const struct opening *opening, int r)
{
	return r < 0 || opening->outcome != STORE_OPENED;
}

static int fail(const struct opening *opening, int error, const char *what)
{
	snprintf(opening->why, opening->capacity, "%s in %s: %s", what,
		opening->options->state_directory, strerror(-error));
	return error;
}

/* One owner for each state directory. The descriptor keeps the lock. */
static int take_lock(struct opening *opening)
{
	CLEANUP(cleanup_close)
	int fd = openat(opening->directory_fd, "lock",
		O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);

	if (fd < 0)
		return fail(opening, -errno, "The lock file cannot be opened");
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK)
			return fail(opening, -errno, "The lock cannot be taken");
		snprintf(opening->why, opening->capacity,
			"Another gatehoused is running on the state directory %s. Stop it first, "
			"or give this one a directory of its own.",
			opening->options->state_directory);
		return -EBUSY;
	}
	opening->store->lock_fd = steal_fd(&fd);
	return 0;
}

static int open_file(struct opening *opening, const char *name, unsigned page_size,
	struct database **ret, char *why)
{
	char path[DATABASE_PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/%s", opening->options->state_directory, name) >=
		(int)sizeof(path)) {
		snprintf(why, DATABASE_WHY_MAX, "the path is too long");
		return -ENAMETOOLONG;
	}
	return database_open(path, page_size, ret, why);
}

void store_tell_slow(const struct store *store, const struct database *db)
{
	struct stat st;

	if (!store->slow || stat(db->path, &st) < 0 || (uint64_t)st.st_size <= SMALL_BYTES)
		return;
	store->slow(
		store->slow_userdata, SLOW_USEC + (uint64_t)st.st_size / SLOW_BYTES * USEC_PER_SEC);
}

/* Open, checked when the last stop was none, and of our version. why: DATABASE_WHY_MAX bytes. */
static int open_current(struct opening *opening, const char *name, unsigned page_size,
	const struct migrations *migrations, struct database **ret, char *why)
{
	CLEANUP(database_freep) struct database *db = NULL;
	enum migrate_result result;
	unsigned found;
	int r = open_file(opening, name, page_size, &db, why);

	if (r < 0)
		return r;
	store_tell_slow(opening->store, db);
	if (db->unclean || db->suspect)
		r = database_check(db);
	if (r >= 0 && db->unclean)
		r = database_secure_log(db);
	if (r >= 0)
		r = migrate(db, migrations, &result, &found);
	if (r < 0) {
		db->failed = true;
		snprintf(why, DATABASE_WHY_MAX, "%s", db->why);
		return r;
	}
	if (result == MIGRATE_NEWER) {
		opening->outcome = STORE_NEWER;
		snprintf(opening->why, opening->capacity,
			"%s/%s was written by a newer version (schema %u, this one knows %u). "
			"Install that version, or put back the copy that was made before the "
			"update.",
			opening->options->state_directory, name, found, migrations->count);
		return 0;
	}
	db->in_use = true;
	*ret = STEAL(db);
	return 0;
}

/* For what goes wrong with control.db: damage is an outcome, the rest an error. */
static int control_failed(struct opening *opening, int error, const char *why)
{
	if (error == -EBADMSG) {
		opening->outcome = STORE_CORRUPT;
		snprintf(opening->why, opening->capacity,
			"control.db in %s is damaged (%s). Nothing was changed. Stop gatehoused "
			"and restore the state directory from a backup.",
			opening->options->state_directory, why);
		return 0;
	}
	snprintf(opening->why, opening->capacity, "control.db in %s cannot be used: %s (%s)",
		opening->options->state_directory, why, strerror(-error));
	return error;
}

static int find_key(struct opening *opening, const struct key_mark *mark, struct key *ret_key)
{
	enum key_outcome outcome;
	int r = key_find(opening->directory_fd, opening->options->credentials_directory, mark,
		&outcome, ret_key, opening->why, opening->capacity);

	if (r < 0)
		return r;
	switch (outcome) {
	case KEY_FOUND:
		break;
	case KEY_WRONG:
		opening->outcome = STORE_KEY_WRONG;
		break;
	case KEY_MISSING:
		opening->outcome = STORE_KEY_MISSING;
		break;
	}
	return 0;
}

static int open_sealed(
	struct opening *opening, struct database *db, const struct key *key, bool first_start)
{
	struct store *store = opening->store;
	char why[DATABASE_WHY_MAX] = "";
	int r = control_new(db, key, first_start, &store->control);

	if (r < 0) {
		db->failed = true;
		snprintf(why, sizeof(why), "%s", db->why);
		database_free(db);
		return control_failed(opening, r, why);
	}
	r = control_check_sealed(store->control, why, sizeof(why));
	if (r < 0)
		return control_failed(opening, r, why);
	store->facts.key_source = key->source;
	store->facts.key_expected = key->mark.source;
	store->facts.key_is_next = key->is_next;
	r = key_file_settle(opening->directory_fd, &key->mark);
	return r < 0 ? fail(opening, r, "The key that is not needed any more cannot be removed")
		     : 0;
}

static int open_control(struct opening *opening)
{
	CLEANUP(database_freep) struct database *db = NULL;
	char why[DATABASE_WHY_MAX] = "";
	struct key_mark mark;
	struct key key;
	bool found;
	int r = open_current(opening, "control.db", 0, &control_migrations, &db, why);

	if (r < 0)
		return control_failed(opening, r, why);
	if (opening->outcome != STORE_OPENED)
		return 0;
	r = control_read_mark(db, &found, &mark);
	if (r < 0)
		return control_failed(opening, r, db->why);
	r = find_key(opening, found ? &mark : NULL, &key);
	if (must_stop(opening, r))
		return r;
	r = open_sealed(opening, STEAL(db), &key, !found);
	crypto_wipe(&key, sizeof(key));
	return r;
}

/* Renames what is there of 'name' and its log to 'name'.corrupt-<number>. -EEXIST: taken. */
static int set_aside_as(int directory_fd, const char *name, unsigned number)
{
	static const char *const SUFFIX[] = {"-wal", ""}; /* the file itself last: see below */
	char from[64], to[80];

	for (size_t i = 0; i < 2; i++) {
		snprintf(to, sizeof(to), CORRUPT_NAME "%s", name, number, SUFFIX[i]);
		if (faccessat(directory_fd, to, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			return -EEXIST;
	}
	/* After a start that ends between the two the file without its log is set aside under the
	 * next number; the other way round a log would meet a new file. */
	for (size_t i = 0; i < 2; i++) {
		snprintf(from, sizeof(from), "%s%s", name, SUFFIX[i]);
		snprintf(to, sizeof(to), CORRUPT_NAME "%s", name, number, SUFFIX[i]);
		if (renameat(directory_fd, from, directory_fd, to) < 0 && errno != ENOENT)
			return -errno;
	}
	return fsync(directory_fd) < 0 ? -errno : 0;
}

static int set_aside(int directory_fd, const char *name, char *ret_name, size_t capacity)
{
	char mark[64];
	int r = -EEXIST;
	unsigned n;

	for (n = 1; n <= CORRUPT_MAX && r == -EEXIST; n++)
		r = set_aside_as(directory_fd, name, n);
	snprintf(mark, sizeof(mark), "%s-suspect", name);
	if (r >= 0)
		unlinkat(directory_fd, mark,
			0); /* the new one is checked once more where it stays */
	if (r >= 0)
		snprintf(ret_name, capacity, CORRUPT_NAME, name, n - 1);
	return r;
}

static int try_outbox(struct opening *opening, char *why)
{
	CLEANUP(database_freep) struct database *db = NULL;
	int r = open_current(opening, "outbox.db", OUTBOX_PAGE, &outbox_migrations, &db, why);

	if (r < 0 || !db) /* an error, or an outcome */
		return r;
	r = outbox_new(db, &opening->store->outbox);
	if (r < 0) {
		snprintf(why, DATABASE_WHY_MAX, "%s", db->why);
		db->failed = true;
		return r;
	}
	(void)STEAL(db);
	return 0;
}

/* What is not of the newest epoch is the rest of one that is being set aside. */
static int is_left_behind(struct opening *opening, bool *ret_is)
{
	uint64_t last;
	int r = control_counter(opening->store->control, "epoch", &last);

	if (r >= 0)
		*ret_is = opening->store->outbox->epoch > 0 && opening->store->outbox->epoch < last;
	return r;
}

static int raise_epoch(struct opening *opening)
{
	uint64_t last;
	int r = control_counter(opening->store->control, "epoch", &last);

	if (r >= 0)
		r = control_raise_counter(opening->store->control, "epoch", last + 1);
	opening->epoch_is_new = r >= 0;
	return r;
}

static int set_outbox_aside(struct opening *opening)
{
	struct store_facts *facts = &opening->store->facts;
	int r = raise_epoch(opening);

	opening->store->outbox = outbox_free(opening->store->outbox);
	if (r >= 0)
		r = set_aside(opening->directory_fd, "outbox.db", facts->outbox_set_aside,
			sizeof(facts->outbox_set_aside));
	return r < 0 ? fail(opening, r, "The damaged outbox.db cannot be set aside") : 0;
}

static int open_outbox(struct opening *opening)
{
	char why[DATABASE_WHY_MAX] = "";
	bool is_behind = false;
	int r = try_outbox(opening, why);

	if (r >= 0 && opening->store->outbox) {
		r = is_left_behind(opening, &is_behind);
		if (r < 0)
			return fail(opening, r, "The epoch cannot be read");
	}
	if (r == -EBADMSG || is_behind) {
		r = set_outbox_aside(opening);
		if (r < 0)
			return r;
		r = try_outbox(opening, why);
	}
	if (r < 0)
		snprintf(opening->why, opening->capacity, "outbox.db in %s cannot be used: %s (%s)",
			opening->options->state_directory, why, strerror(-r));
	return r;
}

static int settle_epoch(struct opening *opening)
{
	struct store *store = opening->store;
	uint64_t last;
	int r = control_counter(store->control, "epoch", &last);

	if (r >= 0 && store->outbox->epoch == 0) {
		if (!opening->epoch_is_new)
			r = control_raise_counter(store->control, "epoch", ++last);
		if (r >= 0)
			r = outbox_set_epoch(store->outbox, last);
	} else if (r >= 0 && store->outbox->epoch > last) {
		/* control.db came from a backup: what was used since must not be used again. */
		r = control_raise_counter(store->control, "epoch", store->outbox->epoch);
	}
	return r < 0 ? fail(opening, r, "The epoch cannot be written") : 0;
}

static int settle_durability(struct opening *opening)
{
	const struct store_options *options = opening->options;
	int r = outbox_set_loose(opening->store->outbox, options->loose);

	opening->store->commit_delay_usec = options->commit_delay_usec;
	return r < 0 ? fail(opening, r, "The outbox cannot be written") : 0;
}

static int open_arrivals(struct opening *opening)
{
	uint64_t last;
	int r = control_counter(opening->store->control, "last-arrival", &last);

	if (r >= 0)
		r = arrivals_new(opening->directory_fd, last, &opening->store->arrivals);
	return r < 0 ? fail(opening, r, "The file of arrivals cannot be used") : 0;
}

static int gather_facts(struct opening *opening)
{
	struct store *store = opening->store;
	struct store_facts *facts = &store->facts;
	int r = control_counter(store->control, "next-device-row", &facts->next_device_row);

	if (r >= 0)
		r = control_counter(store->control, "next-operation", &facts->next_operation);
	if (r >= 0)
		r = control_counter(store->control, "next-command", &facts->next_command);
	if (r >= 0)
		r = control_counter(store->control, "next-withdrawal", &facts->next_withdrawal);
	if (r < 0)
		return fail(opening, r, "The counters cannot be read");
	facts->epoch = store->outbox->epoch;
	facts->next_row = store->outbox->next_row;
	facts->boot_row = boot_mark_row(store->lock_fd, facts->epoch, facts->next_row);
	facts->audit_rows = store->control->head.number;
	audit_head_text(&store->control->head, facts->audit_head);
	memcpy(facts->exchange_public, store->control->exchange_public, PARCEL_KEY);
	facts->schema = control_migrations.count;
	return 0;
}

static int open_all(struct opening *opening)
{
	static int (*const STEPS[])(struct opening * opening) = {take_lock, open_control,
		open_outbox, settle_epoch, settle_durability, open_arrivals, gather_facts};
	int r = 0;

	for (size_t i = 0; i < ELEMENTS(STEPS); i++) {
		r = STEPS[i](opening);
		if (must_stop(opening, r))
			return r;
	}
	return r;
}

static void store_freep(struct store **store)
{
	store_free(*store);
}

int store_open(const struct store_options *options, enum store_opened *ret_opened,
	struct store **ret, char *ret_why, size_t capacity)
{
	CLEANUP(cleanup_close)
	int fd = directory_open_private(options->state_directory, ret_why, capacity);
	CLEANUP(store_freep) struct store *store = NULL;
	struct opening opening = {.options = options, .why = ret_why, .capacity = capacity};
	int r;

	if (fd < 0)
		return fd;
	store = calloc(1, sizeof(*store));
	if (!store)
		return fail(&opening, -ENOMEM, "The store cannot be opened");
	store->lock_fd = -EBADF;
	store->slow = options->slow;
	store->slow_userdata = options->slow_userdata;
	store->directory_fd = opening.directory_fd = steal_fd(&fd);
	opening.store = store;
	r = open_all(&opening);
	if (r < 0)
		return r;
	if (opening.outcome == STORE_OPENED)
		*ret = STEAL(store);
	*ret_opened = opening.outcome;
	return 0;
}

void store_close_files(struct store *store)
{
	store->control = control_free(store->control);
	store->outbox = outbox_free(store->outbox);
}

/* ---- arrivals: the one file that other threads reach ---- */

int store_keep_arrival(
	struct store *store, const struct store_arrival *arrival, uint64_t *ret_number)
{
	return arrivals_keep(store->arrivals, arrival, ret_number);
}

void store_settle_arrival(struct store *store, uint64_t number)
{
	struct order *order;

	if (!arrivals_settle(store->arrivals, number) || !store->running)
		return;
	order = order_new(ORDER_ARRIVALS, NULL, NULL);
	if (order)
		order_push(store, order);
}

int store_replay_arrivals(struct store *store, store_arrival_fn each, void *userdata)
{
	return arrivals_replay(store->arrivals, each, userdata);
}
