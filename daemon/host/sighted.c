/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Presence. mDNS, multicast and the resource directory each say for themselves when a device comes
 * and goes; a bit for each keeps them apart, because what one of them lost another may still see.
 */

#include "host/sighted.h"
#include "host/journal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"

int sighted_make(struct host *host, const struct discovery_sighting *sighting, struct device **ret)
{
	struct device_record *record = calloc(1, sizeof(*record));

	if (!record)
		return -ENOMEM;
	registry_make_id(host->registry, sighting->ep, record->id);
	snprintf(record->ep, sizeof(record->ep), "%s", sighting->ep);
	snprintf(record->platform, sizeof(record->platform), "%s", host->config->platform);
	record->found_by = sighting->found_by;
	record->address = sighting->address;
	record->is_server = true;
	record->poll_format = -1;
	record->first_seen = clock_wall_msec();
	return device_host_add(host, record, ret);
}

bool sighted_only(const struct device *device)
{
	return !device->on_disk && !device->saving &&
	       device->record->life.admission == ADMISSION_SIGHTED;
}

struct device *sighted_make_room(struct host *host, struct device *device, const char *ep)
{
	const struct kept_label *kept;

	if (!device || !strcmp(device->record->ep, ep) || !sighted_only(device))
		return device;
	kept = label_book_find(&host->labels, ep);
	if (!kept || strcmp(kept->label.ep, ep) != 0)
		return device;
	registry_remove(host->registry, device);
	return NULL;
}

void sighted_here(struct host *host, struct device *device, enum found_by way)
{
	device_host(device)->seen_by |= 1u << way;
	device->present = true;
	device->last_heard_usec = clock_boot_usec();
	host_touch(host);
}

void sighted_gone(struct host *host, struct device *device, enum found_by way)
{
	struct device_host *part = device_host(device);

	part->seen_by &= ~(1u << way);
	if (part->seen_by != 0 || !device->present)
		return;
	device->present = false;
	log_device(LOG_INFO, device->record->id, "Device %s is not announced any more.",
		device->record->ep);
	if (sighted_only(device))
		registry_remove(host->registry, device);
	host_touch(host);
}
