/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Ownership of locals. A local that owns something carries a cleanup attribute; on success it is
 * handed over with STEAL(), so every early return is the same single statement.
 */

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#define CLEANUP(function) __attribute__((cleanup(function)))

/* Takes the value out of a pointer variable and leaves NULL behind. */
#define STEAL(pointer)                                       \
	__extension__({                                      \
		__typeof__(pointer) *steal_at = &(pointer);  \
		__typeof__(pointer) steal_value = *steal_at; \
		*steal_at = NULL;                            \
		steal_value;                                 \
	})

/* Takes a file descriptor out of a variable and leaves -EBADF behind. */
static inline int steal_fd(int *fd)
{
	int value = *fd;

	*fd = -EBADF;
	return value;
}

/* Defines name(type **), for CLEANUP(name), from a destructor that accepts NULL. */
#define DEFINE_CLEANUP(type, destructor, name) \
	static inline void name(type *pointer) \
	{                                      \
		if (*pointer)                  \
			destructor(*pointer);  \
	}

static inline void cleanup_free(void *pointer)
{
	free(*(void **)pointer);
}

static inline void cleanup_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

#define ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))
