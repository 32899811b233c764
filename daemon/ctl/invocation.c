/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The command line by two tables: options here, commands in command.c. Options may stand anywhere,
 * as --name value or --name=value; "--" ends them. An option that the command does not take is an
 * error: nothing is passed over that the person may have meant.
 */

#include "ctl/invocation.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "ctl/similar.h"

#define TAKEN_ALWAYS (TAKES(JSON) | TAKES(SOCKET) | TAKES(HELP) | TAKES(VERSION))

static const struct option_row table[OPTIONS] = {
	[OPTION_JSON] = {"json", NULL,
		"print the answer as JSON; codes scan: one on a line for each label"},
	[OPTION_SOCKET] = {"socket", "PATH", "control socket (/run/gatehouse/control.sock)"},
	[OPTION_HELP] = {"help", NULL, "print this"},
	[OPTION_VERSION] = {"version", NULL, "print the version"},
	[OPTION_LIMITS] = {"limits", NULL, "status: every limit and how often it was reached"},
	[OPTION_MINUTES] = {"minutes", "N", "window open: for how long (15)"},
	[OPTION_SECONDS] = {"seconds", "N", "identify: for how long (10)"},
	[OPTION_CODE] = {"code", "C", "approve, admit: the code on label or display; -: stdin"},
	[OPTION_NAME] = {"name", "TEXT", "what people call the device"},
	[OPTION_PLACE] = {"place", "TEXT", "where it is"},
	[OPTION_OWNER] = {"owner", "TEXT", "whose it is"},
	[OPTION_PLATFORM] = {"platform", "NAME",
		"approve, admit: where it goes, if not to the first platform; tokens replace: "
		"spotflow (a provisioning token) or azure (a key, or a certificate)"},
	[OPTION_ROLE] = {"role", "R", "viewer, technician or admin"},
	[OPTION_PASSWORD_FILE] = {"password-file", "FILE", "first line is the password; -: stdin"},
	[OPTION_STAGE] = {"stage", "S", "devices: only these, e.g. active,waiting-person"},
	[OPTION_SEARCH] = {"search", "TEXT", "devices: in names, places, models, serials"},
	[OPTION_BEFORE] = {"before", "N", "journal, queue dead: rows before number N"},
	[OPTION_LIMIT] = {"limit", "N", "journal, queue: at most N rows"},
	[OPTION_CONFIG] = {"config", "FILE",
		"setup, doctor, backup, restore, profiles check: the gateway's configuration file"},
	[OPTION_INTERFACES] = {"interfaces", "NAMES",
		"setup: networks with devices and page, or none"},
	[OPTION_USERNAME] = {"username", "NAME",
		"tokens replace: its user name at the broker; without it a provisioning token"},
	[OPTION_TO] = {"to", "HOW", "key reseal, restore: file, host or tpm2+host"},
	[OPTION_FOR] = {"for", "KEY",
		"devices export: public key of the gateway that it goes to (key show, there)"},
	[OPTION_PHRASE_FILE] = {"phrase-file", "FILE",
		"backup, restore: first line is the recovery phrase; -: stdin"},
	[OPTION_ADMIT] = {"admit", "POLICY",
		"person (a person takes each device in) or auto (its first connection does)"},
	[OPTION_REPLACE] = {"replace", NULL,
		"restore: set a gateway aside that has devices or people; site-ca: the authority "
		"that is there"},
	[OPTION_SVG] = {"svg", "FILE", "qr: write a sheet to print instead"},
	[OPTION_PAGE] = {"page", "URL",
		"qr: labels that open this page, e.g. https://plant.local:8443/"},
	[OPTION_WHO] = {"who", "NAME", "journal: rows of this person, or \"uid 0\", \"gateway\""},
	[OPTION_ACTION] = {"action", "A", "journal: rows of this action, e.g. revoke"},
	[OPTION_OBJECT] = {"object", "O", "journal: rows about this device or person"},
	[OPTION_CERTIFICATE] = {"certificate", "FILE",
		"tokens replace: with --key, instead of a user name: its certificate, in PEM"},
	[OPTION_KEY] = {"key", "FILE", "tokens replace: the private key of --certificate, in PEM"},
	[OPTION_CSV] = {"csv", NULL, "journal export: a table with a line of names (CSV)"},
	[OPTION_FOLLOW] = {"follow", NULL, "journal: go on with what happens, until interrupted"},
};

const struct option_row *option_row(enum option_name name)
{
	return &table[name];
}

bool command_takes(const struct command *command, enum option_name option)
{
	return command->options >> option & 1;
}

__attribute__((format(printf, 3, 4))) static int refuse(
	char *ret_why, size_t capacity, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	vsnprintf(ret_why, capacity, format, list);
	va_end(list);
	return -EINVAL;
}

static int refuse_option(const char *text, size_t size, char *ret_why, size_t capacity)
{
	char typed[SIMILAR_SIZE + 1];
	struct similar similar;

	snprintf(typed, sizeof(typed), "%.*s", (int)size, text);
	similar_init(&similar, typed);
	for (unsigned i = 0; i < OPTIONS; i++)
		similar_try(&similar, table[i].name);
	if (similar.best)
		return refuse(ret_why, capacity, "--%s is not an option. Did you mean --%s?", typed,
			similar.best);
	return refuse(ret_why, capacity, "--%.*s is not an option", (int)size, text);
}

static enum option_name find_option(const char *text, size_t size)
{
	unsigned i = 0;

