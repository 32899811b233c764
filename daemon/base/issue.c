/* SPDX-License-Identifier: Apache-2.0 */

#include "base/issue.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/crypto.h"
#include "base/identity.h"
#include "base/signing-request.h"

#define SERIAL_SIZE   16 /* bytes; RFC 5280 section 4.1.2.2 allows 20 */
#define BACKDATE_MSEC (3600 * INT64_C(1000))
#define PROOF_MSEC    (86400 * INT64_C(1000))

DEFINE_CLEANUP(BIO *, BIO_free_all, cleanup_bio)
DEFINE_CLEANUP(EVP_PKEY *, EVP_PKEY_free, cleanup_pkey)
DEFINE_CLEANUP(X509 *, X509_free, cleanup_x509)
DEFINE_CLEANUP(X509_EXTENSION *, X509_EXTENSION_free, cleanup_extension)

/* ---- reading ---- */

/* Never asks at a terminal. */
static int no_passphrase(char *buffer, int size, int writing, void *userdata)
{
	return -1;
}

static EVP_PKEY *read_key(struct span text)
{
	CLEANUP(cleanup_bio) BIO *bio = BIO_new_mem_buf(text.data, (int)text.size);

	return bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
}

/* The first one. */
static X509 *read_certificate(struct span text)
{
	CLEANUP(cleanup_bio) BIO *bio = BIO_new_mem_buf(text.data, (int)text.size);

	return bio ? PEM_read_bio_X509(bio, NULL, no_passphrase, NULL) : NULL;
}

static const char *check(struct span certificate)
{
	CLEANUP(cleanup_x509) X509 *x509 = read_certificate(certificate);

	if (!x509)
		return "has a certificate that is not PEM";
	/* 1: version 3, says that it is an authority, and may sign certificates. */
	if (X509_check_ca(x509) != 1 || !(X509_get_key_usage(x509) & KU_KEY_CERT_SIGN))
		return "is no authority: its certificate may not sign others";
	return NULL;
}

const char *authority_check(struct span identity)
{
	struct span certificate, key;
	const char *why;

	if (identity.size == 0 || identity.size > IDENTITY_MAX ||
		identity_split(identity, &certificate, &key) < 0)
		return "must hold a certificate and its private key, both in PEM";
	why = identity_check(certificate, key);
	if (!why)
		why = check(certificate);
	ERR_clear_error();
	return why;
}

/* ---- making ---- */

struct authority {
	X509 *x509; /* NULL: what is made is its own */
	EVP_PKEY *key;
};

int issue_set_serial(X509 *x509)
{
	uint8_t bytes[SERIAL_SIZE];
	BIGNUM *number;
	bool done;

	random_bytes(bytes, sizeof(bytes));
	bytes[0] = (bytes[0] & 0x7f) | 0x40; /* positive, and always of the same length */
	number = BN_bin2bn(bytes, sizeof(bytes), NULL);
	done = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x509));
	BN_free(number);
	return done ? 0 : -EIO;
}

static bool name_fits(const char *text)
{
	return strlen(text) <= ISSUE_NAME_MAX && span_is_printable(span_from_string(text));
}

static int set_subject(X509 *x509, const struct issue_subject *subject)
{
	const struct {
		const char *field, *text;
		bool strict; /* a PrintableString, by X.520 */
	} part[] = {{"O", subject->organization, false}, {"OU", subject->unit, false},
		{"dnQualifier", subject->qualifier, true},
		{"serialNumber", subject->serial_number, true},
		{"CN", subject->common_name, false}};
	X509_NAME *name = X509_get_subject_name(x509);

	for (size_t i = 0; i < ELEMENTS(part); i++) {
		const char *text = part[i].text;

		if (!text || !text[0])
			continue;
		if (!name_fits(text) || (part[i].strict && text[strspn(text, ISSUE_STRICT)]))
			return -EINVAL;
		if (X509_NAME_add_entry_by_txt(name, part[i].field, MBSTRING_ASC,
			    (const unsigned char *)text, -1, -1, 0) != 1)
			return -EIO;
	}
	return 0;
}

static int set_times(X509 *x509, int64_t not_before, int64_t not_after)
{
	return ASN1_TIME_set(X509_getm_notBefore(x509), (time_t)(not_before / 1000)) &&
			       ASN1_TIME_set(X509_getm_notAfter(x509), (time_t)(not_after / 1000))
		       ? 0
		       : -EIO;
}

