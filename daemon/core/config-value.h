/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* One value of a configuration: from the texts in a file to its member and back, by the row of the
 * table. What the rows' offsets are of is 'config': struct config, or that of another table. */

#include <stddef.h>
#include <stdio.h>

#include "core/config.h"

#define CONFIG_WHY_SIZE 384

/*
 * Sets the member of 'key' from the 'count' texts that the file gives for it (one, but for lists).
 * -EINVAL with "what is wrong; allowed: ..." in ret_why (CONFIG_WHY_SIZE bytes); *config is
 * untouched then.
 */
int config_value_set(const struct config_key *key, const char *const *items, size_t count,
	void *config, char *ret_why);

/* Sets the member of 'key' to the default of the table. */
void config_value_default(const struct config_key *key, void *config);

/* Writes the value as it stands in a file. */
void config_value_print(const struct config_key *key, const struct config *config, FILE *out);

bool config_value_equal(
	const struct config_key *key, const struct config *a, const struct config *b);

/* "0 to 65535 s", "approve or refuse" ...; ret_text of CONFIG_WHY_SIZE bytes. Returns ret_text. */
const char *config_value_allowed(const struct config_key *key, char *ret_text);
