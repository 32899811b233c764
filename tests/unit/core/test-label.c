/* SPDX-License-Identifier: Apache-2.0 */
/* The GH1 label: the contract's test vector to the byte, every way to write a code, every refusal.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/crypto.h"
#include "core/cbor-json.h"
#include "core/label.h"
#include "tests/unit/base/unhex.h"

#define CODE "000G40R40M30E209185GR38E1WJB"
#define NAME "sensor-1"

/* The seams: the call of this number (from 1) fails; 0: none does. */
static int failing_call;

static bool call_fails(void)
{
	return failing_call > 0 && --failing_call == 0;
}

int __real_crypto_sha256(struct span data, uint8_t ret_digest[SHA256_SIZE]);
int __wrap_crypto_sha256(struct span data, uint8_t ret_digest[SHA256_SIZE]);
int __wrap_crypto_sha256(struct span data, uint8_t ret_digest[SHA256_SIZE])
{
	return call_fails() ? -EIO : __real_crypto_sha256(data, ret_digest);
}

int __real_crypto_hkdf_sha256(
	struct span key, struct span salt, struct span info, uint8_t *ret_key, size_t size);
int __wrap_crypto_hkdf_sha256(
	struct span key, struct span salt, struct span info, uint8_t *ret_key, size_t size);
int __wrap_crypto_hkdf_sha256(
	struct span key, struct span salt, struct span info, uint8_t *ret_key, size_t size)
{
	return call_fails() ? -EIO : __real_crypto_hkdf_sha256(key, salt, info, ret_key, size);
}

int __real_crypto_hmac_sha256(
	struct span key, const struct span *parts, size_t count, uint8_t ret_mac[SHA256_SIZE]);
int __wrap_crypto_hmac_sha256(
	struct span key, const struct span *parts, size_t count, uint8_t ret_mac[SHA256_SIZE]);
int __wrap_crypto_hmac_sha256(
	struct span key, const struct span *parts, size_t count, uint8_t ret_mac[SHA256_SIZE])
{
	return call_fails() ? -EIO : __real_crypto_hmac_sha256(key, parts, count, ret_mac);
}

/* How often something was wiped that held the secret, the code or a key of the test vector. */
static struct {
	unsigned secret, code, key;
} wiped;

void __real_crypto_wipe(void *bytes, size_t size);
void __wrap_crypto_wipe(void *bytes, size_t size);
void __wrap_crypto_wipe(void *bytes, size_t size)
{
	uint8_t secret[LABEL_SECRET_SIZE], key[LABEL_KEY_SIZE];

	unhex("000102030405060708090a0b0c0d0e0f", secret);
	unhex("b489514eb745169325765ba10b4cf8d4", key);
	wiped.secret += memmem(bytes, size, secret, sizeof(secret)) != NULL;
	wiped.code += memmem(bytes, size, CODE, LABEL_CODE_SIZE) != NULL;
	wiped.key += memmem(bytes, size, key, sizeof(key)) != NULL;
	__real_crypto_wipe(bytes, size);
}

static void secret_fill(uint8_t secret[LABEL_SECRET_SIZE])
{
	unhex("000102030405060708090a0b0c0d0e0f", secret);
}

static void hex_check(const uint8_t *bytes, size_t size, const char *expected)
{
	char text[2 * SHA256_SIZE + 1];

	assert_int_equal(hex_encode(span_of(bytes, size), text, sizeof(text)), 2 * size);
	assert_string_equal(text, expected);
}

static struct label vector_label(void)
{
	enum label_verdict verdict = LABEL_FOREIGN;
	struct label label;

	assert_int_equal(label_read(SPAN_LITERAL("GH1-" CODE), NAME, &label, &verdict), 0);
	assert_int_equal(verdict, LABEL_TAKEN);
	return label;
}

