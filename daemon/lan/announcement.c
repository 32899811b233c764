/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One entry group holds the services, CoAP, the same with DTLS, and the resource directory (RFC
 * 9176 section 4.1.1), on all interfaces. When another one on the link has the name, we take the
 * next free one ("gatehouse plant-7 #2"): the name is for people, nobody relies on it.
 */

#include "lan/announcement.h"

#include <avahi-client/publish.h>
#include <avahi-common/alternative.h>
#include <avahi-common/error.h>
#include <avahi-common/malloc.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/log.h"

struct announcement {
	const struct config_list *interfaces;
	uint16_t port, secure_port;
	char *name; /* avahi memory */
	AvahiEntryGroup *group;
};

static void group_fill(struct announcement *announcement);

static void group_changed(AvahiEntryGroup *group, AvahiEntryGroupState state, void *userdata)
{
	struct announcement *announcement = userdata;

	switch (state) {
	case AVAHI_ENTRY_GROUP_COLLISION: {
		char *other = avahi_alternative_service_name(announcement->name);
		if (!other)
			return;
		avahi_free(announcement->name);
		announcement->name = other;
		group_fill(announcement);
		break;
	}
	case AVAHI_ENTRY_GROUP_FAILURE:
		log_warning("The gateway is not announced by mDNS: %s",
			avahi_strerror(avahi_client_errno(avahi_entry_group_get_client(group))));
		break;
	case AVAHI_ENTRY_GROUP_ESTABLISHED:
		log_info("Announced by mDNS as \"%s\".", announcement->name);
		break;
	case AVAHI_ENTRY_GROUP_UNCOMMITED:
	case AVAHI_ENTRY_GROUP_REGISTERING:
		break;
	}
}

static int service_add(struct announcement *announcement, unsigned index)
{
	const struct {
		const char *type;
		uint16_t port;
	} services[] = {
		{"_coap._udp", announcement->port},
		{"_core-rd._udp", announcement->port},
		{"_coaps._udp", announcement->secure_port},
	};
	int r = AVAHI_OK;

	for (size_t i = 0; r >= 0 && i < ELEMENTS(services); i++)
		if (services[i].port != 0)
			r = avahi_entry_group_add_service(announcement->group, (AvahiIfIndex)index,
				AVAHI_PROTO_UNSPEC, 0, announcement->name, services[i].type, NULL,
				NULL, services[i].port, "v=1", "rt=gatehouse", NULL);
	if (r != AVAHI_ERR_COLLISION)
		return r;
	/* taken on this very host */
	char *other = avahi_alternative_service_name(announcement->name);
	if (!other)
		return AVAHI_ERR_NO_MEMORY;
	avahi_free(announcement->name);
	announcement->name = other;
	return r;
}

static void group_fill(struct announcement *announcement)
{
	int r = AVAHI_ERR_COLLISION;

	/* A handful of gateways on one host is plenty. */
	for (int tries = 0; r == AVAHI_ERR_COLLISION && tries < 8; tries++) {
		avahi_entry_group_reset(announcement->group);
		r = AVAHI_OK;
		for (unsigned i = 0; r >= 0 && i < announcement->interfaces->count; i++) {
			unsigned index = if_nametoindex(announcement->interfaces->item[i]);
			if (index != 0)
				r = service_add(announcement, index);
		}
	}
	if (r >= 0 && !avahi_entry_group_is_empty(announcement->group))
		r = avahi_entry_group_commit(announcement->group);
	if (r < 0)
		log_warning("The gateway is not announced by mDNS: %s", avahi_strerror(r));
}

int announcement_new(const struct config_list *interfaces, const char *gateway_id, uint16_t port,
	uint16_t secure_port, struct announcement **ret)
{
	struct announcement *announcement = calloc(1, sizeof(*announcement));
	char name[64]; /* a label of DNS */

	if (!announcement)
		return -ENOMEM;
	snprintf(name, sizeof(name), "gatehouse %s", gateway_id);
	announcement->interfaces = interfaces;
	announcement->port = port;
	announcement->secure_port = secure_port;
	announcement->name = avahi_strdup(name);
	if (!announcement->name) {
		free(announcement);
		return -ENOMEM;
	}
	*ret = announcement;
	return 0;
}

struct announcement *announcement_free(struct announcement *announcement)
{
	if (!announcement)
		return NULL;
	announcement_withdraw(announcement);
	avahi_free(announcement->name);
	free(announcement);
	return NULL;
}

void announcement_publish(struct announcement *announcement, AvahiClient *client)
{
	if (!announcement->group)
		announcement->group = avahi_entry_group_new(client, group_changed, announcement);
	if (announcement->group)
		group_fill(announcement);
	else
		log_warning("The gateway is not announced by mDNS: %s",
			avahi_strerror(avahi_client_errno(client)));
}

void announcement_pause(struct announcement *announcement)
{
	if (announcement->group)
		avahi_entry_group_reset(announcement->group);
}

void announcement_withdraw(struct announcement *announcement)
{
	if (announcement && announcement->group)
		avahi_entry_group_free(announcement->group);
	if (announcement)
		announcement->group = NULL;
}
