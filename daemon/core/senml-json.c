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
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "core/senml-document.h"

/* The scan: how deep, and how many elements the outermost array or object has at most. */
static struct senml_refusal document_scan(struct span body)
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
			return (struct senml_refusal){
				READING_MALFORMED, "The JSON is nested deeper than 4 levels."};
		if (commas >= READING_RECORDS_MAX)
			return (struct senml_refusal){
				READING_TOO_MANY, "The body has more than 128 records."};
	}
	return (struct senml_refusal){READING_ACCEPTED, NULL};
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

static struct senml_refusal document_refusal(int code)
{
	switch (code) {
	case json_error_duplicate_key:
		return (struct senml_refusal){
			READING_MALFORMED, "The JSON has the same key twice."};
	case json_error_invalid_utf8:
		return (struct senml_refusal){READING_MALFORMED, "The JSON is not valid UTF-8."};
	case json_error_numeric_overflow:
		return (struct senml_refusal){READING_NOT_SENML, "A number is not finite."};
	}
	return (struct senml_refusal){READING_MALFORMED, "The body is not valid JSON."};
}

/* 0 with a document or a refusal; -ENOMEM. */
static int document_load(
	struct span body, size_t flags, json_t **ret_document, struct senml_refusal *ret_refusal)
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
	else
		*ret_document = STEAL(document);
	return 0;
}

static int document_convert(struct span body, struct senml_writer *writer, senml_add_fn add,
	enum reading_verdict *ret_verdict, const char **ret_why)
{
	CLEANUP(json_unrefp) json_t *document = NULL;
	struct senml_refusal refusal;
	int r;

	/* Also what is no array and no map is JSON; that is another answer. */
	r = document_load(body, JSON_DECODE_ANY, &document, &refusal);
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
	return document_convert(body, writer, senml_pack_add, ret_verdict, ret_why);
}

int senml_from_json_map(struct span body, struct senml_writer *writer,
	enum reading_verdict *ret_verdict, const char **ret_why)
{
	return document_convert(body, writer, senml_map_add, ret_verdict, ret_why);
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

/* What JSON takes for a number is one; all else ("007", "+3", "21.5 C") is text, which the caller
 * frees. */
static int text_fields(struct span text, struct senml_fields *fields, char **ret_buffer,
	struct senml_refusal *ret_refusal)
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
	*ret_refusal = (struct senml_refusal){READING_ACCEPTED, NULL};
	if (document) {
		senml_field_set(fields, SENML_V, document);
		return 0;
	}
	*ret_buffer = malloc(text.size + 1);
	if (!*ret_buffer)
		return -ENOMEM;
	memcpy(*ret_buffer, text.data, text.size);
	(*ret_buffer)[text.size] = '\0';
	fields->text[SENML_VS] = *ret_buffer;
	fields->present |= 1u << SENML_VS;
	return 0;
}

static struct senml_refusal text_check(struct span text)
{
	if (text.size == 0)
		return (struct senml_refusal){READING_MALFORMED, "The body is empty."};
	if (!span_is_clean_text(text))
		return (struct senml_refusal){
			READING_MALFORMED, "The text is not UTF-8, or has control characters."};
	return (struct senml_refusal){READING_ACCEPTED, NULL};
}

int senml_from_text(struct span body, const char *name, struct senml_writer *writer,
	enum reading_verdict *ret_verdict, const char **ret_why)
{
	struct span text = span_trim(body);
	struct senml_refusal refusal = text_check(text);
	CLEANUP(cleanup_free) char *buffer = NULL;
	struct senml_fields fields;
	int r;

	fields.present = 1u << SENML_N;
	fields.text[SENML_N] = name;
	if (refusal.verdict == READING_ACCEPTED) {
		r = text_fields(text, &fields, &buffer, &refusal);
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
