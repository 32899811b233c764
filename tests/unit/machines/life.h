/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A life that a test leads by hand: each call feeds one event and takes over the next record, as a
 * host would whose disk always answers. Include after cmocka.h. */

#include <errno.h>
#include <string.h>

#include "core/lifecycle.h"

#define NOW	 1000000
#define IN_A_DAY (NOW + 86400000)

struct lead {
	struct lifecycle life;
	struct life_outcome outcome; /* of the last event */
	uint64_t number;	     /* the last one offered */
	int64_t now;
};

static inline struct life_input lead_input(struct lead *lead, enum life_event event)
{
	return (struct life_input){
		.event = event,
		.now = lead->now ? lead->now : NOW,
		.operation_number = ++lead->number,
	};
}

static inline int lead_try(struct lead *lead, const struct life_input *input)
{
	struct lifecycle next;
	int r = lifecycle_step(&lead->life, input, &next, &lead->outcome);

	if (r < 0 || lead->outcome.result != MACHINE_MOVED)
		return r;
	lifecycle_clear(&lead->life);
	lead->life = next;
	return 0;
}

static inline void lead_step(struct lead *lead, struct life_input input)
{
	assert_int_equal(lead_try(lead, &input), 0);
}

static inline void lead_event(struct lead *lead, enum life_event event)
{
	lead_step(lead, lead_input(lead, event));
}

static inline void lead_code(struct lead *lead, const char *code)
{
	struct life_input input = lead_input(lead, LIFE_DRIVER_CODE);

	input.blob = SPAN_LITERAL("blob-code");
	input.code = span_from_string(code);
	input.expires = NOW + 600000;
	lead_step(lead, input);
}

static inline void lead_progress(struct lead *lead, const char *blob)
{
	struct life_input input = lead_input(lead, LIFE_DRIVER_PROGRESS);

	input.blob = span_from_string(blob);
	lead_step(lead, input);
}

static inline void lead_issued(struct lead *lead, const char *credential, int64_t expires)
{
	struct life_input input = lead_input(lead, LIFE_DRIVER_ISSUED);

	input.blob = span_from_string(credential);
	input.expires = expires;
	lead_step(lead, input);
}

static inline void lead_bound(struct lead *lead)
{
	struct life_input input = lead_input(lead, LIFE_DRIVER_BOUND);

	input.platform_id = "device-at-platform";
	lead_step(lead, input);
}

/* From nothing to an operation with a code. */
static inline void lead_to_awaiting(struct lead *lead)
{
	lead_event(lead, LIFE_ASKED);
	lead_event(lead, LIFE_ADMIT);
	lead_code(lead, "BCDF-GHJK");
	assert_int_equal(lead->life.operation, OPERATION_AWAITING);
}

/* From nothing to a bound device whose link is up. */
static inline void lead_to_active(struct lead *lead)
{
	lead_event(lead, LIFE_ASKED);
	lead_event(lead, LIFE_APPROVE);
	lead_issued(lead, "token-1", IN_A_DAY);
	lead_bound(lead);
	lead_event(lead, LIFE_LINK_UP);
	assert_int_equal(lead->life.link, LINK_UP);
}

static inline bool secret_is(const struct secret *secret, const char *text)
{
	return span_equal(secret_span(secret), span_from_string(text));
}

#define assert_moved(lead, set)                                          \
	do {                                                             \
		assert_int_equal((lead)->outcome.result, MACHINE_MOVED); \
		assert_int_equal((lead)->outcome.actions, (set));        \
		assert_null((lead)->outcome.why);                        \
	} while (0)

#define assert_ignored(lead)                                               \
	do {                                                               \
		assert_int_equal((lead)->outcome.result, MACHINE_IGNORED); \
		assert_int_equal((lead)->outcome.actions, 0);              \
		assert_null((lead)->outcome.why);                          \
	} while (0)

#define assert_refused(lead, sentence)                                     \
	do {                                                               \
		assert_int_equal((lead)->outcome.result, MACHINE_REFUSED); \
		assert_int_equal((lead)->outcome.actions, 0);              \
		assert_string_equal((lead)->outcome.why, sentence);        \
	} while (0)
