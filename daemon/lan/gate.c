/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcoap answers much by itself: 4.02 with the option it did not know, 4.05 and 5.05 with their
 * phrase, 5.08 with our address, a confirmable Pong to a signalling code that has no place in UDP.
 * Several of these are longer than three times what was sent, and one is repeated: with a forged
 * source each would be a gun in somebody's hand. So each datagram is looked at before libcoap sees
 * it, and whatever libcoap would answer alone is settled here: by silence, by a reset, or by a bare
 * code with the token. No answer of the gate is longer than the datagram it answers.
 *
 * The gate knows the message format (RFC 7252 section 3) and the options' numbers and lengths, and
 * nothing else: no path of ours but /.well-known/core (the only thing that may be asked of a
 * group), no peer, no state. What it lets through is well-formed, of a method that we have, without
 * options that we would have to understand and do not.
 */

#include "lan/gate.h"

enum { TYPE_CON, TYPE_NON, TYPE_ACK, TYPE_RST };

#define HEADER_SIZE   4
#define TOKEN_MAX     8
#define METHOD_MAX    4 /* GET, POST, PUT, DELETE; nothing of ours takes FETCH or PATCH */
#define METHOD_GET    1
#define PAYLOAD_START 0xff

#define CODE(class, detail) ((uint8_t)((class) << 5 | (detail)))
#define CODE_BAD_REQUEST    CODE(4, 0)
#define CODE_BAD_OPTION	    CODE(4, 2)
#define CODE_BAD_METHOD	    CODE(4, 5)
#define CODE_TOO_LARGE	    CODE(4, 13)
#define CODE_NO_PROXY	    CODE(5, 5)
#define CODE_HOP_LIMIT	    CODE(5, 8)

enum {
	OPTION_URI_PATH = 11,
	OPTION_HOP_LIMIT = 16,
	OPTION_PROXY_URI = 35,
	OPTION_PROXY_SCHEME = 39
};

/* Options whose length has limits (RFC 7252 5.10, 7959, 7967, 8768, 9175), and the critical ones
 * that we understand. A critical option that is not in here, or comes twice without being
 * repeatable, is 4.02; If-Match (1), If-None-Match (5), OSCORE (9) and Q-Block (19, 31) among them.
 */
static const struct option_row {
	uint16_t number;
	uint16_t min, max;
	bool repeatable;
} option_rows[] = {
	{3, 1, 255, false},   /* Uri-Host */
	{4, 1, 8, true},      /* ETag */
	{6, 0, 3, false},     /* Observe */
	{7, 0, 2, false},     /* Uri-Port */
	{8, 0, 255, true},    /* Location-Path */
	{11, 0, 255, true},   /* Uri-Path */
	{12, 0, 2, false},    /* Content-Format */
	{14, 0, 4, false},    /* Max-Age */
	{15, 1, 255, true},   /* Uri-Query */
	{16, 1, 1, false},    /* Hop-Limit */
	{17, 0, 2, false},    /* Accept */
	{20, 0, 255, true},   /* Location-Query */
	{23, 0, 3, false},    /* Block2 */
	{27, 0, 3, false},    /* Block1 */
	{28, 0, 4, false},    /* Size2 */
	{35, 1, 1034, false}, /* Proxy-Uri */
	{39, 1, 255, false},  /* Proxy-Scheme */
	{60, 0, 4, false},    /* Size1 */
	{252, 1, 40, false},  /* Echo */
	{258, 0, 1, false},   /* No-Response */
	{292, 0, 8, true},    /* Request-Tag */
};

struct message {
	uint8_t type;
	uint8_t code;
	uint8_t token_size;
	const uint8_t *bytes;
	/* found among the options */
	bool unknown_critical;
	bool proxy;
	int hop_limit; /* -1 = none */
	unsigned path_segments;
	bool path_is_core; /* /.well-known/core */
};

