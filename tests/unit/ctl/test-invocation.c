/* SPDX-License-Identifier: Apache-2.0 */

/* The command line: what is understood, and that everything else is an error with a sentence. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctl/command.h"
#include "ctl/invocation.h"

static struct invocation invocation;
static char why[256];

static int parse(const char *line)
{
	static char copy[512];
	char *argv[32] = {"gatehousectl"}, *save = NULL;
	int argc = 1;

	snprintf(copy, sizeof(copy), "%s", line);
	for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save))
		argv[argc++] = word;
	memset(&invocation, 0x5a, sizeof(invocation));
	why[0] = '\0';
	return invocation_parse(commands, argc, argv, &invocation, why, sizeof(why));
}

static void test_commands(void **state)
{
	assert_int_equal(parse("status"), 0);
	assert_string_equal(invocation.command->name, "status");
	assert_int_equal(invocation.count, 0);
	for (int i = 0; i < OPTIONS; i++)
		assert_null(invocation.value[i]);
	assert_int_equal(parse("window open --minutes 5"), 0);
	assert_string_equal(invocation.command->sub, "open");
	assert_string_equal(invocation.value[OPTION_MINUTES], "5");
	assert_int_equal(parse("--json --socket=/a/b show sensor-1"), 0);
	assert_string_equal(invocation.command->name, "show");
	assert_string_equal(invocation.argument[0], "sensor-1");
	assert_string_equal(invocation.value[OPTION_SOCKET], "/a/b");
	assert_string_equal(invocation.value[OPTION_JSON], "");
	assert_int_equal(parse("alarms"), 0);
	assert_null(invocation.command->sub);
	assert_int_equal(parse("alarms clear leak sensor-1"), 0);
	assert_string_equal(invocation.command->sub, "clear");
	assert_string_equal(invocation.argument[0], "leak");
	assert_string_equal(invocation.argument[1], "sensor-1");
	assert_int_equal(parse("approve x --name= --code ABC"), 0);
	assert_string_equal(invocation.value[OPTION_NAME], "");
	assert_string_equal(invocation.value[OPTION_CODE], "ABC");
	assert_string_equal(invocation.command->act, "approve");
	/* A value may begin with hyphens; behind "--" everything is an argument. */
	assert_int_equal(parse("approve x --code --name"), 0);
	assert_string_equal(invocation.value[OPTION_CODE], "--name");
	assert_int_equal(parse("show -- --json"), 0);
	assert_string_equal(invocation.argument[0], "--json");
	assert_null(invocation.value[OPTION_JSON]);
	assert_int_equal(parse("show -x"), 0);
	assert_string_equal(invocation.argument[0], "-x");
}

static void test_help_and_version(void **state)
{
	assert_int_equal(parse("--help"), 0);
	assert_null(invocation.command);
	assert_int_equal(parse("-h"), 0);
	assert_non_null(invocation.value[OPTION_HELP]);
	assert_int_equal(parse("no-such-thing --help"), 0);
	assert_int_equal(parse("--version"), 0);
	assert_non_null(invocation.value[OPTION_VERSION]);
}

static void test_errors(void **state)
{
	static const struct {
		const char *line, *why;
	} rows[] = {
		{"", "a command is missing"},
		{"--json", "a command is missing"},
		{"frobnicate", "'frobnicate' is not a command"},
		{"statu", "'statu' is not a command. Did you mean 'status'?"},
		{"window", "'window' is followed by one of: open close"},
		{"window ajar", "'window' is followed by one of: open close"},
		{"users", "'users' is followed by one of: list add role drop"},
		{"show", "usage: gatehousectl show ID"},
		{"show a b", "usage: gatehousectl show ID"},
		{"window open now", "usage: gatehousectl window open"},
		{"alarms clear", "usage: gatehousectl alarms clear ID [SUBJECT]"},
		{"alarms a b c d e", "usage: gatehousectl alarms"},
		{"show a b c d e f g", "too many arguments"},
		{"status --jsn", "--jsn is not an option. Did you mean --json?"},
		{"status --jso", "--jso is not an option. Did you mean --json?"},
		{"status --frob", "--frob is not an option"},
		{"status --json=1", "--json takes no value"},
		{"status --json --json", "--json is given twice"},
		{"window open --minutes", "--minutes needs a value: N"},
		{"status --minutes 5", "'status' does not take --minutes"},
		{"window close --minutes 5", "'window close' does not take --minutes"},
		{"reject x --code ABC", "'reject' does not take --code"},
	};

	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		assert_int_equal(parse(rows[i].line), -EINVAL);
		assert_string_equal(why, rows[i].why);
		/* Untouched. */
		assert_int_equal(((unsigned char *)&invocation)[0], 0x5a);
	}
}

static void test_short_buffer(void **state)
{
	char *argv[] = {"gatehousectl", "users"}, small[8];

	assert_int_equal(
		invocation_parse(commands, 2, argv, &invocation, small, sizeof(small)), -EINVAL);
	assert_string_equal(small, "'users'");
}

static void test_numbers(void **state)
{
	unsigned long number = 77;

	assert_int_equal(number_parse("1", 1, 15, &number), 0);
	assert_int_equal(number, 1);
	assert_int_equal(number_parse("15", 1, 15, &number), 0);
	assert_int_equal(number, 15);
	assert_int_equal(number_parse("0", 1, 15, &number), -ERANGE);
	assert_int_equal(number_parse("16", 1, 15, &number), -ERANGE);
	assert_int_equal(number_parse("", 0, 15, &number), -ERANGE);
	assert_int_equal(number_parse("-1", 0, 15, &number), -ERANGE);
	assert_int_equal(number_parse("1.5", 0, 15, &number), -ERANGE);
	assert_int_equal(number_parse("1 ", 0, 15, &number), -ERANGE);
	assert_int_equal(number_parse("99999999999999999999999", 0, 15, &number), -ERANGE);
	assert_int_equal(number, 15);
}

/* The help names every command and every option; the table is as the parser expects it. */
static void test_table_and_help(void **state)
{
	char *text = NULL, line[64];
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	commands_help(out);
	fclose(out);
	for (const struct command *command = commands; command->name; command++) {
		snprintf(line, sizeof(line), "\n  %s%s%s ", command->name, command->sub ? " " : "",
			command->sub ? command->sub : "");
		assert_non_null(strstr(text, line));
		assert_non_null(command->run);
		assert_true(command->max <= ARGUMENTS_MAX && command->min <= command->max);
	}
	for (int i = 0; i < OPTIONS; i++) {
		snprintf(line, sizeof(line), "\n  --%s ", option_row((enum option_name)i)->name);
		assert_non_null(strstr(text, line));
	}
	assert_non_null(strstr(text, "Exit status: 0 done; 1 refused"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_help_and_version),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_short_buffer),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_table_and_help),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
