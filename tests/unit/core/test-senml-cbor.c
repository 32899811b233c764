/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SenML in CBOR and the plain CBOR map: what is taken, what it becomes upstream, what is refused
 * and with which verdict. The rules of SenML itself are held in test-senml.c; here stands what is
 * different in CBOR. Arrival is 1700000000.250 s.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "core/senml.h"
#include "tests/unit/core/notation.h"

#define NOW INT64_C(1700000000250)

#define UPSTREAM(records) "[{\"bn\":\"d-1/\"," records "]"

typedef int (*decode_fn)(struct span body, struct senml_writer *writer,
	enum reading_verdict *ret_verdict, const char **ret_why);

/* The text when accepted, else the sentence; in memory of the next call. */
static const char *decode(decode_fn fn, struct span body, enum reading_verdict *ret_verdict)
{
	static struct senml_writer writer;
	static char text[SENML_OUTPUT_MAX + 1];
	const char *why = NULL;

	senml_begin(&writer, "d-1", NOW);
	assert_int_equal(fn(body, &writer, ret_verdict, &why), 0);
	if (*ret_verdict != READING_ACCEPTED) {
		assert_non_null(why);
		return why;
	}
	memcpy(text, writer.text, writer.size);
	text[writer.size] = '\0';
	return text;
}

struct row {
	const char *body;     /* notation.h */
	const char *expected; /* text when accepted, else a part of the sentence */
	enum reading_verdict verdict;
};

static void rows_check(decode_fn fn, const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint8_t bytes[512];
		enum reading_verdict verdict;
		const char *got = decode(fn, notation_read(rows[i].body, bytes), &verdict);

		if (verdict != rows[i].verdict)
			fail_msg("%s: verdict %d, %s", rows[i].body, (int)verdict, got);
		if (verdict == READING_ACCEPTED)
			assert_string_equal(got, rows[i].expected);
		else if (!strstr(got, rows[i].expected))
			fail_msg("%s: %s", rows[i].body, got);
	}
}

static void test_accepted(void **state)
{
	static const struct row rows[] = {
		{"81 a2 00 61't' 02 f9 4d60", UPSTREAM("\"n\":\"t\",\"v\":21.5}")},
		{"81 a2 02 01 00 61't'", UPSTREAM("\"n\":\"t\",\"v\":1}")},
		{"81 a2 00 61't' 03 62 c3a9", UPSTREAM("\"n\":\"t\",\"vs\":\"\xc3\xa9\"}")},
		{"82 a2 00 61't' 04 f5 a2 00 61'u' 04 f4",
			UPSTREAM("\"n\":\"t\",\"vb\":true},{\"n\":\"u\",\"vb\":false}")},
		{"81 a2 00 61't' 08 44 6869 3ffe", UPSTREAM("\"n\":\"t\",\"vd\":\"aGk__g\"}")},
		{"81 a2 00 61't' 08 40", UPSTREAM("\"n\":\"t\",\"vd\":\"\"}")},
		{"81 a2 00 61't' 05 07", UPSTREAM("\"n\":\"t\",\"s\":7}")},
		{"81 a4 00 61't' 02 01 07 181e 20 0a", UPSTREAM("\"n\":\"t\",\"v\":1,\"ut\":30}")},
		{"81 a3 00 61't' 01 63'Cel' 02 20",
			UPSTREAM("\"n\":\"t\",\"u\":\"Cel\",\"v\":-1}")},
		/* known keys as text are the same fields */
		{"81 a2 61'n' 61't' 61'v' 01", UPSTREAM("\"n\":\"t\",\"v\":1}")},
		/* unknown fields are skipped, whatever they hold */
		{"81 a4 00 61't' 02 01 64'mine' 81 a1 61'x' f6 62'by' 41 00",
			UPSTREAM("\"n\":\"t\",\"v\":1}")},
		/* whole numbers keep their digits */
		{"81 a2 00 61't' 02 1b 0020000000000001",
			UPSTREAM("\"n\":\"t\",\"v\":9007199254740993}")},
		{"81 a2 00 61't' 02 1b ffffffffffffffff",
			UPSTREAM("\"n\":\"t\",\"v\":1.8446744073709552e+19}")},
		{"81 a2 00 61't' 02 3b ffffffffffffffff",
			UPSTREAM("\"n\":\"t\",\"v\":-1.8446744073709552e+19}")},
		/* decimal fractions are numbers (RFC 8428 section 6) */
		{"81 a2 00 61't' 02 c4 82 21 19 0a9b", UPSTREAM("\"n\":\"t\",\"v\":27.15}")},
		/* indefinite lengths */
		{"9f bf 00 61't' 02 01 ff ff", UPSTREAM("\"n\":\"t\",\"v\":1}")},
		{"9f a2 00 61't' 02 01 bf 00 61'u' 02 c4 82 20 05 ff ff",
			UPSTREAM("\"n\":\"t\",\"v\":1},{\"n\":\"u\",\"v\":0.5}")},
	};

	rows_check(senml_from_cbor, rows, ELEMENTS(rows));
}