/* design: device contract, block "Test vector", line by line. */
static void test_vector_keys(void **state)
{
	uint8_t secret[LABEL_SECRET_SIZE], digest[SHA256_SIZE], prk[SHA256_SIZE];
	struct span input = span_of(secret, sizeof(secret));
	struct label label = vector_label();
	char text[LABEL_TEXT_SIZE], qr[LABEL_QR_SIZE];

	secret_fill(secret);
	assert_int_equal(label_write(secret, NAME, text), 0);
	assert_string_equal(text, "GH1-000G40R40M30E209185GR38E1WJB");
	assert_int_equal(label_write_qr(secret, NAME, qr), 0);
	assert_string_equal(qr, "GH1:sensor-1:000G40R40M30E209185GR38E1WJB");
	/* the extract step of HKDF is an HMAC under the salt (RFC 5869 section 2.2) */
	assert_int_equal(crypto_hmac_sha256(SPAN_LITERAL("gatehouse/1"), &input, 1, prk), 0);
	hex_check(prk, sizeof(prk),
		"d9dbe4ef6ffa1d6b3a6e206d99363e7f021ec740242ace8b3809e6e5662f33c4");
	assert_true(label.has_psk);
	hex_check(label.psk, sizeof(label.psk), "343644d1e5c79a5555d64635e11fc3fc");
	hex_check(label.claim_key, sizeof(label.claim_key), "b489514eb745169325765ba10b4cf8d4");
	assert_int_equal(crypto_sha256(input, digest), 0);
	assert_memory_equal(label.digest, digest, sizeof(digest));
	assert_string_equal(label.ep, NAME);
}

static void test_vector_proof(void **state)
{
	uint8_t challenge[16], nonce[8], proof[LABEL_PROOF_SIZE], body[64], mac[SHA256_SIZE];
	uint8_t message[64];
	struct label label = vector_label();
	struct span said, input;
	json_t *map = NULL;
	char *text;

	unhex("101112131415161718191a1b1c1d1e1f", challenge);
	said = unhex("2021222324252627", nonce);
	assert_int_equal(label_proof(&label, challenge, said, proof), 0);
	hex_check(proof, sizeof(proof), "b2bf713507e731000140f7ac853ff096");
	input = unhex("67617465686f7573652f317c636c61696d7c101112131415161718191a1b1c1d1e1f"
		      "08202122232425262773656e736f722d31",
		message);
	assert_int_equal(input.size, 51);
	assert_int_equal(
		crypto_hmac_sha256(span_of(label.claim_key, LABEL_KEY_SIZE), &input, 1, mac), 0);
	hex_check(mac, sizeof(mac),
		"b2bf713507e731000140f7ac853ff09605bcad27d21e37fe6d3712f95e79979b");
	assert_memory_equal(mac, proof, sizeof(proof));
	/* the enrol body of the vector says the same in both of its forms */
	assert_int_equal(cbor_to_json(unhex("a2656e6f6e63654820212223242526276570726f6f6650b2bf71"
					    "3507e731000140f7ac853ff096",
					      body),
				 &map),
		0);
	text = json_dumps(map, JSON_COMPACT);
	assert_string_equal(
		text, "{\"nonce\":\"ICEiIyQlJic\",\"proof\":\"sr9xNQfnMQABQPeshT_wlg\"}");
	free(text);
	json_decref(map);
}

static void proof_expect(
	const struct label *label, struct span nonce, struct span proof, bool right)
{
	uint8_t challenge[16];
	bool got = !right;

	unhex("101112131415161718191a1b1c1d1e1f", challenge);
	assert_int_equal(label_proof_check(label, challenge, nonce, proof, &got), 0);
	assert_int_equal(got, right);
}

