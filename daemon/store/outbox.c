/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows in, rows out. One row for each reading, so that a row can be deleted alone and the file can
 * be read by anybody; the next row's number is written once for each batch, in its transaction, so
 * it never falls behind a row that was committed.
 */

#include "store/outbox.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/clock.h"

#define DELETE_STRETCH "4000"
#define DEAD_MAX       "1000"
/* More than can have been committed since the last sync: a checkpoint syncs every 8 MiB. */
#define LOST_ROWS_MAX UINT64_C(1000000000)

static const char *const OUTBOX_SQL[OUTBOX_STATEMENTS] = {
	[OUTBOX_SQL_INSERT] = "INSERT INTO reading(row, device, trust, time, synced, format, mid,"
			      " confirmable, token, body)"
			      " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
	[OUTBOX_SQL_DELETE] = "DELETE FROM reading WHERE row BETWEEN ?1 AND ?2",
	[OUTBOX_SQL_DELETE_DEVICE] =
		"DELETE FROM reading WHERE row IN (SELECT row FROM reading"
		" WHERE device = ?1 AND row <= ?2 ORDER BY row LIMIT " DELETE_STRETCH ")",
	[OUTBOX_SQL_FETCH] = "SELECT row, trust, time, synced, format, mid, confirmable, token,"
			     " body FROM reading WHERE device = ?1 AND row > ?2 AND row <= ?3"
			     " ORDER BY row LIMIT ?4",
	[OUTBOX_SQL_NEXT_ROW] = "UPDATE meta SET next_row = ?1",
	[OUTBOX_SQL_BURY] = "INSERT OR REPLACE INTO dead(row, device, trust, time, synced, format,"
			    " body, reason, buried) SELECT row, device, trust, time, synced,"
			    " format, body, ?2, ?3 FROM reading WHERE row = ?1",
	[OUTBOX_SQL_TRIM_DEAD] = "DELETE FROM dead WHERE row NOT IN"
				 " (SELECT row FROM dead ORDER BY row DESC LIMIT " DEAD_MAX ")",
	[OUTBOX_SQL_PUT_GAP] = "INSERT OR REPLACE INTO gap(id, device, first_row, last_row, count,"
			       " reason, time, published, device_id, platform)"
			       " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, ?8, ?9)",
	[OUTBOX_SQL_DROP_GAP] = "DELETE FROM gap WHERE id = ?1",
};

static int setup(struct outbox *outbox)
{
	int64_t epoch, next_row;
	/* Readings are no secrets: only pages that are written anyway are overwritten. */
	int r = database_exec(outbox->db, "PRAGMA secure_delete=FAST");

	if (r >= 0)
		r = outbox_prepare_space(outbox->db);

	for (size_t i = 0; i < OUTBOX_STATEMENTS && r >= 0; i++)
		r = database_prepare(outbox->db, OUTBOX_SQL[i], &outbox->statements[i]);
	if (r >= 0)
		r = database_number(outbox->db, "SELECT epoch FROM meta", &epoch);
	if (r >= 0)
		r = database_number(outbox->db,
			"SELECT max(next_row, (SELECT coalesce(max(row), 0) + 1 FROM reading))"
			" FROM meta",
			&next_row);
	if (r < 0)
		return r == -ENOENT ? -EBADMSG : r;
	if (epoch < 0 || next_row < 1)
		return -EBADMSG;
	outbox->epoch = (uint64_t)epoch;
	outbox->next_row = (uint64_t)next_row;
	return 0;
}

int outbox_new(struct database *db, struct outbox **ret)
{
	struct outbox *outbox = calloc(1, sizeof(*outbox));
	int r;

	if (!outbox)
		return -ENOMEM;
	outbox->db = db;
	r = setup(outbox);
	if (r < 0) {
		outbox->db = NULL; /* stays the caller's */
		outbox_free(outbox);
		return r;
	}
	*ret = outbox;
	return 0;
}

struct outbox *outbox_free(struct outbox *outbox)
{
	if (!outbox)
		return NULL;
	for (size_t i = 0; i < OUTBOX_STATEMENTS; i++)
		sqlite3_finalize(outbox->statements[i]);
	database_free(outbox->db);
	free(outbox);
	return NULL;
}

