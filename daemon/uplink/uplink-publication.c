/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A publication on its way to the worker: a small context that stays until the broker has answered,
 * and one block with all the bytes, which goes as soon as Paho has its copy.
 */

#include "uplink/uplink.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/crypto.h"
#include "uplink/uplink-parts.h"

/* A request to a platform may carry a secret of the device. */
void publication_drop_block(char *block, size_t size)
{
	if (block)
		crypto_wipe(block, size);
	free(block);
}

struct publication *publication_free(struct publication *publication)
{
	if (!publication)
		return NULL;
	publication_drop_block(publication->block, publication->block_size);
	free(publication);
	return NULL;
}

DEFINE_CLEANUP(struct publication *, publication_free, cleanup_publication)

/* Sizes with NUL; 0 when a string is longer than MQTT can carry. */
static size_t text_size(const char *text)
{
	size_t size = strnlen(text, MQTT_STRING_MAX + 1);

	return size > MQTT_STRING_MAX ? 0 : size + 1;
}

struct sizes {
	size_t texts;	 /* bytes of all strings with their NULs */
	uint64_t packet; /* at most this on the wire */
};

static int measure(const struct uplink_publication *from, struct sizes *ret)
{
	size_t topic = text_size(from->topic);
	size_t content_type = from->content_type ? text_size(from->content_type) : 1;
	struct sizes sizes = {.texts = topic + content_type + from->correlation.size};

	if (from->property_count > UPLINK_PROPERTIES_MAX)
		return -EINVAL;
	if (topic <= 1 || content_type == 0 || from->qos < 0 || from->qos > 1 ||
		from->correlation.size > MQTT_STRING_MAX)
		return -EINVAL;
	for (size_t i = 0; i < from->property_count; i++) {
		size_t name = text_size(from->properties[i].name);
		size_t value = text_size(from->properties[i].value);

		if (name == 0 || value == 0)
			return -EINVAL;
		sizes.texts += name + value;
	}
	/* Fixed header 5, identifier 2, property length 4; each string has a length of 2 bytes (its
	 * NUL counts as one) and each property an identifier. */
	sizes.packet = 11 + sizes.texts + 4 + 3 * (uint64_t)from->property_count + 4;
	if (from->payload.size > MQTT_REMAINING_MAX ||
		sizes.packet + from->payload.size > MQTT_REMAINING_MAX)
		return -EMSGSIZE;
	sizes.packet += from->payload.size;
	*ret = sizes;
	return 0;
}

/* The properties stand first in the block, for their alignment. */
static int publication_fill(struct publication *publication, const struct uplink_publication *from,
	const struct sizes *sizes)
{
	size_t table = from->property_count * sizeof(*publication->properties);
	char *at;

	publication->block_size = table + sizes->texts + from->payload.size;
	publication->block = malloc(publication->block_size);
	if (!publication->block)
		return -ENOMEM;
	publication->properties = (struct uplink_property *)publication->block;
	publication->property_count = from->property_count;
	at = publication->block + table;
	publication->topic = at;
	at = stpcpy(at, from->topic) + 1;
	publication->content_type = at;
	at = stpcpy(at, from->content_type ? from->content_type : "") + 1;
	for (size_t i = 0; i < from->property_count; i++) {
		publication->properties[i].name = at;
		at = stpcpy(at, from->properties[i].name) + 1;
		publication->properties[i].value = at;
		at = stpcpy(at, from->properties[i].value) + 1;
	}
	publication->correlation = span_of(at, from->correlation.size);
	if (from->correlation.size > 0)
		memcpy(at, from->correlation.data, from->correlation.size);
	at += from->correlation.size;
	publication->payload = span_of(at, from->payload.size);
	if (from->payload.size > 0)
		memcpy(at, from->payload.data, from->payload.size);
	return 0;
}

int uplink_publish(struct uplink_session *session, const struct uplink_publication *from)
{
	CLEANUP(cleanup_publication) struct publication *publication = NULL;
	struct connection *connection = session->connection;
	struct sizes sizes;
	bool too_large;
	int r;

	if (session->state != SESSION_UP)
		return -ENOTCONN;
	if (connection->outstanding >= UPLINK_OUTSTANDING_MAX)
		return -ENOBUFS;
	r = measure(from, &sizes);
	if (r < 0)
		return r;
	too_large = connection->packet_max != 0 && sizes.packet > connection->packet_max;
	if (too_large && from->refuse_at_once)
		return -EMSGSIZE;
	publication = malloc(sizeof(*publication));
	if (!publication)
		return -ENOMEM;
	*publication = (struct publication){.note = {.connection = connection},
		.tag = from->tag,
		.qos = from->qos,
		.retain = from->retain};
	connection->outstanding++;
	if (too_large) {
		/* The broker would end the session over it, again at each retry. */
		publication->note.code = REASON_PACKET_TOO_LARGE;
		note_push(session->uplink->events, &STEAL(publication)->note, NOTE_REFUSED);
		return 0;
	}
	r = publication_fill(publication, from, &sizes);
	if (r < 0) {
		connection->outstanding--;
		return r;
	}
	publication->note.kind = NOTE_PUBLISH;
	mail_tray_add(&session->uplink->outgoing, &STEAL(publication)->note.mail);
	return 0;
}
