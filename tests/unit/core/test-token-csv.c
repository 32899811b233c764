/* SPDX-License-Identifier: Apache-2.0 */

/* Lines of tokens: what the first one says, what each one holds, and what is wrong with it. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "../base/identity-fixture.h"
#include "core/token-csv.h"

static const char *take(
	struct token_csv *csv, const char *text, unsigned number, struct token **ret_token)
{
	static char line[4096];
	const char *why;
	int r = -1;

	snprintf(line, sizeof(line), "%s", text);
	why = token_csv_take(csv, line, strlen(line), number, ret_token, &r);
	assert_int_equal(r, 0);
	return why;
}

static void provisioning_tokens(void **state)
{
	struct token_csv csv = {0};
	struct token *token;

	assert_null(take(&csv, "EP,pt", 1, &token));
	assert_null(token);
	assert_null(take(&csv, "boiler-1,\"a,secret\"", 2, &token));
	assert_string_equal(token->kind, TOKEN_KIND_SPOTFLOW);
	assert_string_equal(token->ep, "boiler-1");
	assert_int_equal(token->line, 2);
	assert_true(span_equal(secret_span(&token->value), SPAN_LITERAL("a,secret")));
	token_free(token);
	/* The header stands once, at the front. */
	assert_null(take(&csv, "ep,pt", 3, &token));
	assert_non_null(token);
	token_free(token);
}

static void keys(void **state)
{
	struct token_csv csv = {0};
	struct token *token;

	assert_null(take(&csv, "ep,Key", 1, &token));
	assert_null(token);
	assert_null(take(&csv, "boiler-1,QUJD+/==", 2, &token));
	assert_string_equal(token->kind, TOKEN_KIND_AZURE);
	assert_string_equal(token->ep, "boiler-1");
	assert_int_equal(token->line, 2);
	assert_true(span_equal(secret_span(&token->value), SPAN_LITERAL("QUJD+/==")));
	token_free(token);
	assert_string_equal(
		take(&csv, "boiler-2,QUJD+/=", 3, &token), "has a key that is not base64");
	assert_null(token);
	assert_string_equal(token_word(TOKEN_KIND_AZURE), "key");
	assert_string_equal(token_word(TOKEN_KIND_SPOTFLOW), "pt");
	assert_null(token_word(TOKEN_KIND_MQTT));
}

static void static_credentials(void **state)
{
	struct token_csv csv = {0};
	struct token *token;

	assert_null(take(&csv, "ep,Username,password", 1, &token));
	assert_null(token);
	assert_null(take(&csv, "pump,user,pass", 2, &token));
	assert_string_equal(token->kind, TOKEN_KIND_MQTT);
	token_free(token);
	/* Without a header as well. */
	csv = (struct token_csv){0};
	assert_null(take(&csv, "pump,user,pass", 1, &token));
	assert_non_null(token);
	token_free(token);
}

static const char *load(void *userdata, enum token_row row, char *const *field,
	struct token **ret_token, int *ret_result)
{
	const struct span value[] = {
		span_from_string(PUMP_CERTIFICATE), span_from_string(PUMP_KEY)};

	assert_string_equal(field[1], "pump.pem");
	assert_string_equal(field[2], "pump.key");
	return token_row_new(row, span_from_string(field[0]), value, NULL, ret_token, ret_result);
}

static void certificates_by_file(void **state)
{
	struct token_csv csv = {.load = load};
	struct token *token;

	assert_null(take(&csv, "ep,certificate,Key", 1, &token));
	assert_null(token);
	assert_null(take(&csv, "pump,pump.pem,pump.key", 2, &token));
	assert_string_equal(token->kind, TOKEN_KIND_MQTT);
	assert_int_equal(token->line, 2);
	token_free(token);
	assert_string_equal(take(&csv, "pump,pump.pem", 3, &token),
		"has not the three fields ep, certificate and key");
	csv = (struct token_csv){.load = load};
	assert_null(take(&csv, "ep,X509,key", 1, &token));
	assert_null(take(&csv, "pump,pump.pem,pump.key", 2, &token));
	assert_string_equal(token->kind, TOKEN_KIND_AZURE);
	token_free(token);
	assert_string_equal(take(&csv, "pump,pump.pem", 3, &token),
		"has not the three fields ep, x509 and key");
	/* Who cannot read files says so once, and takes no name of one for a user's. */
	csv = (struct token_csv){0};
	assert_non_null(strstr(take(&csv, "ep,certificate,key", 1, &token), "names files"));
	assert_null(token);
}

static void what_is_wrong(void **state)
{
	static const struct {
		const char *header, *line, *why;
	} rows[] = {
		{"ep,pt", "boiler-1", "has not the two fields ep and pt"},
		{"ep,pt", "boiler-1,a,b", "has not the two fields ep and pt"},
		{"ep,pt", "boiler-1,\"a", "has a quotation mark that is not closed"},
		{"ep,pt", "a,b,c,d",
			"has too many fields (a comma inside of one needs quotation marks around "
			"it)"},
		{"ep,key", "boiler-1", "has not the two fields ep and key"},
		{"ep,key", "boiler-1,QUJD,x", "has not the two fields ep and key"},
		{"ep,key", "boiler-1,", "has no key"},
		{"ep,key", ",QUJD", "has no endpoint name"},
		{"ep,key", "boiler-1,QU-D", "has a key that is not base64"},
		{"ep,key", "boiler-1,QU=D", "has a key that is not base64"},
		{"ep,key", "boiler-1,=", "has a key that is not base64"},
		{"ep,username,password", "pump,user",
			"has not the three fields ep, username and password"},
	};
	struct token *token;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct token_csv csv = {0};

		assert_null(take(&csv, rows[i].header, 1, &token));
		assert_string_equal(take(&csv, rows[i].line, 2, &token), rows[i].why);
		assert_null(token);
	}
	/* What the values are is token_check()'s. */
	assert_non_null(take(&(struct token_csv){.fields = 2}, "boiler-1,", 2, &token));
	assert_non_null(take(&(struct token_csv){.fields = 2}, ",secret", 2, &token));
	/* A bad first line decides nothing: the next ones are credentials. */
	struct token_csv csv = {0};

	assert_non_null(take(&csv, "\"", 1, &token));
	assert_null(take(&csv, "pump,user,pass", 2, &token));
	token_free(token);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(provisioning_tokens),
		cmocka_unit_test(keys),
		cmocka_unit_test(static_credentials),
		cmocka_unit_test(certificates_by_file),
		cmocka_unit_test(what_is_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
