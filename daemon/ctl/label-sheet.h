/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A sheet of labels as SVG, in millimetres: three in a row, each with its QR code, the name, and
 * the code to be typed. */

#include <stddef.h>
#include <stdio.h>

void label_sheet_begin(size_t count, FILE *out);
/* The label at place 'index', from 0. 'qr' is the text of the QR code. -EMSGSIZE when it does not
 * fit into one, -ENOMEM. */
int label_sheet_add(size_t index, const char *ep, const char *code, const char *qr, FILE *out);
void label_sheet_end(FILE *out);
