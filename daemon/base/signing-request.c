/* SPDX-License-Identifier: Apache-2.0 */

#include "base/signing-request.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define NAME_MAX_SIZE 64 /* ub-common-name, RFC 5280 appendix A.1 */

DEFINE_CLEANUP(BIO *, BIO_free_all, cleanup_bio)
DEFINE_CLEANUP(EVP_PKEY *, EVP_PKEY_free, cleanup_key)
DEFINE_CLEANUP(X509_REQ *, X509_REQ_free, cleanup_request)

static int text_of(BIO *bio, char **ret_text)
{
	char *bytes;
	long size = BIO_get_mem_data(bio, &bytes);

	if (size <= 0)
		return -EIO;
	*ret_text = span_dup(span_of(bytes, (size_t)size));
	return *ret_text ? 0 : -ENOMEM;
}

/* The memory of it is wiped when it is freed: a secure one. */
int private_key_make(char **ret_pem)
{
	CLEANUP(cleanup_key) EVP_PKEY *key = EVP_EC_gen("P-256");
	CLEANUP(cleanup_bio) BIO *bio = BIO_new(BIO_s_secmem());
	int r = -EIO;

	if (key && bio && PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1)
		r = text_of(bio, ret_pem);
	ERR_clear_error();
	return r;
}

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

static int make(EVP_PKEY *key, const char *common_name, char **ret_pem)
{
	CLEANUP(cleanup_request) X509_REQ *request = X509_REQ_new();
	CLEANUP(cleanup_bio) BIO *bio = BIO_new(BIO_s_mem());

	if (!request || !bio)
		return -ENOMEM;
	if (X509_REQ_set_version(request, X509_REQ_VERSION_1) != 1 ||
		X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(request), "CN", MBSTRING_ASC,
			(const unsigned char *)common_name, -1, -1, 0) != 1 ||
		X509_REQ_set_pubkey(request, key) != 1 ||
		X509_REQ_sign(request, key, EVP_sha256()) <= 0 ||
		PEM_write_bio_X509_REQ(bio, request) != 1)
		return -EIO;
	return text_of(bio, ret_pem);
}

int signing_request_make(struct span key, const char *common_name, char **ret_pem)
{
	size_t length = strlen(common_name);
	EVP_PKEY *pkey;
	int r;

	if (length == 0 || length > NAME_MAX_SIZE ||
		!span_is_printable(span_from_string(common_name)))
		return -EINVAL;
	pkey = read_key(key);
	r = pkey ? make(pkey, common_name, ret_pem) : -EBADMSG;
	EVP_PKEY_free(pkey);
	ERR_clear_error();
	return r;
}
