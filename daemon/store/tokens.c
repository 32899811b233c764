/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens. A row has no number, so what ties a sealed value to its place is its kind and
 * name: the field of its associated data is "<kind>|<ep>" (a kind holds no bar). A value that was
 * moved to another name does not open.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "store/control.h"

#define FIELD_MAX (TOKEN_KIND_MAX + 1 + EP_MAX + 1)

static struct sealed_place place_of(const char *kind, const char *ep, char field[FIELD_MAX])
{
	snprintf(field, FIELD_MAX, "%s|%s", kind, ep);
	return (struct sealed_place){"token", 0, field};
}

static void bind_name(sqlite3_stmt *statement, const char *kind, const char *ep)
{
	sqlite3_bind_text(statement, 1, kind, -1, SQLITE_TRANSIENT);
	sqlite3_bind_text(statement, 2, ep, -1, SQLITE_TRANSIENT);
}

int control_put_token(struct control *control, const struct token *token)
{
	sqlite3_stmt *statement = control->statements[CONTROL_SQL_PUT_TOKEN];
	char field[FIELD_MAX];
	const struct sealed_place place = place_of(token->kind, token->ep, field);
	uint8_t *record;
	size_t size;
	int r = sealer_seal(control->sealer, &place, secret_span(&token->value), &record, &size);

	if (r < 0)
		return r;
	bind_name(statement, token->kind, token->ep);
	sqlite3_bind_blob64(statement, 3, record, size, free);
	sqlite3_bind_int64(statement, 4, token->since);
	sqlite3_bind_int(statement, 5, token->brought);
	return statement_run(control->db, statement);
}

int control_drop_token(struct control *control, const char *kind, const char *ep)
{
	sqlite3_stmt *statement = control->statements[CONTROL_SQL_DROP_TOKEN];

	bind_name(statement, kind, ep);
	return statement_run(control->db, statement);
}

/* Opens the value in a column. */
static int open_value(struct control *control, sqlite3_stmt *statement, int column,
	const struct sealed_place *place, struct secret *ret_value)
{
	struct secret value;
	int r = sealer_unseal(control->sealer, place,
		span_of(sqlite3_column_blob(statement, column),
			(size_t)sqlite3_column_bytes(statement, column)),
		&value.data, &value.size);

	if (r >= 0)
		*ret_value = value;
	return r;
}

int control_get_token(
	struct control *control, const char *kind, const char *ep, struct secret *ret_value)
{
	sqlite3_stmt *statement = control->statements[CONTROL_SQL_GET_TOKEN];
	char field[FIELD_MAX];
	const struct sealed_place place = place_of(kind, ep, field);
	int r;

	bind_name(statement, kind, ep);
	r = statement_next(control->db, statement);
	if (r == 0)
		r = -ENOENT;
	else if (r > 0)
		r = open_value(control, statement, 0, &place, ret_value);
	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
	return r;
}

static int check_row(
	struct control *control, sqlite3_stmt *statement, char *ret_why, size_t capacity)
{
	const char *kind = (const char *)sqlite3_column_text(statement, 0);
	const char *ep = (const char *)sqlite3_column_text(statement, 1);
	struct secret value = {0};
	char field[FIELD_MAX];
	struct sealed_place place;
	int r;

	if (!kind || !ep)
		return -ENOMEM;
	place = place_of(kind, ep, field);
	r = open_value(control, statement, 2, &place, &value);
	secret_clear(&value);
	if (r < 0)
		snprintf(ret_why, capacity,
			"control.db: the sealed record in table token of the name '%.64s' does not "
			"open",
			ep);
	return r;
}

int control_check_tokens(struct control *control, char *ret_why, size_t capacity)
{
	CLEANUP(statement_finalizep) sqlite3_stmt *statement = NULL;
	int r = database_prepare(
		control->db, "SELECT kind, ep, value_sealed FROM token", &statement);

	while (r >= 0) {
		r = statement_next(control->db, statement);
		if (r > 0)
			r = check_row(control, statement, ret_why, capacity);
		else if (r < 0)
			snprintf(ret_why, capacity, "%s", control->db->why);
		else
			return 0;
	}
	return r;
}
