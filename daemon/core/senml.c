/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules of SenML (RFC 8428), once for all encodings, and the upstream form:
 *
 *   in
 * [{"bn":"urn:dev:ow:10e2:","bt":1276020091,"n":"temp","u":"Cel","v":21.5},{"n":"hum","v":40,"t":-1}]
 *   out  [{"bn":"plant-1/","n":"urn:dev:ow:10e2:temp","u":"Cel","v":21.5,"t":1276020091},
 *         {"n":"urn:dev:ow:10e2:hum","v":40,"t":1276020090}]
 *
 * A pack in JSON in which nothing has to be resolved does not come here: it goes as it came
 * (senml-splice.c).
 *
 * Base fields (section 4.1) are in force from their record on and are resolved (section 4.6), so
 * that the one base name upstream can be the device's identity, which no device chooses. Whatever
 * name a device gives stands behind that prefix; it cannot leave it, because a consumer joins both
 * and ".." or a leading "/" mean nothing (the first character must be a letter or digit anyway).
 *
 * Times (section 4.5.3): base time plus time; a sum below 2^28 is relative to "now", which is the
 * arrival. A record without either gets none: the reading's own time of arrival says it. While the
 * gateway's own clock stands before 1978 (never set) a relative time cannot be made absolute: it
 * stays relative, and the reading travels with an unsynced clock and its arrival by that clock.
 *
 * Sums (section 4.5.4): a missing sum or base sum counts as zero. A base value is added to "v"
 * only; it does not make a value where the record has none, since a record needs a value or a sum
 * of its own (section 4.2).
 */

#include "core/senml.h"

#include <math.h>
#include <string.h>

#define BVER_KNOWN    10	   /* section 4.4 */
#define ABSOLUTE_MIN  268435456.0  /* 2^28 s: times below are relative, section 4.5.3 */
#define MICROSECONDS  1e6	   /* resolution of a time that we computed */
#define ROUNDABLE_MAX 9007199254.0 /* s: 2^53 us, beyond which a double has no microseconds */

static const struct senml_label_row label_rows[SENML_LABELS] = {
	[SENML_BVER] = {"bver", -1, SENML_TYPE_NUMBER, "\"bver\" must be a number."},
	[SENML_BN] = {"bn", -2, SENML_TYPE_TEXT, "\"bn\" must be a text."},
	[SENML_BT] = {"bt", -3, SENML_TYPE_NUMBER, "\"bt\" must be a number."},
	[SENML_BU] = {"bu", -4, SENML_TYPE_TEXT, "\"bu\" must be a text."},
	[SENML_BV] = {"bv", -5, SENML_TYPE_NUMBER, "\"bv\" must be a number."},
	[SENML_BS] = {"bs", -6, SENML_TYPE_NUMBER, "\"bs\" must be a number."},
	[SENML_N] = {"n", 0, SENML_TYPE_TEXT, "\"n\" must be a text."},
	[SENML_U] = {"u", 1, SENML_TYPE_TEXT, "\"u\" must be a text."},
	[SENML_V] = {"v", 2, SENML_TYPE_NUMBER, "\"v\" must be a number."},
	[SENML_VS] = {"vs", 3, SENML_TYPE_TEXT, "\"vs\" must be a text."},
	[SENML_VB] = {"vb", 4, SENML_TYPE_BOOLEAN, "\"vb\" must be true or false."},
	[SENML_VD] = {"vd", 8, SENML_TYPE_TEXT, "\"vd\" must be a text in base64url."},
	[SENML_S] = {"s", 5, SENML_TYPE_NUMBER, "\"s\" must be a number."},
	[SENML_T] = {"t", 6, SENML_TYPE_NUMBER, "\"t\" must be a number."},
	[SENML_UT] = {"ut", 7, SENML_TYPE_NUMBER, "\"ut\" must be a number."},
};

const struct senml_label_row *senml_label_row(enum senml_label label)
{
	return &label_rows[label];
}

bool senml_label_from_string(const char *key, enum senml_label *ret_label)
{
	for (unsigned i = 0; i < SENML_LABELS; i++)
		if (strcmp(label_rows[i].key, key) == 0) {
			*ret_label = (enum senml_label)i;
			return true;
		}
	return false;
}

const char *senml_label_key(int64_t integer)
{
	for (unsigned i = 0; i < SENML_LABELS; i++)
		if (label_rows[i].integer == integer)
			return label_rows[i].key;
	return NULL;
}

static enum reading_verdict refuse(const char *why, const char **ret_why)
{
	*ret_why = why;
	return READING_NOT_SENML;
}

/* Whole numbers stay whole as long as the sum fits. */
static struct senml_number number_add(struct senml_number a, struct senml_number b)
{
	struct senml_number sum = {.value = a.value + b.value};

