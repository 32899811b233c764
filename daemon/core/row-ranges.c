/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows are acked nearly in order, so nearly every row only extends the last run. Otherwise the
 * place is found by bisection; then the row extends the run before it, the run behind it, joins
 * both, or begins a run of its own.
 */

#include "core/row-ranges.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void row_ranges_clear(struct row_ranges *ranges)
{
	free(ranges->item);
	*ranges = (struct row_ranges){0};
}

/* Index of the first run that begins behind 'row'. */
static size_t range_behind(const struct row_ranges *ranges, uint64_t row)
{
	size_t low = 0, high = ranges->count;

	if (high > 0 && ranges->item[high - 1].first < row)
		return high;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (ranges->item[middle].first > row)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static void item_remove(struct row_ranges *ranges, size_t at)
{
	memmove(&ranges->item[at], &ranges->item[at + 1],
		(ranges->count - at - 1) * sizeof(ranges->item[0]));
	ranges->count--;
}

static int item_insert(struct row_ranges *ranges, size_t at, uint64_t row)
{
	if (!ranges->item || ranges->count == ranges->capacity) {
		size_t capacity = ranges->capacity ? ranges->capacity * 2 : 16;
		struct row_range *item = reallocarray(ranges->item, capacity, sizeof(*item));

		if (!item)
			return -ENOMEM;
		ranges->item = item;
		ranges->capacity = capacity;
	}
	if (at < ranges->count)
		memmove(&ranges->item[at + 1], &ranges->item[at],
			(ranges->count - at) * sizeof(ranges->item[0]));
	ranges->item[at] = (struct row_range){row, row};
	ranges->count++;
	return 0;
}

int row_ranges_add(struct row_ranges *ranges, uint64_t row)
{
	size_t at = range_behind(ranges, row);
	struct row_range *before = at > 0 ? &ranges->item[at - 1] : NULL;
	struct row_range *behind = at < ranges->count ? &ranges->item[at] : NULL;
	int r;

	if (behind && behind->first == row + 1) {
		behind->first = row;
		if (before && before->last == row - 1) {
			before->last = behind->last;
			item_remove(ranges, at);
		}
	} else if (before && before->last == row - 1) {
		before->last = row;
	} else {
		r = item_insert(ranges, at, row);
		if (r < 0)
			return r;
	}
	ranges->rows++;
	return 0;
}

size_t row_ranges_take(struct row_ranges *ranges, struct row_range *ret_ranges, size_t max)
{
	size_t count = ranges->count < max ? ranges->count : max;

	if (count == 0)
		return 0;
	memcpy(ret_ranges, ranges->item, count * sizeof(ret_ranges[0]));
	for (size_t i = 0; i < count; i++)
		ranges->rows -= ranges->item[i].last - ranges->item[i].first + 1;
	memmove(ranges->item, ranges->item + count,
		(ranges->count - count) * sizeof(ranges->item[0]));
	ranges->count -= count;
	return count;
}
