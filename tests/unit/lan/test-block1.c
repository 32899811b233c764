/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies in blocks: what makes a whole one, what is answered again, what is refused, and that no
 * walk through it hands out a body that nobody sent. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "lan/block1.h"

#define BODY_MAX 8192
#define SECOND	 UINT64_C(1000000)

struct bed {
	struct block1 *blocks;
	uint64_t now;
	uint16_t mid;
	struct span body;
	bool evicted;
};

static int setup(void **state)
{
	struct bed *bed = calloc(1, sizeof(*bed));

	assert_int_equal(block1_new(32, BODY_MAX, &bed->blocks), 0);
	bed->now = SECOND;
	*state = bed;
	return 0;
}

static int teardown(void **state)
{
	struct bed *bed = *state;

	block1_free(bed->blocks);
	free(bed);
	return 0;
}

static struct block1_id sender(unsigned host, uint16_t port, uint8_t body)
{
	struct block1_id id = {.address = {.port = port, .interface = "lan0"}};

	id.address.ip.s6_addr[15] = (uint8_t)host;
	id.address.ip.s6_addr[14] = (uint8_t)(host >> 8);
	id.body[0] = body;
	return id;
}

static uint32_t option(uint32_t number, bool more, unsigned exponent)
{
	return number << 4 | (more ? 8u : 0) | exponent;
}

/* With a message id of its own, and bytes that end where the heap does. */
static enum block1_outcome feed(
	struct bed *bed, const struct block1_id *id, uint32_t value, const void *bytes, size_t size)
{
	const struct request_key key = {.message_id = ++bed->mid, .confirmable = true};
	uint8_t *copy = size ? malloc(size) : NULL;

	if (size)
		memcpy(copy, bytes, size);
	const struct block1_part part = {value, span_of(copy, size), &key};
	enum block1_outcome outcome =
		block1_feed(bed->blocks, id, &part, bed->now, &bed->body, &bed->evicted);
	free(copy);
	return outcome;
}

static const char text[] = "0123456789abcdef"
			   "ghijklmnopqrstuv"
			   "wxyz";

static void three_blocks_are_a_body(void **state)
{
	struct bed *bed = *state;
	const struct block1_id id = sender(1, 5683, 0);

	assert_int_equal(feed(bed, &id, option(0, true, 0), text, 16), BLOCK1_CONTINUE);
	assert_int_equal(feed(bed, &id, option(1, true, 0), text + 16, 16), BLOCK1_CONTINUE);
	assert_int_equal(feed(bed, &id, option(2, false, 0), text + 32, 4), BLOCK1_WHOLE);
	assert_int_equal(bed->body.size, 36);
	assert_memory_equal(bed->body.data, text, 36);
	block1_taken(bed->blocks);
	assert_int_equal(block1_sweep(bed->blocks, bed->now), 0);
	/* it is over: the last block belongs to nothing now */
	assert_int_equal(feed(bed, &id, option(2, false, 0), text + 32, 4), BLOCK1_INCOMPLETE);
}

static void one_block_is_a_body(void **state)
{
	struct bed *bed = *state;
	const struct block1_id id = sender(1, 5683, 0);

	assert_int_equal(feed(bed, &id, option(0, false, 6), text, 36), BLOCK1_WHOLE);
	assert_int_equal(bed->body.size, 36);
	assert_int_equal(feed(bed, &id, option(0, false, 6), "", 0), BLOCK1_WHOLE);
	assert_int_equal(bed->body.size, 0);
}

