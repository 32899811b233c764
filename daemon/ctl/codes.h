/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A file of key-bearing codes: lines "ep,code". */

#include <stddef.h>
#include <stdio.h>

#include "core/label.h"

#define CODE_TEXT_MAX 160 /* a code or a QR text, with room for blanks */

struct code_row {
	unsigned line;
	char ep[EP_MAX + 1];
	char code[CODE_TEXT_MAX + 1];
};

struct code_rows {
	FILE *err; /* where lines are named that cannot be taken */
	struct code_row *row;
	size_t count, room;
	unsigned line, refused;
};

/* Reads all of it, and names what is wrong; every row's code is right when 'refused' is 0. Negative
 * errno when the file cannot be read. */
int code_rows_read(struct code_rows *rows, const char *path);
void code_rows_clear(struct code_rows *rows); /* wipes */