	if (a.whole && b.whole && !__builtin_add_overflow(a.integer, b.integer, &sum.integer)) {
		sum.whole = true;
		sum.value = (double)sum.integer;
	}
	return sum;
}

/* 'own' plus the base field, each zero when it is missing. False when both are. */
static bool field_resolve(const struct senml_writer *writer, const struct senml_fields *fields,
	enum senml_label own, enum senml_label base, struct senml_number *ret_number)
{
	bool has_base = writer->bases & (1u << base);

	if (!senml_has(fields, own) && !has_base)
		return false;
	if (!has_base)
		*ret_number = fields->number[own];
	else if (!senml_has(fields, own))
		*ret_number = writer->base[base];
	else
		*ret_number = number_add(fields->number[own], writer->base[base]);
	return true;
}

static enum reading_verdict numbers_check(const struct senml_fields *fields, const char **ret_why)
{
	for (unsigned i = 0; i < SENML_LABELS; i++)
		if (senml_has(fields, (enum senml_label)i) &&
			label_rows[i].type == SENML_TYPE_NUMBER && !fields->number[i].whole &&
			!isfinite(fields->number[i].value))
			return refuse("A number is not finite.", ret_why);
	if (senml_has(fields, SENML_BVER) && fields->number[SENML_BVER].value != BVER_KNOWN)
		return refuse("\"bver\" is not 10.", ret_why);
	return READING_ACCEPTED;
}

static void bases_carry(struct senml_writer *writer, const struct senml_fields *fields)
{
	static const enum senml_label numeric[] = {SENML_BT, SENML_BV, SENML_BS};

	if (senml_has(fields, SENML_BN))
		writer->base_name = fields->text[SENML_BN];
	if (senml_has(fields, SENML_BU))
		writer->base_unit = fields->text[SENML_BU];
	for (size_t i = 0; i < sizeof(numeric) / sizeof(numeric[0]); i++)
		if (senml_has(fields, numeric[i])) {
			writer->bases |= 1u << numeric[i];
			writer->base[numeric[i]] = fields->number[numeric[i]];
		}
}

