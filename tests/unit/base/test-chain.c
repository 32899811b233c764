/* SPDX-License-Identifier: Apache-2.0 */
/* Which authorities are taken, which chains lead to them, and what a certificate says. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/chain.h"
#include "pki.h"

static struct pki root, other;
static struct anchors *anchors;

static void trust(const struct pki *pki)
{
	char *pem = pki_pem(pki);

	assert_int_equal(anchors_add(anchors, pem), 0);
	free(pem);
}

static int setup(void **state)
{
	(void)state;
	pki_make(&root, &(const struct pki_ask){PKI_AUTHORITY, .common_name = "Root"});
	pki_make(&other, &(const struct pki_ask){PKI_AUTHORITY, .common_name = "Other"});
	assert_int_equal(anchors_new(&anchors), 0);
	trust(&root);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	anchors = anchors_free(anchors);
	pki_clear(&root);
	pki_clear(&other);
	return 0;
}

static int64_t now(void)
{
	return (int64_t)time(NULL) * 1000;
}

static int check(const struct pki *device, const struct pki *const *between, int64_t at,
	struct chain_verdict *verdict)
{
	STACK_OF(X509) *stack = sk_X509_new_null();
	int r;

	for (; between && *between; between++)
		sk_X509_push(stack, (*between)->x509);
	r = anchors_check(anchors, device->x509, stack, at, verdict);
	sk_X509_free(stack);
	return r;
}

static void device_is(const struct pki_ask *ask, int64_t at, int expected, int error)
{
	struct chain_verdict verdict;
	struct pki device;

	pki_make(&device, ask);
	assert_int_equal(check(&device, NULL, at, &verdict), expected);
	assert_int_equal(verdict.error, error);
	assert_true((verdict.why != NULL) == (expected < 0));
	pki_clear(&device);
}

static void what_it_says(void **state)
{
	static const struct {
		const char *common_name, *serial_number, *expected_name, *expected_number;
	} rows[] = {
		{"pump-7", NULL, "pump-7", ""},
		{"pump-7", "A1 b", "pump-7", "A1 b"},
		{NULL, "A1", "", "A1"},
		{"P\xc3\xbcmp", "A1", "", "A1"},
		{"pump\n7", NULL, "", ""},
		{"pump\x1b[2J", NULL, "", ""},
		{"0123456789012345678901234567890123456789012345678901234567890123", NULL,
			"0123456789012345678901234567890123456789012345678901234567890123", ""},
	};
	struct chain_verdict verdict;
	struct pki device;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		pki_make(&device, &(const struct pki_ask){PKI_DEVICE, .issuer = &root,
					  .common_name = rows[i].common_name,
					  .serial_number = rows[i].serial_number});
		assert_int_equal(check(&device, NULL, now(), &verdict), 0);
		assert_string_equal(verdict.facts.common_name, rows[i].expected_name);
		assert_string_equal(verdict.facts.serial_number, rows[i].expected_number);
		assert_int_equal(strlen(verdict.facts.fingerprint), 64);
		assert_int_equal(verdict.facts.not_after - verdict.facts.not_before, 90000000);
		pki_clear(&device);
	}
}

/* Two names, or one with a NUL in it, are none. */
static void no_name_of_two(void **state)
{
	struct chain_facts facts;
	struct pki device;
	X509_NAME *name;

	pki_make(&device,
		&(const struct pki_ask){PKI_DEVICE, .issuer = &root, .common_name = "pump-7"});
	name = X509_get_subject_name(device.x509);
	X509_NAME_add_entry_by_txt(
		name, "CN", MBSTRING_UTF8, (const unsigned char *)"pump-8", -1, -1, 0);
	X509_NAME_add_entry_by_txt(
		name, "serialNumber", MBSTRING_ASC, (const unsigned char *)"A\0B", 3, -1, 0);
	assert_int_equal(chain_facts_read(device.x509, &facts), 0);
	assert_string_equal(facts.common_name, "");
	assert_string_equal(facts.serial_number, "");
	pki_clear(&device);
}

