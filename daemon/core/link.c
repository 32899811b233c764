/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Link: one upstream session. Not persisted: a process starts with it down.
 *
 *              START       CONNECTED  LOST  AUTH_REFUSED  TAKEN_OVER   RETRY       RENEWED
 * down         connecting  .          .     .             .            connecting  connecting
 * connecting   .           up         down  refused       down, alarm  .           connecting
 * up           .           .          down  refused       down, alarm  .           connecting
 * refused      .           .          .     .             .            .           connecting
 *
 * STOP: down. After LOST and TAKEN_OVER the host sends RETRY when its back-off is over. Out of
 * refused leads only a new credential, or STOP: neither a timer nor START, so there is no hot loop
 * (rule 5). A session that is up is renewed too: the old token is kept until the new one has
 * connected. CONNECTED while down is late: the session is not wanted any more.
 */

#include "core/link.h"

#include "core/machine-table.h"

static const struct machine_cell table[LINK_STATES][LINK_EVENTS] = {
	[LINK_DOWN] =
		{
			[LINK_START] = MOVE(LINK_CONNECTING, LIFE_CONNECT),
			[LINK_CONNECTED] = IGNORE,
			[LINK_LOST] = IGNORE,
			[LINK_AUTH_REFUSED] = IGNORE,
			[LINK_TAKEN_OVER] = IGNORE,
			[LINK_RETRY] = MOVE(LINK_CONNECTING, LIFE_CONNECT),
			[LINK_RENEWED] = MOVE(LINK_CONNECTING, LIFE_CONNECT),
			[LINK_STOP] = IGNORE,
		},
	[LINK_CONNECTING] =
		{
			[LINK_START] = IGNORE,
			[LINK_CONNECTED] = MOVE(LINK_UP, 0),
			[LINK_LOST] = MOVE(LINK_DOWN, LIFE_RECONNECT),
			[LINK_AUTH_REFUSED] = MOVE(LINK_REFUSED, LIFE_DISCONNECT),
			[LINK_TAKEN_OVER] = MOVE(LINK_DOWN, LIFE_RECONNECT | LIFE_ALARM_LEAK),
			[LINK_RETRY] = IGNORE,
			[LINK_RENEWED] = MOVE(LINK_CONNECTING, LIFE_CONNECT),
			[LINK_STOP] = MOVE(LINK_DOWN, LIFE_DISCONNECT),
		},
	[LINK_UP] =
		{
			[LINK_START] = IGNORE,
			[LINK_CONNECTED] = IGNORE,
			[LINK_LOST] = MOVE(LINK_DOWN, LIFE_RECONNECT),
			[LINK_AUTH_REFUSED] = MOVE(LINK_REFUSED, LIFE_DISCONNECT),
			[LINK_TAKEN_OVER] = MOVE(LINK_DOWN, LIFE_RECONNECT | LIFE_ALARM_LEAK),
			[LINK_RETRY] = IGNORE,
			[LINK_RENEWED] = MOVE(LINK_CONNECTING, LIFE_CONNECT),
			[LINK_STOP] = MOVE(LINK_DOWN, LIFE_DISCONNECT),
		},
	[LINK_REFUSED] =
		{
			[LINK_START] = IGNORE,
			[LINK_CONNECTED] = IGNORE,
			[LINK_LOST] = IGNORE,
			[LINK_AUTH_REFUSED] = IGNORE,
			[LINK_TAKEN_OVER] = IGNORE,
			[LINK_RETRY] = IGNORE,
			[LINK_RENEWED] = MOVE(LINK_CONNECTING, LIFE_CONNECT),
			[LINK_STOP] = MOVE(LINK_DOWN, LIFE_DISCONNECT),
		},
};

static const char *const states[LINK_STATES] = {
	[LINK_DOWN] = "down",
	[LINK_CONNECTING] = "connecting",
	[LINK_UP] = "up",
	[LINK_REFUSED] = "refused",
};

static const char *const events[LINK_EVENTS] = {
	[LINK_START] = "start",
	[LINK_CONNECTED] = "connected",
	[LINK_LOST] = "lost",
	[LINK_AUTH_REFUSED] = "auth-refused",
	[LINK_TAKEN_OVER] = "taken-over",
	[LINK_RETRY] = "retry",
	[LINK_RENEWED] = "renewed",
	[LINK_STOP] = "stop",
};

enum machine_result link_step(enum link_state state, enum link_event event,
	enum link_state *ret_next, uint32_t *ret_actions)
{
	const struct machine_cell *cell = &table[state][event];

	if (cell->kind == CELL_MOVE) {
		*ret_next = (enum link_state)cell->next;
		*ret_actions = cell->actions;
	}
	return machine_result_of(cell);
}

const char *link_state_to_string(enum link_state state)
{
	return machine_word(states, ELEMENTS(states), state);
}

const char *link_event_to_string(enum link_event event)
{
	return machine_word(events, ELEMENTS(events), event);
}
