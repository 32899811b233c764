/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Another key-encryption key. Every column named *_sealed is in the table below, with what its
 * rows are called by; each record is opened with the old key and sealed with the new one at the
 * same place. Rows are walked by their names, one after the other, so that a row that is being
 * written is never the one that is being read.
 */

#include "store/control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "core/device.h"
#include "store/columns.h"

#define SEALED_COLUMNS_MAX 8
#define PLACE_MAX	   128

struct sealed_table {
	const char *name;
	/* What a row is called by: its number, or one or two texts, which are part of the place
	 * then. */
	const char *key[2];
	bool by_number;
	/* "value_sealed"; NULL: those of 'record' */
	const char *column;
	const struct record_table *record;
};

static const struct sealed_table TABLES[] = {
	{.name = "device", .key = {"row"}, .by_number = true, .record = &device_table},
	{.name = "withdrawal", .key = {"row"}, .by_number = true, .record = &withdrawal_table},
	{.name = "sealed", .key = {"name"}, .column = "value_sealed"},
	{.name = "label", .key = {"ep"}, .column = "value_sealed"},
	{.name = "token", .key = {"kind", "ep"}, .column = "value_sealed"},
};

struct walk {
	struct control *control;
	const struct sealer *to;
	const struct sealed_table *table;
	const char *column[SEALED_COLUMNS_MAX];
	int columns, keys;
	/* the row that was done last */
	uint64_t number;
	char text[2][PLACE_MAX];
};

static int find_columns(struct walk *walk)
{
	const struct record_table *record = walk->table->record;

	walk->keys = walk->table->key[1] ? 2 : 1;
	if (!record) {
		walk->column[walk->columns++] = walk->table->column;
		return 0;
	}
	for (size_t i = 0; i < record->count; i++) {
		if (record->columns[i].kind != COLUMN_SECRET &&
			record->columns[i].kind != COLUMN_SEALED_TEXT)
			continue;
		if (walk->columns == SEALED_COLUMNS_MAX)
			return -E2BIG;
		walk->column[walk->columns++] = record->columns[i].name;
	}
	return 0;
}

static void print_words(FILE *out, const char *const *word, int count)
{
	for (int i = 0; i < count; i++)
		fprintf(out, "%s%s", i ? ", " : "", word[i]);
}

/* "(kind, ep) > (?1, ?2)" */
static void print_key(FILE *out, const struct walk *walk, const char *relation)
{
	fputc('(', out);
	print_words(out, walk->table->key, walk->keys);
	fprintf(out, ") %s (?1%s)", relation, walk->keys == 2 ? ", ?2" : "");
}

static void print_select(FILE *out, const struct walk *walk)
{
	fputs("SELECT ", out);
	print_words(out, walk->table->key, walk->keys);
	fputs(", ", out);
	print_words(out, walk->column, walk->columns);
	fprintf(out, " FROM %s WHERE ", walk->table->name);
	print_key(out, walk, ">");
	fputs(" ORDER BY ", out);
	print_words(out, walk->table->key, walk->keys);
	fputs(" LIMIT 1", out);
}

static void print_update(FILE *out, const struct walk *walk)
{
	fprintf(out, "UPDATE %s SET ", walk->table->name);
	for (int i = 0; i < walk->columns; i++)
		fprintf(out, "%s%s = ?%d", i ? ", " : "", walk->column[i], walk->keys + i + 1);
	fputs(" WHERE ", out);
	print_key(out, walk, "=");
}

static int prepare(const struct walk *walk, void (*print)(FILE *out, const struct walk *walk),
	sqlite3_stmt **ret)
{
	CLEANUP(cleanup_free) char *sql = NULL;
	size_t size;
	FILE *out = open_memstream(&sql, &size);

	if (!out)
		return -ENOMEM;
	print(out, walk);
	if (fclose(out) != 0)
		return -ENOMEM;
	return database_prepare(walk->control->db, sql, ret);
}

static void bind_key(const struct walk *walk, sqlite3_stmt *statement)
{
	if (walk->table->by_number)
		sqlite3_bind_int64(statement, 1, (int64_t)walk->number);
	for (int i = 0; i < walk->keys && !walk->table->by_number; i++)
		sqlite3_bind_text(statement, i + 1, walk->text[i], -1, SQLITE_TRANSIENT);
}

static int read_key(struct walk *walk, sqlite3_stmt *statement)
{
	if (walk->table->by_number)
		walk->number = (uint64_t)sqlite3_column_int64(statement, 0);
	for (int i = 0; i < walk->keys && !walk->table->by_number; i++) {
		const char *text = (const char *)sqlite3_column_text(statement, i);

		if (!text)
			return -ENOMEM;
		if (snprintf(walk->text[i], PLACE_MAX, "%s", text) >= PLACE_MAX)
			return -EBADMSG;
	}
	return 0;
}

static struct sealed_place place_of(const struct walk *walk, int column, char text[2 * PLACE_MAX])
{
	if (walk->table->by_number)
		return (struct sealed_place){walk->table->name, walk->number, walk->column[column]};
	snprintf(text, 2 * PLACE_MAX, "%s%s%s", walk->text[0], walk->keys == 2 ? "|" : "",
		walk->keys == 2 ? walk->text[1] : "");
	return (struct sealed_place){walk->table->name, 0, text};
}

