/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SenML that goes upstream as it came: which packs do, where the base name comes to stand, and that
 * a consumer reads the same from them as from what the decoder would have written. The last is seen
 * of 60,000 packs that are put together at random, right and wrong, always the same ones.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "core/reading.h"
#include "core/senml.h"
#include "senml-resolved.h"

#define NOW  INT64_C(1700000000250)
#define HEAD "\"bn\":\"d-1/\","

static const struct reading_context context = {.device_id = "d-1", .now = NOW};

/* Exactly as long as it is: a step too far is seen by the sanitizer. */
static bool splice_at(const char *body, size_t *ret_at)
{
	size_t size = strlen(body);
	char *copy = malloc(size ? size : 1);
	bool is;

	memcpy(copy, body, size);
	is = senml_splice_at(span_of(copy, size), ret_at);
	free(copy);
	return is;
}

/* Before the bar, then behind it: what stands where the base name goes. */
static void test_as_it_came(void **state)
{
	static const char *const packs[] = {
		"[{|\"n\":\"t\",\"v\":21.5}]",
		"[{|\"n\":\"temp\",\"u\":\"Cel\",\"v\":21.50},{\"n\":\"hum\",\"v\":40}]",
		"[{|\"v\":-0.000001,\"n\":\"a-b:c.d/e_f\"}]",
		"[{|\"n\":\"0\",\"vs\":\"\"}]",
		"[{|\"n\":\"t\",\"vs\":\"21,5 \u00b0C {[]}\"}]",
		"[{|\"n\":\"t\",\"vb\":true},{\"vb\":false,\"n\":\"t\"}]",
		"[{|\"n\":\"t\",\"vd\":\"aGk_-A\"}]",
		"[{|\"n\":\"t\",\"s\":0}]",
		"[{|\"n\":\"t\",\"s\":12.25,\"v\":-3}]",
		"[{|\"n\":\"t\",\"v\":1,\"t\":268435456}]",
		"[{|\"n\":\"t\",\"v\":1,\"t\":1700000000.125,\"ut\":-60}]",
		"[{|\"n\":\"t\",\"v\":999999999999999999}]",
		" \r\n[\t{| \"n\" : \"t\" , \"v\" : 1 } , { \"n\":\"u\",\"v\":2\n} ] ",
	};

	for (size_t i = 0; i < ELEMENTS(packs); i++) {
		const char *bar = strchr(packs[i], '|');
		char body[200], expected[200];
		struct reading *reading = NULL;
		enum reading_verdict verdict;
		const char *why = NULL;
		size_t at = 999;

		snprintf(body, sizeof(body), "%.*s%s", (int)(bar - packs[i]), packs[i], bar + 1);
		snprintf(expected, sizeof(expected), "%.*s" HEAD "%s", (int)(bar - packs[i]),
			packs[i], bar + 1);
		if (!splice_at(body, &at))
			fail_msg("%s", body);
		assert_int_equal(at, bar - packs[i]);
		assert_int_equal(reading_decode(FORMAT_SENML_JSON, span_from_string(body), &context,
					 &reading, &verdict, &why),
			0);
		assert_int_equal(verdict, READING_ACCEPTED);
		assert_int_equal(reading->format, FORMAT_SENML_JSON);
		assert_int_equal(reading->time, NOW);
		assert_int_equal(reading->size, strlen(expected));
		assert_memory_equal(reading->body, expected, reading->size);
		reading_unref(reading);
	}
}