static bool is_alphanumeric(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_made_of(struct span text, const char *others)
{
	for (size_t i = 0; i < text.size; i++) {
		char c = (char)text.data[i];

		if (!is_alphanumeric(c) && (!c || !strchr(others, c)))
			return false;
	}
	return true;
}

static bool is_name_text(const char *text)
{
	return is_made_of(span_from_string(text), "-:./_");
}

bool senml_is_name(struct span text)
{
	return text.size > 0 && is_alphanumeric((char)text.data[0]) && is_made_of(text, "-:./_");
}

/* Section 4.5.1, for the base name and the name together. */
static enum reading_verdict name_add(
	struct senml_writer *writer, const struct senml_fields *fields, const char **ret_why)
{
	const char *base = writer->base_name;
	const char *own = senml_has(fields, SENML_N) ? fields->text[SENML_N] : "";
	const char *start = base[0] ? base : own;

	if (start[0] == '\0')
		return refuse("A record has no name.", ret_why);
	if (!is_alphanumeric(start[0]))
		return refuse("A name must begin with a letter or a digit.", ret_why);
	if (!is_name_text(base) || !is_name_text(own))
		return refuse("A name may hold only letters, digits and - : . / _.", ret_why);
	if (strlen(base) + strlen(own) > SENML_NAME_MAX)
		return refuse("A name, its base name included, is longer than 256 bytes.", ret_why);
	senml_put(writer, "\"n\":\"", 5);
	senml_put(writer, base, strlen(base));
	senml_put(writer, own, strlen(own));
	senml_put(writer, "\"", 1);
	return READING_ACCEPTED;
}

static void text_add(struct senml_writer *writer, const char *key, const char *text)
{
	senml_put(writer, ",\"", 2);
	senml_put(writer, key, strlen(key));
	senml_put(writer, "\":\"", 3);
	senml_put_string(writer, text);
	senml_put(writer, "\"", 1);
}

static void unit_add(struct senml_writer *writer, const struct senml_fields *fields)
{
	const char *unit = senml_has(fields, SENML_U) ? fields->text[SENML_U] : writer->base_unit;

	if (unit[0])
		text_add(writer, "u", unit);
}

/* RFC 4648 section 5 without padding: a length of 4n + 1 cannot be. */
bool senml_is_base64url(struct span text)
{
	return is_made_of(text, "-_") && text.size % 4 != 1;
}

static enum reading_verdict value_add(
	struct senml_writer *writer, const struct senml_fields *fields, const char **ret_why)
{
	uint32_t values = fields->present & SENML_VALUES;
	struct senml_number number;

	if (values & (values - 1))
		return refuse("A record has more than one value.", ret_why);
	if (!values && !senml_has(fields, SENML_S))
		return refuse("A record has neither a value nor a sum.", ret_why);
	if (senml_has(fields, SENML_V)) {
		field_resolve(writer, fields, SENML_V, SENML_BV, &number);
		if (!number.whole && !isfinite(number.value))
			return refuse("A value with its base value is not finite.", ret_why);
		senml_put_number(writer, "v", &number);
	}
	if (senml_has(fields, SENML_VS))
		text_add(writer, "vs", fields->text[SENML_VS]);
	if (senml_has(fields, SENML_VB))
		senml_put(writer, fields->boolean ? ",\"vb\":true" : ",\"vb\":false",
			fields->boolean ? 10 : 11);
	if (senml_has(fields, SENML_VD)) {
		if (!senml_is_base64url(span_from_string(fields->text[SENML_VD])))
			return refuse("\"vd\" is not base64url without padding.", ret_why);
		text_add(writer, "vd", fields->text[SENML_VD]);
	}
	return READING_ACCEPTED;
}

static enum reading_verdict sum_add(
	struct senml_writer *writer, const struct senml_fields *fields, const char **ret_why)
{
	struct senml_number number;

	if (!field_resolve(writer, fields, SENML_S, SENML_BS, &number))
		return READING_ACCEPTED;
	if (!number.whole && !isfinite(number.value))
		return refuse("A sum with its base sum is not finite.", ret_why);
	senml_put_number(writer, "s", &number);
	return READING_ACCEPTED;
}

/* What we add up is noise beyond the microsecond; what a device said itself stays as it is. */
static struct senml_number time_round(struct senml_number time)
{
	if (!time.whole && fabs(time.value) < ROUNDABLE_MAX)
		time.value = rint(time.value * MICROSECONDS) / MICROSECONDS;
	return time;
}

static enum reading_verdict time_add(
	struct senml_writer *writer, const struct senml_fields *fields, const char **ret_why)
{
	double now = (double)writer->now / 1000.0;
	struct senml_number time;

	if (!field_resolve(writer, fields, SENML_T, SENML_BT, &time))
		return READING_ACCEPTED;
	if (!time.whole && !isfinite(time.value))
		return refuse("A time with its base time is not finite.", ret_why);
	if (senml_has(fields, SENML_T) && writer->bases & (1u << SENML_BT))
		time = time_round(time);
	if (time.value < ABSOLUTE_MIN && now >= ABSOLUTE_MIN) {
		time = time_round((struct senml_number){.value = now + time.value});
		if (time.value < ABSOLUTE_MIN)
			return refuse("A relative time lies before July 1978.", ret_why);
	}
	senml_put_number(writer, "t", &time);
	return READING_ACCEPTED;
}

void senml_begin(struct senml_writer *writer, const char *device_id, int64_t now)
{
	/* Not a compound literal: the text of 16 KiB need not be cleared. */
	writer->device_id = device_id;
	writer->now = now;
	writer->base_name = "";
	writer->base_unit = "";
	writer->bases = 0;
	writer->records = 0;
	writer->size = 0;
	writer->full = false;
	senml_put(writer, "[", 1);
}

static void record_open(struct senml_writer *writer)
{
	if (writer->records++ > 0) {
		senml_put(writer, ",{", 2);
		return;
	}
	senml_put(writer, "{\"bn\":\"", 7);
	senml_put_string(writer, writer->device_id);
	senml_put(writer, "/\",", 3);
}

enum reading_verdict senml_add(
	struct senml_writer *writer, const struct senml_fields *fields, const char **ret_why)
{
	enum reading_verdict verdict = numbers_check(fields, ret_why);

	if (verdict != READING_ACCEPTED)
		return verdict;
	if (writer->records == READING_RECORDS_MAX) {
		*ret_why = "The pack has more than 128 records.";
		return READING_TOO_MANY;
	}
	bases_carry(writer, fields);
	record_open(writer);
	verdict = name_add(writer, fields, ret_why);
	if (verdict != READING_ACCEPTED)
		return verdict;
	unit_add(writer, fields);
	verdict = value_add(writer, fields, ret_why);
	if (verdict != READING_ACCEPTED)
		return verdict;
	verdict = sum_add(writer, fields, ret_why);
	if (verdict != READING_ACCEPTED)
		return verdict;
	verdict = time_add(writer, fields, ret_why);
	if (verdict != READING_ACCEPTED)
		return verdict;
	if (senml_has(fields, SENML_UT))
		senml_put_number(writer, "ut", &fields->number[SENML_UT]);
	senml_put(writer, "}", 1);
	return READING_ACCEPTED;
}

enum reading_verdict senml_end(struct senml_writer *writer, const char **ret_why)
{
	if (writer->records == 0)
		return refuse("The pack has no record.", ret_why);
	senml_put(writer, "]", 1);
	if (!writer->full)
		return READING_ACCEPTED;
	*ret_why = "The reading is larger than 16384 bytes when its base fields are resolved.";
	return READING_TOO_LARGE;
}
