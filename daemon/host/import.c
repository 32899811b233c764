/* SPDX-License-Identifier: Apache-2.0 */

/*
 * An import belongs to whoever began it. Its parts name the number that the first one was answered
 * with; a part without a number begins anew. A minute without a further part ends it.
 */

#include "host/import.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/loop.h"
#include "host/host.h"
#include "host/journal.h"

DEFINE_CLEANUP(struct change *, change_free, cleanup_change)

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
			"Another import is under way.");
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

bool import_fits(struct host *host, const struct import_kind *kind, size_t total, act_done_fn done,
	void *userdata)
{
	char text[160];

	if (total <= host->limits.value[kind->limit])
		return true;
	host->limits.reached[kind->limit]++;
	snprintf(text, sizeof(text),
		"There would be more %s than this gateway keeps (status --limits). Nothing was "
		"imported.",
		kind->what);
	import_answer(done, userdata, ACT_IMPOSSIBLE, 0, text);
	return false;
}

void import_answer_twice(act_done_fn done, void *userdata, unsigned line, const char *ep)
{
	char text[200];

	snprintf(text, sizeof(text), "Line %u: %s stands there twice. Nothing was imported.", line,
		ep);
	import_answer(done, userdata, ACT_BAD_INPUT, 0, text);
}

void import_answer_saved(act_done_fn done, void *userdata, const struct import_kind *kind,
	size_t count, size_t added)
{
	bool one = count == 1;
	char text[160];

	log_notice("%zu %s %s imported, %zu of them new.", count, one ? kind->one : kind->what,
		one ? "was" : "were", added);
	snprintf(text, sizeof(text), "%zu %s %s saved%s: %zu new, %zu replaced.", count,
		one ? kind->one : kind->what, one ? "was" : "were", kind->as, added, count - added);
	import_answer(done, userdata, ACT_DONE, (uint32_t)count, text);
}

int import_change(const struct act *act, size_t count, const char *first,
	int (*put)(struct change *change, void *list), void *list, struct change **ret)
{
	CLEANUP(cleanup_change) struct change *change = NULL;
	struct audit_row audit;
	char object[EP_MAX + 1];
	int r = change_new(&change);

	if (count == 1)
		snprintf(object, sizeof(object), "%s", first);
	else
		snprintf(object, sizeof(object), "%zu names", count);
	audit_of_act(act, object, "", audit_result(AUDIT_DONE), &audit);
	if (r >= 0)
		r = put(change, list);
	if (r >= 0)
		r = change_append_audit(change, &audit);
	if (r >= 0)
		*ret = STEAL(change);
	return r;
}
