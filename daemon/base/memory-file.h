/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A file in memory for a library that takes a secret only by a file's name. It never had a name on
 * a disk; it is sealed, so nobody who opens it can change it; and it can be wiped, because the one
 * mapping that was there before the seal stays ours to write.
 */

#include <stddef.h>

#include "base/span.h"

#define MEMORY_FILE_PATH_MAX 32

struct memory_file {
	int fd;	     /* good while 'bytes' is not NULL */
	void *bytes; /* NULL: there is none; so all zero is no file */
	size_t size;
	char path[MEMORY_FILE_PATH_MAX]; /* good in this process until it is closed */
};

/* -EINVAL for no content. */
int memory_file_make(struct memory_file *file, struct span content);
/* Wipes and closes. No-op without a file. */
void memory_file_close(struct memory_file *file);
