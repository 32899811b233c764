/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The row of table.c. */

#include "drivers/platform.h"

extern const struct platform_driver platform_aws;
