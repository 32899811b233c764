/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Giving up the oldest of a device's readings takes two orders, so that the record of it is written
 * by whoever gives them up, and with the delete: first the loop asks which ones they are, then it
 * deletes up to the last of them. In between nothing else may touch them: core/owed.h sees to that.
 */

#include <errno.h>

#include "base/cleanup.h"
#include "store/store-private.h"

#define LOOK_MAX 100000 /* rows: what comes meanwhile waits for the answer to this */

/* A row as the query below has it. */
struct aged {
	uint64_t row, bytes;
	int64_t time;
	bool old;     /* before the time that was asked for, for all that its clock said */
	bool unknown; /* its clock was not set, or ran ahead: it is not older than what is before it
		       */
};

static struct aged aged_of(sqlite3_stmt *statement, const struct store_oldest *what)
{
	int64_t time = sqlite3_column_int64(statement, 2);
	bool unknown = what->before && (!sqlite3_column_int(statement, 3) || time > what->now);

	return (struct aged){
		.row = (uint64_t)sqlite3_column_int64(statement, 0),
		.bytes = (uint64_t)sqlite3_column_int64(statement, 1),
		.time = time,
		.old = !unknown && time < what->before,
		.unknown = unknown,
	};
}

static void take(struct store_old *found, const struct aged *aged)
{
	if (found->count++ == 0)
		found->first_row = aged->row;
	found->last_row = aged->row;
	found->bytes += aged->bytes;
}

/* Rows are in the order in which they came: of what age one is that does not say is told by the
 * next one behind it that does. So readings from before the clock was set, or from when it ran
 * ahead, keep nothing that is behind them, unless they are more than LOOK_MAX. */
static int walk(struct outbox *outbox, sqlite3_stmt *statement, const struct store_oldest *what,
	struct store_old *ret_found)
{
	struct store_old found = {0}, so_far = {0};
	int r;

	while ((r = statement_next(outbox->db, statement)) > 0) {
		const struct aged aged = aged_of(statement, what);
		bool taken = aged.old || so_far.bytes < what->bytes;

		if (!taken && so_far.count == found.count)
			found.next_time = aged.time;
		if (!taken && !aged.unknown)
			break;
		if (so_far.count < STORE_OLDEST_MAX)
			take(&so_far, &aged);
		if (taken)
			found = so_far;
		if (taken && found.count == STORE_OLDEST_MAX)
			break;
	}
	if (r < 0)
		return r;
	*ret_found = found;
	return 0;
}

int outbox_oldest(
	struct outbox *outbox, const struct store_oldest *what, struct store_old *ret_found)
{
	CLEANUP(statement_finalizep) sqlite3_stmt *statement = NULL;
	int r = database_prepare(outbox->db,
		"SELECT row, length(body), time, synced FROM reading"
		" WHERE device = ?1 AND row <= ?2 ORDER BY row LIMIT ?3",
		&statement);

	if (r < 0)
		return r;
	sqlite3_bind_int64(statement, 1, (int64_t)what->device_row);
	sqlite3_bind_int64(statement, 2, (int64_t)what->last_row);
	sqlite3_bind_int(statement, 3, LOOK_MAX);
	return walk(outbox, statement, what, ret_found);
}

void store_oldest(
	struct store *store, const struct store_oldest *what, store_oldest_fn done, void *userdata)
{
	struct order *order = order_new(ORDER_OLDEST, NULL, userdata);

	if (!order) {
		done(userdata, -ENOMEM, &(const struct store_old){0});
		return;
	}
	order->oldest.what = *what;
	order->oldest.done = done;
	order_push(store, order);
}

void store_delete_oldest(struct store *store, uint64_t device_row, uint64_t last_row,
	const struct store_gap *gap, store_done_fn done, void *userdata)
{
	struct order *order = order_new(ORDER_DELETE_DEVICE, done, userdata);

	if (!order) {
		done(userdata, -ENOMEM, NULL);
		return;
	}
	order->drop.device_row = device_row;
	order->drop.last_row = last_row;
	if (gap)
		order->gap = *gap;
	order_push(store, order);
}
