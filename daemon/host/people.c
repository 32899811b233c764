/* SPDX-License-Identifier: Apache-2.0 */

/*
 * People: the first administrator (setup code) and changes of people; log-in is in login.c. A
 * password is hashed on the job thread, one at a time (its queue is short: beyond it 429), never on
 * the loop. Every try is audited; a change is done when it is on disk. Changes go one at a time,
 * because each is checked against all people ("the last administrator", "the first one").
 *
 *	act -> checks (limits, form) -> job: hash or verify -> change + audit row -> SAVED -> answer
 */

#include "host/people.h"
#include "host/act.h"
#include "host/journal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"

#define SETUP_TRIES	5
#define SETUP_LIFE_USEC (24 * 3600 * USEC_PER_SEC)

DEFINE_CLEANUP(struct change *, change_free, cleanup_change)

void people_call_done(
	struct people_call *call, enum act_result result, uint32_t number, const char *text)
{
	struct act_outcome outcome = {.result = result, .number = number};

	snprintf(outcome.text, sizeof(outcome.text), "%s", text ? text : "");
	if (result == ACT_DONE)
		outcome.person = call->person;
	if (call->changes)
		call->host->people.changing = false;
	call->done(call->userdata, &outcome);
	crypto_wipe(&outcome, sizeof(outcome));
	crypto_wipe(call, sizeof(*call));
	free(call);
}

int people_index_of(const struct people *people, const char *name)
{
	unsigned i;

	for (i = 0; i < people->count; i++)
		if (!strcasecmp(people->person[i].name, name))
			return (int)i;
	return -1;
}

static unsigned count_admins(const struct people *people)
{
	unsigned i, count = 0;

	for (i = 0; i < people->count; i++)
		count += people->person[i].role == ROLE_ADMIN;
	return count;
}

/* ---- saving ---- */

static void install_person(struct host *host, const struct person *person)
{
	struct people *people = &host->people;
	int at = people_index_of(people, person->name);

	if (at < 0)
		at = (int)people->count++;
	people->person[at] = *person;
	if (person->row >= people->next_row)
		people->next_row = person->row + 1;
	host->facts.set_up = count_admins(people) > 0;
}

static void drop_person(struct host *host, const char *name)
{
	struct people *people = &host->people;
	int at = people_index_of(people, name);

	if (at < 0)
		return;
	people->count--;
	people->person[at] = people->person[people->count];
	people->guard[at] = people->guard[people->count];
	people->fresh_guard[at] = people->fresh_guard[people->count];
	crypto_wipe(&people->person[people->count], sizeof(struct person));
	people->guard[people->count] = (struct login_guard){0};
	people->fresh_guard[people->count] = (struct login_guard){0};
}

static void end_sessions(struct host *host, const char *name)
{
	if (host->end_sessions)
		host->end_sessions(host->end_sessions_userdata, name);
}

static void on_saved(void *userdata, int result, const char *head)
{
	struct people_call *call = userdata;
	struct host *host = call->host;

	host_saved(host, result, head);
	if (result < 0) {
		people_call_done(call, ACT_NOT_STORED, 0,
			result == -ENOSPC
				? "There is no space left on the gateway: nothing was changed."
				: "It could not be saved: nothing was changed.");
		return;
	}
	if (call->act.kind == ACT_PERSON_DROP) {
		drop_person(host, call->act.name);
		end_sessions(host, call->act.name);
	} else {
		install_person(host, &call->person);
		if (call->act.kind == ACT_PERSON_PUT || call->act.kind == ACT_PASSWORD_NEW)
			end_sessions(host, call->person.name);
	}
	if (call->act.kind == ACT_SETUP) {
		crypto_wipe(host->people.setup_code, sizeof(host->people.setup_code));
		log_notice("The first administrator was set up.");
	}
	host_touch(host);
	people_call_done(call, ACT_DONE, 0, NULL);
}

static void save_person(struct people_call *call, bool drop)
{
	CLEANUP(cleanup_change) struct change *change = NULL;
	struct audit_row audit;
	int r;

	audit_of_act(&call->act, call->person.name, "", audit_result(AUDIT_DONE), &audit);
	if (call->act.kind == ACT_SETUP)
		snprintf(audit.who, sizeof(audit.who), "%s", call->person.name);
	r = change_new(&change);
	if (r >= 0)
		r = drop ? change_drop_person(change, call->person.row)
			 : change_put_person(change, &call->person);
	if (r >= 0)
		change_mark_erasing(change); /* the hash of the password of before */
	if (r >= 0)
		r = change_append_audit(change, &audit);
	if (r < 0) {
		people_call_done(call, ACT_NOT_STORED, 0, strerror(-r));
		return;
	}
	store_save(call->host->store, STEAL(change), on_saved, call);
}

/* ---- the job ---- */

/* Only here the password itself is known: what was hashed at another cost is hashed anew. Where
 * that fails the text on file goes on to be good. */