void outbox_freep(struct outbox **outbox)
{
	outbox_free(*outbox);
}

int outbox_set_epoch(struct outbox *outbox, uint64_t epoch)
{
	CLEANUP(statement_finalizep) sqlite3_stmt *statement = NULL;
	int r = database_prepare(outbox->db, "UPDATE meta SET epoch = ?1", &statement);

	if (r < 0)
		return r;
	sqlite3_bind_int64(statement, 1, (int64_t)epoch);
	r = statement_run(outbox->db, statement);
	if (r >= 0)
		outbox->epoch = epoch;
	return r;
}

static int write_mark(struct outbox *outbox, bool loose, uint64_t next_row)
{
	CLEANUP(statement_finalizep) sqlite3_stmt *statement = NULL;
	int r = database_prepare(
		outbox->db, "UPDATE meta SET loose = ?1, next_row = ?2", &statement);

	if (r < 0)
		return r;
	sqlite3_bind_int(statement, 1, loose);
	sqlite3_bind_int64(statement, 2, (int64_t)next_row);
	r = statement_run(outbox->db, statement);
	if (r >= 0)
		outbox->next_row = next_row;
	return r;
}

int outbox_set_loose(struct outbox *outbox, bool loose)
{
	uint64_t next_row = outbox->next_row;
	int64_t was;
	int r = database_number(outbox->db, "SELECT loose FROM meta", &was);

	if (r < 0)
		return r == -ENOENT ? -EBADMSG : r;
	if (was)
		next_row += LOST_ROWS_MAX;
	/* Still with a sync: the mark is there before anything can be lost. */
	if (was || loose)
		r = write_mark(outbox, loose, next_row);
	if (r >= 0 && loose)
		r = database_exec(outbox->db, "PRAGMA synchronous=NORMAL");
	if (r >= 0)
		outbox->loose = loose;
	return r;
}

int outbox_tighten(struct outbox *outbox)
{
	int r = database_exec(outbox->db, "PRAGMA synchronous=FULL");

	return r < 0 ? r : write_mark(outbox, false, outbox->next_row);
}

bool outbox_has_inside(struct outbox *outbox, uint64_t bytes)
{
	int64_t pages, page_size;

	/* Twice the bodies: rows have other columns, pages are never quite full, and the index
	 * grows too. */
	return database_number(outbox->db, "PRAGMA freelist_count", &pages) >= 0 &&
	       database_number(outbox->db, "PRAGMA page_size", &page_size) >= 0 &&
	       (uint64_t)(pages * page_size) / 2 > bytes + 16 * (uint64_t)page_size;
}

static void bind_numbers(sqlite3_stmt *statement, const struct reading *reading)
{
	sqlite3_bind_int64(statement, 1, (int64_t)reading->row);
	sqlite3_bind_int64(statement, 2, (int64_t)reading->device_row);
	sqlite3_bind_text(statement, 3, trust_to_string(reading->trust), -1, SQLITE_STATIC);
	sqlite3_bind_int64(statement, 4, reading->time);
	sqlite3_bind_int(statement, 5, reading->clock_synced);
	sqlite3_bind_int(statement, 6, reading->format);
	sqlite3_bind_int(statement, 7, reading->key.message_id);
	sqlite3_bind_int(statement, 8, reading->key.confirmable);
}

int outbox_insert(struct outbox *outbox, const struct reading *reading)
{
	sqlite3_stmt *statement = outbox->statements[OUTBOX_SQL_INSERT];

	if (reading->key.token_size > sizeof(reading->key.token))
		return -EINVAL;
	bind_numbers(statement, reading);
	/* The reading outlives the statement's run, so nothing is copied. */
	sqlite3_bind_blob(statement, 9, reading->key.token, reading->key.token_size, SQLITE_STATIC);
	sqlite3_bind_blob64(statement, 10, reading->body, reading->size, SQLITE_STATIC);
	return statement_run(outbox->db, statement);
}

int outbox_delete(struct outbox *outbox, const struct row_range *range)
{
	sqlite3_stmt *statement = outbox->statements[OUTBOX_SQL_DELETE];

	sqlite3_bind_int64(statement, 1, (int64_t)range->first);
	sqlite3_bind_int64(statement, 2, (int64_t)range->last);
	return statement_run(outbox->db, statement);
}

