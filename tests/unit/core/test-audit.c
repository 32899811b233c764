/* SPDX-License-Identifier: Apache-2.0 */

/* The chain has the values that an independent computation gave (Python's hmac over the form in
 * audit.c), and no bit of a row, of the key or of the link before can change unseen. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "core/audit.h"

int64_t __wrap_clock_wall_msec(void);
bool __wrap_clock_is_synced(void);

int64_t __wrap_clock_wall_msec(void)
{
	return mock_type(int64_t);
}

bool __wrap_clock_is_synced(void)
{
	return mock_type(bool);
}

static const uint8_t zero[SHA256_SIZE];

static void make_key(uint8_t key[SHA256_SIZE])
{
	for (unsigned i = 0; i < SHA256_SIZE; i++)
		key[i] = (uint8_t)i;
}

static void make_row(struct audit_row *row)
{
	will_return(__wrap_clock_wall_msec, INT64_C(1700000000123));
	will_return(__wrap_clock_is_synced, true);
	audit_row_init(row, "anna", "technician", "192.0.2.9", ACT_ADMIT, "sensor-7-abcd",
		"short code", "done");
	row->number = 1;
}

static void assert_mac(const uint8_t mac[SHA256_SIZE], const char *hex)
{
	char text[2 * SHA256_SIZE + 1];

	hex_encode(span_of(mac, SHA256_SIZE), text, sizeof(text));
	assert_string_equal(text, hex);
}

static void test_known_answers(void **state)
{
	uint8_t key[SHA256_SIZE], first[SHA256_SIZE], second[SHA256_SIZE];
	struct audit_row row;

	make_key(key);
	make_row(&row);
	assert_int_equal(audit_chain(key, zero, &row, first), 0);
	assert_mac(first, "ee9c4b3b5a082a140536bcde8493cbd5f346d337c4c20b22677e4544c94d721d");

	will_return(__wrap_clock_wall_msec, INT64_C(1700000001000));
	will_return(__wrap_clock_is_synced, false);
	audit_row_init(
		&row, "uid 0", "admin", "control socket", ACT_REVOKE, "sensor-7-abcd", "", "done");
	row.number = 2;
	assert_int_equal(audit_chain(key, first, &row, second), 0);
	assert_mac(second, "13f168a3afc3327eabe9909e823a0e436ea7c550557b818c6cf59b78d40f5244");
}

static void test_row_init(void **state)
{
	struct audit_row row;

	memset(&row, 0xff, sizeof(row));
	make_row(&row);
	assert_int_equal(row.time, 1700000000123);
	assert_true(row.clock_synced);
	assert_string_equal(row.who, "anna");
	assert_string_equal(row.role, "technician");
	assert_string_equal(row.via, "192.0.2.9");
	assert_string_equal(row.action, "admit");
	assert_string_equal(row.object, "sensor-7-abcd");
	assert_string_equal(row.evidence, "short code");
	assert_string_equal(row.result, "done");
}

static void test_long_texts_are_cut(void **state)
{
	struct audit_row row;
	char longest[200], umlauts[200] = "";

	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	for (unsigned i = 0; i < 90; i++)
		strcat(umlauts, "\xc3\xa4");
	will_return(__wrap_clock_wall_msec, 0);
	will_return(__wrap_clock_is_synced, true);
	audit_row_init(&row, longest, longest, umlauts, ACT_ADMIT, umlauts, longest, longest);
	assert_int_equal(strlen(row.who), sizeof(row.who) - 1);
	assert_int_equal(strlen(row.role), sizeof(row.role) - 1);
	/* Two bytes a character: the cut leaves whole ones. */
	assert_int_equal(strlen(row.via), 64);
	assert_int_equal(strlen(row.object), 64);
	assert_memory_equal(row.object, umlauts, 64);

	will_return(__wrap_clock_wall_msec, 0);
	will_return(__wrap_clock_is_synced, true);
	memmove(umlauts + 1, umlauts, 181);
	umlauts[0] = 'u';
	audit_row_init(&row, umlauts, "", "", ACT_ADMIT, umlauts, "", "");
	assert_int_equal(strlen(row.who), 63);
	assert_int_equal(strlen(row.object), 63);

	/* No character begins anywhere: nothing is left. */
	memset(longest, 0x80, sizeof(longest) - 1);
	will_return(__wrap_clock_wall_msec, 0);
	will_return(__wrap_clock_is_synced, true);
	audit_row_init(&row, longest, "", "", ACT_ADMIT, "", "", "");
	assert_string_equal(row.who, "");
}

struct part {
	size_t offset, size;
	unsigned bits; /* of each byte */
};

#define PART(member)                                                                           \
	{                                                                                      \
		offsetof(struct audit_row, member), sizeof(((struct audit_row *)0)->member), 8 \
	}

