/* SPDX-License-Identifier: Apache-2.0 */
/* The memory of requests: states, lifetimes, the ring of 16, the bound of peers. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "lan/retransmission.h"

#define SECOND UINT64_C(1000000)
#define START  (1000 * SECOND)
#define PEERS  3

static const struct answer_kept changed = {.code = 0x44, .format = -1, .max_age = -1};

struct asked {
	struct device_address address;
	struct request_key key;
	struct request_id id;
};

static struct request_id *asked(struct asked *ret, uint16_t port, const char *ep, uint16_t mid)
{
	*ret = (struct asked){
		.address = {.port = port, .interface = "eth0", .ip = {.s6_addr = {[15] = 1}}},
		.key = {.message_id = mid, .confirmable = 1, .token_size = 2, .token = "tk"},
	};
	ret->id = (struct request_id){.address = &ret->address, .ep = ep, .key = &ret->key};
	return &ret->id;
}

static int setup(void **state)
{
	struct retransmissions *seen;

	assert_int_equal(retransmissions_new(PEERS, &seen), 0);
	*state = seen;
	return 0;
}

static int teardown(void **state)
{
	retransmissions_free(*state);
	return 0;
}

static void pending_then_answered(void **state)
{
	struct asked request;
	const struct request_id *id = asked(&request, 1000, "a", 1);
	struct answer_kept kept;

	assert_int_equal(retransmissions_check(*state, id, START, &kept), RETRANSMISSION_NONE);
	assert_int_equal(retransmissions_check(*state, id, START, &kept), RETRANSMISSION_PENDING);
	retransmissions_acked(*state, id);
	assert_int_equal(retransmissions_check(*state, id, START, &kept), RETRANSMISSION_SEPARATE);
	retransmissions_answered(*state, id, &changed);
	assert_int_equal(retransmissions_check(*state, id, START, &kept), RETRANSMISSION_ANSWERED);
	assert_int_equal(kept.code, 0x44);
	assert_int_equal(kept.format, -1);
	assert_int_equal(kept.max_age, -1);
	assert_int_equal(kept.payload.size, 0);
	assert_string_equal(kept.location_id, "");
	/* the empty ACK of an answered one changes nothing */
	retransmissions_acked(*state, id);
	assert_int_equal(retransmissions_check(*state, id, START, &kept), RETRANSMISSION_ANSWERED);
}

static void what_makes_it_the_same(void **state)
{
	struct asked request, other;
	struct answer_kept kept;

	retransmissions_check(*state, asked(&request, 1000, "Abc", 1), START, &kept);
	retransmissions_answered(*state, &request.id, &changed);
	assert_int_equal(retransmissions_check(*state, asked(&other, 1000, "aBC", 1), START, &kept),
		RETRANSMISSION_ANSWERED);
	assert_int_equal(retransmissions_check(*state, asked(&other, 1001, "Abc", 1), START, &kept),
		RETRANSMISSION_NONE);
	assert_int_equal(retransmissions_check(*state, asked(&other, 1000, "abd", 1), START, &kept),
		RETRANSMISSION_NONE);
	assert_int_equal(retransmissions_check(*state, asked(&other, 1000, "Abc", 2), START, &kept),
		RETRANSMISSION_NONE);
	asked(&other, 1000, "Abc", 1);
	other.key.token_size = 1;
	assert_int_equal(
		retransmissions_check(*state, &other.id, START, &kept), RETRANSMISSION_NONE);
	asked(&other, 1000, "Abc", 1);
	other.key.token[1] = 'x';
	assert_int_equal(
		retransmissions_check(*state, &other.id, START, &kept), RETRANSMISSION_NONE);
	asked(&other, 1000, "Abc", 1);
	other.key.confirmable = 0;
	assert_int_equal(
		retransmissions_check(*state, &other.id, START, &kept), RETRANSMISSION_NONE);
	asked(&other, 1000, "Abc", 1);
	strcpy(other.address.interface, "eth1");
	assert_int_equal(
		retransmissions_check(*state, &other.id, START, &kept), RETRANSMISSION_NONE);
}

