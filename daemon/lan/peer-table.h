/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A bounded table of peers: what we know of an address, or of a name at an address. At its limit
 * the peer that was not heard for the longest time goes. Entries are intrusive: the caller's
 * structure begins with struct peer_entry. The hash is seeded, because others choose the keys.
 */

#include <stddef.h>
#include <stdint.h>

#include "core/device.h"

struct peer_entry {
	struct peer_entry *next;	  /* in its bucket */
	struct peer_entry *older, *newer; /* by use */
	uint64_t hash;
	struct in6_addr ip;
	char interface[16];
	char *ep; /* "" or a name, owned */
};

struct peer_table {
	struct peer_entry **buckets;
	size_t bucket_count; /* a power of two */
	size_t count, max;
	size_t entry_size;
	uint64_t seed;
	struct peer_entry *oldest, *newest;
	void (*clear)(
		struct peer_entry *entry); /* frees what the caller put into it; may be NULL */
};

/* max at least 1. 0 or -ENOMEM. */
int peer_table_init(struct peer_table *table, size_t max, size_t entry_size,
	void (*clear)(struct peer_entry *entry));
void peer_table_done(struct peer_table *table);

/* The entry of this ip, interface and name (letter case does not matter), made the newest; or NULL.
 * The port is no part of the key: it may change. */
struct peer_entry *peer_table_find(
	struct peer_table *table, const struct device_address *address, const char *ep);
/* A new entry, zeroed behind its head; the caller has looked that there is none. 1: another one had
 * to go for it; 0: there was room; -ENOMEM. */
int peer_table_add(struct peer_table *table, const struct device_address *address, const char *ep,
	struct peer_entry **ret);
void peer_table_remove(struct peer_table *table, struct peer_entry *entry);
