/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* One line of comma-separated values (RFC 4180, without line breaks inside of a field). */

#include <stddef.h>

/*
 * Splits 'line' (size bytes, its line end not among them) in place: the fields point into it,
 * quotation marks are taken off, each field ends in a NUL. Returns NULL with *ret_count fields, or
 * what is wrong with the line, as a sentence's end ("has more than 3 fields").
 */
const char *csv_split(
	char *line, size_t size, char **ret_field, size_t fields_max, size_t *ret_count);
