/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DTLS at our door: who gets in, who does not and what can be learned from it, what forged
 * datagrams do (nothing), and a device that lost its session and comes back from the same port.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "dtls.h"

static int open_bed(void **state)
{
	static struct bed bed;

	bed_open_secure(&bed, AF_INET, NULL);
	*state = &bed;
	return 0;
}

static int close_bed(void **state)
{
	bed_close(*state);
	return 0;
}

static uint64_t sessions(const struct bed *bed)
{
	struct lan_stats stats;

	lan_stats(bed->lan, &stats);
	return stats.secure_sessions;
}

static void reading_make(struct datagram *message, uint16_t mid, const char *token)
{
	message_begin(message, CON, POST, mid, token);
	message_text(message, 11, "t");
	message_option(message, 12, "", 0);
	message_payload(message, "21.5");
}

/* ---- in ---- */

static void test_session_says_who_speaks(void **state)
{
	struct bed *bed = *state;
	struct datagram request, answer;
	struct dtls dtls;

	dtls_enter(&dtls, bed, "known-1");
	assert_string_equal(SSL_get_cipher_name(dtls.ssl), "PSK-AES128-CCM8");
	reading_make(&request, 1, "a");
	dtls_ask(&dtls, &request, COAP_CODE(2, 4), &answer);
	assert_int_equal(bed->requests, 1);
	assert_string_equal(bed->last.view.ep, "known-1");
	message_begin(&request, CON, POST, 2, "b");
	message_text(&request, 11, "t");
	message_text(&request, 15, "ep=known-1");
	message_payload(&request, "21.5");
	dtls_ask(&dtls, &request, COAP_CODE(2, 4), &answer);
	/* another name, also one that differs in case alone, is none of this session */
	for (int i = 0; i < 2; i++) {
		message_begin(&request, CON, POST, (uint16_t)(3 + i), "c");
		message_text(&request, 11, "t");
		message_text(&request, 15, i ? "ep=Known-1" : "ep=known-2");
		message_payload(&request, "21.5");
		dtls_ask(&dtls, &request, COAP_CODE(4, 0), &answer);
	}
	assert_int_equal(bed->requests, 2);
	dtls_close(&dtls);
	bed_await(bed, sessions(bed) == 0);
}

static void look_at_peer(struct bed *bed, const struct lan_request *request)
{
	const struct lan_answer changed = {.code = COAP_CODE(2, 4), .format = -1, .max_age = -1};

	*(struct lan_peer *)bed->host_data = *request->peer;
	lan_answer(request->exchange, &changed);
}

static void test_peer(void **state)
{
	struct bed *bed = *state;
	struct datagram request, answer;
	struct lan_peer peer = {0};
	struct dtls dtls;

	bed->host = look_at_peer;
	bed->host_data = &peer;
	dtls_enter(&dtls, bed, "known-1");
	reading_make(&request, 1, "a");
	dtls_ask(&dtls, &request, COAP_CODE(2, 4), &answer);
	assert_int_equal(peer.trust, TRUST_PSK);
	assert_string_equal(peer.identity, "known-1");
	assert_true(peer.verified);
	assert_int_equal(peer.address.port, dtls_local_port(&dtls));
	assert_string_equal(peer.address.interface, "lo");
	dtls_lose(&dtls);
}

static void test_ciphers(void **state)
{
	static const struct {
		const char *name;
		bool taken;
	} rows[] = {
		{"PSK-AES128-CCM8", true},
		{"PSK-AES256-CCM8", true},
		{"PSK-AES128-CCM", true},
		{"PSK-AES128-GCM-SHA256", true},
		{"PSK-AES256-GCM-SHA384", true},
		{"ECDHE-PSK-CHACHA20-POLY1305", true},
		{"PSK-AES128-CBC-SHA256", false},
		{"PSK-AES128-CBC-SHA", false},
		{"PSK-NULL-SHA256", false},
		{"ECDHE-PSK-AES128-CBC-SHA256", false},
	};
	struct bed *bed = *state;
	struct dtls dtls;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		dtls_open(&dtls, bed, dtls_socket(bed, 0), "known-1", rows[i].name);
		assert_int_equal(dtls_connect(&dtls, 5000), rows[i].taken);
		dtls_close(&dtls);
	}
	/* who offers it gets forward secrecy */
	dtls_open(&dtls, bed, dtls_socket(bed, 0), "known-1",
		"PSK-AES128-CCM8:ECDHE-PSK-CHACHA20-POLY1305");
	assert_true(dtls_connect(&dtls, BED_PATIENCE_MSEC));
	assert_string_equal(SSL_get_cipher_name(dtls.ssl), "ECDHE-PSK-CHACHA20-POLY1305");
	dtls_close(&dtls);
}

