/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Bytes with their length. Everything that comes from outside travels as a span, never as a C
 * string: a span may hold NUL, and nobody measures it a second time. A span owns nothing.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
	const uint8_t *data;
	size_t size;
};

#define SPAN_LITERAL(text) ((struct span){(const uint8_t *)(text), sizeof(text) - 1})

static inline struct span span_of(const void *data, size_t size)
{
	return (struct span){data, size};
}

/* The bytes of a C string without its NUL; NULL gives an empty span. */
static inline struct span span_from_string(const char *text)
{
	return text ? (struct span){(const uint8_t *)text, strlen(text)} : (struct span){NULL, 0};
}

bool span_equal(struct span a, struct span b);

/* Copies into a C string of 'capacity' bytes (NUL included). -EMSGSIZE when it does not fit,
 * -EILSEQ when it holds a NUL; the target is untouched then. */
int span_to_string(struct span span, char *ret_text, size_t capacity);

/* Heap copy with a NUL appended (not counted). NULL on lack of memory. */
char *span_dup(struct span span);

/* True when every byte is printable ASCII (0x20 to 0x7e). */
bool span_is_printable(struct span span);

/* True when the bytes are valid UTF-8 without control characters (C0, C1, DEL), line separators and
 * bidirectional controls (U+2028 to U+202E, U+2066 to U+2069). */
bool span_is_clean_text(struct span span);

/*
 * Writes foreign text so that it can stand in a log, a terminal or one line of a file: what
 * span_is_clean_text() objects to becomes '\xNN'; too long text ends in "...". Always
 * NUL-terminated. Returns ret_text.
 */
const char *span_to_safe_text(struct span span, char *ret_text, size_t capacity);
