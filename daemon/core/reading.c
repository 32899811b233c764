/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A reading is allocated once, its body behind it, and travels by reference: lan -> owed -> store
 * -> owed -> uplink. The count is atomic because the store and the uplink have threads of their
 * own; whoever drops the last reference frees it, on whatever thread that is.
 *
 * Decoding is one table: content format -> converter. A converter checks the body and writes the
 * upstream form into a senml_writer on the stack; only a body that was accepted costs an
 * allocation, of exactly its size. That is the one copy between the decoder and the PUBLISH.
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

static int convert_senml_json(struct span body, const struct reading_context *context,
	struct senml_writer *writer, enum reading_verdict *ret_verdict, const char **ret_why)
{
	return senml_from_json(body, writer, ret_verdict, ret_why);
}

typedef int (*convert_fn)(struct span body, const struct reading_context *context,
	struct senml_writer *writer, enum reading_verdict *ret_verdict, const char **ret_why);

static const struct {
	int format;
	convert_fn convert;
} converters[] = {
	{FORMAT_SENML_JSON, convert_senml_json},
	{FORMAT_TEXT, convert_text},
	{FORMAT_JSON, convert_json_map},
};

static convert_fn converter_find(int format)
{
	for (size_t i = 0; i < ELEMENTS(converters); i++)
		if (converters[i].format == format)
			return converters[i].convert;
	return NULL;
}

static int refuse(enum reading_verdict verdict, const char *why, enum reading_verdict *ret_verdict,
	const char **ret_why)
{
	*ret_verdict = verdict;
	*ret_why = why;
	return 0;
}

int reading_decode(int format, struct span body, const struct reading_context *context,
	struct reading **ret_reading, enum reading_verdict *ret_verdict, const char **ret_why)
{
	convert_fn convert = converter_find(format);
	enum reading_verdict verdict;
	struct senml_writer writer;
	struct reading *reading;
	const char *why = NULL;
	int r;

	if (!convert)
		return refuse(READING_FORMAT_UNKNOWN,
			"Content-Format must be 110 (SenML JSON), 50 (JSON) or 0 (text).",
			ret_verdict, ret_why);
	if (body.size > READING_BODY_MAX)
		return refuse(READING_TOO_LARGE, "The body is larger than 8192 bytes.", ret_verdict,
			ret_why);
	senml_begin(&writer, context->device_id, context->now);
	r = convert(body, context, &writer, &verdict, &why);
	if (r < 0)
		return r;
	if (verdict != READING_ACCEPTED)
		return refuse(verdict, why, ret_verdict, ret_why);
	reading = reading_new(writer.size);
	if (!reading)
		return -ENOMEM;
	memcpy(reading->body, writer.text, writer.size);
	reading->format = FORMAT_SENML_JSON;
	reading->time = context->now;
	*ret_reading = reading;
	*ret_verdict = READING_ACCEPTED;
	return 0;
}
