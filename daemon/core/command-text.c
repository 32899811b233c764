/* SPDX-License-Identifier: Apache-2.0 */

/* The maps of a command: to the device, from the device, to the platform. */

#include "core/command.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "core/cbor-json.h"
#include "core/json-cbor.h"
#include "core/reading.h"

static void cleanup_json(json_t **value)
{
	json_decref(*value);
}

/* What stands in a record was read or made here: it is JSON. */
static json_t *value_of(const char *text)
{
	return json_loads(text, JSON_DECODE_ANY, NULL);
}

static json_t *map_of(const struct command *command)
{
	char id[COMMAND_ID_SIZE];

	return json_pack("{s:s,s:s,s:o}", "cmd", command_id(command->row, id), "name",
		command->name, "args", value_of(command->args));
}

int command_encode(int format, const struct command *command, uint8_t *ret_body, size_t capacity,
	size_t *ret_size)
{
	CLEANUP(cleanup_json) json_t *map = map_of(command);
	size_t size;

	if (!map)
		return -ENOMEM;
	if (format != FORMAT_JSON)
		return json_to_cbor(map, ret_body, capacity, ret_size);
	size = json_dumpb(map, (char *)ret_body, capacity, JSON_COMPACT);
	if (!size)
		return -ENOMEM;
	if (size > capacity)
		return -EMSGSIZE;
	*ret_size = size;
	return 0;
}

bool command_is_sendable(const struct command *command)
{
	uint8_t body[COMMAND_MESSAGE_MAX];
	size_t size;

	return command_encode(FORMAT_CBOR, command, body, sizeof(body), &size) >= 0 &&
	       command_encode(FORMAT_JSON, command, body, sizeof(body), &size) >= 0;
}

static int parse(int format, struct span body, json_t **ret_map)
{
	CLEANUP(cleanup_json) json_t *map = NULL;
	int r = 0;

	if (format == FORMAT_CBOR)
		r = cbor_map_to_json(body, &map);
	else if (format == FORMAT_JSON)
		map = json_loadb((const char *)body.data, body.size, JSON_REJECT_DUPLICATES, NULL);
	else
		return -EPROTONOSUPPORT;
	if (r < 0 && r != -EBADMSG)
		return r;
	*ret_map = STEAL(map);
	return 0;
}

static int read_result(
	const json_t *map, char ret_result[COMMAND_RESULT_MAX + 1], const char **ret_why)
{
	const json_t *result = json_object_get(map, "result");
	size_t size;

	ret_result[0] = '\0';
	if (!result)
		return 0;
	*ret_why = "result is nested more than 3 deep";
	if (json_depth(result, CBOR_JSON_DEPTH_MAX) >= CBOR_JSON_DEPTH_MAX)
		return -EINVAL;
	size = json_dumpb(result, ret_result, COMMAND_RESULT_MAX, JSON_COMPACT | JSON_ENCODE_ANY);
	if (!size)
		return -ENOMEM;
	*ret_why = "result is longer than 512 bytes";
	if (size > COMMAND_RESULT_MAX)
		return -EINVAL;
	ret_result[size] = '\0';
	return 0;
}

int command_answer_read(
	int format, struct span body, struct command_answer *ret_answer, const char **ret_why)
{
	CLEANUP(cleanup_json) json_t *map = NULL;
	struct command_answer answer = {0};
	const json_t *cmd, *ok;
	int r = parse(format, body, &map);

	if (r < 0)
		return r;
	*ret_why = "this is not one map in the format that it claims";
	if (!json_is_object(map))
		return -EINVAL;
	cmd = json_object_get(map, "cmd");
	ok = json_object_get(map, "ok");
	*ret_why = "ok is true or false";
	if (!json_is_boolean(ok))
		return -EINVAL;
	if (cmd) {
		*ret_why = "cmd is the text that came with the command";
		answer.row =
			command_id_read(span_of(json_string_value(cmd), json_string_length(cmd)));
		if (!answer.row)
			return -EINVAL;
	}
	answer.ok = json_is_true(ok);
	r = read_result(map, answer.result, ret_why);
	if (r < 0)
		return r;
	*ret_answer = answer;
	return 0;
}

char *command_result_text(const struct command *command)
{
	char id[COMMAND_ID_SIZE];
	CLEANUP(cleanup_json)
	json_t *map = json_pack("{s:o,s:b}", "cmd",
		command->row ? json_string(command_id(command->row, id)) : json_null(), "ok",
		command->ok);

	if (!map)
		return NULL;
	if (command->result[0] && json_object_set_new(map, "result", value_of(command->result)) < 0)
		return NULL;
	if (command->reason[0] &&
		json_object_set_new(map, "reason", json_string(command->reason)) < 0)
		return NULL;
	return json_dumps(map, JSON_COMPACT | JSON_ENSURE_ASCII);
}
