/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is missing upstream: one row for each gap that the platform was not told of yet. A row is
 * written with the transaction that gives the readings up, so that there is never the one without
 * the other, and deleted when the platform has it. The device's id is in the row: the device may be
 * forgotten before the link is back.
 */

#include "store/outbox.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"

int outbox_put_gap(struct outbox *outbox, const struct store_gap *gap)
{
	sqlite3_stmt *statement = outbox->statements[OUTBOX_SQL_PUT_GAP];

	sqlite3_bind_int64(statement, 1, (int64_t)gap->id);
	sqlite3_bind_int64(statement, 2, (int64_t)gap->device_row);
	sqlite3_bind_int64(statement, 3, (int64_t)gap->first_row);
	sqlite3_bind_int64(statement, 4, (int64_t)gap->last_row);
	sqlite3_bind_int64(statement, 5, (int64_t)gap->count);
	sqlite3_bind_text(statement, 6, gap->reason, -1, SQLITE_TRANSIENT);
	sqlite3_bind_int64(statement, 7, clock_wall_msec());
	sqlite3_bind_text(statement, 8, gap->device_id, -1, SQLITE_TRANSIENT);
	sqlite3_bind_text(statement, 9, gap->platform, -1, SQLITE_TRANSIENT);
	return statement_run(outbox->db, statement);
}

int outbox_drop_gap(struct outbox *outbox, uint64_t id)
{
	sqlite3_stmt *statement = outbox->statements[OUTBOX_SQL_DROP_GAP];

	sqlite3_bind_int64(statement, 1, (int64_t)id);
	return statement_run(outbox->db, statement);
}

static bool read_text(sqlite3_stmt *statement, int column, char *ret_text, size_t capacity)
{
	const char *text = (const char *)sqlite3_column_text(statement, column);

	if (!text || strlen(text) >= capacity)
		return false;
	snprintf(ret_text, capacity, "%s", text);
	return true;
}

static bool read_gap(sqlite3_stmt *statement, struct store_gap *ret_gap)
{
	*ret_gap = (struct store_gap){
		.id = (uint64_t)sqlite3_column_int64(statement, 0),
		.device_row = (uint64_t)sqlite3_column_int64(statement, 1),
		.first_row = (uint64_t)sqlite3_column_int64(statement, 2),
		.last_row = (uint64_t)sqlite3_column_int64(statement, 3),
		.count = (uint64_t)sqlite3_column_int64(statement, 4),
	};
	return read_text(statement, 5, ret_gap->reason, sizeof(ret_gap->reason)) &&
	       read_text(statement, 6, ret_gap->device_id, sizeof(ret_gap->device_id)) &&
	       read_text(statement, 7, ret_gap->platform, sizeof(ret_gap->platform));
}

int outbox_load_gaps(struct outbox *outbox, const struct store_loader *loader, void *userdata)
{
	CLEANUP(statement_finalizep) sqlite3_stmt *gaps = NULL;
	struct store_gap gap;
	int r;

	if (!loader->gap)
		return 0;
	r = database_prepare(outbox->db,
		"SELECT id, device, first_row, last_row, count, reason, device_id, platform"
		" FROM gap WHERE published = 0 ORDER BY id",
		&gaps);
	if (r < 0)
		return r;
	while ((r = statement_next(outbox->db, gaps)) > 0) {
		/* One that we cannot have written is not worth a start that fails. */
		if (!read_gap(gaps, &gap))
			continue;
		r = loader->gap(userdata, &gap);
		if (r < 0)
			return r;
	}
	return r;
}
