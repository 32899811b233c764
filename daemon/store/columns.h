/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Records of core as rows of SQL: one table of columns for each kind of record. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/database.h"
#include "store/sealing.h"

enum column_kind {
	COLUMN_SIGNED,	    /* integer of 'size' bytes */
	COLUMN_UNSIGNED,    /* the same; 64 bits keep their bit pattern */
	COLUMN_BOOL,	    /* 0 or 1 */
	COLUMN_WORD,	    /* an enum, stored as its word */
	COLUMN_TEXT,	    /* char[size] */
	COLUMN_HEAP_TEXT,   /* char *, NULL allowed */
	COLUMN_IP,	    /* struct in6_addr, stored as text */
	COLUMN_SEALED_TEXT, /* char[size], sealed; "" is stored as NULL */
	COLUMN_SECRET,	    /* struct secret, sealed; the empty one is stored as NULL */
};

struct column {
	const char *name;
	enum column_kind kind;
	size_t offset, size;
	const char *(*to_word)(int value);
	int (*from_word)(const char *word, int *ret_value);
};

/* The first column is the row number: a 64-bit unsigned at offset 'columns[0].offset'. */
struct record_table {
	const char *name;
	const struct column *columns;
	size_t count;
};

extern const struct record_table device_table;	   /* struct device_record */
extern const struct record_table person_table;	   /* struct person */
extern const struct record_table alarm_table;	   /* struct alarm; no row number */
extern const struct record_table command_table;	   /* struct command */
extern const struct record_table audit_table;	   /* struct audit_row */
extern const struct record_table withdrawal_table; /* struct withdrawal */
extern const struct record_table device_ca_table;  /* struct device_ca */

/* Binds the columns to the parameters 1 to count; texts are copied. -EINVAL for a value that has no
 * word. */
int record_bind(sqlite3_stmt *statement, const struct record_table *table,
	const struct sealer *sealer, const void *record);
/*
 * Reads the columns 0 to count - 1 into *record, which is all zero. -EBADMSG when a value does not
 * fit its field or does not open; ret_bad (may be NULL) gets the column's name. On failure *record
 * holds what was read so far: free it as usual.
 */
int record_read(sqlite3_stmt *statement, const struct record_table *table,
	const struct sealer *sealer, void *record, const char **ret_bad);

/* Heap text, NULL on lack of memory. "INSERT ... ON CONFLICT(first column) DO UPDATE ..." */
char *record_sql_put(const struct record_table *table);
/* "SELECT <columns> FROM <table> <tail>" */
char *record_sql_select(const struct record_table *table, const char *tail);
/* "SELECT row, <its sealed columns> FROM <table>" */
char *record_sql_sealed(const struct record_table *table);
