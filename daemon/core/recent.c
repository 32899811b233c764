/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hash table of series by their device, and a list of all by age. The text is our own writer's,
 * or what a device wrote and was found to be SenML; the reader below trusts it in nothing: it stays
 * within the span and takes what it understands.
 */

#include "core/recent.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS	   4096
#define NUMBER_MAX 31

struct recent {
	struct limits *limits;
	size_t count;
	struct recent_series *oldest, *youngest;
	struct recent_series *bucket[BUCKETS];
};

int recent_new(struct limits *limits, struct recent **ret)
{
	struct recent *recent = calloc(1, sizeof(*recent));

	if (!recent)
		return -ENOMEM;
	recent->limits = limits;
	*ret = recent;
	return 0;
}

struct recent *recent_free(struct recent *recent)
{
	while (recent && recent->oldest) {
		struct recent_series *series = recent->oldest;

		recent->oldest = series->younger;
		free(series);
	}
	free(recent);
	return NULL;
}

/* --- the two orders --- */

static struct recent_series **bucket_of(struct recent *recent, uint64_t device_row)
{
	return &recent->bucket[device_row % BUCKETS];
}

static void age_unlink(struct recent *recent, struct recent_series *series)
{
	if (series->older)
		series->older->younger = series->younger;
	else
		recent->oldest = series->younger;
	if (series->younger)
		series->younger->older = series->older;
	else
		recent->youngest = series->older;
	series->older = series->younger = NULL;
}

static void age_append(struct recent *recent, struct recent_series *series)
{
	series->older = recent->youngest;
	if (series->older)
		series->older->younger = series;
	else
		recent->oldest = series;
	recent->youngest = series;
}

static void drop(struct recent *recent, struct recent_series *series)
{
	struct recent_series **at = bucket_of(recent, series->device_row);

	while (*at != series)
		at = &(*at)->sibling;
	*at = series->sibling;
	age_unlink(recent, series);
	recent->count--;
	free(series);
}

static bool same_text(const char *text, struct span span)
{
	return strlen(text) == span.size && memcmp(text, span.data, span.size) == 0;
}

/* NULL: the device has too many, or there is no memory. New ones go behind the device's others. */
static struct recent_series *series_of(
	struct recent *recent, uint64_t device_row, struct span name, struct span unit)
{
	struct recent_series **at = bucket_of(recent, device_row), *series;
	uint64_t own = 0;

	for (; *at; at = &(*at)->sibling) {
		if ((*at)->device_row != device_row)
			continue;
		if (same_text((*at)->name, name))
			return *at;
		own++;
	}
	if (own >= recent->limits->value[LIMIT_RECENT_NAMES]) {
		recent->limits->reached[LIMIT_RECENT_NAMES]++;
		return NULL;
	}
	if (recent->count >= recent->limits->value[LIMIT_RECENT_SERIES] && recent->oldest) {
		recent->limits->reached[LIMIT_RECENT_SERIES]++;
		drop(recent, recent->oldest);
		return series_of(recent, device_row, name, unit);
	}
	series = calloc(1, sizeof(*series));
	if (!series)
		return NULL;
	memcpy(series->name, name.data, name.size);
	if (unit.size <= RECENT_UNIT_MAX && unit.size > 0)
		memcpy(series->unit, unit.data, unit.size);
	series->device_row = device_row;
	*at = series;
	age_append(recent, series);
	recent->count++;
	return series;
}

static void put(struct recent *recent, uint64_t device_row, int64_t time, struct span name,
	struct span unit, double value)
{
	struct recent_series *series;

	if (name.size == 0 || name.size > RECENT_NAME_MAX || !isfinite((float)value))
		return;
	series = series_of(recent, device_row, name, unit);
	if (!series)
		return;
	series->point[series->next] =
		(struct recent_point){.seconds = (uint32_t)(time / 1000), .value = (float)value};
	series->next = (series->next + 1) % RECENT_POINTS;
	if (series->count < RECENT_POINTS)
		series->count++;
	age_unlink(recent, series);
	age_append(recent, series);
}

