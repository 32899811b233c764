/* SPDX-License-Identifier: Apache-2.0 */

/* What an authority of one's own issues is what TLS and the templates of platforms take; what is
 * none is named; no private key is in what goes out. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/identity.h"
#include "base/issue.h"
#include "base/signing-request.h"
#include "identity-fixture.h"
#include "pki.h"

#define NOW  INT64_C(1800000000000)
#define DAY  INT64_C(86400000)
#define YEAR (365 * DAY)

static X509 *read_pem(const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509 *x509 = PEM_read_bio_X509(bio, NULL, NULL, NULL);

	BIO_free_all(bio);
	assert_non_null(x509);
	return x509;
}

/* Whether it leads to that authority, for a client, at that time. */
static bool leads(X509 *x509, X509 *authority, int64_t at)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *context = X509_STORE_CTX_new();
	bool leads;

	X509_STORE_add_cert(store, authority);
	X509_STORE_CTX_init(context, store, x509, NULL);
	X509_STORE_CTX_set_time(context, 0, (time_t)(at / 1000));
	X509_STORE_CTX_set_flags(context, X509_V_FLAG_X509_STRICT);
	X509_STORE_CTX_set_purpose(context, X509_PURPOSE_SSL_CLIENT);
	leads = X509_verify_cert(context) == 1;
	X509_STORE_CTX_free(context);
	X509_STORE_free(store);
	return leads;
}

static void assert_part(X509 *x509, int nid, const char *expected)
{
	char text[100] = "";

	X509_NAME_get_text_by_NID(X509_get_subject_name(x509), nid, text, sizeof(text));
	assert_string_equal(text, expected);
}

static void an_authority(void **state)
{
	CLEANUP(cleanup_free) char *identity = NULL, *other = NULL;
	struct chain_facts facts, others;
	X509 *x509;

	assert_int_equal(authority_make("plant-7 site CA", NOW, NOW + 10 * YEAR, &identity), 0);
	assert_null(authority_check(span_from_string(identity)));
	assert_int_equal(identity_read(span_from_string(identity), &facts), 0);
	assert_string_equal(facts.common_name, "plant-7 site CA");
	assert_int_equal(facts.not_before, NOW);
	assert_int_equal(facts.not_after, NOW + 10 * YEAR);
	x509 = read_pem(identity);
	assert_int_equal(X509_verify(x509, X509_get0_pubkey(x509)), 1);
	assert_int_equal(X509_get_pathlen(x509), 0);
	assert_int_equal(EVP_PKEY_get_bits(X509_get0_pubkey(x509)), 256);
	X509_free(x509);
	assert_int_equal(authority_make("plant-7 site CA", NOW, NOW + YEAR, &other), 0);
	assert_int_equal(identity_read(span_from_string(other), &others), 0);
	assert_string_not_equal(facts.fingerprint, others.fingerprint);
	assert_int_equal(authority_make("", NOW, NOW + YEAR, &other), -EINVAL);
	assert_int_equal(authority_make("a\nb", NOW, NOW + YEAR, &other), -EINVAL);
	assert_int_equal(authority_make("a", NOW, NOW, &other), -EINVAL);
}

static void a_certificate(void **state)
{
	static const struct issue_subject subject = {.common_name = "hall_3:pump",
		.serial_number = "SN-0042",
		.organization = "J._Doe",
		.unit = "plant_room",
		.qualifier = "plant-7"};
	CLEANUP(cleanup_free) char *identity = NULL, *key = NULL, *pem = NULL, *again = NULL;
	struct chain_facts facts;
	X509 *x509, *authority, *second;

	assert_int_equal(authority_make("site CA", NOW - DAY, NOW + YEAR, &identity), 0);
	assert_int_equal(private_key_make(&key), 0);
	assert_int_equal(issue_certificate(span_from_string(identity), span_from_string(key),
				 &subject, NOW, 90 * DAY, &pem),
		0);
	assert_null(strstr(pem, "PRIVATE"));
	assert_null(identity_check(span_from_string(pem), span_from_string(key)));
	assert_int_equal(identity_read(span_from_string(pem), &facts), 0);
	assert_int_equal(facts.not_before, NOW - 3600000);
	assert_int_equal(facts.not_after, NOW + 90 * DAY);
	x509 = read_pem(pem);
	authority = read_pem(identity);
	assert_true(issue_is_from(span_from_string(identity), span_from_string(pem)));
	assert_false(issue_is_from(SPAN_LITERAL(PUMP_CERTIFICATE PUMP_KEY), span_from_string(pem)));
	assert_false(issue_is_from(span_from_string(identity), span_of(NULL, 0)));
	assert_true(leads(x509, authority, NOW));
	assert_false(leads(x509, authority, NOW + 91 * DAY));
	assert_int_equal(X509_check_ca(x509), 0);
	assert_int_equal(X509_get_extended_key_usage(x509), XKU_SSL_CLIENT);
	assert_part(x509, NID_commonName, "hall_3:pump");
	assert_part(x509, NID_serialNumber, "SN-0042");
	assert_part(x509, NID_organizationName, "J._Doe");
	assert_part(x509, NID_organizationalUnitName, "plant_room");
	assert_part(x509, NID_dnQualifier, "plant-7");
	/* Numbers are random, and positive. */
	assert_int_equal(issue_certificate(span_from_string(identity), span_from_string(key),
				 &subject, NOW, 90 * DAY, &again),
		0);
	second = read_pem(again);
	assert_int_not_equal(
		ASN1_INTEGER_cmp(X509_get0_serialNumber(x509), X509_get0_serialNumber(second)), 0);
	assert_int_equal(ASN1_STRING_length(X509_get0_serialNumber(x509)), 16);
	X509_free(second);
	X509_free(authority);
	X509_free(x509);
}

