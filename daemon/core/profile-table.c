/* SPDX-License-Identifier: Apache-2.0 */

/* The keys of a device profile, and what their values look like. 'match' and 'device' stand for
 * members of struct profile, 'read' for those of struct profile_read. */

#include <ctype.h>
#include <string.h>

#include "core/profile.h"
#include "core/reading.h"

bool read_path_fits(const char *path)
{
	size_t size = strcspn(path, "?");

	if (path[0] != '/' || path[1] == '/' || strchr(path, '#') ||
		!span_is_printable(span_from_string(path)) || strchr(path, ' '))
		return false;
	for (const char *at = path; at < path + size; at++) {
		const char *end = at + 1;

		if (*at != '/' || *end != '.')
			continue;
		end += end[1] == '.' ? 2 : 1;
		if (end >= path + size || *end == '/')
			return false;
	}
	return true;
}

bool read_name_fits(const char *name)
{
	if (!isalnum((unsigned char)name[0]))
		return false;
	for (; *name; name++)
		if (!isalnum((unsigned char)*name) && !strchr("-:./_", *name))
			return false;
	return true;
}

static bool pattern_fits(const char *text)
{
	return text[0] && span_is_printable(span_from_string(text));
}

static bool text_fits(const char *text)
{
	return span_is_clean_text(span_from_string(text));
}

static bool unit_fits(const char *text)
{
	return span_is_printable(span_from_string(text)) && !strchr(text, '"') &&
	       !strchr(text, '\\');
}

static const struct config_form pattern_form = {
	pattern_fits, "printable texts in which * stands for any characters"};
static const struct config_form path_form = {
	read_path_fits, "a path of the device such as \"/3303/0/5700\", without . and .. in it"};
static const struct config_form name_form = {
	read_name_fits, "letters, digits and - : . / _, first a letter or a digit"};
static const struct config_form text_form = {text_fits, "text without control characters"};
static const struct config_form unit_form = {
	unit_fits, "a unit of SenML such as \"Cel\", \"%RH\", \"Pa\""};

static const char *const observe_words[] = {"auto", "yes", "no", NULL};
/* In the order of profile_formats[]. */
static const char *const format_words[] = {
	"auto", "text", "senml-json", "senml-cbor", "json", "cbor", "opaque", NULL};

#define OF(struct_, member_) \
	.offset = offsetof(struct_, member_), .size = sizeof(((const struct_ *)NULL)->member_)

static const struct config_key table[] = {
	{"match", "rt", CONFIG_LIST, 0, CONFIG_LIST_MAX, "{ }", "", true,
		"Resource types, of which one link of the device has one.", NULL,
		OF(struct profile, rt), &pattern_form},
	{"match", "if", CONFIG_LIST, 0, CONFIG_LIST_MAX, "{ }", "", true,
		"Interface descriptions, of which one link of the device has one.", NULL,
		OF(struct profile, interface), &pattern_form},
	{"match", "path", CONFIG_LIST, 0, CONFIG_LIST_MAX, "{ }", "", true,
		"Paths, of which the device has one.", NULL, OF(struct profile, path),
		&pattern_form},
	{"match", "ep", CONFIG_LIST, 0, CONFIG_LIST_MAX, "{ }", "", true,
		"Endpoint names, of which the device's is one.", NULL, OF(struct profile, ep),
		&pattern_form},
	{"device", "model", CONFIG_STRING, 0, PROFILE_TEXT_MAX, "\"\"", "", true,
		"Model that is shown to who decides on the device.", NULL,
		OF(struct profile, model), &text_form},
	{"read", "path", CONFIG_PATH, 1, READ_PATH_MAX, "\"\"", "", true,
		"What is read; a query may follow after \"?\".", NULL,
		OF(struct profile_read, path), &path_form},
	{"read", "observe", CONFIG_ENUM, READ_OBSERVE_AUTO, READ_OBSERVE_NO, "auto", "", true,
		"Whether the device is asked to notify; auto: when its link says \"obs\".",
		observe_words, OF(struct profile_read, observe), NULL},
	{"read", "interval", CONFIG_UINT, 0, 86400, "0", "s", true,
		"Time between two reads where it does not notify. 0: lan.poll_interval.", NULL,
		OF(struct profile_read, interval), NULL},
	{"read", "format", CONFIG_ENUM, 0, 6, "auto", "", true,
		"Format of the answer where the device does not say it; auto: as its link says.",
		format_words, OF(struct profile_read, format), NULL},
	{"read", "name", CONFIG_STRING, 0, PROFILE_TEXT_MAX, "\"\"", "", true,
		"Name of a value that comes as bare text. Empty: made of the path.", NULL,
		OF(struct profile_read, name), &name_form},
	{"read", "unit", CONFIG_STRING, 0, READ_UNIT_MAX, "\"\"", "", true,
		"Unit of values that come without one.", NULL, OF(struct profile_read, unit),
		&unit_form},
};

const struct config_key *profile_keys(size_t *ret_count)
{
	*ret_count = sizeof(table) / sizeof(table[0]);
	return table;
}
