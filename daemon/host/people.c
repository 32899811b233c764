/* SPDX-License-Identifier: Apache-2.0 */

/*
 * People: the first administrator (setup code), log-in, fresh passwords, changes of people. A
 * password is hashed on the job thread, one at a time (its queue is short: beyond it 429), never on
 * the loop. An unknown name costs the same time, gets the same words and the same delays as a wrong
 * password. Every try is audited; a change is done when it is on disk. Changes go one at a time,
 * because each is checked against all people ("the last administrator", "the first one").
 *
 *	act -> checks (limits, form) -> job: hash or verify -> change + audit row -> SAVED -> answer
 */

#include "host/host.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "base/message-ids.h"

#define SETUP_TRIES	   5
#define SETUP_LIFE_USEC	   (24 * 3600 * USEC_PER_SEC)
#define LOGIN_MINUTE_USEC  (60 * USEC_PER_SEC)
#define TEXT_LOGIN_REFUSED "Name or password are wrong."

DEFINE_CLEANUP(struct change *, change_free, cleanup_change)

struct people_call {
	struct host *host;
	struct act act;
	act_done_fn done;
	void *userdata;
	char stored[128]; /* verify against this, or the new hash */
	int result;
	bool changes;	      /* holds people->changing */
	struct person person; /* what is to be saved */
};

static void finish(
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

static int index_of(const struct people *people, const char *name)
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
	int at = index_of(people, person->name);

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
	int at = index_of(people, name);

	if (at < 0)
		return;
	people->count--;
	people->person[at] = people->person[people->count];
	people->guard[at] = people->guard[people->count];
	crypto_wipe(&people->person[people->count], sizeof(struct person));
	people->guard[people->count] = (struct login_guard){0};
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
		finish(call, ACT_NOT_STORED, 0,
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
		if (call->act.kind == ACT_PERSON_PUT)
			end_sessions(host, call->person.name);
	}
	if (call->act.kind == ACT_SETUP) {
		crypto_wipe(host->people.setup_code, sizeof(host->people.setup_code));
		log_notice("The first administrator was set up.");
	}
	host_touch(host);
	finish(call, ACT_DONE, 0, NULL);
}

static void save_person(struct people_call *call, bool drop)
{
	CLEANUP(cleanup_change) struct change *change = NULL;
	struct audit_row audit;
	int r;

	audit_of_act(&call->act, call->person.name, "", "done", &audit);
	if (call->act.kind == ACT_SETUP)
		snprintf(audit.who, sizeof(audit.who), "%s", call->person.name);
	r = change_new(&change);
	if (r >= 0)
		r = drop ? change_drop_person(change, call->person.row)
			 : change_put_person(change, &call->person);
	if (r >= 0)
		r = change_append_audit(change, &audit);
	if (r < 0) {
		finish(call, ACT_NOT_STORED, 0, strerror(-r));
		return;
	}
	store_save(call->host->store, STEAL(change), on_saved, call);
}

/* ---- log-in ---- */

static void on_login_audited(void *userdata, int result, const char *head)
{
	struct people_call *call = userdata;

	if (result < 0) {
		finish(call, ACT_NOT_STORED, 0,
			"The journal cannot be written, so nobody can log in. Free some space on "
			"the gateway.");
		return;
	}
	if (call->result == 1)
		finish(call, ACT_DONE, 0, NULL);
	else
		finish(call, ACT_NOT_ALLOWED, 0, TEXT_LOGIN_REFUSED);
}

/* The brake for this name; unknown ones share a table, or its lack would tell that they are. */
static struct login_guard *guard_of(struct people *people, const char *name)
{
	int at = index_of(people, name);
	uint64_t hash = people->unknown_seed;

	if (at >= 0)
		return &people->guard[at];
	for (; *name; name++)
		hash = (hash ^ (uint8_t)tolower((unsigned char)*name)) * UINT64_C(0x100000001b3);
	return &people->unknown_guard[(hash ^ hash >> 32) % UNKNOWN_GUARDS_MAX];
}

static void after_verify(struct people_call *call)
{
	struct host *host = call->host;
	int at = index_of(&host->people, call->act.name);
	struct login_guard *guard = guard_of(&host->people, call->act.name);
	struct audit_row audit;
	/* The password may have been changed while it was verified. */
	bool passed = call->result == 1 && at >= 0 &&
		      !strcmp(call->stored, host->people.person[at].password);

	call->result = passed;
	if (passed)
		login_guard_passed(guard);
	else
		login_guard_failed(guard, clock_boot_usec());
	if (passed) {
		call->person = host->people.person[at];
	} else {
		host->limits.reached[LIMIT_LOGIN_TRIES]++;
		log_at(LOG_WARNING,
			(&(const struct log_fields){
				.message_id = MESSAGE_LOGIN_REFUSED, .peer = call->act.via}),
			"A log-in from %s was refused.", call->act.via);
	}
	/* An unknown name is not written down: it may be a password typed into the wrong field. */
	audit_of_act(&call->act, at >= 0 ? host->people.person[at].name : "unknown", "",
		passed ? "done" : "refused", &audit);
	snprintf(audit.who, sizeof(audit.who), "%s",
		at >= 0 ? host->people.person[at].name : "unknown");
	if (passed)
		snprintf(audit.role, sizeof(audit.role), "%s", role_to_string(call->person.role));
	host_audit(host, &audit, on_login_audited, call);
}

