/* SPDX-License-Identifier: Apache-2.0 */
/* See pki.h. */

#include "pki.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void add_text(X509_NAME *name, const char *key, const char *text)
{
	if (text)
		assert_int_equal(X509_NAME_add_entry_by_txt(name, key, MBSTRING_UTF8,
					 (const unsigned char *)text, -1, -1, 0),
			1);
}

static void extend(X509 *x509, int nid, const char *value)
{
	X509_EXTENSION *extension;

	if (!value)
		return;
	extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
	assert_non_null(extension);
	assert_int_equal(X509_add_ext(x509, extension, -1), 1);
	X509_EXTENSION_free(extension);
}

static EVP_PKEY *key_make(const char *group)
{
	if (group && !strncmp(group, "RSA-", 4))
		return EVP_RSA_gen((unsigned)atoi(group + 4));
	if (group && !strcmp(group, "ED25519"))
		return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	return EVP_EC_gen(group ? group : "P-256");
}

void pki_make(struct pki *pki, const struct pki_ask *ask)
{
	static long serial = 1;
	int64_t at = ask->at ? ask->at : (int64_t)time(NULL);
	const EVP_MD *digest = EVP_sha256();

	pki->key = key_make(ask->group);
	pki->x509 = X509_new();
	assert_non_null(pki->key);
	assert_non_null(pki->x509);
	X509_set_version(pki->x509, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(pki->x509), serial++);
	ASN1_TIME_set(X509_getm_notBefore(pki->x509), (time_t)(at + ask->begins));
	ASN1_TIME_set(X509_getm_notAfter(pki->x509), (time_t)(at + ask->ends));
	X509_set_pubkey(pki->x509, pki->key);
	add_text(X509_get_subject_name(pki->x509), "CN", ask->common_name);
	add_text(X509_get_subject_name(pki->x509), "serialNumber", ask->serial_number);
	X509_set_issuer_name(
		pki->x509, X509_get_subject_name(ask->issuer ? ask->issuer->x509 : pki->x509));
	extend(pki->x509, NID_basic_constraints, ask->basic);
	extend(pki->x509, NID_key_usage, ask->usage);
	extend(pki->x509, NID_ext_key_usage, ask->extended);
	if (ask->group && !strcmp(ask->group, "ED25519") && !ask->issuer)
		digest = NULL;
	assert_true(X509_sign(pki->x509, ask->issuer ? ask->issuer->key : pki->key, digest) > 0);
}

void pki_clear(struct pki *pki)
{
	EVP_PKEY_free(pki->key);
	X509_free(pki->x509);
	*pki = (struct pki){0};
}

static char *text_of(BIO *bio)
{
	char *data, *text;
	long size = BIO_get_mem_data(bio, &data);

	text = malloc((size_t)size + 1);
	assert_non_null(text);
	memcpy(text, data, (size_t)size);
	text[size] = '\0';
	BIO_free(bio);
	return text;
}

char *pki_pem(const struct pki *pki)
{
	BIO *bio = BIO_new(BIO_s_mem());

	assert_int_equal(PEM_write_bio_X509(bio, pki->x509), 1);
	return text_of(bio);
}

char *pki_key_pem(const struct pki *pki)
{
	BIO *bio = BIO_new(BIO_s_mem());

	assert_int_equal(
		PEM_write_bio_PKCS8PrivateKey(bio, pki->key, NULL, NULL, 0, NULL, NULL), 1);
	return text_of(bio);
}
