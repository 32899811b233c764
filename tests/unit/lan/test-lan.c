/* SPDX-License-Identifier: Apache-2.0 */
/* Exchanges of a verified device, on the wire: held and separate answers, retransmissions, NON,
 * No-Response, limits, and what the host gets to see. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "bed.h"

static const struct lan_answer changed = {.code = COAP_CODE(2, 4), .format = -1, .max_age = -1};

static int setup(void **state)
{
	struct bed *bed = calloc(1, sizeof(*bed));

	bed_open(bed, AF_INET, "lo");
	bed_verify(bed);
	*state = bed;
	return 0;
}

static int setup_ipv6(void **state)
{
	struct bed *bed = calloc(1, sizeof(*bed));

	bed_open(bed, AF_INET6, "lo");
	bed_verify(bed);
	*state = bed;
	return 0;
}

static int teardown(void **state)
{
	bed_close(*state);
	free(*state);
	return 0;
}

static void held_answer_is_two_datagrams(void **state)
{
	struct bed *bed = *state;
	struct datagram request, answer;

	bed->hold = true;
	message_reading(&request, CON, 0x1234, "abcd", "sensor-1");
	bed_send(bed, &request);
	bed_await(bed, bed->requests == 1);
	bed_expect_silence(bed);
	lan_answer(bed->last.view.exchange, &changed);
	bed_expect(bed, &answer);
	assert_int_equal(message_type(&answer), ACK);
	assert_int_equal(message_code(&answer), COAP_CODE(2, 4));
	assert_int_equal(message_id(&answer), 0x1234);
	assert_true(message_token_is(&answer, "abcd"));
	assert_int_equal(answer.size, 8);
	bed_expect_silence(bed);
}

static void host_sees_the_request(void **state)
{
	struct bed *bed = *state;
	struct datagram request, answer;
	const struct lan_request *view = &bed->last.view;

	message_begin(&request, CON, POST, 1, "tok");
	message_text(&request, 11, "t");
	message_option(&request, 12, "\x6e", 1); /* 110 */
	message_text(&request, 15, "ep=Sensor-1");
	message_text(&request, 15, "n=temperature");
	message_text(&request, 15, "x=unknown");
	message_option(&request, 17, "\x3c", 1); /* 60 */
	message_payload(&request, "[{\"v\":1}]");
	bed_ask(bed, &request, COAP_CODE(2, 4), &answer);
	assert_int_equal(view->resource, LAN_TELEMETRY);
	assert_int_equal(view->method, LAN_POST);
	assert_string_equal(view->ep, "Sensor-1");
	assert_string_equal(view->value_name, "temperature");
	assert_int_equal(view->content_format, 110);
	assert_int_equal(view->accept, 60);
	assert_int_equal(view->key.message_id, 1);
	assert_int_equal(view->key.token_size, 3);
	assert_memory_equal(view->key.token, "tok", 3);
	assert_true(view->confirmable);
	assert_int_equal(bed->last.payload_size, 9);

	message_begin(&request, CON, GET, 2, "");
	message_text(&request, 11, "d");
	message_text(&request, 11, "sensor-1-ab12");
	message_text(&request, 11, "c");
	bed_ask(bed, &request, COAP_CODE(2, 4), &answer);
	assert_int_equal(view->resource, LAN_DEVICE_COMMAND);
	assert_string_equal(view->device_id, "sensor-1-ab12");
	assert_string_equal(view->ep, "");
	assert_int_equal(view->content_format, -1);
}

static void peer_is_the_sender(void **state)
{
	struct bed *bed = *state;
	struct datagram request;
	struct sockaddr_storage name;
	socklen_t size = sizeof(name);

	bed->hold = true;
	message_reading(&request, CON, 7, "t", "s");
	bed_send(bed, &request);
	bed_await(bed, bed->requests == 1);
	const struct lan_peer *peer = lan_exchange_peer(bed->last.view.exchange);
	getsockname(bed->fd, (struct sockaddr *)&name, &size);
	if (bed->family == AF_INET) {
		assert_true(IN6_IS_ADDR_V4MAPPED(&peer->address.ip));
		assert_int_equal(
			peer->address.port, ntohs(((struct sockaddr_in *)&name)->sin_port));
	} else {
		assert_true(IN6_IS_ADDR_LOOPBACK(&peer->address.ip));
	}
	assert_string_equal(peer->address.interface, "lo");
	assert_true(peer->verified);
	assert_int_equal(peer->trust, TRUST_PLAIN);
	lan_silence(bed->last.view.exchange);
	bed_expect_silence(bed);
}