/* Every base field and both kinds of time; RFC 8428 section 6 has the integers. */
static void test_labels(void **state)
{
	static const struct row rows[] = {
		{"82 a6 21 62'd:' 22 1a 4c0f1fbb 23 61'W' 24 0a 00 61'p' 02 01"
		 "   a2 02 02 06 20",
			UPSTREAM("\"n\":\"d:p\",\"u\":\"W\",\"v\":11,\"t\":1276059579},"
				 "{\"n\":\"d:\",\"u\":\"W\",\"v\":12,\"t\":1276059578}")},
		{"81 a3 00 61'x' 25 1864 05 01", UPSTREAM("\"n\":\"x\",\"s\":101}")},
		{"81 a3 00 61'x' 02 01 06 20",
			UPSTREAM("\"n\":\"x\",\"v\":1,\"t\":1699999999.25}")},
		{"81 a3 00 61'x' 02 01 06 00",
			UPSTREAM("\"n\":\"x\",\"v\":1,\"t\":1700000000.25}")},
		{"81 a3 00 61'x' 02 01 06 1a 10000000",
			UPSTREAM("\"n\":\"x\",\"v\":1,\"t\":268435456}")},
	};

	rows_check(senml_from_cbor, rows, ELEMENTS(rows));
	for (int64_t i = -6; i <= 8; i++) {
		enum senml_label label;

		assert_true(senml_label_from_string(senml_label_key(i), &label));
		assert_int_equal(senml_label_row(label)->integer, i);
	}
	assert_null(senml_label_key(9));
	assert_null(senml_label_key(-7));
	assert_null(senml_label_key(INT64_MIN));
}

static void test_not_senml(void **state)
{
	static const struct row rows[] = {
		{"a0", "is an array", READING_NOT_SENML},
		{"01", "is an array", READING_NOT_SENML},
		{"80", "no record", READING_NOT_SENML},
		{"81 01", "not an object", READING_NOT_SENML},
		{"81 a1 02 01", "no name", READING_NOT_SENML},
		{"81 a1 00 61't'", "neither a value", READING_NOT_SENML},
		{"81 a3 00 61't' 02 01 04 f5", "more than one value", READING_NOT_SENML},
		{"81 a2 00 63'a b' 02 01", "may hold only", READING_NOT_SENML},
		{"81 a2 00 61't' 02 61'1'", "\"v\" must", READING_NOT_SENML},
		{"81 a2 00 61't' 02 f6", "\"v\" must", READING_NOT_SENML},
		{"81 a2 00 01 02 01", "\"n\" must", READING_NOT_SENML},
		{"81 a3 00 61't' 02 01 20 05", "bver", READING_NOT_SENML},
		{"81 a3 00 61't' 02 01 65'must_' 01", "ends in", READING_NOT_SENML},
		/* not finite */
		{"81 a2 00 61't' 02 f9 7e00", "not finite", READING_NOT_SENML},
		{"81 a2 00 61't' 02 fa 7f800000", "not finite", READING_NOT_SENML},
		{"81 a2 00 61't' 02 fb fff0000000000000", "not finite", READING_NOT_SENML},
		{"81 a2 00 61't' 02 c4 82 1903e7 01", "not finite", READING_NOT_SENML},
		{"81 a3 00 61't' 24 fb 7fe1ccf385ebc8a0 02 fb 7fe1ccf385ebc8a0", "not finite",
			READING_NOT_SENML},
		/* byte strings stand in vd and nowhere else */
		{"81 a2 00 61't' 03 41'a'", "byte string", READING_NOT_SENML},
		{"81 a2 00 41't' 02 01", "byte string", READING_NOT_SENML},
		{"81 a2 00 61't' 08 64'aGk_'", "byte string", READING_NOT_SENML},
		{"81 a2 00 61't' 08 80", "byte string", READING_NOT_SENML},
		{"81 a2 00 61't' 62'vd' 64'aGk_'", "byte string", READING_NOT_SENML},
		/* labels */
		{"81 a3 00 61't' 02 01 09 01", "A label", READING_NOT_SENML},
		{"81 a3 00 61't' 02 01 26 01", "A label", READING_NOT_SENML},
		{"81 a2 00 61't' f5 01", "A label", READING_NOT_SENML},
		{"81 a2 00 61't' 41'v' 01", "A label", READING_NOT_SENML},
		{"81 a2 00 61't' 1b ffffffffffffffff 01", "A label", READING_NOT_SENML},
		{"81 a2 00 61't' a0 01", "A label", READING_NOT_SENML},
		/* well-formed, but nothing that we take */
		{"81 a2 00 61't' 02 c1 01", "tag", READING_NOT_SENML},
		{"81 a2 00 61't' 02 c5 82 21 01", "tag", READING_NOT_SENML},
		{"81 a2 00 61't' 02 f7", "undefined", READING_NOT_SENML},
		{"81 a2 00 61't' 03 7f 61'a' ff", "indefinite", READING_NOT_SENML},
		{"81 a2 00 61't' 08 5f 41'a' ff", "indefinite", READING_NOT_SENML},
		{"81 a2 00 61't' 02 c4 c4 82 01 01", "tag", READING_NOT_SENML},
	};

	rows_check(senml_from_cbor, rows, ELEMENTS(rows));
}

