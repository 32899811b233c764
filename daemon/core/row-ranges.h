/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A set of row numbers, kept as sorted runs that neither touch nor overlap. Exact: it never holds a
 * row that was not added. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/owed.h"

struct row_ranges {
	struct row_range *item;
	size_t count, capacity;
	uint64_t rows; /* in all runs */
};

void row_ranges_clear(struct row_ranges *ranges); /* frees; an all-zero value is an empty set */
/* A row that is not in the set. -ENOMEM leaves the set as it was. */
int row_ranges_add(struct row_ranges *ranges, uint64_t row);
/* Moves the first runs out, at most max. Returns how many. */
size_t row_ranges_take(struct row_ranges *ranges, struct row_range *ret_ranges, size_t max);