static void answer_has_its_options(void **state)
{
	struct bed *bed = *state;
	struct datagram request, answer;
	const struct lan_answer created = {.code = COAP_CODE(2, 1),
		.format = 60,
		.payload = SPAN_LITERAL("\xa0"),
		.max_age = 5,
		.location_id = "sensor-1-ab12"};
	uint8_t value[64];
	char body[DATAGRAM_MAX];

	bed->hold = true;
	message_begin(&request, CON, POST, 9, "");
	message_text(&request, 11, "enrol");
	message_text(&request, 15, "ep=sensor-1");
	bed_send(bed, &request);
	bed_await(bed, bed->requests == 1);
	lan_answer(bed->last.view.exchange, &created);
	for (int copies = 0; copies < 2; copies++) {
		bed_expect(bed, &answer);
		assert_int_equal(message_code(&answer), COAP_CODE(2, 1));
		assert_int_equal(message_id(&answer), 9);
		assert_int_equal(message_find(&answer, 8, value), 1);
		assert_int_equal(value[0], 'd');
		assert_int_equal(message_find(&answer, 12, value), 1);
		assert_int_equal(value[0], 60);
		assert_int_equal(message_find(&answer, 14, value), 1);
		assert_int_equal(value[0], 5);
		assert_string_equal(message_body(&answer, body), "\xa0");
		/* a retransmission gets the very same again */
		if (copies == 0)
			bed_send(bed, &request);
	}
	assert_int_equal(bed->requests, 1);
}

static void late_answer_is_separate(void **state)
{
	struct bed *bed = *state;
	struct datagram request, answer, ack;
	uint64_t begin = clock_boot_usec(), lived = bed->lived_usec;

	bed->hold = true;
	message_reading(&request, CON, 0x4242, "wxyz", "slow");
	bed_send(bed, &request);
	bed_expect(bed, &answer);
	/* before the device would say it again, 2 s after it did */
	assert_true(clock_boot_usec() - begin >= 950 * USEC_PER_MSEC);
	assert_true(bed->lived_usec - lived <= 1800 * USEC_PER_MSEC);
	assert_int_equal(message_type(&answer), ACK);
	assert_int_equal(message_code(&answer), 0);
	assert_int_equal(answer.size, 4);
	assert_int_equal(message_id(&answer), 0x4242);

	/* a retransmission is acknowledged again, and makes no second request */
	bed_send(bed, &request);
	bed_expect(bed, &answer);
	assert_int_equal(message_code(&answer), 0);
	assert_int_equal(message_id(&answer), 0x4242);
	assert_int_equal(bed->requests, 1);

	lan_answer(bed->last.view.exchange, &changed);
	bed_expect(bed, &answer);
	assert_int_equal(message_type(&answer), CON);
	assert_int_equal(message_code(&answer), COAP_CODE(2, 4));
	assert_true(message_token_is(&answer, "wxyz"));

	/* it is repeated until it is acknowledged */
	uint16_t mid = message_id(&answer);
	bed_expect(bed, &answer);
	assert_int_equal(message_type(&answer), CON);
	assert_int_equal(message_id(&answer), mid);
	message_begin(&ack, ACK, 0, mid, "");
	bed_send(bed, &ack);
	bed_expect_silence(bed);
	assert_false(bed_receive(bed, &answer, 50));
	struct lan_stats stats;
	lan_stats(bed->lan, &stats);
	assert_int_equal(stats.held, 0);
	assert_int_equal(stats.separate, 1);
}

/* Others may come before it: empty acknowledgements, and what is repeated until it is settled. */
static void await_code(struct bed *bed, int code, struct datagram *ret_answer)
{
	do
		bed_expect(bed, ret_answer);
	while (message_code(ret_answer) != code);
}

static void acknowledge(struct bed *bed, const struct datagram *answer)
{
	struct datagram ack;

	message_begin(&ack, ACK, 0, message_id(answer), "");
	bed_send(bed, &ack);
}

static uint64_t retransmissions(const struct bed *bed)
{
	struct lan_stats stats;

	lan_stats(bed->lan, &stats);
	return stats.retransmissions;
}

