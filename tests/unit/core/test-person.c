/* SPDX-License-Identifier: Apache-2.0 */

/* Names, roles, passwords, and the brake on guessing. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "core/password-list.h"
#include "core/person.h"

static void test_roles(void **state)
{
	enum role role = ROLES;

	assert_int_equal(role_from_string("viewer", &role), 0);
	assert_int_equal(role, ROLE_VIEWER);
	assert_int_equal(role_from_string("technician", &role), 0);
	assert_int_equal(role, ROLE_TECHNICIAN);
	assert_int_equal(role_from_string("admin", &role), 0);
	assert_int_equal(role, ROLE_ADMIN);
	/* Nobody can be given no role, or one by another spelling. */
	assert_int_equal(role_from_string("none", &role), -EINVAL);
	assert_int_equal(role_from_string("Admin", &role), -EINVAL);
	assert_int_equal(role_from_string("", &role), -EINVAL);
	assert_int_equal(role, ROLE_ADMIN);
	assert_string_equal(role_to_string(ROLE_NONE), "none");
	assert_string_equal(role_to_string(ROLE_VIEWER), "viewer");
	assert_null(role_to_string(ROLES));
}

static void test_names(void **state)
{
	static const char *const good[] = {
		"a", "anna", "anna.b", "anna_b-2", "7up", "abcdefghijklmnopqrstuvwxyz012345"};
	static const char *const bad[] = {"", "Anna", ".anna", "-anna", "_anna", "an na", "an/na",
		"anna\n", "\xc3\xa4nna", "a\xc3\xa4", "abcdefghijklmnopqrstuvwxyz0123456"};
	const char *why = NULL;

	for (size_t i = 0; i < ELEMENTS(good); i++)
		assert_int_equal(person_name_check(good[i], &why), 0);
	assert_null(why);
	for (size_t i = 0; i < ELEMENTS(bad); i++) {
		why = NULL;
		assert_int_equal(person_name_check(bad[i], &why), -EINVAL);
		assert_non_null(why);
	}
}

static void assert_refused(const char *password, const char *name)
{
	const char *why = NULL;

	if (password_check(password, name, &why) != -EINVAL)
		fail_msg("\"%s\" was taken", password);
	assert_non_null(why);
}

static void assert_taken(const char *password, const char *name)
{
	const char *why = NULL;

	if (password_check(password, name, &why) != 0)
		fail_msg("\"%s\" was refused: %s", password, why);
	assert_null(why);
}

static void test_password_length(void **state)
{
	char text[PASSWORD_MAX + 2];

	assert_refused("", "anna");
	assert_refused("kzw vogel lamp", "anna"); /* 14 */
	assert_taken("kzw vogel lampe", "anna");  /* 15 */
	/* Characters count, not bytes: 14 of two bytes each are too few. */
	assert_refused(
		"\xc3\xa4\xc3\xb6\xc3\xbc\xc3\xa9\xc3\xa8\xc3\xaa\xc3\xa2\xc3\xae\xc3\xb4\xc3\xbb"
		"\xc3\xa5\xc3\xb8\xc3\xb1\xc3\xa7",
		"anna");
	assert_taken(
		"\xc3\xa4\xc3\xb6\xc3\xbc\xc3\xa9\xc3\xa8\xc3\xaa\xc3\xa2\xc3\xae\xc3\xb4\xc3\xbb"
		"\xc3\xa5\xc3\xb8\xc3\xb1\xc3\xa7\xc3\x9f",
		"anna");
	for (unsigned i = 0; i < sizeof(text); i++)
		text[i] = (char)('a' + i * i % 26);
	memcpy(text, "xkcd vogel", 10);
	text[PASSWORD_MAX + 1] = '\0';
	assert_refused(text, "anna");
	text[PASSWORD_MAX] = '\0';
	assert_taken(text, "anna");
}

static void test_password_text(void **state)
{
	assert_refused("kzw vogel\nlampe 12", "anna");
	assert_refused("kzw vogel\x7flampe 12", "anna");
	assert_refused("kzw vogel \xff lampe 12", "anna");
	assert_taken("Vogel-Lampe Rinde 9!", "anna");
	assert_taken("\xd0\xbf\xd1\x82\xd0\xb8\xd1\x86\xd0\xb0 "
		     "\xd0\xbb\xd0\xb0\xd0\xbc\xd0\xbf\xd0\xb0 vogel",
		"anna");
}

static void test_name_is_no_password(void **state)
{
	assert_refused("anna.bergmann-7.plant", "anna.bergmann-7.plant");
	assert_refused("Anna.Bergmann-7.Plant", "anna.bergmann-7.plant");
	assert_refused("annabergmannannabergmann", "annabergmann");
	assert_refused("annabergmann2024!", "annabergmann");
	assert_refused("AnnaBergmannGatehouse1", "annabergmann");
	assert_taken("annabergmann kocht vogel", "annabergmann");
	assert_taken("vogel lampe rinde", "");
}

