/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Known answers: FIPS 180-4, RFC 4231, RFC 5869, and the derivations that the device contract
 * promises to every maker of a device.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <openssl/err.h>
#include <sys/types.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/crypto.h"

#include "unhex.h"

static unsigned random_calls;

/* The first call is interrupted, the others give few bytes each. */
ssize_t __wrap_getrandom(void *ret, size_t size, unsigned flags);
ssize_t __wrap_getrandom(void *ret, size_t size, unsigned flags)
{
	size_t n = size > 5 ? 5 : size;

	if (random_calls++ == 0) {
		errno = EINTR;
		return -1;
	}
	memset(ret, (int)random_calls, n);
	return (ssize_t)n;
}

static void assert_hex(const uint8_t *data, size_t size, const char *expected)
{
	char text[256];

	assert_int_equal(hex_encode(span_of(data, size), text, sizeof(text)), 2 * size);
	assert_string_equal(text, expected);
}

static void test_random_fills_everything(void **state)
{
	uint8_t bytes[14] = {0};

	random_calls = 0;
	random_bytes(bytes, 12);
	assert_hex(bytes, sizeof(bytes), "0202020202030303030304040000");
	assert_int_equal(random_uint64(), UINT64_C(0x0606060505050505));
}

static void test_equal_and_wipe(void **state)
{
	uint8_t bytes[4] = {1, 2, 3, 4};

	assert_true(crypto_equal("abc", "abc", 3));
	assert_false(crypto_equal("abc", "abd", 3));
	assert_true(crypto_equal(NULL, NULL, 0));
	crypto_wipe(bytes, 3);
	assert_hex(bytes, sizeof(bytes), "00000004");
	crypto_wipe(NULL, 0);
}

static uint64_t shorter(uint64_t best, const uint8_t *a, const uint8_t *b, size_t size, bool equal)
{
	uint64_t begun = clock_boot_usec(), took;

	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(crypto_equal(a, b, size), equal);
	took = clock_boot_usec() - begun;
	return took < best ? took : best;
}

/* Where the first difference stands does not show in the time: a comparison that ends there would
 * take a thousandth of the time for a difference in the first byte. The shortest of many times, in
 * turn: what else the machine does makes some of them longer. */
static void test_equal_in_time(void **state)
{
	enum { SIZE = 256 * 1024 };
	uint8_t *a = calloc(1, SIZE), *b = calloc(1, SIZE);
	uint64_t same = UINT64_MAX, early = UINT64_MAX, late = UINT64_MAX;

	assert_non_null(a);
	assert_non_null(b);
	for (unsigned i = 0; i < 200; i++) {
		b[SIZE - 1] = 0;
		same = shorter(same, a, b, SIZE, true);
		b[0] = 1;
		early = shorter(early, a, b, SIZE, false);
		b[0] = 0;
		b[SIZE - 1] = 1;
		late = shorter(late, a, b, SIZE, false);
	}
	print_message("equal %u us, first byte %u us, last byte %u us\n", (unsigned)same,
		(unsigned)early, (unsigned)late);
	assert_true(early > 0 && 3 * early > same && 3 * early > late && 3 * late > early);
	free(a);
	free(b);
}

