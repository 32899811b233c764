/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Provisioning operation: one attempt to get a registration token.
 *
 *   none --OPEN--> opening --CODE--> awaiting --GOT_CREDENTIAL--> issued --GOT_BOUND--> bound
 *                     '------------GOT_CREDENTIAL---------------^
 *   opening, awaiting --GOT_REJECTED--> rejected      --GOT_EXPIRED--> expired --REOPEN--> opening
 *   any open one --GOT_REFUSED, GOT_LEAK, FAILED_FINAL, CANCEL--> failed
 *   none and any ended one --OPEN--> opening
 *
 * Open are opening, awaiting and issued. OPEN is refused while one is open: that is "at most one"
 * (rule 1). Once a credential is on disk the only ways are bound and failed: GOT_CREDENTIAL and
 * GOT_EXPIRED are ignored in issued, so that COMPLETE is never repeated (rule 3). PROGRESS and CODE
 * save the driver's blob before the driver goes on by what it asked for with them; calling it at
 * once instead would be a hot loop. APPROVE while opening is remembered only: the opening call is
 * under way, and a second one could open a second operation at the platform.
 * Whatever comes for an operation that has ended is late and ignored.
 */

#include "core/operation.h"

#include "core/machine-table.h"

#define ENDS (LIFE_SAVE | LIFE_TELL_DEVICE)

/* A row in which no operation is open: a new one may begin, answers are late. */
#define CLOSED_ROW                                                                              \
	[OPERATION_OPEN] = MOVE(OPERATION_OPENING, LIFE_SAVE | LIFE_ADVANCE),                   \
	[OPERATION_PROGRESS] = IGNORE, [OPERATION_CODE] = IGNORE, [OPERATION_APPROVE] = REFUSE, \
	[OPERATION_GOT_CREDENTIAL] = IGNORE, [OPERATION_GOT_BOUND] = IGNORE,                    \
	[OPERATION_GOT_REJECTED] = IGNORE, [OPERATION_GOT_EXPIRED] = IGNORE,                    \
	[OPERATION_GOT_REFUSED] = IGNORE, [OPERATION_GOT_LEAK] = IGNORE,                        \
	[OPERATION_FAILED_RETRY] = IGNORE, [OPERATION_FAILED_FINAL] = IGNORE,                   \
	[OPERATION_CANCEL] = IGNORE, [OPERATION_RESTARTED] = IGNORE

static const struct machine_cell table[OPERATION_STATES][OPERATION_EVENTS] = {
	[OPERATION_NONE] = {CLOSED_ROW, [OPERATION_REOPEN] = IGNORE},
	[OPERATION_OPENING] =
		{
			[OPERATION_OPEN] = REFUSE,
			[OPERATION_PROGRESS] = MOVE(OPERATION_OPENING, LIFE_SAVE),
			[OPERATION_CODE] = MOVE(OPERATION_AWAITING, LIFE_SAVE | LIFE_SHOW_CODE),
			[OPERATION_APPROVE] = MOVE(OPERATION_OPENING, LIFE_SAVE),
			[OPERATION_GOT_CREDENTIAL] =
				MOVE(OPERATION_ISSUED, LIFE_SAVE | LIFE_ADVANCE),
			[OPERATION_GOT_BOUND] = IGNORE,
			[OPERATION_GOT_REJECTED] = MOVE(OPERATION_REJECTED, ENDS),
			[OPERATION_GOT_EXPIRED] = MOVE(OPERATION_EXPIRED, ENDS),
			[OPERATION_GOT_REFUSED] = MOVE(OPERATION_FAILED, ENDS | LIFE_ALARM_FAILED),
			[OPERATION_GOT_LEAK] = MOVE(OPERATION_FAILED, ENDS | LIFE_ALARM_LEAK),
			[OPERATION_FAILED_RETRY] = MOVE(OPERATION_OPENING, LIFE_BACK_OFF),
			[OPERATION_FAILED_FINAL] = MOVE(OPERATION_FAILED, ENDS | LIFE_ALARM_FAILED),
			[OPERATION_REOPEN] = IGNORE,
			[OPERATION_CANCEL] = MOVE(OPERATION_FAILED, LIFE_SAVE | LIFE_CANCEL),
			[OPERATION_RESTARTED] = MOVE(OPERATION_OPENING, LIFE_ADVANCE),
		},
	[OPERATION_AWAITING] =
		{
			[OPERATION_OPEN] = REFUSE,
			[OPERATION_PROGRESS] = MOVE(OPERATION_AWAITING, LIFE_SAVE),
			[OPERATION_CODE] = MOVE(OPERATION_AWAITING, LIFE_SAVE),
			[OPERATION_APPROVE] = MOVE(OPERATION_AWAITING, LIFE_SAVE | LIFE_ADVANCE),
			[OPERATION_GOT_CREDENTIAL] =
				MOVE(OPERATION_ISSUED, LIFE_SAVE | LIFE_ADVANCE),
			[OPERATION_GOT_BOUND] = IGNORE,
			[OPERATION_GOT_REJECTED] = MOVE(OPERATION_REJECTED, ENDS),
			[OPERATION_GOT_EXPIRED] = MOVE(OPERATION_EXPIRED, ENDS),
			[OPERATION_GOT_REFUSED] = MOVE(OPERATION_FAILED, ENDS | LIFE_ALARM_FAILED),
			[OPERATION_GOT_LEAK] = MOVE(OPERATION_FAILED, ENDS | LIFE_ALARM_LEAK),
			[OPERATION_FAILED_RETRY] = MOVE(OPERATION_AWAITING, LIFE_BACK_OFF),
			[OPERATION_FAILED_FINAL] = MOVE(OPERATION_FAILED, ENDS | LIFE_ALARM_FAILED),
			[OPERATION_REOPEN] = IGNORE,
			[OPERATION_CANCEL] = MOVE(OPERATION_FAILED, LIFE_SAVE | LIFE_CANCEL),
			[OPERATION_RESTARTED] =
				MOVE(OPERATION_AWAITING, LIFE_SHOW_CODE | LIFE_ADVANCE),
		},
	[OPERATION_ISSUED] =
		{
			[OPERATION_OPEN] = REFUSE,
			[OPERATION_PROGRESS] = MOVE(OPERATION_ISSUED, LIFE_SAVE),
			[OPERATION_CODE] = IGNORE,
			[OPERATION_APPROVE] = REFUSE,
			[OPERATION_GOT_CREDENTIAL] = IGNORE,
			[OPERATION_GOT_BOUND] = MOVE(OPERATION_BOUND, ENDS),
			[OPERATION_GOT_REJECTED] = MOVE(OPERATION_REJECTED, ENDS),
			[OPERATION_GOT_EXPIRED] = IGNORE,
			[OPERATION_GOT_REFUSED] = MOVE(OPERATION_FAILED, ENDS | LIFE_ALARM_FAILED),
			[OPERATION_GOT_LEAK] = MOVE(OPERATION_FAILED, ENDS | LIFE_ALARM_LEAK),
			[OPERATION_FAILED_RETRY] = MOVE(OPERATION_ISSUED, LIFE_BACK_OFF),
			[OPERATION_FAILED_FINAL] = MOVE(OPERATION_FAILED, ENDS | LIFE_ALARM_FAILED),
			[OPERATION_REOPEN] = IGNORE,
			[OPERATION_CANCEL] = MOVE(OPERATION_FAILED, LIFE_SAVE | LIFE_CANCEL),
			[OPERATION_RESTARTED] = MOVE(OPERATION_ISSUED, LIFE_ADVANCE),
		},
	[OPERATION_BOUND] = {CLOSED_ROW, [OPERATION_REOPEN] = IGNORE},
	[OPERATION_REJECTED] = {CLOSED_ROW, [OPERATION_REOPEN] = IGNORE},
	[OPERATION_EXPIRED] = {CLOSED_ROW, [OPERATION_REOPEN] = MOVE(
						   OPERATION_OPENING, LIFE_SAVE | LIFE_ADVANCE)},
	[OPERATION_FAILED] = {CLOSED_ROW, [OPERATION_REOPEN] = IGNORE},
};