/* Whoever waits for a disk that hangs is told to come again; who may not expire waits on. */
static void overdue_is_put_off(void **state)
{
	struct bed *bed = *state;
	struct datagram request, other, answer;
	struct lan_exchange *overdue, *patient, *silent;
	struct lan_stats stats;
	uint8_t value[64];

	bed->hold = true;
	/* Who sends a NON would not send it again, so it is not put off. */
	message_reading(&other, NON, 0x4241, "silent", "silent");
	bed_send(bed, &other);
	bed_await(bed, bed->requests == 1);
	silent = bed->last.view.exchange;
	lan_exchange_expire(silent);
	message_reading(&request, CON, 0x4242, "wxyz", "slow");
	bed_send(bed, &request);
	bed_await(bed, bed->requests == 2);
	overdue = bed->last.view.exchange;
	lan_exchange_expire(overdue);
	message_reading(&other, CON, 0x4243, "patient", "patient");
	bed_send(bed, &other);
	bed_await(bed, bed->requests == 3);
	patient = bed->last.view.exchange;

	await_code(bed, COAP_CODE(5, 3), &answer);
	assert_int_equal(message_type(&answer), CON);
	assert_true(message_token_is(&answer, "wxyz"));
	assert_int_equal(message_find(&answer, 14, value), 1);
	assert_int_equal(value[0], 30);
	assert_true(lan_exchange_is_expired(overdue));
	assert_false(lan_exchange_is_expired(patient));
	assert_false(lan_exchange_is_expired(silent));
	assert_int_equal(bed->away[AWAY_STORE_FULL], 1);
	acknowledge(bed, &answer);

	/* the disk came back: what it has to say is too late for the one, and right for the other
	 */
	lan_answer(overdue, &changed);
	lan_answer(patient, &changed);
	await_code(bed, COAP_CODE(2, 4), &answer);
	assert_true(message_token_is(&answer, "patient"));
	acknowledge(bed, &answer);
	lan_answer(silent, &changed);
	await_code(bed, COAP_CODE(2, 4), &answer);
	assert_int_equal(message_type(&answer), NON);
	assert_true(message_token_is(&answer, "silent"));

	/* asked again it is the same answer, and no second request */
	bed_send(bed, &request);
	bed_await(bed, retransmissions(bed) == 1);
	await_code(bed, COAP_CODE(5, 3), &answer);
	assert_true(message_token_is(&answer, "wxyz"));
	assert_int_equal(bed->requests, 3);
	lan_stats(bed->lan, &stats);
	assert_int_equal(stats.held, 0);
}

static void pending_duplicate_is_dropped(void **state)
{
	struct bed *bed = *state;
	struct datagram request, answer;
	struct lan_stats stats;

	bed->hold = true;
	message_reading(&request, CON, 0x100, "abcd", "sensor-1");
	bed_send(bed, &request);
	bed_send(bed, &request);
	bed_send(bed, &request);
	bed_expect_silence(bed);
	assert_int_equal(bed->requests, 1);
	lan_answer(bed->last.view.exchange, &changed);
	bed_expect(bed, &answer);
	bed_expect_silence(bed);
	lan_stats(bed->lan, &stats);
	assert_int_equal(stats.retransmissions, 2);
}

static void answered_duplicate_gets_the_answer_again(void **state)
{
	struct bed *bed = *state;
	struct datagram request, answer;

	for (int i = 0; i < 3; i++) {
		message_reading(&request, CON, 0x100, "abcd", "sensor-1");
		bed_ask(bed, &request, COAP_CODE(2, 4), &answer);
		assert_int_equal(message_id(&answer), 0x100);
		assert_true(message_token_is(&answer, "abcd"));
	}
	assert_int_equal(bed->requests, 1);
	/* another token, another name, another message id: new ones */
	message_reading(&request, CON, 0x100, "abce", "sensor-1");
	bed_ask(bed, &request, COAP_CODE(2, 4), &answer);
	message_reading(&request, CON, 0x100, "abcd", "sensor-2");
	bed_ask(bed, &request, COAP_CODE(2, 4), &answer);
	message_reading(&request, CON, 0x101, "abcd", "sensor-1");
	bed_ask(bed, &request, COAP_CODE(2, 4), &answer);
	assert_int_equal(bed->requests, 4);
}

