/* SPDX-License-Identifier: Apache-2.0 */

/*
 * How an event from outside becomes steps of the four machines, and how a
 * step of one machine moves another. Two tables say all of it:
 *
 *   routes   event -> the one machine that it concerns, and the step. The first row whose condition
 *            holds is taken. Its result is the result of all: refused or ignored ends here.
 *   rules    a step that was taken -> the steps of other machines that follow, under a condition
 *            that is judged right after it. A following step that is ignored is no matter.
 *
 * Steps wait in a queue, in the order of the table, and run to completion before the record is
 * used.
 *
 *   admission  ADMIT ............................... operation OPEN
 *              RESUME .............................. link START; operation OPEN if it has nothing
 *                                                    to connect with
 *              all that ends being admitted ........ operation CANCEL, link STOP, and credential
 *                                                    ERASE unless it is suspended
 *   operation  GOT_CREDENTIAL ...................... credential STORE
 *              GOT_BOUND ........................... link RENEWED
 *              GOT_REJECTED ........................ admission REFUSED_UPSTREAM
 *              GOT_LEAK ............................ admission WITHDRAWN
 *              GOT_EXPIRED ......................... operation REOPEN, at most twice; then an alarm
 *              an end out of issued ................ credential ERASE: it was never bound
 *   credential RENEWED ............................. link RENEWED
 *              LAPSED .............................. link STOP
 *              RENEW_REFUSED after its end ......... operation OPEN (rule 4), else an alarm
 *              LEAK, said by a refresh ............. credential RENEW_REFUSED
 *              REFUSED_AGAIN ....................... link AUTH_REFUSED
 *              GONE ................................ admission WITHDRAWN
 *   link       CONNECTED ........................... credential CONNECTED
 *              AUTH_REFUSED ........................ credential AUTH_REFUSED, or REFUSED_AGAIN when
 *                                                    its renewal is spent; LEAK when it came before
 *                                                    the credential's known end
 *              TAKEN_OVER .......................... credential LEAK
 *
 * The driver is asked one thing at a time: an operation opens only where no refresh is under way
 * (credential none or refused), and a refresh starts only where no operation is open. So a driver's
 * answer belongs to the open operation if there is one, else to the refresh.
 */

#include "core/lifecycle-parts.h"

#include <assert.h>

#include "base/cleanup.h"

/* Conditions. They see the record as it is, and for the rules also as it was before the event. */

static bool is_open(const struct walk *walk)
{
	return operation_is_open(walk->life.operation);
}

static bool is_refreshing(const struct walk *walk)
{
	return credential_is_refreshing(walk->life.credential);
}

static bool is_unbound(const struct walk *walk)
{
	return walk->life.operation == OPERATION_ISSUED;
}

static bool was_unbound(const struct walk *walk)
{
	return walk->before->operation == OPERATION_ISSUED;
}

static bool is_not_open(const struct walk *walk)
{
	return !is_open(walk);
}

static bool has_no_credential(const struct walk *walk)
{
	return walk->life.credential == CREDENTIAL_NONE;
}

/* The renewal that a refused connection started was the last word. */
static bool is_last_renewal(const struct walk *walk)
{
	return walk->life.credential == CREDENTIAL_RENEWING && walk->life.credential_doubted;
}

static bool is_renewal_spent(const struct walk *walk)
{
	return walk->life.credential == CREDENTIAL_HELD && walk->life.credential_doubted;
}

/* The driver found it out while it renewed: that try is over. */
static bool is_refresh_leak(const struct walk *walk)
{
	return walk->input->event == LIFE_DRIVER_LEAK;
}

static bool is_before_end(const struct walk *walk)
{
	return walk->input->now < walk->life.credential_expires;
}

/* Rule 2. While it is renewed the platform may have put the next one in its place, and nobody here
 * knows yet: what a refusal says is known when the renewal has ended. */
static bool is_leak_sign(const struct walk *walk)
{
	return is_before_end(walk) && walk->life.credential != CREDENTIAL_RENEWING;
}

