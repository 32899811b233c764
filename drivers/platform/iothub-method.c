/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Direct methods of an IoT Hub: commands whose caller waits for the answer, by default 30 s. The
 * hub does not say for how long, and what it is told later it forgets; so the command waits for its
 * device for a time of the configuration, and when that is over the caller is told.
 *
 *	$iothub/methods/POST/<name>/?$rid=<rid>     -> a command, response topic ANSWER<rid>
 *	$iothub/methods/res/<status>/?$rid=<rid>    <- {"cmd","ok","result"?,"reason"?}
 *
 * The status says who is to be asked about it: 200 done; 4xx it was never given to the device; 500
 * the device says no; 502 its answer is of no use, or it is let in no more; 504 it did not answer.
 */

#include "drivers/platform/iothub.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define ANSWER	"$iothub/methods/res/?$rid="
#define RID_MAX 128

/* It becomes part of a topic again. */
static bool is_rid(const char *rid)
{
	size_t length = strlen(rid), i;

	for (i = 0; i < length; i++)
		if (!isalnum((unsigned char)rid[i]) && !strchr("-_.~%:", rid[i]))
			return false;
	return length > 0 && length <= RID_MAX;
}

int iothub_method_decode(const char *rest, struct span payload, struct inbound_message *ret_message)
{
	struct inbound_message message = {.kind = INBOUND_COMMAND, .args = payload};
	size_t length = strcspn(rest, "/");
	struct span name = span_of(rest, length);

	if (length == 0 || strncmp(rest + length, "/?$rid=", 7) || !is_rid(rest + length + 7)) {
		*ret_message = (struct inbound_message){
			.kind = INBOUND_IGNORED, .why = "not a direct method"};
		return 0;
	}
	snprintf(message.answer_to, sizeof(message.answer_to), ANSWER "%s", rest + length + 7);
	message.is_call = true;
	if (command_name_fits(name)) {
		memcpy(message.name, name.data, name.size);
	} else {
		message.kind = INBOUND_REFUSED;
		message.why = COMMAND_REASON_NAME;
	}
	/* A method that is called without a payload has this one. */
	if (payload.size == 4 && !memcmp(payload.data, "null", 4))
		message.args = span_of(NULL, 0);
	*ret_message = message;
	return 0;
}

bool iothub_method_is(const struct command *command)
{
	return !strncmp(command->response_topic, ANSWER, strlen(ANSWER));
}

static unsigned status_of(const struct command *command)
{
	static const struct {
		const char *reason;
		unsigned status;
	} rows[] = {
		{COMMAND_REASON_EXPIRED, 504},
		{COMMAND_REASON_NOT_APPROVED, 403},
		{COMMAND_REASON_NAME, 404},
		{COMMAND_REASON_TOO_MANY, 429},
		{COMMAND_REASON_NOT_STORED, 503},
	};

	if (command->ok)
		return 200;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (!strcmp(command->reason, rows[i].reason))
			return rows[i].status;
	if (!command->row)
		return 400;
	return command->reason[0] ? 502 : 500;
}

int iothub_method_encode(const struct command *command, struct upstream_message *ret_message)
{
	struct upstream_message message = {.qos = 1};

	snprintf(message.topic, sizeof(message.topic), "$iothub/methods/res/%u/?$rid=%s",
		status_of(command), command->response_topic + strlen(ANSWER));
	message.made = command_result_text(command);
	if (!message.made)
		return -ENOMEM;
	message.payload = span_from_string(message.made);
	*ret_message = message;
	return 0;
}
