/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The manual pages and the shell completions hold parts that follow from the tables: configuration
 * keys, commands, options. Such a part stands between two marker lines and is compared here byte by
 * byte with what the tables give. "test-documents --write" (with GATEHOUSE_SOURCE) puts the parts
 * into the files after a table was changed.
 */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <ctype.h>
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "core/alarm.h"
#include "core/config-value.h"
#include "core/config.h"
#include "core/heard.h"
#include "core/limits.h"
#include "ctl/command.h"

#define FILE_MAX (128 * 1024)

/* Options that every command takes. */
static const enum option_name always[] = {OPTION_JSON, OPTION_SOCKET, OPTION_HELP, OPTION_VERSION};

/* ---- roff ---- */

/* Nothing in it is taken for a request, a hyphen is the one that is typed. */
static void print_roff(const char *text, FILE *out)
{
	for (; *text; text++) {
		switch (*text) {
		case '\\':
			fputs("\\e", out);
			break;
		case '-':
			fputs("\\-", out);
			break;
		case '\'':
			fputs("\\(aq", out);
			break;
		case '"':
			fputs("\\(dq", out);
			break;
		default:
			fputc(*text, out);
		}
	}
}

static void print_font(char font, const char *text, FILE *out)
{
	fprintf(out, "\\f%c", font);
	print_roff(text, out);
	fputs("\\fR", out);
}

/* Texts of the tables are fragments: here they become sentences. */
static void print_sentence(const char *text, FILE *out)
{
	char first[2] = {(char)toupper((unsigned char)text[0]), '\0'};

	print_roff(first, out);
	print_roff(text + 1, out);
	fputs(".\n", out);
}

static void print_option(enum option_name name, FILE *out)
{
	const struct option_row *row = option_row(name);
	char word[48];

	snprintf(word, sizeof(word), "--%s", row->name);
	print_font('B', word, out);
	if (row->argument) {
		fputc(' ', out);
		print_font('I', row->argument, out);
	}
}

static void print_keys(FILE *out)
{
	char allowed[CONFIG_WHY_SIZE];
	size_t count;
	const struct config_key *keys = config_keys(&count);

	for (size_t i = 0; i < count; i++) {
		const struct config_key *key = &keys[i];

		if (i == 0 || strcmp(key->section, keys[i - 1].section))
			fprintf(out, ".SH SECTION %s\n", key->section);
		fputs(".TP\n", out);
		print_font('B', key->key, out);
		fputs(" = ", out);
		print_roff(key->default_text, out);
		fputc('\n', out);
		print_roff(key->text, out);
		fputs("\n.br\nAllowed: ", out);
		print_roff(config_value_allowed(key, allowed), out);
		fprintf(out, ".\n.br\nTaken on by %s.\n",
			key->reloadable ? "a reload" : "a restart");
	}
}

static void print_commands(FILE *out)
{
	for (const struct command *command = commands; command->name; command++) {
		fputs(".TP\n", out);
		print_font('B', command->name, out);
		if (command->sub) {
			fputc(' ', out);
			print_font('B', command->sub, out);
		}
		if (command->arguments[0]) {
			fputc(' ', out);
			print_font('I', command->arguments, out);
		}
		for (int i = 0; i < OPTIONS; i++) {
			if (!command_takes(command, (enum option_name)i))
				continue;
			fputs(" [", out);
			print_option((enum option_name)i, out);
			fputc(']', out);
		}
		fputc('\n', out);
		print_sentence(command->text, out);
	}
}

static void print_options(FILE *out)
{
	for (int i = 0; i < OPTIONS; i++) {
		fputs(".TP\n", out);
		print_option((enum option_name)i, out);
		fputc('\n', out);
		print_sentence(option_row((enum option_name)i)->text, out);
	}
}

/* ---- markdown ---- */

/* In a table: a bar would end the cell. */
static void print_cell(const char *text, FILE *out)
{
	for (; *text; text++) {
		if (strchr("|<>*_", *text))
			fputc('\\', out);
		fputc(*text, out);
	}
}

