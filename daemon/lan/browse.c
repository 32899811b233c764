/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DNS-SD on a thread of its own (discovery.c), because Avahi's client library makes blocking calls
 * over D-Bus: a hung avahi-daemon holds this thread and nobody else. 'loop' is that thread's loop.
 *
 * There is one Avahi client at a time. With its no-fail flag it waits for avahi-daemon by
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

#include "lan/browse.h"

#include <avahi-client/client.h>
#include <avahi-client/lookup.h>
#include <avahi-common/error.h>
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "lan/announcement.h"
#include "lan/avahi-poll.h"
#include "lan/sighting.h"

static const char *const service_types[] = {"_coap._udp", "_coaps._udp"};
#define SERVICE_TYPES ELEMENTS(service_types)

enum { PROTOCOL_IPV4 = 1, PROTOCOL_IPV6 = 2 };

struct entry {
	struct entry *next, **at;
	struct browse *browse;
	AvahiIfIndex interface;
	char *service, *type, *domain;
	unsigned protocols; /* announced over */
	unsigned resolving; /* the one that is being resolved, 0 = none */
	unsigned resolved;  /* the one whose address was told, 0 = nothing told */
	AvahiServiceResolver *resolver;
	struct discovery_sighting sighting;
};

struct browse {
	sd_event *loop;
	struct browse_ops ops;
	void *userdata;
	size_t entries_max;
	struct config_list interfaces;
	struct prefixes routed;
	struct announcement *announcement;
	struct avahi_poll *poll;
	AvahiClient *client;
	AvahiServiceBrowser *browsers[SERVICE_TYPES];
	struct entry *entries;
	size_t entry_count;
	sd_event_source *retry;
	struct backoff backoff;
	bool available, told;
};

DEFINE_CLEANUP(struct browse *, browse_free, cleanup_browse)

static void state_tell(struct browse *browse, bool available, const char *why)
{
	if (browse->told && browse->available == available)
		return;
	browse->told = true;
	browse->available = available;
	browse->ops.state(browse->userdata, available, why);
}

static void entry_tell_vanished(struct entry *entry)
{
	struct browse *browse = entry->browse;

	if (entry->resolved == 0)
		return;
	entry->resolved = 0;
	browse->ops.vanished(browse->userdata, &entry->sighting);
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
	entry->browse->entry_count--;
	free(entry->service);
	free(entry->type);
	free(entry->domain);
	free(entry);
}

static bool interface_is_ours(
	const struct browse *browse, AvahiIfIndex index, char name[IF_NAMESIZE])
{
	if (index <= 0 || !if_indextoname((unsigned)index, name))
		return false;
	for (unsigned i = 0; i < browse->interfaces.count; i++)
		if (strcmp(browse->interfaces.item[i], name) == 0)
			return true;
	return false;
}

static void resolved(AvahiServiceResolver *resolver, AvahiIfIndex index, AvahiProtocol protocol,
	AvahiResolverEvent event, const char *name, const char *type, const char *domain,
	const char *host, const AvahiAddress *address, uint16_t port, AvahiStringList *txt,
	AvahiLookupResultFlags flags, void *userdata)
{
	struct entry *entry = userdata;
	struct browse *browse = entry->browse;
	unsigned which = entry->resolving;
	struct discovery_sighting sighting;
	char interface[IF_NAMESIZE];

	(void)resolver, (void)protocol, (void)type, (void)domain, (void)host, (void)flags;
	entry_stop_resolving(entry);
	if (event != AVAHI_RESOLVER_FOUND || !interface_is_ours(browse, index, interface))
		return;
	if (sighting_read(name, interface, &browse->routed, address, port, txt, &sighting) < 0)
		return;
	sighting.secure = strcasecmp(entry->type, "_coaps._udp") == 0;
	entry->sighting = sighting;
	entry->resolved = which;
	browse->ops.appeared(browse->userdata, &entry->sighting);
}

static void entry_resolve(struct entry *entry)
{
	struct browse *browse = entry->browse;
	unsigned which = entry->protocols & PROTOCOL_IPV4 ? PROTOCOL_IPV4 : PROTOCOL_IPV6;
	AvahiProtocol protocol = which == PROTOCOL_IPV4 ? AVAHI_PROTO_INET : AVAHI_PROTO_INET6;

	entry->resolver = avahi_service_resolver_new(browse->client, entry->interface, protocol,
		entry->service, entry->type, entry->domain, protocol, 0, resolved, entry);
	if (entry->resolver)
		entry->resolving = which;
	else
		log_debug("Cannot resolve a service: %s",
			avahi_strerror(avahi_client_errno(browse->client)));
}

static struct entry *entry_find(struct browse *browse, AvahiIfIndex interface, const char *service,
	const char *type, const char *domain)
{
	for (struct entry *at = browse->entries; at; at = at->next)
		if (at->interface == interface && strcasecmp(at->service, service) == 0 &&
			strcasecmp(at->type, type) == 0 && strcasecmp(at->domain, domain) == 0)
			return at;
	return NULL;
}

