/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DNS-SD. There is one Avahi client at a time. With its no-fail flag it waits for avahi-daemon by
 * itself; when the daemon goes away, or there is no D-Bus, we throw the client away and make
 * another one after a back-off. It is never freed inside its own callbacks: they only arm the
 * timer.
 *
 * The browser tells each service once for each interface and protocol (IPv4, IPv6). For us a
 * service is one sighting for each interface: the first address that resolves stands for it, and
 * when that protocol is withdrawn the other one is resolved in its place. Resolvers are freed as
 * soon as they answered, because avahi-daemon gives each client a limited number of objects.
 *
 * When the daemon is lost everything counts as vanished: what is not watched is not known.
 */

#include "lan/discovery.h"

#include <avahi-client/client.h>
#include <avahi-client/lookup.h>
#include <avahi-common/error.h>
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "lan/announcement.h"
#include "lan/avahi-poll.h"
#include "lan/sighting.h"

#define SERVICE_TYPE "_coap._udp"

enum { PROTOCOL_IPV4 = 1, PROTOCOL_IPV6 = 2 };

struct entry {
	struct entry *next, **at;
	struct discovery *discovery;
	AvahiIfIndex interface;
	char *service, *type, *domain;
	unsigned protocols; /* announced over */
	unsigned resolving; /* the one that is being resolved, 0 = none */
	unsigned resolved;  /* the one whose address was told, 0 = nothing told */
	AvahiServiceResolver *resolver;
	struct discovery_sighting sighting;
};

struct discovery {
	sd_event *loop;
	struct discovery_ops ops;
	void *userdata;
	struct limits *limits;
	struct config_list interfaces;
	struct announcement *announcement;
	struct avahi_poll *poll;
	AvahiClient *client;
	AvahiServiceBrowser *browser;
	struct entry *entries;
	size_t entry_count;
	sd_event_source *retry;
	struct backoff backoff;
	bool available, told;
};

DEFINE_CLEANUP(struct discovery *, discovery_free, cleanup_discovery)

static void state_tell(struct discovery *discovery, bool available, const char *why)
{
	if (discovery->told && discovery->available == available)
		return;
	discovery->told = true;
	discovery->available = available;
	if (discovery->ops.state)
		discovery->ops.state(discovery->userdata, available, why);
}

static void entry_tell_vanished(struct entry *entry)
{
	struct discovery *discovery = entry->discovery;

	if (entry->resolved == 0)
		return;
	entry->resolved = 0;
	discovery->ops.vanished(discovery->userdata, &entry->sighting);
}

static void entry_stop_resolving(struct entry *entry)
{
	if (entry->resolver)
		avahi_service_resolver_free(entry->resolver);
	entry->resolver = NULL;
	entry->resolving = 0;
}

static void entry_free(struct entry *entry)
{
	entry_stop_resolving(entry);
	*entry->at = entry->next;
	if (entry->next)
		entry->next->at = entry->at;
	entry->discovery->entry_count--;
	free(entry->service);
	free(entry->type);
	free(entry->domain);
	free(entry);
}

static bool interface_is_ours(
	const struct discovery *discovery, AvahiIfIndex index, char name[IF_NAMESIZE])
{
	if (index <= 0 || !if_indextoname((unsigned)index, name))
		return false;
	for (unsigned i = 0; i < discovery->interfaces.count; i++)
		if (strcmp(discovery->interfaces.item[i], name) == 0)
			return true;
	return false;
}

static void resolved(AvahiServiceResolver *resolver, AvahiIfIndex index, AvahiProtocol protocol,
	AvahiResolverEvent event, const char *name, const char *type, const char *domain,
	const char *host, const AvahiAddress *address, uint16_t port, AvahiStringList *txt,
	AvahiLookupResultFlags flags, void *userdata)
{
	struct entry *entry = userdata;
	struct discovery *discovery = entry->discovery;
	unsigned which = entry->resolving;
	struct discovery_sighting sighting;
	char interface[IF_NAMESIZE];

	(void)resolver, (void)protocol, (void)type, (void)domain, (void)host, (void)flags;
	entry_stop_resolving(entry);
	if (event != AVAHI_RESOLVER_FOUND || !interface_is_ours(discovery, index, interface))
		return;
	if (sighting_read(name, interface, address, port, txt, &sighting) < 0)
		return;
	entry->sighting = sighting;
	entry->resolved = which;
	discovery->ops.appeared(discovery->userdata, &entry->sighting);
}

