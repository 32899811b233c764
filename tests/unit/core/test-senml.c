/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SenML: what is taken, what it becomes upstream, what is refused and with which verdict. Each rule
 * is a row of a table: body in, text or sentence out. Arrival is 1700000000.250 s.
 */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "core/senml.h"

#define NOW INT64_C(1700000000250)

#define UPSTREAM(records) "[{\"bn\":\"d-1/\"," records "]"

struct outcome {
	enum reading_verdict verdict;
	char text[SENML_OUTPUT_MAX + 1];
	const char *why;
};

typedef int (*decode_fn)(struct span body, struct senml_writer *writer,
	enum reading_verdict *ret_verdict, const char **ret_why);

static void decode_at(decode_fn decode, struct span body, int64_t now, struct outcome *ret)
{
	static struct senml_writer writer;

	ret->why = NULL;
	senml_begin(&writer, "d-1", now);
	assert_int_equal(decode(body, &writer, &ret->verdict, &ret->why), 0);
	memcpy(ret->text, writer.text, writer.size);
	ret->text[writer.size] = '\0';
	if (ret->verdict != READING_ACCEPTED)
		assert_non_null(ret->why);
}

static struct outcome *decode(decode_fn fn, const char *body)
{
	static struct outcome outcome;

	decode_at(fn, span_from_string(body), NOW, &outcome);
	return &outcome;
}

struct row {
	const char *body;
	const char *expected; /* text when accepted, else a part of the sentence */
	enum reading_verdict verdict;
};

static void rows_check(decode_fn fn, const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct outcome *outcome = decode(fn, rows[i].body);
		const char *got =
			outcome->verdict == READING_ACCEPTED ? outcome->text : outcome->why;

		if (outcome->verdict != rows[i].verdict)
			fail_msg("%s: verdict %d, %s", rows[i].body, (int)outcome->verdict, got);
		if (rows[i].verdict == READING_ACCEPTED)
			assert_string_equal(got, rows[i].expected);
		else if (!strstr(got, rows[i].expected))
			fail_msg("%s: %s", rows[i].body, got);
	}
}

static void test_accepted(void **state)
{
	static const struct row rows[] = {
		{"[{\"n\":\"t\",\"v\":21.5}]", UPSTREAM("\"n\":\"t\",\"v\":21.5}")},
		{" [ { \"v\" : 1 , \"n\" : \"a\" } ] ", UPSTREAM("\"n\":\"a\",\"v\":1}")},
		{"[{\"n\":\"t\",\"vs\":\"a\\\"b\\\\c\\n\\u0001d\"}]",
			UPSTREAM("\"n\":\"t\",\"vs\":\"a\\\"b\\\\c\\u000a\\u0001d\"}")},
		{"[{\"n\":\"t\",\"vs\":\"\\u00e9\xc3\xa9\"}]",
			UPSTREAM("\"n\":\"t\",\"vs\":\"\xc3\xa9\xc3\xa9\"}")},
		{"[{\"n\":\"t\",\"vb\":true},{\"n\":\"u\",\"vb\":false}]",
			UPSTREAM("\"n\":\"t\",\"vb\":true},{\"n\":\"u\",\"vb\":false}")},
		{"[{\"n\":\"t\",\"vd\":\"aGk_-\",\"u\":\"x\"}]", "base64url", READING_NOT_SENML},
		{"[{\"n\":\"t\",\"vd\":\"aGk_-A\",\"u\":\"x\"}]",
			UPSTREAM("\"n\":\"t\",\"u\":\"x\",\"vd\":\"aGk_-A\"}")},
		{"[{\"n\":\"t\",\"s\":7}]", UPSTREAM("\"n\":\"t\",\"s\":7}")},
		{"[{\"n\":\"t\",\"v\":1,\"ut\":30,\"bver\":10}]",
			UPSTREAM("\"n\":\"t\",\"v\":1,\"ut\":30}")},
		{"[{\"n\":\"t\",\"v\":1,\"mine\":[{\"x\":null}],\"\":0}]",
			UPSTREAM("\"n\":\"t\",\"v\":1}")},
		/* whole numbers keep their digits, others the fewest that read back */
		{"[{\"n\":\"t\",\"v\":9007199254740993}]",
			UPSTREAM("\"n\":\"t\",\"v\":9007199254740993}")},
		{"[{\"n\":\"t\",\"v\":100000000000000000000}]",
			UPSTREAM("\"n\":\"t\",\"v\":1e+20}")},
		{"[{\"n\":\"t\",\"v\":1e300}]", UPSTREAM("\"n\":\"t\",\"v\":1e+300}")},
		{"[{\"n\":\"t\",\"v\":-0.0}]", UPSTREAM("\"n\":\"t\",\"v\":0}")},
	};

	rows_check(senml_from_json, rows, ELEMENTS(rows));
}

