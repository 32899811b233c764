/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why a broker hung up on somebody who showed it a certificate. In TLS 1.3 it judges that after the
 * client's part of the handshake is over; what the library makes of its alert looks like a broken
 * line (uplink-compat.h). So when an attempt with a certificate ended without a word, we go there
 * once more, show it again, say nothing, and listen: an alert is a refusal, and whatever else comes
 * or does not come is nothing that we know.
 *
 *	attempt failed, why is not known -> asked on a thread of its own -> NOT_AUTHORISED with its
 *	                                                                    reason, or UNREACHABLE
 *
 * The thread is started by the first question. It gets copies and looks at no session, no
 * connection and no name server: the address is the one that was found for the attempt. A question
 * is over after WHY_USEC, or soon after nobody wants to know any more; WHY_MAX may wait, and who
 * finds no place among them has an attempt that failed for reasons unknown.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/memory-file.h"
#include "uplink/uplink-parts.h"

#define WHY_MAX	  8
#define WHY_USEC  (4 * USEC_PER_SEC)
#define STEP_MSEC 50 /* how long it takes to notice that nobody wants to know */

struct why {
	struct uplink_session *session; /* loop only; NULL when nobody wants to know */
	atomic_bool cancelled;
	struct sockaddr_storage address;
	socklen_t address_size;
	char host[256];
	char ca_file[512]; /* "" = the system's */
	char *identity;
	size_t identity_size;
	/* the thread, before done() */
	uint64_t until_usec;
	char reason[UPLINK_TEXT_MAX];
};

DEFINE_CLEANUP(SSL_CTX *, SSL_CTX_free, cleanup_context)
DEFINE_CLEANUP(SSL *, SSL_free, cleanup_tls)

static void why_free(struct why *why)
{
	if (why->identity)
		crypto_wipe(why->identity, why->identity_size);
	free(why->identity);
	free(why);
}

/* ---- on the thread ---- */

static bool is_ready(const struct why *why, int fd, short events)
{
	struct pollfd poll_fd = {.fd = fd, .events = events};

	while (!atomic_load(&why->cancelled) && clock_boot_usec() < why->until_usec)
		if (poll(&poll_fd, 1, STEP_MSEC) > 0)
			return true;
	return false;
}

static int dial(const struct why *why)
{
	int fd = socket(
		why->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
	socklen_t size = sizeof(int);
	int error = 0;

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&why->address, why->address_size) < 0) {
		error = errno;
		if (error == EINPROGRESS && is_ready(why, fd, POLLOUT) &&
			getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
			error = errno;
	}
	if (error == 0)
		return fd;
	close(fd);
	return -error;
}

/* The name is verified as everywhere: nobody else gets to see the certificate. */
static bool name_is_set(SSL *tls, const char *host)
{
	uint8_t address[sizeof(struct in6_addr)];

	if (inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1)
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls), host) == 1;
	return SSL_set_tlsext_host_name(tls, host) == 1 && SSL_set1_host(tls, host) == 1;
}

static SSL_CTX *context_new(const struct why *why)
{
	CLEANUP(cleanup_context) SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	struct memory_file file = {0};
	bool done;

	if (!context || memory_file_make(&file, span_of(why->identity, why->identity_size)) < 0)
		return NULL;
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	/* Older ones judge within the handshake, and that the library tells. */
	done = SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) == 1 &&
	       SSL_CTX_load_verify_locations(context, why->ca_file[0] ? why->ca_file : NULL,
		       why->ca_file[0] ? NULL : UPLINK_SYSTEM_ANCHORS) == 1 &&
	       SSL_CTX_use_certificate_chain_file(context, file.path) == 1 &&
	       SSL_CTX_use_PrivateKey_file(context, file.path, SSL_FILETYPE_PEM) == 1;
	memory_file_close(&file);
	return done ? STEAL(context) : NULL;
}

