/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One walk over foreign text serves both the check (span_is_clean_text) and the rewriting
 * (span_to_safe_text): clean_length() says how many bytes at the front form one character that may
 * be shown as it is. Zero means that the byte at the front may not, for whatever reason, so the two
 * functions cannot disagree about what is harmless.
 */

#include "base/span.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

bool span_equal(struct span a, struct span b)
{
	return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

int span_to_string(struct span span, char *ret_text, size_t capacity)
{
	if (span.size >= capacity)
		return -EMSGSIZE;
	if (span.size > 0) {
		if (memchr(span.data, 0, span.size))
			return -EILSEQ;
		memcpy(ret_text, span.data, span.size);
	}
	ret_text[span.size] = 0;
	return 0;
}

char *span_dup(struct span span)
{
	char *text = malloc(span.size + 1);

	if (!text)
		return NULL;
	if (span.size > 0)
		memcpy(text, span.data, span.size);
	text[span.size] = 0;
	return text;
}

bool span_is_printable(struct span span)
{
	for (size_t i = 0; i < span.size; i++)
		if (span.data[i] < 0x20 || span.data[i] > 0x7e)
			return false;
	return true;
}

/* Line and paragraph separators break a line in many viewers; the bidirectional controls reorder
 * what stands after them, so that a name can pose as another one. */
static bool is_deceptive(uint32_t character)
{
	return (character >= 0x2028 && character <= 0x202e) ||
	       (character >= 0x2066 && character <= 0x2069);
}

/* The length that the first byte promises (RFC 3629), with the smallest character that may be
 * written so long; 0 for a byte that cannot stand first. */
static size_t promised_length(uint8_t first, uint32_t *ret_smallest, uint32_t *ret_bits)
{
	static const struct {
		uint8_t mask, lead;
		uint32_t smallest;
	} forms[] = {
		{0x80, 0x00, 0},
		{0xe0, 0xc0, 0x80},
		{0xf0, 0xe0, 0x800},
		{0xf8, 0xf0, 0x10000},
	};

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if ((first & forms[i].mask) != forms[i].lead)
			continue;
		*ret_smallest = forms[i].smallest;
		*ret_bits = first & (uint8_t)~forms[i].mask;
		return i + 1;
	}
	return 0;
}

/* Bytes of the harmless character at the front of data, 0 when there is none. size is above 0. */
static size_t clean_length(const uint8_t *data, size_t size)
{
	uint32_t smallest = 0, character = 0;
	size_t length = promised_length(data[0], &smallest, &character);

	if (length == 0 || length > size)
		return 0;
	for (size_t i = 1; i < length; i++) {
		if ((data[i] & 0xc0) != 0x80)
			return 0;
		character = character << 6 | (data[i] & 0x3f);
	}
	if (character < smallest || character > 0x10ffff ||
		(character >= 0xd800 && character <= 0xdfff))
		return 0;
	if (character < 0x20 || (character >= 0x7f && character <= 0x9f) || is_deceptive(character))
		return 0;
	return length;
}

bool span_is_clean_text(struct span span)
{
	for (size_t i = 0; i < span.size;) {
		size_t length = clean_length(span.data + i, span.size - i);

		if (length == 0)
			return false;
		i += length;
	}
	return true;
}

/* Ends the text with as many dots as fit behind 'at'. */
static void put_dots(char *text, size_t at, size_t capacity)
{
	size_t count = capacity - 1 - at < 3 ? capacity - 1 - at : 3;

	memset(text + at, '.', count);
	text[at + count] = 0;
}

const char *span_to_safe_text(struct span span, char *ret_text, size_t capacity)
{
	size_t used = 0, cut = 0; /* cut: the last place where the dots still fit */

	if (capacity == 0)
		return ret_text;
	for (size_t i = 0; i < span.size;) {
		size_t length = clean_length(span.data + i, span.size - i);
		size_t width = length > 0 ? length : 4;

		if (used + width >= capacity) {
			put_dots(ret_text, cut, capacity);
			return ret_text;
		}
		if (length > 0)
			memcpy(ret_text + used, span.data + i, length);
		else
			snprintf(ret_text + used, 5, "\\x%02x", span.data[i]);
		i += length > 0 ? length : 1;
		used += width;
		if (used + 3 < capacity)
			cut = used;
	}
	ret_text[used] = 0;
	return ret_text;
}
