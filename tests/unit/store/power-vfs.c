/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nothing is really synced: what was, is remembered here. So 500 cuts take seconds.
 */

#include "power-vfs.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "through-vfs.h"

#define SECTOR	   512
#define IMAGES_MAX 16
#define NEVER	   UINT32_MAX

/* A write, or (bytes NULL) a truncation to 'offset', that was not synced yet. */
struct change {
	struct change *next;
	size_t offset, size;
	uint8_t *bytes;
};

/* What is known of one file. */
struct image {
	char *name;
	bool exists;
	uint8_t *bytes; /* what was synced */
	size_t size, room;
	struct change *first, **end;
};

struct power_file {
	struct through_file through; /* first */
	struct image *image;	     /* NULL: a file without a name */
};

static sqlite3_vfs *real_vfs;
static sqlite3_vfs vfs;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct image images[IMAGES_MAX];
static bool cut;
static uint32_t left = NEVER;
static uint64_t chance = 1;
static const char *bad_suffix; /* of the file whose next sync fails */

static void *must(void *memory)
{
	if (!memory)
		abort();
	return memory;
}

/* xorshift64* of Vigna; with the lock. The upper bits are the good ones. */
static uint64_t draw(uint64_t below)
{
	chance ^= chance >> 12;
	chance ^= chance << 25;
	chance ^= chance >> 27;
	return (chance * UINT64_C(2685821657736338717) >> 32) % below;
}

/* ---- images; with the lock ---- */

static void image_put(struct image *image, size_t offset, const uint8_t *bytes, size_t size)
{
	if (size == 0)
		return;
	if (offset + size > image->room) {
		image->room = 2 * (offset + size);
		image->bytes = must(realloc(image->bytes, image->room));
	}
	if (offset + size > image->size) {
		memset(image->bytes + image->size, 0, offset + size - image->size);
		image->size = offset + size;
	}
	memcpy(image->bytes + offset, bytes, size);
}

static void change_apply(struct image *image, const struct change *change)
{
	if (change->bytes)
		image_put(image, change->offset, change->bytes, change->size);
	else if (change->offset < image->size)
		image->size = change->offset;
}

/* 'all': a sync. Otherwise each has a fate of its own; returns how many were lost or torn. */
static unsigned image_settle(struct image *image, bool all)
{
	struct change *change;
	unsigned lost = 0;

	while ((change = image->first)) {
		uint64_t fate = all ? 2 : draw(4);

		image->first = change->next;
		if (fate == 1 && change->bytes && change->size > SECTOR)
			change->size = (size_t)draw(change->size / SECTOR) * SECTOR;
		if (fate > 0 && (fate != 1 || change->bytes))
			change_apply(image, change);
		lost += fate <= 1;
		free(change->bytes);
		free(change);
	}
	image->end = &image->first;
	return lost;
}

static void image_forget_changes(struct image *image)
{
	struct change *change;

	while ((change = image->first)) {
		image->first = change->next;
		free(change->bytes);
		free(change);
	}
	image->end = &image->first;
}

static void image_record(struct image *image, const void *bytes, size_t size, size_t offset)
{
	struct change *change = must(calloc(1, sizeof(*change)));

	change->offset = offset;
	change->size = size;
	if (bytes) {
		change->bytes = must(malloc(size ? size : 1));
		memcpy(change->bytes, bytes, size);
	}
	*image->end = change;
	image->end = &change->next;
}

static void image_load(struct image *image)
{
	uint8_t buffer[65536];
	ssize_t n;
	int fd = open(image->name, O_RDONLY | O_CLOEXEC);

	image->size = 0;
	while (fd >= 0 && (n = read(fd, buffer, sizeof(buffer))) > 0)
		image_put(image, image->size, buffer, (size_t)n);
	if (fd >= 0)
		close(fd);
}

static void image_store(const struct image *image)
{
	int fd = open(image->name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || (image->size && write(fd, image->bytes, image->size) != (ssize_t)image->size))
		abort();
	close(fd);
}

static struct image *image_of(const char *name)
{
	struct image *image = images;

	while (image->name && strcmp(image->name, name) != 0)
		if (++image == images + IMAGES_MAX)
			abort();
	if (!image->name) {
		image->name = must(strdup(name));
		image->end = &image->first;
	}
	if (!image->exists)
		image_load(image);
	image->exists = true;
	return image;
}

/* ---- the power ---- */

/* With the lock: is it there for one more operation? */
static bool has_power(void)
{
	if (left != NEVER && left > 0 && --left == 0)
		cut = true;
	return !cut;
}

void power_cut_after(unsigned operations)
{
	pthread_mutex_lock(&lock);
	cut = operations == 0;
	left = operations;
	pthread_mutex_unlock(&lock);
}

void power_fail_sync(const char *suffix)
{
	pthread_mutex_lock(&lock);
	bad_suffix = suffix;
	pthread_mutex_unlock(&lock);
}

