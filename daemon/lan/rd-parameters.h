/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The query of a registration at the resource directory (RFC 9176 section 5), besides its name. */

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "core/device.h"

#define RD_LIFETIME_DEFAULT 90000 /* seconds: 25 hours */

struct rd_parameters {
	uint32_t lifetime;	    /* seconds; 0 = not said */
	bool has_base, base_secure; /* of coaps:// */
	struct device_address base; /* where it serves: the sender's ip, maybe another port */
};

/* The values as they came; data NULL = not there. */
struct rd_query {
	struct span lifetime, base, sector;
	unsigned lifetimes, bases, sectors;
};

/*
 * Pure. -EINVAL with a sentence in *ret_why (static text). A base that leads anywhere but to the
 * ip that sent it is refused: nobody makes us talk to somebody else.
 */
int rd_parameters_read(const struct rd_query *query, const struct device_address *from,
	struct rd_parameters *ret_parameters, const char **ret_why);
