/* SPDX-License-Identifier: Apache-2.0 */

/* The device profiles in force. At start a file that is wrong is left out, so that one mistake does
 * not keep a whole site from starting; a reload takes all files or none. */

#include "host/profile-host.h"
#include "host/device-host.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

static void on_message(void *userdata, int level, const char *text)
{
	log_at(level, NULL, "%s", text);
}

int profiles_start(struct host *host)
{
	int r = profiles_load(host->config->lan_profiles, false, on_message, NULL, &host->profiles);

	if (r >= 0 && host->profiles->count > 0)
		log_info("%u device profiles are in force.", host->profiles->count);
	return r;
}

static void ask_anew(struct host *host)
{
	struct device *device;

	for (device = registry_first(host->registry); device; device = registry_next(device)) {
		struct device_host *part = device_host(device);

		if (!part->probed || !part->driver || strcmp(part->driver->name, "plain"))
			continue;
		part->probed = false;
		device_host_probe(host, device);
	}
}

int profiles_read(struct host *host, struct profiles **ret_profiles)
{
	int r = profiles_load(host->config->lan_profiles, true, on_message, NULL, ret_profiles);

	if (r < 0)
		log_error("The device profiles were not reloaded: the old ones stay in force.");
	return r;
}

void profiles_replace(struct host *host, struct profiles *next)
{
	free(host->profiles);
	host->profiles = next;
	log_info("%u device profiles are in force.", next->count);
	ask_anew(host);
}
