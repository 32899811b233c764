/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A SenML pack in JSON that needs no other words upstream than the base name:
 *
 *   in   [{"n":"temp","u":"Cel","v":21.5},{"n":"hum","v":40}]
 *   out  [{"bn":"plant-1/","n":"temp","u":"Cel","v":21.5},{"n":"hum","v":40}]
 *
 * That is what nearly every sensor sends, and it is looked at once, from the front to the end,
 * without memory. All that has to be resolved (base fields, relative times), may have to be dropped
 * (fields that we do not know), could be written in two ways (escapes, exponents) or is wrong is
 * not for here: then the answer is no, and senml-json.c says what it is.
 */

#include <string.h>

#include "core/senml.h"

#define DIGITS_MAX   18	       /* of a number: an integer fits in 64 bits */
#define ABSOLUTE_MIN 268435456 /* 2^28 s: a time below is relative, section 4.5.3 */

struct scan {
	const uint8_t *at, *end;
};

static void skip_space(struct scan *scan)
{
	while (scan->at < scan->end &&
		(*scan->at == ' ' || *scan->at == '\t' || *scan->at == '\r' || *scan->at == '\n'))
		scan->at++;
}

static bool take(struct scan *scan, char c)
{
	if (scan->at == scan->end || *scan->at != (uint8_t)c)
		return false;
	scan->at++;
	return true;
}

/* As take(), with space on both sides of it. */
static bool take_mark(struct scan *scan, char c)
{
	skip_space(scan);
	if (!take(scan, c))
		return false;
	skip_space(scan);
	return true;
}

static bool take_text(struct scan *scan, struct span *ret_text)
{
	const uint8_t *begin;
	uint8_t high = 0;

	if (!take(scan, '"'))
		return false;
	for (begin = scan->at; scan->at < scan->end && *scan->at != '"'; scan->at++) {
		if (*scan->at < 0x20 || *scan->at == '\\')
			return false;
		high |= *scan->at;
	}
	*ret_text = span_of(begin, (size_t)(scan->at - begin));
	return take(scan, '"') && ret_text->size <= SENML_NAME_MAX &&
	       (high < 0x80 || span_is_clean_text(*ret_text));
}

/* *ret_value: what stands before the point. Returns how many digits there are, 0 for none. */
static unsigned take_digits(struct scan *scan, uint64_t *ret_value)
{
	unsigned digits = 0;

	*ret_value = 0;
	for (; scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9'; scan->at++)
		if (++digits <= DIGITS_MAX)
			*ret_value = *ret_value * 10 + (*scan->at - '0');
	return digits;
}

/* What follows a number is not looked at here: an exponent ends the record as anything else that
 * does not belong there. */
static bool take_number(struct scan *scan, bool *ret_negative, uint64_t *ret_whole)
{
	const uint8_t *begin;
	unsigned digits, more = 0;
	uint64_t fraction;

	*ret_negative = take(scan, '-');
	begin = scan->at;
	digits = take_digits(scan, ret_whole);
	if (digits == 0 || (digits > 1 && *begin == '0'))
		return false;
	if (take(scan, '.')) {
		more = take_digits(scan, &fraction);
		if (more == 0)
			return false;
	}
	return digits + more <= DIGITS_MAX;
}

static bool take_boolean(struct scan *scan)
{
	static const char *const words[] = {"true", "false"};

	for (size_t i = 0; i < 2; i++) {
		size_t size = strlen(words[i]);

		if ((size_t)(scan->end - scan->at) >= size &&
			memcmp(scan->at, words[i], size) == 0) {
			scan->at += size;
			return true;
		}
	}
	return false;
}

/* Of the fields that are no base fields. */
static bool label_of(struct span key, enum senml_label *ret_label)
{
	for (unsigned i = SENML_N; i < SENML_LABELS; i++) {
		const char *name = senml_label_row((enum senml_label)i)->key;

		if (strlen(name) == key.size && memcmp(name, key.data, key.size) == 0) {
			*ret_label = (enum senml_label)i;
			return true;
		}
	}
	return false;
}

static bool text_fits(enum senml_label label, struct span text)
{
	if (label == SENML_N)
		return senml_is_name(text);
	if (label == SENML_U)
		return text.size > 0;
	return label != SENML_VD || senml_is_base64url(text);
}

static bool take_value(struct scan *scan, enum senml_label label)
{
	struct span text;
	bool negative;
	uint64_t whole;

	switch (senml_label_row(label)->type) {
	case SENML_TYPE_TEXT:
		return take_text(scan, &text) && text_fits(label, text);
	case SENML_TYPE_BOOLEAN:
		return take_boolean(scan);
	case SENML_TYPE_NUMBER:
		return take_number(scan, &negative, &whole) &&
		       (label != SENML_T || (!negative && whole >= ABSOLUTE_MIN));
	}
	return false;
}

static bool take_field(struct scan *scan, uint32_t *present)
{
	enum senml_label label;
	struct span key;

	if (!take_text(scan, &key) || !label_of(key, &label) || (*present & 1u << label) ||
		!take_mark(scan, ':') || !take_value(scan, label))
		return false;
	*present |= 1u << label;
	return true;
}

static bool take_record(struct scan *scan)
{
	uint32_t present = 0, values;

	do
		if (!take_field(scan, &present))
			return false;
	while (take_mark(scan, ','));
	values = present & SENML_VALUES;
	return take(scan, '}') && (present & 1u << SENML_N) &&
	       (values ? !(values & (values - 1)) : (present & 1u << SENML_S) != 0);
}

bool senml_splice_at(struct span body, size_t *ret_at)
{
	struct scan scan;
	size_t records = 0, at = 0;

	if (!body.size) /* nothing may be added to its NULL */
		return false;
	scan = (struct scan){body.data, body.data + body.size};
	if (!take_mark(&scan, '['))
		return false;
	do {
		if (++records > READING_RECORDS_MAX || !take(&scan, '{'))
			return false;
		if (records == 1)
			at = (size_t)(scan.at - body.data);
		skip_space(&scan);
		if (!take_record(&scan))
			return false;
	} while (take_mark(&scan, ','));
	if (!take_mark(&scan, ']') || scan.at != scan.end)
		return false;
	*ret_at = at;
	return true;
}
