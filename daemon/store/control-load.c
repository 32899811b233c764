/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that is in control.db, once, before the thread runs. */

#include "store/control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "core/site-ca.h"
#include "store/columns.h"

DEFINE_CLEANUP(struct device_record *, device_record_free, device_record_freep)
DEFINE_CLEANUP(struct withdrawal *, withdrawal_free, withdrawal_freep)
DEFINE_CLEANUP(struct device_ca *, device_ca_free, device_ca_freep)

struct load {
	struct control *control;
	const struct store_loader *loader;
	void *userdata;
};

static int read_row(const struct load *load, sqlite3_stmt *statement,
	const struct record_table *table, void *record)
{
	const char *bad = "";
	int r = record_read(statement, table, load->control->sealer, record, &bad);

	if (r == -EBADMSG)
		snprintf(load->control->db->why, sizeof(load->control->db->why),
			"control.db: table %s, column %s of the row '%.64s' cannot be read",
			table->name, bad, (const char *)sqlite3_column_text(statement, 0));
	return r;
}

typedef int (*load_row_fn)(const struct load *load, sqlite3_stmt *statement);

static int load_device(const struct load *load, sqlite3_stmt *statement)
{
	CLEANUP(device_record_freep)
	struct device_record *record = calloc(1, sizeof(*record));
	int r;

	if (!record)
		return -ENOMEM;
	r = read_row(load, statement, &device_table, record);
	return r < 0 ? r : load->loader->device(load->userdata, STEAL(record));
}

static int load_person(const struct load *load, sqlite3_stmt *statement)
{
	struct person person = {0};
	int r = read_row(load, statement, &person_table, &person);

	return r < 0 ? r : load->loader->person(load->userdata, &person);
}

static int load_command(const struct load *load, sqlite3_stmt *statement)
{
	struct command command = {0};
	int r = read_row(load, statement, &command_table, &command);

	return r < 0 ? r : load->loader->command(load->userdata, &command);
}

static int load_withdrawal(const struct load *load, sqlite3_stmt *statement)
{
	CLEANUP(withdrawal_freep)
	struct withdrawal *withdrawal = calloc(1, sizeof(*withdrawal));
	int r;

	if (!withdrawal)
		return -ENOMEM;
	r = read_row(load, statement, &withdrawal_table, withdrawal);
	return r < 0 ? r : load->loader->withdrawal(load->userdata, STEAL(withdrawal));
}

static int load_device_ca(const struct load *load, sqlite3_stmt *statement)
{
	CLEANUP(device_ca_freep) struct device_ca *ca = calloc(1, sizeof(*ca));
	int r;

	if (!ca)
		return -ENOMEM;
	r = read_row(load, statement, &device_ca_table, ca);
	return r < 0 ? r : load->loader->device_ca(load->userdata, STEAL(ca));
}

static int load_alarm(const struct load *load, sqlite3_stmt *statement)
{
	struct alarm alarm = {0};
	int r = read_row(load, statement, &alarm_table, &alarm);

	return r < 0 ? r : load->loader->alarm(load->userdata, &alarm);
}

static int load_setting(const struct load *load, sqlite3_stmt *statement)
{
	const char *name = (const char *)sqlite3_column_text(statement, 0);
	const char *value = (const char *)sqlite3_column_text(statement, 1);

	if (!name || !value)
		return -ENOMEM;
	return load->loader->setting(load->userdata, name, value);
}

static int load_operator_token(const struct load *load, const char *platform, int64_t since)
{
	CLEANUP(secret_clear) struct secret value = {0};
	int r = control_get_token(load->control, TOKEN_KIND_OPERATOR, platform, &value);

	if (r < 0)
		return r;
	return load->loader->operator_token(load->userdata, platform, since, secret_span(&value));
}

static int load_token(const struct load *load, sqlite3_stmt *statement)
{
	const char *kind = (const char *)sqlite3_column_text(statement, 0);
	const char *ep = (const char *)sqlite3_column_text(statement, 1);

	if (!kind || !ep)
		return -ENOMEM;
	if (!strcmp(kind, TOKEN_KIND_OPERATOR))
		return load->loader->operator_token
			       ? load_operator_token(load, ep, sqlite3_column_int64(statement, 2))
			       : 0;
	return load->loader->token(load->userdata, kind, ep, sqlite3_column_int64(statement, 2),
		sqlite3_column_int(statement, 3) != 0);
}

static int load_site_ca(const struct load *load)
{
	uint8_t *plain;
	size_t size;
	int r = control_get_secret(load->control, SITE_CA_SECRET, &plain, &size);

	if (r == -ENOENT)
		return 0;
	if (r == -EBADMSG)
		snprintf(load->control->db->why, sizeof(load->control->db->why),
			"control.db: the sealed record \"%s\" does not open", SITE_CA_SECRET);
	if (r < 0)
		return r;
	r = load->loader->site_ca(load->userdata, span_of(plain, size));
	crypto_wipe(plain, size);
	free(plain);
	return r;
}

static int load_rows(const struct load *load, const char *sql, load_row_fn load_row)
{
	CLEANUP(statement_finalizep) sqlite3_stmt *statement = NULL;
	int r;

	if (!sql)
		return -ENOMEM;
	r = database_prepare(load->control->db, sql, &statement);
	if (r < 0)
		return r;
	for (;;) {
		r = statement_next(load->control->db, statement);
		if (r > 0)
			r = load_row(load, statement);
		else
			return r;
		if (r < 0)
			return r;
	}
}

static int load_table(const struct load *load, const struct record_table *table, const char *tail,
	load_row_fn load_row)
{
	CLEANUP(cleanup_free) char *sql = record_sql_select(table, tail);

	return load_rows(load, sql, load_row);
}

int control_load(struct control *control, const struct store_loader *loader, void *userdata)
{
	const struct load load = {control, loader, userdata};
	int r = 0;

	if (loader->setting)
		r = load_rows(&load, "SELECT name, value FROM setting ORDER BY name", load_setting);
	if (r >= 0 && loader->device)
		r = load_table(&load, &device_table, "ORDER BY row", load_device);
	if (r >= 0 && loader->person)
		r = load_table(&load, &person_table, "ORDER BY row", load_person);
	if (r >= 0 && loader->token)
		r = load_rows(&load, "SELECT kind, ep, since, brought FROM token ORDER BY kind, ep",
			load_token);
	if (r >= 0 && loader->command)
		r = load_table(&load, &command_table, "ORDER BY row", load_command);
	if (r >= 0 && loader->withdrawal)
		r = load_table(&load, &withdrawal_table, "ORDER BY row", load_withdrawal);
	if (r >= 0 && loader->device_ca)
		r = load_table(&load, &device_ca_table, "ORDER BY row", load_device_ca);
	if (r >= 0 && loader->site_ca)
		r = load_site_ca(&load);
	if (r >= 0 && loader->label)
		r = control_each_label(control, loader->label, userdata);
	if (r >= 0 && loader->alarm)
		r = load_table(&load, &alarm_table, "WHERE cleared = 0 ORDER BY row", load_alarm);
	return r;
}
