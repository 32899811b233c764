/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "drivers/device.h"

extern const struct device_driver device_plain;