/* Whatever else OpenSSL can do with a PSK: NULL, CBC, RSA and DHE, by its own list. */
static void test_no_other_cipher(void **state)
{
	static const char *const taken[] = {"ECDHE-PSK-CHACHA20-POLY1305", "PSK-AES128-CCM8",
		"PSK-AES256-CCM8", "PSK-AES128-CCM", "PSK-AES256-CCM", "PSK-AES128-GCM-SHA256",
		"PSK-AES256-GCM-SHA384", "PSK-CHACHA20-POLY1305"};
	SSL_CTX *ctx = SSL_CTX_new(DTLS_client_method());
	struct bed *bed = *state;
	unsigned refused = 0;
	struct dtls dtls;

	assert_int_equal(SSL_CTX_set_cipher_list(ctx, "ALL:COMPLEMENTOFALL:@SECLEVEL=0"), 1);
	STACK_OF(SSL_CIPHER) *all = SSL_CTX_get_ciphers(ctx);
	for (int i = 0; i < sk_SSL_CIPHER_num(all); i++) {
		char list[80];
		const char *name = SSL_CIPHER_get_name(sk_SSL_CIPHER_value(all, i));
		bool ours = false;

		for (size_t j = 0; j < sizeof(taken) / sizeof(taken[0]); j++)
			ours = ours || !strcmp(name, taken[j]);
		if (ours || !strstr(name, "PSK"))
			continue;
		snprintf(list, sizeof(list), "%s:@SECLEVEL=0", name);
		dtls_open(&dtls, bed, dtls_socket(bed, 0), "known-1", list);
		if (dtls_connect(&dtls, 5000))
			fail_msg("%s is taken", name);
		dtls_close(&dtls);
		refused++;
	}
	assert_true(refused > 10);
	SSL_CTX_free(ctx);
}

/* What a failed handshake tells: OpenSSL's reason, how many bytes came and how many went. */
struct failure {
	unsigned long reason;
	uint64_t asked, read, written;
};

/* Within a second: then both sides begin to say again what they had said, and how much that is
 * depends on the moment. A machine that stood still so long makes it once more. */
static void turn_down(struct bed *bed, const char *identity, const char *key, struct failure *ret)
{
	uint64_t begin, asked;
	struct dtls dtls;
	int tries = 20;

	do {
		assert_true(tries-- > 0);
		begin = clock_boot_usec();
		asked = bed->psk_asked;
		ERR_clear_error();
		dtls_open(&dtls, bed, dtls_socket(bed, 0), identity, NULL);
		if (key)
			memcpy(dtls.psk, key, dtls.psk_size);
		assert_false(dtls_connect(&dtls, 400));
		*ret = (struct failure){.reason = ERR_peek_error(),
			.asked = bed->psk_asked - asked,
			.read = BIO_number_read(SSL_get_rbio(dtls.ssl)),
			.written = BIO_number_written(SSL_get_wbio(dtls.ssl))};
		dtls_lose(&dtls);
	} while (clock_boot_usec() - begin > 950 * USEC_PER_MSEC);
}

static void test_unknown_identity_looks_like_a_wrong_key(void **state)
{
	struct bed *bed = *state;
	struct failure wrong, unknown, again;

	turn_down(bed, "known-1", "fedcba9876543210", &wrong);
	turn_down(bed, "knoun-1", NULL, &unknown);
	turn_down(bed, "knoun-1", NULL, &again);
	assert_true(wrong.asked == 1 && unknown.asked == 1 && again.asked == 1);
	assert_int_equal(wrong.reason, unknown.reason);
	assert_int_equal(wrong.read, unknown.read);
	assert_int_equal(wrong.written, unknown.written);
	assert_int_equal(unknown.reason, again.reason);
	assert_int_equal(sessions(bed), 0);
}

static void test_identity_that_no_name_can_be(void **state)
{
	struct bed *bed = *state;
	struct failure longer;
	char identity[101];

	memset(identity, 'k', sizeof(identity));
	identity[100] = '\0';
	turn_down(bed, identity, NULL, &longer);
	assert_int_equal(bed->psk_asked, 0);
}

/* ---- forged datagrams ---- */

/* A ClientHello as OpenSSL writes it, without a cookie. */
static size_t hello_take(struct bed *bed, uint8_t bytes[1500])
{
	struct dtls dtls;
	BIO *memory = BIO_new(BIO_s_mem());
	char *data;

	dtls_open(&dtls, bed, dtls_socket(bed, 0), "known-1", NULL);
	SSL_set_bio(dtls.ssl, BIO_new(BIO_s_mem()), memory);
	SSL_connect(dtls.ssl);
	long size = BIO_get_mem_data(memory, &data);
	assert_true(size > 60 && size < 1500);
	memcpy(bytes, data, (size_t)size);
	dtls_lose(&dtls);
	return (size_t)size;
}

