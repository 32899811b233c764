/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What leads to trust is decided by OpenSSL's X509_verify_cert(); what it does not know is decided
 * before it is asked: how long a chain may be, and which keys are worth a computation. A key of a
 * stranger that takes seconds to use is refused unused.
 *
 * Each registered certificate is an anchor by itself, whether it is a root or not
 * (X509_V_FLAG_PARTIAL_CHAIN): who registers the authority of one product line does not let in all
 * that its maker ever signs.
 */

#include "base/chain.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/crypto.h"

#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 4096

struct anchors {
	X509_STORE *store;
};

DEFINE_CLEANUP(BIO *, BIO_free_all, cleanup_bio)
DEFINE_CLEANUP(X509 *, X509_free, cleanup_x509)
DEFINE_CLEANUP(X509_STORE_CTX *, X509_STORE_CTX_free, cleanup_store_ctx)
DEFINE_CLEANUP(struct anchors *, anchors_free, cleanup_anchors)

/* ---- facts ---- */

static int fingerprint_of(const X509 *x509, char ret_text[FINGERPRINT_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned size = 0;

	if (X509_digest(x509, EVP_sha256(), digest, &size) != 1 || size != SHA256_SIZE)
		return -ENOMEM;
	for (unsigned i = 0; i < size; i++) {
		ret_text[2 * i] = digits[digest[i] >> 4];
		ret_text[2 * i + 1] = digits[digest[i] & 15];
	}
	ret_text[2 * size] = '\0';
	return 0;
}

/* The one attribute of this kind; a NUL or a control character in it makes it none. */
static void subject_text(const X509 *x509, int nid, char ret_text[CHAIN_TEXT_SIZE])
{
	const X509_NAME *name = X509_get_subject_name(x509);
	int at = X509_NAME_get_index_by_NID(name, nid, -1);
	unsigned char *text = NULL;
	int size;

	ret_text[0] = '\0';
	if (at < 0 || X509_NAME_get_index_by_NID(name, nid, at) >= 0)
		return;
	size = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
	for (int i = 0; i < size; i++)
		if (text[i] < 0x20 || text[i] > 0x7e)
			size = -1;
	if (size > 0 && size < CHAIN_TEXT_SIZE) {
		memcpy(ret_text, text, (size_t)size);
		ret_text[size] = '\0';
	}
	OPENSSL_free(text);
}

static bool time_of(const ASN1_TIME *from, int64_t *ret_msec)
{
	struct tm parts;

	if (!from || ASN1_TIME_to_tm(from, &parts) != 1)
		return false;
	*ret_msec = (int64_t)timegm(&parts) * 1000;
	return true;
}

int chain_facts_read(const struct x509_st *x509, struct chain_facts *ret_facts)
{
	struct chain_facts facts = {0};
	int r = fingerprint_of(x509, facts.fingerprint);

	if (r < 0)
		return r;
	subject_text(x509, NID_commonName, facts.common_name);
	subject_text(x509, NID_serialNumber, facts.serial_number);
	if (!time_of(X509_get0_notBefore(x509), &facts.not_before) ||
		!time_of(X509_get0_notAfter(x509), &facts.not_after))
		return -EBADMSG;
	*ret_facts = facts;
	return 0;
}

/* Signing with P-256 or P-384 is what DTLS suites for small devices do; authorities may be RSA. */
static bool key_is_sound(const X509 *x509, bool authority)
{
	const EVP_PKEY *key = X509_get0_pubkey(x509);
	char group[32] = "";
	size_t size = 0;

	if (!key)
		return false;
	if (EVP_PKEY_is_a(key, "RSA"))
		return authority && EVP_PKEY_get_bits(key) >= RSA_BITS_MIN &&
		       EVP_PKEY_get_bits(key) <= RSA_BITS_MAX;
	return EVP_PKEY_is_a(key, "EC") &&
	       EVP_PKEY_get_group_name(key, group, sizeof(group), &size) == 1 &&
	       (!strcmp(group, SN_X9_62_prime256v1) || !strcmp(group, SN_secp384r1));
}

/* ---- authorities ---- */

/* Without this OpenSSL would ask for a passphrase on the terminal. */
static int no_passphrase(char *buffer, int size, int writing, void *userdata)
{
	(void)buffer;
	(void)size;
	(void)writing;
	(void)userdata;
	return -1;
}

static int pem_of(X509 *x509, char **ret_pem)
{
	CLEANUP(cleanup_bio) BIO *bio = BIO_new(BIO_s_mem());
	char *data;
	long size;

	if (!bio || PEM_write_bio_X509(bio, x509) != 1)
		return -ENOMEM;
	size = BIO_get_mem_data(bio, &data);
	*ret_pem = span_dup(span_of(data, (size_t)size));
	return *ret_pem ? 0 : -ENOMEM;
}

static const char *authority_fault(X509 *x509)
{
	if (X509_check_ca(x509) != 1)
		return "is not the certificate of an authority (CA:TRUE is missing, or it may not "
		       "sign certificates)";
	if (!key_is_sound(x509, true))
		return "has a key of a kind that is not taken (P-256, P-384, or RSA of 2048 to "
		       "4096 bits)";
	return NULL;
}

int authority_read(
	struct span pem, struct chain_facts *ret_facts, char **ret_pem, const char **ret_why)
{
	CLEANUP(cleanup_bio) BIO *bio = NULL;
	CLEANUP(cleanup_x509) X509 *x509 = NULL, *second = NULL;
	int r;

	*ret_why = "holds no certificate in PEM";
	if (pem.size == 0 || pem.size > AUTHORITY_MAX)
		return -EBADMSG;
	bio = BIO_new_mem_buf(pem.data, (int)pem.size);
	if (!bio)
		return -ENOMEM;
	x509 = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL);
	if (!x509)
		return -EBADMSG;
	second = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL);
	if (second) {
		*ret_why = "holds more than one certificate: register each by itself";
		return -EBADMSG;
	}
	*ret_why = authority_fault(x509);
	if (*ret_why)
		return -EBADMSG;
	r = chain_facts_read(x509, ret_facts);
	if (r == -EBADMSG)
		*ret_why = "has no lifetime that can be read";
	return r < 0 ? r : pem_of(x509, ret_pem);
}