static void test_any_flipped_bit_shows(void **state)
{
	static const struct part parts[] = {
		PART(number),
		PART(time),
		{offsetof(struct audit_row, clock_synced), 1, 1},
		PART(who),
		PART(role),
		PART(via),
		PART(action),
		PART(object),
		PART(evidence),
		PART(result),
	};
	uint8_t key[SHA256_SIZE], right[SHA256_SIZE], mac[SHA256_SIZE];
	struct audit_row row;

	make_key(key);
	make_row(&row);
	assert_int_equal(audit_chain(key, zero, &row, right), 0);
	for (size_t i = 0; i < ELEMENTS(parts); i++) {
		uint8_t *bytes = (uint8_t *)&row + parts[i].offset;
		bool text = i > 2;

		for (size_t at = 0; at < parts[i].size; at++) {
			/* Behind the end of a text nothing counts. */
			if (text && at > strlen((const char *)bytes))
				break;
			for (unsigned bit = 0; bit < parts[i].bits; bit++) {
				bytes[at] ^= (uint8_t)(1 << bit);
				assert_int_equal(audit_chain(key, zero, &row, mac), 0);
				assert_memory_not_equal(mac, right, sizeof(mac));
				bytes[at] ^= (uint8_t)(1 << bit);
			}
		}
	}
	assert_int_equal(audit_chain(key, zero, &row, mac), 0);
	assert_memory_equal(mac, right, sizeof(mac));
}

static void test_key_and_previous_count(void **state)
{
	uint8_t key[SHA256_SIZE], previous[SHA256_SIZE] = {0};
	uint8_t right[SHA256_SIZE], mac[SHA256_SIZE];
	struct audit_row row;

	make_key(key);
	make_row(&row);
	assert_int_equal(audit_chain(key, previous, &row, right), 0);
	for (unsigned bit = 0; bit < 8 * SHA256_SIZE; bit++) {
		key[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(audit_chain(key, previous, &row, mac), 0);
		assert_memory_not_equal(mac, right, sizeof(mac));
		key[bit / 8] ^= (uint8_t)(1 << bit % 8);
		previous[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(audit_chain(key, previous, &row, mac), 0);
		assert_memory_not_equal(mac, right, sizeof(mac));
		previous[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

/* "ab" + "c" and "a" + "bc" are different rows. */
static void test_fields_do_not_run_together(void **state)
{
	uint8_t key[SHA256_SIZE], left[SHA256_SIZE], right[SHA256_SIZE];
	struct audit_row row;

	make_key(key);
	make_row(&row);
	strcpy(row.who, "ab");
	strcpy(row.role, "c");
	assert_int_equal(audit_chain(key, zero, &row, left), 0);
	strcpy(row.who, "a");
	strcpy(row.role, "bc");
	assert_int_equal(audit_chain(key, zero, &row, right), 0);
	assert_memory_not_equal(left, right, sizeof(left));
}

static void test_full_fields(void **state)
{
	uint8_t key[SHA256_SIZE], left[SHA256_SIZE], right[SHA256_SIZE];
	char longest[100];
	struct audit_row row;

	memset(longest, 'y', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	make_key(key);
	will_return(__wrap_clock_wall_msec, INT64_MAX);
	will_return(__wrap_clock_is_synced, true);
	audit_row_init(&row, longest, longest, longest, ACT_ADMIT, longest, longest, longest);
	memcpy(row.action, longest, sizeof(row.action) - 1);
	row.number = UINT64_MAX;
	assert_int_equal(audit_chain(key, zero, &row, left), 0);
	row.result[0] = 'z';
	assert_int_equal(audit_chain(key, zero, &row, right), 0);
	assert_memory_not_equal(left, right, sizeof(left));
}

/* Each number has a word of its own, which fits its field and leads back to what is in the object.
 */
static void test_words(void **state)
{
	for (unsigned i = 0; i < AUDIT_ACTIONS; i++) {
		const char *word = audit_action(i);

		assert_non_null(word);
		assert_in_range(strlen(word), 1, sizeof(((struct audit_row *)NULL)->action) - 1);
		for (unsigned other = 0; other < i; other++)
			assert_string_not_equal(word, audit_action(other));
	}
	for (unsigned i = 0; i < AUDIT_RESULTS; i++)
		assert_in_range(strlen(audit_result((enum audit_result)i)), 1,
			sizeof(((struct audit_row *)NULL)->result) - 1);
	assert_string_equal(audit_action(AUDIT_ACTIONS), "unknown");
	assert_string_equal(audit_result(AUDIT_RESULTS), "unknown");
	assert_int_equal(audit_object("approve"), OBJECT_DEVICE);
	assert_int_equal(audit_object("leak"), OBJECT_DEVICE);
	assert_int_equal(audit_object("clear alarm"), OBJECT_ALARM);
	assert_int_equal(audit_object("alarm raised"), OBJECT_ALARM);
	assert_int_equal(audit_object("person put"), OBJECT_OTHER);
	assert_int_equal(audit_object("of a newer gateway"), OBJECT_OTHER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_answers),
		cmocka_unit_test(test_row_init),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_long_texts_are_cut),
		cmocka_unit_test(test_any_flipped_bit_shows),
		cmocka_unit_test(test_key_and_previous_count),
		cmocka_unit_test(test_fields_do_not_run_together),
		cmocka_unit_test(test_full_fields),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