static ssize_t answer_to(struct bed *bed, int fd, const uint8_t *bytes, size_t size)
{
	uint8_t answer[1500];
	ssize_t got = -1;

	assert_int_equal(send(fd, bytes, size, 0), size);
	for (int i = 0; i < 100 && got < 0; i++) {
		sd_event_run(bed->loop, 5000);
		got = recv(fd, answer, sizeof(answer), 0);
	}
	return got;
}

static void test_hello_without_cookie_costs_nothing(void **state)
{
	struct bed *bed = *state;
	struct lan_stats stats;
	uint8_t hello[1500];
	size_t size = hello_take(bed, hello);

	for (int i = 0; i < 600; i++) {
		int fd = dtls_socket(bed, 0);
		ssize_t got = answer_to(bed, fd, hello, size);
		assert_true(got > 0 && (size_t)got < size);
		close(fd);
	}
	lan_stats(bed->lan, &stats);
	assert_int_equal(stats.secure_sessions, 0);
	assert_int_equal(stats.sessions, 0);
	assert_int_equal(bed->limits.reached[LIMIT_HANDSHAKES], 0);
	assert_int_equal(bed->psk_asked, 0);
}

static void test_cookie_of_another_address(void **state)
{
	struct bed *bed = *state;
	uint8_t answer[1500], hello[1500], forged[1500];
	size_t size = hello_take(bed, hello);
	struct sockaddr_in other = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000002)};
	struct sockaddr_in to = {.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(lan_secure_port(bed->lan))};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	ssize_t got = -1;

	/* 127.0.0.2 gets a cookie, 127.0.0.1 uses it */
	assert_int_equal(bind(fd, (struct sockaddr *)&other, sizeof(other)), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	assert_int_equal(send(fd, hello, size, 0), size);
	for (int i = 0; i < 100 && got < 0; i++) {
		sd_event_run(bed->loop, 5000);
		got = recv(fd, answer, sizeof(answer), 0);
	}
	assert_int_equal(got, 28 + 12);
	close(fd);
	size_t at = 13 + 12 + 2 + 32 + 1;
	assert_int_equal(hello[at], 0);
	memcpy(forged, hello, at);
	memcpy(forged + at, answer + 27, 13);
	memcpy(forged + at + 13, hello + at + 1, size - at - 1);
	forged[12] += 12, forged[16] += 12, forged[24] += 12;
	fd = dtls_socket(bed, 0);
	assert_int_equal(answer_to(bed, fd, forged, size + 12), 28 + 12);
	close(fd);
	assert_int_equal(bed->psk_asked, 0);
}

static void test_records_of_nobody_are_silent(void **state)
{
	static const uint8_t records[][20] = {
		{23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 1, 0, 7, 1, 2, 3, 4, 5, 6, 7},
		{21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 1, 0, 7, 1, 0, 3, 4, 5, 6, 7},
		{22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 1, 0, 7, 1, 0, 0, 4, 5, 6, 7},
		{64, 1, 0, 1},
	};
	struct bed *bed = *state;
	struct lan_stats stats;
	int fd = dtls_socket(bed, 0);

	for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++)
		assert_int_equal(answer_to(bed, fd, records[i], sizeof(records[i])), -1);
	lan_stats(bed->lan, &stats);
	assert_int_equal(stats.sessions, 0);
	assert_int_equal(stats.silenced, 4);
	assert_int_equal(bed->away[AWAY_MALFORMED], 2);
	close(fd);
}

/* From the very address and port of a session: a ClientHello, an alert, and records of every length
 * that say that they are protected, alone and behind another one. */
static void noise_send(const struct dtls *dtls)
{
	static const uint8_t alert[] = {21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 1, 0};
	uint8_t noise[200] = {23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 99};
	uint8_t both[sizeof(alert) + sizeof(noise)];

	assert_int_equal(send(dtls->fd, alert, sizeof(alert), 0), sizeof(alert));
	for (size_t length = 0; length < 40; length++) {
		noise[12] = (uint8_t)length;
		assert_int_equal(send(dtls->fd, noise, 13 + length, 0), 13 + length);
		memcpy(both, alert, sizeof(alert));
		memcpy(both + sizeof(alert), noise, 13 + length);
		send(dtls->fd, both, sizeof(alert) + 13 + length, 0);
	}
}

