/* SPDX-License-Identifier: Apache-2.0 */
/* The resource directory's door on the wire: nobody is asked for Echo there, nobody gets more than
 * three times what was sent, and a probe beside the answer shows who is there. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bed.h"

#define LOCATION_PATH 8

static int setup(void **state)
{
	struct bed *bed = calloc(1, sizeof(*bed));

	bed_open(bed, AF_INET, "lo");
	*state = bed;
	return 0;
}

static int teardown(void **state)
{
	bed_close(*state);
	free(*state);
	return 0;
}

/* As the host does: 2.01 with the location. */
static void register_it(struct bed *bed, const struct lan_request *request)
{
	const struct lan_answer created = {.code = COAP_CODE(2, 1),
		.format = -1,
		.max_age = -1,
		.location_id = "sensor-1-ab12",
		.location = LAN_LOCATION_RD};

	(void)bed;
	lan_answer(request->exchange, &created);
}

static void registration_make(
	struct datagram *message, uint16_t mid, const char *const *queries, const char *links)
{
	message_begin(message, CON, POST, mid, "rd");
	message_text(message, 11, "rd");
	message_option(message, 12, "\x28", 1);
	for (; *queries; queries++)
		message_text(message, 15, *queries);
	if (links)
		message_payload(message, links);
}

/* Receives what is not a CON of the bed's own; the probe goes to 'ret_probe', the answer to
 * 'ret_answer'. */
static void receive_both(
	struct bed *bed, struct datagram *ret_answer, struct datagram *ret_probe, size_t sent)
{
	struct datagram got;
	size_t total = 0;
	bool answered = false, probed = false;

	while (!answered || !probed) {
		bed_expect(bed, &got);
		total += got.size;
		if (message_code(&got) == GET) {
			*ret_probe = got;
			probed = true;
		} else {
			*ret_answer = got;
			answered = true;
		}
	}
	assert_true(total <= 3 * sent);
}

static void location_is(const struct datagram *answer, const char *location)
{
	/* Location-Path is the first option: rd, then the id. */
	const uint8_t *at = answer->bytes + 4 + (answer->bytes[0] & 15);
	char text[80];

	assert_int_equal(at[0], LOCATION_PATH << 4 | 2);
	assert_memory_equal(at + 1, "rd", 2);
	assert_int_equal(at[3], 13);
	size_t size = 13u + at[4] * (at[3] == 13);
	memcpy(text, at + 5, size);
	text[size] = '\0';
	assert_string_equal(text, location);
}

static void registration_of_a_stranger(void **state)
{
	static const char *const queries[] = {
		"ep=sensor-1", "lt=600", "base=coap://127.0.0.1:61616", "d=hall", "b=U", NULL};
	struct bed *bed = *state;
	struct datagram request, answer, probe, reply;
	const struct lan_request *view = &bed->last.view;
	struct lan_stats stats;

	bed->host = register_it;
	registration_make(&request, 1, queries, "</s/t>;if=\"core.s\"");
	bed_send(bed, &request);
	receive_both(bed, &answer, &probe, request.size);
	assert_int_equal(message_type(&answer), ACK);
	assert_int_equal(message_code(&answer), COAP_CODE(2, 1));
	assert_int_equal(view->resource, LAN_RD);
	assert_string_equal(view->ep, "sensor-1");
	assert_int_equal(view->rd.lifetime, 600);
	assert_true(view->rd.has_base);
	assert_int_equal(view->rd.base.port, 61616);
	assert_int_equal(bed->last.payload_size, 18);
	location_is(&answer, "sensor-1-ab12");
	/* the probe: NON, a token of 8 bytes, at most 48 bytes */
	assert_int_equal(message_type(&probe), NON);
	assert_int_equal(probe.bytes[0] & 15, 8);
	assert_true(probe.size <= 48);
	assert_int_equal(bed->reachable, 0);
	/* whatever answer carries its token verifies */
	memset(&reply, 0, sizeof(reply));
	reply.bytes[0] = 1 << 6 | NON << 4 | 8;
	reply.bytes[1] = COAP_CODE(4, 4);
	reply.bytes[3] = 99;
	memcpy(reply.bytes + 4, probe.bytes + 4, 8);
	reply.size = 12;
	bed_send(bed, &reply);
	bed_await(bed, bed->reachable == 1);
	assert_true(bed->reachable_address.port > 0);
	lan_stats(bed->lan, &stats);
	assert_int_equal(stats.verified, 1);
	/* again: no probe any more, and a retransmission is answered from memory */
	registration_make(&request, 2, queries, NULL);
	bed_ask(bed, &request, COAP_CODE(2, 1), &answer);
	location_is(&answer, "sensor-1-ab12");
	assert_int_equal(bed->requests, 2);
	bed_ask(bed, &request, COAP_CODE(2, 1), &answer);
	location_is(&answer, "sensor-1-ab12");
	assert_int_equal(bed->requests, 2);
	bed_expect_silence(bed);
	assert_int_equal(bed->reachable, 1);
}

static void a_short_request_gets_its_answer_alone(void **state)
{
	struct bed *bed = *state;
	struct datagram request, answer;

	bed->host = register_it;
	message_begin(&request, NON, POST, 1, "");
	message_text(&request, 11, "rd");
	message_text(&request, 15, "ep=s1");
	bed_send(bed, &request);
	bed_expect(bed, &answer);
	assert_int_equal(message_code(&answer), COAP_CODE(2, 1));
	location_is(&answer, "sensor-1-ab12");
	assert_true(answer.size <= 3 * request.size);
	bed_expect_silence(bed);
}

