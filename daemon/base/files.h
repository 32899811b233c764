/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Files that must survive a power cut or keep a secret. */

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/span.h"

/*
 * Replaces dir_fd/name as a whole: temporary file in the same directory, write, fsync, rename,
 * fsync of the directory. Exactly the mode given. name holds no '/' (-EINVAL). 0 or negative errno;
 * on failure the old file stands (only when the last fsync failed, either may after a power cut).
 */
int file_replace(int dir_fd, const char *name, struct span content, mode_t mode);

/* The same for a file that must not be there yet: -EEXIST when it is, also as a symbolic link. */
int file_create(int dir_fd, const char *name, struct span content, mode_t mode);

/*
 * Reads a whole regular file of at most max_size bytes; O_NOFOLLOW when dir_fd is not AT_FDCWD. The
 * result is heap memory with a NUL appended (not counted). -EFBIG over the size, -EINVAL for what
 * is not a regular file.
 */
int file_read(int dir_fd, const char *name, size_t max_size, uint8_t **ret_data, size_t *ret_size);

/*
 * Opens a state directory after checking it: a directory, not a symbolic link, owned by us, no
 * access for group and others. Creates it with mode 0700 when missing. Returns an fd, or a negative
 * errno with a sentence in ret_why (capacity bytes) that names the path and the remedy.
 */
int directory_open_private(const char *path, char *ret_why, size_t capacity);