static void test_malformed(void **state)
{
	static const struct row rows[] = {
		{"", "not valid CBOR", READING_MALFORMED},
		{"81", "not valid CBOR", READING_MALFORMED},
		{"1c", "not valid CBOR", READING_MALFORMED},
		{"ff", "not valid CBOR", READING_MALFORMED},
		{"9f", "not valid CBOR", READING_MALFORMED},
		{"81 a2 00 61't' 02", "not valid CBOR", READING_MALFORMED},
		{"81 a2 00 61't' 02 01 00", "not valid CBOR", READING_MALFORMED},
		{"81 a2 00 61't' 02 ff", "not valid CBOR", READING_MALFORMED},
		{"81 bf 00 61't' 02 ff", "not valid CBOR", READING_MALFORMED},
		{"81 a2 00 62't'", "not valid CBOR", READING_MALFORMED},
		{"9a 20000001 01", "not valid CBOR", READING_MALFORMED},
		/* the same key twice, in each spelling */
		{"81 a3 00 61't' 02 01 02 02", "same key twice", READING_MALFORMED},
		{"81 a3 00 61't' 02 01 61'v' 02", "same key twice", READING_MALFORMED},
		{"81 a3 00 61't' 61'v' 01 02 02", "same key twice", READING_MALFORMED},
		{"81 a4 00 61't' 02 01 61'a' 01 61'a' 01", "same key twice", READING_MALFORMED},
		{"81 a2 00 61 ff 02 01", "UTF-8", READING_MALFORMED},
		{"81 a2 00 63'a' 00 'b' 02 01", "NUL", READING_MALFORMED},
		{"81 a3 00 61't' 02 01 61'a' 81 80", "", READING_ACCEPTED},
		{"81 a3 00 61't' 02 01 61'a' 81 81 80", "deeper than 4", READING_MALFORMED},
		{"9f 9f 9f 9f 9f ff ff ff ff ff", "deeper than 4", READING_MALFORMED},
		/* a decimal fraction is an array of two integers */
		{"81 a2 00 61't' 02 c4", "not valid CBOR", READING_MALFORMED},
		{"81 a2 00 61't' 02 c4 01", "not valid CBOR", READING_MALFORMED},
		{"81 a2 00 61't' 02 c4 81 01", "not valid CBOR", READING_MALFORMED},
		{"81 a2 00 61't' 02 c4 82 01 f5", "not valid CBOR", READING_MALFORMED},
		{"81 a2 00 61't' 02 c4 82 61'1' 01", "not valid CBOR", READING_MALFORMED},
		{"81 a2 00 61't' 02 c4 82 01 80", "not valid CBOR", READING_MALFORMED},
		{"9f a2 00 61't' 02 c4 82 01 ff", "not valid CBOR", READING_MALFORMED},
		{"81 a2 00 61't' 02 c4 82 01 1b ffffffffffffffff", "not valid CBOR",
			READING_MALFORMED},
	};

	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		if (rows[i].verdict == READING_ACCEPTED) {
			uint8_t bytes[64];
			enum reading_verdict verdict;

			decode(senml_from_cbor, notation_read(rows[i].body, bytes), &verdict);
			assert_int_equal(verdict, READING_ACCEPTED);
		} else {
			rows_check(senml_from_cbor, &rows[i], 1);
		}
	}
}

