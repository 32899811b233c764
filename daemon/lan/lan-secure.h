/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* DTLS sessions: what lan-dtls.c (the library's settings, keys), lan-secure.c (who has a
 * session) and lan-handshake.c (who may get one) offer to the other files lan*.c. Head comments
 * there. */

#include "lan/dtls-gate.h"
#include "lan/gate.h"
#include "lan/lan-internal.h"
#include "lan/peer-table.h"

/* Opens what DTLS needs; before the endpoints, and nothing of the options is kept. 0 or negative
 * errno. */
int lan_secure_start(struct lan *lan, const struct lan_options *options);
/* Before the context is freed, and after it. */
void lan_secure_end_all(struct lan *lan);
void lan_secure_free(struct lan *lan);

/* A datagram of the DTLS port. */
struct secure_arrival {
	struct device_address address;
	unsigned interface_index;
	struct span bytes;
	size_t size; /* of the datagram; 'bytes' may hold less */
};
/* May it reach libcoap? As gate_check(). */
void lan_secure_admit(
	struct lan *lan, const struct secure_arrival *arrival, struct gate_result *ret_result);
/* An event of libcoap about a DTLS session. */
void lan_secure_event(struct lan *lan, coap_session_t *session, coap_event_t event);
/* Something that only the other end can have sent came over this session. */
void lan_secure_heard(struct lan *lan, coap_session_t *session);
/* Who is at the other end: trust and identity. False when the session is none of a known peer. */
bool lan_secure_describe(const coap_session_t *session, struct lan_peer *peer);

/* Sessions that are there. */
size_t lan_secure_count(const struct lan *lan);

/* lan-dtls.c: settings and keys of libcoap's context. The key store may be asked in any handshake
 * from then on. */
struct lan_dtls;
int lan_dtls_new(struct lan *lan, const struct lan_options *options, struct lan_dtls **ret);
/* True when the other end showed a certificate. */
bool lan_dtls_has_certificate(const coap_session_t *session);
/* The certificate that the session was made with: leads it to an authority that is registered now?
 * False when there is none, or it does not. */
bool lan_dtls_certificate(struct lan_dtls *dtls, const coap_session_t *session,
	struct lan_certificate *ret_certificate);
/* As lan_trust(), without the sessions. */
int lan_dtls_trust(struct lan_dtls *dtls, const char *const *authorities, size_t count);
/* True when the handshake that failed just now did so over its certificate. Asked once. */
bool lan_dtls_refused(struct lan_dtls *dtls);
/* Bytes that the session's cipher adds to each record. */
size_t lan_dtls_overhead(const coap_session_t *session);
struct lan_dtls *lan_dtls_free(struct lan_dtls *dtls);

/* ---- between lan-secure.c and lan-handshake.c ---- */

struct handshake {
	struct peer_entry entry;
	struct device_address address;
	unsigned interface_index;
	uint64_t since_usec;
	uint8_t random[DTLS_RANDOM_SIZE];
};

struct secure_peer {
	struct peer_entry entry;
	coap_session_t *session; /* referenced; its application data is this peer */
	struct lan_peer who;	 /* trust, identity, name, authority; its address is in 'entry' */
	int64_t not_after;	 /* of its certificate, wall milliseconds; 0 = it has none */
	bool undated;		 /* its certificate was looked at while nobody knew the time */
	uint64_t heard_usec;
	uint64_t asked_usec; /* 0 = never */
	size_t overhead;     /* bytes that its cipher adds to a record */
	uint64_t checked;    /* its key or certificate, in this round of struct lan_secure */
	bool suspect;
};

struct lan_secure {
	struct lan_dtls *dtls;
	struct peer_table handshakes, peers;
	sd_event_source *timer; /* of suspects */
	sd_event_source *handshake_timer;
	bool timer_set, handshake_timer_set;
	uint64_t round; /* of looking whether keys and certificates are good still */
	sd_event_source *recheck_defer; /* goes on with it */
};

/* The tables know ip and interface; here the port, as a text, belongs to the key too. */
const char *secure_port_text(const struct device_address *address, char text[8]);
struct peer_entry *secure_entry_find(
	struct peer_table *table, const struct device_address *address);
/* True when its certificate is over, as far as the time is known, or has to be looked at again
 * because the time was not known then. */
bool lan_secure_is_over(const struct secure_peer *peer);
/* False when its key or certificate is not good any more; looked at once in each round. */
bool lan_secure_is_good(struct lan *lan, struct secure_peer *peer);
/* Is the key that this session was made with still that of the identity? */
bool lan_secure_key_is(const struct lan *lan, const char *identity, const coap_session_t *session);
/* Nothing of ours points to the session any more; libcoap frees it at its next turn. 'connected':
 * libcoap does not know yet that it ends. */
void lan_secure_end(struct lan *lan, struct secure_peer *peer, bool connected);
/* Somebody knocks at the address of this session: is the device still there? */
void lan_secure_suspect(struct lan *lan, struct secure_peer *peer);
