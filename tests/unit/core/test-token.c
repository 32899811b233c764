/* SPDX-License-Identifier: Apache-2.0 */

/* One token, lists, the set of names. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/identity-fixture.h"
#include "core/token.h"

static struct span text(const char *from)
{
	return span_from_string(from);
}

static void test_check(void **state)
{
	char longest[TOKEN_PASSWORD_MAX + 2];
	bool too_long = true;

	assert_null(token_check(text("sensor-1"), text("user"), text("p w"), &too_long));
	assert_false(too_long);
	assert_non_null(token_check(text(""), text("user"), text("p"), NULL));
	assert_non_null(token_check(text("a b"), text("user"), text("p"), NULL));
	assert_non_null(token_check(text("10.0.0.1"), text("user"), text("p"), NULL));
	assert_non_null(token_check(text("a"), text(""), text("p"), NULL));
	assert_non_null(token_check(text("a"), text("user"), text(""), NULL));
	assert_non_null(token_check(text("a"), text("us\ner"), text("p"), NULL));
	assert_non_null(token_check(text("a"), text("user"), text("p\x01"), NULL));
	assert_non_null(token_check(text("a"), text("user"), text("\xff\xfe"), NULL));
	assert_non_null(token_check(text("a"), text("user"), span_of("p\0q", 3), NULL));
	memset(longest, 'x', sizeof(longest));
	assert_null(token_check(text("a"), span_of(longest, TOKEN_USERNAME_MAX),
		span_of(longest, TOKEN_PASSWORD_MAX), &too_long));
	assert_false(too_long);
	assert_non_null(token_check(
		text("a"), span_of(longest, TOKEN_USERNAME_MAX + 1), text("p"), &too_long));
	assert_true(too_long);
	assert_non_null(token_check(
		text("a"), text("u"), span_of(longest, TOKEN_PASSWORD_MAX + 1), &too_long));
	assert_true(too_long);
}

static void test_x509(void **state)
{
	static const char *const good[] = {"pump", "P", "gh:device-7", "a.b_c-"};
	static const char *const bad[] = {"", ".", "pump.", "pump_", "pump:", "pump 7",
		"p\xc3\xbcmp", "pump/7", "pump=7", "pump#"};
	struct token *token = NULL;
	struct span identity;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(token_is_registration(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(token_is_registration(bad[i]));
	assert_null(token_check_x509(text("x"), text(PUMP_CERTIFICATE), text(PUMP_KEY), NULL));
	assert_non_null(token_check_x509(text("x"), text(PUMP_CERTIFICATE), text(OTHER_KEY), NULL));
	assert_non_null(strstr(
		token_check_x509(text("x"), text(NAMELESS_CERTIFICATE), text(PUMP_KEY), NULL),
		"registration id"));
	assert_int_equal(
		token_new_x509(text("x"), text(NAMELESS_CERTIFICATE), text(PUMP_KEY), &token),
		-EINVAL);
	assert_int_equal(
		token_new_x509(text("x"), text(PUMP_CERTIFICATE), text(PUMP_KEY), &token), 0);
	assert_string_equal(token->kind, TOKEN_KIND_AZURE);
	assert_int_equal(token_value_read_identity(secret_span(&token->value), &identity), 0);
	assert_true(span_equal(identity, text(PUMP_CERTIFICATE PUMP_KEY)));
	token_free(token);
}

static void test_identity(void **state)
{
	struct span identity, certificate, key;
	struct token *token = NULL;
	bool too_long = true;

	assert_null(token_check_identity(
		text("pump"), text(PUMP_CERTIFICATE), text(PUMP_KEY), &too_long));
	assert_false(too_long);
	assert_non_null(
		token_check_identity(text(""), text(PUMP_CERTIFICATE), text(PUMP_KEY), NULL));
	assert_non_null(
		token_check_identity(text("pump"), text(PUMP_CERTIFICATE), text(OTHER_KEY), NULL));
	assert_int_equal(
		token_new_identity(text("pump"), text(PUMP_CERTIFICATE), text(OTHER_KEY), &token),
		-EINVAL);
	assert_int_equal(
		token_new_identity(text("pump"), text(PUMP_CERTIFICATE), text(PUMP_KEY), &token),
		0);
	assert_string_equal(token->kind, TOKEN_KIND_MQTT);
	assert_int_equal(token_value_read_identity(secret_span(&token->value), &identity), 0);
	assert_true(span_equal(identity, text(PUMP_CERTIFICATE PUMP_KEY)));
	assert_int_equal(
		token_value_split_identity(secret_span(&token->value), &certificate, &key), 0);
	assert_true(span_equal(certificate, text(PUMP_CERTIFICATE)));
	assert_true(span_equal(key, text(PUMP_KEY)));
	/* The one form is never taken for the other, and cut anywhere it never reads on. */
	assert_int_equal(
		token_value_read(secret_span(&token->value), &certificate, &key), -EBADMSG);
	for (size_t size = 0; size < token->value.size; size++) {
		uint8_t *copy = malloc(size + 1);

		memcpy(copy, token->value.data, size);
		if (token_value_read_identity(span_of(copy, size), &identity) == 0)
			assert_ptr_equal(identity.data + identity.size, copy + size);
		free(copy);
	}
	token_free(token);
	/* A certificate whose last line has no end does not run into the key. */
	assert_int_equal(token_new_identity(text("pump"),
				 span_of(PUMP_CERTIFICATE, strlen(PUMP_CERTIFICATE) - 1),
				 text(PUMP_KEY), &token),
		0);
	assert_int_equal(token_value_read_identity(secret_span(&token->value), &identity), 0);
	assert_true(span_equal(identity, text(PUMP_CERTIFICATE PUMP_KEY)));
	token_free(token);
}

