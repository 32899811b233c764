/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes. The thread opens one transaction for all changes that wait, applies each under a
 * savepoint of its own and commits once: a thousand devices that enrol at the same moment cost a
 * few fsyncs, and still each change is saved as a whole or not at all.
 */

#include "store/control.h"

#include <errno.h>

#include "base/cleanup.h"
#include "store/columns.h"

int control_begin(struct control *control)
{
	control->next = control->head;
	return database_begin(control->db);
}

static sqlite3_stmt *statement_of(struct control *control, enum control_statement which)
{
	return control->statements[which];
}

static int put_record(struct control *control, enum control_statement which,
	const struct record_table *table, const void *record)
{
	sqlite3_stmt *statement = statement_of(control, which);
	int r = record_bind(statement, table, control->sealer, record);

	return r < 0 ? r : statement_run(control->db, statement);
}

static int drop_row(struct control *control, enum control_statement which, uint64_t row)
{
	sqlite3_stmt *statement = statement_of(control, which);

	sqlite3_bind_int64(statement, 1, (int64_t)row);
	return statement_run(control->db, statement);
}

static int put_device(struct control *control, const struct change_item *item)
{
	const struct device_record *device = item->device;
	int r;

	if (device->row == 0)
		return -EINVAL;
	r = put_record(control, CONTROL_SQL_PUT_DEVICE, &device_table, device);
	if (r >= 0)
		r = control_raise_counter(control, "next-device-row", device->row + 1);
	if (r >= 0 && device->life.operation_number > 0)
		r = control_raise_counter(
			control, "next-operation", device->life.operation_number + 1);
	return r;
}

static int drop_device(struct control *control, const struct change_item *item)
{
	int r = drop_row(control, CONTROL_SQL_DROP_COMMANDS_OF, item->row);

	return r < 0 ? r : drop_row(control, CONTROL_SQL_DROP_DEVICE, item->row);
}

static int put_person(struct control *control, const struct change_item *item)
{
	if (item->person.row == 0)
		return -EINVAL;
	return put_record(control, CONTROL_SQL_PUT_PERSON, &person_table, &item->person);
}

static int drop_person(struct control *control, const struct change_item *item)
{
	return drop_row(control, CONTROL_SQL_DROP_PERSON, item->row);
}

/* The active row of its kind and subject changes, or there is a new row; the history of cleared
 * ones is bounded. */
static int put_alarm(struct control *control, const struct change_item *item)
{
	int r = put_record(control, CONTROL_SQL_UPDATE_ALARM, &alarm_table, &item->alarm);

	if (r >= 0 && sqlite3_changes(control->db->handle) == 0)
		r = put_record(control, CONTROL_SQL_INSERT_ALARM, &alarm_table, &item->alarm);
	if (r >= 0 && item->alarm.cleared != 0)
		r = statement_run(control->db, statement_of(control, CONTROL_SQL_TRIM_ALARMS));
	return r;
}

static int put_audit(struct control *control, const struct change_item *item)
{
	return control_append_audit(control, &item->audit);
}

static int put_setting(struct control *control, const struct change_item *item)
{
	sqlite3_stmt *statement = statement_of(control, CONTROL_SQL_PUT_SETTING);

	sqlite3_bind_text(statement, 1, item->setting, -1, SQLITE_TRANSIENT);
	sqlite3_bind_text(statement, 2, item->value, -1, SQLITE_TRANSIENT);
	return statement_run(control->db, statement);
}

static int drop_setting(struct control *control, const struct change_item *item)
{
	sqlite3_stmt *statement = statement_of(control, CONTROL_SQL_DROP_SETTING);

	sqlite3_bind_text(statement, 1, item->setting, -1, SQLITE_TRANSIENT);
	return statement_run(control->db, statement);
}

static int put_tokens(struct control *control, const struct change_item *item)
{
	int r = 0;

	for (const struct token *token = item->tokens.first; token && r >= 0; token = token->next)
		r = control_put_token(control, token);
	return r;
}

static int drop_token(struct control *control, const struct change_item *item)
{
	return control_drop_token(control, item->setting, item->value);
}

/* The arrival is dealt with in the same transaction. */
static int put_command(struct control *control, const struct change_item *item)
{
	const struct command *command = item->command;
	int r;

	if (command->row == 0)
		return -EINVAL;
	r = put_record(control, CONTROL_SQL_PUT_COMMAND, &command_table, command);
	if (r >= 0)
		r = control_raise_counter(control, "next-command", command->row + 1);
	if (r >= 0 && command->arrival)
		r = control_raise_counter(control, "last-arrival", command->arrival);
	return r;
}

static int drop_command(struct control *control, const struct change_item *item)
{
	return drop_row(control, CONTROL_SQL_DROP_COMMAND, item->row);
}

