/* SPDX-License-Identifier: Apache-2.0 */

#include "base/identity.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

#include "base/cleanup.h"

#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 4096

DEFINE_CLEANUP(BIO *, BIO_free_all, cleanup_bio)
DEFINE_CLEANUP(X509 *, X509_free, cleanup_x509)
DEFINE_CLEANUP(EVP_PKEY *, EVP_PKEY_free, cleanup_key)

/* Never asks at a terminal: an encrypted key is one that we cannot read. */
static int no_passphrase(char *buffer, int size, int writing, void *userdata)
{
	return -1;
}

/* The first certificate; the others must be certificates as well. NULL when one is not. */
static X509 *read_chain(struct span text)
{
	CLEANUP(cleanup_bio) BIO *bio = BIO_new_mem_buf(text.data, (int)text.size);
	X509 *first = bio ? PEM_read_bio_X509(bio, NULL, no_passphrase, NULL) : NULL;
	unsigned count = 1;

	while (first) {
		CLEANUP(cleanup_x509)
		X509 *next = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL);

		if (!next)
			break;
		if (++count > CHAIN_MAX) {
			X509_free(first);
			return NULL;
		}
	}
	if (first && ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) {
		X509_free(first);
		return NULL;
	}
	return first;
}

static EVP_PKEY *read_key(struct span text)
{
	CLEANUP(cleanup_bio) BIO *bio = BIO_new_mem_buf(text.data, (int)text.size);

	return bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
}

static const char *check_kind(const EVP_PKEY *key)
{
	char group[64] = "";

	if (EVP_PKEY_is_a(key, "RSA")) {
		int bits = EVP_PKEY_get_bits(key);

		return bits >= RSA_BITS_MIN && bits <= RSA_BITS_MAX
			       ? NULL
			       : "has an RSA key that is not of 2048 to 4096 bits";
	}
	if (EVP_PKEY_is_a(key, "EC") &&
		EVP_PKEY_get_utf8_string_param(
			key, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof(group), NULL) == 1 &&
		(!strcmp(group, "prime256v1") || !strcmp(group, "secp384r1")))
		return NULL;
	return "has a key of a kind that is not taken (allowed: EC on P-256 or P-384, RSA)";
}

static const char *check(struct span certificate, struct span key)
{
	CLEANUP(cleanup_x509) X509 *x509 = read_chain(certificate);
	CLEANUP(cleanup_key) EVP_PKEY *pkey = x509 ? read_key(key) : NULL;
	const char *why;

	if (!x509)
		return "has a certificate that is not PEM, or a chain of more than 5";
	if (!pkey)
		return "has a private key that is not PEM, or is encrypted";
	why = check_kind(pkey);
	if (!why && X509_check_private_key(x509, pkey) != 1)
		why = "has a private key that belongs to another certificate";
	return why;
}

const char *identity_check(struct span certificate, struct span key)
{
	const char *why;

	if (certificate.size == 0)
		return "has no certificate";
	if (key.size == 0)
		return "has no private key";
	if (certificate.size + key.size + 1 > IDENTITY_MAX)
		return "has a certificate and key of more than 16383 bytes";
	ERR_clear_error();
	why = check(certificate, key);
	ERR_clear_error();
	return why;
}

/* ---- one text ---- */

static size_t find(struct span text, size_t from, const char *word)
{
	const uint8_t *at = from < text.size
				    ? memmem(text.data + from, text.size - from, word, strlen(word))
				    : NULL;

	return at ? (size_t)(at - text.data) : text.size;
}

/* Where the private key's block begins and ends; -EBADMSG. */
static int find_key(struct span text, size_t *ret_begin, size_t *ret_end)
{
	static const char begin[] = "-----BEGIN ", word[] = "PRIVATE KEY-----", end[] = "-----END ";
	size_t first = find(text, 0, word), at = text.size, last;

	for (size_t next = find(text, 0, begin); next < first; next = find(text, next + 1, begin))
		at = next;
	last = find(text, find(text, first, end), word);
	if (at >= first || last == text.size)
		return -EBADMSG;
	*ret_begin = at;
	*ret_end = last + strlen(word);
	return 0;
}

int identity_split(struct span text, struct span *ret_certificate, struct span *ret_key)
{
	static const char block[] = "-----BEGIN ";
	size_t begin, end;
	bool before, after;

	if (find_key(text, &begin, &end) < 0)
		return -EBADMSG;
	before = find(span_of(text.data, begin), 0, block) < begin;
	after = find(text, end, block) < text.size;
	if (before && after)
		return -EBADMSG;
	*ret_key = span_of(text.data + begin, end - begin);
	*ret_certificate =
		before ? span_of(text.data, begin) : span_of(text.data + end, text.size - end);
	return 0;
}

int identity_read(struct span certificate, struct chain_facts *ret_facts)
{
	X509 *x509;
	int r;

	if (certificate.size == 0 || certificate.size > IDENTITY_MAX)
		return -EBADMSG;
	ERR_clear_error();
	x509 = read_chain(certificate);
	r = x509 ? chain_facts_read(x509, ret_facts) : -EBADMSG;
	X509_free(x509);
	ERR_clear_error();
	return r;
}
