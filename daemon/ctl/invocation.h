/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What was typed: a command, its arguments, its options. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARGUMENTS_MAX 4

enum option_name {
	OPTION_JSON,
	OPTION_SOCKET,
	OPTION_HELP,
	OPTION_VERSION,
	OPTION_LIMITS,
	OPTION_MINUTES,
	OPTION_SECONDS,
	OPTION_CODE,
	OPTION_NAME,
	OPTION_PLACE,
	OPTION_OWNER,
	OPTION_PLATFORM,
	OPTION_ROLE,
	OPTION_PASSWORD_FILE,
	OPTION_STAGE,
	OPTION_SEARCH,
	OPTION_BEFORE,
	OPTION_LIMIT,
	OPTION_CONFIG,
	OPTION_INTERFACES,
	OPTION_USERNAME,
	OPTION_TO,
	OPTION_FOR,
	OPTION_PHRASE_FILE,
	OPTION_ADMIT,
	OPTION_REPLACE,
	OPTION_SVG,
	OPTION_PAGE,
	OPTION_WHO,
	OPTION_ACTION,
	OPTION_OBJECT,
	OPTION_FOLLOW,
	OPTION_CERTIFICATE,
	OPTION_KEY,
	OPTION_CSV,
	OPTIONS
};

struct option_row {
	const char *name;     /* without the two hyphens */
	const char *argument; /* "N"; NULL = none */
	const char *text;
};
const struct option_row *option_row(enum option_name name);

struct ctl;

/* Options of a command beside --json, --socket, --help, --version. */
#define TAKES(option) (UINT64_C(1) << OPTION_##option)

struct command {
	const char *name, *sub; /* "window", "open"; sub may be NULL */
	const char *arguments;	/* "ID", as in the help */
	unsigned min, max;	/* how many arguments */
	uint64_t options;	/* set of TAKES() */
	const char *text;	/* one line of help */
	int (*run)(struct ctl *ctl);
	const char *act; /* of a device: the last segment of the path */
};

/* Beside those that every command takes. */
bool command_takes(const struct command *command, enum option_name option);

struct invocation {
	const struct command *command; /* NULL with --help or --version */
	const char *argument[ARGUMENTS_MAX];
	unsigned count;
	const char *value[OPTIONS]; /* "" for one without an argument; NULL = not given */
};

/* 'commands' ends with a row without a name. -EINVAL with a sentence in ret_why. */
int invocation_parse(const struct command *commands, int argc, char *const *argv,
	struct invocation *ret_invocation, char *ret_why, size_t capacity);

/* A decimal number from min to max; -ERANGE otherwise. */
int number_parse(const char *text, unsigned long min, unsigned long max, unsigned long *ret_number);
