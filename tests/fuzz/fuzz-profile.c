/* SPDX-License-Identifier: Apache-2.0 */
/* A device profile: what is wrong with it is said, and what is taken can be asked of a device. */

#include <stdlib.h>

#include "core/profile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void count_message(void *userdata, int level, const char *text)
{
	*(unsigned *)userdata += 1;
	if (!strcmp(text, "p.conf:1: it cannot be parsed"))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct profile profile;
	char *text = malloc(size + 1);
	unsigned messages = 0;
	int r;

	memcpy(text, data, size);
	r = profile_read_text("p.conf", text, size, count_message, &messages, &profile);
	if (r < 0 && !messages)
		abort();
	for (unsigned i = 0; r >= 0 && i < profile.read_count; i++)
		if (!read_path_fits(profile.read[i].path) ||
			!span_is_printable(span_from_string(profile.read[i].unit)))
			abort();
	for (unsigned i = 0; r >= 0 && i < profile.path.count; i++)
		profile_pattern_fits(profile.path.item[i], span_of(data, size));
	free(text);
	return 0;
}
