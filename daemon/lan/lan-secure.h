/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* DTLS sessions: what lan-dtls.c (the library's settings, keys) and lan-secure.c (who has a
 * session, who may get one) offer to the other files lan*.c. Head comments there. */

#include "lan/gate.h"
#include "lan/lan-internal.h"

/* Opens what DTLS needs; before the endpoints. 0 or negative errno. */
int lan_secure_start(struct lan *lan);
/* Before the context is freed, and after it. */
void lan_secure_end_all(struct lan *lan);
void lan_secure_free(struct lan *lan);

/* May this datagram of the DTLS port reach libcoap? As gate_check(). */
void lan_secure_admit(struct lan *lan, const struct device_address *address, struct span bytes,
	size_t size, struct gate_result *ret_result);
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
int lan_dtls_new(struct lan *lan, struct lan_dtls **ret);
/* Bytes that the session's cipher adds to each record. */
size_t lan_dtls_overhead(const coap_session_t *session);
struct lan_dtls *lan_dtls_free(struct lan_dtls *dtls);
