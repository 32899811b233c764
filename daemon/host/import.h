/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A file that comes in parts, since a body of the API is bounded: whose turn it is. What the parts
 * hold waits with whoever imports it; nothing is saved before the last one is there.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "core/act.h"
#include "core/limits.h"

struct change;
struct host;

/* One import at a time. */
struct import_turn {
	uint32_t number; /* of the newest one, 0 = none yet */
	char who[65];	 /* "" = none is under way */
	bool saving;
	sd_event_source *timer; /* nobody goes on with it */
};

struct import_kind {
	const char *what, *one;		  /* "tokens", "token" */
	const char *as;			  /* " as keys": how they are saved, or "" */
	enum limit limit;		  /* how many there may be */
	void (*clear)(struct host *host); /* drops what waits, and ends the turn */
	sd_event_time_handler_t lapsed;	  /* nobody went on; userdata is the host */
};

/*
 * True when this part of 'count' rows may join the 'waiting' ones (those are cleared when it is the
 * first part of another import); otherwise the call is answered.
 */
bool import_may_join(struct host *host, struct import_turn *turn, const struct import_kind *kind,
	const struct act *act, size_t waiting, size_t count, act_done_fn done, void *userdata);
/* Others follow: answers with the number to go on with; what waits is dropped after a minute. */
void import_wait(struct host *host, struct import_turn *turn, const struct import_kind *kind,
	act_done_fn done, void *userdata);
/* Nothing waits any more. */
void import_turn_end(struct import_turn *turn);

/* False when there would be more than the limit allows; then it is counted, and the call answered.
 */
bool import_fits(struct host *host, const struct import_kind *kind, size_t total, act_done_fn done,
	void *userdata);
/* The same name in two lines of a file: nothing of it counts. */
void import_answer_twice(act_done_fn done, void *userdata, unsigned line, const char *ep);
/* All of it is on disk: 'count' of them, 'added' of names that had none. */
void import_answer_saved(act_done_fn done, void *userdata, const struct import_kind *kind,
	size_t count, size_t added);
/*
 * One transaction: what 'put' makes of the list, and the act's audit row about its only name
 * ('first') or about so many of them. -ENOMEM, or what put said.
 */
int import_change(const struct act *act, size_t count, const char *first,
	int (*put)(struct change *change, void *list), void *list, struct change **ret);

/* An answer without more. */
void import_answer(act_done_fn done, void *userdata, enum act_result result, uint32_t number,
	const char *text);
/* The answer when a change was not saved. */
void import_not_stored(act_done_fn done, void *userdata, int result);
