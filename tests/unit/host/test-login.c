/* SPDX-License-Identifier: Apache-2.0 */

/* Log-in: nothing tells who exists, and guessing is slow. Hashes are "hash:<password>" here. */

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

#define RIGHT "plain wombat ladder nine"
/* RIGHT, as it was hashed at another cost: of this the form alone is looked at. */
#define OLD_TEXT                                        \
	"$scrypt$ln=14,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$" \
	"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static unsigned verified;

int __wrap_password_verify(const char *password, const char *stored)
{
	char text[PASSWORD_TEXT_SIZE];

	verified++;
	if (!strcmp(stored, OLD_TEXT))
		return !strcmp(password, RIGHT);
	snprintf(text, sizeof(text), "hash:%.100s", password);
	return !strcmp(text, stored);
}

static void with_anna(void)
{
	struct person anna = {
		.row = 1, .name = "anna", .role = ROLE_TECHNICIAN, .password = "hash:" RIGHT};

	verified = 0;
	assert_int_equal(people_load(&bed.host, &anna), 0);
	assert_int_equal(people_start(&bed.host), 0);
}

static struct act login(const char *name, const char *secret)
{
	struct act act = {.kind = ACT_LOGIN, .via = "10.0.0.5"};

	snprintf(act.name, sizeof(act.name), "%s", name);
	snprintf(act.secret, sizeof(act.secret), "%s", secret);
	return act;
}

static struct act_outcome done(const struct act *act)
{
	struct act_try try;

	try_act(act, &try);
	while (jobs_waiting())
		job_run();
	store_answer_all(0);
	assert_int_equal(try.answers, 1);
	return try.outcome;
}

static void the_right_password(void **state)
{
	struct act act = login("Anna", RIGHT);
	struct act_outcome outcome;

	with_anna();
	outcome = done(&act);
	assert_int_equal(outcome.result, ACT_DONE);
	assert_string_equal(outcome.person.name, "anna");
	assert_int_equal(outcome.person.role, ROLE_TECHNICIAN);
	assert_int_equal(disk_audit_count("login", "done"), 1);
	assert_string_equal(disk_audit_newest()->who, "anna");
	assert_string_equal(disk_audit_newest()->role, "technician");
	assert_string_equal(disk_audit_newest()->via, "10.0.0.5");
	act.kind = ACT_PASSWORD_FRESH;
	assert_int_equal(done(&act).result, ACT_DONE);
}

static void unknown_and_wrong_look_the_same(void **state)
{
	struct act wrong = login("anna", "not this one at all"), unknown = login("nobody", RIGHT);
	struct act_outcome a, b;
	unsigned i;

	with_anna();
	for (i = 0; i < 8; i++) {
		a = done(&wrong);
		b = done(&unknown);
		assert_int_equal(a.result, b.result);
		assert_string_equal(a.text, b.text);
		assert_int_equal(a.number, b.number);
	}
	/* The brake holds both. */
	assert_int_equal(a.result, ACT_TOO_MANY);
	assert_int_equal(verified % 2, 0);
	/* What was typed as a name may be a password: it is written down nowhere. */
	assert_int_equal(disk_audit_count("login", "refused"), verified);
	assert_string_equal(disk_audit_newest()->who, "unknown");
	assert_string_equal(disk_audit_newest()->object, "unknown");
}

static void the_brake_goes_off(void **state)
{
	struct act wrong = login("anna", "not this one at all"), right = login("anna", RIGHT);
	unsigned i;

	with_anna();
	for (i = 0; i < 5; i++)
		assert_int_equal(done(&wrong).result, ACT_NOT_ALLOWED);
	assert_int_equal(done(&right).result, ACT_TOO_MANY);
	bed_advance(2 * USEC_PER_SEC);
	assert_int_equal(done(&right).result, ACT_DONE);
	assert_int_equal(done(&wrong).result, ACT_NOT_ALLOWED);
	assert_int_equal(done(&right).result, ACT_DONE);
}