static void test_bases(void **state)
{
	static const struct row rows[] = {
		/* RFC 8428 section 5.1.3, shortened */
		{"[{\"bn\":\"urn:dev:ow:10e2073a01080063:\",\"bt\":1320067464,\"bu\":\"%RH\","
		 "\"v\":20},{\"u\":\"lon\",\"v\":24.30621},{\"t\":60,\"v\":20.3}]",
			UPSTREAM("\"n\":\"urn:dev:ow:10e2073a01080063:\",\"u\":\"%RH\",\"v\":20,"
				 "\"t\":1320067464},{\"n\":\"urn:dev:ow:10e2073a01080063:\",\"u\":"
				 "\"lon\",\"v\":24.30621,\"t\":1320067464},{\"n\":\"urn:dev:ow:"
				 "10e2073a01080063:\",\"u\":\"%RH\",\"v\":20.3,\"t\":1320067524}")},
		/* a base field is in force until the next of its kind */
		{"[{\"bn\":\"a/\",\"n\":\"x\",\"v\":1},{\"n\":\"y\",\"v\":2},"
		 "{\"bn\":\"b/\",\"n\":\"x\",\"v\":3},{\"bn\":\"\",\"n\":\"z\",\"v\":4}]",
			UPSTREAM("\"n\":\"a/x\",\"v\":1},{\"n\":\"a/y\",\"v\":2},"
				 "{\"n\":\"b/x\",\"v\":3},{\"n\":\"z\",\"v\":4}")},
		{"[{\"n\":\"x\",\"bv\":10,\"v\":1},{\"n\":\"x\",\"v\":2.5},{\"n\":\"x\",\"vs\":"
		 "\"s\"}]",
			UPSTREAM("\"n\":\"x\",\"v\":11},{\"n\":\"x\",\"v\":12.5},{\"n\":\"x\","
				 "\"vs\":\"s\"}")},
		{"[{\"n\":\"x\",\"bs\":100,\"s\":1},{\"n\":\"x\",\"v\":2}]",
			UPSTREAM("\"n\":\"x\",\"s\":101},{\"n\":\"x\",\"v\":2,\"s\":100}")},
		/* whole numbers stay exact; where they overflow it is a double */
		{"[{\"n\":\"x\",\"bv\":9007199254740992,\"v\":1}]",
			UPSTREAM("\"n\":\"x\",\"v\":9007199254740993}")},
		{"[{\"n\":\"x\",\"bv\":9223372036854775807,\"v\":1}]",
			UPSTREAM("\"n\":\"x\",\"v\":9.223372036854776e+18}")},
		/* the identity of another device is only a name under ours */
		{"[{\"bn\":\"d-2/\",\"n\":\"x\",\"v\":1}]", UPSTREAM("\"n\":\"d-2/x\",\"v\":1}")},
		{"[{\"n\":\"a/../../d-2/x\",\"v\":1}]",
			UPSTREAM("\"n\":\"a/../../d-2/x\",\"v\":1}")},
	};

	rows_check(senml_from_json, rows, ELEMENTS(rows));
}