/* --- the text --- */

struct scan {
	const char *at, *end;
};

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void skip_space(struct scan *scan)
{
	while (scan->at < scan->end && is_space(*scan->at))
		scan->at++;
}

/* What stands between two quotes, as it stands; false at the end of the text. */
static bool take_string(struct scan *scan, struct span *ret_text)
{
	const char *begin = ++scan->at;

	while (scan->at < scan->end && *scan->at != '"')
		scan->at += *scan->at == '\\' && scan->end - scan->at > 1 ? 2 : 1;
	if (scan->at >= scan->end)
		return false;
	*ret_text = span_of(begin, (size_t)(scan->at - begin));
	scan->at++;
	return true;
}

static struct span take_plain(struct scan *scan)
{
	const char *begin = scan->at;

	while (scan->at < scan->end && !is_space(*scan->at) && !strchr(",}]", *scan->at))
		scan->at++;
	return span_of(begin, (size_t)(scan->at - begin));
}

static bool read_number(struct span text, double *ret_value)
{
	char digits[NUMBER_MAX + 1], *end;

	if (text.size == 0 || text.size > NUMBER_MAX)
		return false;
	memcpy(digits, text.data, text.size);
	digits[text.size] = 0;
	*ret_value = strtod(digits, &end);
	return *end == 0;
}

struct record {
	struct span name, unit, number;
};

static void note_field(struct record *record, struct span key, struct span value, bool is_text)
{
	if (key.size != 1)
		return;
	if (is_text && key.data[0] == 'n')
		record->name = value;
	else if (is_text && key.data[0] == 'u')
		record->unit = value;
	else if (!is_text && key.data[0] == 'v')
		record->number = value;
}

/* One key and its value. False: the text is over. */
static bool take_field(struct scan *scan, struct record *record)
{
	struct span key, value;
	bool is_text;

	if (!take_string(scan, &key))
		return false;
	skip_space(scan);
	if (scan->at >= scan->end || *scan->at++ != ':')
		return false;
	skip_space(scan);
	if (scan->at >= scan->end)
		return false;
	is_text = *scan->at == '"';
	if (is_text && !take_string(scan, &value))
		return false;
	if (!is_text)
		value = take_plain(scan);
	note_field(record, key, value, is_text);
	return true;
}

void recent_take(struct recent *recent, uint64_t device_row, int64_t time, struct span senml)
{
	struct scan scan = {(const char *)senml.data, (const char *)senml.data + senml.size};
	struct record record = {0};
	double value;

	while (recent && scan.at < scan.end) {
		if (*scan.at == '"') {
			if (!take_field(&scan, &record))
				return;
			continue;
		}
		if (*scan.at == '}') {
			if (read_number(record.number, &value))
				put(recent, device_row, time, record.name, record.unit, value);
			record = (struct record){0};
		}
		scan.at++;
	}
}

void recent_forget(struct recent *recent, uint64_t device_row)
{
	struct recent_series *series = recent ? *bucket_of(recent, device_row) : NULL;

	while (series) {
		struct recent_series *next = series->sibling;

		if (series->device_row == device_row)
			drop(recent, series);
		series = next;
	}
}

const struct recent_series *recent_series_at(
	const struct recent *recent, uint64_t device_row, size_t index)
{
	const struct recent_series *series = recent ? recent->bucket[device_row % BUCKETS] : NULL;

	for (; series; series = series->sibling)
		if (series->device_row == device_row && index-- == 0)
			return series;
	return NULL;
}

struct recent_point recent_point_at(const struct recent_series *series, uint32_t index)
{
	uint32_t first = series->next + RECENT_POINTS - series->count;

	return series->point[(first + index) % RECENT_POINTS];
}

size_t recent_count(const struct recent *recent)
{
	return recent->count;
}
