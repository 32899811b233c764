/* SPDX-License-Identifier: Apache-2.0 */
/* Our own requests over DTLS, to a device that serves: OpenSSL alone, on one socket. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "bed.h"

#define NAME "known-1"

struct asked {
	unsigned replies;
	int result;
	uint8_t code;
	char payload[DATAGRAM_MAX];
};

struct device {
	struct bed bed;
	int fd;
	uint16_t port;
	SSL_CTX *ctx;
	SSL *ssl;
	uint8_t psk[LAN_PSK_MAX];
	size_t psk_size;
	char identity[128]; /* that somebody came with */
	struct asked asked[4];
	unsigned notices;
	struct lan_notice notice;
	char notice_text[DATAGRAM_MAX];
	struct lan_watch *watch;
};

static unsigned key_give(SSL *ssl, const char *identity, unsigned char *key, unsigned max)
{
	struct device *device = SSL_get_app_data(ssl);

	assert_true(strlen(identity) < sizeof(device->identity) && device->psk_size <= max);
	strcpy(device->identity, identity);
	memcpy(key, device->psk, device->psk_size);
	return (unsigned)device->psk_size;
}

static int socket_open(uint16_t *ret_port)
{
	struct sockaddr_in name = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(name);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof(name)), 0);
	getsockname(fd, (struct sockaddr *)&name, &size);
	*ret_port = ntohs(name.sin_port);
	return fd;
}

static void device_start(struct device *device)
{
	device->ssl = SSL_new(device->ctx);
	assert_non_null(device->ssl);
	SSL_set_app_data(device->ssl, device);
	BIO *bio = BIO_new_dgram(device->fd, BIO_NOCLOSE);
	SSL_set_bio(device->ssl, bio, bio);
	device->identity[0] = '\0';
}

/* It knows nothing any more, and said no word. */
static void device_reboot(struct device *device)
{
	uint8_t byte;

	SSL_set_quiet_shutdown(device->ssl, 1);
	SSL_free(device->ssl);
	while (recv(device->fd, &byte, 1, 0) >= 0)
		;
	device_start(device);
}

static int setup(void **state)
{
	struct device *device = calloc(1, sizeof(*device));
	const struct limits limits = {.value = {[LIMIT_SECURE_ASKED] = 2}};

	bed_open_secure(&device->bed, AF_INET, &limits);
	device->psk_size = device->bed.psk_size;
	memcpy(device->psk, device->bed.psk, device->psk_size);
	device->fd = socket_open(&device->port);
	device->ctx = SSL_CTX_new(DTLS_server_method());
	SSL_CTX_set_security_level(device->ctx, 0);
	SSL_CTX_set_psk_server_callback(device->ctx, key_give);
	assert_int_equal(SSL_CTX_set_cipher_list(device->ctx, "PSK-AES128-CCM8"), 1);
	device_start(device);
	*state = device;
	return 0;
}

static int teardown(void **state)
{
	struct device *device = *state;

	bed_close(&device->bed);
	SSL_set_quiet_shutdown(device->ssl, 1);
	SSL_free(device->ssl);
	SSL_CTX_free(device->ctx);
	close(device->fd);
	free(device);
	return 0;
}

static void replied(void *userdata, int result, uint8_t code, int format, struct span payload)
{
	struct asked *asked = userdata;

	(void)format;
	asked->replies++;
	asked->result = result;
	asked->code = code;
	asked->payload[0] = '\0';
	span_to_string(payload, asked->payload, sizeof(asked->payload));
}

static struct lan_outgoing outgoing_to(uint16_t port, const char *path)
{
	return (struct lan_outgoing){
		.to = {.port = port,
			.interface = "lo",
			.ip = {.s6_addr = {[10] = 0xff, [11] = 0xff, 127, 0, 0, 1}}},
		.identity = NAME,
		.method = LAN_GET,
		.path = path,
		.content_format = -1,
		.accept = -1,
		.answer_max = 64,
	};
}

