/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Azure IoT Hub. The credential is kept as a row of fields, each with its length in two bytes: a
 * format byte, two times of the token, the SAS's end, then token, host, device, and the SAS, or in
 * the other format certificate and key.
 *
 *	devices/<device>/messages/events/<bag>        readings, gaps
 *	devices/<device>/messages/devicebound/<bag>   commands
 *	$iothub/methods/POST/<name>/?$rid=<rid>       commands (iothub-method.c)
 *	$iothub/twin/...                              configuration, status (iothub-twin.c)
 */

#include "drivers/platform/iothub.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/crypto.h"
#include "base/identity.h"
#include "core/owed.h"
#include "drivers/platform/topics.h"

#define CREDENTIAL_SAS	    1
#define CREDENTIAL_IDENTITY 2
#define CREDENTIAL_HEAD	    (1 + 3 * 8)
#define FIELDS		    4
#define KEEP_ALIVE	    300 /* s; the hub closes at 1.5 times of it */
#define BAG_VALUE_MAX	    128

/* ---- connection strings ---- */

static bool is_topic_word(struct span text)
{
	return text.size > 0 && span_is_printable(text) && !memchr(text.data, '/', text.size) &&
	       !memchr(text.data, '+', text.size) && !memchr(text.data, '#', text.size) &&
	       !memchr(text.data, ' ', text.size);
}

static int take_part(struct span part, const char *name, struct span *value)
{
	size_t length = strlen(name);

	if (part.size <= length || memcmp(part.data, name, length) || part.data[length] != '=')
		return 0;
	if (value->data)
		return -EBADMSG;
	*value = span_of(part.data + length + 1, part.size - length - 1);
	return 0;
}

int iothub_connection_read(struct span text, struct iothub_connection *ret_connection)
{
	struct iothub_connection connection = {0};
	int r = 0;

	while (r >= 0 && text.size > 0) {
		const uint8_t *end = memchr(text.data, ';', text.size);
		size_t size = end ? (size_t)(end - text.data) : text.size;
		struct span part = span_of(text.data, size);

		text = span_of(text.data + size + (end != NULL), text.size - size - (end != NULL));
		r = take_part(part, "DeviceId", &connection.device);
		if (r >= 0)
			r = take_part(part, "SharedAccessSignature", &connection.sas);
	}
	if (r < 0 || !is_topic_word(connection.device) || !connection.sas.size ||
		!span_is_printable(connection.sas))
		return -EBADMSG;
	*ret_connection = connection;
	return 0;
}

/* ---- the credential ---- */

static uint8_t *put_time(uint8_t *at, int64_t value)
{
	for (int i = 7; i >= 0; i--)
		*at++ = (uint8_t)((uint64_t)value >> (8 * i));
	return at;
}

static int64_t get_time(const uint8_t *at)
{
	uint64_t value = 0;

	for (int i = 0; i < 8; i++)
		value = value << 8 | at[i];
	return (int64_t)value;
}

int iothub_credential_make(const struct iothub_credential *credential, struct secret *ret_bytes)
{
	const struct span field[FIELDS] = {credential->token, credential->host, credential->device,
		credential->identity.size ? credential->identity : credential->sas};
	size_t size = CREDENTIAL_HEAD + 2 * FIELDS, i;
	uint8_t *bytes, *at;

	for (i = 0; i < FIELDS; i++) {
		if (field[i].size > UINT16_MAX)
			return -EINVAL;
		size += field[i].size;
	}
	bytes = malloc(size);
	if (!bytes)
		return -ENOMEM;
	bytes[0] = credential->identity.size ? CREDENTIAL_IDENTITY : CREDENTIAL_SAS;
	at = put_time(bytes + 1, credential->token_since);
	at = put_time(at, credential->token_expires);
	at = put_time(at, credential->sas_expires);
	for (i = 0; i < FIELDS; i++) {
		*at++ = (uint8_t)(field[i].size >> 8);
		*at++ = (uint8_t)field[i].size;
		if (field[i].size)
			memcpy(at, field[i].data, field[i].size);
		at += field[i].size;
	}
	secret_clear(ret_bytes);
	*ret_bytes = (struct secret){bytes, size};
	return 0;
}

