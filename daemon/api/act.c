/* SPDX-License-Identifier: Apache-2.0 */

/* From a JSON body to an act, and from its outcome to an answer. Unknown keys of a body are
 * refused: a typo must not change what is done. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api-parts.h"
#include "base/cleanup.h"
#include "base/crypto.h"

static const struct {
	int status;
	const char *word;
} results[ACT_RESULTS] = {
	[ACT_DONE] = {200, "done"},
	[ACT_BAD_INPUT] = {400, "input"},
	[ACT_NOT_ALLOWED] = {403, "not-allowed"},
	[ACT_UNKNOWN] = {404, "unknown"},
	[ACT_IMPOSSIBLE] = {409, "impossible"},
	[ACT_WRONG_CODE] = {422, "wrong-code"},
	[ACT_LOCKED] = {423, "locked"},
	[ACT_TOO_MANY] = {429, "too-many"},
	[ACT_NOT_STORED] = {507, "not-stored"},
	[ACT_UNREACHABLE] = {502, "unreachable"},
};

int api_status_of(enum act_result result)
{
	return results[result].status;
}

const char *api_word_of(enum act_result result)
{
	return results[result].word;
}

/* ---- body ---- */

static const char *take_text(json_t *value, char *ret_text, size_t capacity)
{
	if (!json_is_string(value))
		return "must be text";
	if (json_string_length(value) >= capacity)
		return capacity == LABEL_MAX + 1
			       ? "is longer than 64 bytes; a letter with an accent takes two"
			       : "is too long";
	return span_to_string(span_of(json_string_value(value), json_string_length(value)),
		       ret_text, capacity) < 0
		       ? "must not hold a NUL"
		       : NULL;
}

static const char *take_number(json_t *value, uint32_t *ret_number)
{
	if (!json_is_integer(value) || json_integer_value(value) < 0 ||
		json_integer_value(value) > UINT32_MAX)
		return "must be a whole number";
	*ret_number = (uint32_t)json_integer_value(value);
	return NULL;
}

static const char *take_role(json_t *value, struct act *act)
{
	if (!json_is_string(value) ||
		role_from_string(json_string_value(value), &act->new_role) < 0)
		return "must be viewer, technician or admin";
	return NULL;
}

/* Any JSON; how long and how deep it may be is the command's to say. */
static const char *take_args(json_t *value, struct act *act)
{
	size_t size =
		json_dumpb(value, act->args, sizeof(act->args) - 1, JSON_COMPACT | JSON_ENCODE_ANY);

	if (size == 0 || size >= sizeof(act->args))
		return "must be at most 512 bytes of JSON";
	act->args[size] = '\0';
	return NULL;
}

static const char *take_key(const char *key, json_t *value, struct act *act)
{
	if (!strcmp(key, "code"))
		return take_text(value, act->code, sizeof(act->code));
	if (!strcmp(key, "name")) {
		act->has_name = true;
		return take_text(value, act->name, sizeof(act->name));
	}
	if (!strcmp(key, "place")) {
		act->has_place = true;
		return take_text(value, act->place, sizeof(act->place));
	}
	if (!strcmp(key, "owner")) {
		act->has_owner = true;
		return take_text(value, act->owner, sizeof(act->owner));
	}
	/* of /admit and /approve */
	if (!strcmp(key, "platform"))
		return take_text(value, act->platform, sizeof(act->platform));
	/* of POST /devices and /codes/scan */
	if (!strcmp(key, "address"))
		return take_text(value, act->address, sizeof(act->address));
	if (!strcmp(key, "ep"))
		return take_text(value, act->ep, sizeof(act->ep));
	if (!strcmp(key, "seconds")) {
		act->has_number = true;
		return take_number(value, &act->number);
	}
	if (!strcmp(key, "password"))
		return take_text(value, act->secret, sizeof(act->secret));
	if (!strcmp(key, "role"))
		return take_role(value, act);
	/* of /command and /replace */
	if (!strcmp(key, "args"))
		return take_args(value, act);
	if (!strcmp(key, "with"))
		return take_text(value, act->ep, sizeof(act->ep));
	/* of /export */
	if (!strcmp(key, "to"))
		return take_text(value, act->secret, sizeof(act->secret));
	/* of /key */
	if (!strcmp(key, "source"))
		return take_text(value, act->name, sizeof(act->name));
	if (!strcmp(key, "key"))
		return take_text(value, act->secret, sizeof(act->secret));
	/* of /alarms/clear */
	if (!strcmp(key, "id"))
		return take_text(value, act->name, sizeof(act->name));
	if (!strcmp(key, "subject"))
		return take_text(value, act->place, sizeof(act->place));
	return "is not known here; allowed are code, name, place, owner, platform, seconds, "
	       "password, role, id, subject, source, key, to, address, ep, args, with";
}

