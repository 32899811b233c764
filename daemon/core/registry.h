/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The registry: every device the gateway knows, in memory, indexed by id, endpoint name (ignoring
 * case) and address. Loop only. The record in it is always the committed one (or, for devices that
 * were only sighted, one that needs no disk).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ratelimit.h"
#include "core/command.h"
#include "core/device.h"

struct registry;

enum registry_index {
	REGISTRY_BY_ID,
	REGISTRY_BY_ROW,
	REGISTRY_BY_EP,
	REGISTRY_BY_ADDRESS, /* only devices whose address is bound */
	REGISTRY_INDEXES
};

struct device {
	struct device_record *record; /* never NULL; replaced as a whole */
	/* runtime only */
	bool on_disk;		  /* false: only sighted, nothing saved yet */
	bool saving;		  /* a record is on its way to disk */
	bool present;		  /* announced by mDNS at the moment */
	uint64_t last_heard_usec; /* boot time; 0 = not since start */
	int64_t last_reading;	  /* wall milliseconds; 0 = none since start */
	uint64_t readings;	  /* accepted since start */
	uint64_t code_reached;	  /* the operation whose code its display has taken */
	bool code_missed;	  /* its display could not be reached with the present one */
	struct ratelimit rate;
	struct command_box commands; /* on disk, or on their way there */
	void *host; /* host's own runtime part; host frees it through registry_set_destructor */
	/* registry's links */
	struct device *next_in[REGISTRY_INDEXES];
	struct device *older, *newer;
};

typedef void (*device_destructor_fn)(void *userdata, struct device *device);

int registry_new(struct registry **ret);
struct registry *registry_free(struct registry *registry);
void registry_set_destructor(
	struct registry *registry, device_destructor_fn destructor, void *userdata);

/* Adds a device; takes the record over on success. -EEXIST when id, row or ep are there already,
 * -ENOSPC at LIMIT_DEVICES. Row 0: the registry gives the next one. */
int registry_add(struct registry *registry, struct device_record *record, struct device **ret);
void registry_remove(struct registry *registry, struct device *device); /* frees it */
/* Installs the next record (taken over; the old one is freed). -EEXIST when its ep now belongs to
 * another. id and row must be the same. */
int registry_replace(
	struct registry *registry, struct device *device, struct device_record *record);

struct device *registry_by_id(const struct registry *registry, const char *id);
struct device *registry_by_row(const struct registry *registry, uint64_t row);
struct device *registry_by_ep(const struct registry *registry, const char *ep);
/* The only device at this address (ip + interface), when there is exactly one whose address is
 * bound; NULL otherwise. *ret_count (may be NULL): how many there are. */
struct device *registry_by_address(
	const struct registry *registry, const struct device_address *address, size_t *ret_count);

/* Oldest first. */
struct device *registry_first(const struct registry *registry);
struct device *registry_next(const struct device *device);
size_t registry_count(const struct registry *registry);
size_t registry_count_stage(const struct registry *registry, enum device_stage stage);

/* A new id from an endpoint name: [a-z0-9-], the name's own letters, and 4 random characters so
 * that an id is never given twice. */
void registry_make_id(
	const struct registry *registry, const char *ep, char ret_id[DEVICE_ID_MAX + 1]);
uint64_t registry_next_row(const struct registry *registry);
/* At start: rows below this were used once and must not come again. */
void registry_set_next_row(struct registry *registry, uint64_t next_row);

/* Makes room at the limit of what was only announced: the oldest unproven, not saved entry that has
 * been silent for 60 s. True when one went. (What is on disk goes another way: host/enrol.c.) */
bool registry_evict_silent(struct registry *registry, uint64_t now_usec);
