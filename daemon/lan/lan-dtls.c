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
 * - Sessions of our own towards devices (lan-channel.c) have the same list, without certificates.
 *
 * A device may show a certificate instead (ECDHE-ECDSA): then it is shown the gateway's own, and
 * its chain has to lead to an authority that is registered (base/chain.h). OpenSSL hands us the
 * chain; nothing else than anchors_check() and the host decides on it. Lifetimes are looked at when
 * the time is known; a gateway without a clock takes what is signed rightly, and what is over then
 * ends when the clock is set. PSK comes first in the list: who has both proves the key of its
 * label.
 *
 * An identity that nobody knows gets a random key, the same for all as long as this process lives:
 * its handshake fails at the same message as one with a wrong key.
 */

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "lan/dtls-gate.h"
#include "lan/lan-secure.h"

#define DUMMY_KEY_SIZE 16
#define DUMMY_IDENTITY "-"

#define CIPHERS_PSK                                                    \
	"ECDHE-PSK-CHACHA20-POLY1305:PSK-AES128-CCM8:PSK-AES256-CCM8:" \
	"PSK-AES128-CCM:PSK-AES256-CCM:PSK-AES128-GCM-SHA256:"         \
	"PSK-AES256-GCM-SHA384:PSK-CHACHA20-POLY1305"
static const char ciphers[] =
	CIPHERS_PSK ":"
		    "ECDHE-ECDSA-AES128-CCM8:ECDHE-ECDSA-AES128-CCM:"
		    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384";
/* What a device signs its handshake with. */
static const char signatures[] = "ECDSA+SHA256:ECDSA+SHA384";

#define REFUSALS_A_SECOND 1.0 /* lines in the log */
#define REFUSALS_AT_ONCE  10.0
/* Hex digits of the fingerprint, for a certificate without a name. */
#define NAME_OF_FINGERPRINT 32

typedef int (*security_fn)(
	const SSL *ssl, const SSL_CTX *ctx, int op, int bits, int nid, void *other, void *ex);

struct lan_dtls {
	struct lan *lan;
	security_fn usual;				       /* OpenSSL's own judgement */
	void (*watcher)(const SSL *ssl, int where, int value); /* libcoap's */
	uint8_t dummy[DUMMY_KEY_SIZE];
	uint8_t key[LAN_PSK_MAX]; /* of the handshake that asked last */
	coap_bin_const_t answer;
	/* our own, and whom we believe; 'own' NULL: devices have keys alone */
	X509 *own;
	EVP_PKEY *own_key;
	STACK_OF(X509) * own_chain;
	struct anchors *anchors;
	bool refused; /* the handshake at hand, over its certificate */
	struct ratelimit refusals;
};

