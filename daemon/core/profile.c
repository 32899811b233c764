/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A profile file goes the way of the configuration: our own look at its syntax with lines, the
 * parse, the table's word on each value, and then what only the keys together can show.
 */

#include "core/profile.h"

#include <confuse.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "base/cleanup.h"
#include "base/files.h"
#include "core/config-check.h"
#include "core/config-read.h"
#include "core/config-value.h"
#include "core/reading.h"

#define KEYS_MAX	 16
#define PROFILE_FILE_MAX 65536
#define MESSAGE_SIZE	 768
#define SUFFIX		 ".conf"

DEFINE_CLEANUP(cfg_t *, cfg_free, cleanup_cfg)

/* In the order of the table's words. */
static const int profile_formats[] = {FORMAT_NONE, FORMAT_TEXT, FORMAT_SENML_JSON,
	FORMAT_SENML_CBOR, FORMAT_JSON, FORMAT_CBOR, FORMAT_OPAQUE};

struct reader {
	const char *path;
	config_message_fn message;
	void *userdata;
	cfg_t *cfg;
	const struct config_key *keys;
	size_t count;
	struct config_mark marks[KEYS_MAX * PROFILE_READS_MAX];
	struct profile profile;
	int result;
};

static void say(struct reader *reader, unsigned line, const char *text)
{
	char sentence[MESSAGE_SIZE];

	snprintf(sentence, sizeof(sentence), "%.250s:%u: %s", reader->path, line, text);
	reader->message(reader->userdata, LOG_ERR, sentence);
	if (reader->result == 0)
		reader->result = -EINVAL;
}

