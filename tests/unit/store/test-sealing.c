/* SPDX-License-Identifier: Apache-2.0 */
/* A sealed record opens where it was sealed, and nowhere else. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "store/sealing.h"

static const uint8_t KEY[AES256_KEY] = {1, 2, 3};
static const struct sealed_place PLACE = {"device", 7, "operation_blob_sealed"};
static const char SECRET[] = "canary-secret";

static void seal(const struct sealer *sealer, uint8_t **ret_record, size_t *ret_size)
{
	assert_int_equal(
		sealer_seal(sealer, &PLACE, span_from_string(SECRET), ret_record, ret_size), 0);
}

static int unseal(const struct sealer *sealer, const struct sealed_place *place,
	const uint8_t *record, size_t size)
{
	uint8_t *plain;
	size_t plain_size;
	int r = sealer_unseal(sealer, place, span_of(record, size), &plain, &plain_size);

	if (r < 0)
		return r;
	assert_int_equal(plain_size, strlen(SECRET));
	assert_string_equal((const char *)plain, SECRET);
	free(plain);
	return 0;
}

static void test_round_trip(void **state)
{
	CLEANUP(sealer_freep) struct sealer *sealer = NULL;
	CLEANUP(cleanup_free) uint8_t *record = NULL;
	CLEANUP(cleanup_free) uint8_t *again = NULL;
	size_t size;

	assert_int_equal(sealer_new(KEY, 5, &sealer), 0);
	seal(sealer, &record, &size);
	assert_int_equal(size, 2 + SEAL_NONCE + strlen(SECRET) + SEAL_TAG);
	assert_int_equal(record[0], SEALED_FORMAT);
	assert_int_equal(record[1], 5);
	assert_null(memmem(record, size, SECRET, strlen(SECRET)));
	assert_int_equal(unseal(sealer, &PLACE, record, size), 0);
	/* Never the same nonce. */
	seal(sealer, &again, &size);
	assert_memory_not_equal(record + 2, again + 2, SEAL_NONCE);
}

static void test_other_place(void **state)
{
	static const struct sealed_place OTHER[] = {
		{"sealed", 7, "operation_blob_sealed"},
		{"device", 8, "operation_blob_sealed"},
		{"device", 7, "operation_code_sealed"},
		{"device", 77, "operation_blob_sealed"},
		{"device|7", 7, "operation_blob_sealed"},
	};
	CLEANUP(sealer_freep) struct sealer *sealer = NULL;
	CLEANUP(cleanup_free) uint8_t *record = NULL;
	size_t size;

	assert_int_equal(sealer_new(KEY, 1, &sealer), 0);
	seal(sealer, &record, &size);
	for (size_t i = 0; i < ELEMENTS(OTHER); i++)
		assert_int_equal(unseal(sealer, &OTHER[i], record, size), -EBADMSG);
}

static void test_every_byte_counts(void **state)
{
	CLEANUP(sealer_freep) struct sealer *sealer = NULL;
	CLEANUP(cleanup_free) uint8_t *record = NULL;
	size_t size;

	assert_int_equal(sealer_new(KEY, 1, &sealer), 0);
	seal(sealer, &record, &size);
	for (size_t i = 0; i < size; i++) {
		record[i] ^= 1;
		assert_int_equal(unseal(sealer, &PLACE, record, size), -EBADMSG);
		record[i] ^= 1;
	}
	for (size_t cut = 0; cut < size; cut++)
		assert_int_equal(unseal(sealer, &PLACE, record, cut), -EBADMSG);
	assert_int_equal(unseal(sealer, &PLACE, record, size), 0);
}

static void test_other_key(void **state)
{
	CLEANUP(sealer_freep) struct sealer *one = NULL;
	CLEANUP(sealer_freep) struct sealer *two = NULL;
	CLEANUP(cleanup_free) uint8_t *record = NULL;
	uint8_t key[AES256_KEY];
	size_t size;

	memcpy(key, KEY, sizeof(key));
	key[31] ^= 0x80;
	assert_int_equal(sealer_new(KEY, 1, &one), 0);
	assert_int_equal(sealer_new(key, 1, &two), 0);
	seal(one, &record, &size);
	assert_int_equal(unseal(two, &PLACE, record, size), -EBADMSG);
	assert_null(sealer_free(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_other_place),
		cmocka_unit_test(test_every_byte_counts),
		cmocka_unit_test(test_other_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