static const char *const states[OPERATION_STATES] = {
	[OPERATION_NONE] = "none",
	[OPERATION_OPENING] = "opening",
	[OPERATION_AWAITING] = "awaiting",
	[OPERATION_ISSUED] = "issued",
	[OPERATION_BOUND] = "bound",
	[OPERATION_REJECTED] = "rejected",
	[OPERATION_EXPIRED] = "expired",
	[OPERATION_FAILED] = "failed",
};

static const char *const events[OPERATION_EVENTS] = {
	[OPERATION_OPEN] = "open",
	[OPERATION_PROGRESS] = "progress",
	[OPERATION_CODE] = "code",
	[OPERATION_APPROVE] = "approve",
	[OPERATION_GOT_CREDENTIAL] = "got-credential",
	[OPERATION_GOT_BOUND] = "got-bound",
	[OPERATION_GOT_REJECTED] = "got-rejected",
	[OPERATION_GOT_EXPIRED] = "got-expired",
	[OPERATION_GOT_REFUSED] = "got-refused",
	[OPERATION_GOT_LEAK] = "got-leak",
	[OPERATION_FAILED_RETRY] = "failed-retry",
	[OPERATION_FAILED_FINAL] = "failed-final",
	[OPERATION_REOPEN] = "reopen",
	[OPERATION_CANCEL] = "cancel",
	[OPERATION_RESTARTED] = "restarted",
};

enum machine_result operation_step(enum operation_state state, enum operation_event event,
	enum operation_state *ret_next, uint32_t *ret_actions)
{
	const struct machine_cell *cell = &table[state][event];

	if (cell->kind == CELL_MOVE) {
		*ret_next = (enum operation_state)cell->next;
		*ret_actions = cell->actions;
	}
	return machine_result_of(cell);
}

const char *operation_state_to_string(enum operation_state state)
{
	return machine_word(states, ELEMENTS(states), state);
}

int operation_state_from_string(const char *text, enum operation_state *ret_state)
{
	size_t value;
	int r = machine_word_find(states, ELEMENTS(states), text, &value);

	if (r < 0)
		return r;
	*ret_state = (enum operation_state)value;
	return 0;
}

const char *operation_event_to_string(enum operation_event event)
{
	return machine_word(events, ELEMENTS(events), event);
}

_Bool operation_is_open(enum operation_state state)
{
	return state == OPERATION_OPENING || state == OPERATION_AWAITING ||
	       state == OPERATION_ISSUED;
}