static void test_value(void **state)
{
	struct span username, password;
	struct secret value = {0};

	assert_int_equal(token_value_make(text("user"), text("secret"), &value), 0);
	assert_int_equal(token_value_read(secret_span(&value), &username, &password), 0);
	assert_true(span_equal(username, text("user")));
	assert_true(span_equal(password, text("secret")));
	/* Cut anywhere it is no value, or one with a shorter password, never one that reads on. */
	for (size_t size = 0; size < value.size; size++) {
		int r = token_value_read(span_of(value.data, size), &username, &password);

		assert_int_equal(r, size > 3 + 4 ? 0 : -EBADMSG);
	}
	value.data[0] = 2;
	assert_int_equal(token_value_read(secret_span(&value), &username, &password), -EBADMSG);
	value.data[0] = 1;
	value.data[1] = 0xff;
	assert_int_equal(token_value_read(secret_span(&value), &username, &password), -EBADMSG);
	secret_clear(&value);
}

static void add(struct token_list *list, const char *ep, unsigned line)
{
	struct token *token;

	assert_int_equal(token_new(text(ep), text("u"), text("p"), &token), 0);
	token->line = line;
	token_list_add(list, token);
}

static void test_list(void **state)
{
	struct token_list list = {0}, more = {0};
	const struct token *second;
	struct token *token;

	assert_int_equal(token_new(text("a b"), text("u"), text("p"), &token), -EINVAL);
	assert_int_equal(token_list_find_twice(&list, &second), 0);
	assert_null(second);
	add(&list, "b", 1);
	add(&list, "a", 2);
	assert_int_equal(token_list_find_twice(&list, &second), 0);
	assert_null(second);
	add(&more, "c", 3);
	add(&more, "a", 4);
	add(&more, "b", 9);
	token_list_join(&list, &more);
	assert_int_equal(more.count, 0);
	assert_null(more.first);
	assert_int_equal(list.count, 5);
	assert_string_equal(list.last->ep, "b");
	assert_int_equal(token_list_find_twice(&list, &second), 0);
	assert_int_equal(second->line, 4);
	token_list_join(&list, &more);
	assert_int_equal(list.count, 5);
	token_list_clear(&list);
	assert_null(list.first);
}

static void test_names(void **state)
{
	struct token_names names = {0};
	char ep[16];

	assert_null(token_names_find(&names, "mqtt", "a"));
	token_names_drop(&names, "mqtt", "a");
	for (int i = 999; i >= 0; i--) {
		snprintf(ep, sizeof(ep), "ep-%03d", i * 7 % 1000);
		assert_int_equal(token_names_put(&names, "mqtt", ep, i), 0);
	}
	/* Found before it is sorted, too. */
	assert_non_null(token_names_find(&names, "mqtt", "ep-500"));
	token_names_sort(&names);
	assert_int_equal(names.count, 1000);
	for (size_t i = 1; i < names.count; i++)
		assert_true(strcmp(names.name[i - 1].ep, names.name[i].ep) < 0);
	assert_int_equal(token_names_bring(&names, "mqtt", "ep-123", 66), 0);
	assert_false(token_names_find(&names, "mqtt", "ep-123")->brought);
	assert_int_equal(token_names_bring(&names, "spotflow", "ep-123", 66), 0);
	assert_int_equal(token_names_bring(&names, "spotflow", "ep-123", 67), 0);
	assert_true(token_names_find(&names, "spotflow", "ep-123")->brought);
	assert_int_equal(token_names_find(&names, "spotflow", "ep-123")->since, 67);
	token_names_sort(&names);
	assert_int_equal(token_names_put(&names, "spotflow", "ep-123", 68), 0);
	assert_false(token_names_find(&names, "spotflow", "ep-123")->brought);
	assert_int_equal(token_names_bring(&names, "spotflow", "ep-123", 69), 0);
	assert_int_equal(token_names_find(&names, "spotflow", "ep-123")->since, 68);
	token_names_drop(&names, "spotflow", "ep-123");
	assert_int_equal(token_names_put(&names, "mqtt", "ep-123", 77), 0);
	assert_int_equal(token_names_put(&names, "other", "ep-123", 78), 0);
	token_names_sort(&names);
	assert_int_equal(names.count, 1001);
	assert_int_equal(token_names_find(&names, "mqtt", "ep-123")->since, 77);
	assert_int_equal(token_names_find(&names, "other", "ep-123")->since, 78);
	assert_int_equal(token_names_after(&names, "mqtt", "ep-123"), 124);
	assert_int_equal(token_names_after(&names, "mqtt", ""), 0);
	token_names_drop(&names, "mqtt", "ep-123");
	assert_null(token_names_find(&names, "mqtt", "ep-123"));
	assert_non_null(token_names_find(&names, "other", "ep-123"));
	assert_int_equal(names.count, 1000);
	assert_int_equal(token_names_after(&names, "mqtt", "ep-123"), 123);
	token_names_clear(&names);
	assert_int_equal(names.count, 0);
}