static int verify(struct people_call *call)
{
	int r = password_verify(call->act.secret, call->stored);

	if (r == 1 && password_is_outdated(call->stored))
		(void)password_hash(call->act.secret, call->renewed);
	return r;
}

static int work(void *userdata)
{
	struct people_call *call = userdata;

	if (call->act.kind == ACT_LOGIN || call->act.kind == ACT_PASSWORD_FRESH)
		return verify(call);
	return password_hash(call->act.secret, call->stored);
}

static void after_work(void *userdata, int result)
{
	struct people_call *call = userdata;

	crypto_wipe(call->act.secret, sizeof(call->act.secret));
	call->result = result;
	if (result == -ECANCELED) {
		people_call_done(call, ACT_TOO_MANY, 5, "The gateway is stopping.");
	} else if (call->act.kind == ACT_LOGIN || call->act.kind == ACT_PASSWORD_FRESH) {
		people_after_verify(call);
	} else if (result < 0) {
		people_call_done(call, ACT_NOT_STORED, 0, "The password could not be hashed.");
	} else {
		memcpy(call->person.password, call->stored, sizeof(call->person.password));
		save_person(call, false);
	}
}

void people_hash(struct people_call *call)
{
	struct host *host = call->host;
	int r = job_submit(host->passwords, work, after_work, call);

	if (r == -EBUSY) {
		host->limits.reached[LIMIT_PASSWORD_QUEUE]++;
		people_call_done(
			call, ACT_TOO_MANY, 2, "Too many people are logging in at the moment.");
	} else if (r < 0) {
		people_call_done(call, ACT_NOT_STORED, 0, strerror(-r));
	}
}

/* ---- the acts ---- */

static void on_setup_code_audited(void *userdata, int result, const char *head)
{
	struct people_call *call = userdata;
	struct people *people = &call->host->people;
	char text[16];

	if (result < 0) {
		people_call_done(call, ACT_NOT_STORED, 0,
			"It could not be written to the journal, so it was not done.");
		return;
	}
	short_code_make(people->setup_code);
	people->setup_tries = 0;
	people->setup_until_usec = clock_boot_usec() + SETUP_LIFE_USEC;
	people_call_done(call, ACT_DONE, SETUP_LIFE_USEC / USEC_PER_SEC,
		short_code_format(people->setup_code, text));
	crypto_wipe(text, sizeof(text));
}

static void do_setup_code(struct people_call *call)
{
	struct audit_row audit;

	if (!call->act.local_root) {
		people_call_done(call, ACT_NOT_ALLOWED, 0,
			"Only root on this machine can ask for the setup code.");
		return;
	}
	if (count_admins(&call->host->people)) {
		people_call_done(call, ACT_IMPOSSIBLE, 0,
			"This gateway is set up already: an administrator can add people.");
		return;
	}
	audit_of_act(&call->act, "setup", "", audit_result(AUDIT_DONE), &audit);
	host_audit(call->host, &audit, on_setup_code_audited, call);
}

static void wrong_setup_code(struct people_call *call, unsigned left)
{
	char text[96];

	snprintf(text, sizeof(text), "This is not the setup code. %u %s left.", left,
		left == 1 ? "try is" : "tries are");
	people_call_done(call, ACT_WRONG_CODE, left, text);
}

static void on_wrong_setup_code_audited(void *userdata, int result, const char *head)
{
	struct people_call *call = userdata;
	struct people *people = &call->host->people;

	if (!people->setup_code[0])
		people_call_done(call, ACT_LOCKED, 0,
			"That was the fifth wrong code. Run 'gatehousectl setup' again.");
	else
		wrong_setup_code(call, SETUP_TRIES - people->setup_tries);
}

static bool setup_code_fits(struct people_call *call)
{
	struct people *people = &call->host->people;
	char typed[SHORT_CODE_SIZE + 1] = {0};
	struct audit_row audit;

	if (!people->setup_code[0] || clock_boot_usec() > people->setup_until_usec) {
		people_call_done(call, ACT_LOCKED, 0,
			"There is no setup code. Run 'gatehousectl setup' as root on the gateway.");
		return false;
	}
	if (short_code_parse(span_from_string(call->act.code), typed) >= 0 &&
		crypto_equal(typed, people->setup_code, SHORT_CODE_SIZE))
		return true;
	if (++people->setup_tries >= SETUP_TRIES)
		crypto_wipe(people->setup_code, sizeof(people->setup_code));
	audit_of_act(&call->act, "setup", "", audit_result(AUDIT_WRONG_CODE), &audit);
	host_audit(call->host, &audit, on_wrong_setup_code_audited, call);
	return false;
}

static bool new_person_ok(struct people_call *call, bool needs_password)
{
	const char *why = NULL;

	if (person_name_check(call->act.name, &why) < 0 ||
		((needs_password || call->act.secret[0]) &&
			password_check(call->act.secret, call->act.name, &why) < 0)) {
		people_call_done(call, ACT_BAD_INPUT, 0, why);
		return false;
	}
	return true;
}

