/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the files of a device's life share with each other and with nobody else: lifecycle.c decides
 * which machine steps (by the tables of lifecycle-rules.c), lifecycle-effect.c what a step does to
 * the record, lifecycle-words.c what a person is told.
 */

#include <stdbool.h>

#include "core/lifecycle.h"

enum machine { MACHINE_ADMISSION, MACHINE_OPERATION, MACHINE_CREDENTIAL, MACHINE_LINK };

/* An event for one machine; 'event' is of that machine's enum. */
struct machine_step {
	enum machine machine;
	int event;
};

#define STEPS_MAX 16 /* of one event; the longest cascade has eight */

/* One event on its way through the machines. */
struct walk {
	const struct lifecycle *before;
	const struct life_input *input;
	struct lifecycle life; /* owned: becomes the next record */
	uint32_t actions;
	struct machine_step queue[STEPS_MAX];
	size_t head, tail;
};

/* The first step for the event; false when it concerns no machine now. */
bool lifecycle_route(const struct walk *walk, struct machine_step *ret_first);
/* Queues what follows from a step that was taken, and adds the actions of its notice. */
void lifecycle_follow(struct walk *walk, struct machine_step taken);
/*
 * What the step, just taken, does to the other fields of the record. 0, -ENOMEM, or -EINVAL when
 * the input lacks what the step needs; the record is half changed then and must be thrown away.
 */
int lifecycle_effect(
	struct lifecycle *life, struct machine_step step, const struct life_input *input);
/* After the last step: nothing of an operation or a refresh outlives it. Returns the actions that
 * follow from what was erased. */
uint32_t lifecycle_tidy(const struct lifecycle *before, struct lifecycle *life);
/* True when saving the one or the other leaves the same on disk. */
bool lifecycle_same_record(const struct lifecycle *a, const struct lifecycle *b);

/* True for what only a person asks for; such an event is refused, not ignored. */
bool life_event_is_request(enum life_event event);
/* Why a request is refused in this state. Static text, never NULL. */
const char *lifecycle_why(const struct lifecycle *life, enum life_event event);
