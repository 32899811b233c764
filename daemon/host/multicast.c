/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Rounds of the multicast probe. An answer is a hint like a mDNS announcement, and goes the same
 * way: a name that is bound elsewhere stays where it is. Nobody says good-bye to a multicast
 * probe, and one datagram may be lost: a device is gone when it was silent for three rounds.
 */

#include "host/multicast.h"
#include "host/device-host.h"

#include <string.h>

#include "base/clock.h"
#include "host/sighted.h"
#include "host/typed.h"

#define ROUNDS_SILENT 3

static int on_round(sd_event_source *source, uint64_t usec, void *userdata)
{
	multicast_probe(userdata);
	typed_forget(userdata);
	return 0;
}

static void forget_silent(struct host *host)
{
	struct device *device, *next;

	for (device = registry_first(host->registry); device; device = next) {
		const struct device_host *part = device_host(device);

		next = registry_next(device);
		if ((part->seen_by & 1u << FOUND_MULTICAST) &&
			host->multicast_round - part->multicast_round > ROUNDS_SILENT)
			sighted_gone(host, device, FOUND_MULTICAST);
	}
}

static int set_timer(struct host *host)
{
	return loop_timer_set(host->loop, &host->multicast_timer,
		host->config->multicast_interval * USEC_PER_SEC, on_round, host, "multicast");
}

int multicast_probe(struct host *host)
{
	host->multicast_round++;
	forget_silent(host);
	lan_probe_multicast(host->lan);
	return set_timer(host);
}

int multicast_reload(struct host *host, const struct config *old)
{
	return host->config->multicast_interval == old->multicast_interval ? 0 : set_timer(host);
}

int multicast_start(struct host *host)
{
	return multicast_probe(host);
}

void multicast_on_sighted(struct host *host, const struct lan_sighting *sighting)
{
	struct discovery_sighting seen = {
		.address = sighting->address, .found_by = FOUND_MULTICAST};
	struct device *device;

	memcpy(seen.ep, sighting->ep, sizeof(seen.ep));
	device_host_on_appeared(host, &seen);
	device = registry_by_ep(host->registry, sighting->ep);
	if (device)
		device_host(device)->multicast_round = host->multicast_round;
}
