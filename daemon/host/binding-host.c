/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A plain device is bound to interface, IP and MAC (core/binding.h). With a new lease it comes from
 * another IP with the same MAC, and has passed Echo there: its record follows, and the message is
 * taken. A device with two addresses (IPv4 and IPv6, say) would make its record go to and fro, so
 * beyond some moves a minute it is served without the record being written.
 *
 * Somebody else's MAC at a device's address is somebody else. Nobody is suspended for it: who is
 * bound goes on working, wherever it is found by its MAC.
 */

#include "host/binding-host.h"
#include "host/device-host.h"
#include "host/effect.h"
#include "host/journal.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "core/binding.h"

#define MOVES_A_MINUTE 6
#define MOVES_AT_ONCE  4

struct binding_edit {
	struct device_address address;
	char mac[MAC_TEXT_SIZE];
};

static int edit_bound(struct device_record *next, const void *argument, const char **ret_why)
{
	const struct binding_edit *edit = argument;

	/* Meanwhile somebody may have decided otherwise. */
	if (binding_of(next, &edit->address, edit->mac) == BINDING_CONFLICT) {
		*ret_why = "It is bound elsewhere now.";
		return -ESTALE;
	}
	binding_set(next, &edit->address, edit->mac);
	return 0;
}

static void submit(struct host *host, struct device *device, const struct device_address *address,
	const char *mac, bool moved)
{
	struct binding_edit edit = {.address = *address};
	struct audit_row audit;
	char text[80];

	strncpy(edit.mac, mac, sizeof(edit.mac) - 1);
	audit_row_init(&audit, "device", "", device_address_to_string(address, text), DEED_MOVE,
		device->record->id, "mac", audit_result(AUDIT_MOVED));
	host_submit(host, device,
		&(const struct submission){
			.event = LIFE_EVENTS,
			.edit = edit_bound,
			.argument = &edit,
			.argument_size = sizeof(edit),
			.audit = moved ? &audit : NULL,
		});
}

static void move(struct host *host, struct device *device, const struct device_address *address,
	const char *mac)
{
	if (!ratelimit_take(&device_host(device)->moves, MOVES_A_MINUTE / 60.0, MOVES_AT_ONCE,
		    clock_boot_usec(), NULL))
		return;
	log_device(LOG_NOTICE, device->record->id,
		"It has another address and the same MAC: it was bound to the new one.");
	submit(host, device, address, mac, true);
}

bool binding_fits(struct host *host, struct device *device, const struct lan_peer *peer)
{
	switch (binding_of(device->record, &peer->address, peer->mac)) {
	case BINDING_FITS:
		return true;
	case BINDING_LEARNED:
		/* What only announced itself learns it when it is asked. */
		if (device->on_disk && !device->saving)
			submit(host, device, &device->record->address, peer->mac, false);
		return true;
	case BINDING_MOVED:
		if (!peer->verified)
			return false;
		move(host, device, &peer->address, peer->mac);
		return true;
	case BINDING_CONFLICT:
		break;
	}
	return false;
}

bool binding_holds(struct host *host, struct device *device, const struct lan_peer *peer)
{
	return device->record->address_bound
		       ? binding_fits(host, device, peer)
		       : device_address_same_host(&device->record->address, &peer->address);
}

bool binding_still_fits(struct host *host, struct device *device)
{
	char mac[MAC_TEXT_SIZE] = "";

	if (host->lan)
		lan_mac(host->lan, &device->record->address, mac);
	return !device->record->mac[0] || !mac[0] || !strcmp(device->record->mac, mac);
}

/* ---- a server that is announced elsewhere ---- */

static void on_asked(
	struct device_host *part, int result, uint8_t code, int format, struct span payload)
{
	struct host *host = part->host;
	char mac[MAC_TEXT_SIZE] = "";

	part->following = false;
	if (result < 0)
		return;
	lan_mac(host->lan, &part->follow_address, mac);
	if (binding_of(part->device->record, &part->follow_address, mac) != BINDING_MOVED) {
		host_turned_away(host, AWAY_NAME_CONFLICT, &part->follow_address);
		return;
	}
	move(host, part->device, &part->follow_address, mac);
}

void binding_follow(struct host *host, struct device *device, const struct device_address *address)
{
	struct device_host *part = device_host(device);
	struct device_request request = {.method = LAN_GET,
		.path = "/.well-known/core",
		.content_format = -1,
		.accept = -1,
		.answer_max = 1024};

	if (!device->record->mac[0] ||
		strcmp(device->record->address.interface, address->interface) != 0) {
		host_turned_away(host, AWAY_NAME_CONFLICT, address);
		return;
	}
	if (part->following)
		return;
	part->follow_address = *address;
	part->following = device_host_ask_at(part, address, NULL, &request,
				  &(const struct device_call){.reply = on_asked}) >= 0;
}

bool binding_refuses_plain(const struct host *host, const struct lan_peer *peer)
{
	const struct config_list *list = &host->config->plain_refused_on;

	if (peer->trust != TRUST_PLAIN)
		return false;
	for (unsigned i = 0; i < list->count; i++)
		if (!strcmp(list->item[i], peer->address.interface))
			return true;
	return host->config->plain == PLAIN_REFUSE;
}