/* Something has to be resolved, may have to be dropped or is wrong. */
static void test_not_as_it_came(void **state)
{
	static const char *const packs[] = {
		"",
		" ",
		"[",
		"[]",
		"[{}]",
		"[[]]",
		"{}",
		"1",
		"[{\"n\":\"t\",\"v\":1}",
		"[{\"n\":\"t\",\"v\":1}]]",
		"[{\"n\":\"t\",\"v\":1}] x",
		"[{\"n\":\"t\",\"v\":1},]",
		"[{\"n\":\"t\",\"v\":1,}]",
		"[{\"n\":\"t\" \"v\":1}]",
		"[{\"n\":\"t\",\"v\" 1}]",
		"[,{\"n\":\"t\",\"v\":1}]",
		/* base fields, and a version */
		"[{\"bn\":\"a\",\"n\":\"t\",\"v\":1}]",
		"[{\"bt\":1700000000,\"n\":\"t\",\"v\":1}]",
		"[{\"n\":\"t\",\"v\":1},{\"bu\":\"Cel\",\"n\":\"t\",\"v\":1}]",
		"[{\"bv\":1,\"n\":\"t\",\"v\":1}]",
		"[{\"bs\":1,\"n\":\"t\",\"v\":1}]",
		"[{\"bver\":10,\"n\":\"t\",\"v\":1}]",
		/* times that are relative */
		"[{\"n\":\"t\",\"v\":1,\"t\":0}]",
		"[{\"n\":\"t\",\"v\":1,\"t\":-5}]",
		"[{\"n\":\"t\",\"v\":1,\"t\":268435455.9}]",
		"[{\"n\":\"t\",\"v\":1,\"t\":-268435456}]",
		/* fields that we do not know */
		"[{\"n\":\"t\",\"v\":1,\"x\":1}]",
		"[{\"n\":\"t\",\"v\":1,\"x_\":1}]",
		"[{\"n\":\"t\",\"v\":1,\"\":1}]",
		"[{\"n\":\"t\",\"v\":1,\"N\":\"t\"}]",
		/* twice */
		"[{\"n\":\"t\",\"n\":\"t\",\"v\":1}]",
		"[{\"n\":\"t\",\"v\":1,\"v\":2}]",
		/* names */
		"[{\"v\":1}]",
		"[{\"n\":\"\",\"v\":1}]",
		"[{\"n\":\"/t\",\"v\":1}]",
		"[{\"n\":\"a b\",\"v\":1}]",
		"[{\"n\":\"\u00e4\",\"v\":1}]",
		"[{\"n\":1,\"v\":1}]",
		"[{\"n\":\"t\\u0061\",\"v\":1}]",
		"[{\"\\u006e\":\"t\",\"v\":1}]",
		/* values */
		"[{\"n\":\"t\"}]",
		"[{\"n\":\"t\",\"v\":1,\"vs\":\"a\"}]",
		"[{\"n\":\"t\",\"vb\":true,\"vd\":\"AA\"}]",
		"[{\"n\":\"t\",\"v\":\"1\"}]",
		"[{\"n\":\"t\",\"v\":null}]",
		"[{\"n\":\"t\",\"v\":true}]",
		"[{\"n\":\"t\",\"v\":[1]}]",
		"[{\"n\":\"t\",\"vs\":1}]",
		"[{\"n\":\"t\",\"vs\":\"a\\n\"}]",
		"[{\"n\":\"t\",\"vs\":\"a\n\"}]",
		"[{\"n\":\"t\",\"vs\":\"\xff\"}]",
		"[{\"n\":\"t\",\"vs\":\"\xc0\x80\"}]",
		"[{\"n\":\"t\",\"vs\":\"\xed\xa0\x80\"}]",
		"[{\"n\":\"t\",\"vs\":\"a}]",
		"[{\"n\":\"t\",\"vb\":1}]",
		"[{\"n\":\"t\",\"vb\":tru}]",
		"[{\"n\":\"t\",\"vb\":truee}]",
		"[{\"n\":\"t\",\"vd\":\"a\"}]",
		"[{\"n\":\"t\",\"vd\":\"YQ==\"}]",
		"[{\"n\":\"t\",\"vd\":\"Y+\"}]",
		"[{\"n\":\"t\",\"u\":\"\",\"v\":1}]",
		"[{\"n\":\"t\",\"u\":1,\"v\":1}]",
		/* numbers */
		"[{\"n\":\"t\",\"v\":}]",
		"[{\"n\":\"t\",\"v\":-}]",
		"[{\"n\":\"t\",\"v\":+1}]",
		"[{\"n\":\"t\",\"v\":01}]",
		"[{\"n\":\"t\",\"v\":-01.5}]",
		"[{\"n\":\"t\",\"v\":1.}]",
		"[{\"n\":\"t\",\"v\":.5}]",
		"[{\"n\":\"t\",\"v\":1e3}]",
		"[{\"n\":\"t\",\"v\":1.5E-3}]",
		"[{\"n\":\"t\",\"v\":1.5.5}]",
		"[{\"n\":\"t\",\"v\":0x1}]",
		"[{\"n\":\"t\",\"v\":NaN}]",
		"[{\"n\":\"t\",\"v\":1234567890123456789}]",
		"[{\"n\":\"t\",\"v\":1.234567890123456789}]",
		"[{\"n\":\"t\",\"s\":1e400}]",
	};

	for (size_t i = 0; i < ELEMENTS(packs); i++) {
		size_t at = 999;

		if (splice_at(packs[i], &at))
			fail_msg("%s", packs[i]);
		assert_int_equal(at, 999);
	}
}