/* ---- the job ---- */

static int work(void *userdata)
{
	struct people_call *call = userdata;

	if (call->act.kind == ACT_LOGIN || call->act.kind == ACT_PASSWORD_FRESH)
		return password_verify(call->act.secret, call->stored);
	return password_hash(call->act.secret, call->stored);
}

static void after_work(void *userdata, int result)
{
	struct people_call *call = userdata;

	crypto_wipe(call->act.secret, sizeof(call->act.secret));
	call->result = result;
	if (result == -ECANCELED) {
		finish(call, ACT_TOO_MANY, 5, "The gateway is stopping.");
	} else if (call->act.kind == ACT_LOGIN || call->act.kind == ACT_PASSWORD_FRESH) {
		after_verify(call);
	} else if (result < 0) {
		finish(call, ACT_NOT_STORED, 0, "The password could not be hashed.");
	} else {
		memcpy(call->person.password, call->stored, sizeof(call->person.password));
		save_person(call, false);
	}
}

static void hash(struct people_call *call)
{
	struct host *host = call->host;
	int r = job_submit(host->passwords, work, after_work, call);

	if (r == -EBUSY) {
		host->limits.reached[LIMIT_PASSWORD_QUEUE]++;
		finish(call, ACT_TOO_MANY, 2,
			"Too many people are logging in at the moment. Try again.");
	} else if (r < 0) {
		finish(call, ACT_NOT_STORED, 0, strerror(-r));
	}
}

/* ---- the acts ---- */

static bool tries_left_this_minute(struct host *host)
{
	uint64_t now = clock_boot_usec();

	if (now - host->people.global_first_usec > LOGIN_MINUTE_USEC) {
		host->people.global_first_usec = now;
		host->people.global_tries = 0;
	}
	return ++host->people.global_tries <= host->limits.value[LIMIT_LOGIN_TRIES];
}

static void do_login(struct people_call *call)
{
	struct host *host = call->host;
	int at = index_of(&host->people, call->act.name);
	uint64_t wait = 1;

	if (!tries_left_this_minute(host)) {
		host->limits.reached[LIMIT_LOGIN_TRIES]++;
		finish(call, ACT_TOO_MANY, 60, "Too many tries to log in. Wait a minute.");
		return;
	}
	if (!login_guard_may_try(
		    guard_of(&host->people, call->act.name), clock_boot_usec(), &wait)) {
		finish(call, ACT_TOO_MANY, (uint32_t)(wait / USEC_PER_SEC) + 1,
			"Too many wrong passwords. Wait before the next try.");
		return;
	}
	snprintf(call->stored, sizeof(call->stored), "%s",
		at >= 0 ? host->people.person[at].password : host->people.unknown_hash);
	hash(call);
}

static void on_setup_code_audited(void *userdata, int result, const char *head)
{
	struct people_call *call = userdata;
	struct people *people = &call->host->people;
	char text[16];

	if (result < 0) {
		finish(call, ACT_NOT_STORED, 0,
			"It could not be written to the journal, so it was not done.");
		return;
	}
	short_code_make(people->setup_code);
	people->setup_tries = 0;
	people->setup_until_usec = clock_boot_usec() + SETUP_LIFE_USEC;
	finish(call, ACT_DONE, SETUP_LIFE_USEC / USEC_PER_SEC,
		short_code_format(people->setup_code, text));
	crypto_wipe(text, sizeof(text));
}

static void do_setup_code(struct people_call *call)
{
	struct audit_row audit;

	if (!call->act.local_root) {
		finish(call, ACT_NOT_ALLOWED, 0,
			"Only root on this machine can ask for the setup code.");
		return;
	}
	if (count_admins(&call->host->people)) {
		finish(call, ACT_IMPOSSIBLE, 0,
			"This gateway is set up already: an administrator can add people.");
		return;
	}
	audit_of_act(&call->act, "setup", "", "done", &audit);
	host_audit(call->host, &audit, on_setup_code_audited, call);
}