static int reseal_column(
	const struct walk *walk, sqlite3_stmt *from, int column, sqlite3_stmt *update)
{
	char text[2 * PLACE_MAX];
	const struct sealed_place place = place_of(walk, column, text);
	int at = walk->keys + column;
	uint8_t *plain, *record;
	size_t size, record_size;
	int r;

	if (sqlite3_column_type(from, at) == SQLITE_NULL)
		return 0;
	r = sealer_unseal(walk->control->sealer, &place,
		span_of(sqlite3_column_blob(from, at), (size_t)sqlite3_column_bytes(from, at)),
		&plain, &size);
	if (r < 0) {
		snprintf(walk->control->db->why, sizeof(walk->control->db->why),
			"control.db: a sealed record in table %s does not open", walk->table->name);
		return r;
	}
	r = sealer_seal(walk->to, &place, span_of(plain, size), &record, &record_size);
	crypto_wipe(plain, size);
	free(plain);
	if (r < 0)
		return r;
	sqlite3_bind_blob64(update, at + 1, record, record_size, free);
	return 0;
}

/* 1: a row was done; 0: there is none behind the last one. */
static int reseal_row(struct walk *walk, sqlite3_stmt *select, sqlite3_stmt *update)
{
	CLEANUP(statement_resetp) sqlite3_stmt *from = select;
	int r;

	bind_key(walk, from);
	r = statement_next(walk->control->db, from);
	if (r <= 0)
		return r;
	r = read_key(walk, from);
	for (int i = 0; i < walk->columns && r >= 0; i++)
		r = reseal_column(walk, from, i, update);
	return r < 0 ? r : 1;
}

static int reseal_table(
	struct control *control, const struct sealer *to, const struct sealed_table *table)
{
	CLEANUP(statement_finalizep) sqlite3_stmt *select = NULL;
	CLEANUP(statement_finalizep) sqlite3_stmt *update = NULL;
	struct walk walk = {.control = control, .to = to, .table = table};
	int r = find_columns(&walk);

	if (r >= 0)
		r = prepare(&walk, print_select, &select);
	if (r >= 0)
		r = prepare(&walk, print_update, &update);
	while (r >= 0 && (r = reseal_row(&walk, select, update)) > 0) {
		bind_key(&walk, update);
		r = statement_run(control->db, update);
	}
	return r;
}

/* The old mark goes: one row says which key is needed. */
static int replace_mark(struct control *control, const struct key_mark *mark)
{
	CLEANUP(statement_finalizep) sqlite3_stmt *statement = NULL;
	int r = database_exec(control->db, "DELETE FROM key");

	if (r >= 0)
		r = database_prepare(control->db,
			"INSERT INTO key(id, source, check_value) VALUES(?1, ?2, ?3)", &statement);
	if (r < 0)
		return r;
	sqlite3_bind_int(statement, 1, mark->id);
	sqlite3_bind_text(statement, 2, key_source_to_string(mark->source), -1, SQLITE_STATIC);
	sqlite3_bind_blob(statement, 3, mark->check, KEY_CHECK_SIZE, SQLITE_STATIC);
	return statement_run(control->db, statement);
}

static int reseal_all(struct control *control, const struct sealer *to, const struct key_mark *mark)
{
	int r = 0;

	for (size_t i = 0; i < ELEMENTS(TABLES) && r >= 0; i++)
		r = reseal_table(control, to, &TABLES[i]);
	return r < 0 ? r : replace_mark(control, mark);
}

static int sealer_for(struct control *control, struct key *key, struct sealer **ret)
{
	int r = key_check_make(key->bytes, key->mark.check);

	key->mark.source = key->source;
	key->mark.id = (uint8_t)(sealer_key_id(control->sealer) % UINT8_MAX + 1);
	return r < 0 ? r : sealer_new(key->bytes, key->mark.id, ret);
}

int control_reseal(struct control *copy, struct key *key)
{
	CLEANUP(sealer_freep) struct sealer *next = NULL;
	int r = sealer_for(copy, key, &next);

	if (r >= 0)
		r = database_begin(copy->db);
	if (r < 0)
		return r;
	r = reseal_all(copy, next, &key->mark);
	if (r >= 0)
		return database_commit(copy->db);
	database_rollback(copy->db);
	return r;
}

int control_rekey(
	struct control *control, struct key *key, const struct audit_row *audit, char ret_head[65])
{
	CLEANUP(sealer_freep) struct sealer *next = NULL;
	struct sealer *old = control->sealer;
	int r = sealer_for(control, key, &next);

	if (r < 0)
		return r;
	r = control_begin(control);
	if (r >= 0)
		r = reseal_all(control, next, &key->mark);
	/* From here on, what is written in this transaction is for the new key. */
	control->sealer = next;
	if (r >= 0 && audit)
		r = control_append_audit(control, audit);
	if (r >= 0)
		r = control_commit(control);
	if (r < 0) {
		control_rollback(control);
		control->sealer = old;
		return r;
	}
	next = old;
	audit_head_text(&control->head, ret_head);
	return 0;
}
