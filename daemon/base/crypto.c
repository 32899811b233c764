/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random bytes come from the kernel, not from OpenSSL's generator: one source less to seed, fork
 * and reason about. Digests and derivations are OpenSSL's. Its error queue belongs to the thread
 * and is shared with libcoap's and Paho's TLS, which read it after their own calls; so no failure
 * here may leave something in it.
 */

#include "base/crypto.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/cleanup.h"

DEFINE_CLEANUP(EVP_MAC_CTX *, EVP_MAC_CTX_free, cleanup_mac)
DEFINE_CLEANUP(EVP_KDF_CTX *, EVP_KDF_CTX_free, cleanup_kdf)

void random_bytes(void *ret_bytes, size_t size)
{
	uint8_t *bytes = ret_bytes;

	while (size > 0) {
		ssize_t n = getrandom(bytes, size, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			abort();
		bytes += n;
		size -= (size_t)n;
	}
}

uint64_t random_uint64(void)
{
	uint64_t value;

	random_bytes(&value, sizeof(value));
	return value;
}

void crypto_wipe(void *bytes, size_t size)
{
	if (size > 0)
		explicit_bzero(bytes, size);
}

bool crypto_equal(const void *a, const void *b, size_t size)
{
	return size == 0 || CRYPTO_memcmp(a, b, size) == 0;
}

static int library_failed(void)
{
	ERR_clear_error();
	return -EIO;
}

/* OpenSSL takes a NULL pointer for "not given", not for "empty". */
static const void *bytes_of(struct span span)
{
	return span.data ? (const void *)span.data : "";
}

int crypto_sha256(struct span data, uint8_t ret_digest[SHA256_SIZE])
{
	if (EVP_Digest(bytes_of(data), data.size, ret_digest, NULL, EVP_sha256(), NULL) != 1)
		return library_failed();
	return 0;
}

static EVP_MAC_CTX *hmac_context(void)
{
	EVP_MAC *method = EVP_MAC_fetch(NULL, OSSL_MAC_NAME_HMAC, NULL);
	EVP_MAC_CTX *context = method ? EVP_MAC_CTX_new(method) : NULL;

	EVP_MAC_free(method); /* the context keeps its own reference */
	return context;
}

int crypto_hmac_sha256(
	struct span key, const struct span *parts, size_t count, uint8_t ret_mac[SHA256_SIZE])
{
	CLEANUP(cleanup_mac) EVP_MAC_CTX *context = hmac_context();
	char digest[] = OSSL_DIGEST_NAME_SHA2_256;
	OSSL_PARAM parameters[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};
	size_t size;

	if (!context || EVP_MAC_init(context, bytes_of(key), key.size, parameters) != 1)
		return library_failed();
	for (size_t i = 0; i < count; i++)
		if (EVP_MAC_update(context, bytes_of(parts[i]), parts[i].size) != 1)
			return library_failed();
	if (EVP_MAC_final(context, ret_mac, &size, SHA256_SIZE) != 1)
		return library_failed();
	return 0;
}

static EVP_KDF_CTX *hkdf_context(void)
{
	EVP_KDF *method = EVP_KDF_fetch(NULL, OSSL_KDF_NAME_HKDF, NULL);
	EVP_KDF_CTX *context = method ? EVP_KDF_CTX_new(method) : NULL;

	EVP_KDF_free(method);
	return context;
}

static OSSL_PARAM octets(const char *name, struct span span)
{
	/* The library only reads what it is given as an input. */
	return OSSL_PARAM_construct_octet_string(name, (void *)bytes_of(span), span.size);
}

int crypto_hkdf_sha256(
	struct span key, struct span salt, struct span info, uint8_t *ret_key, size_t size)
{
	CLEANUP(cleanup_kdf) EVP_KDF_CTX *context = NULL;
	char digest[] = OSSL_DIGEST_NAME_SHA2_256;
	OSSL_PARAM parameters[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
		octets(OSSL_KDF_PARAM_KEY, key),
		octets(OSSL_KDF_PARAM_SALT, salt),
		octets(OSSL_KDF_PARAM_INFO, info),
		OSSL_PARAM_construct_end(),
	};

	if (key.size == 0 || size == 0 || size > HKDF_SHA256_MAX)
		return -EINVAL;
	context = hkdf_context();
	if (!context || EVP_KDF_derive(context, ret_key, size, parameters) != 1)
		return library_failed();
	return 0;
}