int outbox_commit(struct outbox *outbox, uint64_t next_row)
{
	int r = 0;

	if (next_row > outbox->next_row) {
		sqlite3_stmt *statement = outbox->statements[OUTBOX_SQL_NEXT_ROW];

		sqlite3_bind_int64(statement, 1, (int64_t)next_row);
		r = statement_run(outbox->db, statement);
	}
	if (r < 0)
		database_rollback(outbox->db);
	else
		r = database_commit(outbox->db);
	if (r >= 0 && next_row > outbox->next_row)
		outbox->next_row = next_row;
	return r;
}

int outbox_delete_device(
	struct outbox *outbox, uint64_t device_row, uint64_t last_row, const struct store_gap *gap)
{
	sqlite3_stmt *statement = outbox->statements[OUTBOX_SQL_DELETE_DEVICE];
	int more = 0, r = database_begin(outbox->db);

	if (r < 0)
		return r;
	sqlite3_bind_int64(statement, 1, (int64_t)device_row);
	sqlite3_bind_int64(statement, 2, (int64_t)last_row);
	r = statement_run(outbox->db, statement);
	if (r >= 0)
		more = sqlite3_changes(outbox->db->handle) > 0;
	if (r >= 0 && gap)
		r = outbox_put_gap(outbox, gap);
	if (r >= 0)
		r = database_commit(outbox->db);
	else
		database_rollback(outbox->db);
	return r < 0 ? r : more;
}

int outbox_bury(
	struct outbox *outbox, uint64_t row, const char *reason, const struct store_gap *gap)
{
	sqlite3_stmt *statement = outbox->statements[OUTBOX_SQL_BURY];
	const struct row_range range = {row, row};
	int r = database_begin(outbox->db);

	if (r < 0)
		return r;
	sqlite3_bind_int64(statement, 1, (int64_t)row);
	sqlite3_bind_text(statement, 2, reason, -1, SQLITE_TRANSIENT);
	sqlite3_bind_int64(statement, 3, clock_wall_msec());
	r = statement_run(outbox->db, statement);
	if (r >= 0)
		r = outbox_delete(outbox, &range);
	if (r >= 0)
		r = statement_run(outbox->db, outbox->statements[OUTBOX_SQL_TRIM_DEAD]);
	if (r >= 0 && gap)
		r = outbox_put_gap(outbox, gap);
	if (r >= 0)
		return database_commit(outbox->db);
	database_rollback(outbox->db);
	return r;
}

static int read_request(sqlite3_stmt *statement, int column, struct request_key *ret_key)
{
	const void *token = sqlite3_column_blob(statement, column + 2);
	int size = sqlite3_column_bytes(statement, column + 2);

	if (size > (int)sizeof(ret_key->token))
		return -EBADMSG;
	*ret_key = (struct request_key){
		.message_id = (uint16_t)sqlite3_column_int(statement, column),
		.confirmable = (uint8_t)sqlite3_column_int(statement, column + 1),
		.token_size = (uint8_t)size,
	};
	if (size > 0)
		memcpy(ret_key->token, token, (size_t)size);
	return 0;
}

static int read_reading(sqlite3_stmt *statement, uint64_t device_row, struct reading **ret)
{
	const char *trust = (const char *)sqlite3_column_text(statement, 1);
	const void *body = sqlite3_column_blob(statement, 8);
	size_t size = (size_t)sqlite3_column_bytes(statement, 8);
	struct request_key key;
	enum trust tier;
	struct reading *reading;

	if (!trust || trust_from_string(trust, &tier) < 0 || read_request(statement, 5, &key) < 0)
		return -EBADMSG;
	reading = reading_new(size);
	if (!reading)
		return -ENOMEM;
	reading->row = (uint64_t)sqlite3_column_int64(statement, 0);
	reading->device_row = device_row;
	reading->trust = tier;
	reading->time = sqlite3_column_int64(statement, 2);
	reading->clock_synced = sqlite3_column_int(statement, 3) != 0;
	reading->format = sqlite3_column_int(statement, 4);
	reading->key = key;
	reading->size = size;
	if (size > 0)
		memcpy(reading->body, body, size);
	*ret = reading;
	return 0;
}

