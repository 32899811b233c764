/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A device as JSON: what a person decides on. Never a credential's value; a verification code only
 * where the gateway itself must show it (the device has no display, or it cannot be read), to a
 * technician with a fresh password.
 */

#include <stdio.h>
#include <string.h>

#include "api/api-parts.h"
#include "base/cleanup.h"
#include "base/clock.h"

static json_t *attributes_of(const struct device_record *record)
{
	json_error_t error;
	json_t *value =
		record->info.attributes ? json_loads(record->info.attributes, 0, &error) : NULL;

	return value ? value : json_object();
}

/* What may be done in this stage, for buttons and completion; the machines have the last word. */
static const struct {
	enum device_stage stage;
	const char *actions[8];
} offers[] = {
	{STAGE_SEEN, {"approve", "admit", "reject", "block", "identify", "rename", "forget"}},
	{STAGE_WAITING_PERSON,
		{"approve", "admit", "reject", "block", "identify", "rename", "forget"}},
	{STAGE_WAITING_CODE, {"approve", "show-code", "reject", "identify", "rename"}},
	{STAGE_WAITING_PLATFORM,
		{"approve", "show-code", "reject", "revoke", "identify", "rename"}},
	{STAGE_ACTIVE,
		{"suspend", "revoke", "release", "identify", "rename", "command", "replace"}},
	{STAGE_EXPIRED,
		{"suspend", "revoke", "release", "identify", "rename", "command", "replace"}},
	{STAGE_TROUBLE, {"approve", "admit", "reject", "revoke", "release", "rename", "replace"}},
	{STAGE_REJECTED, {"approve", "admit", "block", "forget", "rename"}},
	{STAGE_SUSPENDED, {"resume", "revoke", "release", "rename", "replace"}},
	{STAGE_REVOKED, {"approve", "admit", "block", "forget", "rename", "replace"}},
	{STAGE_BLOCKED, {"unblock", "forget"}},
};

static bool offered(
	const struct device_record *record, const struct api_platform *platform, const char *action)
{
	bool display_first = record->info.display && !record->info.code[0];
	bool unknown = record->is_server && !record->address_bound &&
		       record->trust < TRUST_PSK; /* it was not asked yet */

	if (!strcmp(action, "show-code"))
		return record->life.operation == OPERATION_AWAITING &&
		       record->life.operation_code.size && !device_code_is_here(record);
	if (unknown && (!strcmp(action, "admit") || !strcmp(action, "approve")))
		return false;
	if (!strcmp(action, "admit"))
		return display_first || !platform->approve_here;
	if (!strcmp(action, "approve") && !platform->approve_here)
		return false;
	/* A second time, for the operation that is open at the platform. */
	if (!strcmp(action, "approve") && record->life.admission == ADMISSION_ADMITTED &&
		record->life.operation != OPERATION_AWAITING &&
		operation_is_open(record->life.operation))
		return false;
	if (!strcmp(action, "approve"))
		return !display_first || record->life.operation == OPERATION_AWAITING;
	return true;
}

static json_t *actions_of(const struct device_record *record, const struct api_platform *platform,
	enum device_stage stage)
{
	json_t *list = json_array();
	size_t i, j;

	for (i = 0; i < ELEMENTS(offers); i++)
		for (j = 0; offers[i].stage == stage && j < ELEMENTS(offers[i].actions) &&
			    offers[i].actions[j];
			j++)
			if (offered(record, platform, offers[i].actions[j]))
				json_array_append_new(list, json_string(offers[i].actions[j]));
	if (record->code_locked)
		json_array_append_new(list, json_string("unlock"));
	return list;
}

static json_t *text_or_null(const char *text)
{
	return text[0] ? api_text(text) : json_null();
}

static json_t *last_heard(const struct device *device)
{
	if (!device->last_heard_usec)
		return json_null();
	return json_integer(
		(json_int_t)((clock_boot_usec() - device->last_heard_usec) / USEC_PER_SEC));
}

/* It brought the token that its name has at one of the platforms that know such. */
static bool has_own_token(const struct api *api, const struct device_record *record)
{
	const struct token_name *name =
		token_names_find(api->view.tokens, TOKEN_KIND_SPOTFLOW, record->ep);

	return name && name->brought && record->trust >= TRUST_PSK;
}

static void add_identity(json_t *body, const struct device_record *record)
{
	const struct device_info *info = &record->info;
	char address[80];

	json_object_set_new(body, "id", api_text(record->id));
	json_object_set_new(body, "ep", api_text(record->ep));
	json_object_set_new(body, "name", api_text(record->name));
	json_object_set_new(body, "place", api_text(record->place));
	json_object_set_new(body, "owner", api_text(record->owner));
	json_object_set_new(body, "model", api_text(info->model));
	json_object_set_new(body, "serial", api_text(info->serial));
	json_object_set_new(body, "firmware", api_text(info->firmware));
	json_object_set_new(body, "attributes", attributes_of(record));
	json_object_set_new(body, "display", json_boolean(info->display));
	json_object_set_new(body, "trust", api_text(trust_to_string(record->trust)));
	json_object_set_new(body, "found_by", api_text(found_by_to_string(record->found_by)));
	json_object_set_new(
		body, "address", api_text(device_address_to_string(&record->address, address)));
	json_object_set_new(body, "mac", api_text(record->mac));
	json_object_set_new(body, "fingerprint",
		record->fingerprint[0] ? json_string(record->fingerprint) : json_null());
	json_object_set_new(body, "platform", api_text(record->platform));
	json_object_set_new(body, "platform_id", api_text(record->life.platform_id));
	json_object_set_new(body, "first_seen", api_time(record->first_seen));
}