/* Shakes hands, then reads: until something is said, wrong, or over. The first error, 0 = none. */
static unsigned long listen_to(const struct why *why, SSL *tls, int fd)
{
	bool shaken = false;

	for (;;) {
		char byte;
		int r;

		ERR_clear_error();
		r = shaken ? SSL_read(tls, &byte, 1) : SSL_connect(tls);
		switch (SSL_get_error(tls, r)) {
		case SSL_ERROR_NONE:
			if (shaken)
				return 0; /* it speaks to us */
			shaken = true;
			break;
		case SSL_ERROR_WANT_READ:
			if (!is_ready(why, fd, POLLIN))
				return 0;
			break;
		case SSL_ERROR_WANT_WRITE:
			if (!is_ready(why, fd, POLLOUT))
				return 0;
			break;
		default:
			/* Before that, anybody on the path may have said it. */
			return shaken ? ERR_peek_error() : 0;
		}
	}
}

static int ask(void *userdata)
{
	struct why *why = userdata;
	CLEANUP(cleanup_context) SSL_CTX *context = NULL;
	CLEANUP(cleanup_tls) SSL *tls = NULL;
	int fd CLEANUP(cleanup_close) = -EBADF;
	const char *reason;
	unsigned long error;

	why->until_usec = clock_boot_usec() + WHY_USEC;
	if (!atomic_load(&why->cancelled)) /* while it waited for its turn */
		context = context_new(why);
	fd = context ? dial(why) : -EINVAL;
	if (fd >= 0)
		tls = SSL_new(context);
	if (!tls || !name_is_set(tls, why->host) || SSL_set_fd(tls, fd) != 1) {
		ERR_clear_error();
		return 0;
	}
	error = listen_to(why, tls, fd);
	ERR_clear_error();
	if (!tls_error_is_refusal(error, true))
		return 0;
	reason = ERR_reason_error_string(error);
	snprintf(why->reason, sizeof(why->reason), "%s", reason ? reason : "an alert");
	return 1;
}

/* ---- on the loop ---- */

static void on_asked(void *userdata, int result)
{
	struct why *why = userdata;
	struct uplink_session *session = why->session;
	char text[UPLINK_TEXT_MAX];

	if (session) {
		session->why = NULL;
		snprintf(text, sizeof(text), "%.120s does not take the certificate: %.100s",
			why->host, why->reason);
		if (result > 0)
			session_fail(session, UPLINK_NOT_AUTHORISED, text);
		else
			session_fail(session, UPLINK_UNREACHABLE, session->connection->why);
	}
	why_free(why);
}

static struct why *why_new(struct uplink_session *session)
{
	const struct uplink_session_options *options = &session->options;
	const char *ca_file = options->ca_file ? options->ca_file : "";
	struct why *why = calloc(1, sizeof(*why));

	if (!why)
		return NULL;
	why->session = session;
	why->address = session->address;
	why->address_size = session->address_size;
	why->identity = malloc(options->identity.size);
	if (!why->identity || strlen(options->host) >= sizeof(why->host) ||
		strlen(ca_file) >= sizeof(why->ca_file)) {
		free(why->identity);
		free(why);
		return NULL;
	}
	why->identity_size = options->identity.size;
	memcpy(why->identity, options->identity.data, options->identity.size);
	strcpy(why->host, options->host);
	strcpy(why->ca_file, ca_file);
	if (why->address.ss_family == AF_INET6)
		((struct sockaddr_in6 *)&why->address)->sin6_port = htons(options->port);
	else
		((struct sockaddr_in *)&why->address)->sin_port = htons(options->port);
	return why;
}

bool session_ask_why(struct uplink_session *session)
{
	struct uplink *uplink = session->uplink;
	struct why *why;

	if (!session->options.asks_why || session->options.identity.size == 0 ||
		session->address_size == 0)
		return false;
	if (!uplink->whys && job_thread_new(uplink->loop, "mqtt-why", WHY_MAX, &uplink->whys) < 0)
		return false;
	why = why_new(session);
	if (!why)
		return false;
	if (job_submit(uplink->whys, ask, on_asked, why) < 0) {
		why_free(why);
		return false;
	}
	session->why = why;
	return true;
}

void session_forget_why(struct uplink_session *session)
{
	if (!session->why)
		return;
	session->why->session = NULL;
	atomic_store(&session->why->cancelled, true);
	session->why = NULL;
}
