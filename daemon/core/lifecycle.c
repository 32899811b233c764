/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One step of a device's life. An event becomes the first step of one machine; each step that is
 * taken may queue steps of others (lifecycle-rules.c says which) and changes the record
 * (lifecycle-effect.c says how). All of it runs to completion on a copy; then the copy is the next
 * record, or, when something was missing in the input, it is thrown away. So all machines move, or
 * none, and one event is one record to save.
 *
 * SAVE comes out exactly when the record differs from the one before: a row of a table that asks
 * for it, but found on disk what it would write, costs no write.
 */

#include "core/lifecycle.h"

#include "base/cleanup.h"
#include "core/lifecycle-parts.h"

static enum machine_result machine_take(
	struct lifecycle *life, struct machine_step step, uint32_t *ret_actions)
{
	switch (step.machine) {
	case MACHINE_ADMISSION:
		return admission_step(life->admission, (enum admission_event)step.event,
			&life->admission, ret_actions);
	case MACHINE_OPERATION:
		return operation_step(life->operation, (enum operation_event)step.event,
			&life->operation, ret_actions);
	case MACHINE_CREDENTIAL:
		return credential_step(life->credential, (enum credential_event)step.event,
			&life->credential, ret_actions);
	case MACHINE_LINK:
		return link_step(life->link, (enum link_event)step.event, &life->link, ret_actions);
	}
	return MACHINE_IGNORED;
}

/* One step with what it does to the record. 0, or what lifecycle_effect() says. */
static int walk_take(struct walk *walk, struct machine_step step, enum machine_result *ret_result)
{
	uint32_t actions = 0;
	enum machine_result result = machine_take(&walk->life, step, &actions);
	int r;

	if (result == MACHINE_MOVED) {
		r = lifecycle_effect(&walk->life, step, walk->input);
		if (r < 0)
			return r;
		walk->actions |= actions;
		lifecycle_follow(walk, step);
	}
	*ret_result = result;
	return 0;
}

static int walk_run(struct walk *walk, struct machine_step first, enum machine_result *ret_result)
{
	enum machine_result result = MACHINE_IGNORED, follows;
	int r = walk_take(walk, first, &result);

	while (r == 0 && walk->head < walk->tail)
		r = walk_take(walk, walk->queue[walk->head++], &follows);
	if (r < 0)
		return r;

	walk->actions |= lifecycle_tidy(walk->before, &walk->life);
	/* A row that saves what happens to be on disk already: no write, no wait. */
	if (lifecycle_same_record(walk->before, &walk->life))
		walk->actions &= ~(uint32_t)LIFE_SAVE;
	*ret_result = result;
	return 0;
}

static void walk_clear(struct walk *walk)
{
	lifecycle_clear(&walk->life);
}

int lifecycle_step(const struct lifecycle *now_life, const struct life_input *input,
	struct lifecycle *ret_next, struct life_outcome *ret_outcome)
{
	CLEANUP(walk_clear) struct walk walk = {.before = now_life, .input = input};
	enum machine_result result = MACHINE_IGNORED;
	struct machine_step first;
	int r;

	r = lifecycle_copy(now_life, &walk.life);
	if (r < 0)
		return r;
	if (input->event == LIFE_RESTARTED)
		walk.life.link = LINK_DOWN;

	if (lifecycle_route(&walk, &first))
		r = walk_run(&walk, first, &result);
	else if (life_event_is_request(input->event))
		result = MACHINE_REFUSED;
	if (r < 0)
		return r;

	*ret_outcome = (struct life_outcome){
		.result = result,
		.actions = result == MACHINE_MOVED ? walk.actions : 0,
		.why = result == MACHINE_REFUSED ? lifecycle_why(now_life, input->event) : NULL,
	};
	if (result == MACHINE_MOVED) {
		*ret_next = walk.life;
		walk.life = (struct lifecycle){.admission = ADMISSION_SIGHTED};
	}
	return 0;
}
