/* SPDX-License-Identifier: Apache-2.0 */

/* A secret of the gateway's own in control.db: sealed, under a name. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "store/control.h"

int control_put_secret(struct control *control, const char *name, struct span plain)
{
	const struct sealed_place place = {"sealed", 0, name};
	sqlite3_stmt *statement = control->statements[CONTROL_SQL_PUT_SEALED];
	uint8_t *record;
	size_t size;
	int r = sealer_seal(control->sealer, &place, plain, &record, &size);

	if (r < 0)
		return r;
	sqlite3_bind_text(statement, 1, name, -1, SQLITE_TRANSIENT);
	sqlite3_bind_blob64(statement, 2, record, size, free);
	return statement_run(control->db, statement);
}

int control_get_secret(
	struct control *control, const char *name, uint8_t **ret_plain, size_t *ret_size)
{
	const struct sealed_place place = {"sealed", 0, name};
	CLEANUP(statement_finalizep) sqlite3_stmt *statement = NULL;
	int r = database_prepare(
		control->db, "SELECT value_sealed FROM sealed WHERE name = ?1", &statement);

	if (r < 0)
		return r;
	sqlite3_bind_text(statement, 1, name, -1, SQLITE_TRANSIENT);
	r = statement_next(control->db, statement);
	if (r < 0)
		return r;
	if (r == 0)
		return -ENOENT;
	return sealer_unseal(control->sealer, &place,
		span_of(sqlite3_column_blob(statement, 0),
			(size_t)sqlite3_column_bytes(statement, 0)),
		ret_plain, ret_size);
}
