/* SPDX-License-Identifier: Apache-2.0 */

/* The state of the gateway, and of one device: pairs of a title and a text. Devices are counted by
 * stage; what a person can do next stands at the end. */

#include <stdint.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctl/table.h"
#include "ctl/view.h"

#define NUMBER_SIZE 32
#define AGE_SIZE    48
#define TEXT_SIZE   256

struct pair {
	const char *title, *path;
};

static void print_pairs(const json_t *object, const struct pair *pairs, size_t count, FILE *out)
{
	char number[NUMBER_SIZE];

	for (size_t i = 0; i < count; i++)
		pair_print(out, pairs[i].title, view_text(object, pairs[i].path, number));
}

/* ---- the gateway ---- */

static void view_window(const json_t *window, FILE *out)
{
	char text[TEXT_SIZE], age[AGE_SIZE];
	const char *who = json_string_value(json_object_get(window, "opened_by"));
	json_int_t left = json_integer_value(json_object_get(window, "seconds_left"));

	if (!window)
		return;
	if (!json_is_true(json_object_get(window, "open"))) {
		pair_print(out, "Window", "closed");
		return;
	}
	snprintf(text, sizeof(text), "open for %s more, by %.100s", view_age(left, age),
		who ? who : "-");
	pair_print(out, "Window", text);
}

/* What an acknowledgement is worth; nothing is said where it is worth all. */
static void view_durability(const char *word, FILE *out)
{
	if (word && !strcmp(word, "process"))
		pair_print(out, "Durability",
			"process: a power cut takes readings that were acknowledged");
	else if (word && !strcmp(word, "memory"))
		pair_print(out, "Durability",
			"memory: a crash or a power cut takes readings that were acknowledged");
	else if (word)
		pair_print(out, "Durability", word);
}

static void view_sums(const json_t *queue, FILE *out)
{
	const json_t *left = json_object_get(queue, "seconds_left");
	char bytes[NUMBER_SIZE], limit[NUMBER_SIZE], text[TEXT_SIZE], age[AGE_SIZE];

	if (!queue)
		return;
	snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT " readings, %s of %s",
		json_integer_value(json_object_get(queue, "readings")),
		view_bytes(json_integer_value(json_object_get(queue, "bytes")), bytes),
		view_bytes(json_integer_value(json_object_get(queue, "limit_bytes")), limit));
	pair_print(out, "Queue", text);
	pair_print(out, "Room for",
		json_is_integer(left) ? view_age(json_integer_value(left), age)
				      : "not known yet: too little came in");
	view_durability(json_string_value(json_object_get(queue, "durability")), out);
	snprintf(text, sizeof(text),
		"%" JSON_INTEGER_FORMAT " accepted, %" JSON_INTEGER_FORMAT
		" delivered, %" JSON_INTEGER_FORMAT " not taken, %" JSON_INTEGER_FORMAT " dropped",
		json_integer_value(json_object_get(queue, "accepted")),
		json_integer_value(json_object_get(queue, "delivered")),
		json_integer_value(json_object_get(queue, "dead")),
		json_integer_value(json_object_get(queue, "dropped")));
	pair_print(out, "Since start", text);
}

static void view_stages(const json_t *stages, FILE *out)
{
	char text[TEXT_SIZE] = "";
	size_t used = 0;
	const char *stage;
	json_t *count;

	json_object_foreach((json_t *)(uintptr_t)stages, stage, count)
	{
		if (!json_integer_value(count) || !strcmp(stage, "total") || used >= sizeof(text))
			continue;
		used += (size_t)snprintf(text + used, sizeof(text) - used,
			"%s%" JSON_INTEGER_FORMAT " %s", used ? ", " : "",
			json_integer_value(count), stage);
	}
	pair_print(out, "Devices", used ? text : "none");
}

void view_status(const json_t *answer, FILE *out)
{
	static const struct pair gateway[] = {{"Gateway", "gateway.id"},
		{"Version", "gateway.version"}, {"Since", "gateway.since"}, {"Time", "clock.now"},
		{"Clock is set", "clock.synced"}, {"Uplink", "uplink.state"},
		{"Broker", "uplink.host"}, {"Uplink since", "uplink.since"},
		{"Uplink says", "uplink.detail"}};
	static const struct pair rest[] = {{"Discovery", "discovery.state"},
		{"Discovery says", "discovery.detail"}, {"Key", "key.source"},
		{"Audit rows", "audit.rows"}, {"Alarms", "alarms"}, {"Set up", "set_up"}};
	const char *version =
		json_string_value(json_object_get(json_object_get(answer, "gateway"), "version"));

	print_pairs(answer, gateway, ELEMENTS(gateway), out);
	view_sums(json_object_get(answer, "queue"), out);
	view_window(json_object_get(answer, "window"), out);
	view_stages(json_object_get(answer, "devices"), out);
	print_pairs(answer, rest, ELEMENTS(rest), out);
	if (version && strcmp(version, GATEHOUSE_VERSION))
		fputs("\nThe gateway and this tool (" GATEHOUSE_VERSION
		      ") are of different versions: restart the gateway after an update.\n",
			out);
	if (json_integer_value(json_object_get(answer, "alarms")) > 0)
		fputs("\nThere are alarms: gatehousectl alarms\n", out);
	if (json_is_false(json_object_get(answer, "set_up")))
		fputs("\nNobody can log in yet: gatehousectl setup\n", out);
}