static void test_forged_datagrams_end_no_session(void **state)
{
	static const char *const ciphers[] = {
		"PSK-AES128-CCM8", "PSK-AES128-GCM-SHA256", "ECDHE-PSK-CHACHA20-POLY1305"};
	struct bed *bed = *state;
	struct datagram request, answer;
	uint8_t hello[1500];
	size_t size = hello_take(bed, hello);

	for (unsigned i = 0; i < 3; i++) {
		struct dtls dtls;
		dtls_open(&dtls, bed, dtls_socket(bed, 0), "known-1", ciphers[i]);
		assert_true(dtls_connect(&dtls, BED_PATIENCE_MSEC));
		bed_await(bed, sessions(bed) == 1);
		assert_int_equal(send(dtls.fd, hello, size, 0), size);
		noise_send(&dtls);
		reading_make(&request, (uint16_t)(1 + i), "a");
		dtls_ask(&dtls, &request, COAP_CODE(2, 4), &answer);
		assert_int_equal(sessions(bed), 1);
		dtls_close(&dtls);
		bed_await(bed, sessions(bed) == 0);
	}
}

/* ---- back again ---- */

static void test_back_from_the_same_port(void **state)
{
	struct bed *bed = *state;
	struct datagram request, answer;
	struct dtls dtls;

	dtls_enter(&dtls, bed, "known-kept");
	reading_make(&request, 1, "a");
	dtls_ask(&dtls, &request, COAP_CODE(2, 4), &answer);
	uint16_t port = dtls_local_port(&dtls);
	for (int i = 0; i < 2; i++) {
		dtls_lose(&dtls);
		uint64_t begin = bed->lived_usec;
		dtls_open(&dtls, bed, dtls_socket(bed, port), "known-kept", NULL);
		assert_true(dtls_connect(&dtls, BED_PATIENCE_MSEC));
		/* The second time within the pause between two questions: that may add as much. */
		assert_true(bed->lived_usec - begin < (i ? 15 : 5) * USEC_PER_SEC);
		reading_make(&request, (uint16_t)(2 + i), "b");
		dtls_ask(&dtls, &request, COAP_CODE(2, 4), &answer);
		assert_int_equal(sessions(bed), 1);
	}
	dtls_lose(&dtls);
}

/* Somebody at the device's own address knocks with a good cookie: the device is asked, answers, and
 * keeps its session. */
static void test_who_answers_keeps_its_session(void **state)
{
	struct bed *bed = *state;
	struct datagram request, answer;
	struct dtls dtls, other;

	dtls_enter(&dtls, bed, "known-1");
	dtls_open(&other, bed, dup(dtls.fd), "known-1", NULL);
	/* one socket, two speakers: the other one's handshake goes as far as its second hello */
	SSL_connect(other.ssl);
	for (int i = 0; i < 20; i++)
		sd_event_run(bed->loop, 5000);
	SSL_connect(other.ssl);
	assert_true(dtls_receive(&dtls, &answer, BED_PATIENCE_MSEC));
	assert_int_equal(message_type(&answer), CON);
	assert_int_equal(message_code(&answer), 0);
	message_begin(&request, RST, 0, message_id(&answer), "");
	dtls_send(&dtls, &request);
	uint64_t until = clock_boot_usec() + 1500 * USEC_PER_MSEC;
	while (clock_boot_usec() < until)
		sd_event_run(bed->loop, 5000);
	assert_int_equal(sessions(bed), 1);
	reading_make(&request, 7, "a");
	dtls_ask(&dtls, &request, COAP_CODE(2, 4), &answer);
	dtls_lose(&other);
	dtls_lose(&dtls);
}

/* A handshake that was begun and forgotten does not hold the next one up. */
static void test_handshake_begun_anew(void **state)
{
	struct bed *bed = *state;
	struct dtls dtls;

	dtls_open(&dtls, bed, dtls_socket(bed, 0), "known-1", NULL);
	uint16_t port = dtls_local_port(&dtls);
	assert_int_equal(SSL_connect(dtls.ssl), -1);
	for (int i = 0; i < 20; i++)
		sd_event_run(bed->loop, 5000);
	assert_int_equal(SSL_connect(dtls.ssl), -1); /* with its cookie */
	for (int i = 0; i < 20; i++)
		sd_event_run(bed->loop, 5000);
	dtls_lose(&dtls);
	uint64_t begin = bed->lived_usec;
	dtls_open(&dtls, bed, dtls_socket(bed, port), "known-1", NULL);
	assert_true(dtls_connect(&dtls, BED_PATIENCE_MSEC));
	assert_true(bed->lived_usec - begin < 5 * USEC_PER_SEC);
	dtls_lose(&dtls);
}

/* Nobody says a word after a wrong key; after half a minute the handshake is over, a person is
 * told, and libcoap has forgotten it. */
