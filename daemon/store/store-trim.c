/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Giving up the oldest of a device's readings takes two orders, so that the record of it is written
 * by whoever gives them up, and with the delete: first the loop asks which ones they are, then it
 * deletes up to the last of them. In between nothing else may touch them: core/owed.h sees to that.
 */

#include <errno.h>

#include "base/cleanup.h"
#include "store/store-private.h"

int outbox_oldest(
	struct outbox *outbox, const struct store_oldest *what, struct store_old *ret_found)
{
	CLEANUP(statement_finalizep) sqlite3_stmt *statement = NULL;
	struct store_old found = {0};
	int r = database_prepare(outbox->db,
		"SELECT row, length(body), time < ?3 AND synced, time FROM reading"
		" WHERE device = ?1 AND row <= ?2 ORDER BY row LIMIT ?4",
		&statement);

	if (r < 0)
		return r;
	sqlite3_bind_int64(statement, 1, (int64_t)what->device_row);
	sqlite3_bind_int64(statement, 2, (int64_t)what->last_row);
	sqlite3_bind_int64(statement, 3, what->before);
	sqlite3_bind_int(statement, 4, STORE_OLDEST_MAX);
	while ((r = statement_next(outbox->db, statement)) > 0) {
		if (found.bytes >= what->bytes && !sqlite3_column_int(statement, 2)) {
			found.next_time = sqlite3_column_int64(statement, 3);
			break;
		}
		found.last_row = (uint64_t)sqlite3_column_int64(statement, 0);
		if (found.count++ == 0)
			found.first_row = found.last_row;
		found.bytes += (uint64_t)sqlite3_column_int64(statement, 1);
	}
	if (r < 0)
		return r;
	*ret_found = found;
	return 0;
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
