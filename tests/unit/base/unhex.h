/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Published vectors are in hexadecimal. For tests only: the text is trusted. */

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/span.h"

/* Writes the bytes of 'text' to ret_bytes (large enough) and returns them as a span. */
static inline struct span unhex(const char *text, uint8_t *ret_bytes)
{
	size_t size = strlen(text) / 2;

	for (size_t i = 0; i < size; i++) {
		unsigned value = 0;

		sscanf(text + 2 * i, "%2x", &value);
		ret_bytes[i] = (uint8_t)value;
	}
	return span_of(ret_bytes, size);
}