static void what_came_before_is_answered_again(void **state)
{
	struct bed *bed = *state;
	const struct block1_id id = sender(1, 5683, 0);

	assert_int_equal(feed(bed, &id, option(0, true, 0), text, 16), BLOCK1_CONTINUE);
	assert_int_equal(feed(bed, &id, option(1, true, 0), text + 16, 16), BLOCK1_CONTINUE);
	assert_int_equal(feed(bed, &id, option(1, true, 0), text + 16, 16), BLOCK1_CONTINUE);
	/* the very first datagram again, late: it does not begin anew */
	bed->mid = 0;
	assert_int_equal(feed(bed, &id, option(0, true, 0), text, 16), BLOCK1_CONTINUE);
	bed->mid = 100;
	assert_int_equal(feed(bed, &id, option(2, false, 0), text + 32, 4), BLOCK1_WHOLE);
	assert_memory_equal(bed->body.data, text, 36);
	/* the first block with another message id does */
	assert_int_equal(feed(bed, &id, option(0, true, 0), text, 16), BLOCK1_CONTINUE);
	assert_int_equal(feed(bed, &id, option(1, true, 0), text, 16), BLOCK1_CONTINUE);
	assert_int_equal(feed(bed, &id, option(0, true, 0), text, 16), BLOCK1_CONTINUE);
	assert_int_equal(feed(bed, &id, option(1, false, 0), text + 32, 4), BLOCK1_WHOLE);
	assert_int_equal(bed->body.size, 20);
}

/* A session's body is its own: neither another session nor whoever forges its address adds to it.
 */
static void another_peer_at_the_same_port(void **state)
{
	struct bed *bed = *state;
	const struct block1_id plain = sender(1, 5683, 0);
	struct block1_id one = plain, two = plain;

	strcpy(one.peer, "psk:one");
	strcpy(two.peer, "psk:two");
	assert_int_equal(feed(bed, &one, option(0, true, 0), text, 16), BLOCK1_CONTINUE);
	assert_int_equal(feed(bed, &plain, option(1, true, 0), text, 16), BLOCK1_INCOMPLETE);
	assert_int_equal(feed(bed, &two, option(1, false, 0), text, 4), BLOCK1_INCOMPLETE);
	assert_int_equal(feed(bed, &two, option(0, true, 0), text, 16), BLOCK1_CONTINUE);
	assert_int_equal(feed(bed, &one, option(1, false, 0), text + 16, 4), BLOCK1_WHOLE);
	assert_int_equal(bed->body.size, 20);
	assert_memory_equal(bed->body.data, text, 20);
}

static void a_block_may_get_smaller(void **state)
{
	struct bed *bed = *state;
	const struct block1_id id = sender(1, 5683, 0);

	assert_int_equal(feed(bed, &id, option(0, true, 1), text, 32), BLOCK1_CONTINUE);
	assert_int_equal(feed(bed, &id, option(2, false, 0), text + 32, 4), BLOCK1_WHOLE);
	assert_memory_equal(bed->body.data, text, 36);
}

static void what_does_not_fit_is_incomplete(void **state)
{
	static const struct {
		uint32_t option;
		size_t size;
		uint8_t body;
		bool begun;
	} rows[] = {
		{1 << 4 | 8, 16, 0, false}, /* the second without the first */
		{2 << 4 | 8, 16, 0, true},  /* a gap */
		{2 << 4, 4, 0, true},	    /* a gap before the last */
		{1 << 4, 4, 1, true},	    /* of another body */
		{0xfff << 4, 1, 0, false},
	};
	struct bed *bed = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct block1_id first = sender(1, (uint16_t)(1000 + i), 0);
		const struct block1_id id = sender(1, (uint16_t)(1000 + i), rows[i].body);
		if (rows[i].begun)
			assert_int_equal(
				feed(bed, &first, option(0, true, 0), text, 16), BLOCK1_CONTINUE);
		int outcome = (int)feed(bed, &id, rows[i].option, text, rows[i].size);
		assert_int_equal(outcome,
			rows[i].option >> 4 == 0xfff ? BLOCK1_TOO_LARGE : BLOCK1_INCOMPLETE);
	}
	/* other bytes where some were: two bodies are mixed */
	const struct block1_id id = sender(2, 1, 0);
	assert_int_equal(feed(bed, &id, option(0, true, 0), text, 16), BLOCK1_CONTINUE);
	assert_int_equal(feed(bed, &id, option(1, true, 0), text, 16), BLOCK1_CONTINUE);
	assert_int_equal(feed(bed, &id, option(1, true, 0), text + 16, 16), BLOCK1_INCOMPLETE);
	assert_int_equal(feed(bed, &id, option(2, false, 0), text, 16), BLOCK1_INCOMPLETE);
	/* "last" in the middle of what is here */
	assert_int_equal(feed(bed, &id, option(0, true, 0), text, 16), BLOCK1_CONTINUE);
	assert_int_equal(feed(bed, &id, option(1, true, 0), text, 16), BLOCK1_CONTINUE);
	assert_int_equal(feed(bed, &id, option(1, false, 0), text, 16), BLOCK1_WHOLE);
	assert_int_equal(bed->body.size, 32);
	assert_int_equal(feed(bed, &id, option(0, true, 1), text, 32), BLOCK1_CONTINUE);
	assert_int_equal(feed(bed, &id, option(1, false, 0), text + 16, 4), BLOCK1_INCOMPLETE);
}

