/* SPDX-License-Identifier: Apache-2.0 */
/* What a source gets that has not shown that it is there: never more than 3 times its bytes and 136
 * bytes, whatever it sends; Echo; the probe; wrong interfaces; malformed datagrams. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "bed.h"
#include "lan/lan-internal.h"

#define OPTION_ECHO 252

static int setup(void **state)
{
	struct bed *bed = calloc(1, sizeof(*bed));

	bed_open(bed, AF_INET, "lo");
	*state = bed;
	return 0;
}

static int setup_elsewhere(void **state)
{
	struct bed *bed = calloc(1, sizeof(*bed));

	bed_open(bed, AF_INET, "gh-nowhere0");
	*state = bed;
	return 0;
}

static int teardown(void **state)
{
	bed_close(*state);
	free(*state);
	return 0;
}

/* All that comes back for one datagram: a ping behind it says when that was all. */
static size_t bytes_for(struct bed *bed, const struct datagram *message)
{
	struct datagram ping, answer;
	size_t total = 0;

	bed_send(bed, message);
	message_begin(&ping, CON, 0, 0x7ffe, "");
	bed_send(bed, &ping);
	for (;;) {
		bed_expect(bed, &answer);
		if (message_type(&answer) == RST && message_id(&answer) == 0x7ffe)
			return total;
		assert_int_not_equal(message_type(&answer), CON);
		total += answer.size;
	}
}

static void check_factor(struct bed *bed, const struct datagram *message)
{
	size_t total = bytes_for(bed, message);

	if (total > 3 * message->size || total > 136)
		fail_msg("%zu bytes for %zu (code %02x)", total, message->size, message->bytes[1]);
}

static const char *const paths[][3] = {{NULL}, {"enrol"}, {"t"}, {"time"}, {"d"}, {"d", "x"},
	{"d", "x", "c"}, {"d", "X"}, {".well-known", "core"}, {"nothing"}, {"t", "t"}, {""}, {"rd"},
	{"rd", "a-1234"}, {"rd", "a-1234", "c"}, {".well-known", "rd"}};

static void each_method_on_each_path(void **state)
{
	static const char *const tokens[] = {"", "a", "12345678"};
	struct bed *bed = *state;
	struct datagram request;
	uint16_t mid = 1;

	for (size_t p = 0; p < sizeof(paths) / sizeof(paths[0]); p++)
		for (int code = 1; code < 32; code++)
			for (int variant = 0; variant < 6; variant++) {
				message_begin(
					&request, variant % 2, code, mid++, tokens[variant / 2]);
				for (int s = 0; s < 3 && paths[p][s]; s++)
					message_text(&request, 11, paths[p][s]);
				check_factor(bed, &request);
			}
	/* /time and the resource directory may be answered to anybody: it is 2.04 here */
	assert_true(bed->requests > 0);
	assert_int_equal(bed->last.view.resource, LAN_RD_SIMPLE);
}

static void options_change_nothing(void **state)
{
	static const struct {
		unsigned number;
		const char *value;
		size_t size;
	} options[] = {{1, "", 0}, {3, "h", 1}, {5, "", 0}, {6, "", 0}, {9, "x", 1},
		{12, "\x32", 1}, {15, "ep=a", 4}, {15, "rt=core.rd", 10}, {16, "\1", 1},
		{16, "\2", 1}, {17, "\x28", 1}, {17, "\x32", 1}, {19, "\x08", 1}, {23, "\x06", 1},
		{23, "\x16", 1}, {27, "\x08", 1}, {27, "\x06", 1}, {35, "x", 1},
		{35, "coap://h/", 9}, {39, "coap", 4}, {60, "\xff\xff", 2},
		{252, "123456789012", 12}, {258, "\x1a", 1}, {2049, "", 0}, {2050, "", 0}};
	struct bed *bed = *state;
	struct datagram request;
	uint16_t mid = 1;

	for (size_t o = 0; o < sizeof(options) / sizeof(options[0]); o++)
		for (size_t p = 0; p < sizeof(paths) / sizeof(paths[0]); p++)
			for (int variant = 0; variant < 8; variant++) {
				unsigned number = options[o].number;
				message_begin(&request, variant % 2, 1 + variant / 2, mid++, "");
				for (int before = 1; before >= 0; before--) {
					if (before == (number < 11))
						message_option(&request, number, options[o].value,
							options[o].size);
					for (int s = 0;
						before == 1 && number >= 11 && s < 3 && paths[p][s];
						s++)
						message_text(&request, 11, paths[p][s]);
				}
				for (int s = 0; number < 11 && s < 3 && paths[p][s]; s++)
					message_text(&request, 11, paths[p][s]);
				check_factor(bed, &request);
			}
}

