/* SPDX-License-Identifier: Apache-2.0 */

/* What may be a client's identity, and what is said of what may not. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "base/identity.h"
#include "identity-fixture.h"

static const char edwards_certificate[] =
	"-----BEGIN CERTIFICATE-----\n"
	"MIIBMDCB46ADAgECAhRqVDw8TPS5UJMyUJ541CwTEKHANjAFBgMrZXAwDTELMAkG\n"
	"A1UEAwwCZWQwIBcNMjYxMTI5MTEyNDM4WhgPMjEyNjExMDUxMTI0MzhaMA0xCzAJ\n"
	"BgNVBAMMAmVkMCowBQYDK2VwAyEA33zJzXXRCDYp+J2ShgM6A+u+byZueResqGbm\n"
	"O8tdKSWjUzBRMB0GA1UdDgQWBBS1fDePLQRQspIViPaP7O0A3QRtDDAfBgNVHSME\n"
	"GDAWgBS1fDePLQRQspIViPaP7O0A3QRtDDAPBgNVHRMBAf8EBTADAQH/MAUGAytl\n"
	"cANBAG5RHLlhiFWz1Uf6s5SyhIUshZGkpaY3g72T+jFjBx8UkWjRvFT5Om8hXmaF\n"
	"XPusNMMM3CyBGB2uFTtuxUy9bgo=\n"
	"-----END CERTIFICATE-----\n";
static const char edwards_key[] =
	"-----BEGIN PRIVATE KEY-----\n"
	"MC4CAQAwBQYDK2VwBCIEIIhdRHnRUd9jz9vnvuwZxHdGK7j3eOfedaRXffc3FjKn\n"
	"-----END PRIVATE KEY-----\n";
static const char encrypted_key[] =
	"-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
	"MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAhyURj2YJ1IzwICCAAw\n"
	"DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEGq2eIL1bJRwEDbndjmMGdAEgZDt\n"
	"qQDIZ3kbWAGx4bEIp1I17rDvCpcuTM6RQwKI9xEcY1Nz//6plQTkubYe/eCISnBC\n"
	"ImQIuIQJ9C4980RxnT9zv6gVDy3RQNbDYjrkZgvaRHCUqdmomIHTfO/X1Uq010RV\n"
	"UCL2Linw+W75fAE/JnsXKmXh5v/ADVIxuyJZJl2FOZsUeR55/5giqvU5Ap2yH4A=\n"
	"-----END ENCRYPTED PRIVATE KEY-----\n";

static const char *check(const char *certificate, const char *key)
{
	return identity_check(span_from_string(certificate), span_from_string(key));
}

static void right_ones(void **state)
{
	assert_null(check(PUMP_CERTIFICATE, PUMP_KEY));
	/* With text in front, as the openssl command writes it, and with a chain. */
	assert_null(check("Certificate:\n" PUMP_CERTIFICATE, PUMP_KEY));
	assert_null(check(PUMP_CERTIFICATE PUMP_CERTIFICATE, PUMP_KEY));
}

static void wrong_ones(void **state)
{
	static char long_one[IDENTITY_MAX + 1];

	memset(long_one, 'x', sizeof(long_one) - 1);
	assert_string_equal(check("", PUMP_KEY), "has no certificate");
	assert_string_equal(check(PUMP_CERTIFICATE, ""), "has no private key");
	assert_string_equal(check(PUMP_CERTIFICATE, OTHER_KEY),
		"has a private key that belongs to another certificate");
	assert_non_null(strstr(check("no certificate", PUMP_KEY), "not PEM"));
	assert_non_null(strstr(check(PUMP_KEY, PUMP_KEY), "not PEM"));
	assert_non_null(strstr(check(PUMP_CERTIFICATE, "no key"), "not PEM"));
	assert_non_null(strstr(check(PUMP_CERTIFICATE, PUMP_CERTIFICATE), "not PEM"));
	assert_non_null(strstr(check(PUMP_CERTIFICATE, encrypted_key), "encrypted"));
	assert_non_null(strstr(check(edwards_certificate, edwards_key), "kind"));
	assert_non_null(strstr(check(PUMP_CERTIFICATE, long_one), "16383"));
	/* A chain that is too long, and one with damage in it. */
	assert_non_null(check(PUMP_CERTIFICATE PUMP_CERTIFICATE PUMP_CERTIFICATE PUMP_CERTIFICATE
				      PUMP_CERTIFICATE PUMP_CERTIFICATE,
		PUMP_KEY));
	assert_non_null(check(PUMP_CERTIFICATE
		"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
		PUMP_KEY));
}

static int split(const char *text, struct span *ret_certificate, struct span *ret_key)
{
	return identity_split(span_from_string(text), ret_certificate, ret_key);
}

/* In either order, with what stands around them; never a key that is thought a certificate. */
static void one_text_is_split(void **state)
{
	static const char *const whole[] = {PUMP_CERTIFICATE PUMP_KEY, PUMP_KEY PUMP_CERTIFICATE,
		"Bag Attributes\n" PUMP_CERTIFICATE PUMP_CERTIFICATE "\n\n" PUMP_KEY "\n"};
	static const char *const bad[] = {"", PUMP_CERTIFICATE,
		PUMP_CERTIFICATE PUMP_KEY PUMP_CERTIFICATE, "PRIVATE KEY-----",
		"-----BEGIN PRIVATE KEY-----", "-----BEGIN PRIVATE KEY-----\n-----END ",
		"-----END PRIVATE KEY-----\n-----BEGIN "};
	struct span certificate, key;

	for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++) {
		assert_int_equal(split(whole[i], &certificate, &key), 0);
		assert_null(identity_check(certificate, key));
		assert_int_equal(key.size, strlen(PUMP_KEY) - 1);
		assert_memory_equal(key.data, PUMP_KEY, key.size);
		assert_null(memmem(certificate.data, certificate.size, "PRIVATE", 7));
	}
	/* Only a key: nothing is left for a certificate. */
	assert_int_equal(split(PUMP_KEY, &certificate, &key), 0);
	assert_non_null(identity_check(certificate, key));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(split(bad[i], &certificate, &key), -EBADMSG);
}

static void what_the_first_one_says(void **state)
{
	struct chain_facts facts, chain;

	assert_int_equal(identity_read(SPAN_LITERAL(PUMP_CERTIFICATE), &facts), 0);
	assert_string_equal(facts.common_name, "pump");
	assert_true(facts.not_after > facts.not_before);
	assert_int_equal(identity_read(SPAN_LITERAL(PUMP_CERTIFICATE PUMP_CERTIFICATE), &chain), 0);
	assert_string_equal(chain.fingerprint, facts.fingerprint);
	assert_int_equal(identity_read(span_of(NULL, 0), &facts), -EBADMSG);
	assert_int_equal(identity_read(SPAN_LITERAL(PUMP_KEY), &facts), -EBADMSG);
	assert_int_equal(identity_read(SPAN_LITERAL("no certificate"), &facts), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(right_ones),
		cmocka_unit_test(wrong_ones),
		cmocka_unit_test(one_text_is_split),
		cmocka_unit_test(what_the_first_one_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
