/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The rules of the platform contract as a judge of single steps. It compares, remembers and counts
 * by itself and takes nothing from the tables that it judges.
 */

#include "walk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#define judge(world, condition)                                                                   \
	do {                                                                                      \
		if (!(condition))                                                                 \
			fail_msg("seed %llu, step %u, %s: %s", (unsigned long long)(world)->seed, \
				(world)->step, life_event_to_string((world)->input.event),        \
				#condition);                                                      \
	} while (0)

static bool secret_equals(const struct secret *secret, const char *text)
{
	return secret->size == strlen(text) && memcmp(secret->data, text, secret->size) == 0;
}

static bool secret_is_gone(const struct secret *secret)
{
	return secret->size == 0 && !secret->data;
}

static bool secret_same(const struct secret *a, const struct secret *b)
{
	return a->size == b->size && (a->size == 0 || memcmp(a->data, b->data, a->size) == 0);
}

/* All but the link is on disk. */
static bool same_on_disk(const struct lifecycle *a, const struct lifecycle *b)
{
	return a->admission == b->admission && a->operation == b->operation &&
	       a->credential == b->credential && a->operation_number == b->operation_number &&
	       a->operation_reopened == b->operation_reopened &&
	       a->operation_expires == b->operation_expires &&
	       a->operation_approved == b->operation_approved &&
	       a->operation_blocked == b->operation_blocked &&
	       a->credential_doubted == b->credential_doubted &&
	       a->credential_since == b->credential_since &&
	       a->credential_expires == b->credential_expires &&
	       strcmp(a->platform_id, b->platform_id) == 0 &&
	       secret_same(&a->operation_blob, &b->operation_blob) &&
	       secret_same(&a->operation_code, &b->operation_code) &&
	       secret_same(&a->credential_current, &b->credential_current) &&
	       secret_same(&a->credential_old, &b->credential_old);
}

static bool is_open(const struct lifecycle *life)
{
	return life->operation == OPERATION_OPENING || life->operation == OPERATION_AWAITING ||
	       life->operation == OPERATION_ISSUED;
}

static bool is_usable(const struct lifecycle *life)
{
	return life->credential == CREDENTIAL_HELD || life->credential == CREDENTIAL_RENEWING;
}

static bool is_refreshing(const struct lifecycle *life)
{
	return life->credential == CREDENTIAL_RENEWING || life->credential == CREDENTIAL_EXPIRED;
}

static bool is_persons(enum life_event event)
{
	return event >= LIFE_ADMIT && event <= LIFE_UNBLOCK;
}

void walk_judge_state(const struct world *world, const struct lifecycle *life)
{
	bool here = life->admission == ADMISSION_ADMITTED;

	/* Rules 1 and 6. */
	judge(world, !is_open(life) || here);
	judge(world, life->operation_reopened <= OPERATION_REOPEN_MAX);
	/* One thing at a time is asked of the driver. */
	judge(world, !is_open(life) || !is_refreshing(life));
	/* Rules 8 and 10: nothing outlives what it belongs to. */
	judge(world, is_open(life) || secret_is_gone(&life->operation_code));
	judge(world, is_open(life) || is_refreshing(life) || secret_is_gone(&life->operation_blob));
	judge(world, is_open(life) || !life->operation_approved);
	judge(world, is_open(life) || life->operation_expires == 0);
	judge(world,
		(life->credential == CREDENTIAL_NONE) == secret_is_gone(&life->credential_current));
	judge(world, life->credential != CREDENTIAL_NONE || secret_is_gone(&life->credential_old));
	/* Rule 7: what is not admitted, or suspended, has nothing that could be used. */
	if (!here && life->admission != ADMISSION_SUSPENDED) {
		judge(world, life->credential == CREDENTIAL_NONE);
		judge(world, secret_is_gone(&life->operation_blob));
	}
	judge(world, here || life->link == LINK_DOWN);
	judge(world, here || !lifecycle_may_publish(life, world->now));
	judge(world, here || !lifecycle_may_report(life));
	/* What is used was bound. */
	if (is_usable(life) || life->credential == CREDENTIAL_EXPIRED)
		judge(world,
			life->operation == OPERATION_BOUND || life->operation == OPERATION_ISSUED);
	if (life->link == LINK_UP || life->link == LINK_CONNECTING)
		judge(world, is_usable(life) && life->operation == OPERATION_BOUND);
	if (lifecycle_may_publish(life, world->now)) {
		judge(world, is_usable(life) && life->operation == OPERATION_BOUND);
		judge(world,
			life->credential_expires == 0 || life->credential_expires > world->now);
		judge(world, life->platform_id[0] != '\0');
	}
}

static void judge_actions(const struct world *world, const struct lifecycle *next, uint32_t actions)
{
	enum device_word word, next_word;
	enum device_stage stage;

	/* On disk before used, and no write for nothing. */
	judge(world, !!(actions & LIFE_SAVE) == !same_on_disk(&world->life, next));
	judge(world, !(actions & LIFE_ADVANCE) || is_open(next));
	judge(world, !(actions & LIFE_REFRESH) || (is_refreshing(next) && !is_open(next)));
	judge(world, !(actions & LIFE_SHOW_CODE) || next->operation_code.size > 0);
	judge(world, !!(actions & LIFE_CLEAR_CODE) == (world->life.operation_code.size > 0 &&
							      next->operation_code.size == 0));
	judge(world, !(actions & LIFE_CONNECT) || next->link == LINK_CONNECTING);
	judge(world, !(actions & LIFE_CONNECT) || !(actions & LIFE_DISCONNECT));
	judge(world, !(actions & LIFE_BACK_OFF) || !(actions & (LIFE_ADVANCE | LIFE_REFRESH)));
	judge(world, !(actions & LIFE_RECONNECT) || next->link == LINK_DOWN);
	/* A driver that goes on by itself is not called as well: no hot loop. */
	judge(world, world->input.event != LIFE_DRIVER_PROGRESS ||
			     !(actions & (LIFE_ADVANCE | LIFE_REFRESH)));
	judge(world, !(actions & LIFE_CANCEL) || (is_open(&world->life) && !is_open(next)));
	judge(world,
		!(actions & LIFE_PLATFORM_REVOKE) || (world->life.credential != CREDENTIAL_NONE &&
							     next->credential == CREDENTIAL_NONE));
	judge(world, !(actions & LIFE_DROP_READINGS) || is_persons(world->input.event));
	/* A link that was up, or about to be, is not left behind. */
	if (world->life.link != LINK_DOWN && next->admission != ADMISSION_ADMITTED)
		judge(world, actions & LIFE_DISCONNECT);

	lifecycle_describe(&world->life, &word, &stage);
	lifecycle_describe(next, &next_word, &stage);
	judge(world, word == next_word || actions & LIFE_TELL_DEVICE);
}

static void judge_operation(
	const struct world *world, const struct lifecycle *next, struct memory *memory)
{
	const struct lifecycle *life = &world->life;
	enum life_event event = world->input.event;
	bool expiry = event == LIFE_DRIVER_EXPIRED || event == LIFE_OPERATION_LAPSED;

	if (next->operation_number != life->operation_number) {
		/* A new one: with a number of its own, and not beside another. */
		judge(world, next->operation_number == world->input.operation_number);
		judge(world, next->operation_number > memory->number);
		judge(world, is_open(next));
		judge(world, !is_open(life) || expiry);
		judge(world, next->operation_code.size == 0);
		judge(world, is_persons(event) || !memory->leak);
		/* By itself: after an expiry, or when the end of a token left nothing else. */
		memory->reopened = expiry && is_open(life) ? memory->reopened + 1 : 0;
		judge(world, memory->reopened <= 2);
		judge(world, is_persons(event) || is_open(life) ||
				     life->credential == CREDENTIAL_EXPIRED);
		judge(world, next->operation_approved == (event == LIFE_APPROVE));
		memory->number = next->operation_number;
		memory->code[0] = '\0';
	}

	/* Rule 10: constant. */
	if (next->operation_code.size > 0) {
		if (memory->code[0] != '\0')
			judge(world, secret_equals(&next->operation_code, memory->code));
		judge(world, next->operation_code.size <= CODE_MAX);
		snprintf(memory->code, sizeof(memory->code), "%.*s", (int)next->operation_code.size,
			(const char *)next->operation_code.data);
	} else if (memory->code[0] != '\0') {
		judge(world, !is_open(next));
	}

	/* Rule 3: with a credential on disk there is no way back to asking for one. */
	if (next->operation == OPERATION_ISSUED)
		memory->issued = next->operation_number;
	else if (is_open(next))
		judge(world, memory->issued != next->operation_number);
}

/* Rule 3: while it is in use, the token that connected last is still there; it goes only when
 * another one has connected. Rule 5: a second refusal is the end of trying. */
static void judge_credential(const struct world *world, const struct lifecycle *next,
	uint32_t actions, struct memory *memory)
{
	enum life_event event = world->input.event;

	if (next->credential == CREDENTIAL_NONE ||
		(next->operation == OPERATION_ISSUED && world->life.operation != OPERATION_ISSUED))
		memory->proven[0] = '\0';
	if (event == LIFE_LINK_UP)
		snprintf(memory->proven, sizeof(memory->proven), "%.*s",
			(int)next->credential_current.size,
			(const char *)next->credential_current.data);
	if (memory->proven[0] != '\0')
		judge(world, secret_equals(&next->credential_current, memory->proven) ||
				     secret_equals(&next->credential_old, memory->proven));
	if (event == LIFE_LINK_UP)
		judge(world, secret_is_gone(&next->credential_old));

	if (event == LIFE_LINK_REFUSED && memory->doubt &&
		world->life.credential == CREDENTIAL_HELD) {
		judge(world, next->credential == CREDENTIAL_REFUSED);
		judge(world, next->link == LINK_REFUSED);
		judge(world, actions & LIFE_ALARM_REFUSED);
	}
	if (event == LIFE_LINK_REFUSED)
		memory->doubt = true;
	if (event == LIFE_LINK_UP || event == LIFE_DRIVER_BOUND ||
		next->credential == CREDENTIAL_NONE)
		memory->doubt = false;
	/* Refused: only a new credential leads out, or a person. */
	if (world->life.link == LINK_REFUSED && next->link == LINK_CONNECTING)
		judge(world, event == LIFE_DRIVER_ISSUED || event == LIFE_DRIVER_BOUND ||
				     event == LIFE_RESTARTED);
}

void walk_judge(const struct world *world, const struct lifecycle *next,
	const struct life_outcome *outcome, struct memory *memory)
{
	enum life_event event = world->input.event;

	walk_judge_state(world, next);
	judge_actions(world, next, outcome->actions);
	judge_operation(world, next, memory);
	judge_credential(world, next, outcome->actions, memory);

	/* Only a person lets a device in. */
	if (next->admission == ADMISSION_ADMITTED && world->life.admission != ADMISSION_ADMITTED)
		judge(world, event == LIFE_ADMIT || event == LIFE_APPROVE || event == LIFE_RESUME);
	/* Rule 2. */
	if (outcome->actions & LIFE_ALARM_LEAK)
		memory->leak = true;
	if (event == LIFE_ADMIT || event == LIFE_APPROVE || event == LIFE_RESUME ||
		next->credential == CREDENTIAL_NONE)
		memory->leak = false;
	if (event == LIFE_DRIVER_LEAK || event == LIFE_LINK_TAKEN_OVER)
		judge(world, outcome->actions & LIFE_ALARM_LEAK);
	if (event == LIFE_DRIVER_LEAK && is_open(&world->life))
		judge(world, next->operation == OPERATION_FAILED &&
				     next->admission == ADMISSION_PENDING);
	/* Rule 7. */
	if (event == LIFE_REVOKE) {
		judge(world, next->admission == ADMISSION_REVOKED);
		judge(world, outcome->actions & LIFE_DISCONNECT);
		judge(world, outcome->actions & LIFE_DROP_READINGS);
	}
}
