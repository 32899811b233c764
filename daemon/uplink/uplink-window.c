/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The window: how many publications of a connection Paho holds at a time. It is never more than the
 * broker's Receive Maximum (MQTT 5 section 3.1.2.11.3; mosquitto says 20). Paho would keep to that
 * as well, but 1.3.12 sleeps a second each time it is full, which makes 20 publications a second.
 * How many of them are worth having says send-window.h. It also keeps what Paho holds small, for
 * Paho drops that only by destroying the handle.
 *
 * What has no room waits in a list of the worker's. When that is so, the next answer of the broker
 * sends one credit note, however many answers come.
 */

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "uplink/uplink-compat.h"
#include "uplink/uplink-parts.h"

#define REASON_BAD_TOPIC      0x90
#define REASON_QUOTA_EXCEEDED 0x97

#define PROPERTIES_ALL (2 + UPLINK_PROPERTIES_MAX)

static MQTTLenString len_string(const char *text)
{
	return (MQTTLenString){.len = (int)strlen(text), .data = (char *)text};
}

/* Paho makes a copy of each when it takes the message. MQTTProperties_add() would make another one
 * before that: 24 allocations for a reading instead of 12, each under the lock of its heap. So the
 * array is ours, and the texts stay where they are. */
static void make_properties(const struct publication *publication,
	MQTTProperty array[PROPERTIES_ALL], MQTTProperties *ret_properties)
{
	int count = 0;

	if (publication->content_type[0])
		array[count++] = (MQTTProperty){.identifier = MQTTPROPERTY_CODE_CONTENT_TYPE,
			.value.data = len_string(publication->content_type)};
	if (publication->correlation.size > 0)
		array[count++] = (MQTTProperty){.identifier = MQTTPROPERTY_CODE_CORRELATION_DATA,
			.value.data = {.len = (int)publication->correlation.size,
				.data = (char *)publication->correlation.data}};
	for (size_t i = 0; i < publication->property_count; i++)
		array[count++] = (MQTTProperty){.identifier = MQTTPROPERTY_CODE_USER_PROPERTY,
			.value.data = len_string(publication->properties[i].name),
			.value.value = len_string(publication->properties[i].value)};
	ret_properties->array = array;
	ret_properties->count = ret_properties->max_count = count;
}

static int hand_to_paho(struct connection *connection, struct publication *publication)
{
	MQTTAsync_responseOptions response = MQTTAsync_responseOptions_initializer;
	MQTTProperty array[PROPERTIES_ALL];
	int r;

	response.context = publication;
	publication->handed_usec = clock_boot_usec();
	if (connection->version == MQTTVERSION_5) {
		response.onSuccess5 = on_publish_success5;
		response.onFailure5 = on_publish_failure5;
		make_properties(publication, array, &response.properties);
	} else {
		response.onSuccess = on_publish_success;
		response.onFailure = on_publish_failure;
	}
	atomic_fetch_add(&connection->unacked, 1);
	r = MQTTAsync_send(connection->handle, publication->topic, (int)publication->payload.size,
		publication->payload.data, publication->qos, publication->retain, &response);
	if (r != MQTTASYNC_SUCCESS)
		atomic_fetch_sub(&connection->unacked, 1);
	return r;
}

/* From here the publication belongs to Paho's callbacks, or is on its way back. */
static void publish(struct publication *publication)
{
	struct mailbox *events = publication->note.connection->uplink->events;
	char *block = publication->block;
	size_t size = publication->block_size;
	int r;

	publication->block = NULL; /* the callback may free the publication before we return */
	r = hand_to_paho(publication->note.connection, publication);
	publication_drop_block(block, size);
	if (r == MQTTASYNC_SUCCESS)
		return;
	publication->note.code =
		r == MQTTASYNC_BAD_UTF8_STRING ? REASON_BAD_TOPIC : REASON_QUOTA_EXCEEDED;
	note_push(
		events, &publication->note, r == MQTTASYNC_DISCONNECTED ? NOTE_GONE : NOTE_REFUSED);
}

void window_fill(struct connection *connection)
{
	struct publication *publication;

	if (!connection->handle)
		return;
	while (connection->first && !atomic_load(&connection->cut)) {
		if (atomic_load(&connection->unacked) >= atomic_load(&connection->window)) {
			/* Look once more after saying so: the last answer may have come between. */
			if (atomic_exchange(&connection->starved, true))
				return;
			continue;
		}
		publication = connection->first;
		connection->first = (struct publication *)publication->note.mail.next;
		publish(publication);
	}
	atomic_store(&connection->starved, false);
}

bool window_add(struct connection *connection, struct publication *publication)
{
	publication->note.mail.next = NULL;
	if (!connection->handle) { /* closed; what was before it is gone too */
		note_push(connection->uplink->events, &publication->note, NOTE_GONE);
		return false;
	}
	if (connection->first)
		connection->last->note.mail.next = &publication->note.mail;
	else
		connection->first = publication;
	connection->last = publication;
	return true;
}

void window_clear(struct connection *connection)
{
	struct publication *next;

	for (; connection->first; connection->first = next) {
		next = (struct publication *)connection->first->note.mail.next;
		note_push(connection->uplink->events, &connection->first->note, NOTE_GONE);
	}
}
