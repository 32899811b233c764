/* SPDX-License-Identifier: Apache-2.0 */
/* Observations, and answers in blocks, with a plain socket that plays the device. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "bed.h"
#include "lan/lan-internal.h"

#define OBSERVE 6
#define ETAG	4
#define MAX_AGE 14
#define BLOCK2	23

struct device {
	struct bed bed;
	int fd;
	uint16_t port;
	struct sockaddr_storage peer;
	socklen_t peer_size;
	struct lan_watch *observation;
	unsigned notices;
	struct lan_notice last;
	char payload[9000];
	unsigned replies;
	int result;
};

static void noticed(void *userdata, const struct lan_notice *notice)
{
	struct device *device = userdata;

	device->notices++;
	device->last = *notice;
	device->payload[0] = '\0';
	span_to_string(notice->payload, device->payload, sizeof(device->payload));
	if (!notice->goes_on)
		device->observation = NULL;
}

static void replied(void *userdata, int result, uint8_t code, int format, struct span payload)
{
	struct device *device = userdata;

	device->replies++;
	device->result = result;
	device->payload[0] = '\0';
	span_to_string(payload, device->payload, sizeof(device->payload));
}

static int setup(void **state)
{
	struct device *device = calloc(1, sizeof(*device));
	struct sockaddr_in name = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(name);

	bed_open(&device->bed, AF_INET, "lo");
	device->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(device->fd, (struct sockaddr *)&name, sizeof(name)), 0);
	getsockname(device->fd, (struct sockaddr *)&name, &size);
	device->port = ntohs(name.sin_port);
	*state = device;
	return 0;
}

static int teardown(void **state)
{
	struct device *device = *state;

	if (device->fd >= 0)
		close(device->fd);
	bed_close(&device->bed);
	free(device);
	return 0;
}

static struct lan_outgoing outgoing_to(const struct device *device, size_t answer_max)
{
	return (struct lan_outgoing){
		.to = {.port = device->port,
			.interface = "lo",
			.ip = {.s6_addr = {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1}}},
		.method = LAN_GET,
		.path = "/t",
		.content_format = -1,
		.accept = -1,
		.answer_max = answer_max,
	};
}

static int observe(struct device *device)
{
	const struct lan_outgoing outgoing = outgoing_to(device, 64);

	return lan_watch(device->bed.lan, &outgoing, noticed, device, &device->observation);
}

static bool device_poll(struct device *device, struct datagram *ret_message)
{
	device->peer_size = sizeof(device->peer);
	ssize_t size = recvfrom(device->fd, ret_message->bytes, sizeof(ret_message->bytes), 0,
		(struct sockaddr *)&device->peer, &device->peer_size);

	if (size >= 0)
		ret_message->size = (size_t)size;
	return size >= 0;
}

static void device_receive(struct device *device, struct datagram *ret_message)
{
	uint64_t end = device->bed.lived_usec + BED_PATIENCE_MSEC * USEC_PER_MSEC;

	while (!device_poll(device, ret_message)) {
		assert_true(device->bed.lived_usec < end);
		bed_turn(&device->bed, 5000);
	}
}

static void device_send(struct device *device, const struct datagram *message)
{
	assert_int_equal(sendto(device->fd, message->bytes, message->size, 0,
				 (struct sockaddr *)&device->peer, device->peer_size),
		message->size);
}

static void answer_begin(
	struct datagram *answer, const struct datagram *request, int type, int code, uint16_t mid)
{
	size_t token = request->bytes[0] & 15;

	message_begin(answer, type, code, mid, "");
	answer->bytes[0] = (uint8_t)(answer->bytes[0] | token);
	memcpy(answer->bytes + 4, request->bytes + 4, token);
	answer->size += token;
}

/* An answer or a notification; sequence -1: without Observe. */
static void notify(struct device *device, const struct datagram *request, int type, uint16_t mid,
	int sequence, int max_age, const char *text)
{
	const uint8_t number[3] = {
		(uint8_t)(sequence >> 16), (uint8_t)(sequence >> 8), (uint8_t)sequence};
	const uint8_t age = (uint8_t)max_age;
	struct datagram message;

	answer_begin(&message, request, type, COAP_CODE(2, 5), mid);
	if (sequence >= 0)
		message_option(&message, OBSERVE, number, 3);
	if (max_age >= 0)
		message_option(&message, MAX_AGE, &age, 1);
	message_payload(&message, text);
	device_send(device, &message);
}

