/* SPDX-License-Identifier: Apache-2.0 */
/* The one table in pieces: each text stands in exactly one of them, and says something. And the
 * words of the program that stand on the page: people have one for each. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/cleanup.h"
#include "core/alarm.h"
#include "core/audit.h"
#include "core/device.h"
#include "web/texts-parts.h"
#include "web/word.h"

static const char *const *const parts[] = {texts_person, texts_device, texts_gateway, texts_secret};

static void test_each_stands_once(void **state)
{
	for (unsigned id = 0; id < TEXTS; id++) {
		const char *found = NULL;

		for (size_t i = 0; i < ELEMENTS(parts); i++)
			if (parts[i][id]) {
				assert_null(found);
				found = parts[i][id];
			}
		if (!found)
			fail_msg("text %u stands nowhere", id);
		assert_true(strlen(found) > 0);
		assert_ptr_equal(text((enum text)id), found);
	}
}

/* Neither begins nor ends with a space: the page puts those where two meet. */
static void test_no_space_at_the_ends(void **state)
{
	for (unsigned id = 0; id < TEXTS; id++) {
		const char *said = text((enum text)id);

		assert_int_not_equal(said[0], ' ');
		assert_int_not_equal(said[strlen(said) - 1], ' ');
		assert_null(strstr(said, "  "));
	}
}

static void assert_word(enum word_kind kind, const char *word)
{
	const struct word *found = word_find(kind, word);

	if (!found)
		fail_msg("people have no word for \"%s\"", word);
	assert_true(found->label[0] || (kind == WORD_EVIDENCE && !strcmp(word, "none")));
	assert_true(strlen(found->label) < 50);
}

/* Whatever a row of the journal may hold has a word of people, and no two acts have the same. */
static void test_words_of_the_journal(void **state)
{
	for (unsigned i = 0; i < AUDIT_ACTIONS; i++) {
		assert_word(WORD_ACTION, audit_action(i));
		for (unsigned other = 0; other < i; other++)
			assert_string_not_equal(word_label(WORD_ACTION, audit_action(i)),
				word_label(WORD_ACTION, audit_action(other)));
	}
	for (unsigned i = 0; i < AUDIT_RESULTS; i++)
		assert_word(WORD_RESULT, audit_result((enum audit_result)i));
	for (unsigned i = 0; i < ALARMS; i++)
		assert_word(WORD_ALARM, alarm_row((enum alarm_kind)i)->id);
	for (unsigned i = 0; i < EVIDENCES; i++)
		assert_word(WORD_EVIDENCE, evidence_to_string((enum evidence)i));
	for (unsigned i = 0; i < TRUSTS; i++)
		assert_word(WORD_TRUST, trust_to_string((enum trust)i));
}

/* ... and nothing stands in the table that no row can hold. */
static void test_no_other_words(void **state)
{
	static const struct {
		enum word_kind kind;
		unsigned count;
	} row[] = {
		{WORD_ACTION, AUDIT_ACTIONS}, {WORD_RESULT, AUDIT_RESULTS}, {WORD_ALARM, ALARMS}};

	for (size_t i = 0; i < ELEMENTS(row); i++) {
		assert_non_null(word_at(row[i].kind, row[i].count - 1));
		assert_null(word_at(row[i].kind, row[i].count));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_stands_once),
		cmocka_unit_test(test_no_space_at_the_ends),
		cmocka_unit_test(test_words_of_the_journal),
		cmocka_unit_test(test_no_other_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
