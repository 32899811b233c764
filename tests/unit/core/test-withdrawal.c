/* SPDX-License-Identifier: Apache-2.0 */

/* Which secrets of a record go with a change. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "core/withdrawal.h"

static struct device_record *record(const char *current, const char *old, const char *blob)
{
	struct device_record *made = calloc(1, sizeof(*made));

	assert_non_null(made);
	strcpy(made->id, "lamp-abcd");
	strcpy(made->ep, "lamp");
	strcpy(made->platform, "local");
	assert_int_equal(secret_set(&made->life.credential_current, span_from_string(current)), 0);
	assert_int_equal(secret_set(&made->life.credential_old, span_from_string(old)), 0);
	assert_int_equal(secret_set(&made->life.operation_blob, span_from_string(blob)), 0);
	assert_int_equal(secret_set(&made->life.operation_code, SPAN_LITERAL("BCDF-GHJK")), 0);
	return made;
}

static bool holds(const struct secret *secret, const char *text)
{
	return span_equal(secret_span(secret), span_from_string(text));
}

static void what_goes(void **state)
{
	static const struct {
		const char *before[3], *next[3], *gone[3]; /* current, old, blob */
	} rows[] = {
		{{"a", "", ""}, {"a", "", ""}, {NULL}},
		{{"", "", ""}, {"a", "", ""}, {NULL}},
		{{"a", "", ""}, {"", "", ""}, {"a", "", ""}},
		/* renewed: the old one stays until the new one has connected */
		{{"a", "", "b"}, {"b", "a", ""}, {NULL}},
		{{"b", "a", ""}, {"b", "", ""}, {"", "a", ""}},
		{{"b", "a", "c"}, {"", "", ""}, {"b", "a", "c"}},
		/* issued, then bound: what was on its way is there */
		{{"", "", "a"}, {"a", "", "a"}, {NULL}},
		{{"a", "", "a"}, {"a", "", ""}, {NULL}},
		{{"", "", "a"}, {"", "", "b"}, {NULL}},
		{{"", "", "a"}, {"", "", ""}, {"", "", "a"}},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct device_record *before =
			record(rows[i].before[0], rows[i].before[1], rows[i].before[2]);
		struct device_record *next =
			record(rows[i].next[0], rows[i].next[1], rows[i].next[2]);
		struct device_record *gone = NULL;

		assert_int_equal(
			withdrawal_of_change(before, next, &gone), rows[i].gone[0] != NULL);
		if (rows[i].gone[0]) {
			assert_true(holds(&gone->life.credential_current, rows[i].gone[0]));
			assert_true(holds(&gone->life.credential_old, rows[i].gone[1]));
			assert_true(holds(&gone->life.operation_blob, rows[i].gone[2]));
			assert_int_equal(gone->life.operation_code.size, 0);
			assert_string_equal(gone->id, "lamp-abcd");
		}
		assert_true(holds(&before->life.credential_current, rows[i].before[0]));
		device_record_free(gone);
		device_record_free(before);
		device_record_free(next);
	}
}

static void another_operation(void **state)
{
	struct device_record *before = record("", "", "a"), *next = record("", "", "b");
	struct device_record *gone = NULL;

	next->life.operation_number = before->life.operation_number + 1;
	assert_int_equal(withdrawal_of_change(before, next, &gone), 1);
	assert_true(holds(&gone->life.operation_blob, "a"));
	device_record_free(gone);
	device_record_free(before);
	device_record_free(next);
}

static void a_device_that_goes(void **state)
{
	struct device_record *before = record("a", "", ""), *gone = NULL;

	assert_int_equal(withdrawal_of_change(before, NULL, &gone), 1);
	assert_true(holds(&gone->life.credential_current, "a"));
	device_record_free(gone);
	secret_clear(&before->life.credential_current);
	assert_int_equal(withdrawal_of_change(before, NULL, &gone), 0);
	device_record_free(before);
}

static void a_copy_is_whole(void **state)
{
	struct device_record *before = record("a", "", "");
	struct withdrawal *one, *other;

	assert_int_equal(withdrawal_new(before, true, SPAN_LITERAL("blob"), &one), 0);
	one->row = 7;
	assert_int_equal(withdrawal_copy(one, &other), 0);
	withdrawal_free(one);
	assert_int_equal(other->row, 7);
	assert_true(other->cancel);
	assert_string_equal(other->device_id, "lamp-abcd");
	assert_string_equal(other->ep, "lamp");
	assert_string_equal(other->platform, "local");
	assert_true(holds(&other->blob, "blob"));
	assert_null(withdrawal_free(other));
	assert_null(withdrawal_free(NULL));
	device_record_free(before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_goes),
		cmocka_unit_test(another_operation),
		cmocka_unit_test(a_device_that_goes),
		cmocka_unit_test(a_copy_is_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