static void begun(struct device *device, struct datagram *ret_request)
{
	uint8_t value[64];

	assert_int_equal(observe(device), 0);
	device_receive(device, ret_request);
	assert_int_equal(message_code(ret_request), GET);
	assert_int_equal(message_find(ret_request, OBSERVE, value), 0); /* 0 is empty */
	notify(device, ret_request, ACK, message_id(ret_request), 1, -1, "20");
	bed_await(&device->bed, device->notices == 1);
	assert_true(device->last.goes_on);
}

static void notifications_come_in_order(void **state)
{
	struct device *device = *state;
	struct datagram request, ack;

	begun(device, &request);
	assert_string_equal(device->payload, "20");
	/* a CON is acknowledged */
	notify(device, &request, CON, 700, 3, -1, "22");
	bed_await(&device->bed, device->notices == 2);
	device_receive(device, &ack);
	assert_int_equal(message_type(&ack), ACK);
	assert_int_equal(message_id(&ack), 700);
	assert_string_equal(device->payload, "22");
	/* one that was overtaken is not told, the next one is */
	notify(device, &request, NON, 701, 2, -1, "21");
	notify(device, &request, NON, 702, 4, -1, "23");
	bed_await(&device->bed, device->notices == 3);
	assert_string_equal(device->payload, "23");
	/* too long for the one who asked: not told, and it goes on */
	notify(device, &request, NON, 703, 5, -1,
		"a text of more than the sixty-four bytes that were allowed for this resource");
	notify(device, &request, NON, 704, 6, -1, "24");
	bed_await(&device->bed, device->notices == 4);
	assert_string_equal(device->payload, "24");
}

static void another_token_is_reset(void **state)
{
	struct device *device = *state;
	struct datagram request, answer;

	begun(device, &request);
	request.bytes[5] ^= 1;
	notify(device, &request, CON, 700, 3, -1, "22");
	device_receive(device, &answer);
	assert_int_equal(message_type(&answer), RST);
	assert_int_equal(device->notices, 1);
}

static void asked_again_when_max_age_is_over(void **state)
{
	struct device *device = *state;
	struct datagram request, again;
	uint8_t value[64];

	begun(device, &request);
	notify(device, &request, NON, 700, 2, 1, "21");
	bed_await(&device->bed, device->notices == 2);
	device_receive(device, &again);
	assert_int_equal(message_find(&again, OBSERVE, value), 0);
	assert_memory_equal(again.bytes + 4, request.bytes + 4, 8); /* the same token */
	/* a device that restarted begins to count anew; its answer to this counts */
	notify(device, &again, ACK, message_id(&again), 3, -1, "22");
	bed_await(&device->bed, device->notices == 3);
}

static void asked_again_when_it_is_seen(void **state)
{
	struct device *device = *state;
	struct datagram request, again;

	begun(device, &request);
	lan_watch_again(device->observation);
	lan_watch_again(device->observation); /* it is under way */
	device_receive(device, &again);
	assert_int_equal(message_code(&again), GET);
	notify(device, &again, ACK, message_id(&again), 5, -1, "21");
	bed_await(&device->bed, device->notices == 2);
	assert_true(device->last.goes_on);
}

static void one_that_does_not_notify(void **state)
{
	struct device *device = *state;
	struct datagram request;

	assert_int_equal(observe(device), 0);
	device_receive(device, &request);
	notify(device, &request, ACK, message_id(&request), -1, -1, "20");
	bed_await(&device->bed, device->notices == 1);
	assert_false(device->last.goes_on);
	assert_int_equal(device->last.result, 0);
	assert_string_equal(device->payload, "20");
	assert_int_equal(device->bed.lan->watch_count, 0);
}