static int ask(struct device *device, unsigned index, const char *path, uint64_t timeout_msec)
{
	struct lan_outgoing outgoing = outgoing_to(device->port, path);

	outgoing.timeout_usec = timeout_msec * USEC_PER_MSEC;
	return lan_send(device->bed.lan, &outgoing, replied, &device->asked[index]);
}

static void device_accept(struct device *device)
{
	uint64_t end = device->bed.lived_usec + BED_PATIENCE_MSEC * USEC_PER_MSEC;

	for (;;) {
		int r = SSL_accept(device->ssl);
		if (r == 1)
			return;
		assert_int_equal(SSL_get_error(device->ssl, r), SSL_ERROR_WANT_READ);
		assert_true(device->bed.lived_usec < end);
		bed_turn(&device->bed, 5000);
		DTLSv1_handle_timeout(device->ssl);
	}
}

static void device_receive(struct device *device, struct datagram *ret_message)
{
	uint64_t end = device->bed.lived_usec + BED_PATIENCE_MSEC * USEC_PER_MSEC;

	for (;;) {
		int r = SSL_read(device->ssl, ret_message->bytes, sizeof(ret_message->bytes));
		if (r > 0) {
			ret_message->size = (size_t)r;
			return;
		}
		assert_true(device->bed.lived_usec < end);
		bed_turn(&device->bed, 5000);
	}
}

static void device_send(struct device *device, const struct datagram *message)
{
	assert_int_equal(
		SSL_write(device->ssl, message->bytes, (int)message->size), (int)message->size);
}

static void answer_begin(
	struct datagram *answer, const struct datagram *request, int type, int code)
{
	size_t token = request->bytes[0] & 15;

	message_begin(answer, type, code, message_id(request), "");
	answer->bytes[0] = (uint8_t)(answer->bytes[0] | token);
	memcpy(answer->bytes + 4, request->bytes + 4, token);
	answer->size += token;
}

static void answer_send(struct device *device, const struct datagram *request, const char *text)
{
	struct datagram answer;

	answer_begin(&answer, request, ACK, COAP_CODE(2, 5));
	message_payload(&answer, text);
	device_send(device, &answer);
}

static uint64_t sessions(struct device *device)
{
	struct lan_stats stats;

	lan_stats(device->bed.lan, &stats);
	return stats.secure_asked;
}

/* The path's first part. */
static bool is_for(const struct datagram *request, const char *path)
{
	uint8_t value[64];
	int size = message_find(request, 11, value);

	return size == (int)strlen(path) && memcmp(value, path, strlen(path)) == 0;
}

/* ---- tests ---- */

static void it_is_asked_over_one_session(void **state)
{
	struct device *device = *state;
	struct datagram first, second;

	assert_int_equal(ask(device, 0, "/a", 0), 0);
	device_accept(device);
	assert_string_equal(device->identity, NAME);
	assert_string_equal(SSL_get_cipher_name(device->ssl), "PSK-AES128-CCM8");
	/* Another one beside it, and the answers in the other order. */
	assert_int_equal(ask(device, 1, "/b", 0), 0);
	device_receive(device, &first);
	device_receive(device, &second);
	assert_true(is_for(&first, "a") && is_for(&second, "b"));
	answer_send(device, &second, "of b");
	answer_send(device, &first, "of a");
	bed_await(&device->bed, device->asked[0].replies == 1 && device->asked[1].replies == 1);
	assert_int_equal(device->asked[0].result, 0);
	assert_int_equal(device->asked[0].code, COAP_CODE(2, 5));
	assert_string_equal(device->asked[0].payload, "of a");
	assert_string_equal(device->asked[1].payload, "of b");
	/* And one when nobody is under way any more: no handshake comes before it. */
	assert_int_equal(ask(device, 2, "/c", 0), 0);
	device_receive(device, &first);
	answer_send(device, &first, "of c");
	bed_await(&device->bed, device->asked[2].replies == 1);
	assert_string_equal(device->asked[2].payload, "of c");
	assert_int_equal(sessions(device), 1);
	/* Whoever speaks up over it without having been asked is reset. */
	answer_begin(&second, &first, CON, COAP_CODE(2, 5));
	device_send(device, &second);
	device_receive(device, &first);
	assert_int_equal(message_type(&first), RST);
}

