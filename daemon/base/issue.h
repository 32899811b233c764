/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * An authority of one's own, and the certificates that it issues to devices (X.509, RFC 5280). An
 * authority is an identity (base/identity.h): its certificate, then its private key. Texts are PEM
 * on the heap; the caller wipes what holds a key. Nothing here logs, and nothing here asks for the
 * time: times are wall milliseconds.
 */

#include "base/chain.h"
#include "base/span.h"

/* OpenSSL's X509 */
struct x509_st;
/* A random serial number of 126 bits: positive, and always of the same length. -EIO. */
int issue_set_serial(struct x509_st *certificate);

#define ISSUE_NAME_MAX 64 /* of each part of a subject: ub-common-name and its like */

/* A new authority with a key on P-256, for certificates of devices alone (path length 0). name: 1
 * to 64 bytes of printable ASCII. -EINVAL, -ENOMEM, -EIO. */
int authority_make(const char *name, int64_t not_before, int64_t not_after, char **ret_identity);

/* What is wrong with an identity as an authority, as a sentence's end, or NULL: it must be one that
 * may sign certificates, with its own key. */
const char *authority_check(struct span identity);

/* A subject, in the words that the templates of platforms read. "" is left out. Each at most
 * ISSUE_NAME_MAX bytes of printable ASCII. */
struct issue_subject {
	const char *common_name; /* never "" */
	const char *organization, *unit;
	const char *serial_number, *qualifier; /* of ISSUE_STRICT alone */
};
#define ISSUE_STRICT "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 '()+,-./:=?"

/*
 * A certificate of a client for 'key' (its private key in PEM), with a random serial number of 126
 * bits. It is good from an hour before 'now', for clocks that differ, for 'life' milliseconds, and
 * never before or after its authority is. -EKEYEXPIRED: the authority is not good now. -EINVAL: the
 * subject. -EBADMSG: the authority or the key cannot be read. -ENOMEM, -EIO.
 */
int issue_certificate(struct span authority, struct span key, const struct issue_subject *subject,
	int64_t now, int64_t life, char **ret_pem);

/* Whether this authority has signed it. */
bool issue_is_from(struct span authority, struct span certificate);

/*
 * What proves to a platform that one has the authority's key: a certificate under the code that the
 * platform has given out, good for a day, for a key that nobody has. Errors as above.
 */
int issue_proof(struct span authority, const char *code, int64_t now, char **ret_pem);
