/* SPDX-License-Identifier: Apache-2.0 */
/*
 * X.509 with OpenSSL. The certificate is version 3, for serverAuth alone, no authority, with every
 * name and address under which the page may be reached.
 */

#include "web/certificate-make.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/issue.h"
#include "web/guard.h"

DEFINE_CLEANUP(BIO *, BIO_free_all, cleanup_bio)
DEFINE_CLEANUP(EVP_PKEY *, EVP_PKEY_free, cleanup_pkey)
DEFINE_CLEANUP(X509 *, X509_free, cleanup_x509)
DEFINE_CLEANUP(X509_EXTENSION *, X509_EXTENSION_free, cleanup_extension)
DEFINE_CLEANUP(GENERAL_NAMES *, GENERAL_NAMES_free, cleanup_names)
DEFINE_CLEANUP(GENERAL_NAME *, GENERAL_NAME_free, cleanup_name)

static int bio_to_text(BIO *bio, char **ret_text)
{
	char *data;
	long size = BIO_get_mem_data(bio, &data);
	char *text = size > 0 ? span_dup(span_of(data, (size_t)size)) : NULL;

	if (!text)
		return -ENOMEM;
	*ret_text = text;
	return 0;
}

int certificate_make_key(char **ret_pem)
{
	CLEANUP(cleanup_pkey) EVP_PKEY *key = EVP_EC_gen("P-256");
	CLEANUP(cleanup_bio) BIO *bio = BIO_new(BIO_s_secmem());

	if (!key || !bio || !PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL))
		return -EIO;
	return bio_to_text(bio, ret_pem);
}

/* Without this OpenSSL would ask for the passphrase on the terminal, and the loop would wait. */
static int no_passphrase(char *buffer, int size, int writing, void *userdata)
{
	return -1;
}

static EVP_PKEY *read_key(const char *pem)
{
	CLEANUP(cleanup_bio) BIO *bio = BIO_new_mem_buf(pem, -1);

	return bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
}

static GENERAL_NAME *make_address(const struct in6_addr *ip)
{
	CLEANUP(cleanup_name) GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_OCTET_STRING *octets = ASN1_OCTET_STRING_new();
	const unsigned char *bytes = ip->s6_addr;
	int size = 16;

	if (IN6_IS_ADDR_V4MAPPED(ip)) {
		bytes += 12;
		size = 4;
	}
	if (!name || !octets || !ASN1_OCTET_STRING_set(octets, bytes, size)) {
		ASN1_OCTET_STRING_free(octets);
		return NULL;
	}
	GENERAL_NAME_set0_value(name, GEN_IPADD, octets);
	return STEAL(name);
}

static GENERAL_NAME *make_dns_name(const char *text)
{
	CLEANUP(cleanup_name) GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_IA5STRING *ia5 = ASN1_IA5STRING_new();

	if (!name || !ia5 || !ASN1_STRING_set(ia5, text, -1)) {
		ASN1_IA5STRING_free(ia5);
		return NULL;
	}
	GENERAL_NAME_set0_value(name, GEN_DNS, ia5);
	return STEAL(name);
}

static int add_names(X509 *x509, const struct certificate_subject *subject)
{
	CLEANUP(cleanup_names) GENERAL_NAMES *names = GENERAL_NAMES_new();

	for (unsigned i = 0; names && i < subject->count; i++) {
		CLEANUP(cleanup_name) GENERAL_NAME *name = NULL;
		struct in6_addr ip;

		name = guard_address_parse(subject->name[i], &ip) ? make_address(&ip)
								  : make_dns_name(subject->name[i]);
		if (!name || !sk_GENERAL_NAME_push(names, name))
			return -EIO;
		name = NULL; /* the stack has it */
	}
	if (!names ||
		X509_add1_ext_i2d(x509, NID_subject_alt_name, names, 0, X509V3_ADD_APPEND) != 1)
		return -EIO;
	return 0;
}

