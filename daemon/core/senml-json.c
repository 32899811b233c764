/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SenML in JSON (format 110), a plain JSON map (50) and plain text (0).
 *
 * A body is looked at twice. First a scan without memory: it knows strings and brackets only, and
 * refuses what is nested too deep or has too many elements, so that jansson, which is recursive and
 * allocates for each value, only ever sees small documents. Then jansson parses it: grammar, UTF-8,
 * duplicate keys and NUL are its work. Two kinds of its errors are not broken JSON: a number that
 * no double holds (well-formed, but not SenML), and an integer beyond 64 bits (read again as
 * doubles).
 */

#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <string.h>

#include "base/cleanup.h"
#include "core/senml.h"

DEFINE_CLEANUP(json_t *, json_decref, json_unrefp)

struct refusal {
	enum reading_verdict verdict;
	const char *why;
};

/* The scan: how deep, and how many elements the outermost array or object has at most. */
static struct refusal document_scan(struct span body)
{
	size_t commas = 0;
	unsigned depth = 0;
	bool in_string = false;

	for (size_t i = 0; i < body.size; i++) {
		uint8_t c = body.data[i];

		if (in_string && c == '\\')
			i++; /* what is escaped does not end the string */
		else if (c == '"')
			in_string = !in_string;
		else if (in_string)
			continue;
		else if (c == '[' || c == '{')
			depth++;
		else if ((c == ']' || c == '}') && depth > 0)
			depth--;
		else if (c == ',' && depth == 1)
			commas++;
		if (depth > SENML_DEPTH_MAX)
			return (struct refusal){
				READING_MALFORMED, "The JSON is nested deeper than 4 levels."};
		if (commas >= READING_RECORDS_MAX)
			return (struct refusal){
				READING_TOO_LARGE, "The body has more than 128 records."};
	}
	return (struct refusal){READING_ACCEPTED, NULL};
}

/* No text may be longer than SENML_TEXT_MAX, known to us or not. The depth is at most 4. */
static bool texts_are_short(json_t *value)
{
	const char *key;
	json_t *child;
	size_t i;

	if (json_is_string(value))
		return json_string_length(value) <= SENML_TEXT_MAX;
	json_array_foreach(value, i, child)
	{
		if (!texts_are_short(child))
			return false;
	}
	json_object_foreach(value, key, child)
	{
		if (strlen(key) > SENML_TEXT_MAX || !texts_are_short(child))
			return false;
	}
	return true;
}

/* jansson's refusals always leave a code behind, most of its failures to allocate none (those
 * inside its lexer look like bad syntax and are answered as that). It does not clear the code
 * before. */
static json_t *document_parse(struct span body, size_t flags, int *ret_code)
{
	json_error_t error = {0};
	json_t *document = json_loadb((const char *)body.data, body.size, flags, &error);

	*ret_code = json_error_code(&error);
	return document;
}

static struct refusal document_refusal(int code)
{
	switch (code) {
	case json_error_duplicate_key:
		return (struct refusal){READING_MALFORMED, "The JSON has the same key twice."};
	case json_error_invalid_utf8:
		return (struct refusal){READING_MALFORMED, "The JSON is not valid UTF-8."};
	case json_error_numeric_overflow:
		return (struct refusal){READING_NOT_SENML, "A number is not finite."};
	}
	return (struct refusal){READING_MALFORMED, "The body is not valid JSON."};
}

/* 0 with a document or a refusal; -ENOMEM. */
static int document_load(
	struct span body, size_t flags, json_t **ret_document, struct refusal *ret_refusal)
{
	CLEANUP(json_unrefp) json_t *document = NULL;
	int code;

	*ret_refusal = document_scan(body);
	if (ret_refusal->verdict != READING_ACCEPTED)
		return 0;
	flags |= JSON_REJECT_DUPLICATES;
	document = document_parse(body, flags, &code);
	if (!document && code == json_error_numeric_overflow)
		document = document_parse(body, flags | JSON_DECODE_INT_AS_REAL, &code);
	if (!document && (code == json_error_unknown || code == json_error_out_of_memory))
		return -ENOMEM;
	if (!document)
		*ret_refusal = document_refusal(code);
	else if (!texts_are_short(document))
		*ret_refusal = (struct refusal){
			READING_MALFORMED, "A text in the JSON is longer than 256 bytes."};
	else
		*ret_document = STEAL(document);
	return 0;
}

static struct senml_number number_of(const json_t *value)
{
	if (json_is_integer(value))
		return (struct senml_number){.value = (double)json_integer_value(value),
			.integer = json_integer_value(value),
			.whole = true};
	return (struct senml_number){.value = json_real_value(value)};
}

/* False when the value is not of the label's type. */
static bool field_set(struct senml_fields *fields, enum senml_label label, const json_t *value)
{
	switch (senml_label_row(label)->type) {
	case SENML_TYPE_NUMBER:
		if (!json_is_number(value))
			return false;
		fields->number[label] = number_of(value);
		break;
	case SENML_TYPE_TEXT:
		if (!json_is_string(value))
			return false;
		fields->text[label] = json_string_value(value);
		break;
	case SENML_TYPE_BOOLEAN:
		if (!json_is_boolean(value))
			return false;
		fields->boolean = json_is_true(value);
		break;
	}
	fields->present |= 1u << label;
	return true;
}

static struct refusal record_add(struct senml_writer *writer, json_t *record)
{
	struct senml_fields fields;
	struct refusal refusal = {READING_ACCEPTED, NULL};
	enum senml_label label;
	const char *key;
	json_t *value;

