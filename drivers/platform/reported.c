/* SPDX-License-Identifier: Apache-2.0 */

#include "drivers/platform/reported.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "drivers/platform/topics.h"

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

int reported_send(const char *topic, json_t *value, struct upstream_message *ret_message)
{
	char *text = value ? json_dumps(value, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;

	json_decref(value);
	return set_text(topic, text, ret_message);
}

int reported_status(const struct upstream_item *item, const char *topic, const char *before,
	const char *behind, struct upstream_message *ret_message)
{
	struct upstream_item still = *item;
	struct upstream_message plain;
	char *text = NULL;
	int r, n;

	still.seen = 0;
	r = topics_encode(&still, &plain);
	if (r < 0)
		return r;
	n = asprintf(&text, "%s{\"gatehouse\":%.*s}%s", before, (int)plain.payload.size,
		(const char *)plain.payload.data, behind);
	upstream_message_clear(&plain);
	return set_text(topic, n < 0 ? NULL : text, ret_message);
}

static json_t *text_or_null(const char *text)
{
	return text[0] ? json_string(text) : json_null();
}

json_t *reported_configuration(const struct command *command, json_t *version)
{
	return json_pack("{s:o,s:b,s:o,s:o}", "version", version, "ok", command->ok, "result",
		text_or_null(command->result), "reason", text_or_null(command->reason));
}

int desired_take(const json_t *desired, const char *answer_to, struct inbound_message *ret_message)
{
	size_t size = json_dumpb(desired, ret_message->made, COMMAND_ARGS_MAX, JSON_COMPACT);

	if (!size)
		return -ENOMEM;
	if (size > COMMAND_ARGS_MAX)
		ret_message->why = "the desired properties are longer than 512 bytes";
	else
		ret_message->args = span_of(ret_message->made, size);
	snprintf(ret_message->name, sizeof(ret_message->name), "configure");
	snprintf(ret_message->answer_to, sizeof(ret_message->answer_to), "%s", answer_to);
	return 0;
}
