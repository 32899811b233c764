/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands in a parcel:
 *
 *	 0  8  "gh-parc1"
 *	 8 32  public key of the receiver: tells "for another" from damage
 *	40 32  public key made for this parcel
 *	72     nonce, text, tag (seal.h); the 72 bytes before it are authenticated with it
 *
 * The key is HKDF(shared secret, salt = both public keys, "gatehouse parcel 1"), as in RFC 9180's
 * base mode: both public keys are bound to it.
 */

#include "base/parcel.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/crypto.h"

#define MAGIC	   "gh-parc1"
#define MAGIC_SIZE 8
#define FOR_AT	   8
#define FROM_AT	   40
#define HEAD_SIZE  72

DEFINE_CLEANUP(EVP_PKEY *, EVP_PKEY_free, cleanup_pkey)
DEFINE_CLEANUP(EVP_PKEY_CTX *, EVP_PKEY_CTX_free, cleanup_pkey_context)

int parcel_public_key(const uint8_t secret[PARCEL_KEY], uint8_t ret_public[PARCEL_KEY])
{
	CLEANUP(cleanup_pkey)
	EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, secret, PARCEL_KEY);
	size_t size = PARCEL_KEY;

	if (key && EVP_PKEY_get_raw_public_key(key, ret_public, &size) == 1)
		return 0;
	ERR_clear_error();
	return -EIO;
}

/* -EINVAL: the other key is none (of small order: the shared secret would be zero). */
static int agree(const uint8_t secret[PARCEL_KEY], const uint8_t other[PARCEL_KEY],
	uint8_t ret_shared[PARCEL_KEY])
{
	CLEANUP(cleanup_pkey)
	EVP_PKEY *ours = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, secret, PARCEL_KEY);
	CLEANUP(cleanup_pkey)
	EVP_PKEY *theirs = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, other, PARCEL_KEY);
	CLEANUP(cleanup_pkey_context)
	EVP_PKEY_CTX *context = ours ? EVP_PKEY_CTX_new(ours, NULL) : NULL;
	size_t size = PARCEL_KEY;

	if (context && theirs && EVP_PKEY_derive_init(context) == 1 &&
		EVP_PKEY_derive_set_peer(context, theirs) == 1 &&
		EVP_PKEY_derive(context, ret_shared, &size) == 1)
		return 0;
	ERR_clear_error();
	return -EINVAL;
}

/* 'secret' with 'other' is the agreement; the public keys stand in the head. */
static int make_key(const uint8_t secret[PARCEL_KEY], const uint8_t other[PARCEL_KEY],
	const uint8_t *head, uint8_t ret_key[AES256_KEY])
{
	uint8_t shared[PARCEL_KEY];
	int r = agree(secret, other, shared);

	if (r >= 0)
		r = crypto_hkdf_sha256(span_of(shared, sizeof(shared)),
			span_of(head + FOR_AT, 2 * PARCEL_KEY), SPAN_LITERAL("gatehouse parcel 1"),
			ret_key, AES256_KEY);
	crypto_wipe(shared, sizeof(shared));
	return r;
}

static int seal_with(const uint8_t key[AES256_KEY], const uint8_t head[HEAD_SIZE],
	struct span plain, uint8_t **ret_sealed, size_t *ret_size)
{
	CLEANUP(cleanup_free) uint8_t *text = NULL;
	uint8_t *sealed;
	size_t size;
	int r = crypto_seal(key, plain, span_of(head, HEAD_SIZE), &text, &size);

	if (r < 0)
		return r;
	sealed = malloc(HEAD_SIZE + size);
	if (!sealed)
		return -ENOMEM;
	memcpy(sealed, head, HEAD_SIZE);
	memcpy(sealed + HEAD_SIZE, text, size);
	*ret_sealed = sealed;
	*ret_size = HEAD_SIZE + size;
	return 0;
}

int parcel_seal(const uint8_t public_key[PARCEL_KEY], struct span plain, uint8_t **ret_sealed,
	size_t *ret_size)
{
	uint8_t head[HEAD_SIZE] = MAGIC, secret[PARCEL_KEY], key[AES256_KEY];
	int r;

	random_bytes(secret, sizeof(secret));
	memcpy(head + FOR_AT, public_key, PARCEL_KEY);
	r = parcel_public_key(secret, head + FROM_AT);
	if (r >= 0)
		r = make_key(secret, public_key, head, key);
	crypto_wipe(secret, sizeof(secret));
	if (r >= 0)
		r = seal_with(key, head, plain, ret_sealed, ret_size);
	crypto_wipe(key, sizeof(key));
	return r;
}

int parcel_unseal(
	const uint8_t secret[PARCEL_KEY], struct span sealed, uint8_t **ret_plain, size_t *ret_size)
{
	uint8_t ours[PARCEL_KEY], key[AES256_KEY];
	int r;

	if (sealed.size < HEAD_SIZE || memcmp(sealed.data, MAGIC, MAGIC_SIZE))
		return -ENOMSG;
	r = parcel_public_key(secret, ours);
	if (r < 0)
		return r;
	if (memcmp(ours, sealed.data + FOR_AT, PARCEL_KEY))
		return -EKEYREJECTED;
	r = make_key(secret, sealed.data + FROM_AT, sealed.data, key);
	if (r < 0)
		return r == -EINVAL ? -EBADMSG : r;
	r = crypto_unseal(key, span_of(sealed.data + HEAD_SIZE, sealed.size - HEAD_SIZE),
		span_of(sealed.data, HEAD_SIZE), ret_plain, ret_size);
	crypto_wipe(key, sizeof(key));
	return r;
}