static void test_times(void **state)
{
	static const struct row rows[] = {
		{"[{\"n\":\"x\",\"v\":1,\"t\":0}]",
			UPSTREAM("\"n\":\"x\",\"v\":1,\"t\":1700000000.25}")},
		{"[{\"n\":\"x\",\"v\":1,\"t\":-0.5}]",
			UPSTREAM("\"n\":\"x\",\"v\":1,\"t\":1699999999.75}")},
		{"[{\"n\":\"x\",\"v\":1,\"t\":-0.0001}]",
			UPSTREAM("\"n\":\"x\",\"v\":1,\"t\":1700000000.2499}")},
		{"[{\"n\":\"x\",\"v\":1,\"bt\":-5},{\"n\":\"x\",\"v\":1,\"t\":-1}]",
			UPSTREAM("\"n\":\"x\",\"v\":1,\"t\":1699999995.25},"
				 "{\"n\":\"x\",\"v\":1,\"t\":1699999994.25}")},
		/* the edge: 2^28 is absolute, below is relative */
		{"[{\"n\":\"x\",\"v\":1,\"t\":268435456}]",
			UPSTREAM("\"n\":\"x\",\"v\":1,\"t\":268435456}")},
		{"[{\"n\":\"x\",\"v\":1,\"t\":268435455}]",
			UPSTREAM("\"n\":\"x\",\"v\":1,\"t\":1968435455.25}")},
		/* what the device said itself is not rounded; a sum is, to the microsecond */
		{"[{\"n\":\"x\",\"v\":1,\"t\":1276020091.3051234}]",
			UPSTREAM("\"n\":\"x\",\"v\":1,\"t\":1276020091.3051233}")},
		{"[{\"n\":\"x\",\"v\":1,\"bt\":1276020091.305,\"t\":0.1}]",
			UPSTREAM("\"n\":\"x\",\"v\":1,\"t\":1276020091.405}")},
		{"[{\"n\":\"x\",\"v\":1,\"bt\":1e12,\"t\":0.5}]",
			UPSTREAM("\"n\":\"x\",\"v\":1,\"t\":1000000000000.5}")},
		{"[{\"n\":\"x\",\"v\":1,\"t\":-1e300}]", "before July 1978", READING_NOT_SENML},
		{"[{\"n\":\"x\",\"v\":1,\"bt\":1e308,\"t\":1.7e308}]", "not finite",
			READING_NOT_SENML},
	};

	rows_check(senml_from_json, rows, ELEMENTS(rows));
}

static void test_time_without_clock(void **state)
{
	struct outcome *outcome = calloc(1, sizeof(*outcome));

	assert_non_null(outcome);
	decode_at(senml_from_json,
		span_from_string(
			"[{\"n\":\"x\",\"v\":1,\"t\":-3},{\"n\":\"x\",\"v\":1,\"t\":1700000000}]"),
		60000, outcome);
	assert_int_equal(outcome->verdict, READING_ACCEPTED);
	assert_string_equal(outcome->text,
		UPSTREAM("\"n\":\"x\",\"v\":1,\"t\":-3},{\"n\":\"x\",\"v\":1,\"t\":1700000000}"));
	free(outcome);
}

