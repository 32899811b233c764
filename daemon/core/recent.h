/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The last numbers of each device, for the curves that people look at. In memory only: what is owed
 * upstream is core/owed's business, and a restart begins with empty curves.
 *
 * A series is one name of one device ("temp"). There are LIMIT_RECENT_SERIES of them in all and
 * LIMIT_RECENT_NAMES of one device; when all are taken, the one that was silent longest makes room.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "core/limits.h"

#define RECENT_POINTS	40
#define RECENT_NAME_MAX 31
#define RECENT_UNIT_MAX 15

struct recent_point {
	uint32_t seconds; /* wall time */
	float value;
};

struct recent_series {
	char name[RECENT_NAME_MAX + 1];
	char unit[RECENT_UNIT_MAX + 1]; /* "" = none */
	uint32_t count;			/* at most RECENT_POINTS */
	uint32_t next;			/* where the next point goes */
	struct recent_point point[RECENT_POINTS];
	/* the rest is recent.c's */
	uint64_t device_row;
	struct recent_series *sibling;	       /* same bucket */
	struct recent_series *older, *younger; /* by their last point */
};

struct recent;

int recent_new(struct limits *limits, struct recent **ret);
struct recent *recent_free(struct recent *recent);

/*
 * Takes the numbers out of a reading in its upstream form (SenML JSON as core/senml-writer.c writes
 * it); whatever is none is passed over. 'time' in wall milliseconds. With recent = NULL, or without
 * memory, nothing is kept.
 */
void recent_take(struct recent *recent, uint64_t device_row, int64_t time, struct span senml);
void recent_forget(struct recent *recent, uint64_t device_row);

/* The device's series, in the order of their first points; NULL behind the last one. */
const struct recent_series *recent_series_at(
	const struct recent *recent, uint64_t device_row, size_t index);
/* The n-th point, oldest first; n < series->count. */
struct recent_point recent_point_at(const struct recent_series *series, uint32_t index);
size_t recent_count(const struct recent *recent);
