/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A chained hash table with a list by use through it. The number of buckets is fixed when the table
 * is made: the number of entries is bounded, so nothing has to grow at a moment that others choose.
 */

#include "lan/peer-table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/crypto.h"

static uint64_t mix(uint64_t state, uint64_t word)
{
	state = (state ^ word) * UINT64_C(0x9e3779b97f4a7c15);
	state ^= state >> 32;
	state *= UINT64_C(0xd6e8feb86659fd93);
	return state ^ state >> 29;
}

static uint64_t text_mix(uint64_t state, const char *text)
{
	for (; *text; text++) {
		char letter = *text >= 'A' && *text <= 'Z' ? (char)(*text | 0x20) : *text;
		state = (state ^ (uint8_t)letter) * UINT64_C(0x100000001b3);
	}
	return mix(state, 0);
}

static uint64_t entry_hash(
	const struct peer_table *table, const struct device_address *address, const char *ep)
{
	uint64_t words[2];

	memcpy(words, &address->ip, sizeof(words));
	return text_mix(
		text_mix(mix(mix(table->seed, words[0]), words[1]), address->interface), ep);
}

int peer_table_init(struct peer_table *table, size_t max, size_t entry_size,
	void (*clear)(struct peer_entry *entry))
{
	size_t count = 16;

	while (count < max / 2)
		count *= 2;
	struct peer_entry **buckets = calloc(count, sizeof(struct peer_entry *));
	if (!buckets)
		return -ENOMEM;
	*table = (struct peer_table){
		.buckets = buckets,
		.bucket_count = count,
		.max = max,
		.entry_size = entry_size,
		.seed = random_uint64(),
		.clear = clear,
	};
	return 0;
}

static struct peer_entry **bucket_of(struct peer_table *table, uint64_t hash)
{
	return &table->buckets[hash & (table->bucket_count - 1)];
}

static void list_remove(struct peer_table *table, struct peer_entry *entry)
{
	if (entry->older)
		entry->older->newer = entry->newer;
	else
		table->oldest = entry->newer;
	if (entry->newer)
		entry->newer->older = entry->older;
	else
		table->newest = entry->older;
}

static void list_append(struct peer_table *table, struct peer_entry *entry)
{
	entry->newer = NULL;
	entry->older = table->newest;
	if (table->newest)
		table->newest->newer = entry;
	else
		table->oldest = entry;
	table->newest = entry;
}

void peer_table_remove(struct peer_table *table, struct peer_entry *entry)
{
	struct peer_entry **at = bucket_of(table, entry->hash);

	while (*at != entry)
		at = &(*at)->next;
	*at = entry->next;
	list_remove(table, entry);
	table->count--;
	if (table->clear)
		table->clear(entry);
	free(entry->ep);
	free(entry);
}

void peer_table_done(struct peer_table *table)
{
	while (table->oldest)
		peer_table_remove(table, table->oldest);
	free(table->buckets);
	table->buckets = NULL;
}

struct peer_entry *peer_table_find(
	struct peer_table *table, const struct device_address *address, const char *ep)
{
	uint64_t hash = entry_hash(table, address, ep);

	for (struct peer_entry *entry = *bucket_of(table, hash); entry; entry = entry->next) {
		if (entry->hash != hash ||
			memcmp(&entry->ip, &address->ip, sizeof(entry->ip)) != 0 ||
			strcmp(entry->interface, address->interface) != 0 ||
			strcasecmp(entry->ep, ep) != 0)
			continue;
		if (entry != table->newest) {
			list_remove(table, entry);
			list_append(table, entry);
		}
		return entry;
	}
	return NULL;
}

int peer_table_add(struct peer_table *table, const struct device_address *address, const char *ep,
	struct peer_entry **ret)
{
	struct peer_entry *entry = calloc(1, table->entry_size);
	char *name = strdup(ep);
	int evicted = 0;

	if (!entry || !name) {
		free(entry);
		free(name);
		return -ENOMEM;
	}
	if (table->count >= table->max) {
		peer_table_remove(table, table->oldest);
		evicted = 1;
	}
	entry->ep = name;
	entry->ip = address->ip;
	memcpy(entry->interface, address->interface, sizeof(entry->interface));
	entry->hash = entry_hash(table, address, ep);
	struct peer_entry **bucket = bucket_of(table, entry->hash);
	entry->next = *bucket;
	*bucket = entry;
	list_append(table, entry);
	table->count++;
	*ret = entry;
	return evicted;
}
