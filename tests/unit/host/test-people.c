/* SPDX-License-Identifier: Apache-2.0 */

/* People: the first one, and every change after that. Hashes are "hash:<password>" here. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "fakes.h"
#include "host/act.h"

int __wrap_password_hash(const char *password, char *ret_text);
int __wrap_password_verify(const char *password, const char *stored);

int __wrap_password_hash(const char *password, char *ret_text)
{
	snprintf(ret_text, PASSWORD_TEXT_SIZE, "hash:%.100s", password);
	return 0;
}

int __wrap_password_verify(const char *password, const char *stored)
{
	char text[PASSWORD_TEXT_SIZE];

	snprintf(text, sizeof(text), "hash:%.100s", password);
	return !strcmp(text, stored);
}

#define GOOD_PASSWORD "plain wombat ladder nine"

static struct act person_act(enum act_kind kind, const char *name, const char *secret)
{
	struct act act = {
		.kind = kind, .role = ROLE_ADMIN, .who = "root", .via = "page", .local_root = true};

	snprintf(act.name, sizeof(act.name), "%s", name);
	snprintf(act.secret, sizeof(act.secret), "%s", secret);
	return act;
}

static struct act_outcome finished(struct act_try *try)
{
	while (jobs_waiting())
		job_run();
	store_answer_all(0);
	assert_int_equal(try->answers, 1);
	return try->outcome;
}

static struct act_outcome done(const struct act *act)
{
	struct act_try try;

	try_act(act, &try);
	return finished(&try);
}

static void put(const char *name, enum role role)
{
	struct act act = person_act(ACT_PERSON_PUT, name, GOOD_PASSWORD);

	act.new_role = role;
	assert_int_equal(done(&act).result, ACT_DONE);
}

static const struct person *find(const char *name)
{
	unsigned i;

	for (i = 0; i < bed.host.people.count; i++)
		if (!strcmp(bed.host.people.person[i].name, name))
			return &bed.host.people.person[i];
	return NULL;
}

static struct act setup_act(char *code)
{
	struct act act = person_act(ACT_SETUP_CODE, "", "");
	struct act_outcome outcome = done(&act);

	assert_int_equal(outcome.result, ACT_DONE);
	assert_int_equal(strlen(outcome.text), SHORT_CODE_SIZE + 1);
	snprintf(code, 16, "%.15s", outcome.text);
	act = person_act(ACT_SETUP, "anna", GOOD_PASSWORD);
	act.local_root = false;
	act.who[0] = '\0';
	snprintf(act.code, sizeof(act.code), "%s", code);
	return act;
}

static void the_first_administrator(void **state)
{
	char code[16];
	struct act act = setup_act(code);
	struct act_outcome outcome = done(&act);

	assert_int_equal(outcome.result, ACT_DONE);
	assert_string_equal(outcome.person.name, "anna");
	assert_int_equal(find("anna")->role, ROLE_ADMIN);
	assert_string_equal(find("anna")->password, "hash:" GOOD_PASSWORD);
	assert_true(bed.host.facts.set_up);
	assert_int_equal(disk_audit_count("setup", "done"), 1);
	assert_string_equal(disk_audit_newest()->who, "anna");
	assert_int_equal(done(&act).result, ACT_IMPOSSIBLE);
	act = person_act(ACT_SETUP_CODE, "", "");
	assert_int_equal(done(&act).result, ACT_IMPOSSIBLE);
}

static void the_setup_code_is_roots(void **state)
{
	struct act act = person_act(ACT_SETUP_CODE, "", "");
	struct act_try try;

	act.local_root = false;
	assert_int_equal(done(&act).result, ACT_NOT_ALLOWED);
	act.local_root = true;
	try_act(&act, &try);
	store_answer_all(-ENOSPC);
	assert_int_equal(try.outcome.result, ACT_NOT_STORED);
	assert_string_equal(bed.host.people.setup_code, "");
}

static void the_setup_code_is_not_guessed(void **state)
{
	char code[16];
	struct act act = setup_act(code), wrong = act;
	unsigned i;

	snprintf(wrong.code, sizeof(wrong.code), "ZZZZ-ZZZZ");
	for (i = 1; i < 5; i++) {
		struct act_outcome outcome = done(&wrong);

		assert_int_equal(outcome.result, ACT_WRONG_CODE);
		assert_int_equal(outcome.number, 5 - i);
	}
	assert_int_equal(done(&wrong).result, ACT_LOCKED);
	assert_int_equal(done(&act).result, ACT_LOCKED);
	assert_int_equal(disk_audit_count("setup", "refused: wrong code"), 5);
	assert_int_equal(bed.host.people.count, 0);
	act = setup_act(code);
	assert_int_equal(done(&act).result, ACT_DONE);
}

static void the_setup_code_ends(void **state)
{
	char code[16];
	struct act act = setup_act(code);

	bed_advance(24 * 3600 * USEC_PER_SEC + 1);
	assert_int_equal(done(&act).result, ACT_LOCKED);
}

static void one_code_makes_one_administrator(void **state)
{
	char code[16];
	struct act first = setup_act(code), second = first;
	struct act_try tries[2];

	snprintf(second.name, sizeof(second.name), "berta");
	try_act(&first, &tries[0]);
	try_act(&second, &tries[1]);
	assert_int_equal(tries[1].outcome.result, ACT_TOO_MANY);
	assert_int_equal(finished(&tries[0]).result, ACT_DONE);
	assert_int_equal(bed.host.people.count, 1);
}

static void a_setup_that_is_not_stored_can_be_repeated(void **state)
{
	char code[16];
	struct act act = setup_act(code);
	struct act_try try;

	try_act(&act, &try);
	job_run();
	store_answer_all(-ENOSPC);
	assert_int_equal(try.outcome.result, ACT_NOT_STORED);
	assert_int_equal(bed.host.people.count, 0);
	assert_int_equal(done(&act).result, ACT_DONE);
}

static void bad_names_and_passwords(void **state)
{
	char code[16];
	struct act act = setup_act(code);

	snprintf(act.secret, sizeof(act.secret), "short");
	assert_int_equal(done(&act).result, ACT_BAD_INPUT);
	act = setup_act(code);
	snprintf(act.name, sizeof(act.name), "An na");
	assert_int_equal(done(&act).result, ACT_BAD_INPUT);
	act = person_act(ACT_PERSON_PUT, "berta", GOOD_PASSWORD);
	act.new_role = ROLE_NONE;
	assert_int_equal(done(&act).result, ACT_BAD_INPUT);
	act.new_role = ROLES;
	assert_int_equal(done(&act).result, ACT_BAD_INPUT);
	/* A new person needs a password. */
	act = person_act(ACT_PERSON_PUT, "berta", "");
	act.new_role = ROLE_VIEWER;
	assert_int_equal(done(&act).result, ACT_BAD_INPUT);
	assert_int_equal(bed.host.people.count, 0);
}

