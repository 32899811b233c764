/* SPDX-License-Identifier: Apache-2.0 */

/* A device's commands. What it answered is foreign: as JSON it is ASCII, and printed as such. */

#include <stdlib.h>

#include "base/cleanup.h"
#include "ctl/table.h"
#include "ctl/view.h"

#define NUMBER_SIZE 32
#define AGE_SIZE    48

DEFINE_CLEANUP(struct table *, table_free, cleanup_table)

static char *json_line(const json_t *value)
{
	return value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_ENSURE_ASCII) : NULL;
}

static const char *state_of(const json_t *command, char *ret_age, char *ret_text, size_t size)
{
	const json_t *left = json_object_get(command, "expires_in");
	const char *reason = json_string_value(json_object_get(command, "reason"));

	if (left) {
		snprintf(ret_text, size, "waits, for %s more",
			view_age(json_integer_value(left), ret_age));
		return ret_text;
	}
	if (reason && reason[0])
		return reason;
	return json_is_true(json_object_get(command, "ok")) ? "done" : "it could not do it";
}

static int add_all(struct table *table, const json_t *list)
{
	json_t *command;
	size_t i;
	int r = 0;

	json_array_foreach(list, i, command)
	{
		CLEANUP(cleanup_free) char *args = json_line(json_object_get(command, "args"));
		CLEANUP(cleanup_free) char *result = json_line(json_object_get(command, "result"));
		char number[NUMBER_SIZE], age[AGE_SIZE], text[AGE_SIZE + 24];
		const char *const cells[] = {view_text(command, "cmd", number),
			view_text(command, "name", number), args,
			view_text(command, "arrived", number), view_text(command, "sender", number),
			state_of(command, age, text, sizeof(text)), result};

		r = table_add(table, cells);
		if (r < 0)
			break;
	}
	return r;
}

void view_commands(const json_t *answer, FILE *out)
{
	static const char *const titles[] = {
		"NUMBER", "COMMAND", "ARGUMENTS", "SINCE", "FROM", "STATE", "ANSWER"};
	CLEANUP(cleanup_table) struct table *table = NULL;

	if (table_new(titles, ELEMENTS(titles), &table) < 0 ||
		add_all(table, json_object_get(answer, "commands_past")) < 0 ||
		add_all(table, json_object_get(answer, "commands")) < 0)
		return;
	if (table_count(table) == 0)
		return;
	fputs("\nCommands:\n", out);
	table_print(table, out);
}
