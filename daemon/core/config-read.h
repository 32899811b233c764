/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* One configuration file into a struct config. */

#include "core/config.h"

#define CONFIG_FILE_MAX (256 * 1024) /* bytes */

/* Where the present value of a key comes from. */
struct config_origin {
	char path[256];
	unsigned line; /* 0 = the default of the table */
};

/*
 * Reads 'path' and sets what it holds; every bad value is reported. 'origins' has one element for
 * each row of the table. 0, -EINVAL after error messages about the content, or another negative
 * errno after one about the file itself.
 */
int config_read(const char *path, config_message_fn message, void *userdata, struct config *config,
	struct config_origin *origins);

/* The 'size' bytes at 'text', checked before, parsed by the sections and keys of a grammar; for
 * config_read_value(). Free with cfg_free(). */
struct cfg_t;
struct config_grammar;
int config_parse(const struct config_grammar *grammar, char *text, size_t size, struct cfg_t **ret);
/* As config_value_set(), from the n-th occurrence of the key's section. */
int config_read_value(struct cfg_t *cfg, const struct config_key *key, unsigned occurrence,
	void *config, char *ret_why);

/* The same from memory; 'text' of 'size' bytes is changed. 'path' is for the messages. */
int config_read_text(const char *path, char *text, size_t size, config_message_fn message,
	void *userdata, struct config *config, struct config_origin *origins);
