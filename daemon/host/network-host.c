/* SPDX-License-Identifier: Apache-2.0 */

#include "host/network-host.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "core/token.h"
#include "drivers/table.h"
#include "host/session.h"

/* ---- interfaces ---- */

static void add_address(struct api_interface *interface, const struct sockaddr *address)
{
	socklen_t size = address->sa_family == AF_INET ? sizeof(struct sockaddr_in)
						       : sizeof(struct sockaddr_in6);

	if (interface->count < API_ADDRESSES_MAX &&
		getnameinfo(address, size, interface->address[interface->count],
			sizeof(interface->address[0]), NULL, 0, NI_NUMERICHOST) == 0)
		interface->count++;
}

static void look_at(const struct ifaddrs *row, struct api_interface *interface)
{
	if (strcmp(row->ifa_name, interface->name) != 0)
		return;
	interface->present = true;
	interface->up |= (row->ifa_flags & IFF_UP) != 0;
	if (row->ifa_addr &&
		(row->ifa_addr->sa_family == AF_INET || row->ifa_addr->sa_family == AF_INET6))
		add_address(interface, row->ifa_addr);
}

void network_interfaces(const struct host *host, api_interface_fn each, void *each_userdata)
{
	const struct config_list *list = &host->config->lan_interfaces;
	struct ifaddrs *rows = NULL;

	if (getifaddrs(&rows) < 0)
		rows = NULL;
	for (unsigned i = 0; i < list->count; i++) {
		struct api_interface interface = {.present = false};

		snprintf(interface.name, sizeof(interface.name), "%s", list->item[i]);
		for (const struct ifaddrs *row = rows; row; row = row->ifa_next)
			look_at(row, &interface);
		each(each_userdata, &interface);
	}
	if (rows)
		freeifaddrs(rows);
}

/* ---- ways ---- */

void network_place(
	const struct host *host, const char *platform, const char **ret_host, uint16_t *ret_port)
{
	const struct config *config = host->config;

	*ret_host = config->mqtt_host;
	*ret_port = config->mqtt_port;
	if (!strcmp(platform, TOKEN_KIND_SPOTFLOW)) {
		*ret_host = config->spotflow_host;
		*ret_port = config->spotflow_port;
	} else if (!strcmp(platform, TOKEN_KIND_AZURE)) {
		*ret_host = config->azure_host;
		*ret_port = config->azure_port;
	} else if (!strcmp(platform, TOKEN_KIND_AWS)) {
		*ret_host = config->aws_host;
		*ret_port = config->aws_port;
	}
	if (!(*ret_host)[0])
		*ret_port = 0;
}

void network_platforms(
	const struct host *host, void (*each)(void *userdata, const char *platform), void *userdata)
{
	const struct config *config = host->config;

	each(userdata, config->platform);
	for (unsigned i = 0; i < config->platforms.count; i++)
		if (strcmp(config->platforms.item[i], config->platform) != 0)
			each(userdata, config->platforms.item[i]);
}

/* One that is in, and has what it needs to be connected. */
static bool is_to_be_connected(const struct device *device)
{
	return lifecycle_may_publish(&device->record->life, clock_wall_msec()) ||
	       device->record->life.link != LINK_DOWN;
}

static void count_device(const struct host *host, const struct device *device, struct api_way *way)
{
	enum link_state link =
		session_is_own(device) ? device->record->life.link : host->facts.uplink;

	way->devices++;
	way->connected += link == LINK_UP;
	way->connecting += link == LINK_CONNECTING;
	way->refused += link == LINK_REFUSED;
}

struct telling {
	const struct host *host;
	api_way_fn each;
	void *userdata;
};

static void tell_way(void *userdata, const char *platform)
{
	const struct telling *telling = userdata;
	const struct host *host = telling->host;
	const struct platform_driver *driver = platform_driver_by_name(platform);
	struct api_way way = {.platform = platform, .link = host->facts.uplink};
	const struct device *device;

	network_place(host, platform, &way.host, &way.port);
	way.shared = driver && (driver->describe()->supports & PLATFORM_SHARED_SESSION);
	for (device = registry_first(host->registry); device; device = registry_next(device))
		if (!strcmp(device->record->platform, platform) && is_to_be_connected(device))
			count_device(host, device, &way);
	telling->each(telling->userdata, &way);
}

void network_ways(const struct host *host, api_way_fn each, void *each_userdata)
{
	struct telling telling = {.host = host, .each = each, .userdata = each_userdata};

	network_platforms(host, tell_way, &telling);
}
