/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * How the tests of the machines write down what they expect: one grid per machine, one row per
 * event, one column per state; the other way round than the tables under test, and by hand. A cell
 * that is not written is NOT_WRITTEN and fails.
 */

#include <stdint.h>

#include "core/machine.h"

enum { NOT_WRITTEN, MOVES, IGNORES, REFUSES };

struct cell {
	int kind;
	int next;
	uint32_t actions;
};

#define TO(state, set)                \
	{                             \
		MOVES, (state), (set) \
	}
#define __                    \
	{                     \
		IGNORES, 0, 0 \
	}
#define NO                    \
	{                     \
		REFUSES, 0, 0 \
	}

/* Asserts one cell of a machine's step function. */
#define assert_cell(step, state_type, state, event, want)                                         \
	do {                                                                                      \
		const struct cell *wanted = (want);                                               \
		state_type next = (state_type)77;                                                 \
		uint32_t actions = 0x77777777;                                                    \
		enum machine_result got = step((state), (event), &next, &actions);                \
                                                                                                  \
		if (wanted->kind == NOT_WRITTEN)                                                  \
			fail_msg("no expectation for state %u, event %u", (unsigned)(state),      \
				(unsigned)(event));                                               \
		if (wanted->kind == MOVES) {                                                      \
			if (got != MACHINE_MOVED || (int)next != wanted->next ||                  \
				actions != wanted->actions)                                       \
				fail_msg("state %u, event %u: result %u, next %u, actions %#x",   \
					(unsigned)(state), (unsigned)(event), (unsigned)got,      \
					(unsigned)next, actions);                                 \
		} else {                                                                          \
			if (got != (wanted->kind == IGNORES ? MACHINE_IGNORED : MACHINE_REFUSED)) \
				fail_msg("state %u, event %u: result %u", (unsigned)(state),      \
					(unsigned)(event), (unsigned)got);                        \
			/* Nothing happened: nothing is written. */                               \
			assert_int_equal(next, 77);                                               \
			assert_int_equal(actions, 0x77777777);                                    \
		}                                                                                 \
	} while (0)
