/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Certificates of devices (X.509, RFC 5280): authorities that are registered, and whether a chain
 * that somebody shows leads to one of them. Every byte of such a chain is hostile. Nothing here
 * logs, and nothing here asks for the time.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

struct x509_st;
struct stack_st_X509;

#define FINGERPRINT_SIZE 65 /* SHA-256 in hex, with its NUL */
#define CHAIN_TEXT_SIZE	 65 /* of a part of a subject, with its NUL */
#define CHAIN_MAX	 5  /* certificates of one chain: the device's own, three between, a root */
#define CHAIN_BYTES_MAX	 8192  /* of all that a device may send */
#define AUTHORITY_MAX	 16384 /* bytes of a PEM file */

/* What a certificate says. */
struct chain_facts {
	char fingerprint[FINGERPRINT_SIZE];
	/* Of its subject: "" when there is none, several, or not printable ASCII alone. */
	char common_name[CHAIN_TEXT_SIZE], serial_number[CHAIN_TEXT_SIZE];
	int64_t not_before, not_after; /* wall milliseconds */
};
/* -EBADMSG for a lifetime that is none. */
int chain_facts_read(const struct x509_st *x509, struct chain_facts *ret_facts);

/*
 * An authority as an operator hands it in: exactly one certificate in PEM, with any text around it.
 * 0 with its facts and the same certificate without the text (heap). -EBADMSG with a sentence's end
 * in *ret_why (static) when it is none, -ENOMEM.
 */
int authority_read(
	struct span pem, struct chain_facts *ret_facts, char **ret_pem, const char **ret_why);

/* Those that are registered. */
struct anchors;
int anchors_new(struct anchors **ret);
/* As authority_read() gave it. -EBADMSG, -ENOMEM. */
int anchors_add(struct anchors *anchors, const char *pem);
struct anchors *anchors_free(struct anchors *anchors);

/* Whether a device's certificate and the others that it sent (may be NULL) lead to an anchor. */
struct chain_verdict {
	struct chain_facts facts;
	char authority[FINGERPRINT_SIZE]; /* the anchor that it is under */
	const char *why;		  /* a sentence's end when it was refused; static */
	int error;			  /* then: X509_V_ERR_... */
};
/* 'now' in wall milliseconds; 0: the time is not known, and no lifetime is looked at. 0,
 * -EKEYREJECTED with the reason, -ENOMEM. 'facts' is filled in the first two cases, as far as the
 * certificate has any. */
int anchors_check(const struct anchors *anchors, struct x509_st *leaf, struct stack_st_X509 *others,
	int64_t now, struct chain_verdict *ret_verdict);
