/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Secrets at rest: AES-256-GCM (NIST SP 800-38D) with a random 96-bit nonce. */

#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

#define AES256_KEY 32
#define SEAL_NONCE 12
#define SEAL_TAG   16

/*
 * ret_sealed gets nonce, text, tag (plain.size + 28 bytes, heap). 'associated' is authenticated,
 * not stored. -EMSGSIZE for a text near 2 GiB.
 */
int crypto_seal(const uint8_t key[AES256_KEY], struct span plain, struct span associated,
	uint8_t **ret_sealed, size_t *ret_size);
/* -EBADMSG when key, associated data or text do not fit. The plain text is heap memory with a NUL
 * appended (not counted); wipe it. */
int crypto_unseal(const uint8_t key[AES256_KEY], struct span sealed, struct span associated,
	uint8_t **ret_plain, size_t *ret_size);
