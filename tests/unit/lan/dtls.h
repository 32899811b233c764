/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A DTLS client on the bed's loop: OpenSSL on a connected socket, one step at a time. */

#include <openssl/ssl.h>

#include "bed.h"

struct dtls {
	struct bed *bed;
	SSL_CTX *ctx;
	SSL *ssl;
	int fd;
	char identity[128];
	uint8_t psk[LAN_PSK_MAX];
	size_t psk_size;
};

/* A socket towards the DTLS port; 'port' 0 = any of ours. */
int dtls_socket(const struct bed *bed, uint16_t port);
uint16_t dtls_local_port(const struct dtls *dtls);
/* Ready to shake hands, with the bed's key. 'fd' is taken over. */
void dtls_open(
	struct dtls *dtls, struct bed *bed, int fd, const char *identity, const char *ciphers);
/* Frees everything but says no word to the other end, as after a loss of power. */
void dtls_lose(struct dtls *dtls);
/* Says that it ends. */
void dtls_close(struct dtls *dtls);
/* Shakes hands; false when that failed or took longer. */
bool dtls_connect(struct dtls *dtls, int timeout_msec);
/* dtls_open() on a socket of its own and dtls_connect(), which succeeds. */
void dtls_enter(struct dtls *dtls, struct bed *bed, const char *identity);
void dtls_send(struct dtls *dtls, const struct datagram *message);
/* The next message; false when none came, or a reset of ours was asked for and given: pings are
 * answered here unless 'deaf'. */
bool dtls_receive(struct dtls *dtls, struct datagram *ret_message, int timeout_msec);
void dtls_ask(
	struct dtls *dtls, const struct datagram *message, int code, struct datagram *ret_answer);