static bool read_body(const struct api_context *context, struct act *act)
{
	const char *key, *why;
	json_t *value;
	char text[256], safe[65];

	if (!context->request->body)
		return true;
	json_object_foreach(context->request->body, key, value)
	{
		why = take_key(key, value, act);
		if (!why)
			continue;
		snprintf(text, sizeof(text), "\"%s\" %s.",
			span_to_safe_text(span_from_string(key), safe, sizeof(safe)), why);
		api_error(context, 400, "input", text);
		return false;
	}
	return true;
}

/* ---- outcome ---- */

static void add_parcel(json_t *body, struct span parcel)
{
	CLEANUP(cleanup_free) char *text = base64url_encode(parcel);

	json_object_set_new(body, "parcel", text ? json_string(text) : json_null());
}

static void add_outcome(
	json_t *body, const struct api_pending *pending, const struct act_outcome *outcome)
{
	const struct device *device;
	const char *id;

	if (outcome->result == ACT_WRONG_CODE)
		json_object_set_new(body, "tries_left", json_integer(outcome->number));
	if (outcome->result == ACT_TOO_MANY)
		json_object_set_new(body, "wait", json_integer(outcome->number));
	if (outcome->result != ACT_DONE)
		return;
	if (pending->kind == ACT_EXPORT)
		add_parcel(body, outcome->parcel);
	if (pending->kind == ACT_SETUP_CODE) {
		json_object_set_new(body, "code", json_string(outcome->text));
		json_object_set_new(body, "seconds", json_integer(outcome->number));
		json_object_set_new(body, "text", json_string(""));
	}
	if (pending->kind == ACT_WINDOW_OPEN)
		json_object_set_new(body, "seconds", json_integer(outcome->number));
	if (pending->kind == ACT_LOGIN || pending->kind == ACT_SETUP) {
		json_object_set_new(body, "name", json_string(outcome->person.name));
		json_object_set_new(
			body, "role", json_string(role_to_string(outcome->person.role)));
	}
	id = outcome->device[0] ? outcome->device : pending->device;
	device = id[0] ? registry_by_id(pending->api->view.registry, id) : NULL;
	if (device)
		json_object_set_new(body, "device",
			api_device_json(pending->api, device, pending->technician,
				pending->fresh_password));
}

static void on_done(void *userdata, const struct act_outcome *outcome)
{
	struct api_pending *pending = userdata;
	json_t *body = NULL;

	if (pending->api) {
		body = api_act_body(outcome);
		if (body)
			add_outcome(body, pending, outcome);
		api_touch(pending->api);
	}
	api_pending_answer(pending, api_status_of(outcome->result), body);
}

/* ---- the handler of all acts ---- */

static enum act_kind kind_of(const struct api_context *context)
{
	char argument[65];
	bool known;

	return api_entry_find(context->request->method, context->request->path, argument,
		sizeof(argument), &known)
		->kind;
}

void api_do_act(const struct api_context *context)
{
	const struct api_caller *caller = context->request->caller;
	struct act act = {
		.kind = kind_of(context), .role = caller->role, .local_root = caller->local_root};
	struct api_pending *pending;

	/* Cut to length, it could become the id of another device. */
	if (act.kind < ACT_SETUP_CODE && strlen(context->argument) > DEVICE_ID_MAX) {
		api_error(context, 404, "unknown", "There is no device with this id.");
		return;
	}
	snprintf(act.who, sizeof(act.who), "%s", caller->name);
	snprintf(act.via, sizeof(act.via), "%s", caller->via);
	if (!read_body(context, &act)) {
		crypto_wipe(&act, sizeof(act));
		return;
	}
	if (act.kind < ACT_SETUP_CODE && act.kind != ACT_CLEAR_ALARM && context->argument[0])
		snprintf(act.device, sizeof(act.device), "%.*s", DEVICE_ID_MAX, context->argument);
	else if (act.kind == ACT_PERSON_PUT || act.kind == ACT_PERSON_DROP)
		snprintf(act.name, sizeof(act.name), "%s", context->argument);
	else if (act.kind == ACT_TOKEN_DROP || act.kind == ACT_CODE_DROP ||
		 act.kind == ACT_LABEL_CANCEL)
		api_query_text(context->request->query, "ep", act.ep, sizeof(act.ep));
	else if (act.kind == ACT_CA_DROP)
		snprintf(act.secret, sizeof(act.secret), "%s", context->argument);
	else if (act.kind == ACT_PASSWORD_FRESH || act.kind == ACT_PASSWORD_NEW)
		snprintf(act.name, sizeof(act.name), "%s", caller->name);
	pending = api_pending_new(context);
	if (!pending) {
		crypto_wipe(&act, sizeof(act));
		api_error(context, 507, "no-memory", "The gateway is out of memory.");
		return;
	}
	pending->kind = act.kind;
	if (act.kind < ACT_SETUP_CODE && act.kind != ACT_CLEAR_ALARM)
		memcpy(pending->device, act.device, sizeof(pending->device));
	context->api->ops->act(context->api->userdata, &act, on_done, pending);
	crypto_wipe(&act, sizeof(act));
}
