/* SPDX-License-Identifier: Apache-2.0 */
/* A reading: the first byte says the format. What is taken is a bounded JSON array without
 * duplicate keys, or the very bytes; and what came by an unset clock is the same once that is set.
 */

#include <jansson.h>
#include <stdlib.h>

#include "core/reading.h"
#include "core/senml.h"

#define NOW INT64_C(1700000000123)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_settled(int format, struct span body, const struct reading *reading)
{
	const struct reading_context context = {.device_id = "d", .now = 1, .clock_unset = true};
	struct reading *early, *settled;
	enum reading_verdict verdict;
	const char *why;

	if (reading_decode(format, body, &context, &early, &verdict, &why) < 0 ||
		verdict != READING_ACCEPTED || reading_settle(early, NOW, true, &settled) < 0 ||
		!span_equal(span_of(reading->body, reading->size),
			span_of(settled->body, settled->size)))
		abort();
	reading_unref(settled);
	reading_unref(early);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct reading_context context = {.device_id = "d", .now = NOW};
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
	check_settled(data[0], body, reading);
	reading_unref(reading);
	return 0;
}
