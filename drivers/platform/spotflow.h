/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "drivers/platform.h"

extern const struct platform_driver platform_spotflow;