/* It has ended, and there was no next one. */
static bool is_leak_sign_late(const struct walk *walk)
{
	return is_before_end(walk) && !walk->life.operation_blocked;
}

/* It was refused in use, which nobody has said: as above while it is good, or it has ended since.
 */
static bool was_leak_sign_late(const struct walk *walk)
{
	const struct lifecycle *before = walk->before;
	bool unsaid = before->credential_doubted && !before->operation_blocked &&
		      !walk->life.operation_blocked;

	return unsaid && (before->credential == CREDENTIAL_EXPIRED ||
				 (before->credential == CREDENTIAL_RENEWING &&
					 walk->input->now < before->credential_expires));
}

static bool may_connect(const struct walk *walk)
{
	return walk->life.admission == ADMISSION_ADMITTED &&
	       walk->life.operation == OPERATION_BOUND &&
	       credential_is_usable(walk->life.credential);
}

/* Admitted, and no credential is in use or being renewed. That no operation is open is the
 * operation's own table. */
static bool may_open(const struct walk *walk)
{
	return walk->life.admission == ADMISSION_ADMITTED &&
	       (walk->life.credential == CREDENTIAL_NONE ||
		       walk->life.credential == CREDENTIAL_REFUSED);
}

static bool may_approve(const struct walk *walk)
{
	return !walk->life.operation_approved &&
	       (walk->life.operation == OPERATION_OPENING ||
		       walk->life.operation == OPERATION_AWAITING);
}

static bool is_approved_early(const struct walk *walk)
{
	return walk->before->operation == OPERATION_OPENING && walk->life.operation_approved;
}

/* By itself, without a person (rule 6). */
static bool may_reopen(const struct walk *walk)
{
	return walk->life.operation_reopened < OPERATION_REOPEN_MAX;
}

static bool may_not_reopen(const struct walk *walk)
{
	return !may_reopen(walk);
}

/* Likewise, for a credential that could not be renewed (rules 2 and 4). */
static bool may_register(const struct walk *walk)
{
	return may_open(walk) && !walk->life.operation_blocked && !was_leak_sign_late(walk);
}

static bool may_not_register(const struct walk *walk)
{
	return !may_register(walk);
}

