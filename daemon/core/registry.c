/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All devices stand in one list, oldest first, and in four hash tables: by id, row, endpoint name
 * and bound address. The tables have one size and grow together when there are as many devices as
 * buckets; when there is no memory for that they only get slower. The hash is keyed, because names
 * and addresses are what others choose.
 *
 * What a table is keyed by lives in the record. So a record is never changed in place: whoever
 * wants to change it gives the next one to registry_replace(), which moves the device in the tables
 * by name and address. A device is in the table by address only while its address is bound; there
 * may be several at one (a simulator, a NAT).
 */

#include "core/registry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "core/limits.h"

#define BUCKETS_FIRST 64
#define SILENT_USEC   (60 * USEC_PER_SEC)

struct registry {
	struct device **bucket[REGISTRY_INDEXES];
	size_t buckets; /* of each; a power of two */
	uint64_t seed;
	struct device *oldest, *newest;
	size_t count;
	uint64_t next_row;
	device_destructor_fn destructor;
	void *destructor_userdata;
};

static char ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool ep_equal(const char *a, const char *b)
{
	while (*a && ascii_lower(*a) == ascii_lower(*b)) {
		a++;
		b++;
	}
	return *a == *b;
}

/* FNV-1a with a secret start. */
static uint64_t hash_byte(uint64_t hash, uint8_t byte)
{
	return (hash ^ byte) * UINT64_C(0x100000001b3);
}

static uint64_t hash_text(uint64_t hash, const char *text)
{
	for (; *text; text++)
		hash = hash_byte(hash, (uint8_t)ascii_lower(*text));
	return hash;
}

static uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t size)
{
	const uint8_t *byte = bytes;

	for (size_t i = 0; i < size; i++)
		hash = hash_byte(hash, byte[i]);
	return hash;
}

static size_t bucket_of(uint64_t hash, size_t buckets)
{
	return (size_t)(hash ^ hash >> 32) & (buckets - 1);
}

static uint64_t address_hash(const struct registry *registry, const struct device_address *address)
{
	return hash_text(
		hash_bytes(registry->seed, &address->ip, sizeof(address->ip)), address->interface);
}

static uint64_t record_hash(const struct registry *registry, enum registry_index index,
	const struct device_record *record)
{
	uint64_t seed = registry->seed;

	switch (index) {
	case REGISTRY_BY_ID:
		return hash_text(seed, record->id);
	case REGISTRY_BY_ROW:
		return hash_bytes(seed, &record->row, sizeof(record->row));
	case REGISTRY_BY_EP:
		return hash_text(seed, record->ep);
	case REGISTRY_BY_ADDRESS:
	case REGISTRY_INDEXES:
		break;
	}
	return address_hash(registry, &record->address);
}

static void index_link(struct registry *registry, enum registry_index index, struct device *device)
{
	uint64_t hash = record_hash(registry, index, device->record);
	struct device **bucket = &registry->bucket[index][bucket_of(hash, registry->buckets)];

	if (index == REGISTRY_BY_ADDRESS && !device->record->address_bound)
		return;
	device->next_in[index] = *bucket;
	*bucket = device;
}

static void index_unlink(
	struct registry *registry, enum registry_index index, struct device *device)
{
	uint64_t hash = record_hash(registry, index, device->record);
	struct device **at = &registry->bucket[index][bucket_of(hash, registry->buckets)];

	while (*at && *at != device)
		at = &(*at)->next_in[index];
	if (*at)
		*at = device->next_in[index];
}

static void buckets_free(struct device ***bucket)
{
	for (int i = 0; i < REGISTRY_INDEXES; i++)
		free(bucket[i]);
}

/* 0 or -ENOMEM; then the tables are as they were. */
static int buckets_set(struct registry *registry, size_t buckets)
{
	struct device **bucket[REGISTRY_INDEXES];
	bool complete = true;

	for (int i = 0; i < REGISTRY_INDEXES; i++) {
		bucket[i] = calloc(buckets, sizeof(struct device *));
		complete = complete && bucket[i];
	}
	if (!complete) {
		buckets_free(bucket);
		return -ENOMEM;
	}
	buckets_free(registry->bucket);
	memcpy(registry->bucket, bucket, sizeof(bucket));
	registry->buckets = buckets;
	for (struct device *device = registry->oldest; device; device = device->newer)
		for (int i = 0; i < REGISTRY_INDEXES; i++)
			index_link(registry, (enum registry_index)i, device);
	return 0;
}

int registry_new(struct registry **ret)
{
	struct registry *registry = calloc(1, sizeof(*registry));

	if (!registry)
		return -ENOMEM;
	registry->seed = random_uint64();
	registry->next_row = 1;
	if (buckets_set(registry, BUCKETS_FIRST) < 0) {
		free(registry);
		return -ENOMEM;
	}
	*ret = registry;
	return 0;
}

struct registry *registry_free(struct registry *registry)
{
	if (!registry)
		return NULL;
	while (registry->oldest)
		registry_remove(registry, registry->oldest);
	buckets_free(registry->bucket);
	free(registry);
	return NULL;
}

void registry_set_destructor(
	struct registry *registry, device_destructor_fn destructor, void *userdata)
{
	registry->destructor = destructor;
	registry->destructor_userdata = userdata;
}

