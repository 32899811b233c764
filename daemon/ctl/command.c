/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The table of commands, and those that are one call with a way to show its answer (call.c). What
 * is decided is decided by the gateway: the tool asks, shows, and turns the answer into an exit
 * status.
 */

#include "ctl/command.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/crypto.h"
#include "ctl/progress.h"
#include "ctl/scan.h"
#include "ctl/table.h"
#include "ctl/view.h"

#define PAGE 200 /* devices in one call */

DEFINE_CLEANUP(json_t *, json_decref, cleanup_json)

/* ---- showing ---- */

static int run_status(struct ctl *ctl)
{
	if (ctl->invocation->value[OPTION_LIMITS])
		return ctl_show(ctl, "/api/v1/status/limits", view_limits);
	return ctl_show(ctl, "/api/v1/status", view_status);
}

static int run_heard(struct ctl *ctl)
{
	return ctl_show(ctl, "/api/v1/heard", view_heard);
}

static int run_alarms(struct ctl *ctl)
{
	return ctl_show(ctl, "/api/v1/alarms", view_alarms);
}

static int get_devices(struct ctl *ctl, size_t offset, json_t **ret_answer)
{
	char start[64];
	CLEANUP(cleanup_free) char *path = NULL;

	snprintf(start, sizeof(start), "/api/v1/devices?limit=%d&offset=%zu", PAGE, offset);
	path = ctl_add_query(ctl, strdup(start), "stage", ctl->invocation->value[OPTION_STAGE]);
	path = ctl_add_query(ctl, path, "q", ctl->invocation->value[OPTION_SEARCH]);
	return path ? ctl_call(ctl, "GET", path, NULL, ret_answer) : EXIT_REFUSED;
}

/* All pages as one answer. */
static int run_devices(struct ctl *ctl)
{
	const char *const *value = ctl->invocation->value;
	struct progress progress = {.out = ctl->err, .what = "devices"};
	CLEANUP(cleanup_json) json_t *all = NULL;
	json_t *list;
	size_t count;
	int code = get_devices(ctl, 0, &all);

	if (code != EXIT_DONE)
		return code;
	list = json_object_get(all, "devices");
	progress.total = (size_t)json_integer_value(json_object_get(all, "total"));
	do {
		CLEANUP(cleanup_json) json_t *more = NULL;

		count = json_array_size(list);
		if (count == 0 ||
			(json_int_t)count >= json_integer_value(json_object_get(all, "total")))
			break;
		progress_show(&progress, count);
		code = get_devices(ctl, count, &more);
		if (code != EXIT_DONE)
			return code;
		json_array_extend(list, json_object_get(more, "devices"));
	} while (json_array_size(list) > count);
	progress_end(&progress);
	if (ctl_print_json(ctl, all))
		return EXIT_DONE;
	if (json_array_size(list) == 0 && (value[OPTION_STAGE] || value[OPTION_SEARCH]))
		line_print(ctl->out, "No device fits. Search for less, or leave --stage out.");
	else
		view_devices(all, ctl->out);
	return EXIT_DONE;
}

/* ---- doing ---- */

/* --code: a label is a secret, which comes by standard input rather than by the command line. */
static bool add_code(json_t *body, struct ctl *ctl)
{
	const char *value = ctl->invocation->value[OPTION_CODE];
	char code[SCAN_TEXT_MAX + 1];
	int r;

	if (!value || strcmp(value, "-") != 0) {
		ctl_add_option(body, ctl, OPTION_CODE, "code");
		return true;
	}
	r = scan_read_code(code);
	if (r >= 0)
		json_object_set_new(body, "code", json_string(code));
	else
		fputs("There is no code on standard input, or it is too long.\n", ctl->err);
	crypto_wipe(code, sizeof(code));
	return r >= 0;
}