/* Cut off anywhere it is not one any more. */
static void test_cut_off(void **state)
{
	static const char pack[] =
		"[{\"n\":\"temp\",\"u\":\"\u00b0C\",\"v\":-21.5,\"t\":1700000000},"
		" { \"n\" : \"a\" , \"vb\" : false , \"s\" : 1 } ]";
	char text[sizeof(pack)];
	size_t at;

	assert_true(splice_at(pack, &at));
	for (size_t size = 0; size + 1 < sizeof(pack); size++) {
		memcpy(text, pack, size);
		text[size] = '\0';
		assert_false(splice_at(text, &at));
	}
}

static void test_limits(void **state)
{
	char *body = malloc(READING_BODY_MAX), *to = body;
	char text[SENML_NAME_MAX + 2];
	size_t at;

	assert_non_null(body);
	*to++ = '[';
	for (int i = 0; i < READING_RECORDS_MAX; i++)
		to += sprintf(to, "%s{\"n\":\"t\",\"v\":%d}", i ? "," : "", i);
	strcpy(to, "]");
	assert_true(splice_at(body, &at));
	strcpy(to, ",{\"n\":\"t\",\"v\":1}]");
	assert_false(splice_at(body, &at));
	memset(text, 'a', sizeof(text));
	text[SENML_NAME_MAX + 1] = '\0';
	sprintf(body, "[{\"n\":\"%s\",\"v\":1}]", text + 1);
	assert_true(splice_at(body, &at));
	sprintf(body, "[{\"n\":\"%s\",\"v\":1}]", text);
	assert_false(splice_at(body, &at));
	free(body);
}

/* A unit of the profile stands for records without one: they are written anew. */
static void test_unit_of_the_profile(void **state)
{
	static const char expected[] = "[{" HEAD "\"n\":\"t\",\"u\":\"Cel\",\"v\":1}]";
	struct reading_context with = context;
	struct reading *reading = NULL;
	enum reading_verdict verdict;
	const char *why = NULL;

	with.value_unit = "Cel";
	assert_int_equal(reading_decode(FORMAT_SENML_JSON, SPAN_LITERAL("[{\"n\":\"t\",\"v\":1}]"),
				 &with, &reading, &verdict, &why),
		0);
	assert_int_equal(reading->size, strlen(expected));
	assert_memory_equal(reading->body, expected, reading->size);
	reading_unref(reading);
}

/* ---- any pack ---- */

struct text {
	uint64_t random;
	size_t size;
	char bytes[4096];
};

static unsigned pick(struct text *text, unsigned below)
{
	text->random ^= text->random << 13;
	text->random ^= text->random >> 7;
	text->random ^= text->random << 17;
	return (unsigned)((text->random >> 11) % below);
}

static void put(struct text *text, const char *bytes)
{
	text->size += (size_t)snprintf(
		text->bytes + text->size, sizeof(text->bytes) - text->size, "%s", bytes);
}

#define PUT_ONE_OF(text, ...)                                                    \
	do {                                                                     \
		static const char *const of[] = {__VA_ARGS__};                   \
		put(text, of[pick(text, (unsigned)(sizeof(of) / sizeof(*of)))]); \
	} while (0)

static void put_space(struct text *text)
{
	if (pick(text, 8) == 0)
		PUT_ONE_OF(text, " ", "\n", "\t ", "\r\n");
}

static void put_number(struct text *text)
{
	PUT_ONE_OF(text, "0", "-0", "1", "-12", "3.25", "0.1", "-7.000", "268435455", "268435456",
		"1700000000", "1700000000.5", "123456789012345678", "9223372036854775807",
		"12345678901234567890", "1e3", "2.5E-7", "1e400", "0.123456789012345678", "007",
		"1.", "true", "\"1\"");
}

static void put_name(struct text *text)
{
	PUT_ONE_OF(text, "\"temp\"", "\"hum\"", "\"a:b/c.d_e-f\"", "\"0\"", "\"t\\u0061\"", "\"\"",
		"\"/x\"", "\"a b\"", "7");
}

