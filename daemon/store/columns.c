/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One walk over a table of columns binds a record, one reads it back, and the SQL is made from the
 * same table, so a field is either in all of them or in none. What comes back is checked against
 * the field that takes it: the file may be damaged, or written by somebody else.
 */

#include "store/columns.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "core/lifecycle.h"

struct walk {
	sqlite3_stmt *statement;
	const struct record_table *table;
	const struct sealer *sealer;
	const struct column *column;
	int index;    /* of the column */
	uint64_t row; /* of the record */
};

static uint64_t integer_load(const uint8_t *field, size_t size, bool is_signed)
{
	uint64_t value = 0;

	/* Little or big endian: the C types know. */
	switch (size) {
	case sizeof(uint16_t): {
		uint16_t small;

		memcpy(&small, field, size);
		return is_signed ? (uint64_t)(int64_t)(int16_t)small : small;
	}
	case sizeof(uint32_t): {
		uint32_t middle;

		memcpy(&middle, field, size);
		return is_signed ? (uint64_t)(int64_t)(int32_t)middle : middle;
	}
	}
	memcpy(&value, field, sizeof(value));
	return value;
}

static int integer_store(uint8_t *field, size_t size, bool is_signed, int64_t value)
{
	int64_t top;

	if (size == sizeof(value)) {
		memcpy(field, &value, size);
		return 0;
	}
	top = INT64_C(1) << (size * 8 - (is_signed ? 1 : 0));
	if (value >= top || value < (is_signed ? -top : 0))
		return -EBADMSG;
	if (size == sizeof(uint16_t))
		memcpy(field, &(uint16_t){(uint16_t)value}, size);
	else
		memcpy(field, &(uint32_t){(uint32_t)value}, size);
	return 0;
}

static int bind_result(int code)
{
	if (code == SQLITE_OK)
		return 0;
	return code == SQLITE_NOMEM ? -ENOMEM : -EIO;
}

static int bind_text(const struct walk *walk, const char *text)
{
	return bind_result(
		sqlite3_bind_text(walk->statement, walk->index + 1, text, -1, SQLITE_TRANSIENT));
}

static int bind_sealed(const struct walk *walk, struct span plain)
{
	const struct sealed_place place = {walk->table->name, walk->row, walk->column->name};
	uint8_t *record;
	size_t size;
	int r;

	if (plain.size == 0)
		return bind_result(sqlite3_bind_null(walk->statement, walk->index + 1));
	r = sealer_seal(walk->sealer, &place, plain, &record, &size);
	if (r < 0)
		return r;
	return bind_result(
		sqlite3_bind_blob64(walk->statement, walk->index + 1, record, size, free));
}

static int bind_word(const struct walk *walk, const uint8_t *field)
{
	const char *word;
	int value;

	memcpy(&value, field, sizeof(value));
	word = walk->column->to_word(value);
	return word ? bind_text(walk, word) : -EINVAL;
}

static int bind_column(const struct walk *walk, const uint8_t *field)
{
	const struct column *column = walk->column;
	bool is_signed = column->kind == COLUMN_SIGNED;
	char ip[INET6_ADDRSTRLEN];

	switch (column->kind) {
	case COLUMN_SIGNED:
	case COLUMN_UNSIGNED:
		return bind_result(sqlite3_bind_int64(walk->statement, walk->index + 1,
			(int64_t)integer_load(field, column->size, is_signed)));
	case COLUMN_BOOL:
		return bind_result(
			sqlite3_bind_int(walk->statement, walk->index + 1, *(const bool *)field));
	case COLUMN_WORD:
		return bind_word(walk, field);
	case COLUMN_TEXT:
		return bind_text(walk, (const char *)field);
	case COLUMN_HEAP_TEXT:
		return bind_text(walk, *(char *const *)field);
	case COLUMN_IP:
		return bind_text(walk, inet_ntop(AF_INET6, field, ip, sizeof(ip)));
	case COLUMN_SEALED_TEXT:
		return bind_sealed(walk, span_from_string((const char *)field));
	case COLUMN_SECRET:
		return bind_sealed(walk, secret_span((const struct secret *)field));
	}
	return -EINVAL;
}

int record_bind(sqlite3_stmt *statement, const struct record_table *table,
	const struct sealer *sealer, const void *record)
{
	struct walk walk = {.statement = statement, .table = table, .sealer = sealer};
	int r;

	if (table->columns[0].kind == COLUMN_UNSIGNED)
		memcpy(&walk.row, (const uint8_t *)record + table->columns[0].offset,
			sizeof(walk.row));
	for (size_t i = 0; i < table->count; i++) {
		walk.column = &table->columns[i];
		walk.index = (int)i;
		r = bind_column(&walk, (const uint8_t *)record + walk.column->offset);
		if (r < 0) {
			sqlite3_clear_bindings(statement);
			return r;
		}
	}
	return 0;
}

static struct span column_text(const struct walk *walk)
{
	const void *text = sqlite3_column_text(walk->statement, walk->index);

	return span_of(text, (size_t)sqlite3_column_bytes(walk->statement, walk->index));
}

static int read_text(const struct walk *walk, uint8_t *field)
{
	struct span text = column_text(walk);

	if (!text.data)
		return -EBADMSG;
	return span_to_string(text, (char *)field, walk->column->size) < 0 ? -EBADMSG : 0;
}