static void without_its_key_nothing_is_sent(void **state)
{
	struct device *device = *state;
	struct lan_outgoing outgoing = outgoing_to(device->port, "/a");
	uint8_t byte;

	outgoing.identity = "nobody";
	assert_int_equal(lan_send(device->bed.lan, &outgoing, replied, &device->asked[0]), -ENOKEY);
	assert_int_equal(
		lan_watch(device->bed.lan, &outgoing, NULL, NULL, &device->watch), -ENOKEY);
	bed_turn(&device->bed, 50000);
	assert_int_equal(recv(device->fd, &byte, 1, 0), -1);
	assert_int_equal(sessions(device), 0);
}

/* A device that says nothing at all: what it gets are tries to shake hands, with our ciphers and no
 * others. */
static void nothing_goes_out_in_clear(void **state)
{
	static const uint16_t ours[] = {
		0xccac, 0xc0a8, 0xc0a9, 0xc0a4, 0xc0a5, 0x00a8, 0x00a9, 0xccab, 0x00ff};
	struct device *device = *state;
	uint8_t bytes[DATAGRAM_MAX];
	unsigned received = 0, known = 0;
	ssize_t size;

	assert_int_equal(ask(device, 0, "/a", 4000), 0);
	while (device->asked[0].replies == 0) {
		bed_turn(&device->bed, 5000);
		size = recv(device->fd, bytes, sizeof(bytes), 0);
		if (size < 0)
			continue;
		received++;
		assert_true(size > 63 && bytes[0] == 22 && bytes[13] == 1);
		const uint8_t *at = bytes + 13 + 12 + 2 + 32;
		at += 1 + at[0]; /* session */
		at += 1 + at[0]; /* cookie */
		size_t count = (size_t)(at[0] << 8 | at[1]) / 2;
		at += 2;
		for (size_t i = 0; i < count; i++, at += 2)
			for (size_t o = 0; o < ELEMENTS(ours); o++)
				known += ours[o] == (uint16_t)(at[0] << 8 | at[1]);
		assert_true(count > 0 && known == count);
		known = 0;
	}
	assert_true(received > 0);
	assert_int_equal(device->asked[0].result, -ETIMEDOUT);
	/* Its place is free again. */
	bed_await(&device->bed, sessions(device) == 0);
}

static void a_handshake_has_its_time(void **state)
{
	struct device *device = *state;

	assert_int_equal(ask(device, 0, "/a", 60000), 0);
	assert_int_equal(ask(device, 1, "/b", 60000), 0);
	bed_await(&device->bed, device->asked[0].replies == 1);
	assert_int_equal(device->asked[0].result, -ETIMEDOUT);
	assert_int_equal(device->asked[1].replies, 1);
	bed_await(&device->bed, sessions(device) == 0);
}

static void accept_turn(struct device *device)
{
	SSL_accept(device->ssl);
	bed_turn(&device->bed, 5000);
}

static void who_has_another_key_is_nobody(void **state)
{
	struct device *device = *state;

	device->psk[0] ^= 1;
	assert_int_equal(ask(device, 0, "/a", 60000), 0);
	uint64_t end = device->bed.lived_usec + BED_PATIENCE_MSEC * USEC_PER_MSEC;
	while (!device->identity[0] && device->bed.lived_usec < end)
		accept_turn(device);
	assert_string_equal(device->identity, NAME);
	assert_int_equal(ask(device, 1, "/b", 200), 0);
	while (device->asked[1].replies == 0 && device->bed.lived_usec < end)
		accept_turn(device);
	assert_int_equal(device->asked[1].replies, 1);
	assert_true(device->asked[1].result < 0);
	assert_false(SSL_is_init_finished(device->ssl));
}

