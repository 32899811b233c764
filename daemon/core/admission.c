/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Admission: may this device try? Only a person moves a device to admitted. The platform can take
 * that away (REFUSED_UPSTREAM, WITHDRAWN), never give it.
 *
 *             ASKED    ADMIT     REJECT    SUSPEND    RESUME    REVOKE   BLOCK    UNBLOCK  RELEASE
 * sighted     pending  admitted  rejected  no         no        no       blocked  no       no
 * pending     .        admitted  rejected  no         no        no       blocked  no       no
 * admitted    .        no        rejected  suspended  no        revoked  blocked  no       pending
 * rejected    .        admitted  no        no         no        no       blocked  no       pending
 * suspended   .        no        no        no         admitted  revoked  blocked  no       pending
 * revoked     .        admitted  no        no         no        no       blocked  no       pending
 * blocked     .        no        no        no         no        no       no       sighted  no
 *
 * REFUSED_UPSTREAM: admitted -> rejected. WITHDRAWN: admitted, suspended -> pending. Else ignored.
 * "no": the person is told why. ".": ignored. A rejected or revoked device that asks again stays
 * what it is: only a person changes that. An admitted one whose operation ended badly is admitted
 * again by a new operation (lifecycle.c), not by this table.
 *
 * Whatever leaves admitted or suspended disconnects, even when the link machine is down: the host
 * then holds, or drops, what is queued. Dropped is what a person ended here (revoke, block,
 * release); what the platform ended is kept (rule 7).
 */

#include "core/admission.h"

#include "core/machine-table.h"

#define STOP (LIFE_SAVE | LIFE_DISCONNECT | LIFE_TELL_DEVICE)

static const struct machine_cell table[ADMISSION_STATES][ADMISSION_EVENTS] = {
	[ADMISSION_SIGHTED] =
		{
			[ADMISSION_ASKED] = MOVE(ADMISSION_PENDING, LIFE_SAVE),
			[ADMISSION_ADMIT] = MOVE(ADMISSION_ADMITTED, LIFE_SAVE),
			[ADMISSION_REJECT] = MOVE(ADMISSION_REJECTED, LIFE_SAVE | LIFE_TELL_DEVICE),
			[ADMISSION_SUSPEND] = REFUSE,
			[ADMISSION_RESUME] = REFUSE,
			[ADMISSION_REVOKE] = REFUSE,
			[ADMISSION_BLOCK] = MOVE(ADMISSION_BLOCKED, LIFE_SAVE | LIFE_TELL_DEVICE),
			[ADMISSION_UNBLOCK] = REFUSE,
			[ADMISSION_RELEASE] = REFUSE,
			[ADMISSION_REFUSED_UPSTREAM] = IGNORE,
			[ADMISSION_WITHDRAWN] = IGNORE,
		},
	[ADMISSION_PENDING] =
		{
			[ADMISSION_ASKED] = IGNORE,
			[ADMISSION_ADMIT] = MOVE(ADMISSION_ADMITTED, LIFE_SAVE),
			[ADMISSION_REJECT] = MOVE(ADMISSION_REJECTED, LIFE_SAVE | LIFE_TELL_DEVICE),
			[ADMISSION_SUSPEND] = REFUSE,
			[ADMISSION_RESUME] = REFUSE,
			[ADMISSION_REVOKE] = REFUSE,
			[ADMISSION_BLOCK] = MOVE(ADMISSION_BLOCKED, LIFE_SAVE | LIFE_TELL_DEVICE),
			[ADMISSION_UNBLOCK] = REFUSE,
			[ADMISSION_RELEASE] = REFUSE,
			[ADMISSION_REFUSED_UPSTREAM] = IGNORE,
			[ADMISSION_WITHDRAWN] = IGNORE,
		},
	[ADMISSION_ADMITTED] =
		{
			[ADMISSION_ASKED] = IGNORE,
			[ADMISSION_ADMIT] = REFUSE,
			[ADMISSION_REJECT] = MOVE(ADMISSION_REJECTED, LIFE_SAVE | LIFE_TELL_DEVICE),
			[ADMISSION_SUSPEND] = MOVE(ADMISSION_SUSPENDED, STOP),
			[ADMISSION_RESUME] = REFUSE,
			[ADMISSION_REVOKE] = MOVE(ADMISSION_REVOKED, STOP | LIFE_DROP_READINGS),
			[ADMISSION_BLOCK] = MOVE(ADMISSION_BLOCKED, STOP | LIFE_DROP_READINGS),
			[ADMISSION_UNBLOCK] = REFUSE,
			[ADMISSION_RELEASE] = MOVE(ADMISSION_PENDING, STOP | LIFE_DROP_READINGS),
			[ADMISSION_REFUSED_UPSTREAM] = MOVE(ADMISSION_REJECTED, STOP),
			[ADMISSION_WITHDRAWN] = MOVE(ADMISSION_PENDING, STOP),
		},
	[ADMISSION_REJECTED] =
		{
			[ADMISSION_ASKED] = IGNORE,
			[ADMISSION_ADMIT] = MOVE(ADMISSION_ADMITTED, LIFE_SAVE | LIFE_TELL_DEVICE),
			[ADMISSION_REJECT] = REFUSE,
			[ADMISSION_SUSPEND] = REFUSE,
			[ADMISSION_RESUME] = REFUSE,
			[ADMISSION_REVOKE] = REFUSE,
			[ADMISSION_BLOCK] = MOVE(ADMISSION_BLOCKED, LIFE_SAVE),
			[ADMISSION_UNBLOCK] = REFUSE,
			[ADMISSION_RELEASE] = MOVE(ADMISSION_PENDING, LIFE_SAVE | LIFE_TELL_DEVICE),
			[ADMISSION_REFUSED_UPSTREAM] = IGNORE,
			[ADMISSION_WITHDRAWN] = IGNORE,
		},
	[ADMISSION_SUSPENDED] =
		{
			[ADMISSION_ASKED] = IGNORE,
			[ADMISSION_ADMIT] = REFUSE,
			[ADMISSION_REJECT] = REFUSE,
			[ADMISSION_SUSPEND] = REFUSE,
			[ADMISSION_RESUME] = MOVE(ADMISSION_ADMITTED, LIFE_SAVE | LIFE_TELL_DEVICE),
			[ADMISSION_REVOKE] = MOVE(ADMISSION_REVOKED, STOP | LIFE_DROP_READINGS),
			[ADMISSION_BLOCK] = MOVE(ADMISSION_BLOCKED, STOP | LIFE_DROP_READINGS),
			[ADMISSION_UNBLOCK] = REFUSE,
			[ADMISSION_RELEASE] = MOVE(ADMISSION_PENDING, STOP | LIFE_DROP_READINGS),
			[ADMISSION_REFUSED_UPSTREAM] = IGNORE,
			[ADMISSION_WITHDRAWN] = MOVE(ADMISSION_PENDING, STOP),
		},
	[ADMISSION_REVOKED] =
		{
			[ADMISSION_ASKED] = IGNORE,
			[ADMISSION_ADMIT] = MOVE(ADMISSION_ADMITTED, LIFE_SAVE | LIFE_TELL_DEVICE),
			[ADMISSION_REJECT] = REFUSE,
			[ADMISSION_SUSPEND] = REFUSE,
			[ADMISSION_RESUME] = REFUSE,
			[ADMISSION_REVOKE] = REFUSE,
			[ADMISSION_BLOCK] = MOVE(ADMISSION_BLOCKED, LIFE_SAVE | LIFE_TELL_DEVICE),
			[ADMISSION_UNBLOCK] = REFUSE,
			[ADMISSION_RELEASE] = MOVE(ADMISSION_PENDING, LIFE_SAVE | LIFE_TELL_DEVICE),
			[ADMISSION_REFUSED_UPSTREAM] = IGNORE,
			[ADMISSION_WITHDRAWN] = IGNORE,
		},
	[ADMISSION_BLOCKED] =
		{
			[ADMISSION_ASKED] = IGNORE,
			[ADMISSION_ADMIT] = REFUSE,
			[ADMISSION_REJECT] = REFUSE,
			[ADMISSION_SUSPEND] = REFUSE,
			[ADMISSION_RESUME] = REFUSE,
			[ADMISSION_REVOKE] = REFUSE,
			[ADMISSION_BLOCK] = REFUSE,
			[ADMISSION_UNBLOCK] = MOVE(ADMISSION_SIGHTED, LIFE_SAVE | LIFE_TELL_DEVICE),
			[ADMISSION_RELEASE] = REFUSE,
			[ADMISSION_REFUSED_UPSTREAM] = IGNORE,
			[ADMISSION_WITHDRAWN] = IGNORE,
		},
};

