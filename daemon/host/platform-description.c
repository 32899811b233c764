/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A device in view of its platform: what a driver is shown of it, and what page and tool are told
 * of the two. Nothing here changes anything.
 */

#include "host/act.h"
#include "host/device-host.h"
#include "host/host.h"
#include "host/platform-host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/identity.h"
#include "host/session.h"

void platform_host_show(const struct host *host, const struct device_record *record,
	struct span token, union platform_settings_room *room, struct platform_device *ret_seen)
{
	const struct device *device = registry_by_row(host->registry, record->row);

	*ret_seen = (struct platform_device){.record = record,
		.not_let_in = device && session_is_not_let_in(device),
		.provisioning_token =
			token.size ? token : platform_shared_token(host, record->platform),
		.static_credential = token,
		.settings = platform_settings_of(host, record->platform, room)};
}

/* "" when it uses none. */
static void read_certificate(const struct host *host, const struct device_record *record,
	char ret_fingerprint[FINGERPRINT_SIZE])
{
	const struct platform_driver *driver = platform_driver_by_name(record->platform);
	struct platform_session session;
	struct chain_facts facts;

	ret_fingerprint[0] = '\0';
	if (driver && driver->session && record->life.credential_current.size &&
		driver->session(record, host->config->id, &session) == 0 && session.identity.size &&
		identity_read(session.identity, &facts) == 0)
		memcpy(ret_fingerprint, facts.fingerprint, FINGERPRINT_SIZE);
}

/* The certificate in use, or the one that an open operation is known by there. A list asks it for
 * each of its rows, so it is read once for each record. */
static void describe_certificate(
	struct device_host *part, const char *operation, char ret_fingerprint[FINGERPRINT_SIZE])
{
	const struct device_record *record = part->device->record;
	char fingerprint[FINGERPRINT_SIZE];

	if (!part->certificate && record->life.credential_current.size) {
		read_certificate(part->host, record, fingerprint);
		/* Without memory it is read again. */
		part->certificate = strdup(fingerprint);
	}
	if (part->certificate && part->certificate[0])
		memcpy(ret_fingerprint, part->certificate, FINGERPRINT_SIZE);
	else if (strlen(operation) == FINGERPRINT_SIZE - 1)
		memcpy(ret_fingerprint, operation, FINGERPRINT_SIZE);
}

void platform_host_changed(struct device_host *part)
{
	free(part->certificate);
	part->certificate = NULL;
}

void platform_host_describe(
	struct host *host, const struct device *device, struct api_platform *ret_platform)
{
	const struct platform_driver *driver = platform_driver_by_name(device->record->platform);
	const char *why = device_host(device)->platform_why;
	struct platform_operation operation = {.id = ""};
	union platform_settings_room room;
	struct platform_device seen;

	platform_host_show(host, device->record, (struct span){0}, &room, &seen);
	if (driver && driver->operation && driver->operation(&seen, &operation) < 0)
		operation = (struct platform_operation){.id = ""};
	*ret_platform = (struct api_platform){.approve_here = act_approves_here(host, device)};
	platform_choices(host, device->record, &ret_platform->choices);
	describe_certificate(device_host(device), operation.id, ret_platform->certificate);
	snprintf(ret_platform->operation, sizeof(ret_platform->operation), "%s", operation.id);
	snprintf(ret_platform->link, sizeof(ret_platform->link), "%s", operation.link);
	snprintf(ret_platform->why, sizeof(ret_platform->why), "%s", why ? why : "");
}