static void who_signed_it(void **state)
{
	char *pem = pki_pem(&root), *again;
	struct chain_verdict verdict;
	struct chain_facts facts;
	const char *why;
	struct pki device;

	assert_int_equal(authority_read(span_from_string(pem), &facts, &again, &why), 0);
	assert_string_equal(pem, again);
	assert_string_equal(facts.common_name, "Root");
	pki_make(&device,
		&(const struct pki_ask){PKI_DEVICE, .issuer = &root, .common_name = "pump-7"});
	assert_int_equal(check(&device, NULL, now(), &verdict), 0);
	assert_string_equal(verdict.authority, facts.fingerprint);
	pki_clear(&device);
	free(pem);
	free(again);
	device_is(&(const struct pki_ask){PKI_DEVICE, .issuer = &other, .common_name = "x"}, now(),
		-EKEYREJECTED, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
	device_is(&(const struct pki_ask){PKI_DEVICE, .common_name = "x"}, now(), -EKEYREJECTED,
		X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT);
}

/* One with the name of a registered authority and another key. */
static void a_forged_authority(void **state)
{
	struct pki forged;

	pki_make(&forged, &(const struct pki_ask){PKI_AUTHORITY, .common_name = "Root"});
	device_is(&(const struct pki_ask){PKI_DEVICE, .issuer = &forged, .common_name = "x"}, now(),
		-EKEYREJECTED, X509_V_ERR_CERT_SIGNATURE_FAILURE);
	pki_clear(&forged);
}

static void lifetimes(void **state)
{
	const struct pki_ask ask = {PKI_DEVICE, .issuer = &root, .common_name = "x"};
	const int64_t day = 86400000;

	device_is(&ask, now() + 2 * day, -EKEYREJECTED, X509_V_ERR_CERT_HAS_EXPIRED);
	device_is(&ask, now() - 2 * day, -EKEYREJECTED, X509_V_ERR_CERT_NOT_YET_VALID);
	/* without a clock the signature alone counts */
	device_is(
		&(const struct pki_ask){
			.issuer = &root, .common_name = "x", .begins = -7200, .ends = -3600},
		0, 0, 0);
	device_is(&(const struct pki_ask){.issuer = &other, .common_name = "x", .ends = 3600}, 0,
		-EKEYREJECTED, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
}

/* An authority that is over lets nobody in any more. */
static void lifetime_of_the_authority(void **state)
{
	struct pki old;

	pki_make(&old, &(const struct pki_ask){.basic = "critical,CA:TRUE",
			       .common_name = "Old",
			       .begins = -7200,
			       .ends = -3600});
	trust(&old);
	device_is(&(const struct pki_ask){PKI_DEVICE, .issuer = &old, .common_name = "x"}, now(),
		-EKEYREJECTED, X509_V_ERR_CERT_HAS_EXPIRED);
	pki_clear(&old);
}

static void purposes_and_keys(void **state)
{
	static const struct {
		const char *basic, *usage, *extended, *group;
		int error;
	} rows[] = {
		{NULL, NULL, NULL, NULL, 0},
		{"CA:FALSE", "digitalSignature", "clientAuth,serverAuth", "P-384", 0},
		{"CA:FALSE", "digitalSignature", "serverAuth", NULL, X509_V_ERR_INVALID_PURPOSE},
		{"CA:FALSE", "dataEncipherment", NULL, NULL, X509_V_ERR_INVALID_PURPOSE},
		{"critical,CA:TRUE", "keyCertSign", NULL, NULL, X509_V_ERR_INVALID_PURPOSE},
		{NULL, NULL, NULL, "P-521", X509_V_ERR_EE_KEY_TOO_SMALL},
		{NULL, NULL, NULL, "secp256k1", X509_V_ERR_EE_KEY_TOO_SMALL},
		{NULL, NULL, NULL, "RSA-2048", X509_V_ERR_EE_KEY_TOO_SMALL},
		{NULL, NULL, NULL, "ED25519", X509_V_ERR_EE_KEY_TOO_SMALL},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		device_is(&(const struct pki_ask){.issuer = &root,
				  .common_name = "x",
				  .basic = rows[i].basic,
				  .usage = rows[i].usage,
				  .extended = rows[i].extended,
				  .group = rows[i].group,
				  .begins = -60,
				  .ends = 60},
			now(), rows[i].error ? -EKEYREJECTED : 0, rows[i].error);
}

/* Others between them, as many as there may be, and one more. */
static void long_chains(void **state)
{
	struct pki between[CHAIN_MAX + 2], device;
	const struct pki *sent[CHAIN_MAX + 3] = {0};
	struct chain_verdict verdict;
	const struct pki *issuer = &root;
	char name[32];
	int r;

	for (int count = 0; count <= CHAIN_MAX + 1; count++) {
		pki_make(&device,
			&(const struct pki_ask){PKI_DEVICE, .issuer = issuer, .common_name = "x"});
		r = check(&device, sent, now(), &verdict);
		assert_int_equal(r, count <= CHAIN_MAX - 2 ? 0 : -EKEYREJECTED);
		if (r < 0)
			assert_int_equal(verdict.error, X509_V_ERR_CERT_CHAIN_TOO_LONG);
		/* what it does not send is missing */
		if (count > 0 && r == 0) {
			assert_int_equal(check(&device, NULL, now(), &verdict), -EKEYREJECTED);
			assert_int_equal(
				verdict.error, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
		}
		pki_clear(&device);
		snprintf(name, sizeof(name), "Between %d", count);
		pki_make(&between[count], &(const struct pki_ask){PKI_AUTHORITY, .issuer = issuer,
						  .common_name = name});
		issuer = &between[count];
		sent[count] = issuer;
	}
	for (int i = 0; i <= CHAIN_MAX + 1; i++)
		pki_clear(&between[i]);
}

/* One below a root is registered by itself: what its sisters sign is not taken, and it is named. */
static void one_between_as_anchor(void **state)
{
	struct pki line, sister, device;
	struct chain_verdict verdict;
	struct chain_facts facts;
	const struct pki *sent[2] = {0};

	pki_make(&line,
		&(const struct pki_ask){PKI_AUTHORITY, .issuer = &other, .common_name = "L"});
	pki_make(&sister,
		&(const struct pki_ask){PKI_AUTHORITY, .issuer = &other, .common_name = "S"});
	trust(&line);
	assert_int_equal(chain_facts_read(line.x509, &facts), 0);
	sent[0] = &line;
	pki_make(&device, &(const struct pki_ask){PKI_DEVICE, .issuer = &line, .common_name = "x"});
	assert_int_equal(check(&device, sent, now(), &verdict), 0);
	assert_string_equal(verdict.authority, facts.fingerprint);
	assert_int_equal(check(&device, NULL, now(), &verdict), 0);
	/* also when its root is registered too, and sent along */
	trust(&other);
	assert_int_equal(check(&device, sent, now(), &verdict), 0);
	assert_string_equal(verdict.authority, facts.fingerprint);
	pki_clear(&device);
	pki_clear(&line);
	pki_clear(&sister);
}

static void sisters_are_not_taken(void **state)
{
	struct pki line, sister, device;
	struct chain_verdict verdict;
	const struct pki *sent[3] = {0};

	pki_make(&line,
		&(const struct pki_ask){PKI_AUTHORITY, .issuer = &other, .common_name = "L"});
	pki_make(&sister,
		&(const struct pki_ask){PKI_AUTHORITY, .issuer = &other, .common_name = "S"});
	trust(&line);
	sent[0] = &sister;
	sent[1] = &other;
	pki_make(&device,
		&(const struct pki_ask){PKI_DEVICE, .issuer = &sister, .common_name = "x"});
	assert_int_equal(check(&device, sent, now(), &verdict), -EKEYREJECTED);
	assert_int_equal(verdict.error, X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN);
	pki_clear(&device);
	pki_clear(&line);
	pki_clear(&sister);
}

/* A stranger's keys are not computed with when they are too large, nor trusted when too small. */
static void keys_in_the_chain(void **state)
{
	static const struct {
		const char *group;
		bool taken;
	} rows[] = {{"RSA-2048", true}, {"RSA-1024", false}, {"P-521", false}};
	struct chain_verdict verdict;
	struct pki between, device;
	const struct pki *sent[2] = {&between, NULL};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		pki_make(&between, &(const struct pki_ask){PKI_AUTHORITY, .issuer = &root,
					   .common_name = "B", .group = rows[i].group});
		pki_make(&device, &(const struct pki_ask){
					  PKI_DEVICE, .issuer = &between, .common_name = "x"});
		assert_int_equal(
			check(&device, sent, now(), &verdict), rows[i].taken ? 0 : -EKEYREJECTED);
		pki_clear(&device);
		pki_clear(&between);
	}
}

static void authority_refused(const char *pem, const char *word)
{
	struct chain_facts facts;
	const char *why = NULL;
	char *again;

	assert_int_equal(authority_read(span_from_string(pem), &facts, &again, &why), -EBADMSG);
	assert_non_null(why);
	if (!strstr(why, word))
		fail_msg("\"%s\" is not in \"%s\"", word, why);
}

static void authorities(void **state)
{
	char *pem = pki_pem(&root), *two = NULL, *again, *text = NULL;
	struct chain_facts facts;
	const char *why;
	struct pki wrong;

	assert_true(asprintf(&text, "admit = auto\nA comment\n%s", pem) > 0);
	assert_int_equal(authority_read(span_from_string(text), &facts, &again, &why), 0);
	assert_string_equal(again, pem);
	free(again);
	assert_true(asprintf(&two, "%s%s", pem, pem) > 0);
	authority_refused(two, "more than one");
	authority_refused("", "no certificate");
	authority_refused(
		"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "no certificate");
	free(pem);
	free(two);
	free(text);
	pki_make(&wrong, &(const struct pki_ask){PKI_DEVICE, .common_name = "x"});
	pem = pki_pem(&wrong);
	authority_refused(pem, "CA:TRUE");
	free(pem);
	pki_clear(&wrong);
	pki_make(&wrong, &(const struct pki_ask){.basic = "CA:TRUE",
				 .usage = "digitalSignature",
				 .common_name = "x",
				 .ends = 60});
	pem = pki_pem(&wrong);
	authority_refused(pem, "CA:TRUE");
	free(pem);
	pki_clear(&wrong);
	pki_make(&wrong,
		&(const struct pki_ask){PKI_AUTHORITY, .common_name = "x", .group = "RSA-1024"});
	pem = pki_pem(&wrong);
	authority_refused(pem, "2048");
	free(pem);
	pki_clear(&wrong);
	/* A private key that stands there is passed over, not kept. */
	pem = pki_key_pem(&root);
	authority_refused(pem, "no certificate");
	free(pem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(what_it_says),
		TEST(no_name_of_two),
		TEST(who_signed_it),
		TEST(a_forged_authority),
		TEST(lifetimes),
		TEST(lifetime_of_the_authority),
		TEST(purposes_and_keys),
		TEST(long_chains),
		TEST(one_between_as_anchor),
		TEST(sisters_are_not_taken),
		TEST(keys_in_the_chain),
		TEST(authorities),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
