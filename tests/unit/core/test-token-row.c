/* SPDX-License-Identifier: Apache-2.0 */

/* Rows of tokens: told by their keys, made, and written as they were read. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "../base/identity-fixture.h"
#include "core/token-row.h"

static const struct {
	enum token_row row;
	const char *kind, *value[TOKEN_ROW_VALUES];
} good[] = {
	{TOKEN_ROW_PT, TOKEN_KIND_SPOTFLOW, {"a-provisioning-token"}},
	{TOKEN_ROW_IDENTITY, TOKEN_KIND_MQTT, {PUMP_CERTIFICATE, PUMP_KEY}},
	{TOKEN_ROW_X509, TOKEN_KIND_AZURE, {PUMP_CERTIFICATE, PUMP_KEY}},
	{TOKEN_ROW_KEY, TOKEN_KIND_AZURE, {"QUJD+/=="}},
	{TOKEN_ROW_STATIC, TOKEN_KIND_MQTT, {"user", "pass \"word\""}},
};

static const char *make(
	enum token_row row, const char *ep, const char *const *text, struct token **ret_token)
{
	struct span value[TOKEN_ROW_VALUES] = {0};
	const char *why;
	int r = -1;

	for (size_t i = 0; i < TOKEN_ROW_VALUES && token_row_key(row, i); i++)
		value[i] = span_from_string(text[i]);
	why = token_row_new(row, span_from_string(ep), value, NULL, ret_token, &r);
	assert_int_equal(r, 0);
	assert_true(!why == !!*ret_token);
	return why;
}

static void what_goes_in_comes_out(void **state)
{
	assert_int_equal(sizeof(good) / sizeof(good[0]), TOKEN_ROWS);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct token *token = NULL;
		json_t *object;
		size_t keys = 0;

		assert_null(make(good[i].row, "pump", good[i].value, &token));
		assert_string_equal(token->kind, good[i].kind);
		token->line = 7;
		object = token_row_json(token);
		assert_int_equal(token_row_of(object), good[i].row);
		assert_string_equal(json_string_value(json_object_get(object, "ep")), "pump");
		assert_int_equal(json_integer_value(json_object_get(object, "line")), 7);
		for (; token_row_key(good[i].row, keys); keys++)
			assert_string_equal(json_string_value(json_object_get(
						    object, token_row_key(good[i].row, keys))),
				good[i].value[keys]);
		assert_int_equal(json_object_size(object), keys + 2);
		json_decref(object);
		token_free(token);
	}
	assert_null(token_row_key(TOKEN_ROW_STATIC, TOKEN_ROW_VALUES));
}

static void what_is_wrong_is_said(void **state)
{
	static const char *const empty[] = {"", ""}, *const other[] = {PUMP_CERTIFICATE, OTHER_KEY};
	static char huge[2 * TOKEN_PT_MAX];
	const char *const text[] = {huge, huge};
	struct token *token = NULL;
	bool too_long = false;
	struct span value[TOKEN_ROW_VALUES] = {0};
	int r = -1;

	for (unsigned row = 0; row < TOKEN_ROWS; row++) {
		assert_non_null(make((enum token_row)row, "pump", empty, &token));
		assert_non_null(make((enum token_row)row, "", good[row].value, &token));
	}
	assert_non_null(make(TOKEN_ROW_IDENTITY, "pump", other, &token));
	assert_non_null(make(TOKEN_ROW_X509, "pump", other, &token));
	memset(huge, 'x', sizeof(huge) - 1);
	for (size_t i = 0; i < TOKEN_ROW_VALUES; i++)
		value[i] = span_from_string(text[i]);
	assert_non_null(
		token_row_new(TOKEN_ROW_PT, SPAN_LITERAL("pump"), value, &too_long, &token, &r));
	assert_true(too_long && !token && r == 0);
}

/* The first key decides; without any it is a user name that is missing. */
static void a_row_is_told_by_its_keys(void **state)
{
	static const struct {
		const char *text;
		enum token_row row;
	} row[] = {{"{}", TOKEN_ROW_STATIC}, {"{\"password\":\"x\"}", TOKEN_ROW_STATIC},
		{"{\"key\":\"x\"}", TOKEN_ROW_KEY}, {"{\"key\":1,\"pt\":2}", TOKEN_ROW_PT},
		{"{\"key\":\"x\",\"certificate\":\"y\"}", TOKEN_ROW_IDENTITY},
		{"{\"key\":\"x\",\"x509\":\"y\"}", TOKEN_ROW_X509}, {"[]", TOKEN_ROW_STATIC}};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		json_t *object = json_loads(row[i].text, 0, NULL);

		assert_int_equal(token_row_of(object), row[i].row);
		json_decref(object);
	}
}

static void what_is_no_value_is_no_row(void **state)
{
	struct token token = {.kind = TOKEN_KIND_MQTT, .ep = "pump"};

	assert_int_equal(secret_set(&token.value, SPAN_LITERAL("\x07junk")), 0);
	assert_null(token_row_json(&token));
	secret_clear(&token.value);
}

static void wiped_rows_hold_nothing(void **state)
{
	json_t *rows = json_pack("[{s:s,s:i},{s:s}]", "pt", "canary", "line", 1, "pt", "canary");

	token_rows_wipe(rows);
	for (size_t i = 0; i < json_array_size(rows); i++)
		assert_memory_equal(
			json_string_value(json_object_get(json_array_get(rows, i), "pt")),
			"\0\0\0\0\0\0", 6);
	token_rows_wipe(NULL);
	json_decref(rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_goes_in_comes_out),
		cmocka_unit_test(what_is_wrong_is_said),
		cmocka_unit_test(a_row_is_told_by_its_keys),
		cmocka_unit_test(what_is_no_value_is_no_row),
		cmocka_unit_test(wiped_rows_hold_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