static void test_a_handshake_has_its_time(void **state)
{
	struct bed *bed = *state;
	struct dtls dtls;

	dtls_open(&dtls, bed, dtls_socket(bed, 0), "known-1", NULL);
	dtls.psk[0] ^= 1;
	uint16_t port = dtls_local_port(&dtls);
	uint64_t begin = clock_boot_usec();
	assert_false(dtls_connect(&dtls, 1000));
	dtls_lose(&dtls);
	assert_int_equal(bed->away[AWAY_HANDSHAKE], 0);
	while (bed->away[AWAY_HANDSHAKE] == 0 && clock_boot_usec() - begin < 120 * USEC_PER_SEC)
		sd_event_run(bed->loop, 100000);
	assert_int_equal(bed->away[AWAY_HANDSHAKE], 1);
	assert_true(clock_boot_usec() - begin >= 29 * USEC_PER_SEC);
	/* records of it are of nobody now */
	int fd = dtls_socket(bed, port);
	static const uint8_t record[] = {22, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 1, 0, 4, 1, 2, 3, 4};
	assert_int_equal(answer_to(bed, fd, record, sizeof(record)), -1);
	close(fd);
}

static void test_one_device_one_session(void **state)
{
	struct bed *bed = *state;
	struct datagram request, answer;
	struct dtls first, second;

	dtls_enter(&first, bed, "known-1");
	dtls_enter(&second, bed, "known-1");
	bed_await(bed, sessions(bed) == 1);
	reading_make(&request, 1, "a");
	dtls_ask(&second, &request, COAP_CODE(2, 4), &answer);
	dtls_send(&first, &request);
	assert_false(dtls_receive(&first, &answer, 300));
	assert_int_equal(bed->requests, 1);
	dtls_lose(&first);
	dtls_lose(&second);
}

/* An answer that was held while the session ended is not lost: the device asks again, over its new
 * session, with the same message id. */
static void test_answer_outlives_its_session(void **state)
{
	const struct lan_answer changed = {.code = COAP_CODE(2, 4), .format = -1, .max_age = -1};
	struct bed *bed = *state;
	struct datagram request, answer;
	struct dtls dtls;

	bed->hold = true;
	dtls_enter(&dtls, bed, "known-kept");
	reading_make(&request, 1, "a");
	dtls_send(&dtls, &request);
	bed_await(bed, bed->requests == 1);
	dtls_lose(&dtls);
	dtls_enter(&dtls, bed, "known-kept");
	lan_answer(bed->last.view.exchange, &changed);
	dtls_ask(&dtls, &request, COAP_CODE(2, 4), &answer);
	assert_int_equal(bed->requests, 1);
	dtls_lose(&dtls);
}

static void block_make(struct datagram *message, uint16_t mid, unsigned number, bool more)
{
	uint8_t option = (uint8_t)(number << 4 | (more ? 8 : 0)); /* of 16 bytes */

	message_begin(message, CON, POST, mid, "t");
	message_text(message, 11, "t");
	message_option(message, 12, "", 0);
	message_option(message, 27, &option, 1);
	message_payload(message, "0123456789abcdef");
}

/* Another device gets the port: what the one before it had begun is not its own to go on with. */
static void test_a_body_is_of_one_peer(void **state)
{
	struct bed *bed = *state;
	struct datagram request, answer;
	struct dtls one, two;
	uint16_t port;

	dtls_enter(&one, bed, "known-1");
	port = dtls_local_port(&one);
	block_make(&request, 1, 0, true);
	dtls_ask(&one, &request, COAP_CODE(2, 31), &answer);
	dtls_close(&one);
	bed_await(bed, sessions(bed) == 0);
	dtls_open(&two, bed, dtls_socket(bed, port), "known-2", "PSK-AES128-CCM8");
	assert_true(dtls_connect(&two, 5000));
	block_make(&request, 2, 1, false);
	dtls_ask(&two, &request, COAP_CODE(4, 8), &answer);
	assert_int_equal(bed->requests, 0);
	/* its own, whole */
	block_make(&request, 3, 0, true);
	dtls_ask(&two, &request, COAP_CODE(2, 31), &answer);
	block_make(&request, 4, 1, false);
	dtls_ask(&two, &request, COAP_CODE(2, 4), &answer);
	assert_int_equal(bed->requests, 1);
	assert_int_equal(bed->last.payload_size, 32);
	dtls_close(&two);
}

static void test_answered_before_a_restart(void **state)
{
	const struct request_key key = {
		.message_id = 77, .confirmable = true, .token_size = 1, .token = "z"};
	struct bed *bed = *state;
	struct datagram request, answer;
	struct dtls dtls;

	lan_remember_session(bed->lan, TRUST_PSK, "known-1", &key, clock_boot_usec());
	lan_remember_session(bed->lan, TRUST_CERT, "known-2", &key, clock_boot_usec());
	dtls_enter(&dtls, bed, "known-1");
	reading_make(&request, 77, "z");
	dtls_ask(&dtls, &request, COAP_CODE(2, 4), &answer);
	assert_int_equal(bed->requests, 0);
	dtls_lose(&dtls);
	/* an identity of the other kind is another peer */
	dtls_enter(&dtls, bed, "known-2");
	dtls_ask(&dtls, &request, COAP_CODE(2, 4), &answer);
	assert_int_equal(bed->requests, 1);
	dtls_lose(&dtls);
}

