/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The lines of a file that may hold secrets. */

#include <stddef.h>

#define LINE_SIZE_MAX 4096

/* One line without its end; it may be changed. 'size' is LINE_SIZE_MAX + 1 for one that is longer.
 * A negative answer ends the reading. */
typedef int (*line_fn)(void *userdata, char *line, size_t size, unsigned number);

/*
 * Each line of 'path' ("-" = standard input) that is not empty, numbered from 1; a byte order mark
 * is passed over. What was held of it is wiped. Negative errno, -EIO among them; or what line_fn
 * answered.
 */
int lines_read(const char *path, line_fn take, void *userdata);
