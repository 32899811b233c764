/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dead letters, as a list: nobody needs their bodies to see why they did not go out. A letter
 * whose reason or sender is not one of ours was written by somebody else, and is shown as it is.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "store/store-private.h"

static void read_letter(sqlite3_stmt *statement, struct letter *letter)
{
	const char *trust = (const char *)sqlite3_column_text(statement, 2);
	const char *reason = (const char *)sqlite3_column_text(statement, 7);

	*letter = (struct letter){
		.row = (uint64_t)sqlite3_column_int64(statement, 0),
		.device_row = (uint64_t)sqlite3_column_int64(statement, 1),
		.time = sqlite3_column_int64(statement, 3),
		.clock_synced = sqlite3_column_int(statement, 4) != 0,
		.format = (uint16_t)sqlite3_column_int(statement, 5),
		.size = (uint64_t)sqlite3_column_int64(statement, 6),
		.buried = sqlite3_column_int64(statement, 8),
	};
	if (!trust || trust_from_string(trust, &letter->trust) < 0)
		letter->trust = TRUST_PLAIN;
	snprintf(letter->reason, sizeof(letter->reason), "%s", reason ? reason : "");
}

int outbox_letters(struct outbox *outbox, uint64_t before, unsigned max, struct letter *ret_letters,
	size_t *ret_count, uint64_t *ret_next)
{
	CLEANUP(statement_finalizep) sqlite3_stmt *statement = NULL;
	size_t count = 0;
	int r = database_prepare(outbox->db,
		"SELECT row, device, trust, time, synced, format, length(body), reason, buried"
		" FROM dead WHERE row < ?1 ORDER BY row DESC LIMIT ?2",
		&statement);

	if (r < 0)
		return r;
	sqlite3_bind_int64(statement, 1, before ? (int64_t)before : INT64_MAX);
	sqlite3_bind_int64(statement, 2, (int64_t)max + 1);
	*ret_next = 0;
	while ((r = statement_next(outbox->db, statement)) > 0) {
		if (count == max) {
			*ret_next = ret_letters[max - 1].row;
			break;
		}
		read_letter(statement, &ret_letters[count++]);
	}
	if (r < 0)
		return r;
	*ret_count = count;
	return 0;
}

void store_letters(
	struct store *store, uint64_t before, unsigned max, letters_fn done, void *userdata)
{
	struct order *order = order_new(ORDER_LETTERS, NULL, userdata);

	if (order)
		order->letters.list = calloc(LETTERS_AT_ONCE, sizeof(struct letter));
	if (!order || !order->letters.list) {
		free(order);
		done(userdata, -ENOMEM, NULL, 0, 0);
		return;
	}
	order->letters.before = before;
	order->letters.max = max < LETTERS_AT_ONCE ? max : LETTERS_AT_ONCE;
	order->letters.done = done;
	order_push(store, order);
}