/* An array of count records with fields more than a name and a value, all short. */
static struct span pack_of(size_t count, unsigned fields, uint8_t *ret_bytes)
{
	size_t size = 0;

	ret_bytes[size++] = 0x98;
	ret_bytes[size++] = (uint8_t)count;
	for (size_t i = 0; i < count; i++) {
		static const uint8_t record[] = {0x00, 0x61, 'x', 0x02, 0x01};

		ret_bytes[size++] = (uint8_t)(0xa2 + fields);
		memcpy(ret_bytes + size, record, sizeof(record));
		size += sizeof(record);
		for (unsigned j = 0; j < fields; j++) {
			ret_bytes[size++] = 0x61;
			ret_bytes[size++] = (uint8_t)('A' + j);
			ret_bytes[size++] = 0x00;
		}
	}
	return span_of(ret_bytes, size);
}

static void test_record_limit(void **state)
{
	static uint8_t bytes[READING_BODY_MAX];
	enum reading_verdict verdict;
	const char *why;

	decode(senml_from_cbor, pack_of(128, 0, bytes), &verdict);
	assert_int_equal(verdict, READING_ACCEPTED);
	decode(senml_from_cbor, pack_of(128, 8, bytes), &verdict);
	assert_int_equal(verdict, READING_ACCEPTED);
	why = decode(senml_from_cbor, pack_of(129, 0, bytes), &verdict);
	assert_int_equal(verdict, READING_TOO_MANY);
	assert_non_null(strstr(why, "128"));
	why = decode(senml_from_cbor, pack_of(128, 9, bytes), &verdict);
	assert_int_equal(verdict, READING_TOO_MANY);
	assert_non_null(strstr(why, "10 fields"));
	/* A head that claims too many, with bytes enough behind it. */
	memset(bytes, 0, sizeof(bytes));
	bytes[0] = 0x99;
	bytes[1] = 0x10;
	decode(senml_from_cbor, span_of(bytes, sizeof(bytes)), &verdict);
	assert_int_equal(verdict, READING_TOO_MANY);
	/* And one that never says how many. */
	memset(bytes, 0xa0, sizeof(bytes));
	bytes[0] = 0x9f;
	decode(senml_from_cbor, span_of(bytes, sizeof(bytes)), &verdict);
	assert_int_equal(verdict, READING_TOO_MANY);
}

static void test_text_limits(void **state)
{
	uint8_t bytes[512] = {0x81, 0xa2, 0x00, 0x61, 't', 0x08, 0x58, 192};
	enum reading_verdict verdict;

	decode(senml_from_cbor, span_of(bytes, 8 + 192), &verdict);
	assert_int_equal(verdict, READING_ACCEPTED); /* 256 characters in base64url */
	bytes[7] = 250;
	decode(senml_from_cbor, span_of(bytes, 8 + 250), &verdict);
	assert_int_equal(verdict, READING_ACCEPTED);
	notation_read("81 a2 00 61't' 03 79 0100", bytes);
	memset(bytes + 9, 'a', 257);
	decode(senml_from_cbor, span_of(bytes, 9 + 256), &verdict);
	assert_int_equal(verdict, READING_ACCEPTED);
	bytes[8] = 1;
	decode(senml_from_cbor, span_of(bytes, 9 + 257), &verdict);
	assert_int_equal(verdict, READING_ACCEPTED);
	bytes[0] = 0xa1;
	notation_read("a1 61't' 79 0101", bytes);
	memset(bytes + 6, 'a', 257);
	decode(senml_from_cbor_map, span_of(bytes, 6 + 257), &verdict);
	assert_int_equal(verdict, READING_ACCEPTED);
}