/* False: the call is answered. The place is kept until it is. */
static bool begin_change(struct people_call *call)
{
	struct people *people = &call->host->people;

	if (people->changing) {
		people_call_done(call, ACT_TOO_MANY, 1, "Another change of people is under way.");
		return false;
	}
	if (people->count >= PERSONS_MAX && people_index_of(people, call->act.name) < 0) {
		people_call_done(
			call, ACT_IMPOSSIBLE, 0, "There are 64 people already: drop one first.");
		return false;
	}
	people->changing = true;
	call->changes = true;
	return true;
}

static void make_person(struct people_call *call, enum role role)
{
	struct people *people = &call->host->people;
	int at = people_index_of(people, call->act.name);

	if (at >= 0) {
		call->person = people->person[at];
	} else {
		call->person =
			(struct person){.row = people->next_row++, .created = clock_wall_msec()};
		snprintf(call->person.name, sizeof(call->person.name), "%.*s", PERSON_NAME_MAX,
			call->act.name);
	}
	call->person.role = role;
	call->person.epoch++;
}

static void do_setup(struct people_call *call)
{
	if (count_admins(&call->host->people)) {
		people_call_done(call, ACT_IMPOSSIBLE, 0,
			"This gateway is set up already: log in, or have an administrator add "
			"you.");
		return;
	}
	if (!new_person_ok(call, true) || !begin_change(call) || !setup_code_fits(call))
		return;
	make_person(call, ROLE_ADMIN);
	people_hash(call);
}

static void do_person_put(struct people_call *call)
{
	struct people *people = &call->host->people;
	int at = people_index_of(people, call->act.name);

	if (!new_person_ok(call, at < 0))
		return;
	if (call->act.new_role <= ROLE_NONE || call->act.new_role >= ROLES) {
		people_call_done(
			call, ACT_BAD_INPUT, 0, "The role must be viewer, technician or admin.");
		return;
	}
	if (!begin_change(call))
		return;
	if (at >= 0 && people->person[at].role == ROLE_ADMIN && call->act.new_role != ROLE_ADMIN &&
		count_admins(people) == 1) {
		people_call_done(call, ACT_IMPOSSIBLE, 0,
			"This is the last administrator: make somebody else one first.");
		return;
	}
	make_person(call, call->act.new_role);
	if (call->act.secret[0])
		people_hash(call);
	else
		save_person(call, false);
}

/* Everybody's own; the old one was typed just now, and every session of it ends. */
static void do_password_new(struct people_call *call)
{
	struct people *people = &call->host->people;
	int at = people_index_of(people, call->act.name);

	if (at < 0) {
		people_call_done(call, ACT_UNKNOWN, 0, "There is nobody with this name.");
		return;
	}
	if (!new_person_ok(call, true) || !begin_change(call))
		return;
	make_person(call, people->person[at].role);
	people_hash(call);
}

static void do_person_drop(struct people_call *call)
{
	struct people *people = &call->host->people;
	int at = people_index_of(people, call->act.name);

	if (at < 0) {
		people_call_done(call, ACT_UNKNOWN, 0, "There is nobody with this name.");
		return;
	}
	if (!begin_change(call))
		return;
	if (people->person[at].role == ROLE_ADMIN && count_admins(people) == 1) {
		people_call_done(call, ACT_IMPOSSIBLE, 0,
			"This is the last administrator: make somebody else one first.");
		return;
	}
	call->person = people->person[at];
	save_person(call, true);
}

void people_act(struct host *host, const struct act *act, act_done_fn done, void *userdata)
{
	static void (*const handlers[ACTS])(struct people_call * call) = {
		[ACT_SETUP_CODE] = do_setup_code,
		[ACT_SETUP] = do_setup,
		[ACT_LOGIN] = people_login,
		[ACT_PASSWORD_FRESH] = people_login,
		[ACT_PASSWORD_NEW] = do_password_new,
		[ACT_PERSON_PUT] = do_person_put,
		[ACT_PERSON_DROP] = do_person_drop,
	};
	const struct act_outcome refused = {
		.result = ACT_NOT_STORED, .text = "The gateway is out of memory."};
	const struct act_outcome unknown = {
		.result = ACT_BAD_INPUT, .text = "This is not something that can be done here."};
	struct people_call *call;

	if (act->kind >= ACTS || !handlers[act->kind]) {
		done(userdata, &unknown);
		return;
	}
	call = calloc(1, sizeof(*call));
	if (!call) {
		done(userdata, &refused);
		return;
	}
	call->host = host;
	call->act = *act;
	call->done = done;
	call->userdata = userdata;
	handlers[act->kind](call);
}

/* ---- start ---- */

int people_load(struct host *host, const struct person *person)
{
	if (host->people.count >= PERSONS_MAX)
		return -ENOSPC;
	install_person(host, person);
	return 0;
}

int people_start(struct host *host)
{
	if (!host->people.next_row)
		host->people.next_row = 1;
	host->people.unknown_seed = random_uint64();
	return password_none(host->people.unknown_hash);
}
