/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sealed text is nonce, cipher text, tag. The nonce is random: at 96 bits the chance of a
 * repetition stays below 2^-32 for four thousand million texts under one key (SP 800-38D 8.3), far
 * more than a gateway ever seals.
 */

#include "base/seal.h"

#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/crypto.h"

DEFINE_CLEANUP(EVP_CIPHER_CTX *, EVP_CIPHER_CTX_free, cleanup_cipher)

static bool fits_library(struct span text, struct span associated)
{
	return text.size <= INT_MAX - SEAL_NONCE - SEAL_TAG && associated.size <= INT_MAX;
}

/* One pass over associated data and text; the caller's pointers are known to fit. */
static bool cipher_run(
	EVP_CIPHER_CTX *context, struct span associated, struct span text, uint8_t *target)
{
	int n;

	if (associated.size > 0 &&
		EVP_CipherUpdate(context, NULL, &n, associated.data, (int)associated.size) != 1)
		return false;
	return text.size == 0 ||
	       EVP_CipherUpdate(context, target, &n, text.data, (int)text.size) == 1;
}

static bool encrypt(
	const uint8_t key[AES256_KEY], struct span plain, struct span associated, uint8_t *sealed)
{
	CLEANUP(cleanup_cipher) EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	uint8_t *text = sealed + SEAL_NONCE, *tag = text + plain.size, rest[16];
	int n;

	random_bytes(sealed, SEAL_NONCE);
	return context &&
	       EVP_CipherInit_ex2(context, EVP_aes_256_gcm(), key, sealed, 1, NULL) == 1 &&
	       cipher_run(context, associated, plain, text) &&
	       EVP_CipherFinal_ex(context, rest, &n) == 1 &&
	       EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, SEAL_TAG, tag) == 1;
}

/* 0, -EBADMSG or -EIO. */
static int decrypt(
	const uint8_t key[AES256_KEY], struct span sealed, struct span associated, uint8_t *plain)
{
	CLEANUP(cleanup_cipher) EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	size_t size = sealed.size - SEAL_NONCE - SEAL_TAG;
	struct span text = span_of(sealed.data + SEAL_NONCE, size);
	uint8_t tag[SEAL_TAG], rest[16];
	int n;

	memcpy(tag, sealed.data + SEAL_NONCE + size, SEAL_TAG);
	if (!context ||
		EVP_CipherInit_ex2(context, EVP_aes_256_gcm(), key, sealed.data, 0, NULL) != 1 ||
		EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, SEAL_TAG, tag) != 1 ||
		!cipher_run(context, associated, text, plain))
		return -EIO;
	return EVP_CipherFinal_ex(context, rest, &n) == 1 ? 0 : -EBADMSG;
}

int crypto_seal(const uint8_t key[AES256_KEY], struct span plain, struct span associated,
	uint8_t **ret_sealed, size_t *ret_size)
{
	size_t size = plain.size + SEAL_NONCE + SEAL_TAG;
	uint8_t *sealed;

	if (!fits_library(plain, associated))
		return -EMSGSIZE;
	sealed = malloc(size);
	if (!sealed)
		return -ENOMEM;
	if (!encrypt(key, plain, associated, sealed)) {
		ERR_clear_error();
		free(sealed);
		return -EIO;
	}
	*ret_sealed = sealed;
	*ret_size = size;
	return 0;
}

int crypto_unseal(const uint8_t key[AES256_KEY], struct span sealed, struct span associated,
	uint8_t **ret_plain, size_t *ret_size)
{
	uint8_t *plain;
	size_t size;
	int r;

	if (sealed.size < SEAL_NONCE + SEAL_TAG || !fits_library(sealed, associated))
		return -EBADMSG;
	size = sealed.size - SEAL_NONCE - SEAL_TAG;
	plain = malloc(size + 1);
	if (!plain)
		return -ENOMEM;
	r = decrypt(key, sealed, associated, plain);
	if (r < 0) {
		ERR_clear_error();
		crypto_wipe(plain, size); /* it was decrypted before the tag was known wrong */
		free(plain);
		return r;
	}
	plain[size] = 0;
	*ret_plain = plain;
	*ret_size = size;
	return 0;
}
