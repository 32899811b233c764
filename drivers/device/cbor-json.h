/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "base/span.h"

/*
 * Reads one CBOR data item (RFC 8949) as the JSON value that the contract's JSON form has: byte
 * strings become base64url text. Bounded: depth 4, 256 items, definite lengths only, text in UTF-8
 * without NUL, map keys are text and not repeated, no tags, floats finite. -EBADMSG for anything
 * else or for bytes that are left over; -ENOMEM.
 */
int cbor_to_json(struct span cbor, json_t **ret_value);
