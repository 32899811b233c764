/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The configuration as a whole: defaults, then the file, then its drop-ins in name order, later
 * values over earlier ones; then what only the keys together can show. All of it happens on a copy:
 * the caller gets a complete valid configuration or keeps the one that it has. Every error of every
 * file is reported in one go.
 */

#include "core/config.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "core/config-read.h"
#include "core/config-value.h"

#define DROPINS_MAX  64
#define MESSAGE_SIZE 512

struct reader {
	struct config config;
	struct config_origin origins[CONFIG_KEYS_MAX];
	config_message_fn message;
	void *userdata;
	int result; /* the first error */
};

/* The host's own name in the alphabet of ids: "Plant7.example.org" becomes "plant7". */
static void make_id(char ret_id[33])
{
	char host[256] = "";
	size_t size = 0;

	gethostname(host, sizeof(host) - 1);
	for (const char *c = host; *c && *c != '.' && size < 32; c++) {
		char lower = *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c;

		if (!(lower >= 'a' && lower <= 'z') && !(lower >= '0' && lower <= '9'))
			lower = '-';
		if (lower != '-' || size > 0)
			ret_id[size++] = lower;
	}
	ret_id[size] = '\0';
	if (size == 0)
		memcpy(ret_id, "gateway", sizeof("gateway"));
}

void config_init(struct config *ret_config)
{
	size_t count;
	const struct config_key *keys = config_keys(&count);

	memset(ret_config, 0, sizeof(*ret_config));
	for (size_t i = 0; i < count; i++)
		config_value_default(&keys[i], ret_config);
	make_id(ret_config->id);
}

static void say(
	struct reader *reader, int level, const struct config_origin *origin, const char *text)
{
	char sentence[MESSAGE_SIZE];

	snprintf(sentence, sizeof(sentence), "%.250s:%u: %s", origin->path, origin->line, text);
	reader->message(reader->userdata, level, sentence);
	if (level == LOG_ERR && reader->result == 0)
		reader->result = -EINVAL;
}

static void read_file(struct reader *reader, const char *path)
{
	int r = config_read(
		path, reader->message, reader->userdata, &reader->config, reader->origins);

	if (r < 0 && reader->result == 0)
		reader->result = r;
}