static void short_and_broken_datagrams(void **state)
{
	struct bed *bed = *state;
	struct datagram message;
	struct lan_stats stats;
	unsigned seed = 7;

	for (int i = 0; i < 4000; i++) {
		message.size = 1 + (unsigned)rand_r(&seed) % 24;
		for (size_t b = 0; b < message.size; b++)
			message.bytes[b] = (uint8_t)rand_r(&seed);
		if (i % 2)
			message.bytes[0] = (uint8_t)(0x40 | (message.bytes[0] & 0x3f));
		/* not our own ping */
		if (message.size >= 4)
			message.bytes[2] = 0;
		check_factor(bed, &message);
	}
	lan_stats(bed->lan, &stats);
	assert_true(stats.malformed > 1000);
	assert_true(bed->away[AWAY_MALFORMED] >= stats.malformed);
	assert_int_equal(bed->requests, 0);
}

static void long_tokens(void **state)
{
	struct bed *bed = *state;
	struct datagram message, answer;

	for (int size = 9; size <= 15; size++) {
		message_begin(&message, CON, GET, (uint16_t)size, "");
		message.bytes[0] = (uint8_t)(0x40 | size);
		message.size += (size_t)size;
		bed_send(bed, &message);
		bed_expect(bed, &answer);
		assert_int_equal(message_type(&answer), RST);
		assert_int_equal(message_id(&answer), size);
		assert_int_equal(answer.size, 4);
		message.bytes[0] = (uint8_t)(0x50 | size);
		assert_int_equal(bytes_for(bed, &message), 0);
	}
	assert_int_equal(bed->away[AWAY_MALFORMED], 14);
}

static void echo_opens_the_door(void **state)
{
	struct bed *bed = *state;
	struct datagram request, answer;
	uint8_t echo[64];

	for (int type = CON; type <= NON; type++) {
		message_begin(&request, type, POST, (uint16_t)(10 + type), "ab");
		message_text(&request, 11, "enrol");
		message_text(&request, 15, "ep=sensor-1");
		bed_ask(bed, &request, COAP_CODE(4, 1), &answer);
		assert_int_equal(message_type(&answer), type == CON ? ACK : NON);
		assert_true(message_token_is(&answer, "ab"));
		assert_int_equal(message_find(&answer, OPTION_ECHO, echo), 12);
		/* the second one without it draws a probe */
		if (type == NON) {
			bed_expect(bed, &answer);
			assert_int_equal(message_type(&answer), NON);
		}
	}
	assert_int_equal(bed->requests, 0);
	message_begin(&request, CON, POST, 20, "cd");
	message_text(&request, 11, "enrol");
	message_text(&request, 15, "ep=sensor-1");
	message_option(&request, OPTION_ECHO, echo, 12);
	bed_ask(bed, &request, COAP_CODE(2, 4), &answer);
	assert_int_equal(bed->requests, 1);
	assert_true(lan_exchange_peer != NULL);
	/* from now on without, and from another port of the same address too */
	message_reading(&request, CON, 21, "ef", "sensor-1");
	bed_ask(bed, &request, COAP_CODE(2, 4), &answer);
	int first = bed->fd;
	bed->fd = bed_socket(bed);
	message_reading(&request, CON, 22, "gh", "sensor-1");
	bed_ask(bed, &request, COAP_CODE(2, 4), &answer);
	close(first);
}

static void wrong_echo_is_asked_again(void **state)
{
	struct bed *bed = *state;
	struct datagram request, answer;
	uint8_t echo[64];

	message_begin(&request, CON, POST, 1, "");
	message_text(&request, 11, "t");
	bed_ask(bed, &request, COAP_CODE(4, 1), &answer);
	message_find(&answer, OPTION_ECHO, echo);
	echo[11] ^= 1;
	message_begin(&request, CON, POST, 2, "");
	message_text(&request, 11, "t");
	message_option(&request, OPTION_ECHO, echo, 12);
	bed_send(bed, &request);
	bool asked = false;
	while (bed_receive(bed, &answer, 200))
		asked = asked || message_code(&answer) == COAP_CODE(4, 1);
	assert_true(asked);
	assert_int_equal(bed->requests, 0);
	assert_int_equal(bed->away[AWAY_NO_ECHO], 1);
}

