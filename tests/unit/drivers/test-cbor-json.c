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

#include "drivers/device/cbor-json.h"

#define BYTES(...) span_of((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scalars),
		cmocka_unit_test(test_contract_vector),
		cmocka_unit_test(test_containers),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_bombs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
