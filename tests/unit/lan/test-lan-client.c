/* SPDX-License-Identifier: Apache-2.0 */
/* Our own requests, to a plain socket that plays the device. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "bed.h"

struct device {
	struct bed bed;
	int fd; /* the device's socket */
	uint16_t port;
	struct sockaddr_storage peer;
	socklen_t peer_size;
	/* what the last reply was */
	unsigned replies;
	int result;
	uint8_t code;
	int format;
	char payload[DATAGRAM_MAX];
};

static void replied(void *userdata, int result, uint8_t code, int format, struct span payload)
{
	struct device *device = userdata;

	device->replies++;
	device->result = result;
	device->code = code;
	device->format = format;
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

	close(device->fd);
	bed_close(&device->bed);
	free(device);
	return 0;
}

static struct lan_outgoing outgoing_to(const struct device *device, const char *path)
{
	return (struct lan_outgoing){
		.to = {.port = device->port,
			.interface = "lo",
			.ip = {.s6_addr = {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1}}},
		.method = LAN_GET,
		.path = path,
		.content_format = -1,
		.accept = -1,
		.answer_max = 64,
	};
}

static int ask(struct device *device, const struct lan_outgoing *outgoing)
{
	return lan_send(device->bed.lan, outgoing, replied, device);
}

