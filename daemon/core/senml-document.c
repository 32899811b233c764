/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A decoded document, whatever it was encoded in, becomes records. Here stand the rules that belong
 * to the shape of the document: which value a field takes, which unknown field must be understood.
 * The rules of SenML itself are in senml.c. A text that is a value may be as long as the body.
 */

#include "core/senml-document.h"

#include <string.h>

/* The types of labels that a value of JSON may have, as bits. */
static const unsigned types_of[JSON_NULL + 1] = {
	[JSON_STRING] = 1u << SENML_TYPE_TEXT,
	[JSON_INTEGER] = 1u << SENML_TYPE_NUMBER,
	[JSON_REAL] = 1u << SENML_TYPE_NUMBER,
	[JSON_TRUE] = 1u << SENML_TYPE_BOOLEAN,
	[JSON_FALSE] = 1u << SENML_TYPE_BOOLEAN,
};

static struct senml_number number_of(const json_t *value)
{
	if (json_typeof(value) == JSON_INTEGER)
		return (struct senml_number){.value = (double)json_integer_value(value),
			.integer = json_integer_value(value),
			.whole = true};
	return (struct senml_number){.value = json_real_value(value)};
}

bool senml_field_set(struct senml_fields *fields, enum senml_label label, const json_t *value)
{
	enum senml_type type = senml_label_row(label)->type;

	if (!(types_of[json_typeof(value)] & 1u << type))
		return false;
	switch (type) {
	case SENML_TYPE_NUMBER:
		fields->number[label] = number_of(value);
		break;
	case SENML_TYPE_TEXT:
		fields->text[label] = json_string_value(value);
		break;
	case SENML_TYPE_BOOLEAN:
		fields->boolean = json_typeof(value) == JSON_TRUE;
		break;
	}
	fields->present |= 1u << label;
	return true;
}

static struct senml_refusal record_add(struct senml_writer *writer, json_t *record)
{
	struct senml_fields fields;
	struct senml_refusal refusal = {READING_ACCEPTED, NULL};
	enum senml_label label;
	const char *key;
	json_t *value;

	fields.present = 0; /* says what of the rest has a meaning */
	if (json_typeof(record) != JSON_OBJECT)
		return (struct senml_refusal){READING_NOT_SENML, "A record is not an object."};
	json_object_foreach(record, key, value)
	{
		size_t length = strlen(key);

		if (senml_label_from_string(key, &label)) {
			if (!senml_field_set(&fields, label, value))
				return (struct senml_refusal){
					READING_NOT_SENML, senml_label_row(label)->why};
		} else if (length > 0 && key[length - 1] == '_') {
			/* RFC 8428 section 4.4: must be understood */
			return (struct senml_refusal){READING_NOT_SENML,
				"A record has an unknown field whose name ends in \"_\"."};
		}
	}
	refusal.verdict = senml_add(writer, &fields, &refusal.why);
	return refusal;
}

struct senml_refusal senml_pack_add(struct senml_writer *writer, json_t *document)
{
	struct senml_refusal refusal = {READING_ACCEPTED, NULL};

	if (json_typeof(document) != JSON_ARRAY)
		return (struct senml_refusal){READING_NOT_SENML, "A SenML pack is an array."};
	for (size_t i = 0; i < json_array_size(document); i++) {
		refusal = record_add(writer, json_array_get(document, i));
		if (refusal.verdict != READING_ACCEPTED)
			return refusal;
	}
	refusal.verdict = senml_end(writer, &refusal.why);
	return refusal;
}

struct senml_refusal senml_map_add(struct senml_writer *writer, json_t *document)
{
	struct senml_refusal refusal = {READING_ACCEPTED, NULL};
	const char *name;
	json_t *value;

	if (json_typeof(document) != JSON_OBJECT)
		return (struct senml_refusal){
			READING_NOT_SENML, "A map of names and values is needed."};
	json_object_foreach(document, name, value)
	{
		struct senml_fields fields;

		fields.present = 1u << SENML_N;
		fields.text[SENML_N] = name;
		if (!senml_field_set(&fields, SENML_V, value) &&
			!senml_field_set(&fields, SENML_VS, value) &&
			!senml_field_set(&fields, SENML_VB, value))
			return (struct senml_refusal){READING_NOT_SENML,
				"A value must be a number, a text, true or false."};
		refusal.verdict = senml_add(writer, &fields, &refusal.why);
		if (refusal.verdict != READING_ACCEPTED)
			return refusal;
	}
	refusal.verdict = senml_end(writer, &refusal.why);
	return refusal;
}
