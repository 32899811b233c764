/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The password comes first: where a form brings one along, the API is asked to check it, and only
 * then the act itself. Acts marked 'ask' are not tried without it, however fresh the session is.
 */

#include "web/action.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "core/device.h"
#include "web/dispatch.h"
#include "web/draw.h"
#include "web/page.h"
#include "web/token-form.h"

#define FIELDS_MAX 6

struct action_field {
	const char *form; /* in the form */
	const char *json; /* in the call */
	bool number;
	bool skip_empty; /* an empty one stays out */
};

struct action {
	const char *path; /* of the form */
	const char *method;
	const char *call; /* "{id}" as in the form's address, or of the form's field 'id' */
	const char *back; /* the screen that shows the outcome when the form does not say */
	enum text done;	  /* when the API says nothing */
	bool ask;	  /* the password each time */
	struct action_field field[FIELDS_MAX];
	/* More than fields: NULL, or why not, and which lines. */
	const char *(*fill)(json_t *body, const struct form *form, json_t **ret_refused);
	const char *query; /* a field that goes into the call's query, or NULL */
	bool keeps;	   /* decides nothing: what is typed beside it stays typed */
};

#define CODE                                \
	{                                   \
		"code", "code", false, true \
	}
#define NAME                                 \
	{                                    \
		"name", "name", false, false \
	}
#define PLACE                                  \
	{                                      \
		"place", "place", false, false \
	}
#define OWNER                                  \
	{                                      \
		"owner", "owner", false, false \
	}
#define PLATFORM                                    \
	{                                           \
		"platform", "platform", false, true \
	}
#define DEVICE "/api/v1/devices/{id}"
#define POST   "POST"