/* ---- the queue ---- */

static void view_lost(const json_t *lost, FILE *out)
{
	char text[TEXT_SIZE] = "";
	size_t used = 0;
	const char *why;
	json_t *count;

	json_object_foreach((json_t *)(uintptr_t)lost, why, count)
	{
		if (json_integer_value(count) && used < sizeof(text))
			used += (size_t)snprintf(text + used, sizeof(text) - used,
				"%s%" JSON_INTEGER_FORMAT " %.40s", used ? ", " : "",
				json_integer_value(count), why);
	}
	pair_print(out, "Given up", used ? text : "none");
}

void view_queue(const json_t *answer, FILE *out)
{
	char number[NUMBER_SIZE];

	view_sums(answer, out);
	pair_print(out, "Oldest", view_text(answer, "oldest", number));
	pair_print(out, "In flight", view_text(answer, "in_flight", number));
	pair_print(out, "One may have", view_text(answer, "share_bytes", number));
	view_lost(json_object_get(answer, "lost"), out);
	fputc('\n', out);
	view_queue_devices(answer, out);
	if (json_array_size(json_object_get(answer, "gaps")) == 0)
		return;
	fputs("\nGiven up, and the platform was not told yet:\n", out);
	view_gaps(answer, out);
}

/* ---- a device ---- */

static void view_attributes(const json_t *attributes, FILE *out)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)attributes, key, value)
	{
		char text[TEXT_SIZE];

		snprintf(text, sizeof(text), "%.60s = %.180s", key,
			json_is_string(value) ? json_string_value(value) : "-");
		pair_print(out, "Attribute", text);
	}
}

static void view_actions(const json_t *actions, FILE *out)
{
	char text[TEXT_SIZE] = "";
	size_t used = 0, i;
	json_t *action;

	json_array_foreach(actions, i, action)
	{
		if (used < sizeof(text) && json_is_string(action))
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s",
				used ? ", " : "", json_string_value(action));
	}
	pair_print(out, "You can", text);
}

void view_device(const json_t *answer, FILE *out)
{
	static const struct pair first[] = {{"Device", "id"}, {"Calls itself", "ep"},
		{"Name", "name"}, {"Place", "place"}, {"Owner", "owner"}, {"Stage", "stage"},
		{"State", "state"}, {"Trust", "trust"}, {"Certificate", "fingerprint"},
		{"Model", "model"}, {"Serial", "serial"}, {"Firmware", "firmware"}};
	static const struct pair then[] = {{"Found by", "found_by"}, {"Address", "address"},
		{"Announced now", "present"}, {"Has a display", "display"},
		{"Has a code", "has_code"}, {"Tries left", "code_tries_left"},
		{"Brought its token", "own_token"}, {"Code is locked", "code_locked"},
		{"Code is at", "code_at"}, {"Code", "code"}, {"First seen", "first_seen"},
		{"Decided", "decided_at"}, {"Decided by", "decided_by"}, {"Evidence", "evidence"},
		{"Platform", "platform"}, {"Platform id", "platform_id"},
		{"Operation", "operation.state"}, {"Operation ends", "operation.expires"},
		{"Operation id", "operation.id"}, {"Approve it at", "operation.link"},
		{"The platform said", "platform_why"}, {"Credential", "credential.state"},
		{"Held since", "credential.since"}, {"Uses certificate", "credential.certificate"},
		{"Expires", "credential.expires"}, {"Link", "link"},
		{"Last reading", "last_reading"}, {"Readings", "readings"}, {"Queued", "queued"}};
	const json_t *heard = json_object_get(answer, "last_heard");
	char age[AGE_SIZE], text[TEXT_SIZE];

	print_pairs(answer, first, ELEMENTS(first), out);
	view_attributes(json_object_get(answer, "attributes"), out);
	print_pairs(answer, then, ELEMENTS(then), out);
	if (json_is_integer(heard)) {
		snprintf(text, sizeof(text), "%s ago", view_age(json_integer_value(heard), age));
		pair_print(out, "Last heard", text);
	}
	view_actions(json_object_get(answer, "actions"), out);
}

void view_site_ca(const json_t *answer, FILE *out)
{
	static const struct pair pairs[] = {{"Name", "name"}, {"SHA-256", "fingerprint"},
		{"Good from", "not_before"}, {"Ends", "not_after"}};
	const json_t *ca = json_object_get(answer, "site_ca");

	if (json_is_object(ca))
		print_pairs(ca, pairs, ELEMENTS(pairs), out);
	else
		fputs("There is no authority of the site: \"gatehousectl site-ca make\" makes "
		      "one.\n",
			out);
}
