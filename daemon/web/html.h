/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Writes HTML. Everything that is handed in as an argument is escaped; only the format, which is a
 * literal of ours, goes out as it stands. So no name of a device becomes markup, whatever it holds.
 * Errors stick: write everything, ask once at the end.
 */

#include <stddef.h>

struct html {
	char *text; /* NUL-terminated, or NULL */
	size_t size, capacity;
	int error; /* 0, -ENOMEM, or -EFBIG beyond HTML_MAX */
};

#define HTML_MAX (4u << 20)

/*
 * printf with %s (escaped, also inside double-quoted attributes; NULL writes nothing), %d, %u,
 * %lld, %llu and %%. No width, no precision.
 */
void html_put(struct html *html, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Markup of ours that a caller hands in: never anything from outside. */
void html_put_markup(struct html *html, const char *markup);
/* A part of an address: everything but letters, digits and "-._~" as %XX. */
void html_put_segment(struct html *html, const char *text);
/* The text, to be freed by the caller, or NULL after an error; leaves an empty writer. */
char *html_steal(struct html *html, size_t *ret_size);
void html_clear(struct html *html);
