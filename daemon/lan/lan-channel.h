/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* DTLS sessions of our own towards devices, for lan-question.c; head comment in lan-channel.c. */

#include "lan/lan-internal.h"

struct lan_channel;

/* The session to this address with the key of this identity, made when there is none; it may still
 * be shaking hands. -ENOKEY: nobody knows the key; -EBUSY at LIMIT_SECURE_ASKED. Each is given back
 * by lan_channel_put(). */
int lan_channel_get(struct lan *lan, const struct device_address *to, const char *identity,
	struct lan_channel **ret);
void lan_channel_put(struct lan_channel *channel);
/* A question got no answer over it: what is asked next makes another one. */
void lan_channel_spend(struct lan_channel *channel);
coap_session_t *lan_channel_session(const struct lan_channel *channel);
const char *lan_channel_identity(const struct lan_channel *channel);
/* It ended: its questions have been told, or are being told. */
bool lan_channel_is_dead(const struct lan_channel *channel);

/* An event of libcoap about a DTLS session that we began. */
void lan_channel_event(coap_session_t *session, coap_event_t event);
/* A message over it was given up: newer ones say so before they say that the session is over, or of
 * a handshake that nobody hears instead of it. */
void lan_channel_nack(const coap_session_t *session, coap_nack_reason_t reason);
/* Ends those whose key is another one by now. */
void lan_channels_recheck(struct lan *lan);
void lan_channels_release(struct lan *lan); /* those that are over; outside libcoap */
void lan_channels_drop(struct lan *lan);