int iothub_credential_read(struct span bytes, struct iothub_credential *ret_credential)
{
	struct span field[FIELDS];
	size_t at = CREDENTIAL_HEAD, i;
	bool identity;

	if (bytes.size < CREDENTIAL_HEAD ||
		(bytes.data[0] != CREDENTIAL_SAS && bytes.data[0] != CREDENTIAL_IDENTITY))
		return -EBADMSG;
	identity = bytes.data[0] == CREDENTIAL_IDENTITY;
	/* They become headers, a host name and a user name; and they may come from elsewhere. */
	for (i = 0; i < FIELDS; i++) {
		size_t size;

		if (bytes.size - at < 2)
			return -EBADMSG;
		size = (size_t)bytes.data[at] << 8 | bytes.data[at + 1];
		at += 2;
		if (bytes.size - at < size)
			return -EBADMSG;
		field[i] = span_of(bytes.data + at, size);
		if (i == FIELDS - 1 && identity ? size == 0 || size > IDENTITY_MAX
						: !span_is_printable(field[i]))
			return -EBADMSG;
		at += size;
	}
	if (at != bytes.size || !field[0].size)
		return -EBADMSG;
	*ret_credential = (struct iothub_credential){
		.token_since = get_time(bytes.data + 1),
		.token_expires = get_time(bytes.data + 9),
		.sas_expires = get_time(bytes.data + 17),
		.token = field[0],
		.host = field[1],
		.device = field[2],
		.sas = identity ? span_of(NULL, 0) : field[3],
		.identity = identity ? field[3] : span_of(NULL, 0),
	};
	return 0;
}

int iothub_session(const struct device_record *record, const char *api_version,
	struct platform_session *ret_session)
{
	struct platform_session session = {.version = 4, .keep_alive = KEEP_ALIVE};
	struct iothub_credential credential;
	int r = iothub_credential_read(secret_span(&record->life.credential_current), &credential);

	if (r < 0)
		return r;
	if ((!credential.sas.size && !credential.identity.size) ||
		span_to_string(credential.host, session.host, sizeof(session.host)) < 0 ||
		span_to_string(credential.device, session.client_id, sizeof(session.client_id)) < 0)
		return -EBADMSG;
	snprintf(session.made_username, sizeof(session.made_username), "%s/%s/?api-version=%s",
		session.host, session.client_id, api_version);
	session.password = credential.sas;
	session.identity = credential.identity;
	*ret_session = session;
	return 0;
}

/* ---- property bags ---- */

int iothub_escape(const char *text, char *ret_text, size_t capacity)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t at = 0;

	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (at + 4 > capacity)
			return -EMSGSIZE;
		if (isalnum(c) || strchr("-._~", c)) {
			ret_text[at++] = (char)c;
			continue;
		}
		ret_text[at++] = '%';
		ret_text[at++] = hex[c >> 4];
		ret_text[at++] = hex[c & 15];
	}
	if (at >= capacity)
		return -EMSGSIZE;
	ret_text[at] = '\0';
	return 0;
}

static int add_to_bag(
	struct upstream_message *message, size_t *at, const char *name, const char *value)
{
	char key[3 * 32], text[3 * BAG_VALUE_MAX];
	int n;

	if (iothub_escape(name, key, sizeof(key)) < 0 ||
		iothub_escape(value, text, sizeof(text)) < 0)
		return -EMSGSIZE;
	n = snprintf(message->topic + *at, sizeof(message->topic) - *at, "%s%s=%s",
		message->topic[*at - 1] == '/' ? "" : "&", key, text);
	if (n < 0 || (size_t)n >= sizeof(message->topic) - *at)
		return -EMSGSIZE;
	*at += (size_t)n;
	return 0;
}

static int unescape(const char *text, size_t size, char *ret_text, size_t capacity)
{
	size_t at = 0, i;

	for (i = 0; i < size; i++) {
		char hex[3] = {0};
		unsigned value = (unsigned char)text[i];

		if (text[i] == '%') {
			if (size - i < 3 || !isxdigit((unsigned char)text[i + 1]) ||
				!isxdigit((unsigned char)text[i + 2]))
				return -EBADMSG;
			memcpy(hex, text + i + 1, 2);
			value = (unsigned)strtoul(hex, NULL, 16);
			i += 2;
		}
		if (value == 0)
			return -EBADMSG;
		if (at + 1 >= capacity)
			return -EMSGSIZE;
		ret_text[at++] = (char)value;
	}
	ret_text[at] = '\0';
	return 0;
}

int iothub_bag_find(const char *bag, const char *name, char *ret_value, size_t capacity)
{
	while (*bag) {
		size_t size = strcspn(bag, "&"), key = strcspn(bag, "=&");
		char found[64];

		if (unescape(bag, key, found, sizeof(found)) >= 0 && !strcmp(found, name)) {
			/* A bare name is null, which is nothing to us. */
			size_t skip = key < size ? key + 1 : size;
			int r = unescape(bag + skip, size - skip, ret_value, capacity);

			return r < 0 ? r : 1;
		}
		bag += size + (bag[size] == '&');
	}
	return 0;
}

/* ---- up ---- */

