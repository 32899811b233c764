/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A table is kept whole before it is printed, because the width of a column is that of its widest
 * cell. Widths count characters, not bytes; the last column is not filled up, so no line ends in
 * spaces.
 */

#include "ctl/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/span.h"

#define CELL_SIZE      256 /* bytes: 60 characters of up to 4 */
#define CELL_WIDTH     60
#define PAIR_WIDTH     16
#define LINE_SIZE      1024
#define TERMINAL_WIDTH 80

struct row {
	char *cell[TABLE_COLUMNS_MAX];
};

struct table {
	const char *const *titles;
	size_t columns, count, capacity;
	struct row *rows;
};

int table_new(const char *const *titles, size_t columns, struct table **ret)
{
	struct table *table;

	if (columns < 1 || columns > TABLE_COLUMNS_MAX)
		return -EINVAL;
	table = calloc(1, sizeof(*table));
	if (!table)
		return -ENOMEM;
	table->titles = titles;
	table->columns = columns;
	*ret = table;
	return 0;
}

static void row_clear(struct row *row)
{
	for (size_t i = 0; i < TABLE_COLUMNS_MAX; i++)
		free(row->cell[i]);
}

struct table *table_free(struct table *table)
{
	if (!table)
		return NULL;
	for (size_t i = 0; i < table->count; i++)
		row_clear(&table->rows[i]);
	free(table->rows);
	free(table);
	return NULL;
}

static size_t width_of(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

/* 'width': the most characters that are shown. */
static char *make_cell(const char *text, size_t width)
{
	char safe[CELL_SIZE], *end = safe;

	if (!text || !text[0])
		return strdup("-");
	span_to_safe_text(span_from_string(text), safe, sizeof(safe));
	for (size_t count = 0; *end; end++) {
		if (((unsigned char)*end & 0xc0) == 0x80)
			continue;
		if (count++ == width) {
			*end = '\0';
			break;
		}
	}
	return strdup(safe);
}

static int grow(struct table *table)
{
	size_t capacity = table->capacity ? 2 * table->capacity : 16;
	struct row *rows;

	if (table->count < table->capacity)
		return 0;
	rows = reallocarray(table->rows, capacity, sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	table->rows = rows;
	table->capacity = capacity;
	return 0;
}

int table_add(struct table *table, const char *const *cells)
{
	struct row row = {0};
	int r = grow(table);

	for (size_t i = 0; r == 0 && i < table->columns; i++) {
		row.cell[i] = make_cell(cells[i], i + 1 < table->columns ? CELL_WIDTH : CELL_SIZE);
		if (!row.cell[i])
			r = -ENOMEM;
	}
	if (r < 0) {
		row_clear(&row);
		return r;
	}
	table->rows[table->count++] = row;
	return 0;
}

size_t table_count(const struct table *table)
{
	return table->count;
}

static void print_cell(const char *text, size_t width, FILE *out)
{
	fputs(text, out);
	for (size_t i = width_of(text); i < width + 2; i++)
		fputc(' ', out);
}

void table_print(const struct table *table, FILE *out)
{
	size_t width[TABLE_COLUMNS_MAX] = {0}, last = table->columns - 1;

	for (size_t i = 0; i < last; i++) {
		width[i] = width_of(table->titles[i]);
		for (size_t j = 0; j < table->count; j++)
			if (width_of(table->rows[j].cell[i]) > width[i])
				width[i] = width_of(table->rows[j].cell[i]);
		print_cell(table->titles[i], width[i], out);
	}
	fprintf(out, "%s\n", table->titles[last]);
	for (size_t j = 0; j < table->count; j++) {
		for (size_t i = 0; i < last; i++)
			print_cell(table->rows[j].cell[i], width[i], out);
		fprintf(out, "%s\n", table->rows[j].cell[last]);
	}
}

void pair_print(FILE *out, const char *title, const char *text)
{
	char safe[LINE_SIZE];

	if (text && text[0])
		fprintf(out, "%-*s %s\n", PAIR_WIDTH, title,
			span_to_safe_text(span_from_string(text), safe, sizeof(safe)));
}

void line_print(FILE *out, const char *text)
{
	char safe[LINE_SIZE];

	fprintf(out, "%s\n", span_to_safe_text(span_from_string(text), safe, sizeof(safe)));
}

void word_print(FILE *out, const char *word, size_t width)
{
	char safe[LINE_SIZE];

	span_to_safe_text(span_from_string(word), safe, sizeof(safe));
	fputs(safe, out);
	for (size_t i = width_of(safe); i < width; i++)
		fputc(' ', out);
}

void paragraph_print(FILE *out, const char *text, size_t indent)
{
	char safe[LINE_SIZE];
	size_t column = indent;

	span_to_safe_text(span_from_string(text), safe, sizeof(safe));
	for (char *word = safe; *word;) {
		size_t size = strcspn(word, " ");
		char *end = word + size;
		char after = *end;
		size_t width;

		*end = '\0';
		width = width_of(word);
		if (column > indent && column + 1 + width > TERMINAL_WIDTH) {
			fprintf(out, "\n%*s", (int)indent, "");
			column = indent;
		}
		fprintf(out, "%s%s", column > indent ? " " : "", word);
		column += width + (column > indent);
		*end = after;
		word = end + strspn(end, " ");
	}
	fputc('\n', out);
}