static void probe_verifies_who_ignores_echo(void **state)
{
	struct bed *bed = *state;
	struct datagram request, answer, reply;
	char token[9] = "";

	message_reading(&request, NON, 1, "t", "old-device");
	bed_ask(bed, &request, COAP_CODE(4, 1), &answer);
	message_reading(&request, NON, 2, "u", "old-device");
	bed_send(bed, &request);
	size_t total = 0;
	while (bed_receive(bed, &answer, 200)) {
		total += answer.size;
		if (message_code(&answer) == GET) {
			assert_int_equal(message_type(&answer), NON);
			assert_true(answer.size <= 48);
			assert_int_equal(answer.bytes[0] & 15, 8);
			memcpy(token, answer.bytes + 4, 8);
		}
	}
	assert_true(total <= 3 * request.size);
	assert_true(memcmp(token, "\0\0\0\0\0\0\0\0", 8) != 0);
	/* a third one draws no second probe */
	message_reading(&request, NON, 3, "v", "old-device");
	bed_ask(bed, &request, COAP_CODE(4, 1), &answer);
	bed_expect_silence(bed);
	/* an answer with another token proves nothing */
	message_begin(&reply, NON, COAP_CODE(4, 4), 9, "12345678");
	bed_send(bed, &reply);
	bed_ask(bed, &request, COAP_CODE(4, 1), &answer);
	message_begin(&reply, NON, COAP_CODE(4, 4), 10, "12345678");
	memcpy(reply.bytes + 4, token, 8);
	bed_send(bed, &reply);
	message_reading(&request, NON, 4, "w", "old-device");
	bed_ask(bed, &request, COAP_CODE(2, 4), &answer);
	assert_int_equal(bed->requests, 1);
}

/* After a restart: the address is not verified any more, but the reading is on disk. */
static void remembered_reading_is_answered(void **state)
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
	assert_int_equal(answer.size, 6);
	message_reading(&request, CON, 0x56, "ab", "sensor-1");
	bed_ask(bed, &request, COAP_CODE(4, 1), &answer);
	assert_int_equal(bed->requests, 0);
}

static void one_link_for_the_unverified(void **state)
{
	static const struct {
		const char *filter, *link;
	} rows[] = {
		{NULL, "</enrol>;rt=\"gatehouse.enrol\""},
		{"rt=core.rd", "</rd>;rt=\"core.rd\""},
		{"rt=core.rd-lookup*", "</enrol>;rt=\"gatehouse.enrol\""},
		{"rt=gatehouse.t*", "</t>;rt=\"gatehouse.telemetry\""},
		{"rt=gatehouse.time", "</time>;rt=\"gatehouse.time\""},
	};
	struct bed *bed = *state;
	struct datagram request, answer;
	char body[DATAGRAM_MAX];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		message_begin(&request, NON, GET, (uint16_t)(1 + i), "l");
		message_text(&request, 11, ".well-known");
		message_text(&request, 11, "core");
		if (rows[i].filter)
			message_text(&request, 15, rows[i].filter);
		bed_ask(bed, &request, COAP_CODE(2, 5), &answer);
		assert_string_equal(message_body(&answer, body), rows[i].link);
	}
}

static void large_answers_are_cut(void **state)
{
	struct bed *bed = *state;
	struct datagram request, answer;
	uint8_t text[500];
	const struct lan_answer large = {.code = COAP_CODE(2, 5),
		.format = 0,
		.max_age = 0,
		.payload = {text, sizeof(text)}};
	char body[DATAGRAM_MAX];

	memset(text, 'x', sizeof(text));
	bed->hold = true;
	message_begin(&request, CON, GET, 1, "tk");
	message_text(&request, 11, "time");
	bed_send(bed, &request);
	bed_await(bed, bed->requests == 1);
	assert_false(lan_exchange_peer(bed->last.view.exchange)->verified);
	lan_answer(bed->last.view.exchange, &large);
	bed_expect(bed, &answer);
	assert_int_equal(message_code(&answer), COAP_CODE(2, 5));
	assert_string_equal(message_body(&answer, body), "");
	assert_true(answer.size <= 3 * request.size);
}