static void test_sha256(void **state)
{
	uint8_t digest[SHA256_SIZE];

	assert_int_equal(crypto_sha256(SPAN_LITERAL("abc"), digest), 0);
	assert_hex(digest, sizeof(digest),
		"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_int_equal(crypto_sha256(span_of(NULL, 0), digest), 0);
	assert_hex(digest, sizeof(digest),
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void test_hmac(void **state)
{
	/* RFC 4231 4.3, in pieces with an empty one. */
	const struct span parts[] = {
		SPAN_LITERAL("what do ya "), span_of(NULL, 0), SPAN_LITERAL("want for nothing?")};
	uint8_t mac[SHA256_SIZE];

	assert_int_equal(crypto_hmac_sha256(SPAN_LITERAL("Jefe"), parts, 3, mac), 0);
	assert_hex(mac, sizeof(mac),
		"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	/* An empty key and no text at all are defined as well. */
	assert_int_equal(crypto_hmac_sha256(span_of(NULL, 0), NULL, 0, mac), 0);
	assert_hex(mac, sizeof(mac),
		"b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

static void test_hkdf(void **state)
{
	static const char ikm[] = "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b";
	uint8_t key[22], salt[13], info[10], out[42];

	/* RFC 5869 A.1 and A.3 */
	assert_int_equal(
		crypto_hkdf_sha256(unhex(ikm, key), unhex("000102030405060708090a0b0c", salt),
			unhex("f0f1f2f3f4f5f6f7f8f9", info), out, sizeof(out)),
		0);
	assert_hex(out, sizeof(out),
		"3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"
		"34007208d5b887185865");
	assert_int_equal(crypto_hkdf_sha256(unhex(ikm, key), span_of(NULL, 0), span_of(NULL, 0),
				 out, sizeof(out)),
		0);
	assert_hex(out, sizeof(out),
		"8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
		"9d201395faa4b61a96c8");
}

static void test_hkdf_limits(void **state)
{
	static uint8_t out[HKDF_SHA256_MAX + 1];
	const struct span none = {NULL, 0}, key = SPAN_LITERAL("key");

	assert_int_equal(crypto_hkdf_sha256(none, none, none, out, 16), -EINVAL);
	assert_int_equal(crypto_hkdf_sha256(key, none, none, out, 0), -EINVAL);
	assert_int_equal(crypto_hkdf_sha256(key, none, none, out, sizeof(out)), -EINVAL);
	assert_int_equal(crypto_hkdf_sha256(key, none, none, out, HKDF_SHA256_MAX), 0);
	assert_int_equal(ERR_peek_error(), 0);
}

static void test_device_contract_keys(void **state)
{
	static const struct {
		const char *label, *expected;
		size_t size;
	} keys[] = {
		{"gatehouse/1|dtls-psk|sensor-1", "343644d1e5c79a5555d64635e11fc3fc", 16},
		{"gatehouse/1|claim|sensor-1", "b489514eb745169325765ba10b4cf8d4", 16},
		{"gatehouse/1|oscore-ms|sensor-1", "155bf78ff5285d253aa72d99f1e43c73", 16},
		{"gatehouse/1|oscore-salt|sensor-1", "7b2b5192b4dd987b", 8},
		{"gatehouse/1|oscore-id|sensor-1", "adcc2f6d", 4},
	};
	uint8_t secret_bytes[16], out[SHA256_SIZE];
	struct span secret = unhex("000102030405060708090a0b0c0d0e0f", secret_bytes);
	struct span salt = SPAN_LITERAL("gatehouse/1");

	/* HKDF-Extract is an HMAC (RFC 5869 section 2.2). */
	assert_int_equal(crypto_hmac_sha256(salt, &secret, 1, out), 0);
	assert_hex(out, sizeof(out),
		"d9dbe4ef6ffa1d6b3a6e206d99363e7f021ec740242ace8b3809e6e5662f33c4");
	for (size_t i = 0; i < ELEMENTS(keys); i++) {
		assert_int_equal(crypto_hkdf_sha256(secret, salt, span_from_string(keys[i].label),
					 out, keys[i].size),
			0);
		assert_hex(out, keys[i].size, keys[i].expected);
	}
}

static void test_device_contract_proof(void **state)
{
	uint8_t key_bytes[16], challenge[16], nonce[8], mac[SHA256_SIZE];
	struct span key = unhex("b489514eb745169325765ba10b4cf8d4", key_bytes);
	const struct span parts[] = {
		SPAN_LITERAL("gatehouse/1|claim|"),
		unhex("101112131415161718191a1b1c1d1e1f", challenge),
		SPAN_LITERAL("\x08"),
		unhex("2021222324252627", nonce),
		SPAN_LITERAL("sensor-1"),
	};
	CLEANUP(cleanup_free) char *text = NULL;

	assert_int_equal(crypto_hmac_sha256(key, parts, ELEMENTS(parts), mac), 0);
	assert_hex(mac, sizeof(mac),
		"b2bf713507e731000140f7ac853ff09605bcad27d21e37fe6d3712f95e79979b");
	text = base64url_encode(span_of(mac, 16));
	assert_string_equal(text, "sr9xNQfnMQABQPeshT_wlg");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_fills_everything),
		cmocka_unit_test(test_equal_and_wipe),
		cmocka_unit_test(test_equal_in_time),
		cmocka_unit_test(test_sha256),
		cmocka_unit_test(test_hmac),
		cmocka_unit_test(test_hkdf),
		cmocka_unit_test(test_hkdf_limits),
		cmocka_unit_test(test_device_contract_keys),
		cmocka_unit_test(test_device_contract_proof),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
