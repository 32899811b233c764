/* SPDX-License-Identifier: Apache-2.0 */
/* The gate: each kind of datagram and its verdict; no reply is ever longer than what it answers. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "lan/gate.h"

#define ID 0xbeef

struct row {
	const char *name;
	const char *bytes;
	size_t size;
	enum gate_verdict verdict;
	int code; /* of the reply */
	bool malformed;
};

#define ROW(name, bytes, ...)                               \
	{                                                   \
		name, bytes, sizeof(bytes) - 1, __VA_ARGS__ \
	}
#define CODE(c, d) ((c) << 5 | (d))

static const struct row rows[] = {
	ROW("nothing", "", GATE_DROP, 0, true),
	ROW("three bytes", "\x40\x01\x00", GATE_DROP, 0, true),
	ROW("version 0", "\x00\x01\x00\x01", GATE_DROP, 0, true),
	ROW("version 2", "\x80\x01\x00\x01", GATE_DROP, 0, true),
	ROW("bare GET", "\x40\x01\x00\x01", GATE_PASS, 0, false),
	ROW("bare NON POST", "\x50\x02\x00\x01", GATE_PASS, 0, false),
	ROW("FETCH", "\x40\x05\x00\x01", GATE_REPLY, CODE(4, 5), false),
	ROW("method 31", "\x41\x1f\x00\x01t", GATE_REPLY, CODE(4, 5), false),
	ROW("request in an ACK", "\x60\x01\x00\x01", GATE_DROP, 0, true),
	ROW("request in an RST", "\x70\x01\x00\x01", GATE_DROP, 0, true),
	ROW("ping", "\x40\x00\x00\x01", GATE_REPLY, 0, false),
	ROW("ping with token", "\x41\x00\x00\x01t", GATE_REPLY, 0, true),
	ROW("empty NON", "\x50\x00\x00\x01", GATE_DROP, 0, true),
	ROW("empty ACK", "\x60\x00\x00\x01", GATE_PASS, 0, false),
	ROW("RST", "\x70\x00\x00\x01", GATE_PASS, 0, false),
	ROW("RST with bytes", "\x70\x00\x00\x01x", GATE_DROP, 0, true),
	ROW("CON token 9",
		"\x49\x01\x00\x01"
		"123456789",
		GATE_REPLY, 0, true),
	ROW("CON token 15",
		"\x4f\x01\x00\x01"
		"123456789012345",
		GATE_REPLY, 0, true),
	ROW("NON token 9",
		"\x59\x01\x00\x01"
		"123456789",
		GATE_DROP, 0, true),
	ROW("NON token 15",
		"\x5f\x01\x00\x01"
		"123456789012345",
		GATE_DROP, 0, true),
	ROW("token beyond the end",
		"\x44\x01\x00\x01"
		"ab",
		GATE_REPLY, 0, true),
	ROW("class 1", "\x40\x21\x00\x01", GATE_REPLY, 0, true),
	ROW("class 3", "\x40\x61\x00\x01", GATE_REPLY, 0, true),
	ROW("signalling ping", "\x40\xe2\x00\x01", GATE_REPLY, 0, true),
	ROW("signalling NON", "\x50\xe2\x00\x01", GATE_DROP, 0, true),
	ROW("response ACK", "\x61\x45\x00\x01t", GATE_PASS, 0, false),
	ROW("response NON", "\x51\x84\x00\x01t", GATE_PASS, 0, false),
	ROW("response RST", "\x71\x84\x00\x01t", GATE_DROP, 0, true),
	ROW("option beyond the end",
		"\x40\x01\x00\x01\xb5"
		"abc",
		GATE_REPLY, 0, true),
	ROW("option nibble 15",
		"\x40\x01\x00\x01\xf1"
		"a",
		GATE_REPLY, 0, true),
	ROW("length nibble 15",
		"\x40\x01\x00\x01\xbf"
		"a",
		GATE_REPLY, 0, true),
	ROW("extension missing", "\x40\x01\x00\x01\xbd", GATE_REPLY, 0, true),
	ROW("number over 65535", "\x40\x01\x00\x01\xe0\xff\xff", GATE_REPLY, 0, true),
	ROW("marker without payload", "\x40\x01\x00\x01\xff", GATE_REPLY, 0, true),
	ROW("payload", "\x40\x02\x00\x01\xffx", GATE_PASS, 0, false),
	ROW("Uri-Query empty", "\x40\x01\x00\x01\xd0\x02", GATE_REPLY, 0, true),
	ROW("Accept of 3 bytes",
		"\x40\x01\x00\x01\xd3\x04"
		"abc",
		GATE_REPLY, 0, true),
	ROW("If-Match", "\x40\x01\x00\x01\x10", GATE_REPLY, CODE(4, 2), true),
	ROW("If-None-Match", "\x40\x03\x00\x01\x50", GATE_REPLY, CODE(4, 2), true),
	ROW("OSCORE", "\x40\x02\x00\x01\x90", GATE_REPLY, CODE(4, 2), true),
	ROW("unknown critical",
		"\x42\x01\x00\x01tk\xd1\x3c"
		"a",
		GATE_REPLY, CODE(4, 2), true),
	ROW("unknown critical NON",
		"\x50\x01\x00\x01\xd1\x3c"
		"a",
		GATE_DROP, 0, true),
	ROW("unknown elective",
		"\x40\x01\x00\x01\xd1\x3b"
		"a",
		GATE_PASS, 0, false),
	ROW("Accept twice", "\x40\x01\x00\x01\xd0\x04\x00", GATE_REPLY, CODE(4, 2), true),
	ROW("Uri-Path twice",
		"\x40\x01\x00\x01\xb1"
		"a\x01"
		"b",
		GATE_PASS, 0, false),
	ROW("Proxy-Uri",
		"\x40\x01\x00\x01\xd1\x16"
		"x",
		GATE_REPLY, CODE(5, 5), false),
	ROW("Proxy-Scheme",
		"\x40\x01\x00\x01\xd4\x1a"
		"coap",
		GATE_REPLY, CODE(5, 5), false),
	ROW("Proxy-Uri NON",
		"\x51\x01\x00\x01t\xd1\x16"
		"x",
		GATE_REPLY, CODE(5, 5), false),
	ROW("Hop-Limit 1", "\x40\x01\x00\x01\xd1\x03\x01", GATE_REPLY, CODE(5, 8), false),
	ROW("Hop-Limit 0", "\x40\x01\x00\x01\xd1\x03\x00", GATE_REPLY, CODE(4, 0), true),
	ROW("Hop-Limit 16", "\x40\x01\x00\x01\xd1\x03\x10", GATE_PASS, 0, false),
};