static void test_proof_check(void **state)
{
	uint8_t nonce_bytes[LABEL_NONCE_MAX + 1] = {0}, proof_bytes[LABEL_PROOF_SIZE + 1] = {0};
	struct span nonce = unhex("2021222324252627", nonce_bytes);
	struct span proof = unhex("b2bf713507e731000140f7ac853ff096", proof_bytes);
	uint8_t challenge[16] = {0}, made[LABEL_PROOF_SIZE] = {1};
	struct label label = vector_label();
	bool right = true;

	proof_expect(&label, nonce, proof, true);
	proof_expect(&label, span_of(nonce_bytes, 9), proof, false);
	proof_expect(&label, span_of(nonce_bytes, 7), proof, false);
	proof_expect(&label, span_of(nonce_bytes, 33), proof, false);
	proof_expect(&label, span_of(NULL, 0), proof, false);
	proof_expect(&label, nonce, span_of(proof_bytes, 15), false);
	proof_expect(&label, nonce, span_of(proof_bytes, 17), false);
	proof_expect(&label, nonce, span_of(NULL, 0), false);
	for (size_t i = 0; i < LABEL_PROOF_SIZE; i++) {
		proof_bytes[i] ^= 0x80;
		proof_expect(&label, nonce, proof, false);
		proof_bytes[i] ^= 0x80;
	}
	assert_int_equal(label_proof_check(&label, challenge, nonce, proof, &right), 0);
	assert_false(right); /* of another challenge */
	strcpy(label.ep, "sensor-2");
	proof_expect(&label, nonce, proof, false);
	/* every length of a nonce that may be */
	for (size_t i = 0; i <= LABEL_NONCE_MAX + 1; i++)
		assert_int_equal(label_proof(&label, challenge, span_of(nonce_bytes, i), made),
			i >= LABEL_NONCE_MIN && i <= LABEL_NONCE_MAX ? 0 : -EINVAL);
	failing_call = 1;
	assert_int_equal(label_proof_check(&label, challenge, nonce, proof, &right), -EIO);
	assert_int_equal(failing_call, 0);
}

struct row {
	const char *text;
	const char *ep; /* expected, or NULL */
	enum label_verdict verdict;
};

static void rows_check(const struct row *rows, size_t count)
{
	const struct label vector = vector_label();

	for (size_t i = 0; i < count; i++) {
		struct label label, untouched;
		enum label_verdict verdict = LABEL_TAKEN;

		memset(&label, 0x5a, sizeof(label));
		untouched = label;
		assert_int_equal(
			label_read(span_from_string(rows[i].text), rows[i].ep, &label, &verdict),
			0);
		if (verdict != rows[i].verdict)
			fail_msg("%s: verdict %d", rows[i].text, (int)verdict);
		if (verdict == LABEL_TAKEN) {
			assert_string_equal(label.ep, vector.ep);
			assert_memory_equal(label.psk, vector.psk, sizeof(label.psk));
			assert_memory_equal(
				label.claim_key, vector.claim_key, sizeof(label.claim_key));
		} else {
			assert_memory_equal(&label, &untouched, sizeof(label));
		}
	}
}

static void test_spellings(void **state)
{
	static const struct row rows[] = {
		{"GH1-" CODE, NAME, LABEL_TAKEN},
		{"GH1" CODE, NAME, LABEL_TAKEN},
		{"gh1-000g40r40m30e209185gr38e1wjb", NAME, LABEL_TAKEN},
		{"GHI-OOOG4OR4OM3OE2O9L85GR38EiWJB", NAME, LABEL_TAKEN},
		{"ghl-ooog4or4om3oe2o9I85gr38elwjb", NAME, LABEL_TAKEN},
		{" GH1 - 000G 40R4 0M30 E209 185G R38E 1WJB \r\n", NAME, LABEL_TAKEN},
		{"G-H-1-000G-40R4-0M30-E209-185G-R38E-1WJB-", NAME, LABEL_TAKEN},
		{"\tGH1\t000G40R40M30E2 09185GR38E1WJB", NAME, LABEL_TAKEN},
		{"GH1:sensor-1:" CODE, NULL, LABEL_TAKEN},
		{"GH1:sensor-1:" CODE, NAME, LABEL_TAKEN},
		{"gh1:sensor-1:000g-40r40m30e209185gr38e1wjb", NULL, LABEL_TAKEN},
		{" GHI:sensor-1: " CODE "\n", NULL, LABEL_TAKEN},
	};

	rows_check(rows, ELEMENTS(rows));
}

