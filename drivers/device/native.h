/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The row of table.c. */

#include <jansson.h>

#include "drivers/device.h"

/* 0 with *ret_map, -EBADMSG, -EPROTONOSUPPORT for an unknown format, -ENOMEM. */
int native_parse_map(int format, struct span body, json_t **ret_map);
/* NULL is allowed; what it holds of a token is wiped. */
void native_map_free(json_t *map);
int native_decode_proof(
	int format, struct span body, struct claim_proof *ret_proof, const char **ret_why);

/* POST of a challenge to the claim resource. */
int native_claim(const struct device_links *found, const uint8_t challenge[LABEL_CHALLENGE_SIZE],
	struct device_request *ret_request);

extern const struct device_driver device_native;