static const struct option_row *option_find(uint32_t number)
{
	for (size_t i = 0; i < sizeof(option_rows) / sizeof(option_rows[0]); i++)
		if (option_rows[i].number == number)
			return &option_rows[i];
	return NULL;
}

/* One nibble of an option header with its extension; false when the bytes run out or it is 15. */
static bool nibble_read(uint8_t nibble, struct span *bytes, uint32_t *ret_value)
{
	if (nibble < 13) {
		*ret_value = nibble;
		return true;
	}
	size_t extension = nibble == 13 ? 1 : 2;
	if (nibble == 15 || bytes->size < extension)
		return false;
	*ret_value = nibble == 13 ? 13u + bytes->data[0]
				  : 269u + ((uint32_t)bytes->data[0] << 8 | bytes->data[1]);
	bytes->data += extension;
	bytes->size -= extension;
	return true;
}

static void path_note(struct message *message, struct span segment)
{
	static const char *const core[] = {".well-known", "core"};
	unsigned at = message->path_segments++;

	message->path_is_core = at < 2 && (at == 0 || message->path_is_core) &&
				span_equal(segment, span_from_string(core[at]));
}

/* False when the option's length is not allowed. */
static bool option_note(struct message *message, uint32_t number, bool again, struct span value)
{
	const struct option_row *row = option_find(number);

	if (row && (value.size < row->min || value.size > row->max))
		return false;
	if (number % 2 == 1 && (!row || (again && !row->repeatable)))
		message->unknown_critical = true;
	if (number == OPTION_PROXY_URI || number == OPTION_PROXY_SCHEME)
		message->proxy = true;
	else if (number == OPTION_HOP_LIMIT)
		message->hop_limit = value.data[0];
	else if (number == OPTION_URI_PATH)
		path_note(message, value);
	return true;
}

/* Walks the options; false for what is not a message of RFC 7252. */
static bool options_walk(struct message *message, struct span rest)
{
	uint32_t number = 0;
	bool first = true;

	while (rest.size > 0 && rest.data[0] != PAYLOAD_START) {
		uint8_t head = rest.data[0];
		uint32_t delta, length;

		rest.data++, rest.size--;
		if (!nibble_read(head >> 4, &rest, &delta) ||
			!nibble_read(head & 15, &rest, &length) || length > rest.size ||
			number + delta > UINT16_MAX)
			return false;
		number += delta;
		if (!option_note(message, number, !first && delta == 0, span_of(rest.data, length)))
			return false;
		rest.data += length, rest.size -= length;
		first = false;
	}
	return rest.size != 1; /* a payload marker with nothing behind it */
}

static void refuse(const struct message *message, bool group, struct gate_result *result)
{
	if (message->type != TYPE_CON || group) {
		result->verdict = GATE_DROP;
		return;
	}
	result->verdict = GATE_REPLY;
	result->reply[0] = 1 << 6 | TYPE_RST << 4;
	result->reply[1] = 0;
	result->reply[2] = message->bytes[2];
	result->reply[3] = message->bytes[3];
	result->reply_size = HEADER_SIZE;
}

static void answer(const struct message *message, uint8_t code, uint16_t message_id,
	struct gate_result *result)
{
	uint8_t type = message->type == TYPE_CON ? TYPE_ACK : TYPE_NON;
	uint16_t id = message->type == TYPE_CON
			      ? (uint16_t)(message->bytes[2] << 8 | message->bytes[3])
			      : message_id;

	result->verdict = GATE_REPLY;
	result->reply[0] = (uint8_t)(1 << 6 | type << 4 | message->token_size);
	result->reply[1] = code;
	result->reply[2] = (uint8_t)(id >> 8);
	result->reply[3] = (uint8_t)id;
	memcpy(result->reply + HEADER_SIZE, message->bytes + HEADER_SIZE, message->token_size);
	result->reply_size = (size_t)HEADER_SIZE + message->token_size;
}