static struct entry *entry_new(struct browse *browse, AvahiIfIndex interface, const char *service,
	const char *type, const char *domain)
{
	if (browse->entry_count >= browse->entries_max) {
		browse->ops.overflowed(browse->userdata);
		return NULL;
	}
	struct entry *entry = calloc(1, sizeof(*entry));
	if (!entry)
		return NULL;
	entry->browse = browse;
	entry->interface = interface;
	entry->service = strdup(service);
	entry->type = strdup(type);
	entry->domain = strdup(domain);
	entry->next = browse->entries;
	entry->at = &browse->entries;
	if (entry->next)
		entry->next->at = &entry->next;
	browse->entries = entry;
	browse->entry_count++;
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
	struct browse *browse = userdata;
	char interface_name[IF_NAMESIZE];

	(void)browser;
	if ((event != AVAHI_BROWSER_NEW && event != AVAHI_BROWSER_REMOVE) ||
		(flags & AVAHI_LOOKUP_RESULT_OUR_OWN))
		return;
	unsigned which = protocol == AVAHI_PROTO_INET ? PROTOCOL_IPV4 : PROTOCOL_IPV6;
	struct entry *entry = entry_find(browse, interface, name, type, domain);
	if (event == AVAHI_BROWSER_REMOVE) {
		if (entry)
			service_removed(entry, which);
		return;
	}
	if (!entry && interface_is_ours(browse, interface, interface_name))
		entry = entry_new(browse, interface, name, type, domain);
	if (!entry)
		return;
	entry->protocols |= which;
	if (entry->resolved == 0 && entry->resolving == 0)
		entry_resolve(entry);
}

static void entries_forget(struct browse *browse)
{
	while (browse->entries) {
		entry_tell_vanished(browse->entries);
		entry_free(browse->entries);
	}
}

/* Not from Avahi's callbacks. */
static void client_drop(struct browse *browse)
{
	entries_forget(browse);
	for (size_t i = 0; i < SERVICE_TYPES; i++) {
		if (browse->browsers[i])
			avahi_service_browser_free(browse->browsers[i]);
		browse->browsers[i] = NULL;
	}
	announcement_withdraw(browse->announcement);
	if (browse->client)
		avahi_client_free(browse->client);
	browse->client = NULL;
}

static int client_try(sd_event_source *source, uint64_t usec, void *userdata);

static void client_lost(struct browse *browse, const char *why)
{
	state_tell(browse, false, why);
	loop_timer_set(browse->loop, &browse->retry, backoff_next(&browse->backoff), client_try,
		browse, "browse-retry");
}

static void client_running(struct browse *browse, AvahiClient *client)
{
	backoff_reset(&browse->backoff);
	state_tell(browse, true, "");
	announcement_publish(browse->announcement, client);
	for (size_t i = 0; i < SERVICE_TYPES; i++) {
		if (!browse->browsers[i])
			browse->browsers[i] = avahi_service_browser_new(client, AVAHI_IF_UNSPEC,
				AVAHI_PROTO_UNSPEC, service_types[i], NULL, 0, browsed, browse);
		if (!browse->browsers[i]) {
			client_lost(browse, avahi_strerror(avahi_client_errno(client)));
			return;
		}
	}
}

static void client_changed(AvahiClient *client, AvahiClientState state, void *userdata)
{
	struct browse *browse = userdata;

	browse->client = client; /* the first call comes from inside avahi_client_new() */
	switch (state) {
	case AVAHI_CLIENT_S_RUNNING:
		client_running(browse, client);
		break;
	case AVAHI_CLIENT_S_REGISTERING:
	case AVAHI_CLIENT_S_COLLISION:
		/* The host name changes: what we announced goes with the old one. */
		announcement_pause(browse->announcement);
		break;
	case AVAHI_CLIENT_CONNECTING:
		state_tell(browse, false, "avahi-daemon is not running");
		break;
	case AVAHI_CLIENT_FAILURE:
		client_lost(browse, avahi_strerror(avahi_client_errno(client)));
		break;
	}
}

static int client_try(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct browse *browse = userdata;
	int error = 0;

	(void)source;
	(void)usec;
	client_drop(browse);
	AvahiClient *client = avahi_client_new(
		avahi_poll_get(browse->poll), AVAHI_CLIENT_NO_FAIL, client_changed, browse, &error);
	/* Where it fails at once, the callback may have seen a client that is gone now. */
	browse->client = client;
	if (!client)
		client_lost(browse, avahi_strerror(error));
	return 0;
}

int browse_new(sd_event *loop, const struct discovery_options *options,
	const struct browse_ops *ops, void *userdata, struct browse **ret)
{
	struct browse *browse CLEANUP(cleanup_browse) = calloc(1, sizeof(*browse));

	if (!browse)
		return -ENOMEM;
	*browse = (struct browse){
		.loop = sd_event_ref(loop),
		.ops = *ops,
		.userdata = userdata,
		.entries_max = options->limits->value[LIMIT_SIGHTINGS],
		.interfaces = *options->interfaces,
		.backoff = {.base_usec = USEC_PER_SEC, .cap_usec = 60 * USEC_PER_SEC},
	};
	if (options->routed)
		prefixes_read(options->routed, &browse->routed);
	int r = announcement_new(&browse->interfaces, options->gateway_id, options->port,
		options->secure_port, &browse->announcement);
	if (r >= 0)
		r = avahi_poll_new(loop, &browse->poll);
	/* From the loop, so that nobody is called back before this returns. */
	if (r >= 0)
		r = loop_timer_set(loop, &browse->retry, 0, client_try, browse, "browse-retry");
	if (r < 0)
		return r;
	*ret = STEAL(browse);
	return 0;
}

void browse_repeat(struct browse *browse)
{
	for (const struct entry *at = browse->entries; at; at = at->next)
		if (at->resolved != 0)
			browse->ops.appeared(browse->userdata, &at->sighting);
}

struct browse *browse_free(struct browse *browse)
{
	if (!browse)
		return NULL;
	/* Nothing vanished: we stop looking. */
	while (browse->entries)
		entry_free(browse->entries);
	client_drop(browse);
	announcement_free(browse->announcement);
	loop_source_free(browse->retry);
	avahi_poll_free(browse->poll);
	sd_event_unref(browse->loop);
	free(browse);
	return NULL;
}