static json_t *seconds_until(int64_t wall_msec)
{
	int64_t left = wall_msec - clock_wall_msec();

	return wall_msec ? json_integer(left > 0 ? left / 1000 : 0) : json_null();
}

static json_t *choices_of(const struct config_list *choices)
{
	json_t *list = json_array();
	unsigned i;

	for (i = 0; i < choices->count; i++)
		json_array_append_new(list, json_string(choices->item[i]));
	return list;
}

static void add_decision(
	json_t *body, const struct device_record *record, const struct api_platform *platform)
{
	const struct lifecycle *life = &record->life;
	unsigned left =
		record->code_tries < CODE_TRIES_MAX ? CODE_TRIES_MAX - record->code_tries : 0;

	json_object_set_new(body, "decided_at", api_time(record->decided_at));
	json_object_set_new(body, "decided_by", api_text(record->decided_by));
	json_object_set_new(body, "evidence", api_text(evidence_to_string(record->evidence)));
	json_object_set_new(body, "has_code",
		json_boolean(record->info.code[0] ||
			     (life->operation == OPERATION_AWAITING && life->operation_code.size)));
	json_object_set_new(body, "code_tries_left", json_integer(left));
	json_object_set_new(body, "code_locked", json_boolean(record->code_locked));
	json_object_set_new(body, "operation",
		json_pack("{s:s,s:I,s:o,s:o,s:o,s:o,s:b}", "state",
			operation_state_to_string(life->operation), "number",
			(json_int_t)life->operation_number, "expires",
			api_time(life->operation_expires), "expires_in",
			seconds_until(life->operation_expires), "id",
			text_or_null(platform->operation), "link", text_or_null(platform->link),
			"approve_here", platform->approve_here));
	json_object_set_new(body, "platform_why", text_or_null(platform->why));
	json_object_set_new(body, "platforms", choices_of(&platform->choices));
	json_object_set_new(body, "credential",
		json_pack("{s:s,s:o,s:o,s:o}", "state",
			credential_state_to_string(life->credential), "since",
			api_time(life->credential_since), "expires",
			api_time(life->credential_expires), "certificate",
			text_or_null(platform->certificate)));
	json_object_set_new(body, "link", api_text(link_state_to_string(life->link)));
}

/* Where the code that is out can be read. */
static json_t *code_at(const struct device *device)
{
	const struct device_record *record = device->record;

	if (record->life.operation != OPERATION_AWAITING || !record->life.operation_code.size)
		return json_null();
	return json_string(device_code_is_here(record)				   ? "here"
			   : device->code_reached == record->life.operation_number ? "display"
			   : device->code_missed				   ? "missed"
										   : "sending");
}

/* Arguments and results are for those who may send commands. */
static void add_content(json_t *body, const struct command *command)
{
	json_object_set_new(body, "args", json_loads(command->args, JSON_DECODE_ANY, NULL));
	if (command->ended && command->result[0])
		json_object_set_new(
			body, "result", json_loads(command->result, JSON_DECODE_ANY, NULL));
}

/* What waits for it on disk, or what became of those that a person sent; whoever may see the device
 * may see what is asked of it. */
static json_t *commands_of(const struct device *device, bool past, bool technician)
{
	json_t *list = json_array(), *body;
	uint64_t now = clock_boot_usec();
	const struct command *at;
	char id[COMMAND_ID_SIZE];

	for (at = device->commands.first; at; at = at->next) {
		if (past ? !command_is_past(at) : at->ended || at->unsaved)
			continue;
		body = json_pack("{s:s,s:s,s:o,s:s}", "cmd", command_id(at->row, id), "name",
			at->name, "arrived", api_time(at->arrived), "sender", at->sender);
		if (past)
			json_object_update_new(
				body, json_pack("{s:b,s:s}", "ok", at->ok, "reason", at->reason));
		else
			json_object_set_new(body, "expires_in",
				json_integer(
					(json_int_t)(at->until_usec > now
							     ? (at->until_usec - now) / USEC_PER_SEC
							     : 0)));
		if (technician)
			add_content(body, at);
		json_array_append_new(list, body);
	}
	return list;
}

json_t *api_device_json(
	const struct api *api, const struct device *device, bool technician, bool show_code)
{
	const struct device_record *record = device->record;
	const struct secret *code = &record->life.operation_code;
	enum device_word word;
	enum device_stage stage;
	struct api_platform platform = {.approve_here = true};
	json_t *body = json_object();

	if (!body)
		return NULL;
	if (api->ops->platform)
		api->ops->platform(api->userdata, device, &platform);
	lifecycle_describe(&record->life, &word, &stage);
	add_identity(body, record);
	json_object_set_new(body, "own_token", json_boolean(has_own_token(api, record)));
	json_object_set_new(body, "state", api_text(device_word_to_string(word)));
	json_object_set_new(body, "stage", api_text(device_stage_to_string(stage)));
	json_object_set_new(body, "code_at", code_at(device));
	json_object_set_new(body, "present", json_boolean(device->present));
	add_decision(body, record, &platform);
	json_object_set_new(body, "last_heard", last_heard(device));
	json_object_set_new(body, "last_reading", api_time(device->last_reading));
	json_object_set_new(body, "readings", json_integer((json_int_t)device->readings));
	json_object_set_new(body, "queued",
		json_integer((json_int_t)owed_device_count(api->view.owed, record->row)));
	json_object_set_new(body, "commands", commands_of(device, false, technician));
	json_object_set_new(body, "commands_past", commands_of(device, true, technician));
	json_object_set_new(body, "recent", api_recent_json(api->view.recent, record->row));
	json_object_set_new(
		body, "actions", technician ? actions_of(record, &platform, stage) : json_array());
	if (technician && show_code && device_code_is_here(record))
		json_object_set_new(
			body, "code", json_stringn((const char *)code->data, code->size));
	return body;
}
