/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The twin of a device at an IoT Hub: what is desired of it there, and what is reported of it.
 *
 *	$iothub/twin/GET/?$rid=ask                          <- after each connect and each change
 *	$iothub/twin/res/200/?$rid=ask                      -> {"desired": ..., "reported": ...}
 *	$iothub/twin/PATCH/properties/desired/?$version=    -> something has changed: ask
 *	$iothub/twin/PATCH/properties/reported/?$rid=       <- {"gatehouse": ...}
 *	                                  status, or configuration-<version>
 *	$iothub/twin/res/<status>/?$rid=                    -> 204, or why not
 *
 * Desired properties are the arguments of one command, "configure", always all of them: patches
 * that were missed, or came while another one waited, do no harm. Which version the device has had
 * the platform keeps itself, as reported properties; until it has said so, the gateway keeps the
 * result, and says it again when it was put off. So the device gets each version once.
 */

#include "drivers/platform/iothub.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "drivers/platform/reported.h"

#define ANSWER	 "$iothub/twin/" /* and the version */
#define REPORTED "$iothub/twin/PATCH/properties/reported/?$rid="
#define RESULT	 "configuration-" /* and the version */

static void cleanup_json(json_t **value)
{
	json_decref(*value);
}

/* ---- up ---- */

int iothub_twin_encode(const struct upstream_item *item, struct upstream_message *ret_message)
{
	if (item->kind == UPSTREAM_STATUS)
		return reported_status(item, REPORTED "status", "", "", ret_message);
	*ret_message = (struct upstream_message){.topic = "$iothub/twin/GET/?$rid=ask", .qos = 1};
	return 0;
}

bool iothub_twin_is(const struct command *command)
{
	return !strncmp(command->response_topic, ANSWER, strlen(ANSWER));
}

int iothub_twin_encode_result(const struct command *command, struct upstream_message *ret_message)
{
	json_int_t version = strtoll(command->response_topic + strlen(ANSWER), NULL, 10);
	char topic[sizeof(REPORTED RESULT) + 24];
	int r;

	snprintf(topic, sizeof(topic), REPORTED RESULT "%" JSON_INTEGER_FORMAT, version);
	r = reported_send(topic,
		json_pack("{s:{s:o}}", "gatehouse", "configuration",
			reported_configuration(command, json_integer(version))),
		ret_message);
	/* Of one that was refused nothing is kept. */
	if (r >= 0)
		ret_message->answered = command->row != 0;
	return r;
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

/* What the hub itself puts there ($version, $metadata) is no property. */
static int drop_own(json_t *desired)
{
	const char *key;
	json_t *value;
	void *next;

	json_object_foreach_safe(desired, next, key,
		value) if (key[0] == '$' && json_object_del(desired, key) < 0) return -ENOMEM;
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
	char answer_to[64];
	int r;

	if (version <= 0)
		return say(ret_message, INBOUND_IGNORED, "the twin cannot be read");
	say(ret_message, INBOUND_CONFIGURATION, NULL);
	if (version == had)
		return 0;
	r = drop_own(desired);
	/* Nothing was ever wanted of it. */
	if (r < 0 || (!had && !json_object_size(desired)))
		return r;
	snprintf(answer_to, sizeof(answer_to), ANSWER "%" JSON_INTEGER_FORMAT, version);
	return desired_take(desired, answer_to, ret_message);
}

static int decode_answer(const char *rest, struct span payload, struct inbound_message *ret_message)
{
	char *end;
	unsigned long status = strtoul(rest, &end, 10);
	char rid[40], after[16];

	if (strncmp(end, "/?", 2) != 0 || iothub_bag_find(end + 2, "$rid", rid, sizeof(rid)) <= 0)
		return say(ret_message, INBOUND_IGNORED, "not an answer of the twin");
	if (status == 200 && !strcmp(rid, "ask"))
		return decode_twin(payload, ret_message);
	if (status == 200 || status == 204)
		say(ret_message, INBOUND_TAKEN, NULL);
	else if (status != 429 && status / 100 != 5)
		say(ret_message, INBOUND_NOT_TAKEN, "the hub does not take what is reported of it");
	else
		say(ret_message, INBOUND_PUT_OFF, NULL);
	if (!strncmp(rid, RESULT, strlen(RESULT)))
		snprintf(ret_message->answer_to, sizeof(ret_message->answer_to), ANSWER "%s",
			rid + strlen(RESULT));
	if (ret_message->kind == INBOUND_PUT_OFF &&
		iothub_bag_find(end + 2, "retry-after", after, sizeof(after)) > 0)
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
