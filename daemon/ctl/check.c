/* SPDX-License-Identifier: Apache-2.0 */

/* Files that the gateway reads, looked at without it: the configuration, the device profiles. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "base/cleanup.h"
#include "core/config.h"
#include "core/profile.h"
#include "ctl/command.h"

struct complaints {
	FILE *err;
	json_t *list; /* with --json */
};

static void take_complaint(void *userdata, int level, const char *text)
{
	struct complaints *complaints = userdata;
	const char *word = level == LOG_ERR ? "error" : "warning";

	if (complaints->list)
		json_array_append_new(
			complaints->list, json_pack("{s:s,s:s}", "level", word, "text", text));
	else
		fprintf(complaints->err, "%s: %s\n", word, text);
}

static struct complaints complaints_of(struct ctl *ctl)
{
	bool json = ctl->invocation->value[OPTION_JSON] != NULL;

	return (struct complaints){.err = ctl->err, .list = json ? json_array() : NULL};
}

/* With --json all that was found; otherwise 'fine' when nothing was. */
static int answer(struct ctl *ctl, struct complaints *complaints, bool valid, const char *fine)
{
	if (ctl->invocation->value[OPTION_JSON]) {
		json_t *all = json_pack("{s:b,s:o}", "valid", valid, "messages", complaints->list);

		ctl_print_json(ctl, all);
		json_decref(all);
	} else if (valid) {
		fprintf(ctl->out, "%s\n", fine);
	}
	return valid ? EXIT_DONE : EXIT_REFUSED;
}

int run_check_config(struct ctl *ctl)
{
	const char *path = ctl->invocation->argument[0];
	struct complaints complaints = complaints_of(ctl);
	struct config config;
	char fine[512];
	int r = config_load(path, take_complaint, &complaints, &config);

	snprintf(fine, sizeof(fine), "%.400s is a valid configuration.", path);
	return answer(ctl, &complaints, r == 0, fine);
}

/* What is said once is enough. */
static void ignore(void *userdata, int level, const char *text)
{
}

/* Every file of the directory is looked at, whatever is wrong with those before it. */
static bool check_all(struct ctl *ctl, struct complaints *complaints, char *ret_fine, size_t size)
{
	const char *named = ctl->invocation->value[OPTION_CONFIG];
	CLEANUP(cleanup_free) struct profiles *loose = NULL;
	CLEANUP(cleanup_free) struct profiles *strict = NULL;
	struct config config;

	if (config_load(named ? named : CONFIG_DEFAULT, take_complaint, complaints, &config) < 0)
		return false;
	if (profiles_load(config.lan_profiles, false, take_complaint, complaints, &loose) < 0)
		return false;
	snprintf(ret_fine, size, "%u profile%s in %.255s %s right.", loose->count,
		loose->count == 1 ? "" : "s", config.lan_profiles,
		loose->count == 1 ? "is" : "are");
	return profiles_load(config.lan_profiles, true, ignore, NULL, &strict) >= 0;
}

int run_profiles_check(struct ctl *ctl)
{
	const struct invocation *invocation = ctl->invocation;
	struct complaints complaints = complaints_of(ctl);
	struct profile profile;
	char fine[512] = "";
	bool valid;

	if (invocation->count == 1 && invocation->value[OPTION_CONFIG]) {
		json_decref(complaints.list);
		return ctl_usage_error(ctl, "--config goes without a file");
	}
	if (invocation->count == 0) {
		valid = check_all(ctl, &complaints, fine, sizeof(fine));
	} else {
		valid = profile_read_file(invocation->argument[0], take_complaint, &complaints,
				&profile) >= 0;
		snprintf(fine, sizeof(fine), "%.400s is a valid profile.", invocation->argument[0]);
	}
	return answer(ctl, &complaints, valid, fine);
}