static void test_separate_answer(void **state)
{
	const struct lan_answer changed = {.code = COAP_CODE(2, 4), .format = -1, .max_age = -1};
	struct bed *bed = *state;
	struct datagram request, answer;
	struct dtls dtls;

	bed->hold = true;
	dtls_enter(&dtls, bed, "known-1");
	reading_make(&request, 9, "s");
	dtls_send(&dtls, &request);
	assert_true(dtls_receive(&dtls, &answer, BED_PATIENCE_MSEC));
	assert_int_equal(message_type(&answer), ACK);
	assert_int_equal(message_code(&answer), 0);
	lan_answer(bed->last.view.exchange, &changed);
	assert_true(dtls_receive(&dtls, &answer, BED_PATIENCE_MSEC));
	assert_int_equal(message_type(&answer), CON);
	assert_int_equal(message_code(&answer), COAP_CODE(2, 4));
	message_begin(&request, ACK, 0, message_id(&answer), "");
	dtls_send(&dtls, &request);
	dtls_lose(&dtls);
}

static void observe(struct bed *bed, const struct lan_request *request)
{
	const struct lan_answer answer = {
		.code = COAP_CODE(2, 5), .format = -1, .payload = SPAN_LITERAL("0")};

	*(struct lan_observer **)bed->host_data =
		lan_observe(request->exchange, &answer, bed->host_data);
}

static void observer_make(struct bed *bed, struct dtls *dtls, struct lan_observer **observer)
{
	struct datagram request, answer;

	bed->host = observe;
	bed->host_data = observer;
	message_begin(&request, CON, GET, 1, "o");
	message_option(&request, 6, "", 0);
	message_text(&request, 11, "d");
	message_text(&request, 11, "x");
	message_text(&request, 11, "c");
	dtls_ask(dtls, &request, COAP_CODE(2, 5), &answer);
	assert_non_null(*observer);
}

/* Nobody here sees an acknowledgement inside of the session: each change is told all the same. */
static void test_observer_is_told_of_each_change(void **state)
{
	struct bed *bed = *state;
	struct lan_observer *observer = NULL;
	struct datagram request, told;
	struct dtls dtls;
	char text[DATAGRAM_MAX];

	dtls_enter(&dtls, bed, "known-kept");
	observer_make(bed, &dtls, &observer);
	for (char change = '1'; change < '6'; change++) {
		const struct lan_answer answer = {
			.code = COAP_CODE(2, 5), .format = -1, .payload = span_of(&change, 1)};
		lan_notify(observer, &answer);
		assert_true(dtls_receive(&dtls, &told, BED_PATIENCE_MSEC));
		assert_int_equal(message_type(&told), CON);
		assert_true(message_token_is(&told, "o"));
		assert_int_equal(message_body(&told, text)[0], change);
		message_begin(&request, ACK, 0, message_id(&told), "");
		dtls_send(&dtls, &request);
	}
	assert_int_equal(bed->unobserved, 0);
	/* who resets one wants no more of them */
	lan_notify(observer, &(const struct lan_answer){.code = COAP_CODE(2, 5), .format = -1});
	assert_true(dtls_receive(&dtls, &told, BED_PATIENCE_MSEC));
	message_begin(&request, RST, 0, message_id(&told), "");
	dtls_send(&dtls, &request);
	bed_await(bed, bed->unobserved == 1);
	dtls_lose(&dtls);
}

/* An observer must not keep a dead session: its device would never get in again. */
static void test_observer_goes_with_its_session(void **state)
{
	struct bed *bed = *state;
	struct lan_observer *observer = NULL;
	struct datagram request, answer;
	struct dtls dtls;

	dtls_enter(&dtls, bed, "known-kept");
	observer_make(bed, &dtls, &observer);
	uint16_t port = dtls_local_port(&dtls);
	dtls_lose(&dtls);
	dtls_open(&dtls, bed, dtls_socket(bed, port), "known-kept", NULL);
	assert_true(dtls_connect(&dtls, BED_PATIENCE_MSEC));
	assert_int_equal(bed->unobserved, 1);
	assert_ptr_equal(bed->unobserved_userdata, &observer);
	bed->host = NULL;
	reading_make(&request, 2, "a");
	dtls_ask(&dtls, &request, COAP_CODE(2, 4), &answer);
	dtls_lose(&dtls);
}

