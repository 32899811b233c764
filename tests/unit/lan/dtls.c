/* SPDX-License-Identifier: Apache-2.0 */
/* See dtls.h. */

#include "dtls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <openssl/bio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crypto.h"

#define TURN_USEC 5000

static void address_make(
	int family, uint16_t port, struct sockaddr_storage *ret_address, socklen_t *ret_size)
{
	const struct sockaddr_in in = {.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(port)};
	const struct sockaddr_in6 in6 = {.sin6_family = AF_INET6,
		.sin6_addr = IN6ADDR_LOOPBACK_INIT,
		.sin6_port = htons(port)};

	memset(ret_address, 0, sizeof(*ret_address));
	if (family == AF_INET)
		memcpy(ret_address, &in, sizeof(in));
	else
		memcpy(ret_address, &in6, sizeof(in6));
	*ret_size = family == AF_INET ? sizeof(in) : sizeof(in6);
}

/* One that the kernel gives to nobody who asks for any: who comes back to it later finds it free,
 * whatever else runs on the machine. */
static uint16_t port_pick(void)
{
	return (uint16_t)(11000 + random_uint64() % 21000);
}

int dtls_socket(const struct bed *bed, uint16_t port)
{
	int fd = socket(bed->family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct sockaddr_storage address;
	socklen_t size;
	int r;

	assert_true(fd >= 0);
	do {
		address_make(bed->family, port ? port : port_pick(), &address, &size);
		r = bind(fd, (struct sockaddr *)&address, size);
	} while (port == 0 && r < 0 && errno == EADDRINUSE);
	assert_int_equal(r, 0);
	address_make(bed->family, lan_secure_port(bed->lan), &address, &size);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, size), 0);
	return fd;
}

uint16_t dtls_local_port(const struct dtls *dtls)
{
	struct sockaddr_storage address;
	socklen_t size = sizeof(address);

	assert_int_equal(getsockname(dtls->fd, (struct sockaddr *)&address, &size), 0);
	return ntohs(address.ss_family == AF_INET ? ((struct sockaddr_in *)&address)->sin_port
						  : ((struct sockaddr_in6 *)&address)->sin6_port);
}

static unsigned key_give(SSL *ssl, const char *hint, char *identity, unsigned identity_max,
	unsigned char *key, unsigned key_max)
{
	const struct dtls *dtls = SSL_get_app_data(ssl);

	(void)hint;
	assert_true(strlen(dtls->identity) < identity_max && dtls->psk_size <= key_max);
	strcpy(identity, dtls->identity);
	memcpy(key, dtls->psk, dtls->psk_size);
	return (unsigned)dtls->psk_size;
}

void dtls_open(
	struct dtls *dtls, struct bed *bed, int fd, const char *identity, const char *ciphers)
{
	*dtls = (struct dtls){.bed = bed, .fd = fd, .psk_size = bed->psk_size};
	strcpy(dtls->identity, identity);
	memcpy(dtls->psk, bed->psk, bed->psk_size);
	dtls->ctx = SSL_CTX_new(DTLS_client_method());
	assert_non_null(dtls->ctx);
	SSL_CTX_set_security_level(dtls->ctx, 0);
	SSL_CTX_set_psk_client_callback(dtls->ctx, key_give);
	assert_int_equal(
		SSL_CTX_set_cipher_list(dtls->ctx, ciphers ? ciphers : "PSK-AES128-CCM8"), 1);
	dtls->ssl = SSL_new(dtls->ctx);
	assert_non_null(dtls->ssl);
	SSL_set_app_data(dtls->ssl, dtls);
	BIO *bio = BIO_new_dgram(fd, BIO_NOCLOSE);
	struct sockaddr_storage address;
	socklen_t size = sizeof(address);
	assert_int_equal(getpeername(fd, (struct sockaddr *)&address, &size), 0);
	BIO_ctrl(bio, BIO_CTRL_DGRAM_SET_CONNECTED, 0, &address);
	SSL_set_bio(dtls->ssl, bio, bio);
}

void dtls_lose(struct dtls *dtls)
{
	SSL_set_quiet_shutdown(dtls->ssl, 1);
	SSL_free(dtls->ssl);
	SSL_CTX_free(dtls->ctx);
	close(dtls->fd);
	*dtls = (struct dtls){.fd = -1};
}

void dtls_close(struct dtls *dtls)
{
	SSL_shutdown(dtls->ssl);
	dtls_lose(dtls);
}

bool dtls_connect(struct dtls *dtls, int timeout_msec)
{
	struct bed *bed = dtls->bed;
	uint64_t until = bed->lived_usec + (uint64_t)timeout_msec * USEC_PER_MSEC;

	while (bed->lived_usec < until) {
		int r = SSL_connect(dtls->ssl);
		if (r == 1)
			return true;
		if (SSL_get_error(dtls->ssl, r) != SSL_ERROR_WANT_READ)
			return false;
		bed_turn(bed, TURN_USEC);
		DTLSv1_handle_timeout(dtls->ssl);
	}
	return false;
}

void dtls_enter(struct dtls *dtls, struct bed *bed, const char *identity)
{
	dtls_open(dtls, bed, dtls_socket(bed, 0), identity, NULL);
	assert_true(dtls_connect(dtls, BED_PATIENCE_MSEC));
	/* The gateway has not seen our Finished yet, perhaps. */
	struct lan_stats stats = {0};
	for (int i = 0; stats.secure_sessions == 0 && i < 10000; i++) {
		bed_turn(bed, TURN_USEC);
		lan_stats(bed->lan, &stats);
	}
}

void dtls_send(struct dtls *dtls, const struct datagram *message)
{
	assert_int_equal(
		SSL_write(dtls->ssl, message->bytes, (int)message->size), (int)message->size);
}

bool dtls_receive(struct dtls *dtls, struct datagram *ret_message, int timeout_msec)
{
	uint64_t until = dtls->bed->lived_usec + (uint64_t)timeout_msec * USEC_PER_MSEC;

	do {
		int r = SSL_read(dtls->ssl, ret_message->bytes, sizeof(ret_message->bytes));
		if (r > 0) {
			ret_message->size = (size_t)r;
			return true;
		}
		bed_turn(dtls->bed, TURN_USEC);
	} while (dtls->bed->lived_usec < until);
	return false;
}

void dtls_ask(
	struct dtls *dtls, const struct datagram *message, int code, struct datagram *ret_answer)
{
	dtls_send(dtls, message);
	assert_true(dtls_receive(dtls, ret_answer, BED_PATIENCE_MSEC));
	assert_int_equal(message_code(ret_answer), code);
}