static const struct extension {
	int nid;
	const char *value;
} of_authority[] =
	{
		{NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
		{NID_key_usage, "critical,keyCertSign,cRLSign"},
		{NID_subject_key_identifier, "hash"},
},
  of_device[] = {
	  {NID_basic_constraints, "critical,CA:FALSE"},
	  {NID_key_usage, "critical,digitalSignature"},
	  {NID_ext_key_usage, "clientAuth"},
	  {NID_subject_key_identifier, "hash"},
	  {NID_authority_key_identifier, "keyid,issuer"},
};

static int add_extensions(X509 *x509, X509 *issuer, const struct extension *extension, size_t count)
{
	X509V3_CTX context;

	X509V3_set_ctx_nodb(&context);
	X509V3_set_ctx(&context, issuer, x509, NULL, NULL, 0);
	for (size_t i = 0; i < count; i++) {
		CLEANUP(cleanup_extension)
		X509_EXTENSION *made =
			X509V3_EXT_conf_nid(NULL, &context, extension[i].nid, extension[i].value);

		if (!made || !X509_add_ext(x509, made, -1))
			return -EIO;
	}
	return 0;
}

/* With everything but its extensions and its signature. */
static int begin(EVP_PKEY *key, const struct issue_subject *subject, int64_t not_before,
	int64_t not_after, X509 **ret_x509)
{
	CLEANUP(cleanup_x509) X509 *x509 = X509_new();
	int r;

	if (!x509)
		return -ENOMEM;
	if (!X509_set_version(x509, X509_VERSION_3) || !X509_set_pubkey(x509, key))
		return -EIO;
	r = issue_set_serial(x509);
	if (r >= 0)
		r = set_subject(x509, subject);
	if (r >= 0)
		r = set_times(x509, not_before, not_after);
	if (r < 0)
		return r;
	*ret_x509 = STEAL(x509);
	return 0;
}

/* Signs it, and writes it in front of 'tail' (may be empty). */
static int finish(X509 *x509, EVP_PKEY *key, struct span tail, char **ret_pem)
{
	/* A secure one: it is wiped when it is freed. */
	CLEANUP(cleanup_bio) BIO *bio = BIO_new(BIO_s_secmem());
	char *bytes;
	long size;

	if (!bio)
		return -ENOMEM;
	if (X509_sign(x509, key, EVP_sha256()) <= 0 || PEM_write_bio_X509(bio, x509) != 1 ||
		(tail.size && BIO_write(bio, tail.data, (int)tail.size) != (int)tail.size))
		return -EIO;
	size = BIO_get_mem_data(bio, &bytes);
	*ret_pem = size > 0 ? span_dup(span_of(bytes, (size_t)size)) : NULL;
	return *ret_pem ? 0 : -ENOMEM;
}

static int make_authority(struct span key_text, const struct issue_subject *subject,
	int64_t not_before, int64_t not_after, char **ret_identity)
{
	CLEANUP(cleanup_pkey) EVP_PKEY *key = read_key(key_text);
	CLEANUP(cleanup_x509) X509 *x509 = NULL;
	int r = key ? begin(key, subject, not_before, not_after, &x509) : -EIO;

	if (r < 0)
		return r;
	if (X509_set_issuer_name(x509, X509_get_subject_name(x509)) != 1)
		return -EIO;
	r = add_extensions(x509, x509, of_authority, ELEMENTS(of_authority));
	return r < 0 ? r : finish(x509, key, key_text, ret_identity);
}

int authority_make(const char *name, int64_t not_before, int64_t not_after, char **ret_identity)
{
	const struct issue_subject subject = {.common_name = name};
	char *key = NULL;
	int r;

	if (!name[0] || !name_fits(name) || not_after <= not_before)
		return -EINVAL;
	r = private_key_make(&key);
	if (r < 0)
		return r;
	r = make_authority(span_from_string(key), &subject, not_before, not_after, ret_identity);
	crypto_wipe(key, strlen(key));
	free(key);
	ERR_clear_error();
	return r;
}

/* ---- issuing ---- */

static int issue(const struct authority *authority, EVP_PKEY *key,
	const struct issue_subject *subject, int64_t not_before, int64_t not_after, char **ret_pem)
{
	CLEANUP(cleanup_x509) X509 *x509 = NULL;
	int r = begin(key, subject, not_before, not_after, &x509);

	if (r < 0)
		return r;
	if (X509_set_issuer_name(x509, X509_get_subject_name(authority->x509)) != 1)
		return -EIO;
	r = add_extensions(x509, authority->x509, of_device, ELEMENTS(of_device));
	return r < 0 ? r : finish(x509, authority->key, span_of(NULL, 0), ret_pem);
}

static int issue_under(const struct authority *authority, struct span key_text,
	const struct issue_subject *subject, int64_t now, int64_t life, char **ret_pem)
{
	CLEANUP(cleanup_pkey) EVP_PKEY *key = read_key(key_text);
	struct chain_facts facts;
	int64_t begins = now - BACKDATE_MSEC, ends = now + life;
	int r = key ? chain_facts_read(authority->x509, &facts) : -EBADMSG;

	if (r < 0)
		return r;
	if (now < facts.not_before || now >= facts.not_after)
		return -EKEYEXPIRED;
	return issue(authority, key, subject, begins > facts.not_before ? begins : facts.not_before,
		ends < facts.not_after ? ends : facts.not_after, ret_pem);
}

int issue_certificate(struct span authority, struct span key, const struct issue_subject *subject,
	int64_t now, int64_t life, char **ret_pem)
{
	struct span certificate, authority_key;
	struct authority signer;
	int r = -EBADMSG;

	if (!subject->common_name || !subject->common_name[0] || life <= 0)
		return -EINVAL;
	if (identity_split(authority, &certificate, &authority_key) < 0)
		return -EBADMSG;
	signer = (struct authority){read_certificate(certificate), read_key(authority_key)};
	if (signer.x509 && signer.key)
		r = issue_under(&signer, key, subject, now, life, ret_pem);
	X509_free(signer.x509);
	EVP_PKEY_free(signer.key);
	ERR_clear_error();
	return r;
}

bool issue_is_from(struct span authority, struct span certificate)
{
	CLEANUP(cleanup_x509) X509 *x509 = read_certificate(certificate);
	CLEANUP(cleanup_x509) X509 *signer = read_certificate(authority);
	bool is = x509 && signer && X509_verify(x509, X509_get0_pubkey(signer)) == 1;

	ERR_clear_error();
	return is;
}

int issue_proof(struct span authority, const char *code, int64_t now, char **ret_pem)
{
	const struct issue_subject subject = {.common_name = code};
	char *key = NULL;
	int r = private_key_make(&key);

	if (r < 0)
		return r;
	r = issue_certificate(authority, span_from_string(key), &subject, now, PROOF_MSEC, ret_pem);
	crypto_wipe(key, strlen(key));
	free(key);
	return r;
}