static void test_repetitions(void **state)
{
	assert_refused("aaaaaaaaaaaaaaaaaaaa", "anna");
	assert_refused("abababababababab", "anna");
	assert_refused("AbcAbcAbcAbcAbcAb", "anna");
	assert_refused("hx7bkq2mhx7bkq2m", "anna");
	assert_refused("888888888888888", "anna");
}

static void test_runs(void **state)
{
	assert_refused("123456789012345", "anna");
	assert_refused("987654321098765", "anna");
	assert_refused("abcdefghijklmno", "anna");
	assert_refused("zyxwvutsrqponml", "anna");
	assert_refused("qwertyuiopasdfg", "anna");
	assert_refused("Qwertyuiop123456", "anna");
	assert_refused("1qaz2wsx3edc4rfv", "anna");
	assert_refused("qwertz123456789!", "anna");
	assert_refused("!@#$%^&*()_+123456", "anna");
	assert_refused("qwerty7294618362", "anna");
	/* Digits that nobody could foresee. */
	assert_taken("749206183759204", "anna");
	assert_taken("4920 1837 5506 9284", "anna");
}

static void test_product_words(void **state)
{
	assert_refused("gatehousegatehouse", "anna");
	assert_refused("Gatehouse-Admin-2024", "anna");
	assert_refused("G@teh0use Adm1n!!", "anna");
	assert_refused("password12345678", "anna");
	assert_refused("P@ssw0rd12345678", "anna");
	assert_refused("admin password 1", "anna");
	assert_refused("***technician***", "anna");
	assert_taken("gatehouse vogel rinde", "anna");
}

static void test_common_texts(void **state)
{
	size_t count;
	const char *const *texts = password_common_texts(&count);

	assert_true(count >= 300);
	for (size_t i = 0; i < count; i++) {
		assert_true(strlen(texts[i]) >= PASSWORD_MIN);
		for (const char *c = texts[i]; *c; c++)
			assert_true((*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9'));
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(texts[i], texts[j]);
		assert_refused(texts[i], "anna");
	}
	assert_refused("Correct Horse Battery Staple", "anna");
	assert_refused("correct-horse-battery-staple!1", "anna");
	assert_refused("C0rrectH0rseB@tterySt@ple", "anna");
	assert_refused("2024 may the force be with you", "anna");
}

static void test_too_long_for_the_list(void **state)
{
	char text[PASSWORD_MAX + 2];
	const char *why = NULL;

	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_false(password_is_common(text, "anna", &why));
	assert_false(password_is_common("aaaaaaaaaaaaaaaa", text, &why));
	assert_null(why);
}

static void test_guard(void **state)
{
	struct login_guard guard = {0};
	uint64_t now = 1000, wait = 0, expected = USEC_PER_SEC;

	for (unsigned i = 0; i < 4; i++) {
		assert_true(login_guard_may_try(&guard, now, &wait));
		login_guard_failed(&guard, now);
	}
	assert_true(login_guard_may_try(&guard, now, &wait));
	for (unsigned i = 0; i < 14; i++) {
		login_guard_failed(&guard, now);
		assert_false(login_guard_may_try(&guard, now, &wait));
		assert_int_equal(wait, expected);
		now += wait;
		assert_true(login_guard_may_try(&guard, now, &wait));
		expected = expected * 2 < 900 * USEC_PER_SEC ? expected * 2 : 900 * USEC_PER_SEC;
	}
	assert_int_equal(expected, 900 * USEC_PER_SEC);
	login_guard_passed(&guard);
	assert_int_equal(guard.failures, 0);
	login_guard_failed(&guard, now);
	assert_true(login_guard_may_try(&guard, now, &wait));
}

static void test_guard_never_overflows(void **state)
{
	struct login_guard guard = {.failures = UINT32_MAX};
	uint64_t wait = 0;

	login_guard_failed(&guard, 5);
	assert_int_equal(guard.failures, UINT32_MAX);
	assert_false(login_guard_may_try(&guard, 5, &wait));
	assert_int_equal(wait, 900 * USEC_PER_SEC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_roles),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_password_length),
		cmocka_unit_test(test_password_text),
		cmocka_unit_test(test_name_is_no_password),
		cmocka_unit_test(test_repetitions),
		cmocka_unit_test(test_runs),
		cmocka_unit_test(test_product_words),
		cmocka_unit_test(test_common_texts),
		cmocka_unit_test(test_too_long_for_the_list),
		cmocka_unit_test(test_guard),
		cmocka_unit_test(test_guard_never_overflows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
