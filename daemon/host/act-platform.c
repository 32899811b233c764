/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The platform to which a device goes. A new one belongs to the first platform of the
 * configuration; where others are offered, whoever takes it in may say another one, in the same
 * act. It can change only while nothing at all ties the device to a platform: no operation, no
 * credential. What a person wants is "in, at that platform"; whether that is an approval or an
 * admission depends on who approves there, so it is decided here and not by the button.
 */

#include "host/act.h"
#include "host/host.h"
#include "host/platform-host.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

bool platform_is_offered(const struct config *config, const char *platform)
{
	unsigned i;

	if (!strcmp(config->platform, platform))
		return true;
	for (i = 0; i < config->platforms.count; i++)
		if (!strcmp(config->platforms.item[i], platform))
			return true;
	return false;
}

static bool is_tied(const struct device_record *record)
{
	return operation_is_open(record->life.operation) ||
	       record->life.credential != CREDENTIAL_NONE;
}

bool platform_may_change(const struct device_record *record)
{
	enum admission_state admission = record->life.admission;

	return !is_tied(record) && admission != ADMISSION_ADMITTED &&
	       admission != ADMISSION_SUSPENDED && admission != ADMISSION_BLOCKED;
}

bool act_approves_at(struct host *host, const char *platform)
{
	const struct platform_driver *driver = platform_driver_by_name(platform);

	return driver && (driver->describe()->supports & PLATFORM_APPROVES_HERE ||
				 platform_approves_from_here(host, platform));
}

bool act_approves_here(struct host *host, const struct device *device)
{
	return act_approves_at(host, device->record->platform);
}

const char *act_platform_name(const struct act *act, const struct device *device)
{
	return act->platform[0] ? act->platform : device->record->platform;
}

static void not_offered(struct act_call *call)
{
	const struct config *config = call->host->config;
	char text[200];
	int used = snprintf(text, sizeof(text), "%s is no platform of this gateway; allowed: %s",
		call->act.platform, config->platform);
	unsigned i;

	for (i = 0; i < config->platforms.count && used < (int)sizeof(text); i++)
		if (strcmp(config->platforms.item[i], config->platform) != 0)
			used += snprintf(text + used, sizeof(text) - (size_t)used, ", %s",
				config->platforms.item[i]);
	if (used < (int)sizeof(text))
		snprintf(text + used, sizeof(text) - (size_t)used, ".");
	act_call_done(call, ACT_BAD_INPUT, 0, text);
}

bool act_choose_platform(struct act_call *call, struct device *device)
{
	const struct device_record *record = device->record;
	const struct platform_driver *driver;
	bool code_first;
	char text[120];

	if (!call->act.platform[0])
		return true;
	if (!platform_is_offered(call->host->config, call->act.platform)) {
		not_offered(call);
		return false;
	}
	if (!strcmp(call->act.platform, record->platform)) {
		call->act.platform[0] = '\0';
		return true;
	}
	if (!platform_may_change(record)) {
		snprintf(text, sizeof(text),
			"It belongs to %s already: release or forget it first.", record->platform);
		act_call_done(call, ACT_IMPOSSIBLE, 0, text);
		return false;
	}
	driver = platform_driver_by_name(call->act.platform);
	/* Such a code is made by the platform, so it comes after the admission. */
	code_first = driver && driver->describe()->supports & PLATFORM_DISPLAY_CODES &&
		     record->info.display && !record->info.code[0];
	call->act.kind = act_approves_at(call->host, call->act.platform) && !code_first
				 ? ACT_APPROVE
				 : ACT_ADMIT;
	return true;
}

int act_edit_platform(struct device_record *next, const struct act_edit *edit, const char **ret_why)
{
	if (!edit->platform[0] || !strcmp(edit->platform, next->platform))
		return 0;
	/* It was looked at before, and other things were done while this waited for its turn.
	 * 'next' has taken the step: what it opens for the first time has said nothing to anybody
	 * yet. */
	if (next->life.operation != OPERATION_OPENING || next->life.operation_blob.size ||
		next->life.credential != CREDENTIAL_NONE) {
		*ret_why = "It has gone to its platform meanwhile: release or forget it first.";
		return -EBUSY;
	}
	memcpy(next->platform, edit->platform, sizeof(next->platform));
	return 0;
}

void platform_choices(const struct host *host, const struct device_record *record,
	struct config_list *ret_choices)
{
	const struct config *config = host->config;
	struct config_list list = {.count = 0};
	unsigned i;

	if (config->platforms.count && platform_may_change(record)) {
		snprintf(list.item[list.count++], sizeof(list.item[0]), "%s", record->platform);
		if (strcmp(config->platform, record->platform) != 0)
			snprintf(list.item[list.count++], sizeof(list.item[0]), "%s",
				config->platform);
		for (i = 0; i < config->platforms.count && list.count < CONFIG_LIST_MAX; i++)
			if (strcmp(config->platforms.item[i], record->platform) != 0 &&
				strcmp(config->platforms.item[i], config->platform) != 0)
				memcpy(list.item[list.count++], config->platforms.item[i],
					sizeof(list.item[0]));
	}
	if (list.count < 2)
		list.count = 0;
	*ret_choices = list;
}