static int add_extensions(X509 *x509, const struct certificate_subject *subject)
{
	static const struct {
		int nid;
		const char *value;
	} row[] = {
		{NID_basic_constraints, "critical,CA:FALSE"},
		{NID_key_usage, "critical,digitalSignature"},
		{NID_ext_key_usage, "serverAuth"},
		{NID_subject_key_identifier, "hash"},
	};
	X509V3_CTX context;

	X509V3_set_ctx_nodb(&context);
	X509V3_set_ctx(&context, x509, x509, NULL, NULL, 0);
	for (size_t i = 0; i < ELEMENTS(row); i++) {
		CLEANUP(cleanup_extension)
		X509_EXTENSION *extension =
			X509V3_EXT_conf_nid(NULL, &context, row[i].nid, row[i].value);

		if (!extension || !X509_add_ext(x509, extension, -1))
			return -EIO;
	}
	return add_names(x509, subject);
}

static int set_subject(X509 *x509, const char *common_name)
{
	X509_NAME *name = X509_get_subject_name(x509);

	if (!X509_NAME_add_entry_by_txt(
		    name, "CN", MBSTRING_UTF8, (const unsigned char *)common_name, -1, -1, 0) ||
		!X509_NAME_add_entry_by_txt(
			name, "O", MBSTRING_UTF8, (const unsigned char *)"gatehouse", -1, -1, 0))
		return -EIO;
	return X509_set_issuer_name(x509, name) ? 0 : -EIO;
}

static int set_validity(X509 *x509, int64_t not_before)
{
	time_t begin = (time_t)(not_before / 1000);
	time_t end = begin + (time_t)CERTIFICATE_DAYS * 86400 - 1; /* both ends count */

	if (!ASN1_TIME_set(X509_getm_notBefore(x509), begin) ||
		!ASN1_TIME_set(X509_getm_notAfter(x509), end))
		return -EIO;
	return 0;
}

int certificate_make(const char *key_pem, const struct certificate_subject *subject,
	int64_t not_before, char **ret_pem)
{
	CLEANUP(cleanup_pkey) EVP_PKEY *key = read_key(key_pem);
	CLEANUP(cleanup_x509) X509 *x509 = X509_new();
	CLEANUP(cleanup_bio) BIO *bio = BIO_new(BIO_s_mem());

	if (!key)
		return -EBADMSG;
	if (!x509 || !bio || !X509_set_version(x509, 2) || !X509_set_pubkey(x509, key))
		return -EIO;
	if (issue_set_serial(x509) < 0 || set_subject(x509, subject->common_name) < 0 ||
		set_validity(x509, not_before) < 0 || add_extensions(x509, subject) < 0)
		return -EIO;
	if (!X509_sign(x509, key, EVP_sha256()) || !PEM_write_bio_X509(bio, x509))
		return -EIO;
	return bio_to_text(bio, ret_pem);
}

static int fingerprint(const X509 *x509, char *ret_text, size_t capacity)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned size = 0;

	if (!X509_digest(x509, EVP_sha256(), digest, &size) || size * 3 > capacity)
		return -EIO;
	for (unsigned i = 0; i < size; i++)
		snprintf(ret_text + i * 3, 4, "%02X%s", digest[i], i + 1 < size ? ":" : "");
	return 0;
}

int certificate_describe(struct certificate *certificate)
{
	CLEANUP(cleanup_bio) BIO *bio = BIO_new_mem_buf(certificate->chain, -1);
	CLEANUP(cleanup_x509) X509 *x509 = NULL;
	CLEANUP(cleanup_pkey) EVP_PKEY *key = read_key(certificate->key);
	struct tm end;

	if (!bio)
		return -ENOMEM;
	x509 = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	if (!x509 || !key || !ASN1_TIME_to_tm(X509_get0_notAfter(x509), &end))
		return -EBADMSG;
	if (X509_check_private_key(x509, key) != 1)
		return -EKEYREJECTED;
	certificate->not_after = (int64_t)timegm(&end) * 1000;
	return fingerprint(x509, certificate->fingerprint, sizeof(certificate->fingerprint));
}
