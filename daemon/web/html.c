/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Control characters other than tab and line feed have no place in HTML and become U+FFFD, as do
 * the bidirectional controls, which could show a name otherwise than it is.
 */

#include "web/html.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 4096
#define REPLACEMENT    "\xef\xbf\xbd"

static bool reserve(struct html *html, size_t more)
{
	size_t capacity = html->capacity ? html->capacity : FIRST_CAPACITY;
	char *text;

	if (html->error)
		return false;
	if (more > HTML_MAX - html->size) {
		html->error = -EFBIG;
		return false;
	}
	while (capacity < html->size + more + 1)
		capacity *= 2;
	if (capacity == html->capacity)
		return true;
	text = realloc(html->text, capacity);
	if (!text) {
		html->error = -ENOMEM;
		return false;
	}
	html->text = text;
	html->capacity = capacity;
	return true;
}

static void put_raw(struct html *html, const char *text, size_t size)
{
	if (!reserve(html, size))
		return;
	memcpy(html->text + html->size, text, size);
	html->size += size;
	html->text[html->size] = 0;
}

/* Length of the bidirectional control or line separator (U+2028 to U+202E, U+2066 to U+2069) here,
 * or 0. */
static size_t bidi_control(const char *text)
{
	const unsigned char *at = (const unsigned char *)text;

	if (at[0] != 0xe2 || at[1] == 0)
		return 0;
	if (at[1] == 0x80 && at[2] >= 0xa8 && at[2] <= 0xae)
		return 3;
	return at[1] == 0x81 && at[2] >= 0xa6 && at[2] <= 0xa9 ? 3 : 0;
}

static const char *entity(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default: /* a character, not an enum of ours */
		if (((unsigned char)c < 0x20 && c != '\n' && c != '\t') || c == 0x7f)
			return REPLACEMENT;
		return NULL;
	}
}

static void put_escaped(struct html *html, const char *text)
{
	const char *plain = text;

	while (*text) {
		const char *instead = entity(*text);
		size_t size = 1;

		if (!instead) {
			size = bidi_control(text);
			instead = REPLACEMENT;
		}
		if (size == 0) {
			text++;
			continue;
		}
		put_raw(html, plain, (size_t)(text - plain));
		put_raw(html, instead, strlen(instead));
		text += size;
		plain = text;
	}
	put_raw(html, plain, (size_t)(text - plain));
}

/* Writes one directive that stands behind '%'; returns what follows it. */
static const char *put_directive(struct html *html, const char *directive, va_list *arguments)
{
	char number[24];
	bool wide = strncmp(directive, "ll", 2) == 0;
	const char *kind = wide ? directive + 2 : directive;
	const char *text;

	number[0] = 0;
	if (*kind == 's' && !wide) {
		text = va_arg(*arguments, const char *);
		put_escaped(html, text ? text : "");
	} else if (*kind == 'd' && wide) {
		snprintf(number, sizeof(number), "%lld", va_arg(*arguments, long long));
	} else if (*kind == 'u' && wide) {
		snprintf(number, sizeof(number), "%llu", va_arg(*arguments, unsigned long long));
	} else if (*kind == 'd') {
		snprintf(number, sizeof(number), "%d", va_arg(*arguments, int));
	} else if (*kind == 'u') {
		snprintf(number, sizeof(number), "%u", va_arg(*arguments, unsigned));
	} else if (*kind == '%' && !wide) {
		put_raw(html, "%", 1);
	} else {
		html->error = -EINVAL;
		return "";
	}
	put_raw(html, number, strlen(number));
	return kind + 1;
}

void html_put(struct html *html, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	while (*format) {
		size_t plain = strcspn(format, "%");

		put_raw(html, format, plain);
		format += plain;
		if (*format == '%')
			format = put_directive(html, format + 1, &arguments);
	}
	va_end(arguments);
}

void html_put_markup(struct html *html, const char *markup)
{
	put_raw(html, markup, strlen(markup));
}

static bool is_unreserved(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '.' || c == '_' || c == '~';
}

void html_put_segment(struct html *html, const char *text)
{
	for (; text && *text; text++) {
		char escaped[4];

		if (is_unreserved(*text)) {
			put_raw(html, text, 1);
			continue;
		}
		snprintf(escaped, sizeof(escaped), "%%%02X", (unsigned char)*text);
		put_raw(html, escaped, 3);
	}
}

char *html_steal(struct html *html, size_t *ret_size)
{
	char *text = NULL;

	put_raw(html, "", 0); /* an empty page is a text, too */
	if (!html->error) {
		text = html->text;
		*ret_size = html->size;
		html->text = NULL;
	}
	html_clear(html);
	return text;
}

void html_clear(struct html *html)
{
	free(html->text);
	*html = (struct html){0};
}
