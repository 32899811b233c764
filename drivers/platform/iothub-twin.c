/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The twin of a device at an IoT Hub: what is desired of it there, and what is reported of it.
 *
 *	$iothub/twin/GET/?$rid=ask                          <- after each connect and each change
 *	$iothub/twin/res/200/?$rid=ask                      -> {"desired": ..., "reported": ...}
 *	$iothub/twin/PATCH/properties/desired/?$version=    -> something has changed: ask
 *	$iothub/twin/PATCH/properties/reported/?$rid=       <- {"gatehouse": ...}
 *	$iothub/twin/res/<status>/?$rid=                    -> 204, or why not
 *
 * Desired properties are the arguments of one command, "configure", always all of them: patches
 * that were missed, or came while another one waited, do no harm. Which version the device has had
 * the platform keeps itself, as reported properties, so it is asked for once, whatever restarts;
 *and a second time only when that report itself was put off.
 *
 * All that is reported is under "gatehouse". What is null there is deleted. A result of the device
 * is reported as a text: its own keys could be none that a twin may have, and two results would
 * become one.
 */

#include "drivers/platform/iothub.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "drivers/platform/topics.h"

#define ANSWER	 "$iothub/twin/" /* and the version */
#define REPORTED "$iothub/twin/PATCH/properties/reported/?$rid="

static void cleanup_json(json_t **value)
{
	json_decref(*value);
}

/* ---- up ---- */

static int set_text(const char *topic, char *text, struct upstream_message *ret_message)
{
	struct upstream_message message = {.qos = 1, .made = text};

	if (!text)
		return -ENOMEM;
	snprintf(message.topic, sizeof(message.topic), "%s", topic);
	message.payload = span_from_string(text);
	*ret_message = message;
	return 0;
}

static int encode_status(const struct upstream_item *item, struct upstream_message *ret_message)
{
	struct upstream_item still = *item;
	struct upstream_message plain;
	char *text = NULL;
	int r, n;

	still.seen = 0; /* would make each report another one */
	r = topics_encode(&still, &plain);
	if (r < 0)
		return r;
	n = asprintf(&text, "{\"gatehouse\":%.*s}", (int)plain.payload.size,
		(const char *)plain.payload.data);
	upstream_message_clear(&plain);
	return set_text(REPORTED "status", n < 0 ? NULL : text, ret_message);
}

int iothub_twin_encode(const struct upstream_item *item, struct upstream_message *ret_message)
{
	if (item->kind == UPSTREAM_STATUS)
		return encode_status(item, ret_message);
	*ret_message = (struct upstream_message){.topic = "$iothub/twin/GET/?$rid=ask", .qos = 1};
	return 0;
}

bool iothub_twin_is(const struct command *command)
{
	return !strncmp(command->response_topic, ANSWER, strlen(ANSWER));
}

static json_t *text_or_null(const char *text)
{
	return text[0] ? json_string(text) : json_null();
}

int iothub_twin_encode_result(const struct command *command, struct upstream_message *ret_message)
{
	json_int_t version = strtoll(command->response_topic + strlen(ANSWER), NULL, 10);
	CLEANUP(cleanup_json)
	json_t *value = json_pack("{s:{s:{s:I,s:b,s:o,s:o}}}", "gatehouse", "configuration",
		"version", version, "ok", command->ok, "result", text_or_null(command->result),
		"reason", text_or_null(command->reason));

	return set_text(REPORTED "configuration",
		value ? json_dumps(value, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL, ret_message);
}

/* ---- down ---- */

static int say(struct inbound_message *message, enum inbound_kind kind, const char *why)
{
	*message = (struct inbound_message){.kind = kind, .why = why};
	return 0;
}

/* The version that the device has had, 0 = none. */
static json_int_t version_had(const json_t *twin)
{
	const json_t *ours = json_object_get(json_object_get(twin, "reported"), "gatehouse");

	return json_integer_value(
		json_object_get(json_object_get(ours, "configuration"), "version"));
}

/* Without what the hub itself puts there ($version, $metadata). */
static int take_desired(json_t *desired, struct inbound_message *message)
{
	const char *key;
	json_t *value;
	void *next;
	size_t size;

	json_object_foreach_safe(desired, next, key,
		value) if (key[0] == '$' && json_object_del(desired, key) < 0) return -ENOMEM;
	size = json_dumpb(desired, message->made, COMMAND_ARGS_MAX, JSON_COMPACT);
	if (!size)
		return -ENOMEM;
	if (size > COMMAND_ARGS_MAX)
		message->why = "the desired properties are longer than 512 bytes";
	else
		message->args = span_of(message->made, size);
	return 0;
}

static int decode_twin(struct span payload, struct inbound_message *ret_message)
{
	CLEANUP(cleanup_json)
	json_t *twin =
		json_loadb((const char *)payload.data, payload.size, JSON_REJECT_DUPLICATES, NULL);
	json_t *desired = json_object_get(twin, "desired");
	json_int_t version = json_integer_value(json_object_get(desired, "$version")),
		   had = version_had(twin);
	int r;

	if (version <= 0)
		return say(ret_message, INBOUND_IGNORED, "the twin cannot be read");
	say(ret_message, INBOUND_CONFIGURATION, NULL);
	if (version == had)
		return 0;
	r = take_desired(desired, ret_message);
	/* Nothing was ever wanted of it. */
	if (r < 0 || (!had && !json_object_size(desired)))
		return r;
	snprintf(ret_message->name, sizeof(ret_message->name), "configure");
	snprintf(ret_message->answer_to, sizeof(ret_message->answer_to),
		ANSWER "%" JSON_INTEGER_FORMAT, version);
	return 0;
}

static int decode_answer(const char *rest, struct span payload, struct inbound_message *ret_message)
{
	char *end;
	unsigned long status = strtoul(rest, &end, 10);
	char rid[32], after[16];

	if (strncmp(end, "/?", 2) != 0 || iothub_bag_find(end + 2, "$rid", rid, sizeof(rid)) <= 0)
		return say(ret_message, INBOUND_IGNORED, "not an answer of the twin");
	if (status == 200 && !strcmp(rid, "ask"))
		return decode_twin(payload, ret_message);
	if (status == 200 || status == 204)
		return say(ret_message, INBOUND_TAKEN, NULL);
	if (status != 429 && status / 100 != 5)
		return say(ret_message, INBOUND_NOT_TAKEN,
			"the hub does not take what is reported of it");
	say(ret_message, INBOUND_PUT_OFF, NULL);
	if (iothub_bag_find(end + 2, "retry-after", after, sizeof(after)) > 0)
		ret_message->retry_after = (uint32_t)strtoul(after, NULL, 10);
	return 0;
}

int iothub_twin_decode(const char *rest, struct span payload, struct inbound_message *ret_message)
{
	if (!strncmp(rest, "res/", 4))
		return decode_answer(rest + 4, payload, ret_message);
	if (!strncmp(rest, "PATCH/properties/desired/", 25))
		return say(ret_message, INBOUND_CHANGED, NULL);
	return say(ret_message, INBOUND_IGNORED, "not a topic for devices");
}