static unsigned ended;

static void on_end(void *userdata, const char *person)
{
	ended++;
}

static void a_changed_person(void **state)
{
	struct act act;
	uint32_t epoch;
	uint64_t row;

	put("anna", ROLE_ADMIN);
	put("berta", ROLE_VIEWER);
	bed.host.end_sessions = on_end;
	ended = 0;
	epoch = find("berta")->epoch;
	row = find("berta")->row;
	act = person_act(ACT_PERSON_PUT, "berta", "");
	act.new_role = ROLE_TECHNICIAN;
	assert_int_equal(done(&act).result, ACT_DONE);
	assert_int_equal(find("berta")->role, ROLE_TECHNICIAN);
	assert_string_equal(find("berta")->password, "hash:" GOOD_PASSWORD);
	assert_int_equal(find("berta")->epoch, epoch + 1);
	assert_int_equal(find("berta")->row, row);
	assert_int_equal(ended, 1);
	act = person_act(ACT_PERSON_DROP, "berta", "");
	assert_int_equal(done(&act).result, ACT_DONE);
	assert_null(find("berta"));
	assert_int_equal(ended, 2);
	assert_int_equal(done(&act).result, ACT_UNKNOWN);
	assert_int_equal(bed.host.people.count, 1);
}

static void another_password_for_oneself(void **state)
{
	struct act act;

	put("anna", ROLE_ADMIN);
	put("berta", ROLE_VIEWER);
	bed.host.end_sessions = on_end;
	ended = 0;
	act = person_act(ACT_PASSWORD_NEW, "berta", "a kettle full of winter light");
	assert_int_equal(done(&act).result, ACT_DONE);
	assert_string_equal(find("berta")->password, "hash:a kettle full of winter light");
	assert_int_equal(find("berta")->role, ROLE_VIEWER);
	assert_int_equal(ended, 1);
	act = person_act(ACT_PASSWORD_NEW, "berta", "short");
	assert_int_equal(done(&act).result, ACT_BAD_INPUT);
	act = person_act(ACT_PASSWORD_NEW, "berta", "");
	assert_int_equal(done(&act).result, ACT_BAD_INPUT);
	/* Who came by the socket is nobody of these. */
	act = person_act(ACT_PASSWORD_NEW, "uid 0", GOOD_PASSWORD);
	assert_int_equal(done(&act).result, ACT_UNKNOWN);
	assert_int_equal(ended, 1);
	assert_int_equal(bed.host.people.count, 2);
}

