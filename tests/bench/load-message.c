/* SPDX-License-Identifier: Apache-2.0 */
/* Requests are put together once and renewed in place: a load has no time to do it each time. */

#include "load-message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OPTION_URI_PATH	      11
#define OPTION_CONTENT_FORMAT 12
#define OPTION_MAX_AGE	      14
#define OPTION_URI_QUERY      15
#define OPTION_ECHO	      252
#define TOKEN_SIZE	      4
#define HEAD_SIZE	      (4 + TOKEN_SIZE)
#define HEAD_MAX	      256
#define RECORD		      "{\"n\":\"t00\",\"v\":1000}"
#define RECORD_SIZE	      (sizeof(RECORD) - 1)

/* An option of up to 268 bytes behind option *last. */
static uint8_t *put_option(
	uint8_t *at, unsigned number, unsigned *last, const void *value, size_t size)
{
	unsigned delta = number - *last;

	*last = number;
	*at++ = (uint8_t)((delta < 13 ? delta : 13) << 4 | (size < 13 ? size : 13));
	if (delta >= 13)
		*at++ = (uint8_t)(delta - 13);
	if (size >= 13)
		*at++ = (uint8_t)(size - 13);
	memcpy(at, value, size);
	return at + size;
}

static uint8_t *put_path(uint8_t *at, unsigned *last, const char *path)
{
	for (size_t size; *path; path += size + (path[size] == '/')) {
		size = strcspn(path, "/");
		at = put_option(at, OPTION_URI_PATH, last, path, size);
	}
	return at;
}

/* SenML of exactly so many bytes, at least 20: records, and a longer name in the last one. Returns
 * where the first value stands. */
static size_t put_body(char *body, size_t size)
{
	size_t records = size < 2 * RECORD_SIZE + 3 ? 1 : (size - 1) / (RECORD_SIZE + 1), at = 0;
	size_t rest = size - 2 - (records - 1) * (RECORD_SIZE + 1); /* of the last one */
	size_t name = rest - (RECORD_SIZE - 3);

	body[at++] = '[';
	for (size_t i = 0; i + 1 < records; i++) {
		char record[RECORD_SIZE + 2];

		snprintf(record, sizeof(record), "{\"n\":\"t%02zu\",\"v\":1000},", i % 100);
		memcpy(body + at, record, RECORD_SIZE + 1);
		at += RECORD_SIZE + 1;
	}
	memcpy(body + at, "{\"n\":\"", 6);
	memset(body + at + 6, 'x', name);
	memcpy(body + at + 6 + name, "\",\"v\":1000}]", 12);
	return records == 1 ? at + 6 + name + 6 : 1 + RECORD_SIZE - 5;
}

uint8_t *message_request(const struct message_options *options, uint32_t number,
	const uint8_t *echo, size_t echo_size, size_t *ret_size, size_t *ret_value_at)
{
	uint8_t *data = calloc(1, HEAD_MAX + options->size), *at = data + HEAD_SIZE;
	unsigned last = 0;
	char query[64];
	int length = snprintf(query, sizeof(query), "ep=%s%05u", options->prefix, number);

	if (!data)
		return NULL;
	data[0] = 1 << 6 | MESSAGE_CON << 4 | TOKEN_SIZE;
	data[1] = options->put ? MESSAGE_CODE(0, 3) : MESSAGE_CODE(0, 2);
	memcpy(data + 4, &number, TOKEN_SIZE);
	at = put_path(at, &last, options->path);
	if (options->size)
		at = put_option(at, OPTION_CONTENT_FORMAT, &last, &options->format, 1);
	if (options->prefix[0])
		at = put_option(at, OPTION_URI_QUERY, &last, query, (size_t)length);
	if (echo_size)
		at = put_option(at, OPTION_ECHO, &last, echo, echo_size);
	*ret_value_at = 0;
	if (options->size) {
		*at++ = 0xff;
		*ret_value_at = (size_t)(at - data) + put_body((char *)at, options->size);
		at += options->size;
	}
	*ret_size = (size_t)(at - data);
	return data;
}

void message_renew(uint8_t *request, size_t value_at, uint16_t message_id, uint32_t value)
{
	request[2] = (uint8_t)(message_id >> 8);
	request[3] = (uint8_t)message_id;
	value = 1000 + value % 9000;
	for (unsigned i = 0; value_at && i < 4; i++, value /= 10)
		request[value_at + 3 - i] = (uint8_t)('0' + value % 10);
}

static size_t extended(const uint8_t **at, const uint8_t *end, unsigned nibble)
{
	size_t value = nibble;

	if (nibble == 13 && *at < end)
		value = 13 + *(*at)++;
	else if (nibble == 14 && *at + 1 < end) {
		value = 269 + (size_t)((*at)[0] << 8 | (*at)[1]);
		*at += 2;
	}
	return value;
}

static bool read_options(const uint8_t *at, const uint8_t *end, struct message *message)
{
	size_t number = 0;

	while (at < end && *at != 0xff) {
		unsigned first = *at++;

		number += extended(&at, end, first >> 4);
		size_t size = extended(&at, end, first & 15);
		if (size > (size_t)(end - at))
			return false;
		if (number == OPTION_ECHO && size <= MESSAGE_ECHO_MAX) {
			memcpy(message->echo, at, size);
			message->echo_size = size;
		}
		if (number == OPTION_MAX_AGE)
			for (size_t i = message->max_age = 0; i < size; i++)
				message->max_age = message->max_age << 8 | at[i];
		at += size;
	}
	return true;
}

bool message_read(const uint8_t *data, size_t size, struct message *ret_message)
{
	*ret_message = (struct message){.max_age = 60};
	if (size < 4 || data[0] >> 6 != 1)
		return false;
	ret_message->type = data[0] >> 4 & 3;
	ret_message->code = data[1];
	ret_message->message_id = (uint16_t)(data[2] << 8 | data[3]);
	if (!data[1])
		return size == 4 && ret_message->type >= MESSAGE_ACK;
	if (size < HEAD_SIZE || (data[0] & 15) != TOKEN_SIZE || data[1] >> 5 < 2)
		return false;
	memcpy(&ret_message->token, data + 4, TOKEN_SIZE);
	return read_options(data + HEAD_SIZE, data + size, ret_message);
}

void message_acknowledgement(uint16_t message_id, uint8_t ret_data[4])
{
	ret_data[0] = 1 << 6 | MESSAGE_ACK << 4;
	ret_data[1] = 0;
	ret_data[2] = (uint8_t)(message_id >> 8);
	ret_data[3] = (uint8_t)message_id;
}

size_t message_answer(uint8_t *data, size_t size)
{
	size_t token = data[0] & 15;

	if (size < 4 + token)
		return 0;
	data[0] = (uint8_t)(1 << 6 | MESSAGE_ACK << 4 | token);
	data[1] = MESSAGE_CODE(2, 4);
	return 4 + token;
}