static int is_dropin(const struct dirent *entry)
{
	size_t size = strlen(entry->d_name);

	return entry->d_name[0] != '.' && size > strlen(".conf") &&
	       !strcmp(entry->d_name + size - strlen(".conf"), ".conf");
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static void read_dropins(struct reader *reader, const char *path)
{
	struct config_origin here = {.line = 1};
	struct dirent **entries = NULL;
	char directory[sizeof(here.path)], file[sizeof(here.path) + 257];
	int count;

	snprintf(directory, sizeof(directory), "%.240s.d", path);
	count = scandir(directory, &entries, is_dropin, by_name);
	if (count < 0) {
		if (errno != ENOENT) {
			memcpy(here.path, directory, sizeof(here.path));
			say(reader, LOG_ERR, &here, "the directory of drop-ins cannot be read");
		}
		return;
	}
	for (int i = 0; i < count; i++) {
		snprintf(file, sizeof(file), "%s/%s", directory, entries[i]->d_name);
		if (i < DROPINS_MAX) {
			read_file(reader, file);
		} else if (i == DROPINS_MAX) {
			memcpy(here.path, directory, sizeof(here.path));
			say(reader, LOG_ERR, &here, "too many drop-ins; allowed: 64");
		}
		free(entries[i]);
	}
	free(entries);
}

static const struct config_origin *origin_of(struct reader *reader, const void *member)
{
	size_t count, offset = (size_t)((const char *)member - (const char *)&reader->config);
	const struct config_key *keys = config_keys(&count);
	size_t i = 0;

	while (i + 1 < count && keys[i].offset != offset)
		i++;
	return &reader->origins[i];
}

/* What is wrong with keys that are fine each for itself. */
static void check_together(struct reader *reader)
{
	struct config *config = &reader->config;

	if (config->page_certificate[0] && !config->page_key[0])
		say(reader, LOG_ERR, origin_of(reader, config->page_certificate),
			"page.certificate: page.key is missing; allowed: both or none");
	if (config->page_key[0] && !config->page_certificate[0])
		say(reader, LOG_ERR, origin_of(reader, config->page_key),
			"page.key: page.certificate is missing; allowed: both or none");
	if (config->lan_certificate[0] && !config->lan_key[0])
		say(reader, LOG_ERR, origin_of(reader, config->lan_certificate),
			"lan.certificate: lan.key is missing; allowed: both or none");
	if (config->lan_key[0] && !config->lan_certificate[0])
		say(reader, LOG_ERR, origin_of(reader, config->lan_key),
			"lan.key: lan.certificate is missing; allowed: both or none");
	if (config->mqtt_password_file[0] && !config->mqtt_username[0])
		say(reader, LOG_ERR, origin_of(reader, config->mqtt_password_file),
			"mqtt.password_file: mqtt.username is missing; allowed: both, the name "
			"alone, or none");
	if (!config->mqtt_certificate_file[0] != !config->mqtt_key_file[0])
		say(reader, LOG_ERR,
			origin_of(reader, config->mqtt_key_file[0] ? config->mqtt_key_file
								   : config->mqtt_certificate_file),
			"mqtt.certificate_file and mqtt.key_file: one is missing; allowed: both "
			"or none");
	else if (config->mqtt_key_file[0] && !config->mqtt_tls)
		say(reader, LOG_ERR, origin_of(reader, config->mqtt_key_file),
			"mqtt.key_file: a certificate needs TLS; allowed: with mqtt.tls = yes");
	if (config->mqtt_ca_file[0] && !config->mqtt_tls)
		say(reader, LOG_WARNING, origin_of(reader, config->mqtt_ca_file),
			"mqtt.ca_file: of no use, because mqtt.tls is no");
	if (config->mqtt_password_file[0] && !config->mqtt_tls)
		say(reader, LOG_WARNING, origin_of(reader, config->mqtt_password_file),
			"mqtt.password_file: the password travels in the clear, because mqtt.tls "
			"is no");
}

int config_load(
	const char *path, config_message_fn message, void *userdata, struct config *ret_config)
{
	CLEANUP(cleanup_free) struct reader *reader = calloc(1, sizeof(*reader));

	if (!reader)
		return -ENOMEM;
	reader->message = message;
	reader->userdata = userdata;
	config_init(&reader->config);
	if (path) {
		read_file(reader, path);
		read_dropins(reader, path);
	}
	if (reader->result == 0)
		check_together(reader);
	if (reader->result < 0)
		return reader->result;
	if (!reader->config.id[0])
		make_id(reader->config.id);
	*ret_config = reader->config;
	return 0;
}

/* 'config' NULL: every key commented out, with its default. */
static void print_keys(const struct config *config, FILE *out)
{
	char allowed[CONFIG_WHY_SIZE];
	size_t count;
	const struct config_key *keys = config_keys(&count);

	for (size_t i = 0; i < count; i++) {
		const struct config_key *key = &keys[i];

		if (i == 0 || strcmp(key->section, keys[i - 1].section))
			fprintf(out, "%s\n%s {\n", i ? "}\n" : "", key->section);
		else
			fputc('\n', out);
		fprintf(out, "\t# %s\n\t# Allowed: %s. Taken on by %s.\n", key->text,
			config_value_allowed(key, allowed),
			key->reloadable ? "a reload" : "a restart");
		fprintf(out, "\t%s%s = ", config ? "" : "# ", key->key);
		if (config)
			config_value_print(key, config, out);
		else
			fputs(key->default_text, out);
		fputc('\n', out);
	}
	fputs("}\n", out);
}

void config_print(const struct config *config, FILE *out)
{
	fputs("# The configuration of gatehouse that is in effect.\n", out);
	print_keys(config, out);
}

void config_print_sample(FILE *out)
{
	fputs("# SPDX-License-Identifier: Apache-2.0\n"
	      "# Configuration of gatehouse. Every key stands here with its default; take away "
	      "the\n"
	      "# '#' before a key to change it. Values in files *.conf of gatehouse.conf.d/ come\n"
	      "# after those of this file, in the order of their names.\n"
	      "# \"gatehousectl check-config\" says what is wrong with a file.\n",
		out);
	print_keys(NULL, out);
}

void config_restart_needed(
	const struct config *old, const struct config *new, char *ret_keys, size_t capacity)
{
	size_t count, used = 0;
	const struct config_key *keys = config_keys(&count);

	if (capacity == 0)
		return;
	ret_keys[0] = '\0';
	for (size_t i = 0; i < count; i++) {
		char name[64];
		int size;

		if (keys[i].reloadable || config_value_equal(&keys[i], old, new))
			continue;
		size = snprintf(name, sizeof(name), "%s%s.%s", used ? ", " : "", keys[i].section,
			keys[i].key);
		if (used + (size_t)size >= capacity)
			return;
		memcpy(ret_keys + used, name, (size_t)size + 1);
		used += (size_t)size;
	}
}

void config_keep_restart_keys(const struct config *old, struct config *next)
{
	size_t count;
	const struct config_key *keys = config_keys(&count);

	for (size_t i = 0; i < count; i++)
		if (!keys[i].reloadable)
			memcpy((char *)next + keys[i].offset, (const char *)old + keys[i].offset,
				keys[i].size);
}