/* 0 when the request may pass, else the code that refuses it. */
static uint8_t request_code(const struct message *message)
{
	if (message->proxy)
		return CODE_NO_PROXY;
	if (message->unknown_critical)
		return CODE_BAD_OPTION;
	if (message->hop_limit == 0)
		return CODE_BAD_REQUEST;
	if (message->hop_limit == 1)
		return CODE_HOP_LIMIT;
	return message->code > METHOD_MAX ? CODE_BAD_METHOD : 0;
}

static void request_check(
	const struct message *message, bool group, uint16_t message_id, struct gate_result *result)
{
	uint8_t code = request_code(message);

	if (group) {
		/* RFC 7252 8.1: only NON; and there is only one thing that a group may be asked. */
		bool welcome = code == 0 && message->type == TYPE_NON &&
			       message->code == METHOD_GET && message->path_is_core;
		result->verdict = welcome ? GATE_PASS : GATE_DROP;
		return;
	}
	result->malformed = code == CODE_BAD_OPTION || code == CODE_BAD_REQUEST;
	if (code == 0)
		result->verdict = GATE_PASS;
	else if (code == CODE_BAD_OPTION && message->type == TYPE_NON)
		result->verdict = GATE_DROP; /* RFC 7252 5.4.1: rejected, and silence does */
	else
		answer(message, code, message_id, result);
}

/* Codes of the class 0 with detail 0: empty messages. */
static void empty_check(
	const struct message *message, size_t size, bool group, struct gate_result *result)
{
	if (size != HEADER_SIZE || message->type == TYPE_NON) {
		result->malformed = true;
		refuse(message, group, result);
	} else if (message->type == TYPE_CON) {
		refuse(message, group, result); /* a ping: the reset is its answer */
	} else {
		result->verdict = group ? GATE_DROP : GATE_PASS;
		result->acknowledged = !group;
	}
}

static void content_check(struct message *message, struct span bytes, size_t size, bool group,
	uint16_t message_id, struct gate_result *result)
{
	unsigned class = message->code >> 5;
	bool request = class == 0;
	bool response = class == 2 || class == 4 || class == 5;
	size_t begin = (size_t)HEADER_SIZE + message->token_size;
	bool type_fits = request ? message->type <= TYPE_NON : message->type <= TYPE_ACK;

	if (size > GATE_DATAGRAM_MAX && request && type_fits && !group) {
		result->too_large = true;
		answer(message, CODE_TOO_LARGE, message_id, result);
		return;
	}
	if (!(request || response) || !type_fits || size > GATE_DATAGRAM_MAX ||
		!options_walk(message, span_of(bytes.data + begin, bytes.size - begin))) {
		result->malformed = true;
		refuse(message, group, result);
		return;
	}
	if (request) {
		request_check(message, group, message_id, result);
		return;
	}
	result->verdict = group ? GATE_DROP : GATE_PASS;
	result->acknowledged = !group && message->type == TYPE_ACK;
}

void gate_check(struct span bytes, size_t size, bool group, uint16_t message_id,
	struct gate_result *ret_result)
{
	struct gate_result result = {.verdict = GATE_DROP, .malformed = true};

	if (bytes.size < HEADER_SIZE || bytes.data[0] >> 6 != 1) {
		*ret_result = result; /* RFC 7252 section 3: another version is ignored silently */
		return;
	}
	struct message message = {
		.type = bytes.data[0] >> 4 & 3,
		.token_size = bytes.data[0] & 15,
		.code = bytes.data[1],
		.bytes = bytes.data,
		.hop_limit = -1,
	};
	result.message_id = (uint16_t)(bytes.data[2] << 8 | bytes.data[3]);
	if (message.token_size > TOKEN_MAX ||
		bytes.size < (size_t)HEADER_SIZE + message.token_size) {
		refuse(&message, group, &result);
	} else {
		result.malformed = false;
		result.reset = message.type == TYPE_RST;
		if (message.code == 0)
			empty_check(&message, size, group, &result);
		else
			content_check(&message, bytes, size, group, message_id, &result);
	}
	*ret_result = result;
}
