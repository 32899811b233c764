/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The one table of drivers. */

#include "drivers/device.h"
#include "drivers/platform.h"

/* In the order of the table; NULL behind its end. */
const struct platform_driver *platform_driver_at(size_t index);
const struct platform_driver *platform_driver_by_name(const char *name); /* NULL = unknown */
const struct device_driver *device_driver_by_name(const char *name);
/* The first device driver that takes these links; NULL = none. */
const struct device_driver *device_driver_match(
	const struct device_question *question, struct device_links *ret_found);
