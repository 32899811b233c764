/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A question to a device. In clear each has a client session of its own, which is a connected
 * socket: the kernel lets in only what comes from the address that was asked. The token is 64
 * random bits. The request is never longer than 112 bytes, because small stacks were found to
 * overflow on more that they did not ask for; a command goes to a resource that was made for it and
 * may be longer. With DTLS the session is shared (lan-channel.c), and the token alone tells
 * questions apart.
 */

#include "lan/lan-question.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/crypto.h"

#define HEADER_SIZE	4
#define MAX_AGE_DEFAULT 60

struct builder {
	coap_pdu_t *pdu;
	size_t size, max;
	unsigned number;
};

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
	size_t size;

	if (value < 0)
		return 0;
	size = coap_encode_var_safe(bytes, sizeof(bytes), (unsigned)value);
	return option_add(builder, number, span_of(bytes, size));
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

/* Options come in the order of their numbers. */
static int question_fill(struct builder *builder, const struct question *question,
	const struct question_extra *extra)
{
	const char *path = question->path, *query = strchr(path, '?');
	size_t path_size = query ? (size_t)(query - path) : strlen(path);
	int r = option_add_uint(builder, COAP_OPTION_OBSERVE, extra->observe);

	if (r >= 0)
		r = options_split(
			builder, COAP_OPTION_URI_PATH, span_of(path + 1, path_size - 1), '/');
	if (r >= 0)
		r = option_add_uint(builder, COAP_OPTION_CONTENT_FORMAT, question->content_format);
	if (r >= 0 && query)
		r = options_split(builder, COAP_OPTION_URI_QUERY, span_from_string(query + 1), '&');
	if (r >= 0)
		r = option_add_uint(builder, COAP_OPTION_ACCEPT, question->accept);
	if (r >= 0)
		r = option_add_uint(builder, COAP_OPTION_BLOCK2, extra->block2);
	if (r < 0 || extra->payload.size == 0)
		return r;
	if (builder->size + 1 + extra->payload.size > builder->max)
		return -EMSGSIZE;
	return coap_add_data(builder->pdu, extra->payload.size, extra->payload.data) ? 0 : -ENOMEM;
}

int question_send(
	struct lan *lan, const struct question *question, const struct question_extra *extra)
{
	struct builder builder = {.size = HEADER_SIZE + QUESTION_TOKEN_SIZE,
		.max = question->is_long ? REQUEST_LONG_MAX : REQUEST_MAX};
	int r = -ENOMEM;

	builder.pdu = coap_pdu_init(COAP_MESSAGE_CON, (coap_pdu_code_t)question->method,
		coap_new_message_id(question->session), builder.max);
	if (builder.pdu && coap_add_token(builder.pdu, QUESTION_TOKEN_SIZE, question->token))
		r = question_fill(&builder, question, extra);
	if (r < 0) {
		if (builder.pdu)
			coap_delete_pdu(builder.pdu);
		return r;
	}
	lan->touched = true;
	if (question->channel && lan_channel_is_dead(question->channel)) {
		coap_delete_pdu(builder.pdu);
		return -ECONNRESET;
	}
	return coap_send(question->session, builder.pdu) == COAP_INVALID_MID ? -ENETUNREACH : 0;
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

int lan_locate(const struct lan *lan, struct device_address *address)
{
	int r = route_check(lan, address);

	if (r >= 0 && prefixes_hold(&lan->routed, &address->ip))
		address->interface[0] = '\0';
	else if (r >= 0)
		r = address_route(address, address->interface);
	return r;
}

int question_open(struct lan *lan, const struct lan_outgoing *outgoing, struct question *ret)
{
	struct question question = {
		.to = outgoing->to,
		.method = outgoing->method,
		.content_format = outgoing->content_format,
		.accept = outgoing->accept,
		.answer_max = outgoing->answer_max,
		.is_long = outgoing->is_long,
	};
	coap_address_t to;
	int r;

	if (outgoing->path[0] != '/')
		return -EINVAL;
	r = route_check(lan, &outgoing->to);
	if (r >= 0)
		r = address_to_coap(&outgoing->to, &to);
	if (r < 0)
		return r;
	question.path = strdup(outgoing->path);
	if (!question.path)
		return -ENOMEM;
	random_bytes(question.token, sizeof(question.token));
	if (outgoing->identity)
		r = lan_channel_get(lan, &outgoing->to, outgoing->identity, &question.channel);
	if (r >= 0)
		question.session = question.channel ? lan_channel_session(question.channel)
						    : coap_new_client_session(lan->context, NULL,
							      &to, COAP_PROTO_UDP);
	if (!question.session) {
		free(question.path);
		return r < 0 ? r : -ENETUNREACH;
	}
	*ret = question;
	return 0;
}

void question_close(struct question *question)
{
	free(question->path);
	if (question->channel) {
		lan_channel_put(question->channel);
		return;
	}
	/* Takes what libcoap would still repeat. It calls back for it; by then nobody knows the
	 * session. */
	coap_session_disconnected(question->session, COAP_NACK_NOT_DELIVERABLE);
	coap_session_release(question->session);
}

bool question_matches(const struct question *question, const coap_pdu_t *message)
{
	coap_bin_const_t token = coap_pdu_get_token(message);

	return token.length == sizeof(question->token) &&
	       crypto_equal(token.s, question->token, sizeof(question->token));
}

bool question_is_of(
	const struct question *question, const coap_session_t *session, const coap_pdu_t *sent)
{
	/* Over a shared session others are asked too; what becomes of all of them the channel says.
	 */
	return question->session == session &&
	       (!question->channel || (sent && question_matches(question, sent)));
}

void question_spend(const struct question *question)
{
	if (question->channel)
		lan_channel_spend(question->channel);
}

static int64_t number_of(const coap_pdu_t *received, coap_option_num_t number, int64_t absent)
{
	coap_opt_iterator_t at;
	coap_opt_t *option = coap_check_option(received, number, &at);

	if (!option)
		return absent;
	return (int64_t)coap_decode_var_bytes(coap_opt_value(option), coap_opt_length(option));
}

void answer_read(const coap_pdu_t *received, struct answer_view *ret_answer)
{
	coap_opt_iterator_t at;
	coap_opt_t *etag = coap_check_option(received, COAP_OPTION_ETAG, &at);
	const uint8_t *data = NULL;
	size_t size = 0;

	coap_get_data(received, &size, &data);
	*ret_answer = (struct answer_view){
		.code = (uint8_t)coap_pdu_get_code(received),
		.format = (int)number_of(received, COAP_OPTION_CONTENT_FORMAT, -1),
		.block2 = (int)number_of(received, COAP_OPTION_BLOCK2, -1),
		.observe = (int)number_of(received, COAP_OPTION_OBSERVE, -1),
		.max_age = number_of(received, COAP_OPTION_MAXAGE, MAX_AGE_DEFAULT),
		.payload = span_of(data, size),
	};
	if (etag)
		ret_answer->etag = span_of(coap_opt_value(etag), coap_opt_length(etag));
}