static void test_keys_that_changed(void **state)
{
	struct bed *bed = *state;
	struct datagram request, answer;
	struct dtls dtls;

	dtls_enter(&dtls, bed, "known-1");
	lan_recheck_keys(bed->lan);
	assert_int_equal(sessions(bed), 1);
	bed->psk[0] ^= 1;
	lan_recheck_keys(bed->lan);
	assert_int_equal(sessions(bed), 0);
	reading_make(&request, 1, "a");
	SSL_write(dtls.ssl, request.bytes, (int)request.size);
	assert_false(dtls_receive(&dtls, &answer, 300));
	assert_int_equal(bed->requests, 0);
	dtls_lose(&dtls);
	/* the new key is good at once; gone altogether it is no more */
	dtls_enter(&dtls, bed, "known-1");
	bed->psk_size = 8;
	lan_recheck_keys(bed->lan);
	assert_int_equal(sessions(bed), 0);
	dtls_lose(&dtls);
}

/* A handshake that asked for the key before it changed, and ends after that, has the old one. */
static void test_a_key_that_changed_during_the_handshake(void **state)
{
	struct bed *bed = *state;
	struct datagram request, answer;
	struct dtls dtls;

	bed->psk_turns = true;
	dtls_open(&dtls, bed, dtls_socket(bed, 0), "known-1", NULL);
	dtls_connect(&dtls, 1000);
	assert_false(bed->psk_turns);
	assert_int_equal(sessions(bed), 0);
	reading_make(&request, 1, "a");
	SSL_write(dtls.ssl, request.bytes, (int)request.size);
	assert_false(dtls_receive(&dtls, &answer, 300));
	assert_int_equal(bed->requests, 0);
	dtls_lose(&dtls);
	/* who has the key of now is in */
	dtls_enter(&dtls, bed, "known-1");
	assert_int_equal(sessions(bed), 1);
	dtls_lose(&dtls);
}

/* ---- limits ---- */

static void test_strangers_have_a_cap(void **state)
{
	const struct limits few = {.value[LIMIT_SECURE_STRANGERS] = 2};
	struct datagram request, answer;
	struct dtls kept, stranger[3];
	struct bed bed;
	char name[32];

	bed_open_secure(&bed, AF_INET6, &few);
	dtls_enter(&kept, &bed, "known-kept");
	for (int i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "known-%d", i);
		dtls_enter(&stranger[i], &bed, name);
		bed_await(&bed, sessions(&bed) == (i < 2 ? (uint64_t)i + 2 : 3));
	}
	assert_int_equal(bed.limits.reached[LIMIT_SECURE_STRANGERS], 1);
	reading_make(&request, 1, "a");
	dtls_ask(&kept, &request, COAP_CODE(2, 4), &answer);
	dtls_ask(&stranger[1], &request, COAP_CODE(2, 4), &answer);
	dtls_ask(&stranger[2], &request, COAP_CODE(2, 4), &answer);
	for (int i = 0; i < 3; i++)
		dtls_lose(&stranger[i]);
	dtls_lose(&kept);
	bed_close(&bed);
}

static void test_sessions_have_a_cap(void **state)
{
	const struct limits few = {.value[LIMIT_SECURE_SESSIONS] = 2};
	struct datagram request, answer;
	struct dtls kept, stranger, another;
	struct bed bed;

	bed_open_secure(&bed, AF_INET, &few);
	dtls_enter(&kept, &bed, "known-kept");
	dtls_enter(&stranger, &bed, "known-1");
	dtls_enter(&another, &bed, "known-kept-2");
	bed_await(&bed, bed.limits.reached[LIMIT_SECURE_SESSIONS] == 1);
	assert_int_equal(sessions(&bed), 2);
	reading_make(&request, 1, "a");
	dtls_ask(&kept, &request, COAP_CODE(2, 4), &answer);
	dtls_ask(&another, &request, COAP_CODE(2, 4), &answer);
	dtls_lose(&stranger);
	dtls_lose(&another);
	dtls_lose(&kept);
	bed_close(&bed);
}

static void test_handshakes_have_a_cap(void **state)
{
	const struct limits few = {.value[LIMIT_HANDSHAKES] = 2};
	struct dtls dtls[3];
	struct bed bed;

	bed_open_secure(&bed, AF_INET, &few);
	for (int i = 0; i < 3; i++) {
		dtls_open(&dtls[i], &bed, dtls_socket(&bed, 0), "known-1", NULL);
		SSL_connect(dtls[i].ssl);
		for (int j = 0; j < 20; j++)
			sd_event_run(bed.loop, 5000);
		SSL_connect(dtls[i].ssl);
		for (int j = 0; j < 20; j++)
			sd_event_run(bed.loop, 5000);
	}
	assert_int_equal(bed.limits.reached[LIMIT_HANDSHAKES], 1);
	/* the others had their time; the third repeats its hello and gets in */
	assert_true(dtls_connect(&dtls[2], BED_PATIENCE_MSEC));
	for (int i = 0; i < 3; i++)
		dtls_lose(&dtls[i]);
	bed_close(&bed);
}

