/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The configuration file: our check, libconfuse's parse, the table. What the check lets pass
 * libconfuse must parse; what is taken must print to a file that gives the same again.
 */

#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "core/config-read.h"
#include "core/config-value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take_message(void *userdata, int level, const char *text)
{
	if (!strcmp(text, "f:1: it cannot be parsed"))
		abort();
	*(bool *)userdata |= level == LOG_ERR;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct config_origin origins[CONFIG_KEYS_MAX];
	struct config config, again;
	size_t printed_size = 0;
	char *printed = NULL, *text = malloc(size + 1);
	bool wrong = false;
	FILE *out;

	memcpy(text, data, size);
	config_init(&config);
	again = config;
	if (config_read_text("f", text, size, take_message, &wrong, &config, origins) == 0 &&
		config.id[0]) {
		out = open_memstream(&printed, &printed_size);
		config_print(&config, out);
		fclose(out);
		if (wrong || config_read_text("p", printed, printed_size, take_message, &wrong,
				     &again, origins) < 0)
			abort();
		for (size_t i = 0, count; i < (config_keys(&count), count); i++)
			if (!config_value_equal(&config_keys(&count)[i], &config, &again))
				abort();
	}
	free(printed);
	free(text);
	return 0;
}