static int run_act(struct ctl *ctl)
{
	const struct invocation *invocation = ctl->invocation;
	CLEANUP(cleanup_free) char *path = NULL;
	char after[48], done[64];
	unsigned long seconds = 0;
	json_t *body;

	if (invocation->value[OPTION_SECONDS] &&
		number_parse(invocation->value[OPTION_SECONDS], 1, 120, &seconds) < 0)
		return ctl_usage_error(ctl, "--seconds needs a number from 1 to 120");
	snprintf(after, sizeof(after), "/%s", invocation->command->act);
	path = client_path(ctl->client, "/api/v1/devices/", invocation->argument[0], after);
	body = json_object();
	if (!path || !body) {
		json_decref(body);
		return EXIT_REFUSED;
	}
	if (!add_code(body, ctl)) {
		json_decref(body);
		return EXIT_USAGE;
	}
	ctl_add_option(body, ctl, OPTION_NAME, "name");
	ctl_add_option(body, ctl, OPTION_PLACE, "place");
	ctl_add_option(body, ctl, OPTION_OWNER, "owner");
	ctl_add_option(body, ctl, OPTION_PLATFORM, "platform");
	if (seconds)
		json_object_set_new(body, "seconds", json_integer((json_int_t)seconds));
	snprintf(done, sizeof(done), "Done: %s.", invocation->command->act);
	return ctl_do(ctl, "POST", path, body, done);
}

static int run_show_code(struct ctl *ctl)
{
	CLEANUP(cleanup_free)
	char *path = client_path(
		ctl->client, "/api/v1/devices/", ctl->invocation->argument[0], "/show-code");
	CLEANUP(cleanup_json) json_t *answer = NULL;
	int code;

	if (!path)
		return EXIT_REFUSED;
	code = ctl_call_watched(ctl, AT_IT, "POST", path, json_object(), &answer);
	if (code != EXIT_DONE || ctl_print_json(ctl, answer))
		return code;
	view_done(answer, "Done: the journal says that it is shown here.", ctl->out);
	pair_print(ctl->out, "Code",
		json_string_value(json_object_get(json_object_get(answer, "device"), "code")));
	return code;
}

static int run_add(struct ctl *ctl)
{
	const struct invocation *invocation = ctl->invocation;
	json_t *body = json_pack("{s:s}", "address", invocation->argument[0]);

	if (body && invocation->count > 1)
		json_object_set_new(body, "ep", json_string(invocation->argument[1]));
	if (!body)
		return ctl_usage_error(ctl, "the address must be UTF-8 text");
	return ctl_do(ctl, "POST", "/api/v1/devices", body, "It was found.");
}

static void print_open_for(unsigned long seconds, FILE *out)
{
	bool minutes = seconds % 60 == 0;
	unsigned long count = minutes ? seconds / 60 : seconds;

	fprintf(out, "The onboarding window is open for %lu %s%s.\n", count,
		minutes ? "minute" : "second", count == 1 ? "" : "s");
}

/* Without a time it is open as long as it may be, which the gateway knows. */
static int run_window_open(struct ctl *ctl)
{
	CLEANUP(cleanup_json) json_t *answer = NULL;
	const char *value = ctl->invocation->value[OPTION_MINUTES];
	unsigned long minutes = 0;
	int code;

	if (value && number_parse(value, 1, 15, &minutes) < 0)
		return ctl_usage_error(ctl, "--minutes needs a number from 1 to 15");
	code = ctl_call_watched(ctl, AT_IT, "POST", "/api/v1/window",
		value ? json_pack("{s:I}", "seconds", 60 * (json_int_t)minutes) : json_object(),
		&answer);
	if (code != EXIT_DONE || ctl_print_json(ctl, answer))
		return code;
	print_open_for(
		(unsigned long)json_integer_value(json_object_get(answer, "seconds")), ctl->out);
	return code;
}

static int run_window_close(struct ctl *ctl)
{
	return ctl_do(ctl, "DELETE", "/api/v1/window", NULL, "The onboarding window is closed.");
}

