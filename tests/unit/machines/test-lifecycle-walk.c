/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Random walks: people, a platform, clocks and a link do what they like to one device, and the
 * process is killed between any two steps; after each step the rules are judged (walk-judge.c).
 *
 * A crash comes in two places: before SAVED, then the record on disk is the old one and no action
 * was performed; and after SAVED, then it is the new one and no action was performed. Either way
 * the process starts again with LIFE_RESTARTED and must find its way from the record alone.
 *
 * It is the same walk each time. GATEHOUSE_WALK_SEED takes another (0: one by chance, which it
 * prints), GATEHOUSE_WALK_STEPS makes it longer.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "walk.h"

#define SEED	       20261129
#define STEPS	       1000000
#define STEPS_OF_WORLD 400 /* then a new device begins */
#define HOUR	       3600000

/* splitmix64: good enough to walk with, and the same everywhere. */
static uint64_t draw(struct world *world, uint64_t limit)
{
	uint64_t z = (world->random += 0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return (z ^ (z >> 31)) % limit;
}

static bool chance(struct world *world, unsigned percent)
{
	return draw(world, 100) < percent;
}

struct weight {
	enum life_event event;
	unsigned weight;
};

static enum life_event pick(struct world *world, const struct weight *weights)
{
	unsigned sum = 0;
	uint64_t at;

	for (const struct weight *w = weights; w->weight > 0; w++)
		sum += w->weight;
	at = draw(world, sum);
	for (const struct weight *w = weights;; w++) {
		if (at < w->weight)
			return w->event;
		at -= w->weight;
	}
}

/* What a platform answers: while it is asked for a token, ... */
static const struct weight provisioning[] = {{LIFE_DRIVER_PROGRESS, 20}, {LIFE_DRIVER_CODE, 25},
	{LIFE_DRIVER_ISSUED, 30}, {LIFE_DRIVER_FAILED_RETRY, 8}, {LIFE_DRIVER_EXPIRED, 10},
	{LIFE_DRIVER_REJECTED, 2}, {LIFE_DRIVER_REFUSED, 1}, {LIFE_DRIVER_FAILED_FINAL, 2},
	{LIFE_DRIVER_LEAK, 2}, {LIFE_ASKED, 0}};
/* ... to bind it, ... */
static const struct weight binding[] = {{LIFE_DRIVER_BOUND, 75}, {LIFE_DRIVER_PROGRESS, 10},
	{LIFE_DRIVER_FAILED_RETRY, 7}, {LIFE_DRIVER_ISSUED, 2}, {LIFE_DRIVER_REJECTED, 2},
	{LIFE_DRIVER_REFUSED, 2}, {LIFE_DRIVER_FAILED_FINAL, 1}, {LIFE_DRIVER_LEAK, 1},
	{LIFE_ASKED, 0}};
/* ... and to renew it. */
static const struct weight refreshing[] = {{LIFE_DRIVER_ISSUED, 50}, {LIFE_DRIVER_PROGRESS, 15},
	{LIFE_DRIVER_FAILED_RETRY, 12}, {LIFE_DRIVER_REFUSED, 12}, {LIFE_DRIVER_REJECTED, 2},
	{LIFE_DRIVER_EXPIRED, 3}, {LIFE_DRIVER_FAILED_FINAL, 4}, {LIFE_DRIVER_LEAK, 2},
	{LIFE_ASKED, 0}};
static const struct weight people[] = {{LIFE_ASKED, 15}, {LIFE_ADMIT, 30}, {LIFE_APPROVE, 30},
	{LIFE_REJECT, 4}, {LIFE_SUSPEND, 5}, {LIFE_RESUME, 20}, {LIFE_REVOKE, 4}, {LIFE_RELEASE, 3},
	{LIFE_BLOCK, 2}, {LIFE_UNBLOCK, 15}, {LIFE_ASKED, 0}};
static const struct weight nature[] = {{LIFE_LINK_UP, 40}, {LIFE_LINK_LOST, 10},
	{LIFE_LINK_RETRY, 20}, {LIFE_LINK_REFUSED, 10}, {LIFE_LINK_TAKEN_OVER, 2},
	{LIFE_RENEW_DUE, 15}, {LIFE_CREDENTIAL_LAPSED, 6}, {LIFE_OPERATION_LAPSED, 6},
	{LIFE_REVOKED_UPSTREAM, 2}, {LIFE_ASKED, 0}};

static enum life_event choose(struct world *world)
{
	uint64_t at = draw(world, 100);

	if (at < 3) /* anything, also what makes no sense now */
		return (enum life_event)draw(world, LIFE_EVENTS);
	if (at < 12)
		return pick(world, people);
	if (at < 30 || !world->asked)
		return pick(world, nature);
	if (world->life.operation == OPERATION_ISSUED)
		return pick(world, binding);
	return operation_is_open(world->life.operation) ? pick(world, provisioning)
							: pick(world, refreshing);
}

/* An event with all that may belong to it; now and then something is wrong with it. */
static void prepare(struct world *world, enum life_event event)
{
	snprintf(world->token, sizeof(world->token), "token-%u", ++world->tokens);
	snprintf(world->code, sizeof(world->code), "CODE-%" PRIu64,
		chance(world, 3) ? draw(world, 1000) : world->life.operation_number);
	snprintf(world->id, sizeof(world->id), "device-%" PRIu64, world->life.operation_number);
	world->now += (int64_t)draw(world, HOUR);
	world->input = (struct life_input){
		.event = event,
		.blob = span_from_string(chance(world, 2) ? "" : world->token),
		.code = span_from_string(world->code),
		.expires = chance(world, 20) ? 0 : world->now + (int64_t)draw(world, 24 * HOUR),
		.now = world->now,
		.operation_number = chance(world, 1) ? 0 : ++world->numbers,
		.answer_to = chance(world, 50) ? world->life.operation_number : 0,
		.platform_id = chance(world, 2) ? NULL : world->id,
	};
}

static void visit(struct world *world)
{
	world->admission[world->life.admission]++;
	world->operation[world->life.operation]++;
	world->credential[world->life.credential]++;
	world->link[world->life.link]++;
}

/* Takes the step over: from now on it is on disk. */
static void commit(struct world *world, struct lifecycle *next, const struct memory *memory)
{
	lifecycle_clear(&world->life);
	world->life = *next;
	world->memory = *memory;
	visit(world);
}

static void perform(struct world *world, uint32_t actions)
{
	if (actions & (LIFE_ADVANCE | LIFE_REFRESH | LIFE_BACK_OFF))
		world->asked = true;
	if (!operation_is_open(world->life.operation) &&
		world->life.credential != CREDENTIAL_RENEWING &&
		world->life.credential != CREDENTIAL_EXPIRED)
		world->asked = false;
}

/* The process begins again with what is on disk; what was under way must be taken up. */
static void restart(struct world *world)
{
	const struct lifecycle *disk = &world->life;
	bool open = operation_is_open(disk->operation);
	bool refresh =
		disk->credential == CREDENTIAL_RENEWING || disk->credential == CREDENTIAL_EXPIRED;
	bool connect = disk->admission == ADMISSION_ADMITTED && !open &&
		       credential_is_usable(disk->credential);
	struct memory memory = world->memory;
	struct life_outcome outcome;
	struct lifecycle next;

	world->life.link = LINK_DOWN;
	world->asked = false;
	prepare(world, LIFE_RESTARTED);
	world->input.answer_to = 0;
	assert_int_equal(lifecycle_step(disk, &world->input, &next, &outcome), 0);
	assert_int_equal(!!(outcome.actions & LIFE_ADVANCE), open);
	assert_int_equal(!!(outcome.actions & LIFE_REFRESH), refresh);
	assert_int_equal(!!(outcome.actions & LIFE_CONNECT), connect);
	assert_int_equal(!!(outcome.actions & LIFE_SHOW_CODE),
		open && disk->operation == OPERATION_AWAITING);
	world->crashes_open += open;
	if (outcome.result != MACHINE_MOVED)
		return;
	assert_int_equal(outcome.actions & LIFE_SAVE, 0);
	walk_judge(world, &next, &outcome, &memory);
	world->moved[LIFE_RESTARTED]++;
	commit(world, &next, &memory);
	perform(world, outcome.actions);
}

static void step(struct world *world)
{
	struct memory memory = world->memory;
	struct life_outcome outcome;
	struct lifecycle next;
	int r;

	prepare(world, choose(world));
	r = lifecycle_step(&world->life, &world->input, &next, &outcome);
	if (r < 0) {
		assert_int_equal(r, -EINVAL);
		world->broken++;
		return;
	}
	if (outcome.result != MACHINE_MOVED) {
		assert_int_equal(outcome.actions, 0);
		assert_int_equal(!!outcome.why, outcome.result == MACHINE_REFUSED);
		return;
	}
	walk_judge(world, &next, &outcome, &memory);
	world->moved[world->input.event]++;

	if (outcome.actions & LIFE_SAVE && chance(world, 5)) {
		world->crashes_before++;
		lifecycle_clear(&next);
		restart(world);
		return;
	}
	commit(world, &next, &memory);
	if (chance(world, 5)) {
		world->crashes_after++;
		restart(world);
		return;
	}
	perform(world, outcome.actions);
}

static void was_everywhere(const struct world *world)
{
	for (unsigned i = 0; i < LIFE_EVENTS; i++)
		if (world->moved[i] == 0)
			fail_msg("%s never moved anything",
				life_event_to_string((enum life_event)i));
	for (unsigned i = 0; i < ADMISSION_STATES; i++)
		assert_true(world->admission[i] > 0);
	for (unsigned i = 0; i < OPERATION_STATES; i++)
		assert_true(world->operation[i] > 0);
	for (unsigned i = 0; i < CREDENTIAL_STATES; i++)
		assert_true(world->credential[i] > 0);
	for (unsigned i = 0; i < LINK_STATES; i++)
		assert_true(world->link[i] > 0);
	assert_true(world->crashes_before > 0);
	assert_true(world->crashes_after > 0);
	assert_true(world->crashes_open > 0);
	assert_true(world->broken > 0);
}

static uint64_t setting(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 10) : otherwise;
}

static void random_walk(void **data)
{
	uint64_t wanted = setting("GATEHOUSE_WALK_SEED", SEED);
	struct world world = {.seed = wanted ? wanted : random_uint64()};
	uint64_t steps = setting("GATEHOUSE_WALK_STEPS", STEPS);

	print_message("GATEHOUSE_WALK_SEED=%" PRIu64 ", %" PRIu64 " steps\n", world.seed, steps);
	world.random = world.seed;
	world.now = HOUR;
	for (world.step = 0; world.step < steps; world.step++) {
		if (world.step % STEPS_OF_WORLD == 0) {
			lifecycle_clear(&world.life);
			world.memory = (struct memory){.number = world.numbers};
			world.asked = false;
		}
		step(&world);
	}
	lifecycle_clear(&world.life);
	if (steps >= STEPS)
		was_everywhere(&world);
	print_message("%u operations bound, %u crashes before and %u after SAVED, %u of them with "
		      "an operation open\n",
		world.moved[LIFE_DRIVER_BOUND], world.crashes_before, world.crashes_after,
		world.crashes_open);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_walk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
