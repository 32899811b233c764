/* SPDX-License-Identifier: Apache-2.0 */

/* What is near to what was typed, and that nothing far away is suggested. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/cleanup.h"
#include "ctl/similar.h"

static const char *const words[] = {"status", "devices", "window", "approve", "add", "qr",
	"journal", "suspend", "resume", "release", "replace", "block", "unblock"};

static const char *best(const char *typed)
{
	struct similar similar;

	similar_init(&similar, typed);
	for (size_t i = 0; i < ELEMENTS(words); i++)
		similar_try(&similar, words[i]);
	return similar.best;
}

static void test_slips_of_the_finger(void **state)
{
	static const struct {
		const char *typed, *meant;
	} slips[] = {{"statsu", "status"}, {"tsatus", "status"}, {"status", "status"},
		{"devcies", "devices"}, {"device", "devices"}, {"aprove", "approve"},
		{"approved", "approve"}, {"jurnal", "journal"}, {"windwo", "window"}, {"ad", "add"},
		{"adds", "add"}, {"unblok", "unblock"}, {"relpace", "replace"}};

	for (size_t i = 0; i < ELEMENTS(slips); i++)
		assert_string_equal(best(slips[i].typed), slips[i].meant);
}

static void test_beginnings(void **state)
{
	assert_string_equal(best("st"), "status");
	assert_string_equal(best("dev"), "devices");
	assert_string_equal(best("jour"), "journal");
	/* A slip of the finger is nearer than a beginning. */
	assert_string_equal(best("resumed"), "resume");
}

static void test_what_is_far_is_not_suggested(void **state)
{
	char long_word[200];

	assert_null(best("frob"));
	assert_null(best("x"));
	assert_null(best(""));
	assert_null(best("qx"));
	assert_null(best("reboot-now"));
	memset(long_word, 'a', sizeof(long_word) - 1);
	long_word[sizeof(long_word) - 1] = '\0';
	assert_null(best(long_word));
	long_word[SIMILAR_SIZE - 1] = '\0';
	assert_null(best(long_word));
}

static void test_question(void **state)
{
	struct similar similar;
	char text[64];

	similar_init(&similar, "statsu");
	assert_string_equal(similar_question(&similar, text, sizeof(text)), "");
	similar_try(&similar, "status");
	assert_string_equal(
		similar_question(&similar, text, sizeof(text)), " Did you mean 'status'?");
	memset(text, 'a', sizeof(text));
	similar_question(&similar, text, 8);
	assert_int_equal(strlen(text), 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slips_of_the_finger),
		cmocka_unit_test(test_beginnings),
		cmocka_unit_test(test_what_is_far_is_not_suggested),
		cmocka_unit_test(test_question),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
