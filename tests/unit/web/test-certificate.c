/* SPDX-License-Identifier: Apache-2.0 */
/* The page's key and certificate in a directory of the test's own, read back with OpenSSL. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "web/certificate-make.h"
#include "web/certificate.h"

#define DAY INT64_C(86400)

static bool synced;
static int64_t now_msec;

bool __wrap_clock_is_synced(void);
bool __wrap_clock_is_synced(void)
{
	return synced;
}

int64_t __wrap_clock_wall_msec(void);
int64_t __wrap_clock_wall_msec(void)
{
	return now_msec;
}

static char directory[64];
static const struct certificate_subject subject = {
	.common_name = "plant-7",
	.name = {"plant-7.local", "localhost", "192.0.2.7", "::1"},
	.count = 4,
};

static void path_of(const char *name, char ret_path[128])
{
	snprintf(ret_path, 128, "%s/%s", directory, name);
}

static int make_directory(void **state)
{
	strcpy(directory, "/tmp/web-certificate-XXXXXX");
	synced = true;
	now_msec = (int64_t)time(NULL) * 1000;
	return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(void **state)
{
	static const char *const names[] = {
		CERTIFICATE_KEY_FILE, CERTIFICATE_FILE, "other.key", "broken.pem"};
	char path[128];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		path_of(names[i], path);
		unlink(path);
	}
	return rmdir(directory);
}

static struct certificate *ensure(void)
{
	struct certificate *certificate = NULL;
	char why[256] = "";

	if (certificate_ensure(directory, &subject, &certificate, why, sizeof(why)) < 0)
		fail_msg("%s", why);
	return certificate;
}

static X509 *read_x509(const struct certificate *certificate)
{
	BIO *bio = BIO_new_mem_buf(certificate->chain, -1);
	X509 *x509 = PEM_read_bio_X509(bio, NULL, NULL, NULL);

	BIO_free(bio);
	assert_non_null(x509);
	return x509;
}

static int64_t seconds(const ASN1_TIME *time)
{
	struct tm parts;

	assert_int_equal(ASN1_TIME_to_tm(time, &parts), 1);
	return (int64_t)timegm(&parts);
}

static void write_file(const char *name, const char *text)
{
	char path[128];
	FILE *file;

	path_of(name, path);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void test_what_it_says(void **state)
{
	struct certificate *certificate = ensure();
	X509 *x509 = read_x509(certificate);
	int64_t begin = seconds(X509_get0_notBefore(x509)), end = seconds(X509_get0_notAfter(x509));

	assert_int_equal(X509_get_version(x509), 2);
	assert_int_equal(X509_check_host(x509, "plant-7.local", 0, 0, NULL), 1);
	assert_int_equal(X509_check_host(x509, "evil.example", 0, 0, NULL), 0);
	assert_int_equal(X509_check_ip_asc(x509, "192.0.2.7", 0), 1);
	assert_int_equal(X509_check_ip_asc(x509, "::1", 0), 1);
	assert_int_equal(X509_check_ca(x509), 0);
	assert_int_equal(X509_check_purpose(x509, X509_PURPOSE_SSL_SERVER, 0), 1);
	assert_int_equal(X509_check_purpose(x509, X509_PURPOSE_SSL_CLIENT, 0), 0);
	assert_int_equal(X509_get_extended_key_usage(x509), XKU_SSL_SERVER);
	assert_int_equal(EVP_PKEY_get_bits(X509_get0_pubkey(x509)), 256);
	assert_int_equal(X509_verify(x509, X509_get0_pubkey(x509)), 1);
	assert_true(end - begin < 825 * DAY);
	assert_true(begin <= now_msec / 1000 && end > now_msec / 1000);
	assert_int_equal(certificate->not_after, end * 1000);
	X509_free(x509);
	certificate_free(certificate);
}

static void test_fingerprint(void **state)
{
	struct certificate *certificate = ensure();
	X509 *x509 = read_x509(certificate);
	unsigned char digest[EVP_MAX_MD_SIZE];
	char expected[96] = "";
	unsigned size;

	X509_digest(x509, EVP_sha256(), digest, &size);
	for (unsigned i = 0; i < size; i++)
		snprintf(expected + strlen(expected), 4, "%s%02X", i ? ":" : "", digest[i]);
	assert_string_equal(certificate->fingerprint, expected);
	X509_free(x509);
	certificate_free(certificate);
}

static void test_files(void **state)
{
	struct certificate *first = ensure(), *second = ensure();
	struct stat status;
	char path[128];

	assert_string_equal(first->fingerprint, second->fingerprint);
	assert_string_equal(first->key, second->key);
	path_of(CERTIFICATE_KEY_FILE, path);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	certificate_free(first);
	certificate_free(second);
	assert_null(certificate_free(NULL));
}

static void test_without_clock(void **state)
{
	struct certificate *certificate;
	X509 *x509;

	synced = false;
	now_msec = 86400 * 1000; /* 1970 */
	certificate = ensure();
	x509 = read_x509(certificate);
	/* From the day of the build: any browser whose clock is right takes it. */
	assert_true(seconds(X509_get0_notBefore(x509)) <= (int64_t)time(NULL));
	assert_true(seconds(X509_get0_notBefore(x509)) > INT64_C(1700000000));
	X509_free(x509);
	certificate_free(certificate);
}