int registry_add(struct registry *registry, struct device_record *record, struct device **ret)
{
	struct device *device;

	if (registry->count >= limit_row(LIMIT_DEVICES)->value)
		return -ENOSPC;
	if (registry_by_id(registry, record->id) || registry_by_ep(registry, record->ep) ||
		(record->row > 0 && registry_by_row(registry, record->row)))
		return -EEXIST;
	device = calloc(1, sizeof(*device));
	if (!device)
		return -ENOMEM;
	if (record->row == 0)
		record->row = registry->next_row;
	registry_set_next_row(registry, record->row + 1);
	if (registry->count >= registry->buckets)
		(void)buckets_set(registry, registry->buckets * 2);
	device->record = record;
	device->older = registry->newest;
	if (registry->newest)
		registry->newest->newer = device;
	else
		registry->oldest = device;
	registry->newest = device;
	registry->count++;
	for (int i = 0; i < REGISTRY_INDEXES; i++)
		index_link(registry, (enum registry_index)i, device);
	*ret = device;
	return 0;
}

void registry_remove(struct registry *registry, struct device *device)
{
	for (int i = 0; i < REGISTRY_INDEXES; i++)
		index_unlink(registry, (enum registry_index)i, device);
	if (device->older)
		device->older->newer = device->newer;
	else
		registry->oldest = device->newer;
	if (device->newer)
		device->newer->older = device->older;
	else
		registry->newest = device->older;
	registry->count--;
	if (registry->destructor)
		registry->destructor(registry->destructor_userdata, device);
	device_record_free(device->record);
	command_box_clear(&device->commands);
	free(device);
}

int registry_replace(struct registry *registry, struct device *device, struct device_record *record)
{
	struct device *holder = registry_by_ep(registry, record->ep);

	if (record->row != device->record->row || strcmp(record->id, device->record->id) != 0)
		return -EINVAL;
	if (holder && holder != device)
		return -EEXIST;
	index_unlink(registry, REGISTRY_BY_EP, device);
	index_unlink(registry, REGISTRY_BY_ADDRESS, device);
	if (record != device->record)
		device_record_free(device->record);
	device->record = record;
	index_link(registry, REGISTRY_BY_EP, device);
	index_link(registry, REGISTRY_BY_ADDRESS, device);
	return 0;
}

static struct device *bucket_first(
	const struct registry *registry, enum registry_index index, uint64_t hash)
{
	return registry->bucket[index][bucket_of(hash, registry->buckets)];
}

struct device *registry_by_id(const struct registry *registry, const char *id)
{
	struct device *device =
		bucket_first(registry, REGISTRY_BY_ID, hash_text(registry->seed, id));

	while (device && strcmp(device->record->id, id) != 0)
		device = device->next_in[REGISTRY_BY_ID];
	return device;
}

struct device *registry_by_row(const struct registry *registry, uint64_t row)
{
	struct device *device = bucket_first(
		registry, REGISTRY_BY_ROW, hash_bytes(registry->seed, &row, sizeof(row)));

	while (device && device->record->row != row)
		device = device->next_in[REGISTRY_BY_ROW];
	return device;
}

struct device *registry_by_ep(const struct registry *registry, const char *ep)
{
	struct device *device =
		bucket_first(registry, REGISTRY_BY_EP, hash_text(registry->seed, ep));

	while (device && !ep_equal(device->record->ep, ep))
		device = device->next_in[REGISTRY_BY_EP];
	return device;
}

struct device *registry_by_address(
	const struct registry *registry, const struct device_address *address, size_t *ret_count)
{
	struct device *device =
		bucket_first(registry, REGISTRY_BY_ADDRESS, address_hash(registry, address));
	struct device *found = NULL;
	size_t count = 0;

	for (; device; device = device->next_in[REGISTRY_BY_ADDRESS])
		if (device_address_same_host(&device->record->address, address)) {
			found = device;
			count++;
		}
	if (ret_count)
		*ret_count = count;
	return count == 1 ? found : NULL;
}

struct device *registry_first(const struct registry *registry)
{
	return registry->oldest;
}

struct device *registry_next(const struct device *device)
{
	return device->newer;
}

size_t registry_count(const struct registry *registry)
{
	return registry->count;
}

size_t registry_count_stage(const struct registry *registry, enum device_stage stage)
{
	enum device_stage its_stage;
	enum device_word word;
	size_t count = 0;

	for (struct device *device = registry->oldest; device; device = device->newer) {
		lifecycle_describe(&device->record->life, &word, &its_stage);
		if (its_stage == stage)
			count++;
	}
	return count;
}

uint64_t registry_next_row(const struct registry *registry)
{
	return registry->next_row;
}

void registry_set_next_row(struct registry *registry, uint64_t next_row)
{
	if (next_row > registry->next_row)
		registry->next_row = next_row;
}

/* A device that is still announced is not silent: once gone from here it would stay unseen, since
 * its announcement does not come again. */
static bool device_may_go(const struct device *device, uint64_t now_usec)
{
	return !device->on_disk && !device->saving && !device->present &&
	       device->record->trust == TRUST_PLAIN &&
	       device->last_heard_usec + SILENT_USEC <= now_usec;
}

bool registry_evict_silent(struct registry *registry, uint64_t now_usec)
{
	for (struct device *device = registry->oldest; device; device = device->newer)
		if (device_may_go(device, now_usec)) {
			registry_remove(registry, device);
			return true;
		}
	return false;
}
