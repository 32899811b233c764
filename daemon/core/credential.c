/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Credential: the registration token, and its renewal while it is in use.
 *
 *                   none     held              renewing          refused  expired
 * STORE             held     .                 .                 held     held
 * RENEW_DUE         .        renewing          .                 .        .
 * PROGRESS          .        .                 renewing          .        expired
 * RENEWED           .        .                 held              .        held
 * RENEW_FAILED      .        .                 renewing          .        expired
 * RENEW_REFUSED     .        .                 renewing, alarm   .        refused
 * CONNECTED         .        held              renewing          .        .
 * AUTH_REFUSED      .        renewing          renewing          .        .
 * REFUSED_AGAIN     .        refused, alarm    refused, alarm    .        .
 * LAPSED            .        expired           expired           .        .
 * LEAK              .        alarm             alarm             alarm    alarm
 * ERASE, GONE       .        none              none              none     none
 * RESTARTED         .        held              renewing          .        expired
 *
 * A refresh is under way in renewing and in expired, and nowhere else: one per device (rule 3).
 * While renewing the held token stays in use. Renewal refused before the token's end is no reason
 * to stop: it is said (alarm) and tried again later, until the end comes. Renewal refused after the
 * end gives up (refused); what follows, a new operation or a person, is the lifecycle's (rule 4).
 * A connection that is refused starts one renewal cycle, or has the one that waits go on at once;
 * REFUSED_AGAIN says that it did not help (rule 5). The records' part of it ("doubted", the old
 * token) is kept by lifecycle-effect.c.
 */

#include "core/credential.h"

#include "core/machine-table.h"

