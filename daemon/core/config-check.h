/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Our own look at a configuration file before libconfuse parses it. */

#include <stddef.h>

#include "core/config.h"

/* Where a file sets a key: which occurrence of its section (0, 1 ...), and the line. */
struct config_mark {
	unsigned line; /* 0 = the file does not set it */
	unsigned occurrence;
};

/* What may stand in a file. */
struct config_grammar {
	const struct config_key *keys;
	size_t count;
	/* 0: the occurrences of a section add up, the last value of a key counts. Otherwise each
	 * stands for itself and there are at most so many; the marks are keys x occurrences. */
	unsigned repeats;
};

/*
 * Walks through the 'size' bytes at 'text' (which may hold anything). Gives an error for the first
 * thing that is not the syntax of the file, a warning for each unknown section and key and for each
 * key set twice. What is unknown is blanked out in 'text', line ends kept. ret_marks has one
 * element for each row of the table (and occurrence). 0, or -EINVAL after an error message.
 */
int config_check(const struct config_grammar *grammar, const char *path, char *text, size_t size,
	config_message_fn message, void *userdata, struct config_mark *ret_marks);