/* Its arguments are JSON, or nothing. */
static const char *fill_command(json_t *body, const struct form *form, json_t **ret_refused)
{
	const char *args = form_value(form, "args");
	json_t *value;

	if (!args || args[strspn(args, " ")] == '\0')
		return NULL;
	value = json_loads(args, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
	if (!value)
		return text(TEXT_COMMAND_BAD_ARGS);
	return json_object_set_new(body, "args", value) < 0 ? text(TEXT_NOT_READY) : NULL;
}

static const struct action actions[] = {
	{"/devices/{id}/approve", POST, DEVICE "/approve", "/waiting", TEXT_DONE_APPROVE, false,
		{CODE, NAME, PLACE, OWNER, PLATFORM}},
	{"/devices/{id}/admit", POST, DEVICE "/admit", "/waiting", TEXT_DONE_ADMIT, false,
		{CODE, NAME, PLACE, OWNER, PLATFORM}},
	{"/devices/{id}/reject", POST, DEVICE "/reject", "/waiting", TEXT_DONE_REJECT, false,
		{{0}}},
	{"/devices/{id}/identify", POST, DEVICE "/identify", "/waiting", TEXT_DONE_IDENTIFY, false,
		{{"seconds", "seconds", true, true}}, .keeps = true},
	{"/devices/{id}/show-code", POST, DEVICE "/show-code", "/waiting", TEXT_DONE_SHOW_CODE,
		false, {{0}}, .keeps = true},
	{"/devices/{id}/suspend", POST, DEVICE "/suspend", "/devices/{id}", TEXT_DONE_SUSPEND,
		false, {{0}}},
	{"/devices/{id}/resume", POST, DEVICE "/resume", "/devices/{id}", TEXT_DONE_RESUME, false,
		{{0}}},
	{"/devices/{id}/rename", POST, DEVICE "/rename", "/devices/{id}", TEXT_DONE_RENAME, false,
		{NAME, PLACE, OWNER}},
	{"/devices/{id}/block", POST, DEVICE "/block", "/devices/{id}", TEXT_DONE_BLOCK, false,
		{{0}}},
	{"/devices/{id}/unblock", POST, DEVICE "/unblock", "/devices/{id}", TEXT_DONE_UNBLOCK,
		false, {{0}}},
	{"/devices/{id}/unlock", POST, DEVICE "/unlock", "/devices/{id}", TEXT_DONE_UNLOCK, false,
		{{0}}},
	{"/devices/{id}/revoke", POST, DEVICE "/revoke", "/devices/{id}", TEXT_DONE_REVOKE, true,
		{{0}}},
	{"/devices/{id}/release", POST, DEVICE "/release", "/devices/{id}", TEXT_DONE_RELEASE, true,
		{{0}}},
	{"/devices/{id}/forget", POST, DEVICE "/forget", "/devices", TEXT_DONE_FORGET, true, {{0}}},
	{"/devices/{id}/command", POST, DEVICE "/command", "/devices/{id}", TEXT_DONE_COMMAND,
		false, {{"command", "name", false, false}}, fill_command},
	{"/devices/{id}/replace", POST, DEVICE "/replace", "/devices/{id}", TEXT_DONE_REPLACE, true,
		{{"with", "with", false, false}}},
	{"/scan", POST, "/api/v1/codes/scan", "/scan", TEXT_DONE_SCAN, false,
		{{"code", "code", false, false}, {"place", "place", false, true},
			{"owner", "owner", false, true}}},
	{"/scan/cancel", "DELETE", "/api/v1/codes/scan", "/scan", TEXT_DONE_SCAN_CANCEL, false,
		{{0}}, NULL, "ep"},
	{"/window/open", POST, "/api/v1/window", "/waiting", TEXT_DONE_WINDOW_OPEN, true,
		{{"seconds", "seconds", true, false}}},
	{"/devices/add", POST, "/api/v1/devices", "/waiting", TEXT_DONE_ADD, false,
		{{"address", "address", false, false}, {"ep", "ep", false, true}}},
	{"/window/close", "DELETE", "/api/v1/window", "/waiting", TEXT_DONE_WINDOW_CLOSE, false,
		{{0}}},
	{"/alarms/clear", POST, "/api/v1/alarms/clear", "/waiting", TEXT_DONE_ALARM_CLEAR, false,
		{{"id", "id", false, false}, {"subject", "subject", false, false}}},
	{"/uplink/test", POST, "/api/v1/network/test", "/uplink", TEXT_DONE_TEST, false, {{0}}},
	{"/uplink/tokens/import", "PUT", "/api/v1/tokens", "/uplink/tokens", TEXT_DONE_TOKENS, true,
		{{0}}, token_form_lines},
	{"/uplink/tokens/operator", "PUT", "/api/v1/operator-token", "/uplink/tokens",
		TEXT_DONE_TOKENS, true, {{"secret", "token", false, false}}},
	{"/uplink/tokens/operator-drop", "DELETE", "/api/v1/operator-token", "/uplink/tokens",
		TEXT_DONE_TOKENS, true, {{0}}},
	{"/devices/{id}/token", "PUT", "/api/v1/tokens", "/devices/{id}", TEXT_DONE_TOKENS, true,
		{{0}}, token_form_one},
	{"/authorities/register", "PUT", "/api/v1/device-cas", "/authorities", TEXT_DONE_CA, true,
		{{FORM_LINES, "certificate", false, false}, {"name", "name", false, true},
			{"admit", "admit", false, false}}},
	{"/authorities/withdraw", "DELETE", "/api/v1/device-cas/{id}", "/authorities",
		TEXT_DONE_CA_WITHDRAW, true, {{0}}},
	{"/people/put", "PUT", "/api/v1/people/{id}", "/people", TEXT_DONE_PERSON_PUT, true,
		{{"role", "role", false, false}, {"secret", "password", false, true}}},
	{"/account/password", POST, "/api/v1/password/new", "/account", TEXT_DONE_PASSWORD, true,
		{{"secret", "password", false, false}}},
	{"/people/drop", "DELETE", "/api/v1/people/{id}", "/people", TEXT_DONE_PERSON_DROP, true,
		{{0}}},
};

static void fill_id(const struct request *request, const char *pattern, char *ret_path, size_t size)
{
	const char *hole = strstr(pattern, "{id}");

	if (hole)
		snprintf(ret_path, size, "%.*s%s%s", (int)(hole - pattern), pattern, request->id,
			hole + strlen("{id}"));
	else
		snprintf(ret_path, size, "%s", pattern);
}

/* Where the form stood, if that is still there: a device that was forgotten has no screen. Words,
 * not addresses: nobody else decides where the browser goes. */
static void back_path(const struct request *request, char *ret_path, size_t size)
{
	const char *from = form_value(request->form, "from");

	if (from && strcmp(from, "waiting") == 0)
		fill_id(request, "/waiting", ret_path, size);
	else if (from && strcmp(from, "device") == 0 &&
		 strcmp(request->action->back, "/devices") != 0)
		fill_id(request, "/devices/{id}", ret_path, size);
	else
		fill_id(request, request->action->back, ret_path, size);
}

static void show_again(struct request *request, unsigned status, const char *why)
{
	char path[128];

	back_path(request, path, sizeof(path));
	page_notice(request, status >= 300, why);
	page_show(request, path, status);
}

/* Which one it was, unless its own screen says so. */
static void name_device(struct session *session, const char *path, const json_t *device)
{
	struct notice_device *about = &session->notice_device;

	*about = (struct notice_device){0};
	if (!device || strncmp(path, "/devices/", strlen("/devices/")) == 0)
		return;
	snprintf(about->id, sizeof(about->id), "%s", json_text(device, "id"));
	snprintf(about->title, sizeof(about->title), "%s", device_title(device));
}

static void on_acted(struct request *request, int status, json_t *body)
{
	const char *said = json_string_value(json_object_get(body, "text"));
	struct session *session = request_session(request);
	char path[128];

	if (status >= 300) {
		json_decref(request->refused);
		request->refused = json_incref(json_object_get(body, "refused"));
		show_again(request, (unsigned)status, said ? said : text(TEXT_REFUSED));
		return;
	}
	said = said && said[0] ? said : text(request->action->done);
	if (request->action->keeps) {
		show_again(request, 200, said);
		return;
	}
	back_path(request, path, sizeof(path));
	if (session) {
		snprintf(session->notice, sizeof(session->notice), "%s", said);
		session->notice_is_error = network_test_failed(json_object_get(body, "test"));
		name_device(session, path, json_object_get(body, "device"));
	}
	request_redirect(request, path);
}

/* -EINVAL when a number is none. */
static int add_field(json_t *body, const struct action_field *field, const char *value)
{
	unsigned long number;
	char *end;

	if (!value || (field->skip_empty && value[0] == 0))
		return 0;
	if (!field->number)
		return json_object_set_new(body, field->json, json_string(value)) < 0 ? -ENOMEM : 0;
	number = strtoul(value, &end, 10);
	if (value[0] < '0' || value[0] > '9' || *end || number > 1000000)
		return -EINVAL;
	return json_object_set_new(body, field->json, json_integer((json_int_t)number)) < 0
		       ? -ENOMEM
		       : 0;
}

/* "key=value", the value with everything but letters, digits and "-._~" as %XX. */
static void fill_query(const char *key, const char *value, char *ret_query, size_t size)
{
	size_t used = (size_t)snprintf(ret_query, size, "%s=", key);

	for (; *value && used + 4 < size; value++)
		used += (size_t)snprintf(ret_query + used, size - used,
			isalnum((unsigned char)*value) || strchr("-._~", *value) ? "%c" : "%%%02X",
			(unsigned char)*value);
}

static void act(struct request *request)
{
	const struct action *action = request->action;
	json_t *body = json_object();
	const char *why = NULL;
	char path[192], query[4 * EP_MAX + 8] = "";
	int r = body ? 0 : -ENOMEM;

	for (unsigned i = 0; r == 0 && i < FIELDS_MAX && action->field[i].form; i++)
		r = add_field(
			body, &action->field[i], form_value(request->form, action->field[i].form));
	if (r == 0 && action->fill)
		why = action->fill(body, request->form, &request->refused);
	fill_id(request, action->call, path, sizeof(path));
	if (action->query && form_value(request->form, action->query))
		fill_query(action->query, form_value(request->form, action->query), query,
			sizeof(query));
	if (why)
		show_again(request, 400, why);
	else if (r < 0)
		show_again(request, r == -EINVAL ? 400 : 503, text(TEXT_NOT_A_NUMBER));
	else
		request_ask(request, action->method, path, query[0] ? query : NULL, body, on_acted);
	request_wipe(body);
	json_decref(body);
}

static void on_password(struct request *request, int status, json_t *body)
{
	const char *said = json_string_value(json_object_get(body, "text"));
	struct session *session = request_session(request);

	if (status >= 300) {
		show_again(request, (unsigned)status, said ? said : text(TEXT_WRONG_PASSWORD));
		return;
	}
	if (session)
		session_password_typed(request->web->sessions, session, clock_boot_usec());
	act(request);
}

static void check_password(struct request *request, const char *password)
{
	json_t *body = json_pack("{s:s}", "password", password);

	request_ask(request, "POST", "/api/v1/password", NULL, body, on_password);
	request_wipe(body);
	json_decref(body);
}

/* The {id} of the form's address; of forms without one (people) the field 'id'. */
static bool find_id(struct request *request)
{
	const char *id = form_value(request->form, "id");

	if (request->id[0] || !strstr(request->action->call, "{id}"))
		return true;
	return id && dispatch_match("{id}", id, request->id);
}

static bool find(struct request *request)
{
	for (size_t i = 0; i < ELEMENTS(actions) && !request->action; i++)
		if (dispatch_match(actions[i].path, request->path, request->id))
			request->action = &actions[i];
	return request->action;
}

bool action_show(struct request *request, unsigned status, const char *sentence)
{
	if (!find(request))
		return false;
	find_id(request); /* where it is none, there is nothing of it on the screen */
	show_again(request, status, sentence);
	return true;
}

void action_begin(struct request *request)
{
	const char *password = form_value(request->form, "password");

	if (!find(request))
		page_fail(request, 404, text(TEXT_NO_PAGE));
	else if (!find_id(request))
		show_again(request, 400, text(TEXT_BAD_NAME));
	else if (password && password[0])
		check_password(request, password);
	else if (request->action->ask)
		show_again(request, 403, text(TEXT_PASSWORD_NEEDED));
	else
		act(request);
}