static void test_operator_token(void **state)
{
	static uint8_t long_one[OPERATOR_TOKEN_MAX + 1];
	struct token *token = NULL;
	bool too_long = true;

	memset(long_one, 'x', sizeof(long_one));
	assert_null(token_check_operator(SPAN_LITERAL("eyJ.a-b_c"), &too_long));
	assert_false(too_long);
	assert_string_equal(token_check_operator(SPAN_LITERAL(""), NULL), "is empty");
	assert_non_null(token_check_operator(SPAN_LITERAL("a b"), NULL));
	assert_non_null(token_check_operator(SPAN_LITERAL("a\nb"), NULL));
	assert_non_null(token_check_operator(SPAN_LITERAL("\xc3\xa4"), NULL));
	assert_null(token_check_operator(span_of(long_one, OPERATOR_TOKEN_MAX), &too_long));
	assert_false(too_long);
	assert_non_null(token_check_operator(span_of(long_one, sizeof(long_one)), &too_long));
	assert_true(too_long);
	assert_int_equal(token_new_operator("spotflow", SPAN_LITERAL("a b"), &token), -EINVAL);
	assert_null(token);
	assert_int_equal(token_new_operator("spotflow", SPAN_LITERAL("secret"), &token), 0);
	assert_string_equal(token->kind, TOKEN_KIND_OPERATOR);
	assert_string_equal(token->ep, "spotflow");
	assert_true(span_equal(secret_span(&token->value), SPAN_LITERAL("secret")));
	token_free(token);
}

static void test_provisioning_tokens(void **state)
{
	char long_one[TOKEN_PT_MAX + 2];
	struct token *token;
	bool too_long = true;

	memset(long_one, 'p', sizeof(long_one));
	assert_null(token_check_pt(SPAN_LITERAL("pump"), SPAN_LITERAL("PT/1+2=="), &too_long));
	assert_false(too_long);
	assert_non_null(token_check_pt(SPAN_LITERAL(""), SPAN_LITERAL("pt"), NULL));
	assert_non_null(token_check_pt(SPAN_LITERAL("a b"), SPAN_LITERAL("pt"), NULL));
	assert_non_null(token_check_pt(SPAN_LITERAL("pump"), SPAN_LITERAL(""), NULL));
	assert_non_null(token_check_pt(SPAN_LITERAL("pump"), SPAN_LITERAL("p t"), NULL));
	assert_non_null(token_check_pt(SPAN_LITERAL("pump"), SPAN_LITERAL("p\nt"), NULL));
	assert_non_null(token_check_pt(SPAN_LITERAL("pump"), SPAN_LITERAL("p\xc3\xa4"), NULL));
	assert_null(token_check_pt(SPAN_LITERAL("pump"), span_of(long_one, TOKEN_PT_MAX), NULL));
	assert_non_null(token_check_pt(
		SPAN_LITERAL("pump"), span_of(long_one, TOKEN_PT_MAX + 1), &too_long));
	assert_true(too_long);
	assert_int_equal(token_new_pt(SPAN_LITERAL("pump"), SPAN_LITERAL(""), &token), -EINVAL);
	assert_int_equal(token_new_pt(SPAN_LITERAL("pump"), SPAN_LITERAL("pt-1"), &token), 0);
	assert_string_equal(token->kind, "spotflow");
	assert_string_equal(token->ep, "pump");
	assert_true(span_equal(secret_span(&token->value), SPAN_LITERAL("pt-1")));
	token_free(token);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_operator_token),
		cmocka_unit_test(test_provisioning_tokens),
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_identity),
		cmocka_unit_test(test_x509),
		cmocka_unit_test(test_value),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
