/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Writes a JSON value as CBOR (RFC 8949, definite lengths): the other way round of cbor_to_json().
 * A number without a fraction is an integer, another one a float of 32 bits where that is exact,
 * else of 64. -EMSGSIZE when it does not fit into capacity, -EINVAL for more than
 * CBOR_JSON_DEPTH_MAX nested containers.
 */
int json_to_cbor(const json_t *value, uint8_t *ret_cbor, size_t capacity, size_t *ret_size);

/* Nested containers: 0 for a number or a text, 1 for a flat map. Counts to 'max' + 1 at most. */
unsigned json_depth(const json_t *value, unsigned max);