static void test_renewed_before_its_end(void **state)
{
	struct certificate *first = ensure(), *second;
	X509 *x509;

	now_msec = first->not_after - 31 * DAY * 1000;
	second = ensure();
	assert_string_equal(first->fingerprint, second->fingerprint);
	certificate_free(second);
	now_msec = first->not_after - 29 * DAY * 1000;
	synced = false; /* who knows */
	second = ensure();
	assert_string_equal(first->fingerprint, second->fingerprint);
	certificate_free(second);
	synced = true;
	second = ensure();
	assert_string_not_equal(first->fingerprint, second->fingerprint);
	assert_string_equal(first->key, second->key);
	x509 = read_x509(second);
	assert_int_equal(seconds(X509_get0_notBefore(x509)), now_msec / 1000 - DAY);
	X509_free(x509);
	certificate_free(first);
	certificate_free(second);
}

static void test_broken_files(void **state)
{
	struct certificate *certificate = ensure(), *other = NULL;
	char why[256] = "";

	certificate_free(certificate);
	write_file(CERTIFICATE_FILE, "nonsense");
	assert_int_equal(
		certificate_ensure(directory, &subject, &other, why, sizeof(why)), -EBADMSG);
	assert_non_null(strstr(why, CERTIFICATE_FILE));
	assert_null(other);
}

static void test_own_files(void **state)
{
	struct certificate *certificate = ensure(), *loaded = NULL;
	char crt[128], key[128], other_key[128], broken[128], why[256] = "", *pem = NULL;

	path_of(CERTIFICATE_FILE, crt);
	path_of(CERTIFICATE_KEY_FILE, key);
	path_of("other.key", other_key);
	path_of("broken.pem", broken);
	assert_int_equal(certificate_load(crt, key, &loaded, why, sizeof(why)), 0);
	assert_string_equal(loaded->fingerprint, certificate->fingerprint);
	loaded = certificate_free(loaded);
	assert_int_equal(certificate_make_key(&pem), 0);
	write_file("other.key", pem);
	free(pem);
	assert_int_equal(
		certificate_load(crt, other_key, &loaded, why, sizeof(why)), -EKEYREJECTED);
	assert_non_null(strstr(why, "does not belong"));
	write_file("broken.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n");
	assert_int_equal(certificate_load(broken, key, &loaded, why, sizeof(why)), -EBADMSG);
	assert_int_equal(certificate_load("/nonexistent", key, &loaded, why, sizeof(why)), -ENOENT);
	assert_non_null(strstr(why, "/nonexistent"));
	assert_null(loaded);
	certificate_free(certificate);
}

/* An encrypted key must fail at once and never ask on the terminal. */
static void test_encrypted_key(void **state)
{
	struct certificate *certificate = ensure(), *loaded = NULL;
	EVP_PKEY *key = EVP_EC_gen("P-256");
	BIO *bio = BIO_new(BIO_s_mem());
	char crt[128], other[128], why[256] = "", *data;
	long size;

	assert_int_equal(
		PEM_write_bio_PKCS8PrivateKey(bio, key, EVP_aes_128_cbc(), "secret", 6, NULL, NULL),
		1);
	size = BIO_get_mem_data(bio, &data);
	data = memcpy(calloc(1, (size_t)size + 1), data, (size_t)size);
	write_file("other.key", data);
	free(data);
	BIO_free(bio);
	EVP_PKEY_free(key);
	path_of(CERTIFICATE_FILE, crt);
	path_of("other.key", other);
	assert_int_equal(certificate_load(crt, other, &loaded, why, sizeof(why)), -EBADMSG);
	assert_non_null(strstr(why, "unencrypted"));
	certificate_free(certificate);
}

#define WITH_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_DIRECTORY(test_what_it_says),
		WITH_DIRECTORY(test_fingerprint),
		WITH_DIRECTORY(test_files),
		WITH_DIRECTORY(test_without_clock),
		WITH_DIRECTORY(test_renewed_before_its_end),
		WITH_DIRECTORY(test_broken_files),
		WITH_DIRECTORY(test_own_files),
		WITH_DIRECTORY(test_encrypted_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
