/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The host's callbacks for each room, to be given to its constructor with the struct host as
 * userdata. */

#include "api/api.h"
#include "lan/discovery.h"
#include "lan/lan.h"
#include "store/store.h"
#include "uplink/uplink.h"

extern const struct lan_ops host_lan_ops;
extern const struct store_ops host_store_ops;
extern const struct discovery_ops host_discovery_ops;
extern const struct uplink_ops host_uplink_ops;
extern const struct api_ops host_api_ops;
