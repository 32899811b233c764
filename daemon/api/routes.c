/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The table of routes: method, path, least role, handler. Default deny: what is not here is 404,
 * and a row without a role is for nobody but those whom it names. A path has at most one
 * {argument}.
 */

#include <string.h>

#include "api/api-parts.h"
#include "base/cleanup.h"

#define LABELS "name place owner"
#define ACT_ROUTE(path, least, fresh, act, words, ...)                             \
	{                                                                          \
		{"POST", "/api/v1/devices/{id}/" path, least, false, fresh, words, \
			.body = "" __VA_ARGS__},                                   \
			api_do_act, act                                            \
	}

static const struct api_entry table[] = {
	{{"GET", "/api/v1/status", ROLE_VIEWER, false, false, "how the gateway is"}, api_get_status,
		ACTS},
	{{"GET", "/api/v1/status/limits", ROLE_VIEWER, false, false,
		 "every limit and how often it was reached"},
		api_get_limits, ACTS},
	{{"GET", "/api/v1/doctor", ROLE_VIEWER, false, false, "what is wrong, and what to do"},
		api_get_doctor, ACTS},
	{{"GET", "/api/v1/network", ROLE_VIEWER, false, false,
		 "what the gateway listens on, and where it goes"},
		api_get_network, ACTS},
	{{"POST", "/api/v1/network/test", ROLE_TECHNICIAN, false, false,
		 "does each platform answer: its name, the connection, TLS"},
		api_test_network, ACTS},
	{{"GET", "/api/v1/events", ROLE_VIEWER, false, false,
		 "a stream that tells when to ask again"},
		api_get_events, ACTS},
	{{"GET", "/api/v1/heard", ROLE_VIEWER, false, false,
		 "heard and turned away in the last 15 minutes"},
		api_get_heard, ACTS},
	{{"GET", "/api/v1/alarms", ROLE_VIEWER, false, false, "active alarms"}, api_get_alarms,
		ACTS},
	{{"POST", "/api/v1/alarms/clear", ROLE_TECHNICIAN, false, false, "clear an alarm",
		 .body = "id subject"},
		api_do_act, ACT_CLEAR_ALARM},
	{{"GET", "/api/v1/devices", ROLE_VIEWER, false, false, "list of devices",
		 .query = "stage q offset limit"},
		api_get_devices, ACTS},
	{{"POST", "/api/v1/devices", ROLE_TECHNICIAN, false, false,
		 "look for a device at an address that somebody typed", .body = "address ep"},
		api_do_act, ACT_ADD},
	{{"GET", "/api/v1/devices/{id}", ROLE_VIEWER, false, false, "one device"}, api_get_device,
		ACTS},
	{{"GET", "/api/v1/devices/{id}/readings", ROLE_VIEWER, false, false,
		 "its last numbers, for curves"},
		api_get_readings, ACTS},
	{{"GET", "/api/v1/devices/{id}/history", ROLE_VIEWER, false, false,
		 "what was done to one device", .query = "before limit"},
		api_get_history, ACTS},
	{{"GET", "/api/v1/queue", ROLE_VIEWER, false, false, "what waits for the platform",
		 .query = "limit"},
		api_get_queue, ACTS},
	{{"GET", "/api/v1/dead", ROLE_VIEWER, false, false,
		 "readings that a platform will never take", .query = "before limit"},
		api_get_dead, ACTS},
	ACT_ROUTE("admit", ROLE_TECHNICIAN, true, ACT_ADMIT, "let it try", "code platform " LABELS),
	ACT_ROUTE("approve", ROLE_TECHNICIAN, true, ACT_APPROVE, "approve it",
		"code platform " LABELS),
	ACT_ROUTE("show-code", ROLE_TECHNICIAN, true, ACT_SHOW_CODE,
		"its display cannot be read: show its code here"),
	ACT_ROUTE("reject", ROLE_TECHNICIAN, false, ACT_REJECT, "reject it"),
	ACT_ROUTE("suspend", ROLE_TECHNICIAN, false, ACT_SUSPEND, "stop it for now"),
	ACT_ROUTE("resume", ROLE_TECHNICIAN, false, ACT_RESUME, "let a suspended one go on"),
	ACT_ROUTE("rename", ROLE_TECHNICIAN, false, ACT_RENAME, "name, place and owner", LABELS),
	ACT_ROUTE("identify", ROLE_TECHNICIAN, false, ACT_IDENTIFY, "let it blink", "seconds"),
	ACT_ROUTE("block", ROLE_TECHNICIAN, false, ACT_BLOCK, "ignore it until unblocked"),
	ACT_ROUTE("unblock", ROLE_TECHNICIAN, false, ACT_UNBLOCK, "do not ignore it any more"),
	ACT_ROUTE(
		"revoke", ROLE_ADMIN, true, ACT_REVOKE, "erase its credential, drop its readings"),
	ACT_ROUTE("release", ROLE_ADMIN, true, ACT_RELEASE,
		"take owner and credential away, back to pending"),
	ACT_ROUTE("forget", ROLE_ADMIN, true, ACT_FORGET, "delete everything about it"),
	ACT_ROUTE("command", ROLE_TECHNICIAN, false, ACT_COMMAND, "send it a command",
		"name args seconds"),
	ACT_ROUTE("replace", ROLE_ADMIN, true, ACT_REPLACE,
		"another device, that waits, takes its place", "with"),
	{{"POST", "/api/v1/devices/{id}/export", ROLE_ADMIN, true, true,
		 "everything about it, sealed for another gateway", .body = "to"},
		api_do_act, ACT_EXPORT},
	{{"POST", "/api/v1/import", ROLE_ADMIN, true, true, "a device from another gateway",
		 .body = "parcel"},
		api_put_parcel, ACT_IMPORT},
	ACT_ROUTE("unlock", ROLE_ADMIN, false, ACT_UNLOCK_CODE, "let its code be tried again"),
	{{"POST", "/api/v1/window", ROLE_TECHNICIAN, false, true, "open the onboarding window",
		 .body = "seconds"},
		api_do_act, ACT_WINDOW_OPEN},
	{{"DELETE", "/api/v1/window", ROLE_TECHNICIAN, false, false, "close the onboarding window"},
		api_do_act, ACT_WINDOW_CLOSE},
	{{"GET", "/api/v1/journal", ROLE_ADMIN, false, false, "who did what",
		 .query = "before after limit who action object"},
		api_get_journal, ACTS},
	{{"GET", "/api/v1/journal/export", ROLE_ADMIN, false, true,
		 "the same rows, to be taken away: asks for the password",
		 .query = "before after limit who action object"},
		api_get_journal, ACTS},
	{{"GET", "/api/v1/journal/verify", ROLE_ADMIN, false, false, "is the journal whole"},
		api_get_verified, ACTS},
	{{"GET", "/api/v1/people", ROLE_ADMIN, false, false, "people and roles"}, api_get_people,
		ACTS},
	{{"PUT", "/api/v1/people/{name}", ROLE_ADMIN, false, true, "add or change a person",
		 .body = "role password"},
		api_do_act, ACT_PERSON_PUT},
	{{"DELETE", "/api/v1/people/{name}", ROLE_ADMIN, false, true, "drop a person"}, api_do_act,
		ACT_PERSON_DROP},
	{{"GET", "/api/v1/tokens", ROLE_ADMIN, false, false, "names and dates of imported tokens",
		 .query = "after after_platform limit"},
		api_get_tokens, ACTS},
	{{"PUT", "/api/v1/tokens", ROLE_ADMIN, false, true, "import tokens",
		 .body = "tokens import more"},
		api_put_tokens, ACT_TOKENS_PUT},
	{{"DELETE", "/api/v1/tokens", ROLE_ADMIN, false, true, "delete a token", .query = "ep"},
		api_do_act, ACT_TOKEN_DROP},
	{{"PUT", "/api/v1/operator-token", ROLE_ADMIN, false, true,
		 "seal an operator's token, which approves at the platform", .body = "token"},
		api_put_operator_token, ACT_OPERATOR_PUT},
	{{"DELETE", "/api/v1/operator-token", ROLE_ADMIN, false, true,
		 "delete the operator's token"},
		api_do_act, ACT_OPERATOR_DROP},
	{{"POST", "/api/v1/key", ROLE_ADMIN, true, false, "seal every secret under another key",
		 .body = "source key"},
		api_do_act, ACT_KEY},
	{{"POST", "/api/v1/backup", ROLE_ADMIN, true, false,
		 "a copy for a backup, in the state directory, sealed with a key", .body = "key"},
		api_do_act, ACT_BACKUP},
	{{"GET", "/api/v1/codes", ROLE_TECHNICIAN, false, false,
		 "names and dates of known labels, and which are waited for",
		 .query = "after limit open"},
		api_get_codes, ACTS},
	{{"PUT", "/api/v1/codes", ROLE_ADMIN, false, true, "import key-bearing codes",
		 .body = "codes import more"},
		api_put_codes, ACT_CODES_PUT},
	{{"DELETE", "/api/v1/codes", ROLE_ADMIN, false, true, "delete the keys of a label",
		 .query = "ep"},
		api_do_act, ACT_CODE_DROP},
	{{"POST", "/api/v1/codes/scan", ROLE_TECHNICIAN, false, true,
		 "take a device in by its label, heard or not", .body = "code ep " LABELS},
		api_do_act, ACT_LABEL_SCAN},
	{{"DELETE", "/api/v1/codes/scan", ROLE_TECHNICIAN, false, false,
		 "do not wait for the device of a label any more", .query = "ep"},
		api_do_act, ACT_LABEL_CANCEL},
	{{"GET", "/api/v1/device-cas", ROLE_TECHNICIAN, false, false,
		 "authorities whose certificates devices may come in with"},
		api_get_device_cas, ACTS},
	{{"PUT", "/api/v1/device-cas", ROLE_ADMIN, false, true,
		 "register such an authority, or change what its word is worth",
		 .body = "certificate name admit"},
		api_put_device_ca, ACT_CA_PUT},
	{{"DELETE", "/api/v1/device-cas/{fingerprint}", ROLE_ADMIN, false, true,
		 "withdraw an authority: its devices are out"},
		api_do_act, ACT_CA_DROP},
	{{"GET", "/api/v1/site-ca", ROLE_TECHNICIAN, false, false,
		 "the authority that issues certificates to devices which have none"},
		api_get_site_ca, ACTS},
	{{"POST", "/api/v1/site-ca", ROLE_ADMIN, false, true,
		 "make such an authority here: its key never leaves the gateway",
		 .body = "name replace"},
		api_do_site_ca, ACT_SITE_CA_MAKE},
	{{"PUT", "/api/v1/site-ca", ROLE_ADMIN, false, true,
		 "take one over: a certificate and its private key", .body = "identity replace"},
		api_do_site_ca, ACT_SITE_CA_IMPORT},
	{{"POST", "/api/v1/site-ca/proof", ROLE_ADMIN, false, true,
		 "prove to a platform that its key is here", .body = "code"},
		api_do_site_ca, ACT_SITE_CA_PROVE},
	{{"POST", "/api/v1/setup-code", ROLE_ADMIN, true, false, "make the setup code"}, api_do_act,
		ACT_SETUP_CODE},
	{{"POST", "/api/v1/setup", ROLE_NONE, false, false, "the first administrator",
		 .body = "code name password"},
		api_do_act, ACT_SETUP},
	{{"POST", "/api/v1/login", ROLE_NONE, false, false, "log in", .body = "name password"},
		api_do_act, ACT_LOGIN},
	{{"POST", "/api/v1/password", ROLE_VIEWER, false, false, "the password once more",
		 .body = "password"},
		api_do_act, ACT_PASSWORD_FRESH},
	{{"POST", "/api/v1/password/new", ROLE_VIEWER, false, true,
		 "another password for oneself: every session ends", .body = "password"},
		api_do_act, ACT_PASSWORD_NEW},
};

