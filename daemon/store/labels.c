/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Labels: the keys that were derived from them, sealed, by name. A row has no number, so the field
 * of the associated data is the name: a value that was moved to another name does not open.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/crypto.h"
#include "store/control.h"

DEFINE_CLEANUP(struct kept_label *, kept_label_free, cleanup_kept)

static struct sealed_place place_of(const char *ep)
{
	return (struct sealed_place){"label", 0, ep};
}

static void bind_text(sqlite3_stmt *statement, int index, const char *text)
{
	sqlite3_bind_text(statement, index, text, -1, SQLITE_TRANSIENT);
}

int control_put_label(struct control *control, const struct kept_label *kept)
{
	static const struct label_window none = {0};
	const struct label_window *window = kept->window ? kept->window : &none;
	sqlite3_stmt *statement = control->statements[CONTROL_SQL_PUT_LABEL];
	const struct sealed_place place = place_of(kept->label.ep);
	uint8_t value[LABEL_VALUE_SIZE], *record;
	size_t size;
	int r;

	label_value_make(&kept->label, value);
	r = sealer_seal(control->sealer, &place, span_of(value, sizeof(value)), &record, &size);
	crypto_wipe(value, sizeof(value));
	if (r < 0)
		return r;
	bind_text(statement, 1, kept->label.ep);
	sqlite3_bind_blob64(statement, 2, record, size, free);
	sqlite3_bind_int64(statement, 3, kept->since);
	sqlite3_bind_int(statement, 4, kept->imported);
	sqlite3_bind_int64(statement, 5, window->until);
	bind_text(statement, 6, window->opened_by);
	bind_text(statement, 7, window->name);
	bind_text(statement, 8, window->place);
	bind_text(statement, 9, window->owner);
	return statement_run(control->db, statement);
}

int control_drop_label(struct control *control, const char *ep)
{
	sqlite3_stmt *statement = control->statements[CONTROL_SQL_DROP_LABEL];

	bind_text(statement, 1, ep);
	return statement_run(control->db, statement);
}

static int end_window(
	struct control *control, sqlite3_stmt *statement, const char *ep, int64_t until)
{
	bind_text(statement, 1, ep);
	sqlite3_bind_int64(statement, 2, until);
	return statement_run(control->db, statement);
}

int control_close_window(struct control *control, const char *ep, int64_t until)
{
	return end_window(control, control->statements[CONTROL_SQL_CLOSE_WINDOW], ep, until);
}

int control_drop_window(struct control *control, const char *ep, int64_t until)
{
	return end_window(control, control->statements[CONTROL_SQL_DROP_WINDOW], ep, until);
}

static int take_text(sqlite3_stmt *statement, int column, char *ret_text, size_t capacity)
{
	const char *text = (const char *)sqlite3_column_text(statement, column);

	if (!text)
		return -ENOMEM;
	return span_to_string(span_from_string(text), ret_text, capacity) < 0 ? -EBADMSG : 0;
}

static int take_window(sqlite3_stmt *statement, struct kept_label *kept)
{
	struct label_window window = {.until = sqlite3_column_int64(statement, 4)};
	int r = take_text(statement, 5, window.opened_by, sizeof(window.opened_by));

	if (r >= 0)
		r = take_text(statement, 6, window.name, sizeof(window.name));
	if (r >= 0)
		r = take_text(statement, 7, window.place, sizeof(window.place));
	if (r >= 0)
		r = take_text(statement, 8, window.owner, sizeof(window.owner));
	if (r < 0 || !window.until)
		return r;
	return kept_label_set_window(kept, &window);
}

static int take_keys(struct control *control, sqlite3_stmt *statement, struct label *ret_label)
{
	const char *ep = (const char *)sqlite3_column_text(statement, 0);
	struct secret value = {0};
	struct sealed_place place;
	int r;

	if (!ep)
		return -ENOMEM;
	place = place_of(ep);
	r = sealer_unseal(control->sealer, &place,
		span_of(sqlite3_column_blob(statement, 1),
			(size_t)sqlite3_column_bytes(statement, 1)),
		&value.data, &value.size);
	if (r >= 0)
		r = label_value_read(secret_span(&value), ep, ret_label);
	secret_clear(&value);
	return r == -EINVAL ? -EBADMSG : r;
}

static int take_row(struct control *control, sqlite3_stmt *statement, struct kept_label **ret_kept)
{
	CLEANUP(cleanup_kept) struct kept_label *kept = NULL;
	CLEANUP(label_clear) struct label label = {0};
	int r = take_keys(control, statement, &label);

	if (r >= 0)
		r = kept_label_new(&label, &kept);
	if (r < 0)
		return r;
	kept->since = sqlite3_column_int64(statement, 2);
	kept->imported = sqlite3_column_int(statement, 3) != 0;
	r = take_window(statement, kept);
	if (r >= 0)
		*ret_kept = STEAL(kept);
	return r;
}

int control_each_label(struct control *control,
	int (*each)(void *userdata, struct kept_label *kept), void *userdata)
{
	CLEANUP(statement_finalizep) sqlite3_stmt *statement = NULL;
	int r = database_prepare(control->db,
		"SELECT ep, value_sealed, since, imported, window_until, window_by, name, place,"
		" owner FROM label ORDER BY ep",
		&statement);

	while (r >= 0) {
		struct kept_label *kept = NULL;

		r = statement_next(control->db, statement);
		if (r == 0)
			return 0;
		if (r > 0)
			r = take_row(control, statement, &kept);
		if (r == -EBADMSG)
			snprintf(control->db->why, sizeof(control->db->why),
				"control.db: the sealed record in table label of the name '%.64s' "
				"does not open",
				(const char *)sqlite3_column_text(statement, 0));
		if (r >= 0 && kept)
			r = each(userdata, kept);
	}
	return r;
}

static int drop_checked(void *userdata, struct kept_label *kept)
{
	kept_label_free(kept);
	return 0;
}

int control_check_labels(struct control *control, char *ret_why, size_t capacity)
{
	int r = control_each_label(control, drop_checked, NULL);

	if (r < 0 && r != -ENOMEM)
		snprintf(ret_why, capacity, "%s", control->db->why);
	return r;
}