static void the_whole_gateway_is_slow_to_guess_at(void **state)
{
	struct act act;
	char name[16];
	unsigned i;

	with_anna();
	for (i = 0; i < 60; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		act = login(name, "x");
		snprintf(act.via, sizeof(act.via), "10.1.0.%u", i);
		done(&act);
	}
	act = login("anna", RIGHT);
	assert_int_equal(bed.host.limits.reached[LIMIT_LOGIN_TRIES], 0); /* wrong is not too many */
	assert_int_equal(done(&act).result, ACT_TOO_MANY);
	assert_int_equal(bed.host.limits.reached[LIMIT_LOGIN_TRIES], 1);
	assert_int_equal(done(&act).number, 60);
	bed_advance(61 * USEC_PER_SEC);
	assert_int_equal(done(&act).result, ACT_DONE);
}

static void the_queue_for_hashes_is_short(void **state)
{
	struct act act = login("anna", RIGHT);
	struct act_try tries[5];
	unsigned i;

	with_anna();
	for (i = 0; i < 5; i++)
		try_act(&act, &tries[i]);
	assert_int_equal(tries[4].outcome.result, ACT_TOO_MANY);
	assert_int_equal(bed.host.limits.reached[LIMIT_PASSWORD_QUEUE], 1);
	while (jobs_waiting())
		job_run();
	store_answer_all(0);
	for (i = 0; i < 4; i++)
		assert_int_equal(tries[i].outcome.result, ACT_DONE);
}

static void without_a_journal_nobody_gets_in(void **state)
{
	struct act act = login("anna", RIGHT);
	struct act_try try;

	with_anna();
	try_act(&act, &try);
	job_run();
	assert_int_equal(try.answers, 0);
	store_answer_all(-ENOSPC);
	assert_int_equal(try.outcome.result, ACT_NOT_STORED);
	assert_string_equal(try.outcome.person.name, "");
}

static void a_password_that_was_changed_meanwhile(void **state)
{
	struct act act = login("anna", RIGHT);
	struct act_try try;

	with_anna();
	try_act(&act, &try);
	snprintf(bed.host.people.person[0].password, 128, "hash:another");
	job_run();
	store_answer_all(0);
	assert_int_equal(try.outcome.result, ACT_NOT_ALLOWED);
}

static void somebody_who_was_dropped_meanwhile(void **state)
{
	struct act act = login("anna", RIGHT);
	struct act_try try;

	with_anna();
	try_act(&act, &try);
	bed.host.people.count = 0;
	job_run();
	store_answer_all(0);
	assert_int_equal(try.outcome.result, ACT_NOT_ALLOWED);
}

/* While the journal's row is on its way to disk. */
static void somebody_who_was_changed_after_the_check(void **state)
{
	struct act act = login("anna", RIGHT);
	struct act_try try;

	with_anna();
	try_act(&act, &try);
	job_run();
	bed.host.people.person[0].epoch++;
	store_answer_all(0);
	assert_int_equal(try.outcome.result, ACT_NOT_ALLOWED);
	assert_string_equal(try.outcome.person.name, "");
}

static const char *annas_text(void)
{
	return bed.host.people.person[0].password;
}

static void with_annas_old_text(void)
{
	with_anna();
	snprintf(bed.host.people.person[0].password, PASSWORD_TEXT_SIZE, "%s", OLD_TEXT);
}

static void an_old_text_is_renewed(void **state)
{
	struct act act = login("anna", RIGHT), wrong = login("anna", "plain wombat ladder six");
	const struct change *change;
	struct act_try try;

	with_annas_old_text();
	assert_int_equal(done(&wrong).result, ACT_NOT_ALLOWED);
	assert_string_equal(annas_text(), OLD_TEXT);
	try_act(&act, &try);
	job_run();
	/* With the row of the log-in, and not before it is on disk. */
	change = store_change_at(0);
	assert_int_equal(change->first->kind, CHANGE_PUT_PERSON);
	assert_string_equal(change->first->person.password, "hash:" RIGHT);
	assert_int_equal(change->first->next->kind, CHANGE_AUDIT);
	assert_string_equal(annas_text(), OLD_TEXT);
	assert_int_equal(try.answers, 0);
	store_answer_all(0);
	assert_int_equal(try.outcome.result, ACT_DONE);
	assert_string_equal(annas_text(), "hash:" RIGHT);
	assert_int_equal(disk_audit_count("login", "done"), 1);
	assert_false(bed.host.people.changing);
	assert_int_equal(done(&act).result, ACT_DONE);
}