static void lifetimes(void **state)
{
	struct asked request;
	struct answer_kept kept;

	for (uint8_t confirmable = 0; confirmable < 2; confirmable++) {
		uint64_t life = (confirmable ? 247 : 145) * SECOND;
		asked(&request, 1000, "a", 1);
		request.key.confirmable = confirmable;
		retransmissions_check(*state, &request.id, START, &kept);
		retransmissions_answered(*state, &request.id, &changed);
		assert_int_equal(retransmissions_check(*state, &request.id, START + life, &kept),
			RETRANSMISSION_ANSWERED);
		assert_int_equal(
			retransmissions_check(*state, &request.id, START + life + 1, &kept),
			RETRANSMISSION_NONE);
	}
}

static void sixteen_are_remembered(void **state)
{
	struct asked request;
	struct answer_kept kept;

	for (uint16_t mid = 0; mid < 17; mid++) {
		retransmissions_check(*state, asked(&request, 1000, "a", mid), START, &kept);
		retransmissions_answered(*state, &request.id, &changed);
	}
	for (uint16_t mid = 1; mid < 17; mid++)
		assert_int_equal(retransmissions_check(
					 *state, asked(&request, 1000, "a", mid), START, &kept),
			RETRANSMISSION_ANSWERED);
	assert_int_equal(retransmissions_check(*state, asked(&request, 1000, "a", 0), START, &kept),
		RETRANSMISSION_NONE);
}

/* Its ring is small, and still none is lost before its time. */
static void a_slow_one_is_remembered_as_long(void **state)
{
	struct asked request;
	struct answer_kept kept;

	for (uint16_t mid = 0; mid < 200; mid++) {
		uint64_t now = START + mid * 60 * SECOND;

		assert_int_equal(
			retransmissions_check(*state, asked(&request, 1000, "a", mid), now, &kept),
			RETRANSMISSION_NONE);
		retransmissions_answered(*state, &request.id, &changed);
		for (uint16_t back = 0; back < 5 && back <= mid; back++)
			assert_true(retransmissions_find_answer(*state,
				asked(&request, 1000, "a", (uint16_t)(mid - back)), now, &kept));
		if (mid >= 5)
			assert_false(retransmissions_find_answer(*state,
				asked(&request, 1000, "a", (uint16_t)(mid - 5)), now, &kept));
	}
}

/* Wherever in the ring the oldest stands when it has to grow. */
static void a_slow_one_that_becomes_busy(void **state)
{
	struct asked request;
	struct answer_kept kept;

	for (uint16_t slow = 0; slow < 40; slow++) {
		uint64_t now = START;
		uint16_t mid = 0;

		retransmissions_free(*state);
		setup(state);
		for (; mid < slow; mid++, now += 100 * SECOND)
			retransmissions_check(*state, asked(&request, 1000, "a", mid), now, &kept);
		for (uint16_t fast = 0; fast < 20; fast++, mid++, now++) {
			assert_int_equal(retransmissions_check(*state,
						 asked(&request, 1000, "a", mid), now, &kept),
				RETRANSMISSION_NONE);
			/* one that was forgotten leaves its place empty */
			if (fast == 1)
				retransmissions_forget(*state, &request.id);
			else
				retransmissions_answered(*state, &request.id, &changed);
		}
		for (uint16_t back = 1; back <= 16; back++)
			assert_true(retransmissions_find_answer(*state,
				asked(&request, 1000, "a", (uint16_t)(mid - back)), now, &kept));
		assert_false(retransmissions_find_answer(
			*state, asked(&request, 1000, "a", (uint16_t)(mid - 19)), now, &kept));
	}
}

