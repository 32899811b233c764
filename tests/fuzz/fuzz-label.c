/* SPDX-License-Identifier: Apache-2.0 */
/* A typed or scanned label. What is taken for a device is taken in lower case too; what says its
 * device itself is taken for that one and gives the same keys. */

#include <ctype.h>
#include <stdlib.h>

#include "core/label.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum label_verdict verdict, other;
	char why[LABEL_WHY_SIZE], *lower = malloc(size + 1);
	struct span text = span_of(data, size);
	struct label label, again;

	for (size_t i = 0; i < size; i++)
		lower[i] = (char)tolower(data[i]);
	if (label_read(text, "sensor-1", &label, &verdict) < 0 ||
		!label_why(verdict, "sensor-1", why)[0] != (verdict == LABEL_TAKEN))
		abort();
	if (label_read(span_of(lower, size), "sensor-1", &again, &other) < 0 ||
		(verdict == LABEL_TAKEN && other != LABEL_TAKEN))
		abort();
	free(lower);
	if (label_read(text, NULL, &label, &verdict) < 0)
		abort();
	if (verdict == LABEL_TAKEN &&
		(label_read(text, label.ep, &again, &other) < 0 || other != LABEL_TAKEN ||
			memcmp(label.claim_key, again.claim_key, LABEL_KEY_SIZE)))
		abort();
	return 0;
}
