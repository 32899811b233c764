/* SPDX-License-Identifier: Apache-2.0 */

/* CBOR maps become the JSON values of the contract, and nothing else gets through. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/cbor-json.h"

#define BYTES(...) span_of((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static bool memory_is_out;

char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);
char *__wrap_strdup(const char *text)
{
	return memory_is_out ? NULL : __real_strdup(text);
}

char *__real_base64url_encode(struct span data);
char *__wrap_base64url_encode(struct span data);
char *__wrap_base64url_encode(struct span data)
{
	return memory_is_out ? NULL : __real_base64url_encode(data);
}

static void expect(struct span cbor, const char *json)
{
	json_t *value = NULL;
	char *text;

	assert_int_equal(cbor_to_json(cbor, &value), 0);
	text = json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
	assert_string_equal(text, json);
	free(text);
	json_decref(value);
}

static void refuse(struct span cbor)
{
	json_t *untouched = (json_t *)&untouched, *value = untouched;

	assert_int_equal(cbor_to_json(cbor, &value), -EBADMSG);
	assert_ptr_equal(value, untouched);
}

static void test_scalars(void **state)
{
	expect(BYTES(0x00), "0");
	expect(BYTES(0x18, 0xff), "255");
	expect(BYTES(0x19, 0x12, 0x34), "4660");
	expect(BYTES(0x1a, 0x00, 0x01, 0x00, 0x00), "65536");
	expect(BYTES(0x1b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), "9223372036854775807");
	expect(BYTES(0x20), "-1");
	expect(BYTES(0x39, 0x01, 0x00), "-257");
	expect(BYTES(0x3a, 0x00, 0x01, 0x00, 0x00), "-65537");
	expect(BYTES(0x3b, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00), "-4294967297");
	expect(BYTES(0x3b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), "-9223372036854775808");
	expect(BYTES(0x38, 0xff), "-256");
	expect(BYTES(0xf5), "true");
	expect(BYTES(0xf4), "false");
	expect(BYTES(0xf6), "null");
	expect(BYTES(0xf9, 0x3e, 0x00), "1.5");
	expect(BYTES(0xfa, 0x40, 0x20, 0x00, 0x00), "2.5");
	expect(BYTES(0xfb, 0x40, 0x0c, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00), "3.5");
	expect(BYTES(0x62, 'h', 'i'), "\"hi\"");
}

/* The contract's own vector: the answer map with a challenge. */
static void test_contract_vector(void **state)
{
	expect(BYTES(0xa3, 0x65, 's', 't', 'a', 't', 'e', 0x67, 'p', 'e', 'n', 'd', 'i', 'n', 'g',
		       0x65, 'r', 'e', 't', 'r', 'y', 0x05, 0x69, 'c', 'h', 'a', 'l', 'l', 'e', 'n',
		       'g', 'e', 0x50, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19,
		       0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f),
		"{\"challenge\":\"EBESExQVFhcYGRobHB0eHw\",\"retry\":5,\"state\":\"pending\"}");
}

static void test_containers(void **state)
{
	expect(BYTES(0xa0), "{}");
	expect(BYTES(0x80), "[]");
	expect(BYTES(0x82, 0x01, 0x80), "[1,[]]");
	expect(BYTES(0xa1, 0x61, 'a', 0xa1, 0x61, 'b', 0x82, 0x01, 0x02), "{\"a\":{\"b\":[1,2]}}");
	expect(BYTES(0xa2, 0x61, 'a', 0xa0, 0x61, 'b', 0x01), "{\"a\":{},\"b\":1}");
	expect(BYTES(0x81, 0x81, 0x81, 0x80), "[[[[]]]]");
}

