/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Requests of ours, put together; what lan-client.c and lan-watch.c share. */

#include "lan/block2.h"
#include "lan/lan-internal.h"

#define QUESTION_TOKEN_SIZE 8
#define REQUEST_MAX	    112
#define REQUEST_LONG_MAX    1152 /* RFC 7252 section 4.6 */

/* A session of our own to a device, and what is asked in it. */
struct question {
	coap_session_t *session;
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

/* Checks the way there and opens the session. -ENETUNREACH, -EINVAL, -ENOMEM. */
int question_open(struct lan *lan, const struct lan_outgoing *outgoing, struct question *ret);
/* Not inside libcoap's callbacks for this session. */
void question_close(struct question *question);
/* Sends it as CON. -EMSGSIZE when it is longer than REQUEST_MAX (or REQUEST_LONG_MAX). */
int question_send(
	struct lan *lan, const struct question *question, const struct question_extra *extra);
/* The answer carries the token. */
bool question_matches(const struct question *question, const coap_pdu_t *received);
void answer_read(const coap_pdu_t *received, struct answer_view *ret_answer);