static const char *const states[ADMISSION_STATES] = {
	[ADMISSION_SIGHTED] = "sighted",
	[ADMISSION_PENDING] = "pending",
	[ADMISSION_ADMITTED] = "admitted",
	[ADMISSION_REJECTED] = "rejected",
	[ADMISSION_SUSPENDED] = "suspended",
	[ADMISSION_REVOKED] = "revoked",
	[ADMISSION_BLOCKED] = "blocked",
};

static const char *const events[ADMISSION_EVENTS] = {
	[ADMISSION_ASKED] = "asked",
	[ADMISSION_ADMIT] = "admit",
	[ADMISSION_REJECT] = "reject",
	[ADMISSION_SUSPEND] = "suspend",
	[ADMISSION_RESUME] = "resume",
	[ADMISSION_REVOKE] = "revoke",
	[ADMISSION_BLOCK] = "block",
	[ADMISSION_UNBLOCK] = "unblock",
	[ADMISSION_RELEASE] = "release",
	[ADMISSION_REFUSED_UPSTREAM] = "refused-upstream",
	[ADMISSION_WITHDRAWN] = "withdrawn",
};

enum machine_result admission_step(enum admission_state state, enum admission_event event,
	enum admission_state *ret_next, uint32_t *ret_actions)
{
	const struct machine_cell *cell = &table[state][event];

	if (cell->kind == CELL_MOVE) {
		*ret_next = (enum admission_state)cell->next;
		*ret_actions = cell->actions;
	}
	return machine_result_of(cell);
}

const char *admission_state_to_string(enum admission_state state)
{
	return machine_word(states, ELEMENTS(states), state);
}

int admission_state_from_string(const char *text, enum admission_state *ret_state)
{
	size_t value;
	int r = machine_word_find(states, ELEMENTS(states), text, &value);

	if (r < 0)
		return r;
	*ret_state = (enum admission_state)value;
	return 0;
}

const char *admission_event_to_string(enum admission_event event)
{
	return machine_word(events, ELEMENTS(events), event);
}
