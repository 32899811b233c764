/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* "Did you mean": which of some words somebody may have meant. */

#include <stddef.h>

#define SIMILAR_SIZE 64

struct similar {
	const char *typed;
	unsigned limit;	   /* what takes so many steps is not near */
	unsigned distance; /* of the best so far */
	const char *best;  /* NULL = none is near */
};

/* Words of 64 bytes and more are never near. 'typed' and the candidates outlive it. */
void similar_init(struct similar *ret_similar, const char *typed);
void similar_try(struct similar *similar, const char *candidate);

/* " Did you mean 'x'?", or nothing. Returns ret_text. */
const char *similar_question(const struct similar *similar, char *ret_text, size_t capacity);
