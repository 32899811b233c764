/* SPDX-License-Identifier: Apache-2.0 */

/* A challenge is spent by the first proof that comes for it, right or wrong: nobody guesses twice
 * with the same one. */

#include "core/claim.h"

#include <errno.h>
#include <string.h>

#include "base/crypto.h"

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