static void remembered_request_makes_no_second_reading(void **state)
{
	struct bed *bed = *state;
	struct datagram request, answer;
	struct device_address address = {.interface = "lo",
		.ip = {.s6_addr = {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1}}};
	const struct request_key key = {
		.message_id = 0x55, .confirmable = 1, .token_size = 2, .token = "ab"};

	lan_remember(bed->lan, &address, "sensor-1", &key, clock_boot_usec());
	message_reading(&request, CON, 0x55, "ab", "sensor-1");
	bed_ask(bed, &request, COAP_CODE(2, 4), &answer);
	assert_int_equal(bed->requests, 0);
}

static void non_gets_non(void **state)
{
	struct bed *bed = *state;
	struct datagram request, answer;

	message_reading(&request, NON, 0x200, "nn", "sensor-1");
	bed_ask(bed, &request, COAP_CODE(2, 4), &answer);
	assert_int_equal(message_type(&answer), NON);
	assert_true(message_token_is(&answer, "nn"));
	assert_false(bed->last.view.confirmable);
}

static void no_response_is_honoured(void **state)
{
	struct bed *bed = *state;
	struct datagram request, answer;

	for (int type = CON; type <= NON; type++) {
		message_begin(&request, type, POST, (uint16_t)(0x300 + type), "q");
		message_text(&request, 11, "t");
		message_text(&request, 15, "ep=sensor-1");
		message_option(&request, 258, "\x02", 1);
		bed_send(bed, &request);
		if (type == CON) {
			bed_expect(bed, &answer);
			assert_int_equal(message_type(&answer), ACK);
			assert_int_equal(answer.size, 4);
		}
		bed_expect_silence(bed);
		assert_true(bed->last.view.no_response_success);
	}
	assert_int_equal(bed->requests, 2);
}

static void held_answers_have_a_limit(void **state)
{
	struct bed *bed = *state;
	struct datagram request, answer;
	uint8_t value[64];

	bed->hold = true;
	bed->limits.value[LIMIT_HELD_ANSWERS] = 1;
	message_reading(&request, CON, 1, "a", "sensor-1");
	bed_send(bed, &request);
	bed_await(bed, bed->requests == 1);
	message_reading(&request, CON, 2, "b", "sensor-1");
	bed_ask(bed, &request, COAP_CODE(5, 3), &answer);
	assert_int_equal(message_find(&answer, 14, value), 1);
	assert_int_equal(value[0], 2);
	assert_int_equal(bed->limits.reached[LIMIT_HELD_ANSWERS], 1);
	assert_int_equal(bed->away[AWAY_OVER_LIMIT], 1);
	lan_answer(bed->last.view.exchange, &changed);
	bed_expect(bed, &answer);
	/* the refused one may come again and is not taken for a duplicate */
	bed->hold = false;
	bed_ask(bed, &request, COAP_CODE(2, 4), &answer);
	assert_int_equal(bed->requests, 2);
}

static void bad_requests_are_explained(void **state)
{
	static const struct {
		const char *query[2];
		const char *body;
		const char *block1;
		int code;
	} rows[] = {
		{{"ep=a", "ep=b"}, NULL, NULL, COAP_CODE(4, 0)},
		{{"ep="}, NULL, NULL, COAP_CODE(4, 0)},
		{{"ep=two words"}, NULL, NULL, COAP_CODE(4, 0)},
		{{"ep=a", "n=\x01"}, NULL, NULL, COAP_CODE(4, 0)},
		{{"ep=a"}, "x", "\x08", COAP_CODE(4, 0)}, /* a block of 16 with one byte */
		{{"ep=a"}, "x", "\x10", COAP_CODE(4, 8)}, /* the second without the first */
	};
	struct bed *bed = *state;
	struct datagram request, answer;
	char body[DATAGRAM_MAX];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		message_begin(&request, CON, POST, (uint16_t)(0x400 + i), "z");
		message_text(&request, 11, "t");
		for (int q = 0; q < 2 && rows[i].query[q]; q++)
			message_text(&request, 15, rows[i].query[q]);
		if (rows[i].block1)
			message_option(&request, 27, rows[i].block1, 1);
		if (rows[i].body)
			message_payload(&request, rows[i].body);
		bed_ask(bed, &request, rows[i].code, &answer);
		assert_true(strlen(message_body(&answer, body)) > 0);
	}
	assert_int_equal(bed->requests, 0);
	assert_int_equal(bed->away[AWAY_MALFORMED], 6);
}

