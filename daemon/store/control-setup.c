/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control.db at start: mark, sealer, audit key, statements. The audit key is 32 random bytes, made
 * on the first start and sealed; mark and audit key are written in one transaction, so a first
 * start that ended early is a first start again.
 */

#include "store/control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "store/columns.h"

#define ALARM_HISTORY_MAX "1000"
#define EXCHANGE_KEY	  "exchange-key"

/* Those that are missing here are made from their tables of columns. */
static const char *const CONTROL_SQL[CONTROL_STATEMENTS] = {
	[CONTROL_SQL_DROP_DEVICE] = "DELETE FROM device WHERE row = ?1",
	[CONTROL_SQL_DROP_PERSON] = "DELETE FROM person WHERE row = ?1",
	[CONTROL_SQL_UPDATE_ALARM] = "UPDATE alarm SET raised = ?3, cleared = ?4, times = ?5"
				     " WHERE kind = ?1 AND subject = ?2 AND cleared = 0",
	[CONTROL_SQL_INSERT_ALARM] = "INSERT INTO alarm(kind, subject, raised, cleared, times)"
				     " VALUES(?1, ?2, ?3, ?4, ?5)",
	[CONTROL_SQL_TRIM_ALARMS] = "DELETE FROM alarm WHERE cleared <> 0 AND row NOT IN"
				    " (SELECT row FROM alarm WHERE cleared <> 0 ORDER BY row DESC"
				    " LIMIT " ALARM_HISTORY_MAX ")",
	[CONTROL_SQL_PUT_SETTING] = "INSERT INTO setting(name, value) VALUES(?1, ?2)"
				    " ON CONFLICT(name) DO UPDATE SET value = excluded.value",
	[CONTROL_SQL_DROP_SETTING] = "DELETE FROM setting WHERE name = ?1",
	[CONTROL_SQL_RAISE_COUNTER] = "INSERT INTO counter(name, value) VALUES(?1, ?2)"
				      " ON CONFLICT(name) DO UPDATE"
				      " SET value = max(value, excluded.value)",
	[CONTROL_SQL_PUT_SEALED] = "INSERT INTO sealed(name, value_sealed) VALUES(?1, ?2)"
				   " ON CONFLICT(name) DO UPDATE"
				   " SET value_sealed = excluded.value_sealed",
	[CONTROL_SQL_INSERT_AUDIT] =
		"INSERT INTO audit(number, time, synced, who, role, via, action, object, evidence,"
		" result, mac) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
	[CONTROL_SQL_LIST_AUDIT] =
		"SELECT number, time, synced, who, role, via, action, object, evidence, result"
		" FROM audit WHERE number < ?1 AND number > ?3 AND (?4 = '' OR who = ?4)"
		" AND (?5 = '' OR action = ?5 COLLATE NOCASE) AND (?6 = '' OR object = ?6)"
		" ORDER BY number DESC LIMIT ?2",
	[CONTROL_SQL_WALK_AUDIT] =
		"SELECT number, time, synced, who, role, via, action, object, evidence, result, mac"
		" FROM audit WHERE number > ?1 ORDER BY number LIMIT ?2",
	/* What a device brings replaces what it brought, never what a person imported. */
	[CONTROL_SQL_PUT_TOKEN] = "INSERT INTO token(kind, ep, value_sealed, since, brought)"
				  " VALUES(?1, ?2, ?3, ?4, ?5) ON CONFLICT(kind, ep) DO UPDATE"
				  " SET value_sealed = excluded.value_sealed,"
				  " since = excluded.since, brought = excluded.brought"
				  " WHERE excluded.brought = 0 OR token.brought = 1",
	[CONTROL_SQL_DROP_TOKEN] = "DELETE FROM token WHERE kind = ?1 AND ep = ?2",
	[CONTROL_SQL_DROP_COMMAND] = "DELETE FROM command WHERE row = ?1",
	[CONTROL_SQL_DROP_COMMANDS_OF] = "DELETE FROM command WHERE device = ?1",
	[CONTROL_SQL_GET_TOKEN] = "SELECT value_sealed FROM token WHERE kind = ?1 AND ep = ?2",
	[CONTROL_SQL_PUT_LABEL] =
		"INSERT INTO label(ep, value_sealed, since, imported, window_until, window_by,"
		" name, place, owner) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
		" ON CONFLICT(ep) DO UPDATE SET ep = excluded.ep,"
		" value_sealed = excluded.value_sealed, since = excluded.since,"
		" imported = excluded.imported, window_until = excluded.window_until,"
		" window_by = excluded.window_by, name = excluded.name, place = excluded.place,"
		" owner = excluded.owner",
	[CONTROL_SQL_DROP_LABEL] = "DELETE FROM label WHERE ep = ?1",
	[CONTROL_SQL_CLOSE_WINDOW] =
		"UPDATE label SET window_until = 0, window_by = '', name = '', place = '',"
		" owner = '' WHERE ep = ?1 AND window_until = ?2",
	[CONTROL_SQL_DROP_WINDOW] = "DELETE FROM label WHERE ep = ?1 AND window_until = ?2",
	[CONTROL_SQL_DROP_WITHDRAWAL] = "DELETE FROM withdrawal WHERE row = ?1",
	[CONTROL_SQL_DROP_DEVICE_CA] = "DELETE FROM device_ca WHERE row = ?1",
};