/* A certificate never outlives its authority; where that is not good, none is made. */
static void within_its_authority(void **state)
{
	static const struct issue_subject subject = {.common_name = "pump"};
	CLEANUP(cleanup_free) char *identity = NULL, *pem = NULL;
	struct span key = SPAN_LITERAL(OTHER_KEY);
	struct chain_facts facts;

	assert_int_equal(authority_make("site CA", NOW, NOW + 10 * DAY, &identity), 0);
	assert_int_equal(
		issue_certificate(span_from_string(identity), key, &subject, NOW, YEAR, &pem), 0);
	assert_int_equal(identity_read(span_from_string(pem), &facts), 0);
	assert_int_equal(facts.not_before, NOW);
	assert_int_equal(facts.not_after, NOW + 10 * DAY);
	assert_int_equal(issue_certificate(
				 span_from_string(identity), key, &subject, NOW - 1000, YEAR, &pem),
		-EKEYEXPIRED);
	assert_int_equal(issue_certificate(span_from_string(identity), key, &subject,
				 NOW + 10 * DAY, YEAR, &pem),
		-EKEYEXPIRED);
}

static void what_is_not_taken(void **state)
{
	static const struct issue_subject subjects[] = {{.common_name = ""}, {.common_name = NULL},
		{.common_name = "a\tb"}, {.common_name = "a", .serial_number = "a_b"},
		{.common_name = "a", .qualifier = "a@b"}, {.common_name = "a", .unit = "\xc3\xa4"},
		{.common_name = "a",
			.organization = "0123456789012345678901234567890123456789012345678901234567"
					"8901234"}};
	static const struct issue_subject good = {.common_name = "a"};
	struct span authority = SPAN_LITERAL(PUMP_CERTIFICATE PUMP_KEY);
	int64_t now = INT64_C(1800000000000);
	char *pem = NULL;

	for (size_t i = 0; i < ELEMENTS(subjects); i++)
		assert_int_equal(issue_certificate(authority, SPAN_LITERAL(OTHER_KEY), &subjects[i],
					 now, DAY, &pem),
			-EINVAL);
	assert_int_equal(
		issue_certificate(authority, SPAN_LITERAL("no key"), &good, now, DAY, &pem),
		-EBADMSG);
	assert_int_equal(issue_certificate(SPAN_LITERAL(PUMP_CERTIFICATE), SPAN_LITERAL(OTHER_KEY),
				 &good, now, DAY, &pem),
		-EBADMSG);
	assert_int_equal(issue_certificate(authority, SPAN_LITERAL(OTHER_KEY), &good, now, 0, &pem),
		-EINVAL);
	assert_null(pem);
	assert_int_equal(
		issue_certificate(authority, SPAN_LITERAL(OTHER_KEY), &good, now, DAY, &pem), 0);
	free(pem);
}

static char *identity_of(const struct pki *one)
{
	char *certificate = pki_pem(one), *key = pki_key_pem(one), *identity = NULL;

	assert_true(asprintf(&identity, "%s%s", certificate, key) > 0);
	free(certificate);
	free(key);
	return identity;
}

static void what_is_no_authority(void **state)
{
	static const struct pki_ask asks[] = {{.common_name = "root", PKI_AUTHORITY},
		{.common_name = "device", PKI_DEVICE},
		{.common_name = "root",
			.basic = "critical,CA:TRUE",
			.usage = "digitalSignature",
			.ends = 86400},
		{.common_name = "root", .basic = "critical,CA:TRUE", .ends = 86400}};
	static const bool good[] = {true, false, false, true};

	for (size_t i = 0; i < ELEMENTS(asks); i++) {
		struct pki one = {0};
		char *identity;

		pki_make(&one, &asks[i]);
		identity = identity_of(&one);
		assert_int_equal(authority_check(span_from_string(identity)) == NULL, good[i]);
		free(identity);
		pki_clear(&one);
	}
	assert_non_null(authority_check(span_of(NULL, 0)));
	assert_non_null(authority_check(SPAN_LITERAL(PUMP_CERTIFICATE)));
	assert_non_null(authority_check(SPAN_LITERAL(PUMP_CERTIFICATE OTHER_KEY)));
	assert_null(authority_check(SPAN_LITERAL(PUMP_KEY PUMP_CERTIFICATE)));
}

static void a_proof(void **state)
{
	CLEANUP(cleanup_free) char *identity = NULL, *pem = NULL;
	X509 *x509, *authority;

	assert_int_equal(authority_make("site CA", NOW, NOW + YEAR, &identity), 0);
	assert_int_equal(issue_proof(span_from_string(identity), "0af5-CODE", NOW, &pem), 0);
	assert_null(strstr(pem, "PRIVATE"));
	x509 = read_pem(pem);
	authority = read_pem(identity);
	assert_part(x509, NID_commonName, "0af5-CODE");
	assert_true(leads(x509, authority, NOW));
	assert_false(leads(x509, authority, NOW + 2 * DAY));
	X509_free(authority);
	X509_free(x509);
	assert_int_equal(issue_proof(span_from_string(identity), "", NOW, &pem), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_authority),
		cmocka_unit_test(a_certificate),
		cmocka_unit_test(within_its_authority),
		cmocka_unit_test(what_is_not_taken),
		cmocka_unit_test(what_is_no_authority),
		cmocka_unit_test(a_proof),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
