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

struct host;

/* One import at a time. */
struct import_turn {
	uint32_t number; /* of the newest one, 0 = none yet */
	char who[65];	 /* "" = none is under way */
	bool saving;
	sd_event_source *timer; /* nobody goes on with it */
};

struct import_kind {
	const char *what;		  /* "tokens" */
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

/* An answer without more. */
void import_answer(act_done_fn done, void *userdata, enum act_result result, uint32_t number,
	const char *text);
/* The answer when a change was not saved. */
void import_not_stored(act_done_fn done, void *userdata, int result);