static void the_last_administrator_stays(void **state)
{
	struct act demote, drop;
	struct act_try tries[2];

	put("anna", ROLE_ADMIN);
	put("berta", ROLE_VIEWER);
	drop = person_act(ACT_PERSON_DROP, "anna", "");
	assert_int_equal(done(&drop).result, ACT_IMPOSSIBLE);
	demote = person_act(ACT_PERSON_PUT, "anna", "");
	demote.new_role = ROLE_VIEWER;
	assert_int_equal(done(&demote).result, ACT_IMPOSSIBLE);
	/* Two at once do not take away each other's reason. */
	put("berta", ROLE_ADMIN);
	drop = person_act(ACT_PERSON_DROP, "berta", "");
	try_act(&demote, &tries[0]);
	try_act(&drop, &tries[1]);
	assert_int_equal(finished(&tries[0]).result, ACT_DONE);
	assert_int_equal(tries[1].outcome.result, ACT_TOO_MANY);
	assert_int_equal(done(&drop).result, ACT_IMPOSSIBLE);
	assert_int_equal(find("berta")->role, ROLE_ADMIN);
}

static void nothing_changes_that_cannot_be_stored(void **state)
{
	struct act act;
	struct act_try try;

	put("anna", ROLE_ADMIN);
	put("berta", ROLE_VIEWER);
	act = person_act(ACT_PERSON_DROP, "berta", "");
	try_act(&act, &try);
	store_answer_all(-ENOSPC);
	assert_int_equal(try.outcome.result, ACT_NOT_STORED);
	assert_non_null(find("berta"));
	act = person_act(ACT_PERSON_PUT, "berta", "");
	act.new_role = ROLE_ADMIN;
	try_act(&act, &try);
	store_answer_all(-ENOSPC);
	assert_int_equal(try.outcome.result, ACT_NOT_STORED);
	assert_int_equal(find("berta")->role, ROLE_VIEWER);
	/* The place for the next change is free again. */
	assert_int_equal(done(&act).result, ACT_DONE);
}

static void there_is_an_end_to_people(void **state)
{
	struct act act;
	char name[16];
	unsigned i;

	for (i = 0; i < PERSONS_MAX; i++) {
		snprintf(name, sizeof(name), "viewer-%u", i);
		put(name, ROLE_VIEWER);
	}
	act = person_act(ACT_PERSON_PUT, "one-more", GOOD_PASSWORD);
	act.new_role = ROLE_VIEWER;
	assert_int_equal(done(&act).result, ACT_IMPOSSIBLE);
	assert_int_equal(people_load(&bed.host, &(const struct person){.name = "x"}), -ENOSPC);
	{
		char code[16];

		/* Also not by the back door. */
		act = setup_act(code);
		assert_int_equal(done(&act).result, ACT_IMPOSSIBLE);
	}
	assert_int_equal(bed.host.people.count, PERSONS_MAX);
}

static void people_that_were_there_before(void **state)
{
	const struct person anna = {.row = 7, .name = "anna", .role = ROLE_ADMIN};

	assert_int_equal(people_load(&bed.host, &anna), 0);
	assert_int_equal(people_start(&bed.host), 0);
	assert_true(bed.host.facts.set_up);
	assert_true(bed.host.people.unknown_hash[0] != '\0');
	put("berta", ROLE_VIEWER);
	assert_int_equal(find("berta")->row, 8);
}

#define T(name) cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_first_administrator),
		T(the_setup_code_is_roots),
		T(the_setup_code_is_not_guessed),
		T(the_setup_code_ends),
		T(one_code_makes_one_administrator),
		T(a_setup_that_is_not_stored_can_be_repeated),
		T(bad_names_and_passwords),
		T(a_changed_person),
		T(another_password_for_oneself),
		T(the_last_administrator_stays),
		T(nothing_changes_that_cannot_be_stored),
		T(there_is_an_end_to_people),
		T(people_that_were_there_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
