/* SPDX-License-Identifier: Apache-2.0 */

/* A key is what TLS takes, each another one; a request is signed with it and holds nothing of it.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/signing-request.h"
#include "identity-fixture.h"

static EVP_PKEY *key_of(const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);

	BIO_free_all(bio);
	assert_non_null(key);
	return key;
}

static X509_REQ *request_of(const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509_REQ *request = PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL);

	BIO_free_all(bio);
	assert_non_null(request);
	return request;
}

static void a_key_and_its_request(void **state)
{
	CLEANUP(cleanup_free) char *key = NULL, *other = NULL, *request = NULL;
	EVP_PKEY *pkey;
	X509_REQ *read;
	char name[80];

	assert_int_equal(private_key_make(&key), 0);
	assert_int_equal(private_key_make(&other), 0);
	assert_string_not_equal(key, other);
	assert_memory_equal(key, "-----BEGIN PRIVATE KEY-----\n", 28);
	assert_int_equal(signing_request_make(span_from_string(key), "Pump_7:x", &request), 0);
	assert_null(strstr(request, "PRIVATE"));
	pkey = key_of(key);
	assert_int_equal(EVP_PKEY_get_bits(pkey), 256);
	read = request_of(request);
	assert_int_equal(X509_REQ_verify(read, pkey), 1);
	assert_int_equal(X509_REQ_check_private_key(read, pkey), 1);
	assert_int_equal(X509_NAME_get_text_by_NID(X509_REQ_get_subject_name(read), NID_commonName,
				 name, sizeof(name)),
		8);
	assert_string_equal(name, "Pump_7:x");
	X509_REQ_free(read);
	EVP_PKEY_free(pkey);
	pkey = key_of(other);
	read = request_of(request);
	assert_int_not_equal(X509_REQ_check_private_key(read, pkey), 1);
	X509_REQ_free(read);
	EVP_PKEY_free(pkey);
}

static void what_is_not_taken(void **state)
{
	char longest[66];
	char *request = NULL;

	memset(longest, 'x', 65);
	longest[65] = '\0';
	assert_int_equal(signing_request_make(SPAN_LITERAL(PUMP_KEY), longest, &request), -EINVAL);
	assert_int_equal(signing_request_make(SPAN_LITERAL(PUMP_KEY), "", &request), -EINVAL);
	assert_int_equal(signing_request_make(SPAN_LITERAL(PUMP_KEY), "a\nb", &request), -EINVAL);
	assert_int_equal(signing_request_make(SPAN_LITERAL("no key"), "x", &request), -EBADMSG);
	assert_int_equal(signing_request_make(span_of(NULL, 0), "x", &request), -EBADMSG);
	assert_int_equal(
		signing_request_make(SPAN_LITERAL(PUMP_CERTIFICATE), "x", &request), -EBADMSG);
	assert_null(request);
	longest[64] = '\0';
	assert_int_equal(signing_request_make(SPAN_LITERAL(PUMP_KEY), longest, &request), 0);
	free(request);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_and_its_request),
		cmocka_unit_test(what_is_not_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