	fields.present = 0; /* says what of the rest has a meaning */
	if (!json_is_object(record))
		return (struct refusal){READING_NOT_SENML, "A record is not an object."};
	json_object_foreach(record, key, value)
	{
		size_t length = strlen(key);

		if (senml_label_from_string(key, &label)) {
			if (!field_set(&fields, label, value))
				return (struct refusal){
					READING_NOT_SENML, senml_label_row(label)->why};
		} else if (length > 0 && key[length - 1] == '_') {
			/* RFC 8428 section 4.4: must be understood */
			return (struct refusal){READING_NOT_SENML,
				"A record has an unknown field whose name ends in \"_\"."};
		}
	}
	refusal.verdict = senml_add(writer, &fields, &refusal.why);
	return refusal;
}

static struct refusal pack_add(struct senml_writer *writer, json_t *document)
{
	struct refusal refusal = {READING_ACCEPTED, NULL};
	json_t *record;
	size_t i;

	if (!json_is_array(document))
		return (struct refusal){READING_NOT_SENML, "A SenML pack is an array."};
	json_array_foreach(document, i, record)
	{
		refusal = record_add(writer, record);
		if (refusal.verdict != READING_ACCEPTED)
			return refusal;
	}
	refusal.verdict = senml_end(writer, &refusal.why);
	return refusal;
}

static struct refusal map_add(struct senml_writer *writer, json_t *document)
{
	struct refusal refusal = {READING_ACCEPTED, NULL};
	const char *name;
	json_t *value;

	if (!json_is_object(document))
		return (struct refusal){READING_NOT_SENML, "A map of names and values is needed."};
	json_object_foreach(document, name, value)
	{
		struct senml_fields fields;

		fields.present = 1u << SENML_N;
		fields.text[SENML_N] = name;
		if (!field_set(&fields, SENML_V, value) && !field_set(&fields, SENML_VS, value) &&
			!field_set(&fields, SENML_VB, value))
			return (struct refusal){READING_NOT_SENML,
				"A value must be a number, a text, true or false."};
		refusal.verdict = senml_add(writer, &fields, &refusal.why);
		if (refusal.verdict != READING_ACCEPTED)
			return refusal;
	}
	refusal.verdict = senml_end(writer, &refusal.why);
	return refusal;
}

static int document_convert(struct span body, struct senml_writer *writer,
	struct refusal (*add)(struct senml_writer *writer, json_t *document),
	enum reading_verdict *ret_verdict, const char **ret_why)
{
	CLEANUP(json_unrefp) json_t *document = NULL;
	struct refusal refusal;
	int r;

	r = document_load(body, 0, &document, &refusal);
	if (r < 0)
		return r;
	if (document)
		refusal = add(writer, document);
	*ret_verdict = refusal.verdict;
	*ret_why = refusal.why;
	return 0;
}

int senml_from_json(struct span body, struct senml_writer *writer,
	enum reading_verdict *ret_verdict, const char **ret_why)
{
	return document_convert(body, writer, pack_add, ret_verdict, ret_why);
}

int senml_from_json_map(struct span body, struct senml_writer *writer,
	enum reading_verdict *ret_verdict, const char **ret_why)
{
	return document_convert(body, writer, map_add, ret_verdict, ret_why);
}

static bool is_space(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct span span_trim(struct span text)
{
	while (text.size > 0 && is_space(text.data[0])) {
		text.data++;
		text.size--;
	}
	while (text.size > 0 && is_space(text.data[text.size - 1]))
		text.size--;
	return text;
}

static bool may_be_number(struct span text)
{
	return text.data[0] == '-' || (text.data[0] >= '0' && text.data[0] <= '9');
}

/* What JSON takes for a number is one; all else ("007", "+3", "21.5 C") is text. */
static int text_fields(
	struct span text, char *buffer, struct senml_fields *fields, struct refusal *ret_refusal)
{
	CLEANUP(json_unrefp) json_t *document = NULL;
	int r;

	if (may_be_number(text)) {
		r = document_load(text, JSON_DECODE_ANY, &document, ret_refusal);
		if (r < 0)
			return r;
		if (ret_refusal->verdict == READING_NOT_SENML)
			return 0;
	}
	*ret_refusal = (struct refusal){READING_ACCEPTED, NULL};
	if (document) {
		field_set(fields, SENML_V, document);
		return 0;
	}
	memcpy(buffer, text.data, text.size);
	buffer[text.size] = '\0';
	fields->text[SENML_VS] = buffer;
	fields->present |= 1u << SENML_VS;
	return 0;
}

static struct refusal text_check(struct span text)
{
	if (text.size == 0)
		return (struct refusal){READING_MALFORMED, "The body is empty."};
	if (text.size > SENML_TEXT_MAX)
		return (struct refusal){READING_TOO_LARGE, "The text is longer than 256 bytes."};
	if (!span_is_clean_text(text))
		return (struct refusal){
			READING_MALFORMED, "The text is not UTF-8, or has control characters."};
	return (struct refusal){READING_ACCEPTED, NULL};
}

int senml_from_text(struct span body, const char *name, struct senml_writer *writer,
	enum reading_verdict *ret_verdict, const char **ret_why)
{
	struct span text = span_trim(body);
	struct refusal refusal = text_check(text);
	char buffer[SENML_TEXT_MAX + 1];
	struct senml_fields fields;
	int r;

	fields.present = 1u << SENML_N;
	fields.text[SENML_N] = name;
	if (refusal.verdict == READING_ACCEPTED) {
		r = text_fields(text, buffer, &fields, &refusal);
		if (r < 0)
			return r;
	}
	if (refusal.verdict == READING_ACCEPTED)
		refusal.verdict = senml_add(writer, &fields, &refusal.why);
	if (refusal.verdict == READING_ACCEPTED)
		refusal.verdict = senml_end(writer, &refusal.why);
	*ret_verdict = refusal.verdict;
	*ret_why = refusal.why;
	return 0;
}