static void links_are_listed(void **state)
{
	static const struct {
		const char *filter;
		const char *links;
	} rows[] = {
		{NULL, "</enrol>;rt=\"gatehouse.enrol\",</t>;rt=\"gatehouse.telemetry\","
		       "</time>;rt=\"gatehouse.time\",</rd>;rt=\"core.rd\""},
		{"rt=gatehouse.*",
			"</enrol>;rt=\"gatehouse.enrol\",</t>;rt=\"gatehouse.telemetry\","
			"</time>;rt=\"gatehouse.time\""},
		{"rt=gatehouse.t*",
			"</t>;rt=\"gatehouse.telemetry\",</time>;rt=\"gatehouse.time\""},
		{"rt=gatehouse.time", "</time>;rt=\"gatehouse.time\""},
		{"rt=core.rd*", "</rd>;rt=\"core.rd\""},
		{"rt=core.rd-lookup-ep", ""},
	};
	struct bed *bed = *state;
	struct datagram request, answer;
	char body[DATAGRAM_MAX];
	uint8_t value[64];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		message_begin(&request, CON, GET, (uint16_t)(0x500 + i), "l");
		message_text(&request, 11, ".well-known");
		message_text(&request, 11, "core");
		if (rows[i].filter)
			message_text(&request, 15, rows[i].filter);
		bed_ask(bed, &request, COAP_CODE(2, 5), &answer);
		assert_string_equal(message_body(&answer, body), rows[i].links);
		assert_int_equal(message_find(&answer, 12, value), 1);
		assert_int_equal(value[0], 40);
	}
}

static void burst_is_served_in_order(void **state)
{
	struct bed *bed = *state;
	struct datagram request, answer;

	for (uint16_t mid = 0; mid < 200; mid++) {
		message_reading(&request, CON, mid, "burst", "sensor-1");
		bed_send(bed, &request);
	}
	for (uint16_t mid = 0; mid < 200; mid++) {
		bed_expect(bed, &answer);
		assert_int_equal(message_id(&answer), mid);
		assert_int_equal(message_code(&answer), COAP_CODE(2, 4));
	}
	assert_int_equal(bed->requests, 200);
}

#define BURST	  300		      /* of them: what the smallest receive buffer takes */
#define TURN_MOST (LAN_TURN_MAX + 31) /* and what of the last look is more */

/* Somebody else on the loop, who lets datagrams go first. */
static int others_turn(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	unsigned *turns = userdata;

	++*turns;
	return 0;
}

/* What waits at the lan's socket, by the kernel's count: "sl local_address rem_address st
 * tx_queue:rx_queue ..." */
static unsigned long bytes_waiting(const struct bed *bed)
{
	FILE *file =
		fopen(bed->family == AF_INET ? "/proc/self/net/udp" : "/proc/self/net/udp6", "re");
	unsigned long waiting = 0, port, queued;
	char line[256];

	assert_non_null(file);
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "%*s %*[0-9A-F]:%lx %*s %*s %*x:%lx", &port, &queued) == 2 &&
			port == lan_port(bed->lan))
			waiting = queued;
	fclose(file);
	return waiting;
}

/* One turn of the loop serves many datagrams, and yet others on it wait for a part of them only. */
static void many_datagrams_in_one_turn(void **state)
{
	struct bed *bed = *state;
	unsigned before = 0, most = 0, turns = 0, others = 0, i;
	uint64_t end = clock_boot_usec() + BED_PATIENCE_MSEC * USEC_PER_MSEC;
	sd_event_source *source = NULL;
	struct lan_stats first, last;
	struct datagram request;
	unsigned long one = 0;
	int fd = eventfd(1, EFD_CLOEXEC); /* ready all the time */

	assert_true(fd >= 0);
	assert_true(sd_event_add_io(bed->loop, &source, fd, EPOLLIN, others_turn, &others) >= 0);
	assert_true(sd_event_source_set_priority(source, SD_EVENT_PRIORITY_NORMAL + 10) >= 0);
	lan_stats(bed->lan, &first);
	for (uint16_t mid = 0; mid < BURST; mid++) {
		message_reading(&request, CON, mid, "burst", "sensor-1");
		bed_send(bed, &request);
		while (!one && clock_boot_usec() < end)
			one = bytes_waiting(bed);
	}
	while (bytes_waiting(bed) < BURST * one && clock_boot_usec() < end)
		usleep(1000);
	assert_int_equal(bytes_waiting(bed), BURST * one);
	for (i = 0; i < 100 && bed->requests < BURST; i++) {
		bed_turn(bed, 0);
		turns += bed->requests > before;
		most = bed->requests - before > most ? bed->requests - before : most;
		before = bed->requests;
	}
	lan_stats(bed->lan, &last);
	sd_event_source_unref(source);
	close(fd);
	assert_int_equal(bed->requests, BURST);
	assert_int_equal(last.datagrams - first.datagrams, BURST);
	assert_in_range(most, LAN_TURN_MAX, TURN_MOST);
	assert_in_range(turns, (BURST + TURN_MOST - 1) / TURN_MOST, 4);
	assert_true(others >= turns - 1);
}