static void nobody_is_there(void **state)
{
	struct device *device = *state;
	const struct sockaddr_in discard = {.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(9)};
	uint16_t port;
	/* It keeps the port, and hears nobody but one who never speaks. */
	int deaf = socket_open(&port);

	assert_int_equal(connect(deaf, (const struct sockaddr *)&discard, sizeof(discard)), 0);
	struct lan_outgoing outgoing = outgoing_to(port, "/a");
	assert_int_equal(lan_send(device->bed.lan, &outgoing, replied, &device->asked[0]), 0);
	bed_await(&device->bed, device->asked[0].replies == 1);
	assert_int_equal(device->asked[0].result, -ECONNREFUSED);
	bed_await(&device->bed, sessions(device) == 0);
	close(deaf);
}

static void it_ends_the_session(void **state)
{
	struct device *device = *state;
	struct datagram request;

	assert_int_equal(ask(device, 0, "/a", 0), 0);
	device_accept(device);
	device_receive(device, &request);
	SSL_shutdown(device->ssl);
	bed_await(&device->bed, device->asked[0].replies == 1);
	assert_int_equal(device->asked[0].result, -ECONNRESET);
	bed_await(&device->bed, sessions(device) == 0);
	device_reboot(device);
	assert_int_equal(ask(device, 1, "/b", 0), 0);
	device_accept(device);
	device_receive(device, &request);
	answer_send(device, &request, "again");
	bed_await(&device->bed, device->asked[1].replies == 1);
	assert_string_equal(device->asked[1].payload, "again");
}

/* It restarted and knows nothing of the session: one question is lost, and the next one shakes
 * hands. */
static void it_restarted(void **state)
{
	struct device *device = *state;
	struct datagram request;

	assert_int_equal(ask(device, 0, "/a", 0), 0);
	device_accept(device);
	device_receive(device, &request);
	answer_send(device, &request, "1");
	bed_await(&device->bed, device->asked[0].replies == 1);
	device_reboot(device);
	assert_int_equal(ask(device, 1, "/a", 500), 0);
	bed_await(&device->bed, device->asked[1].replies == 1);
	assert_int_equal(device->asked[1].result, -ETIMEDOUT);
	device_reboot(device);
	assert_int_equal(ask(device, 2, "/a", 0), 0);
	device_accept(device);
	device_receive(device, &request);
	answer_send(device, &request, "2");
	bed_await(&device->bed, device->asked[2].replies == 1);
	assert_string_equal(device->asked[2].payload, "2");
	bed_await(&device->bed, sessions(device) == 1);
}

static void noticed(void *userdata, const struct lan_notice *notice)
{
	struct device *device = userdata;

	device->notices++;
	device->notice = *notice;
	span_to_string(notice->payload, device->notice_text, sizeof(device->notice_text));
	if (!notice->goes_on)
		device->watch = NULL;
}

static void notify(struct device *device, const struct datagram *request, int type,
	uint8_t sequence, const char *text)
{
	struct datagram message;

	answer_begin(&message, request, type, COAP_CODE(2, 5));
	if (type == NON)
		message.bytes[2] ^= sequence;
	message_option(&message, 6, &sequence, 1);
	message_payload(&message, text);
	device_send(device, &message);
}

static void it_is_observed(void **state)
{
	struct device *device = *state;
	struct lan_outgoing outgoing = outgoing_to(device->port, "/o");
	struct datagram request, other;

	assert_int_equal(lan_watch(device->bed.lan, &outgoing, noticed, device, &device->watch), 0);
	device_accept(device);
	device_receive(device, &request);
	notify(device, &request, ACK, 1, "first");
	bed_await(&device->bed, device->notices == 1);
	assert_true(device->notice.goes_on);
	notify(device, &request, NON, 2, "second");
	bed_await(&device->bed, device->notices == 2);
	assert_string_equal(device->notice_text, "second");
	/* A question beside it, in the same session. */
	assert_int_equal(ask(device, 0, "/a", 0), 0);
	device_receive(device, &other);
	answer_send(device, &other, "beside");
	bed_await(&device->bed, device->asked[0].replies == 1);
	assert_int_equal(sessions(device), 1);
	/* The session ends, and the observation with it. */
	SSL_shutdown(device->ssl);
	bed_await(&device->bed, device->notices == 3);
	assert_int_equal(device->notice.result, -ECONNRESET);
	assert_null(device->watch);
}