static void test_not_senml(void **state)
{
	static const struct row rows[] = {
		{"{\"n\":\"x\",\"v\":1}", "is an array", READING_NOT_SENML},
		{"[]", "no record", READING_NOT_SENML},
		{"21.5", "is an array", READING_NOT_SENML},
		{"[1]", "not an object", READING_NOT_SENML},
		{"[{\"v\":1}]", "no name", READING_NOT_SENML},
		{"[{\"bn\":\"\",\"n\":\"\",\"v\":1}]", "no name", READING_NOT_SENML},
		{"[{\"n\":\"-x\",\"v\":1}]", "must begin", READING_NOT_SENML},
		{"[{\"bn\":\"/\",\"n\":\"x\",\"v\":1}]", "must begin", READING_NOT_SENML},
		{"[{\"n\":\"x y\",\"v\":1}]", "may hold only", READING_NOT_SENML},
		{"[{\"n\":\"x+\",\"v\":1}]", "may hold only", READING_NOT_SENML},
		{"[{\"n\":\"x#\",\"v\":1}]", "may hold only", READING_NOT_SENML},
		{"[{\"bn\":\"x#\",\"n\":\"x\",\"v\":1}]", "may hold only", READING_NOT_SENML},
		{"[{\"n\":\"x\"}]", "neither", READING_NOT_SENML},
		{"[{\"n\":\"x\",\"bv\":1}]", "neither", READING_NOT_SENML},
		{"[{\"n\":\"x\",\"v\":1,\"vs\":\"a\"}]", "more than one", READING_NOT_SENML},
		{"[{\"n\":\"x\",\"vb\":true,\"vd\":\"aa\"}]", "more than one", READING_NOT_SENML},
		{"[{\"n\":\"x\",\"v\":1,\"must_\":1}]", "ends in", READING_NOT_SENML},
		{"[{\"n\":\"x\",\"v\":1,\"bver\":11}]", "bver", READING_NOT_SENML},
		{"[{\"n\":\"x\",\"v\":1,\"bver\":5}]", "bver", READING_NOT_SENML},
		{"[{\"n\":\"x\",\"v\":\"1\"}]", "\"v\" must", READING_NOT_SENML},
		{"[{\"n\":\"x\",\"v\":null}]", "\"v\" must", READING_NOT_SENML},
		{"[{\"n\":1,\"v\":1}]", "\"n\" must", READING_NOT_SENML},
		{"[{\"n\":\"x\",\"vb\":1}]", "\"vb\" must", READING_NOT_SENML},
		{"[{\"n\":\"x\",\"vd\":\"a+/=\"}]", "base64url", READING_NOT_SENML},
		{"[{\"n\":\"x\",\"v\":1e999}]", "not finite", READING_NOT_SENML},
		{"[{\"n\":\"x\",\"bv\":1e308,\"v\":1e308}]", "not finite", READING_NOT_SENML},
		{"[{\"n\":\"x\",\"bs\":-1e308,\"s\":-1e308}]", "not finite", READING_NOT_SENML},
	};

	rows_check(senml_from_json, rows, ELEMENTS(rows));
}

static void test_malformed(void **state)
{
	static const struct row rows[] = {
		{"", "not valid JSON", READING_MALFORMED},
		{"[", "not valid JSON", READING_MALFORMED},
		{"]", "not valid JSON", READING_MALFORMED},
		{"[{\"n\":\"x\",\"v\":1}] x", "not valid JSON", READING_MALFORMED},
		{"[{\"n\":\"x\",\"v\":1},]", "not valid JSON", READING_MALFORMED},
		{"[{\"n\":\"x\",\"v\":NaN}]", "not valid JSON", READING_MALFORMED},
		{"[{\"n\":\"x\",\"v\":Infinity}]", "not valid JSON", READING_MALFORMED},
		{"[{\"n\":\"x\",\"v\":1,\"v\":2}]", "same key twice", READING_MALFORMED},
		{"[{\"n\":\"\xc3\x28\",\"v\":1}]", "UTF-8", READING_MALFORMED},
		{"[{\"n\":\"x\\u0000y\",\"v\":1}]", "not valid JSON", READING_MALFORMED},
		{"[{\"n\":\"x\",\"v\":1,\"a\":[[1]]}]", "", READING_ACCEPTED},
		{"[{\"n\":\"x\",\"v\":1,\"a\":[[[1]]]}]", "deeper than 4", READING_MALFORMED},
		{"[{\"n\":\"x\",\"v\":1,\"a\":\"[[[[\\\"[[[[\"}]", "", READING_ACCEPTED},
		{"[[[[[[[[[[", "deeper than 4", READING_MALFORMED},
		{"[{\"n\":\"\\", "not valid JSON", READING_MALFORMED},
	};

	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct outcome *outcome = decode(senml_from_json, rows[i].body);

		assert_int_equal(outcome->verdict, rows[i].verdict);
		if (rows[i].verdict != READING_ACCEPTED)
			assert_non_null(strstr(outcome->why, rows[i].expected));
	}
}

/* A body of count records, each '{"n":"<name>","v":1}'. */
static char *pack_of(size_t count, const char *first, const char *name)
{
	char *body = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&body, &size);

	assert_non_null(out);
	fprintf(out, "[%s", first);
	for (size_t i = 0; i < count; i++)
		fprintf(out, "%s{\"n\":\"%s\",\"v\":1}", i > 0 || first[0] ? "," : "", name);
	fputs("]", out);
	fclose(out);
	return body;
}

