/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Log-in, and the password once more. An unknown name costs the same time, gets the same words and
 * the same delays as a wrong password. Guessing is slowed down for each name, and counted for the
 * whole gateway and for each address. Every try is audited, and without its row in the journal
 * nobody gets in. What only asks for the password of a session that is there has a brake of its own
 * and no other: strangers must not keep those who are in from acting. A password that was hashed at
 * another cost than today's is hashed anew when it fits, and saved with the row of its log-in.
 *
 *	tries of this address -> brake of this name -> tries of the gateway -> job: verify
 *	-> audit row -> SAVED -> is it still the same person? -> answer
 */

#include "host/journal.h"
#include "host/people.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "base/message-ids.h"

DEFINE_CLEANUP(struct change *, change_free, cleanup_change)

#define LOGIN_MINUTE_USEC  (60 * USEC_PER_SEC)
#define TEXT_LOGIN_REFUSED "Name or password are wrong."

/* Dropped, or given another role or password, while the row was on its way to disk: no session. */
static bool is_still_there(const struct people_call *call)
{
	const struct people *people = &call->host->people;
	int at = people_index_of(people, call->person.name);

	return at >= 0 && people->person[at].epoch == call->person.epoch;
}

static void on_login_audited(void *userdata, int result, const char *head)
{
	struct people_call *call = userdata;

	if (result < 0) {
		people_call_done(call, ACT_NOT_STORED, 0,
			"The journal cannot be written, so nobody can log in. Free some space on "
			"the gateway.");
		return;
	}
	if (call->result == 1 && is_still_there(call))
		people_call_done(call, ACT_DONE, 0, NULL);
	else
		people_call_done(call, ACT_NOT_ALLOWED, 0, TEXT_LOGIN_REFUSED);
}

static void on_renewed(void *userdata, int result, const char *head)
{
	struct people_call *call = userdata;
	struct people *people = &call->host->people;
	int at = people_index_of(people, call->person.name);

	host_saved(call->host, result, head);
	if (result >= 0 && at >= 0)
		memcpy(people->person[at].password, call->renewed, sizeof(call->renewed));
	on_login_audited(call, result, head);
}

/* The row in the journal and the password's new text in one change; -errno: nothing was begun. */
static int save_renewed(struct people_call *call, const struct audit_row *audit)
{
	CLEANUP(cleanup_change) struct change *change = NULL;
	struct person person = call->person;
	int r = change_new(&change);

	memcpy(person.password, call->renewed, sizeof(person.password));
	if (r >= 0)
		r = change_put_person(change, &person);
	crypto_wipe(&person, sizeof(person));
	if (r >= 0)
		r = change_append_audit(change, audit);
	if (r < 0)
		return r;
	call->host->people.changing = true;
	call->changes = true;
	store_save(call->host->store, STEAL(change), on_renewed, call);
	return 0;
}

/* While other people are being changed the old text stays: the next log-in comes by here. */
static void save_login(struct people_call *call, const struct audit_row *audit)
{
	if (call->result == 1 && call->renewed[0] && !call->host->people.changing &&
		save_renewed(call, audit) >= 0)
		return;
	host_audit(call->host, audit, on_login_audited, call);
}

/* The brake for this name; unknown ones share a table, or its lack would tell that they are. */
static struct login_guard *guard_of(struct people *people, const struct act *act)
{
	const char *name = act->name;
	int at = people_index_of(people, name);
	uint64_t hash = people->unknown_seed;

	if (at >= 0)
		return act->kind == ACT_PASSWORD_FRESH ? &people->fresh_guard[at]
						       : &people->guard[at];
	for (; *name; name++)
		hash = (hash ^ (uint8_t)tolower((unsigned char)*name)) * UINT64_C(0x100000001b3);
	return &people->unknown_guard[(hash ^ hash >> 32) % UNKNOWN_GUARDS_MAX];
}

void people_after_verify(struct people_call *call)
{
	struct host *host = call->host;
	int at = people_index_of(&host->people, call->act.name);
	struct login_guard *guard = guard_of(&host->people, &call->act);
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
		log_at(LOG_WARNING,
			(&(const struct log_fields){
				.message_id = MESSAGE_LOGIN_REFUSED, .peer = call->act.via}),
			"A log-in from %s was refused.", call->act.via);
	}
	/* An unknown name is not written down: it may be a password typed into the wrong field. */
	audit_of_act(&call->act, at >= 0 ? host->people.person[at].name : "unknown", "",
		audit_result(passed ? AUDIT_DONE : AUDIT_REFUSED), &audit);
	snprintf(audit.who, sizeof(audit.who), "%s",
		at >= 0 ? host->people.person[at].name : "unknown");
	if (passed)
		snprintf(audit.role, sizeof(audit.role), "%s", role_to_string(call->person.role));
	save_login(call, &audit);
}

static bool tries_left_this_minute(struct host *host)
{
	uint64_t now = clock_boot_usec();

	if (now - host->people.global_first_usec > LOGIN_MINUTE_USEC) {
		host->people.global_first_usec = now;
		host->people.global_tries = 0;
	}
	return ++host->people.global_tries <= host->limits.value[LIMIT_LOGIN_TRIES];
}

/* The place of this address; the one that was quiet longest makes room for a new one. */
static struct login_source *source_of(struct people *people, const char *via)
{
	struct login_source *oldest = &people->source[0];

	for (unsigned i = 0; i < LOGIN_SOURCES_MAX; i++) {
		struct login_source *source = &people->source[i];

		if (source->first_usec && !strcmp(source->via, via))
			return source;
		if (source->first_usec < oldest->first_usec)
			oldest = source;
	}
	*oldest = (struct login_source){0};
	snprintf(oldest->via, sizeof(oldest->via), "%s", via);
	return oldest;
}

static bool tries_left_for_address(struct host *host, const char *via)
{
	struct login_source *source = source_of(&host->people, via);
	uint64_t now = clock_boot_usec();

	if (!source->first_usec || now - source->first_usec > LOGIN_MINUTE_USEC) {
		source->first_usec = now;
		source->tries = 0;
	}
	return ++source->tries <= host->limits.value[LIMIT_LOGIN_TRIES_ADDRESS];
}

static void too_many(struct people_call *call, enum limit limit)
{
	call->host->limits.reached[limit]++;
	people_call_done(call, ACT_TOO_MANY, 60, "Too many tries to log in.");
}

void people_login(struct people_call *call)
{
	struct host *host = call->host;
	int at = people_index_of(&host->people, call->act.name);
	bool is_session = call->act.kind == ACT_PASSWORD_FRESH;
	uint64_t wait = 1;

	if (!is_session && !tries_left_for_address(host, call->act.via)) {
		too_many(call, LIMIT_LOGIN_TRIES_ADDRESS);
		return;
	}
	if (!login_guard_may_try(guard_of(&host->people, &call->act), clock_boot_usec(), &wait)) {
		people_call_done(call, ACT_TOO_MANY, (uint32_t)(wait / USEC_PER_SEC) + 1,
			"Too many wrong passwords.");
		return;
	}
	if (!is_session && !tries_left_this_minute(host)) {
		too_many(call, LIMIT_LOGIN_TRIES);
		return;
	}
	snprintf(call->stored, sizeof(call->stored), "%s",
		at >= 0 ? host->people.person[at].password : host->people.unknown_hash);
	people_hash(call);
}
