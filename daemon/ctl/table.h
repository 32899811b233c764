/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Tables and pairs for people. Every text goes through span_to_safe_text(): what a device calls
 * itself cannot move the cursor. */

#include <stddef.h>
#include <stdio.h>

#define TABLE_COLUMNS_MAX 10

struct table;

/* 'titles' has 'columns' texts that outlive the table. */
int table_new(const char *const *titles, size_t columns, struct table **ret);
struct table *table_free(struct table *table);
/* One row; NULL stands for "-". Cells are copied; all but the last are cut at 60
 * characters. */
int table_add(struct table *table, const char *const *cells);
size_t table_count(const struct table *table);
void table_print(const struct table *table, FILE *out);

/* "Title          text"; nothing when the text is NULL or empty. */
void pair_print(FILE *out, const char *title, const char *text);
/* A foreign word, filled up with spaces to a column. */
void word_print(FILE *out, const char *word, size_t width);
/* Foreign text in lines of at most 80 characters, broken between words. The first line goes on
 * where the cursor is, at the column 'indent'; the others begin there. */
void paragraph_print(FILE *out, const char *text, size_t indent);
/* A sentence of foreign text on a line of its own. */
void line_print(FILE *out, const char *text);