static void test_refused(void **state)
{
	static const struct row rows[] = {
		/* no label */
		{"", NAME, LABEL_FOREIGN},
		{" ", NAME, LABEL_FOREIGN},
		{"GH", NAME, LABEL_FOREIGN},
		{"GH2-" CODE, NAME, LABEL_FOREIGN},
		{CODE, NAME, LABEL_FOREIGN},
		{"BCDF-GHJK", NAME, LABEL_FOREIGN},
		{"https://example.net/" CODE, NULL, LABEL_FOREIGN},
		{"WIFI:S:home;T:WPA;;", NULL, LABEL_FOREIGN},
		{"GH1::" CODE, NULL, LABEL_FOREIGN},
		{"GH1::" CODE, NAME, LABEL_FOREIGN},
		{"GH1:a b:" CODE, NULL, LABEL_FOREIGN},
		{"GH1:192.0.2.7:" CODE, NULL, LABEL_FOREIGN},
		{"GH1:\xc3\xbc:" CODE, NULL, LABEL_FOREIGN},
		{"GH1:12345678901234567890123456789012345678901234567890123456789012345:" CODE,
			NULL, LABEL_FOREIGN},
		/* wrong length */
		{"GH1", NAME, LABEL_LENGTH},
		{"GH1:", NAME, LABEL_LENGTH},
		{"GH1:" CODE, NAME, LABEL_LENGTH},
		{"GH1-000G40R40M30E209185GR38E1WJ", NAME, LABEL_LENGTH},
		{"GH1-" CODE "0", NAME, LABEL_LENGTH},
		{"GH1-" CODE CODE CODE CODE, NAME, LABEL_LENGTH},
		{"GH1:sensor-1:", NULL, LABEL_LENGTH},
		{"GH1:sensor-1:000G40", NULL, LABEL_LENGTH},
		{"GH1:sensor-1:" CODE "0", NAME, LABEL_LENGTH},
		/* of another device */
		{"GH1-" CODE, "sensor-2", LABEL_MISMATCH},
		{"GH1-" CODE, "Sensor-1", LABEL_MISMATCH},
		{"GH1:sensor-1:" CODE, "sensor-2", LABEL_MISMATCH},
		{"GH1:sensor-1:" CODE, "SENSOR-1", LABEL_MISMATCH},
		{"GH1:sensor-2:" CODE, NULL, LABEL_MISMATCH},
		/* with a typo: a digit, a check character, the pad, what is no character */
		{"GH1-000G40R40M30E209185GR38F1WJB", NAME, LABEL_MISMATCH},
		{"GH1-000G40R40M30E209185GR38E1WJC", NAME, LABEL_MISMATCH},
		{"GH1-000G40R40M30E209185GR38E1WKB", NAME, LABEL_MISMATCH},
		{"GH1-000G40R40M30E209185GR38E1XJB", NAME, LABEL_MISMATCH},
		{"GH1-000G40R40M30E209185GR38E1YJB", NAME, LABEL_MISMATCH},
		{"GH1-U00G40R40M30E209185GR38E1WJB", NAME, LABEL_MISMATCH},
		{"GH1-000G40R40M30E209185GR38E1WJ!", NAME, LABEL_MISMATCH},
		{"GH1-000G40R40M30E209185GR38E1WJ:", NAME, LABEL_MISMATCH},
		/* nobody says whose it is */
		{"GH1-" CODE, NULL, LABEL_NAMELESS},
	};

	rows_check(rows, ELEMENTS(rows));
}

