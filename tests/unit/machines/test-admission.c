/* SPDX-License-Identifier: Apache-2.0 */

/* The whole admission machine: every state x event cell, against a grid written here a second time.
 */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/admission.h"

#include "cells.h"

#define SAVE LIFE_SAVE
#define TELL (LIFE_SAVE | LIFE_TELL_DEVICE)
#define STOP (LIFE_SAVE | LIFE_TELL_DEVICE | LIFE_DISCONNECT)
#define DROP (LIFE_SAVE | LIFE_TELL_DEVICE | LIFE_DISCONNECT | LIFE_DROP_READINGS)

#define PENDING(set)   TO(ADMISSION_PENDING, set)
#define ADMITTED(set)  TO(ADMISSION_ADMITTED, set)
#define REJECTED(set)  TO(ADMISSION_REJECTED, set)
#define SUSPENDED(set) TO(ADMISSION_SUSPENDED, set)
#define REVOKED(set)   TO(ADMISSION_REVOKED, set)
#define BLOCKED(set)   TO(ADMISSION_BLOCKED, set)
#define SIGHTED(set)   TO(ADMISSION_SIGHTED, set)

/* clang-format off */
static const struct cell want[ADMISSION_EVENTS][ADMISSION_STATES] = {
	/*                              sighted         pending         admitted         rejected        suspended       revoked         blocked */
	[ADMISSION_ASKED] =            {PENDING(SAVE),  __,             __,              __,             __,             __,             __},
	[ADMISSION_ADMIT] =            {ADMITTED(SAVE), ADMITTED(SAVE), NO,              ADMITTED(TELL), NO,             ADMITTED(TELL), NO},
	[ADMISSION_REJECT] =           {REJECTED(TELL), REJECTED(TELL), REJECTED(TELL),  NO,             NO,             NO,             NO},
	[ADMISSION_SUSPEND] =          {NO,             NO,             SUSPENDED(STOP), NO,             NO,             NO,             NO},
	[ADMISSION_RESUME] =           {NO,             NO,             NO,              NO,             ADMITTED(TELL), NO,             NO},
	[ADMISSION_REVOKE] =           {NO,             NO,             REVOKED(DROP),   NO,             REVOKED(DROP),  NO,             NO},
	[ADMISSION_BLOCK] =            {BLOCKED(TELL),  BLOCKED(TELL),  BLOCKED(DROP),   BLOCKED(SAVE),  BLOCKED(DROP),  BLOCKED(TELL),  NO},
	[ADMISSION_UNBLOCK] =          {NO,             NO,             NO,              NO,             NO,             NO,             SIGHTED(TELL)},
	[ADMISSION_RELEASE] =          {NO,             NO,             PENDING(DROP),   PENDING(TELL),  PENDING(DROP),  PENDING(TELL),  NO},
	[ADMISSION_REFUSED_UPSTREAM] = {__,             __,             REJECTED(STOP),  __,             __,             __,             __},
	[ADMISSION_WITHDRAWN] =        {__,             __,             PENDING(STOP),   __,             PENDING(STOP),  __,             __},
};
/* clang-format on */

static void every_cell(void **data)
{
	for (unsigned event = 0; event < ADMISSION_EVENTS; event++)
		for (unsigned state = 0; state < ADMISSION_STATES; state++)
			assert_cell(admission_step, enum admission_state,
				(enum admission_state)state, (enum admission_event)event,
				&want[event][state]);
}

static void words(void **data)
{
	enum admission_state back = (enum admission_state)ADMISSION_STATES;

	for (unsigned state = 0; state < ADMISSION_STATES; state++) {
		assert_int_equal(
			admission_state_from_string(
				admission_state_to_string((enum admission_state)state), &back),
			0);
		assert_int_equal(back, state);
	}
	back = (enum admission_state)0;
	assert_int_equal(admission_state_from_string("unknown", &back), -EINVAL);
	assert_int_equal(admission_state_from_string("", &back), -EINVAL);
	assert_int_equal(admission_state_from_string(NULL, &back), -EINVAL);
	assert_int_equal(back, 0);
	assert_string_equal(admission_state_to_string(ADMISSION_STATES), "unknown");
	for (unsigned a = 0; a < ADMISSION_EVENTS; a++)
		for (unsigned b = 0; b < a; b++)
			assert_string_not_equal(admission_event_to_string((enum admission_event)a),
				admission_event_to_string((enum admission_event)b));
	assert_string_equal(admission_event_to_string(ADMISSION_EVENTS), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_cell),
		cmocka_unit_test(words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
