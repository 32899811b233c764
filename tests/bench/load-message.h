/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* As much of CoAP (RFC 7252) as the load needs: one kind of request, and what may come back. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MESSAGE_CODE(class, detail) (uint8_t)((class) << 5 | (detail))
#define MESSAGE_ECHO_MAX	    40

enum { MESSAGE_CON, MESSAGE_NON, MESSAGE_ACK, MESSAGE_RST };

struct message_options {
	const char *path,
		*prefix; /* the endpoint's name is the prefix and the sensor's number; "" = none */
	size_t size;	 /* of the body, SenML JSON; 0 = none */
	uint8_t format;	 /* Content-Format of the body */
	bool put;	 /* PUT instead of POST */
};

struct message {
	uint8_t type, code;
	uint16_t message_id;
	uint32_t token, max_age;
	uint8_t echo[MESSAGE_ECHO_MAX];
	size_t echo_size;
};

/* The request of a sensor; its token is the number. The caller frees it; NULL: no memory. Where
 * *ret_value_at is not 0 stand four digits that message_renew() writes over. */
uint8_t *message_request(const struct message_options *options, uint32_t number,
	const uint8_t *echo, size_t echo_size, size_t *ret_size, size_t *ret_value_at);
void message_renew(uint8_t *request, size_t value_at, uint16_t message_id, uint32_t value);

/* False for what is no answer to such a request. */
bool message_read(const uint8_t *data, size_t size, struct message *ret_message);

void message_acknowledgement(uint16_t message_id, uint8_t ret_data[4]);
/* Makes a request its own 2.04, in place. Returns the size. */
size_t message_answer(uint8_t *data, size_t size);
