/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DNS-SD: the device is found as <ep>._coap._udp with the TXT keys v and ep. What stands there is a
 * hint for the gateway and no proof of anything; no secret belongs into it. Ending the client takes
 * the service away, and the network is told at once.
 */

#include <avahi-client/client.h>
#include <avahi-client/publish.h>
#include <avahi-common/alternative.h>
#include <avahi-common/error.h>
#include <avahi-common/malloc.h>
#include <avahi-common/simple-watch.h>
#include <stdio.h>
#include <stdlib.h>

#include "sensor.h"

struct advertisement {
	AvahiSimplePoll *poll;
	AvahiClient *client;
	AvahiEntryGroup *group;
	char *name; /* avahi memory */
	const struct sensor *sensor;
};

static void service_add(struct advertisement *advertisement);

static void group_changed(AvahiEntryGroup *group, AvahiEntryGroupState state, void *userdata)
{
	struct advertisement *advertisement = userdata;

	(void)group;
	if (state == AVAHI_ENTRY_GROUP_ESTABLISHED) {
		event_print("advertised", json_pack("{s:s}", "name", advertisement->name));
	} else if (state == AVAHI_ENTRY_GROUP_COLLISION) {
		char *other = avahi_alternative_service_name(advertisement->name);
		avahi_free(advertisement->name);
		advertisement->name = other;
		service_add(advertisement);
	}
}

static void service_add(struct advertisement *advertisement)
{
	const struct options *options = &advertisement->sensor->options;
	char ep[80];

	if (!advertisement->group)
		advertisement->group =
			avahi_entry_group_new(advertisement->client, group_changed, advertisement);
	if (!advertisement->group)
		return;
	snprintf(ep, sizeof(ep), "ep=%s", options->ep);
	avahi_entry_group_reset(advertisement->group);
	int r = avahi_entry_group_add_service(advertisement->group, AVAHI_IF_UNSPEC,
		AVAHI_PROTO_UNSPEC, 0, advertisement->name,
		options->psk_size > 0 ? "_coaps._udp" : "_coap._udp", NULL, NULL, options->port,
		"v=1", ep, NULL);
	if (r >= 0)
		r = avahi_entry_group_commit(advertisement->group);
	if (r < 0)
		fprintf(stderr, "gatehouse-sensor: avahi: %s\n", avahi_strerror(r));
}

static void client_changed(AvahiClient *client, AvahiClientState state, void *userdata)
{
	struct advertisement *advertisement = userdata;

	advertisement->client = client;
	if (state == AVAHI_CLIENT_S_RUNNING)
		service_add(advertisement);
	else if (advertisement->group &&
		 (state == AVAHI_CLIENT_S_COLLISION || state == AVAHI_CLIENT_S_REGISTERING))
		avahi_entry_group_reset(advertisement->group);
}

int advertise_begin(struct sensor *sensor, struct advertisement **ret)
{
	struct advertisement *advertisement = calloc(1, sizeof(*advertisement));
	int error = 0;

	if (!advertisement)
		return -1;
	advertisement->sensor = sensor;
	advertisement->name = avahi_strdup(sensor->options.ep);
	advertisement->poll = avahi_simple_poll_new();
	AvahiClient *client = avahi_client_new(avahi_simple_poll_get(advertisement->poll),
		AVAHI_CLIENT_NO_FAIL, client_changed, advertisement, &error);
	if (!client) {
		fprintf(stderr, "gatehouse-sensor: avahi: %s\n", avahi_strerror(error));
		advertise_end(advertisement);
		return -1;
	}
	advertisement->client = client;
	*ret = advertisement;
	return 0;
}

void advertise_work(struct advertisement *advertisement)
{
	avahi_simple_poll_iterate(advertisement->poll, 0);
}

struct advertisement *advertise_end(struct advertisement *advertisement)
{
	if (!advertisement)
		return NULL;
	if (advertisement->client)
		avahi_client_free(advertisement->client); /* and its group */
	if (advertisement->poll)
		avahi_simple_poll_free(advertisement->poll);
	avahi_free(advertisement->name);
	free(advertisement);
	return NULL;
}
