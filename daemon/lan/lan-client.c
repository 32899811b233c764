/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our own questions to devices that want one answer. A request ends when its answer has come whole
 * (block by block, RFC 7959), when it is reset, when libcoap gives up, or at its own time-out,
 * whatever is first. Its session is released from a defer source: libcoap is still at work on it
 * when it calls us.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/loop.h"
#include "lan/lan-question.h"

#define DEFAULT_TIMEOUT_USEC (93 * USEC_PER_SEC) /* MAX_TRANSMIT_WAIT */

struct client_request {
	struct client_request *next;
	struct lan *lan;
	struct question question;
	struct block2 blocks;
	int format; /* of its first block */
	sd_event_source *timer;
	lan_reply_fn reply;
	void *userdata;
};

static void request_free(struct client_request *request)
{
	loop_source_free(request->timer);
	question_close(&request->question);
	block2_clear(&request->blocks);
	free(request);
}

static int finished_release(sd_event_source *source, void *userdata)
{
	struct lan *lan = userdata;
	struct client_request *request;

	(void)source;
	while ((request = lan->finished)) {
		lan->finished = request->next;
		request_free(request);
	}
	lan_watches_release(lan);
	lan_channels_release(lan);
	return 0;
}

void lan_finished_schedule(struct lan *lan)
{
	if (lan->finished_defer) {
		sd_event_source_set_enabled(lan->finished_defer, SD_EVENT_ONESHOT);
		return;
	}
	/* Without memory they go with the next one. */
	if (sd_event_add_defer(lan->loop, &lan->finished_defer, finished_release, lan) >= 0)
		sd_event_source_set_description(lan->finished_defer, "coap-finished");
}

static void request_finish(
	struct client_request *request, int result, uint8_t code, int format, struct span payload)
{
	struct lan *lan = request->lan;
	struct client_request **at = &lan->requests;

	while (*at != request)
		at = &(*at)->next;
	*at = request->next;
	lan->request_count--;
	loop_timer_stop(request->timer);
	request->next = lan->finished;
	lan->finished = request;
	lan_finished_schedule(lan);
	request->reply(request->userdata, result, code, format, payload);
}

static void request_fail(struct client_request *request, int result)
{
	request_finish(request, result, 0, -1, (struct span){NULL, 0});
}

/* Which one is it of? With DTLS others may be under way in the same session. */
static struct client_request *request_of(
	struct lan *lan, const coap_session_t *session, const coap_pdu_t *message)
{
	for (struct client_request *at = lan->requests; at; at = at->next)
		if (question_is_of(&at->question, session, message))
			return at;
	return NULL;
}

static int request_go_on(struct client_request *request)
{
	return question_send(request->lan, &request->question,
		&(const struct question_extra){
			.observe = -1, .block2 = (int)block2_next(&request->blocks)});
}

static void block_take(struct client_request *request, const struct answer_view *answer)
{
	const struct block2_part part = {.value = (unsigned)answer->block2,
		.etag = answer->etag,
		.payload = answer->payload};
	enum block2_verdict verdict = BLOCK2_BROKEN;
	bool first = !request->blocks.begun;
	int r = block2_take(&request->blocks, &part, request->question.answer_max, &verdict);

	if (first)
		request->format = answer->format;
	if (r >= 0 && verdict == BLOCK2_MORE) {
		r = request_go_on(request);
		if (r >= 0)
			return;
	}
	if (r < 0)
		request_fail(request, r);
	else if (verdict == BLOCK2_WHOLE)
		request_finish(request, 0, answer->code, request->format,
			span_of(request->blocks.body, request->blocks.size));
	else
		request_fail(request, verdict == BLOCK2_TOO_LARGE ? -EMSGSIZE : -EBADMSG);
}

static void answer_take(struct client_request *request, const struct answer_view *answer)
{
	bool success = answer->code >> 5 == 2;

	if (success && answer->block2 >= 0 && request->question.method == LAN_GET)
		block_take(request, answer);
	else if (success && request->blocks.begun)
		request_fail(request, -EBADMSG);
	else if (answer->payload.size > request->question.answer_max ||
		 (answer->block2 >= 0 && (answer->block2 & 8)))
		request_fail(request, -EMSGSIZE);
	else
		request_finish(request, 0, answer->code, answer->format, answer->payload);
}

coap_response_t lan_client_answered(
	struct lan *lan, coap_session_t *session, const coap_pdu_t *received, bool *ret_mine)
{
	struct client_request *request;
	struct answer_view answer;