static void sizes_are_checked(void **state)
{
	struct bed *bed = *state;
	const struct block1_id id = sender(1, 5683, 0);
	uint8_t block[1024] = {0};

	assert_int_equal(feed(bed, &id, option(0, true, 0), text, 15), BLOCK1_MALFORMED);
	assert_int_equal(feed(bed, &id, option(0, true, 0), text, 17), BLOCK1_MALFORMED);
	assert_int_equal(feed(bed, &id, option(0, false, 0), text, 17), BLOCK1_MALFORMED);
	assert_int_equal(feed(bed, &id, option(0, true, 7), block, 1024), BLOCK1_MALFORMED);
	for (uint32_t i = 0; i < 7; i++)
		assert_int_equal(feed(bed, &id, option(i, true, 6), block, 1024), BLOCK1_CONTINUE);
	assert_int_equal(feed(bed, &id, option(7, false, 6), block, 1024), BLOCK1_WHOLE);
	assert_int_equal(bed->body.size, BODY_MAX);
	for (uint32_t i = 0; i < 7; i++)
		assert_int_equal(feed(bed, &id, option(i, true, 6), block, 1024), BLOCK1_CONTINUE);
	/* one more is to come behind it */
	assert_int_equal(feed(bed, &id, option(7, true, 6), block, 1024), BLOCK1_TOO_LARGE);
	assert_int_equal(block1_sweep(bed->blocks, bed->now), 0);
	assert_int_equal(feed(bed, &id, option(0xfffff, true, 6), block, 1024), BLOCK1_TOO_LARGE);
	assert_int_equal(feed(bed, &id, option(8, false, 6), block, 1), BLOCK1_TOO_LARGE);
}

static void idle_ones_are_forgotten(void **state)
{
	struct bed *bed = *state;
	const struct block1_id id = sender(1, 5683, 0), other = sender(2, 5683, 0);

	assert_int_equal(feed(bed, &id, option(0, true, 0), text, 16), BLOCK1_CONTINUE);
	bed->now += 29 * SECOND;
	assert_int_equal(feed(bed, &id, option(1, true, 0), text, 16), BLOCK1_CONTINUE);
	assert_int_equal(feed(bed, &other, option(0, true, 0), text, 16), BLOCK1_CONTINUE);
	bed->now += 29 * SECOND;
	assert_int_equal(feed(bed, &id, option(2, true, 0), text, 16), BLOCK1_CONTINUE);
	assert_int_equal(block1_sweep(bed->blocks, bed->now), 2);
	bed->now += SECOND;
	assert_int_equal(block1_sweep(bed->blocks, bed->now), 1);
	bed->now += 29 * SECOND;
	assert_int_equal(feed(bed, &id, option(3, false, 0), text, 16), BLOCK1_INCOMPLETE);
}