static void entry_resolve(struct entry *entry)
{
	struct discovery *discovery = entry->discovery;
	unsigned which = entry->protocols & PROTOCOL_IPV4 ? PROTOCOL_IPV4 : PROTOCOL_IPV6;
	AvahiProtocol protocol = which == PROTOCOL_IPV4 ? AVAHI_PROTO_INET : AVAHI_PROTO_INET6;

	entry->resolver = avahi_service_resolver_new(discovery->client, entry->interface, protocol,
		entry->service, entry->type, entry->domain, protocol, 0, resolved, entry);
	if (entry->resolver)
		entry->resolving = which;
	else
		log_debug("Cannot resolve a service: %s",
			avahi_strerror(avahi_client_errno(discovery->client)));
}

static struct entry *entry_find(struct discovery *discovery, AvahiIfIndex interface,
	const char *service, const char *domain)
{
	for (struct entry *at = discovery->entries; at; at = at->next)
		if (at->interface == interface && strcasecmp(at->service, service) == 0 &&
			strcasecmp(at->domain, domain) == 0)
			return at;
	return NULL;
}

static struct entry *entry_new(struct discovery *discovery, AvahiIfIndex interface,
	const char *service, const char *type, const char *domain)
{
	if (discovery->entry_count >= discovery->limits->value[LIMIT_SIGHTINGS]) {
		discovery->limits->reached[LIMIT_SIGHTINGS]++;
		return NULL;
	}
	struct entry *entry = calloc(1, sizeof(*entry));
	if (!entry)
		return NULL;
	entry->discovery = discovery;
	entry->interface = interface;
	entry->service = strdup(service);
	entry->type = strdup(type);
	entry->domain = strdup(domain);
	entry->next = discovery->entries;
	entry->at = &discovery->entries;
	if (entry->next)
		entry->next->at = &entry->next;
	discovery->entries = entry;
	discovery->entry_count++;
	if (entry->service && entry->type && entry->domain)
		return entry;
	entry_free(entry);
	return NULL;
}

static void service_removed(struct entry *entry, unsigned which)
{
	entry->protocols &= ~which;
	if (entry->resolving == which)
		entry_stop_resolving(entry);
	if (entry->protocols == 0) {
		entry_tell_vanished(entry);
		entry_free(entry);
	} else if (entry->resolved == which) {
		/* The address that was told is gone; the next one is another sighting. */
		entry_tell_vanished(entry);
		if (!entry->resolver)
			entry_resolve(entry);
	}
}

static void browsed(AvahiServiceBrowser *browser, AvahiIfIndex interface, AvahiProtocol protocol,
	AvahiBrowserEvent event, const char *name, const char *type, const char *domain,
	AvahiLookupResultFlags flags, void *userdata)
{
	struct discovery *discovery = userdata;
	char interface_name[IF_NAMESIZE];

	(void)browser;
	if ((event != AVAHI_BROWSER_NEW && event != AVAHI_BROWSER_REMOVE) ||
		(flags & AVAHI_LOOKUP_RESULT_OUR_OWN))
		return;
	unsigned which = protocol == AVAHI_PROTO_INET ? PROTOCOL_IPV4 : PROTOCOL_IPV6;
	struct entry *entry = entry_find(discovery, interface, name, domain);
	if (event == AVAHI_BROWSER_REMOVE) {
		if (entry)
			service_removed(entry, which);
		return;
	}
	if (!entry && interface_is_ours(discovery, interface, interface_name))
		entry = entry_new(discovery, interface, name, type, domain);
	if (!entry)
		return;
	entry->protocols |= which;
	if (entry->resolved == 0 && entry->resolving == 0)
		entry_resolve(entry);
}

static void entries_forget(struct discovery *discovery)
{
	while (discovery->entries) {
		entry_tell_vanished(discovery->entries);
		entry_free(discovery->entries);
	}
}