static const struct machine_cell table[CREDENTIAL_STATES][CREDENTIAL_EVENTS] = {
	[CREDENTIAL_NONE] =
		{
			[CREDENTIAL_STORE] = MOVE(CREDENTIAL_HELD, LIFE_SAVE),
			[CREDENTIAL_RENEW_DUE] = IGNORE,
			[CREDENTIAL_RENEWED] = IGNORE,
			[CREDENTIAL_RENEW_FAILED] = IGNORE,
			[CREDENTIAL_RENEW_REFUSED] = IGNORE,
			[CREDENTIAL_CONNECTED] = IGNORE,
			[CREDENTIAL_AUTH_REFUSED] = IGNORE,
			[CREDENTIAL_LAPSED] = IGNORE,
			[CREDENTIAL_ERASE] = IGNORE,
			[CREDENTIAL_RESTARTED] = IGNORE,
			[CREDENTIAL_PROGRESS] = IGNORE,
			[CREDENTIAL_REFUSED_AGAIN] = IGNORE,
			[CREDENTIAL_LEAK] = IGNORE,
			[CREDENTIAL_GONE] = IGNORE,
		},
	[CREDENTIAL_HELD] =
		{
			[CREDENTIAL_STORE] = IGNORE,
			[CREDENTIAL_RENEW_DUE] =
				MOVE(CREDENTIAL_RENEWING, LIFE_SAVE | LIFE_REFRESH),
			[CREDENTIAL_RENEWED] = IGNORE,
			[CREDENTIAL_RENEW_FAILED] = IGNORE,
			[CREDENTIAL_RENEW_REFUSED] = IGNORE,
			[CREDENTIAL_CONNECTED] = MOVE(CREDENTIAL_HELD, LIFE_SAVE),
			[CREDENTIAL_AUTH_REFUSED] =
				MOVE(CREDENTIAL_RENEWING, LIFE_SAVE | LIFE_REFRESH),
			[CREDENTIAL_LAPSED] = MOVE(
				CREDENTIAL_EXPIRED, LIFE_SAVE | LIFE_DISCONNECT | LIFE_REFRESH),
			[CREDENTIAL_ERASE] =
				MOVE(CREDENTIAL_NONE, LIFE_SAVE | LIFE_PLATFORM_REVOKE),
			[CREDENTIAL_RESTARTED] = MOVE(CREDENTIAL_HELD, 0),
			[CREDENTIAL_PROGRESS] = IGNORE,
			[CREDENTIAL_REFUSED_AGAIN] = MOVE(CREDENTIAL_REFUSED,
				LIFE_SAVE | LIFE_DISCONNECT | LIFE_ALARM_REFUSED),
			[CREDENTIAL_LEAK] = MOVE(CREDENTIAL_HELD, LIFE_SAVE | LIFE_ALARM_LEAK),
			[CREDENTIAL_GONE] = MOVE(CREDENTIAL_NONE, LIFE_SAVE | LIFE_ALARM_REFUSED),
		},
	[CREDENTIAL_RENEWING] =
		{
			[CREDENTIAL_STORE] = IGNORE,
			[CREDENTIAL_RENEW_DUE] = IGNORE,
			[CREDENTIAL_RENEWED] = MOVE(CREDENTIAL_HELD, LIFE_SAVE),
			[CREDENTIAL_RENEW_FAILED] = MOVE(CREDENTIAL_RENEWING, LIFE_BACK_OFF),
			[CREDENTIAL_RENEW_REFUSED] =
				MOVE(CREDENTIAL_RENEWING,
					LIFE_SAVE | LIFE_ALARM_REFUSED | LIFE_BACK_OFF),
			[CREDENTIAL_CONNECTED] = MOVE(CREDENTIAL_RENEWING, LIFE_SAVE),
			[CREDENTIAL_AUTH_REFUSED] =
				MOVE(CREDENTIAL_RENEWING, LIFE_SAVE | LIFE_REFRESH),
			[CREDENTIAL_LAPSED] = MOVE(CREDENTIAL_EXPIRED, LIFE_SAVE | LIFE_DISCONNECT),
			[CREDENTIAL_ERASE] =
				MOVE(CREDENTIAL_NONE, LIFE_SAVE | LIFE_PLATFORM_REVOKE),
			[CREDENTIAL_RESTARTED] = MOVE(CREDENTIAL_RENEWING, LIFE_REFRESH),
			[CREDENTIAL_PROGRESS] = MOVE(CREDENTIAL_RENEWING, LIFE_SAVE),
			[CREDENTIAL_REFUSED_AGAIN] =
				MOVE(CREDENTIAL_REFUSED, LIFE_SAVE | LIFE_DISCONNECT |
								 LIFE_ALARM_REFUSED),
			[CREDENTIAL_LEAK] = MOVE(CREDENTIAL_RENEWING, LIFE_SAVE | LIFE_ALARM_LEAK),
			[CREDENTIAL_GONE] = MOVE(CREDENTIAL_NONE, LIFE_SAVE | LIFE_ALARM_REFUSED),
		},
	[CREDENTIAL_REFUSED] =
		{
			[CREDENTIAL_STORE] = MOVE(CREDENTIAL_HELD, LIFE_SAVE),
			[CREDENTIAL_RENEW_DUE] = IGNORE,
			[CREDENTIAL_RENEWED] = IGNORE,
			[CREDENTIAL_RENEW_FAILED] = IGNORE,
			[CREDENTIAL_RENEW_REFUSED] = IGNORE,
			[CREDENTIAL_CONNECTED] = IGNORE,
			[CREDENTIAL_AUTH_REFUSED] = IGNORE,
			[CREDENTIAL_LAPSED] = IGNORE,
			[CREDENTIAL_ERASE] =
				MOVE(CREDENTIAL_NONE, LIFE_SAVE | LIFE_PLATFORM_REVOKE),
			[CREDENTIAL_RESTARTED] = IGNORE,
			[CREDENTIAL_PROGRESS] = IGNORE,
			[CREDENTIAL_REFUSED_AGAIN] = IGNORE,
			[CREDENTIAL_LEAK] = MOVE(CREDENTIAL_REFUSED, LIFE_SAVE | LIFE_ALARM_LEAK),
			[CREDENTIAL_GONE] = MOVE(CREDENTIAL_NONE, LIFE_SAVE | LIFE_ALARM_REFUSED),
		},
	[CREDENTIAL_EXPIRED] =
		{
			[CREDENTIAL_STORE] = MOVE(CREDENTIAL_HELD, LIFE_SAVE),
			[CREDENTIAL_RENEW_DUE] = IGNORE,
			[CREDENTIAL_RENEWED] = MOVE(CREDENTIAL_HELD, LIFE_SAVE),
			[CREDENTIAL_RENEW_FAILED] = MOVE(CREDENTIAL_EXPIRED, LIFE_BACK_OFF),
			[CREDENTIAL_RENEW_REFUSED] = MOVE(CREDENTIAL_REFUSED, LIFE_SAVE),
			[CREDENTIAL_CONNECTED] = IGNORE,
			[CREDENTIAL_AUTH_REFUSED] = IGNORE,
			[CREDENTIAL_LAPSED] = IGNORE,
			[CREDENTIAL_ERASE] =
				MOVE(CREDENTIAL_NONE, LIFE_SAVE | LIFE_PLATFORM_REVOKE),
			[CREDENTIAL_RESTARTED] = MOVE(CREDENTIAL_EXPIRED, LIFE_REFRESH),
			[CREDENTIAL_PROGRESS] = MOVE(CREDENTIAL_EXPIRED, LIFE_SAVE),
			[CREDENTIAL_REFUSED_AGAIN] = IGNORE,
			[CREDENTIAL_LEAK] = MOVE(CREDENTIAL_EXPIRED, LIFE_SAVE | LIFE_ALARM_LEAK),
			[CREDENTIAL_GONE] = MOVE(CREDENTIAL_NONE, LIFE_SAVE | LIFE_ALARM_REFUSED),
		},
};

