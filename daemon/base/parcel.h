/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A text sealed for somebody whose public key is known: X25519 (RFC 7748) with a key pair of its
 * own for each text, HKDF-SHA256, AES-256-GCM. It says nothing about who made it.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

#define PARCEL_KEY 32 /* bytes of a private or a public key */

/* 0 or -EIO. The private key is 32 random bytes. */
int parcel_public_key(const uint8_t secret[PARCEL_KEY], uint8_t ret_public[PARCEL_KEY]);
/* The result is heap memory. -EINVAL for a public key that is none. */
int parcel_seal(const uint8_t public_key[PARCEL_KEY], struct span plain, uint8_t **ret_sealed,
	size_t *ret_size);
/*
 * -ENOMSG: that is no parcel. -EKEYREJECTED: it was sealed for another key. -EBADMSG: it is
 * damaged. The plain text is heap memory with a NUL appended (not counted); wipe it.
 */
int parcel_unseal(const uint8_t secret[PARCEL_KEY], struct span sealed, uint8_t **ret_plain,
	size_t *ret_size);
