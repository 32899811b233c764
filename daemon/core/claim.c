/* SPDX-License-Identifier: Apache-2.0 */

/* A challenge is spent by the first proof that comes for it, right or wrong: nobody guesses twice
 * with the same one. The text of a proof is hexadecimal: challenge, proof, nonce. */

#include "core/claim.h"

#include <errno.h>
#include <string.h>

#include "base/base64.h"
#include "base/crypto.h"

#define FIXED_DIGITS (2 * (LABEL_CHALLENGE_SIZE + LABEL_PROOF_SIZE))

_Static_assert(PROOF_TEXT_SIZE == FIXED_DIGITS + 2 * LABEL_NONCE_MAX + 1, "each proof has a text");

int claim_proof_make(struct span nonce, struct span proof, struct claim_proof *ret_proof)
{
	if (nonce.size < LABEL_NONCE_MIN || nonce.size > LABEL_NONCE_MAX ||
		proof.size != LABEL_PROOF_SIZE)
		return -EINVAL;
	*ret_proof = (struct claim_proof){.nonce_size = nonce.size};
	memcpy(ret_proof->nonce, nonce.data, nonce.size);
	memcpy(ret_proof->proof, proof.data, proof.size);
	return 0;
}

void claim_proof_write(const struct claim_proof *proof, char ret_text[PROOF_TEXT_SIZE])
{
	hex_encode(span_of(proof->challenge, sizeof(proof->challenge)), ret_text, PROOF_TEXT_SIZE);
	hex_encode(span_of(proof->proof, sizeof(proof->proof)), ret_text + 2 * LABEL_CHALLENGE_SIZE,
		PROOF_TEXT_SIZE - 2 * LABEL_CHALLENGE_SIZE);
	hex_encode(span_of(proof->nonce, proof->nonce_size), ret_text + FIXED_DIGITS,
		PROOF_TEXT_SIZE - FIXED_DIGITS);
}

int claim_proof_read(const char *text, struct claim_proof *ret_proof)
{
	struct claim_proof proof = {0};
	size_t size = strlen(text);

	if (size < FIXED_DIGITS + 2 * LABEL_NONCE_MIN || size >= PROOF_TEXT_SIZE || size % 2)
		return -EINVAL;
	proof.nonce_size = (size - FIXED_DIGITS) / 2;
	if (hex_decode(span_of(text, 2 * LABEL_CHALLENGE_SIZE), proof.challenge,
		    sizeof(proof.challenge)) < 0 ||
		hex_decode(span_of(text + 2 * LABEL_CHALLENGE_SIZE, 2 * LABEL_PROOF_SIZE),
			proof.proof, sizeof(proof.proof)) < 0 ||
		hex_decode(span_of(text + FIXED_DIGITS, size - FIXED_DIGITS), proof.nonce,
			proof.nonce_size) < 0)
		return -EINVAL;
	*ret_proof = proof;
	return 0;
}

void claim_challenge_make(
	struct claim_challenge *challenge, const struct device_address *to, uint64_t now_usec)
{
	*challenge = (struct claim_challenge){.until_usec = now_usec + CLAIM_USEC, .to = *to};
	random_bytes(challenge->bytes, sizeof(challenge->bytes));
}

bool claim_challenge_is_out(const struct claim_challenge *challenge, uint64_t now_usec)
{
	return now_usec < challenge->until_usec;
}

bool claim_take(struct claim_challenge *challenge, const struct device_address *from,
	uint64_t now_usec, struct claim_proof *proof)
{
	if (!claim_challenge_is_out(challenge, now_usec) ||
		!device_address_same_host(&challenge->to, from))
		return false;
	memcpy(proof->challenge, challenge->bytes, sizeof(proof->challenge));
	proof->from = *from;
	*challenge = (struct claim_challenge){0};
	return true;
}

int claim_fits(
	const struct claim_proof *proof, const struct label *label, const char *ep, bool *ret_fits)
{
	*ret_fits = false;
	if (strcmp(label->ep, ep) != 0)
		return 0;
	return label_proof_check(label, proof->challenge, span_of(proof->nonce, proof->nonce_size),
		span_of(proof->proof, sizeof(proof->proof)), ret_fits);
}
