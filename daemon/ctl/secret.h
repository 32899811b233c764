/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A password or phrase, never from the command line: others can read that. */

#include <stddef.h>
#include <stdio.h>

#define SECRET_LINE_MAX 2048 /* bytes, without the NUL */

/* A password is new and typed twice; a phrase is one that is known already. */
enum secret_kind { SECRET_PASSWORD, SECRET_PHRASE };

/*
 * From the first line of 'path' ("-" = standard input); with 'path' NULL from the terminal, typed
 * without echo, or from standard input when that is no terminal. ret_secret has room for
 * SECRET_LINE_MAX + 1; the caller wipes it. Negative errno with a sentence in ret_why.
 */
int secret_read(
	const char *path, enum secret_kind kind, char *ret_secret, char *ret_why, size_t capacity);

/* The first line of a stream. -ENODATA when it is empty, -EMSGSIZE when it is too long. */
int secret_read_line(FILE *in, char *ret_secret);
