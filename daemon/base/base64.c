/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text codes. Decoding is strict: each value has exactly one text (RFC 4648 3.5), so that a code,
 * token or nonce cannot come in two spellings. A text is checked as a whole before the first byte
 * is written.
 */

#include "base/base64.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const char alphabet_plain[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char alphabet_url[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

size_t hex_encode(struct span data, char *ret_text, size_t capacity)
{
	static const char digits[] = "0123456789abcdef";

	if (capacity == 0)
		return 0;
	if (data.size > (capacity - 1) / 2) {
		ret_text[0] = 0;
		return 0;
	}
	for (size_t i = 0; i < data.size; i++) {
		ret_text[2 * i] = digits[data.data[i] >> 4];
		ret_text[2 * i + 1] = digits[data.data[i] & 15];
	}
	ret_text[2 * data.size] = 0;
	return 2 * data.size;
}

static int hex_value(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int hex_decode(struct span text, uint8_t *ret_bytes, size_t size)
{
	if (text.size != 2 * size)
		return -EINVAL;
	for (size_t i = 0; i < size; i++) {
		int high = hex_value(text.data[2 * i]), low = hex_value(text.data[2 * i + 1]);

		if (high < 0 || low < 0)
			return -EINVAL;
		ret_bytes[i] = (uint8_t)(high << 4 | low);
	}
	return 0;
}

static char *encode(struct span data, const char *alphabet, bool padded)
{
	char *text = malloc((data.size / 3 + 1) * 4 + 1), *at = text;

	if (!text)
		return NULL;
	for (size_t i = 0; i < data.size; i += 3) {
		size_t left = data.size - i, count = left < 3 ? left : 3;
		uint32_t group = (uint32_t)data.data[i] << 16;

		if (left > 1)
			group |= (uint32_t)data.data[i + 1] << 8;
		if (left > 2)
			group |= data.data[i + 2];
		for (size_t k = 0; k <= count; k++)
			*at++ = alphabet[group >> (18 - 6 * k) & 63];
		for (size_t k = count; padded && k < 3; k++)
			*at++ = '=';
	}
	*at = 0;
	return text;
}

char *base64url_encode(struct span data)
{
	return encode(data, alphabet_url, false);
}

char *base64_encode(struct span data)
{
	return encode(data, alphabet_plain, true);
}

/* 0 to 63, or -1. */
static int digit_value(uint8_t character)
{
	const char *at = character ? strchr(alphabet_url, character) : NULL;

	return at ? (int)(at - alphabet_url) : -1;
}

static bool is_base64url(struct span text)
{
	static const int spare_mask[] = {0, 0, 15, 3}; /* by characters in the last group */

	if (text.size % 4 == 1)
		return false;
	for (size_t i = 0; i < text.size; i++)
		if (digit_value(text.data[i]) < 0)
			return false;
	return text.size == 0 ||
	       (digit_value(text.data[text.size - 1]) & spare_mask[text.size % 4]) == 0;
}

int base64url_decode(struct span text, uint8_t *ret_data, size_t capacity, size_t *ret_size)
{
	size_t size = text.size / 4 * 3 + (text.size % 4 > 0 ? text.size % 4 - 1 : 0);
	uint32_t group = 0;
	unsigned bits = 0;
	size_t used = 0;

	if (!is_base64url(text))
		return -EINVAL;
	if (size > capacity)
		return -EMSGSIZE;
	for (size_t i = 0; i < text.size; i++) {
		group = group << 6 | (uint32_t)digit_value(text.data[i]);
		bits += 6;
		if (bits < 8)
			continue;
		bits -= 8;
		ret_data[used++] = (uint8_t)(group >> bits);
	}
	*ret_size = used;
	return 0;
}