static void check(const void *bytes, size_t size, bool group, struct gate_result *ret_result)
{
	/* An exact copy on the heap, so that the sanitizer sees a read behind the end. */
	uint8_t *copy = malloc(size ? size : 1);

	if (size > 0)
		memcpy(copy, bytes, size);
	gate_check(span_of(copy, size), size, group, ID, ret_result);
	free(copy);
	if (ret_result->verdict == GATE_REPLY)
		assert_true(ret_result->reply_size <= size);
}

static void each_kind(void **state)
{
	struct gate_result result;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		check(row->bytes, row->size, false, &result);
		if (result.verdict != row->verdict || result.malformed != row->malformed)
			fail_msg("%s: verdict %d malformed %d", row->name, result.verdict,
				result.malformed);
		if (row->verdict == GATE_REPLY && result.reply[1] != row->code)
			fail_msg("%s: reply %u.%02u", row->name, result.reply[1] >> 5,
				result.reply[1] & 31u);
	}
}

static void replies_are_complete(void **state)
{
	struct gate_result result;

	(void)state;
	check("\x40\x00\x12\x34", 4, false, &result);
	assert_memory_equal(result.reply, "\x70\x00\x12\x34", 4);
	assert_int_equal(result.reply_size, 4);
	check("\x42\x05\x12\x34tk", 6, false, &result);
	assert_memory_equal(result.reply, "\x62\x85\x12\x34tk", 6);
	assert_int_equal(result.reply_size, 6);
	/* a NON request is answered by a NON of our own id */
	check("\x52\x05\x12\x34tk", 6, false, &result);
	assert_memory_equal(result.reply, "\x52\x85\xbe\xeftk", 6);
}

static void acknowledgements_are_told(void **state)
{
	struct gate_result result;

	(void)state;
	check("\x60\x00\x12\x34", 4, false, &result);
	assert_true(result.acknowledged);
	assert_int_equal(result.message_id, 0x1234);
	check("\x70\x00\x43\x21", 4, false, &result);
	assert_true(result.acknowledged);
	assert_int_equal(result.message_id, 0x4321);
	check("\x40\x01\x12\x34", 4, false, &result);
	assert_false(result.acknowledged);
}

static void groups_may_ask_one_thing(void **state)
{
	static const char core[] = "\x50\x01\x00\x01\xbb.well-known\x04"
				   "core";
	struct gate_result result;
	char other[sizeof(core)];

	(void)state;
	check(core, sizeof(core) - 1, true, &result);
	assert_int_equal(result.verdict, GATE_PASS);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		check(rows[i].bytes, rows[i].size, true, &result);
		assert_int_equal(result.verdict, GATE_DROP);
	}
	memcpy(other, core, sizeof(core));
	other[0] = 0x40; /* confirmable */
	check(other, sizeof(core) - 1, true, &result);
	assert_int_equal(result.verdict, GATE_DROP);
	memcpy(other, core, sizeof(core));
	other[sizeof(core) - 2] = 'x';
	check(other, sizeof(core) - 1, true, &result);
	assert_int_equal(result.verdict, GATE_DROP);
}

static void too_large_is_told(void **state)
{
	uint8_t bytes[GATE_DATAGRAM_MAX + 1] = {0x40, 2, 0, 9, 0xff};
	struct gate_result result;

	(void)state;
	gate_check(span_of(bytes, sizeof(bytes)), 5000, false, ID, &result);
	assert_int_equal(result.verdict, GATE_REPLY);
	assert_int_equal(result.reply[1], CODE(4, 13));
	assert_true(result.too_large);
	assert_false(result.malformed);
	gate_check(span_of(bytes, GATE_DATAGRAM_MAX), GATE_DATAGRAM_MAX, false, ID, &result);
	assert_int_equal(result.verdict, GATE_PASS);
}

/* Good messages, then one byte changed or the end cut off: no crash, no reply that is longer. */
static void random_damage(void **state)
{
	unsigned seed = 1;
	struct gate_result result;
	uint8_t bytes[64];

	(void)state;
	for (int i = 0; i < 200000; i++) {
		const struct row *row =
			&rows[(unsigned)rand_r(&seed) % (sizeof(rows) / sizeof(rows[0]))];
		size_t size = row->size;
		if (size == 0)
			continue;
		memcpy(bytes, row->bytes, size);
		bytes[(unsigned)rand_r(&seed) % size] = (uint8_t)rand_r(&seed);
		if (rand_r(&seed) % 4 == 0)
			size = (unsigned)rand_r(&seed) % size;
		check(bytes, size, rand_r(&seed) % 8 == 0, &result);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind),
		cmocka_unit_test(replies_are_complete),
		cmocka_unit_test(acknowledgements_are_told),
		cmocka_unit_test(groups_may_ask_one_thing),
		cmocka_unit_test(too_large_is_told),
		cmocka_unit_test(random_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
