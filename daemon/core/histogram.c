/* SPDX-License-Identifier: Apache-2.0 */

/* From half a millisecond (a fast disk) to half a minute (a broker that thinks), by factors of
 * about two: fine enough to see a disk or a network change. */

#include "core/histogram.h"

#define MSEC UINT64_C(1000)

static const uint64_t bounds[HISTOGRAM_BOUNDS] = {MSEC / 2, MSEC, 2 * MSEC, 4 * MSEC, 8 * MSEC,
	16 * MSEC, 32 * MSEC, 64 * MSEC, 125 * MSEC, 250 * MSEC, 500 * MSEC, 1000 * MSEC,
	2000 * MSEC, 5000 * MSEC, 10000 * MSEC, 30000 * MSEC};

void histogram_add(struct histogram *histogram, uint64_t usec)
{
	unsigned i = 0;

	while (i < HISTOGRAM_BOUNDS && usec > bounds[i])
		i++;
	histogram->bucket[i]++;
	histogram->count++;
	histogram->sum_usec += usec;
}

uint64_t histogram_bound_usec(unsigned index)
{
	return bounds[index];
}

uint64_t histogram_at_most(const struct histogram *histogram, unsigned index)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i <= index; i++)
		sum += histogram->bucket[i];
	return sum;
}
