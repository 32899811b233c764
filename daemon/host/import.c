/* SPDX-License-Identifier: Apache-2.0 */

/*
 * An import belongs to whoever began it. Its parts name the number that the first one was answered
 * with; a part without a number begins anew. A minute without a further part ends it.
 */

#include "host/import.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/loop.h"
#include "host/host.h"

#define PART_WAIT_USEC (60 * USEC_PER_SEC)

void import_answer(
	act_done_fn done, void *userdata, enum act_result result, uint32_t number, const char *text)
{
	struct act_outcome outcome = {.result = result, .number = number};

	snprintf(outcome.text, sizeof(outcome.text), "%s", text);
	done(userdata, &outcome);
}

void import_not_stored(act_done_fn done, void *userdata, int result)
{
	import_answer(done, userdata, ACT_NOT_STORED, 0,
		result == -ENOSPC ? "There is no space left on the gateway: nothing was changed."
				  : "It could not be saved: nothing was changed.");
}

void import_turn_end(struct import_turn *turn)
{
	turn->who[0] = '\0';
	loop_timer_stop(turn->timer);
}

bool import_may_join(struct host *host, struct import_turn *turn, const struct import_kind *kind,
	const struct act *act, size_t waiting, size_t count, act_done_fn done, void *userdata)
{
	bool waits = turn->who[0] != '\0', same = !strcmp(turn->who, act->who);
	char text[160];

	if (turn->saving || (waits && !same)) {
		import_answer(done, userdata, ACT_TOO_MANY, turn->saving ? 2 : 60,
			"Another import is under way. Try again.");
		return false;
	}
	if (act->number && (!waits || act->number != turn->number)) {
		import_answer(done, userdata, ACT_IMPOSSIBLE, 0,
			"This import is not known any more: begin again. Nothing was imported.");
		return false;
	}
	if (!act->number) {
		kind->clear(host);
		waiting = 0;
		turn->number = turn->number % INT32_MAX + 1;
	}
	if (waiting + count > host->limits.value[kind->limit]) {
		host->limits.reached[kind->limit]++;
		kind->clear(host);
		snprintf(text, sizeof(text),
			"These are more %s than this gateway keeps (status --limits). Nothing was "
			"imported.",
			kind->what);
		import_answer(done, userdata, ACT_IMPOSSIBLE, 0, text);
		return false;
	}
	snprintf(turn->who, sizeof(turn->who), "%s", act->who);
	return true;
}

void import_wait(struct host *host, struct import_turn *turn, const struct import_kind *kind,
	act_done_fn done, void *userdata)
{
	int r = loop_timer_set(
		host->loop, &turn->timer, PART_WAIT_USEC, kind->lapsed, host, kind->what);

	if (r < 0) {
		kind->clear(host);
		import_not_stored(done, userdata, r);
		return;
	}
	import_answer(done, userdata, ACT_DONE, turn->number, "");
}
