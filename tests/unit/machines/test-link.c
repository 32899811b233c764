/* SPDX-License-Identifier: Apache-2.0 */

/* The whole link machine: every state x event cell, against a grid written here a second time. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/link.h"

#include "cells.h"

#define CONNECT LIFE_CONNECT
#define LATER	LIFE_RECONNECT
#define LEAK	(LIFE_RECONNECT | LIFE_ALARM_LEAK)
#define CLOSE	LIFE_DISCONNECT
#define NOTHING 0

#define DOWN(set)	TO(LINK_DOWN, set)
#define CONNECTING(set) TO(LINK_CONNECTING, set)
#define UP(set)		TO(LINK_UP, set)
#define REFUSED(set)	TO(LINK_REFUSED, set)

/* clang-format off */
static const struct cell want[LINK_EVENTS][LINK_STATES] = {
	/*                     down                 connecting           up                   refused */
	[LINK_START] =        {CONNECTING(CONNECT), __,                  __,                  __},
	[LINK_CONNECTED] =    {__,                  UP(NOTHING),         __,                  __},
	[LINK_LOST] =         {__,                  DOWN(LATER),         DOWN(LATER),         __},
	[LINK_AUTH_REFUSED] = {__,                  REFUSED(CLOSE),      REFUSED(CLOSE),      __},
	[LINK_TAKEN_OVER] =   {__,                  DOWN(LEAK),          DOWN(LEAK),          __},
	[LINK_RETRY] =        {CONNECTING(CONNECT), __,                  __,                  __},
	[LINK_RENEWED] =      {CONNECTING(CONNECT), CONNECTING(CONNECT), CONNECTING(CONNECT), CONNECTING(CONNECT)},
	[LINK_STOP] =         {__,                  DOWN(CLOSE),         DOWN(CLOSE),         DOWN(CLOSE)},
};
/* clang-format on */

static void every_cell(void **data)
{
	for (unsigned event = 0; event < LINK_EVENTS; event++)
		for (unsigned state = 0; state < LINK_STATES; state++)
			assert_cell(link_step, enum link_state, (enum link_state)state,
				(enum link_event)event, &want[event][state]);
}

static void words(void **data)
{
	for (unsigned state = 0; state < LINK_STATES; state++)
		assert_string_not_equal(link_state_to_string((enum link_state)state), "unknown");
	assert_string_equal(link_state_to_string(LINK_STATES), "unknown");
	for (unsigned a = 0; a < LINK_EVENTS; a++)
		for (unsigned b = 0; b < a; b++)
			assert_string_not_equal(link_event_to_string((enum link_event)a),
				link_event_to_string((enum link_event)b));
	assert_string_equal(link_event_to_string(LINK_EVENTS), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_cell),
		cmocka_unit_test(words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