static void test_record_limit(void **state)
{
	char *most = pack_of(128, "", "x");
	char *more = pack_of(129, "", "x");

	assert_int_equal(decode(senml_from_json, most)->verdict, READING_ACCEPTED);
	assert_int_equal(decode(senml_from_json, more)->verdict, READING_TOO_MANY);
	assert_int_equal(decode(senml_from_json_map, more)->verdict, READING_TOO_MANY);
	free(most);
	free(more);
}

/* The scan refuses early; the writer holds the limit for decoders that have no such scan. */
static void test_record_limit_of_writer(void **state)
{
	static struct senml_writer writer;
	struct senml_fields fields = {.present = 1u << SENML_N | 1u << SENML_VB};
	const char *why = NULL;

	fields.text[SENML_N] = "x";
	senml_begin(&writer, "d-1", NOW);
	for (int i = 0; i < READING_RECORDS_MAX; i++)
		assert_int_equal(senml_add(&writer, &fields, &why), READING_ACCEPTED);
	assert_int_equal(senml_add(&writer, &fields, &why), READING_TOO_MANY);
	assert_non_null(strstr(why, "128"));
}

static void test_numbers_of_decoders(void **state)
{
	static const double bad[] = {NAN, INFINITY, -INFINITY};
	static struct senml_writer writer;
	struct senml_fields fields = {.present = 1u << SENML_N | 1u << SENML_V};
	const char *why = NULL;

	fields.text[SENML_N] = "x";
	for (size_t i = 0; i < ELEMENTS(bad); i++) {
		fields.number[SENML_V] = (struct senml_number){.value = bad[i]};
		senml_begin(&writer, "d-1", NOW);
		assert_int_equal(senml_add(&writer, &fields, &why), READING_NOT_SENML);
	}
}

static void test_text_limits(void **state)
{
	char name[SENML_NAME_MAX + 2];
	char body[1024];

	memset(name, 'a', sizeof(name));
	name[SENML_NAME_MAX] = '\0';
	snprintf(body, sizeof(body), "[{\"n\":\"%s\",\"v\":1}]", name);
	assert_int_equal(decode(senml_from_json, body)->verdict, READING_ACCEPTED);
	snprintf(body, sizeof(body), "[{\"bn\":\"b\",\"n\":\"%s\",\"v\":1}]", name);
	assert_int_equal(decode(senml_from_json, body)->verdict, READING_NOT_SENML);
	/* What is no name is bounded by the body alone. */
	snprintf(body, sizeof(body), "[{\"n\":\"x\",\"v\":1,\"%sa\":1}]", name);
	assert_int_equal(decode(senml_from_json, body)->verdict, READING_ACCEPTED);
	snprintf(body, sizeof(body), "[{\"n\":\"x\",\"vs\":\"%sa\"}]", name);
	assert_int_equal(decode(senml_from_json, body)->verdict, READING_ACCEPTED);
}

/* 8 KiB may grow when a long base name is resolved: the answer is bounded too. */
static void test_output_limit(void **state)
{
	char first[300], name[201];
	char *body;

	memset(name, 'b', 200);
	name[200] = '\0';
	snprintf(first, sizeof(first), "{\"bn\":\"%s\",\"v\":1}", name);
	body = pack_of(127, first, "x");
	assert_true(strlen(body) < READING_BODY_MAX);
	assert_int_equal(decode(senml_from_json, body)->verdict, READING_TOO_LARGE);
	free(body);
	body = pack_of(60, first, "x");
	assert_int_equal(decode(senml_from_json, body)->verdict, READING_ACCEPTED);
	free(body);
}

static void test_map(void **state)
{
	static const struct row rows[] = {
		{"{\"temp\":21.5,\"mode\":\"eco\",\"on\":true,\"off\":false}",
			UPSTREAM("\"n\":\"temp\",\"v\":21.5},{\"n\":\"mode\",\"vs\":\"eco\"},"
				 "{\"n\":\"on\",\"vb\":true},{\"n\":\"off\",\"vb\":false}")},
		{"{}", "no record", READING_NOT_SENML},
		{"[1]", "map", READING_NOT_SENML},
		{"21.5", "map", READING_NOT_SENML},
		{"\"on\"", "map", READING_NOT_SENML},
		{"{\"a b\":1}", "may hold only", READING_NOT_SENML},
		{"{\"\":1}", "no name", READING_NOT_SENML},
		{"{\"a\":null}", "must be a number", READING_NOT_SENML},
		{"{\"a\":{\"b\":1}}", "must be a number", READING_NOT_SENML},
		{"{\"a\":1e999}", "not finite", READING_NOT_SENML},
		{"{\"a\":1,\"a\":1}", "twice", READING_MALFORMED},
		{"{\"a\":", "not valid", READING_MALFORMED},
	};

	rows_check(senml_from_json_map, rows, ELEMENTS(rows));
}

