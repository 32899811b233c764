/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What we need of OpenSSL's libcrypto, in our words. Nothing here logs. A failure of the library is
 * -EIO; a failed check of authenticity is -EBADMSG. Sealing, passwords and text codes have headers
 * of their own and come along.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base64.h"
#include "base/password.h"
#include "base/seal.h"
#include "base/span.h"

#define SHA256_SIZE	32
#define HKDF_SHA256_MAX (255 * SHA256_SIZE) /* RFC 5869 section 2.3 */

/* getrandom; never fails short of a broken kernel (abort). A seam of the tests. */
void random_bytes(void *ret_bytes, size_t size);
uint64_t random_uint64(void);

void crypto_wipe(void *bytes, size_t size);
bool crypto_equal(const void *a, const void *b, size_t size); /* constant time */

int crypto_sha256(struct span data, uint8_t ret_digest[SHA256_SIZE]);
/* HMAC (RFC 2104) over the concatenation of count parts. */
int crypto_hmac_sha256(
	struct span key, const struct span *parts, size_t count, uint8_t ret_mac[SHA256_SIZE]);
/*
 * HKDF (RFC 5869), extract and expand. 'size' of 1 to HKDF_SHA256_MAX bytes; salt and info may be
 * empty. -EINVAL for an empty key and for other sizes.
 */
int crypto_hkdf_sha256(
	struct span key, struct span salt, struct span info, uint8_t *ret_key, size_t size);