static void test_map(void **state)
{
	static const struct row rows[] = {
		{"a4 64'temp' f9 4d60 64'mode' 63'eco' 62'on' f5 63'off' f4",
			UPSTREAM("\"n\":\"temp\",\"v\":21.5},{\"n\":\"mode\",\"vs\":\"eco\"},"
				 "{\"n\":\"on\",\"vb\":true},{\"n\":\"off\",\"vb\":false}")},
		{"bf 61'v' c4 82 20 0f 62'vd' 61'a' ff",
			UPSTREAM("\"n\":\"v\",\"v\":1.5},{\"n\":\"vd\",\"vs\":\"a\"}")},
		{"a0", "no record", READING_NOT_SENML},
		{"81 01", "map", READING_NOT_SENML},
		{"05", "map", READING_NOT_SENML},
		{"a1 63'a b' 01", "may hold only", READING_NOT_SENML},
		{"a1 60 01", "no name", READING_NOT_SENML},
		{"a1 61'a' f6", "must be a number", READING_NOT_SENML},
		{"a1 61'a' 41 00", "must be a number", READING_NOT_SENML},
		{"a1 62'vd' 41 00", "must be a number", READING_NOT_SENML},
		{"a1 61'a' a1 61'b' 01", "must be a number", READING_NOT_SENML},
		{"a1 61'a' 80", "must be a number", READING_NOT_SENML},
		{"a1 02 01", "A name", READING_NOT_SENML},
		{"a1 41'a' 01", "A name", READING_NOT_SENML},
		{"a1 61'a' f9 7c00", "not finite", READING_NOT_SENML},
		{"a2 61'a' 01 61'a' 01", "twice", READING_MALFORMED},
		{"a1 61'a'", "not valid", READING_MALFORMED},
		{"a1 61'a' 01 00", "not valid", READING_MALFORMED},
		{"", "not valid", READING_MALFORMED},
	};
	static uint8_t bytes[3 + 129 * 5];
	enum reading_verdict verdict;
	size_t size = 2;

	rows_check(senml_from_cbor_map, rows, ELEMENTS(rows));
	bytes[0] = 0xb8;
	for (bytes[1] = 0; bytes[1] < 129; bytes[1]++) {
		size += (size_t)snprintf((char *)bytes + size, 5, "\x63%03u", bytes[1]);
		bytes[size++] = 0x01;
		if (bytes[1] < 127)
			continue;
		bytes[1]++;
		decode(senml_from_cbor_map, span_of(bytes, size), &verdict);
		assert_int_equal(verdict, bytes[1] == 128 ? READING_ACCEPTED : READING_TOO_MANY);
		bytes[1]--;
	}
}

static int allocations_left;

static void *jansson_malloc(size_t size)
{
	return allocations_left-- > 0 ? malloc(size) : NULL;
}

/* Whichever allocation of the document fails, the answer is that, and nothing is left behind. */
static void test_out_of_memory(void **state)
{
	static struct senml_writer writer;
	static const char *const bodies[] = {
		"81 a3 00 61't' 03 61'a' 61'x' 89 01 02 03 04 05 06 07 08 f9 3e00",
		"81 a2 00 61't' 08 41 00", "9f bf 00 61't' 02 01 ff ff"};
	uint8_t bytes[64];

	json_set_alloc_funcs(jansson_malloc, free);
	for (size_t i = 0; i < ELEMENTS(bodies); i++) {
		int r = -ENOMEM, tries = 0;

		for (; r == -ENOMEM && tries < 100; tries++) {
			enum reading_verdict verdict = READING_MALFORMED;
			const char *why;

			allocations_left = tries;
			senml_begin(&writer, "d-1", NOW);
			r = senml_from_cbor(
				notation_read(bodies[i], bytes), &writer, &verdict, &why);
			assert_int_equal(verdict, r == 0 ? READING_ACCEPTED : READING_MALFORMED);
		}
		assert_int_equal(r, 0);
		assert_true(tries > 5);
	}
	json_set_alloc_funcs(malloc, free);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_labels),
		cmocka_unit_test(test_not_senml),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_record_limit),
		cmocka_unit_test(test_text_limits),
		cmocka_unit_test(test_map),
		cmocka_unit_test(test_out_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