static int read_heap_text(const struct walk *walk, uint8_t *field)
{
	struct span text;
	char *copy;

	if (sqlite3_column_type(walk->statement, walk->index) == SQLITE_NULL)
		return 0;
	text = column_text(walk);
	copy = span_dup(text);
	if (!copy)
		return -ENOMEM;
	*(char **)(void *)field = copy;
	return 0;
}

static int read_word(const struct walk *walk, uint8_t *field)
{
	struct span word = column_text(walk);
	int value;

	if (!word.data || walk->column->from_word((const char *)word.data, &value) < 0)
		return -EBADMSG;
	memcpy(field, &value, sizeof(value));
	return 0;
}

static int read_ip(const struct walk *walk, uint8_t *field)
{
	struct span text = column_text(walk);

	if (!text.data || inet_pton(AF_INET6, (const char *)text.data, field) != 1)
		return -EBADMSG;
	return 0;
}

static int store_secret(const struct column *column, uint8_t *field, struct span plain)
{
	if (column->kind == COLUMN_SECRET)
		return secret_set((struct secret *)field, plain);
	return span_to_string(plain, (char *)field, column->size) < 0 ? -EBADMSG : 0;
}

static int read_sealed(const struct walk *walk, uint8_t *field)
{
	const struct sealed_place place = {walk->table->name, walk->row, walk->column->name};
	struct span record;
	uint8_t *plain;
	size_t size;
	int r;

	if (sqlite3_column_type(walk->statement, walk->index) == SQLITE_NULL)
		return 0;
	record = span_of(sqlite3_column_blob(walk->statement, walk->index),
		(size_t)sqlite3_column_bytes(walk->statement, walk->index));
	r = sealer_unseal(walk->sealer, &place, record, &plain, &size);
	if (r < 0)
		return r;
	r = store_secret(walk->column, field, span_of(plain, size));
	crypto_wipe(plain, size);
	free(plain);
	return r;
}

static int read_column(const struct walk *walk, uint8_t *field)
{
	const struct column *column = walk->column;
	int64_t value;

	switch (column->kind) {
	case COLUMN_SIGNED:
	case COLUMN_UNSIGNED:
		value = sqlite3_column_int64(walk->statement, walk->index);
		return integer_store(field, column->size, column->kind == COLUMN_SIGNED, value);
	case COLUMN_BOOL:
		*(bool *)field = sqlite3_column_int(walk->statement, walk->index) != 0;
		return 0;
	case COLUMN_WORD:
		return read_word(walk, field);
	case COLUMN_TEXT:
		return read_text(walk, field);
	case COLUMN_HEAP_TEXT:
		return read_heap_text(walk, field);
	case COLUMN_IP:
		return read_ip(walk, field);
	case COLUMN_SEALED_TEXT:
	case COLUMN_SECRET:
		return read_sealed(walk, field);
	}
	return -EBADMSG;
}

int record_read(sqlite3_stmt *statement, const struct record_table *table,
	const struct sealer *sealer, void *record, const char **ret_bad)
{
	struct walk walk = {.statement = statement, .table = table, .sealer = sealer};
	int r;

	if (table->columns[0].kind == COLUMN_UNSIGNED)
		walk.row = (uint64_t)sqlite3_column_int64(statement, 0);
	for (size_t i = 0; i < table->count; i++) {
		walk.column = &table->columns[i];
		walk.index = (int)i;
		r = read_column(&walk, (uint8_t *)record + walk.column->offset);
		if (r < 0) {
			if (ret_bad)
				*ret_bad = walk.column->name;
			return r;
		}
	}
	return 0;
}

static void names_write(FILE *out, const struct record_table *table)
{
	for (size_t i = 0; i < table->count; i++)
		fprintf(out, "%s%s", i ? ", " : "", table->columns[i].name);
}

/* Ends a text that open_memstream() began. */
static char *stream_end(FILE *out, char **text)
{
	bool failed = ferror(out) != 0;

	if (fclose(out) != 0 || failed) {
		free(*text);
		return NULL;
	}
	return *text;
}

char *record_sql_put(const struct record_table *table)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	fprintf(out, "INSERT INTO %s(", table->name);
	names_write(out, table);
	fprintf(out, ") VALUES(");
	for (size_t i = 0; i < table->count; i++)
		fprintf(out, "%s?%zu", i ? ", " : "", i + 1);
	fprintf(out, ") ON CONFLICT(%s) DO UPDATE SET ", table->columns[0].name);
	for (size_t i = 1; i < table->count; i++)
		fprintf(out, "%s%s = excluded.%s", i > 1 ? ", " : "", table->columns[i].name,
			table->columns[i].name);
	return stream_end(out, &text);
}

char *record_sql_select(const struct record_table *table, const char *tail)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	fprintf(out, "SELECT ");
	names_write(out, table);
	fprintf(out, " FROM %s %s", table->name, tail);
	return stream_end(out, &text);
}

char *record_sql_sealed(const struct record_table *table)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	fprintf(out, "SELECT %s", table->columns[0].name);
	for (size_t i = 1; i < table->count; i++)
		if (table->columns[i].kind == COLUMN_SECRET ||
			table->columns[i].kind == COLUMN_SEALED_TEXT)
			fprintf(out, ", %s", table->columns[i].name);
	fprintf(out, " FROM %s", table->name);
	return stream_end(out, &text);
}
