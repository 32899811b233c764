/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One buffer holds the decoded text: decoding never makes it longer, so it happens in place, and
 * the fields point into it.
 */

#include "web/form.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/crypto.h"

struct field {
	const char *name;
	const char *value;
};

struct form {
	struct field field[FORM_FIELDS_MAX];
	unsigned count;
	size_t size;
	char text[]; /* size + 1 bytes */
};

DEFINE_CLEANUP(struct form *, form_free, cleanup_form)

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static bool is_clean_lines(const char *text, size_t size)
{
	while (size > 0) {
		const char *end = memchr(text, '\n', size);
		size_t line = end ? (size_t)(end - text) : size, clean = line;

		if (clean > 0 && text[clean - 1] == '\r')
			clean--;
		if (!span_is_clean_text(span_of(text, clean)))
			return false;
		text += line + (end != NULL);
		size -= line + (end != NULL);
	}
	return true;
}

/* Decodes text[0..size) in place and ends it with NUL (there is room for it: a separator or the
 * last byte). */
static int decode(char *text, size_t size, bool lines)
{
	size_t out = 0;

	for (size_t in = 0; in < size; in++) {
		char c = text[in];

		if (c == '+') {
			c = ' ';
		} else if (c == '%') {
			int high = in + 1 < size ? hex_digit(text[in + 1]) : -1;
			int low = in + 2 < size ? hex_digit(text[in + 2]) : -1;

			if (high < 0 || low < 0)
				return -EINVAL;
			c = (char)(high * 16 + low);
			in += 2;
		}
		text[out++] = c;
	}
	if (lines ? !is_clean_lines(text, out) : !span_is_clean_text(span_of(text, out)))
		return -EINVAL;
	text[out] = 0;
	return 0;
}

static int add_field(struct form *form, char *text, size_t size)
{
	char *equals = memchr(text, '=', size);
	size_t name_size = equals ? (size_t)(equals - text) : size;
	char *value = equals ? equals + 1 : text + size;
	int r;

	if (form->count == FORM_FIELDS_MAX)
		return -E2BIG;
	r = decode(text, name_size, false);
	if (r < 0)
		return r;
	r = decode(value, equals ? size - name_size - 1 : 0, !strcmp(text, FORM_LINES));
	if (r < 0)
		return r;
	if (form_value(form, text))
		return -EINVAL;
	form->field[form->count++] = (struct field){.name = text, .value = value};
	return 0;
}

int form_parse(struct span text, struct form **ret)
{
	CLEANUP(cleanup_form) struct form *form = calloc(1, sizeof(*form) + text.size + 1);
	size_t begin = 0;

	if (!form)
		return -ENOMEM;
	form->size = text.size;
	if (text.size > 0)
		memcpy(form->text, text.data, text.size);
	while (begin < text.size) {
		char *field = form->text + begin;
		char *end = memchr(field, '&', text.size - begin);
		size_t size = end ? (size_t)(end - field) : text.size - begin;

		if (size > 0) {
			int r = add_field(form, field, size);

			if (r < 0)
				return r;
		}
		begin += size + 1;
	}
	*ret = STEAL(form);
	return 0;
}

struct form *form_free(struct form *form)
{
	if (form) {
		crypto_wipe(form->text, form->size + 1);
		free(form);
	}
	return NULL;
}

const char *form_value(const struct form *form, const char *name)
{
	for (unsigned i = 0; form && i < form->count; i++)
		if (strcmp(form->field[i].name, name) == 0)
			return form->field[i].value;
	return NULL;
}

unsigned form_count(const struct form *form)
{
	return form ? form->count : 0;
}

bool form_field(
	const struct form *form, unsigned index, const char **ret_name, const char **ret_value)
{
	if (!form || index >= form->count)
		return false;
	*ret_name = form->field[index].name;
	*ret_value = form->field[index].value;
	return true;
}

void form_keep(struct form *form, const char *const *names)
{
	unsigned kept = 0;

	for (unsigned i = 0; form && i < form->count; i++) {
		struct field field = form->field[i];
		const char *const *name = names;

		while (*name && strcmp(*name, field.name) != 0)
			name++;
		if (*name)
			form->field[kept++] = field;
		else
			crypto_wipe((void *)(uintptr_t)field.value, strlen(field.value));
	}
	if (form)
		form->count = kept;
}