static void one_address_cannot_shut_others_out(void **state)
{
	struct bed *bed = *state;
	const struct block1_id quiet = sender(1, 5683, 0);

	assert_int_equal(feed(bed, &quiet, option(0, true, 0), text, 16), BLOCK1_CONTINUE);
	for (unsigned i = 0; i < 100; i++) {
		const struct block1_id loud = sender(2, (uint16_t)(1000 + i), 0);
		bed->now++;
		assert_int_equal(feed(bed, &loud, option(0, true, 0), text, 16), BLOCK1_CONTINUE);
		assert_int_equal(bed->evicted, i >= 31);
	}
	assert_int_equal(block1_sweep(bed->blocks, bed->now), 32);
	const struct block1_id newcomer = sender(3, 5683, 0);
	assert_int_equal(feed(bed, &newcomer, option(0, true, 0), text, 16), BLOCK1_CONTINUE);
	assert_true(bed->evicted);
	assert_int_equal(feed(bed, &quiet, option(1, false, 0), text + 16, 4), BLOCK1_WHOLE);
	assert_int_equal(feed(bed, &newcomer, option(1, false, 0), text + 16, 4), BLOCK1_WHOLE);
	/* where all have one, the one that was idle for longest goes */
	for (unsigned i = 0; i < 33; i++) {
		const struct block1_id one = sender(100 + i, 5683, 0);
		bed->now += SECOND / 100;
		assert_int_equal(feed(bed, &one, option(0, true, 0), text, 16), BLOCK1_CONTINUE);
	}
	const struct block1_id last = sender(132, 5683, 0);
	assert_int_equal(feed(bed, &last, option(1, false, 0), text, 4), BLOCK1_WHOLE);
}

#define PEERS 5

struct model {
	uint8_t sent[BODY_MAX + 2048];
	size_t size, at;
	unsigned exponent;
	bool clean; /* nothing was done to it that could break it */
	uint8_t body;
};

static void model_begin(struct model *model)
{
	model->size = (size_t)(rand() % 9000) + 1;
	model->at = 0;
	model->exponent = (unsigned)(rand() % 7);
	model->clean = true;
	model->body = (uint8_t)rand();
	for (size_t i = 0; i < model->size; i++)
		model->sent[i] = (uint8_t)rand();
}

/* Peers upload at random; some skip, repeat, change or stop. A body that nobody disturbed arrives,
 * and whatever arrives is what its peer sent. */
static void random_walks(void **state)
{
	struct bed *bed = *state;
	struct model models[PEERS];
	unsigned wholes = 0, broken = 0;

	srand(20261121);
	for (int i = 0; i < PEERS; i++)
		model_begin(&models[i]);
	for (int step = 0; step < 200000; step++) {
		int who = rand() % PEERS;
		struct model *model = &models[who];
		const struct block1_id id = sender((unsigned)who, 5683, model->body);
		size_t block = (size_t)16 << model->exponent;
		size_t left = model->size - model->at;
		size_t size = left < block ? left : block;
		int mischief = rand() % 400;
		size_t at = model->at;
		if (mischief == 0 && at >= block) {
			at -= block; /* again */
			size = block;
		} else if (mischief == 1 && left > block) {
			at += block;
			size = left - block < block ? left - block : block;
			model->clean = false;
		} else if (mischief == 2) {
			bed->now += 31 * SECOND;
			for (int i = 0; i < PEERS; i++)
				models[i].clean = models[i].clean && models[i].at == 0;
		} else if (mischief == 3) {
			model_begin(model);
			continue;
		}
		bool more = at + size < model->size;
		enum block1_outcome outcome =
			feed(bed, &id, option((uint32_t)(at / block), more, model->exponent),
				model->sent + at, size);
		if (outcome == BLOCK1_WHOLE) {
			assert_int_equal(bed->body.size, model->size);
			assert_memory_equal(bed->body.data, model->sent, model->size);
			assert_true(model->size <= BODY_MAX);
			wholes++;
			model_begin(model);
		} else if (outcome == BLOCK1_CONTINUE) {
			if (at == model->at)
				model->at += size;
		} else {
			assert_true(!model->clean || outcome == BLOCK1_TOO_LARGE);
			assert_true(outcome != BLOCK1_TOO_LARGE || model->size > BODY_MAX);
			broken++;
			model_begin(model);
		}
	}
	assert_true(wholes > 100 && broken > 20);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(three_blocks_are_a_body),
		TEST(one_block_is_a_body),
		TEST(what_came_before_is_answered_again),
		TEST(another_peer_at_the_same_port),
		TEST(a_block_may_get_smaller),
		TEST(what_does_not_fit_is_incomplete),
		TEST(sizes_are_checked),
		TEST(idle_ones_are_forgotten),
		TEST(one_address_cannot_shut_others_out),
		TEST(random_walks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
