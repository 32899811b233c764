/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A reader for the link lists of devices: Link-Value *( "," Link-Value ) of RFC 6690 section 2,
 * read from left to right without going back. It is stricter than needed where a foreign text could
 * do harm (control characters, endless lists) and no stricter elsewhere: attributes that we do not
 * know are read over, with their value quoted or not.
 */

#include "lan/linkformat.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "core/reading.h"

#define TEXT_MAX 4096

struct scanner {
	struct span rest;
};

static int peek(const struct scanner *scanner)
{
	return scanner->rest.size > 0 ? scanner->rest.data[0] : -1;
}

static void skip(struct scanner *scanner, size_t count)
{
	scanner->rest.data += count;
	scanner->rest.size -= count;
}

static bool take(struct scanner *scanner, char wanted)
{
	if (peek(scanner) != wanted)
		return false;
	skip(scanner, 1);
	return true;
}

/* Not in the grammar, but devices write it between links and attributes. */
static void skip_space(struct scanner *scanner)
{
	while (peek(scanner) == ' ' || peek(scanner) == '\n' || peek(scanner) == '\r' ||
		peek(scanner) == '\t')
		skip(scanner, 1);
}

/* <target>; the text between the brackets. */
static int target_read(struct scanner *scanner, struct span *ret_target)
{
	if (!take(scanner, '<'))
		return -EBADMSG;
	const uint8_t *end = memchr(scanner->rest.data, '>', scanner->rest.size);
	if (!end)
		return -EBADMSG;
	*ret_target = span_of(scanner->rest.data, (size_t)(end - scanner->rest.data));
	skip(scanner, ret_target->size + 1);
	return span_is_printable(*ret_target) ? 0 : -EBADMSG;
}

/* "..." with backslash before any character. Keeps the value as it stands when it has none. */
static int quoted_read(struct scanner *scanner, struct span *ret_value)
{
	struct span value = scanner->rest;

	for (size_t i = 0; i < value.size; i++) {
		if (value.data[i] == '\\') {
			i++;
		} else if (value.data[i] == '"') {
			*ret_value = span_of(value.data, i);
			skip(scanner, i + 1);
			return 0;
		}
	}
	return -EBADMSG;
}

static struct span word_read(struct scanner *scanner, const char *ends)
{
	size_t size = 0;

	while (size < scanner->rest.size && !strchr(ends, scanner->rest.data[size]))
		size++;
	struct span word = span_of(scanner->rest.data, size);
	skip(scanner, size);
	return word;
}

/* The number of one format; -1 for anything but digits. *ret_size is how many bytes it takes. */
static int format_word(struct span value, size_t *ret_size)
{
	int number = 0;
	size_t digits = 0;

	for (; digits < value.size && digits < 6 && value.data[digits] != ' '; digits++) {
		if (value.data[digits] < '0' || value.data[digits] > '9')
			return -1;
		number = number * 10 + (value.data[digits] - '0');
	}
	*ret_size = digits;
	return digits > 0 && number <= UINT16_MAX ? number : -1;
}

/* The first of several, separated by space; but where JSON stands before CBOR, CBOR is meant: maps
 * are in JSON for who says that alone. */
static int format_read(struct span value)
{
	size_t size = 0;
	int first = format_word(value, &size), next = first;

	while (first == FORMAT_JSON && next >= 0 && next != FORMAT_CBOR && size < value.size) {
		value = span_of(value.data + size + 1, value.size - size - 1);
		next = format_word(value, &size);
	}
	return next == FORMAT_CBOR ? next : first;
}

/* The first of each counts (RFC 6690 section 2 forbids others). */
static int attribute_keep(
	struct link_list *list, struct link_entry *entry, struct span name, struct span value)
{
	if (span_equal(name, SPAN_LITERAL("ep"))) {
		if (!list->ep[0] && span_is_printable(value))
			span_to_string(value, list->ep, sizeof(list->ep));
		return 0;
	}
	if (span_equal(name, SPAN_LITERAL("obs"))) {
		entry->observable = true;
		return 0;
	}
	if (span_equal(name, SPAN_LITERAL("ct")) && entry->content_format < 0) {
		entry->content_format = format_read(value);
		return 0;
	}
	char *field = NULL;
	if (span_equal(name, SPAN_LITERAL("rt")))
		field = entry->rt;
	else if (span_equal(name, SPAN_LITERAL("if")))
		field = entry->interface;
	if (!field || field[0])
		return 0;
	if (!span_is_printable(value))
		return -EBADMSG;
	return span_to_string(value, field, sizeof(entry->rt)) < 0 ? -EMSGSIZE : 0;
}

