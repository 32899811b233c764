/* SPDX-License-Identifier: Apache-2.0 */

/* A device that spoke first: its record in memory, with what its way in proved. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "core/binding.h"
#include "host/enrol.h"
#include "host/secure-host.h"

int newcomer_make(
	struct host *host, const char *ep, const struct lan_peer *peer, struct device **ret)
{
	struct device_record *record = calloc(1, sizeof(*record));

	if (!record)
		return -ENOMEM;
	registry_make_id(host->registry, ep, record->id);
	snprintf(record->ep, sizeof(record->ep), "%s", ep);
	snprintf(record->platform, sizeof(record->platform), "%s", host->config->platform);
	record->found_by = FOUND_ENROL;
	record->trust = peer->trust;
	if (peer->trust >= TRUST_PSK)
		secure_raise(record, peer);
	else
		binding_set(record, &peer->address, peer->mac);
	record->poll_format = -1;
	record->first_seen = clock_wall_msec();
	return device_host_add(host, record, ret);
}