/* Bytes that a C string cannot hold, and an expected name that is none. */
static void test_hostile(void **state)
{
	static const char *const names[] = {"", "a b", "192.0.2.7"};
	char text[] = "GH1-" CODE;
	enum label_verdict verdict = LABEL_NAMELESS;
	struct label label;

	text[9] = '\0';
	assert_int_equal(label_read(span_of(text, sizeof(text) - 1), NAME, &label, &verdict), 0);
	assert_int_equal(verdict, LABEL_MISMATCH);
	assert_int_equal(label_read(span_of(NULL, 0), NAME, &label, &verdict), 0);
	assert_int_equal(verdict, LABEL_FOREIGN);
	for (size_t i = 0; i < ELEMENTS(names); i++) {
		verdict = LABEL_NAMELESS;
		assert_int_equal(
			label_read(SPAN_LITERAL("GH1-" CODE), names[i], &label, &verdict), -EINVAL);
		assert_int_equal(verdict, LABEL_NAMELESS);
	}
}

/* What is written is read again, for secrets and names of all kinds; a name may hold colons. */
static void test_round_trip(void **state)
{
	static const char *const names[] = {"a", "urn:dev:mac:0024befffe804ff1", "A-b_c.d",
		"12345678901234567890123456789012", "123456789012345678901234567890123",
		"123456789012345678901234567890123456789012345678901234567890123"};

	for (unsigned i = 0; i < 256; i++) {
		const char *name = names[i % ELEMENTS(names)];
		char text[LABEL_TEXT_SIZE], qr[LABEL_QR_SIZE];
		uint8_t secret[LABEL_SECRET_SIZE], digest[SHA256_SIZE];
		struct label typed = {0}, scanned = {0};
		enum label_verdict verdict;

		for (unsigned j = 0; j < LABEL_SECRET_SIZE; j++)
			secret[j] = (uint8_t)(i * (2 * j + 1) + 31 * j);
		assert_int_equal(label_write(secret, name, text), 0);
		assert_int_equal(strlen(text), LABEL_TEXT_SIZE - 1);
		assert_int_equal(label_write_qr(secret, name, qr), 0);
		assert_int_equal(label_read(span_from_string(text), name, &typed, &verdict), 0);
		assert_int_equal(verdict, LABEL_TAKEN);
		assert_int_equal(label_read(span_from_string(qr), NULL, &scanned, &verdict), 0);
		assert_int_equal(verdict, LABEL_TAKEN);
		assert_int_equal(crypto_sha256(span_of(secret, sizeof(secret)), digest), 0);
		assert_memory_equal(typed.digest, digest, sizeof(digest));
		assert_memory_equal(scanned.digest, digest, sizeof(digest));
		assert_memory_equal(typed.claim_key, scanned.claim_key, LABEL_KEY_SIZE);
		assert_string_equal(scanned.ep, name);
		assert_int_equal(scanned.has_psk, strlen(name) <= 32);
	}
}

/*
 * Ten bits let one wrong character in 1,024 through, if it stands in the secret; in the check
 * itself every one is found. Of the 868 here two get through, always the same.
 */
static void test_typos(void **state)
{
	static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
	struct label label;
	unsigned missed = 0;

	for (size_t i = 0; i < LABEL_CODE_SIZE; i++) {
		for (const char *c = alphabet; *c; c++) {
			char text[] = "GH1-" CODE;
			enum label_verdict verdict = LABEL_FOREIGN;

			if (text[4 + i] == *c)
				continue;
			text[4 + i] = *c;
			assert_int_equal(
				label_read(span_from_string(text), NAME, &label, &verdict), 0);
			assert_true(verdict == LABEL_MISMATCH ||
				    (verdict == LABEL_TAKEN && i < LABEL_CODE_SIZE - 2));
			missed += verdict == LABEL_TAKEN;
		}
	}
	assert_int_equal(missed, 2);
}

static void test_write_refused(void **state)
{
	uint8_t secret[LABEL_SECRET_SIZE] = {0};
	char text[LABEL_TEXT_SIZE] = "untouched", qr[LABEL_QR_SIZE] = "untouched";

	assert_int_equal(label_write(secret, "", text), -EINVAL);
	assert_int_equal(label_write_qr(secret, "a b", qr), -EINVAL);
	failing_call = 1;
	assert_int_equal(label_write(secret, "a", text), -EIO);
	failing_call = 1;
	assert_int_equal(label_write_qr(secret, "a", qr), -EIO);
	assert_string_equal(text, "untouched");
	assert_string_equal(qr, "untouched");
}

