/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A device that answers by itself: it is probed, told, asked and watched as it comes and goes.
 */

#include "host/host.h"

/* ---- probe.c ---- */
void device_host_probe(struct host *host, struct device *device);
/* The same from links that it gave by itself: they are not asked for. */
void device_host_probe_links(struct host *host, struct device *device,
	const struct device_driver *driver, const struct device_links *links);
/* The driver for a device with these links, and what it found; NULL when there is none. */
struct link_list;
const struct device_driver *device_host_match(struct host *host, const char *ep,
	const struct link_list *list, struct device_links *ret_links);
/* True when the device can be asked for something now; otherwise it is probed first if it can be.
 */
bool device_host_is_ready(struct device_host *part);
/* Sends a driver's request. Exactly one of reply and done is used after 0: reply only while the
 * device is there, and the hardware behind it is the same. */
struct device_call {
	struct device_host *part; /* filled by device_host_ask(), and so is the next */
	uint64_t hardware;	  /* who was asked */
	void (*reply)(struct device_host *part, int result, uint8_t code, int format,
		struct span payload);
	void (*done)(void *userdata, int result);
	void *userdata;
};
/* The same at another address than the device's own, with the key of this identity (NULL: in
 * clear). */
int device_host_ask_at(struct device_host *part, const struct device_address *address,
	const char *identity, const struct device_request *request, const struct device_call *call);
int device_host_ask(struct device_host *part, const struct device_request *request,
	const struct device_call *call);

/* ---- device-host.c ---- */
void device_host_on_appeared(struct host *host, const struct discovery_sighting *sighting);
void device_host_on_vanished(struct host *host, const struct discovery_sighting *sighting);
void device_host_tell(struct host *host, struct device *device);
/* done(result): 0 it blinks, -ENOTSUP it cannot, other negative errno: not reached. */
void device_host_identify(struct host *host, struct device *device, uint32_t seconds,
	void (*done)(void *userdata, int result), void *userdata);
/* A failed probe is repeated after a while. */
void device_host_plan_probe(struct host *host, struct device *device, uint64_t delay_usec);
/* What it missed while it was not probed. */
void device_host_catch_up(struct host *host, struct device *device);
