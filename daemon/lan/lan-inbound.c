/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the options of a request. Options that we do not use are passed over: they are elective, or
 * the gate would have refused them. */

#include "lan/lan-inbound.h"

#include <errno.h>
#include <string.h>

#include "lan/gate.h"

#define HEADER_SIZE	   4
#define OPTION_REQUEST_TAG 292 /* RFC 9175; libcoap 4.3.1 has no name for it */

static void query_read(struct inbound *inbound, struct span query)
{
	static const struct {
		const char *prefix;
		size_t offset;
	} rows[] = {
		{"ep=", offsetof(struct inbound, ep)},
		{"n=", offsetof(struct inbound, value_name)},
		{"rt=", offsetof(struct inbound, filter)},
		{"lt=", offsetof(struct inbound, rd.lifetime)},
		{"base=", offsetof(struct inbound, rd.base)},
		{"d=", offsetof(struct inbound, rd.sector)},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t length = strlen(rows[i].prefix);
		if (query.size < length || memcmp(query.data, rows[i].prefix, length) != 0)
			continue;
		struct span *field = (struct span *)(void *)((char *)inbound + rows[i].offset);
		*field = span_of(query.data + length, query.size - length);
		inbound->eps += field == &inbound->ep;
		inbound->rd.lifetimes += field == &inbound->rd.lifetime;
		inbound->rd.bases += field == &inbound->rd.base;
		inbound->rd.sectors += field == &inbound->rd.sector;
	}
}

static int number_read(struct span value)
{
	return (int)coap_decode_var_bytes(value.data, value.size);
}

static void option_read(struct inbound *inbound, coap_option_num_t number, struct span value)
{
	switch (number) {
	case COAP_OPTION_URI_PATH:
		if (inbound->segments < SEGMENTS_MAX)
			inbound->segment[inbound->segments] = value;
		inbound->segments++;
		return;
	case COAP_OPTION_URI_QUERY:
		query_read(inbound, value);
		return;
	case COAP_OPTION_CONTENT_FORMAT:
		inbound->content_format = number_read(value);
		return;
	case COAP_OPTION_ACCEPT:
		inbound->accept = number_read(value);
		return;
	case COAP_OPTION_BLOCK1:
		inbound->block1 = number_read(value);
		inbound->frame.block1 = inbound->block1;
		return;
	case COAP_OPTION_BLOCK2:
		inbound->block2 = number_read(value);
		return;
	case COAP_OPTION_OBSERVE:
		inbound->observe = number_read(value);
		return;
	case COAP_OPTION_SIZE1:
		inbound->size1 = coap_decode_var_bytes(value.data, value.size);
		return;
	case COAP_OPTION_ECHO:
		inbound->echo = value;
		return;
	case COAP_OPTION_NORESPONSE:
		inbound->frame.no_response = number_read(value);
		return;
	default:
		return;
	}
}

void inbound_read(const coap_pdu_t *pdu, struct inbound *ret_inbound)
{
	coap_bin_const_t token = coap_pdu_get_token(pdu);
	struct inbound inbound = {
		.content_format = -1,
		.accept = -1,
		.block1 = -1,
		.block2 = -1,
		.observe = -1,
		.method = (enum lan_method)coap_pdu_get_code(pdu),
		.frame = {.block1 = -1, .size = HEADER_SIZE + token.length},
	};
	coap_opt_iterator_t at;
	coap_opt_t *option;
	const uint8_t *data;
	size_t size;

	inbound.frame.key = (struct request_key){
		.message_id = (uint16_t)coap_pdu_get_mid(pdu),
		.confirmable = coap_pdu_get_type(pdu) == COAP_MESSAGE_CON,
		.token_size = (uint8_t)token.length,
	};
	memcpy(inbound.frame.key.token, token.s, token.length);
	coap_option_iterator_init(pdu, &at, COAP_OPT_ALL);
	while ((option = coap_option_next(&at))) {
		inbound.frame.size += coap_opt_size(option);
		option_read(&inbound, at.number,
			span_of(coap_opt_value(option), coap_opt_length(option)));
	}
	if (coap_get_data(pdu, &size, &data)) {
		inbound.payload = span_of(data, size);
		inbound.frame.size += 1 + size;
	}
	*ret_inbound = inbound;
}

/* Of these options a body is known again, over all its blocks. */
static bool is_part_of_identity(coap_option_num_t number)
{
	return number == COAP_OPTION_URI_PATH || number == COAP_OPTION_URI_QUERY ||
	       number == COAP_OPTION_CONTENT_FORMAT || number == OPTION_REQUEST_TAG;
}

int inbound_body_identity(const coap_pdu_t *pdu, uint8_t ret_digest[SHA256_SIZE])
{
	/* An option of n bytes takes n + 1 or more in the datagram, and n + 3 here. */
	uint8_t text[3 * GATE_DATAGRAM_MAX] = {0};
	coap_opt_iterator_t at;
	coap_opt_t *option;
	size_t size = 0;

	coap_option_iterator_init(pdu, &at, COAP_OPT_ALL);
	while ((option = coap_option_next(&at))) {
		size_t length = coap_opt_length(option);
		if (!is_part_of_identity(at.number))
			continue;
		if (length > UINT8_MAX || size + 3 + length > sizeof(text))
			return -EMSGSIZE;
		text[size++] = (uint8_t)(at.number >> 8);
		text[size++] = (uint8_t)at.number;
		text[size++] = (uint8_t)length;
		memcpy(text + size, coap_opt_value(option), length);
		size += length;
	}
	return crypto_sha256(span_of(text, size), ret_digest);
}
