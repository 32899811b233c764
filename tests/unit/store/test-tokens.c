/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens on disk: sealed, tied to their names, whole lists or nothing. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fixture.h"
#include "loaded.h"

struct got {
	bool done;
	int result;
	char text[128];
};

static void take(void *userdata, int result, struct span value)
{
	struct got *got = userdata;
	struct span username, password;

	assert_false(got->done);
	got->done = true;
	got->result = result;
	if (result < 0) {
		assert_int_equal(value.size, 0);
		return;
	}
	assert_int_equal(token_value_read(value, &username, &password), 0);
	snprintf(got->text, sizeof(got->text), "%.*s:%.*s", (int)username.size,
		(const char *)username.data, (int)password.size, (const char *)password.data);
}

static struct got get(struct fixture *fixture, const char *ep)
{
	struct got got = {0};

	store_get_token(fixture->store, TOKEN_KIND_MQTT, ep, take, &got);
	fixture_wait(fixture, &got.done);
	return got;
}

static void add(struct token_list *list, const char *ep, const char *password, int64_t since)
{
	struct token *token;

	assert_int_equal(token_new(span_from_string(ep), SPAN_LITERAL("user"),
				 span_from_string(password), &token),
		0);
	token->since = since;
	token_list_add(list, token);
}

static struct change *put(struct token_list *list)
{
	struct change *change = change_begin();

	assert_int_equal(change_put_tokens(change, list), 0);
	assert_null(list->first);
	return change;
}

static void test_put_get_drop(void **state)
{
	struct token_list list = {0};
	struct loaded loaded = {0};
	struct change *change;
	struct fixture f;

	fixture_init(&f);
	fixture_open(&f);
	fixture_start(&f);
	assert_int_equal(get(&f, "a").result, -ENOENT);
	add(&list, "b", "canary-of-b", 20);
	add(&list, "a", "canary-of-a", 10);
	assert_int_equal(fixture_save(&f, put(&list)), 0);
	assert_string_equal(get(&f, "a").text, "user:canary-of-a");
	add(&list, "a", "canary-of-new-a", 30);
	assert_int_equal(fixture_save(&f, put(&list)), 0);
	assert_string_equal(get(&f, "a").text, "user:canary-of-new-a");
	assert_string_equal(get(&f, "b").text, "user:canary-of-b");
	reload(&f, &loaded);
	assert_int_equal(loaded.tokens, 2);
	assert_string_equal(loaded.token[0], "mqtt a 30");
	assert_string_equal(loaded.token[1], "mqtt b 20");
	fixture_start(&f);
	change = change_begin();
	assert_int_equal(change_drop_token(change, TOKEN_KIND_MQTT, "a"), 0);
	assert_int_equal(change_drop_token(change, TOKEN_KIND_MQTT, "nobody"), 0);
	assert_int_equal(fixture_save(&f, change), 0);
	assert_int_equal(get(&f, "a").result, -ENOENT);
	assert_string_equal(get(&f, "b").text, "user:canary-of-b");
	fixture_stop(&f);
	assert_false(fixture_holds(&f, "canary", 6));
	assert_true(fixture_holds(&f, "mqtt", 4));
	fixture_done(&f);
}

static void bring(
	struct token_list *list, const char *ep, const char *pt, int64_t since, bool brought)
{
	struct token *token;

	assert_int_equal(token_new_pt(span_from_string(ep), span_from_string(pt), &token), 0);
	token->since = since;
	token->brought = brought;
	token_list_add(list, token);
}

/* What a device brings replaces what it brought, and never what was imported. */
static void test_brought(void **state)
{
	struct token_list list = {0};
	struct loaded loaded = {0};
	struct fixture f;

	fixture_init(&f);
	fixture_open(&f);
	fixture_start(&f);
	bring(&list, "a", "canary-1", 10, true);
	bring(&list, "b", "canary-2", 20, false);
	assert_int_equal(fixture_save(&f, put(&list)), 0);
	bring(&list, "a", "canary-3", 30, true);
	bring(&list, "b", "canary-4", 40, true);
	assert_int_equal(fixture_save(&f, put(&list)), 0);
	reload(&f, &loaded);
	assert_int_equal(loaded.tokens, 2);
	assert_string_equal(loaded.token[0], "spotflow a 30 brought");
	assert_string_equal(loaded.token[1], "spotflow b 20");
	fixture_start(&f);
	bring(&list, "a", "canary-5", 50, false);
	assert_int_equal(fixture_save(&f, put(&list)), 0);
	loaded = (struct loaded){0};
	reload(&f, &loaded);
	assert_string_equal(loaded.token[0], "spotflow a 50");
	fixture_stop(&f);
	assert_false(fixture_holds(&f, "canary", 6));
	fixture_done(&f);
}

