/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Readings that came before the gateway's clock was set. Their relative times (RFC 8428 section
 * 4.5.3, below 2^28) stand in the upstream form as they came, and become absolute when the reading
 * is sent: by then it may be known when it really came. What a device said as absolute is kept.
 *
 * Only our own form is looked at: a time stands there behind a comma and without space, and no text
 * can look like it, for a quotation mark inside of one is escaped. What was spliced as it came
 * (senml-splice.c) has absolute times only.
 */

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/reading.h"
#include "core/senml.h"

#define MARK	     ",\"t\":"
#define MARK_SIZE    (sizeof(MARK) - 1)
#define NUMBER_MAX   31 /* as senml_number_format() writes them */
#define ABSOLUTE_MIN 268435456.0
#define MICROSECONDS 1e6

/* The next time of the rest; false behind the last one. */
static bool next_mark(struct span rest, size_t *ret_behind)
{
	const uint8_t *mark = rest.size ? memmem(rest.data, rest.size, MARK, MARK_SIZE) : NULL;

	if (mark)
		*ret_behind = (size_t)(mark - rest.data) + MARK_SIZE;
	return mark;
}

bool reading_has_times(const struct reading *reading)
{
	size_t behind;

	return reading->format == FORMAT_SENML_JSON &&
	       next_mark(span_of(reading->body, reading->size), &behind);
}

static size_t number_size(struct span rest)
{
	size_t size = 0;

	while (size < rest.size && rest.data[size] != ',' && rest.data[size] != '}')
		size++;
	return size;
}

/* Writes the number that stands there, as an absolute time; how many bytes. */
static size_t put_time(uint8_t *to, struct span text, double now)
{
	char number[NUMBER_MAX + 1] = "", *end;
	struct senml_number time;
	double said;

	if (text.size <= NUMBER_MAX)
		(void)span_to_string(text, number, sizeof(number));
	said = strtod(number, &end);
	if (!number[0] || *end || said >= ABSOLUTE_MIN || now + said < ABSOLUTE_MIN) {
		memcpy(to, text.data, text.size);
		return text.size;
	}
	time = (struct senml_number){.value = rint((now + said) * MICROSECONDS) / MICROSECONDS};
	senml_number_format(&time, number);
	return (size_t)((uint8_t *)mempcpy(to, number, strlen(number)) - to);
}

static size_t settle(struct span rest, double now, uint8_t *ret_body)
{
	uint8_t *to = ret_body;
	size_t behind, size;

	while (next_mark(rest, &behind)) {
		to = mempcpy(to, rest.data, behind);
		rest = span_of(rest.data + behind, rest.size - behind);
		size = number_size(rest);
		to += put_time(to, span_of(rest.data, size), now);
		rest = span_of(rest.data + size, rest.size - size);
	}
	to = mempcpy(to, rest.data, rest.size);
	return (size_t)(to - ret_body);
}

int reading_settle(
	const struct reading *reading, int64_t time, bool synced, struct reading **ret_settled)
{
	struct reading *settled =
		reading_new(reading->size + READING_RECORDS_MAX * (size_t)NUMBER_MAX);

	if (!settled)
		return -ENOMEM;
	settled->row = reading->row;
	settled->device_row = reading->device_row;
	settled->trust = reading->trust;
	settled->format = reading->format;
	settled->key = reading->key;
	settled->time = time;
	settled->clock_synced = synced;
	if (reading->format == FORMAT_SENML_JSON) {
		settled->size = settle(span_of(reading->body, reading->size), (double)time / 1000.0,
			settled->body);
	} else {
		memcpy(settled->body, reading->body, reading->size);
		settled->size = reading->size;
	}
	*ret_settled = settled;
	return 0;
}
