/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * DNS-SD through avahi-daemon: announces the gateway (_coap._udp, _core-rd._udp with TXT v=1,
 * rt=gatehouse) and browses _coap._udp and _coaps._udp. Hints only, never identity. The daemon may
 * be absent, hang, die or come back: we carry on and try again with back-off. At most
 * LIMIT_SIGHTINGS services are remembered; resolvers are freed as soon as they answered. Only
 * addresses on the given interfaces count, and those of the routed prefixes; CNAME or foreign
 * targets are Avahi's business and not followed.
 *
 * The Avahi client lives on a thread of its own; what is called here is called on the loop.
 */

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "core/config.h"
#include "core/device.h"
#include "core/limits.h"

struct discovery;

struct discovery_sighting {
	char ep[EP_MAX + 1]; /* TXT ep, else the instance name if it is a valid endpoint name */
	char service[65];    /* instance name, printable */
	struct device_address address;
	char info_rt[65]; /* TXT rt */
	char path[128];	  /* TXT path, default "/.well-known/core" */
	bool secure;	  /* of _coaps._udp: the port speaks DTLS and nothing else */
	enum found_by found_by;
};

struct discovery_ops {
	void (*appeared)(
		void *userdata, const struct discovery_sighting *sighting); /* or changed */
	void (*vanished)(void *userdata, const struct discovery_sighting *sighting);
	/* avahi-daemon reachable or not; called when it changes */
	void (*state)(void *userdata, bool available, const char *why);
};

struct discovery_options {
	const struct config_list *interfaces;
	const struct config_list *routed; /* prefixes, see address_is_routed(); NULL = none */
	const char *gateway_id;		  /* instance name "gatehouse <id>" */
	uint16_t port;			  /* of our CoAP server */
	uint16_t secure_port;		  /* the same with DTLS; 0 = none */
	struct limits *limits;		  /* loop only */
};
int discovery_new(sd_event *loop, const struct discovery_options *options,
	const struct discovery_ops *ops, void *userdata, struct discovery **ret);
/* Tells all that is announced once more. */
void discovery_repeat(struct discovery *discovery);
/* Waits for the thread at most 2 s; one that hangs in Avahi is left to itself and touches nothing
 * of ours any more. */
struct discovery *discovery_free(struct discovery *discovery);