static int attribute_read(struct scanner *scanner, struct link_list *list, struct link_entry *entry)
{
	struct span value = {NULL, 0};

	skip_space(scanner);
	struct span name = word_read(scanner, "=;, \"<>");
	if (name.size == 0)
		return -EBADMSG;
	if (take(scanner, '=')) {
		if (!take(scanner, '"')) {
			value = word_read(scanner, ";, \"<>");
		} else {
			int r = quoted_read(scanner, &value);
			if (r < 0)
				return r;
		}
	}
	return attribute_keep(list, entry, name, value);
}

/* A path of this very device: "/a/b", or "a/b" which is the same here because the list stands at
 * the root. "//host", "coap://host" and paths with a dot segment lead elsewhere. 1: keep. */
static int target_keep(struct link_entry *entry, struct span target)
{
	char text[sizeof(entry->path)];
	bool absolute = target.size > 0 && target.data[0] == '/';

	if (target.size + !absolute >= sizeof(text))
		return -EMSGSIZE;
	text[0] = '/';
	memcpy(text + !absolute, target.data, target.size);
	text[target.size + !absolute] = '\0';
	size_t path_size = strcspn(text, "?#");
	const char *colon = memchr(text, ':', path_size);
	const char *slash = memchr(text + 1, '/', path_size > 0 ? path_size - 1 : 0);
	if (text[1] == '/' || (!absolute && colon && (!slash || colon < slash)))
		return 0;
	for (const char *at = text; at < text + path_size; at++) {
		if (at[0] != '/' || at[1] != '.')
			continue;
		const char *end = at[2] == '.' ? at + 3 : at + 2;
		if (end == text + path_size || *end == '/')
			return 0;
	}
	memcpy(entry->path, text, sizeof(entry->path));
	return 1;
}

static int link_read(struct scanner *scanner, struct link_list *list)
{
	struct link_entry entry = {.content_format = -1};
	struct span target;
	int r = target_read(scanner, &target);

	if (r < 0)
		return r;
	skip_space(scanner);
	while (take(scanner, ';')) {
		r = attribute_read(scanner, list, &entry);
		if (r < 0)
			return r;
		skip_space(scanner);
	}
	r = target_keep(&entry, target);
	if (r <= 0)
		return r;
	if (list->count == LINKS_MAX)
		return -EMSGSIZE;
	list->entry[list->count++] = entry;
	return 0;
}

int link_list_parse(struct span text, struct link_list *ret_list)
{
	struct scanner scanner = {.rest = text};
	size_t links = 0;

	if (text.size > TEXT_MAX)
		return -EMSGSIZE;
	struct link_list *list CLEANUP(cleanup_free) = calloc(1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	skip_space(&scanner);
	while (scanner.rest.size > 0) {
		int r = links++ < LINKS_MAX ? link_read(&scanner, list) : -EMSGSIZE;
		if (r < 0)
			return r;
		skip_space(&scanner);
		if (scanner.rest.size == 0)
			break;
		if (!take(&scanner, ','))
			return -EBADMSG;
		skip_space(&scanner);
		if (scanner.rest.size == 0)
			return -EBADMSG;
	}
	*ret_list = *list;
	return 0;
}

static bool has_word(const char *text, const char *word)
{
	size_t size = strlen(word);

	while (*text) {
		size_t length = strcspn(text, " ");
		if (length == size && memcmp(text, word, size) == 0)
			return true;
		text += length + strspn(text + length, " ");
	}
	return false;
}

const struct link_entry *link_list_by_rt(const struct link_list *list, const char *rt)
{
	for (size_t i = 0; i < list->count; i++)
		if (has_word(list->entry[i].rt, rt))
			return &list->entry[i];
	return NULL;
}

const struct link_entry *link_list_by_interface(const struct link_list *list, const char *interface)
{
	for (size_t i = 0; i < list->count; i++)
		if (has_word(list->entry[i].interface, interface))
			return &list->entry[i];
	return NULL;
}
