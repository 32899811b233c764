/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What libcoap's DTLS is told. libcoap does not hand out its SSL_CTX, but a session's SSL knows it;
 * so a client session towards a socket of our own on loopback is opened and closed at start, and
 * nothing but one ClientHello ever goes there. With the context in hand:
 *
 * - The list of ciphers is ours. PSK-AES128-CCM8 is what RFC 7252 9.1.3.1 asks for; OpenSSL 3.2 and
 *   later count its 64-bit tag against it and refuse it at the usual security level. The level
 *   stays, and ciphers alone are excepted: the list says which are good enough. ECDHE comes first,
 *   because it keeps what was said safe from who learns the key later.
 * - Nothing is resumed: a resumed session would not be asked for its key, and one that was
 * withdrawn would live on. Nothing is renegotiated.
 * - The cookie was checked before libcoap got the datagram (lan-secure.c), so here it is taken.
 *
 * An identity that nobody knows gets a random key, the same for all as long as this process lives:
 * its handshake fails at the same message as one with a wrong key.
 */

#include <errno.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/crypto.h"
#include "lan/dtls-gate.h"
#include "lan/lan-secure.h"

#define DUMMY_KEY_SIZE 16
#define DUMMY_IDENTITY "-"

static const char ciphers[] = "ECDHE-PSK-CHACHA20-POLY1305:PSK-AES128-CCM8:PSK-AES256-CCM8:"
			      "PSK-AES128-CCM:PSK-AES256-CCM:PSK-AES128-GCM-SHA256:"
			      "PSK-AES256-GCM-SHA384:PSK-CHACHA20-POLY1305";

typedef int (*security_fn)(
	const SSL *ssl, const SSL_CTX *ctx, int op, int bits, int nid, void *other, void *ex);

struct lan_dtls {
	struct lan *lan;
	security_fn usual; /* OpenSSL's own judgement */
	uint8_t dummy[DUMMY_KEY_SIZE];
	uint8_t key[LAN_PSK_MAX]; /* of the handshake that asked last */
	coap_bin_const_t answer;
};

DEFINE_CLEANUP(struct lan_dtls *, lan_dtls_free, cleanup_dtls)

static const coap_bin_const_t *key_wanted(
	coap_bin_const_t *identity, coap_session_t *session, void *userdata)
{
	struct lan_dtls *dtls = userdata;
	const struct lan *lan = dtls->lan;
	char name[LAN_IDENTITY_MAX + 1];
	size_t size = 0;

	(void)session;
	crypto_wipe(dtls->key, sizeof(dtls->key));
	if (span_to_string(span_of(identity->s, identity->length), name, sizeof(name)) < 0 ||
		!lan->ops.psk || !lan->ops.psk(lan->userdata, name, dtls->key, &size)) {
		memcpy(dtls->key, dtls->dummy, sizeof(dtls->dummy));
		size = sizeof(dtls->dummy);
	}
	dtls->answer = (coap_bin_const_t){.s = dtls->key, .length = size};
	return &dtls->answer;
}

static int security_judge(
	const SSL *ssl, const SSL_CTX *ctx, int op, int bits, int nid, void *other, void *ex)
{
	const struct lan_dtls *dtls = ex;

	if ((op & SSL_SECOP_OTHER_TYPE) == SSL_SECOP_OTHER_CIPHER)
		return 1;
	return dtls->usual(ssl, ctx, op, bits, nid, other, NULL);
}

/* What each SSL copies from its context when it is made. libcoap makes one in advance, before the
 * context could be reached. */