/* Beside the devices' ones, and none of them. */
static void test_operator(void **state)
{
	struct token_list list = {0};
	struct loaded loaded = {0};
	struct token *token;
	struct fixture f;
	int r;

	fixture_init(&f);
	fixture_open(&f);
	fixture_start(&f);
	add(&list, "spotflow", "canary", 20);
	assert_int_equal(token_new_operator("spotflow", SPAN_LITERAL("canary-o"), &token), 0);
	token->since = 30;
	token_list_add(&list, token);
	assert_int_equal(fixture_save(&f, put(&list)), 0);
	reload(&f, &loaded);
	assert_string_equal(loaded.operator_token, "spotflow 30 canary-o");
	assert_int_equal(loaded.tokens, 1);
	assert_string_equal(loaded.token[0], "mqtt spotflow 20");
	fixture_stop(&f);
	assert_false(fixture_holds(&f, "canary", 6));
	fixture_sql(&f, "control.db",
		"UPDATE token SET value_sealed = (SELECT value_sealed FROM token WHERE kind ="
		" 'mqtt') WHERE kind = 'operator'");
	assert_int_equal(fixture_try(&f, &r), STORE_CORRUPT);
	assert_non_null(strstr(f.why, "'spotflow'"));
	fixture_done(&f);
}

/* What was handed in before is seen; what comes at the end is answered. */
static void test_order(void **state)
{
	struct answer saved = {0};
	struct token_list list = {0};
	struct got got = {0}, late = {0};
	struct fixture f;

	fixture_init(&f);
	fixture_open(&f);
	fixture_start(&f);
	add(&list, "a", "one", 1);
	store_save(f.store, put(&list), answer_take, &saved);
	store_get_token(f.store, TOKEN_KIND_MQTT, "a", take, &got);
	fixture_wait(&f, &got.done);
	assert_string_equal(got.text, "user:one");
	assert_int_equal(saved.result, 0);
	store_get_token(f.store, TOKEN_KIND_MQTT, "a", take, &late);
	fixture_stop(&f);
	assert_true(late.done);
	assert_true(late.result == 0 || late.result == -ECANCELED);
	fixture_done(&f);
}

/* A value that was moved to another name, or changed, does not open; the store says so at the start
 * and not only when it is needed. */
static void test_moved(void **state)
{
	struct token_list list = {0};
	struct fixture f;
	int r;

	fixture_init(&f);
	fixture_open(&f);
	fixture_start(&f);
	add(&list, "a", "one", 1);
	add(&list, "b", "two", 1);
	assert_int_equal(fixture_save(&f, put(&list)), 0);
	fixture_stop(&f);
	fixture_sql(&f, "control.db",
		"UPDATE token SET value_sealed = (SELECT value_sealed FROM token WHERE ep = 'a')"
		" WHERE ep = 'b'");
	assert_int_equal(fixture_try(&f, &r), STORE_CORRUPT);
	assert_non_null(strstr(f.why, "token"));
	assert_non_null(strstr(f.why, "'b'"));
	fixture_done(&f);
}

/* One change: with its other items, or not at all. */
static void test_whole(void **state)
{
	struct token_list list = {0};
	struct device_record *wrong = sample_device(0);
	struct change *change;
	struct fixture f;

	fixture_init(&f);
	fixture_open(&f);
	fixture_start(&f);
	add(&list, "a", "one", 1);
	change = put(&list);
	assert_int_equal(change_put_device(change, wrong), 0);
	assert_int_equal(fixture_save(&f, change), -EINVAL);
	assert_int_equal(get(&f, "a").result, -ENOENT);
	device_record_free(wrong);
	fixture_done(&f);
}

static void test_many(void **state)
{
	struct token_list list = {0};
	struct fixture f;
	char ep[32];

	fixture_init(&f);
	fixture_open(&f);
	fixture_start(&f);
	for (int i = 0; i < 5000; i++) {
		snprintf(ep, sizeof(ep), "device-%d", i);
		add(&list, ep, ep, i);
	}
	assert_int_equal(fixture_save(&f, put(&list)), 0);
	assert_string_equal(get(&f, "device-4711").text, "user:device-4711");
	fixture_restart(&f);
	assert_string_equal(get(&f, "device-17").text, "user:device-17");
	fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_put_get_drop),
		cmocka_unit_test(test_brought),
		cmocka_unit_test(test_operator),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_moved),
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
