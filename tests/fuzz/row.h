/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* One row of a table as a fuzzer's bytes describe it. */

#include "base/cleanup.h"
#include "core/alarm.h"
#include "core/audit.h"
#include "core/command.h"
#include "core/person.h"
#include "store/columns.h"
#include "store/outbox.h"

union small_record {
	struct person person;
	struct alarm alarm;
	struct audit_row audit;
	struct command command;
};

/* The one of this process. */
struct sealer *row_sealer(void);
/* A statement that stands on the row; finalize it. */
sqlite3_stmt *row_make(
	const struct record_table *table, const struct sealer *sealer, struct span bytes);
/* A file of the outbox that is memory; one, and for good. */
struct outbox *row_outbox(void);
/* Runs the INSERT with a value for each of its parameters; a row that its table does not take is
 * not there. */
void row_insert(sqlite3 *handle, const char *sql, struct span *bytes);