	while (i < OPTIONS && (strlen(table[i].name) != size || strncmp(table[i].name, text, size)))
		i++;
	return (enum option_name)i;
}

/* argv[*at] begins with two hyphens. */
static int parse_option(int argc, char *const *argv, int *at, struct invocation *invocation,
	char *ret_why, size_t capacity)
{
	const char *text = argv[*at] + 2, *equals = strchr(text, '=');
	size_t size = equals ? (size_t)(equals - text) : strlen(text);
	enum option_name name = find_option(text, size);

	if (name == OPTIONS)
		return refuse_option(text, size, ret_why, capacity);
	if (invocation->value[name])
		return refuse(ret_why, capacity, "--%s is given twice", table[name].name);
	if (!table[name].argument) {
		if (equals)
			return refuse(ret_why, capacity, "--%s takes no value", table[name].name);
		invocation->value[name] = "";
		return 0;
	}
	if (!equals && *at + 1 >= argc)
		return refuse(ret_why, capacity, "--%s needs a value: %s", table[name].name,
			table[name].argument);
	invocation->value[name] = equals ? equals + 1 : argv[++*at];
	return 0;
}

static const struct command *find_command(
	const struct command *commands, const char *const *words, unsigned count)
{
	for (const struct command *command = commands; command->name; command++) {
		if (strcmp(command->name, words[0]))
			continue;
		if (!command->sub || (count > 1 && !strcmp(command->sub, words[1])))
			return command;
	}
	return NULL;
}

/* Names the nearest command, if there is one. */
static int refuse_unknown(
	const struct command *commands, const char *word, char *ret_why, size_t capacity)
{
	struct similar similar;
	char question[96];

	similar_init(&similar, word);
	for (const struct command *command = commands; command->name; command++)
		similar_try(&similar, command->name);
	return refuse(ret_why, capacity, "'%s' is not a command%s%s", word, similar.best ? "." : "",
		similar_question(&similar, question, sizeof(question)));
}

/* "'users' is followed by one of: list, add, drop" */
static int refuse_command(
	const struct command *commands, const char *word, char *ret_why, size_t capacity)
{
	size_t used = 0;

	for (const struct command *command = commands; command->name; command++) {
		if (!command->sub || strcmp(command->name, word) || used >= capacity)
			continue;
		if (!used)
			used = (size_t)snprintf(
				ret_why, capacity, "'%s' is followed by one of:", word);
		if (used < capacity)
			used += (size_t)snprintf(
				ret_why + used, capacity - used, " %s", command->sub);
	}
	return used ? -EINVAL : refuse_unknown(commands, word, ret_why, capacity);
}

static int check_command(const struct invocation *invocation, char *ret_why, size_t capacity)
{
	const struct command *command = invocation->command;
	const char *sub = command->sub ? command->sub : "";

	if (invocation->count < command->min || invocation->count > command->max)
		return refuse(ret_why, capacity, "usage: gatehousectl %s%s%s%s%s", command->name,
			sub[0] ? " " : "", sub, command->arguments[0] ? " " : "",
			command->arguments);
	for (unsigned i = 0; i < OPTIONS; i++)
		if (invocation->value[i] && !(TAKEN_ALWAYS >> i & 1) &&
			!command_takes(command, (enum option_name)i))
			return refuse(ret_why, capacity, "'%s%s%s' does not take --%s",
				command->name, sub[0] ? " " : "", sub, table[i].name);
	return 0;
}

int invocation_parse(const struct command *commands, int argc, char *const *argv,
	struct invocation *ret_invocation, char *ret_why, size_t capacity)
{
	const char *words[ARGUMENTS_MAX + 2];
	struct invocation invocation = {0};
	unsigned count = 0, first;
	bool ended = false;
	int r;

	for (int i = 1; i < argc; i++) {
		if (!ended && !strcmp(argv[i], "--")) {
			ended = true;
		} else if (!ended && !strcmp(argv[i], "-h")) {
			invocation.value[OPTION_HELP] = "";
		} else if (!ended && !strncmp(argv[i], "--", 2)) {
			r = parse_option(argc, argv, &i, &invocation, ret_why, capacity);
			if (r < 0)
				return r;
		} else if (count == ARGUMENTS_MAX + 2) {
			return refuse(ret_why, capacity, "too many arguments");
		} else {
			words[count++] = argv[i];
		}
	}
	if (!invocation.value[OPTION_HELP] && !invocation.value[OPTION_VERSION]) {
		if (!count)
			return refuse(ret_why, capacity, "a command is missing");
		invocation.command = find_command(commands, words, count);
		if (!invocation.command)
			return refuse_command(commands, words[0], ret_why, capacity);
		first = invocation.command->sub ? 2 : 1;
		for (unsigned i = first; i < count && i - first < ARGUMENTS_MAX; i++)
			invocation.argument[i - first] = words[i];
		invocation.count = count - first;
		r = check_command(&invocation, ret_why, capacity);
		if (r < 0)
			return r;
	}
	*ret_invocation = invocation;
	return 0;
}

int number_parse(const char *text, unsigned long min, unsigned long max, unsigned long *ret_number)
{
	uint64_t number = 0;

	if (!text[0])
		return -ERANGE;
	for (; *text; text++) {
		if (*text < '0' || *text > '9' || number > max)
			return -ERANGE;
		number = 10 * number + (uint64_t)(*text - '0');
	}
	if (number < min || number > max)
		return -ERANGE;
	*ret_number = (unsigned long)number;
	return 0;
}
