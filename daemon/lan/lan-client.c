/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our own questions to devices. Each has a client session of its own, which is a connected socket:
 * the kernel lets in only what comes from the address that was asked. The token is 64 random bits.
 * The request is never longer than 112 bytes, because small stacks were found to overflow on more
 * that they did not ask for; a command goes to a resource that was made for it and may be longer.
 *
 * A request ends when its answer comes, when it is reset, when libcoap gives up, or at its own
 * time-out, whatever is first. Its session is released from a defer source: libcoap is still at
 * work on it when it calls us.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/loop.h"
#include "lan/lan-internal.h"

#define TOKEN_SIZE	     8
#define HEADER_SIZE	     4
#define REQUEST_MAX	     112
#define REQUEST_LONG_MAX     1152		 /* RFC 7252 section 4.6 */
#define DEFAULT_TIMEOUT_USEC (93 * USEC_PER_SEC) /* MAX_TRANSMIT_WAIT */
#define BLOCK_MORE	     8

struct client_request {
	struct client_request *next;
	struct lan *lan;
	coap_session_t *session;
	struct device_address to;
	uint8_t token[TOKEN_SIZE];
	size_t answer_max;
	sd_event_source *timer;
	lan_reply_fn reply;
	void *userdata;
};

struct builder {
	coap_pdu_t *pdu;
	size_t size, max;
	unsigned number;
};

static void request_free(struct client_request *request)
{
	loop_source_free(request->timer);
	/* Takes what libcoap would still repeat. It calls back for it; by then nobody knows the
	 * session. */
	coap_session_disconnected(request->session, COAP_NACK_NOT_DELIVERABLE);
	coap_session_release(request->session);
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
	return 0;
}

static void finished_schedule(struct lan *lan)
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
	finished_schedule(lan);
	request->reply(request->userdata, result, code, format, payload);
}

static struct client_request *request_of(struct lan *lan, const coap_session_t *session)
{
	for (struct client_request *at = lan->requests; at; at = at->next)
		if (at->session == session)
			return at;
	return NULL;
}

static void answer_take(struct client_request *request, const coap_pdu_t *received)
{
	coap_opt_iterator_t at;
	int format = -1;
	bool partial = false;
	const uint8_t *data = NULL;
	size_t size = 0;

	coap_opt_t *option = coap_check_option(received, COAP_OPTION_CONTENT_FORMAT, &at);
	if (option)
		format =
			(int)coap_decode_var_bytes(coap_opt_value(option), coap_opt_length(option));
	option = coap_check_option(received, COAP_OPTION_BLOCK2, &at);
	if (option)
		partial = coap_decode_var_bytes(coap_opt_value(option), coap_opt_length(option)) &
			  BLOCK_MORE;
	coap_get_data(received, &size, &data);
	if (partial || size > request->answer_max)
		request_finish(request, -EMSGSIZE, 0, -1, (struct span){NULL, 0});
	else
		request_finish(request, 0, (uint8_t)coap_pdu_get_code(received), format,
			span_of(data, size));
}

coap_response_t lan_client_answered(
	struct lan *lan, coap_session_t *session, const coap_pdu_t *received, bool *ret_mine)
{
	coap_bin_const_t token = coap_pdu_get_token(received);
	struct client_request *request;

	*ret_mine = coap_session_get_type(session) == COAP_SESSION_TYPE_CLIENT;
	if (!*ret_mine)
		return COAP_RESPONSE_OK;
	request = request_of(lan, session);
	if (!request || token.length != sizeof(request->token) ||
		!crypto_equal(token.s, request->token, sizeof(request->token)))
		return coap_pdu_get_type(received) == COAP_MESSAGE_CON ? COAP_RESPONSE_FAIL
								       : COAP_RESPONSE_OK;
	/* A token of 64 random bits came back: the address is there. */
	if ((request->to.interface[0] || prefixes_hold(&lan->routed, &request->to.ip)) &&
		!echo_is_verified(lan->echo, &request->to))
		lan_address_verified(lan, &request->to);
	answer_take(request, received);
	return COAP_RESPONSE_OK;
}

void lan_client_failed(struct lan *lan, coap_session_t *session, coap_nack_reason_t reason)
{
	struct client_request *request = request_of(lan, session);
	bool refused = reason == COAP_NACK_RST || reason == COAP_NACK_ICMP_ISSUE;

	if (request)
		request_finish(request, refused ? -ECONNREFUSED : -ETIMEDOUT, 0, -1,
			(struct span){NULL, 0});
}

static int request_late(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source;
	(void)usec;
	request_finish(userdata, -ETIMEDOUT, 0, -1, (struct span){NULL, 0});
	return 0;
}

static size_t extension_size(size_t value)
{
	if (value < 13)
		return 0;
	return value < 269 ? 1 : 2;
}

static int option_add(struct builder *builder, unsigned number, struct span value)
{
	builder->size += 1 + extension_size(number - builder->number) + extension_size(value.size) +
			 value.size;
	builder->number = number;
	if (builder->size > builder->max)
		return -EMSGSIZE;
	return coap_add_option(builder->pdu, (coap_option_num_t)number, value.size, value.data) > 0
		       ? 0
		       : -ENOMEM;
}

static int option_add_uint(struct builder *builder, unsigned number, int value)
{
	uint8_t bytes[4];

	if (value < 0)
		return 0;
	return option_add(builder, number,
		span_of(bytes, coap_encode_var_safe(bytes, sizeof(bytes), (unsigned)value)));
}