static void on_wrong_setup_code_audited(void *userdata, int result, const char *head)
{
	struct people_call *call = userdata;
	struct people *people = &call->host->people;

	if (!people->setup_code[0])
		finish(call, ACT_LOCKED, 0,
			"That was the fifth wrong code. Run 'gatehousectl setup' again.");
	else
		finish(call, ACT_WRONG_CODE, SETUP_TRIES - people->setup_tries,
			"This is not the setup code.");
}

static bool setup_code_fits(struct people_call *call)
{
	struct people *people = &call->host->people;
	char typed[SHORT_CODE_SIZE + 1] = {0};
	struct audit_row audit;

	if (!people->setup_code[0] || clock_boot_usec() > people->setup_until_usec) {
		finish(call, ACT_LOCKED, 0,
			"There is no setup code. Run 'gatehousectl setup' as root on the gateway.");
		return false;
	}
	if (short_code_parse(span_from_string(call->act.code), typed) >= 0 &&
		crypto_equal(typed, people->setup_code, SHORT_CODE_SIZE))
		return true;
	if (++people->setup_tries >= SETUP_TRIES)
		crypto_wipe(people->setup_code, sizeof(people->setup_code));
	audit_of_act(&call->act, "setup", "", "refused: wrong code", &audit);
	host_audit(call->host, &audit, on_wrong_setup_code_audited, call);
	return false;
}

static bool new_person_ok(struct people_call *call, bool needs_password)
{
	const char *why = NULL;

	if (person_name_check(call->act.name, &why) < 0 ||
		((needs_password || call->act.secret[0]) &&
			password_check(call->act.secret, call->act.name, &why) < 0)) {
		finish(call, ACT_BAD_INPUT, 0, why);
		return false;
	}
	return true;
}

/* False: the call is answered. The place is kept until it is. */
static bool begin_change(struct people_call *call)
{
	struct people *people = &call->host->people;

	if (people->changing) {
		finish(call, ACT_TOO_MANY, 1, "Another change of people is under way. Try again.");
		return false;
	}
	if (people->count >= PERSONS_MAX && index_of(people, call->act.name) < 0) {
		finish(call, ACT_IMPOSSIBLE, 0, "There are 64 people already: drop one first.");
		return false;
	}
	people->changing = true;
	call->changes = true;
	return true;
}

static void make_person(struct people_call *call, enum role role)
{
	struct people *people = &call->host->people;
	int at = index_of(people, call->act.name);

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
		finish(call, ACT_IMPOSSIBLE, 0, "This gateway is set up already.");
		return;
	}
	if (!new_person_ok(call, true) || !begin_change(call) || !setup_code_fits(call))
		return;
	make_person(call, ROLE_ADMIN);
	hash(call);
}

static void do_person_put(struct people_call *call)
{
	struct people *people = &call->host->people;
	int at = index_of(people, call->act.name);

	if (!new_person_ok(call, at < 0))
		return;
	if (call->act.new_role <= ROLE_NONE || call->act.new_role >= ROLES) {
		finish(call, ACT_BAD_INPUT, 0, "The role must be viewer, technician or admin.");
		return;
	}
	if (!begin_change(call))
		return;
	if (at >= 0 && people->person[at].role == ROLE_ADMIN && call->act.new_role != ROLE_ADMIN &&
		count_admins(people) == 1) {
		finish(call, ACT_IMPOSSIBLE, 0, "This is the last administrator.");
		return;
	}
	make_person(call, call->act.new_role);
	if (call->act.secret[0])
		hash(call);
	else
		save_person(call, false);
}

static void do_person_drop(struct people_call *call)
{
	struct people *people = &call->host->people;
	int at = index_of(people, call->act.name);

	if (at < 0) {
		finish(call, ACT_UNKNOWN, 0, "There is nobody with this name.");
		return;
	}
	if (!begin_change(call))
		return;
	if (people->person[at].role == ROLE_ADMIN && count_admins(people) == 1) {
		finish(call, ACT_IMPOSSIBLE, 0, "This is the last administrator.");
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
		[ACT_LOGIN] = do_login,
		[ACT_PASSWORD_FRESH] = do_login,
		[ACT_PERSON_PUT] = do_person_put,
		[ACT_PERSON_DROP] = do_person_drop,
	};
	const struct act_outcome refused = {
		.result = ACT_NOT_STORED, .text = "The gateway is out of memory."};
	struct people_call *call;

	call = act->kind < ACTS && handlers[act->kind] ? calloc(1, sizeof(*call)) : NULL;
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
	uint8_t noise[24];
	char *text;
	int r;

	if (!host->people.next_row)
		host->people.next_row = 1;
	host->people.unknown_seed = random_uint64();
	random_bytes(noise, sizeof(noise));
	text = base64url_encode(span_of(noise, sizeof(noise)));
	if (!text)
		return -ENOMEM;
	/* About 0.2 s, once, before the loop runs. */
	r = password_hash(text, host->people.unknown_hash);
	free(text);
	return r;
}