static int run_alarms_clear(struct ctl *ctl)
{
	const struct invocation *invocation = ctl->invocation;
	const char *subject = invocation->count > 1 ? invocation->argument[1] : "";
	json_t *body = json_pack("{s:s,s:s}", "id", invocation->argument[0], "subject", subject);

	if (!body)
		return ctl_usage_error(ctl, "the id and the subject must be UTF-8 text");
	return ctl_do(ctl, "POST", "/api/v1/alarms/clear", body, "The alarm is cleared.");
}

/* ---- the table ---- */

#define FILTERS (TAKES(WHO) | TAKES(ACTION) | TAKES(OBJECT))
#define LABELS	(TAKES(NAME) | TAKES(PLACE) | TAKES(OWNER))
#define ACT(name, options, text)                                     \
	{                                                            \
		name, NULL, "ID", 1, 1, options, text, run_act, name \
	}

const struct command commands[] = {
	{"setup", NULL, "", 0, 0, TAKES(CONFIG) | TAKES(INTERFACES),
		"first start: choose networks, make the setup code (root)", run_setup, NULL},
	{"status", NULL, "", 0, 0, TAKES(LIMITS), "how the gateway is", run_status, NULL},
	{"heard", NULL, "", 0, 0, 0, "who was turned away in the last 15 minutes, and why",
		run_heard, NULL},
	{"devices", "export", "ID FILE", 2, 2, TAKES(FOR),
		"stop a device here, and write it sealed for another gateway (root)",
		run_devices_export, NULL},
	{"devices", "import", "FILE", 1, 1, 0, "take over a device from another gateway (root)",
		run_devices_import, NULL},
	{"devices", NULL, "", 0, 0, TAKES(STAGE) | TAKES(SEARCH), "list devices", run_devices,
		NULL},
	{"show", NULL, "ID", 1, 1, 0, "everything about one device", run_show, NULL},
	{"add", NULL, "ADDRESS [EP]", 1, 2, 0,
		"look for a device at an address; EP: its name, if it does not say one, and "
		"always with coaps://",
		run_add, NULL},
	{"window", "open", "", 0, 0, TAKES(MINUTES), "let new devices come in", run_window_open,
		NULL},
	{"window", "close", "", 0, 0, 0, "no new devices any more", run_window_close, NULL},
	ACT("admit", LABELS | TAKES(CODE) | TAKES(PLATFORM),
		"let a device try; its display or platform goes on"),
	ACT("approve", LABELS | TAKES(CODE) | TAKES(PLATFORM), "take a device in"),
	{"show-code", NULL, "ID", 1, 1, 0,
		"show a device's code here, as its display cannot be read", run_show_code, NULL},
	ACT("reject", 0, "do not take it in"),
	ACT("suspend", 0, "stop a device for now"),
	ACT("resume", 0, "let a suspended device go on"),
	ACT("revoke", 0, "take back its credential, drop its waiting readings (root)"),
	ACT("release", 0, "take owner and credential away; it waits again (root)"),
	ACT("forget", 0, "delete everything about it (root)"),
	ACT("block", 0, "ignore it until it is unblocked"),
	ACT("unblock", 0, "do not ignore it any more"),
	ACT("unlock", 0, "let its code be tried again (root)"),
	ACT("rename", LABELS, "change its name, place or owner"),
	ACT("identify", TAKES(SECONDS), "let it blink or beep"),
	{"command", NULL, "ID NAME [ARGS]", 2, 3, 0,
		"send it a command; ARGS: JSON. What became of it: show", run_command, NULL},
	{"replace", NULL, "ID NEW-ID", 2, 2, 0,
		"another device, that waits, takes the place of a broken one (root)", run_replace,
		NULL},
	{"users", "list", "", 0, 0, 0, "people who may log in (root)", run_users_list, NULL},
	{"users", "add", "NAME", 1, 1, TAKES(ROLE) | TAKES(PASSWORD_FILE),
		"add a person, or give a new password (root)", run_users_add, NULL},
	{"users", "role", "NAME", 1, 1, TAKES(ROLE), "change a person's role (root)",
		run_users_role, NULL},
	{"users", "drop", "NAME", 1, 1, 0, "take a person away (root)", run_users_drop, NULL},
	{"tokens", "import", "FILE", 1, 1, 0,
		"devices' credentials, lines \"ep,username,password\"; or, under that header, "
		"\"ep,pt\", \"ep,key\", \"ep,certificate,key\" or \"ep,x509,key\" (files); -: "
		"stdin "
		"(root)",
		run_tokens_import, NULL},
	{"tokens", "replace", "EP", 1, 1,
		TAKES(USERNAME) | TAKES(PASSWORD_FILE) | TAKES(PLATFORM) | TAKES(CERTIFICATE) |
			TAKES(KEY),
		"another credential for one device (root)", run_tokens_replace, NULL},
	{"tokens", "list", "", 0, 0, 0, "names and dates, never a value (root)", run_tokens_list,
		NULL},
	{"tokens", "drop", "EP", 1, 1, 0, "delete a device's imported credential (root)",
		run_tokens_drop, NULL},
	{"tokens", "operator", "", 0, 0, TAKES(PASSWORD_FILE),
		"seal an operator's token: an approval here is one at the platform (root)",
		run_tokens_operator, NULL},
	{"tokens", "operator-drop", "", 0, 0, 0, "delete the operator's token (root)",
		run_tokens_operator_drop, NULL},
	{"key", "show", "", 0, 0, 0, "how the key that seals the secrets is kept", run_key_show,
		NULL},
	{"key", "rotate", "", 0, 0, 0, "seal every secret with a new key, kept as before (root)",
		run_key_rotate, NULL},
	{"key", "reseal", "", 0, 0, TAKES(TO), "the same, and keep it in another way (root)",
		run_key_reseal, NULL},
	{"backup", NULL, "FILE", 1, 1, TAKES(PHRASE_FILE) | TAKES(CONFIG),
		"a new file with everything, sealed with a recovery phrase (root)", run_backup,
		NULL},
	{"restore", NULL, "FILE", 1, 1,
		TAKES(PHRASE_FILE) | TAKES(CONFIG) | TAKES(TO) | TAKES(REPLACE),
		"a backup becomes the gateway; it must not run (root)", run_restore, NULL},
	{"codes", "import", "FILE", 1, 1, 0,
		"codes of devices' labels, lines \"ep,code\"; -: stdin (root)", run_codes_import,
		NULL},
	{"codes", "scan", "FILE", 1, 1, LABELS,
		"take devices in by their labels, heard or not: a label on each line; -: stdin",
		run_codes_scan, NULL},
	{"codes", "cancel", "EP", 1, 1, 0, "do not wait for the device of a scanned label",
		run_codes_cancel, NULL},
	{"codes", "list", "", 0, 0, 0, "known labels: names and dates, never a code or key",
		run_codes_list, NULL},
	{"codes", "make", "NAMES FILE", 2, 2, 0,
		"for makers: a new file \"ep,code\" for a list of names; -: stdin", run_codes_make,
		NULL},
	{"qr", NULL, "FILE", 1, 1, TAKES(SVG) | TAKES(PAGE),
		"labels of a file \"ep,code\", on the terminal or as a sheet; -: stdin", run_qr,
		NULL},
	{"codes", "drop", "EP", 1, 1, 0, "delete the keys of a label (root)", run_codes_drop, NULL},
	{"device-ca", "list", "", 0, 0, 0,
		"authorities whose certificates devices may come in with", run_device_ca_list,
		NULL},
	{"device-ca", "add", "FILE", 1, 1, TAKES(ADMIT) | TAKES(NAME),
		"register one, or change its policy: a certificate in PEM, - is standard input "
		"(root)",
		run_device_ca_add, NULL},
	{"device-ca", "withdraw", "FINGERPRINT", 1, 1, 0,
		"no device comes in with it any more, and those that did are out (root)",
		run_device_ca_withdraw, NULL},
	{"site-ca", "show", "", 0, 0, 0,
		"the authority that issues certificates to devices which have none",
		run_site_ca_show, NULL},
	{"site-ca", "make", "", 0, 0, TAKES(NAME) | TAKES(REPLACE),
		"make it here: its key never leaves the gateway (root)", run_site_ca_make, NULL},
	{"site-ca", "import", "FILE", 1, 1, TAKES(REPLACE),
		"take one over: a certificate and its key in PEM; -: stdin (root)",
		run_site_ca_import, NULL},
	{"site-ca", "certificate", "FILE", 1, 1, 0,
		"its certificate, to be registered at a platform; -: stdout",
		run_site_ca_certificate, NULL},
	{"site-ca", "prove", "CODE FILE", 2, 2, 0,
		"what proves to a platform, that gave out the code, that its key is here; -: "
		"stdout "
		"(root)",
		run_site_ca_prove, NULL},
	{"queue", "dead", "", 0, 0, TAKES(BEFORE) | TAKES(LIMIT),
		"readings that a platform will never take, and why", run_queue_dead, NULL},
	{"queue", NULL, "", 0, 0, TAKES(LIMIT),
		"what waits for the platform, and for how long there "
		"is room",
		run_queue, NULL},
	{"journal", "export", "", 0, 0, FILTERS | TAKES(CSV),
		"all rows that fit, each as a line of JSON, or of a table (root)",
		run_journal_export, NULL},
	{"journal", "verify", "", 0, 0, 0, "look whether nobody changed the journal (root)",
		run_journal_verify, NULL},
	{"journal", NULL, "", 0, 0, FILTERS | TAKES(BEFORE) | TAKES(LIMIT) | TAKES(FOLLOW),
		"who did what (root)", run_journal, NULL},
	{"alarms", "clear", "ID [SUBJECT]", 1, 2, 0, "clear an alarm that a person must clear",
		run_alarms_clear, NULL},
	{"alarms", NULL, "", 0, 0, 0, "active alarms and what to do", run_alarms, NULL},
	{"doctor", NULL, "", 0, 0, TAKES(CONFIG), "what is wrong, and what to do about it",
		run_doctor, NULL},
	{"profiles", "check", "[FILE]", 0, 1, TAKES(CONFIG),
		"say what is wrong with a device profile, or with all that are installed",
		run_profiles_check, NULL},
	{"check-config", NULL, "FILE", 1, 1, 0, "say what is wrong with a configuration file",
		run_check_config, NULL},
	{0},
};

void commands_help(FILE *out)
{
	fputs("Usage: gatehousectl [OPTION...] COMMAND [ARGUMENT...]\n\nCommands:\n", out);
	for (const struct command *command = commands; command->name; command++) {
		char words[48];

		snprintf(words, sizeof(words), "%s%s%s %s", command->name, command->sub ? " " : "",
			command->sub ? command->sub : "", command->arguments);
		fprintf(out, "  %-26s %s\n", words, command->text);
	}
	fputs("\nOptions:\n", out);
	for (int i = 0; i < OPTIONS; i++) {
		const struct option_row *row = option_row((enum option_name)i);
		char words[48];

		snprintf(words, sizeof(words), "--%s%s%s", row->name, row->argument ? " " : "",
			row->argument ? row->argument : "");
		fprintf(out, "  %-26s %s\n", words, row->text);
	}
	fputs("\nExit status: 0 done; 1 refused by the gateway, a wrong configuration file, or\n"
	      "something that doctor found; 2 wrong usage; 3 the gateway cannot be reached.\n",
		out);
}