static void an_error_ends_it(void **state)
{
	struct device *device = *state;
	struct datagram request, message;

	begun(device, &request);
	answer_begin(&message, &request, NON, COAP_CODE(4, 4), 800);
	device_send(device, &message);
	bed_await(&device->bed, device->notices == 2);
	assert_false(device->last.goes_on);
	assert_int_equal(device->last.code, COAP_CODE(4, 4));
}

static void reset_or_nobody_there(void **state)
{
	struct device *device = *state;
	struct datagram request, message;

	assert_int_equal(observe(device), 0);
	device_receive(device, &request);
	message_begin(&message, RST, 0, message_id(&request), "");
	device_send(device, &message);
	bed_await(&device->bed, device->notices == 1);
	assert_int_equal(device->last.result, -ECONNREFUSED);
	assert_false(device->last.goes_on);
	close(device->fd);
	device->fd = -1;
	assert_int_equal(observe(device), 0);
	bed_await(&device->bed, device->notices == 2);
	assert_int_equal(device->last.result, -ECONNREFUSED);
}

static void takes_leave(void **state)
{
	struct device *device = *state;
	struct datagram request, leave;
	uint8_t value[64];

	begun(device, &request);
	lan_unwatch(device->observation);
	device_receive(device, &leave);
	assert_int_equal(message_find(&leave, OBSERVE, value), 1);
	assert_int_equal(value[0], 1);
	assert_memory_equal(leave.bytes + 4, request.bytes + 4, 8);
	/* what was on its way is nobody's any more */
	notify(device, &request, NON, 700, 3, -1, "22");
	notify(device, &leave, ACK, message_id(&leave), -1, -1, "22");
	bed_await(&device->bed, device->bed.lan->watch_count == 0);
	assert_int_equal(device->notices, 1);
}

static void limit_of_observations(void **state)
{
	struct device *device = *state;

	device->bed.limits.value[LIMIT_OBSERVATIONS] = 2;
	assert_int_equal(observe(device), 0);
	assert_int_equal(observe(device), 0);
	assert_int_equal(observe(device), -EBUSY);
	assert_int_equal(device->bed.limits.reached[LIMIT_OBSERVATIONS], 1);
}

static void cancelled_at_shutdown(void **state)
{
	struct device *device = *state;
	struct datagram request;

	begun(device, &request);
	device->bed.lan = lan_free(device->bed.lan);
	assert_int_equal(device->notices, 2);
	assert_int_equal(device->last.result, -ECANCELED);
}

/* ---- blocks ---- */

/* Answers with the block that is asked for, of a body of so many bytes. */
static void serve_block(struct device *device, const struct datagram *request, size_t body_size,
	unsigned szx, uint8_t etag, int observe_number)
{
	struct datagram message;
	uint8_t value[64] = {0}, number = (uint8_t)observe_number;
	int size = message_find(request, BLOCK2, value);
	unsigned asked = 0, block_size = 16u << szx;
	char text[1025];

	for (int i = 0; i < size; i++)
		asked = asked << 8 | value[i];
	size_t offset = (size_t)(asked >> 4) << ((asked & 7) + 4);
	size_t left = body_size - offset;
	size_t count = left < block_size ? left : block_size;
	unsigned option = (unsigned)(offset / block_size) << 4 | (left > block_size) << 3 | szx;
	const uint8_t bytes[2] = {(uint8_t)(option >> 8), (uint8_t)option};

	if (size < 0)
		assert_int_equal(offset, 0);
	for (size_t i = 0; i < count; i++)
		text[i] = (char)('a' + (offset + i) % 26);
	text[count] = '\0';
	answer_begin(&message, request, ACK, COAP_CODE(2, 5), message_id(request));
	message_option(&message, ETAG, &etag, 1);
	if (observe_number >= 0)
		message_option(&message, OBSERVE, &number, 1);
	message_option(&message, BLOCK2, bytes, 2);
	message_payload(&message, text);
	device_send(device, &message);
}

static void assert_body(const struct device *device, size_t size)
{
	assert_int_equal(strlen(device->payload), size);
	for (size_t i = 0; i < size; i++)
		assert_int_equal(device->payload[i], 'a' + i % 26);
}