static void test_refused(void **state)
{
	refuse(span_of(NULL, 0));
	refuse(BYTES(0xa1));						     /* nothing inside */
	refuse(BYTES(0xa1, 0x61, 'a'));					     /* no value */
	refuse(BYTES(0x01, 0x01));					     /* left over */
	refuse(BYTES(0xa2, 0x61, 'a', 0x01, 0x61, 'a', 0x02));		     /* twice */
	refuse(BYTES(0xa1, 0x01, 0x02));				     /* key is a number */
	refuse(BYTES(0xa1, 0x41, 'a', 0x02));				     /* key is bytes */
	refuse(BYTES(0xa1, 0x80, 0x02));				     /* key is an array */
	refuse(BYTES(0xc4, 0x82, 0x00, 0x01));				     /* decimal fraction */
	refuse(BYTES(0xbf, 0xff));					     /* indefinite map */
	refuse(BYTES(0x9f, 0xff));					     /* indefinite array */
	refuse(BYTES(0x7f, 0x61, 'a', 0xff));				     /* indefinite text */
	refuse(BYTES(0x5f, 0x41, 'a', 0xff));				     /* indefinite bytes */
	refuse(BYTES(0xff));						     /* break */
	refuse(BYTES(0xc1, 0x01));					     /* tag */
	refuse(BYTES(0xf7));						     /* undefined */
	refuse(BYTES(0xf9, 0x7e, 0x00));				     /* NaN */
	refuse(BYTES(0xfb, 0x7f, 0xf0, 0, 0, 0, 0, 0, 0));		     /* infinity */
	refuse(BYTES(0x61, 0xff));					     /* not UTF-8 */
	refuse(BYTES(0x63, 'a', 0x00, 'b'));				     /* NUL */
	refuse(BYTES(0x1b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)); /* beyond 63 bits */
	refuse(BYTES(0x3b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff));
	refuse(BYTES(0x62, 'h')); /* text shorter than said */
}

static void expect_map(struct span cbor, const char *json)
{
	json_t *value = NULL;
	char *text;

	assert_int_equal(cbor_map_to_json(cbor, &value), 0);
	text = json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS);
	assert_string_equal(text, json);
	free(text);
	json_decref(value);
}

