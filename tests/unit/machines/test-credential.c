/* SPDX-License-Identifier: Apache-2.0 */

/* The whole credential machine: every state x event cell, against a grid written here a second
 * time. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/credential.h"

#include "cells.h"

#define SAVE	LIFE_SAVE
#define RENEW	(LIFE_SAVE | LIFE_REFRESH)
#define ASK	LIFE_REFRESH
#define LATER	LIFE_BACK_OFF
#define SAY	(LIFE_SAVE | LIFE_ALARM_REFUSED)
#define STOP	(LIFE_SAVE | LIFE_ALARM_REFUSED | LIFE_DISCONNECT)
#define LEAK	(LIFE_SAVE | LIFE_ALARM_LEAK)
#define WIPE	(LIFE_SAVE | LIFE_PLATFORM_REVOKE)
#define END	(LIFE_SAVE | LIFE_DISCONNECT)
#define NOTHING 0

#define NONE(set)     TO(CREDENTIAL_NONE, set)
#define HELD(set)     TO(CREDENTIAL_HELD, set)
#define RENEWING(set) TO(CREDENTIAL_RENEWING, set)
#define REFUSED(set)  TO(CREDENTIAL_REFUSED, set)
#define EXPIRED(set)  TO(CREDENTIAL_EXPIRED, set)

/* clang-format off */
static const struct cell want[CREDENTIAL_EVENTS][CREDENTIAL_STATES] = {
	/*                             none        held             renewing               refused        expired */
	[CREDENTIAL_STORE] =          {HELD(SAVE), __,              __,                    HELD(SAVE),    HELD(SAVE)},
	[CREDENTIAL_RENEW_DUE] =      {__,         RENEWING(RENEW), __,                    __,            __},
	[CREDENTIAL_RENEWED] =        {__,         __,              HELD(SAVE),            __,            HELD(SAVE)},
	[CREDENTIAL_RENEW_FAILED] =   {__,         __,              RENEWING(LATER),       __,            EXPIRED(LATER)},
	[CREDENTIAL_RENEW_REFUSED] =  {__,         __,              RENEWING(SAY | LATER), __,            REFUSED(SAVE)},
	[CREDENTIAL_CONNECTED] =      {__,         HELD(SAVE),      RENEWING(SAVE),        __,            __},
	[CREDENTIAL_AUTH_REFUSED] =   {__,         RENEWING(RENEW), RENEWING(RENEW),       __,            __},
	[CREDENTIAL_LAPSED] =         {__,         EXPIRED(END | ASK), EXPIRED(END),       __,            __},
	[CREDENTIAL_ERASE] =          {__,         NONE(WIPE),      NONE(WIPE),            NONE(WIPE),    NONE(WIPE)},
	[CREDENTIAL_RESTARTED] =      {__,         HELD(NOTHING),   RENEWING(ASK),         __,            EXPIRED(ASK)},
	[CREDENTIAL_PROGRESS] =       {__,         __,              RENEWING(SAVE),        __,            EXPIRED(SAVE)},
	[CREDENTIAL_REFUSED_AGAIN] =  {__,         REFUSED(STOP),   REFUSED(STOP),         __,            __},
	[CREDENTIAL_LEAK] =           {__,         HELD(LEAK),      RENEWING(LEAK),        REFUSED(LEAK), EXPIRED(LEAK)},
	[CREDENTIAL_GONE] =           {__,         NONE(SAY),       NONE(SAY),             NONE(SAY),     NONE(SAY)},
};
/* clang-format on */

static void every_cell(void **data)
{
	for (unsigned event = 0; event < CREDENTIAL_EVENTS; event++)
		for (unsigned state = 0; state < CREDENTIAL_STATES; state++)
			assert_cell(credential_step, enum credential_state,
				(enum credential_state)state, (enum credential_event)event,
				&want[event][state]);
}

static void words(void **data)
{
	enum credential_state back = (enum credential_state)CREDENTIAL_STATES;

	for (unsigned state = 0; state < CREDENTIAL_STATES; state++) {
		assert_int_equal(
			credential_state_from_string(
				credential_state_to_string((enum credential_state)state), &back),
			0);
		assert_int_equal(back, state);
	}
	back = (enum credential_state)0;
	assert_int_equal(credential_state_from_string("unknown", &back), -EINVAL);
	assert_int_equal(credential_state_from_string("", &back), -EINVAL);
	assert_int_equal(credential_state_from_string(NULL, &back), -EINVAL);
	assert_int_equal(back, 0);
	assert_string_equal(credential_state_to_string(CREDENTIAL_STATES), "unknown");
	for (unsigned a = 0; a < CREDENTIAL_EVENTS; a++)
		for (unsigned b = 0; b < a; b++)
			assert_string_not_equal(
				credential_event_to_string((enum credential_event)a),
				credential_event_to_string((enum credential_event)b));
	assert_string_equal(credential_event_to_string(CREDENTIAL_EVENTS), "unknown");
}

static void usable_states(void **data)
{
	for (unsigned state = 0; state < CREDENTIAL_STATES; state++)
		assert_int_equal(credential_is_usable((enum credential_state)state),
			state == CREDENTIAL_HELD || state == CREDENTIAL_RENEWING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_cell),
		cmocka_unit_test(words),
		cmocka_unit_test(usable_states),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
