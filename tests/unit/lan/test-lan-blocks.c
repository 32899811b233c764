/* SPDX-License-Identifier: Apache-2.0 */
/* Block1 on the wire: the host sees one request with the whole body, and its answer goes to the
 * last block. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bed.h"

#define BLOCK1	    27
#define SIZE1	    60
#define REQUEST_TAG 292

struct whole {
	uint8_t body[READING_BODY_MAX];
	size_t size;
};

static void keep_body(struct bed *bed, const struct lan_request *request)
{
	const struct lan_answer changed = {.code = COAP_CODE(2, 4), .format = -1, .max_age = -1};
	struct whole *whole = bed->host_data;

	whole->size = request->payload.size;
	assert_true(whole->size <= sizeof(whole->body));
	memcpy(whole->body, request->payload.data, whole->size);
	if (!bed->hold)
		lan_answer(request->exchange, &changed);
}

static int setup(void **state)
{
	struct bed *bed = calloc(1, sizeof(*bed));

	bed_open(bed, AF_INET, "lo");
	bed_verify(bed);
	*state = bed;
	return 0;
}

/* The bed's own copy of a body is for one datagram. */
static void take_bodies(struct bed *bed, struct whole *whole)
{
	bed->host = keep_body;
	bed->host_data = whole;
}

static int teardown(void **state)
{
	bed_close(*state);
	free(*state);
	return 0;
}

struct part {
	uint32_t number;
	bool more;
	unsigned exponent;
	const uint8_t *bytes;
	size_t size;
	const char *tag;
	const char *path;
	const char *ep; /* NULL: ep=sensor-1 */
	uint32_t size1;
};

static void part_make(struct datagram *message, uint16_t mid, int type, const struct part *part)
{
	uint32_t value = part->number << 4 | (part->more ? 8u : 0) | part->exponent;
	uint8_t option[4] = {(uint8_t)(value >> 16), (uint8_t)(value >> 8), (uint8_t)value};
	uint8_t size1[4] = {(uint8_t)(part->size1 >> 24), (uint8_t)(part->size1 >> 16),
		(uint8_t)(part->size1 >> 8), (uint8_t)part->size1};

	message_begin(message, type, POST, mid, "b");
	message_text(message, 11, part->path ? part->path : "t");
	message_option(message, 12, "\x6e", 1);
	message_text(message, 15, part->ep ? part->ep : "ep=sensor-1");
	message_option(message, BLOCK1, option, 3);
	if (part->size1)
		message_option(message, SIZE1, size1, 4);
	if (part->tag)
		message_text(message, REQUEST_TAG, part->tag);
	if (part->size == 0)
		return;
	message->bytes[message->size++] = 0xff;
	memcpy(message->bytes + message->size, part->bytes, part->size);
	message->size += part->size;
}

static uint32_t block_of(const struct datagram *answer)
{
	uint8_t value[64];
	uint32_t number = 0;
	int size = message_find(answer, BLOCK1, value);

	assert_true(size >= 0);
	for (int i = 0; i < size; i++)
		number = number << 8 | value[i];
	return number;
}

static void body_fill(uint8_t *body, size_t size)
{
	for (size_t i = 0; i < size; i++)
		body[i] = (uint8_t)(i * 7 + i / 256);
}

/* Each size of a block; the whole room, and some sizes at its edges. */
static void bodies_arrive_whole(void **state)
{
	static const size_t sizes[] = {17, 64, 1023, 1025, 4096, READING_BODY_MAX};
	struct bed *bed = *state;
	struct whole whole = {.size = 0};
	struct datagram request, answer;
	uint8_t body[READING_BODY_MAX];
	uint16_t mid = 1;
	unsigned bodies = 0;

	take_bodies(bed, &whole);
	body_fill(body, sizeof(body));
	for (unsigned exponent = 0; exponent < 7; exponent += 2)
		for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
			size_t block = (size_t)16 << exponent;
			for (uint32_t n = 0; n * block < sizes[s]; n++) {
				size_t left = sizes[s] - n * block;
				bool more = left > block;
				const struct part part = {.number = n,
					.more = more,
					.exponent = exponent,
					.bytes = body + n * block,
					.size = more ? block : left,
					.size1 = n == 0 ? (uint32_t)sizes[s] : 0};
				part_make(&request, mid++, CON, &part);
				bed_ask(bed, &request, more ? COAP_CODE(2, 31) : COAP_CODE(2, 4),
					&answer);
				assert_int_equal(
					block_of(&answer), n << 4 | (more ? 8u : 0) | exponent);
			}
			bodies++;
			assert_int_equal(bed->requests, bodies);
			assert_int_equal(whole.size, sizes[s]);
			assert_memory_equal(whole.body, body, sizes[s]);
			assert_int_equal(bed->last.view.content_format, 110);
			assert_string_equal(bed->last.view.ep, "sensor-1");
		}
}

