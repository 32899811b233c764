/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Builds, starts, reloads and stops every long-lived part; nothing else. */

#include <systemd/sd-event.h>

#include "core/config.h"

struct gateway;

/* Listening sockets passed in by the service manager. */
struct gateway_sockets {
	int page[CONFIG_LIST_MAX];
	unsigned page_count;
};

/*
 * Everything is loaded and listens when this returns 0. Otherwise a negative errno, with the reason
 * logged and nothing left behind. 'config_path' is read again at reload; the configuration is
 * copied.
 */
int gateway_new(sd_event *loop, const char *config_path, const struct config *config,
	const struct gateway_sockets *sockets, struct gateway **ret);
/* Orderly stop: says offline upstream, finishes what is queued (at most about 4 s), closes. Accepts
 * NULL. */
struct gateway *gateway_free(struct gateway *gateway);

/* Parses all, validates, swaps whole or keeps the old whole; lists what needs a restart. 0 or
 * negative errno. */
int gateway_reload(struct gateway *gateway);

/* Why the loop ended by our own decision: a negative errno, or 0. */
int gateway_failure(const struct gateway *gateway);

/* For STATUS=. */
void gateway_status_text(const struct gateway *gateway, char *ret_text, size_t capacity);