static void a_body_in_blocks(void **state)
{
	static const size_t sizes[] = {17, 64, 1000, 1024, 8192};
	struct device *device = *state;
	struct datagram request;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		const struct lan_outgoing outgoing = outgoing_to(device, 8192);
		unsigned szx = sizes[i] < 1000 ? 0 : 5;
		unsigned before = device->replies;

		assert_int_equal(lan_send(device->bed.lan, &outgoing, replied, device), 0);
		for (size_t served = 0; served < sizes[i]; served += 16u << szx) {
			device_receive(device, &request);
			serve_block(device, &request, sizes[i], szx, 7, -1);
		}
		bed_await(&device->bed, device->replies == before + 1);
		assert_int_equal(device->result, 0);
		assert_body(device, sizes[i]);
	}
}

static void blocks_that_do_not_fit(void **state)
{
	struct device *device = *state;
	const struct lan_outgoing outgoing = outgoing_to(device, 40);
	struct datagram request, none;

	/* of two representations */
	assert_int_equal(lan_send(device->bed.lan, &outgoing, replied, device), 0);
	device_receive(device, &request);
	serve_block(device, &request, 40, 0, 1, -1);
	device_receive(device, &request);
	serve_block(device, &request, 40, 0, 2, -1);
	bed_await(&device->bed, device->replies == 1);
	assert_int_equal(device->result, -EBADMSG);
	/* longer than wanted: no block more than needed is asked for */
	assert_int_equal(lan_send(device->bed.lan, &outgoing, replied, device), 0);
	for (int i = 0; i < 3; i++) {
		device_receive(device, &request);
		serve_block(device, &request, 48, 0, 1, -1);
	}
	bed_await(&device->bed, device->replies == 2);
	assert_int_equal(device->result, -EMSGSIZE);
	assert_false(device_poll(device, &none));
}

static void a_notification_in_blocks(void **state)
{
	struct device *device = *state;
	struct datagram request, rest;
	uint8_t value[64];

	assert_int_equal(observe(device), 0);
	device_receive(device, &request);
	struct sockaddr_storage observer = device->peer;
	serve_block(device, &request, 40, 0, 1, 1);
	for (int i = 0; i < 2; i++) {
		device_receive(device, &rest);
		assert_int_equal(message_find(&rest, OBSERVE, value), -1);
		assert_memory_not_equal(rest.bytes + 4, request.bytes + 4, 8);
		serve_block(device, &rest, 40, 0, 1, -1);
	}
	bed_await(&device->bed, device->notices == 1);
	assert_true(device->last.goes_on);
	assert_body(device, 40);
	device->peer = observer;
	notify(device, &request, NON, 900, 2, -1, "short");
	bed_await(&device->bed, device->notices == 2);
	assert_string_equal(device->payload, "short");
}

static void the_freshness_of_rfc_7641(void **state)
{
	static const struct {
		uint32_t last, next;
		uint64_t seconds;
		bool newer;
	} rows[] = {{1, 2, 0, true}, {2, 1, 0, false}, {2, 2, 0, false}, {2, 2, 129, true},
		{2, 1, 127, false}, {0xffffff, 0, 0, true}, {0, 0xffffff, 0, false},
		{0, (1 << 23) - 1, 0, true}, {0, 1 << 23, 0, false}, {(1 << 23) + 1, 0, 0, true},
		{1 << 23, 0, 0, false}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(observation_is_newer(rows[i].last, 1, rows[i].next,
					 1 + rows[i].seconds * USEC_PER_SEC),
			rows[i].newer);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(notifications_come_in_order),
		TEST(another_token_is_reset),
		TEST(asked_again_when_max_age_is_over),
		TEST(asked_again_when_it_is_seen),
		TEST(one_that_does_not_notify),
		TEST(an_error_ends_it),
		TEST(reset_or_nobody_there),
		TEST(takes_leave),
		TEST(limit_of_observations),
		TEST(cancelled_at_shutdown),
		TEST(a_body_in_blocks),
		TEST(blocks_that_do_not_fit),
		TEST(a_notification_in_blocks),
		cmocka_unit_test(the_freshness_of_rfc_7641),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
