/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The key-bearing registration code of a device, "GH1" (device contract, "Registration codes"): 128
 * random bits from the factory, on the device's label or in an import file. It stands as
 *
 *   GH1-000G40R40M30E209185GR38E1WJB              typed; the name of the device is known
 *   GH1:sensor-1:000G40R40M30E209185GR38E1WJB     in a QR code; the name is in it
 *
 * The secret itself never leaves this file: who reads a label gets what is derived from it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "core/device.h"

#define LABEL_SECRET_SIZE    16
#define LABEL_KEY_SIZE	     16
#define LABEL_DIGEST_SIZE    32
#define LABEL_CODE_SIZE	     28 /* characters behind "GH1-", the check characters included */
#define LABEL_TEXT_SIZE	     (4 + LABEL_CODE_SIZE + 1)		    /* "GH1-...", with its NUL */
#define LABEL_QR_SIZE	     (4 + EP_MAX + 1 + LABEL_CODE_SIZE + 1) /* "GH1:...", with its NUL */
#define LABEL_WHY_SIZE	     160
#define LABEL_PSK_EP_MAX     32 /* bytes of a name that is a DTLS PSK identity */
#define LABEL_CHALLENGE_SIZE 16
#define LABEL_NONCE_MIN	     8
#define LABEL_NONCE_MAX	     32
#define LABEL_PROOF_SIZE     16

/* What is kept of a label. The keys are secrets; label_clear() wipes them. */
struct label {
	char ep[EP_MAX + 1];
	bool has_psk; /* the name is short enough for DTLS; 'psk' has no meaning otherwise */
	uint8_t psk[LABEL_KEY_SIZE];
	uint8_t claim_key[LABEL_KEY_SIZE];
	uint8_t digest[LABEL_DIGEST_SIZE]; /* SHA-256 of the secret: tells the same label again */
};

enum label_verdict {
	LABEL_TAKEN,
	LABEL_FOREIGN,	/* this is no GH1 label */
	LABEL_LENGTH,	/* it is one, but not of 28 characters */
	LABEL_MISMATCH, /* of another device, or with a typo: nobody can tell which */
	LABEL_NAMELESS, /* a typed code, and 'ep' was NULL */
};

/*
 * Reads either form. Case, spaces and hyphens in the code do not matter, O is 0, I and L are 1; the
 * name in a QR text is taken byte for byte. 'ep' is the name of the device that the label should be
 * of, as the device sends it; NULL = the text says it. 0 with *ret_verdict, and *ret_label at
 * LABEL_TAKEN only; -EINVAL when 'ep' is no name (ep_check()), -EIO.
 */
int label_read(
	struct span text, const char *ep, struct label *ret_label, enum label_verdict *ret_verdict);
void label_clear(struct label *label);
/* Its digest in hex: how a record says which label its device has proved. */
void label_mark(const struct label *label, char ret_mark[LABEL_MARK_SIZE]);
/* The sentence for a person; 'ep' as given to label_read(), which may be NULL. ret_text of at least
 * LABEL_WHY_SIZE bytes. Returns ret_text; empty at LABEL_TAKEN. */
const char *label_why(enum label_verdict verdict, const char *ep, char *ret_text);

/* Writes the label of a device, for those who make labels; both texts are secrets. -EINVAL when
 * 'ep' is no name, -EIO. */
int label_write(
	const uint8_t secret[LABEL_SECRET_SIZE], const char *ep, char ret_text[LABEL_TEXT_SIZE]);
int label_write_qr(
	const uint8_t secret[LABEL_SECRET_SIZE], const char *ep, char ret_text[LABEL_QR_SIZE]);

/* What the device answers to a challenge (device contract, "Enrolling"). -EINVAL for a nonce that
 * is not LABEL_NONCE_MIN to LABEL_NONCE_MAX bytes; -EIO. */
int label_proof(const struct label *label, const uint8_t challenge[LABEL_CHALLENGE_SIZE],
	struct span nonce, uint8_t ret_proof[LABEL_PROOF_SIZE]);
/* Compares in constant time. 0 with *ret_right; a proof or nonce of another size is a wrong one;
 * -EIO. */
int label_proof_check(const struct label *label, const uint8_t challenge[LABEL_CHALLENGE_SIZE],
	struct span nonce, struct span proof, bool *ret_right);
