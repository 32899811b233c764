/* SPDX-License-Identifier: Apache-2.0 */
/* The gate before DTLS: what is a ClientHello and what is not, byte by byte, and what answers it.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "lan/dtls-gate.h"

#define COOKIE_AT (13 + 12 + 2 + 32 + 1)

/* A ClientHello with one cipher suite; a cookie of 'cookie_size' bytes of 'c'. */
static size_t hello_make(uint8_t *bytes, size_t cookie_size)
{
	size_t body = 2 + 32 + 1 + 1 + cookie_size + 2 + 2 + 1 + 1;
	const uint8_t head[] = {22, 0xfe, 0xff, 0, 0, 1, 2, 3, 4, 5, 6, 0, (uint8_t)(12 + body), 1,
		0, 0, (uint8_t)body, 0, 7, 0, 0, 0, 0, 0, (uint8_t)body, 0xfe, 0xfd};
	const uint8_t tail[] = {0, 2, 0xc0, 0xa8, 1, 0};

	memcpy(bytes, head, sizeof(head));
	memset(bytes + sizeof(head), 'r', 32);
	bytes[COOKIE_AT - 1] = 0;
	bytes[COOKIE_AT] = (uint8_t)cookie_size;
	memset(bytes + COOKIE_AT + 1, 'c', cookie_size);
	memcpy(bytes + COOKIE_AT + 1 + cookie_size, tail, sizeof(tail));
	return 13 + 12 + body;
}

static void test_hello(void **state)
{
	uint8_t bytes[256];
	struct dtls_hello hello;
	size_t size = hello_make(bytes, 0);

	assert_int_equal(dtls_look(span_of(bytes, size), &hello), DTLS_HELLO);
	assert_int_equal(hello.cookie.size, 0);
	assert_memory_equal(hello.random, "rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr", 32);
	size = hello_make(bytes, 20);
	assert_int_equal(dtls_look(span_of(bytes, size), &hello), DTLS_HELLO);
	assert_int_equal(hello.cookie.size, 20);
	assert_memory_equal(hello.cookie.data, "cccccccccccccccccccc", 20);
	/* what comes in the same datagram behind it does not matter */
	assert_int_equal(dtls_look(span_of(bytes, sizeof(bytes)), &hello), DTLS_HELLO);
}

/* Each prefix is nonsense and is read within its bounds (the heap block says so). */
static void test_cut(void **state)
{
	uint8_t whole[256];
	size_t size = hello_make(whole, 12);
	struct dtls_hello hello;

	for (size_t cut = 0; cut < size; cut++) {
		uint8_t *bytes = malloc(cut + 1);
		memcpy(bytes, whole, cut);
		assert_int_equal(dtls_look(span_of(bytes, cut), &hello), DTLS_NONSENSE);
		free(bytes);
	}
}

/* Any byte may be any other: never read out of bounds, never a hello with spans that leave it. */
static void test_changed(void **state)
{
	uint8_t whole[256];
	size_t size = hello_make(whole, 12);

	for (size_t at = 0; at < size; at++)
		for (unsigned value = 0; value < 256; value++) {
			uint8_t *bytes = malloc(size);
			struct dtls_hello hello;
			memcpy(bytes, whole, size);
			bytes[at] = (uint8_t)value;
			if (dtls_look(span_of(bytes, size), &hello) == DTLS_HELLO) {
				assert_true(hello.cookie.data + hello.cookie.size <= bytes + size);
				assert_true(hello.random + 32 <= bytes + size);
			}
			free(bytes);
		}
}

static void test_others(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
		enum dtls_kind kind;
	} rows[] = {
		{0, 19, DTLS_NONSENSE},
		{0, 20, DTLS_RECORD},
		{0, 21, DTLS_RECORD},
		{0, 23, DTLS_RECORD},
		{0, 24, DTLS_NONSENSE}, /* heartbeat */
		{0, 25, DTLS_NONSENSE}, /* connection id: not offered */
		{1, 3, DTLS_NONSENSE},	/* TLS */
		{2, 0xfd, DTLS_HELLO},
		{2, 0xfc, DTLS_NONSENSE}, /* DTLS 1.3 records do not look like this either */
		{4, 1, DTLS_RECORD},	  /* of another epoch: protected */
		{13, 16, DTLS_RECORD},	  /* another handshake message */
		{21, 1, DTLS_NONSENSE},	  /* a fragment */
		{24, 1, DTLS_NONSENSE},
		{25, 3, DTLS_NONSENSE},
	};
	struct dtls_hello hello;
	uint8_t bytes[256];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t size = hello_make(bytes, 0);
		bytes[rows[i].at] = rows[i].value;
		assert_int_equal(dtls_look(span_of(bytes, size), &hello), rows[i].kind);
	}
}

static void test_shortest_record(void **state)
{
	/* one in clear of 1 byte, two protected ones of 20 and 3, and the head of another */
	uint8_t bytes[3 * 13 + 1 + 20 + 3 + 12] = {0};

	bytes[12] = 1;
	assert_true(dtls_shortest_record(span_of(bytes, 14)) == SIZE_MAX);
	bytes[14 + 4] = 1, bytes[14 + 12] = 20;
	assert_int_equal(dtls_shortest_record(span_of(bytes, 14 + 33)), 20);
	bytes[47 + 4] = 1, bytes[47 + 12] = 3;
	assert_int_equal(dtls_shortest_record(span_of(bytes, sizeof(bytes))), 3);
	/* also one that says more than there is */
	bytes[14 + 11] = 1;
	assert_int_equal(dtls_shortest_record(span_of(bytes, sizeof(bytes))), 276);
	assert_true(dtls_shortest_record(span_of(bytes, 0)) == SIZE_MAX);
}

static void test_verify(void **state)
{
	static const uint8_t expected[] = {22, 0xfe, 0xff, 0, 0, 1, 2, 3, 4, 5, 6, 0, 12 + 3 + 4, 3,
		0, 0, 3 + 4, 0, 0, 0, 0, 0, 0, 0, 3 + 4, 0xfe, 0xff, 4, 'a', 'b', 'c', 'd'};
	uint8_t bytes[256], answer[DTLS_VERIFY_SIZE(DTLS_COOKIE_MAX)];
	struct dtls_hello hello;
	size_t size = hello_make(bytes, 0);

	assert_int_equal(dtls_look(span_of(bytes, size), &hello), DTLS_HELLO);
	assert_int_equal(dtls_verify_write(&hello, SPAN_LITERAL("abcd"), answer), sizeof(expected));
	assert_memory_equal(answer, expected, sizeof(expected));
	/* the shortest hello is longer than what it gets */
	assert_true(size > DTLS_VERIFY_SIZE(12));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hello),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_changed),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_shortest_record),
		cmocka_unit_test(test_verify),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