/* What was asked for and what the kernel gave is known, and that it lost some. */
static void receive_buffer_is_told(void **state)
{
	struct bed *bed = *state;
	struct lan_stats stats;
	struct datagram request;
	FILE *file = fopen("/proc/sys/net/core/rmem_max", "re");
	unsigned long most = 0;

	assert_non_null(file);
	assert_int_equal(fscanf(file, "%lu", &most), 1);
	fclose(file);
	lan_stats(bed->lan, &stats);
	assert_int_equal(stats.receive_wanted, 4 << 20);
	assert_int_equal(stats.receive_buffer, most < 4 << 20 ? most : 4 << 20);
	assert_int_equal(stats.receive_dropped, 0);
	/* More than there is room for, while nobody reads. */
	message_reading(&request, NON, 1, "burst", "sensor-1");
	for (size_t i = 0; stats.receive_dropped == 0 && i < stats.receive_buffer; i++) {
		send(bed->fd, request.bytes, request.size, 0);
		if (i % 256 == 255)
			lan_stats(bed->lan, &stats);
	}
	assert_true(stats.receive_dropped > 0);
	bed_await(bed, bed->requests > 0);
}

static void second_daemon_is_refused(void **state)
{
	struct bed *bed = *state;
	const struct lan_ops ops = {0};
	const struct lan_options options = {
		.interfaces = &bed->interfaces, .port = lan_port(bed->lan), .limits = &bed->limits};
	struct lan *other = NULL;

	assert_int_equal(lan_new(bed->loop, &options, &ops, NULL, &other), -98); /* EADDRINUSE */
	assert_null(other);
}

static void free_with_held_answers(void **state)
{
	struct bed *bed = *state;
	struct datagram request;

	bed->hold = true;
	message_reading(&request, CON, 1, "a", "sensor-1");
	bed_send(bed, &request);
	bed_await(bed, bed->requests == 1);
	/* teardown frees lan with the exchange inside; the sanitizers watch */
}

#define ON_IPV4(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
#define ON_IPV6(test)                                           \
	{                                                       \
#test "-ipv6", test, setup_ipv6, teardown, NULL \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_IPV4(held_answer_is_two_datagrams),
		ON_IPV6(held_answer_is_two_datagrams),
		ON_IPV4(host_sees_the_request),
		ON_IPV4(peer_is_the_sender),
		ON_IPV6(peer_is_the_sender),
		ON_IPV4(answer_has_its_options),
		ON_IPV4(late_answer_is_separate),
		ON_IPV4(overdue_is_put_off),
		ON_IPV4(pending_duplicate_is_dropped),
		ON_IPV6(pending_duplicate_is_dropped),
		ON_IPV4(answered_duplicate_gets_the_answer_again),
		ON_IPV4(remembered_request_makes_no_second_reading),
		ON_IPV4(non_gets_non),
		ON_IPV4(no_response_is_honoured),
		ON_IPV4(held_answers_have_a_limit),
		ON_IPV4(bad_requests_are_explained),
		ON_IPV4(links_are_listed),
		ON_IPV4(burst_is_served_in_order),
		ON_IPV6(burst_is_served_in_order),
		ON_IPV4(many_datagrams_in_one_turn),
		ON_IPV6(many_datagrams_in_one_turn),
		ON_IPV4(receive_buffer_is_told),
		ON_IPV4(second_daemon_is_refused),
		ON_IPV4(free_with_held_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
