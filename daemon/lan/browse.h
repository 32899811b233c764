/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What discovery.c runs on its thread: the Avahi client with its browsers and the announcement.
 * Only that thread touches anything of this; the callbacks are called on it.
 */

#include <systemd/sd-event.h>

#include "core/prefix.h"
#include "lan/discovery.h"

struct browse;

struct browse_ops {
	void (*appeared)(void *userdata, const struct discovery_sighting *sighting);
	void (*vanished)(void *userdata, const struct discovery_sighting *sighting);
	void (*state)(void *userdata, bool available, const char *why);
	void (*overflowed)(void *userdata); /* a service found no place */
};

/* Copies what it needs of 'options'; nothing is called before this returns. */
int browse_new(sd_event *loop, const struct discovery_options *options,
	const struct browse_ops *ops, void *userdata, struct browse **ret);
/* Tells once more what is there. */
void browse_repeat(struct browse *browse);
struct browse *browse_free(struct browse *browse); /* nobody is told that anything vanished */
