/* SPDX-License-Identifier: Apache-2.0 */
/* Text codes: RFC 4648 section 10, and that every value has one text only. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/cleanup.h"

static void test_hex(void **state)
{
	char text[9] = "????????";

	assert_int_equal(hex_encode(SPAN_LITERAL("\x00\x9f\xff"), text, 7), 6);
	assert_string_equal(text, "009fff");
	assert_int_equal(text[7], '?');
	assert_int_equal(hex_encode(SPAN_LITERAL("\x00\x9f\xff"), text, 6), 0);
	assert_string_equal(text, "");
	assert_int_equal(hex_encode(span_of(NULL, 0), text, 1), 0);
	assert_string_equal(text, "");
	text[0] = '?';
	assert_int_equal(hex_encode(SPAN_LITERAL("a"), text, 0), 0);
	assert_int_equal(text[0], '?');
}

static const struct {
	const char *data, *base64, *base64url;
} vectors[] = {
	{"", "", ""},
	{"f", "Zg==", "Zg"},
	{"fo", "Zm8=", "Zm8"},
	{"foo", "Zm9v", "Zm9v"},
	{"foob", "Zm9vYg==", "Zm9vYg"},
	{"fooba", "Zm9vYmE=", "Zm9vYmE"},
	{"foobar", "Zm9vYmFy", "Zm9vYmFy"},
	{"\xfb\xff\xbf", "+/+/", "-_-_"},
};

static void test_vectors(void **state)
{
	for (size_t i = 0; i < ELEMENTS(vectors); i++) {
		struct span data = span_from_string(vectors[i].data);
		CLEANUP(cleanup_free) char *plain = base64_encode(data);
		CLEANUP(cleanup_free) char *url = base64url_encode(data);
		uint8_t decoded[8];
		size_t size = 99;

		assert_string_equal(plain, vectors[i].base64);
		assert_string_equal(url, vectors[i].base64url);
		assert_int_equal(
			base64url_decode(span_from_string(url), decoded, data.size, &size), 0);
		assert_int_equal(size, data.size);
		assert_memory_equal(decoded, vectors[i].data, size);
	}
}

static void test_decode_refusals(void **state)
{
	static const char *const texts[] = {"Z", "Zm9vY", "Zg==", "Zm8=", "Zm9v+A", "Zm9v/A",
		"Zm 9", "Zm9v\n", "Zh", "Zm9", "Zm9vYm9", "Z\xc3\xa9g"};
	uint8_t decoded[8] = "1234567";
	size_t size = 99;

	for (size_t i = 0; i < ELEMENTS(texts); i++)
		assert_int_equal(
			base64url_decode(span_from_string(texts[i]), decoded, 8, &size), -EINVAL);
	assert_int_equal(base64url_decode(span_of("Zm\0v", 4), decoded, 8, &size), -EINVAL);
	assert_int_equal(base64url_decode(SPAN_LITERAL("Zm9vYg"), decoded, 3, &size), -EMSGSIZE);
	assert_string_equal((char *)decoded, "1234567");
	assert_int_equal(size, 99);
}

/* Of all texts of two and of three characters, exactly one decodes to each value. */
static void test_one_text_for_each_value(void **state)
{
	static unsigned seen[65536];
	unsigned accepted = 0;
	uint8_t decoded[2];
	size_t size;

	for (unsigned n = 0; n < 0x1000000; n += n % 128 == 127 ? 129 : 1) {
		/* Three bytes below 0x80; skipping keeps the walk short. */
		const uint8_t text[3] = {(uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n};

		if (text[1] >= 0x80 || text[0] >= 0x80)
			continue;
		if (base64url_decode(span_of(text, 3), decoded, 2, &size) < 0)
			continue;
		assert_int_equal(size, 2);
		seen[decoded[0] << 8 | decoded[1]]++;
		accepted++;
	}
	assert_int_equal(accepted, 65536);
	for (size_t i = 0; i < ELEMENTS(seen); i++)
		assert_int_equal(seen[i], 1);
	accepted = 0;
	for (unsigned n = 0; n < 65536; n++) {
		const uint8_t text[2] = {(uint8_t)(n >> 8), (uint8_t)n};

		accepted += base64url_decode(span_of(text, 2), decoded, 1, &size) == 0;
	}
	assert_int_equal(accepted, 256);
}

static void test_hex_back(void **state)
{
	static const char *const WRONG[] = {
		"", "00", "0001020", "000102030", "0001g2ff", "00010 ff"};
	static const uint8_t wanted[] = {0x00, 0x1f, 0xAB, 0xff};
	uint8_t bytes[4];

	assert_int_equal(hex_decode(span_from_string("001faBFf"), bytes, sizeof(bytes)), 0);
	assert_memory_equal(bytes, wanted, sizeof(wanted));
	assert_int_equal(hex_decode((struct span){0}, bytes, 0), 0);
	for (size_t i = 0; i < ELEMENTS(WRONG); i++)
		assert_int_equal(
			hex_decode(span_from_string(WRONG[i]), bytes, sizeof(bytes)), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hex),
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_decode_refusals),
		cmocka_unit_test(test_one_text_for_each_value),
		cmocka_unit_test(test_hex_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
