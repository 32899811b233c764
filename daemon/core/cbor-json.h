/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

#define CBOR_JSON_DEPTH_MAX 4  /* of what we write, and of what is strict */
#define CBOR_READ_DEPTH_MAX 16 /* no rules allow more */

/*
 * Reads one CBOR data item (RFC 8949) as the JSON value that the contract's JSON form has: byte
 * strings become base64url text. Bounded: depth 4, 256 items, definite lengths only, text in UTF-8
 * without NUL, map keys are text and not repeated, no tags, floats finite. -EBADMSG for anything
 * else or for bytes that are left over; -ENOMEM.
 */
int cbor_to_json(struct span cbor, json_t **ret_value);

/*
 * The same for a map of the device contract, whose unknown keys are ignored, whatever they are and
 * hold: liberal and lenient (see below), depth 16, 1024 items. What the caller knows it looks at.
 */
int cbor_map_to_json(struct span cbor, json_t **ret_map);

/* Why a body was not taken; for callers that answer each case with its own sentence. */
enum cbor_fault {
	CBOR_FAULT_NONE,
	CBOR_FAULT_BROKEN,    /* not well-formed, or bytes are left over */
	CBOR_FAULT_REFUSED,   /* well-formed, but a tag, undefined or an indefinite length */
	CBOR_FAULT_DEEP,      /* over rules->depth */
	CBOR_FAULT_MANY,      /* over rules->items */
	CBOR_FAULT_KEY,	      /* a key that is no text and has no name */
	CBOR_FAULT_KEY_TWICE, /* also as a name and as its integer */
	CBOR_FAULT_VALUE,     /* rules->may_stand said no */
	CBOR_FAULT_NUMBER,    /* not finite; without 'liberal' also beyond 64 bits with sign */
	CBOR_FAULT_TEXT,      /* not UTF-8, or with a NUL */
};

struct cbor_rules {
	unsigned depth; /* nested containers, at most CBOR_READ_DEPTH_MAX */
	unsigned items; /* keys, values and containers together */
	/* Also arrays and maps of indefinite length, decimal fractions (tag 4), and integers beyond
	 * 64 bits with sign, which become doubles: what encoders of measurements send. */
	bool liberal;
	/* Also what JSON does not have: other tags are passed over, undefined and numbers that are
	 * not finite become null, an integer without a name becomes the key "#<integer>". */
	bool lenient;
	/* The name that stands for an integer as a map key; NULL = there is none. May be NULL. */
	const char *(*key_name)(int64_t key);
	/* Whether such a value may stand behind that key, at any depth. May be NULL: all may. */
	bool (*may_stand)(const char *key, bool is_bytes);
};

/* The same under the caller's rules. 0 with *ret_fault, and *ret_value at CBOR_FAULT_NONE only;
 * -ENOMEM is the only negative answer. */
int cbor_to_json_by(struct span cbor, const struct cbor_rules *rules, json_t **ret_value,
	enum cbor_fault *ret_fault);