/* The check, the digest and both keys: each may fail, and then nothing is returned. */
static void test_library_fails(void **state)
{
	for (int call = 1; call <= 4; call++) {
		struct label label = {.ep = "untouched"};
		enum label_verdict verdict = LABEL_NAMELESS;

		failing_call = call;
		assert_int_equal(
			label_read(SPAN_LITERAL("GH1-" CODE), NAME, &label, &verdict), -EIO);
		assert_int_equal(failing_call, 0);
		assert_int_equal(verdict, LABEL_NAMELESS);
		assert_string_equal(label.ep, "untouched");
	}
}

static void wiped_expect(unsigned secret, unsigned code, unsigned key)
{
	assert_int_equal(wiped.secret, secret);
	assert_int_equal(wiped.code, code);
	/* Without optimisation a buffer that never held a key may stand where one did: wiped once
	 * more. */
	assert_true(wiped.key >= key);
	memset(&wiped, 0, sizeof(wiped));
}

/* Each place where the secret stood: the bytes of the code, the copy that keys are derived from,
 * the input of the check; on every way out. */
static void test_wiped(void **state)
{
	char text[LABEL_TEXT_SIZE], qr[LABEL_QR_SIZE];
	uint8_t secret[LABEL_SECRET_SIZE];
	enum label_verdict verdict;
	struct label label;

	secret_fill(secret);
	memset(&wiped, 0, sizeof(wiped));
	label = vector_label();
	wiped_expect(3, 1, 1);
	assert_int_equal(label_read(SPAN_LITERAL("GH1-" CODE), "other", &label, &verdict), 0);
	assert_int_equal(verdict, LABEL_MISMATCH);
	wiped_expect(3, 1, 0);
	failing_call = 1;
	assert_int_equal(label_read(SPAN_LITERAL("GH1-" CODE), NAME, &label, &verdict), -EIO);
	wiped_expect(3, 1, 0);
	failing_call = 4;
	assert_int_equal(label_read(SPAN_LITERAL("GH1-" CODE), NAME, &label, &verdict), -EIO);
	wiped_expect(3, 1, 1);
	assert_int_equal(label_write(secret, NAME, text), 0);
	wiped_expect(3, 1, 0);
	assert_int_equal(label_write_qr(secret, NAME, qr), 0);
	wiped_expect(3, 1, 0);
	label_clear(&label);
}

static void test_clear(void **state)
{
	static const struct label zero;
	struct label label = vector_label();

	label_clear(&label);
	assert_memory_equal(&label, &zero, sizeof(label));
}

static void test_why(void **state)
{
	char text[LABEL_WHY_SIZE], name[EP_MAX + 1];

	assert_string_equal(label_why(LABEL_TAKEN, NAME, text), "");
	assert_string_equal(label_why(LABEL_FOREIGN, NAME, text), "This is not a GH1 label.");
	assert_non_null(strstr(label_why(LABEL_LENGTH, NAME, text), "28 characters"));
	assert_string_equal(label_why(LABEL_MISMATCH, NAME, text),
		"This code is not for sensor-1, or has a typo.");
	assert_string_equal(label_why(LABEL_MISMATCH, NULL, text),
		"This code is not for the device that it names, or has a typo.");
	assert_non_null(strstr(label_why(LABEL_NAMELESS, NULL, text), "choose the device"));
	memset(name, 'a', EP_MAX);
	name[EP_MAX] = '\0';
	assert_non_null(strstr(label_why(LABEL_MISMATCH, name, text), "typo."));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vector_keys),
		cmocka_unit_test(test_vector_proof),
		cmocka_unit_test(test_proof_check),
		cmocka_unit_test(test_spellings),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_typos),
		cmocka_unit_test(test_write_refused),
		cmocka_unit_test(test_library_fails),
		cmocka_unit_test(test_wiped),
		cmocka_unit_test(test_clear),
		cmocka_unit_test(test_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