static const struct route {
	enum life_event event;
	bool (*when)(const struct walk *walk); /* NULL: always */
	struct machine_step step;
} routes[] = {
	{LIFE_ASKED, NULL, {MACHINE_ADMISSION, ADMISSION_ASKED}},
	{LIFE_ADMIT, may_open, {MACHINE_OPERATION, OPERATION_OPEN}},
	{LIFE_ADMIT, NULL, {MACHINE_ADMISSION, ADMISSION_ADMIT}},
	{LIFE_APPROVE, may_approve, {MACHINE_OPERATION, OPERATION_APPROVE}},
	{LIFE_APPROVE, may_open, {MACHINE_OPERATION, OPERATION_OPEN}},
	{LIFE_APPROVE, NULL, {MACHINE_ADMISSION, ADMISSION_ADMIT}},
	/* What has a credential is revoked, not rejected: no row, so it is refused. */
	{LIFE_REJECT, has_no_credential, {MACHINE_ADMISSION, ADMISSION_REJECT}},
	{LIFE_SUSPEND, NULL, {MACHINE_ADMISSION, ADMISSION_SUSPEND}},
	{LIFE_RESUME, NULL, {MACHINE_ADMISSION, ADMISSION_RESUME}},
	{LIFE_REVOKE, NULL, {MACHINE_ADMISSION, ADMISSION_REVOKE}},
	{LIFE_RELEASE, NULL, {MACHINE_ADMISSION, ADMISSION_RELEASE}},
	{LIFE_BLOCK, NULL, {MACHINE_ADMISSION, ADMISSION_BLOCK}},
	{LIFE_UNBLOCK, NULL, {MACHINE_ADMISSION, ADMISSION_UNBLOCK}},

	{LIFE_DRIVER_PROGRESS, is_open, {MACHINE_OPERATION, OPERATION_PROGRESS}},
	{LIFE_DRIVER_PROGRESS, NULL, {MACHINE_CREDENTIAL, CREDENTIAL_PROGRESS}},
	{LIFE_DRIVER_CODE, NULL, {MACHINE_OPERATION, OPERATION_CODE}},
	{LIFE_DRIVER_ISSUED, is_open, {MACHINE_OPERATION, OPERATION_GOT_CREDENTIAL}},
	{LIFE_DRIVER_ISSUED, NULL, {MACHINE_CREDENTIAL, CREDENTIAL_RENEWED}},
	{LIFE_DRIVER_BOUND, NULL, {MACHINE_OPERATION, OPERATION_GOT_BOUND}},
	/* A person at the platform said no to a refresh: that is a revocation. */
	{LIFE_DRIVER_REJECTED, is_refreshing, {MACHINE_CREDENTIAL, CREDENTIAL_GONE}},
	{LIFE_DRIVER_REJECTED, NULL, {MACHINE_OPERATION, OPERATION_GOT_REJECTED}},
	{LIFE_DRIVER_EXPIRED, is_open, {MACHINE_OPERATION, OPERATION_GOT_EXPIRED}},
	{LIFE_DRIVER_EXPIRED, is_last_renewal, {MACHINE_CREDENTIAL, CREDENTIAL_REFUSED_AGAIN}},
	{LIFE_DRIVER_EXPIRED, NULL, {MACHINE_CREDENTIAL, CREDENTIAL_RENEW_REFUSED}},
	{LIFE_DRIVER_REFUSED, is_open, {MACHINE_OPERATION, OPERATION_GOT_REFUSED}},
	{LIFE_DRIVER_REFUSED, is_last_renewal, {MACHINE_CREDENTIAL, CREDENTIAL_REFUSED_AGAIN}},
	{LIFE_DRIVER_REFUSED, NULL, {MACHINE_CREDENTIAL, CREDENTIAL_RENEW_REFUSED}},
	{LIFE_DRIVER_FAILED_RETRY, is_open, {MACHINE_OPERATION, OPERATION_FAILED_RETRY}},
	{LIFE_DRIVER_FAILED_RETRY, NULL, {MACHINE_CREDENTIAL, CREDENTIAL_RENEW_FAILED}},
	{LIFE_DRIVER_FAILED_FINAL, is_open, {MACHINE_OPERATION, OPERATION_FAILED_FINAL}},
	{LIFE_DRIVER_FAILED_FINAL, is_last_renewal, {MACHINE_CREDENTIAL, CREDENTIAL_REFUSED_AGAIN}},
	{LIFE_DRIVER_FAILED_FINAL, NULL, {MACHINE_CREDENTIAL, CREDENTIAL_RENEW_REFUSED}},
	{LIFE_DRIVER_LEAK, is_open, {MACHINE_OPERATION, OPERATION_GOT_LEAK}},
	{LIFE_DRIVER_LEAK, NULL, {MACHINE_CREDENTIAL, CREDENTIAL_LEAK}},
	{LIFE_REVOKED_UPSTREAM, NULL, {MACHINE_CREDENTIAL, CREDENTIAL_GONE}},

	{LIFE_OPERATION_LAPSED, NULL, {MACHINE_OPERATION, OPERATION_GOT_EXPIRED}},
	/* Not bound yet: the driver is busy with that. It is due again afterwards. */
	{LIFE_RENEW_DUE, is_not_open, {MACHINE_CREDENTIAL, CREDENTIAL_RENEW_DUE}},
	/* It could not be bound for as long as it lived. */
	{LIFE_CREDENTIAL_LAPSED, is_unbound, {MACHINE_OPERATION, OPERATION_FAILED_FINAL}},
	{LIFE_CREDENTIAL_LAPSED, NULL, {MACHINE_CREDENTIAL, CREDENTIAL_LAPSED}},

	{LIFE_LINK_RETRY, may_connect, {MACHINE_LINK, LINK_RETRY}},
	{LIFE_LINK_UP, NULL, {MACHINE_LINK, LINK_CONNECTED}},
	{LIFE_LINK_LOST, NULL, {MACHINE_LINK, LINK_LOST}},
	{LIFE_LINK_REFUSED, NULL, {MACHINE_LINK, LINK_AUTH_REFUSED}},
	{LIFE_LINK_TAKEN_OVER, NULL, {MACHINE_LINK, LINK_TAKEN_OVER}},

	{LIFE_RESTARTED, is_open, {MACHINE_OPERATION, OPERATION_RESTARTED}},
	{LIFE_RESTARTED, NULL, {MACHINE_CREDENTIAL, CREDENTIAL_RESTARTED}},
};