/* The shared encoder makes names and values; here they go into the bag. */
int iothub_encode(const struct driver_services *services, const struct upstream_item *item,
	struct upstream_message *ret_message)
{
	struct upstream_item plain = *item;
	struct upstream_message message;
	size_t at, i;
	int r, n;

	if (item->kind == UPSTREAM_RESULT && iothub_method_is(item->command))
		return iothub_method_encode(item->command, ret_message);
	if (item->kind == UPSTREAM_RESULT && iothub_twin_is(item->command))
		return iothub_twin_encode_result(item->command, ret_message);
	if (item->kind == UPSTREAM_PACK || item->kind == UPSTREAM_CLEAR ||
		item->kind == UPSTREAM_GATEWAY)
		return -ENOTSUP;
	/* Of one that is forgotten nothing can be said any more. */
	if (!item->record->life.platform_id[0])
		return -ENOTSUP;
	if (item->kind == UPSTREAM_STATUS || item->kind == UPSTREAM_ASK)
		return iothub_twin_encode(item, ret_message);
	plain.envelope = false;
	r = topics_encode(&plain, &message);
	if (r < 0)
		return r;
	n = snprintf(message.topic, sizeof(message.topic), "devices/%s/messages/events/",
		item->record->life.platform_id);
	if (n < 0 || (size_t)n >= sizeof(message.topic))
		r = -EMSGSIZE;
	at = (size_t)n;
	for (i = 0; r >= 0 && i < message.property_count; i++)
		r = add_to_bag(&message, &at, message.property[i].name, message.property[i].value);
	if (r >= 0 && message.content_type)
		r = add_to_bag(&message, &at, "$.ct", message.content_type);
	if (r >= 0 && item->kind != UPSTREAM_READING)
		r = add_to_bag(
			&message, &at, "gh-kind", item->kind == UPSTREAM_GAP ? "gap" : "result");
	if (r < 0) {
		upstream_message_clear(&message);
		return r;
	}
	message.property_count = 0;
	message.content_type = NULL;
	message.retain = false;
	*ret_message = message;
	return 0;
}

/* ---- down ---- */

static int ignore(struct inbound_message *message, const char *why)
{
	*message = (struct inbound_message){.kind = INBOUND_IGNORED, .why = why};
	return 0;
}

int iothub_listen(const struct device_record *record, const char *gateway_id, unsigned at,
	char *ret_filter, size_t capacity)
{
	int n = 0;

	if (!record)
		return -ENOTSUP;
	if (at == 0)
		n = snprintf(ret_filter, capacity, "devices/%s/messages/devicebound/#",
			record->life.platform_id);
	else if (at == 1)
		n = snprintf(ret_filter, capacity, "$iothub/methods/POST/#");
	else if (at == 2)
		n = snprintf(ret_filter, capacity, "$iothub/twin/res/#");
	else if (at == 3)
		n = snprintf(ret_filter, capacity, "$iothub/twin/PATCH/properties/desired/#");
	else
		return -ENOTSUP;
	return n < 0 || (size_t)n >= capacity ? -EMSGSIZE : 0;
}

static int decode_devicebound(struct span device, const char *bag, struct span payload,
	struct inbound_message *ret_message)
{
	struct inbound_message message = {.kind = INBOUND_COMMAND, .args = payload};
	int r = span_to_string(device, message.platform_id, sizeof(message.platform_id));

	if (r < 0)
		return ignore(ret_message, "its topic names no device");
	r = iothub_bag_find(bag, "command", message.name, sizeof(message.name));

	if (r < 0)
		return ignore(ret_message, "its property bag cannot be read");
	if (r == 0 || !command_name_fits(span_from_string(message.name)))
		return ignore(ret_message, "it names no command (property \"command\")");
	*ret_message = message;
	return 0;
}

/* What follows a prefix, or NULL. */
static const char *behind(const char *topic, const char *prefix)
{
	size_t length = strlen(prefix);

	return strncmp(topic, prefix, length) ? NULL : topic + length;
}

int iothub_decode(const struct driver_services *services, const char *gateway_id, const char *topic,
	struct span payload, bool retained, struct inbound_message *ret_message)
{
	const char *rest = behind(topic, "$iothub/methods/POST/"), *bag;

	if (rest)
		return iothub_method_decode(rest, payload, ret_message);
	rest = behind(topic, "$iothub/twin/");
	if (rest)
		return iothub_twin_decode(rest, payload, ret_message);
	rest = behind(topic, "devices/");
	bag = rest ? strstr(rest, "/messages/devicebound/") : NULL;
	if (!bag)
		return ignore(ret_message, "not a topic for devices");
	return decode_devicebound(span_of(rest, (size_t)(bag - rest)),
		bag + strlen("/messages/devicebound/"), payload, ret_message);
}
