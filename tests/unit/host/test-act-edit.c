/* SPDX-License-Identifier: Apache-2.0 */

/* What an act changes in the record, applied to a record that may have changed since it was looked
 * at: no device is needed for that, and no host. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "host/act.h"

#define LABEL	"0123456789abcdef"
#define ANOTHER "fedcba9876543210"

static struct device_record a_record(void)
{
	struct device_record record = {.name = "Boiler", .place = "Cellar", .trust = TRUST_PLAIN};

	record.address.ip.s6_addr[15] = 7;
	snprintf(record.kept_proof, sizeof(record.kept_proof), "%s", "proof");
	return record;
}

static int apply(struct device_record *record, const struct act_edit *edit, const char **ret_why)
{
	*ret_why = NULL;
	return act_edit_apply(record, edit, ret_why);
}

static void only_what_was_said_is_renamed(void **state)
{
	struct act act = {.kind = ACT_RENAME, .has_place = true, .place = "Roof", .who = "anna"};
	struct device_record record = a_record();
	struct act_edit edit;
	const char *why;

	act_edit_init(&act, &edit);
	assert_int_equal(apply(&record, &edit, &why), 0);
	assert_string_equal(record.name, "Boiler");
	assert_string_equal(record.place, "Roof");
	assert_string_equal(edit.decided_by, "anna");
	assert_string_equal(record.decided_by, ""); /* a name is no decision */
}

static void the_fifth_wrong_code_voids_it(void **state)
{
	struct device_record record = a_record();
	struct act_edit wrong = {.wrong_code = true}, right = {.right_code = true};
	const char *why;

	for (unsigned i = 1; i < CODE_TRIES_MAX; i++) {
		assert_int_equal(apply(&record, &wrong, &why), 0);
		assert_false(record.code_locked);
	}
	assert_int_equal(apply(&record, &right, &why), 0);
	assert_int_equal(record.code_tries, 0);
	for (unsigned i = 0; i < CODE_TRIES_MAX; i++)
		assert_int_equal(apply(&record, &wrong, &why), 0);
	assert_true(record.code_locked);
	assert_int_equal(apply(&record, &right, &why), -EACCES);
	assert_non_null(strstr(why, "void"));
	assert_int_equal(apply(&record, &(struct act_edit){.unlock = true}, &why), 0);
	assert_false(record.code_locked);
	assert_int_equal(record.code_tries, 0);
}

static void who_is_asked_answers_once_more(void **state)
{
	struct device_record asked = a_record(), comes = a_record();
	struct act_edit wrong = {.wrong_code = true};
	const char *why;

	asked.is_server = true;
	assert_int_equal(apply(&asked, &wrong, &why), 0);
	assert_int_equal(apply(&comes, &wrong, &why), 0);
	assert_string_equal(asked.kept_proof, "");
	assert_string_equal(comes.kept_proof, "proof");
}

static void a_code_is_shown_here_only_while_it_counts(void **state)
{
	struct device_record record = a_record();
	struct act_edit edit = {.code_here = 3};
	const char *why;

	assert_int_equal(apply(&record, &edit, &why), -ESTALE); /* no operation is open */
	record.life.operation = OPERATION_AWAITING;
	record.life.operation_number = 4;
	record.info.display = true;
	assert_int_equal(secret_set(&record.life.operation_code, SPAN_LITERAL("KDQ2-8HMX")), 0);
	assert_int_equal(apply(&record, &edit, &why), -ESTALE); /* another one is */
	assert_int_equal(record.evidence, EVIDENCE_NONE);
	edit.code_here = 4;
	assert_int_equal(apply(&record, &edit, &why), 0);
	assert_int_equal(record.evidence, EVIDENCE_SHOWN_BY_GATEWAY);
	secret_clear(&record.life.operation_code);
}

static void a_label_is_of_who_proved_it(void **state)
{
	struct device_record record = a_record();
	struct act_edit edit = {.claimed = LABEL, .claimed_from = record.address};
	const char *why;

	edit.claimed_from.ip.s6_addr[15] = 8;
	assert_int_equal(apply(&record, &edit, &why), -ESTALE);
	assert_non_null(strstr(why, "moved"));
	assert_string_equal(record.proved_label, "");
	edit.claimed_from = record.address;
	assert_int_equal(apply(&record, &edit, &why), 0);
	assert_string_equal(record.proved_label, LABEL);
	assert_int_equal(record.trust, TRUST_CLAIMED);
	assert_string_equal(record.kept_proof, "");

	/* The same once more changes nothing, wherever it is; another one does not lower a tier. */
	record.trust = TRUST_PSK;
	edit.claimed_from.ip.s6_addr[15] = 8;
	assert_int_equal(apply(&record, &edit, &why), 0);
	assert_int_equal(record.trust, TRUST_PSK);
	memcpy(edit.claimed, ANOTHER, sizeof(ANOTHER));
	edit.claimed_from = record.address;
	assert_int_equal(apply(&record, &edit, &why), -ESTALE);
	assert_string_equal(record.proved_label, LABEL);
}

static void a_decision_has_a_person_and_its_evidence(void **state)
{
	struct act act = {.kind = ACT_APPROVE, .who = "anna"};
	struct device_record record = a_record();
	struct act_edit edit;
	const char *why;

	memcpy(record.fingerprint, "aa", 3);
	act_edit_init(&act, &edit);
	edit.decides = true;
	edit.evidence = EVIDENCE_SHOWN_BY_GATEWAY;
	edit.now = 1234;
	assert_int_equal(apply(&record, &edit, &why), 0);
	assert_string_equal(record.decided_by, "anna");
	assert_int_equal(record.evidence, EVIDENCE_SHOWN_BY_GATEWAY);
	assert_int_equal(record.decided_at, 1234);
	assert_false(record.released);
	assert_string_equal(record.fingerprint, "aa");
	edit.releases = true;
	assert_int_equal(apply(&record, &edit, &why), 0);
	assert_true(record.released);
	assert_string_equal(record.fingerprint, ""); /* another proof may take its name */
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_was_said_is_renamed),
		cmocka_unit_test(the_fifth_wrong_code_voids_it),
		cmocka_unit_test(who_is_asked_answers_once_more),
		cmocka_unit_test(a_code_is_shown_here_only_while_it_counts),
		cmocka_unit_test(a_label_is_of_who_proved_it),
		cmocka_unit_test(a_decision_has_a_person_and_its_evidence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
