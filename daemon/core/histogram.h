/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * How long something takes, in buckets of fixed bounds: counting is a few comparisons and an
 * addition, so that it can stand on the road of every reading. The bounds are the same for all of
 * them, which is what makes them comparable.
 */

#include <stdint.h>

#define HISTOGRAM_BOUNDS 16

struct histogram {
	uint64_t bucket[HISTOGRAM_BOUNDS + 1]; /* not cumulative; the last one has no bound */
	uint64_t count, sum_usec;
};

void histogram_add(struct histogram *histogram, uint64_t usec);
/* Upper bound of a bucket, which belongs to it. 'index' below HISTOGRAM_BOUNDS. */
uint64_t histogram_bound_usec(unsigned index);
/* How many took at most that bound. */
uint64_t histogram_at_most(const struct histogram *histogram, unsigned index);