static int text_named(struct span body, struct senml_writer *writer,
	enum reading_verdict *ret_verdict, const char **ret_why)
{
	return senml_from_text(body, "level", writer, ret_verdict, ret_why);
}

static int text_badly_named(struct span body, struct senml_writer *writer,
	enum reading_verdict *ret_verdict, const char **ret_why)
{
	return senml_from_text(body, "a b", writer, ret_verdict, ret_why);
}

static void test_text(void **state)
{
	static const struct row rows[] = {
		{"21.5", UPSTREAM("\"n\":\"level\",\"v\":21.5}")},
		{" -3\r\n", UPSTREAM("\"n\":\"level\",\"v\":-3}")},
		{"1e3", UPSTREAM("\"n\":\"level\",\"v\":1000}")},
		{"open", UPSTREAM("\"n\":\"level\",\"vs\":\"open\"}")},
		{"21.5 C", UPSTREAM("\"n\":\"level\",\"vs\":\"21.5 C\"}")},
		{"007", UPSTREAM("\"n\":\"level\",\"vs\":\"007\"}")},
		{"12[[[[[", UPSTREAM("\"n\":\"level\",\"vs\":\"12[[[[[\"}")},
		{"true", UPSTREAM("\"n\":\"level\",\"vs\":\"true\"}")},
		{"\"q\"", UPSTREAM("\"n\":\"level\",\"vs\":\"\\\"q\\\"\"}")},
		{"gr\xc3\xbc\xc3\x9f", UPSTREAM("\"n\":\"level\",\"vs\":\"gr\xc3\xbc\xc3\x9f\"}")},
		{"1e999", "not finite", READING_NOT_SENML},
		{"", "empty", READING_MALFORMED},
		{" \t\n", "empty", READING_MALFORMED},
		{"a\x01z", "control", READING_MALFORMED},
		{"\xff\xfe", "UTF-8", READING_MALFORMED},
	};
	char body[READING_BODY_MAX + 1];

	rows_check(text_named, rows, ELEMENTS(rows));
	memset(body, 'a', sizeof(body));
	body[READING_BODY_MAX] = '\0';
	assert_int_equal(decode(text_named, body)->verdict, READING_ACCEPTED);
	/* What it becomes is bounded, too. */
	memset(body, '"', READING_BODY_MAX);
	assert_int_equal(decode(text_named, body)->verdict, READING_TOO_LARGE);
	assert_int_equal(decode(text_badly_named, "1")->verdict, READING_NOT_SENML);
}

static bool memory_is_out;

static void *jansson_malloc(size_t size)
{
	return memory_is_out ? NULL : malloc(size);
}

static void test_out_of_memory(void **state)
{
	static struct senml_writer writer;
	enum reading_verdict verdict;
	const char *why;

	json_set_alloc_funcs(jansson_malloc, free);
	memory_is_out = true;
	senml_begin(&writer, "d-1", NOW);
	assert_int_equal(
		senml_from_json(span_from_string("[{}]"), &writer, &verdict, &why), -ENOMEM);
	assert_int_equal(
		senml_from_text(span_from_string("1"), "x", &writer, &verdict, &why), -ENOMEM);
	memory_is_out = false;
	json_set_alloc_funcs(malloc, free);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_bases),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_time_without_clock),
		cmocka_unit_test(test_not_senml),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_record_limit),
		cmocka_unit_test(test_record_limit_of_writer),
		cmocka_unit_test(test_numbers_of_decoders),
		cmocka_unit_test(test_text_limits),
		cmocka_unit_test(test_output_limit),
		cmocka_unit_test(test_map),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_out_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