static int put_labels(struct control *control, const struct change_item *item)
{
	const struct kept_label *kept;
	int r = 0;

	for (kept = item->labels.first; kept && r >= 0; kept = kept->next)
		r = control_put_label(control, kept);
	return r;
}

static int drop_label(struct control *control, const struct change_item *item)
{
	return control_drop_label(control, item->value);
}

static int close_window(struct control *control, const struct change_item *item)
{
	return control_close_window(control, item->value, (int64_t)item->row);
}

static int drop_window(struct control *control, const struct change_item *item)
{
	return control_drop_window(control, item->value, (int64_t)item->row);
}

static int put_withdrawal(struct control *control, const struct change_item *item)
{
	int r;

	if (item->withdrawal->row == 0)
		return -EINVAL;
	r = put_record(control, CONTROL_SQL_PUT_WITHDRAWAL, &withdrawal_table, item->withdrawal);
	return r < 0 ? r
		     : control_raise_counter(control, "next-withdrawal", item->withdrawal->row + 1);
}

static int put_device_ca(struct control *control, const struct change_item *item)
{
	if (item->device_ca->row == 0)
		return -EINVAL;
	return put_record(control, CONTROL_SQL_PUT_DEVICE_CA, &device_ca_table, item->device_ca);
}

static int drop_device_ca(struct control *control, const struct change_item *item)
{
	return drop_row(control, CONTROL_SQL_DROP_DEVICE_CA, item->row);
}

static int put_secret(struct control *control, const struct change_item *item)
{
	return control_put_secret(control, item->setting, secret_span(&item->secret));
}

static int drop_withdrawal(struct control *control, const struct change_item *item)
{
	return drop_row(control, CONTROL_SQL_DROP_WITHDRAWAL, item->row);
}

typedef int (*apply_fn)(struct control *control, const struct change_item *item);
static const apply_fn APPLY[] = {
	[CHANGE_PUT_DEVICE] = put_device,
	[CHANGE_DROP_DEVICE] = drop_device,
	[CHANGE_PUT_PERSON] = put_person,
	[CHANGE_DROP_PERSON] = drop_person,
	[CHANGE_PUT_ALARM] = put_alarm,
	[CHANGE_AUDIT] = put_audit,
	[CHANGE_PUT_SETTING] = put_setting,
	[CHANGE_DROP_SETTING] = drop_setting,
	[CHANGE_PUT_TOKENS] = put_tokens,
	[CHANGE_DROP_TOKEN] = drop_token,
	[CHANGE_PUT_COMMAND] = put_command,
	[CHANGE_DROP_COMMAND] = drop_command,
	[CHANGE_PUT_LABELS] = put_labels,
	[CHANGE_DROP_LABEL] = drop_label,
	[CHANGE_CLOSE_WINDOW] = close_window,
	[CHANGE_DROP_WINDOW] = drop_window,
	[CHANGE_PUT_WITHDRAWAL] = put_withdrawal,
	[CHANGE_DROP_WITHDRAWAL] = drop_withdrawal,
	[CHANGE_PUT_DEVICE_CA] = put_device_ca,
	[CHANGE_DROP_DEVICE_CA] = drop_device_ca,
	[CHANGE_PUT_SECRET] = put_secret,
};

/* True when the rest of the transaction may go on without this change. */
static bool undo_alone(struct control *control, int error)
{
	if (error != -EEXIST && error != -EINVAL && error != -ENOMEM)
		return false;
	if (sqlite3_get_autocommit(control->db->handle))
		return false;
	return database_exec(control->db, "ROLLBACK TO change; RELEASE change") == 0;
}

int control_apply(
	struct control *control, const struct change *change, int *ret_result, char ret_head[65])
{
	struct audit_head before = control->next;
	int r = database_exec(control->db, "SAVEPOINT change");

	for (const struct change_item *item = change->first; item && r >= 0; item = item->next)
		r = APPLY[item->kind](control, item);
	if (r >= 0)
		r = database_exec(control->db, "RELEASE change");
	if (r >= 0) {
		audit_head_text(&control->next, ret_head);
	} else {
		if (!undo_alone(control, r))
			return r == -EEXIST || r == -EINVAL ? -EIO : r;
		control->next = before;
	}
	*ret_result = r;
	return 0;
}

int control_commit(struct control *control)
{
	int r = 0;

	if (control->next.number != control->head.number)
		r = control_put_head(control);
	if (r < 0)
		control_rollback(control);
	else
		r = database_commit(control->db);
	if (r >= 0)
		control->head = control->next;
	return r;
}

void control_rollback(struct control *control)
{
	database_rollback(control->db);
	control->next = control->head;
}