static void put_field(struct text *text)
{
	switch (pick(text, 24)) {
	case 0:
		put(text, "\"bn\":");
		PUT_ONE_OF(text, "\"urn:x:\"", "\"\"", "\"/\"");
		return;
	case 1:
		PUT_ONE_OF(text, "\"bt\":", "\"bv\":", "\"bs\":", "\"bver\":");
		put_number(text);
		return;
	case 2:
		PUT_ONE_OF(
			text, "\"bu\":\"lm\"", "\"x\":1", "\"x_\":1", "\"x\":[{}]", "\"bver\":10");
		return;
	case 3:
	case 4:
		PUT_ONE_OF(text, "\"t\":", "\"ut\":", "\"s\":");
		put_number(text);
		return;
	case 5:
	case 6:
		put(text, "\"t\":");
		PUT_ONE_OF(text, "1700000000", "1700000001.25", "268435456", "-1");
		return;
	case 7:
	case 8:
		put(text, "\"u\":");
		PUT_ONE_OF(text, "\"Cel\"", "\"%RH\"", "\"\u00b0C\"", "\"\"");
		return;
	case 9:
		put(text, "\"vs\":");
		PUT_ONE_OF(text, "\"open\"", "\"\"", "\"a\\\"b\"", "\"\u00e4\"", "\"\xff\"");
		return;
	case 10:
		put(text, "\"vb\":");
		PUT_ONE_OF(text, "true", "false", "null", "0");
		return;
	case 11:
		put(text, "\"vd\":");
		PUT_ONE_OF(text, "\"aGk\"", "\"a\"", "\"aGk=\"");
		return;
	case 12:
	case 13:
		put(text, "\"n\":");
		put_name(text);
		return;
	default:
		put(text, "\"v\":");
		put_number(text);
	}
}

static void put_record(struct text *text)
{
	bool named = pick(text, 12) > 0;
	unsigned fields = pick(text, 3) + !named;

	put(text, "{");
	put_space(text);
	if (named) {
		put(text, "\"n\":");
		put_space(text);
		PUT_ONE_OF(text, "\"temp\"", "\"hum\"", "\"a:b/c.d_e-f\"");
	}
	if (pick(text, 2)) {
		PUT_ONE_OF(text, ",\"v\":1", ",\"v\":21.50", ", \"v\" :-3", ",\"vb\":true",
			",\"vs\":\"a\"", ",\"s\":2");
	}
	for (unsigned i = 0; i < fields; i++) {
		put_space(text);
		put(text, ",");
		put_space(text);
		put_field(text);
	}
	put_space(text);
	put(text, "}");
}

static void put_pack(struct text *text)
{
	unsigned records = 1 + pick(text, 3);

	text->size = 0;
	text->bytes[0] = '\0';
	put_space(text);
	put(text, "[");
	for (unsigned i = 0; i < records; i++) {
		if (i)
			put(text, ",");
		put_space(text);
		put_record(text);
		put_space(text);
	}
	put(text, "]");
	put_space(text);
	if (pick(text, 20) == 0) /* one byte is another */
		text->bytes[pick(text, (unsigned)text->size)] = (char)(1 + pick(text, 255));
}

static void test_the_same_is_read(void **state)
{
	struct text *text = calloc(1, sizeof(*text));
	struct senml_writer *writer = malloc(sizeof(*writer));
	unsigned spliced = 0, written = 0, refused = 0;

	assert_non_null(text);
	assert_non_null(writer);
	text->random = 0x9e3779b97f4a7c15u;
	for (int i = 0; i < 60000; i++) {
		char whole[sizeof(text->bytes) + sizeof(HEAD)];
		enum reading_verdict verdict;
		const char *why = NULL;
		size_t at;

		put_pack(text);
		senml_begin(writer, "d-1", NOW);
		assert_int_equal(
			senml_from_json(span_of(text->bytes, text->size), writer, &verdict, &why),
			0);
		if (!senml_splice_at(span_of(text->bytes, text->size), &at)) {
			written += verdict == READING_ACCEPTED;
			refused += verdict != READING_ACCEPTED;
			continue;
		}
		spliced++;
		if (verdict != READING_ACCEPTED)
			fail_msg("%s: %s", text->bytes, why);
		snprintf(whole, sizeof(whole), "%.*s" HEAD "%s", (int)at, text->bytes,
			text->bytes + at);
		if (!resolved_equal(span_from_string(whole), span_of(writer->text, writer->size)))
			fail_msg("%s\n%.*s", whole, (int)writer->size, writer->text);
	}
	/* Each kind was there. */
	assert_true(spliced > 5000);
	assert_true(written > 1000);
	assert_true(refused > 5000);
	free(writer);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_it_came),
		cmocka_unit_test(test_not_as_it_came),
		cmocka_unit_test(test_cut_off),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_unit_of_the_profile),
		cmocka_unit_test(test_the_same_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