bool profile_pattern_fits(const char *pattern, struct span text)
{
	const char *star = NULL;
	size_t at = 0, back = 0;

	/* The last '*' takes one character more whenever the rest does not fit: no recursion. */
	while (at < text.size) {
		if (*pattern == '*') {
			star = pattern++;
			back = at;
		} else if (*pattern && (uint8_t)*pattern == text.data[at]) {
			pattern++;
			at++;
		} else if (star) {
			pattern = star + 1;
			at = ++back;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

/* ---- one file ---- */

/* How often a section stands in the file, as far as it sets anything. */
static unsigned occurrences(const struct reader *reader, const char *section)
{
	unsigned found = 0;

	for (size_t i = 0; i < reader->count; i++)
		for (unsigned n = 0; n < PROFILE_READS_MAX; n++)
			if (!strcmp(reader->keys[i].section, section) &&
				reader->marks[i * PROFILE_READS_MAX + n].line && n + 1 > found)
				found = n + 1;
	return found;
}

static unsigned first_line(const struct reader *reader, const char *section, unsigned occurrence)
{
	unsigned first = 0;

	for (size_t i = 0; i < reader->count; i++) {
		unsigned line = reader->marks[i * PROFILE_READS_MAX + occurrence].line;

		if (!strcmp(reader->keys[i].section, section) && line && (!first || line < first))
			first = line;
	}
	return first ? first : 1;
}

static void read_section(
	struct reader *reader, const char *section, unsigned occurrence, void *values)
{
	char why[CONFIG_WHY_SIZE], text[MESSAGE_SIZE / 2 + 64];

	for (size_t i = 0; i < reader->count; i++) {
		const struct config_key *key = &reader->keys[i];
		unsigned line = reader->marks[i * PROFILE_READS_MAX + occurrence].line;
		int r;

		if (strcmp(key->section, section))
			continue;
		config_value_default(key, values);
		if (!line)
			continue;
		r = config_read_value(reader->cfg, key, occurrence, values, why);
		if (r < 0) {
			snprintf(text, sizeof(text), "%s.%s: %s", section, key->key,
				r == -EINVAL ? why : strerror(-r));
			say(reader, line, text);
		}
	}
}

static void read_once(struct reader *reader, const char *section)
{
	char text[80];

	if (occurrences(reader, section) > 1) {
		snprintf(text, sizeof(text), "%s: a second section; allowed: one", section);
		say(reader, first_line(reader, section, 1), text);
	}
	read_section(reader, section, 0, &reader->profile);
}

static void read_reads(struct reader *reader)
{
	unsigned count = occurrences(reader, "read");

	if (count == 0)
		say(reader, 1, "no section read with a path; allowed: 1 to 8");
	for (unsigned n = 0; n < count; n++) {
		struct profile_read *read = &reader->profile.read[n];

		read_section(reader, "read", n, read);
		read->format = profile_formats[read->format];
		if (!read->path[0])
			say(reader, first_line(reader, "read", n), "read.path: missing");
		for (unsigned other = 0; other < n; other++)
			if (read->path[0] && !strcmp(read->path, reader->profile.read[other].path))
				say(reader, first_line(reader, "read", n),
					"read.path: another section reads it already");
	}
	reader->profile.read_count = count;
}

static void name_after_file(const char *path, char ret_name[PROFILE_TEXT_MAX + 1])
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	size_t size = strlen(name);

	if (size > strlen(SUFFIX) && !strcmp(name + size - strlen(SUFFIX), SUFFIX))
		size -= strlen(SUFFIX);
	span_to_safe_text(span_of(name, size), ret_name, PROFILE_TEXT_MAX + 1);
}

int profile_read_text(const char *path, char *text, size_t size, config_message_fn message,
	void *userdata, struct profile *ret_profile)
{
	CLEANUP(cleanup_free) struct reader *reader = calloc(1, sizeof(*reader));
	struct config_grammar grammar = {.repeats = PROFILE_READS_MAX};
	int r;

	if (!reader)
		return -ENOMEM;
	grammar.keys = reader->keys = profile_keys(&reader->count);
	grammar.count = reader->count;
	reader->path = path;
	reader->message = message;
	reader->userdata = userdata;
	r = config_check(&grammar, path, text, size, message, userdata, reader->marks);
	if (r < 0)
		return r;
	CLEANUP(cleanup_cfg) cfg_t *cfg = NULL;
	r = config_parse(&grammar, text, size, &cfg);
	if (r < 0) {
		say(reader, 1, "it cannot be parsed");
		return r;
	}
	reader->cfg = cfg;
	name_after_file(path, reader->profile.file);
	read_once(reader, "match");
	read_once(reader, "device");
	read_reads(reader);
	if (!reader->profile.rt.count && !reader->profile.interface.count &&
		!reader->profile.path.count && !reader->profile.ep.count)
		say(reader, 1, "match: it says nothing; allowed: at least one of rt, if, path, ep");
	if (reader->result < 0)
		return reader->result;
	*ret_profile = reader->profile;
	return 0;
}

int profile_read_file(
	const char *path, config_message_fn message, void *userdata, struct profile *ret_profile)
{
	CLEANUP(cleanup_free) uint8_t *data = NULL;
	char text[MESSAGE_SIZE];
	size_t size;
	int r = file_read(AT_FDCWD, path, PROFILE_FILE_MAX, &data, &size);

	if (r < 0) {
		snprintf(text, sizeof(text), "%.250s:1: the file cannot be read: %s", path,
			r == -EFBIG ? "more than 64 KiB" : strerror(-r));
		message(userdata, LOG_ERR, text);
		return r;
	}
	return profile_read_text(path, (char *)data, size, message, userdata, ret_profile);
}

/* ---- the directory ---- */

static int is_profile(const struct dirent *entry)
{
	size_t size = strlen(entry->d_name);

	return entry->d_name[0] != '.' && size > strlen(SUFFIX) &&
	       !strcmp(entry->d_name + size - strlen(SUFFIX), SUFFIX);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static void free_entries(struct dirent **entries, int count)
{
	for (int i = 0; i < count; i++)
		free(entries[i]);
	free(entries);
}

int profiles_load(const char *directory, bool strict, config_message_fn message, void *userdata,
	struct profiles **ret)
{
	CLEANUP(cleanup_free) struct profiles *profiles = calloc(1, sizeof(*profiles));
	struct dirent **entries = NULL;
	char path[512];
	int count, result = 0;

	if (!profiles)
		return -ENOMEM;
	count = scandir(directory, &entries, is_profile, by_name);
	if (count < 0 && errno != ENOENT) {
		result = -errno;
		snprintf(path, sizeof(path), "%.250s:1: the directory cannot be read", directory);
		message(userdata, LOG_ERR, path);
	}
	for (int i = 0; i < count; i++) {
		int r = -E2BIG;

		snprintf(path, sizeof(path), "%.240s/%s", directory, entries[i]->d_name);
		if (profiles->count < PROFILES_MAX)
			r = profile_read_file(
				path, message, userdata, &profiles->item[profiles->count]);
		else
			message(userdata, LOG_ERR, "Too many device profiles; allowed: 64.");
		if (r >= 0)
			profiles->count++;
		else if (result == 0)
			result = r;
		if (r == -E2BIG)
			break;
	}
	free_entries(entries, count > 0 ? count : 0);
	if (strict && result < 0)
		return result;
	*ret = STEAL(profiles);
	return 0;
}