int control_read_mark(struct database *db, bool *ret_found, struct key_mark *ret_mark)
{
	CLEANUP(statement_finalizep) sqlite3_stmt *statement = NULL;
	const char *source;
	int r = database_prepare(
		db, "SELECT source, check_value, id FROM key ORDER BY id DESC LIMIT 1", &statement);

	if (r < 0)
		return r;
	r = statement_next(db, statement);
	if (r < 0)
		return r;
	*ret_found = r > 0;
	if (r == 0)
		return 0;
	source = (const char *)sqlite3_column_text(statement, 0);
	if (!source || key_source_from_string(source, &ret_mark->source) < 0 ||
		sqlite3_column_bytes(statement, 1) != KEY_CHECK_SIZE)
		return -EBADMSG;
	if (sqlite3_column_int(statement, 2) < 1 || sqlite3_column_int(statement, 2) > UINT8_MAX)
		return -EBADMSG;
	memcpy(ret_mark->check, sqlite3_column_blob(statement, 1), KEY_CHECK_SIZE);
	ret_mark->id = (uint8_t)sqlite3_column_int(statement, 2);
	return 0;
}

/* Also when it is there: the source may have become a credential since. */
static int write_mark(struct database *db, const struct key_mark *mark)
{
	CLEANUP(statement_finalizep) sqlite3_stmt *statement = NULL;
	int r = database_prepare(db,
		"INSERT INTO key(id, source, check_value) VALUES(?1, ?2, ?3)"
		" ON CONFLICT(id) DO UPDATE SET source = excluded.source"
		" WHERE source <> excluded.source",
		&statement);

	if (r < 0)
		return r;
	sqlite3_bind_int(statement, 1, mark->id);
	sqlite3_bind_text(statement, 2, key_source_to_string(mark->source), -1, SQLITE_STATIC);
	sqlite3_bind_blob(statement, 3, mark->check, KEY_CHECK_SIZE, SQLITE_STATIC);
	return statement_run(db, statement);
}

static int prepare_put(
	struct control *control, enum control_statement which, const struct record_table *table)
{
	CLEANUP(cleanup_free) char *sql = record_sql_put(table);

	if (!sql)
		return -ENOMEM;
	return database_prepare(control->db, sql, &control->statements[which]);
}

static int prepare_all(struct control *control)
{
	int r = prepare_put(control, CONTROL_SQL_PUT_DEVICE, &device_table);

	if (r >= 0)
		r = prepare_put(control, CONTROL_SQL_PUT_PERSON, &person_table);
	if (r >= 0)
		r = prepare_put(control, CONTROL_SQL_PUT_COMMAND, &command_table);
	if (r >= 0)
		r = prepare_put(control, CONTROL_SQL_PUT_WITHDRAWAL, &withdrawal_table);
	if (r >= 0)
		r = prepare_put(control, CONTROL_SQL_PUT_DEVICE_CA, &device_ca_table);
	for (size_t i = 0; i < CONTROL_STATEMENTS && r >= 0; i++)
		if (CONTROL_SQL[i])
			r = database_prepare(control->db, CONTROL_SQL[i], &control->statements[i]);
	return r;
}