int outbox_fetch(struct outbox *outbox, const struct owed_fetch *fetch,
	struct reading **ret_readings, size_t *ret_count, uint64_t *ret_bad_row)
{
	CLEANUP(statement_resetp)
	sqlite3_stmt *statement = outbox->statements[OUTBOX_SQL_FETCH];
	size_t count = 0;
	int r = 0;

	*ret_bad_row = 0;
	sqlite3_bind_int64(statement, 1, (int64_t)fetch->device_row);
	sqlite3_bind_int64(statement, 2, (int64_t)fetch->after_row);
	sqlite3_bind_int64(statement, 3, (int64_t)fetch->last_row);
	sqlite3_bind_int64(statement, 4, (int64_t)fetch->max);
	while (count < fetch->max) {
		r = statement_next(outbox->db, statement);
		if (r <= 0)
			break;
		r = read_reading(statement, fetch->device_row, &ret_readings[count]);
		if (r == -EBADMSG)
			*ret_bad_row = (uint64_t)sqlite3_column_int64(statement, 0);
		if (r < 0)
			break;
		count++;
	}
	if (r < 0) {
		while (count > 0)
			reading_unref(ret_readings[--count]);
		return r;
	}
	*ret_count = count;
	return 0;
}

static int load_requests(struct outbox *outbox, sqlite3_stmt *statement, uint64_t device_row,
	const struct store_loader *loader, void *userdata)
{
	CLEANUP(statement_resetp) sqlite3_stmt *open = statement;
	struct store_request request;
	int r;

	sqlite3_bind_int64(open, 1, (int64_t)device_row);
	while ((r = statement_next(outbox->db, open)) > 0) {
		request.row = (uint64_t)sqlite3_column_int64(open, 0);
		request.time = sqlite3_column_int64(open, 1);
		/* One that no request can have had matches none: not worth a start that fails. */
		if (read_request(open, 2, &request.key) < 0)
			continue;
		r = loader->request(userdata, device_row, &request);
		if (r < 0)
			return r;
	}
	return r;
}

/* The oldest is the one with the lowest number, whatever the clock was when it came. 'number': the
 * device first, that number fourth. */
static int load_oldest(struct outbox *outbox, sqlite3_stmt *statement, const uint64_t *number,
	const struct store_loader *loader, void *userdata)
{
	CLEANUP(statement_resetp) sqlite3_stmt *open = statement;
	int r;

	sqlite3_bind_int64(open, 1, (int64_t)number[3]);
	r = statement_next(outbox->db, open);
	return r <= 0 ? r : loader->oldest(userdata, number[0], sqlite3_column_int64(open, 0));
}

int outbox_load(struct outbox *outbox, const struct store_loader *loader, void *userdata)
{
	CLEANUP(statement_finalizep) sqlite3_stmt *owed = NULL;
	CLEANUP(statement_finalizep) sqlite3_stmt *requests = NULL;
	CLEANUP(statement_finalizep) sqlite3_stmt *oldest = NULL;
	int r = database_prepare(outbox->db,
		"SELECT device, count(*), sum(length(body)), min(row), max(row) FROM reading"
		" GROUP BY device",
		&owed);

	if (r >= 0)
		r = database_prepare(outbox->db,
			"SELECT row, time, mid, confirmable, token FROM (SELECT * FROM reading"
			" WHERE device = ?1 ORDER BY row DESC LIMIT 16) ORDER BY row",
			&requests);
	if (r >= 0)
		r = database_prepare(
			outbox->db, "SELECT time FROM reading WHERE row = ?1", &oldest);
	if (r < 0)
		return r;
	while ((r = statement_next(outbox->db, owed)) > 0) {
		uint64_t number[5];

		for (int i = 0; i < 5; i++)
			number[i] = (uint64_t)sqlite3_column_int64(owed, i);
		r = loader->owed ? loader->owed(userdata, number[0], number[1], number[2],
					   number[3], number[4])
				 : 0;
		if (r >= 0 && loader->oldest)
			r = load_oldest(outbox, oldest, number, loader, userdata);
		if (r >= 0 && loader->request)
			r = load_requests(outbox, requests, number[0], loader, userdata);
		if (r < 0)
			return r;
	}
	return r;
}
