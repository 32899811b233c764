/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Requests of ours, put together; what lan-client.c and lan-watch.c share. */

#include "lan/block2.h"
#include "lan/lan-channel.h"
#include "lan/lan-internal.h"

#define QUESTION_TOKEN_SIZE 8
#define REQUEST_MAX	    112
#define REQUEST_LONG_MAX    1152 /* RFC 7252 section 4.6 */

/* A session of our own to a device, and what is asked in it. */
struct question {
	coap_session_t *session;
	struct lan_channel *channel; /* whose session it is, with DTLS; NULL: it is our own */
	struct device_address to;
	uint8_t token[QUESTION_TOKEN_SIZE];
	enum lan_method method;
	char *path;
	int content_format, accept;
	size_t answer_max;
	bool is_long;
};

struct question_extra {
	int observe; /* -1 = no such option */
	int block2;
	struct span payload;
};

/* What an answer says besides its code. */
struct answer_view {
	uint8_t code;
	int format; /* -1 = none */
	int block2; /* -1 = none */
	int observe;
	int64_t max_age; /* 60 when it says nothing (RFC 7252 5.10.5) */
	struct span etag, payload;
};

/* Checks the way there and opens the session. -ENETUNREACH, -EINVAL, -ENOMEM; as
 * lan_channel_get(). */
int question_open(struct lan *lan, const struct lan_outgoing *outgoing, struct question *ret);
/* Not inside libcoap's callbacks for this session. */
void question_close(struct question *question);
/* Sends it as CON. -EMSGSIZE when it is longer than REQUEST_MAX (or REQUEST_LONG_MAX). */
int question_send(
	struct lan *lan, const struct question *question, const struct question_extra *extra);
/* The message carries the token. */
bool question_matches(const struct question *question, const coap_pdu_t *message);
/* It was given up, or its session was ('sent' NULL). */
bool question_is_of(
	const struct question *question, const coap_session_t *session, const coap_pdu_t *sent);
/* No answer came: the device may know nothing of the session any more. */
void question_spend(const struct question *question);
void answer_read(const coap_pdu_t *received, struct answer_view *ret_answer);
