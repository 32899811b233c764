/* SPDX-License-Identifier: Apache-2.0 */
/* What is sealed for a public key: its owner alone opens it, and no byte of it can be another one.
 * The public keys are those of RFC 7748 section 6.1. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/crypto.h"
#include "base/parcel.h"
#include "unhex.h"

#define ALICE	     "77076d0a7318a57d3c16c17251b26645df4c2f92ebc0992ac177fba51db92c2a"
#define ALICE_PUBLIC "f8a9535a2d2ff605e8e144d54f4ef5c62313a2055dbb21fddd3fd9c299eb015d"
#define BOB	     "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"
#define BOB_PUBLIC   "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"
#define TEXT	     "what nobody else may read"

static int open_with(const uint8_t *secret, const uint8_t *sealed, size_t size)
{
	uint8_t *plain;
	size_t plain_size;
	int r = parcel_unseal(secret, span_of(sealed, size), &plain, &plain_size);

	if (r < 0)
		return r;
	assert_int_equal(plain_size, strlen(TEXT));
	assert_string_equal((char *)plain, TEXT);
	free(plain);
	return 0;
}

struct keys {
	uint8_t alice[PARCEL_KEY], alice_public[PARCEL_KEY], bob[PARCEL_KEY],
		bob_public[PARCEL_KEY];
};

static void keys_init(struct keys *keys)
{
	unhex(ALICE, keys->alice);
	unhex(ALICE_PUBLIC, keys->alice_public);
	unhex(BOB, keys->bob);
	unhex(BOB_PUBLIC, keys->bob_public);
}

static void public_keys(void **state)
{
	uint8_t made[PARCEL_KEY];
	struct keys keys;

	keys_init(&keys);
	assert_int_equal(parcel_public_key(keys.alice, made), 0);
	assert_memory_equal(made, keys.alice_public, PARCEL_KEY);
	assert_int_equal(parcel_public_key(keys.bob, made), 0);
	assert_memory_equal(made, keys.bob_public, PARCEL_KEY);
}

static void its_owner_alone(void **state)
{
	CLEANUP(cleanup_free) uint8_t *sealed = NULL;
	struct keys keys;
	size_t size;

	keys_init(&keys);
	assert_int_equal(parcel_seal(keys.alice_public, span_from_string(TEXT), &sealed, &size), 0);
	assert_int_equal(size, 72 + 12 + strlen(TEXT) + 16);
	assert_memory_equal(sealed + 8, keys.alice_public, PARCEL_KEY);
	assert_int_equal(open_with(keys.alice, sealed, size), 0);
	assert_int_equal(open_with(keys.bob, sealed, size), -EKEYREJECTED);
	/* Who writes his own name on it opens it no more than before. */
	memcpy(sealed + 8, keys.bob_public, PARCEL_KEY);
	assert_int_equal(open_with(keys.bob, sealed, size), -EBADMSG);
}

static void what_is_damaged_does_not_open(void **state)
{
	CLEANUP(cleanup_free) uint8_t *sealed = NULL;
	struct keys keys;
	size_t size;

	keys_init(&keys);
	assert_int_equal(parcel_seal(keys.alice_public, span_from_string(TEXT), &sealed, &size), 0);
	for (size_t at = 0; at < size; at++) {
		int wanted = at < 8 ? -ENOMSG : at < 40 ? -EKEYREJECTED : -EBADMSG;

		/* The highest bit of a public key means nothing to X25519, and still is bound. */
		sealed[at] ^= 0x80;
		assert_int_equal(open_with(keys.alice, sealed, size), wanted);
		sealed[at] ^= 0x80;
	}
	for (size_t cut = 0; cut < size; cut++)
		assert_int_equal(open_with(keys.alice, sealed, cut), cut < 72 ? -ENOMSG : -EBADMSG);
	/* A point of small order would make a key that everybody knows. */
	memset(sealed + 40, 0, PARCEL_KEY);
	assert_int_equal(open_with(keys.alice, sealed, size), -EBADMSG);
}

static void no_key_at_all(void **state)
{
	static const uint8_t zero[PARCEL_KEY];
	uint8_t *sealed;
	size_t size;

	assert_int_equal(parcel_seal(zero, span_from_string(TEXT), &sealed, &size), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(public_keys),
		cmocka_unit_test(its_owner_alone),
		cmocka_unit_test(what_is_damaged_does_not_open),
		cmocka_unit_test(no_key_at_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
