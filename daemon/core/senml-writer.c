/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of a SenML pack in its upstream form: minimal JSON, in a buffer of fixed size. Numbers
 * are written so that they read back as the same double with the fewest digits; a locale may have
 * any bytes as its decimal point, so whatever printf() writes between the digits becomes a point.
 */

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/senml.h"

/* Below this a whole number has at most 15 digits, which a double always keeps. */
#define WHOLE_MAX 1e15

void senml_put(struct senml_writer *writer, const char *text, size_t size)
{
	if (writer->full || size > sizeof(writer->text) - writer->size) {
		writer->full = true;
		return;
	}
	memcpy(writer->text + writer->size, text, size);
	writer->size += size;
}

void senml_put_string(struct senml_writer *writer, const char *text)
{
	const char *plain = text; /* start of what needs no escape */
	char escape[8];

	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		senml_put(writer, plain, (size_t)(text - plain));
		plain = text + 1;
		if (c < 0x20)
			snprintf(escape, sizeof(escape), "\\u%04x", (unsigned)c);
		else
			snprintf(escape, sizeof(escape), "\\%c", c);
		senml_put(writer, escape, strlen(escape));
	}
	senml_put(writer, plain, (size_t)(text - plain));
}

static bool is_number_byte(char c)
{
	return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == 'e';
}

/* Every run of other bytes is the locale's decimal point. */
static void point_normalise(char *text)
{
	char *to = text;
	bool inside = false;

	for (const char *from = text; *from; from++) {
		if (is_number_byte(*from)) {
			*to++ = *from;
			inside = false;
		} else if (!inside) {
			*to++ = '.';
			inside = true;
		}
	}
	*to = '\0';
}

/*
 * Nearly all that is measured has at most six decimals: then the value is a whole number of
 * millionths, divided (and correctly rounded) by a million, and with at most 15 digits no other
 * decimal text of that length reads back as the same double. False for all other values.
 */
static bool millionths_format(double value, char *ret_text)
{
	double millionths = rint(value * 1e6);
	int length;

	if (!(fabs(millionths) < WHOLE_MAX) || millionths / 1e6 != value)
		return false;
	length = snprintf(ret_text, 32, "%s%" PRIu64 ".%06" PRIu64, value < 0 ? "-" : "",
		(uint64_t)fabs(millionths) / 1000000, (uint64_t)fabs(millionths) % 1000000);
	while (ret_text[length - 1] == '0')
		ret_text[--length] = '\0';
	if (ret_text[length - 1] == '.')
		ret_text[--length] = '\0';
	return true;
}

const char *senml_number_format(const struct senml_number *number, char *ret_text)
{
	double value = number->value;

	if (number->whole) {
		snprintf(ret_text, 32, "%" PRId64, number->integer);
		return ret_text;
	}
	if (millionths_format(value, ret_text))
		return ret_text;
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(ret_text, 32, "%.*g", digits, value);
		if (strtod(ret_text, NULL) == value)
			break;
	}
	point_normalise(ret_text);
	return ret_text;
}

void senml_put_number(
	struct senml_writer *writer, const char *key, const struct senml_number *number)
{
	char text[32];

	senml_put(writer, ",\"", 2);
	senml_put(writer, key, strlen(key));
	senml_put(writer, "\":", 2);
	senml_number_format(number, text);
	senml_put(writer, text, strlen(text));
}