DEFINE_CLEANUP(struct lan_dtls *, lan_dtls_free, cleanup_dtls)
DEFINE_CLEANUP(struct anchors *, anchors_free, cleanup_anchors)
DEFINE_CLEANUP(BIO *, BIO_free_all, cleanup_bio)

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
	if (dtls->own) {
		SSL_use_cert_and_key(ssl, dtls->own, dtls->own_key, dtls->own_chain, 1);
		SSL_set_verify(ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
		SSL_set1_client_sigalgs_list(ssl, signatures);
		SSL_set_max_cert_list(ssl, CHAIN_BYTES_MAX);
	}
	SSL_set_options(
		ssl, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
}

/* A session of our own towards a device: libcoap's list has ciphers that are not ours, and is set
 * after the context's. Called before the first message is made. */
static void client_tune(const SSL *ssl, int where, int value)
{
	const struct lan_dtls *dtls = SSL_CTX_get0_security_ex_data(SSL_get_SSL_CTX(ssl));

	if ((where & SSL_CB_HANDSHAKE_START) && !SSL_is_server(ssl)) {
		SSL *own = (SSL *)ssl;
		SSL_set_options(own, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
		SSL_set_cipher_list(own, CIPHERS_PSK);
	}
	if (dtls->watcher)
		dtls->watcher(ssl, where, value);
}

/* It is called once for each handshake, and before anything was decided in it. */
static int cookie_taken(SSL *ssl, const unsigned char *cookie, unsigned size)
{
	(void)cookie;
	(void)size;
	ssl_tune(ssl, SSL_CTX_get0_security_ex_data(SSL_get_SSL_CTX(ssl)));
	return 1;
}

/* ---- certificates of devices ---- */

/* Its endpoint name: what can be one of the common name and the serial number of its subject, in
 * this order; or of its fingerprint. */
static void name_choose(const struct chain_facts *facts, char ret_name[EP_MAX + 1])
{
	const char *const candidate[] = {facts->common_name, facts->serial_number};
	const char *why;

	for (size_t i = 0; i < ELEMENTS(candidate); i++)
		if (ep_check(span_from_string(candidate[i]), &why) >= 0) {
			span_to_string(span_from_string(candidate[i]), ret_name, EP_MAX + 1);
			return;
		}
	span_to_string(span_of(facts->fingerprint, NAME_OF_FINGERPRINT), ret_name, EP_MAX + 1);
}

static int certificate_judge(const struct lan_dtls *dtls, X509 *leaf, STACK_OF(X509) * others,
	struct lan_certificate *certificate, struct chain_verdict *verdict)
{
	int r = anchors_check(
		dtls->anchors, leaf, others, clock_is_synced() ? clock_wall_msec() : 0, verdict);

	*certificate = (struct lan_certificate){.not_after = verdict->facts.not_after};
	name_choose(&verdict->facts, certificate->name);
	memcpy(certificate->fingerprint, verdict->facts.fingerprint, FINGERPRINT_SIZE);
	memcpy(certificate->authority, verdict->authority, FINGERPRINT_SIZE);
	return r;
}

/* In place of OpenSSL's own verification. */
static int chain_judge(X509_STORE_CTX *context, void *userdata)
{
	struct lan_dtls *dtls = userdata;
	const struct lan *lan = dtls->lan;
	struct lan_certificate certificate;
	struct chain_verdict verdict;
	int r = certificate_judge(dtls, X509_STORE_CTX_get0_cert(context),
		X509_STORE_CTX_get0_untrusted(context), &certificate, &verdict);

	if (r >= 0 && lan->ops.certificate && lan->ops.certificate(lan->userdata, &certificate)) {
		X509_STORE_CTX_set_error(context, X509_V_OK);
		return 1;
	}
	X509_STORE_CTX_set_error(
		context, verdict.error ? verdict.error : X509_V_ERR_APPLICATION_VERIFICATION);
	dtls->refused = true;
	if (ratelimit_take(
		    &dtls->refusals, REFUSALS_A_SECOND, REFUSALS_AT_ONCE, clock_boot_usec(), NULL))
		log_notice("The certificate of %s (SHA-256 %s) is not taken: %s.", certificate.name,
			certificate.fingerprint,
			verdict.why ? verdict.why : "the device is blocked");
	return 0;
}

static SSL *session_ssl(const coap_session_t *session)
{
	coap_tls_library_t library = COAP_TLS_LIBRARY_NOTLS;
	SSL *ssl = coap_session_get_tls(session, &library);

	return library == COAP_TLS_LIBRARY_OPENSSL ? ssl : NULL;
}

bool lan_dtls_has_certificate(const coap_session_t *session)
{
	const SSL *ssl = session_ssl(session);

	return ssl && SSL_get0_peer_certificate(ssl);
}

bool lan_dtls_certificate(struct lan_dtls *dtls, const coap_session_t *session,
	struct lan_certificate *ret_certificate)
{
	const SSL *ssl = session_ssl(session);
	X509 *leaf = ssl ? SSL_get0_peer_certificate(ssl) : NULL;
	struct chain_verdict verdict;

	return leaf && certificate_judge(dtls, leaf, SSL_get_peer_cert_chain(ssl), ret_certificate,
			       &verdict) >= 0;
}

bool lan_dtls_refused(struct lan_dtls *dtls)
{
	bool refused = dtls->refused;

	dtls->refused = false;
	return refused;
}

int lan_dtls_trust(struct lan_dtls *dtls, const char *const *authorities, size_t count)
{
	CLEANUP(cleanup_anchors) struct anchors *next = NULL;
	int r = anchors_new(&next);

	for (size_t i = 0; r >= 0 && i < count; i++)
		r = anchors_add(next, authorities[i]);
	if (r < 0)
		return r;
	anchors_free(dtls->anchors);
	dtls->anchors = STEAL(next);
	return 0;
}

static int no_passphrase(char *buffer, int size, int writing, void *userdata)
{
	(void)buffer;
	(void)size;
	(void)writing;
	(void)userdata;
	return -1;
}

/* -EBADMSG: no certificate and key in PEM; -EKEYREJECTED: not of an elliptic curve, or they do not
 * belong together. */
static int own_read(struct lan_dtls *dtls, const char *chain, const char *key)
{
	CLEANUP(cleanup_bio) BIO *chain_bio = BIO_new_mem_buf(chain, -1);
	CLEANUP(cleanup_bio) BIO *key_bio = BIO_new_mem_buf(key, -1);
	X509 *more;

	dtls->own_chain = sk_X509_new_null();
	if (!chain_bio || !key_bio || !dtls->own_chain)
		return -ENOMEM;
	dtls->own = PEM_read_bio_X509(chain_bio, NULL, no_passphrase, NULL);
	dtls->own_key = PEM_read_bio_PrivateKey(key_bio, NULL, no_passphrase, NULL);
	if (!dtls->own || !dtls->own_key)
		return -EBADMSG;
	if (!EVP_PKEY_is_a(dtls->own_key, "EC") ||
		X509_check_private_key(dtls->own, dtls->own_key) != 1)
		return -EKEYREJECTED;
	while ((more = PEM_read_bio_X509(chain_bio, NULL, no_passphrase, NULL)))
		if (sk_X509_push(dtls->own_chain, more) <= 0) {
			X509_free(more);
			return -ENOMEM;
		}
	ERR_clear_error(); /* that there was no further one */
	return 0;
}

/* ---- libcoap's context ---- */

static int context_tune(struct lan_dtls *dtls, SSL_CTX *ctx)
{
	dtls->usual = SSL_CTX_get_security_callback(ctx);
	SSL_CTX_set0_security_ex_data(ctx, dtls);
	SSL_CTX_set_security_callback(ctx, security_judge);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	dtls->watcher = SSL_CTX_get_info_callback(ctx);
	SSL_CTX_set_info_callback(ctx, client_tune);
	SSL_CTX_set_cookie_verify_cb(ctx, cookie_taken);
	SSL_CTX_set_cert_verify_callback(ctx, chain_judge, dtls);
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

int lan_dtls_new(struct lan *lan, const struct lan_options *options, struct lan_dtls **ret)
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
	int r = lan_dtls_trust(dtls, NULL, 0);
	if (r >= 0 && options->certificate)
		r = own_read(dtls, options->certificate, options->key);
	if (r >= 0)
		r = context_reach(dtls);
	if (r < 0)
		return r;
	*ret = STEAL(dtls);
	return 0;
}

/* RFC 5288, 6655: 8 bytes of nonce and a tag of 16 or 8 bytes; RFC 7905: the tag alone. */
size_t lan_dtls_overhead(const coap_session_t *session)
{
	const SSL *ssl = session_ssl(session);
	const char *cipher = ssl ? SSL_get_cipher_name(ssl) : "";

	return strstr(cipher, "CCM8") || strstr(cipher, "CHACHA20") ? DTLS_OVERHEAD_MIN : 24;
}

struct lan_dtls *lan_dtls_free(struct lan_dtls *dtls)
{
	if (!dtls)
		return NULL;
	crypto_wipe(dtls->dummy, sizeof(dtls->dummy));
	crypto_wipe(dtls->key, sizeof(dtls->key));
	X509_free(dtls->own);
	EVP_PKEY_free(dtls->own_key);
	sk_X509_pop_free(dtls->own_chain, X509_free);
	anchors_free(dtls->anchors);
	free(dtls);
	return NULL;
}