/* What nobody knows is in nobody's way, whatever it is and holds. */
static void test_unknown_keys(void **state)
{
	json_t *value = NULL;

	expect_map(BYTES(0xbf, 0x61, 'a', 0x01, 0xff), "{\"a\":1}");
	expect_map(BYTES(0xa2, 0x61, 'a', 0x01, 0x18, 0x2a, 0x02), "{\"#42\":2,\"a\":1}");
	expect_map(BYTES(0xa1, 0x20, 0x02), "{\"#-1\":2}");
	expect_map(BYTES(0xa1, 0x61, 'x', 0xc1, 0x1a, 0x00, 0x01, 0x00, 0x00), "{\"x\":65536}");
	expect_map(BYTES(0xa1, 0x61, 'x', 0xd8, 0x20, 0x61, 'u'), "{\"x\":\"u\"}");
	expect_map(BYTES(0xa2, 0x61, 'x', 0xf7, 0x61, 'y', 0xf9, 0x7e, 0x00),
		"{\"x\":null,\"y\":null}");
	expect_map(
		BYTES(0xa1, 0x61, 'x', 0x81, 0x81, 0x81, 0x81, 0x81, 0x80), "{\"x\":[[[[[[]]]]]]}");
	expect_map(BYTES(0xa1, 0x61, 'x', 0x1b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
		"{\"x\":1.8446744073709552e19}");
	assert_int_equal(cbor_map_to_json(BYTES(0x80), &value), -EBADMSG);
	assert_int_equal(cbor_map_to_json(BYTES(0xa1, 0x41, 'a', 0x02), &value), -EBADMSG);
	assert_int_equal(cbor_map_to_json(BYTES(0xa1, 0x61, 'a'), &value), -EBADMSG);
	assert_int_equal(
		cbor_map_to_json(BYTES(0xa2, 0x61, 'a', 0x01, 0x61, 'a', 0x02), &value), -EBADMSG);
	assert_null(value);
}

static void test_map_bombs(void **state)
{
	json_t *value = NULL;
	uint8_t deep[64] = {0xa1, 0x61, 'x'};

	memset(deep + 3, 0x81, 15);
	deep[18] = 0x01;
	assert_int_equal(cbor_map_to_json(span_of(deep, 19), &value), 0);
	json_decref(value);
	value = NULL;
	deep[18] = 0x81;
	deep[19] = 0x01;
	assert_int_equal(cbor_map_to_json(span_of(deep, 20), &value), -EBADMSG);
	assert_int_equal(
		cbor_map_to_json(
			BYTES(0xbb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), &value),
		-EBADMSG);
	assert_null(value);
}

static void test_bombs(void **state)
{
	uint8_t many[300];

	/* The six bytes that make cbor_load() reserve 4 GB. */
	refuse(BYTES(0x9a, 0x20, 0x00, 0x00, 0x01, 0x01));
	refuse(BYTES(0xbb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff));
	refuse(BYTES(0x81, 0x81, 0x81, 0x81, 0x80));
	memset(many, 0x01, sizeof(many));
	many[0] = 0x99;
	many[1] = 0x01;
	many[2] = 0x29;
	refuse(span_of(many, sizeof(many)));
}

static const char *name_of_one(int64_t key)
{
	return key == 1 ? "one" : NULL;
}

static bool bytes_in_b(const char *key, bool is_bytes)
{
	return is_bytes == !strcmp(key, "b");
}

static const struct cbor_rules small = {
	.depth = 2, .items = 5, .key_name = name_of_one, .may_stand = bytes_in_b};
static const struct cbor_rules liberal = {.depth = 4, .items = 300, .liberal = true};

/* 'json' is what it becomes, or NULL. */
static void expect_by(const struct cbor_rules *rules, struct span cbor, enum cbor_fault expected,
	const char *json)
{
	json_t *untouched = (json_t *)&untouched, *value = untouched;
	enum cbor_fault fault = CBOR_FAULT_BROKEN;
	char *text;

	assert_int_equal(cbor_to_json_by(cbor, rules, &value, &fault), 0);
	assert_int_equal(fault, expected);
	if (!json) {
		assert_ptr_equal(value, untouched);
		return;
	}
	text = json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
	assert_string_equal(text, json);
	free(text);
	json_decref(value);
}

static void test_rules(void **state)
{
	expect_by(&small, BYTES(0xa1, 0x01, 0x02), CBOR_FAULT_NONE, "{\"one\":2}");
	expect_by(&small, BYTES(0xa1, 0x02, 0x02), CBOR_FAULT_KEY, NULL);
	expect_by(&small, BYTES(0xa1, 0x80, 0x02), CBOR_FAULT_KEY, NULL);
	expect_by(&small, BYTES(0xa2, 0x01, 0x02, 0x63, 'o', 'n', 'e', 0x02), CBOR_FAULT_KEY_TWICE,
		NULL);
	expect_by(&small, BYTES(0xa1, 0x61, 'b', 0x41, 0x00), CBOR_FAULT_NONE, "{\"b\":\"AA\"}");
	expect_by(&small, BYTES(0xa1, 0x61, 'b', 0x61, 'x'), CBOR_FAULT_VALUE, NULL);
	expect_by(&small, BYTES(0xa1, 0x61, 'b', 0x80), CBOR_FAULT_VALUE, NULL);
	expect_by(&small, BYTES(0xa1, 0x61, 'a', 0x41, 0x00), CBOR_FAULT_VALUE, NULL);
	expect_by(&small, BYTES(0x81, 0x80), CBOR_FAULT_NONE, "[[]]");
	expect_by(&small, BYTES(0x81, 0x81, 0x80), CBOR_FAULT_DEEP, NULL);
	expect_by(&small, BYTES(0x84, 1, 2, 3, 4), CBOR_FAULT_NONE, "[1,2,3,4]");
	expect_by(&small, BYTES(0x85, 1, 2, 3, 4, 5), CBOR_FAULT_MANY, NULL);
	expect_by(&small, BYTES(0x86, 1, 2, 3, 4, 5, 6), CBOR_FAULT_MANY, NULL);
	expect_by(&small, BYTES(0xa3, 1, 2, 3, 4, 5, 6), CBOR_FAULT_MANY, NULL);
	expect_by(&small, BYTES(0x9f, 0xff), CBOR_FAULT_REFUSED, NULL);
	expect_by(&small, BYTES(0xbf, 0xff), CBOR_FAULT_REFUSED, NULL);
	expect_by(&small, BYTES(0xc4, 0x82, 0x00, 0x01), CBOR_FAULT_REFUSED, NULL);
	expect_by(&small, BYTES(0xf7), CBOR_FAULT_REFUSED, NULL);
	expect_by(&small, BYTES(0x1b, 0x80, 0, 0, 0, 0, 0, 0, 0), CBOR_FAULT_NUMBER, NULL);
	expect_by(&small, BYTES(0x3b, 0x80, 0, 0, 0, 0, 0, 0, 0), CBOR_FAULT_NUMBER, NULL);
	expect_by(&small, BYTES(0xf9, 0x7c, 0x00), CBOR_FAULT_NUMBER, NULL);
	expect_by(&small, BYTES(0x61, 0x80), CBOR_FAULT_TEXT, NULL);
	expect_by(&small, BYTES(0x61, 0x00), CBOR_FAULT_TEXT, NULL);
	expect_by(&small, BYTES(0x00, 0x00), CBOR_FAULT_BROKEN, NULL);
	expect_by(&small, BYTES(0x1e), CBOR_FAULT_BROKEN, NULL);
	/* a map whose pairs, doubled, are more than a size can say */
	expect_by(&small, BYTES(0xbb, 0x80, 0, 0, 0, 0, 0, 0, 1), CBOR_FAULT_BROKEN, NULL);
}

static void test_liberal(void **state)
{
	static uint8_t endless[400];

	expect_by(&liberal, BYTES(0x9f, 0xff), CBOR_FAULT_NONE, "[]");
	expect_by(&liberal, BYTES(0xbf, 0xff), CBOR_FAULT_NONE, "{}");
	expect_by(&liberal, BYTES(0x9f, 0xbf, 0x61, 'a', 0x81, 0x01, 0xff, 0x80, 0xff),
		CBOR_FAULT_NONE, "[{\"a\":[1]},[]]");
	/* the break of the last one fills its definite parents too */
	expect_by(&liberal, BYTES(0x81, 0x81, 0x9f, 0xff), CBOR_FAULT_NONE, "[[[]]]");
	expect_by(&liberal, BYTES(0x81, 0xff), CBOR_FAULT_BROKEN, NULL);
	expect_by(&liberal, BYTES(0xbf, 0x61, 'a', 0xff), CBOR_FAULT_BROKEN, NULL);
	expect_by(&liberal, BYTES(0x9f, 0xff, 0xff), CBOR_FAULT_BROKEN, NULL);
	expect_by(&liberal, BYTES(0x7f, 0xff), CBOR_FAULT_REFUSED, NULL);
	expect_by(&liberal, BYTES(0x1b, 0x80, 0, 0, 0, 0, 0, 0, 0), CBOR_FAULT_NONE,
		"9.2233720368547758e18");
	expect_by(&liberal, BYTES(0x3b, 0x80, 0, 0, 0, 0, 0, 0, 0), CBOR_FAULT_NONE,
		"-9.2233720368547758e18");
	/* decimal fractions: RFC 8949 section 3.4.4 has 273.15 */
	expect_by(&liberal, BYTES(0xc4, 0x82, 0x21, 0x19, 0x6a, 0xb3), CBOR_FAULT_NONE,
		"273.14999999999998");
	expect_by(&liberal, BYTES(0xc4, 0x82, 0x02, 0x20), CBOR_FAULT_NONE, "-100.0");
	expect_by(&liberal, BYTES(0xc4, 0x82, 0x3b, 0x7f, 255, 255, 255, 255, 255, 255, 255, 0x05),
		CBOR_FAULT_NONE, "0.0");
	expect_by(&liberal, BYTES(0xc4, 0x82, 0x1b, 0x7f, 255, 255, 255, 255, 255, 255, 255, 0x05),
		CBOR_FAULT_NUMBER, NULL);
	expect_by(&liberal, BYTES(0xc4), CBOR_FAULT_BROKEN, NULL);
	expect_by(&liberal, BYTES(0xc4, 0x01), CBOR_FAULT_BROKEN, NULL);
	expect_by(&liberal, BYTES(0xc4, 0x83, 0x01, 0x01, 0x01), CBOR_FAULT_BROKEN, NULL);
	expect_by(&liberal, BYTES(0xc4, 0x82, 0x01, 0xf5), CBOR_FAULT_BROKEN, NULL);
	expect_by(&liberal, BYTES(0xc4, 0xc4, 0x82, 0x01, 0x01), CBOR_FAULT_REFUSED, NULL);
	expect_by(&liberal, BYTES(0xc1, 0x01), CBOR_FAULT_REFUSED, NULL);
	/* what never says its length is bounded all the same */
	memset(endless, 0x01, sizeof(endless));
	endless[0] = 0x9f;
	expect_by(&liberal, span_of(endless, sizeof(endless)), CBOR_FAULT_MANY, NULL);
}

/* What jansson lacks is in test-senml-cbor.c; this is what we take ourselves. */
static void test_out_of_memory(void **state)
{
	json_t *untouched = (json_t *)&untouched, *value = untouched;

	memory_is_out = true;
	assert_int_equal(cbor_to_json(BYTES(0xa1, 0x61, 'a', 0x01), &value), -ENOMEM);
	assert_int_equal(cbor_to_json(BYTES(0x81, 0x41, 0x00), &value), -ENOMEM);
	memory_is_out = false;
	assert_ptr_equal(value, untouched);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scalars),
		cmocka_unit_test(test_contract_vector),
		cmocka_unit_test(test_containers),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_unknown_keys),
		cmocka_unit_test(test_map_bombs),
		cmocka_unit_test(test_bombs),
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_liberal),
		cmocka_unit_test(test_out_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
