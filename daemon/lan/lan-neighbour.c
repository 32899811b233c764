/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose MAC is behind a verified address. The kernel is asked at most once a second for each: an
 * address does not change hands faster than that, and readings come a thousand times as fast. What
 * was shown by Echo was shown by whoever had the address then; with another MAC it is shown anew.
 */

#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "lan/lan-internal.h"
#include "lan/neighbour.h"

#define FRESH_USEC USEC_PER_SEC

struct neighbour {
	struct peer_entry entry;
	uint64_t asked_usec;
	char mac[MAC_TEXT_SIZE];
};

int lan_neighbours_open(struct lan *lan)
{
	/* Without it addresses are bound as routed ones are. */
	lan->neighbour_fd = neighbour_open();
	if (lan->neighbour_fd < 0)
		log_warning("The neighbour table cannot be asked: %s. Devices are bound to their "
			    "IP alone.",
			strerror(-lan->neighbour_fd));
	return peer_table_init(&lan->neighbours, lan->limits->value[LIMIT_VERIFIED_ADDRESSES],
		sizeof(struct neighbour), NULL);
}

void lan_neighbours_close(struct lan *lan)
{
	if (lan->neighbour_fd >= 0)
		close(lan->neighbour_fd);
	peer_table_done(&lan->neighbours);
}

static unsigned index_of(const struct lan *lan, const char *interface)
{
	for (unsigned i = 0; i < lan->interface_count; i++)
		if (!strcmp(lan->interfaces[i].name, interface))
			return lan->interfaces[i].index;
	return 0;
}

/* The MAC of now; true when it is another one than the last that was seen there. */
static bool look(struct lan *lan, const struct device_address *address, char ret_mac[MAC_TEXT_SIZE])
{
	struct neighbour *known =
		(struct neighbour *)peer_table_find(&lan->neighbours, address, "");
	struct peer_entry *made;
	uint64_t now = clock_boot_usec();
	char mac[MAC_TEXT_SIZE];
	bool changed;

	if (known && known->asked_usec && now - known->asked_usec < FRESH_USEC) {
		memcpy(ret_mac, known->mac, MAC_TEXT_SIZE);
		return false;
	}
	neighbour_find(lan->neighbour_fd, &address->ip, index_of(lan, address->interface), mac);
	memcpy(ret_mac, mac, MAC_TEXT_SIZE);
	if (!known && peer_table_add(&lan->neighbours, address, "", &made) >= 0)
		known = (struct neighbour *)made;
	if (!known)
		return false;
	changed = known->mac[0] && mac[0] && strcmp(known->mac, mac) != 0;
	known->asked_usec = now;
	/* An entry that the kernel dropped says nothing about who comes next. */
	if (mac[0])
		memcpy(known->mac, mac, MAC_TEXT_SIZE);
	return changed;
}

void lan_neighbour_note(struct lan *lan, struct lan_peer *peer)
{
	if (!peer->verified)
		return;
	if (look(lan, &peer->address, peer->mac)) {
		echo_forget(lan->echo, &peer->address);
		peer->verified = false;
	}
}

void lan_mac(struct lan *lan, const struct device_address *address, char ret_mac[MAC_TEXT_SIZE])
{
	if (look(lan, address, ret_mac))
		echo_forget(lan->echo, address);
}