static void print_alarms(FILE *out)
{
	fputs("\n| id | it says | do | ends by itself |\n| --- | --- | --- | --- |\n", out);
	for (int i = 0; i < ALARMS; i++) {
		const struct alarm_row *row = alarm_row((enum alarm_kind)i);
		const char *place = strstr(row->sentence, "%s");

		fprintf(out, "| `%s` | ", row->id);
		fprintf(out, "%.*s%s%s", (int)(place ? place - row->sentence : 0), row->sentence,
			place ? "*NAME*" : "", place ? place + 2 : row->sentence);
		fputs(" | ", out);
		print_cell(row->remedy, out);
		fprintf(out, " | %s |\n", row->clears_itself ? "yes" : "no");
	}
	fputc('\n', out);
}

static void print_heard(FILE *out)
{
	fputs("\n| reason | do |\n| --- | --- |\n", out);
	for (int i = 0; i < AWAYS; i++) {
		fprintf(out, "| `%s` | ", turned_away_to_string((enum turned_away)i));
		print_cell(turned_away_remedy((enum turned_away)i), out);
		fputs(" |\n", out);
	}
	fputc('\n', out);
}

static void print_limits(FILE *out)
{
	fputs("\n| name | value | unit | reason |\n| --- | --- | --- | --- |\n", out);
	for (int i = 0; i < LIMITS; i++) {
		const struct limit_row *row = limit_row((enum limit)i);

		fprintf(out, "| `%s` | %llu | %s | ", row->name, (unsigned long long)row->value,
			row->unit);
		print_cell(row->reason, out);
		fputs(" |\n", out);
	}
	fputc('\n', out);
}

static void print_keys_table(FILE *out)
{
	char allowed[CONFIG_WHY_SIZE];
	size_t count;
	const struct config_key *keys = config_keys(&count);

	for (size_t i = 0; i < count; i++) {
		const struct config_key *key = &keys[i];

		if (i == 0 || strcmp(key->section, keys[i - 1].section))
			fprintf(out,
				"\n## %s\n\n| key | default | allowed | taken on by |\n"
				"| --- | --- | --- | --- |\n",
				key->section);
		fprintf(out, "| `%s`<br>", key->key);
		print_cell(key->text, out);
		fprintf(out, " | `%s` | ", key->default_text);
		print_cell(config_value_allowed(key, allowed), out);
		fprintf(out, " | %s |\n", key->reloadable ? "reload" : "restart");
	}
	fputc('\n', out);
}

/* ---- shells ---- */

static void print_word(enum option_name name, FILE *out)
{
	const struct option_row *row = option_row(name);

	fprintf(out, " --%s%s%s", row->name, row->argument ? "=" : "",
		row->argument ? row->argument : "");
}

/* One row a command: its words, "|", its argument, "|", its options with what they take. */
static void print_rows(FILE *out)
{
	fputs("_gatehousectl_always='", out);
	for (size_t i = 0; i < ELEMENTS(always); i++)
		print_word(always[i], out);
	fputs("'\n_gatehousectl_rows='\n", out);
	for (const struct command *command = commands; command->name; command++) {
		fprintf(out, "%s%s%s|%s|", command->name, command->sub ? " " : "",
			command->sub ? command->sub : "", command->arguments);
		for (int i = 0; i < OPTIONS; i++)
			if (command_takes(command, (enum option_name)i))
				print_word((enum option_name)i, out);
		fputc('\n', out);
	}
	fputs("'\n", out);
}

/* ---- the files ---- */

