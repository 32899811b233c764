/* SPDX-License-Identifier: Apache-2.0 */

/* Challenges, for one use and one minute, and the contract's proof. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "core/claim.h"

#define SECOND UINT64_C(1000000)

static const uint8_t NONCE[] = {0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27};
static const uint8_t PROOF[] = {0xb2, 0xbf, 0x71, 0x35, 0x07, 0xe7, 0x31, 0x00, 0x01, 0x40, 0xf7,
	0xac, 0x85, 0x3f, 0xf0, 0x96};

static struct device_address at(const char *ip)
{
	struct device_address address = {.port = 5683, .interface = "eth0"};

	assert_int_equal(inet_pton(AF_INET6, ip, &address.ip), 1);
	return address;
}

static struct label label_of_the_contract(void)
{
	enum label_verdict verdict = LABEL_FOREIGN;
	struct label label = {0};

	assert_int_equal(label_read(span_from_string("GH1-000G40R40M30E209185GR38E1WJB"),
				 "sensor-1", &label, &verdict),
		0);
	assert_int_equal(verdict, LABEL_TAKEN);
	return label;
}

static void sizes(void **state)
{
	static const uint8_t bytes[LABEL_NONCE_MAX + 1];
	struct span proof = span_of(bytes, LABEL_PROOF_SIZE);
	struct claim_proof made;

	for (size_t size = 0; size <= sizeof(bytes); size++)
		assert_int_equal(claim_proof_make(span_of(bytes, size), proof, &made),
			size >= LABEL_NONCE_MIN && size <= LABEL_NONCE_MAX ? 0 : -EINVAL);
	proof.size++;
	assert_int_equal(claim_proof_make(span_of(NONCE, sizeof(NONCE)), proof, &made), -EINVAL);
}

static void a_challenge_is_for_one_use(void **state)
{
	struct device_address one = at("2001:db8::1"), other = at("2001:db8::2");
	struct claim_challenge challenge = {0}, made;
	struct claim_proof proof = {0};

	assert_false(claim_challenge_is_out(&challenge, 0));
	assert_false(claim_take(&challenge, &one, 0, &proof));
	claim_challenge_make(&challenge, &one, SECOND);
	made = challenge;
	assert_true(claim_challenge_is_out(&challenge, SECOND + CLAIM_USEC - 1));
	/* Whoever else answers it takes nothing away. */
	assert_false(claim_take(&challenge, &other, 2 * SECOND, &proof));
	assert_true(claim_take(&challenge, &one, SECOND + CLAIM_USEC - 1, &proof));
	assert_memory_equal(proof.challenge, made.bytes, sizeof(made.bytes));
	assert_true(device_address_same_host(&proof.from, &one));
	assert_false(claim_take(&challenge, &one, 2 * SECOND, &proof));
	claim_challenge_make(&challenge, &one, SECOND);
	assert_memory_not_equal(challenge.bytes, made.bytes, sizeof(made.bytes));
	assert_false(claim_take(&challenge, &one, SECOND + CLAIM_USEC, &proof));
}

static void the_proof_of_the_contract(void **state)
{
	struct label label = label_of_the_contract();
	struct claim_proof proof;
	bool fits = false;

	assert_int_equal(claim_proof_make(span_of(NONCE, sizeof(NONCE)),
				 span_of(PROOF, sizeof(PROOF)), &proof),
		0);
	for (uint8_t i = 0; i < LABEL_CHALLENGE_SIZE; i++)
		proof.challenge[i] = (uint8_t)(0x10 + i);
	assert_int_equal(claim_fits(&proof, &label, "sensor-1", &fits), 0);
	assert_true(fits);
	/* The name as it stands on the label, byte for byte. */
	assert_int_equal(claim_fits(&proof, &label, "Sensor-1", &fits), 0);
	assert_false(fits);
	proof.challenge[0] ^= 1;
	assert_int_equal(claim_fits(&proof, &label, "sensor-1", &fits), 0);
	assert_false(fits);
	label_clear(&label);
}

/* There and back, at both ends of a nonce; and what is no proof. */
static void as_text(void **state)
{
	static const size_t nonces[] = {LABEL_NONCE_MIN, LABEL_NONCE_MAX};
	struct claim_proof proof = {0}, back;
	char text[PROOF_TEXT_SIZE + 2];

	for (size_t i = 0; i < 2; i++) {
		proof = (struct claim_proof){.nonce_size = nonces[i]};
		memset(proof.challenge, 0x11, sizeof(proof.challenge));
		memset(proof.proof, 0x22, sizeof(proof.proof));
		memset(proof.nonce, 0x33, nonces[i]);
		claim_proof_write(&proof, text);
		assert_int_equal(claim_proof_read(text, &back), 0);
		assert_memory_equal(&back, &proof, sizeof(back));
	}
	strcat(text, "33");
	assert_int_equal(claim_proof_read(text, &back), -EINVAL);
	text[2 * (LABEL_CHALLENGE_SIZE + LABEL_PROOF_SIZE + LABEL_NONCE_MIN)] = '\0';
	assert_int_equal(claim_proof_read(text, &back), 0);
	for (size_t i = 0; i < strlen(text); i += 16) {
		char kept = text[i];

		text[i] = 'g';
		assert_int_equal(claim_proof_read(text, &back), -EINVAL);
		text[i] = kept;
	}
	text[strlen(text) - 1] = '\0';
	assert_int_equal(claim_proof_read(text, &back), -EINVAL);
	text[strlen(text) - 1] = '\0';
	assert_int_equal(claim_proof_read(text, &back), -EINVAL);
	assert_int_equal(claim_proof_read("", &back), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes),
		cmocka_unit_test(a_challenge_is_for_one_use),
		cmocka_unit_test(the_proof_of_the_contract),
		cmocka_unit_test(as_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
