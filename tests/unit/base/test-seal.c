/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sealing against the vectors of McGrew and Viega, "The Galois/Counter Mode of Operation", with the
 * nonce given by the test; and every single bit of a sealed text turned over.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/crypto.h"

#include "unhex.h"

static const uint8_t *fixed_nonce; /* NULL: the real source */

void __real_random_bytes(void *ret_bytes, size_t size);
void __wrap_random_bytes(void *ret_bytes, size_t size);
void __wrap_random_bytes(void *ret_bytes, size_t size)
{
	assert_int_equal(size, SEAL_NONCE);
	if (fixed_nonce)
		memcpy(ret_bytes, fixed_nonce, size);
	else
		__real_random_bytes(ret_bytes, size);
}

static const struct {
	const char *key, *nonce, *plain, *associated, *sealed;
} vectors[] = {
	{"0000000000000000000000000000000000000000000000000000000000000000",
		"000000000000000000000000", "", "", "530f8afbc74536b9a963b4f1c4cb738b"},
	{"0000000000000000000000000000000000000000000000000000000000000000",
		"000000000000000000000000", "00000000000000000000000000000000", "",
		"cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"},
	{"feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
		"cafebabefacedbaddecaf888",
		"d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
		"1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
		"feedfacedeadbeeffeedfacedeadbeefabaddad2",
		"522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
		"8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
		"76fc6ece0f4e1768cddf8853bb2d551b"},
};

static void test_vectors(void **state)
{
	for (size_t i = 0; i < ELEMENTS(vectors); i++) {
		CLEANUP(cleanup_free) uint8_t *sealed = NULL;
		CLEANUP(cleanup_free) uint8_t *plain = NULL;
		uint8_t key[AES256_KEY], nonce[SEAL_NONCE], text[64], more[32], expected[96];
		struct span in = unhex(vectors[i].plain, text);
		struct span associated = unhex(vectors[i].associated, more);
		struct span out = unhex(vectors[i].sealed, expected);
		size_t sealed_size = 0, size = 99;

		unhex(vectors[i].key, key);
		unhex(vectors[i].nonce, nonce);
		fixed_nonce = nonce;
		assert_int_equal(crypto_seal(key, in, associated, &sealed, &sealed_size), 0);
		fixed_nonce = NULL;
		assert_int_equal(sealed_size, SEAL_NONCE + out.size);
		assert_memory_equal(sealed, nonce, SEAL_NONCE);
		assert_memory_equal(sealed + SEAL_NONCE, out.data, out.size);

		assert_int_equal(
			crypto_unseal(key, span_of(sealed, sealed_size), associated, &plain, &size),
			0);
		assert_int_equal(size, in.size);
		assert_memory_equal(plain, text, size);
		assert_int_equal(plain[size], 0);
	}
}

static const uint8_t key_a[AES256_KEY] = "0123456789abcdef0123456789abcde";
static const uint8_t key_b[AES256_KEY] = "0123456789abcdef0123456789abcdf";

static void assert_refused(const uint8_t *key, struct span sealed, struct span associated)
{
	uint8_t *plain = NULL;
	size_t size = 99;

	assert_int_equal(crypto_unseal(key, sealed, associated, &plain, &size), -EBADMSG);
	assert_null(plain);
	assert_int_equal(size, 99);
	assert_int_equal(ERR_peek_error(), 0);
}

static void test_refusals(void **state)
{
	CLEANUP(cleanup_free) uint8_t *sealed = NULL;
	struct span where = SPAN_LITERAL("table|1|1");
	size_t size = 0;

	assert_int_equal(crypto_seal(key_a, SPAN_LITERAL("secret"), where, &sealed, &size), 0);
	assert_int_equal(size, 6 + SEAL_NONCE + SEAL_TAG);
	assert_refused(key_b, span_of(sealed, size), where);
	assert_refused(key_a, span_of(sealed, size), SPAN_LITERAL("table|2|1"));
	assert_refused(key_a, span_of(sealed, size), span_of(NULL, 0));
	for (size_t shorter = 0; shorter < size; shorter++)
		assert_refused(key_a, span_of(sealed, shorter), where);
	for (size_t bit = 0; bit < 8 * size; bit++) {
		sealed[bit / 8] ^= (uint8_t)(1U << bit % 8);
		assert_refused(key_a, span_of(sealed, size), where);
		sealed[bit / 8] ^= (uint8_t)(1U << bit % 8);
	}
}

static void test_each_seal_differs(void **state)
{
	CLEANUP(cleanup_free) uint8_t *one = NULL;
	CLEANUP(cleanup_free) uint8_t *two = NULL;
	struct span none = {NULL, 0};
	size_t size;

	assert_int_equal(crypto_seal(key_a, SPAN_LITERAL("secret"), none, &one, &size), 0);
	assert_int_equal(crypto_seal(key_a, SPAN_LITERAL("secret"), none, &two, &size), 0);
	assert_memory_not_equal(one, two, SEAL_NONCE);
	assert_memory_not_equal(one + SEAL_NONCE, two + SEAL_NONCE, 6);
}

/* OpenSSL counts in int. The text is never touched, so it need not exist. */
static void test_absurd_size(void **state)
{
	uint8_t *sealed = NULL;
	size_t size = 99;

	assert_int_equal(
		crypto_seal(key_a, span_of(key_a, SIZE_MAX / 4), span_of(NULL, 0), &sealed, &size),
		-EMSGSIZE);
	assert_int_equal(
		crypto_seal(key_a, span_of(NULL, 0), span_of(key_a, SIZE_MAX / 4), &sealed, &size),
		-EMSGSIZE);
	assert_refused(key_a, span_of(key_a, SIZE_MAX / 4), span_of(NULL, 0));
	assert_null(sealed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_each_seal_differs),
		cmocka_unit_test(test_absurd_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
