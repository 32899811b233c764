/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One file: our own check of its syntax, libconfuse's parse, then the table's word on each value.
 * libconfuse gets every key as text or list of texts without a default, and every section as one
 * that may come several times, because it would forget an earlier occurrence otherwise; the marks
 * of the check say in which occurrence a key was set last, and on which line.
 */

#include "core/config-read.h"

#include <confuse.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "base/cleanup.h"
#include "base/files.h"
#include "core/config-check.h"
#include "core/config-value.h"

#define SECTIONS_MAX 16
#define MESSAGE_SIZE 768

DEFINE_CLEANUP(cfg_t *, cfg_free, cleanup_cfg)
DEFINE_CLEANUP(FILE *, fclose, cleanup_file)

static void say(config_message_fn message, void *userdata, const char *path, unsigned line,
	const char *prefix, const char *text)
{
	char sentence[MESSAGE_SIZE];

	snprintf(sentence, sizeof(sentence), "%.250s:%u: %s%s", path, line, prefix, text);
	message(userdata, LOG_ERR, sentence);
}

/* The check has refused what libconfuse would complain about, with better words. */
static void ignore_error(cfg_t *cfg, const char *format, va_list list)
{
}

/* The sections and keys of the table in libconfuse's words: 'keys' holds the keys of all sections,
 * each run closed by CFG_END. */
static void describe(const struct config_grammar *grammar,
	cfg_opt_t keys[CONFIG_KEYS_MAX + SECTIONS_MAX], cfg_opt_t sections[SECTIONS_MAX])
{
	size_t used = 0, section = 0;
	const struct config_key *table = grammar->keys;

	for (size_t i = 0; i < grammar->count; i++) {
		if (i == 0 || strcmp(table[i].section, table[i - 1].section)) {
			if (i > 0)
				keys[used++] = (cfg_opt_t)CFG_END();
			sections[section++] =
				(cfg_opt_t)CFG_SEC(table[i].section, &keys[used], CFGF_MULTI);
		}
		keys[used++] = table[i].type == CONFIG_LIST
				       ? (cfg_opt_t)CFG_STR_LIST(table[i].key, NULL, CFGF_NODEFAULT)
				       : (cfg_opt_t)CFG_STR(table[i].key, NULL, CFGF_NODEFAULT);
	}
	keys[used] = (cfg_opt_t)CFG_END();
	sections[section] = (cfg_opt_t)CFG_END();
}

int config_parse(const struct config_grammar *grammar, char *text, size_t size, cfg_t **ret)
{
	CLEANUP(cleanup_file) FILE *stream = NULL;
	CLEANUP(cleanup_cfg) cfg_t *cfg = NULL;
	cfg_opt_t keys[CONFIG_KEYS_MAX + SECTIONS_MAX], sections[SECTIONS_MAX];
	int r;

	describe(grammar, keys, sections);
	cfg = cfg_init(sections, CFGF_NONE);
	if (!cfg)
		return -ENOMEM;
	cfg_set_error_function(cfg, ignore_error);
	if (size > 0) {
		stream = fmemopen(text, size, "r");
		if (!stream)
			return -errno;
		r = cfg_parse_fp(cfg, stream);
		if (r != CFG_SUCCESS)
			return -EINVAL;
	}
	*ret = STEAL(cfg);
	return 0;
}

int config_read_value(
	cfg_t *cfg, const struct config_key *key, unsigned occurrence, void *config, char *ret_why)
{
	cfg_t *section = cfg_getnsec(cfg, key->section, occurrence);
	const char *items[CONFIG_LIST_MAX + 1] = {NULL};
	size_t count = section ? cfg_size(section, key->key) : 0;

	/* One item too many is enough to be told so. */
	for (size_t i = 0; i < count && i < ELEMENTS(items); i++) {
		items[i] = cfg_getnstr(section, key->key, (unsigned)i);
		if (!items[i])
			return -ENOMEM;
	}
	return config_value_set(key, items, count, config, ret_why);
}

int config_read_text(const char *path, char *text, size_t size, config_message_fn message,
	void *userdata, struct config *config, struct config_origin *origins)
{
	CLEANUP(cleanup_cfg) cfg_t *cfg = NULL;
	struct config_mark marks[CONFIG_KEYS_MAX];
	char name[64], why[CONFIG_WHY_SIZE];
	size_t count;
	const struct config_key *table = config_keys(&count);
	const struct config_grammar grammar = {.keys = table, .count = count};
	int r, result = 0;

	r = config_check(&grammar, path, text, size, message, userdata, marks);
	if (r < 0)
		return r;
	r = config_parse(&grammar, text, size, &cfg);
	if (r < 0) {
		say(message, userdata, path, 1, "", "it cannot be parsed");
		return r;
	}
	for (size_t i = 0; i < count; i++) {
		if (!marks[i].line)
			continue;
		r = config_read_value(cfg, &table[i], marks[i].occurrence, config, why);
		if (r < 0) {
			snprintf(name, sizeof(name), "%s.%s: ", table[i].section, table[i].key);
			say(message, userdata, path, marks[i].line, name,
				r == -EINVAL ? why : strerror(-r));
			result = r;
			continue;
		}
		snprintf(origins[i].path, sizeof(origins[i].path), "%s", path);
		origins[i].line = marks[i].line;
	}
	return result;
}

static const char *file_error(int error)
{
	if (error == -EFBIG)
		return "more than 256 KiB";
	if (error == -EINVAL)
		return "not a regular file";
	return strerror(-error);
}

int config_read(const char *path, config_message_fn message, void *userdata, struct config *config,
	struct config_origin *origins)
{
	CLEANUP(cleanup_free) uint8_t *data = NULL;
	size_t size;
	int r = file_read(AT_FDCWD, path, CONFIG_FILE_MAX, &data, &size);

	if (r < 0) {
		say(message, userdata, path, 1, "the file cannot be read: ", file_error(r));
		return r;
	}
	return config_read_text(path, (char *)data, size, message, userdata, config, origins);
}
