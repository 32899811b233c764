/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One device's world for random walks: the life itself, the disk, a model platform that answers
 * what the life's actions ask, and what the walk remembers on its own in order to judge the next
 * step. See test-lifecycle-walk.c (the walking) and walk-judge.c (the rules).
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/lifecycle.h"

/* Remembered by the walk. It is saved and lost together with the record. */
struct memory {
	uint64_t number;	 /* of the newest operation */
	unsigned reopened;	 /* by itself, since somebody or the end of a token opened one */
	char code[CODE_MAX + 1]; /* that was shown in it, "" = none yet */
	uint64_t issued;	 /* the operation whose credential came last */
	bool leak;		 /* a sign of one, and no person has decided since */
	bool doubt;		 /* refused at the door since it was last let in */
	char proven[32];	 /* the token that connected last, "" = none of these did */
};

struct world {
	uint64_t random;
	uint64_t seed;
	unsigned step;

	struct lifecycle life; /* as the host has it: what is on disk, and the link */
	struct memory memory;
	uint64_t numbers; /* of operations, given out */
	unsigned tokens;  /* given out */
	int64_t now;
	bool asked; /* the driver was asked something and has not answered */

	/* Of the event under way. */
	struct life_input input;
	char token[32], code[CODE_MAX + 1], id[32];

	/* That the walk came everywhere. */
	unsigned moved[LIFE_EVENTS];
	unsigned admission[ADMISSION_STATES], operation[OPERATION_STATES];
	unsigned credential[CREDENTIAL_STATES], link[LINK_STATES];
	unsigned crashes_before, crashes_after, crashes_open, broken;
};

/* Judges one step that was taken, from world->life and world->memory to 'next', and notes what it
 * means for later ones in *memory. Fails the test when a rule is broken. */
void walk_judge(const struct world *world, const struct lifecycle *next,
	const struct life_outcome *outcome, struct memory *memory);
/* Judges a life for itself. */
void walk_judge_state(const struct world *world, const struct lifecycle *life);
