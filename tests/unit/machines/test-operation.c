/* SPDX-License-Identifier: Apache-2.0 */

/* The whole operation machine: every state x event cell, against a grid written here a second time.
 */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/operation.h"

#include "cells.h"

#define SAVE	LIFE_SAVE
#define ON	LIFE_ADVANCE
#define SAVE_ON (LIFE_SAVE | LIFE_ADVANCE)
#define SHOW	LIFE_SHOW_CODE
#define SHOW_ON (LIFE_SHOW_CODE | LIFE_ADVANCE)
#define END	(LIFE_SAVE | LIFE_TELL_DEVICE)
#define BAD	(LIFE_SAVE | LIFE_TELL_DEVICE | LIFE_ALARM_FAILED)
#define LEAK	(LIFE_SAVE | LIFE_TELL_DEVICE | LIFE_ALARM_LEAK)
#define GIVE_UP (LIFE_SAVE | LIFE_CANCEL)
#define LATER	LIFE_BACK_OFF

#define OPENING(set)  TO(OPERATION_OPENING, set)
#define AWAITING(set) TO(OPERATION_AWAITING, set)
#define ISSUED(set)   TO(OPERATION_ISSUED, set)
#define BOUND(set)    TO(OPERATION_BOUND, set)
#define REJECTED(set) TO(OPERATION_REJECTED, set)
#define EXPIRED(set)  TO(OPERATION_EXPIRED, set)
#define FAILED(set)   TO(OPERATION_FAILED, set)

/* clang-format off */
static const struct cell want[OPERATION_EVENTS][OPERATION_STATES] = {
	/*                            none              opening              awaiting           issued           bound             rejected          expired           failed */
	[OPERATION_OPEN] =           {OPENING(SAVE_ON), NO,                  NO,                NO,              OPENING(SAVE_ON), OPENING(SAVE_ON), OPENING(SAVE_ON), OPENING(SAVE_ON)},
	[OPERATION_PROGRESS] =       {__,               OPENING(SAVE),       AWAITING(SAVE),    ISSUED(SAVE),    __,               __,               __,               __},
	[OPERATION_CODE] =           {__,               AWAITING(SAVE | SHOW), AWAITING(SAVE), __,              __,               __,               __,               __},
	[OPERATION_APPROVE] =        {NO,               OPENING(SAVE),       AWAITING(SAVE_ON), NO,              NO,               NO,               NO,               NO},
	[OPERATION_GOT_CREDENTIAL] = {__,               ISSUED(SAVE_ON),     ISSUED(SAVE_ON),   __,              __,               __,               __,               __},
	[OPERATION_GOT_BOUND] =      {__,               __,                  __,                BOUND(END),      __,               __,               __,               __},
	[OPERATION_GOT_REJECTED] =   {__,               REJECTED(END),       REJECTED(END),     REJECTED(END),   __,               __,               __,               __},
	[OPERATION_GOT_EXPIRED] =    {__,               EXPIRED(END),        EXPIRED(END),      __,              __,               __,               __,               __},
	[OPERATION_GOT_REFUSED] =    {__,               FAILED(BAD),         FAILED(BAD),       FAILED(BAD),     __,               __,               __,               __},
	[OPERATION_GOT_LEAK] =       {__,               FAILED(LEAK),        FAILED(LEAK),      FAILED(LEAK),    __,               __,               __,               __},
	[OPERATION_FAILED_RETRY] =   {__,               OPENING(LATER),      AWAITING(LATER),   ISSUED(LATER),   __,               __,               __,               __},
	[OPERATION_FAILED_FINAL] =   {__,               FAILED(BAD),         FAILED(BAD),       FAILED(BAD),     __,               __,               __,               __},
	[OPERATION_REOPEN] =         {__,               __,                  __,                __,              __,               __,               OPENING(SAVE_ON), __},
	[OPERATION_CANCEL] =         {__,               FAILED(GIVE_UP),     FAILED(GIVE_UP),   FAILED(GIVE_UP), __,               __,               __,               __},
	[OPERATION_RESTARTED] =      {__,               OPENING(ON),         AWAITING(SHOW_ON), ISSUED(ON),      __,               __,               __,               __},
};
/* clang-format on */

static void every_cell(void **data)
{
	for (unsigned event = 0; event < OPERATION_EVENTS; event++)
		for (unsigned state = 0; state < OPERATION_STATES; state++)
			assert_cell(operation_step, enum operation_state,
				(enum operation_state)state, (enum operation_event)event,
				&want[event][state]);
}

static void words(void **data)
{
	enum operation_state back = (enum operation_state)OPERATION_STATES;

	for (unsigned state = 0; state < OPERATION_STATES; state++) {
		assert_int_equal(
			operation_state_from_string(
				operation_state_to_string((enum operation_state)state), &back),
			0);
		assert_int_equal(back, state);
	}
	back = (enum operation_state)0;
	assert_int_equal(operation_state_from_string("unknown", &back), -EINVAL);
	assert_int_equal(operation_state_from_string("", &back), -EINVAL);
	assert_int_equal(operation_state_from_string(NULL, &back), -EINVAL);
	assert_int_equal(back, 0);
	assert_string_equal(operation_state_to_string(OPERATION_STATES), "unknown");
	for (unsigned a = 0; a < OPERATION_EVENTS; a++)
		for (unsigned b = 0; b < a; b++)
			assert_string_not_equal(operation_event_to_string((enum operation_event)a),
				operation_event_to_string((enum operation_event)b));
	assert_string_equal(operation_event_to_string(OPERATION_EVENTS), "unknown");
}

static void open_states(void **data)
{
	for (unsigned state = 0; state < OPERATION_STATES; state++)
		assert_int_equal(operation_is_open((enum operation_state)state),
			state == OPERATION_OPENING || state == OPERATION_AWAITING ||
				state == OPERATION_ISSUED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_cell),
		cmocka_unit_test(words),
		cmocka_unit_test(open_states),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