	*ret_mine = coap_session_get_type(session) == COAP_SESSION_TYPE_CLIENT;
	if (!*ret_mine)
		return COAP_RESPONSE_OK;
	request = request_of(lan, session, received);
	if (!request)
		return lan_watch_answered(lan, session, received);
	if (!question_matches(&request->question, received))
		return coap_pdu_get_type(received) == COAP_MESSAGE_CON ? COAP_RESPONSE_FAIL
								       : COAP_RESPONSE_OK;
	lan_question_answered(lan, &request->question.to);
	answer_read(received, &answer);
	answer_take(request, &answer);
	return COAP_RESPONSE_OK;
}

/* A token of 64 random bits came back: the address is there. */
void lan_question_answered(struct lan *lan, const struct device_address *to)
{
	if ((to->interface[0] || prefixes_hold(&lan->routed, &to->ip)) &&
		!echo_is_verified(lan->echo, to))
		lan_address_verified(lan, to);
}

void lan_client_failed(struct lan *lan, const coap_session_t *session, const coap_pdu_t *sent,
	coap_nack_reason_t reason)
{
	struct client_request *request;
	bool refused = reason == COAP_NACK_RST || reason == COAP_NACK_ICMP_ISSUE;

	/* What ends with its session ends as that did. */
	lan_channel_nack(session, reason);
	request = request_of(lan, session, sent);
	if (request && !refused)
		question_spend(&request->question);
	if (request)
		request_fail(request, refused ? -ECONNREFUSED : -ETIMEDOUT);
	else
		lan_watch_failed(lan, session, sent, refused ? -ECONNREFUSED : -ETIMEDOUT);
}

void lan_client_ended(struct lan *lan, const coap_session_t *session, int result)
{
	struct client_request *at = lan->requests;

	/* Who is told may ask somebody else: from the beginning, then. */
	while (at) {
		if (at->question.session == session) {
			request_fail(at, result);
			at = lan->requests;
		} else {
			at = at->next;
		}
	}
}

static int request_late(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct client_request *request = userdata;

	(void)source;
	(void)usec;
	question_spend(&request->question);
	request_fail(request, -ETIMEDOUT);
	return 0;
}

static int request_new(struct lan *lan, const struct lan_outgoing *outgoing, lan_reply_fn reply,
	void *userdata, struct client_request **ret)
{
	uint64_t timeout = outgoing->timeout_usec ? outgoing->timeout_usec : DEFAULT_TIMEOUT_USEC;
	struct client_request *request;
	int r;

	if (lan->request_count >= lan->limits->value[LIMIT_PROBES]) {
		lan_limit_reached(lan, LIMIT_PROBES);
		return -EBUSY;
	}
	request = calloc(1, sizeof(*request));
	if (!request)
		return -ENOMEM;
	r = question_open(lan, outgoing, &request->question);
	if (r < 0) {
		free(request);
		return r;
	}
	request->lan = lan;
	request->reply = reply;
	request->userdata = userdata;
	r = loop_timer_set(
		lan->loop, &request->timer, timeout, request_late, request, "coap-request");
	if (r < 0) {
		request_free(request);
		return r;
	}
	*ret = request;
	return 0;
}

static void request_list(struct client_request *request)
{
	request->next = request->lan->requests;
	request->lan->requests = request;
	request->lan->request_count++;
}

int lan_send(
	struct lan *lan, const struct lan_outgoing *outgoing, lan_reply_fn reply, void *userdata)
{
	struct client_request *request;
	int r = request_new(lan, outgoing, reply, userdata, &request);

	if (r < 0)
		return r;
	r = question_send(lan, &request->question,
		&(const struct question_extra){
			.observe = -1, .block2 = -1, .payload = outgoing->payload});
	if (r < 0) {
		request_free(request);
		return r;
	}
	request_list(request);
	return 0;
}

int lan_send_rest(struct lan *lan, const struct lan_outgoing *outgoing,
	const struct answer_view *first, lan_reply_fn reply, void *userdata,
	struct client_request **ret)
{
	const struct block2_part part = {
		.value = (unsigned)first->block2, .etag = first->etag, .payload = first->payload};
	enum block2_verdict verdict = BLOCK2_BROKEN;
	struct client_request *request;
	int r = request_new(lan, outgoing, reply, userdata, &request);

	if (r < 0)
		return r;
	request->format = first->format;
	r = block2_take(&request->blocks, &part, outgoing->answer_max, &verdict);
	if (r >= 0 && verdict != BLOCK2_MORE)
		r = -EBADMSG;
	if (r >= 0)
		r = request_go_on(request);
	if (r < 0) {
		request_free(request);
		return r;
	}
	request_list(request);
	*ret = request;
	return 0;
}

void lan_request_cancel(struct client_request *request)
{
	request_fail(request, -ECANCELED);
}

void lan_client_drop(struct lan *lan)
{
	while (lan->requests)
		request_fail(lan->requests, -ECANCELED);
	lan_watches_drop(lan);
	finished_release(NULL, lan);
	lan_channels_drop(lan);
}
