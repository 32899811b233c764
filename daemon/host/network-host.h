/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the gateway listens on, and the ways out: for whoever asks how the machine is connected. */

#include "host/host.h"

/* The interfaces of the configuration, with their addresses now. */
void network_interfaces(const struct host *host, api_interface_fn each, void *each_userdata);
/* The platforms of the configuration, the default first, and how their devices are connected. */
void network_ways(const struct host *host, api_way_fn each, void *each_userdata);
/* Where something goes there: host and port, "" and 0 = nowhere. */
void network_place(
	const struct host *host, const char *platform, const char **ret_host, uint16_t *ret_port);
/* Calls each() for each name of a platform that devices may go to, the default first. */
void network_platforms(const struct host *host, void (*each)(void *userdata, const char *platform),
	void *userdata);