/* A cookie is shown, and nothing more is said. */
static void begin(struct dtls *dtls, struct bed *bed, const char *from)
{
	struct sockaddr_in local = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct sockaddr_in remote = {.sin_family = AF_INET,
		.sin_port = htons(lan_secure_port(bed->lan)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	assert_int_equal(inet_pton(AF_INET, from, &local.sin_addr), 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&local, sizeof(local)), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&remote, sizeof(remote)), 0);
	dtls_open(dtls, bed, fd, "known-1", NULL);
	for (int i = 0; i < 2; i++) {
		SSL_connect(dtls->ssl);
		for (int j = 0; j < 20; j++)
			sd_event_run(bed->loop, 5000);
	}
}

/* One host that begins without end has its share, and takes no place from another. */
static void test_handshakes_of_one_address_have_a_cap(void **state)
{
	const struct limits few = {
		.value = {[LIMIT_HANDSHAKES] = 4, [LIMIT_HANDSHAKES_ADDRESS] = 2}};
	struct dtls loud[4], other;
	struct bed bed;

	bed_open_secure(&bed, AF_INET, &few);
	for (int i = 0; i < 4; i++)
		begin(&loud[i], &bed, "127.0.0.1");
	assert_true(bed.limits.reached[LIMIT_HANDSHAKES_ADDRESS] >= 1);
	assert_int_equal(bed.limits.reached[LIMIT_HANDSHAKES], 0);
	begin(&other, &bed, "127.0.0.2");
	assert_int_equal(bed.limits.reached[LIMIT_HANDSHAKES], 0);
	assert_true(dtls_connect(&other, 10000));
	/* its own oldest one makes room when that had its time */
	assert_true(dtls_connect(&loud[3], 10000));
	dtls_lose(&other);
	for (int i = 0; i < 4; i++)
		dtls_lose(&loud[i]);
	bed_close(&bed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_session_says_who_speaks, open_bed, close_bed),
		cmocka_unit_test_setup_teardown(test_peer, open_bed, close_bed),
		cmocka_unit_test_setup_teardown(test_ciphers, open_bed, close_bed),
		cmocka_unit_test_setup_teardown(test_no_other_cipher, open_bed, close_bed),
		cmocka_unit_test_setup_teardown(
			test_unknown_identity_looks_like_a_wrong_key, open_bed, close_bed),
		cmocka_unit_test_setup_teardown(
			test_identity_that_no_name_can_be, open_bed, close_bed),
		cmocka_unit_test_setup_teardown(
			test_hello_without_cookie_costs_nothing, open_bed, close_bed),
		cmocka_unit_test_setup_teardown(
			test_cookie_of_another_address, open_bed, close_bed),
		cmocka_unit_test_setup_teardown(
			test_records_of_nobody_are_silent, open_bed, close_bed),
		cmocka_unit_test_setup_teardown(
			test_forged_datagrams_end_no_session, open_bed, close_bed),
		cmocka_unit_test_setup_teardown(test_back_from_the_same_port, open_bed, close_bed),
		cmocka_unit_test_setup_teardown(
			test_who_answers_keeps_its_session, open_bed, close_bed),
		cmocka_unit_test_setup_teardown(test_handshake_begun_anew, open_bed, close_bed),
		cmocka_unit_test_setup_teardown(test_a_handshake_has_its_time, open_bed, close_bed),
		cmocka_unit_test_setup_teardown(test_one_device_one_session, open_bed, close_bed),
		cmocka_unit_test_setup_teardown(
			test_answer_outlives_its_session, open_bed, close_bed),
		cmocka_unit_test_setup_teardown(test_a_body_is_of_one_peer, open_bed, close_bed),
		cmocka_unit_test_setup_teardown(
			test_answered_before_a_restart, open_bed, close_bed),
		cmocka_unit_test_setup_teardown(test_separate_answer, open_bed, close_bed),
		cmocka_unit_test_setup_teardown(
			test_observer_is_told_of_each_change, open_bed, close_bed),
		cmocka_unit_test_setup_teardown(
			test_observer_goes_with_its_session, open_bed, close_bed),
		cmocka_unit_test_setup_teardown(test_keys_that_changed, open_bed, close_bed),
		cmocka_unit_test_setup_teardown(
			test_a_key_that_changed_during_the_handshake, open_bed, close_bed),
		cmocka_unit_test(test_strangers_have_a_cap),
		cmocka_unit_test(test_sessions_have_a_cap),
		cmocka_unit_test(test_handshakes_have_a_cap),
		cmocka_unit_test(test_handshakes_of_one_address_have_a_cap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
