/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A reading is allocated once, its body behind it, and travels by reference: lan -> owed -> store
 * -> owed -> uplink. The count is atomic because the store and the uplink have threads of their
 * own; whoever drops the last reference frees it, on whatever thread that is.
 *
 * Decoding is one table: content format -> how large, and which converter. A converter checks the
 * body and writes the upstream form into a senml_writer on the stack; only a body that was accepted
 * costs an allocation, of exactly its size. That is the one copy between the decoder and the
 * PUBLISH. Opaque bytes have no converter: nobody here knows what they mean. SenML in JSON that
 * needs the base name only is copied from where it came, with that in it.
 */

#include "core/reading.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "core/senml.h"

struct reading *reading_new(size_t size)
{
	struct reading *reading = calloc(1, sizeof(*reading) + size);

	if (!reading)
		return NULL;
	reading->references = 1;
	reading->size = size;
	return reading;
}

struct reading *reading_ref(struct reading *reading)
{
	__atomic_add_fetch(&reading->references, 1, __ATOMIC_RELAXED);
	return reading;
}

struct reading *reading_unref(struct reading *reading)
{
	if (reading && __atomic_sub_fetch(&reading->references, 1, __ATOMIC_ACQ_REL) == 0)
		free(reading);
	return NULL;
}

struct reading *reading_of_mail(struct mail *mail)
{
	return (struct reading *)((char *)mail - offsetof(struct reading, mail));
}

static int convert_text(struct span body, const struct reading_context *context,
	struct senml_writer *writer, enum reading_verdict *ret_verdict, const char **ret_why)
{
	const char *name = context->value_name;

	if (!name || name[0] == '\0')
		name = "value";
	return senml_from_text(body, name, writer, ret_verdict, ret_why);
}

static int convert_json_map(struct span body, const struct reading_context *context,
	struct senml_writer *writer, enum reading_verdict *ret_verdict, const char **ret_why)
{
	return senml_from_json_map(body, writer, ret_verdict, ret_why);
}

static int convert_cbor_map(struct span body, const struct reading_context *context,
	struct senml_writer *writer, enum reading_verdict *ret_verdict, const char **ret_why)
{
	return senml_from_cbor_map(body, writer, ret_verdict, ret_why);
}

static int convert_senml_json(struct span body, const struct reading_context *context,
	struct senml_writer *writer, enum reading_verdict *ret_verdict, const char **ret_why)
{
	return senml_from_json(body, writer, ret_verdict, ret_why);
}

static int convert_senml_cbor(struct span body, const struct reading_context *context,
	struct senml_writer *writer, enum reading_verdict *ret_verdict, const char **ret_why)
{
	return senml_from_cbor(body, writer, ret_verdict, ret_why);
}

typedef int (*convert_fn)(struct span body, const struct reading_context *context,
	struct senml_writer *writer, enum reading_verdict *ret_verdict, const char **ret_why);

#define LARGE_BODY   "The body is larger than 8192 bytes."
#define LARGE_OPAQUE "An opaque body is larger than 1024 bytes."

struct form {
	int format;
	convert_fn convert; /* NULL: relayed untouched */
	size_t size_max;
	const char *too_large;
};

static const struct form forms[] = {
	{FORMAT_SENML_JSON, convert_senml_json, READING_BODY_MAX, LARGE_BODY},
	{FORMAT_SENML_CBOR, convert_senml_cbor, READING_BODY_MAX, LARGE_BODY},
	{FORMAT_TEXT, convert_text, READING_BODY_MAX, LARGE_BODY},
	{FORMAT_JSON, convert_json_map, READING_BODY_MAX, LARGE_BODY},
	{FORMAT_CBOR, convert_cbor_map, READING_BODY_MAX, LARGE_BODY},
	{FORMAT_OPAQUE, NULL, READING_OPAQUE_MAX, LARGE_OPAQUE},
};

static const struct form *form_find(int format)
{
	for (size_t i = 0; i < ELEMENTS(forms); i++)
		if (forms[i].format == format)
			return &forms[i];
	return NULL;
}

static int refuse(enum reading_verdict verdict, const char *why, enum reading_verdict *ret_verdict,
	const char **ret_why)
{
	*ret_verdict = verdict;
	*ret_why = why;
	return 0;
}

static int reading_make(struct span body, int format, const struct reading_context *context,
	struct reading **ret_reading, enum reading_verdict *ret_verdict)
{
	struct reading *reading = reading_new(body.size);

	if (!reading)
		return -ENOMEM;
	memcpy(reading->body, body.data, body.size);
	reading->format = format;
	reading->time = context->now;
	*ret_reading = reading;
	*ret_verdict = READING_ACCEPTED;
	return 0;
}

/* As it came, with the base name behind its first 'at' bytes. */
static int reading_splice(struct span body, size_t at, const struct reading_context *context,
	struct reading **ret_reading, enum reading_verdict *ret_verdict)
{
	static const char before[] = "\"bn\":\"", behind[] = "/\",";
	size_t id_size = strlen(context->device_id);
	struct reading *reading =
		reading_new(body.size + strlen(before) + id_size + strlen(behind));
	uint8_t *to;

	if (!reading)
		return -ENOMEM;
	to = mempcpy(reading->body, body.data, at);
	to = mempcpy(to, before, strlen(before));
	to = mempcpy(to, context->device_id, id_size); /* [a-z0-9-]: nothing to escape */
	to = mempcpy(to, behind, strlen(behind));
	memcpy(to, body.data + at, body.size - at);
	reading->format = FORMAT_SENML_JSON;
	reading->time = context->now;
	*ret_reading = reading;
	*ret_verdict = READING_ACCEPTED;
	return 0;
}

static bool has_unit(const struct reading_context *context)
{
	return context->value_unit && context->value_unit[0];
}

static int convert_and_make(convert_fn convert, struct span body,
	const struct reading_context *context, struct reading **ret_reading,
	enum reading_verdict *ret_verdict, const char **ret_why)
{
	enum reading_verdict verdict;
	struct senml_writer writer;
	const char *why = NULL;
	int r;

	senml_begin(&writer, context->device_id, context->clock_unset ? 0 : context->now);
	if (context->value_unit)
		writer.base_unit = context->value_unit;
	r = convert(body, context, &writer, &verdict, &why);
	if (r < 0)
		return r;
	if (verdict != READING_ACCEPTED)
		return refuse(verdict, why, ret_verdict, ret_why);
	return reading_make(span_of(writer.text, writer.size), FORMAT_SENML_JSON, context,
		ret_reading, ret_verdict);
}

int reading_decode(int format, struct span body, const struct reading_context *context,
	struct reading **ret_reading, enum reading_verdict *ret_verdict, const char **ret_why)
{
	const struct form *form = form_find(format);
	size_t at;

	if (!form)
		return refuse(READING_FORMAT_UNKNOWN,
			"Content-Format must be 110 or 112 (SenML), 50 (JSON), 60 (CBOR), "
			"42 (opaque) or 0 (text).",
			ret_verdict, ret_why);
	if (body.size > form->size_max)
		return refuse(READING_TOO_LARGE, form->too_large, ret_verdict, ret_why);
	if (format == FORMAT_SENML_JSON && !has_unit(context) && senml_splice_at(body, &at))
		return reading_splice(body, at, context, ret_reading, ret_verdict);
	if (form->convert)
		return convert_and_make(
			form->convert, body, context, ret_reading, ret_verdict, ret_why);
	if (body.size == 0)
		return refuse(READING_MALFORMED, "The body is empty.", ret_verdict, ret_why);
	return reading_make(body, format, context, ret_reading, ret_verdict);
}