/* "/a/b" or "x=1&y=2": one option for each part. "." and ".." are no parts (RFC 7252 5.10.1). */
static int options_split(struct builder *builder, unsigned number, struct span text, char separator)
{
	while (text.size > 0) {
		const uint8_t *end = memchr(text.data, separator, text.size);
		size_t size = end ? (size_t)(end - text.data) : text.size;
		struct span part = span_of(text.data, size);
		if (span_equal(part, SPAN_LITERAL(".")) || span_equal(part, SPAN_LITERAL("..")))
			return -EINVAL;
		int r = option_add(builder, number, part);
		if (r < 0)
			return r;
		text = span_of(text.data + size + !!end, text.size - size - !!end);
	}
	return 0;
}

static int request_fill(struct builder *builder, const struct lan_outgoing *outgoing)
{
	const char *query = strchr(outgoing->path, '?');
	size_t path_size = query ? (size_t)(query - outgoing->path) : strlen(outgoing->path);
	int r = options_split(
		builder, COAP_OPTION_URI_PATH, span_of(outgoing->path + 1, path_size - 1), '/');

	if (r >= 0)
		r = option_add_uint(builder, COAP_OPTION_CONTENT_FORMAT, outgoing->content_format);
	if (r >= 0 && query)
		r = options_split(builder, COAP_OPTION_URI_QUERY, span_from_string(query + 1), '&');
	if (r >= 0)
		r = option_add_uint(builder, COAP_OPTION_ACCEPT, outgoing->accept);
	if (r < 0 || outgoing->payload.size == 0)
		return r;
	if (builder->size + 1 + outgoing->payload.size > builder->max)
		return -EMSGSIZE;
	return coap_add_data(builder->pdu, outgoing->payload.size, outgoing->payload.data)
		       ? 0
		       : -ENOMEM;
}

static int request_transmit(struct client_request *request, const struct lan_outgoing *outgoing)
{
	struct builder builder = {.size = HEADER_SIZE + TOKEN_SIZE,
		.max = outgoing->is_long ? REQUEST_LONG_MAX : REQUEST_MAX};
	int r = -ENOMEM;

	builder.pdu = coap_pdu_init(COAP_MESSAGE_CON, (coap_pdu_code_t)outgoing->method,
		coap_new_message_id(request->session), builder.max);
	if (builder.pdu && coap_add_token(builder.pdu, TOKEN_SIZE, request->token))
		r = request_fill(&builder, outgoing);
	if (r < 0) {
		if (builder.pdu)
			coap_delete_pdu(builder.pdu);
		return r;
	}
	request->lan->touched = true;
	return coap_send(request->session, builder.pdu) == COAP_INVALID_MID ? -ENETUNREACH : 0;
}

/* The address must be reached over an interface of ours, and over its own when it names one; and it
 * must be a neighbour there, or in a routed prefix: what a device says of itself shall not send us
 * anywhere else. */
static int route_check(const struct lan *lan, const struct device_address *to)
{
	char interface[16];

	if (to->interface[0] && !lan_interface_is_ours(lan, to->interface))
		return -ENETUNREACH;
	int r = address_route(to, interface);
	if (r < 0)
		return r == -ENODEV ? -ENETUNREACH : r;
	if (!lan_interface_is_ours(lan, interface) ||
		(to->interface[0] && strcmp(interface, to->interface) != 0) ||
		(!prefixes_hold(&lan->routed, &to->ip) && !address_is_on_link(to, interface)))
		return -ENETUNREACH;
	return 0;
}

static int request_new(
	struct lan *lan, const struct lan_outgoing *outgoing, struct client_request **ret)
{
	coap_address_t to;
	int r = address_to_coap(&outgoing->to, &to);

	if (r < 0)
		return r;
	struct client_request *request = calloc(1, sizeof(*request));
	if (!request)
		return -ENOMEM;
	request->lan = lan;
	request->to = outgoing->to;
	request->answer_max = outgoing->answer_max;
	random_bytes(request->token, sizeof(request->token));
	request->session = coap_new_client_session(lan->context, NULL, &to, COAP_PROTO_UDP);
	if (!request->session) {
		free(request);
		return -ENETUNREACH;
	}
	*ret = request;
	return 0;
}

int lan_send(
	struct lan *lan, const struct lan_outgoing *outgoing, lan_reply_fn reply, void *userdata)
{
	uint64_t timeout = outgoing->timeout_usec ? outgoing->timeout_usec : DEFAULT_TIMEOUT_USEC;
	struct client_request *request;

	if (outgoing->path[0] != '/')
		return -EINVAL;
	if (lan->request_count >= lan->limits->value[LIMIT_PROBES]) {
		lan_limit_reached(lan, LIMIT_PROBES);
		return -EBUSY;
	}
	int r = route_check(lan, &outgoing->to);
	if (r >= 0)
		r = request_new(lan, outgoing, &request);
	if (r < 0)
		return r;
	request->reply = reply;
	request->userdata = userdata;
	r = loop_timer_set(
		lan->loop, &request->timer, timeout, request_late, request, "coap-request");
	if (r >= 0)
		r = request_transmit(request, outgoing);
	if (r < 0) {
		request_free(request);
		return r;
	}
	request->next = lan->requests;
	lan->requests = request;
	lan->request_count++;
	return 0;
}

void lan_client_drop(struct lan *lan)
{
	while (lan->requests)
		request_finish(lan->requests, -ECANCELED, 0, -1, (struct span){NULL, 0});
	finished_release(NULL, lan);
}
