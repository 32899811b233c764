/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Near is what takes few single steps: a character more, less, changed, or two that changed places.
 * How many are allowed grows with the word, so that "st" is not near to everything that is short. A
 * word that begins as the typed one does ("dev" for "devices") is near as well, but less than a
 * slip of the finger.
 */

#include "ctl/similar.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

void similar_init(struct similar *ret_similar, const char *typed)
{
	size_t length = strlen(typed);
	unsigned limit = length < 3 ? 1 : length < 5 ? 2 : length < 8 ? 3 : 4;

	*ret_similar = (struct similar){.typed = typed, .limit = limit, .distance = limit};
}

static unsigned min(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Optimal string alignment. Both shorter than SIMILAR_SIZE. */
static unsigned distance_of(const char *a, const char *b)
{
	unsigned rows[3][SIMILAR_SIZE] = {{0}}, *before = rows[0], *above = rows[1], *row = rows[2];
	size_t length = strlen(b);

	for (size_t j = 0; j <= length; j++)
		above[j] = (unsigned)j;
	for (size_t i = 1; a[i - 1]; i++) {
		unsigned *oldest = before;

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= length; j++) {
			row[j] = min(min(above[j], row[j - 1]) + 1,
				above[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = min(row[j], before[j - 2] + 1);
		}
		before = above;
		above = row;
		row = oldest;
	}
	return above[length];
}

void similar_try(struct similar *similar, const char *candidate)
{
	size_t length = strlen(similar->typed);
	unsigned distance;

	if (length >= SIMILAR_SIZE || strlen(candidate) >= SIMILAR_SIZE)
		return;
	distance = distance_of(similar->typed, candidate);
	if (length >= 2 && !strncmp(candidate, similar->typed, length))
		distance = min(distance, similar->limit - 1);
	if (distance >= similar->distance)
		return;
	similar->distance = distance;
	similar->best = candidate;
}

const char *similar_question(const struct similar *similar, char *ret_text, size_t capacity)
{
	if (similar->best)
		snprintf(ret_text, capacity, " Did you mean '%s'?", similar->best);
	else
		snprintf(ret_text, capacity, "%s", "");
	return ret_text;
}