static const struct part {
	const char *path, *begin, *end;
	void (*print)(FILE *out);
} parts[] = {
	{"docs/man/gatehouse.conf.5", ".\\\" begin: keys\n", ".\\\" end: keys\n", print_keys},
	{"docs/man/gatehousectl.1", ".\\\" begin: commands\n", ".\\\" end: commands\n",
		print_commands},
	{"docs/man/gatehousectl.1", ".\\\" begin: options\n", ".\\\" end: options\n",
		print_options},
	{"docs/operating.md", "<!-- begin: alarms -->\n", "<!-- end: alarms -->\n", print_alarms},
	{"docs/troubleshooting.md", "<!-- begin: heard -->\n", "<!-- end: heard -->\n",
		print_heard},
	{"docs/limits.md", "<!-- begin: limits -->\n", "<!-- end: limits -->\n", print_limits},
	{"docs/configuration.md", "<!-- begin: keys -->\n", "<!-- end: keys -->\n",
		print_keys_table},
	{"docs/completion/gatehousectl.bash", "# begin: rows\n", "# end: rows\n", print_rows},
	{"docs/completion/gatehousectl.zsh", "# begin: rows\n", "# end: rows\n", print_rows},
};

static char *part_text(const struct part *part)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	part->print(out);
	assert_int_equal(fclose(out), 0);
	return text;
}

static char *read_document(const char *path, char ret_full[512])
{
	const char *source = getenv("GATEHOUSE_SOURCE");
	char *text = calloc(1, FILE_MAX);
	FILE *file;

	assert_non_null(source);
	assert_non_null(text);
	snprintf(ret_full, 512, "%s/%s", source, path);
	file = fopen(ret_full, "r");
	assert_non_null(file);
	assert_in_range(fread(text, 1, FILE_MAX - 1, file), 1, FILE_MAX - 2);
	fclose(file);
	return text;
}

/* Behind the first marker and at the second one. */
static void find_part(const struct part *part, char *text, char **ret_from, char **ret_to)
{
	char *from = strstr(text, part->begin);

	assert_non_null(from);
	from += strlen(part->begin);
	*ret_to = strstr(from, part->end);
	assert_non_null(*ret_to);
	*ret_from = from;
}

static void test_parts_follow_the_tables(void **state)
{
	for (size_t i = 0; i < ELEMENTS(parts); i++) {
		char full[512], *from, *to, *text = read_document(parts[i].path, full);
		char *wanted = part_text(&parts[i]);

		find_part(&parts[i], text, &from, &to);
		*to = '\0';
		assert_string_equal(from, wanted);
		free(wanted);
		free(text);
	}
}

/* What is written by hand beside the tables: each exit status of the tool has its line. */
static void test_exit_statuses_are_told(void **state)
{
	char full[512], *text = read_document("docs/man/gatehousectl.1", full);
	const char *section = strstr(text, "\n.SH EXIT STATUS\n");

	assert_non_null(section);
	for (int code = EXIT_DONE; code <= EXIT_UNREACHABLE; code++) {
		char line[32];

		snprintf(line, sizeof(line), "\n.B %d\n", code);
		assert_non_null(strstr(section, line));
	}
	free(text);
}

/* Each alarm has its paragraph, and no paragraph is of an alarm that is gone. */
static void test_alarms_are_explained(void **state)
{
	char full[512], *text = read_document("docs/operating.md", full);
	unsigned headings = 0;

	for (int i = 0; i < ALARMS; i++) {
		const char *at;
		char heading[80];

		snprintf(heading, sizeof(heading), "\n### `%s`\n\n",
			alarm_row((enum alarm_kind)i)->id);
		at = strstr(text, heading);
		if (!at) {
			fail_msg("docs/operating.md does not explain %s", heading);
			break;
		}
		assert_true(strcspn(at + strlen(heading), "\n") > 60);
	}
	for (const char *at = text; (at = strstr(at, "\n### `")); at++)
		headings++;
	assert_int_equal(headings, ALARMS);
	free(text);
}

/* ---- docs/security.md, docs/page.md: rows that name tests ---- */

#define ATTACKS 40
#define RULES	36

/* "def NAME(", "static void NAME(" or a shell's "NAME() {" at the start of a line. */
static bool defines(const char *text, const char *name)
{
	static const char *const before[] = {"\ndef ", "\nstatic void ", "\n"};
	char wanted[160];

	for (size_t i = 0; i < ELEMENTS(before); i++) {
		snprintf(wanted, sizeof(wanted), "%s%s(", before[i], name);
		if (strstr(text, wanted))
			return true;
	}
	return false;
}