static void last_block_is_the_request(void **state)
{
	struct bed *bed = *state;
	struct whole whole = {.size = 0};
	struct datagram request, answer;
	uint8_t body[36];
	const struct lan_answer changed = {.code = COAP_CODE(2, 4), .format = -1, .max_age = -1};

	body_fill(body, sizeof(body));
	take_bodies(bed, &whole);
	bed->hold = true;
	const struct part first = {.more = true, .exponent = 1, .bytes = body, .size = 32};
	const struct part last = {.number = 1, .exponent = 1, .bytes = body + 32, .size = 4};
	part_make(&request, 0x100, CON, &first);
	bed_ask(bed, &request, COAP_CODE(2, 31), &answer);
	bed_ask(bed, &request, COAP_CODE(2, 31), &answer); /* its answer was lost */
	part_make(&request, 0x101, CON, &last);
	bed_send(bed, &request);
	bed_await(bed, bed->requests == 1);
	assert_int_equal(bed->last.view.key.message_id, 0x101);
	/* again, while the commit is pending: silence, and no second reading */
	bed_send(bed, &request);
	bed_expect_silence(bed);
	lan_answer(bed->last.view.exchange, &changed);
	bed_expect(bed, &answer);
	assert_int_equal(message_code(&answer), COAP_CODE(2, 4));
	assert_int_equal(message_id(&answer), 0x101);
	assert_int_equal(block_of(&answer), 1 << 4 | 1);
	/* and again, when it was answered */
	bed_ask(bed, &request, COAP_CODE(2, 4), &answer);
	assert_int_equal(block_of(&answer), 1 << 4 | 1);
	assert_int_equal(bed->requests, 1);
	/* with another message id it is no retransmission, and there is nothing before it */
	part_make(&request, 0x102, CON, &last);
	bed_ask(bed, &request, COAP_CODE(4, 8), &answer);
	bed_ask(bed, &request, COAP_CODE(4, 8), &answer);
	assert_int_equal(bed->requests, 1);
}

static void non_confirmable_blocks(void **state)
{
	struct bed *bed = *state;
	struct datagram request, answer;
	uint8_t body[36];

	body_fill(body, sizeof(body));
	const struct part first = {.more = true, .exponent = 1, .bytes = body, .size = 32};
	const struct part last = {.number = 1, .exponent = 1, .bytes = body + 32, .size = 4};
	part_make(&request, 1, NON, &first);
	bed_ask(bed, &request, COAP_CODE(2, 31), &answer);
	assert_int_equal(message_type(&answer), NON);
	part_make(&request, 2, NON, &last);
	bed_ask(bed, &request, COAP_CODE(2, 4), &answer);
	assert_int_equal(bed->last.payload_size, sizeof(body));
	assert_memory_equal(bed->last.payload, body, sizeof(body));
}

static void bodies_are_told_apart(void **state)
{
	struct bed *bed = *state;
	struct datagram request, answer;
	uint8_t body[32];

	body_fill(body, sizeof(body));
	struct part first = {.more = true, .bytes = body, .size = 16, .tag = "one"};
	struct part last = {.number = 1, .bytes = body + 16, .size = 16, .tag = "two"};
	part_make(&request, 1, CON, &first);
	bed_ask(bed, &request, COAP_CODE(2, 31), &answer);
	part_make(&request, 2, CON, &last);
	bed_ask(bed, &request, COAP_CODE(4, 8), &answer);
	last.tag = "one";
	last.path = "enrol";
	part_make(&request, 3, CON, &last);
	bed_ask(bed, &request, COAP_CODE(4, 8), &answer);
	/* another port is another endpoint */
	int mine = bed->fd;
	bed->fd = bed_socket(bed);
	last.path = NULL;
	part_make(&request, 4, CON, &last);
	bed_ask(bed, &request, COAP_CODE(4, 8), &answer);
	close(bed->fd);
	bed->fd = mine;
	part_make(&request, 5, CON, &last);
	bed_ask(bed, &request, COAP_CODE(2, 4), &answer);
	assert_int_equal(bed->requests, 1);
	assert_int_equal(bed->last.payload_size, 32);
	/* /enrol takes them too */
	first.path = last.path = "enrol";
	part_make(&request, 6, CON, &first);
	bed_ask(bed, &request, COAP_CODE(2, 31), &answer);
	part_make(&request, 7, CON, &last);
	bed_ask(bed, &request, COAP_CODE(2, 4), &answer);
	assert_int_equal(bed->last.view.resource, LAN_ENROL);
	assert_int_equal(bed->last.payload_size, 32);
}

