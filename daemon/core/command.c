/* SPDX-License-Identifier: Apache-2.0 */

/* A box is a short list: it is walked, not indexed. */

#include "core/command.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "core/cbor-json.h"
#include "core/json-cbor.h"

static void cleanup_json(json_t **value)
{
	json_decref(*value);
}

/* ---- the box ---- */

void command_box_put(struct command_box *box, struct command *command)
{
	struct command **at = &box->first;

	while (*at)
		at = &(*at)->next;
	command->next = NULL;
	*at = command;
}

void command_box_drop(struct command_box *box, uint64_t row)
{
	struct command **at = &box->first, *command;

	while (*at && (*at)->row != row)
		at = &(*at)->next;
	command = *at;
	if (!command)
		return;
	*at = command->next;
	free(command);
}

void command_box_clear(struct command_box *box)
{
	while (box->first)
		command_box_drop(box, box->first->row);
}

struct command *command_box_find(const struct command_box *box, uint64_t row)
{
	struct command *at = box->first;

	while (at && at->row != row)
		at = at->next;
	return at;
}

struct command *command_box_oldest(const struct command_box *box)
{
	struct command *at = box->first;

	while (at && (at->ended || at->saving))
		at = at->next;
	return at;
}

unsigned command_box_waiting(const struct command_box *box)
{
	unsigned count = 0;

	for (const struct command *at = box->first; at; at = at->next)
		count += !at->ended && !at->ending;
	return count;
}

unsigned command_box_ready(const struct command_box *box)
{
	unsigned count = 0;

	for (const struct command *at = box->first; at; at = at->next)
		count += !at->ended && !at->saving;
	return count;
}

unsigned command_box_count(const struct command_box *box)
{
	unsigned count = 0;

	for (const struct command *at = box->first; at; at = at->next)
		count += !command_is_past(at);
	return count;
}

struct command *command_box_surplus(const struct command_box *box)
{
	struct command *oldest = NULL;
	unsigned count = 0;

	for (struct command *at = box->first; at; at = at->next)
		if (command_is_past(at)) {
			oldest = oldest ? oldest : at;
			count++;
		}
	return count > COMMANDS_PAST_MAX ? oldest : NULL;
}

uint64_t command_box_next_end(const struct command_box *box)
{
	uint64_t next = UINT64_MAX;

	for (const struct command *at = box->first; at; at = at->next)
		if (!at->ended && at->until_usec < next)
			next = at->until_usec;
	return next;
}

/* ---- one command ---- */

int command_copy(const struct command *from, struct command **ret)
{
	struct command *copy = malloc(sizeof(*copy));

	if (!copy)
		return -ENOMEM;
	*copy = *from;
	copy->next = NULL;
	*ret = copy;
	return 0;
}

bool command_is_past(const struct command *command)
{
	return command->sender[0] && command->ended && !command->saving;
}

const char *command_id(uint64_t row, char ret_text[COMMAND_ID_SIZE])
{
	/* 10^16 commands will not come. */
	snprintf(ret_text, COMMAND_ID_SIZE, "%" PRIu64, row % UINT64_C(10000000000000000));
	return ret_text;
}

uint64_t command_id_read(struct span text)
{
	uint64_t row = 0;

	if (!text.size || text.size >= COMMAND_ID_SIZE || text.data[0] == '0')
		return 0;
	for (size_t i = 0; i < text.size; i++) {
		if (!isdigit(text.data[i]))
			return 0;
		row = row * 10 + (uint64_t)(text.data[i] - '0');
	}
	return row;
}

bool command_name_fits(struct span name)
{
	if (!name.size || name.size > COMMAND_NAME_MAX)
		return false;
	for (size_t i = 0; i < name.size; i++)
		if (!isalnum(name.data[i]) && (!name.data[i] || !strchr("_-.", name.data[i])))
			return false;
	return true;
}

bool command_topic_fits(struct span topic)
{
	const struct span ours = SPAN_LITERAL("gatehouse/");

	return topic.size && topic.size <= COMMAND_TOPIC_MAX && topic.data[0] != '$' &&
	       !memchr(topic.data, '+', topic.size) && !memchr(topic.data, '#', topic.size) &&
	       span_is_clean_text(topic) &&
	       !(topic.size >= ours.size && !memcmp(topic.data, ours.data, ours.size));
}

int command_args_read(
	struct span payload, char ret_args[COMMAND_ARGS_MAX + 1], const char **ret_why)
{
	CLEANUP(cleanup_json) json_t *value = NULL;
	size_t size;

	if (!payload.size) {
		memcpy(ret_args, "{}", 3);
		return 0;
	}
	*ret_why = "the arguments are longer than 512 bytes";
	if (payload.size > COMMAND_ARGS_MAX)
		return -EINVAL;
	value = json_loadb((const char *)payload.data, payload.size,
		JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
	*ret_why = "the arguments are not JSON";
	if (!value)
		return -EINVAL;
	*ret_why = "the arguments are nested more than 3 deep";
	if (json_depth(value, CBOR_JSON_DEPTH_MAX) >= CBOR_JSON_DEPTH_MAX)
		return -EINVAL;
	size = json_dumpb(value, ret_args, COMMAND_ARGS_MAX, JSON_COMPACT | JSON_ENCODE_ANY);
	if (!size)
		return -ENOMEM;
	*ret_why = "the arguments are longer than 512 bytes";
	if (size > COMMAND_ARGS_MAX) /* a number may be written longer than it came */
		return -EINVAL;
	ret_args[size] = '\0';
	return 0;
}

uint64_t command_left_usec(const struct command *command, int64_t now, bool synced)
{
	int64_t lifetime = (int64_t)command->lifetime * 1000, gone = now - command->arrived;

	if (!synced || !command->synced || gone < 0)
		return (uint64_t)lifetime * USEC_PER_MSEC;
	return gone >= lifetime ? 0 : (uint64_t)(lifetime - gone) * USEC_PER_MSEC;
}

void command_end(struct command *command, bool ok, const char *result, const char *reason)
{
	command->ended = true;
	command->ok = ok;
	snprintf(command->result, sizeof(command->result), "%s", result);
	snprintf(command->reason, sizeof(command->reason), "%s", reason);
}