static void ssl_tune(SSL *ssl, struct lan_dtls *dtls)
{
	SSL_set0_security_ex_data(ssl, dtls);
	SSL_set_security_callback(ssl, security_judge);
	SSL_set_options(
		ssl, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
}

/* It is called once for each handshake, and before anything was decided in it. */
static int cookie_taken(SSL *ssl, const unsigned char *cookie, unsigned size)
{
	(void)cookie;
	(void)size;
	ssl_tune(ssl, SSL_CTX_get0_security_ex_data(SSL_get_SSL_CTX(ssl)));
	return 1;
}

static int context_tune(struct lan_dtls *dtls, SSL_CTX *ctx)
{
	dtls->usual = SSL_CTX_get_security_callback(ctx);
	SSL_CTX_set0_security_ex_data(ctx, dtls);
	SSL_CTX_set_security_callback(ctx, security_judge);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_cookie_verify_cb(ctx, cookie_taken);
	return SSL_CTX_set_cipher_list(ctx, ciphers) == 1 ? 0 : -EIO;
}

/* A socket that nobody reads, on loopback of either family. */
static int sink_open(coap_address_t *ret_address)
{
	const struct sockaddr_in6 ipv6 = {
		.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	const struct sockaddr_in ipv4 = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	for (int i = 0; i < 2; i++) {
		coap_address_t address;
		coap_address_init(&address);
		if (i == 0)
			address.addr.sin = ipv4;
		else
			address.addr.sin6 = ipv6;
		address.size = i == 0 ? sizeof(ipv4) : sizeof(ipv6);
		int fd CLEANUP(cleanup_close) =
			socket(address.addr.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (fd < 0 || bind(fd, &address.addr.sa, address.size) < 0 ||
			getsockname(fd, &address.addr.sa, &address.size) < 0)
			continue;
		*ret_address = address;
		return steal_fd(&fd);
	}
	return -EADDRNOTAVAIL;
}

static int context_reach(struct lan_dtls *dtls)
{
	coap_dtls_cpsk_t nobody = {
		.version = COAP_DTLS_CPSK_SETUP_VERSION,
		.psk_info = {.identity = {sizeof(DUMMY_IDENTITY) - 1,
				     (const uint8_t *)DUMMY_IDENTITY},
			.key = {sizeof(dtls->dummy), dtls->dummy}},
	};
	coap_tls_library_t library = COAP_TLS_LIBRARY_NOTLS;
	coap_address_t to;
	int fd CLEANUP(cleanup_close) = sink_open(&to);

	if (fd < 0)
		return fd;
	coap_session_t *session = coap_new_client_session_psk2(
		dtls->lan->context, NULL, &to, COAP_PROTO_DTLS, &nobody);
	if (!session)
		return -ENOTSUP;
	SSL *ssl = coap_session_get_tls(session, &library);
	int r = ssl && library == COAP_TLS_LIBRARY_OPENSSL
			? context_tune(dtls, SSL_get_SSL_CTX(ssl))
			: -ENOTSUP;
	coap_session_release(session);
	return r;
}

int lan_dtls_new(struct lan *lan, struct lan_dtls **ret)
{
	struct lan_dtls *dtls CLEANUP(cleanup_dtls) = calloc(1, sizeof(*dtls));

	if (!dtls)
		return -ENOMEM;
	dtls->lan = lan;
	random_bytes(dtls->dummy, sizeof(dtls->dummy));
	coap_dtls_spsk_t setup = {
		.version = COAP_DTLS_SPSK_SETUP_VERSION,
		.validate_id_call_back = key_wanted,
		.id_call_back_arg = dtls,
		.psk_info = {.key = {sizeof(dtls->dummy), dtls->dummy}},
	};
	if (!coap_context_set_psk2(lan->context, &setup))
		return -ENOTSUP;
	int r = context_reach(dtls);
	if (r < 0)
		return r;
	*ret = STEAL(dtls);
	return 0;
}

/* RFC 5288, 6655: 8 bytes of nonce and a tag of 16 or 8 bytes; RFC 7905: the tag alone. */
size_t lan_dtls_overhead(const coap_session_t *session)
{
	coap_tls_library_t library = COAP_TLS_LIBRARY_NOTLS;
	SSL *ssl = coap_session_get_tls(session, &library);
	const char *cipher = ssl ? SSL_get_cipher_name(ssl) : "";

	return strstr(cipher, "CCM8") || strstr(cipher, "CHACHA20") ? DTLS_OVERHEAD_MIN : 24;
}

struct lan_dtls *lan_dtls_free(struct lan_dtls *dtls)
{
	if (!dtls)
		return NULL;
	crypto_wipe(dtls->dummy, sizeof(dtls->dummy));
	crypto_wipe(dtls->key, sizeof(dtls->key));
	free(dtls);
	return NULL;
}
