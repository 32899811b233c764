/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers as messages: how long one will be, what is left of it for a source that has not shown
 * that it is there, and the PDU. Sizes are computed before anything is built, from the encoding of
 * RFC 7252 section 3: an answer that may not be sent is never made.
 */

#include <string.h>

#include "base/cleanup.h"
#include "lan/lan-internal.h"

#define HEADER_SIZE 4
#define OPTIONS_MAX 8

struct option {
	uint16_t number;
	uint16_t size;
	uint8_t value[40];
};

struct options {
	struct option list[OPTIONS_MAX];
	size_t count;
};

static void option_put(struct options *options, uint16_t number, struct span value)
{
	struct option *option = &options->list[options->count++];

	option->number = number;
	option->size = (uint16_t)value.size;
	if (value.size)
		memcpy(option->value, value.data, value.size);
}

static void option_put_uint(struct options *options, uint16_t number, int64_t value)
{
	uint8_t bytes[4];
	size_t size;

	if (value < 0)
		return;
	size = coap_encode_var_safe(bytes, sizeof(bytes), (uint32_t)value);
	option_put(options, number, span_of(bytes, size));
}

/* In the order of their numbers. */
static void options_list(const struct answer_parts *parts, struct options *ret_options)
{
	static const char *const places[] = {[LAN_LOCATION_DEVICE] = "d", [LAN_LOCATION_RD] = "rd"};

	*ret_options = (struct options){.count = 0};
	if (parts->observed)
		option_put_uint(ret_options, COAP_OPTION_OBSERVE, parts->observe);
	if (parts->location_id && parts->location_id[0]) {
		option_put(ret_options, COAP_OPTION_LOCATION_PATH,
			span_from_string(places[parts->location]));
		option_put(ret_options, COAP_OPTION_LOCATION_PATH,
			span_from_string(parts->location_id));
	}
	option_put_uint(ret_options, COAP_OPTION_CONTENT_FORMAT, parts->format);
	option_put_uint(ret_options, COAP_OPTION_MAXAGE, parts->max_age);
	option_put_uint(ret_options, COAP_OPTION_BLOCK1, parts->block1);
	if (parts->size1 > 0)
		option_put_uint(ret_options, COAP_OPTION_SIZE1, (int64_t)parts->size1);
	if (parts->echo.size > 0)
		option_put(ret_options, COAP_OPTION_ECHO, parts->echo);
}

static size_t extension_size(size_t value)
{
	if (value < 13)
		return 0;
	return value < 269 ? 1 : 2;
}

size_t message_size(const struct request_key *key, const struct answer_parts *parts)
{
	size_t size = (size_t)HEADER_SIZE + key->token_size;
	struct options options;
	unsigned number = 0;

	options_list(parts, &options);
	for (size_t i = 0; i < options.count; i++) {
		const struct option *option = &options.list[i];
		size += 1 + extension_size(option->number - number) + extension_size(option->size) +
			option->size;
		number = option->number;
	}
	return size + (parts->payload.size > 0 ? 1 + parts->payload.size : 0);
}

size_t message_budget(size_t request_size)
{
	size_t budget = request_size * UNVERIFIED_FACTOR;

	return budget < UNVERIFIED_MAX ? budget : UNVERIFIED_MAX;
}

bool message_trim(const struct request_key *key, size_t budget, struct answer_parts *parts)
{
	if (message_size(key, parts) > budget) {
		parts->payload = (struct span){NULL, 0};
		parts->format = -1;
	}
	if (message_size(key, parts) > budget) {
		parts->max_age = -1;
		parts->block1 = -1;
		parts->size1 = 0;
		parts->location_id = NULL;
	}
	return message_size(key, parts) <= budget;
}

coap_pdu_t *message_build(
	uint8_t type, uint16_t mid, const struct request_key *key, const struct answer_parts *parts)
{
	struct options options;
	coap_pdu_t *pdu = coap_pdu_init((coap_pdu_type_t)type, (coap_pdu_code_t)parts->code, mid,
		message_size(key, parts) - HEADER_SIZE);
	bool built = pdu && coap_add_token(pdu, key->token_size, key->token);

	options_list(parts, &options);
	for (size_t i = 0; built && i < options.count; i++)
		built = coap_add_option(pdu, options.list[i].number, options.list[i].size,
				options.list[i].value) > 0;
	if (built && parts->payload.size > 0)
		built = coap_add_data(pdu, parts->payload.size, parts->payload.data);
	if (!built && pdu) {
		coap_delete_pdu(pdu);
		pdu = NULL;
	}
	return pdu;
}