/* `FILE::TEST` at 'at': the file is there below tests/, and the test in it. Returns what follows.
 */
static const char *check_test(const char *at)
{
	const char *end = strchr(at + 1, '`'), *colons = strstr(at, "::");
	char path[160], name[120], full[512], *text;

	assert_non_null(end);
	assert_true(colons && colons < end);
	snprintf(path, sizeof(path), "tests/%.*s", (int)(colons - at - 1), at + 1);
	snprintf(name, sizeof(name), "%.*s", (int)(end - colons - 2), colons + 2);
	text = read_document(path, full);
	if (!defines(text, name))
		fail_msg("a row names %s of %s, which is not there", name, path);
	free(text);
	return end + 1;
}

/* "| A1 | ..." and so on: each has its row, and each test that a row names is there. */
static void check_rows(const char *document, char letter, int count)
{
	char full[512], *text = read_document(document, full);

	for (int i = 1; i <= count; i++) {
		char head[24], *row, *end;
		unsigned tests = 0;

		snprintf(head, sizeof(head), "\n| %c%d | ", letter, i);
		row = strstr(text, head);
		if (!row) {
			fail_msg("%s has no row %c%d", document, letter, i);
			break;
		}
		end = strchr(row + 1, '\n');
		assert_non_null(end);
		*end = '\0';
		for (const char *at = strchr(row, '`'); at;) {
			const char *close = strchr(at + 1, '`'), *colons = strstr(at, "::");

			assert_non_null(close);
			if (colons && colons < close) {
				at = strchr(check_test(at), '`');
				tests++;
			} else {
				at = strchr(close + 1, '`');
			}
		}
		if (tests == 0)
			fail_msg("%s: no test stands in row %c%d", document, letter, i);
		*end = '\n';
	}
	free(text);
}

static void test_attacks_are_played(void **state)
{
	check_rows("docs/security.md", 'A', ATTACKS);
}

static void test_rules_are_watched(void **state)
{
	check_rows("docs/page.md", 'P', RULES);
}

/* Each fuzz target, that is each corpus, stands in the record with how long it ran. */
static void test_fuzz_targets_are_recorded(void **state)
{
	char full[512], *text = read_document("docs/security.md", full), row[300];
	struct dirent *entry;
	DIR *directory;
	unsigned count = 0;

	snprintf(full, sizeof(full), "%s/tests/fuzz/corpus", getenv("GATEHOUSE_SOURCE"));
	directory = opendir(full);
	assert_non_null(directory);
	while ((entry = readdir(directory))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(row, sizeof(row), "\n| `%s` | ", entry->d_name);
		if (!strstr(text, row))
			fail_msg("docs/security.md has no record of fuzz-%s", entry->d_name);
		count++;
	}
	closedir(directory);
	assert_true(count > 0);
	free(text);
}

static void write_parts(void)
{
	for (size_t i = 0; i < ELEMENTS(parts); i++) {
		char full[512], *from, *to, *text = read_document(parts[i].path, full);
		char *wanted = part_text(&parts[i]);
		FILE *file;

		find_part(&parts[i], text, &from, &to);
		file = fopen(full, "w");
		assert_non_null(file);
		fprintf(file, "%.*s%s%s", (int)(from - text), text, wanted, to);
		assert_int_equal(fclose(file), 0);
		free(wanted);
		free(text);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parts_follow_the_tables),
		cmocka_unit_test(test_exit_statuses_are_told),
		cmocka_unit_test(test_alarms_are_explained),
		cmocka_unit_test(test_attacks_are_played),
		cmocka_unit_test(test_rules_are_watched),
		cmocka_unit_test(test_fuzz_targets_are_recorded),
	};

	if (argc == 2 && !strcmp(argv[1], "--write")) {
		write_parts();
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