static void one_probe_a_minute(void **state)
{
	static const char *const queries[] = {"ep=sensor-1", NULL};
	struct bed *bed = *state;
	struct datagram request, answer, probe;

	bed->host = register_it;
	registration_make(&request, 1, queries, "</s/t>;if=\"core.s\"");
	bed_send(bed, &request);
	receive_both(bed, &answer, &probe, request.size);
	registration_make(&request, 2, queries, "</s/t>;if=\"core.s\"");
	bed_ask(bed, &request, COAP_CODE(2, 1), &answer);
	bed_expect_silence(bed);
	assert_int_equal(bed->requests, 2);
}

static void updates_and_removals(void **state)
{
	struct bed *bed = *state;
	struct datagram request, answer;

	bed_verify(bed);
	message_begin(&request, CON, POST, 1, "u");
	message_text(&request, 11, "rd");
	message_text(&request, 11, "sensor-1-ab12");
	message_text(&request, 15, "lt=60");
	bed_ask(bed, &request, COAP_CODE(2, 4), &answer);
	assert_int_equal(bed->last.view.resource, LAN_RD_ENTRY);
	assert_int_equal(bed->last.view.method, LAN_POST);
	assert_string_equal(bed->last.view.device_id, "sensor-1-ab12");
	assert_int_equal(bed->last.view.rd.lifetime, 60);
	message_begin(&request, CON, DELETE, 2, "u");
	message_text(&request, 11, "rd");
	message_text(&request, 11, "sensor-1-ab12");
	bed_ask(bed, &request, COAP_CODE(2, 4), &answer);
	assert_int_equal(bed->last.view.method, LAN_DELETE);
	message_begin(&request, CON, POST, 3, "u");
	message_text(&request, 11, ".well-known");
	message_text(&request, 11, "rd");
	message_text(&request, 15, "ep=sensor-1");
	bed_ask(bed, &request, COAP_CODE(2, 4), &answer);
	assert_int_equal(bed->last.view.resource, LAN_RD_SIMPLE);
	/* no lookup, and nothing else there */
	message_begin(&request, CON, GET, 4, "u");
	message_text(&request, 11, "rd");
	bed_ask(bed, &request, COAP_CODE(4, 5), &answer);
	message_begin(&request, CON, GET, 5, "u");
	message_text(&request, 11, "rd-lookup");
	message_text(&request, 11, "ep");
	bed_ask(bed, &request, COAP_CODE(4, 4), &answer);
	message_begin(&request, CON, POST, 6, "u");
	message_text(&request, 11, "rd");
	message_text(&request, 11, "No Such");
	bed_ask(bed, &request, COAP_CODE(4, 4), &answer);
	assert_int_equal(bed->requests, 3);
}

/* Attack A20: a base or a lifetime that is not ours to take. */
static void bad_parameters_stay_outside(void **state)
{
	static const char *const rows[][3] = {{"ep=a", "base=coap://8.8.8.8", NULL},
		{"ep=a", "base=coap://127.0.0.2:5683", NULL},
		{"ep=a", "base=coap://localhost", NULL}, {"ep=a", "lt=0", NULL},
		{"ep=a", "ep=b", NULL}, {"ep=a b", NULL, NULL}, {"ep=a", "lt=4294967296", NULL}};
	struct bed *bed = *state;
	struct datagram request, answer;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		registration_make(&request, (uint16_t)(1 + i), rows[i], NULL);
		bed_ask(bed, &request, COAP_CODE(4, 0), &answer);
		assert_true(answer.size <= 3 * request.size);
	}
	bed_expect_silence(bed);
	assert_int_equal(bed->requests, 0);
	assert_int_equal(bed->away[AWAY_MALFORMED], sizeof(rows) / sizeof(rows[0]));
}

static void blocks_of_a_stranger_take_no_memory(void **state)
{
	static const char *const query = "ep=sensor-1";
	struct bed *bed = *state;
	struct datagram request, answer, probe;
	uint8_t value[64];

	message_begin(&request, CON, POST, 1, "b");
	message_text(&request, 11, "rd");
	message_option(&request, 12, "\x28", 1);
	message_text(&request, 15, query);
	message_option(&request, 27, "\x08", 1);
	message_payload(&request, "</s/temperature>");
	bed_send(bed, &request);
	receive_both(bed, &answer, &probe, request.size);
	assert_int_equal(message_code(&answer), COAP_CODE(5, 3));
	assert_int_equal(message_find(&answer, 14, value), 1);
	assert_int_equal(value[0], 5);
	assert_int_equal(bed->requests, 0);
	/* of one that is there they are taken */
	bed_verify(bed);
	message_begin(&request, CON, POST, 2, "b");
	message_text(&request, 11, "rd");
	message_option(&request, 12, "\x28", 1);
	message_text(&request, 15, query);
	message_option(&request, 27, "\x08", 1);
	message_payload(&request, "</s/temperature>");
	bed_ask(bed, &request, COAP_CODE(2, 31), &answer);
	message_begin(&request, CON, POST, 3, "b");
	message_text(&request, 11, "rd");
	message_option(&request, 12, "\x28", 1);
	message_text(&request, 15, query);
	message_option(&request, 27, "\x10", 1);
	message_payload(&request, ";if=core.s");
	bed_ask(bed, &request, COAP_CODE(2, 4), &answer);
	assert_int_equal(bed->last.payload_size, 26);
	assert_memory_equal(bed->last.payload, "</s/temperature>;if=core.s", 26);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(registration_of_a_stranger),
		TEST(a_short_request_gets_its_answer_alone),
		TEST(one_probe_a_minute),
		TEST(updates_and_removals),
		TEST(bad_parameters_stay_outside),
		TEST(blocks_of_a_stranger_take_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
