/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal. The thread gives the number and the mac inside the transaction of the change that
 * the row speaks of: there is no change without its row and no row without its change.
 *
 * The end of the chain is kept as a sealed record beside it ("audit-head", number and mac). So rows
 * that are cut off the end are missed too: the chain goes on from the sealed end, and the walk
 * finds the hole.
 */

#include "store/control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "store/columns.h"

#define LOOK_ROWS 20000 /* rows of one look for those that fit a query */
#define WALK_ROWS 1000	/* a stretch of the walk: the readings wait behind it */

int control_append_audit(struct control *control, const struct audit_row *row)
{
	sqlite3_stmt *statement = control->statements[CONTROL_SQL_INSERT_AUDIT];
	struct audit_head next = {.number = control->next.number + 1};
	struct audit_row numbered = *row;
	int r;

	numbered.number = next.number;
	r = audit_chain(control->audit_key, control->next.mac, &numbered, next.mac);
	if (r < 0)
		return r;
	r = record_bind(statement, &audit_table, control->sealer, &numbered);
	if (r < 0)
		return r;
	sqlite3_bind_blob(statement, (int)audit_table.count + 1, next.mac, sizeof(next.mac),
		SQLITE_TRANSIENT);
	r = statement_run(control->db, statement);
	if (r < 0)
		return r;
	control->next = next;
	return 0;
}

int control_put_head(struct control *control)
{
	uint8_t plain[8 + SHA256_SIZE];

	for (unsigned i = 0; i < 8; i++)
		plain[i] = (uint8_t)(control->next.number >> (56 - 8 * i));
	memcpy(plain + 8, control->next.mac, SHA256_SIZE);
	return control_put_secret(control, "audit-head", span_of(plain, sizeof(plain)));
}

void audit_head_text(const struct audit_head *head, char ret_text[65])
{
	hex_encode(span_of(head->mac, sizeof(head->mac)), ret_text, 65);
}

static void bind_text(sqlite3_stmt *statement, int column, const char *text)
{
	sqlite3_bind_text(statement, column, text, -1, SQLITE_TRANSIENT);
}

/* Binds the query; gives the number at which this look ends (not among the rows). */
static uint64_t bind_query(
	struct control *control, sqlite3_stmt *statement, const struct audit_query *query)
{
	uint64_t newest = control->head.number + 1;
	uint64_t before = query->before && query->before < newest ? query->before : newest;
	uint64_t floor = before > LOOK_ROWS + 1 ? before - LOOK_ROWS - 1 : 0;

	if (floor < query->after)
		floor = query->after;
	sqlite3_bind_int64(statement, 1, (int64_t)before);
	sqlite3_bind_int64(statement, 2, query->max);
	sqlite3_bind_int64(statement, 3, floor > INT64_MAX ? INT64_MAX : (int64_t)floor);
	bind_text(statement, 4, query->who);
	bind_text(statement, 5, query->action);
	bind_text(statement, 6, query->object);
	return floor;
}

int control_list_audit(struct control *control, const struct audit_query *query,
	struct audit_row **ret_rows, size_t *ret_count, uint64_t *ret_next)
{
	CLEANUP(statement_resetp)
	sqlite3_stmt *statement = control->statements[CONTROL_SQL_LIST_AUDIT];
	CLEANUP(cleanup_free)
	struct audit_row *rows = calloc(query->max ? query->max : 1, sizeof(*rows));
	uint64_t floor;
	size_t count = 0;
	int r = 0;

	if (!rows)
		return -ENOMEM;
	floor = bind_query(control, statement, query);
	while (count < query->max) {
		r = statement_next(control->db, statement);
		if (r <= 0)
			break;
		r = record_read(statement, &audit_table, control->sealer, &rows[count], NULL);
		if (r < 0)
			break;
		count++;
	}
	if (r < 0)
		return r;
	if (count > 0 && count == query->max)
		*ret_next = rows[count - 1].number > query->after + 1 ? rows[count - 1].number : 0;
	else
		*ret_next = floor > query->after ? floor + 1 : 0;
	*ret_rows = STEAL(rows);
	*ret_count = count;
	return 0;
}

/* 0 when the row on the statement is the next link after *at. */
static int check_link(struct control *control, sqlite3_stmt *statement, struct audit_head *at)
{
	struct audit_head next = {.number = at->number + 1};
	struct audit_row row = {0};
	int column = (int)audit_table.count, r;

	r = record_read(statement, &audit_table, control->sealer, &row, NULL);
	if (r < 0)
		return r;
	if (row.number != next.number || sqlite3_column_bytes(statement, column) != SHA256_SIZE)
		return -EBADMSG;
	r = audit_chain(control->audit_key, at->mac, &row, next.mac);
	if (r < 0)
		return r;
	if (!crypto_equal(next.mac, sqlite3_column_blob(statement, column), SHA256_SIZE))
		return -EBADMSG;
	*at = next;
	return 0;
}

int control_walk_audit(struct control *control, struct audit_head *at)
{
	CLEANUP(statement_resetp)
	sqlite3_stmt *statement = control->statements[CONTROL_SQL_WALK_AUDIT];
	unsigned rows = 0;
	int r;

	sqlite3_bind_int64(statement, 1, (int64_t)at->number);
	sqlite3_bind_int64(statement, 2, WALK_ROWS);
	while ((r = statement_next(control->db, statement)) > 0) {
		r = check_link(control, statement, at);
		if (r < 0)
			return r;
		rows++;
	}
	if (r < 0)
		return r;
	if (rows == WALK_ROWS)
		return 1;
	if (at->number != control->head.number ||
		!crypto_equal(at->mac, control->head.mac, SHA256_SIZE))
		return -EBADMSG;
	return 0;
}
