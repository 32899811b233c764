/* SPDX-License-Identifier: Apache-2.0 */

/* A look at the machine: room on the disk, interfaces, sockets. Only calls that the
 * kernel answers at once: this runs on the loop. */

#include "host/doctor.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

static void look_at_disk(const char *directory, struct api_probe *probe)
{
	struct statvfs room;

	if (statvfs(directory, &room) < 0)
		return;
	probe->disk_free = (uint64_t)room.f_bavail * room.f_frsize;
	probe->disk_size = (uint64_t)room.f_blocks * room.f_frsize;
}

static void look_for_interfaces(const struct config_list *list, char *ret_text, size_t capacity)
{
	size_t used = 0;

	for (unsigned i = 0; i < list->count && used < capacity; i++)
		if (!if_nametoindex(list->item[i]))
			used += (size_t)snprintf(ret_text + used, capacity - used, "%s%s",
				used ? ", " : "", list->item[i]);
}

bool doctor_lacks_broadcast(const struct ifaddrs *row)
{
	const struct sockaddr_in *own = (const struct sockaddr_in *)row->ifa_addr;
	const struct sockaddr_in *broadcast = (const struct sockaddr_in *)row->ifa_broadaddr;

	return own && own->sin_family == AF_INET && (row->ifa_flags & IFF_BROADCAST) && broadcast &&
	       broadcast->sin_addr.s_addr == own->sin_addr.s_addr;
}

static bool is_served(const struct config_list *list, const char *name)
{
	size_t size = strcspn(name, ":"); /* behind it is the label of a further address */

	for (unsigned i = 0; i < list->count; i++)
		if (strlen(list->item[i]) == size && !strncmp(list->item[i], name, size))
			return true;
	return false;
}

static void look_for_broadcast(const struct config_list *list, char *ret_text, size_t capacity)
{
	char address[INET_ADDRSTRLEN];
	struct ifaddrs *rows;
	size_t used = 0;

	if (!lan_wants_broadcast_address() || getifaddrs(&rows) < 0)
		return;
	for (const struct ifaddrs *row = rows; row && used < capacity; row = row->ifa_next)
		if (is_served(list, row->ifa_name) && doctor_lacks_broadcast(row))
			used += (size_t)snprintf(ret_text + used, capacity - used, "%s%s of %s",
				used ? ", " : "",
				inet_ntop(AF_INET,
					&((const struct sockaddr_in *)row->ifa_addr)->sin_addr,
					address, sizeof(address)),
				row->ifa_name);
	freeifaddrs(rows);
}

/* The page gave the socket to the group if there is one. */
static bool socket_has_group(const char *directory)
{
	char path[300];
	struct stat st;

	snprintf(path, sizeof(path), "%s/control.sock", directory);
	return stat(path, &st) == 0 && st.st_gid != 0 && (st.st_mode & S_IRWXG);
}

static void look_at_sockets(const struct host *host, struct api_probe *probe)
{
	struct lan_stats stats;

	if (!host->lan)
		return;
	lan_stats(host->lan, &stats);
	probe->receive_wanted = stats.receive_wanted;
	probe->receive_buffer = stats.receive_buffer;
	probe->receive_dropped = stats.receive_dropped;
}

void doctor_probe(struct host *host, struct api_probe *ret_probe)
{
	*ret_probe =
		(struct api_probe){.has_group = socket_has_group(host->config->runtime_directory)};
	look_at_disk(host->config->state_directory, ret_probe);
	look_for_interfaces(&host->config->lan_interfaces, ret_probe->missing_interfaces,
		sizeof(ret_probe->missing_interfaces));
	look_for_broadcast(&host->config->lan_interfaces, ret_probe->mute_addresses,
		sizeof(ret_probe->mute_addresses));
	look_at_sockets(host, ret_probe);
}