static void device_receive(struct device *device, struct datagram *ret_message)
{
	uint64_t end = device->bed.lived_usec + BED_PATIENCE_MSEC * USEC_PER_MSEC;

	for (;;) {
		device->peer_size = sizeof(device->peer);
		ssize_t size = recvfrom(device->fd, ret_message->bytes, sizeof(ret_message->bytes),
			0, (struct sockaddr *)&device->peer, &device->peer_size);
		if (size >= 0) {
			ret_message->size = (size_t)size;
			return;
		}
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

/* The beginning of an answer to the request: type, code, and its id and token. */
static void answer_begin(
	struct datagram *answer, const struct datagram *request, int type, int code)
{
	size_t token = request->bytes[0] & 15;

	message_begin(answer, type, code, message_id(request), "");
	answer->bytes[0] = (uint8_t)(answer->bytes[0] | token);
	memcpy(answer->bytes + 4, request->bytes + 4, token);
	answer->size += token;
}

static void request_is_well_made(void **state)
{
	struct device *device = *state;
	struct lan_outgoing outgoing = outgoing_to(device, "/a/bc?x=1&y");
	struct datagram request;
	char body[DATAGRAM_MAX];
	static const uint8_t options[] = {0xb1, 'a', 0x02, 'b', 'c', 0x11, 60, 0x33, 'x', '=', '1',
		0x01, 'y', 0x21, 50, 0xff, 'h', 'i'};

	outgoing.method = LAN_PUT;
	outgoing.content_format = 60;
	outgoing.accept = 50;
	outgoing.payload = SPAN_LITERAL("hi");
	assert_int_equal(ask(device, &outgoing), 0);
	device_receive(device, &request);
	assert_int_equal(message_type(&request), CON);
	assert_int_equal(message_code(&request), PUT);
	assert_int_equal(request.bytes[0] & 15, 8);
	assert_int_equal(request.size, 12 + sizeof(options));
	assert_memory_equal(request.bytes + 12, options, sizeof(options));
	assert_string_equal(message_body(&request, body), "hi");
}

static void piggybacked_answer(void **state)
{
	struct device *device = *state;
	struct lan_outgoing outgoing = outgoing_to(device, "/info");
	struct datagram request, answer;

	assert_int_equal(ask(device, &outgoing), 0);
	device_receive(device, &request);
	answer_begin(&answer, &request, ACK, COAP_CODE(2, 5));
	message_option(&answer, 12, "\x3c", 1);
	message_payload(&answer, "hello");
	device_send(device, &answer);
	bed_await(&device->bed, device->replies == 1);
	assert_int_equal(device->result, 0);
	assert_int_equal(device->code, COAP_CODE(2, 5));
	assert_int_equal(device->format, 60);
	assert_string_equal(device->payload, "hello");
}

static void separate_answer_is_acknowledged(void **state)
{
	struct device *device = *state;
	struct lan_outgoing outgoing = outgoing_to(device, "/slow");
	struct datagram request, answer, ack;

	assert_int_equal(ask(device, &outgoing), 0);
	device_receive(device, &request);
	message_begin(&answer, ACK, 0, message_id(&request), "");
	device_send(device, &answer);
	answer_begin(&answer, &request, CON, COAP_CODE(4, 4));
	answer.bytes[2] ^= 0x55;
	device_send(device, &answer);
	bed_await(&device->bed, device->replies == 1);
	assert_int_equal(device->code, COAP_CODE(4, 4));
	assert_int_equal(device->format, -1);
	device_receive(device, &ack);
	assert_int_equal(message_type(&ack), ACK);
	assert_int_equal(message_code(&ack), 0);
	assert_int_equal(message_id(&ack), message_id(&answer));
}

static void other_tokens_and_senders_are_ignored(void **state)
{
	struct device *device = *state;
	struct lan_outgoing outgoing = outgoing_to(device, "/info");
	struct datagram request, answer;

	assert_int_equal(ask(device, &outgoing), 0);
	device_receive(device, &request);
	/* the right token from another port: the kernel does not let it in */
	answer_begin(&answer, &request, NON, COAP_CODE(2, 5));
	int stranger = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	sendto(stranger, answer.bytes, answer.size, 0, (struct sockaddr *)&device->peer,
		device->peer_size);
	close(stranger);
	/* a wrong token from the right one */
	answer.bytes[4] ^= 1;
	device_send(device, &answer);
	for (int i = 0; i < 20; i++)
		sd_event_run(device->bed.loop, 1000);
	assert_int_equal(device->replies, 0);
	answer.bytes[4] ^= 1;
	device_send(device, &answer);
	bed_await(&device->bed, device->replies == 1);
	assert_int_equal(device->result, 0);
}

static void time_out(void **state)
{
	struct device *device = *state;
	struct lan_outgoing outgoing = outgoing_to(device, "/info");
	struct datagram request, answer;

	outgoing.timeout_usec = 100 * USEC_PER_MSEC;
	assert_int_equal(ask(device, &outgoing), 0);
	device_receive(device, &request);
	bed_await(&device->bed, device->replies == 1);
	assert_int_equal(device->result, -ETIMEDOUT);
	/* too late */
	answer_begin(&answer, &request, ACK, COAP_CODE(2, 5));
	device_send(device, &answer);
	for (int i = 0; i < 20; i++)
		sd_event_run(device->bed.loop, 1000);
	assert_int_equal(device->replies, 1);
}

static void reset(void **state)
{
	struct device *device = *state;
	struct lan_outgoing outgoing = outgoing_to(device, "/info");
	struct datagram request, answer;

	assert_int_equal(ask(device, &outgoing), 0);
	device_receive(device, &request);
	message_begin(&answer, RST, 0, message_id(&request), "");
	device_send(device, &answer);
	bed_await(&device->bed, device->replies == 1);
	assert_int_equal(device->result, -ECONNREFUSED);
}

static void nobody_there(void **state)
{
	struct device *device = *state;
	struct lan_outgoing outgoing = outgoing_to(device, "/info");

	shutdown(device->fd, SHUT_RDWR);
	close(device->fd);
	device->fd = -1;
	assert_int_equal(ask(device, &outgoing), 0);
	bed_await(&device->bed, device->replies == 1);
	assert_int_equal(device->result, -ECONNREFUSED);
	/* and again, with what libcoap kept of the first */
	assert_int_equal(ask(device, &outgoing), 0);
	bed_await(&device->bed, device->replies == 2);
}

static void large_and_partial_answers(void **state)
{
	struct device *device = *state;
	struct lan_outgoing outgoing = outgoing_to(device, "/info");
	struct datagram request, answer;

	for (unsigned partial = 0; partial < 2; partial++) {
		assert_int_equal(ask(device, &outgoing), 0);
		device_receive(device, &request);
		answer_begin(&answer, &request, ACK, COAP_CODE(2, 5));
		if (partial)
			message_option(&answer, 23, "\x08", 1);
		message_payload(&answer, partial ? "x"
						 : "a text of more than the sixty-four bytes "
						   "that were allowed for it");
		device_send(device, &answer);
		bed_await(&device->bed, device->replies == partial + 1);
		/* a first block that is shorter than its size says */
		assert_int_equal(device->result, partial ? -EBADMSG : -EMSGSIZE);
	}
}

static void requests_that_are_not_made(void **state)
{
	struct device *device = *state;
	struct lan_outgoing outgoing = outgoing_to(device, "/info");
	uint8_t text[112] = {0};

	outgoing.payload = span_of(text, 95);
	assert_int_equal(ask(device, &outgoing), -EMSGSIZE); /* 12 + 5 + 1 + 95 = 113 */
	outgoing.payload.size--;
	assert_int_equal(ask(device, &outgoing), 0);
	outgoing = outgoing_to(device, "info");
	assert_int_equal(ask(device, &outgoing), -EINVAL);
	outgoing = outgoing_to(device, "/a/../b");
	assert_int_equal(ask(device, &outgoing), -EINVAL);
	outgoing = outgoing_to(device, "/info");
	strcpy(outgoing.to.interface, "eth9");
	assert_int_equal(ask(device, &outgoing), -ENETUNREACH);
	/* far away: whichever way it would go */
	outgoing = outgoing_to(device, "/info");
	outgoing.to.interface[0] = '\0';
	outgoing.to.ip.s6_addr[12] = 203;
	outgoing.to.ip.s6_addr[14] = 113;
	assert_int_equal(ask(device, &outgoing), -ENETUNREACH);
	assert_int_equal(device->replies, 0);
}

static void limit_of_requests(void **state)
{
	struct device *device = *state;
	struct lan_outgoing outgoing = outgoing_to(device, "/info");
	struct datagram request, answer;

	device->bed.limits.value[LIMIT_PROBES] = 2;
	assert_int_equal(ask(device, &outgoing), 0);
	assert_int_equal(ask(device, &outgoing), 0);
	assert_int_equal(ask(device, &outgoing), -EBUSY);
	assert_int_equal(device->bed.limits.reached[LIMIT_PROBES], 1);
	device_receive(device, &request);
	answer_begin(&answer, &request, ACK, COAP_CODE(2, 5));
	device_send(device, &answer);
	bed_await(&device->bed, device->replies == 1);
	assert_int_equal(ask(device, &outgoing), 0);
}

static void cancelled_at_shutdown(void **state)
{
	struct device *device = *state;
	struct lan_outgoing outgoing = outgoing_to(device, "/info");

	assert_int_equal(ask(device, &outgoing), 0);
	assert_int_equal(ask(device, &outgoing), 0);
	device->bed.lan = lan_free(device->bed.lan);
	assert_int_equal(device->replies, 2);
	assert_int_equal(device->result, -ECANCELED);
}

/* A device that asks at the socket of one of our questions gets nothing from us. */
static void client_socket_serves_nothing(void **state)
{
	struct device *device = *state;
	struct lan_outgoing outgoing = outgoing_to(device, "/info");
	struct datagram request, foreign;

	assert_int_equal(ask(device, &outgoing), 0);
	device_receive(device, &request);
	message_reading(&foreign, CON, 0x77, "tk", "sensor-1");
	device_send(device, &foreign);
	for (int i = 0; i < 20; i++)
		sd_event_run(device->bed.loop, 1000);
	assert_int_equal(recv(device->fd, foreign.bytes, sizeof(foreign.bytes), 0), -1);
	assert_int_equal(device->bed.requests, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(request_is_well_made),
		TEST(piggybacked_answer),
		TEST(separate_answer_is_acknowledged),
		TEST(other_tokens_and_senders_are_ignored),
		TEST(time_out),
		TEST(reset),
		TEST(nobody_there),
		TEST(large_and_partial_answers),
		TEST(requests_that_are_not_made),
		TEST(limit_of_requests),
		TEST(cancelled_at_shutdown),
		TEST(client_socket_serves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