#define ON(event) (1u << (event))
#define ADMISSION_ENDED_HERE                                                  \
	(ON(ADMISSION_REVOKE) | ON(ADMISSION_BLOCK) | ON(ADMISSION_RELEASE) | \
		ON(ADMISSION_REFUSED_UPSTREAM) | ON(ADMISSION_WITHDRAWN))
#define ADMISSION_STOPPED (ADMISSION_ENDED_HERE | ON(ADMISSION_REJECT) | ON(ADMISSION_SUSPEND))
#define OPERATION_ENDED_BADLY \
	(ON(OPERATION_GOT_REFUSED) | ON(OPERATION_FAILED_FINAL) | ON(OPERATION_CANCEL))

static const struct rule {
	enum machine machine;
	uint32_t taken; /* a set: ON(event) of that machine */
	bool (*when)(const struct walk *walk);
	struct machine_step then;
} rules[] = {
	{MACHINE_ADMISSION, ON(ADMISSION_ADMIT), NULL, {MACHINE_OPERATION, OPERATION_OPEN}},
	{MACHINE_ADMISSION, ON(ADMISSION_RESUME), may_connect, {MACHINE_LINK, LINK_START}},
	{MACHINE_ADMISSION, ON(ADMISSION_RESUME), may_open, {MACHINE_OPERATION, OPERATION_OPEN}},
	{MACHINE_ADMISSION, ADMISSION_STOPPED, NULL, {MACHINE_OPERATION, OPERATION_CANCEL}},
	{MACHINE_ADMISSION, ADMISSION_ENDED_HERE, NULL, {MACHINE_CREDENTIAL, CREDENTIAL_ERASE}},
	{MACHINE_ADMISSION, ADMISSION_STOPPED, NULL, {MACHINE_LINK, LINK_STOP}},

	{MACHINE_OPERATION, ON(OPERATION_GOT_CREDENTIAL), NULL,
		{MACHINE_CREDENTIAL, CREDENTIAL_STORE}},
	{MACHINE_OPERATION, ON(OPERATION_GOT_BOUND), may_connect, {MACHINE_LINK, LINK_RENEWED}},
	{MACHINE_OPERATION, ON(OPERATION_GOT_REJECTED), NULL,
		{MACHINE_ADMISSION, ADMISSION_REFUSED_UPSTREAM}},
	{MACHINE_OPERATION, ON(OPERATION_GOT_LEAK), NULL, {MACHINE_ADMISSION, ADMISSION_WITHDRAWN}},
	{MACHINE_OPERATION, ON(OPERATION_GOT_EXPIRED), may_reopen,
		{MACHINE_OPERATION, OPERATION_REOPEN}},
	{MACHINE_OPERATION, OPERATION_ENDED_BADLY, was_unbound,
		{MACHINE_CREDENTIAL, CREDENTIAL_ERASE}},

	{MACHINE_CREDENTIAL, ON(CREDENTIAL_RENEWED), may_connect, {MACHINE_LINK, LINK_RENEWED}},
	{MACHINE_CREDENTIAL, ON(CREDENTIAL_RESTARTED), may_connect, {MACHINE_LINK, LINK_START}},
	{MACHINE_CREDENTIAL, ON(CREDENTIAL_LAPSED), NULL, {MACHINE_LINK, LINK_STOP}},
	{MACHINE_CREDENTIAL, ON(CREDENTIAL_RENEW_REFUSED), was_leak_sign_late,
		{MACHINE_CREDENTIAL, CREDENTIAL_LEAK}},
	{MACHINE_CREDENTIAL, ON(CREDENTIAL_RENEW_REFUSED), may_register,
		{MACHINE_OPERATION, OPERATION_OPEN}},
	{MACHINE_CREDENTIAL, ON(CREDENTIAL_LEAK), is_refresh_leak,
		{MACHINE_CREDENTIAL, CREDENTIAL_RENEW_REFUSED}},
	{MACHINE_CREDENTIAL, ON(CREDENTIAL_REFUSED_AGAIN), is_leak_sign_late,
		{MACHINE_CREDENTIAL, CREDENTIAL_LEAK}},
	{MACHINE_CREDENTIAL, ON(CREDENTIAL_REFUSED_AGAIN), NULL, {MACHINE_LINK, LINK_AUTH_REFUSED}},
	{MACHINE_CREDENTIAL, ON(CREDENTIAL_GONE), NULL, {MACHINE_ADMISSION, ADMISSION_WITHDRAWN}},

	{MACHINE_LINK, ON(LINK_CONNECTED), NULL, {MACHINE_CREDENTIAL, CREDENTIAL_CONNECTED}},
	{MACHINE_LINK, ON(LINK_AUTH_REFUSED), is_leak_sign, {MACHINE_CREDENTIAL, CREDENTIAL_LEAK}},
	{MACHINE_LINK, ON(LINK_AUTH_REFUSED), is_renewal_spent,
		{MACHINE_CREDENTIAL, CREDENTIAL_REFUSED_AGAIN}},
	{MACHINE_LINK, ON(LINK_AUTH_REFUSED), NULL, {MACHINE_CREDENTIAL, CREDENTIAL_AUTH_REFUSED}},
	{MACHINE_LINK, ON(LINK_TAKEN_OVER), NULL, {MACHINE_CREDENTIAL, CREDENTIAL_LEAK}},
};