static const char *const states[CREDENTIAL_STATES] = {
	[CREDENTIAL_NONE] = "none",
	[CREDENTIAL_HELD] = "held",
	[CREDENTIAL_RENEWING] = "renewing",
	[CREDENTIAL_REFUSED] = "refused",
	[CREDENTIAL_EXPIRED] = "expired",
};

static const char *const events[CREDENTIAL_EVENTS] = {
	[CREDENTIAL_STORE] = "store",
	[CREDENTIAL_RENEW_DUE] = "renew-due",
	[CREDENTIAL_RENEWED] = "renewed",
	[CREDENTIAL_RENEW_FAILED] = "renew-failed",
	[CREDENTIAL_RENEW_REFUSED] = "renew-refused",
	[CREDENTIAL_CONNECTED] = "connected",
	[CREDENTIAL_AUTH_REFUSED] = "auth-refused",
	[CREDENTIAL_LAPSED] = "lapsed",
	[CREDENTIAL_ERASE] = "erase",
	[CREDENTIAL_RESTARTED] = "restarted",
	[CREDENTIAL_PROGRESS] = "progress",
	[CREDENTIAL_REFUSED_AGAIN] = "refused-again",
	[CREDENTIAL_LEAK] = "leak",
	[CREDENTIAL_GONE] = "gone",
};

enum machine_result credential_step(enum credential_state state, enum credential_event event,
	enum credential_state *ret_next, uint32_t *ret_actions)
{
	const struct machine_cell *cell = &table[state][event];

	if (cell->kind == CELL_MOVE) {
		*ret_next = (enum credential_state)cell->next;
		*ret_actions = cell->actions;
	}
	return machine_result_of(cell);
}

const char *credential_state_to_string(enum credential_state state)
{
	return machine_word(states, ELEMENTS(states), state);
}

int credential_state_from_string(const char *text, enum credential_state *ret_state)
{
	size_t value;
	int r = machine_word_find(states, ELEMENTS(states), text, &value);

	if (r < 0)
		return r;
	*ret_state = (enum credential_state)value;
	return 0;
}

const char *credential_event_to_string(enum credential_event event)
{
	return machine_word(events, ELEMENTS(events), event);
}

_Bool credential_is_usable(enum credential_state state)
{
	return state == CREDENTIAL_HELD || state == CREDENTIAL_RENEWING;
}

_Bool credential_is_refreshing(enum credential_state state)
{
	return state == CREDENTIAL_RENEWING || state == CREDENTIAL_EXPIRED;
}
