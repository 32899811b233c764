/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The row of table.c. */

#include "drivers/device.h"

extern const struct device_driver device_native;
