/* SPDX-License-Identifier: Apache-2.0 */

/* What is done to a device with more than its id. */

#include <stdlib.h>

#include "base/cleanup.h"
#include "ctl/command.h"

static int run_on(struct ctl *ctl, const char *act, json_t *body_stolen, const char *done)
{
	CLEANUP(cleanup_free)
	char *path =
		client_path(ctl->client, "/api/v1/devices/", ctl->invocation->argument[0], act);

	if (!path || !body_stolen) {
		json_decref(body_stolen);
		return EXIT_REFUSED;
	}
	return ctl_do(ctl, "POST", path, body_stolen, done);
}

int run_command(struct ctl *ctl)
{
	const struct invocation *invocation = ctl->invocation;
	json_t *body = json_pack("{s:s}", "name", invocation->argument[1]);
	json_t *args = NULL;

	if (!body)
		return ctl_usage_error(ctl, "the name must be UTF-8 text");
	if (invocation->count > 2) {
		args = json_loads(
			invocation->argument[2], JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
		if (!args) {
			json_decref(body);
			return ctl_usage_error(
				ctl, "the arguments must be JSON, as in '{\"seconds\": 60}'");
		}
		json_object_set_new(body, "args", args);
	}
	return run_on(ctl, "/command", body, "The command waits for the device.");
}

int run_replace(struct ctl *ctl)
{
	json_t *body = json_pack("{s:s}", "with", ctl->invocation->argument[1]);

	if (!body)
		return ctl_usage_error(ctl, "the id must be UTF-8 text");
	return run_on(ctl, "/replace", body, "Replaced. Approve the new device now.");
}