/* The key pair for what other gateways seal for this one. */
static int make_exchange_key(struct control *control)
{
	uint8_t secret[PARCEL_KEY];
	int r;

	random_bytes(secret, sizeof(secret));
	r = parcel_public_key(secret, control->exchange_public);
	if (r >= 0)
		r = control_put_secret(control, EXCHANGE_KEY, span_of(secret, sizeof(secret)));
	crypto_wipe(secret, sizeof(secret));
	return r;
}

static int make_secrets(struct control *control)
{
	int r = make_exchange_key(control);

	if (r < 0)
		return r;

	random_bytes(control->audit_key, sizeof(control->audit_key));
	r = control_put_secret(
		control, "audit-key", span_of(control->audit_key, sizeof(control->audit_key)));
	return r < 0 ? r : control_put_head(control);
}

/* A secret of exactly this size. */
static int load_secret(struct control *control, const char *name, uint8_t *ret_plain, size_t size)
{
	uint8_t *plain;
	size_t found;
	int r = control_get_secret(control, name, &plain, &found);

	/* It was written together with the mark; that it is not there is damage. */
	if (r == -ENOENT || r == -EBADMSG)
		snprintf(control->db->why, sizeof(control->db->why),
			"control.db: the sealed record \"%s\" does not open", name);
	if (r < 0)
		return r == -ENOENT ? -EBADMSG : r;
	if (found == size)
		memcpy(ret_plain, plain, size);
	crypto_wipe(plain, found);
	free(plain);
	return found == size ? 0 : -EBADMSG;
}

static int load_secrets(struct control *control)
{
	uint8_t head[8 + SHA256_SIZE];
	int r = load_secret(control, "audit-key", control->audit_key, SHA256_SIZE);

	if (r >= 0)
		r = load_secret(control, "audit-head", head, sizeof(head));
	if (r < 0)
		return r;
	for (unsigned i = 0; i < 8; i++)
		control->head.number = control->head.number << 8 | head[i];
	memcpy(control->head.mac, head + 8, SHA256_SIZE);
	return 0;
}

/* Files of older versions have none yet. */
static int load_exchange_key(struct control *control)
{
	uint8_t *secret;
	size_t size;
	int r = control_get_secret(control, EXCHANGE_KEY, &secret, &size);

	if (r == -ENOENT)
		return make_exchange_key(control);
	if (r < 0)
		return r;
	r = size == PARCEL_KEY ? parcel_public_key(secret, control->exchange_public) : -EBADMSG;
	crypto_wipe(secret, size);
	free(secret);
	return r;
}

int control_open_parcel(
	struct control *control, struct span parcel, uint8_t **ret_plain, size_t *ret_size)
{
	uint8_t *secret;
	size_t size;
	int r = control_get_secret(control, EXCHANGE_KEY, &secret, &size);

	if (r < 0)
		return r;
	r = size == PARCEL_KEY ? parcel_unseal(secret, parcel, ret_plain, ret_size) : -EBADMSG;
	crypto_wipe(secret, size);
	free(secret);
	return r;
}

static int setup(struct control *control, const struct key *key, bool first_start)
{
	int r = sealer_new(key->bytes, key->mark.id, &control->sealer);

	if (r >= 0)
		r = prepare_all(control);
	if (r < 0)
		return r;
	if (!first_start) {
		r = load_secrets(control);
		if (r >= 0)
			r = load_exchange_key(control);
		return r < 0 ? r : write_mark(control->db, &key->mark);
	}
	r = database_begin(control->db);
	if (r >= 0)
		r = write_mark(control->db, &key->mark);
	if (r >= 0)
		r = make_secrets(control);
	if (r >= 0)
		return database_commit(control->db);
	database_rollback(control->db);
	return r;
}

