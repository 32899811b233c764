/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* CBOR as a person can read it: bytes in hexadecimal, text in quotes, spaces as one likes:
 * "81 a2 00 61't' 02 01". For tests only: the text is trusted. */

#include <stdint.h>
#include <stdio.h>

#include "base/span.h"

/* Writes to ret_bytes (large enough) and returns what was written as a span. */
static inline struct span notation_read(const char *text, uint8_t *ret_bytes)
{
	size_t size = 0;

	for (; *text; text++) {
		unsigned value = 0;

		if (*text == ' ')
			continue;
		if (*text == '\'') {
			while (*++text != '\'')
				ret_bytes[size++] = (uint8_t)*text;
			continue;
		}
		sscanf(text++, "%2x", &value);
		ret_bytes[size++] = (uint8_t)value;
	}
	return span_of(ret_bytes, size);
}