/* With the lock. */
static bool sync_fails(const struct image *image)
{
	size_t a = strlen(image->name), b = bad_suffix ? strlen(bad_suffix) : a + 1;
	bool fails = a >= b && strcmp(image->name + a - b, bad_suffix) == 0;

	if (fails)
		bad_suffix = NULL;
	return fails;
}

uint64_t power_draw(uint64_t below)
{
	uint64_t drawn;

	pthread_mutex_lock(&lock);
	drawn = draw(below);
	pthread_mutex_unlock(&lock);
	return drawn;
}

bool power_is_cut(void)
{
	bool is_cut;

	pthread_mutex_lock(&lock);
	is_cut = cut;
	pthread_mutex_unlock(&lock);
	return is_cut;
}

unsigned power_back(void)
{
	unsigned lost = 0;

	pthread_mutex_lock(&lock);
	for (struct image *image = images; image < images + IMAGES_MAX && image->name; image++) {
		if (!image->exists)
			continue;
		lost += image_settle(image, false);
		image_store(image);
	}
	cut = false;
	left = NEVER;
	pthread_mutex_unlock(&lock);
	return lost;
}

/* ---- the VFS ---- */

static struct image *of(sqlite3_file *file)
{
	return ((struct power_file *)file)->image;
}

static int file_close(sqlite3_file *file)
{
	return through_real(file)->pMethods->xClose(through_real(file));
}

static int file_read(sqlite3_file *file, void *data, int size, sqlite3_int64 offset)
{
	return through_real(file)->pMethods->xRead(through_real(file), data, size, offset);
}

static int file_write(sqlite3_file *file, const void *data, int size, sqlite3_int64 offset)
{
	int code = SQLITE_IOERR_WRITE;

	pthread_mutex_lock(&lock);
	if (!of(file) || has_power())
		code = through_real(file)->pMethods->xWrite(through_real(file), data, size, offset);
	if (of(file) && code == SQLITE_OK)
		image_record(of(file), data, (size_t)size, (size_t)offset);
	pthread_mutex_unlock(&lock);
	return code;
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	int code = SQLITE_IOERR_TRUNCATE;

	pthread_mutex_lock(&lock);
	if (!of(file) || has_power())
		code = through_real(file)->pMethods->xTruncate(through_real(file), size);
	if (of(file) && code == SQLITE_OK)
		image_record(of(file), NULL, 0, (size_t)size);
	pthread_mutex_unlock(&lock);
	return code;
}

static int file_sync(sqlite3_file *file, int flags)
{
	int code = SQLITE_IOERR_FSYNC;

	pthread_mutex_lock(&lock);
	if (!of(file) || has_power())
		code = SQLITE_OK;
	if (of(file) && code == SQLITE_OK && sync_fails(of(file))) {
		image_forget_changes(of(file));
		code = SQLITE_IOERR_FSYNC;
	}
	if (of(file) && code == SQLITE_OK)
		image_settle(of(file), true);
	pthread_mutex_unlock(&lock);
	return code;
}

static const sqlite3_io_methods METHODS = {
	THROUGH_METHODS,
	.xClose = file_close,
	.xRead = file_read,
	.xWrite = file_write,
	.xTruncate = file_truncate,
	.xSync = file_sync,
};

static int vfs_open(
	sqlite3_vfs *self, const char *name, sqlite3_file *file, int flags, int *ret_flags)
{
	struct power_file *power = (struct power_file *)file;
	int code;

	pthread_mutex_lock(&lock);
	power->image = NULL;
	code = through_open(
		real_vfs, name, &power->through, sizeof(*power), &METHODS, flags, ret_flags);
	if (code == SQLITE_OK && name)
		power->image = image_of(name);
	pthread_mutex_unlock(&lock);
	return code;
}

/* Gone at once and for good: what is worse than a removed log that comes back is known to SQLite by
 * its salts, and not what this is about. */
static int vfs_delete(sqlite3_vfs *self, const char *name, int sync_directory)
{
	int code = SQLITE_IOERR_DELETE;

	pthread_mutex_lock(&lock);
	if (has_power())
		code = real_vfs->xDelete(real_vfs, name, sync_directory);
	if (code == SQLITE_OK) {
		struct image *image = image_of(name);

		image_settle(image, true);
		image->size = 0;
		image->exists = false;
	}
	pthread_mutex_unlock(&lock);
	return code;
}

void power_forget(void)
{
	pthread_mutex_lock(&lock);
	for (struct image *image = images; image < images + IMAGES_MAX && image->name; image++) {
		image_settle(image, true);
		free(image->bytes);
		free(image->name);
		*image = (struct image){0};
	}
	pthread_mutex_unlock(&lock);
}

void power_install(uint64_t seed)
{
	chance = seed ? seed : 1;
	real_vfs = through_install(&vfs, "power", sizeof(struct power_file), vfs_open, vfs_delete);
}
