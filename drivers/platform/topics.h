/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The upstream messages that 'local' and 'mqtt' share: gatehouse/<gateway>/<device id>/...
 * (platform contract, "Upstream messages"). */

#include "drivers/platform.h"

int topics_encode(const struct upstream_item *item, struct upstream_message *ret_message);
/* All commands of one device, or (id NULL) of all devices of the gateway. */
int topics_listen(const char *id, const char *gateway_id, char *ret_filter, size_t capacity);
int topics_decode(const char *gateway_id, const char *topic, struct span payload, bool retained,
	struct inbound_message *ret_message);
