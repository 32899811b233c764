/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/fuzz/row.h"

#include <stdlib.h>

#include "store/migrate.h"

#define COLUMNS_MAX 64

enum { NOTHING, NUMBER, TEXT, SEALED, KINDS };

struct sealer *row_sealer(void)
{
	static const uint8_t key[AES256_KEY] = {1};
	static struct sealer *sealer;

	if (!sealer && sealer_new(key, 1, &sealer) < 0)
		abort();
	return sealer;
}

static struct span take(struct span *bytes, size_t size)
{
	struct span taken = span_of(bytes->data, size < bytes->size ? size : bytes->size);

	*bytes = span_of(bytes->data + taken.size, bytes->size - taken.size);
	return taken;
}

static void bind_sealed(sqlite3_stmt *row, int index, const struct record_table *table,
	const struct sealer *sealer, struct span plain)
{
	/* The number of the row is its first column: it was bound as 1. */
	const struct sealed_place place = {table->name, 1, table->columns[index - 1].name};
	uint8_t *record;
	size_t size;

	if (sealer_seal(sealer, &place, plain, &record, &size) < 0)
		abort();
	sqlite3_bind_blob(row, index, record, (int)size, SQLITE_TRANSIENT);
	free(record);
}

static void bind_column(sqlite3_stmt *row, int index, const struct record_table *table,
	const struct sealer *sealer, struct span *bytes)
{
	struct span head = take(bytes, 2), value;
	int64_t number = 0;

	if (head.size < 2)
		return;
	value = take(bytes, head.data[1]);
	switch (head.data[0] % KINDS) {
	case NUMBER:
		memcpy(&number, value.data, value.size < 8 ? value.size : 8);
		sqlite3_bind_int64(row, index, number);
		break;
	case TEXT:
		sqlite3_bind_text(
			row, index, (const char *)value.data, (int)value.size, SQLITE_TRANSIENT);
		break;
	case SEALED:
		bind_sealed(row, index, table, sealer, value);
		break;
	default:
		break;
	}
}

sqlite3_stmt *row_make(
	const struct record_table *table, const struct sealer *sealer, struct span bytes)
{
	static sqlite3 *db;
	char sql[sizeof("SELECT ?") + 2 * COLUMNS_MAX] = "SELECT ?";
	sqlite3_stmt *row;

	if ((!db && sqlite3_open(":memory:", &db) != SQLITE_OK) || table->count > COLUMNS_MAX)
		abort();
	for (size_t i = 1; i < table->count; i++)
		strcat(sql, ",?");
	if (sqlite3_prepare_v2(db, sql, -1, &row, NULL) != SQLITE_OK)
		abort();
	for (int i = 1; i <= (int)table->count; i++)
		bind_column(row, i, table, sealer, &bytes);
	if (table->columns[0].kind == COLUMN_UNSIGNED)
		sqlite3_bind_int64(row, 1, 1);
	if (sqlite3_step(row) != SQLITE_ROW)
		abort();
	return row;
}

/* What is sealed elsewhere is bytes here. */
static void bind_plain(sqlite3_stmt *row, int index, struct span *bytes)
{
	struct span head = take(bytes, 2), value;
	int64_t number = 0;

	if (head.size < 2)
		return;
	value = take(bytes, head.data[1]);
	switch (head.data[0] % KINDS) {
	case NUMBER:
		memcpy(&number, value.data, value.size < 8 ? value.size : 8);
		sqlite3_bind_int64(row, index, number);
		break;
	case TEXT:
		sqlite3_bind_text(
			row, index, (const char *)value.data, (int)value.size, SQLITE_TRANSIENT);
		break;
	case SEALED:
		sqlite3_bind_blob(row, index, value.data, (int)value.size, SQLITE_TRANSIENT);
		break;
	default:
		break;
	}
}

void row_insert(sqlite3 *handle, const char *sql, struct span *bytes)
{
	sqlite3_stmt *row;

	if (sqlite3_prepare_v2(handle, sql, -1, &row, NULL) != SQLITE_OK)
		abort();
	for (int i = 1; i <= sqlite3_bind_parameter_count(row); i++)
		bind_plain(row, i, bytes);
	sqlite3_step(row);
	sqlite3_finalize(row);
}

struct outbox *row_outbox(void)
{
	static struct database db = {.name = "outbox.db", .checkpoint_at = 1000};
	struct outbox *outbox = NULL;

	if (sqlite3_open(":memory:", &db.handle) != SQLITE_OK)
		abort();
	for (size_t i = 0; i < outbox_migrations.count; i++)
		if (database_exec(&db, outbox_migrations.steps[i]) < 0)
			abort();
	if (outbox_new(&db, &outbox) < 0)
		abort();
	return outbox;
}
