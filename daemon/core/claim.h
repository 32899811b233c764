/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A claim: a device proves once that it holds the key of its label (device contract, "Enrolling").
 * It gets a challenge, for one use within CLAIM_USEC, and answers with a nonce and a proof. Whether
 * the proof is right can be told only with the label, which may come later: so it can be kept.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/label.h"

#define CLAIM_USEC UINT64_C(60000000)

/* A challenge that is out; all zero: none. */
struct claim_challenge {
	uint8_t bytes[LABEL_CHALLENGE_SIZE];
	uint64_t until_usec; /* boot time; 0 = none */
	struct device_address to;
};

/* What a device answered; nonce_size 0: nothing. */
struct claim_proof {
	uint8_t nonce[LABEL_NONCE_MAX];
	size_t nonce_size;
	uint8_t proof[LABEL_PROOF_SIZE];
	/* filled by claim_take() */
	uint8_t challenge[LABEL_CHALLENGE_SIZE];
	struct device_address from; /* not in its text */
};

/* -EINVAL for sizes that no nonce or proof has. */
int claim_proof_make(struct span nonce, struct span proof, struct claim_proof *ret_proof);

/* A taken proof as text, for a record, and back; -EINVAL when it is none. */
void claim_proof_write(const struct claim_proof *proof, char ret_text[PROOF_TEXT_SIZE]);
int claim_proof_read(const char *text, struct claim_proof *ret_proof);

/* A fresh challenge for somebody at this address; the one before is void. */
void claim_challenge_make(
	struct claim_challenge *challenge, const struct device_address *to, uint64_t now_usec);
/* True while it waits for its answer. */
bool claim_challenge_is_out(const struct claim_challenge *challenge, uint64_t now_usec);
/* Spends the challenge on this proof. False when none is out, or somebody else has it: then it
 * stays as it is. */
bool claim_take(struct claim_challenge *challenge, const struct device_address *from,
	uint64_t now_usec, struct claim_proof *proof);
/* True when a taken proof was made with the key of this label for the device 'ep', byte for byte.
 * -EIO. */
int claim_fits(
	const struct claim_proof *proof, const struct label *label, const char *ep, bool *ret_fits);
