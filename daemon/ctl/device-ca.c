/* SPDX-License-Identifier: Apache-2.0 */

/* Authorities whose certificates devices may come in with. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/chain.h"
#include "base/cleanup.h"
#include "ctl/command.h"
#include "ctl/view.h"

DEFINE_CLEANUP(FILE *, fclose, cleanup_file)

int run_device_ca_list(struct ctl *ctl)
{
	return ctl_show(ctl, "/api/v1/device-cas", view_device_cas);
}

/* Heap. -EFBIG for what is longer than such a file may be. */
static int file_text(const char *path, char **ret_text)
{
	CLEANUP(cleanup_file) FILE *opened = strcmp(path, "-") ? fopen(path, "re") : NULL;
	FILE *file = strcmp(path, "-") ? opened : stdin;
	CLEANUP(cleanup_free) char *text = malloc(AUTHORITY_MAX + 2);
	size_t size;

	if (!file)
		return -errno;
	if (!text)
		return -ENOMEM;
	size = fread(text, 1, AUTHORITY_MAX + 1, file);
	if (ferror(file))
		return -EIO;
	if (size > AUTHORITY_MAX)
		return -EFBIG;
	text[size] = '\0';
	*ret_text = STEAL(text);
	return 0;
}

int run_device_ca_add(struct ctl *ctl)
{
	const struct invocation *invocation = ctl->invocation;
	const char *admit = invocation->value[OPTION_ADMIT], *name = invocation->value[OPTION_NAME];
	CLEANUP(cleanup_free) char *text = NULL;
	json_t *body;
	int r = file_text(invocation->argument[0], &text);

	if (r < 0) {
		fprintf(ctl->err, "%s cannot be read: %s.\n", invocation->argument[0],
			strerror(-r));
		return EXIT_USAGE;
	}
	body = json_pack("{s:s,s:s}", "certificate", text, "admit", admit ? admit : "person");
	if (body && name)
		json_object_set_new(body, "name", json_string(name));
	if (!body)
		return ctl_usage_error(ctl, "the file must be text: a certificate in PEM");
	return ctl_do(ctl, "PUT", "/api/v1/device-cas", body, "The authority is registered.");
}

int run_device_ca_withdraw(struct ctl *ctl)
{
	CLEANUP(cleanup_free)
	char *path =
		client_path(ctl->client, "/api/v1/device-cas/", ctl->invocation->argument[0], "");

	return path ? ctl_do(ctl, "DELETE", path, NULL, "The authority is withdrawn.")
		    : EXIT_REFUSED;
}