/* Not from Avahi's callbacks. */
static void client_drop(struct discovery *discovery)
{
	entries_forget(discovery);
	if (discovery->browser)
		avahi_service_browser_free(discovery->browser);
	discovery->browser = NULL;
	announcement_withdraw(discovery->announcement);
	if (discovery->client)
		avahi_client_free(discovery->client);
	discovery->client = NULL;
}

static int client_try(sd_event_source *source, uint64_t usec, void *userdata);

static void client_lost(struct discovery *discovery, const char *why)
{
	state_tell(discovery, false, why);
	loop_timer_set(discovery->loop, &discovery->retry, backoff_next(&discovery->backoff),
		client_try, discovery, "discovery-retry");
}

static void client_running(struct discovery *discovery, AvahiClient *client)
{
	backoff_reset(&discovery->backoff);
	state_tell(discovery, true, "");
	announcement_publish(discovery->announcement, client);
	if (!discovery->browser)
		discovery->browser = avahi_service_browser_new(client, AVAHI_IF_UNSPEC,
			AVAHI_PROTO_UNSPEC, SERVICE_TYPE, NULL, 0, browsed, discovery);
	if (!discovery->browser)
		client_lost(discovery, avahi_strerror(avahi_client_errno(client)));
}

static void client_changed(AvahiClient *client, AvahiClientState state, void *userdata)
{
	struct discovery *discovery = userdata;

	discovery->client = client; /* the first call comes from inside avahi_client_new() */
	switch (state) {
	case AVAHI_CLIENT_S_RUNNING:
		client_running(discovery, client);
		break;
	case AVAHI_CLIENT_S_REGISTERING:
	case AVAHI_CLIENT_S_COLLISION:
		/* The host name changes: what we announced goes with the old one. */
		announcement_pause(discovery->announcement);
		break;
	case AVAHI_CLIENT_CONNECTING:
		state_tell(discovery, false, "avahi-daemon is not running");
		break;
	case AVAHI_CLIENT_FAILURE:
		client_lost(discovery, avahi_strerror(avahi_client_errno(client)));
		break;
	}
}

static int client_try(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct discovery *discovery = userdata;
	int error = 0;

	(void)source;
	(void)usec;
	client_drop(discovery);
	AvahiClient *client = avahi_client_new(avahi_poll_get(discovery->poll),
		AVAHI_CLIENT_NO_FAIL, client_changed, discovery, &error);
	/* Where it fails at once, the callback may have seen a client that is gone now. */
	discovery->client = client;
	if (!client)
		client_lost(discovery, avahi_strerror(error));
	return 0;
}

int discovery_new(sd_event *loop, const struct discovery_options *options,
	const struct discovery_ops *ops, void *userdata, struct discovery **ret)
{
	struct discovery *discovery CLEANUP(cleanup_discovery) = calloc(1, sizeof(*discovery));

	if (!discovery)
		return -ENOMEM;
	*discovery = (struct discovery){
		.loop = sd_event_ref(loop),
		.ops = *ops,
		.userdata = userdata,
		.limits = options->limits,
		.interfaces = *options->interfaces,
		.backoff = {.base_usec = USEC_PER_SEC, .cap_usec = 60 * USEC_PER_SEC},
	};
	int r = announcement_new(&discovery->interfaces, options->gateway_id, options->port,
		&discovery->announcement);
	if (r >= 0)
		r = avahi_poll_new(loop, &discovery->poll);
	/* From the loop, so that nobody is called back before this returns. */
	if (r >= 0)
		r = loop_timer_set(
			loop, &discovery->retry, 0, client_try, discovery, "discovery-retry");
	if (r < 0)
		return r;
	*ret = STEAL(discovery);
	return 0;
}

struct discovery *discovery_free(struct discovery *discovery)
{
	if (!discovery)
		return NULL;
	/* Nothing vanished: we stop looking. */
	while (discovery->entries)
		entry_free(discovery->entries);
	client_drop(discovery);
	announcement_free(discovery->announcement);
	loop_source_free(discovery->retry);
	avahi_poll_free(discovery->poll);
	sd_event_unref(discovery->loop);
	free(discovery);
	return NULL;
}
