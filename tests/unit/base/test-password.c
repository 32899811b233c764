/* SPDX-License-Identifier: Apache-2.0 */
/* Passwords: the vector of RFC 7914, our own texts, and stored texts that somebody damaged. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/cleanup.h"
#include "base/password.h"

#include "unhex.h"

#define SALT "c2FsdHNhbHRzYWx0c2FsdA"
#define HASH "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

/* RFC 7914 section 12, third vector; its first 32 bytes are the whole answer for 32. */
static void test_known_answer(void **state)
{
	uint8_t hash[32];
	CLEANUP(cleanup_free) char *salt_text = base64url_encode(SPAN_LITERAL("SodiumChloride"));
	CLEANUP(cleanup_free)
	char *hash_text = base64url_encode(
		unhex("7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2", hash));
	char stored[128];

	snprintf(stored, sizeof(stored), "$scrypt$ln=14,r=8,p=1$%s$%s", salt_text, hash_text);
	assert_int_equal(password_verify("pleaseletmein", stored), 1);
	assert_int_equal(password_verify("pleaseletmeiN", stored), 0);
}

static void test_round_trip(void **state)
{
	char first[PASSWORD_TEXT_SIZE], second[PASSWORD_TEXT_SIZE];

	assert_int_equal(password_hash("correct horse", first), 0);
	assert_int_equal(password_hash("correct horse", second), 0);
	assert_memory_equal(first, "$scrypt$ln=15,r=8,p=3$", 22);
	assert_int_equal(strlen(first), 22 + 22 + 1 + 43);
	assert_string_not_equal(first, second); /* each has its own salt */
	assert_int_equal(password_verify("correct horse", first), 1);
	assert_int_equal(password_verify("correct hors", first), 0);
	assert_int_equal(password_verify("", first), 0);
}

/* Nobody has its password, it costs nothing to make, and it is verified like any other. */
static void test_none(void **state)
{
	char own[PASSWORD_TEXT_SIZE], first[PASSWORD_TEXT_SIZE], second[PASSWORD_TEXT_SIZE];

	assert_int_equal(password_hash("correct horse", own), 0);
	assert_int_equal(password_none(first), 0);
	assert_int_equal(password_none(second), 0);
	assert_memory_equal(first, own, 22); /* at the same cost */
	assert_int_equal(strlen(first), strlen(own));
	assert_string_not_equal(first, second);
	assert_int_equal(password_verify("correct horse", first), 0);
	assert_int_equal(password_verify("", first), 0);
}

static void test_broken_texts(void **state)
{
	static const char *const texts[] = {
		"",
		"$scrypt$",
		"$argon2$ln=2,r=1,p=1$" SALT "$" HASH,
		"$scrypt$ln=2,r=1,p=1$" SALT,
		"$scrypt$ln=2,r=1,p=1$" SALT "$",
		"$scrypt$ln=2,r=1,p=1$" SALT "$" HASH "$",
		"$scrypt$ln=2,r=1,p=1$" SALT "$" HASH "A",
		"$scrypt$ln=2,r=1,p=1$" SALT "$AAAA",
		"$scrypt$ln=2,r=1,p=1$$" HASH,
		"$scrypt$ln=2,r=1,p=1$c2FsdA$" HASH,	    /* short salt */
		"$scrypt$ln=2,r=1,p=1$" SALT SALT "$" HASH, /* no base64url */
		"$scrypt$ln=2,r=1,p=1$" HASH "AAAA$" HASH,  /* long salt */
		"$scrypt$ln=2,r=1,p=1$c2FsdHNhbHRzYWx0c2FsdA==$" HASH,
		"$scrypt$ln=0,r=1,p=1$" SALT "$" HASH,
		"$scrypt$ln=,r=1,p=1$" SALT "$" HASH,
		"$scrypt$ln=02,r=1,p=1$" SALT "$" HASH,
		"$scrypt$ln=-2,r=1,p=1$" SALT "$" HASH,
		"$scrypt$ln= 2,r=1,p=1$" SALT "$" HASH,
		"$scrypt$ln=2r=1,p=1$" SALT "$" HASH,
		"$scrypt$r=1,ln=2,p=1$" SALT "$" HASH,
		"$scrypt$ln=19,r=1,p=1$" SALT "$" HASH, /* over the bounds */
		"$scrypt$ln=4294967298,r=1,p=1$" SALT "$" HASH,
		"$scrypt$ln=2,r=17,p=1$" SALT "$" HASH,
		"$scrypt$ln=2,r=1,p=9$" SALT "$" HASH,
		"$scrypt$ln=16,r=8,p=1$" SALT "$" HASH, /* 64 MiB */
		"$scrypt$ln=18,r=16,p=1$" SALT "$" HASH,
	};

	for (size_t i = 0; i < ELEMENTS(texts); i++)
		assert_int_equal(password_verify("x", texts[i]), -EINVAL);
	/* The text that these are variations of is good. */
	assert_int_equal(password_verify("x", "$scrypt$ln=2,r=1,p=1$" SALT "$" HASH), 0);
}

static void test_outdated(void **state)
{
	char now[PASSWORD_TEXT_SIZE];

	assert_int_equal(password_none(now), 0);
	assert_false(password_is_outdated(now));
	assert_true(password_is_outdated("$scrypt$ln=14,r=8,p=3$" SALT "$" HASH));
	assert_true(password_is_outdated("$scrypt$ln=15,r=7,p=3$" SALT "$" HASH));
	assert_true(password_is_outdated("$scrypt$ln=15,r=8,p=1$" SALT "$" HASH));
	/* Dearer than today's is as far from what is believed to be right. */
	assert_true(password_is_outdated("$scrypt$ln=15,r=8,p=4$" SALT "$" HASH));
	assert_false(password_is_outdated("$scrypt$ln=15,r=8,p=3$" SALT "$" HASH));
	assert_false(password_is_outdated("$scrypt$ln=19,r=8,p=3$" SALT "$" HASH));
	assert_false(password_is_outdated("$argon2id$v=19$m=65536,t=2,p=1$" SALT "$" HASH));
	assert_false(password_is_outdated(""));
}

/* N must be below 2^(128 * r / 8) (RFC 7914 section 2): the library refuses, and its error queue
 * stays empty. */
static void test_library_refuses(void **state)
{
	assert_int_equal(password_verify("x", "$scrypt$ln=16,r=1,p=1$" SALT "$" HASH), -EIO);
	assert_int_equal(ERR_peek_error(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_answer),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_broken_texts),
		cmocka_unit_test(test_outdated),
		cmocka_unit_test(test_library_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
