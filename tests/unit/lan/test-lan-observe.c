/* SPDX-License-Identifier: Apache-2.0 */

/* Observers of what we serve (RFC 7641), byte by byte. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bed.h"

#define OBSERVE 6

static struct lan_observer *observer;

static void serve(struct bed *bed, const struct lan_request *request)
{
	const struct lan_answer answer = {
		.code = COAP_CODE(2, 5), .format = 60, .payload = SPAN_LITERAL("first")};

	if (request->observe)
		observer = lan_observe(request->exchange, &answer, &observer);
	else
		lan_answer(request->exchange, &answer);
}

static int setup(void **state)
{
	struct bed *bed = calloc(1, sizeof(*bed));

	assert_non_null(bed);
	bed_open(bed, AF_INET, "lo");
	bed_verify(bed);
	bed->host = serve;
	observer = NULL;
	*state = bed;
	return 0;
}

static int teardown(void **state)
{
	struct bed *bed = *state;

	bed_close(bed);
	free(bed);
	return 0;
}

static void question(struct datagram *request, uint16_t mid, const char *token, int observe)
{
	message_begin(request, CON, GET, mid, token);
	if (observe >= 0)
		message_option(request, OBSERVE, "\1", observe ? 1 : 0);
	message_text(request, 11, "d");
	message_text(request, 11, "one");
	message_text(request, 11, "c");
}

static unsigned sequence_of(const struct datagram *message)
{
	uint8_t value[64];
	unsigned number = 0;
	int size = message_find(message, OBSERVE, value);

	assert_true(size >= 0 && size <= 3);
	for (int i = 0; i < size; i++)
		number = number << 8 | value[i];
	return number;
}

static void notify(const char *text)
{
	lan_notify(observer, &(const struct lan_answer){.code = COAP_CODE(2, 5),
				     .format = 60,
				     .max_age = 0,
				     .payload = span_from_string(text)});
}

/* The next notification, with this text. */
static void expect(struct bed *bed, const char *text, struct datagram *ret_message)
{
	char body[DATAGRAM_MAX];

	bed_expect(bed, ret_message);
	assert_int_equal(message_type(ret_message), CON);
	assert_int_equal(message_code(ret_message), COAP_CODE(2, 5));
	assert_true(message_token_is(ret_message, "tok"));
	assert_string_equal(message_body(ret_message, body), text);
}

static void settle(struct bed *bed, int type, const struct datagram *message)
{
	struct datagram answer;

	message_begin(&answer, type, 0, message_id(message), "");
	bed_send(bed, &answer);
}

static void told_of_each_change(void **state)
{
	struct bed *bed = *state;
	struct datagram request, answer, next;
	unsigned first;

	question(&request, 1, "tok", 0);
	bed_ask(bed, &request, COAP_CODE(2, 5), &answer);
	assert_non_null(observer);
	first = sequence_of(&answer);
	notify("second");
	expect(bed, "second", &next);
	assert_int_equal(sequence_of(&next), first + 1);
	/* While that one is not acknowledged, only the newest state waits. */
	notify("third");
	notify("fourth");
	settle(bed, ACK, &next);
	expect(bed, "fourth", &next);
	assert_int_equal(sequence_of(&next), first + 2);
	settle(bed, ACK, &next);
	bed_expect_silence(bed);
	notify("fifth");
	expect(bed, "fifth", &next);
	settle(bed, ACK, &next);
	bed_expect_silence(bed);
	assert_non_null(observer);
	observer = lan_observer_free(observer);
}

static void gone_by_a_reset(void **state)
{
	struct bed *bed = *state;
	struct datagram request, answer, next;

	question(&request, 1, "tok", 0);
	bed_ask(bed, &request, COAP_CODE(2, 5), &answer);
	notify("second");
	expect(bed, "second", &next);
	settle(bed, RST, &next);
	bed_expect_silence(bed);
	assert_int_equal(bed->unobserved, 1);
	assert_ptr_equal(bed->unobserved_userdata, &observer);
}

static void asked_without(void **state)
{
	struct bed *bed = *state;
	struct datagram request, answer;
	uint8_t value[64];

	question(&request, 1, "tok", -1);
	bed_ask(bed, &request, COAP_CODE(2, 5), &answer);
	assert_int_equal(message_find(&answer, OBSERVE, value), -1);
	/* 1 is the end, not a beginning. */
	question(&request, 2, "tok", 1);
	bed_ask(bed, &request, COAP_CODE(2, 5), &answer);
	assert_int_equal(message_find(&answer, OBSERVE, value), -1);
	assert_null(observer);
	/* POST with it is a POST. */
	message_begin(&request, CON, POST, 3, "tok");
	message_option(&request, OBSERVE, "", 0);
	message_text(&request, 11, "d");
	message_text(&request, 11, "one");
	message_text(&request, 11, "c");
	bed_ask(bed, &request, COAP_CODE(2, 5), &answer);
	assert_null(observer);
}

static void at_the_limit(void **state)
{
	struct bed *bed = *state;
	struct datagram request, answer;
	struct lan_observer *first;
	uint8_t value[64];

	bed->limits.value[LIMIT_OBSERVERS] = 1;
	question(&request, 1, "tok", 0);
	bed_ask(bed, &request, COAP_CODE(2, 5), &answer);
	first = observer;
	question(&request, 2, "kot", 0);
	bed_ask(bed, &request, COAP_CODE(2, 5), &answer);
	assert_null(observer);
	assert_int_equal(message_find(&answer, OBSERVE, value), -1);
	assert_int_equal(bed->limits.reached[LIMIT_OBSERVERS], 1);
	lan_observer_free(first);
	question(&request, 3, "kot", 0);
	bed_ask(bed, &request, COAP_CODE(2, 5), &answer);
	assert_non_null(observer);
	assert_null(lan_observer_free(NULL));
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(told_of_each_change),
		T(gone_by_a_reset),
		T(asked_without),
		T(at_the_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
