/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A device's id is made once and stands in topics, addresses and logs for good. It is made from the
 * endpoint name, so that people recognise it, but never equal to it: the name belongs to whoever
 * says it first, the id to one device. Four random characters keep an id that was forgotten from
 * coming back for another device of the same name.
 */

#include <string.h>

#include "base/crypto.h"
#include "core/registry.h"

#define ID_SUFFIX	 5				    /* a hyphen and four characters */
#define ID_ALPHABET	 "abcdefghijkmnpqrstuvwxyz23456789" /* 32; none looks like another */
#define ID_ALPHABET_MASK 31

/* The name's own letters and digits in lower case; a hyphen for each run of others. */
static size_t id_stem(const char *ep, char *ret_id, size_t max)
{
	size_t size = 0;

	for (; *ep && size < max; ep++) {
		char c = *ep >= 'A' && *ep <= 'Z' ? (char)(*ep - 'A' + 'a') : *ep;

		if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
			ret_id[size++] = c;
		else if (size > 0 && ret_id[size - 1] != '-')
			ret_id[size++] = '-';
	}
	if (size > 0 && ret_id[size - 1] == '-')
		size--;
	return size;
}

void registry_make_id(
	const struct registry *registry, const char *ep, char ret_id[DEVICE_ID_MAX + 1])
{
	size_t stem = id_stem(ep, ret_id, DEVICE_ID_MAX - ID_SUFFIX);
	uint8_t bytes[ID_SUFFIX - 1];

	if (stem == 0) {
		stem = strlen("device");
		memcpy(ret_id, "device", stem);
	}
	ret_id[stem] = '-';
	ret_id[stem + ID_SUFFIX] = '\0';
	do {
		random_bytes(bytes, sizeof(bytes));
		for (size_t i = 0; i < sizeof(bytes); i++)
			ret_id[stem + 1 + i] = ID_ALPHABET[bytes[i] & ID_ALPHABET_MASK];
	} while (registry_by_id(registry, ret_id));
}
