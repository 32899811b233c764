/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A value is one format byte (2) and a token value (core/token.h); a list of names is one format
 * byte (3) and each name with its NUL. The list is what a withdrawal remembers: no password is in
 * it.
 */

#include "drivers/platform/local-account.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "base/base64.h"
#include "base/cleanup.h"
#include "core/token.h"

#define FORMAT_ACCOUNT 2
#define FORMAT_NAMES   3
#define RANDOM_NAME    6
#define RANDOM_SECRET  24
#define NAMES_MAX      3 /* of one record: the credentials and what is on its way */

DEFINE_CLEANUP(json_t *, json_decref, cleanup_json)

/* ---- the value ---- */

int account_make(const struct driver_services *services, const struct device_record *record,
	const char *gateway_id, struct secret *ret_value)
{
	CLEANUP(cleanup_free) char *password = NULL;
	uint8_t secret[RANDOM_SECRET], name[RANDOM_NAME];
	char username[TOKEN_USERNAME_MAX + 1], suffix[2 * RANDOM_NAME + 1];
	struct secret token = {0};
	int r;

	services->random(secret, sizeof(secret));
	services->random(name, sizeof(name));
	hex_encode(span_of(name, sizeof(name)), suffix, sizeof(suffix));
	snprintf(username, sizeof(username), "gatehouse-%s-%s-%s", gateway_id, record->id, suffix);
	password = base64url_encode(span_of(secret, sizeof(secret)));
	crypto_wipe(secret, sizeof(secret));
	if (!password)
		return -ENOMEM;
	r = token_value_make(span_from_string(username), span_from_string(password), &token);
	crypto_wipe(password, strlen(password));
	if (r < 0)
		return r;
	ret_value->data = malloc(1 + token.size);
	ret_value->size = ret_value->data ? 1 + token.size : 0;
	if (ret_value->data) {
		ret_value->data[0] = FORMAT_ACCOUNT;
		memcpy(ret_value->data + 1, token.data, token.size);
	}
	secret_clear(&token);
	return ret_value->data ? 0 : -ENOMEM;
}

static int read_value(struct span value, struct span *ret_username, struct span *ret_password)
{
	if (value.size < 2 || value.data[0] != FORMAT_ACCOUNT)
		return -EBADMSG;
	return token_value_read(
		span_of(value.data + 1, value.size - 1), ret_username, ret_password);
}

bool account_is(struct span value)
{
	struct span username, password;

	return read_value(value, &username, &password) >= 0;
}

static void client_id_of(
	const struct device_record *record, const char *gateway_id, char *ret_id, size_t capacity)
{
	snprintf(ret_id, capacity, "gatehouse-%s-%s", gateway_id, record->id);
}

int account_session(struct span value, const struct device_record *record, const char *gateway_id,
	struct platform_session *ret_session)
{
	struct platform_session session = {.version = 0};
	int r = read_value(value, &session.username, &session.password);

	if (r < 0)
		return r;
	client_id_of(record, gateway_id, session.client_id, sizeof(session.client_id));
	*ret_session = session;
	return 0;
}

/* ---- requests ---- */

/* The mark comes back with the answer: it is the name of the account, and what was asked. */
static int make_request(json_t *commands, const char *mark, struct platform_request *ret_request)
{
	CLEANUP(cleanup_json) json_t *body = json_pack("{s:o}", "commands", commands);
	char *text;
	size_t i;
	json_t *command;

	json_array_foreach(commands, i, command)
	{
		json_object_set_new(command, "correlationData", json_string(mark));
	}
	text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	json_array_foreach(commands, i, command)
	{
		const json_t *password = json_object_get(command, "password");

		if (password)
			crypto_wipe((char *)(uintptr_t)json_string_value(password),
				json_string_length(password));
	}
	if (!text)
		return -ENOMEM;
	*ret_request = (struct platform_request){.transport = PLATFORM_MQTT};
	snprintf(ret_request->topic, sizeof(ret_request->topic), "%s", ACCOUNT_TOPIC);
	snprintf(ret_request->answer_topic, sizeof(ret_request->answer_topic), "%s",
		ACCOUNT_ANSWERS);
	snprintf(ret_request->answer_mark, sizeof(ret_request->answer_mark), "%s", mark);
	ret_request->body = (struct secret){(uint8_t *)text, strlen(text)};
	return 0;
}

