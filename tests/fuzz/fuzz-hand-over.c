/* SPDX-License-Identifier: Apache-2.0 */
/* A device from another gateway's hand. What is taken is clean, and reads the same when it is
 * written again. */

#include <stdlib.h>

#include "core/hand-over.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct device_record *record)
{
	const char *why;

	if (!span_is_clean_text(span_from_string(record->name)) ||
		!span_is_clean_text(span_from_string(record->info.model)) ||
		ep_check(span_from_string(record->ep), &why) < 0 || strpbrk(record->id, "/+#") ||
		strpbrk(record->life.platform_id, "/+#") || !record->life.credential_current.size)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hand_over hand_over, again;
	const char *why = NULL;
	char *text = NULL;

	if (hand_over_read(span_of(data, size), &hand_over, &why) == 0) {
		check(hand_over.record);
		if (hand_over_write(&hand_over, &text) == 0) {
			if (hand_over_read(span_from_string(text), &again, &why) < 0)
				abort();
			hand_over_clear(&again);
		}
	}
	hand_over_clear(&hand_over);
	free(text);
	return 0;
}