/* The pattern's literal parts must fit; {x} takes one segment that is not empty. */
static bool path_fits(const char *pattern, const char *path, char *ret_argument, size_t capacity)
{
	const char *open = strchr(pattern, '{');
	const char *rest = open ? strchr(open, '}') + 1 : NULL;
	size_t before, length;

	if (!open) {
		ret_argument[0] = '\0';
		return !strcmp(pattern, path);
	}
	before = (size_t)(open - pattern);
	if (strncmp(pattern, path, before))
		return false;
	length = strcspn(path + before, "/");
	if (!length || length >= capacity || strcmp(path + before + length, rest))
		return false;
	memcpy(ret_argument, path + before, length);
	ret_argument[length] = '\0';
	return true;
}

const struct api_entry *api_entry_find(const char *method, const char *path, char *ret_argument,
	size_t capacity, bool *ret_path_known)
{
	size_t i;

	*ret_path_known = false;
	for (i = 0; i < ELEMENTS(table); i++) {
		if (!path_fits(table[i].route.path, path, ret_argument, capacity))
			continue;
		*ret_path_known = true;
		if (!strcmp(table[i].route.method, method))
			return &table[i];
	}
	return NULL;
}

const struct api_route *api_route_at(size_t index)
{
	return index < ELEMENTS(table) ? &table[index].route : NULL;
}
