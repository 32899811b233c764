/* SPDX-License-Identifier: Apache-2.0 */

/* JSON becomes the CBOR that a device expects, and comes back as it was. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/cbor-json.h"
#include "core/json-cbor.h"

static json_t *value_of(const char *text)
{
	json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);

	assert_non_null(value);
	return value;
}

static void expect(const char *text, const char *bytes, size_t size)
{
	json_t *value = value_of(text);
	uint8_t cbor[64];
	size_t written;

	assert_int_equal(json_to_cbor(value, cbor, sizeof(cbor), &written), 0);
	assert_int_equal(written, size);
	assert_memory_equal(cbor, bytes, size);
	json_decref(value);
}
#define EXPECT(text, bytes) expect(text, bytes, sizeof(bytes) - 1)

static void test_bytes(void **state)
{
	EXPECT("0", "\x00");
	EXPECT("-1", "\x20");
	EXPECT("1000", "\x19\x03\xe8");
	EXPECT("-1000", "\x39\x03\xe7");
	EXPECT("1.5", "\xfa\x3f\xc0\x00\x00");
	EXPECT("0.1", "\xfb\x3f\xb9\x99\x99\x99\x99\x99\x9a");
	EXPECT("true", "\xf5");
	EXPECT("false", "\xf4");
	EXPECT("null", "\xf6");
	EXPECT("\"ab\"", "\x62"
			 "ab");
	EXPECT("[]", "\x80");
	EXPECT("{\"a\":[1,{}]}", "\xa1\x61"
				 "a\x82\x01\xa0");
}

static void test_there_and_back(void **state)
{
	static const char text[] = "{\"a\":-7,\"b\":[true,null,2.5,\"x\"],\"c\":{\"d\":0.1}}";
	json_t *value = value_of(text), *back = NULL;
	uint8_t cbor[128];
	size_t size;

	assert_int_equal(json_to_cbor(value, cbor, sizeof(cbor), &size), 0);
	assert_int_equal(cbor_to_json(span_of(cbor, size), &back), 0);
	assert_true(json_equal(value, back));
	/* Every size that is too small is refused, and nothing is written behind it. */
	for (size_t less = 0; less < size; less++) {
		size_t untouched = 4711;

		cbor[less] = 0x5a;
		assert_int_equal(json_to_cbor(value, cbor, less, &untouched), -EMSGSIZE);
		assert_int_equal(untouched, 4711);
		assert_int_equal(cbor[less], 0x5a);
	}
	json_decref(value);
	json_decref(back);
}

static void test_depth(void **state)
{
	json_t *value = value_of("[[[[1]]]]"), *deep = value_of("{\"a\":[[[[1]]]]}");
	uint8_t cbor[64];
	size_t size;

	assert_int_equal(json_depth(value, 8), 4);
	assert_int_equal(json_to_cbor(value, cbor, sizeof(cbor), &size), 0);
	assert_int_equal(json_depth(deep, 8), 5);
	assert_int_equal(json_to_cbor(deep, cbor, sizeof(cbor), &size), -EINVAL);
	assert_int_equal(json_depth(deep, 2), 3);
	json_decref(value);
	json_decref(deep);
	value = value_of("{\"a\":1,\"b\":{\"c\":[]},\"d\":2}");
	assert_int_equal(json_depth(value, 8), 3);
	json_decref(value);
	value = value_of("7");
	assert_int_equal(json_depth(value, 8), 0);
	json_decref(value);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_depth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