static void small_answers_are_kept_whole(void **state)
{
	uint8_t payload[ANSWER_REMEMBERED_MAX + 1];
	struct answer_kept answer = {.code = 0x41,
		.format = 60,
		.max_age = 5,
		.location_id = "sensor-1",
		.payload = {payload, ANSWER_REMEMBERED_MAX}};
	struct asked request;
	struct answer_kept kept;

	memset(payload, 'p', sizeof(payload));
	retransmissions_check(*state, asked(&request, 1000, "a", 1), START, &kept);
	retransmissions_answered(*state, &request.id, &answer);
	assert_int_equal(
		retransmissions_check(*state, &request.id, START, &kept), RETRANSMISSION_ANSWERED);
	assert_int_equal(kept.code, 0x41);
	assert_int_equal(kept.format, 60);
	assert_int_equal(kept.max_age, 5);
	assert_string_equal(kept.location_id, "sensor-1");
	assert_int_equal(kept.payload.size, ANSWER_REMEMBERED_MAX);
	assert_memory_equal(kept.payload.data, payload, ANSWER_REMEMBERED_MAX);
	/* a larger one is not kept, and the request is new again */
	retransmissions_check(*state, asked(&request, 1000, "a", 2), START, &kept);
	answer.payload.size++;
	retransmissions_answered(*state, &request.id, &answer);
	assert_int_equal(
		retransmissions_check(*state, &request.id, START, &kept), RETRANSMISSION_NONE);
}

static void peers_are_bounded(void **state)
{
	static const char *const names[PEERS + 1] = {"a", "b", "c", "d"};
	struct asked request;
	struct answer_kept kept;

	for (int i = 0; i <= PEERS; i++) {
		retransmissions_check(*state, asked(&request, 1000, names[i], 1), START, &kept);
		retransmissions_answered(*state, &request.id, &changed);
	}
	assert_int_equal(retransmissions_check(*state, asked(&request, 1000, "d", 1), START, &kept),
		RETRANSMISSION_ANSWERED);
	assert_int_equal(retransmissions_check(*state, asked(&request, 1000, "a", 1), START, &kept),
		RETRANSMISSION_NONE);
}

static void remembered_fits_every_port(void **state)
{
	struct asked request;
	struct answer_kept kept;

	assert_int_equal(
		retransmissions_remember(*state, asked(&request, 0, "a", 7), 0x44, START), 0);
	assert_int_equal(retransmissions_check(*state, asked(&request, 4711, "a", 7), START, &kept),
		RETRANSMISSION_ANSWERED);
	assert_int_equal(kept.code, 0x44);
}

static void only_answers_are_found(void **state)
{
	struct asked request;
	struct answer_kept kept;

	asked(&request, 1000, "a", 1);
	assert_false(retransmissions_find_answer(*state, &request.id, START, &kept));
	/* looking was no request */
	assert_int_equal(
		retransmissions_check(*state, &request.id, START, &kept), RETRANSMISSION_NONE);
	assert_false(retransmissions_find_answer(*state, &request.id, START, &kept));
	retransmissions_answered(*state, &request.id, &changed);
	assert_true(retransmissions_find_answer(*state, &request.id, START, &kept));
	assert_int_equal(kept.code, 0x44);
	assert_false(retransmissions_find_answer(
		*state, &request.id, START + REMEMBER_CON_USEC + 1, &kept));
}

static void forgotten_is_new(void **state)
{
	struct asked request;
	struct answer_kept kept;

	retransmissions_check(*state, asked(&request, 1000, "a", 1), START, &kept);
	retransmissions_forget(*state, &request.id);
	assert_int_equal(
		retransmissions_check(*state, &request.id, START, &kept), RETRANSMISSION_NONE);
	/* answers of the unknown are ignored */
	retransmissions_answered(*state, asked(&request, 1000, "zz", 1), &changed);
	retransmissions_forget(*state, &request.id);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(pending_then_answered),
		TEST(what_makes_it_the_same),
		TEST(lifetimes),
		TEST(sixteen_are_remembered),
		TEST(a_slow_one_is_remembered_as_long),
		TEST(a_slow_one_that_becomes_busy),
		TEST(small_answers_are_kept_whole),
		TEST(peers_are_bounded),
		TEST(remembered_fits_every_port),
		TEST(only_answers_are_found),
		TEST(forgotten_is_new),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
