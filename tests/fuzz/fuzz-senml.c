/* SPDX-License-Identifier: Apache-2.0 */
/* A reading in each format. What is taken must be a JSON array without duplicate keys, within its
 * bound. What goes upstream as it came must say what the decoder would have written. */

#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>

#include "../unit/core/senml-resolved.h"
#include "base/cleanup.h"
#include "core/reading.h"
#include "core/senml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void decoder_agrees(
	struct span body, const struct reading_context *context, const struct reading *reading)
{
	static struct senml_writer writer;
	enum reading_verdict verdict;
	const char *why;

	senml_begin(&writer, context->device_id, context->now);
	if (senml_from_json(body, &writer, &verdict, &why) < 0 || verdict != READING_ACCEPTED ||
		!resolved_equal(
			span_of(reading->body, reading->size), span_of(writer.text, writer.size)))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int formats[] = {FORMAT_TEXT, FORMAT_JSON, FORMAT_SENML_JSON};
	const struct reading_context context = {.device_id = "d", .now = 1700000000123};

	for (size_t i = 0; i < ELEMENTS(formats); i++) {
		enum reading_verdict verdict;
		struct reading *reading;
		const char *why;
		json_t *json;

		if (reading_decode(formats[i], span_of(data, size), &context, &reading, &verdict,
			    &why) < 0)
			abort();
		if (verdict != READING_ACCEPTED)
			continue;
		json = json_loadb(
			(const char *)reading->body, reading->size, JSON_REJECT_DUPLICATES, NULL);
		if (!json_is_array(json) || reading->size > SENML_OUTPUT_MAX)
			abort();
		json_decref(json);
		if (formats[i] == FORMAT_SENML_JSON)
			decoder_agrees(span_of(data, size), &context, reading);
		reading_unref(reading);
	}
	return 0;
}