int anchors_new(struct anchors **ret)
{
	CLEANUP(cleanup_anchors) struct anchors *anchors = calloc(1, sizeof(*anchors));

	if (!anchors)
		return -ENOMEM;
	anchors->store = X509_STORE_new();
	if (!anchors->store)
		return -ENOMEM;
	*ret = STEAL(anchors);
	return 0;
}

int anchors_add(struct anchors *anchors, const char *pem)
{
	CLEANUP(cleanup_bio) BIO *bio = BIO_new_mem_buf(pem, -1);
	CLEANUP(cleanup_x509) X509 *x509 = NULL;

	if (!bio)
		return -ENOMEM;
	x509 = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL);
	if (!x509)
		return -EBADMSG;
	return X509_STORE_add_cert(anchors->store, x509) == 1 ? 0 : -ENOMEM;
}

struct anchors *anchors_free(struct anchors *anchors)
{
	if (!anchors)
		return NULL;
	X509_STORE_free(anchors->store);
	free(anchors);
	return NULL;
}

/* ---- a chain ---- */

static const struct {
	int error;
	const char *why;
} reasons[] = {
	{X509_V_ERR_CERT_HAS_EXPIRED, "it, or one that it rests on, is over"},
	{X509_V_ERR_CERT_NOT_YET_VALID, "it, or one that it rests on, is not valid yet"},
	{X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, "it is signed by itself"},
	{X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, "no registered authority signed it"},
	{X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, "no registered authority signed it"},
	{X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, "no registered authority signed it"},
	{X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, "its authority is not registered"},
	{X509_V_ERR_CERT_SIGNATURE_FAILURE, "a signature in it is wrong"},
	{X509_V_ERR_CERT_CHAIN_TOO_LONG, "there are too many certificates in its chain"},
	{X509_V_ERR_INVALID_PURPOSE, "it is not for a client"},
	{X509_V_ERR_INVALID_CA, "it was signed by one that may not sign"},
	{X509_V_ERR_PATH_LENGTH_EXCEEDED, "its authority may not have others below it"},
};

static const char *reason_of(int error)
{
	for (size_t i = 0; i < ELEMENTS(reasons); i++)
		if (reasons[i].error == error)
			return reasons[i].why;
	return "it cannot be verified";
}

static int refuse(struct chain_verdict *verdict, int error, const char *why)
{
	verdict->error = error;
	verdict->why = why;
	return -EKEYREJECTED;
}

/* What is looked at before anything is computed with their keys. */
static int look(X509 *leaf, STACK_OF(X509) * others, struct chain_verdict *verdict)
{
	int r, count = others ? sk_X509_num(others) : 0;

	r = chain_facts_read(leaf, &verdict->facts);
	if (r == -EBADMSG)
		return refuse(verdict, X509_V_ERR_ERROR_IN_CERT_NOT_AFTER_FIELD,
			"its lifetime cannot be read");
	if (r < 0)
		return r;
	/* Some stacks put the device's own into the list again. */
	if (count > CHAIN_MAX)
		return refuse(verdict, X509_V_ERR_CERT_CHAIN_TOO_LONG,
			"there are too many certificates in its chain");
	if (!key_is_sound(leaf, false))
		return refuse(
			verdict, X509_V_ERR_EE_KEY_TOO_SMALL, "its key is not of P-256 or P-384");
	for (int i = 0; i < count; i++)
		if (!key_is_sound(sk_X509_value(others, i), true))
			return refuse(verdict, X509_V_ERR_CA_KEY_TOO_SMALL,
				"one in its chain has a key of a kind that is not taken");
	if (X509_check_ca(leaf) != 0)
		return refuse(verdict, X509_V_ERR_INVALID_PURPOSE,
			"it is the certificate of an authority, not of a device");
	return 0;
}

static void parameters_set(X509_STORE_CTX *context, int64_t now)
{
	X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(context);

	X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
	X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_SSL_CLIENT);
	X509_VERIFY_PARAM_set_depth(param, CHAIN_MAX - 2);
	X509_VERIFY_PARAM_set_auth_level(param, 2); /* 112 bits: no SHA-1 */
	if (now > 0)
		X509_VERIFY_PARAM_set_time(param, (time_t)(now / 1000));
	else
		X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_NO_CHECK_TIME);
}

int anchors_check(const struct anchors *anchors, struct x509_st *leaf, struct stack_st_X509 *others,
	int64_t now, struct chain_verdict *ret_verdict)
{
	CLEANUP(cleanup_store_ctx) X509_STORE_CTX *context = X509_STORE_CTX_new();
	const STACK_OF(X509) * chain;
	int r;

	*ret_verdict = (struct chain_verdict){0};
	if (!context || X509_STORE_CTX_init(context, anchors->store, leaf, others) != 1)
		return -ENOMEM;
	r = look(leaf, others, ret_verdict);
	if (r < 0)
		return r;
	parameters_set(context, now);
	if (X509_verify_cert(context) != 1) {
		r = X509_STORE_CTX_get_error(context);
		return refuse(ret_verdict, r, reason_of(r));
	}
	chain = X509_STORE_CTX_get0_chain(context);
	return fingerprint_of(sk_X509_value(chain, sk_X509_num(chain) - 1), ret_verdict->authority);
}