int account_create(struct span value, const struct device_record *record, const char *gateway_id,
	struct platform_request *ret_request)
{
	char topic[256], commands_topic[256], client_id[160], name[TOKEN_USERNAME_MAX + 1],
		mark[300];
	struct span username, password;
	json_t *commands;
	int r = read_value(value, &username, &password);

	if (r >= 0)
		r = span_to_string(username, name, sizeof(name));
	if (r < 0)
		return r;
	client_id_of(record, gateway_id, client_id, sizeof(client_id));
	snprintf(topic, sizeof(topic), "gatehouse/%s/%s/#", gateway_id, record->id);
	snprintf(commands_topic, sizeof(commands_topic), "gatehouse/%s/%s/command/+", gateway_id,
		record->id);
	snprintf(mark, sizeof(mark), "create %s", name);
	commands = json_pack("[{s:s,s:s,s:[{s:s,s:s,s:b},{s:s,s:s,s:b}]},"
			     "{s:s,s:s,s:s%,s:s,s:[{s:s}]}]",
		"command", "createRole", "rolename", name, "acls", "acltype", "publishClientSend",
		"topic", topic, "allow", 1, "acltype", "subscribePattern", "topic", commands_topic,
		"allow", 1, "command", "createClient", "username", name, "password", password.data,
		password.size, "clientid", client_id, "roles", "rolename", name);
	return commands ? make_request(commands, mark, ret_request) : -ENOMEM;
}

/* ---- names ---- */

int account_names(const struct device_record *record, struct secret *ret_names)
{
	const struct secret *const held[NAMES_MAX] = {&record->life.credential_current,
		&record->life.credential_old, &record->life.operation_blob};
	uint8_t names[1 + NAMES_MAX * (TOKEN_USERNAME_MAX + 1)] = {FORMAT_NAMES};
	struct span username, password;
	size_t size = 1;

	for (size_t i = 0; i < NAMES_MAX; i++) {
		if (read_value(secret_span(held[i]), &username, &password) < 0)
			continue;
		memcpy(names + size, username.data, username.size);
		size += username.size;
		names[size++] = '\0';
	}
	*ret_names = (struct secret){0};
	return size > 1 ? secret_set(ret_names, span_of(names, size)) : 0;
}

int account_delete(struct span names, struct platform_request *ret_request)
{
	json_t *commands = json_array();
	char mark[300] = "";
	int r = 0;

	if (names.size < 2 || names.data[0] != FORMAT_NAMES || names.data[names.size - 1] != '\0') {
		json_decref(commands);
		return -EBADMSG;
	}
	for (const char *name = (const char *)names.data + 1,
			*end = (const char *)names.data + names.size;
		name < end; name += strlen(name) + 1) {
		if (!mark[0])
			snprintf(mark, sizeof(mark), "delete %s", name);
		r |= json_array_append_new(commands,
			json_pack("{s:s,s:s}", "command", "deleteClient", "username", name));
		r |= json_array_append_new(commands,
			json_pack("{s:s,s:s}", "command", "deleteRole", "rolename", name));
	}
	/* What is missing in the list would be thought to be deleted. */
	if (r != 0) {
		json_decref(commands);
		return -ENOMEM;
	}
	return make_request(commands, mark, ret_request);
}

/* ---- answers ---- */

/* "... already exists" when made, "... not found" when deleted: it is as it was asked for. */
static bool is_as_asked(const char *command, const char *error)
{
	if (!error)
		return true;
	return !strncmp(command, "create", 6) ? strstr(error, "already exists") != NULL
					      : strstr(error, "not found") != NULL;
}

bool account_is_done(const struct driver_services *services, const char *device_id,
	const struct platform_answer *answer)
{
	CLEANUP(cleanup_json)
	json_t *body = json_loadb((const char *)answer->body.data, answer->body.size, 0, NULL);
	const json_t *responses = json_object_get(body, "responses"), *response;
	char text[120];
	size_t i;

	if (answer->result < 0 || json_array_size(responses) == 0)
		return false;
	json_array_foreach(responses, i, response)
	{
		const char *command = json_string_value(json_object_get(response, "command"));
		const char *error = json_string_value(json_object_get(response, "error"));

		if (command && is_as_asked(command, error))
			continue;
		services->log(LOG_WARNING, device_id,
			"The broker's dynamic security did not do what was asked: %s.",
			span_to_safe_text(
				span_from_string(error ? error : "no reason"), text, sizeof(text)));
		return false;
	}
	return true;
}