static void an_old_text_that_is_not_saved(void **state)
{
	struct act act = login("anna", RIGHT);
	struct act_try try;

	with_annas_old_text();
	try_act(&act, &try);
	job_run();
	store_answer_all(-ENOSPC);
	assert_int_equal(try.outcome.result, ACT_NOT_STORED);
	assert_string_equal(annas_text(), OLD_TEXT);
	assert_false(bed.host.people.changing);
}

/* Changes of people go one at a time; this one can wait for the next log-in. */
static void an_old_text_while_people_change(void **state)
{
	struct act act = login("anna", RIGHT);

	with_annas_old_text();
	bed.host.people.changing = true;
	assert_int_equal(done(&act).result, ACT_DONE);
	assert_string_equal(annas_text(), OLD_TEXT);
	assert_true(bed.host.people.changing);
}

static void one_address_is_slowed_down_alone(void **state)
{
	struct act act = login("nobody", "wrong wombat ladder");
	unsigned i;

	with_anna();
	for (i = 0; i < 20; i++) {
		snprintf(act.name, sizeof(act.name), "nobody-%u", i);
		assert_int_equal(done(&act).result, ACT_NOT_ALLOWED);
	}
	assert_int_equal(done(&act).result, ACT_TOO_MANY);
	assert_int_equal(bed.host.limits.reached[LIMIT_LOGIN_TRIES_ADDRESS], 1);
	assert_int_equal(bed.host.limits.reached[LIMIT_LOGIN_TRIES], 0);
	act = login("anna", RIGHT);
	snprintf(act.via, sizeof(act.via), "10.0.0.6");
	assert_int_equal(done(&act).result, ACT_DONE);
}

/* Strangers used up all tries of this minute: who is in can still act. */
static void a_session_is_not_kept_from_acting(void **state)
{
	struct act act = login("anna", RIGHT);

	with_anna();
	bed.host.people.global_first_usec = clock_boot_usec();
	bed.host.people.global_tries = 1000;
	assert_int_equal(done(&act).result, ACT_TOO_MANY);
	act.kind = ACT_PASSWORD_FRESH;
	assert_int_equal(done(&act).result, ACT_DONE);
}

/* Nor do those who guess at the name; and who guesses in a session is slowed down as well. */
static void guesses_at_a_name_do_not_stop_its_session(void **state)
{
	struct act act = login("anna", "wrong wombat ladder");
	unsigned i;

	with_anna();
	for (i = 0; i < 6; i++)
		done(&act);
	act = login("anna", RIGHT);
	assert_int_equal(done(&act).result, ACT_TOO_MANY);
	act.kind = ACT_PASSWORD_FRESH;
	assert_int_equal(done(&act).result, ACT_DONE);
	act = login("anna", "wrong wombat ladder");
	act.kind = ACT_PASSWORD_FRESH;
	for (i = 0; i < 6; i++)
		done(&act);
	act = login("anna", RIGHT);
	act.kind = ACT_PASSWORD_FRESH;
	assert_int_equal(done(&act).result, ACT_TOO_MANY);
}

static void the_gateway_stops_before_the_hash(void **state)
{
	struct act act = login("anna", RIGHT);
	static struct act_try try;

	with_anna();
	try_act(&act, &try);
	/* bed_teardown() calls the jobs off. */
}

#define T(name) cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_right_password),
		T(unknown_and_wrong_look_the_same),
		T(the_brake_goes_off),
		T(the_whole_gateway_is_slow_to_guess_at),
		T(the_queue_for_hashes_is_short),
		T(without_a_journal_nobody_gets_in),
		T(a_password_that_was_changed_meanwhile),
		T(somebody_who_was_dropped_meanwhile),
		T(somebody_who_was_changed_after_the_check),
		T(an_old_text_is_renewed),
		T(an_old_text_that_is_not_saved),
		T(an_old_text_while_people_change),
		T(one_address_is_slowed_down_alone),
		T(a_session_is_not_kept_from_acting),
		T(guesses_at_a_name_do_not_stop_its_session),
		T(the_gateway_stops_before_the_hash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