static void oversized_datagrams(void **state)
{
	struct bed *bed = *state;
	struct datagram request, answer;

	message_begin(&request, CON, POST, 5, "tk");
	message_text(&request, 11, "t");
	message_payload(&request, "x");
	memset(request.bytes + request.size, 'x', sizeof(request.bytes) - request.size);
	request.size = sizeof(request.bytes);
	for (int i = 0; i < 3; i++)
		bed_ask(bed, &request, COAP_CODE(4, 13), &answer);
	assert_int_equal(answer.size, 6);
	assert_int_equal(bed->limits.reached[LIMIT_BODY], 3);
	assert_int_equal(bed->away[AWAY_OVER_LIMIT], 3);
	/* mixed with good ones nothing is lost or shifted */
	for (uint16_t mid = 100; mid < 150; mid++) {
		struct datagram good;
		message_begin(&good, CON, GET, mid, "");
		message_text(&good, 11, "nothing");
		bed_send(bed, &good);
		if (mid % 5 == 0)
			bed_send(bed, &request);
	}
	unsigned found = 0, large = 0;
	while (found < 50 || large < 10) {
		bed_expect(bed, &answer);
		if (message_code(&answer) == COAP_CODE(4, 13))
			large++;
		else
			assert_int_equal(message_id(&answer), 100 + found++);
	}
}

static void wrong_interface_is_silence(void **state)
{
	struct bed *bed = *state;
	struct datagram request, answer;
	struct lan_stats stats;

	for (int i = 0; i < 5; i++) {
		message_reading(&request, CON, (uint16_t)i, "t", "sensor-1");
		bed_send(bed, &request);
	}
	bed_await(bed, bed->away[AWAY_WRONG_INTERFACE] == 5);
	assert_false(bed_receive(bed, &answer, 50));
	lan_stats(bed->lan, &stats);
	assert_int_equal(stats.requests, 0);
	assert_int_equal(stats.sessions, 0); /* libcoap never heard of it */
	assert_int_equal(bed->requests, 0);
}

static void many_sources_stay_bounded(void **state)
{
	struct bed *bed = *state;
	struct lan_stats stats;
	struct datagram request, answer;
	int first = bed->fd;

	bed_verify(bed);
	uint64_t cap = bed->limits.value[LIMIT_SESSIONS];
	for (unsigned i = 0; i < cap + 50; i++) {
		bed->fd = bed_socket(bed);
		message_begin(&request, CON, GET, (uint16_t)i, "");
		message_text(&request, 11, "nothing");
		bed_ask(bed, &request, COAP_CODE(4, 4), &answer);
		close(bed->fd);
	}
	bed->fd = first;
	lan_stats(bed->lan, &stats);
	assert_true(stats.sessions <= cap + 1);
	assert_true(bed->limits.reached[LIMIT_SESSIONS] > 0);
}

/* The table of those who showed that they are there: the oldest makes room. */
static void verified_addresses_stay_bounded(void **state)
{
	struct bed *bed = *state;
	struct device_address address = {.port = 5683, .interface = "lo"};
	uint64_t most = bed->limits.value[LIMIT_VERIFIED_ADDRESSES];

	address.ip.s6_addr[10] = address.ip.s6_addr[11] = 0xff;
	address.ip.s6_addr[12] = 10;
	for (uint64_t i = 0; i < most + 3; i++) {
		address.ip.s6_addr[14] = (uint8_t)(i >> 8);
		address.ip.s6_addr[15] = (uint8_t)i;
		assert_true(lan_address_verified(bed->lan, &address));
	}
	assert_int_equal(bed->limits.reached[LIMIT_VERIFIED_ADDRESSES], 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_method_on_each_path),
		TEST(options_change_nothing),
		TEST(short_and_broken_datagrams),
		TEST(long_tokens),
		TEST(echo_opens_the_door),
		TEST(wrong_echo_is_asked_again),
		TEST(probe_verifies_who_ignores_echo),
		TEST(remembered_reading_is_answered),
		TEST(one_link_for_the_unverified),
		TEST(large_answers_are_cut),
		TEST(oversized_datagrams),
		cmocka_unit_test_setup_teardown(
			wrong_interface_is_silence, setup_elsewhere, teardown),
		TEST(many_sources_stay_bounded),
		TEST(verified_addresses_stay_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