static void too_much_is_refused(void **state)
{
	struct bed *bed = *state;
	struct datagram request, answer;
	uint8_t block[1024] = {0}, value[64];
	uint16_t mid = 1;

	/* what it announces is refused at once, and never reserved */
	const struct part lie = {.more = true, .bytes = block, .size = 16, .size1 = UINT32_MAX};
	part_make(&request, mid++, CON, &lie);
	bed_ask(bed, &request, COAP_CODE(4, 13), &answer);
	assert_int_equal(message_find(&answer, SIZE1, value), 2);
	assert_int_equal(value[0] << 8 | value[1], READING_BODY_MAX);
	/* without end */
	for (uint32_t n = 0; n < 8; n++) {
		const struct part part = {
			.number = n, .more = true, .exponent = 6, .bytes = block, .size = 1024};
		part_make(&request, mid++, CON, &part);
		bed_ask(bed, &request, n < 7 ? COAP_CODE(2, 31) : COAP_CODE(4, 13), &answer);
	}
	/* far beyond */
	const struct part far = {
		.number = 0xfffff, .more = true, .exponent = 6, .bytes = block, .size = 1024};
	part_make(&request, mid++, CON, &far);
	bed_ask(bed, &request, COAP_CODE(4, 13), &answer);
	/* the reserved size */
	const struct part reserved = {.more = true, .exponent = 7, .bytes = block, .size = 1024};
	part_make(&request, mid++, CON, &reserved);
	bed_ask(bed, &request, COAP_CODE(4, 0), &answer);
	assert_int_equal(bed->requests, 0);
	assert_int_equal(bed->limits.reached[LIMIT_BODY], 3);
	assert_int_equal(bed->away[AWAY_OVER_LIMIT], 3);
}

static void transfers_have_a_limit(void **state)
{
	struct bed *bed = *state;
	struct datagram request, answer;
	uint8_t body[16] = {0};
	int mine = bed->fd;
	int senders[40];
	const struct part first = {.more = true, .bytes = body, .size = 16};

	/* all of them stay open: a port that was closed may be drawn again */
	for (int i = 0; i < 40; i++) {
		bed->fd = senders[i] = bed_socket(bed);
		part_make(&request, (uint16_t)(1 + i), CON, &first);
		bed_ask(bed, &request, COAP_CODE(2, 31), &answer);
	}
	for (int i = 0; i < 40; i++)
		close(senders[i]);
	bed->fd = mine;
	assert_int_equal(bed->limits.reached[LIMIT_BLOCK_TRANSFERS], 8);
}

/* Several names live at one address and port: their bodies come in turns. */
static void names_at_one_port(void **state)
{
	static const char *const eps[] = {"ep=sensor-1", "ep=sensor-2"};
	struct bed *bed = *state;
	struct whole whole = {.size = 0};
	struct datagram request, answer;
	uint8_t body[2][48];
	uint16_t mid = 1;

	take_bodies(bed, &whole);
	body_fill(body[0], sizeof(body[0]));
	memset(body[1], 'x', sizeof(body[1]));
	for (uint32_t n = 0; n < 3; n++)
		for (unsigned who = 0; who < 2; who++) {
			const struct part part = {.number = n,
				.more = n < 2,
				.bytes = body[who] + n * 16,
				.size = 16,
				.ep = eps[who]};

			part_make(&request, mid++, CON, &part);
			bed_ask(bed, &request, n < 2 ? COAP_CODE(2, 31) : COAP_CODE(2, 4), &answer);
			if (n < 2)
				continue;
			assert_int_equal(whole.size, sizeof(body[who]));
			assert_memory_equal(whole.body, body[who], sizeof(body[who]));
			assert_string_equal(bed->last.view.ep, eps[who] + 3);
		}
	assert_int_equal(bed->requests, 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(bodies_arrive_whole),
		TEST(last_block_is_the_request),
		TEST(non_confirmable_blocks),
		TEST(bodies_are_told_apart),
		TEST(names_at_one_port),
		TEST(too_much_is_refused),
		TEST(transfers_have_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