int control_new(struct database *db, const struct key *key, bool first_start, struct control **ret)
{
	struct control *control = calloc(1, sizeof(*control));
	int r;

	if (!control)
		return -ENOMEM;
	control->db = db;
	r = setup(control, key, first_start);
	if (r < 0) {
		control->db = NULL; /* stays the caller's */
		control_free(control);
		return r;
	}
	*ret = control;
	return 0;
}

struct control *control_free(struct control *control)
{
	if (!control)
		return NULL;
	for (size_t i = 0; i < CONTROL_STATEMENTS; i++)
		sqlite3_finalize(control->statements[i]);
	database_free(control->db);
	sealer_free(control->sealer);
	crypto_wipe(control, sizeof(*control));
	free(control);
	return NULL;
}

void control_freep(struct control **control)
{
	control_free(*control);
}

static int check_row(struct control *control, const struct record_table *table,
	sqlite3_stmt *statement, char *ret_why, size_t capacity)
{
	uint64_t row = (uint64_t)sqlite3_column_int64(statement, 0);

	for (int i = 1; i < sqlite3_column_count(statement); i++) {
		const char *field = sqlite3_column_name(statement, i);
		const struct sealed_place place = {table->name, row, field};
		uint8_t *plain;
		size_t size;
		int r;

		if (sqlite3_column_type(statement, i) == SQLITE_NULL)
			continue;
		r = sealer_unseal(control->sealer, &place,
			span_of(sqlite3_column_blob(statement, i),
				(size_t)sqlite3_column_bytes(statement, i)),
			&plain, &size);
		if (r < 0) {
			snprintf(ret_why, capacity,
				"control.db: the sealed record in table %s, row %llu, field %s "
				"does not open",
				table->name, (unsigned long long)row, field);
			return r;
		}
		crypto_wipe(plain, size);
		free(plain);
	}
	return 0;
}

static int check_table(
	struct control *control, const struct record_table *table, char *ret_why, size_t capacity)
{
	CLEANUP(statement_finalizep) sqlite3_stmt *statement = NULL;
	CLEANUP(cleanup_free) char *sql = record_sql_sealed(table);
	int r = sql ? database_prepare(control->db, sql, &statement) : -ENOMEM;

	while (r >= 0) {
		r = statement_next(control->db, statement);
		if (r > 0)
			r = check_row(control, table, statement, ret_why, capacity);
		else if (r < 0)
			snprintf(ret_why, capacity, "%s", control->db->why);
		else
			break;
	}
	return r;
}

int control_check_sealed(struct control *control, char *ret_why, size_t capacity)
{
	int r = check_table(control, &device_table, ret_why, capacity);

	if (r >= 0)
		r = check_table(control, &withdrawal_table, ret_why, capacity);
	if (r >= 0)
		r = control_check_tokens(control, ret_why, capacity);
	return r < 0 ? r : control_check_labels(control, ret_why, capacity);
}

int control_counter(struct control *control, const char *name, uint64_t *ret_value)
{
	CLEANUP(statement_finalizep) sqlite3_stmt *statement = NULL;
	int r = database_prepare(
		control->db, "SELECT value FROM counter WHERE name = ?1", &statement);

	if (r < 0)
		return r;
	sqlite3_bind_text(statement, 1, name, -1, SQLITE_TRANSIENT);
	r = statement_next(control->db, statement);
	if (r < 0)
		return r;
	*ret_value = r > 0 ? (uint64_t)sqlite3_column_int64(statement, 0) : 0;
	return 0;
}

int control_raise_counter(struct control *control, const char *name, uint64_t value)
{
	sqlite3_stmt *statement = control->statements[CONTROL_SQL_RAISE_COUNTER];

	sqlite3_bind_text(statement, 1, name, -1, SQLITE_TRANSIENT);
	sqlite3_bind_int64(statement, 2, (int64_t)value);
	return statement_run(control->db, statement);
}
