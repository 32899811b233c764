/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Text codes: hexadecimal, base64 and base64url (RFC 4648). */

#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

/* Lower case, NUL-terminated. Returns the number of characters (2 * data.size); when they and the
 * NUL do not fit, 0 and an empty text. */
size_t hex_encode(struct span data, char *ret_text, size_t capacity);
/* Exactly 'size' bytes from twice as many digits of either case; -EINVAL for anything else. */
int hex_decode(struct span text, uint8_t *ret_bytes, size_t size);
/* base64url without padding (RFC 4648 section 5) and base64 with padding (section 4). Heap text,
 * NULL on lack of memory. */
char *base64url_encode(struct span data);
char *base64_encode(struct span data);
/* -EINVAL for a character outside the alphabet, bad length or non-zero spare bits; -EMSGSIZE over
 * capacity. */
int base64url_decode(struct span text, uint8_t *ret_data, size_t capacity, size_t *ret_size);