static void its_key_is_withdrawn(void **state)
{
	struct device *device = *state;
	struct datagram request;

	assert_int_equal(ask(device, 0, "/a", 0), 0);
	device_accept(device);
	device_receive(device, &request);
	lan_recheck_keys(device->bed.lan);
	assert_int_equal(device->asked[0].replies, 0);
	device->bed.psk[0] ^= 1;
	lan_recheck_keys(device->bed.lan);
	assert_int_equal(device->asked[0].replies, 1);
	assert_int_equal(device->asked[0].result, -EKEYREVOKED);
	answer_send(device, &request, "late");
	bed_await(&device->bed, sessions(device) == 0);
	assert_int_equal(device->asked[0].replies, 1);
}

/* At the limit nobody new is asked while all are at work; the one that is idle makes room. */
static void sessions_have_a_limit(void **state)
{
	struct device *device = *state;
	struct datagram request;
	uint16_t port[2];
	const int silent[] = {socket_open(&port[0]), socket_open(&port[1])};
	struct lan_outgoing busy = outgoing_to(port[0], "/a"), more = outgoing_to(port[1], "/a");

	assert_int_equal(lan_send(device->bed.lan, &busy, replied, &device->asked[1]), 0);
	assert_int_equal(ask(device, 0, "/a", 0), 0);
	assert_int_equal(lan_send(device->bed.lan, &more, replied, &device->asked[2]), -EBUSY);
	assert_int_equal(device->bed.limits.reached[LIMIT_SECURE_ASKED], 1);
	assert_int_equal(sessions(device), 2);
	device_accept(device);
	device_receive(device, &request);
	answer_send(device, &request, "1");
	bed_await(&device->bed, device->asked[0].replies == 1);
	/* What was answered goes on the next turns: from then on its session is idle. */
	for (int i = 0; i < 50; i++)
		bed_turn(&device->bed, 0);
	assert_int_equal(lan_send(device->bed.lan, &more, replied, &device->asked[2]), 0);
	assert_int_equal(sessions(device), 2);
	/* and there is no other */
	assert_int_equal(ask(device, 3, "/b", 0), -EBUSY);
	bed_turn(&device->bed, 5000);
	assert_int_equal(sessions(device), 2);
	assert_int_equal(device->asked[1].replies + device->asked[2].replies, 0);
	close(silent[0]);
	close(silent[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(it_is_asked_over_one_session, setup, teardown),
		cmocka_unit_test_setup_teardown(without_its_key_nothing_is_sent, setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_goes_out_in_clear, setup, teardown),
		cmocka_unit_test_setup_teardown(a_handshake_has_its_time, setup, teardown),
		cmocka_unit_test_setup_teardown(who_has_another_key_is_nobody, setup, teardown),
		cmocka_unit_test_setup_teardown(nobody_is_there, setup, teardown),
		cmocka_unit_test_setup_teardown(it_ends_the_session, setup, teardown),
		cmocka_unit_test_setup_teardown(it_restarted, setup, teardown),
		cmocka_unit_test_setup_teardown(it_is_observed, setup, teardown),
		cmocka_unit_test_setup_teardown(its_key_is_withdrawn, setup, teardown),
		cmocka_unit_test_setup_teardown(sessions_have_a_limit, setup, teardown),
	};

	return cmocka_run_group_tests_name("lan-channel", tests, NULL, NULL);
}
