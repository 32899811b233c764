/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* outbox.db: the readings that were acknowledged and are not delivered. Store thread only, once it
 * runs. */

#include <stdbool.h>
#include <stdint.h>

#include "core/letter.h"
#include "core/owed.h"
#include "core/reading.h"
#include "store/database.h"
#include "store/store.h"

/* Bytes of a page. A commit of a few readings writes three of them, whatever their size, and flash
 * wears by what is written. Twice as large ones cost a busy gateway hardly less of a processor. */
#define OUTBOX_PAGE 1024

enum outbox_statement {
	OUTBOX_SQL_INSERT,
	OUTBOX_SQL_DELETE,
	OUTBOX_SQL_DELETE_DEVICE,
	OUTBOX_SQL_FETCH,
	OUTBOX_SQL_NEXT_ROW,
	OUTBOX_SQL_BURY,
	OUTBOX_SQL_TRIM_DEAD,
	OUTBOX_SQL_PUT_GAP,
	OUTBOX_SQL_DROP_GAP,
	OUTBOX_STATEMENTS
};

struct outbox {
	struct database *db;
	uint64_t epoch;	   /* 0: the file is new and has none yet */
	uint64_t next_row; /* above every row that was ever committed */
	bool loose;	   /* commits do not wait for the disk */
	sqlite3_stmt *statements[OUTBOX_STATEMENTS];
};

/* The file is open and migrated; takes 'db' over when it succeeds. */
int outbox_new(struct database *db, struct outbox **ret);
struct outbox *outbox_free(struct outbox *outbox); /* closes the file */
void outbox_freep(struct outbox **outbox);
int outbox_set_epoch(struct outbox *outbox, uint64_t epoch);
/* How commits are done from now on; begins numbers anew above a loss that the file's mark tells of.
 */
int outbox_set_loose(struct outbox *outbox, bool loose);
/* Before a clean stop: all is on the disk, the mark goes. */
int outbox_tighten(struct outbox *outbox);
/* The loader's owed() and request(); gap(). */
int outbox_load(struct outbox *outbox, const struct store_loader *loader, void *userdata);
int outbox_load_gaps(struct outbox *outbox, const struct store_loader *loader, void *userdata);

/* True when so many bytes of readings fit into what deletes left free inside the file. */
bool outbox_has_inside(struct outbox *outbox, uint64_t bytes);

/* outbox-space.c. Before anything else is done with the file: lets it become shorter again. */
int outbox_prepare_space(struct database *db);
/* One stretch of what deletes left free and is more than a reserve goes back to the disk, with the
 * next checkpoint. 1: some was, and there may be more; 0: there was none. */
int outbox_give_back(struct outbox *outbox);

/* --- inside a transaction of database_begin(); outbox_commit() writes next_row --- */

int outbox_insert(struct outbox *outbox, const struct reading *reading);
int outbox_delete(struct outbox *outbox, const struct row_range *range);
/* Writes a gap, or writes over the one with its id. */
int outbox_put_gap(struct outbox *outbox, const struct store_gap *gap);
/* 0 also when there is no such gap. */
int outbox_drop_gap(struct outbox *outbox, uint64_t id);
/* 'next_row' as it becomes with this transaction. Rolls back on failure. */
int outbox_commit(struct outbox *outbox, uint64_t next_row);

/* --- with a transaction of their own --- */

/* One stretch of at most a few thousand rows <= last_row, and with it the gap (NULL = none). 1:
 * there may be more; 0: done. */
int outbox_delete_device(
	struct outbox *outbox, uint64_t device_row, uint64_t last_row, const struct store_gap *gap);
/* 0 also when there is no such row. The oldest dead letters make room. 'gap' (NULL = none) is
 * written with it. */
int outbox_bury(
	struct outbox *outbox, uint64_t row, const char *reason, const struct store_gap *gap);
/* store-letters.c: those with a row below 'before' (0 = all), newest first; room for 'max', which
 * is at least 1. */
int outbox_letters(struct outbox *outbox, uint64_t before, unsigned max, struct letter *ret_letters,
	size_t *ret_count, uint64_t *ret_next);
/* store-trim.c */
int outbox_oldest(
	struct outbox *outbox, const struct store_oldest *what, struct store_old *ret_found);
/* Fills at most fetch->max references. -EBADMSG: *ret_bad_row is the row that no reading can hold,
 * or 0 when the file is damaged. */
int outbox_fetch(struct outbox *outbox, const struct owed_fetch *fetch,
	struct reading **ret_readings, size_t *ret_count, uint64_t *ret_bad_row);
