/* SPDX-License-Identifier: Apache-2.0 */
/* CBOR as JSON, strictly and liberally: what is taken can be printed, and what is taken strictly is
 * the same liberally. */

#include <stdlib.h>

#include "core/cbor-json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct cbor_rules rules = {.depth = 4, .items = 2689, .liberal = true};
	struct span body = span_of(data, size);
	json_t *strict = NULL, *liberal = NULL, *map = NULL;
	enum cbor_fault fault = CBOR_FAULT_NONE;
	char *text;

	if (cbor_to_json_by(body, &rules, &liberal, &fault) < 0 ||
		(fault == CBOR_FAULT_NONE) != !!liberal)
		abort();
	if (liberal) {
		text = json_dumps(liberal, JSON_ENCODE_ANY);
		if (!text)
			abort();
		free(text);
	}
	if (cbor_to_json(body, &strict) == 0 && !json_equal(strict, liberal))
		abort();
	/* A map that the strict ones take is the same to those who ignore what they do not know. */
	if (cbor_map_to_json(body, &map) < 0 ? json_is_object(strict)
					     : strict && !json_equal(strict, map))
		abort();
	json_decref(map);
	json_decref(strict);
	json_decref(liberal);
	return 0;
}
