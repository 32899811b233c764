/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The row of table.c. */

#include <jansson.h>

#include "drivers/device.h"

/* 0 with *ret_map, -EBADMSG, -EPROTONOSUPPORT for an unknown format, -ENOMEM. */
int native_parse_map(int format, struct span body, json_t **ret_map);
int native_decode_proof(
	int format, struct span body, struct claim_proof *ret_proof, const char **ret_why);

extern const struct device_driver device_native;
