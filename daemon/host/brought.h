/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A provisioning token that a device brings: kept with the record that it came with, in one
 * transaction. See brought.c for when it counts.
 */

#include "host/host.h"

struct brought; /* owns the token; wiped when it goes */
struct brought *brought_free(struct brought *brought);

/* What of this token is to go with the next submission of this device; NULL when nothing is. */
struct brought *brought_take(struct host *host, struct device *device,
	const struct device_address *from, struct span pt);
/* The same by a submission of its own, for a device that was asked. */
void brought_submit(struct host *host, struct device *device, struct span pt);

/* A device that is asked waits for a person from now on: what it said before did not count, and it
 * is asked once more when its token is missing. */
void brought_consider(struct host *host, struct device *device);

/* ---- for effect.c ---- */
/* Its turn has come: joins the change, unless a person has decided or imported one meanwhile. The
 * record that is about to be saved may get another platform. -ENOMEM. */
int brought_join(struct device_host *part, struct brought *brought, struct device_record *next,
	struct change *change);
/* That change is on disk. */
void brought_saved(struct device_host *part, struct brought *brought);
/* The device is forgotten, and what it brought with it. */
int brought_drop(struct host *host, const char *ep, struct change *change);
void brought_dropped(struct host *host, const char *ep);
/* The next record is about to be saved, and is on disk (before it is installed): what was brought
 * ends with the name that brought it, and with the proof of that name. */
int brought_look(struct device_host *part, const struct device_record *next, struct change *change);
void brought_looked(struct device_host *part, const struct device_record *next);
