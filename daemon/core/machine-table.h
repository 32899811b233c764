/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The cells that the machines' tables are made of; for the machines' own files only. Every cell is
 * written out, also those in which nothing happens: an event that nobody thought of in a state is
 * CELL_UNSET, never by chance "ignored". A step into such a cell is a defect and ends the process;
 * the tests of the machines step into every one.
 */

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "core/machine.h"

enum cell_kind { CELL_UNSET, CELL_MOVE, CELL_IGNORE, CELL_REFUSE };

struct machine_cell {
	uint8_t kind;
	uint8_t next;
	uint32_t actions;
};

/* The step is taken, with these actions. */
#define MOVE(state, set)                                                       \
	{                                                                      \
		.kind = CELL_MOVE, .next = (state), .actions = (uint32_t)(set) \
	}
/* No meaning here: a late answer, a repeat. */
#define IGNORE                      \
	{                           \
		.kind = CELL_IGNORE \
	}
/* A person asked for what cannot be. */
#define REFUSE                      \
	{                           \
		.kind = CELL_REFUSE \
	}

static inline enum machine_result machine_result_of(const struct machine_cell *cell)
{
	switch ((enum cell_kind)cell->kind) {
	case CELL_MOVE:
		return MACHINE_MOVED;
	case CELL_IGNORE:
		return MACHINE_IGNORED;
	case CELL_REFUSE:
		return MACHINE_REFUSED;
	case CELL_UNSET:
		break;
	}
	abort();
}

/* The word of a value in a table of words; for log lines, so never NULL. */
static inline const char *machine_word(const char *const *words, size_t count, size_t value)
{
	return value < count ? words[value] : "unknown";
}

static inline int machine_word_find(
	const char *const *words, size_t count, const char *text, size_t *ret_value)
{
	if (!text)
		return -EINVAL;
	for (size_t i = 0; i < count; i++) {
		if (strcmp(words[i], text) != 0)
			continue;
		*ret_value = i;
		return 0;
	}
	return -EINVAL;
}
