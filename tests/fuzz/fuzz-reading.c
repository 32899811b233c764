/* SPDX-License-Identifier: Apache-2.0 */
/* A reading: the first byte says the format. What is taken is a bounded JSON array without
 * duplicate keys, or the very bytes. */

#include <jansson.h>
#include <stdlib.h>

#include "core/reading.h"
#include "core/senml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct reading_context context = {.device_id = "d", .now = 1700000000123};
	enum reading_verdict verdict;
	struct reading *reading;
	const char *why = NULL;
	struct span body, made;
	json_t *json;

	if (size < 1)
		return 0;
	body = span_of(data + 1, size - 1);
	if (reading_decode(data[0], body, &context, &reading, &verdict, &why) < 0 ||
		(verdict == READING_ACCEPTED) != !why)
		abort();
	if (verdict != READING_ACCEPTED)
		return 0;
	made = span_of(reading->body, reading->size);
	json = json_loadb((char *)made.data, made.size, JSON_REJECT_DUPLICATES, NULL);
	if (reading->format == FORMAT_OPAQUE ? !span_equal(made, body)
					     : !json_is_array(json) || made.size > SENML_OUTPUT_MAX)
		abort();
	json_decref(json);
	reading_unref(reading);
	return 0;
}