/* What a step asks for only under a condition. */
static const struct notice {
	struct machine_step taken;
	bool (*when)(const struct walk *walk);
	uint32_t actions;
} notices[] = {
	/* Approved before it was open at the platform: now the driver is told. */
	{{MACHINE_OPERATION, OPERATION_CODE}, is_approved_early, LIFE_ADVANCE},
	/* Nothing goes on by itself: a person must hear of it. */
	{{MACHINE_OPERATION, OPERATION_GOT_EXPIRED}, may_not_reopen, LIFE_ALARM_FAILED},
	{{MACHINE_CREDENTIAL, CREDENTIAL_RENEW_REFUSED}, may_not_register, LIFE_ALARM_REFUSED},
	/* With its credential it is let go: there is nothing left to block. */
	{{MACHINE_CREDENTIAL, CREDENTIAL_GONE}, was_leak_sign_late, LIFE_ALARM_LEAK},
};

static void walk_queue(struct walk *walk, struct machine_step step)
{
	assert(walk->tail < STEPS_MAX);
	walk->queue[walk->tail++] = step;
}

void lifecycle_follow(struct walk *walk, struct machine_step taken)
{
	for (size_t i = 0; i < ELEMENTS(rules); i++)
		if (rules[i].machine == taken.machine && rules[i].taken & ON(taken.event) &&
			(!rules[i].when || rules[i].when(walk)))
			walk_queue(walk, rules[i].then);

	for (size_t i = 0; i < ELEMENTS(notices); i++)
		if (notices[i].taken.machine == taken.machine &&
			notices[i].taken.event == taken.event && notices[i].when(walk))
			walk->actions |= notices[i].actions;
}

bool lifecycle_route(const struct walk *walk, struct machine_step *ret_first)
{
	const struct life_input *input = walk->input;

	if (input->answer_to != 0 && input->answer_to != walk->life.operation_number)
		return false;
	for (size_t i = 0; i < ELEMENTS(routes); i++) {
		if (routes[i].event != input->event || (routes[i].when && !routes[i].when(walk)))
			continue;
		*ret_first = routes[i].step;
		return true;
	}
	return false;
}
